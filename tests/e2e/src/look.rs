//! Looking at objects of the cluster until they are as a test wants them.

use anyhow::{Result, bail};
use lockstep_testbed::{Kubectl, condition, eventually};
use serde_json::Value;
use std::time::Duration;

/// How long to look: well below every interval in use, so that what is seen was not due anyway.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the object `what` (kubectl's arguments) is as it should be, and gives it.
///
/// # Errors
/// When it is not within a minute, with the status it has instead.
pub fn until(kubectl: &Kubectl, what: &[&str], is: impl Fn(&Value) -> bool) -> Result<Value> {
    eventually(&format!("{what:?}"), PATIENCE, || {
        let object = kubectl.json(what)?;
        if is(&object) {
            return Ok(object);
        }
        bail!("it says {}", object["status"])
    })
}

/// The reason of the `Ready` condition; empty where there is none.
#[must_use]
pub fn ready(object: &Value) -> &str {
    condition(object, "Ready")["reason"]
        .as_str()
        .unwrap_or_default()
}

/// File and reason of every failure that a Sync reports.
#[must_use]
pub fn failures(sync: &Value) -> Vec<(&str, &str)> {
    let listed = sync["status"]["failures"].as_array().into_iter().flatten();
    listed
        .map(|failure| {
            let text = |field: &str| failure[field].as_str().unwrap_or_default();
            (text("path"), text("reason"))
        })
        .collect()
}

/// A field of an object's metadata, such as `uid` or `resourceVersion`.
///
/// # Errors
/// When the object is not there or has no such field.
pub fn metadata(kubectl: &Kubectl, what: &[&str], field: &str) -> Result<String> {
    let object = kubectl.json(what)?;
    match object["metadata"][field].as_str() {
        Some(value) => Ok(value.to_owned()),
        None => bail!("{what:?} has no metadata.{field}"),
    }
}
