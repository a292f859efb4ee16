//! The wish to stop, as everything that runs can see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether the process is to stop; cheap to clone.
#[derive(Clone)]
pub(crate) struct Stop {
    seen: watch::Receiver<bool>,
    flag: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for SIGTERM and SIGINT.
    ///
    /// # Errors
    /// When the signals cannot be listened for.
    pub(crate) fn on_signals() -> std::io::Result<Self> {
        let (send, seen) = watch::channel(false);
        let flag = Arc::new(AtomicBool::new(false));
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let raised = flag.clone();
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            tracing::info!("stopping: what is in hand is finished first");
            raised.store(true, Ordering::Release);
            send.send_replace(true);
            // The sender must outlive every receiver, or waiting would end early.
            std::future::pending::<()>().await;
        });
        Ok(Self { seen, flag })
    }

    /// Is the process to stop?
    pub(crate) fn requested(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// The same wish, for work that is not async.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }

    /// Waits until the process is to stop.
    pub(crate) async fn wait(mut self) {
        // An error would mean that the sender is gone, which it never is before the process ends.
        let _ = self.seen.wait_for(|stop| *stop).await;
    }
}
