//! What `encrypt` and `decrypt` read and where the result goes.

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{
    FolderError, LARGEST_FILE, Nested, Privacy, Shown, files_below, format_of, read_raw_stream,
    write_output,
};
use lockstep_secret::SecretBytes;
use lockstep_sops::Format;
use std::path::{Path, PathBuf};

/// The paths on the command line and where the result goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// Files or folders; standard input if there is none, or for `-`.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Write the result back into the file. Needed for several files or a folder.
    #[arg(short, long, conflicts_with = "output")]
    in_place: bool,

    /// Write the result into this file, instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Take the file for one of this name, to find its rule and its format.
    #[arg(long, value_name = "NAME")]
    filename_override: Option<PathBuf>,

    /// What the file is, instead of what its name says.
    #[arg(long, value_name = "FORMAT", value_enum)]
    input_type: Option<Type>,

    /// What the result is to be, instead of what the file's name says.
    #[arg(long, value_name = "FORMAT", value_enum)]
    output_type: Option<Type>,
}

/// The formats, as sops names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Type {
    Yaml,
    Json,
    Dotenv,
    Ini,
    Binary,
}

/// What a file is, and what is to become of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Types {
    input: Option<Type>,
    output: Option<Type>,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// One text, from a file or standard input.
    One {
        /// `None` is standard input.
        from: Option<PathBuf>,
        /// What the file is taken for.
        name: PathBuf,
        to: Sink,
    },
    /// Files changed in place; a failure does not keep the others from being tried.
    Many(Many),
}

/// Where one result goes.
#[derive(Debug)]
pub(crate) enum Sink {
    Stdout,
    File(PathBuf),
    InPlace,
}

/// Files to change in place.
#[derive(Debug, Default)]
pub(crate) struct Many {
    pub(crate) files: Vec<Listed>,
    /// Folders that could not be looked into.
    pub(crate) unreadable: Vec<FolderError>,
}

/// One of many files.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) path: PathBuf,
    pub(crate) origin: Origin,
}

/// How a file got into the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was named.
    Named,
    /// It was found in a folder that was named.
    Found,
}

impl Files {
    /// Decides what to do from what was typed and from which of the paths are folders.
    pub(crate) fn job(&self) -> Result<Job, Failure> {
        let conflict = |message: &str| Err(Failure::new(Exit::Conflict, message));
        match self.paths.as_slice() {
            [] => self.standard_input(),
            [path] if path.as_os_str() == "-" => self.standard_input(),
            [path] if !path.is_dir() => {
                let name = self
                    .filename_override
                    .clone()
                    .unwrap_or_else(|| path.clone());
                Ok(Job::One {
                    from: Some(path.clone()),
                    name,
                    to: self.sink(),
                })
            }
            paths if paths.iter().any(|path| path.as_os_str() == "-") => {
                conflict("standard input (-) cannot be one of several paths")
            }
            _ if self.output.is_some() => conflict("--output takes the result of one file only"),
            _ if self.filename_override.is_some() => {
                conflict("--filename-override is for one file only")
            }
            _ if self.input_type.is_some() || self.output_type.is_some() => {
                conflict("--input-type and --output-type are for one file only")
            }
            _ if !self.in_place => Err(Failure::new(
                Exit::Conflict,
                "several files cannot be written to standard output",
            )
            .hint("add -i to change the files in place")),
            paths => Ok(Job::Many(list(paths, Nested::Enter))),
        }
    }

    fn standard_input(&self) -> Result<Job, Failure> {
        if self.in_place {
            return Err(Failure::new(
                Exit::Conflict,
                "standard input cannot be changed in place",
            ));
        }
        let name = self.filename_override.clone().unwrap_or_default();
        Ok(Job::One {
            from: None,
            name,
            to: self.sink(),
        })
    }

    pub(crate) fn types(&self) -> Types {
        Types {
            input: self.input_type,
            output: self.output_type,
        }
    }

    fn sink(&self) -> Sink {
        match &self.output {
            Some(path) => Sink::File(path.clone()),
            None if self.in_place => Sink::InPlace,
            None => Sink::Stdout,
        }
    }
}

/// Lists the files that are named and those of folders that are, each once.
pub(crate) fn list(paths: &[PathBuf], nested: Nested) -> Many {
    let mut many = Many::default();
    for path in paths {
        if !path.is_dir() {
            let (path, origin) = (path.clone(), Origin::Named);
            many.files.push(Listed { path, origin });
            continue;
        }
        for found in files_below(path, nested) {
            let origin = Origin::Found;
            match found {
                Ok(path) => many.files.push(Listed { path, origin }),
                Err(error) => many.unreadable.push(error),
            }
        }
    }
    // A file that was named twice, or is in a folder that was, is worked on once.
    let mut seen = std::collections::HashSet::new();
    many.files
        .retain(|file| seen.insert(file.path.canonicalize().unwrap_or(file.path.clone())));
    many
}

