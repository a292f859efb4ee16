//! The size and shape of every Rust file, and what pure packages may not say.

use super::walls::{FILE_LINES, IMPURE, MAIN_LINES, NAMELESS, PURE};
use crate::workspace::{Package, Workspace};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        let mut files = Vec::new();
        rust_files(&package.folder, &mut files)?;
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("reading {}", file.display()))?;
            let shown = file
                .strip_prefix(&workspace.root)
                .unwrap_or(&file)
                .display()
                .to_string();
            found.extend(
                shape(&file, &text)
                    .into_iter()
                    .map(|what| format!("{shown}: {what}")),
            );
            if is_pure(package, &file) {
                found.extend(impurities(&text).into_iter().map(|(line, word)| {
                    format!(
                        "{shown}:{line}: {} is pure and may not say {word}",
                        package.name
                    )
                }));
            }
        }
    }
    Ok(found)
}

/// What is wrong with a file whatever package it is in.
fn shape(file: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    if !text.starts_with("//!") {
        found.push("does not begin with a line of //! that says what it is for".to_owned());
    }
    let limit = if file.ends_with("src/main.rs") {
        MAIN_LINES
    } else {
        FILE_LINES
    };
    let lines = text.lines().count();
    if lines > limit {
        found.push(format!("{lines} lines, at most {limit}"));
    }
    if NAMELESS.contains(&name.as_ref()) {
        found.push("a module needs a name that says what is inside".to_owned());
    }
    found
}

/// Tests of a pure package may read files; what ships may not.
fn is_pure(package: &Package, file: &Path) -> bool {
    PURE.contains(&package.name.as_str())
        && file.starts_with(package.folder.join("src"))
        && file.file_stem().is_none_or(|stem| stem != "tests")
        && !file.components().any(|part| part.as_os_str() == "tests")
}

/// Line numbers and words of what a pure file may not say outside comments and tests.
fn impurities(text: &str) -> Vec<(usize, &'static str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(number, line)| {
            IMPURE
                .iter()
                .filter(move |word| line.contains(*word))
                .map(move |word| (number + 1, *word))
        })
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("listing {}", folder.display()))?
            .path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_must_introduce_itself_and_have_a_name() {
        assert!(shape(Path::new("a/fetch.rs"), "//! Fetches.\n").is_empty());
        assert_eq!(shape(Path::new("a/utils.rs"), "fn f() {}\n").len(), 2);
        let main = "//! Main.\n".repeat(MAIN_LINES + 1);
        assert_eq!(shape(Path::new("a/src/main.rs"), &main).len(), 1);
        assert!(shape(Path::new("a/tests/all/main.rs"), &main).is_empty());
        let long = "//! Long.\n".repeat(FILE_LINES + 1);
        assert_eq!(
            shape(Path::new("a/fetch.rs"), &long),
            ["401 lines, at most 400"]
        );
    }

    #[test]
    fn impurities_in_comments_and_tests_do_not_count() {
        let text =
            "//! No std::fs here.\nuse std::env;\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(impurities(text), [(2, "std::env")]);
    }
}
