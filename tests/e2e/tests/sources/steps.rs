//! What the tests do to Repositories and their servers.

use anyhow::Result;
use lockstep_e2e::{config_map, ready, until};
use lockstep_testbed::{GitServer, Tenant, WorkClone};
use serde_json::{Value, json};

pub(crate) fn settings(level: &str) -> String {
    config_map("settings", &[("level", level)])
}

pub(crate) fn level(tenant: &Tenant) -> Result<String> {
    let settings = ["configmap", "settings", "-n", tenant.name()];
    let found = tenant.kubectl().json(&settings)?;
    Ok(found["data"]["level"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

pub(crate) fn wait_repository(tenant: &Tenant, reason: &str) -> Result<Value> {
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    until(tenant.kubectl(), &what, |it| ready(it) == reason)
}

pub(crate) fn patch_repository(tenant: &Tenant, spec: &Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    tenant.kubectl().patch(&what, &patch)?;
    Ok(())
}

/// Replaces the entries of the Secret that the Repository names.
pub(crate) fn credentials(tenant: &Tenant, entries: &Value) -> Result<()> {
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": entries,
        "metadata": {"name": "git-credentials", "namespace": tenant.name()},
    });
    tenant
        .kubectl()
        .run_with_input(&["replace", "-f", "-"], &object.to_string())?;
    Ok(())
}

/// Moves a tenant to a server of its own, which can then misbehave or end; gives a clone there.
pub(crate) fn move_to(tenant: &Tenant, server: &GitServer, secret: &Value) -> Result<WorkClone> {
    let url = server.create_repository("moved")?;
    let team = json!({"spec": {"repositories": [url]}}).to_string();
    tenant.kubectl().patch(&["team", tenant.name()], &team)?;
    credentials(tenant, secret)?;
    let clone = WorkClone::new(server, "moved")?;
    clone.write("deploy/settings.yaml", &settings("moved"))?;
    let commit = clone.push("moved")?;
    patch_repository(tenant, &json!({"url": url, "timeout": "2s"}))?;
    tenant.wait_applied(&commit)?;
    Ok(clone)
}

/// The entries of a Secret with a password for `server`.
pub(crate) fn password(server: &GitServer) -> Value {
    json!({"username": server.user(), "password": server.password(), "ca.crt": server.authority()})
}
