//! The SOPS document: tree, encrypted values, MAC, metadata, selection.
