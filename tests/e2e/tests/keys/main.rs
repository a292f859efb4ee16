//! Keys: made, lost, shared, and out of reach.

mod generation;
mod loss;
mod references;
mod sharing;
