//! Everything a Sync depends on is deleted, in any order: it ends, leaves what it should, and nothing
//! gets stuck.

mod definitions;
mod orders;
