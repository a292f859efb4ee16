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
    Err(refused(link, "one address after another".to_owned()))
}

/// Refuses an answer that is a redirect; for requests that carry a body.
pub(super) fn none(
    link: &Link<'_>,
    response: reqwest::Response,
) -> Result<reqwest::Response, FetchError> {
    if response.status().is_redirection() {
        // Its tail cannot matter: a body is never sent twice.
        return Err(
            target(link, &response, "").map_or_else(|e| e, |_| refused(link, link.authority()))
        );
    }
    Ok(response)
}

fn target(link: &Link<'_>, response: &reqwest::Response, tail: &str) -> Result<String, FetchError> {
    let to = response
        .headers()
        .get(LOCATION)
        .and_then(|to| to.to_str().ok())
        .unwrap_or_default();
    resolve(response.url(), to, tail).map_err(|to| refused(link, to))
}

/// Where `location` leads from `at`, or else the origin it must not lead to.
fn resolve(at: &Url, location: &str, tail: &str) -> Result<String, String> {
    let to = at
        .join(location)
        .map_err(|_| "an address that cannot be read".to_owned())?;
    let plain = to.username().is_empty() && to.password().is_none() && to.fragment().is_none();
    if to.origin() == at.origin() && plain && to.as_str().ends_with(tail) {
        Ok(to.into())
    } else {
        Err(to.origin().ascii_serialization())
    }
}

fn refused(link: &Link<'_>, to: String) -> FetchError {
    FetchError::Redirected {
        url: link.remote().url.clone(),
        to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "/info/refs?service=git-upload-pack";

    fn resolve_from_example(location: &str) -> Result<String, String> {
        let at = format!("https://git.example.com/old{TAIL}")
            .parse()
            .unwrap();
        resolve(&at, location, TAIL)
    }

    #[test]
    fn a_renamed_repository_is_followed() {
        let new = format!("https://git.example.com/new{TAIL}");
        for location in [
            format!("/new{TAIL}"),
            new.clone(),
            format!("//git.example.com/new{TAIL}"),
        ] {
            assert_eq!(
                resolve_from_example(&location).as_ref(),
                Ok(&new),
                "{location}"
            );
        }
    }

    #[test]
    fn no_redirect_leads_to_another_origin() {
        for (location, origin) in [
            (
                format!("https://evil.example.com/old{TAIL}"),
                "https://evil.example.com",
            ),
            (
                format!("https://git.example.com:8443/old{TAIL}"),
                "https://git.example.com:8443",
            ),
            (
                format!("http://git.example.com/old{TAIL}"),
                "http://git.example.com",
            ),
            (
                format!("//evil.example.com/old{TAIL}"),
                "https://evil.example.com",
            ),
            (
                format!("https://git.example.com@evil.example.com/old{TAIL}"),
                "https://evil.example.com",
            ),
            (
                format!("https:\\\\evil.example.com/old{TAIL}"),
                "https://evil.example.com",
            ),
            ("file:///etc/passwd".to_owned(), "null"),
        ] {
            assert_eq!(
                resolve_from_example(&location),
                Err(origin.to_owned()),
                "{location}"
            );
        }
    }

    #[test]
    fn a_redirect_that_changes_the_request_is_refused() {
        for location in ["/login", "/old/info/refs?service=git-receive-pack", ""] {
            let at = "https://git.example.com/old/info/refs".parse().unwrap();
            assert!(resolve(&at, location, TAIL).is_err(), "{location}");
        }
        assert!(resolve_from_example(&format!("https://u:p@git.example.com/x{TAIL}")).is_err());
    }
}
