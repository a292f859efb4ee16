//! Waiting for something another process does, and the plain HTTP that asks whether it did.

use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long to sleep between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Calls `look` until it finds something; the last reason why not is the error.
///
/// # Errors
/// When `patience` is over, with `what` and the last answer of `look`.
pub fn eventually<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(error) if start.elapsed() > patience => {
                return Err(error.context(format!("{what}: not within {patience:?}")));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Asks a server on loopback over plain HTTP; the body of a 200 answer.
///
/// # Errors
/// When nobody answers, or with anything but 200.
pub fn http_get(port: u16, path: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))
        .with_context(|| format!("connecting to port {port}"))?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .context("setting a timeout")?;
    // HTTP/1.0: the answer is neither chunked nor followed by another.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").context("asking")?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .with_context(|| format!("reading the answer to {path}"))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer has no end of headers")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("{path} answered {status}: {body}");
    }
    Ok(body.to_owned())
}

/// A port on loopback that nobody listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener
        .local_addr()
        .context("asking for the port's number")?
        .port())
}
