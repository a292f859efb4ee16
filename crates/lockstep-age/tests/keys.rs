//! Data keys in and out of whole SOPS files, and what is said when one is not to be had.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]

use age::armor::{ArmoredWriter, Format};
use lockstep_age::{Identities, Identity, Recipient, UnwrapError, unwrap, wrap, wrap_split};
use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{AgeEntry, Document, Encrypted, EncryptionPolicy, KeyGroups, Parsed, parse};
use std::io::Write;

/// Test keys: Alice's is from the age library's own tests.
const ALICE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const ALICE_KEY: &str =
    "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const BOB: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

fn key() -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(7))
}

fn held(keys: &str) -> Identities {
    Identities::parse(&SecretString::new(keys.to_owned()), "keys.txt").unwrap()
}

/// A file with these entries.
fn file(wrapped: &[AgeEntry]) -> Document<Encrypted> {
    let text = SecretString::new("a: b\n".to_owned());
    let Ok(Parsed::Clear(document)) = parse(text) else {
        panic!("the text is clear")
    };
    let policy = EncryptionPolicy::default();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let sealed = document
        .encrypt(&policy, &key(), wrapped, now, &mut |bytes| bytes.fill(3))
        .unwrap();
    let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(sealed)) else {
        panic!("the text is encrypted")
    };
    document
}

fn recipients(texts: &[&str]) -> Vec<Recipient> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn armored(write: impl FnOnce(&mut ArmoredWriter<Vec<u8>>)) -> String {
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    write(&mut armored);
    String::from_utf8(armored.finish().unwrap()).unwrap()
}

#[test]
fn every_recipient_opens_its_own_entry() {
    let carol = Identity::generate();
    let mut people = recipients(&[ALICE, BOB]);
    people.push(carol.to_public());
    let entries = wrap(&key(), &people).unwrap();
    let names: Vec<_> = entries
        .iter()
        .map(|entry| entry.recipient.as_str())
        .collect();
    assert_eq!(names, [ALICE, BOB, &carol.to_public().to_string()]);
    let file = file(&entries);
    for identity in [ALICE_KEY, carol.to_secret_text().expose()] {
        let unwrapped = unwrap(file.metadata(), &held(identity)).unwrap();
        assert_eq!(unwrapped.key.expose(), key().expose());
        assert_eq!(
            unwrapped.opened_by,
            Identity::parse(identity).unwrap().to_public()
        );
    }
}

#[test]
fn of_several_identities_the_first_one_opens_the_file() {
    let carol = Identity::generate();
    let mut people = recipients(&[ALICE]);
    people.push(carol.to_public());
    let file = file(&wrap(&key(), &people).unwrap());
    let (alice, carol) = (held(ALICE_KEY), held(carol.to_secret_text().expose()));
    for (first, second) in [(&alice, &carol), (&carol, &alice)] {
        let mut both = first.clone();
        both.extend(second.clone());
        let unwrapped = unwrap(file.metadata(), &both).unwrap();
        let (recipient, _) = first.recipients().next().unwrap();
        assert_eq!(&unwrapped.opened_by, recipient);
    }
}

#[test]
fn a_recipient_that_is_named_twice_gets_one_entry() {
    assert_eq!(
        wrap(&key(), &recipients(&[ALICE, BOB, ALICE]))
            .unwrap()
            .len(),
        2
    );
    assert!(wrap(&key(), &[]).is_err());
}

#[test]
fn entries_have_the_form_that_sops_writes() {
    let entries = wrap(&key(), &recipients(&[ALICE])).unwrap();
    let lines: Vec<_> = entries[0].enc.lines().collect();
    assert_eq!(lines[0], "-----BEGIN AGE ENCRYPTED FILE-----");
    assert_eq!(lines[lines.len() - 1], "-----END AGE ENCRYPTED FILE-----");
    assert!(
        lines[1..lines.len() - 2]
            .iter()
            .all(|line| line.len() == 64)
    );
    assert!(entries[0].enc.ends_with("-----\n"));
}

#[test]
fn the_name_beside_an_entry_is_only_a_hint() {
    let mut entries = wrap(&key(), &recipients(&[BOB, ALICE])).unwrap();
    entries[1].recipient = "age1renamed".to_owned();
    let unwrapped = unwrap(file(&entries).metadata(), &held(ALICE_KEY)).unwrap();
    assert_eq!(unwrapped.opened_by.to_string(), ALICE);
}

