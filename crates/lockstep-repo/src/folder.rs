//! The files of a folder that may be encrypted, and which of them hold Kubernetes Secrets.

use crate::{POLICY_FILE, ReadError, Shown};
use lockstep_secret::SecretBytes;
use lockstep_sops::{Format, Parsed, Value, ValueKind, parse_as};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Lists the YAML files below `folder`, and those of other formats that look encrypted or like a
/// Secret; sorted, and in their place the folders that cannot be read. Symlinks are not followed; Git's
/// own folder and policy files are left out.
pub fn files_below(
    folder: &Path,
    nested: Nested,
) -> impl Iterator<Item = Result<PathBuf, FolderError>> {
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    let walk = walk.filter_entry(move |entry| {
        let is_left_out = nested == Nested::LeaveOut
            && entry.depth() > 0
            && entry.file_type().is_dir()
            && entry.path().join(".git").exists();
        entry.file_name() != ".git" && !is_left_out
    });
    walk.filter_map(move |entry| match entry {
        Ok(entry) => {
            let path = entry.path();
            let wanted = entry.file_type().is_file()
                && !path.ends_with(POLICY_FILE)
                && (is_yaml(path) || deserves_a_look(path));
            wanted.then(|| Ok(entry.into_path()))
        }
        Err(error) => Some(Err(FolderError {
            path: error.path().unwrap_or(folder).to_owned(),
            // Without a cause it would be a loop of symlinks, which are not followed.
            source: error
                .into_io_error()
                .unwrap_or_else(|| ErrorKind::Other.into()),
        })),
    })
}

/// How an encrypted binary file begins, without blanks.
const ENVELOPE: &[u8] = b"{\"data\":\"ENC[AES256_GCM,";

/// Whether a file that is not YAML looks encrypted, or like a Secret in JSON. What cannot be read, or
/// is larger than is read, is none of ours.
fn deserves_a_look(path: &Path) -> bool {
    let marks: &[&[u8]] = match format_of(path) {
        Format::Json => &[b"ENC[AES256_GCM,", b"\"Secret\""],
        Format::Binary => return begins_like_an_envelope(path),
        _ => &[b"ENC[AES256_GCM,"],
    };
    let Ok(source) = crate::read_raw(path, crate::LARGEST_FILE) else {
        return false;
    };
    let content = source.content.expose();
    marks
        .iter()
        .any(|mark| content.windows(mark.len()).any(|window| window == *mark))
}

fn begins_like_an_envelope(path: &Path) -> bool {
    let mut start = Vec::with_capacity(64);
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    start.retain(|byte| !byte.is_ascii_whitespace());
    read.is_ok() && start.starts_with(ENVELOPE)
}

/// What becomes of repositories in a folder, such as submodules. Their policy files are their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nested {
    /// Their files are listed as well.
    Enter,
    /// They are passed by.
    LeaveOut,
}

/// Whether sops would take the file for YAML: by the end of its name, in lower case.
#[must_use]
pub fn is_yaml(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// The format that sops takes the file for, by the end of its name.
#[must_use]
pub fn format_of(path: &Path) -> Format {
    Format::of_name(&path.to_string_lossy())
}

/// A folder could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot read this folder", Shown(path))]
pub struct FolderError {
    path: PathBuf,
    source: io::Error,
}

/// What a file holds, as far as encrypting a folder is concerned.
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

/// Looks at what a file holds. The content is copied to be read.
#[must_use]
pub fn look_at(content: &SecretBytes, format: Format) -> Holds {
    let looks_secret = || looks_secret(&String::from_utf8_lossy(content.expose()));
    match parse_as(SecretBytes::new(content.expose().to_vec()), format) {
        Ok(Parsed::Encrypted(_)) => Holds::Encrypted,
        Ok(Parsed::Clear(document)) => match document.into_opened() {
            Ok(opened) if opened.trees().iter().any(|tree| is_secret(&tree.root)) => {
                Holds::ClearSecret
            }
            Ok(_) => Holds::Other,
            Err(_) if looks_secret() => Holds::Unreadable,
            Err(_) => Holds::Other,
        },
        Err(_) if looks_secret() => Holds::Unreadable,
        Err(_) => Holds::Other,
    }
}

fn looks_secret(text: &str) -> bool {
    text.contains("ENC[AES256_GCM,")
        || text.lines().any(|line| {
            let kind = line.trim_start_matches([' ', '-']).strip_prefix("kind:");
            let word = kind.and_then(|kind| kind.split_whitespace().next());
            word.is_some_and(|word| word.trim_matches(['"', '\'']) == "Secret")
        })
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
    crate::read_raw(path, crate::LARGEST_FILE)
        .map(|source| look_at(&source.content, format_of(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> Holds {
        look_at(&SecretBytes::new(text.as_bytes().to_vec()), Format::Yaml)
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_not_taken_for_another_manifest() {
        for kind in ["Secret", "\"Secret\"", "Secret # of the shop"] {
            let broken = format!("apiVersion: v1\nkind: {kind}\nstringData: {{\n");
            assert_eq!(held(&broken), Holds::Unreadable, "{kind}");
            let endless = format!("apiVersion: v1\nkind: {kind}\nstringData: &a {{b: *a}}\n");
            assert_eq!(held(&endless), Holds::Unreadable, "{kind}");
        }
        assert_eq!(held("kind: SecretStore\nspec: {\n"), Holds::Other);
        assert_eq!(held("a: &a [*a]\n"), Holds::Other);
    }
}
