//! The way to the API server: a kubeconfig, or the pod's service account.

use crate::arguments::Place;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::PathBuf;
use std::time::Duration;

/// How long the API server may be silent in the middle of an answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// How long a watch may be silent: longer than the API server is asked to keep it open.
const LONGEST_WATCH: Duration = Duration::from_secs(330);

/// The cluster cannot be found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig {0} cannot be used")]
    Kubeconfig(PathBuf, #[source] kube::config::KubeconfigError),
    /// Neither a kubeconfig nor a pod's service account.
    #[error("no cluster: give --kubeconfig, or run in a pod with a service account")]
    Nowhere(#[source] kube::config::InferConfigError),
}

/// Finds the cluster.
///
/// # Errors
/// [`PlaceError`].
pub(crate) async fn find(place: &Place) -> Result<Config, PlaceError> {
    let Some(path) = &place.kubeconfig else {
        return Config::infer().await.map_err(PlaceError::Nowhere);
    };
    let named = |error| PlaceError::Kubeconfig(path.clone(), error);
    let kubeconfig = Kubeconfig::read_from(path).map_err(named)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(named)
}

/// A client for requests that have an answer. One that does not come is a failure like any other; else
/// whoever waits for it would wait for ever.
///
/// # Errors
/// When the configuration cannot be used.
pub(crate) fn client(config: &Config) -> Result<Client, kube::Error> {
    silent_for(config, LONGEST_SILENCE)
}

/// A client for watches.
///
/// # Errors
/// When the configuration cannot be used.
pub(crate) fn watch_client(config: &Config) -> Result<Client, kube::Error> {
    silent_for(config, LONGEST_WATCH)
}

fn silent_for(config: &Config, silence: Duration) -> Result<Client, kube::Error> {
    let mut config = config.clone();
    config.read_timeout = Some(silence);
    Client::try_from(config)
}
