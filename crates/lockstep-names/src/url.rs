//! Where a repository is.

use crate::text_name;

text_name! {
    /// The `https` address of a Git repository, without user, password, query or fragment, so that it
    /// may be shown anywhere.
    GitUrl, "repository URL", check
}

impl GitUrl {
    /// The host and port part, in lower case.
    #[must_use]
    pub fn authority(&self) -> String {
        let rest = &self.as_str()["https://".len()..];
        rest.split('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    }

    /// Is this address what `pattern` allows: the same address, or below a pattern ending in `/*`?
    ///
    /// The pattern is anchored on both sides; the host is compared without case, the path with it.
    #[must_use]
    pub fn is_allowed_by(&self, pattern: &str) -> bool {
        let (base, below) = match pattern.strip_suffix("/*") {
            Some(base) => (base, true),
            None => (pattern, false),
        };
        let Ok(base) = base.parse::<Self>() else {
            return false;
        };
        if base.authority() != self.authority() {
            return false;
        }
        let (own, base) = (self.path(), base.path());
        if below {
            own.strip_prefix(base)
                .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
        } else {
            own == base
        }
    }

    fn path(&self) -> &str {
        let rest = &self.as_str()["https://".len()..];
        rest.find('/')
            .map_or("", |slash| rest[slash..].trim_end_matches('/'))
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    let Some(rest) = text.strip_prefix("https://") else {
        return Err("it does not start with https://");
    };
    if text.len() > 2048 {
        return Err("it is longer than 2048 bytes");
    }
    if !rest.bytes().all(|b| b.is_ascii_graphic()) || rest.contains(['\\', '"', '<', '>', '`', '%'])
    {
        return Err("it has a blank, a control character, an escape or a character outside ASCII");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("it names a user; credentials belong in a Secret");
    }
    if rest.contains(['?', '#']) {
        return Err("it has a query or a fragment");
    }
    if path.split('/').any(|part| part == "." || part == "..") {
        return Err("'.' and '..' may not stand in it");
    }
    check_authority(authority)
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .ok_or("its host is not closed by ']'")?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let in_host = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if host.is_empty() || host.starts_with('-') || !host.bytes().all(in_host) {
        return Err("its host is not a name or an address");
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(number) if number.parse::<u16>().is_ok_and(|port| port > 0) => Ok(()),
        _ => Err("its port is not a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> GitUrl {
        text.parse().unwrap()
    }

    #[test]
    fn https_addresses_pass() {
        for text in [
            "https://git.example.com/team/app.git",
            "https://127.0.0.1:8443/x",
            "https://[::1]:8443/x",
        ] {
            assert_eq!(url(text).to_string(), text);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let hostile = [
            "http://h/x",
            "ssh://h/x",
            "file:///x",
            "ext::sh -c x",
            "git@h:x",
            "https://",
            "https:///x",
            "https://u:p@h/x",
            "https://h@evil/x",
            "https://h\\@evil/x",
            "https://h?@evil/x",
            "https://h#@evil",
            "https://-oProxyCommand=x/y",
            "https://h:port/x",
            "https://h:0/x",
            "https://h:99999/x",
            "https://h/a b",
            "https://h/a/../b",
            "https://h/a%2f..%2fb",
            "https://h/\n",
            "https://[::1/x",
        ];
        for text in hostile {
            assert!(text.parse::<GitUrl>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn patterns_are_anchored() {
        let app = url("https://git.example.com/team-a/app.git");
        assert!(app.is_allowed_by("https://git.example.com/team-a/app.git"));
        assert!(app.is_allowed_by("https://GIT.example.com/team-a/*"));
        assert!(app.is_allowed_by("https://git.example.com/*"));
        for pattern in [
            "https://git.example.com/team-a",
            "https://git.example.com/team-a/ap",
            "https://git.example.com/team/*",
            "https://git.example.com/team-a/app.git/*",
            "https://git.example.co/*",
            "*",
            "",
        ] {
            assert!(!app.is_allowed_by(pattern), "{pattern:?} allowed it");
        }
        assert!(
            !url("https://git.example.com/team-ab/x")
                .is_allowed_by("https://git.example.com/team-a/*")
        );
    }
}
