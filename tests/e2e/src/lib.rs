//! What end-to-end tests write into repositories and look for in clusters.

pub mod keys;
mod look;

pub use look::{failures, metadata, ready, until};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_testbed::{Installation, Operator, Tenant};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// An installation with a running operator, for every test of one file.
pub struct Stage {
    /// The running operator; before the installation, so that it ends first.
    pub operator: Operator,
    /// The cluster and the Git server.
    pub installation: Arc<Installation>,
}

/// What [`Stage::shared`] gave out and somebody still has.
static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());

/// Why it did not start: what fails for one test need not fail as slowly for the others.
static FAILED: OnceLock<String> = OnceLock::new();

impl Stage {
    /// Starts everything.
    ///
    /// # Errors
    /// When anything does not start.
    pub fn start() -> Result<Self> {
        let installation = Arc::new(Installation::start()?);
        let operator = installation.start_operator(&[])?;
        Ok(Self {
            operator,
            installation,
        })
    }

    /// The stage of all tests that run now: started by the first, gone with the last.
    ///
    /// # Errors
    /// As [`Stage::start`].
    pub fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stage) = shared.upgrade() {
            return Ok(stage);
        }
        if let Some(why) = FAILED.get() {
            bail!("{why}");
        }
        let started = Self::start().inspect_err(|error| {
            // Only the first reason is kept.
            let _ = FAILED.set(format!("{error:#}"));
        });
        let stage = Arc::new(started?);
        *shared = Arc::downgrade(&stage);
        Ok(stage)
    }

    /// A tenant with a policy file, whose repository is committed but not yet pushed.
    ///
    /// # Errors
    /// When any of it fails.
    pub fn tenant(&self, name: &str) -> Result<Tenant> {
        let tenant = Tenant::new(&self.installation, name)?;
        tenant.init()?;
        Ok(tenant)
    }

    /// A tenant who has pushed these files of the folder `deploy`, encrypted where the policy says
    /// so, and whose Sync with these additions to its `spec` wants them applied; and the commit.
    ///
    /// # Errors
    /// When any of it fails.
    pub fn pushed(
        &self,
        name: &str,
        files: &[(&str, &str)],
        spec: &Value,
    ) -> Result<(Tenant, String)> {
        let tenant = self.tenant(name)?;
        for (path, content) in files {
            tenant.checkout().write(path, content)?;
        }
        tenant.lockstep(&["encrypt", "-i", "deploy"])?;
        let commit = tenant.checkout().push("files")?;
        let mut whole = json!({"path": "deploy"});
        if let (Some(fields), Some(more)) = (whole.as_object_mut(), spec.as_object()) {
            fields.extend(more.clone());
        }
        tenant.sync(&whole)?;
        Ok((tenant, commit))
    }

    /// As [`Stage::pushed`], once it is applied.
    ///
    /// # Errors
    /// As [`Stage::pushed`], or when it is not applied within a minute.
    pub fn applied(
        &self,
        name: &str,
        files: &[(&str, &str)],
        spec: &Value,
    ) -> Result<(Tenant, String)> {
        let (tenant, commit) = self.pushed(name, files, spec)?;
        tenant.wait_applied(&commit)?;
        Ok((tenant, commit))
    }
}

/// A Secret in clear, with `stringData`.
#[must_use]
pub fn secret(name: &str, values: &[(&str, &str)]) -> String {
    let mut text =
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n");
    for (key, value) in values {
        text.push_str(&format!("  {key}: {value}\n"));
    }
    text
}

/// A ConfigMap.
#[must_use]
pub fn config_map(name: &str, values: &[(&str, &str)]) -> String {
    secret(name, values)
        .replace("kind: Secret", "kind: ConfigMap")
        .replace("stringData:", "data:")
}

/// `value` as the API server stores it in a Secret.
#[must_use]
pub fn stored(value: &str) -> String {
    STANDARD.encode(value)
}

/// The example that the demo deploys.
#[must_use]
pub fn example() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop"))
}

/// The messages of the events in a namespace, for a search.
///
/// # Errors
/// When kubectl fails.
pub fn event_messages(tenant: &Tenant) -> Result<Vec<String>> {
    let events = tenant
        .kubectl()
        .json(&["events.events.k8s.io", "-n", tenant.name()])?;
    let items = events["items"].as_array().context("no list of events")?;
    Ok(items
        .iter()
        .map(|event: &Value| event["note"].as_str().unwrap_or_default().to_owned())
        .collect())
}
