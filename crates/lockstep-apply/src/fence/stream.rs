//! The fence around a connection: between a request that was let through and the network there are
//! queues, and a process can be paused while something waits in them.

use super::{Fence, NoLeave};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::Service;

/// Makes connections that send nothing while the fence is closed.
#[derive(Clone)]
pub(crate) struct FencedConnector<C> {
    inner: C,
    fence: Fence,
}

impl<C> FencedConnector<C> {
    /// Connects as `inner` does.
    pub(crate) fn new(inner: C, fence: Fence) -> Self {
        Self { inner, fence }
    }
}

impl<C> Service<Uri> for FencedConnector<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = FencedStream<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, place: Uri) -> Self::Future {
        let (connecting, fence) = (self.inner.call(place), self.fence.clone());
        Box::pin(async move {
            let inner = connecting.await?;
            Ok(FencedStream { inner, fence })
        })
    }
}

/// A connection that sends nothing while the fence is closed.
pub(crate) struct FencedStream<S> {
    inner: S,
    fence: Fence,
}

impl<S: Write + Unpin> FencedStream<S> {
    fn leave(&mut self) -> Result<Pin<&mut S>, io::Error> {
        if self.fence.is_closed() {
            return Err(io::Error::other(NoLeave));
        }
        Ok(Pin::new(&mut self.inner))
    }
}

impl<S: Write + Unpin> Write for FencedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.leave()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.leave()?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: Read + Unpin> Read for FencedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, room)
    }
}

impl<S: Connection> Connection for FencedStream<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::SinceBoot;
    use hyper_util::rt::TokioIo;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn what_waits_to_be_sent_when_leave_ends_is_not_sent() {
        let (near, _far) = tokio::io::duplex(64);
        let fence = Fence::closed();
        fence.extend(SinceBoot::now(), Duration::from_secs(600));
        let mut stream = TokioIo::new(FencedStream {
            inner: TokioIo::new(near),
            fence: fence.clone(),
        });
        stream.write_all(b"PATCH").await.unwrap();
        fence.close();
        let refused = stream.write_all(b" /secret").await.unwrap_err();
        assert!(refused.get_ref().is_some_and(|cause| cause.is::<NoLeave>()));
    }
}
