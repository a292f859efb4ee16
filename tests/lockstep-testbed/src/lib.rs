//! A real control plane, Git server and sops for demos, tests and benchmarks.
