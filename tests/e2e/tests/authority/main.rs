//! What a team is given, and that it takes effect at once.

mod keys;
mod namespaces;
mod rights;
mod rotation;
mod steps;
