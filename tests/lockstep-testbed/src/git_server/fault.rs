//! The ways in which a server can fail its client.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, future, stream};
use http::{HeaderValue, StatusCode, header};
use std::io;
use std::time::Duration;

/// Between two bytes of a slow server.
const PAUSE: Duration = Duration::from_millis(50);

/// An answer that is no real server's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 is 200.
    pub status: u16,
    /// Names and values of headers.
    pub headers: Vec<(&'static str, String)>,
    /// How the body begins.
    pub body: Vec<u8>,
    /// What follows for ever, if it is not empty.
    pub again: Vec<u8>,
}

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
    /// Answers every request with this.
    Every(Answer),
    /// Answers this request, counted from 0 since the fault was set, with this, and others as ever.
    At(usize, Answer),
    /// Sends the answer's body one byte at a time, with a pause of 50 ms after each.
    Trickle,
    /// Goes silent after so many bytes of the answer's body and keeps the connection open.
    StallAfter(usize),
}

impl Fault {
    /// The answer that takes the place of the real one, for faults that do not need it.
    pub(super) fn instead(&self, target: &str, number: usize) -> Option<Response> {
        match self {
            Self::Every(answer) => Some(answer.response()),
            Self::At(at, answer) => (*at == number).then(|| answer.response()),
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
            Self::CutAfter(_) | Self::StallAfter(_) | Self::Trickle => None,
        }
    }

    /// The real answer, spoiled.
    pub(super) fn applied_to(self, response: Response) -> Response {
        let (limit, cut) = match self {
            Self::Status(_)
            | Self::Redirect(_)
            | Self::Renamed { .. }
            | Self::Every(_)
            | Self::At(..) => return response,
            Self::Trickle => return trickling(response),
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

impl Answer {
    fn response(&self) -> Response {
        let status = match self.status {
            0 => StatusCode::OK,
            code => StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let again = Bytes::from(self.again.clone());
        let rest = match again.is_empty() {
            true => stream::empty().boxed(),
            false => stream::repeat(again).map(Ok::<_, io::Error>).boxed(),
        };
        let start = stream::once(future::ready(Ok(Bytes::from(self.body.clone()))));
        let mut response = Response::new(Body::from_stream(start.chain(rest)));
        *response.status_mut() = status;
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().append(*name, value);
            }
        }
        response
    }
}

fn trickling(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let bytes = body.into_data_stream().flat_map(|chunk| {
        let chunk = chunk.unwrap_or_default();
        stream::iter((0..chunk.len()).map(move |at| chunk.slice(at..=at)))
    });
    let slow = bytes.then(|byte| async {
        tokio::time::sleep(PAUSE).await;
        Ok::<_, io::Error>(byte)
    });
    Response::from_parts(parts, Body::from_stream(slow))
}
