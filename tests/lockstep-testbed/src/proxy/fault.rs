//! What can go wrong with a request, and with which.

use super::upstream::Upstream;
use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use std::fmt;

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Whom the caller acts as, if not as itself.
    pub acting_as: Option<String>,
    /// The name of the fault it got, if any.
    pub fault: Option<&'static str>,
}

impl Passing {
    /// Does it ask for a change?
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// What happens to a request instead of being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// The API server's own form of refusal, with this code and reason; it never heard of the request.
    Refused {
        /// The HTTP status.
        code: u16,
        /// The reason word, such as `Conflict`.
        reason: &'static str,
        /// The text, which may quote what it likes.
        message: String,
    },
    /// A proxy's refusal in plain text, and how many seconds to wait, if it says.
    Plain {
        /// The HTTP status.
        code: u16,
        /// The header `Retry-After`.
        retry_after: Option<u32>,
    },
    /// A success whose body is no JSON but holds this text.
    Garbled(String),
    /// The connection ends, and the API server has not heard of the request.
    ResetBefore,
    /// The API server has done what was asked, and the connection ends before it can say so.
    ResetAfter,
    /// No answer ever comes, and the API server has not heard of the request.
    Hang,
}

/// Why a connection ended without an answer.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection ends here")
    }
}

impl std::error::Error for Broken {}

impl ProxyFault {
    /// A word for it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Plain { .. } => "plain",
            Self::Garbled(_) => "garbled",
            Self::ResetBefore => "reset before",
            Self::ResetAfter => "reset after",
            Self::Hang => "hang",
        }
    }

    /// Lets it happen to `request`.
    pub(super) async fn befall(
        self,
        upstream: &Upstream,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Broken> {
        match self {
            Self::Refused {
                code,
                reason,
                message,
            } => {
                let status = json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "code": code, "reason": reason, "message": message,
                    // Who is told by this that a name is not found knows that its kind is.
                    "details": {"kind": "things"},
                });
                let builder = Response::builder().header(CONTENT_TYPE, "application/json");
                answer(builder, code, status.to_string())
            }
            Self::Plain { code, retry_after } => {
                let mut builder = Response::builder().header(CONTENT_TYPE, "text/plain");
                if let Some(seconds) = retry_after {
                    builder = builder.header(RETRY_AFTER, seconds);
                }
                answer(builder, code, "not now\n".to_owned())
            }
            Self::Garbled(text) => {
                let builder = Response::builder().header(CONTENT_TYPE, "application/json");
                answer(builder, 200, format!("{{\"kind\": {text}"))
            }
            Self::ResetBefore => Err(Broken),
            Self::ResetAfter => {
                let response = upstream.ask(request).await?;
                // To its end, or the API server might call it off.
                let _ = axum::body::to_bytes(response.into_body(), usize::MAX).await;
                Err(Broken)
            }
            Self::Hang => std::future::pending().await,
        }
    }
}

fn answer(
    builder: http::response::Builder,
    code: u16,
    body: String,
) -> Result<Response<Body>, Broken> {
    let code = StatusCode::from_u16(code).map_err(|_| Broken)?;
    builder
        .status(code)
        .body(Body::from(body))
        .map_err(|_| Broken)
}

type Which = Box<dyn Fn(&Passing) -> bool + Send + Sync>;

/// Which requests get a fault, and how many of them.
pub(super) struct Rule {
    which: Which,
    skip: usize,
    left: usize,
    struck: usize,
    fault: ProxyFault,
}

impl Rule {
    pub(super) fn new(
        which: impl Fn(&Passing) -> bool + Send + Sync + 'static,
        skip: usize,
        times: usize,
        fault: ProxyFault,
    ) -> Self {
        Self {
            which: Box::new(which),
            skip,
            left: times,
            struck: 0,
            fault,
        }
    }

    /// How many requests it has struck.
    pub(super) fn struck(&self) -> usize {
        self.struck
    }

    /// The fault, if it is this request's turn.
    pub(super) fn strikes(&mut self, passing: &Passing) -> Option<ProxyFault> {
        if !(self.which)(passing) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.struck += 1;
        Some(self.fault.clone())
    }
}
