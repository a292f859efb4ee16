//! A Sync over its life: what makes it look again, and what becomes of its objects.

mod attention;
mod objects;
mod steps;
