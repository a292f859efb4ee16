//! SSH keys as recipients and identities, and identities behind a passphrase.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_age::{
    Identities, IdentitiesError, IdentityError, Locked, Recipient, RecipientError, Source,
    SshKeyError, UnlockError, encrypt,
};
use lockstep_secret::{SecretBytes, SecretString};
use std::io::Write;

const ED25519: &str = include_str!("ssh/ed25519");
const ED25519_PUB: &str = include_str!("ssh/ed25519.pub");
const LOCKED: &str = include_str!("ssh/ed25519-locked");
const LOCKED_PUB: &str = include_str!("ssh/ed25519-locked.pub");
const RSA: &str = include_str!("ssh/rsa");
const RSA_PUB: &str = include_str!("ssh/rsa.pub");
/// From the age library's own tests.
const TEST_KEY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

fn secret(text: &str) -> SecretString {
    SecretString::new(text.to_owned())
}

fn recipient(text: &str) -> Recipient {
    text.parse().unwrap()
}

fn read_ssh(text: &str) -> Result<Source, IdentitiesError> {
    Source::read_ssh(&secret(text), "id")
}

fn open(source: Source) -> Identities {
    match source {
        Source::Open(identities) => identities,
        Source::Locked(_) => panic!("it is locked"),
    }
}

fn locked(source: Source) -> Locked {
    match source {
        Source::Locked(locked) => locked,
        Source::Open(_) => panic!("it is open"),
    }
}

/// Whether `identities` open what is encrypted for `recipient`.
fn opens(identities: &Identities, recipient: &Recipient) -> bool {
    let file = encrypt(&secret("canary"), std::slice::from_ref(recipient)).unwrap();
    lockstep_age::decrypt(file.as_bytes(), identities).is_ok_and(|text| text.expose() == b"canary")
}

#[test]
fn keys_as_ssh_keygen_writes_them_open_what_is_encrypted_for_them() {
    let pem_pub = include_str!("ssh/rsa-pem.pub");
    for (key, public) in [
        (ED25519, ED25519_PUB),
        (RSA, RSA_PUB),
        (include_str!("ssh/rsa-pem"), pem_pub),
        (&ED25519.replace('\n', "\r\n"), ED25519_PUB),
    ] {
        let identities = open(read_ssh(key).unwrap());
        assert!(opens(&identities, &recipient(public)));
        assert!(!opens(&identities, &recipient(LOCKED_PUB)));
        let (held, origin) = identities.recipients().next().unwrap();
        assert_eq!((held, origin), (&recipient(public), "id"));
    }
}

#[test]
fn a_passphrase_is_needed_where_there_is_one() {
    let locked = locked(read_ssh(LOCKED).unwrap());
    assert_eq!(locked.recipient(), Some(&recipient(LOCKED_PUB)));
    for wrong in ["", "Passphrase"] {
        let error = locked.unlock(&secret(wrong)).unwrap_err();
        assert_eq!(error, UnlockError::WrongPassphrase);
    }
    let identities = locked.unlock(&secret("passphrase")).unwrap();
    assert!(opens(&identities, &recipient(LOCKED_PUB)));
    assert!(!format!("{locked:?} {identities:?}").contains("b3Bl"));
}

#[test]
fn a_key_that_would_take_for_ever_to_open_is_refused_before() {
    let error = read_ssh(include_str!("ssh/slow-locked")).unwrap_err();
    let why = SshKeyError::Rounds;
    let origin = "id".to_owned();
    assert_eq!(error, IdentitiesError::Ssh { origin, why });
}

