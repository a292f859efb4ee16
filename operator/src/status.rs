//! Writing the status of one of our own objects.

use crate::events::api_cause;
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// The name under which the operator owns status fields.
const MANAGER: &str = "lockstep-operator";

/// Writes `status` as a full statement of what is known of `object`, if it is still the same object.
///
/// # Errors
/// A short word for why it could not be written.
pub(crate) async fn write<K>(
    api: &Api<K>,
    object: &K,
    status: &impl Serialize,
) -> Result<(), String>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let statement = serde_json::json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "name": name, "uid": object.uid() },
        "status": status,
    });
    let parameters = PatchParams::apply(MANAGER).force();
    let written = api
        .patch_status(&name, &parameters, &Patch::Apply(statement))
        .await;
    written.map(drop).map_err(|error| api_cause(&error))
}
