//! Ctrl-C and SIGTERM for a program that has a control plane running.

use crate::{child, scratch};
use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// From now on, Ctrl-C or SIGTERM kills our children, removes our folders and ends the process.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn clean_up_on_interrupt() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("starting the runtime that waits for signals")?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            signal(SignalKind::terminate()).context("listening for SIGTERM")?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            futures::future::select(Box::pin(interrupt.recv()), Box::pin(terminate.recv())).await;
        });
        leave();
    });
    Ok(())
}

#[expect(
    clippy::exit,
    reason = "the other threads are in the middle of what was interrupted"
)]
fn leave() -> ! {
    child::kill_all();
    scratch::remove_all();
    std::process::exit(INTERRUPTED)
}
