//! What the tests do to a tenant whose Secret `db` is applied.

use anyhow::Result;
use lockstep_e2e::{secret, stored};
use lockstep_testbed::{Tenant, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// The annotation that asks for a reconcile, with a value of its own for each call.
pub(crate) fn request(tenant: &Tenant, kind: &str) -> Result<String> {
    let value = format!("{:?}", std::time::SystemTime::now());
    let annotation = format!("reconcile.lockstep.dev/requestedAt={value}");
    let name = tenant.name();
    let what = ["annotate", "--overwrite", kind, name, "-n", name];
    tenant
        .kubectl()
        .run(&[&what[..], &[annotation.as_str()]].concat())?;
    Ok(value)
}

pub(crate) fn patch_sync(tenant: &Tenant, spec: &Value) -> Result<()> {
    let name = tenant.name();
    let patch = json!({"spec": spec}).to_string();
    tenant
        .kubectl()
        .patch(&["sync", name, "-n", name], &patch)?;
    Ok(())
}

pub(crate) fn edit_password(tenant: &Tenant, value: &str) -> Result<()> {
    let patch = json!({"data": {"password": stored(value)}}).to_string();
    let db = ["secret", "db", "-n", tenant.name()];
    tenant.kubectl().patch(&db, &patch)?;
    Ok(())
}

pub(crate) fn has_password(tenant: &Tenant, value: &str) -> Result<()> {
    let now = tenant.secret_value("db", "password")?;
    anyhow::ensure!(now == Some(stored(value)), "it is {now:?}");
    Ok(())
}

pub(crate) fn wait_password(tenant: &Tenant, value: &str) -> Result<()> {
    let patience = Duration::from_secs(30);
    eventually("the password", patience, || has_password(tenant, value))
}

/// A file with the Secret `db`.
pub(crate) fn db() -> (&'static str, String) {
    (
        "deploy/db-secret.yaml",
        secret("db", &[("password", "ours")]),
    )
}
