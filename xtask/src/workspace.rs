//! What cargo knows about this workspace.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The checkout and its packages.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A package of ours.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) tests: Vec<TestTarget>,
}

/// A dependency that ships; what only tests use is left out.
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
}

/// A file in a package's `tests/`.
pub(crate) struct TestTarget {
    pub(crate) name: String,
    pub(crate) required_features: Vec<String>,
}

impl Workspace {
    /// Asks `cargo metadata`.
    pub(crate) fn read() -> Result<Self> {
        let text = output(
            Command::new("cargo")
                .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
                .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
        )?;
        let metadata: Value = serde_json::from_str(&text).context("reading cargo's metadata")?;
        let packages = list(&metadata["packages"])
            .map(Package::read)
            .collect::<Result<_>>()?;
        let path = |field: &str| metadata[field].as_str().map(PathBuf::from);
        Ok(Self {
            root: path("workspace_root").context("cargo names no workspace_root")?,
            target: path("target_directory").context("cargo names no target_directory")?,
            packages,
        })
    }
}

impl Package {
    fn read(value: &Value) -> Result<Self> {
        let manifest = PathBuf::from(text(&value["manifest_path"])?);
        Ok(Self {
            name: text(&value["name"])?,
            folder: manifest
                .parent()
                .context("a manifest without a folder")?
                .to_owned(),
            dependencies: list(&value["dependencies"])
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| {
                    Ok(Dependency {
                        name: text(&dependency["name"])?,
                        features: texts(&dependency["features"])?,
                    })
                })
                .collect::<Result<_>>()?,
            tests: list(&value["targets"])
                .filter(|target| list(&target["kind"]).any(|kind| kind == "test"))
                .map(|target| {
                    Ok(TestTarget {
                        name: text(&target["name"])?,
                        required_features: texts(&target["required-features"])?,
                    })
                })
                .collect::<Result<_>>()?,
        })
    }
}

/// Runs a command that must succeed and gives what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let ran = command.stderr(Stdio::inherit()).output();
    let output = ran.with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} wrote no UTF-8"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Result<String> {
    Ok(value
        .as_str()
        .with_context(|| format!("{value} is no text"))?
        .to_owned())
}

fn texts(value: &Value) -> Result<Vec<String>> {
    list(value).map(text).collect()
}
