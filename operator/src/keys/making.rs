//! Making a key: a new identity goes into a new Secret, and nowhere else.

use super::Keys;
use crate::events::api_cause;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::{ObjectMeta, PartialObjectMeta, PostParams};
use kube::core::Request;
use lockstep_age::Identity;

/// The entry that is made.
const ENTRY: &str = "key.agekey";

/// The answer that is wanted: without the identity.
const AS_METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// What became of making a key.
#[derive(Debug)]
pub(crate) enum Made {
    /// The Secret is there now; the public half of what it holds.
    Created(String),
    /// Somebody else has just made a Secret of this name. It is left as it is.
    AlreadyThere,
}

impl Keys {
    /// Creates the Secret `name` with a new identity for `team`. The identity is in this process until
    /// the request is sent, and read back like any other.
    ///
    /// # Errors
    /// A short word for why it could not be created.
    pub(crate) async fn make(&self, name: &str, team: &str) -> Result<Made, String> {
        let (name, team, namespace) =
            (name.to_owned(), team.to_owned(), self.namespace.to_string());
        let request = tokio::task::spawn_blocking(move || {
            let request = request(&name, &team, &namespace);
            lockstep_secret::wipe_stack();
            request
        });
        let failed = || "the request could not be made".to_owned();
        let (request, recipient) = request.await.map_err(|_| failed())?.ok_or_else(failed)?;
        let client = self.server.client().map_err(|error| error.to_string())?;
        let answer = client.request::<PartialObjectMeta<Secret>>(request);
        match tokio::time::timeout(super::PATIENCE, answer).await {
            Ok(Ok(_)) => Ok(Made::Created(recipient)),
            Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => {
                Ok(Made::AlreadyThere)
            }
            Ok(Err(error)) => Err(api_cause(&error)),
            Err(_) => Err("the API server did not answer".to_owned()),
        }
    }
}

/// The request that creates the Secret, and the recipient of what is in it.
fn request(name: &str, team: &str, namespace: &str) -> Option<(http::Request<Vec<u8>>, String)> {
    let identity = Identity::generate();
    let created = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let text = identity.to_file_text(&created.to_string()).into_bytes();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some(
                [
                    ("app.kubernetes.io/managed-by", "lockstep-operator"),
                    ("lockstep.dev/team", team),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ),
            // No owner: deleting the Team deletes no key.
            owner_references: None,
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some([(ENTRY.to_owned(), ByteString(text.expose().to_vec()))].into()),
        ..Secret::default()
    };
    let body = serde_json::to_vec(&secret).ok()?;
    let url = Secret::url_path(&(), Some(namespace));
    let mut request = Request::new(url)
        .create(&PostParams::default(), body)
        .ok()?;
    let accept = http::HeaderValue::from_static(AS_METADATA);
    request.headers_mut().insert(http::header::ACCEPT, accept);
    Some((request, identity.to_public().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_age::Identities;
    use lockstep_secret::SecretString;

    #[test]
    fn what_is_made_is_read_back_by_age_and_belongs_to_nobody() {
        let (request, recipient) = request("a-age", "a", "lockstep-system").unwrap();
        assert_eq!(request.method(), "POST");
        assert!(
            request
                .uri()
                .path()
                .ends_with("/namespaces/lockstep-system/secrets")
        );
        let secret: Secret = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(secret.metadata.name.as_deref(), Some("a-age"));
        assert!(secret.metadata.owner_references.is_none());
        let data = secret.data.unwrap();
        let text = String::from_utf8(data[ENTRY].0.clone()).unwrap();
        assert!(
            text.contains(&format!("# public key: {recipient}\n")),
            "{recipient}"
        );
        let held = Identities::parse(&SecretString::new(text), "x").unwrap();
        let held: Vec<_> = held.recipients().map(|(one, _)| one.to_string()).collect();
        assert_eq!(held, [recipient]);
    }
}
