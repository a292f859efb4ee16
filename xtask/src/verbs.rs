//! One file per verb.

pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod docs;
pub(crate) mod layers;
pub(crate) mod long;
pub(crate) mod test;
pub(crate) mod tools;