#[test]
fn what_is_no_usable_key_is_named() {
    let why = |text: &str| match read_ssh(text) {
        Err(IdentitiesError::Ssh { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(include_str!("ssh/ecdsa")), SshKeyError::Kind);
    assert_eq!(
        why("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
        SshKeyError::Form
    );
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
               DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert_eq!(why(pem), SshKeyError::Form);
    assert_eq!(why(TEST_KEY), SshKeyError::Form);
    assert_eq!(why(""), SshKeyError::Form);
    assert_eq!(why(&"A".repeat(100_000)), SshKeyError::Damaged);
    for end in (40..ED25519.len() - 40).step_by(7) {
        assert_eq!(why(&ED25519[..end]), SshKeyError::Damaged, "{end}");
    }
}

/// `string` of RFC 4251.
fn field(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

fn armor(blob: &[u8]) -> String {
    let body = STANDARD.encode(blob);
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n")
}

#[test]
fn numbers_on_which_the_library_panics_are_refused() {
    for number in [&[][..], &[0], &[0, 0], &[0, 1], &[0x80], &[1; 600]] {
        for blob in [
            [field(b"ssh-rsa"), field(&[1, 0, 1]), field(number)].concat(),
            [field(b"ssh-rsa"), field(number), field(&[1; 256])].concat(),
        ] {
            let text = format!("ssh-rsa {}", STANDARD.encode(&blob));
            let error = text.parse::<Recipient>().unwrap_err();
            assert!(matches!(error, RecipientError::Malformed { .. }), "{error}");
        }
        let public = [field(b"ssh-rsa"), field(&[1, 0, 1]), field(&[1; 256])].concat();
        let mut private = vec![0; 8];
        private.extend(field(b"ssh-rsa"));
        for _ in 0..6 {
            private.extend(field(number));
        }
        let key = [
            b"openssh-key-v1\0".to_vec(),
            field(b"none"),
            field(b"none"),
            field(b""),
            vec![0, 0, 0, 1],
            field(&public),
            field(&private),
        ]
        .concat();
        assert!(read_ssh(&armor(&key)).is_err());
    }
}

#[test]
fn damage_anywhere_is_refused_or_still_a_key_and_never_a_panic() {
    for key in [ED25519, LOCKED, RSA] {
        let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
        let blob = STANDARD.decode(body).unwrap();
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 0xff;
            let _ = read_ssh(&armor(&changed));
            let _ = read_ssh(&armor(&blob[..at]));
        }
    }
    for public in [ED25519_PUB, RSA_PUB] {
        for at in 0..public.len() {
            let mut changed = public.as_bytes().to_vec();
            changed[at] = changed[at].wrapping_add(1);
            if let Ok(text) = std::str::from_utf8(&changed) {
                let _ = text.parse::<Recipient>();
            }
            let _ = public[..at].parse::<Recipient>();
        }
    }
}

#[test]
fn a_comment_is_kept_for_the_file_and_counts_for_nothing() {
    let one = recipient(ED25519_PUB);
    let words: Vec<_> = ED25519_PUB.split_whitespace().collect();
    let other = recipient(&format!("  {}  {}\tsomebody else ", words[0], words[1]));
    assert_eq!(one, other);
    assert_eq!(one.to_string(), format!("{} {}", words[0], words[1]));
    assert_eq!(one.as_written(), ED25519_PUB.trim());
    assert_ne!(one, recipient(RSA_PUB));
    assert!(recipient(RSA_PUB).is_rsa() && !one.is_rsa());
}

#[test]
fn weak_and_foreign_public_keys_are_refused() {
    let error = |text: &str| text.parse::<Recipient>().unwrap_err();
    // The neutral element, and a point of order 4: anybody could decrypt.
    for point in [[&[1][..], &[0; 31]].concat(), vec![0; 32]] {
        let blob = [field(b"ssh-ed25519"), field(&point)].concat();
        let text = format!("ssh-ed25519 {}", STANDARD.encode(blob));
        assert!(matches!(error(&text), RecipientError::LowOrder { .. }));
    }
    let mut modulus = vec![0, 0xff];
    modulus.resize(129, 0xff);
    let blob = [field(b"ssh-rsa"), field(&[1, 0, 1]), field(&modulus)].concat();
    let small = format!("ssh-rsa {}", STANDARD.encode(blob));
    assert_eq!(error(&small), RecipientError::RsaSize);
    // One kind under the other's name, and more than one line.
    let text = ED25519_PUB.replace("ssh-ed25519", "ssh-rsa");
    assert!(matches!(error(&text), RecipientError::Malformed { .. }));
    let text = format!("{ED25519_PUB}{ED25519_PUB}");
    assert!(matches!(error(&text), RecipientError::Malformed { .. }));
    for private in [ED25519, RSA] {
        assert_eq!(error(private), RecipientError::PrivateKey);
    }
}

/// Where nobody can be asked, keys that need nothing else are taken and others are told.
#[test]
fn an_identity_file_may_be_an_open_ed25519_key() {
    let parse = |text: &str| Identities::parse(&secret(text), "a.agekey").unwrap();
    let found = parse(&format!("# mine\n{TEST_KEY}\n{ED25519}"));
    assert_eq!(found.recipients().count(), 2);
    assert!(opens(&found, &recipient(ED25519_PUB)));
    for other in [RSA, LOCKED, include_str!("ssh/ecdsa")] {
        let found = parse(&format!("{TEST_KEY}\n{other}"));
        assert_eq!(found.recipients().count(), 1);
        assert_eq!(found.unusable()[0].why, IdentityError::Ssh);
        assert_eq!(found.unusable()[0].line, 2);
    }
}

/// An identity file that a passphrase protects, as `age -p` writes it.
fn encrypted(text: &str, work: u8, armored: bool) -> SecretBytes {
    let mut recipient = age::scrypt::Recipient::new("passphrase".to_owned().into());
    recipient.set_work_factor(work);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let format = if armored {
        age::armor::Format::AsciiArmor
    } else {
        age::armor::Format::Binary
    };
    let output = age::armor::ArmoredWriter::wrap_output(Vec::new(), format).unwrap();
    let mut output = encryptor.wrap_output(output).unwrap();
    output.write_all(text.as_bytes()).unwrap();
    SecretBytes::new(output.finish().unwrap().finish().unwrap())
}

#[test]
fn an_encrypted_identity_file_is_opened_by_its_passphrase() {
    for armored in [true, false] {
        let file = encrypted(&format!("# mine\n{TEST_KEY}\n"), 2, armored);
        let locked = locked(Source::read(file, "keys.txt").unwrap());
        let error = locked.unlock(&secret("other")).unwrap_err();
        assert_eq!(error, UnlockError::WrongPassphrase);
        let found = locked.unlock(&secret("passphrase")).unwrap();
        assert_eq!(found.recipients().next().unwrap().1, "keys.txt");
    }
}

#[test]
fn an_encrypted_identity_file_that_holds_no_identity_says_so() {
    let unlock = |file| {
        let locked = locked(Source::read(file, "keys.txt").unwrap());
        locked.unlock(&secret("passphrase")).unwrap_err()
    };
    let error = unlock(encrypted("hunter2", 2, true));
    assert!(matches!(error, UnlockError::Inside(_)), "{error}");
    assert!(!error.to_string().contains("hunter2"));
    let public = encrypt(&secret(TEST_KEY), &[recipient(ED25519_PUB)]).unwrap();
    let error = unlock(SecretBytes::new(public.into_bytes()));
    assert_eq!(error, UnlockError::NoPassphrase);
    let mut cut = encrypted(TEST_KEY, 2, true).expose().to_vec();
    cut.truncate(100);
    assert_eq!(unlock(SecretBytes::new(cut)), UnlockError::Damaged);
}

/// `age -p` writes 18; more than 22 is refused before anything is computed.
#[test]
fn a_work_factor_that_takes_hours_is_refused_before() {
    let file = encrypted(TEST_KEY, 2, false);
    let text = String::from_utf8_lossy(file.expose()).into_owned();
    let line = text.lines().nth(1).unwrap();
    let changed = line.strip_suffix(" 2").unwrap().to_owned() + " 40";
    let at = file
        .expose()
        .windows(line.len())
        .position(|found| found == line.as_bytes());
    let mut bytes = file.expose().to_vec();
    let at = at.unwrap();
    bytes.splice(at..at + line.len(), changed.into_bytes());
    let locked = locked(Source::read(SecretBytes::new(bytes), "keys.txt").unwrap());
    let error = locked.unlock(&secret("passphrase")).unwrap_err();
    assert_eq!(error, UnlockError::TooMuchWork { required: 40 });
}
