//! One fetch's connection: its credentials, deadline, limits, and the first thing that went wrong.

use super::tls;
use crate::{FetchError, GitCredentials, Remote};
use base64::Engine as _;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long one connection attempt may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent.
const IDLE: Duration = Duration::from_secs(30);
/// No fetch takes longer, whatever it may.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a fetch looks whether it should stop.
const TICK: Duration = Duration::from_millis(100);
/// How many bytes are taken before the pack: a list of branches.
const REFS_LIMIT: u64 = 32 << 20;
/// How many bytes are taken in all: a store must not fill the disk.
const PACK_LIMIT: u64 = 1 << 30;

/// The connection of one fetch.
pub(crate) struct Link<'a> {
    remote: &'a Remote,
    authorization: Option<HeaderValue>,
    client: reqwest::Client,
    runtime: Option<tokio::runtime::Runtime>,
    deadline: Instant,
    interrupt: &'a AtomicBool,
    received: Cell<u64>,
    limit: Cell<u64>,
    failure: RefCell<Option<FetchError>>,
}

impl<'a> Link<'a> {
    /// Prepares a connection to `remote`; nothing is sent yet, but the time runs.
    pub(crate) fn open(remote: &'a Remote, interrupt: &'a AtomicBool) -> Result<Self, FetchError> {
        let authority = remote.url.authority();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(remote.ca.as_ref(), &authority)?)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT.min(remote.timeout))
            .build()
            .map_err(|error| FetchError::Tls {
                authority: authority.clone(),
                why: innermost(&error),
            })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| FetchError::Unreachable {
                authority,
                why: error.to_string(),
            })?;
        Ok(Self {
            remote,
            authorization: remote.credentials.as_ref().map(authorization).transpose()?,
            client,
            runtime: Some(runtime),
            deadline: Instant::now() + remote.timeout.min(LONGEST),
            interrupt,
            received: Cell::new(0),
            limit: Cell::new(REFS_LIMIT),
            failure: RefCell::new(None),
        })
    }

    /// Allows as many bytes as a pack may have.
    pub(crate) fn expect_pack(&self) {
        self.limit.set(PACK_LIMIT);
    }

    /// When the fetch must be over.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Why work was stopped that had nothing wrong.
    pub(crate) fn stopped(&self) -> FetchError {
        match self.interrupt.load(Ordering::Relaxed) {
            true => FetchError::Interrupted,
            false => self.timeout("finish", self.remote.timeout),
        }
    }

    fn timeout(&self, missed: &'static str, limit: Duration) -> FetchError {
        FetchError::Timeout {
            authority: self.authority(),
            missed,
            limit,
        }
    }

    pub(crate) fn remote(&self) -> &'a Remote {
        self.remote
    }

    /// Keeps the first failure and gives what may travel through gix instead: nothing of it.
    pub(super) fn keep(&self, failure: FetchError) -> io::Error {
        self.failure.borrow_mut().get_or_insert(failure);
        io::Error::other("the exchange with the Git server failed")
    }

    /// The first failure of this connection, if there was one.
    pub(crate) fn failure(&self) -> Option<FetchError> {
        self.failure.borrow_mut().take()
    }

    /// Sends one request, a POST if it has a body, and waits for the head of an answer that is
    /// neither a refusal nor a failure; it may be a redirect.
    pub(super) fn send(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<reqwest::Response, FetchError> {
        let mut request = match body {
            Some(body) => self.client.post(url).body(body),
            None => self.client.get(url),
        }
        .headers(headers.clone());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = self
            .wait(request.send(), "answer")?
            .map_err(|e| self.broken(&e))?;
        match self.refusal(response.status()) {
            Some(failure) => Err(failure),
            None => Ok(response),
        }
    }

    /// Waits for the next part of a body; empty at its end.
    pub(super) fn next_part(
        &self,
        response: &mut reqwest::Response,
        into: &mut Vec<u8>,
    ) -> Result<(), FetchError> {
        into.clear();
        let part = self.wait(response.chunk(), "send the next byte")?;
        let Some(part) = part.map_err(|error| self.broken(&error))? else {
            return Ok(());
        };
        self.received.set(self.received.get() + part.len() as u64);
        if self.received.get() > self.limit.get() {
            return Err(FetchError::TooLarge {
                authority: self.authority(),
                limit: self.limit.get(),
            });
        }
        into.extend_from_slice(&part);
        Ok(())
    }

    fn wait<F: Future>(&self, future: F, missed: &'static str) -> Result<F::Output, FetchError> {
        let runtime = self
            .runtime
            .as_ref()
            .expect("this holds because only drop takes it");
        let silent_until = Instant::now() + IDLE;
        runtime.block_on(async {
            let mut future = pin!(future);
            loop {
                if self.interrupt.load(Ordering::Relaxed) {
                    return Err(FetchError::Interrupted);
                }
                let now = Instant::now();
                if now >= self.deadline {
                    return Err(self.timeout("finish", self.remote.timeout));
                }
                if now >= silent_until {
                    return Err(self.timeout(missed, IDLE));
                }
                let tick = TICK.min(self.deadline - now);
                if let Ok(output) = tokio::time::timeout(tick, &mut future).await {
                    return Ok(output);
                }
            }
        })
    }

    fn refusal(&self, status: StatusCode) -> Option<FetchError> {
        let url = || self.remote.url.clone();
        let code = status.as_u16();
        match code {
            _ if status.is_success() || status.is_redirection() => None,
            401 if self.authorization.is_none() => {
                Some(FetchError::AuthenticationRequired { url: url() })
            }
            401 | 403 => Some(FetchError::AuthenticationDenied {
                url: url(),
                status: code,
            }),
            404 | 410 => Some(FetchError::NotARepository { url: url() }),
            _ => Some(FetchError::ServerError {
                authority: self.authority(),
                status: code,
            }),
        }
    }

    fn broken(&self, error: &reqwest::Error) -> FetchError {
        let authority = self.authority();
        let why = innermost(error);
        if let Some(error) = find_tls(error) {
            FetchError::Tls {
                authority,
                why: tls::explain(error),
            }
        } else if error.is_timeout() {
            let limit = CONNECT.min(self.remote.timeout);
            FetchError::Timeout {
                authority,
                missed: "connect",
                limit,
            }
        } else if error.is_connect() {
            FetchError::Unreachable { authority, why }
        } else {
            FetchError::ConnectionBroken { authority, why }
        }
    }

    pub(crate) fn authority(&self) -> String {
        self.remote.url.authority()
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        // A name look-up that hangs must not hold up whoever waits for the fetch.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn authorization(credentials: &GitCredentials) -> Result<HeaderValue, FetchError> {
    let text = match credentials {
        GitCredentials::Basic { user, .. } if user.expose().contains(':') => {
            return Err(FetchError::UnusableCredentials {
                rule: "a user name has no colon",
            });
        }
        GitCredentials::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
            Zeroizing::new(format!("Basic {}", Zeroizing::new(encoded).as_str()))
        }
        GitCredentials::Bearer(token) => Zeroizing::new(format!("Bearer {}", token.expose())),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| FetchError::UnusableCredentials {
        rule: "a token is printable ASCII, with no line break at its end",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The cause at the bottom of a chain: what the system said, without what was asked.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::UnexpectedEof) => "it ended before the answer did".to_owned(),
        _ => error.to_string(),
    }
}

fn find_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // An I/O error names its cause's cause as its source, and leaves the cause itself out.
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => find_tls(inner),
        None => error.source().and_then(find_tls),
    }
}
