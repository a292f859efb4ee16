//! Public halves: whom a data key is wrapped for.
//!
//! X25519 recipients and SSH keys. The other kinds sops knows get an error that names them, and
//! nothing that was typed is repeated unless it looks like a public recipient: people paste private
//! keys.

use crate::ssh::SshRecipient;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A recipient: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`.
///
/// It prints without the comment that an SSH key may have, and two that differ only in that are equal.
#[derive(Clone)]
pub struct Recipient(Kind);

#[derive(Clone)]
enum Kind {
    X25519(age::x25519::Recipient),
    Ssh(Box<SshRecipient>),
}

impl Recipient {
    pub(crate) fn of(identity: &age::x25519::Identity) -> Self {
        Self(Kind::X25519(identity.to_public()))
    }

    pub(crate) fn as_age(&self) -> &dyn age::Recipient {
        match &self.0 {
            Kind::X25519(recipient) => recipient,
            Kind::Ssh(recipient) => &recipient.age,
        }
    }

    /// As it was written, blanks around it trimmed: so sops names it in files.
    #[must_use]
    pub fn as_written(&self) -> String {
        match &self.0 {
            Kind::X25519(recipient) => recipient.to_string(),
            Kind::Ssh(recipient) => recipient.written.clone(),
        }
    }

    /// Whether it is an RSA key: decrypting with one takes a time from which, over many tries, the key
    /// can be found (RUSTSEC-2023-0071).
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        matches!(&self.0, Kind::Ssh(recipient) if recipient.name.starts_with("ssh-rsa "))
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::X25519(one), Kind::X25519(other)) => one == other,
            (Kind::Ssh(one), Kind::Ssh(other)) => one.name == other.name,
            _ => false,
        }
    }
}

impl Eq for Recipient {}

impl Hash for Recipient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Kind::X25519(recipient) => recipient.hash(state),
            Kind::Ssh(recipient) => recipient.name.hash(state),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::X25519(recipient) => recipient.fmt(f),
            Kind::Ssh(recipient) => f.write_str(&recipient.name),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    /// Parses one recipient; blanks around it are trimmed, as sops does.
    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RecipientError::Empty);
        }
        if holds_private_key(text) {
            return Err(RecipientError::PrivateKey);
        }
        if text.starts_with("ssh-") {
            let parsed = SshRecipient::parse(text)?;
            return Ok(Self(Kind::Ssh(Box::new(parsed))));
        }
        let Some(rest) = text.strip_prefix("age1") else {
            return Err(RecipientError::NotARecipient);
        };
        if rest.starts_with("pq1") {
            return Err(RecipientError::PostQuantum);
        }
        if rest.contains('1') {
            return Err(RecipientError::Plugin);
        }
        let malformed = || RecipientError::Malformed { text: shown(text) };
        let recipient: age::x25519::Recipient = text.parse().map_err(|_| malformed())?;
        if is_low_order(rest) {
            return Err(RecipientError::LowOrder { text: shown(text) });
        }
        Ok(Self(Kind::X25519(recipient)))
    }
}

/// Whether `text` holds what looks like a private key, anywhere and in either case.
#[must_use]
pub fn holds_private_key(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY-----"]
        .iter()
        .any(|mark| upper.contains(mark))
}

/// What a message may repeat of something that starts like a recipient.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let clean: String = text
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_default)
        .collect();
    if text.chars().count() > LONGEST {
        format!("{clean}…")
    } else {
        clean
    }
}

/// Whether the point in `data` (the bech32 text after `age1`, checksum valid) has a small order.
/// With such a point every shared secret is zero, and the age library panics on it.
fn is_low_order(data: &str) -> bool {
    let Some(mut point) = decode_point(data) else {
        return true;
    };
    // X25519 ignores the top bit.
    point[31] &= 0x7f;
    let repeated = |first: u8, middle: u8| {
        let mut point = [middle; 32];
        point[0] = first;
        point[31] = if middle == 0 { 0 } else { 0x7f };
        point
    };
    LOW_ORDER_8.contains(&point)
        || [(0, 0), (1, 0), (0xec, 0xff), (0xed, 0xff), (0xee, 0xff)]
            .iter()
            .any(|&(first, middle)| point == repeated(first, middle))
}

/// The two points of order 8 on Curve25519 (RFC 7748 curve, u coordinates, little endian).
const LOW_ORDER_8: [[u8; 32]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

/// Reads the 32 bytes out of 52 bech32 characters (5 bits each, high bits first) and a checksum
/// that is already known to hold.
fn decode_point(data: &str) -> Option<[u8; 32]> {
    const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mut point = [0; 32];
    let (mut accumulator, mut bits, mut filled) = (0_u32, 0, 0);
    for character in data.chars().take(52) {
        let value = ALPHABET.find(character)?;
        accumulator = (accumulator << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *point.get_mut(filled)? = u8::try_from(accumulator >> bits & 0xff).ok()?;
            filled += 1;
        }
    }
    (filled == 32).then_some(point)
}

/// Why a text is no recipient this program can wrap for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// Nothing there.
    #[error("the recipient is empty")]
    Empty,
    /// A private key where its public half belongs. The text is not kept.
    #[error("this is a private key, not a recipient")]
    PrivateKey,
    /// An SSH key of a kind that cannot encrypt.
    #[error("only ssh-ed25519 and ssh-rsa keys can be recipients, not {text}")]
    SshKind {
        /// Its kind, escaped and cut.
        text: String,
    },
    /// An RSA key that is too weak, or larger than is used.
    #[error("RSA keys need 2048 to 4096 bits to be recipients")]
    RsaSize,
    /// A post-quantum recipient (`age1pq1…`).
    #[error("post-quantum recipients (age1pq1…) are not supported yet")]
    PostQuantum,
    /// A recipient of an age plugin; no plugin is ever run.
    #[error("recipients of age plugins are not supported")]
    Plugin,
    /// It starts like a recipient and is none.
    #[error("{text} is not a valid recipient: a character is missing, added or mistyped")]
    Malformed {
        /// What was there, escaped and cut.
        text: String,
    },
    /// A public key with which nothing can be kept secret.
    #[error("{text} is a weak key that anybody can decrypt for")]
    LowOrder {
        /// What was there, escaped and cut.
        text: String,
    },
    /// Something else; it is not repeated, for it may be a secret.
    #[error("this is not an age recipient")]
    NotARecipient,
}

impl RecipientError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PrivateKey => {
                "use its public half (age1…); if the private key was ever committed or shared, make a new one"
            }
            Self::SshKind { .. } | Self::RsaSize | Self::PostQuantum | Self::Plugin => {
                "use an X25519 recipient: `lockstep keygen` makes one"
            }
            Self::Empty | Self::NotARecipient => {
                "a recipient starts with age1, ssh-ed25519 or ssh-rsa; `lockstep keygen` prints one"
            }
            Self::Malformed { .. } | Self::LowOrder { .. } => {
                "ask its owner to send the recipient again"
            }
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests;
