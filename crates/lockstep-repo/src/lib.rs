//! Work on many files: plan, stage, publish; atomic and batched.
