//! A team with one namespace, one repository, one Sync, and somebody who works on it.
//!
//! Namespace, Team, Repository, Sync and Git repository all bear the tenant's name.

use crate::installation::{Installation, OPERATOR_NAMESPACE};
use crate::kubectl::Kubectl;
use crate::person::Person;
use crate::repository::WorkClone;
use crate::scratch::copy_folder;
use crate::wait::eventually;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a revision may take to arrive before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A team, from all sides.
pub struct Tenant {
    installation: Arc<Installation>,
    name: String,
    cluster_key: Person,
    person: Person,
    clone: WorkClone,
}

impl Tenant {
    /// Makes the namespace with the account `deployer`, the Git repository with a clone of it, the
    /// key that the cluster holds, and the Team; then grants the operator its rights.
    ///
    /// # Errors
    /// When any of it fails.
    pub fn new(installation: &Arc<Installation>, name: &str) -> Result<Self> {
        installation.server().create_repository(name)?;
        let this = Self {
            installation: Arc::clone(installation),
            name: name.to_owned(),
            cluster_key: Person::new()?,
            person: Person::new()?,
            clone: WorkClone::new(installation.server(), name)?,
        };
        this.kubectl().apply(&this.account()?)?;
        this.kubectl()
            .apply(&documents(&[this.key_secret()?, this.team()]))?;
        installation.grant()?;
        Ok(this)
    }

    /// Applies the Repository with its credentials and the Sync, whose `spec` may be added to.
    ///
    /// # Errors
    /// When the API server refuses any of it.
    pub fn sync(&self, spec: &Value) -> Result<()> {
        let mut sync = json!({
            "apiVersion": "lockstep.dev/v1alpha1",
            "kind": "Sync",
            "metadata": self.metadata(&self.name),
            "spec": {"sourceRef": {"name": self.name}, "prune": true},
        });
        if let (Some(fields), Some(more)) = (sync["spec"].as_object_mut(), spec.as_object()) {
            fields.extend(more.clone());
        }
        let objects = [self.credentials(), self.repository(), sync];
        self.kubectl().apply(&documents(&objects))?;
        Ok(())
    }

    /// Asks for a fetch at once.
    ///
    /// # Errors
    /// When the Repository is not there.
    pub fn trigger(&self) -> Result<()> {
        let now = format!(
            "reconcile.lockstep.dev/requestedAt={:?}",
            std::time::SystemTime::now()
        );
        let what = [
            "annotate",
            "--overwrite",
            "repository",
            &self.name,
            "-n",
            &self.name,
            &now,
        ];
        self.kubectl().run(&what)?;
        Ok(())
    }

    /// Commits and pushes everything as it is, asks for a fetch, and gives the commit's id.
    ///
    /// # Errors
    /// When `git` or the API server refuses.
    pub fn publish(&self, message: &str) -> Result<String> {
        let commit = self.clone.push(message)?;
        self.trigger()?;
        Ok(commit)
    }

    /// Waits until the Sync is Ready at this commit.
    ///
    /// # Errors
    /// When it is not within a minute, with what it says instead.
    pub fn wait_applied(&self, commit: &str) -> Result<Value> {
        let revision = format!("main@sha1:{commit}");
        self.wait(&format!("{revision} is applied"), |sync| {
            let at = sync["status"]["lastAppliedRevision"] == revision.as_str();
            at && condition(sync, "Ready")["status"] == "True"
        })
    }

    /// Waits until the Sync has tried this commit and is not Ready for `reason`.
    ///
    /// # Errors
    /// As [`Tenant::wait_applied`].
    pub fn wait_failed(&self, commit: &str, reason: &str) -> Result<Value> {
        let revision = format!("main@sha1:{commit}");
        self.wait(&format!("{revision} fails with {reason}"), |sync| {
            let ready = condition(sync, "Ready");
            sync["status"]["lastAttemptedRevision"] == revision.as_str()
                && ready["status"] == "False"
                && ready["reason"] == reason
        })
    }

