//! Rotating several files: what happens between reading them and replacing them.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

use lockstep_age::{Identities, Identity};
use lockstep_repo::{
    Examined, NotRotated, Overrides, Policies, Refusal, WriteError, encrypt, examine, gather,
    rotate,
};
use lockstep_secret::SecretBytes;
use lockstep_sops::Format;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

struct Repository {
    folder: TempDir,
    policies: Policies,
    identities: Identities,
    paths: Vec<PathBuf>,
}

impl Repository {
    /// Three encrypted files.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::generate();
        fs::create_dir(folder.path().join(".git")).unwrap();
        fs::write(
            folder.path().join(".sops.yaml"),
            format!("creation_rules:\n  - age: {}\n", identity.to_public()),
        )
        .unwrap();
        let current = std::env::current_dir().unwrap();
        let mut policies = Policies::new(Overrides::default(), &current);
        let paths = ["a.yaml", "b.yaml", "c.yaml"].map(|name| folder.path().join(name));
        for path in &paths {
            let plan = policies.plan(path).unwrap();
            let sealed = encrypt(
                SecretBytes::new("data: secret\n".into()),
                Format::Yaml,
                &plan,
            )
            .unwrap();
            fs::write(path, sealed.text).unwrap();
        }
        let identities = Identities::parse(&identity.to_secret_text(), "test").unwrap();
        Self {
            folder,
            policies,
            identities,
            paths: paths.to_vec(),
        }
    }

    fn examined(&mut self) -> Vec<Examined> {
        let files = gather(&self.paths).into_iter().map(|candidate| {
            let candidate = candidate.unwrap();
            let plan = self.policies.plan(&candidate.path).unwrap();
            (candidate, plan)
        });
        let files: Vec<_> = files.collect();
        let examined = examine(files, &self.identities);
        examined.into_iter().map(Result::unwrap).collect()
    }

    fn rotate(&self, files: &[Examined], meanwhile: impl FnOnce()) -> Result<(), NotRotated> {
        rotate(files, &self.identities, || {
            meanwhile();
            Ok(())
        })
    }

    fn contents(&self) -> Vec<String> {
        self.paths
            .iter()
            .map(|path| fs::read_to_string(path).unwrap_or_default())
            .collect()
    }

    /// How many files the folder holds: what was staged must be gone.
    fn entries(&self) -> usize {
        self.folder.path().read_dir().unwrap().count()
    }
}

fn changed(result: Result<(), NotRotated>) -> Vec<PathBuf> {
    let stopped = result.unwrap_err();
    assert_eq!(stopped.replaced, 0);
    let refused = stopped.refused.into_iter();
    let changed = refused.map(|refused| {
        assert!(
            matches!(refused.refusal, Refusal::Write(WriteError::Changed { .. })),
            "{}",
            refused.refusal
        );
        refused.path
    });
    changed.collect()
}

#[test]
fn all_files_are_replaced_and_nothing_else_is_left() {
    let mut repository = Repository::new();
    let before = repository.contents();
    let files = repository.examined();
    repository.rotate(&files, || {}).unwrap();
    let after = repository.contents();
    assert!(before.iter().zip(&after).all(|(old, new)| old != new));
    assert_eq!(repository.entries(), 5);
    // Once more: what was written is what can be rotated.
    let files = repository.examined();
    repository.rotate(&files, || {}).unwrap();
}

#[test]
fn a_file_that_is_edited_or_removed_meanwhile_stops_the_run() {
    for edit in [
        (|path| fs::write(path, "mine\n").unwrap()) as fn(&PathBuf),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            let text = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(path, text).unwrap();
        },
    ] {
        // Before anything is staged, and after everything was.
        for staged in [false, true] {
            let mut repository = Repository::new();
            let files = repository.examined();
            let mut before = repository.contents();
            let edited = repository.paths[1].clone();
            let result = if staged {
                repository.rotate(&files, || edit(&edited))
            } else {
                edit(&edited);
                repository.rotate(&files, || {})
            };
            assert_eq!(changed(result), std::slice::from_ref(&edited));
            before[1] = fs::read_to_string(&edited).unwrap_or_default();
            assert_eq!(repository.contents(), before);
            assert_eq!(repository.entries(), if edited.exists() { 5 } else { 4 });
        }
    }
}

#[test]
fn a_policy_that_changed_meanwhile_is_noticed() {
    let mut repository = Repository::new();
    let examined = repository.examined();
    assert_eq!(examined.len(), 3);
    repository.policies.check_unchanged().unwrap();
    fs::write(
        repository.folder.path().join(".sops.yaml"),
        "creation_rules: []\n",
    )
    .unwrap();
    assert!(repository.policies.check_unchanged().is_err());
}

#[test]
fn a_name_on_the_list_does_not_hide_whose_identity_opens_a_file() {
    let mut repository = Repository::new();
    let (own, other) = (Identity::generate(), Identity::generate());
    let read = |repository: &Repository| fs::read_to_string(&repository.paths[0]).unwrap();
    let rule = |of: &Identity| format!("creation_rules:\n  - age: {}\n", of.to_public());
    // Another team's file, with the name of this team on the entry of the other.
    fs::write(repository.folder.path().join(".sops.yaml"), rule(&other)).unwrap();
    let current = std::env::current_dir().unwrap();
    let mut policies = Policies::new(Overrides::default(), &current);
    let plan = policies.plan(&repository.paths[0]).unwrap();
    let sealed = encrypt(
        SecretBytes::new("data: theirs\n".into()),
        Format::Yaml,
        &plan,
    )
    .unwrap();
    let (theirs, ours) = (other.to_public().to_string(), own.to_public().to_string());
    fs::write(&repository.paths[0], sealed.text.replace(&theirs, &ours)).unwrap();
    fs::write(repository.folder.path().join(".sops.yaml"), rule(&own)).unwrap();
    repository.policies = Policies::new(Overrides::default(), &current);
    // Whoever rotates is in both teams, with an identity for each.
    repository.identities = Identities::parse(&own.to_secret_text(), "own").unwrap();
    let more = Identities::parse(&other.to_secret_text(), "other").unwrap();
    repository.identities.extend(more);

    let before = read(&repository);
    let candidate = gather(&repository.paths[..1]).remove(0).unwrap();
    let plan = repository.policies.plan(&candidate.path).unwrap();
    let refused = examine(vec![(candidate, plan)], &repository.identities)
        .remove(0)
        .unwrap_err();
    assert!(
        matches!(&refused.refusal, Refusal::Strangers { who } if who.contains(&theirs)),
        "{}",
        refused.refusal
    );
    assert_eq!(read(&repository), before);
}
