//! The API server: how to reach it, and leave to write to it.

use crate::fence::Fence;
use crate::session::ConnectError;
use http::HeaderValue;
use http::header::USER_AGENT;
use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use std::time::Duration;
use tower::retry::RetryLayer;
use tower::{BoxError, Layer, service_fn};

/// How long the API server may be silent in the middle of an answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// How long a watch may be silent: longer than the API server is asked to keep it open.
const LONGEST_WATCH: Duration = Duration::from_secs(330);

/// Where every client of the process comes from, so that none goes round the fence.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) config: kube::Config,
    pub(crate) fence: Fence,
}

impl ApiServer {
    /// The server that `config` names, for a caller that calls itself `agent` in the server's logs and
    /// writes only while `fence` is open.
    #[must_use]
    pub fn new(mut config: kube::Config, agent: &str, fence: Fence) -> Self {
        // A name that cannot be a header is left out; nothing depends on it.
        config
            .headers
            .extend(HeaderValue::from_str(agent).map(|agent| (USER_AGENT, agent)));
        Self { config, fence }
    }

    /// A client as the caller itself, for requests that have an answer. What a busy server refuses is
    /// sent again a few times, each time through the fence; an answer that does not come is a failure
    /// like any other.
    ///
    /// # Errors
    /// The configuration holds no usable credentials or certificates.
    pub fn client(&self) -> Result<kube::Client, ConnectError> {
        self.patient_client(LONGEST_SILENCE)
    }

    /// A client as the caller itself, for watches.
    ///
    /// # Errors
    /// As [`client`](Self::client).
    pub fn watching_client(&self) -> Result<kube::Client, ConnectError> {
        self.patient_client(LONGEST_WATCH)
    }

    /// A client as the caller itself that writes at all times, for the lease that opens the fence. It
    /// sends everything once.
    ///
    /// # Errors
    /// As [`client`](Self::client).
    pub fn unfenced_client(&self) -> Result<kube::Client, ConnectError> {
        self.client_behind(&Fence::open(), LONGEST_SILENCE)
    }

    fn patient_client(&self, silence: Duration) -> Result<kube::Client, ConnectError> {
        let once = self.client_behind(&self.fence, silence)?;
        let send = move |request| {
            let once = once.clone();
            async move { once.send(request).await.map_err(BoxError::from) }
        };
        let patient = RetryLayer::new(patience()).layer(service_fn(send));
        Ok(kube::Client::new(patient, &*self.config.default_namespace))
    }

    fn client_behind(
        &self,
        fence: &Fence,
        silence: Duration,
    ) -> Result<kube::Client, ConnectError> {
        let mut config = self.config.clone();
        config.default_retry = false;
        config.read_timeout = Some(silence);
        let builder = ClientBuilder::try_from(config).map_err(ConnectError::of)?;
        Ok(builder.with_layer(fence).build())
    }
}

/// Up to four more tries within half a minute: whoever asks has a way to come back later.
fn patience() -> RetryPolicy {
    RetryPolicy::new(Duration::from_millis(500), Duration::from_secs(10), 4, true)
        .expect("this holds because the shortest pause is below the longest")
}
