//! Which kinds the API server serves, under which path, and whether in a namespace.

use crate::error::ApiError;
use crate::exchange::exchange;
use bytes::Bytes;
use http::Request;
use http::header::ACCEPT;
use lockstep_names::{NamespaceName, ObjectKey};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// An unknown kind makes the table be read anew, but not more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(3);

/// Asks for all groups in one answer. Served since Kubernetes 1.30.
const AS_DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Each in a namespace.
    Namespaced,
    /// In no namespace.
    Cluster,
}

/// A kind as the API server serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// The API group, empty for the core group.
    pub group: String,
    /// The API version without its group.
    pub version: String,
    /// The kind, such as `Secret`.
    pub kind: String,
    /// Its name in paths, such as `secrets`.
    pub plural: String,
    /// Where its objects live.
    pub scope: Scope,
}

impl Resource {
    /// The one kind that is needed before any discovery.
    pub(crate) fn service_accounts() -> Self {
        Self {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ServiceAccount".to_owned(),
            plural: "serviceaccounts".to_owned(),
            scope: Scope::Namespaced,
        }
    }

    /// The path of all objects of the kind, in one namespace if it has one.
    pub(crate) fn collection_path(&self, namespace: Option<&NamespaceName>) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if let (Scope::Namespaced, Some(namespace)) = (self.scope, namespace) {
            path = format!("{path}/namespaces/{namespace}");
        }
        format!("{path}/{}", self.plural)
    }

    /// The path of one object.
    ///
    /// # Errors
    /// [`ApiError::BadName`] if the name would lead elsewhere.
    pub(crate) fn object_path(
        &self,
        namespace: Option<&NamespaceName>,
        name: &str,
    ) -> Result<String, ApiError> {
        let needs_namespace = self.scope == Scope::Namespaced && namespace.is_none();
        if needs_namespace || name.is_empty() || name == "." || name == ".." {
            return Err(ApiError::BadName);
        }
        let mut path = self.collection_path(namespace);
        path.push('/');
        for byte in name.bytes() {
            match byte {
                b'/' | b'%' => return Err(ApiError::BadName),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    path.push(char::from(byte));
                }
                // Writing to a String cannot fail.
                _ => drop(write!(path, "%{byte:02X}")),
            }
        }
        Ok(path)
    }
}

/// The kinds that can be applied, as last read from the API server.
pub struct Kinds {
    client: kube::Client,
    table: RwLock<Table>,
    /// When the table was last read. Held while it is read, so that nobody who looks for a known kind
    /// waits for one who looks for an unknown one.
    read: Mutex<Option<Instant>>,
}

type Name = (String, String, String);
type Table = HashMap<Name, Arc<Resource>>;

impl Kinds {
    /// Prepares an empty table; `client` is the operator's own, since what is served concerns no team.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self {
            client,
            table: RwLock::default(),
            read: Mutex::default(),
        }
    }

    /// Finds the kind of an object; asks the API server only about kinds not seen before.
    ///
    /// # Errors
    /// [`ApiError::KindUnknown`] if it is not served or cannot be applied; others if the API server
    /// cannot be asked.
    pub async fn resolve(&self, key: &ObjectKey) -> Result<Arc<Resource>, ApiError> {
        let name = (key.group.clone(), key.version.clone(), key.kind.clone());
        if let Some(known) = self.known(&name) {
            return Ok(known);
        }
        let mut read = self.read.lock().await;
        if let Some(known) = self.known(&name) {
            return Ok(known);
        }
        if read.is_none_or(|read| read.elapsed() >= AT_MOST_EVERY) {
            let mut kinds = self.read("/api").await?;
            kinds.extend(self.read("/apis").await?);
            *self.table.write().unwrap_or_else(PoisonError::into_inner) = kinds;
            *read = Some(Instant::now());
        }
        self.known(&name).ok_or(ApiError::KindUnknown)
    }

    /// Whether objects of this kind can be kept in step at this moment; asks the API server each time.
    /// A kind whose definition is being deleted is still served, but nothing of it can be written.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub async fn is_offered(
        &self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> Result<bool, ApiError> {
        let name = (group.to_owned(), version.to_owned(), kind.to_owned());
        Ok(self.read("/apis").await?.contains_key(&name))
    }

    fn known(&self, name: &Name) -> Option<Arc<Resource>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.get(name).cloned()
    }

    /// Forgets a kind that turned out not to be served any more, or not there; it is looked up again when
    /// it is needed.
    pub fn forget(&self, resource: &Resource) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, known| **known != *resource);
    }

    async fn read(&self, root: &str) -> Result<Table, ApiError> {
        let request = Request::get(root)
            .header(ACCEPT, AS_DISCOVERY)
            .body(Bytes::new());
        let request = request.map_err(|_| ApiError::BadName)?;
        let answer = exchange(&self.client, request)
            .await
            .map_err(|refusal| refusal.error)?;
        parse(&answer.body).ok_or(ApiError::Unreadable {
            status: answer.status,
        })
    }
}

