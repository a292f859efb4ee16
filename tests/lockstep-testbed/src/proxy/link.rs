//! The wire: whether anything goes through it, and when it was last cut.

use tokio::sync::watch;

/// The state of the wire.
#[derive(Debug, Default)]
pub(super) struct Link {
    is_silent: bool,
    cuts: u64,
}

impl Link {
    /// Lets nothing through.
    pub(super) fn hold(&mut self) {
        self.is_silent = true;
    }

    /// Lets new connections through, and cuts the old ones.
    pub(super) fn release(&mut self) {
        self.is_silent = false;
        self.cut();
    }

    /// Cuts the connections there are.
    pub(super) fn cut(&mut self) {
        self.cuts += 1;
    }
}

/// Drives a connection while something goes through the wire, until it ends or is cut. A connection
/// that is not driven reads nothing and writes nothing, and its client waits.
pub(super) async fn follow(mut link: watch::Receiver<Link>, connection: impl Future<Output = ()>) {
    let begun = link.borrow().cuts;
    tokio::pin!(connection);
    loop {
        let silent = async {
            // The sender lives as long as the proxy.
            let _ = link
                .wait_for(|link| link.is_silent || link.cuts != begun)
                .await;
        };
        tokio::select! {
            biased;
            () = silent => {}
            () = &mut connection => return,
        }
        if link.borrow().cuts != begun {
            return;
        }
        let _ = link.wait_for(|link| !link.is_silent).await;
    }
}
