//! Which files are manifests: by name alone, so that the answer needs no key.

use lockstep_names::RepoPath;

/// What a file below the path of a Sync is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// One or more manifests.
    Manifest,
    /// Nothing to apply: not YAML, or with a leading dot in its name or a folder's.
    Other,
    /// Belongs to a tool whose work would be missing, so applying the rest as it is would be wrong.
    Unsupported(&'static str),
}

/// Says what `path` is, seen from the folder `under` that a Sync applies.
#[must_use]
pub fn role_of(path: &RepoPath, under: &RepoPath) -> FileRole {
    let mut below = path.names().skip(under.names().count());
    if below.any(|name| name.starts_with('.')) {
        return FileRole::Other;
    }
    match path.file_name() {
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => {
            FileRole::Unsupported("Kustomize is not supported yet")
        }
        "Chart.yaml" => FileRole::Unsupported("Helm charts are not supported yet"),
        name if name.ends_with(".yaml") || name.ends_with(".yml") => FileRole::Manifest,
        _ => FileRole::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_files_are_manifests_and_hidden_ones_are_not() {
        let role = |path: &str| role_of(&path.parse().unwrap(), &".sync/apps".parse().unwrap());
        assert_eq!(role(".sync/apps/db.yaml"), FileRole::Manifest);
        assert_eq!(role(".sync/apps/deep/er/db.yml"), FileRole::Manifest);
        for path in [
            "README.md",
            ".sops.yaml",
            ".github/ci.yaml",
            "grafana.json",
            "a.yaml.bak",
        ] {
            assert_eq!(
                role(&format!(".sync/apps/{path}")),
                FileRole::Other,
                "{path}"
            );
        }
        for path in [
            "kustomization.yaml",
            "sub/kustomization.yml",
            "Kustomization",
            "Chart.yaml",
        ] {
            let role = role(&format!(".sync/apps/{path}"));
            assert!(matches!(role, FileRole::Unsupported(_)), "{path}");
        }
    }
}