#[test]
fn what_is_wanted_and_held_is_told() {
    let file = file(&wrap(&key(), &recipients(&[BOB])).unwrap());
    let held = held(&format!(
        "AGE-PLUGIN-YUBIKEY-1ABC\n{ALICE_KEY}\n{ALICE_KEY}\n"
    ));
    let Err(UnwrapError::NoMatch(no_match)) = unwrap(file.metadata(), &held) else {
        panic!("nobody at hand opens it")
    };
    assert_eq!(
        no_match.to_string(),
        format!(
            "no identity at hand opens it; it wants {BOB}; held: {ALICE} (keys.txt); \
             keys.txt, line 1: identities of age plugins are not supported"
        )
    );
}

#[test]
fn a_file_that_names_thousands_is_told_in_a_few_words() {
    let entry = wrap(&key(), &recipients(&[BOB])).unwrap().remove(0);
    let text = unwrap(file(&vec![entry; 2000]).metadata(), &held(ALICE_KEY))
        .unwrap_err()
        .to_string();
    assert!(text.contains(" and 1990 more; held: "), "{text}");
    assert!(text.len() < 1000, "{text}");
}

#[test]
fn identities_are_not_tried_without_end() {
    let mut entries = wrap(&key(), &recipients(&[ALICE, BOB])).unwrap();
    let (bobs, mut alices) = (entries.remove(1), entries.remove(0));
    let mut entries = vec![bobs; 5000];
    entries.push(alices.clone());
    let unwrapped = unwrap(file(&entries).metadata(), &held(ALICE_KEY)).unwrap();
    assert_eq!(unwrapped.opened_by.to_string(), ALICE, "her own is first");

    // Without a name on it, it would have to be found among the others.
    alices.recipient = BOB.to_owned();
    entries.pop();
    entries.push(alices);
    let error = unwrap(file(&entries).metadata(), &held(ALICE_KEY)).unwrap_err();
    assert!(matches!(error, UnwrapError::NoMatch(_)), "{error}");
    entries.drain(..4000);
    let unwrapped = unwrap(file(&entries).metadata(), &held(ALICE_KEY)).unwrap();
    assert_eq!(unwrapped.opened_by.to_string(), ALICE);
}

#[test]
fn an_entry_of_ours_that_does_not_open_is_damage() {
    let mut entries = wrap(&key(), &recipients(&[ALICE, BOB])).unwrap();
    // Bob's age file under Alice's name: anybody who can write the file can do that.
    let bobs = entries[1].enc.clone();
    let empty = "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n";
    for enc in [bobs.as_str(), "", "nonsense", empty] {
        entries[0].enc = enc.to_owned();
        let error = unwrap(file(&entries).metadata(), &held(ALICE_KEY)).unwrap_err();
        assert_eq!(
            error,
            UnwrapError::Damaged {
                recipient: ALICE.to_owned()
            },
            "{enc:?}"
        );
    }
}

#[test]
fn one_damaged_entry_does_not_hide_a_good_one() {
    let mut entries = wrap(&key(), &recipients(&[BOB, ALICE])).unwrap();
    entries[0].enc = "nonsense".to_owned();
    assert!(unwrap(file(&entries).metadata(), &held(ALICE_KEY)).is_ok());
}

#[test]
fn a_key_of_the_wrong_length_is_damage() {
    for length in [0, 16, 31, 33, 64] {
        let recipient: age::x25519::Recipient = ALICE.parse().unwrap();
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
        let enc = armored(|output| {
            let mut writer = encryptor.wrap_output(output).unwrap();
            writer.write_all(&vec![7; length]).unwrap();
            writer.finish().unwrap();
        });
        let entry = AgeEntry {
            recipient: ALICE.to_owned(),
            enc,
        };
        let error = unwrap(file(&[entry]).metadata(), &held(ALICE_KEY)).unwrap_err();
        assert_eq!(
            error,
            UnwrapError::Damaged {
                recipient: ALICE.to_owned()
            },
            "{length}"
        );
    }
}

