//! Git remotes, fetches and snapshots, read from the object database.
