//! What a policy file says about paths, and how it is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]

use lockstep_rules::{
    Choice, Named, RecipientsError, Rule, Rules, RulesError, SECRET_FILES, proposal,
};
use lockstep_sops::{MacScope, Selector};

/// Test keys.
const ALICE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const BOB: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

fn parse(text: &str) -> Rules {
    Rules::parse(text).unwrap()
}

fn number(rules: &Rules, path: &str) -> Option<usize> {
    match rules.rule_for(path) {
        Choice::Rule(rule) => Some(rule.number()),
        Choice::NoMatch => None,
        Choice::NoRules => panic!("there are no rules"),
    }
}

fn recipients(rule: &Rule) -> Vec<String> {
    rule.recipients()
        .unwrap()
        .iter()
        .map(|recipient| recipient.text.clone())
        .collect()
}

#[test]
fn the_first_rule_found_anywhere_in_the_path_counts() {
    let rules = parse(&format!(
        "creation_rules:\n  - path_regex: prod/\n    age: {ALICE}\n  - path_regex: \\.yaml$\n    age: {BOB}\n"
    ));
    assert_eq!(number(&rules, "apps/prod/db.yaml"), Some(1));
    assert_eq!(number(&rules, "apps/dev/db.yaml"), Some(2));
    assert_eq!(number(&rules, "apps/dev/db.json"), None);
    assert_eq!(rules.rules()[1].line(), 4);
}

#[test]
fn a_rule_without_path_regex_is_for_every_path() {
    let rules = parse(&format!("creation_rules:\n  - age: {ALICE}\n"));
    assert_eq!(number(&rules, "anything"), Some(1));
}

#[test]
fn no_rules_and_no_matching_rule_are_different_things() {
    for text in ["", "# nothing\n", "stores: {}\n", "creation_rules:\n"] {
        assert!(
            matches!(parse(text).rule_for("x.yaml"), Choice::NoRules),
            "{text:?}"
        );
    }
    assert!(matches!(
        parse("creation_rules: []\n").rule_for("x.yaml"),
        Choice::NoMatch
    ));
}

#[test]
fn recipients_come_as_text_list_group_and_alias() {
    let forms = [
        format!("creation_rules:\n  - age: '{ALICE}, {BOB},'\n"),
        format!("creation_rules:\n  - age: [{ALICE}, {BOB}]\n"),
        format!("creation_rules:\n  - age: >-\n      {ALICE},\n      {BOB}\n"),
        format!("keys: [&a {ALICE}, &b {BOB}]\ncreation_rules:\n  - age: [*a, *b, *a]\n"),
        format!("creation_rules:\n  - key_groups:\n      - age: [{ALICE}, {BOB}]\n    pgp: ABC\n"),
        format!(
            "creation_rules:\n  - key_groups:\n      - merge:\n          - age: [{ALICE}]\n        age: [{BOB}]\n        pgp: []\n"
        ),
        format!("x: &base\n  age: [{ALICE}, {BOB}]\ncreation_rules:\n  - <<: *base\n"),
    ];
    for text in forms {
        assert_eq!(recipients(&parse(&text).rules()[0]), [ALICE, BOB], "{text}");
    }
}

#[test]
fn selectors_and_mac_scope_are_read() {
    let rules = parse(&format!(
        "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n    age: {ALICE}\n  - age: {BOB}\n    encrypted_suffix: ''\n"
    ));
    let policy = rules.rules()[0].policy();
    assert_eq!(policy.selector.field(), "encrypted_regex");
    assert_eq!(policy.selector.text(), "^(data|stringData)$");
    assert_eq!(policy.mac_scope, MacScope::EncryptedOnly);
    assert_eq!(rules.rules()[1].policy().selector, Selector::default());
}

#[test]
fn what_cannot_be_encrypted_for_is_refused_when_it_is_needed() {
    let error = |text: &str| parse(text).rules()[0].recipients().unwrap_err().clone();
    assert_eq!(
        error("creation_rules:\n  - pgp: ABC\n    kms: ''\n    hckms: [x]\n    age: age1x\n"),
        RecipientsError::OtherKinds {
            line: 2,
            kinds: vec!["pgp", "hckms"]
        }
    );
    assert_eq!(
        error("creation_rules:\n  - key_groups:\n      - age: [a]\n      - pgp: [b]\n"),
        RecipientsError::OtherKinds {
            line: 2,
            kinds: vec!["pgp"]
        }
    );
    assert_eq!(
        error("creation_rules:\n  - path_regex: x\n"),
        RecipientsError::Nobody { line: 2 }
    );
}

