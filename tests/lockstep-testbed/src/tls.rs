//! TLS on loopback: accepting connections, for axum and others, and trusting one authority.

use crate::certificates::Issued;
use anyhow::{Context as _, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Connection = (TlsStream<TcpStream>, SocketAddr);

/// Connections whose handshake is done; one slow client does not hold up the others.
pub(crate) struct Listener {
    connections: mpsc::Receiver<Connection>,
    address: SocketAddr,
}

/// A TLS server that shows `issued` and asks for no client certificate.
pub(crate) fn acceptor(issued: &Issued) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes())
        .context("reading the server's certificate")?;
    let key =
        PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).context("reading the server's key")?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choosing TLS versions")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("using the server's certificate")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Listener {
    /// Listens on a free port on loopback.
    pub(crate) async fn bind(acceptor: TlsAcceptor) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port")?;
        let address = listener
            .local_addr()
            .context("asking for the port's number")?;
        let (done, connections) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (acceptor, done) = (acceptor.clone(), done.clone());
                // As real servers do: else each answer of several parts waits 40 ms for the client's
                // delayed acknowledgement of the first. A connection that is gone fails below.
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move {
                    // A client that breaks off the handshake has seen why; nobody else needs to.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = done.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self {
            connections,
            address,
        })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// A TLS client that trusts the authority `pem` and nobody else.
pub(crate) fn connector(pem: &str) -> Result<TlsConnector> {
    let authority =
        CertificateDer::from_pem_slice(pem.as_bytes()).context("reading an authority")?;
    let mut roots = RootCertStore::empty();
    roots.add(authority).context("trusting an authority")?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choosing TLS versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
