//! Whose object it is: taking over from kubectl and others, handing over between Syncs, and who wins
//! when several write.

#![expect(clippy::unwrap_used, reason = "tests may be blunt, their helpers too")]

mod adoption;
mod moves;
mod refusals;
mod tug;

use lockstep_testbed::{Kubectl, Tenant};
use serde_json::Value;

/// The managers of an object, those of its status left out.
fn managers(kubectl: &Kubectl, what: &[&str]) -> Vec<String> {
    let object = kubectl
        .json(&[what, &["--show-managed-fields"]].concat())
        .unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let name = |entry: &Value| entry["manager"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

/// Applies an object as somebody in the tenant's namespace does.
fn apply(tenant: &Tenant, arguments: &[&str], text: &str) {
    let apply = ["apply", "-n", tenant.name(), "-f", "-"];
    tenant
        .kubectl()
        .run_with_input(&[&apply[..], arguments].concat(), text)
        .unwrap();
}
