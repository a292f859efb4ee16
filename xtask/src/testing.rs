//! The test run: steps in order, each with its name and its time, tests counted.

mod count;
mod deny;
mod programs;
mod rig;
mod steps;

pub(crate) use steps::Run;