#[test]
fn a_passphrase_is_never_tried() {
    // Its work factor would keep a machine busy for years.
    let text = "age-encryption.org/v1\n\
        -> scrypt rF0/NwblUHHTpgQgRpe5CQ 40\n\
        gUjEymFKMVXQEKdMMHL24oYexjE3TIC0O0zGSqJ2aUY\n\
        --- gxhoSa5BciRDt8lOpYNcx4EYtKpS0CJ06F3ZwN82VaM\n";
    let enc = armored(|output| output.write_all(text.as_bytes()).unwrap());
    let entry = AgeEntry {
        recipient: ALICE.to_owned(),
        enc,
    };
    assert!(unwrap(file(&[entry]).metadata(), &held(ALICE_KEY)).is_err());
}

/// A file whose data key is split over groups of these, `threshold` of which are needed.
fn split_file(groups: &[&[&str]], threshold: usize) -> Document<Encrypted> {
    let groups: Vec<_> = groups.iter().map(|group| recipients(group)).collect();
    let mut next = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            next = next.wrapping_mul(5).wrapping_add(3);
            next
        });
    };
    let wrapped = wrap_split(&key(), &groups, threshold, &mut random).unwrap();
    let text = SecretString::new("a: b\n".to_owned());
    let Ok(Parsed::Clear(document)) = parse(text) else {
        panic!("the text is clear")
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let policy = EncryptionPolicy::default();
    let sealed = document.encrypt(&policy, &key(), &wrapped, now, &mut random);
    match parse(SecretString::new(sealed.unwrap())) {
        Ok(Parsed::Encrypted(document)) => document,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_split_key_takes_as_many_groups_as_are_needed() {
    let carol = Identity::generate();
    let carol_name = carol.to_public().to_string();
    let file = split_file(&[&[ALICE, BOB], &[&carol_name], &[BOB]], 2);
    let metadata = file.metadata();
    assert_eq!((metadata.key_groups(), metadata.threshold()), (3, 2));
    let mut both = held(ALICE_KEY);
    let error = unwrap(metadata, &both).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "of its 3 key groups 2 are needed, and 1 open; the others want one of {carol_name}, {BOB}; \
             held: {ALICE} (keys.txt)"
        )
    );
    both.extend(held(carol.to_secret_text().expose()));
    let unwrapped = unwrap(metadata, &both).unwrap();
    assert_eq!(unwrapped.key.expose(), key().expose());
    assert_eq!(unwrapped.opened_by.to_string(), ALICE);
    assert_eq!(unwrapped.also_by, [carol.to_public()]);
}

#[test]
fn one_identity_in_two_groups_is_enough_for_both() {
    let file = split_file(&[&[ALICE], &[BOB], &[ALICE]], 2);
    let unwrapped = unwrap(file.metadata(), &held(ALICE_KEY)).unwrap();
    assert_eq!(unwrapped.key.expose(), key().expose());
}

#[test]
fn shares_that_do_not_fit_are_damage() {
    let file = split_file(&[&[ALICE], &[ALICE]], 2);
    let share = |index: usize| file.metadata().age()[index].enc.clone();
    let both = KeyGroups {
        groups: vec![vec![entry(&share(0))], vec![entry(&share(0))]],
        threshold: 2,
    };
    let whole = wrap(&key(), &recipients(&[ALICE])).unwrap().remove(0);
    let mixed = KeyGroups {
        groups: vec![vec![entry(&share(0))], vec![whole]],
        threshold: 2,
    };
    for (groups, expected) in [
        (both, UnwrapError::Shares),
        (
            mixed,
            UnwrapError::Damaged {
                recipient: ALICE.to_owned(),
            },
        ),
    ] {
        let text = SecretString::new("a: b\n".to_owned());
        let Ok(Parsed::Clear(document)) = parse(text) else {
            panic!("the text is clear")
        };
        let policy = EncryptionPolicy::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let sealed = document.encrypt(&policy, &key(), &groups, now, &mut |bytes| bytes.fill(3));
        let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(sealed.unwrap())) else {
            panic!("the text is encrypted")
        };
        let error = unwrap(document.metadata(), &held(ALICE_KEY)).unwrap_err();
        assert_eq!(error, expected);
    }
}

fn entry(enc: &str) -> AgeEntry {
    AgeEntry {
        recipient: ALICE.to_owned(),
        enc: enc.to_owned(),
    }
}
