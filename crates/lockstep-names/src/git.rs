//! What Git calls things: branches, objects, revisions.

use crate::{InvalidName, text_name};
use std::fmt;
use std::str::FromStr;

text_name! {
    /// A branch, by its short name such as `main` or `team-a/next`.
    ///
    /// The rules are those of `git check-ref-format --branch`, less `@{`-expansions.
    BranchName, "branch name", check_branch
}

text_name! {
    /// A SHA-1 object id: forty lower-case hexadecimal digits.
    ObjectId, "object id", |text| {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 40 && text.bytes().all(hex) { Ok(()) } else { Err("it is not 40 hexadecimal digits") }
    }
}

/// A commit of a branch, printed as `main@sha1:0123…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision {
    /// The branch the commit was the tip of.
    pub branch: BranchName,
    /// The commit.
    pub commit: ObjectId,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@sha1:{}", self.branch, self.commit)
    }
}

impl FromStr for Revision {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (branch, commit) = text.rsplit_once("@sha1:").ok_or(InvalidName {
            kind: "revision",
            rule: "it is not BRANCH@sha1:COMMIT",
        })?;
        Ok(Self {
            branch: branch.parse()?,
            commit: commit.parse()?,
        })
    }
}

fn check_branch(text: &str) -> Result<(), &'static str> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    match text {
        "" => Err("it is empty"),
        "@" => Err("'@' alone is not a branch"),
        _ if text.len() > 255 => Err("it is longer than 255 bytes"),
        _ if text.starts_with('-') => Err("it starts with a dash"),
        _ if text.contains("..") || text.contains("@{") => Err("'..' and '@{' may not stand in it"),
        _ if text.ends_with('.') => Err("it ends with a dot"),
        _ if text.chars().any(forbidden) => Err("it has a character that Git forbids"),
        _ if text.split('/').any(bad_part) => {
            Err("a part of it is empty, starts with a dot or ends with .lock")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn revisions_print_and_parse() {
        for branch in ["main", "team-a/next", "release@2"] {
            let text = format!("{branch}@sha1:{COMMIT}");
            assert_eq!(text.parse::<Revision>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn hostile_branches_are_refused() {
        for text in [
            "",
            "-x",
            "a..b",
            "../x",
            "refs/heads/../../x",
            "a b",
            "a\nb",
            "a.lock",
            "/a",
            "a/",
            "@",
            "a@{1}",
        ] {
            assert!(text.parse::<BranchName>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn object_ids_are_exact() {
        assert!(COMMIT.parse::<ObjectId>().is_ok());
        assert!(COMMIT.to_uppercase().parse::<ObjectId>().is_err());
        assert!(COMMIT[1..].parse::<ObjectId>().is_err());
    }
}