#[test]
fn recipients_know_their_lines() {
    let text =
        format!("keys:\n  - &a {ALICE}\ncreation_rules:\n  - age:\n      - *a\n      - {BOB}\n");
    let lines: Vec<_> = parse(&text).rules()[0]
        .recipients()
        .unwrap()
        .iter()
        .map(|r| r.line)
        .collect();
    assert_eq!(lines, [5, 6]);
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    let key = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    let error = Rules::parse(&format!("creation_rules:\n  - age: {key}\n")).unwrap_err();
    assert!(matches!(error, RulesError::PrivateKey { line: 2 }));
    assert!(!format!("{error} {error:?}").contains("GQ977"));
}

#[test]
fn typing_errors_in_field_names_are_listed() {
    let rules = parse(&format!(
        "creation_rules:\n  - path_regexp: x\n    age: {ALICE}\n    encrypted_regexes: y\ncreation_rulez: []\nlockstep: {{}}\nadmins: []\n"
    ));
    let unknown: Vec<_> = rules
        .unknown_fields()
        .iter()
        .map(|field| (field.line, field.name.as_str()))
        .collect();
    assert_eq!(
        unknown,
        [
            (5, "creation_rulez"),
            (2, "path_regexp"),
            (4, "encrypted_regexes")
        ]
    );
}

#[test]
fn broken_files_are_refused_with_a_line() {
    let error = |text: &str| Rules::parse(text).unwrap_err().to_string();
    assert!(
        error("creation_rules:\n  - path_regex: '('\n").starts_with("line 2: path_regex of rule 1")
    );
    assert!(
        error("creation_rules:\n  - encrypted_regex: '['\n").starts_with("line 2: the selector")
    );
    assert_eq!(
        error("creation_rules:\n  - encrypted_regex: a\n    unencrypted_suffix: b\n"),
        "line 2: rule 1 has both unencrypted_suffix and encrypted_regex; only one may be set"
    );
    assert_eq!(
        error("creation_rules:\n  - age: a\n    age: b\n"),
        "line 3: duplicate mapping key: age"
    );
    assert_eq!(
        error("creation_rules:\n  - age: [null]\n"),
        "line 2: cannot deserialize null into string"
    );
    assert!(error("creation_rules: {\n").starts_with("line "));
    assert!(error("creation_rules: text\n").starts_with("line 1: "));
}

#[test]
fn the_proposal_says_what_it_should() {
    let people = [
        Named {
            name: "alice".into(),
            recipient: ALICE.into(),
        },
        Named {
            name: "cluster".into(),
            recipient: BOB.into(),
        },
    ];
    let rules = parse(&proposal(&people));
    assert_eq!(rules.unknown_fields(), []);
    let Choice::Rule(rule) = rules.rule_for("apps/db-secret.yaml") else {
        panic!("no rule matches")
    };
    assert_eq!(rule.path_regex(), Some(SECRET_FILES));
    assert_eq!(recipients(rule), [ALICE, BOB]);
}

#[test]
fn the_proposed_convention_finds_secrets_by_name() {
    let rules = parse(&proposal(&[]));
    for path in [
        "secret.yaml",
        "apps/db-secret.yaml",
        "apps/mysecret.yml",
        "secrets/db.yaml",
        "app.secrets.prod.yaml",
        "secret_db.yaml",
    ] {
        assert_eq!(number(&rules, path), Some(1), "{path}");
    }
    for path in [
        "deployment.yaml",
        "secretary.yaml",
        "secret.json",
        "secrets/readme.md",
    ] {
        assert_eq!(number(&rules, path), None, "{path}");
    }
}

#[test]
fn large_policy_files_are_read() {
    let comments = "  # who decided this, and when\n".repeat(1000);
    let rule = "  - path_regex: x\n    age: [*a, *b]\n";
    let text = format!(
        "keys:\n{comments}  - &a {ALICE}\n  - &b {BOB}\ncreation_rules:\n{comments}{}",
        rule.repeat(2000)
    );
    assert_eq!(parse(&text).rules().len(), 2000);
}

#[test]
fn files_that_unfold_without_end_are_refused() {
    let mut text = "x0: &x0 [a, a, a, a, a, a, a, a, a]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*x{}", level - 1); 9].join(", ");
        text += &format!("x{level}: &x{level} [{below}]\n");
    }
    text += "creation_rules:\n  - age: *x11\n";
    assert!(matches!(
        Rules::parse(&text),
        Err(RulesError::Syntax { .. })
    ));
    assert!(matches!(
        Rules::parse(&"[".repeat(100_000)),
        Err(RulesError::Syntax { .. })
    ));
}
