//! The API server behind the proxy.

use super::fault::Broken;
use crate::control_plane::ControlPlane;
use crate::tls;
use anyhow::{Context as _, Result};
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Where it listens, and how it is known.
pub(super) struct Upstream {
    address: String,
    connector: TlsConnector,
}

impl Upstream {
    /// The API server of `cluster`.
    pub(super) fn of(cluster: &ControlPlane) -> Result<Self> {
        let (url, authority) = cluster.address()?;
        let address = url
            .strip_prefix("https://")
            .context("the API server's address is not https")?;
        Ok(Self {
            address: address.trim_end_matches('/').to_owned(),
            connector: tls::connector(&authority)?,
        })
    }

    /// Passes a request on, and gives the answer with a body that arrives as the API server sends it.
    pub(super) async fn ask(&self, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        // An API server that is down looks to the client as it would without us.
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|_| Broken)?;
        let _ = stream.set_nodelay(true);
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Broken)?;
        let stream = self.connector.connect(name, stream).await;
        let stream = TokioIo::new(stream.map_err(|_| Broken)?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(|_| Broken)?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|_| Broken)?;
        Ok(response.map(Body::new))
    }
}
