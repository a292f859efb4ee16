//! The ways in which a server can fail its client.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, future, stream};
use http::{StatusCode, header};
use std::io;

/// What the server does instead of its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers every request with this status.
    Status(u16),
    /// Sends every request elsewhere (302).
    Redirect(String),
    /// Sends requests for one repository to another on this server (301), as after a renaming.
    Renamed {
        /// The repository's name until now.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Breaks the connection after so many bytes of the answer's body.
    CutAfter(usize),
    /// Goes silent after so many bytes of the answer's body and keeps the connection open.
    StallAfter(usize),
}

impl Fault {
    /// The answer that takes the place of the real one, for faults that do not need it.
    pub(super) fn instead(&self, target: &str) -> Option<Response> {
        match self {
            Self::Status(code) => Some(
                StatusCode::from_u16(*code)
                    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
                    .into_response(),
            ),
            Self::Redirect(to) => {
                Some((StatusCode::FOUND, [(header::LOCATION, to.clone())]).into_response())
            }
            Self::Renamed { from, to } => {
                let rest = target.strip_prefix(&format!("/{from}.git/"))?;
                let to = [(header::LOCATION, format!("/{to}.git/{rest}"))];
                Some((StatusCode::MOVED_PERMANENTLY, to).into_response())
            }
            Self::CutAfter(_) | Self::StallAfter(_) => None,
        }
    }

    /// The real answer, spoiled.
    pub(super) fn applied_to(self, response: Response) -> Response {
        let (limit, cut) = match self {
            Self::Status(_) | Self::Redirect(_) | Self::Renamed { .. } => return response,
            Self::CutAfter(limit) => (limit, true),
            Self::StallAfter(limit) => (limit, false),
        };
        let (parts, body) = response.into_parts();
        let mut left = limit;
        let start = body.into_data_stream().map(move |chunk| {
            let chunk = chunk.map_err(io::Error::other)?;
            let kept = chunk.slice(..chunk.len().min(left));
            left -= kept.len();
            Ok(kept)
        });
        // Empty chunks are what is left of the rest: the body goes wrong where they begin.
        let start = start.take_while(|chunk: &io::Result<Bytes>| {
            future::ready(chunk.as_ref().is_ok_and(|chunk| !chunk.is_empty()))
        });
        let end = if cut {
            stream::once(future::ready(Err(io::Error::other("cut off on purpose")))).boxed()
        } else {
            stream::pending().boxed()
        };
        Response::from_parts(parts, Body::from_stream(start.chain(end)))
    }
}
