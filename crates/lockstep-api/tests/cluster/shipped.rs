//! What is shipped, as the API server judges it.

use crate::cluster;

/// `deploy/operator.yaml`.
pub(crate) fn operator() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/operator.yaml");
    std::fs::read_to_string(file).unwrap()
}

/// Has the API server judge a pod like those of the Deployment, after a change to its container.
fn pod(change: impl FnOnce(&mut serde_json::Value)) -> Result<(), String> {
    let cluster = cluster();
    cluster.kubectl().apply(&operator()).unwrap();
    let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&operator()).unwrap();
    let deployment = objects
        .iter()
        .find(|it| it["kind"] == "Deployment")
        .unwrap();
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = "judged".into();
    pod["metadata"]["namespace"] = "lockstep-system".into();
    change(&mut pod["spec"]["containers"][0]["securityContext"]);
    let create = ["create", "--dry-run=server", "-f", "-"];
    let answer = cluster.kubectl().run_with_input(&create, &pod.to_string());
    answer.map(drop).map_err(|error| error.to_string())
}

#[test]
fn the_namespace_takes_the_pod_and_none_with_wider_rights() {
    pod(|_| {}).unwrap();
    for (field, value) in [
        ("allowPrivilegeEscalation", true.into()),
        ("capabilities", serde_json::json!({"add": ["SYS_PTRACE"]})),
        ("runAsNonRoot", false.into()),
        ("seccompProfile", serde_json::json!({"type": "Unconfined"})),
    ] {
        let refused = pod(|container| container[field] = value).unwrap_err();
        assert!(
            refused.contains("violates PodSecurity"),
            "{field}: {refused}"
        );
    }
}
