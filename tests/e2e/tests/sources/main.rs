//! Where the manifests come from: servers that refuse, stall, vanish or send elsewhere, branches that
//! are missing or rewritten, and files that cannot be used.

mod branches;
mod files;
mod servers;
mod steps;
