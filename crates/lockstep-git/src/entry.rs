//! Entries of a Git tree that are not taken as files, and why.

use gix::bstr::{BStr, ByteSlice as _};
use gix::objs::tree::EntryKind;
use lockstep_names::RepoPath;
use std::fmt;

/// An entry that was left out of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEntry {
    /// Its path, with control characters and invalid UTF-8 escaped: fit to be shown, not to be used.
    pub path: String,
    /// Why it was left out.
    pub why: Refusal,
}

/// Why an entry of a Git tree is not taken as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is a symbolic link; links are never followed.
    Symlink,
    /// It is a submodule; nothing is fetched from other repositories.
    Submodule,
    /// Its name is `.git`, or a file system could take it for `.git`.
    DotGit,
    /// Its name may not stand in a path.
    Name,
    /// Another entry of the same folder has the same name.
    Duplicate,
    /// It lies deeper than folders are followed.
    TooDeep,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "symbolic links are not followed",
            Self::Submodule => "submodules are not fetched",
            Self::DotGit => "its name stands for .git on some file systems",
            Self::Name => "its name may not stand in a path",
            Self::Duplicate => "its folder has two entries of this name",
            Self::TooDeep => "it lies too deep",
        })
    }
}

/// Decides whether `name` may be taken as part of a path below `folder`.
pub(crate) fn admit(folder: &RepoPath, name: &BStr, kind: EntryKind) -> Result<RepoPath, Refusal> {
    use gix::validate::path::component;
    let protections = component::Options {
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    match gix::validate::path::component(name, None, protections) {
        Ok(_) => {}
        Err(component::Error::DotGitDir) => return Err(Refusal::DotGit),
        Err(_) => return Err(Refusal::Name),
    }
    let name = name.to_str().map_err(|_| Refusal::Name)?;
    let path = folder.join(name).map_err(|_| Refusal::Name)?;
    match kind {
        EntryKind::Link => Err(Refusal::Symlink),
        EntryKind::Commit => Err(Refusal::Submodule),
        EntryKind::Tree | EntryKind::Blob | EntryKind::BlobExecutable => Ok(path),
    }
}

/// Writes the path of an entry so that it can be shown anywhere.
pub(crate) fn show(folder: &RepoPath, name: &BStr) -> String {
    let mut shown = String::new();
    if !folder.is_root() {
        shown.push_str(folder.as_str());
        shown.push('/');
    }
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_invisible(c) {
                shown.extend(c.escape_unicode());
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// Characters that change how the text around them looks: joiners, marks and overrides of direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &[u8]) -> Result<RepoPath, Refusal> {
        admit(&RepoPath::root(), name.as_bstr(), EntryKind::Blob)
    }

    #[test]
    fn every_spelling_of_dot_git_is_refused() {
        let hfs = ".g\u{200c}it".as_bytes();
        let names: [&[u8]; 9] = [
            b".git",
            b".GIT",
            b".Git",
            b".git.",
            b".git ",
            b"git~1",
            b"GIT~1",
            b".git::$INDEX_ALLOCATION",
            hfs,
        ];
        for name in names {
            assert_eq!(verdict(name), Err(Refusal::DotGit), "{:?}", name.as_bstr());
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let names: [&[u8]; 8] = [b"", b".", b"..", b"a/b", b"../x", b"a\\b", b"a\nb", b"\xff"];
        for name in names {
            assert_eq!(verdict(name), Err(Refusal::Name), "{:?}", name.as_bstr());
        }
    }

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            ".gitignore",
            ".gitattributes",
            "a..b",
            "git~10",
            ".sops.yaml",
            "Grüße.yaml",
        ] {
            assert_eq!(verdict(name.as_bytes()).unwrap().as_str(), name);
        }
    }

    #[test]
    fn links_and_submodules_are_refused_by_kind() {
        let root = RepoPath::root();
        assert_eq!(
            admit(&root, b"a".as_bstr(), EntryKind::Link),
            Err(Refusal::Symlink)
        );
        assert_eq!(
            admit(&root, b"a".as_bstr(), EntryKind::Commit),
            Err(Refusal::Submodule)
        );
    }

    #[test]
    fn shown_paths_hold_nothing_a_terminal_would_obey() {
        let folder: RepoPath = "apps".parse().unwrap();
        let shown = show(&folder, b"a\x1b[2J\xff\n\xe2\x80\xae.yaml".as_bstr());
        assert_eq!(shown, "apps/a\\u{1b}[2J\\xff\\u{a}\\u{202e}.yaml");
    }
}
