//! The archives that a source-controller would offer, over plain HTTP on loopback.

use crate::scratch::Scratch;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a client may take over its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// When every archive was made: a status must say when, and nobody compares it.
const MADE: &str = "2026-01-01T00:00:00Z";

/// A folder whose files anybody on this machine can get until this process ends.
#[derive(Debug)]
pub(super) struct Artifacts {
    folder: Scratch,
    port: u16,
}

impl Artifacts {
    /// Begins to serve an empty folder.
    pub(super) fn serve() -> Result<Self> {
        let folder = Scratch::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listening")?;
        let port = listener.local_addr().context("asking for the port")?.port();
        let root = folder.path().to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who goes away in the middle comes again.
                let _ = answer(stream, &root);
            }
        });
        Ok(Self { folder, port })
    }

    /// Where to put files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file as the status of a source describes its artifact.
    pub(super) fn describe(&self, file: &str, revision: &str) -> Result<Value> {
        let path = self.folder().join(file);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(json!({
            "path": file,
            "url": format!("http://127.0.0.1:{}/{file}", self.port),
            "revision": revision,
            "digest": format!("blake3:{}", blake3::hash(&bytes).to_hex()),
            "size": bytes.len(),
            "lastUpdateTime": MADE,
        }))
    }
}

/// Answers one request for a file by its name.
fn answer(mut stream: TcpStream, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    for line in BufReader::new(&stream).lines() {
        match line? {
            end if end.is_empty() => break,
            line => head.push(line),
        }
    }
    let path = head.first().and_then(|line| line.split(' ').nth(1));
    let name = path.map(PathBuf::from);
    let name = name.as_deref().and_then(Path::file_name);
    let found = name.and_then(|name| std::fs::read(root.join(name)).ok());
    let (status, body) = match found {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/gzip\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
