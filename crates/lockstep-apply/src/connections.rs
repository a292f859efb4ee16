//! The connections to the API server, and proof that they are gone.
//!
//! A connection that is kept for later keeps its buffers too, and what was sent through them. So
//! whoever writes Secrets uses connections of its own and closes them, and closing waits until the
//! tasks that own the buffers have ended.

use crate::fence::FencedConnector;
use crate::server::ApiServer;
use crate::session::ConnectError;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use kube::client::{Body, ConfigExt};
use lockstep_names::Account;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tower::{BoxError, ServiceBuilder};

/// How long a connection may take to say goodbye before it is cut.
const GOODBYE: Duration = Duration::from_secs(2);

/// The tasks that drive connections; also the executor that starts them.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<JoinSet<()>>>);

impl Connections {
    /// Waits until every connection has closed. The client that used them must be gone.
    pub(crate) async fn closed(self) {
        let mut tasks = self.take();
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GOODBYE, all).await.is_err() {
            tasks.shutdown().await;
        }
    }

    fn take(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F> hyper::rt::Executor<F> for Connections
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

/// A client that is `account` in every request, on connections of its own, behind the fence.
pub(crate) fn client_as(
    server: &ApiServer,
    account: &Account,
    connections: Connections,
) -> Result<kube::Client, ConnectError> {
    let mut config = server.config.clone();
    config.auth_info.impersonate = Some(account.user());
    config.auth_info.impersonate_uid = None;
    config.auth_info.impersonate_groups = None;
    config.auth_info.impersonate_user_extra = None;

    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_secs(10)));
    // A watch may be silent for a minute; a dead peer must be noticed all the same.
    tcp.set_keepalive(Some(Duration::from_secs(30)));
    let tls = config
        .rustls_https_connector_with_connector(FencedConnector::new(tcp, server.fence.clone()))
        .map_err(ConnectError::of)?;
    let http = legacy::Client::builder(connections).build::<_, Body>(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(ConnectError::of)?)
        .layer(config.extra_headers_layer().map_err(ConnectError::of)?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace))
}