/// Reads all of standard input.
pub(crate) fn read_standard_input() -> Result<SecretBytes, Failure> {
    let Some(stream) = environment::standard_input() else {
        return Err(Failure::new(
            Exit::NoFile,
            "no file is named, and there is no standard input",
        ));
    };
    Ok(read_raw_stream(
        stream,
        LARGEST_FILE,
        Path::new("standard input"),
    )?)
}

impl Type {
    /// What sops takes a file of this name for.
    fn of(name: &Path) -> Self {
        match format_of(name) {
            Format::Yaml => Self::Yaml,
            Format::Json => Self::Json,
            Format::Dotenv => Self::Dotenv,
            Format::Ini => Self::Ini,
            Format::Binary => Self::Binary,
        }
    }

    fn format(self) -> Format {
        match self {
            Self::Yaml => Format::Yaml,
            Self::Json => Format::Json,
            Self::Dotenv => Format::Dotenv,
            Self::Ini => Format::Ini,
            Self::Binary => Format::Binary,
        }
    }
}

impl Types {
    /// Whether the command line says nothing of formats.
    pub(crate) fn are_open(self) -> bool {
        self.input.is_none() && self.output.is_none()
    }

    /// The format of a file of this name that is to be encrypted.
    pub(crate) fn to_encrypt(self, name: &Path) -> Result<Format, Failure> {
        match self.of(name) {
            // An encrypted binary file is JSON.
            (input, output) if input == output => Ok(input.format()),
            (Type::Binary, Type::Json) => Ok(Format::Binary),
            (input, output) => Err(Self::differ(name, input, output)),
        }
    }

    /// The format of a file of this name that is to be decrypted.
    pub(crate) fn to_decrypt(self, name: &Path) -> Result<Format, Failure> {
        match self.of(name) {
            (input, output) if input == output => Ok(input.format()),
            // The same object; what differs is whether it is unpacked.
            (Type::Binary | Type::Json, output @ (Type::Binary | Type::Json)) => {
                Ok(output.format())
            }
            (input, output) => Err(Self::differ(name, input, output)),
        }
    }

    fn of(self, name: &Path) -> (Type, Type) {
        let by_name = Type::of(name);
        let (input, output) = (self.input, self.output);
        (input.unwrap_or(by_name), output.unwrap_or(by_name))
    }

    fn differ(name: &Path, input: Type, output: Type) -> Failure {
        let spelled = |format: Type| format!("{format:?}").to_ascii_lowercase();
        let (input, output) = (spelled(input), spelled(output));
        let told = format!("{}: {input} cannot be turned into {output}", Shown(name));
        Failure::new(Exit::Failure, told).hint(format!("add --output-type {input}"))
    }
}

/// Writes one result that does not replace what it was made from.
pub(crate) fn deliver(
    to: &Sink,
    content: &[u8],
    privacy: Privacy,
    terminal: Terminal,
) -> Result<(), Failure> {
    match to {
        Sink::File(path) => Ok(write_output(path, content, privacy)?),
        Sink::Stdout | Sink::InPlace => terminal.data(content),
    }
}

/// What became of many files.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    done: usize,
    skipped: usize,
    left_alone: usize,
    failed: usize,
}

/// What became of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was changed.
    Done,
    /// It already is what it was to become.
    Skipped,
    /// It is none of our business.
    LeftAlone,
}

impl Tally {
    /// Starts with what failed before any file was looked at.
    pub(crate) fn of(unreadable: Vec<FolderError>, terminal: Terminal) -> Self {
        let mut tally = Self::default();
        for error in unreadable {
            tally.fail(&error.into(), terminal);
        }
        tally
    }

    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Done => self.done += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::LeftAlone => self.left_alone += 1,
        }
    }

    pub(crate) fn fail(&mut self, failure: &Failure, terminal: Terminal) {
        self.failed += 1;
        terminal.fail(failure);
    }

    /// Says what became of all of them. `done` is what was to be done, as in "encrypted".
    pub(crate) fn finish(&self, done: &str, terminal: Terminal) -> Result<(), Failure> {
        let mut parts = vec![format!("{} {done}", self.done)];
        for (count, what) in [
            (self.skipped, format!("already {done}")),
            (self.left_alone, "left alone".to_owned()),
            (self.failed, "failed".to_owned()),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        terminal.say(&parts.join(", "));
        if self.failed == 0 {
            Ok(())
        } else {
            Err(Failure::new(Exit::Failure, ""))
        }
    }
}
