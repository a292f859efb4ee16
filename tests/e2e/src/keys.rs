//! What tests do with key Secrets and Teams, and look for in them.

use crate::{ready, until};
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_testbed::{Kubectl, OPERATOR_NAMESPACE, Tenant, condition};
use serde_json::{Value, json};

/// Writes a key Secret, exactly so.
///
/// # Errors
/// When kubectl, git or lockstep refuses, or nothing comes of it within a minute.
pub fn hold(kubectl: &Kubectl, secret: &str, entries: &[(&str, &str)]) -> Result<()> {
    let texts: serde_json::Map<_, _> = entries
        .iter()
        .map(|(entry, text)| ((*entry).to_owned(), (*text).into()))
        .collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": texts,
        "metadata": {"name": secret, "namespace": OPERATOR_NAMESPACE},
    });
    let replace = ["delete", "secret", secret, "-n", OPERATOR_NAMESPACE];
    kubectl.run(&[&replace[..], &["--ignore-not-found"]].concat())?;
    kubectl.run_with_input(&["create", "-f", "-"], &object.to_string())?;
    Ok(())
}

/// Takes a key Secret away.
///
/// # Errors
/// When kubectl, git or lockstep refuses, or nothing comes of it within a minute.
pub fn drop_key(kubectl: &Kubectl, secret: &str) -> Result<()> {
    kubectl.run(&["delete", "secret", secret, "-n", OPERATOR_NAMESPACE])?;
    Ok(())
}

/// Changes the specification of the tenant's Team.
///
/// # Errors
/// When kubectl, git or lockstep refuses, or nothing comes of it within a minute.
pub fn patch_team(tenant: &Tenant, spec: &Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    tenant.kubectl().patch(&["team", tenant.name()], &patch)?;
    Ok(())
}

/// Waits until the Team gives this reason, and a message with this in it.
///
/// # Errors
/// When kubectl, git or lockstep refuses, or nothing comes of it within a minute.
pub fn wait_team(tenant: &Tenant, reason: &str, message: &str) -> Result<Value> {
    until(tenant.kubectl(), &["team", tenant.name()], |team| {
        let told = condition(team, "Ready")["message"].as_str();
        ready(team) == reason && told.is_some_and(|told| told.contains(message))
    })
}

/// The state of each recipient that a Team publishes for a Secret.
#[must_use]
pub fn published<'a>(team: &'a Value, secret: &str) -> Vec<(&'a str, &'a str)> {
    let all = team["status"]["recipients"]
        .as_array()
        .into_iter()
        .flatten();
    let of_secret = all.filter(|one| one["secret"] == secret);
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    of_secret
        .map(|one| (text(&one["recipient"]), text(&one["state"])))
        .collect()
}

/// Writes and encrypts a Secret `db` to these recipients, and pushes it.
///
/// # Errors
/// When kubectl, git or lockstep refuses, or nothing comes of it within a minute.
pub fn push_secret(tenant: &Tenant, value: &str, recipients: &[&str]) -> Result<String> {
    let path = "deploy/db-secret.yaml";
    let text = crate::secret("db", &[("password", value)]);
    tenant.checkout().write(path, &text)?;
    tenant.lockstep(&["encrypt", "-i", "--age", &recipients.join(","), path])?;
    tenant.checkout().push(value)
}

/// The text of an entry of a key Secret.
///
/// # Errors
/// When kubectl, git or lockstep refuses, or nothing comes of it within a minute.
pub fn entry(kubectl: &Kubectl, secret: &str, entry: &str) -> Result<String> {
    let secret = kubectl.json(&["secret", secret, "-n", OPERATOR_NAMESPACE])?;
    let Some(text) = secret["data"][entry].as_str() else {
        bail!("there is no entry {entry}");
    };
    let bytes = STANDARD.decode(text)?;
    String::from_utf8(bytes).context("the entry is no text")
}
