//! One request and its answer, in the pieces gix reads and writes them.

use super::{Link, redirect};
use crate::FetchError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::cell::RefCell;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::rc::Rc;

/// A request that waits for its body, then its answer.
pub(super) struct Exchange<'a> {
    link: Rc<Link<'a>>,
    request: Option<(String, HeaderMap)>,
    upload: Vec<u8>,
    response: Option<reqwest::Response>,
}

impl<'a> Exchange<'a> {
    pub(super) fn answered(link: Rc<Link<'a>>, response: reqwest::Response) -> Self {
        Self {
            link,
            request: None,
            upload: Vec::new(),
            response: Some(response),
        }
    }

    pub(super) fn prepared(link: Rc<Link<'a>>, url: String, headers: HeaderMap) -> Self {
        Self {
            link,
            request: Some((url, headers)),
            upload: Vec::new(),
            response: None,
        }
    }

    /// Sends the request, if that was not done yet.
    fn start(&mut self) -> Result<(), FetchError> {
        if let Some((url, headers)) = self.request.take() {
            let body = std::mem::take(&mut self.upload);
            let response = self.link.send(&url, &headers, Some(body))?;
            self.response = Some(redirect::none(&self.link, response)?);
        }
        Ok(())
    }

    fn content_type(&mut self) -> Result<Vec<u8>, FetchError> {
        self.start()?;
        let value = self
            .response
            .as_ref()
            .and_then(|r| r.headers().get(CONTENT_TYPE));
        let value = value.map_or(&b""[..], HeaderValue::as_bytes);
        Ok([b"content-type: ", value, b"\n"].concat())
    }

    fn next_part(&mut self, into: &mut Vec<u8>) -> Result<(), FetchError> {
        into.clear();
        match &mut self.response {
            Some(response) => self.link.next_part(response, into),
            None => Ok(()),
        }
    }
}

/// What is to be sent.
pub(crate) struct Upload<'a>(Rc<RefCell<Exchange<'a>>>);

impl<'a> Upload<'a> {
    pub(super) fn new(exchange: Rc<RefCell<Exchange<'a>>>) -> Self {
        Self(exchange)
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().upload.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The one header of an answer that gix looks at; reading it sends the request.
pub(crate) struct HeaderLines<'a> {
    exchange: Rc<RefCell<Exchange<'a>>>,
    lines: Option<Cursor<Vec<u8>>>,
}

impl<'a> HeaderLines<'a> {
    pub(super) fn new(exchange: Rc<RefCell<Exchange<'a>>>) -> Self {
        Self {
            exchange,
            lines: None,
        }
    }

    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let mut exchange = self.exchange.borrow_mut();
            let line = exchange
                .content_type()
                .map_err(|failure| exchange.link.keep(failure))?;
            self.lines = Some(Cursor::new(line));
        }
        Ok(self.lines.get_or_insert_default())
    }
}

impl Read for HeaderLines<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buf)
    }
}

impl BufRead for HeaderLines<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

/// The body of an answer.
pub(crate) struct Body<'a> {
    exchange: Rc<RefCell<Exchange<'a>>>,
    part: Cursor<Vec<u8>>,
}

impl<'a> Body<'a> {
    pub(super) fn new(exchange: Rc<RefCell<Exchange<'a>>>) -> Self {
        Self {
            exchange,
            part: Cursor::default(),
        }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.fill_buf()?;
        self.part.read(buf)
    }
}

impl BufRead for Body<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.part.fill_buf()?.is_empty() {
            self.part.set_position(0);
            let mut exchange = self.exchange.borrow_mut();
            let part = self.part.get_mut();
            exchange
                .next_part(part)
                .map_err(|failure| exchange.link.keep(failure))?;
        }
        self.part.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.part.consume(amount);
    }
}

/// Takes over gix's header lines, except any that would carry credentials.
pub(super) fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.as_ref().split_once(':') else {
            continue;
        };
        let name = HeaderName::try_from(name);
        let value = HeaderValue::try_from(value.trim());
        if let (Ok(name), Ok(value)) = (name, value)
            && name != reqwest::header::AUTHORIZATION
        {
            headers.append(name, value);
        }
    }
    headers
}
