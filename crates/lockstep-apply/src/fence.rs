//! Leave to write, which ends by itself.
//!
//! Whoever holds the lease may write until a moment that each renewal moves on. A process that was
//! paused past that moment finds its leave gone when it wakes, before it has learned anything else.
//! So the clock must go on while the process is stopped and while the machine sleeps, and must not
//! follow the time of day: it is the kernel's time since boot.
//!
//! Limits: what the kernel was given to send can still arrive. Leave therefore ends well before
//! anybody else may take the lease.

mod stream;

pub(crate) use stream::FencedConnector;

use futures::future::{Either, MapErr, Ready, TryFutureExt, ready};
use http::{Method, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{BoxError, Layer, Service};

/// A moment, as milliseconds since boot, sleep included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SinceBoot(u64);

impl SinceBoot {
    /// This moment. Where the kernel does not tell, it is later than any other, so that no leave to
    /// write is ever longer than it should be.
    #[must_use]
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        Self::read(&text).unwrap_or(Self(u64::MAX))
    }

    /// Reads `12.34 …`, which are seconds.
    fn read(text: &str) -> Option<Self> {
        let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
        let hundredths: u64 = hundredths.get(..2)?.parse().ok()?;
        let seconds: u64 = seconds.parse().ok()?;
        Some(Self(
            seconds.checked_mul(1000)?.checked_add(hundredths * 10)?,
        ))
    }
}

/// Whether this process may write; cheap to clone, and all clones are one.
#[derive(Clone, Debug)]
pub struct Fence(Arc<AtomicU64>);

impl Fence {
    /// Leave without an end, for a process that is alone.
    #[must_use]
    pub fn open() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// No leave until [`extend`](Self::extend) gives some.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// Gives leave from `start` for as long as `length`.
    pub fn extend(&self, start: SinceBoot, length: Duration) {
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self.0
            .store(start.0.saturating_add(length), Ordering::Release);
    }

    /// Ends the leave at once.
    pub fn close(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Has the leave ended?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let until = self.0.load(Ordering::Acquire);
        until != u64::MAX && SinceBoot::now().0 >= until
    }
}

impl<S> Layer<S> for Fence {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced {
            inner,
            fence: self.clone(),
        }
    }
}

/// A client's service that refuses to send what changes anything while the fence is closed.
#[derive(Clone, Debug)]
pub struct Fenced<S> {
    inner: S,
    fence: Fence,
}

/// A request was not sent, because another process may be writing by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process may not write: it does not hold the lease, or has not renewed it in time")]
pub struct NoLeave;

impl<S, B> Service<Request<B>> for Fenced<S>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future =
        Either<Ready<Result<S::Response, BoxError>>, MapErr<S::Future, fn(S::Error) -> BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !matches!(*request.method(), Method::GET | Method::HEAD) && self.fence.is_closed() {
            return Either::Left(ready(Err(NoLeave.into())));
        }
        Either::Right(self.inner.call(request).map_err(Into::into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::{ServiceExt, service_fn};

    async fn send(fence: &Fence, method: Method) -> Result<(), BoxError> {
        let server = service_fn(|_: Request<()>| ready(Ok::<_, std::io::Error>(())));
        let request = Request::builder().method(method).body(()).unwrap();
        fence.layer(server).oneshot(request).await
    }

    #[tokio::test]
    async fn nothing_that_changes_anything_is_sent_once_leave_has_ended() {
        let fence = Fence::closed();
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let refused = send(&fence, method).await.unwrap_err();
            assert_eq!(refused.downcast_ref::<NoLeave>(), Some(&NoLeave));
        }
        send(&fence, Method::GET).await.unwrap();
        fence.extend(SinceBoot::now(), Duration::from_secs(600));
        send(&fence, Method::PATCH).await.unwrap();
        // As it looks to a process that was paused since.
        fence.extend(SinceBoot(0), Duration::from_millis(1));
        send(&fence, Method::PATCH).await.unwrap_err();
        send(&Fence::open(), Method::PATCH).await.unwrap();
    }

    #[test]
    fn the_kernel_tells_how_long_it_has_run() {
        assert_eq!(SinceBoot::read("35.07 12.00\n"), Some(SinceBoot(35_070)));
        for strange in ["", "35", "x.07", "35.0"] {
            assert_eq!(SinceBoot::read(strange), None, "{strange:?}");
        }
        assert!(SinceBoot::now() < SinceBoot(u64::MAX));
    }
}
