//! One request to `git http-backend`, as the CGI standard (RFC 3875) has it, bodies streamed.

use super::isolated_git;
use anyhow::{Context as _, Result, bail};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, header};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How much of the answer is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Hands `request`, which may push as `user`, to the repositories in `root`.
pub(super) async fn http_backend(root: &Path, user: &str, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let mut command = Command::from(isolated_git(root));
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", user)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .envs(header_variables(&parts.headers))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A client that goes away takes its backend along.
        .kill_on_drop(true);
    let mut child = command.spawn().context("starting git http-backend")?;
    let stdin = child
        .stdin
        .take()
        .context("git http-backend has no standard input")?;
    let stdout = child
        .stdout
        .take()
        .context("git http-backend has no standard output")?;
    tokio::spawn(copy(body, stdin));
    answer(child, BufReader::new(stdout)).await
}

/// The request's headers that `git http-backend` looks at. Without a length (a chunked body) it
/// reads to the end; gzip it undoes itself.
fn header_variables(headers: &HeaderMap) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("CONTENT_TYPE", header::CONTENT_TYPE.as_str()),
        ("CONTENT_LENGTH", header::CONTENT_LENGTH.as_str()),
        ("HTTP_CONTENT_ENCODING", header::CONTENT_ENCODING.as_str()),
        ("GIT_PROTOCOL", "git-protocol"),
    ]
    .into_iter()
    .filter_map(|(variable, header)| {
        Some((variable, headers.get(header)?.to_str().ok()?.to_owned()))
    })
}

async fn copy(body: Body, mut stdin: ChildStdin) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        // The backend may answer without reading everything.
        if stdin.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

async fn answer(child: Child, mut stdout: BufReader<ChildStdout>) -> Result<Response> {
    let mut response = Response::builder();
    let mut line = String::new();
    loop {
        line.clear();
        if stdout
            .read_line(&mut line)
            .await
            .context("reading the backend's headers")?
            == 0
        {
            bail!("git http-backend ended before the end of its headers");
        }
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').context("a header without a colon")?;
        response = if name.eq_ignore_ascii_case("status") {
            response.status(value.trim().split(' ').next().unwrap_or_default())
        } else {
            response.header(name, value.trim())
        };
    }
    let chunks = stream::unfold((child, stdout), |(child, mut stdout)| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        match stdout.read_buf(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(Bytes::from(chunk)), (child, stdout))),
            Err(error) => Some((Err(error), (child, stdout))),
        }
    });
    response
        .body(Body::from_stream(chunks))
        .context("putting the answer together")
}
