//! SSH's own encoding of keys, read as far as needed to know that the age library can have them.

use super::SshKeyError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The rounds of bcrypt that a passphrase may take; ssh-keygen makes 24 unless told otherwise.
pub(super) const MOST_ROUNDS: u32 = 2000;

/// A number of more bytes is in no key that is used: 4096 bits and a leading zero.
const LONGEST_NUMBER: usize = 513;

/// Reads `string`s and numbers (RFC 4251) from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn uint32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.uint32()?).ok()?;
        self.take(length)
    }

    /// A positive number in its shortest form.
    fn number(&mut self) -> Option<()> {
        let bytes = self.string()?;
        let canonical = match bytes {
            [] | [0] => false,
            [0, next, ..] => next & 0x80 != 0,
            [first, ..] => first & 0x80 == 0,
        };
        (canonical && bytes.len() <= LONGEST_NUMBER).then_some(())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// The kind of a public key that is whole and in its shortest form.
pub(super) fn public_kind(blob: &[u8]) -> Option<&'static str> {
    let mut reader = Reader(blob);
    let kind = match reader.string()? {
        b"ssh-ed25519" => {
            (reader.string()?.len() == 32).then_some(())?;
            "ssh-ed25519"
        }
        b"ssh-rsa" => {
            reader.number()?;
            reader.number()?;
            "ssh-rsa"
        }
        _ => return None,
    };
    reader.end()?;
    Some(kind)
}

/// Checks a private key in OpenSSH's form: that it does not take long to open, and, if it is open, that
/// its numbers are numbers. Other kinds of keys pass: the library names them.
pub(super) fn check_private(text: &str) -> Result<(), SshKeyError> {
    let body = Zeroizing::new(
        text.lines()
            .filter(|line| !line.starts_with("-----"))
            .collect::<String>(),
    );
    let blob = STANDARD.decode(body.trim()).map(Zeroizing::new);
    let blob = blob.map_err(|_| SshKeyError::Damaged)?;
    let mut reader = Reader(&blob);
    let header = header(&mut reader).ok_or(SshKeyError::Damaged)?;
    match header {
        Header::Open => check_open(&mut reader).ok_or(SshKeyError::Damaged),
        Header::Locked { rounds } if rounds > MOST_ROUNDS => Err(SshKeyError::Rounds),
        Header::Locked { .. } => Ok(()),
    }
}

enum Header {
    Open,
    Locked { rounds: u32 },
}

/// Reads up to and with the public half.
fn header(reader: &mut Reader<'_>) -> Option<Header> {
    (reader.take(15)? == b"openssh-key-v1\0").then_some(())?;
    let cipher = reader.string()?;
    reader.string()?;
    let mut options = Reader(reader.string()?);
    let header = if cipher == b"none" {
        Header::Open
    } else {
        options.string()?;
        let rounds = options.uint32()?;
        Header::Locked { rounds }
    };
    (reader.uint32()? == 1).then_some(())?;
    let public = reader.string()?;
    let kind = Reader(public).string()?;
    // A key of another kind is named by the library; one of these must be whole.
    if matches!(kind, b"ssh-ed25519" | b"ssh-rsa") {
        public_kind(public)?;
    }
    Some(header)
}

fn check_open(reader: &mut Reader<'_>) -> Option<()> {
    let mut private = Reader(reader.string()?);
    private.uint32()?;
    private.uint32()?;
    if private.string()? == b"ssh-rsa" {
        // n, e, d, q⁻¹, p, q
        for _ in 0..6 {
            private.number()?;
        }
    }
    Some(())
}
