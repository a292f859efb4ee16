//! A real Git server over HTTPS on loopback: `git http-backend` behind TLS, with passwords.
//!
//! It counts what it is asked and can be told to misbehave, because a client's manners show only
//! when the server has none.
//!
//! # Limits
//! HTTP/1.1 only. A fault applies to every request from then on until it is lifted.

mod cgi;
mod fault;

pub use fault::{Answer, Fault};

use crate::certificates::{Authority, Presented};
use crate::scratch::Scratch;
use crate::tls;
use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;

/// Who may read. Pushing always needs credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only who knows the password or the token.
    Private,
    /// Anyone.
    Public,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query: `/app.git/info/refs?service=git-upload-pack`.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
}

/// A running server; it ends when dropped, and its repositories with it.
pub struct GitServer {
    shared: Arc<Shared>,
    authority: Authority,
    port: u16,
    runtime: Option<Runtime>,
    scratch: Scratch,
}

/// What requests in flight need.
struct Shared {
    repositories: PathBuf,
    access: Access,
    user: String,
    password: String,
    token: String,
    /// With the number of requests that were answered before it was set.
    fault: Mutex<(Option<Fault>, usize)>,
    handled: Mutex<Vec<Handled>>,
}

impl GitServer {
    /// Starts a server with a new authority, password and token, and no repositories.
    ///
    /// # Errors
    /// When there is no port, or no certificate can be made.
    pub fn start(access: Access) -> Result<Self> {
        Self::start_as(access, Presented::Valid)
    }

    /// Starts a server that shows a certificate of this sort.
    ///
    /// # Errors
    /// As [`GitServer::start`].
    pub fn start_as(access: Access, presented: Presented) -> Result<Self> {
        let scratch = Scratch::new()?;
        let repositories = scratch.path().join("repositories");
        std::fs::create_dir(&repositories).context("making the folder for repositories")?;
        let shared = Arc::new(Shared {
            repositories,
            access,
            user: "lockstep".to_owned(),
            password: random_word(),
            token: random_word(),
            fault: Mutex::new((None, 0)),
            handled: Mutex::new(Vec::new()),
        });
        let authority = Authority::new("lockstep testbed git server")?;
        let acceptor = tls::acceptor(&authority.server_as(presented)?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("starting the Git server's runtime")?;
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        let listener = runtime.block_on(tls::Listener::bind(acceptor))?;
        let port = listener.port();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            shared,
            authority,
            port,
            runtime: Some(runtime),
            scratch,
        })
    }

    /// Makes an empty bare repository whose first branch will be `main`, and gives its URL.
    ///
    /// # Errors
    /// When it is there already, or `git` fails.
    pub fn create_repository(&self, name: &str) -> Result<String> {
        let folder = self.repository_folder(name);
        if folder.exists() {
            bail!("the repository {name} is there already");
        }
        let output = isolated_git(self.scratch.path())
            .args(["init", "--quiet", "--bare", "--initial-branch=main"])
            .arg(&folder)
            .output()
            .context("running git init")?;
        if !output.status.success() {
            bail!("git init: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(self.url(name))
    }

    /// The URL of a repository: `https://127.0.0.1:PORT/NAME.git`.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}.git", self.port)
    }

    /// The bare repository on disk, for looking at it or breaking it behind the server's back.
    #[must_use]
    pub fn repository_folder(&self, name: &str) -> PathBuf {
        self.shared.repositories.join(format!("{name}.git"))
    }

    /// The certificate that clients must trust, PEM.
    #[must_use]
    pub fn authority(&self) -> String {
        self.authority.pem()
    }

    /// The user who may read and push.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.shared.user
    }

    /// The user's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.shared.password
    }

    /// A bearer token that may do the same.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// Misbehaves from now on, or with `None` no longer.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let before = lock(&self.shared.handled).len();
        *lock(&self.shared.fault) = (fault, before);
    }

    /// Everything that was answered so far, in order.
    #[must_use]
    pub fn handled(&self) -> Vec<Handled> {
        lock(&self.shared.handled).clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting would be wrong in a caller's async code; connections end all the same.
            runtime.shutdown_background();
        }
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let method = request.method().to_string();
    let target = request.uri().to_string();
    let (fault, before) = lock(&shared.fault).clone();
    let number = lock(&shared.handled).len().saturating_sub(before);
    let instead = fault
        .as_ref()
        .and_then(|fault| fault.instead(&target, number));
    let response = match instead {
        Some(response) => response,
        None => shared.answer(request).await,
    };
    let status = response.status().as_u16();
    lock(&shared.handled).push(Handled {
        method,
        target,
        status,
    });
    match fault {
        Some(fault) => fault.applied_to(response),
        None => response,
    }
}

impl Shared {
    async fn answer(&self, request: Request) -> Response {
        if !self.allows(&request) {
            let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"lockstep\"")];
            return (StatusCode::UNAUTHORIZED, challenge, "not allowed\n").into_response();
        }
        match cgi::http_backend(&self.repositories, &self.user, request).await {
            Ok(response) => response,
            Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}\n")).into_response(),
        }
    }

    fn allows(&self, request: &Request) -> bool {
        let given = request
            .headers()
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes);
        let basic = STANDARD.encode(format!("{}:{}", self.user, self.password));
        let known = given.is_some_and(|given| {
            given == format!("Basic {basic}").as_bytes()
                || given == format!("Bearer {}", self.token).as_bytes()
        });
        let pushes = request.uri().to_string().contains("git-receive-pack");
        known || (self.access == Access::Public && !pushes)
    }
}

/// `git` that reads no configuration but the repository's own.
pub(crate) fn isolated_git(home: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}

fn random_word() -> String {
    rand::random::<[u8; 12]>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
