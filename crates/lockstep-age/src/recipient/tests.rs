//! What is taken as a recipient, and what a refusal may say.

use super::*;

/// A test key; its private half is in the age specification's examples.
const ALICE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

fn error(text: &str) -> RecipientError {
    text.parse::<Recipient>().unwrap_err()
}

#[test]
fn a_recipient_survives_parsing_and_printing() {
    let recipient: Recipient = format!("  {ALICE}\n").parse().unwrap();
    assert_eq!(recipient.to_string(), ALICE);
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    for text in [
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33",
        "age-secret-key-1gq9778vqxmmjve8sk7j6vt8uj4hdqajuvsfcwcm02d8gewq72pvq2y5j33",
        "x AGE-SECRET-KEY-PQ-1ABC",
        "AGE-PLUGIN-YUBIKEY-1ABC",
    ] {
        assert_eq!(error(text), RecipientError::PrivateKey);
        assert!(!error(text).to_string().contains("1GQ9"));
    }
}

#[test]
fn other_kinds_are_named() {
    assert_eq!(error("age1pq1qqqq"), RecipientError::PostQuantum);
    assert_eq!(error("age1yubikey1qqqq"), RecipientError::Plugin);
    assert_eq!(error("age1../../x1qqqq"), RecipientError::Plugin);
    let text = "ssh-dss".to_owned();
    assert_eq!(
        error("ssh-dss AAAA me@home"),
        RecipientError::SshKind { text }
    );
    assert_eq!(error("hunter2"), RecipientError::NotARecipient);
    assert_eq!(error(" "), RecipientError::Empty);
}

#[test]
fn one_wrong_character_is_noticed() {
    let text = ALICE.replace("t7rx", "t7rz");
    assert_eq!(error(&text), RecipientError::Malformed { text });
    assert!(matches!(error("age1%2f"), RecipientError::Malformed { .. }));
    let long = format!("age1{}", "q".repeat(5000));
    assert!(error(&long).to_string().len() < 200);
    assert!(!error("age1\u{1b}[31m").to_string().contains('\u{1b}'));
}

fn encode(point: [u8; 32]) -> String {
    use bech32::ToBase32;
    bech32::encode("age", point.to_base32(), bech32::Variant::Bech32).unwrap()
}

#[test]
fn points_of_small_order_are_refused() {
    let filled = |first: u8, middle: u8, last: u8| {
        let mut point = [middle; 32];
        (point[0], point[31]) = (first, last);
        point
    };
    // 0, 1, p - 1, p, p + 1, the two of order 8, and one with the bit that X25519 ignores.
    let points = [
        filled(0, 0, 0),
        filled(1, 0, 0),
        filled(0xec, 0xff, 0x7f),
        filled(0xed, 0xff, 0x7f),
        filled(0xee, 0xff, 0x7f),
        LOW_ORDER_8[0],
        LOW_ORDER_8[1],
        filled(1, 0, 0x80),
    ];
    for point in points {
        let text = encode(point);
        assert_eq!(error(&text), RecipientError::LowOrder { text });
    }
    assert!(encode(filled(9, 0, 0)).parse::<Recipient>().is_ok());
}
