//! Who names whom in a `Cargo.toml`, and what is in the lock file.

use super::walls::{BANNED, OWNED, WALLS};
use crate::workspace::{Package, Workspace};
use anyhow::{Context as _, Result};

pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let ours = |name: &str| {
        workspace
            .packages
            .iter()
            .any(|package| package.name == name)
    };
    for wall in WALLS {
        if !ours(wall.package) {
            found.push(format!(
                "{}: the walls name it, the workspace lacks it",
                wall.package
            ));
        }
    }
    for package in &workspace.packages {
        check_ours(package, ours, &mut found);
        check_owned(package, &mut found);
    }
    let lock = workspace.root.join("Cargo.lock");
    let lock =
        std::fs::read_to_string(&lock).with_context(|| format!("reading {}", lock.display()))?;
    for banned in BANNED {
        if lock
            .lines()
            .any(|line| line == format!("name = \"{banned}\""))
        {
            found.push(format!("Cargo.lock: {banned} may not be in the tree"));
        }
    }
    Ok(found)
}

fn check_ours(package: &Package, ours: impl Fn(&str) -> bool, found: &mut Vec<String>) {
    let Some(wall) = WALLS.iter().find(|wall| wall.package == package.name) else {
        if package
            .folder
            .components()
            .any(|part| part.as_os_str() == "crates")
        {
            found.push(format!("{}: no wall is declared for it", package.name));
        }
        return;
    };
    for dependency in &package.dependencies {
        if ours(&dependency.name) && !wall.may_use.contains(&dependency.name.as_str()) {
            found.push(format!("{}: may not use {}", package.name, dependency.name));
        }
    }
}

fn check_owned(package: &Package, found: &mut Vec<String>) {
    for owned in OWNED {
        let used = package.dependencies.iter().any(|dependency| {
            dependency.name == owned.package
                && (owned.feature.is_empty()
                    || dependency
                        .features
                        .iter()
                        .any(|feature| feature == owned.feature))
        });
        if used && !owned.owners.contains(&package.name.as_str()) {
            let feature = match owned.feature {
                "" => String::new(),
                feature => format!(" with feature {feature}"),
            };
            found.push(format!(
                "{}: may not use {}{feature}; only {} may",
                package.name,
                owned.package,
                owned.owners.join(", ")
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;
    use std::path::PathBuf;

    fn package(name: &str, dependency: &str, features: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            folder: PathBuf::from("/checkout/crates").join(name),
            dependencies: vec![Dependency {
                name: dependency.to_owned(),
                features: features
                    .iter()
                    .map(|feature| (*feature).to_owned())
                    .collect(),
            }],
            tests: Vec::new(),
        }
    }

    fn found(package: &Package) -> Vec<String> {
        let mut found = Vec::new();
        check_ours(package, |name| name.starts_with("lockstep"), &mut found);
        check_owned(package, &mut found);
        found
    }

    #[test]
    fn a_wall_holds_against_ours_and_others() {
        assert!(found(&package("lockstep-age", "lockstep-sops", &[])).is_empty());
        assert_eq!(
            found(&package("lockstep-sops", "lockstep-age", &[])),
            ["lockstep-sops: may not use lockstep-age"]
        );
        assert_eq!(
            found(&package("lockstep-repo", "gix", &[])),
            ["lockstep-repo: may not use gix; only lockstep-git may"]
        );
    }

    #[test]
    fn the_api_kinds_may_derive_but_not_call() {
        assert!(found(&package("lockstep-api", "kube", &["derive"])).is_empty());
        assert_eq!(
            found(&package("lockstep-api", "kube", &["derive", "client"])).len(),
            1
        );
    }

    #[test]
    fn a_new_crate_needs_a_wall() {
        assert_eq!(
            found(&package("lockstep-new", "serde", &[])),
            ["lockstep-new: no wall is declared for it"]
        );
    }
}
