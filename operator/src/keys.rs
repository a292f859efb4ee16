//! The teams' age identities, read from Secrets in the operator's own namespace and from nowhere else.
//!
//! A metadata watch tells when a key Secret changes; only then is it read again. It is read over a
//! connection of its own, so that no pooled buffer keeps the identity. A Secret that is missing or
//! empty is remembered as missing: it makes files fail, and nothing is ever deleted for it.

use crate::events::api_cause;
use crate::synced::{Synced, Watch};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Config};
use lockstep_age::Identities;
use lockstep_api::Team;
use lockstep_names::NamespaceName;
use lockstep_secret::SecretBytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Ending of the entries of a key Secret that hold identities; Flux's `sops-age` Secret has it too.
const ENTRY_SUFFIX: &str = ".agekey";

/// A key Secret and the version that was seen of it; nothing where it does not exist.
type Version = (String, Option<String>);

/// The identities of one team, from one look at its Secrets.
#[derive(Debug)]
pub(crate) struct KeyRing {
    /// What is held.
    pub identities: Identities,
    /// Key Secrets that are missing, or hold no usable identity, with the reason.
    pub missing: Vec<MissingKey>,
    /// Which versions of which Secrets this is; two rings of equal versions hold the same.
    pub versions: Vec<Version>,
}

/// A key Secret the Team names and the operator cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key Secret {secret} {why}")]
pub(crate) struct MissingKey {
    /// The Secret's name, in the operator's namespace.
    pub secret: String,
    /// What is wrong with it.
    pub why: KeyProblem,
}

/// What is wrong with a key Secret; never anything of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyProblem {
    /// It is not there.
    #[error("does not exist in namespace {0}")]
    NotFound(NamespaceName),
    /// It has no entry of the right name.
    #[error("has no identity in an entry that ends in {ENTRY_SUFFIX}")]
    NoEntry,
    /// An entry is no identity.
    #[error("has an entry {entry} that cannot be used: {why}")]
    Invalid {
        /// The entry's name.
        entry: String,
        /// Why.
        why: String,
    },
}

/// All key rings.
pub(crate) struct Keys {
    config: Config,
    namespace: NamespaceName,
    secrets: Store<PartialObjectMeta<Secret>>,
    rings: Mutex<HashMap<String, Arc<KeyRing>>>,
}

impl Keys {
    /// Holds no key yet; the stream must be polled, and yields whenever a Secret changed.
    pub(crate) fn new(
        config: &Config,
        client: Client,
        namespace: NamespaceName,
        synced: &Synced,
    ) -> (Self, impl Stream<Item = ()> + Send + 'static) {
        let (secrets, writer) = reflector::store();
        let api = Api::<PartialObjectMeta<Secret>>::namespaced(client, namespace.as_str());
        let events = watcher(api, watcher::Config::default())
            .default_backoff()
            .modify(|secret| {
                // `last-applied-configuration` can hold the whole Secret.
                secret.metadata.annotations = None;
                secret.metadata.managed_fields = None;
            })
            .reflect(writer);
        let changes = synced.note(Watch::KeySecrets, events).filter_map(signal);
        let keys = Self {
            config: config.clone(),
            namespace,
            secrets,
            rings: Mutex::default(),
        };
        (keys, changes)
    }

    /// The ring of `team`, read again if one of its Secrets changed.
    ///
    /// # Errors
    /// When the API server cannot be asked; a Secret that is not there is no error but in
    /// [`KeyRing::missing`].
    pub(crate) async fn ring(&self, team: &Team) -> Result<Arc<KeyRing>, String> {
        let name = team.metadata.name.clone().unwrap_or_default();
        let versions = self.versions(team);
        if let Some(ring) = self.cached(&name, &versions) {
            return Ok(ring);
        }
        let ring = Arc::new(
            self.read(versions)
                .await
                .map_err(|error| api_cause(&error))?,
        );
        if let Ok(mut rings) = self.rings.lock() {
            rings.insert(name, ring.clone());
        }
        Ok(ring)
    }

    /// Lets go of the identities of every team, by name, for which `keep` says no.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        if let Ok(mut rings) = self.rings.lock() {
            rings.retain(|team, _| keep(team));
        }
    }

    fn versions(&self, team: &Team) -> Vec<Version> {
        let version = |name: &str| {
            let secret = self
                .secrets
                .get(&ObjectRef::new(name).within(self.namespace.as_str()))?;
            Some(format!(
                "{}@{}",
                secret.metadata.uid.as_deref()?,
                secret.metadata.resource_version.as_deref()?
            ))
        };
        let names = team.spec.keys.iter().map(|key| &key.secret_ref.name);
        names.map(|name| (name.clone(), version(name))).collect()
    }

    fn cached(&self, team: &str, versions: &[Version]) -> Option<Arc<KeyRing>> {
        let rings = self.rings.lock().ok()?;
        rings
            .get(team)
            .filter(|ring| ring.versions == versions)
            .cloned()
    }

    async fn read(&self, versions: Vec<Version>) -> Result<KeyRing, kube::Error> {
        let client = Client::try_from(self.config.clone())?;
        let api = Api::<Secret>::namespaced(client, self.namespace.as_str());
        let mut ring = KeyRing {
            identities: Identities::default(),
            missing: Vec::new(),
            versions,
        };
        for (name, _) in &ring.versions {
            let found = match api.get_opt(name).await? {
                Some(secret) => identities(name, secret),
                None => Err(KeyProblem::NotFound(self.namespace.clone())),
            };
            match found {
                Ok(more) => ring.identities.extend(more),
                Err(why) => ring.missing.push(MissingKey {
                    secret: name.clone(),
                    why,
                }),
            }
        }
        Ok(ring)
    }
}

/// Reads every `*.agekey` entry of a Secret.
fn identities(name: &str, secret: Secret) -> Result<Identities, KeyProblem> {
    let mut all = Identities::default();
    let entries = secret.data.unwrap_or_default().into_iter();
    for (entry, value) in entries.filter(|(entry, _)| entry.ends_with(ENTRY_SUFFIX)) {
        let invalid = |why: String| KeyProblem::Invalid {
            entry: entry.clone(),
            why,
        };
        let text = SecretBytes::new(value.0)
            .into_string()
            .map_err(|error| invalid(error.to_string()))?;
        let origin = format!("Secret {name}, entry {entry}");
        all.extend(Identities::parse(&text, &origin).map_err(|error| invalid(error.to_string()))?);
    }
    if all.is_empty() {
        Err(KeyProblem::NoEntry)
    } else {
        Ok(all)
    }
}

/// Turns the events of a watch into a bare signal that something may have changed.
async fn signal<T>(event: Result<watcher::Event<T>, watcher::Error>) -> Option<()> {
    match event {
        Ok(watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitDone) => {
            Some(())
        }
        Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
        Err(_) => {
            tracing::warn!("the watch on key Secrets failed and is tried again");
            None
        }
    }
}
