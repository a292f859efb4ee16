//! What the tests do to a tenant and wait for.

use anyhow::Result;
use lockstep_e2e::{config_map, ready, until};
use lockstep_testbed::Tenant;
use serde_json::{Value, json};

pub(crate) fn settings() -> (&'static str, String) {
    let text = config_map("settings", &[("level", "info")]);
    ("deploy/settings.yaml", text)
}

pub(crate) fn has_settings(tenant: &Tenant) -> Result<bool> {
    let settings = ["configmap", "settings", "-n", tenant.name()];
    tenant.kubectl().exists(&settings)
}

pub(crate) fn wait_repository(tenant: &Tenant, reason: &str) -> Result<Value> {
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    until(tenant.kubectl(), &what, |it| ready(it) == reason)
}

pub(crate) fn wait_sync(tenant: &Tenant, reason: &str) -> Result<Value> {
    tenant.wait(reason, |sync| ready(sync) == reason)
}

pub(crate) fn patch_team(tenant: &Tenant, spec: &Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    tenant.kubectl().patch(&["team", tenant.name()], &patch)?;
    Ok(())
}
