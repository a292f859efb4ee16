//! One team per test: a namespace, an account that may manage Secrets there, and an operator that may
//! act as it and do nothing else.

use kube::config::{KubeConfigOptions, Kubeconfig};
use lockstep_apply::{
    ApiError, ApiServer, Applied, ConflictPolicy, Fence, Kinds, Owner, Planned, Recorded, Resource,
    Session,
};
use lockstep_names::{Account, NamespaceName, ObjectKey};
use lockstep_secret::SecretBytes;
use lockstep_testbed::{ControlPlane, Kubectl};
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Shared by the tests that run at the same time; gone with the last of them.
static CLUSTER: Mutex<Weak<ControlPlane>> = Mutex::new(Weak::new());

fn cluster() -> Arc<ControlPlane> {
    let mut shared = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(ControlPlane::start().unwrap());
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}

/// A team, seen from all sides.
pub(crate) struct Team {
    cluster: Arc<ControlPlane>,
    pub(crate) namespace: NamespaceName,
    pub(crate) server: ApiServer,
    kinds: Kinds,
}

impl Team {
    /// Makes the namespace `name` with the account `deployer` and, in it, the operator's account.
    pub(crate) async fn new(name: &str) -> Self {
        let cluster = cluster();
        let manifests = TEAM.replace("NAMESPACE", name);
        cluster.kubectl().apply(&manifests).unwrap();
        let kubeconfig = cluster
            .service_account_kubeconfig(name, "operator")
            .unwrap();
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .unwrap();
        let server = ApiServer::new(config, "operator", Fence::open());
        Self {
            cluster,
            namespace: name.parse().unwrap(),
            kinds: Kinds::new(server.client().unwrap()),
            server,
        }
    }

    /// kubectl as an admin.
    pub(crate) fn kubectl(&self) -> &Kubectl {
        self.cluster.kubectl()
    }

    pub(crate) fn account(&self, name: &str) -> Account {
        Account {
            namespace: self.namespace.clone(),
            name: name.parse().unwrap(),
        }
    }

    pub(crate) fn owner(&self, sync: &str) -> Owner {
        Owner {
            namespace: self.namespace.clone(),
            sync: sync.parse().unwrap(),
        }
    }

    /// A session of the Sync `sync`, as the team's account.
    pub(crate) fn session(&self, sync: &str) -> Session {
        Session::connect(&self.server, &self.account("deployer"), self.owner(sync)).unwrap()
    }

    /// A client of the operator's own.
    pub(crate) fn operator(&self) -> kube::Client {
        self.server.client().unwrap()
    }

    pub(crate) async fn resource(&self, kind: &str) -> Arc<Resource> {
        self.kinds.resolve(&self.key(kind)).await.unwrap()
    }

    pub(crate) fn key(&self, kind: &str) -> ObjectKey {
        ObjectKey {
            group: if kind == "Deployment" {
                "apps".into()
            } else {
                String::new()
            },
            version: "v1".into(),
            kind: kind.into(),
            namespace: Some(self.namespace.to_string()),
            name: "db".into(),
        }
    }

    /// The Secret `name` with this data, as the Sync `sync` wants it.
    pub(crate) async fn secret(&self, sync: &str, name: &str, data: Value) -> Planned {
        self.planned(sync, name, json!({"data": data})).await
    }

    /// The Secret `name` with these top-level fields.
    pub(crate) async fn planned(&self, sync: &str, name: &str, fields: Value) -> Planned {
        let mut body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": name, "namespace": self.namespace.as_str(),
            "labels": self.owner(sync).labels(),
        }});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        Planned {
            resource: self.resource("Secret").await,
            namespace: Some(self.namespace.clone()),
            name: name.into(),
            body: SecretBytes::new(body.to_string().into_bytes()),
            recorded: None,
            conflicts: ConflictPolicy::Refuse,
            ignored: Vec::new(),
            seen: None,
            previous: None,
        }
    }

    /// Applies a Secret in a session of its own.
    pub(crate) async fn apply(
        &self,
        sync: &str,
        data: Value,
        recorded: Option<&Recorded>,
    ) -> Result<Applied, ApiError> {
        let session = self.session(sync);
        let mut planned = self.secret(sync, "db", data).await;
        planned.recorded = recorded.cloned();
        let result = session.apply(planned, &AtomicBool::new(false)).await;
        session.close().await;
        result
    }

    /// The Secret as an admin sees it.
    pub(crate) fn live(&self, name: &str) -> Value {
        self.kubectl()
            .json(&["secret", name, "-n", self.namespace.as_str()])
            .unwrap()
    }

    /// kubectl with this namespace.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.kubectl()
            .run(&[arguments, &["-n", self.namespace.as_str()]].concat())
            .unwrap()
    }
}

const TEAM: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: NAMESPACE}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer, namespace: NAMESPACE}
rules:
- {apiGroups: [""], resources: [secrets], verbs: [get, list, watch, create, patch, delete]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, create, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: NAMESPACE}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator, namespace: NAMESPACE}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator, namespace: NAMESPACE}
rules:
- {apiGroups: [""], resources: [serviceaccounts], resourceNames: [deployer], verbs: [impersonate, get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: operator}
subjects: [{kind: ServiceAccount, name: operator, namespace: NAMESPACE}]
"#;
