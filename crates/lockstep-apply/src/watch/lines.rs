//! An answer that never ends, line by line.

use crate::error::ApiError;
use http_body_util::BodyExt;
use kube::client::Body;
use std::collections::VecDeque;
use std::time::Duration;

/// A line longer than this is no object: etcd takes none over 1.5 MiB.
const LONGEST: usize = 16 << 20;

/// A watch that is silent for longer than the server was asked to keep it open is dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(330);

/// The lines of a body.
pub(super) struct Lines {
    body: Body,
    complete: VecDeque<Vec<u8>>,
    partial: Vec<u8>,
}

impl Lines {
    pub(super) fn of(body: Body) -> Self {
        Self {
            body,
            complete: VecDeque::new(),
            partial: Vec::new(),
        }
    }

    /// The next whole line; nothing at the end. What is left without a line end is dropped: it was
    /// cut off.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        loop {
            if let Some(line) = self.complete.pop_front() {
                return Ok(Some(line));
            }
            let frame = tokio::time::timeout(LONGEST_SILENCE, self.body.frame())
                .await
                .map_err(|_| ApiError::Timeout)?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(ApiError::Unreachable),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.take(data)?;
                    }
                }
            }
        }
    }

    fn take(&mut self, mut data: &[u8]) -> Result<(), ApiError> {
        while let Some(end) = data.iter().position(|&byte| byte == b'\n') {
            self.partial.extend_from_slice(&data[..end]);
            self.complete.push_back(std::mem::take(&mut self.partial));
            data = &data[end + 1..];
        }
        self.partial.extend_from_slice(data);
        if self.partial.len() > LONGEST {
            Err(ApiError::Unreadable { status: 200 })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_however_they_were_cut() {
        let mut lines = Lines::of(Body::empty());
        for piece in ["on", "e\ntw", "o\n\nthree\n", "cut"] {
            lines.take(piece.as_bytes()).unwrap();
        }
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(read, ["one", "two", "", "three"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines::of(Body::empty());
        let piece = vec![b'x'; LONGEST];
        assert_eq!(lines.take(&piece), Ok(()));
        assert_eq!(lines.take(b"x"), Err(ApiError::Unreadable { status: 200 }));
    }
}