#[derive(Deserialize)]
struct Groups {
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupMetadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct GroupMetadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Served>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    resource: String,
    #[serde(default)]
    response_kind: ResponseKind,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Default, Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

/// Reads an `APIGroupDiscoveryList`. What cannot be patched and deleted cannot be kept in step either,
/// and is left out.
fn parse(body: &[u8]) -> Option<Table> {
    let groups: Groups = serde_json::from_slice(body).ok()?;
    let mut kinds = HashMap::new();
    for group in groups.items {
        for version in group.versions {
            for served in version.resources {
                let can = |verb: &str| served.verbs.iter().any(|v| v == verb);
                if !can("patch") || !can("delete") {
                    continue;
                }
                let resource = Resource {
                    group: group.metadata.name.clone(),
                    version: version.version.clone(),
                    kind: served.response_kind.kind,
                    plural: served.resource,
                    // What is not known to stay in a namespace is taken to reach beyond it.
                    scope: if served.scope == "Namespaced" {
                        Scope::Namespaced
                    } else {
                        Scope::Cluster
                    },
                };
                let name = (
                    resource.group.clone(),
                    resource.version.clone(),
                    resource.kind.clone(),
                );
                kinds.entry(name).or_insert_with(|| Arc::new(resource));
            }
        }
    }
    Some(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(group: &str, scope: Scope) -> Resource {
        Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: "Thing".to_owned(),
            plural: "things".to_owned(),
            scope,
        }
    }

    #[test]
    fn objects_have_the_paths_of_their_kind() {
        let namespace: NamespaceName = "team-a".parse().unwrap();
        let path =
            |group, scope, name: &str| resource(group, scope).object_path(Some(&namespace), name);
        assert_eq!(
            path("", Scope::Namespaced, "db").as_deref(),
            Ok("/api/v1/namespaces/team-a/things/db")
        );
        assert_eq!(
            path("x.io", Scope::Cluster, "db").as_deref(),
            Ok("/apis/x.io/v1/things/db")
        );
        assert_eq!(
            path("", Scope::Cluster, "system:a?b").as_deref(),
            Ok("/api/v1/things/system%3Aa%3Fb")
        );
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        let namespace: NamespaceName = "team-a".parse().unwrap();
        for name in ["", ".", "..", "a/b", "../secrets/x", "a%2fb"] {
            assert_eq!(
                resource("", Scope::Namespaced).object_path(Some(&namespace), name),
                Err(ApiError::BadName),
                "{name}"
            );
        }
        assert_eq!(
            resource("", Scope::Namespaced).object_path(None, "db"),
            Err(ApiError::BadName)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_has_gone_is_looked_up_again() {
        let list = |plural: &str| {
            format!(
                r#"{{"items":[{{"metadata":{{"name":"x.io"}},"versions":[{{"version":"v1","resources":[
                {{"resource":"{plural}","responseKind":{{"kind":"Thing"}},
                "verbs":["delete","patch"]}}]}}]}}]}}"#
            )
        };
        let none = r#"{"items":[]}"#;
        let script = crate::script::Script::default()
            .then(200, none)
            .then(200, &list("things"))
            .then(200, none)
            .then(200, &list("others"));
        let kinds = Kinds::new(script.client());
        let key = ObjectKey {
            group: "x.io".into(),
            version: "v1".into(),
            kind: "Thing".into(),
            namespace: None,
            name: "x".into(),
        };
        let first = kinds.resolve(&key).await.unwrap();
        assert_eq!(first.scope, Scope::Cluster, "a scope nobody knows is wide");
        kinds.forget(&first);
        assert_eq!(kinds.resolve(&key).await, Err(ApiError::KindUnknown));
        tokio::time::advance(AT_MOST_EVERY).await;
        assert_eq!(kinds.resolve(&key).await.unwrap().plural, "others");
    }

    #[tokio::test]
    async fn who_looks_for_a_known_kind_does_not_wait_for_a_lookup() {
        let kinds = Kinds::new(crate::script::Script::default().client());
        let thing = Arc::new(resource("x.io", Scope::Namespaced));
        let name = ("x.io".to_owned(), "v1".to_owned(), "Thing".to_owned());
        kinds.table.write().unwrap().insert(name, thing.clone());
        let key = ObjectKey {
            group: "x.io".into(),
            version: "v1".into(),
            kind: "Thing".into(),
            namespace: None,
            name: "x".into(),
        };
        let _somebody_looks = kinds.read.lock().await;
        let found = tokio::time::timeout(AT_MOST_EVERY, kinds.resolve(&key)).await;
        assert_eq!(found, Ok(Ok(thing)));
    }

    #[test]
    fn only_kinds_that_can_be_kept_in_step_are_known() {
        let kinds = parse(
            br#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[
            {"version":"v1","resources":[
              {"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced",
               "verbs":["create","delete","get","patch"]},
              {"resource":"reviews","responseKind":{"kind":"Review"},"scope":"Cluster",
               "verbs":["create"]}]}]},{"versions":[]}]}"#,
        )
        .unwrap();
        assert_eq!(kinds.len(), 1);
        let name = ("apps".to_owned(), "v1".to_owned(), "Deployment".to_owned());
        assert_eq!(kinds[&name].plural, "deployments");
        assert_eq!(kinds[&name].scope, Scope::Namespaced);
    }
}
