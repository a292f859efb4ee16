//! Documents nobody would write: whatever is accepted comes back with the same meaning, and nothing
//! panics. Without sops; `conformance.rs` asks sops about such documents too.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at what is unexpected"
)]
#![expect(clippy::panic, reason = "helpers of tests stop at what is unexpected")]

#[path = "conformance/random.rs"]
mod random;
#[path = "conformance/table.rs"]
mod table;

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    AgeEntry, EncryptionPolicy, MacScope, Parsed, Selector, Value, ValueKind, parse,
};
use random::Random;

fn key() -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(3))
}

fn policy(field: &str, text: &str) -> EncryptionPolicy {
    let selector = Selector::from_field(field, text).unwrap();
    EncryptionPolicy {
        selector,
        mac_scope: MacScope::AllValues,
    }
}

/// The encrypted text, unless the document is refused.
fn encrypt(text: &str, policy: &EncryptionPolicy) -> Option<String> {
    let Ok(Parsed::Clear(document)) = parse(SecretString::new(text.to_owned())) else {
        return None;
    };
    let entry = AgeEntry {
        recipient: "age1test".into(),
        enc: "x".into(),
    };
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let mut count = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        count = count.wrapping_add(1);
        bytes.fill(count);
    };
    match document.encrypt(policy, &key(), &[entry], now, &mut random) {
        Ok(encrypted) => Some(encrypted),
        Err(lockstep_sops::EncryptError::NotReadable(error)) => panic!("{error}:\n{text}"),
        Err(_) => None,
    }
}

fn plaintext(encrypted: &str) -> String {
    let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(encrypted.to_owned())) else {
        panic!("not encrypted:\n{encrypted}")
    };
    let opened = document
        .open(&key())
        .unwrap_or_else(|error| panic!("{error}:\n{encrypted}"));
    opened.plaintext().expose().to_owned()
}

/// Every path and typed value of a document that encrypts.
fn meaning(text: &str) -> String {
    let all = policy("unencrypted_suffix", "\0");
    let Some(encrypted) = encrypt(text, &all) else {
        panic!("does not encrypt again:\n{text}")
    };
    let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(encrypted)) else {
        panic!("not encrypted")
    };
    let opened = document.open(&key()).unwrap();
    let mut out = String::new();
    for tree in opened.trees() {
        out.push_str("document\n");
        describe(&tree.root, "", &mut out);
    }
    out
}

fn describe(value: &Value, path: &str, out: &mut String) {
    match &value.kind {
        ValueKind::Mapping(entries) => {
            for (key, value) in entries {
                describe(value, &format!("{path}.{}", key.text), out);
            }
        }
        ValueKind::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                describe(item, &format!("{path}[{index}]"), out);
            }
        }
        ValueKind::Clear(scalar) => out.push_str(&format!("{path} = {:?}\n", scalar.text)),
        ValueKind::Opened(opened) => {
            let (kind, text) = (opened.kind, opened.text.expose());
            out.push_str(&format!("{path} = {kind:?} {text:?}\n"));
        }
    }
}

fn mutate(text: &str, random: &mut Random) -> String {
    const CHARS: &str = " \n\t:-#'\"[]{},|>&*!?%@`ax01~=.<\\/\r\u{85}\u{2028}\u{feff}é";
    let pool: Vec<char> = CHARS.chars().collect();
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(3) {
        let (at, new) = (random.below(chars.len()), pool[random.below(pool.len())]);
        match random.below(3) {
            0 if chars.len() > 1 => drop(chars.remove(at)),
            1 => chars.insert(at, new),
            _ => chars[at] = new,
        }
    }
    chars.into_iter().collect()
}

#[test]
fn what_is_accepted_comes_back_with_the_same_meaning() {
    let policies = [
        EncryptionPolicy::default(),
        policy("encrypted_regex", "^(data|stringData)$"),
        policy("unencrypted_regex", "^(a|metadata)$"),
    ];
    let mut accepted = 0;
    for seed in 1..=3000 {
        let mut random = Random::new(seed);
        let base = if random.below(2) == 0 {
            table::DOCUMENTS[random.below(table::DOCUMENTS.len())]
                .1
                .to_owned()
        } else {
            random.file()
        };
        let text = mutate(&base, &mut random);
        let policy = &policies[random.below(policies.len())];
        let Some(encrypted) = encrypt(&text, policy) else {
            continue;
        };
        accepted += 1;
        let back = plaintext(&encrypted);
        assert_eq!(
            meaning(&back),
            meaning(&text),
            "seed {seed}:\n{text}\n---- became\n{back}"
        );
    }
    assert!(
        accepted > 500,
        "only {accepted} of the documents were accepted"
    );
}

#[test]
fn damaged_ciphertext_never_panics() {
    let text = "a: x\nb:\n  - z # c\n  - |\n    w\nc: {d: [1, \"e\"]}\n---\nf: &g h\n";
    let encrypted = encrypt(text, &EncryptionPolicy::default()).unwrap();
    let mut refused = 0;
    for seed in 1..=2000 {
        let mut random = Random::new(seed);
        let damaged = mutate(&encrypted, &mut random);
        if let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(damaged)) {
            match document.open(&key()) {
                Ok(opened) => drop(opened.plaintext()),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 0);
}
