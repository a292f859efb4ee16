//! The policy file .sops.yaml: which path, which recipients, which selection.
