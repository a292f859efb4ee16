//! Paths inside a repository.

use crate::InvalidName;
use std::fmt;
use std::str::FromStr;

/// The longest path that is read; Git itself stops at 4,096 bytes on most systems.
const LONGEST: usize = 4096;

/// A path from the root of a repository: relative, `/` between names, and never out of it.
///
/// Refused: empty names, `.` and `..`, `.git` in any case, backslashes, control characters. The root
/// itself is [`RepoPath::root`], written as the empty text, `.` or `./`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(String);

impl RepoPath {
    /// The root of the repository.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Reads the path as text, empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the root itself?
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names from the root downward.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The last name, or the empty text for the root.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Goes one name down.
    ///
    /// # Errors
    /// [`InvalidName`] when `name` may not stand in a path.
    pub fn join(&self, name: &str) -> Result<Self, InvalidName> {
        check_name(name).map_err(refused)?;
        let path = if self.is_root() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.0)
        };
        check_length(&path).map_err(refused)?;
        Ok(Self(path))
    }
}

impl FromStr for RepoPath {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() || text == "." {
            return Ok(Self::root());
        }
        check_length(text).map_err(refused)?;
        text.split('/').try_for_each(check_name).map_err(refused)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

fn refused(rule: &'static str) -> InvalidName {
    InvalidName {
        kind: "repository path",
        rule,
    }
}

fn check_length(path: &str) -> Result<(), &'static str> {
    if path.len() > LONGEST {
        Err("it is longer than 4096 bytes")
    } else {
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is absolute or has an empty part"),
        "." | ".." => Err("'.' and '..' may not stand in it"),
        _ if name.eq_ignore_ascii_case(".git") => Err("'.git' may not stand in it"),
        _ if name.contains(['\\', '/']) => Err("a name in it has a slash or backslash"),
        _ if name.chars().any(char::is_control) => Err("it has a control character"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_they_were_written() {
        for text in [
            "a",
            "a/b.yaml",
            "clusters/prod/db-secret.yaml",
            "a..b/c",
            "ünï/x",
        ] {
            assert_eq!(text.parse::<RepoPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_root_has_three_spellings() {
        for text in ["", ".", "./"] {
            assert!(text.parse::<RepoPath>().unwrap().is_root());
        }
        assert_eq!("./apps/".parse::<RepoPath>().unwrap().as_str(), "apps");
    }

    #[test]
    fn no_path_leaves_the_repository() {
        let hostile = [
            "/etc",
            "..",
            "a/../b",
            "a/./b",
            "a//b",
            ".git",
            "a/.GIT/config",
            "a\\b",
            "a\0b",
            "a\nb",
            "a/..",
            "//",
        ];
        for text in hostile {
            assert!(text.parse::<RepoPath>().is_err(), "{text:?} was accepted");
        }
        assert!("x".repeat(5000).parse::<RepoPath>().is_err());
    }

    #[test]
    fn joining_checks_the_new_name() {
        let folder: RepoPath = "apps".parse().unwrap();
        assert_eq!(folder.join("db.yaml").unwrap().as_str(), "apps/db.yaml");
        assert_eq!(
            RepoPath::root().join("db.yaml").unwrap().as_str(),
            "db.yaml"
        );
        assert!(folder.join("..").is_err());
        assert!(folder.join("a/b").is_err());
    }
}
