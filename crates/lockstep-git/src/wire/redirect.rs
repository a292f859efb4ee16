//! Which redirects are followed: on the first request of a fetch, to the same scheme, host and port,
//! and only where the end of the address stays, so that the repository's own address can be told.

use super::Link;
use crate::FetchError;
use reqwest::Url;
use reqwest::header::{HeaderMap, LOCATION};

/// Servers rename at most once or twice.
const MOST_REDIRECTS: usize = 3;

/// Asks for `url`, which starts with `base_url`; tells the new base when the server moved it.
pub(super) fn get(
    link: &Link<'_>,
    url: &str,
    base_url: &str,
    headers: &HeaderMap,
) -> Result<(reqwest::Response, Option<String>), FetchError> {
    let tail = url.strip_prefix(base_url).unwrap_or_default();
    let mut at = url.to_owned();
    for _ in 0..=MOST_REDIRECTS {
        let response = link.send(&at, headers, None)?;
        if !response.status().is_redirection() {
            let moved = (at != url).then(|| at[..at.len() - tail.len()].to_owned());
            return Ok((response, moved));
        }
        at = target(link, &response, tail)?;
    }
    Err(refused(link, link.authority()))
}

/// Refuses an answer that is a redirect; for requests that carry a body.
pub(super) fn none(
    link: &Link<'_>,
    response: reqwest::Response,
) -> Result<reqwest::Response, FetchError> {
    if response.status().is_redirection() {
        let to = location(&response).map_or_else(|| "nowhere".to_owned(), |url| origin(&url));
        return Err(refused(link, to));
    }
    Ok(response)
}

fn target(link: &Link<'_>, response: &reqwest::Response, tail: &str) -> Result<String, FetchError> {
    let Some(to) = location(response) else {
        return Err(refused(link, "nowhere".to_owned()));
    };
    let same_origin = to.origin() == response.url().origin();
    let plain = to.username().is_empty() && to.password().is_none() && to.fragment().is_none();
    if same_origin && plain && to.as_str().ends_with(tail) {
        Ok(to.into())
    } else {
        Err(refused(link, origin(&to)))
    }
}

fn location(response: &reqwest::Response) -> Option<Url> {
    let to = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(to).ok()
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn refused(link: &Link<'_>, to: String) -> FetchError {
    FetchError::Redirected {
        url: link.remote().url.clone(),
        to,
    }
}
