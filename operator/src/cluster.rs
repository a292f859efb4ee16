//! The way to the API server: a kubeconfig, or the pod's service account.

use crate::arguments::Place;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::path::PathBuf;

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
