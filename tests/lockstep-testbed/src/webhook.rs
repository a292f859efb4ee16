//! A real admission webhook over HTTPS on loopback, that says what a test wants it to say.

use crate::certificates::Authority;
use crate::tls;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;

/// What the webhook says of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// Nothing against it.
    Allow,
    /// Refused, with this text for whoever asked.
    Deny(String),
    /// Allowed after this JSON Patch (RFC 6902), for a `MutatingWebhookConfiguration`.
    Patch(Value),
    /// No answer that makes sense: HTTP 500 with this text.
    Broken(String),
}

type Judge = Box<dyn Fn(&Value) -> Admission + Send + Sync>;

/// A running webhook; ended when dropped.
pub struct Webhook {
    shared: Arc<Shared>,
    authority: Authority,
    port: u16,
    runtime: Option<Runtime>,
}

struct Shared {
    judge: Judge,
    asked: Mutex<Vec<Value>>,
}

impl Webhook {
    /// Starts a webhook that puts the `request` of every `AdmissionReview` before `judge`.
    ///
    /// # Errors
    /// When there is no port, or no certificate can be made.
    pub fn start(judge: impl Fn(&Value) -> Admission + Send + Sync + 'static) -> Result<Self> {
        let authority = Authority::new("lockstep testbed webhook")?;
        let acceptor = tls::acceptor(&authority.server()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("starting the webhook's runtime")?;
        let shared = Arc::new(Shared {
            judge: Box::new(judge),
            asked: Mutex::default(),
        });
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
        })
    }

    /// The `clientConfig` of a webhook configuration that asks this webhook.
    #[must_use]
    pub fn client_config(&self) -> Value {
        json!({
            "url": format!("https://127.0.0.1:{}/", self.port),
            "caBundle": STANDARD.encode(self.authority.pem()),
        })
    }

    /// Every request it was asked about, oldest first.
    #[must_use]
    pub fn asked(&self) -> Vec<Value> {
        let asked = self.shared.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn handle(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(review) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "no AdmissionReview\n").into_response();
    };
    let request = &review["request"];
    let mut response = json!({"uid": request["uid"], "allowed": true});
    let admission = (shared.judge)(request);
    let mut asked = shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
    asked.push(request.clone());
    drop(asked);
    match admission {
        Admission::Allow => {}
        Admission::Deny(message) => {
            response["allowed"] = json!(false);
            response["status"] = json!({"code": 403, "message": message});
        }
        Admission::Patch(patch) => {
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(patch.to_string()));
        }
        Admission::Broken(text) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
        }
    }
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, answer.to_string()).into_response()
}
