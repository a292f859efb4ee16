//! Encrypts Kubernetes Secret manifests before they are committed, in the SOPS format.

fn main() {}
