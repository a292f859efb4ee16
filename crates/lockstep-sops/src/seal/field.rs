//! The metadata field that holds the seal: `v1:`, the hash in hexadecimal, and `:` with the team, if
//! there is one.

use std::fmt::Write as _;

/// The field's name.
pub(crate) const FIELD: &str = "lockstep_seal";

const VERSION: &str = "v1";

/// The field as read.
pub(crate) struct Field {
    pub(crate) hash: [u8; 32],
    pub(crate) team: Option<String>,
}

impl Field {
    /// Reads it; `None` for what no version up to this one writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (version, rest) = text.split_once(':')?;
        let (hash, team) = match rest.split_once(':') {
            Some((hash, team)) => (hash, Some(team)),
            None => (rest, None),
        };
        let readable = version == VERSION && team != Some("");
        let hash = unhex(hash).filter(|_| readable)?;
        let team = team.map(ToOwned::to_owned);
        Some(Self { hash, team })
    }
}

/// What keeps the seal's place until the file around it can be read: random digits, so that they
/// stand nowhere else in it.
pub(crate) struct Blank {
    digits: String,
    team: Option<String>,
}

impl Blank {
    pub(crate) fn new(team: Option<&str>, random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut bytes = [0; 32];
        random(&mut bytes);
        Self {
            digits: hex(&bytes),
            team: team.map(ToOwned::to_owned),
        }
    }

    /// The field's value, with the digits in the place of the hash.
    pub(crate) fn value(&self) -> String {
        match &self.team {
            Some(team) => format!("{VERSION}:{}:{team}", self.digits),
            None => format!("{VERSION}:{}", self.digits),
        }
    }

    /// Puts the hash in its place.
    pub(crate) fn fill(&self, text: &str, hash: &[u8; 32]) -> String {
        text.replace(&self.digits, &hex(hash))
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("this holds because a String takes every write");
    }
    text
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

/// Lower case only, so that a seal has one spelling.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_one_spelling() {
        for team in [None, Some("shop"), Some("a:b")] {
            let blank = Blank::new(team, &mut |bytes| bytes.fill(0xa7));
            let read = Field::parse(&blank.value()).unwrap();
            assert_eq!(read.hash, [0xa7; 32]);
            assert_eq!(read.team.as_deref(), team);
            let filled = blank.fill(&blank.value(), &[0x0c; 32]);
            assert_eq!(Field::parse(&filled).unwrap().hash, [0x0c; 32]);
        }
        let good = Blank::new(None, &mut |bytes| bytes.fill(0xab)).value();
        for bad in [
            String::new(),
            good.replace("v1", "v2"),
            good.replace("v1:", ""),
            good.to_uppercase().replace("V1", "v1"),
            format!("{good}0"),
            format!("{good}:"),
            format!(" {good}"),
            good.replacen("ab", "", 1),
            good.replacen("ab", "+b", 1),
        ] {
            assert!(Field::parse(&bad).is_none(), "{bad}");
        }
    }
}
