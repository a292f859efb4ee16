//! For tests: an API server that gives scripted answers, and remembers what it was asked.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use kube::client::Body;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// The answers still to give, and the requests so far as `METHOD PATH?QUERY`.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Response<Full<Bytes>>>,
    asked: Vec<String>,
}

impl Script {
    /// Adds an answer.
    pub(crate) fn then(self, status: u16, body: &str) -> Self {
        self.then_with(status, body, &[])
    }

    /// Adds an answer with headers.
    pub(crate) fn then_with(self, status: u16, body: &str, headers: &[(&str, &str)]) -> Self {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        self.0
            .lock()
            .unwrap()
            .answers
            .push_back(response.body(body).unwrap());
        self
    }

    /// A client of this server. Asked for more than the script has, it fails with status 500.
    pub(crate) fn client(&self) -> kube::Client {
        let state = self.0.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let mut state = state.lock().unwrap();
            state
                .asked
                .push(format!("{} {}", request.method(), request.uri()));
            let response = state.answers.pop_front().unwrap_or_else(|| {
                Response::builder()
                    .status(500)
                    .body(Full::default())
                    .unwrap()
            });
            async move { Ok::<_, Infallible>(response) }
        });
        kube::Client::new(service, "default")
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}
