//! The control plane against itself: it is up, it is real, and it goes away.

use lockstep_testbed::{ControlPlane, KubectlFailed};

#[test]
fn service_accounts_may_what_rbac_says() {
    let cluster = ControlPlane::start().unwrap();
    let admin = cluster.kubectl();
    admin
        .apply(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: rig}\n---\n\
             apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader, namespace: rig}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: rig}\n\
             stringData: {password: test}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n\
             metadata: {name: reader, namespace: rig}\n\
             rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n\
             metadata: {name: reader, namespace: rig}\n\
             roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
             subjects: [{kind: ServiceAccount, name: reader, namespace: rig}]\n",
        )
        .unwrap();
    let kubeconfig = cluster.service_account_kubeconfig("rig", "reader").unwrap();
    let reader = admin.with_kubeconfig(kubeconfig);
    reader.json(&["configmaps", "-n", "rig"]).unwrap();
    let error = reader.json(&["secret", "db", "-n", "rig"]).unwrap_err();
    let refused = error.downcast_ref::<KubectlFailed>().unwrap();
    assert!(refused.message.contains("Forbidden"), "{refused}");

    let secret = admin.json(&["secret", "db", "-n", "rig"]).unwrap();
    assert_eq!(secret["data"]["password"], "dGVzdA==");
    assert!(!admin.exists(&["secret", "other", "-n", "rig"]).unwrap());
}
