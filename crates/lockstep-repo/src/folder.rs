//! The YAML files of a folder, and which of them hold Kubernetes Secrets.

use crate::{POLICY_FILE, ReadError, Shown};
use lockstep_secret::SecretString;
use lockstep_sops::{Parsed, Value, ValueKind, parse};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Lists the YAML files below `folder`, sorted. Symlinks are not followed; Git's own folder and
/// policy files are left out.
///
/// # Errors
/// [`FolderError`] if a folder cannot be read.
pub fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    let mut found = Vec::new();
    for entry in walk.filter_entry(|entry| entry.file_name() != ".git") {
        let entry = entry.map_err(|source| FolderError {
            path: source.path().unwrap_or(folder).to_owned(),
            source: source.into(),
        })?;
        let path = entry.path();
        if entry.file_type().is_file() && is_yaml(path) && !path.ends_with(POLICY_FILE) {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}

/// Whether sops would take the file for YAML: by the end of its name, in lower case.
#[must_use]
pub fn is_yaml(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// A folder could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot read this folder", Shown(path))]
pub struct FolderError {
    path: PathBuf,
    source: std::io::Error,
}

/// What a YAML file holds, as far as encrypting a folder is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A SOPS file.
    Encrypted,
    /// At least one Secret, in clear.
    ClearSecret,
    /// What looks like a Secret or a SOPS file and cannot be read, such as after a merge conflict.
    Unreadable,
    /// Other manifests, or no manifests, or no YAML at all, such as a template.
    Other,
}

/// Looks at what a file holds. The text is copied to be read.
#[must_use]
pub fn look_at(text: &SecretString) -> Holds {
    match parse(SecretString::new(text.expose().to_owned())) {
        Ok(Parsed::Encrypted(_)) => Holds::Encrypted,
        Ok(Parsed::Clear(document)) => match document.into_opened() {
            Ok(opened) if opened.trees().iter().any(|tree| is_secret(&tree.root)) => {
                Holds::ClearSecret
            }
            Ok(_) | Err(_) => Holds::Other,
        },
        Err(_) if looks_secret(text) => Holds::Unreadable,
        Err(_) => Holds::Other,
    }
}

fn looks_secret(text: &SecretString) -> bool {
    let text = text.expose();
    text.contains("ENC[AES256_GCM,")
        || text
            .lines()
            .any(|line| line.trim_start_matches([' ', '-']) == "kind: Secret")
}

/// Whether a manifest is a Secret of the core API, or a list with one in it.
fn is_secret(root: &Value) -> bool {
    let text = |key| match field(root, key).map(|value| &value.kind) {
        Some(ValueKind::Clear(scalar)) => scalar.text.as_str(),
        _ => "",
    };
    if text("apiVersion") != "v1" {
        return false;
    }
    match text("kind") {
        "Secret" => true,
        "List" => match field(root, "items").map(|value| &value.kind) {
            Some(ValueKind::Sequence(items)) => items.iter().any(is_secret),
            _ => false,
        },
        "SecretList" => true,
        _ => false,
    }
}

fn field<'a>(root: &'a Value, name: &str) -> Option<&'a Value> {
    let ValueKind::Mapping(entries) = &root.kind else {
        return None;
    };
    entries
        .iter()
        .find(|(key, _)| key.text == name)
        .map(|(_, value)| value)
}

/// Reads the file at `path` and looks at what it holds.
///
/// # Errors
/// [`ReadError`].
pub fn look_into(path: &Path) -> Result<Holds, ReadError> {
    crate::read_file(path, crate::LARGEST_FILE).map(|source| look_at(&source.text))
}
