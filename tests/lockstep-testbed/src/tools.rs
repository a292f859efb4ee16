//! The Go programs we test against: found, or built once from the modules in `tests/control-plane`.
//!
//! `KUBEBUILDER_ASSETS` (the envtest convention: a folder with etcd, kube-apiserver and kubectl) and
//! `LOCKSTEP_SOPS` (a path) win. Else each program is built from its pinned module into
//! `<cache>/<program>-<version>-<hash of the module>/<program>`, under a lock that keeps concurrent
//! runs from building the same thing twice.

mod build;
mod module;

pub(crate) use module::{Module, module_folder};

use anyhow::{Context as _, Result, bail};
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A program that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The judge of the file format.
    Sops,
    /// Where the API server keeps its objects.
    Etcd,
    /// The Kubernetes API server.
    ApiServer,
    /// The Kubernetes client.
    Kubectl,
    /// The peer beside whom the operator is measured, and from whom clusters are taken over.
    KustomizeController,
}

impl Tool {
    /// Every tool that a test run needs, quickest to build first. Flux is built when it is asked
    /// for: it takes longer than all of them.
    pub const ALL: [Self; 4] = [Self::Etcd, Self::Sops, Self::ApiServer, Self::Kubectl];

    /// The program's file name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sops => "sops",
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::KustomizeController => "kustomize-controller",
        }
    }

    /// The folder under `tests/control-plane` whose module pins the program.
    const fn folder(self) -> &'static str {
        match self {
            Self::Sops => "sops",
            Self::Etcd => "etcd",
            Self::ApiServer | Self::Kubectl => "kubernetes",
            Self::KustomizeController => "flux",
        }
    }

    /// The Go package with the program's `main`.
    const fn package(self) -> &'static str {
        match self {
            Self::Sops => "github.com/getsops/sops/v3/cmd/sops",
            Self::Etcd => ".",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::KustomizeController => "github.com/fluxcd/kustomize-controller",
        }
    }

    /// The module whose version is the program's version.
    const fn module(self) -> &'static str {
        match self {
            Self::Sops => "github.com/getsops/sops/v3",
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer | Self::Kubectl => "k8s.io/kubernetes",
            Self::KustomizeController => "github.com/fluxcd/kustomize-controller",
        }
    }

    /// Where the user says this program is, if anywhere.
    fn given(self) -> Option<PathBuf> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        match self {
            Self::Sops => variable("LOCKSTEP_SOPS").map(PathBuf::from),
            Self::Etcd | Self::ApiServer | Self::Kubectl => {
                variable("KUBEBUILDER_ASSETS").map(|folder| Path::new(&folder).join(self.name()))
            }
            Self::KustomizeController => None,
        }
    }
}

/// Finds or builds a tool; says on standard error when it builds.
///
/// # Errors
/// When a variable names a program that is not there, or the build fails (no Go, no network).
pub fn tool(tool: Tool) -> Result<PathBuf> {
    if let Some(path) = tool.given() {
        if !path.is_file() {
            bail!(
                "{} is not there: correct or unset {}",
                path.display(),
                if tool == Tool::Sops {
                    "LOCKSTEP_SOPS"
                } else {
                    "KUBEBUILDER_ASSETS"
                }
            );
        }
        return Ok(path);
    }
    let module = Module::read(tool)?;
    let cache = cache_folder()?;
    let folder = cache.join(format!(
        "{}-{}-{}",
        tool.name(),
        module.version,
        module.hash
    ));
    let path = folder.join(tool.name());
    if path.is_file() {
        return Ok(path);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let lock = cache.join("build.lock");
    let lock = File::create(&lock).with_context(|| format!("opening {}", lock.display()))?;
    lock.lock()
        .context("waiting for another build of the same tools")?;
    if !path.is_file() {
        build::build(tool, &module, &path)?;
    }
    Ok(path)
}

/// Where built tools are kept: `LOCKSTEP_CACHE`, else `lockstep` in the user's cache folder.
///
/// # Errors
/// When neither `LOCKSTEP_CACHE`, `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_folder() -> Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("LOCKSTEP_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("lockstep")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/lockstep")))
        .context("no place for a cache: set LOCKSTEP_CACHE or HOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned() {
        for tool in Tool::ALL.into_iter().chain([Tool::KustomizeController]) {
            let module = Module::read(tool).unwrap();
            assert!(
                module.version.starts_with('v'),
                "{tool:?} {}",
                module.version
            );
        }
    }
}
