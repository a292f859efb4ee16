//! An HTTPS proxy before the API server that fails where a test wants it to.
//!
//! Requests and answers, watches included, pass through piece by piece; each request gets a
//! connection of its own to the API server. Who is pointed here by a kubeconfig needs nothing else.
//!
//! # Limits
//! HTTP/1.1 only.

mod fault;
mod link;
mod upstream;

pub use fault::{Passing, ProxyFault};

use crate::certificates::Authority;
use crate::control_plane::ControlPlane;
use crate::tls;
use anyhow::{Context as _, Result};
use axum::body::Body;
use fault::{Broken, Rule};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use link::Link;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use upstream::Upstream;

/// A running proxy; ended when dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    authority: Authority,
    port: u16,
    runtime: Option<Runtime>,
}

struct Shared {
    upstream: Upstream,
    rules: Mutex<Vec<Rule>>,
    passed: Mutex<Vec<Passing>>,
    link: watch::Sender<Link>,
}

impl Proxy {
    /// Starts a proxy before the API server of `cluster`.
    ///
    /// # Errors
    /// When there is no port, or no certificate can be made.
    pub fn start(cluster: &ControlPlane) -> Result<Self> {
        let authority = Authority::new("lockstep testbed proxy")?;
        let acceptor = tls::acceptor(&authority.server()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("starting the proxy's runtime")?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("no free port")?;
        let port = listener.local_addr().context("asking for the port")?.port();
        let shared = Arc::new(Shared {
            upstream: Upstream::of(cluster)?,
            rules: Mutex::default(),
            passed: Mutex::default(),
            link: watch::Sender::new(Link::default()),
        });
        runtime.spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Ok(Self {
            shared,
            authority,
            port,
            runtime: Some(runtime),
        })
    }

    /// `https://…` of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate that clients must trust, PEM.
    #[must_use]
    pub fn authority(&self) -> String {
        self.authority.pem()
    }

    /// Fails requests from now on: of those that `which` picks, `skip` pass, and then each of the next
    /// `times` gets `fault`. Rules are added; the first that has its turn decides.
    pub fn fail(
        &self,
        which: impl Fn(&Passing) -> bool + Send + Sync + 'static,
        skip: usize,
        times: usize,
        fault: ProxyFault,
    ) {
        lock(&self.shared.rules).push(Rule::new(which, skip, times, fault));
    }

    /// How many requests got a fault since the rules were last lifted.
    #[must_use]
    pub fn struck(&self) -> usize {
        lock(&self.shared.rules).iter().map(Rule::struck).sum()
    }

    /// Lifts every rule.
    pub fn lift(&self) {
        lock(&self.shared.rules).clear();
    }

    /// From now on nothing comes through, and nobody is told: connections stand still.
    pub fn go_silent(&self) {
        self.shared.link.send_modify(Link::hold);
    }

    /// Ends the silence. Connections that were open before are cut, as they would be by then.
    pub fn speak_again(&self) {
        self.shared.link.send_modify(Link::release);
    }

    /// Cuts every connection, watches included; new ones are served.
    pub fn cut(&self) {
        self.shared.link.send_modify(Link::cut);
    }

    /// Every request so far, whether it got through or not, oldest first.
    #[must_use]
    pub fn passed(&self) -> Vec<Passing> {
        lock(&self.shared.passed).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        // Else each answer of several parts waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let link = shared.link.subscribe();
            link::follow(link, serve(stream, acceptor, shared)).await;
        });
    }
}

/// Serves one connection. A client that breaks off has seen why; nobody else needs to.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| handle(Arc::clone(&shared), request));
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Answers one request; an error ends the connection without an answer.
async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let mut passing = Passing {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        acting_as: header(request.headers(), "impersonate-user"),
        fault: None,
    };
    let fault = {
        let mut rules = lock(&shared.rules);
        rules.iter_mut().find_map(|rule| rule.strikes(&passing))
    };
    passing.fault = fault.as_ref().map(ProxyFault::name);
    lock(&shared.passed).push(passing);
    match fault {
        None => shared.upstream.ask(request).await,
        Some(fault) => fault.befall(&shared.upstream, request).await,
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