    /// Waits until the Sync is as it should be, and gives it.
    ///
    /// # Errors
    /// As [`Tenant::wait_applied`].
    pub fn wait(&self, what: &str, mut is: impl FnMut(&Value) -> bool) -> Result<Value> {
        eventually(what, PATIENCE, || {
            let sync = self
                .kubectl()
                .json(&["sync", &self.name, "-n", &self.name])?;
            if is(&sync) {
                return Ok(sync);
            }
            bail!("Sync {} says {}", self.name, sync["status"])
        })
    }

    /// A value of a Secret in the tenant's namespace, in base64 as it is stored.
    ///
    /// # Errors
    /// When the Secret is not there.
    pub fn secret_value(&self, secret: &str, key: &str) -> Result<Option<String>> {
        let secret = self.kubectl().json(&["secret", secret, "-n", &self.name])?;
        Ok(secret["data"][key].as_str().map(str::to_owned))
    }

    /// Runs `lockstep` in the clone.
    ///
    /// # Errors
    /// When it exits with anything but 0.
    pub fn lockstep(&self, arguments: &[&str]) -> Result<String> {
        self.person.lockstep(self.clone.path(), arguments)
    }

    /// Writes `.sops.yaml` by `lockstep init`, for the person and the cluster.
    ///
    /// # Errors
    /// When it exits with anything but 0.
    pub fn init(&self) -> Result<String> {
        let recipients = format!(
            "you={},cluster={}",
            self.person.recipient(),
            self.cluster_key.recipient()
        );
        self.lockstep(&["init", "--age", &recipients])
    }

    /// Copies a folder of files into the clone.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn copy_in(&self, folder: &Path) -> Result<()> {
        copy_folder(folder, self.clone.path())
    }

    /// The name of the namespace, the Team, the Repository, the Sync and the Git repository.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the Git repository.
    #[must_use]
    pub fn url(&self) -> String {
        self.installation.server().url(&self.name)
    }

    /// Where the tenant's person works.
    #[must_use]
    pub fn checkout(&self) -> &WorkClone {
        &self.clone
    }

    /// Who works there.
    #[must_use]
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// Whose identity the operator holds for the team.
    #[must_use]
    pub fn cluster_key(&self) -> &Person {
        &self.cluster_key
    }

    /// kubectl as a cluster admin.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        self.installation.kubectl()
    }

    fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.name})
    }

    /// The namespace, and the account with its rights, as `docs/how-to/add-a-team.md` has them.
    fn account(&self) -> Result<String> {
        let page = include_str!("../../../docs/how-to/add-a-team.md");
        let block = page
            .split_once("## 1. The account")
            .and_then(|(_, section)| section.split_once("```yaml\n"))
            .and_then(|(_, block)| block.split_once("```"));
        let (yaml, _) = block.context("the page about teams has no account")?;
        Ok(yaml.replace(": blog\n", &format!(": {}\n", self.name)))
    }

    fn key_secret(&self) -> Result<Value> {
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": format!("{}-age", self.name), "namespace": OPERATOR_NAMESPACE},
            "stringData": {"cluster.agekey": self.cluster_key.identity_text()?},
        }))
    }

    fn team(&self) -> Value {
        json!({
            "apiVersion": "lockstep.dev/v1alpha1",
            "kind": "Team",
            "metadata": {"name": self.name},
            "spec": {
                "namespaces": [self.name],
                "serviceAccountName": "deployer",
                "keys": [{"secretRef": {"name": format!("{}-age", self.name)}}],
                "repositories": [self.url()],
            },
        })
    }

    fn credentials(&self) -> Value {
        let server = self.installation.server();
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self.metadata("git-credentials"),
            "stringData": {
                "username": server.user(),
                "password": server.password(),
                "ca.crt": server.authority(),
            },
        })
    }

    fn repository(&self) -> Value {
        json!({
            "apiVersion": "lockstep.dev/v1alpha1",
            "kind": "Repository",
            "metadata": self.metadata(&self.name),
            "spec": {
                "url": self.url(),
                "interval": "1h",
                "secretRef": {"name": "git-credentials"},
            },
        })
    }
}

/// The condition of this type, or null.
#[must_use]
pub fn condition<'object>(object: &'object Value, kind: &str) -> &'object Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .and_then(|all| all.iter().find(|condition| condition["type"] == kind))
        .unwrap_or(&Value::Null)
}

/// JSON is YAML, one document each.
fn documents(objects: &[Value]) -> String {
    objects
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join("\n---\n")
}
