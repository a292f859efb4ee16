//! The API server fails in every way: one request of many, all of them for a while, for good, or by
//! going back in time. The cluster ends as Git has it, and nothing is lost on the way.

mod away;
mod each;
mod refusals;
mod rig;
