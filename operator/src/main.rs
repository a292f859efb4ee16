//! Keeps a cluster in step with encrypted manifests in Git.

fn main() {}
