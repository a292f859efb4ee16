//! The teams' age identities, read from Secrets in the operator's own namespace and from nowhere else.
//!
//! A metadata watch tells when a key Secret changes; only then is it read again. It is read over a
//! connection of its own, so that no pooled buffer keeps the identity. A Secret that is missing or
//! empty is remembered as missing: it makes files fail, and nothing is ever deleted for it.

mod making;
mod ring;
mod secret;

use crate::events::api_cause;
use crate::synced::{Synced, Watch};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use lockstep_api::Team;
use lockstep_apply::ApiServer;
use lockstep_names::NamespaceName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(crate) use making::Made;
pub(crate) use ring::{KeyBasis, KeyRing};
pub(crate) use secret::KeyProblem;
use secret::KeySecret;
#[cfg(test)]
pub(crate) use secret::MissingKey;

/// How long reading key Secrets may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which version of a Secret was seen; nothing where it does not exist.
type Version = Option<String>;

/// What was read of each Secret, at which version.
type Looks = HashMap<String, (Version, Arc<KeySecret>)>;

/// All identities.
pub(crate) struct Keys {
    server: ApiServer,
    namespace: NamespaceName,
    secrets: Store<PartialObjectMeta<Secret>>,
    looks: Mutex<Looks>,
    /// Held while Secrets are read, so that each is read once.
    reading: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Holds no key yet; the stream must be polled, and yields whenever a Secret changed.
    pub(crate) fn new(
        server: &ApiServer,
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
            server: server.clone(),
            namespace,
            secrets,
            looks: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        };
        (keys, changes)
    }

    /// The ring of `team`, one of `teams`. Secrets that changed are read again: those of the other
    /// Teams, too, for an identity that two hold may be neither's.
    ///
    /// # Errors
    /// When the API server cannot be asked; a Secret that is not there is no error but in
    /// [`KeyRing::missing`].
    pub(crate) async fn ring(&self, team: &Team, teams: &[Arc<Team>]) -> Result<KeyRing, String> {
        let teams = teams.iter().map(AsRef::as_ref);
        let keys = teams.clone().chain([team]).flat_map(|one| &one.spec.keys);
        let names = keys.map(|key| key.secret_ref.name.as_str()).collect();
        self.look_at(names).await?;
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ring::compose(team, teams, |name| looks.get(name)))
    }

    /// Lets go of the identities of every Secret, by name, for which `keep` says no.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|secret, _| keep(secret));
    }

    fn version(&self, name: &str) -> Version {
        let secret = ObjectRef::new(name).within(self.namespace.as_str());
        let metadata = &self.secrets.get(&secret)?.metadata;
        let uid = metadata.uid.as_deref()?;
        Some(format!("{uid}@{}", metadata.resource_version.as_deref()?))
    }

    /// Those of `names` whose Secret is not as it was when it was last read.
    fn changed<'a>(&self, names: &[&'a str]) -> Vec<(&'a str, Version)> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let now = names.iter().map(|name| (*name, self.version(name)));
        now.filter(|(name, version)| looks.get(*name).is_none_or(|(read, _)| read != version))
            .collect()
    }

    /// Sees to it that each of these Secrets was read at its present version.
    async fn look_at(&self, names: Vec<&str>) -> Result<(), String> {
        if self.changed(&names).is_empty() {
            return Ok(());
        }
        // The wait for another reader counts, too, or many would queue behind a server that hangs.
        let read = tokio::time::timeout(PATIENCE, async {
            let _only_reader = self.reading.lock().await;
            let read = self.read(self.changed(&names)).await?;
            self.looks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(read);
            Ok(())
        });
        match read.await {
            Ok(read) => read.map_err(|error: kube::Error| api_cause(&error)),
            Err(_) => Err("the API server did not answer".to_owned()),
        }
    }

    async fn read(&self, names: Vec<(&str, Version)>) -> Result<Looks, kube::Error> {
        let api = self.own_connection()?;
        let mut looks = Looks::new();
        for (name, version) in names {
            let found = match &version {
                Some(_) => api.get_opt(name).await?,
                None => None,
            };
            let look = match found {
                Some(secret) => secret::read(name, secret),
                None => KeySecret::not_found(self.namespace.clone()),
            };
            looks.insert(name.to_owned(), (version, Arc::new(look)));
        }
        Ok(looks)
    }

    /// The Secrets of the operator's namespace, over a connection that ends with this.
    fn own_connection(&self) -> Result<Api<Secret>, kube::Error> {
        let client = self.server.client()?;
        Ok(Api::namespaced(client, self.namespace.as_str()))
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
