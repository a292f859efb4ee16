//! The Go modules in `tests/control-plane`, which pin what is built, and the modules they pin.

use super::Tool;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A pinned Go module of ours.
pub(crate) struct Module {
    pub(super) folder: PathBuf,
    pub(super) version: String,
    pub(super) hash: String,
    go_mod: String,
}

impl Module {
    pub(crate) fn read(tool: Tool) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../control-plane")
            .join(tool.folder());
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let (go_mod, go_sum) = (read("go.mod")?, read("go.sum")?);
        let hash = blake3::hash([&*go_mod, &*go_sum].concat().as_bytes()).to_hex();
        let mut this = Self {
            folder,
            version: String::new(),
            hash: hash[..8].to_owned(),
            go_mod,
        };
        this.version = this.requires(tool.module())?.to_owned();
        Ok(this)
    }

    /// The version it requires of another module.
    pub(crate) fn requires(&self, module: &str) -> Result<&str> {
        required_version(&self.go_mod, module)
            .with_context(|| format!("{} does not require {module}", self.folder.display()))
    }
}

/// The version that a `go.mod` requires of `module`.
fn required_version<'text>(go_mod: &'text str, module: &str) -> Option<&'text str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let rest = line
            .strip_prefix("require ")
            .unwrap_or(line)
            .strip_prefix(module)?;
        rest.strip_prefix(' ')?.split(' ').next()
    })
}

/// The folder with the sources of a module at a version, which `module`'s `go.sum` vouches for;
/// downloaded if it is not in Go's cache.
pub(crate) fn module_folder(module: &Module, path: &str, version: &str) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", &format!("{path}@{version}")])
        .current_dir(&module.folder)
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running `go` to download {path}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("downloading {path} {version}: {}", message.trim_end());
    }
    let answer: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("reading where {path} is"))?;
    let folder = answer["Dir"]
        .as_str()
        .with_context(|| format!("go does not say where {path} is"))?;
    Ok(PathBuf::from(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_either_form_of_require() {
        let text =
            "module m\n\nrequire a.b/c v1.2.3\n\nrequire (\n\ta.b/cd v9.0.0 // indirect\n)\n";
        assert_eq!(required_version(text, "a.b/c"), Some("v1.2.3"));
        assert_eq!(required_version(text, "a.b/cd"), Some("v9.0.0"));
        assert_eq!(required_version(text, "a.b/e"), None);
    }
}
