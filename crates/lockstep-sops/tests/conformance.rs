//! The real sops as judge, in both directions: it reads what is written here and finds the same
//! values, and what it writes opens here.
//!
//! `LOCKSTEP_SOPS` must name a sops 3.13.3 binary; `cargo xtask test` builds one and sets it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot run its tools should stop there"
)]

#[path = "conformance/harness.rs"]
mod harness;
#[path = "conformance/random.rs"]
mod random;
#[path = "conformance/stores.rs"]
mod stores;
#[path = "conformance/table.rs"]
mod table;

use harness::{Comments, Judge};
use lockstep_sops::{EncryptionPolicy, MacScope, Selector};
use random::Random;

fn selecting(field: &str, text: &str) -> EncryptionPolicy {
    let selector = Selector::from_field(field, text).unwrap();
    EncryptionPolicy {
        selector,
        mac_scope: MacScope::AllValues,
    }
}

/// The rules a document is tried under.
fn policies() -> Vec<EncryptionPolicy> {
    let mut policies = vec![
        EncryptionPolicy::default(),
        selecting("encrypted_regex", "^(data|stringData)$"),
        selecting("encrypted_suffix", "_secret"),
        selecting("unencrypted_regex", "^(a|metadata)$"),
    ];
    for index in 0..2 {
        let mut policy = policies[index].clone();
        policy.mac_scope = MacScope::EncryptedOnly;
        policies.push(policy);
    }
    policies
}

#[test]
fn sops_reads_what_is_written_here() {
    let judge = Judge::new();
    let mut failures = Vec::new();
    for (name, text) in table::DOCUMENTS {
        for policy in policies() {
            if let Err(failure) = judge.reads_ours(text, &policy, Comments::Decrypt) {
                failures.push(format!(
                    "{name} under {}: {failure}",
                    policy.selector.field()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn what_sops_writes_opens_here() {
    let judge = Judge::new();
    let mut failures = Vec::new();
    for (name, text) in table::DOCUMENTS
        .iter()
        .filter(|(name, _)| !name.starts_with('~'))
    {
        for policy in policies() {
            if let Err(failure) = judge.writes_for_us(text, &policy) {
                failures.push(format!(
                    "{name} under {}: {failure}",
                    policy.selector.field()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn canonical_documents_come_back_byte_for_byte() {
    let mut failures = Vec::new();
    for (name, text) in table::DOCUMENTS
        .iter()
        .filter(|(name, _)| name.starts_with('='))
    {
        for policy in policies() {
            let encrypted = harness::encrypt(text, &policy).unwrap();
            let back = harness::open(&encrypted).unwrap().plaintext();
            if back.expose() != *text {
                failures.push(format!(
                    "{name}:\n{text}---- came back as\n{}",
                    back.expose()
                ));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn random_documents_mean_the_same_to_both() {
    let judge = Judge::new();
    let policies = policies();
    let mut failures = Vec::new();
    for seed in 1..=200 {
        let mut random = Random::new(seed);
        let text = random.file();
        let policy = &policies[random.below(policies.len())];
        let both = judge
            .reads_ours(&text, policy, Comments::MayStay)
            .and_then(|()| judge.writes_for_us(&text, policy));
        if let Err(failure) = both {
            failures.push(format!(
                "seed {seed} under {}:\n{text}{failure}",
                policy.selector.field()
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
