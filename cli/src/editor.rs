//! The user's editor, kept from leaving copies of what it edits elsewhere.

use crate::failure::Failure;
use crate::{Exit, environment};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What vim is told, in its own words: no swap, backup and undo files, and no memory of what was typed.
const VIM: [&str; 5] = [
    "-n",
    "-i",
    "NONE",
    "-c",
    "set nobackup nowritebackup noswapfile noundofile",
];

const EMACS: [&str; 2] = [
    "--eval",
    "(setq make-backup-files nil auto-save-default nil create-lockfiles nil auto-save-list-file-prefix nil)",
];

/// An editor and what it is called with.
pub(crate) struct Editor {
    program: OsString,
    arguments: Vec<OsString>,
}

impl Editor {
    /// SOPS_EDITOR, EDITOR, or the first of vim, nano and vi.
    pub(crate) fn find() -> Result<Self, Failure> {
        let missing = |message: &str| {
            Failure::new(Exit::NoEditor, message).hint("set EDITOR to the editor of your choice")
        };
        let Some(line) = environment::editor() else {
            let found = ["vim", "nano", "vi"].into_iter().find_map(in_path);
            let program = found.ok_or_else(|| missing("no editor is found: vim, nano, vi"))?;
            return Ok(Self {
                program: program.into(),
                arguments: Vec::new(),
            });
        };
        let words = words(&line).ok_or_else(|| missing("EDITOR has a quote that does not end"))?;
        let mut words = words.into_iter().map(OsString::from);
        let program = words.next().ok_or_else(|| missing("EDITOR is blank"))?;
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }

    /// Edits a file and waits for the end.
    pub(crate) fn edit(&self, file: &Path) -> Result<(), Failure> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let status = Command::new(&self.program)
            .args(self.precautions(folder))
            .args(&self.arguments)
            .arg(file)
            .env("TMPDIR", folder)
            .status();
        let shown = self.program.to_string_lossy();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(
                Exit::NoEditor,
                format!("the editor {shown} failed: {status}"),
            )),
            Err(error) => Err(Failure::new(
                Exit::NoEditor,
                format!("the editor {shown} cannot be started: {error}"),
            )),
        }
    }

    /// What a known editor is told, so that it leaves nothing outside of `folder`.
    fn precautions(&self, folder: &Path) -> Vec<OsString> {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect();
        match self.name().as_str() {
            name if name.starts_with("vim") || matches!(name, "nvim" | "gvim" | "vi") => {
                words(&VIM)
            }
            // Backups and history are set in its configuration file only.
            "nano" => words(&["--ignorercfiles"]),
            name if name.starts_with("emacs") => words(&EMACS),
            "code" | "code-insiders" | "codium" => {
                let mut told: Vec<OsString> = words(&["--new-window", "--user-data-dir"]);
                told.push(folder.join("editor").into());
                let waits = |word: &OsString| word == "--wait" || word == "-w";
                if !self.arguments.iter().any(waits) {
                    told.push("--wait".into());
                }
                told
            }
            _ => Vec::new(),
        }
    }

    /// What the program is called; of `vi`, whichever it is. One that is only vi knows no options.
    fn name(&self) -> String {
        let path = Path::new(&self.program);
        let name = |path: &Path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        if name(path).as_deref() != Some("vi") {
            return name(path).unwrap_or_default();
        }
        let found = if path.is_absolute() {
            Some(path.to_owned())
        } else {
            in_path("vi")
        };
        let real = found.and_then(|path| path.canonicalize().ok());
        let real = real.and_then(|path| name(&path)).unwrap_or_default();
        if real == "vi" { String::new() } else { real }
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    environment::search_path()
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// The words of a command line, by the shell's rules for quotes; nothing is expanded.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(characters.next()?),
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_as_a_shell_would() {
        for (line, expected) in [
            ("vim", vec!["vim"]),
            ("code --wait  -n", vec!["code", "--wait", "-n"]),
            (
                "'my editor' \"a\\\"b\" c\\ d ''",
                vec!["my editor", "a\"b", "c d", ""],
            ),
        ] {
            assert_eq!(words(line).unwrap(), expected);
        }
        assert!(words("vim 'x").is_none());
    }

    #[test]
    fn known_editors_are_told_to_leave_nothing() {
        let told = |line: &str| {
            let mut words = words(line).unwrap().into_iter().map(OsString::from);
            let editor = Editor {
                program: words.next().unwrap(),
                arguments: words.collect(),
            };
            editor.precautions(Path::new("/f"))
        };
        assert_eq!(told("/usr/bin/vim.tiny")[0], "-n");
        assert_eq!(told("nvim")[4], VIM[4]);
        assert_eq!(told("nano"), ["--ignorercfiles"]);
        assert_eq!(told("emacsclient")[0], "--eval");
        assert_eq!(told("code").last().unwrap(), "--wait");
        assert_eq!(told("code --wait").last().unwrap(), "/f/editor");
        assert!(told("true").is_empty());
    }
}
