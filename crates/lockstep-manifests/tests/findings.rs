//! What is noted of a manifest for a policy to judge, and that the notes hold no value.

use lockstep_manifests::{Encryption, Findings, Mark, render};
use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{AgeEntry, Document, EncryptionPolicy, Opened, Parsed, Selector};
use std::collections::BTreeMap;

/// Opens `text`, of which `regex` was encrypted before, if anything.
fn document(text: &str, regex: Option<&str>) -> Document<Opened> {
    let parse = |text: String| lockstep_sops::parse(SecretString::new(text)).expect("a document");
    let Parsed::Clear(clear) = parse(text.to_owned()) else {
        unreachable!("the tests start without a sops block")
    };
    let Some(regex) = regex else {
        return clear.into_opened().expect("opens");
    };
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let key = DataKey::generate(&mut random);
    let policy = EncryptionPolicy {
        selector: Selector::from_field("encrypted_regex", regex).expect("a selector"),
        ..EncryptionPolicy::default()
    };
    let wrapped = [AgeEntry {
        recipient: "age1test".into(),
        enc: "test key\n".into(),
    }];
    let now = jiff::Timestamp::from_second(1_700_000_000).expect("a time");
    let text = clear
        .encrypt(&policy, &key, &wrapped, now, &mut random)
        .expect("encrypts");
    let Parsed::Encrypted(document) = parse(text) else {
        unreachable!("the file was just encrypted")
    };
    document.open(&key).expect("opens")
}

fn findings(text: &str, regex: Option<&str>) -> Findings {
    let labels = BTreeMap::from([("lockstep.dev/sync".to_owned(), "app".to_owned())]);
    let path = "x.yaml".parse().expect("a path");
    let mut manifests = render(&path, &document(text, regex), &labels).expect("renders");
    manifests.remove(0).findings
}

fn secret(lines: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n{lines}\n")
}

fn names(findings: &Findings, mark: Mark) -> Vec<&str> {
    findings
        .marked(mark)
        .map(|power| power.name.as_str())
        .collect()
}

#[test]
fn how_the_values_of_a_secret_stood_in_the_file_is_noted() {
    let both = secret("stringData: {user: canary, password: canary}");
    let place = |encryption| match encryption {
        Encryption::Partial(place) => format!("partial: {place}"),
        Encryption::None(place) => format!("none: {place}"),
        other => format!("{other:?}"),
    };
    for (text, regex, expected) in [
        (&both, None, "none: line 4, stringData.password"),
        (&both, Some("^$"), "none: line 4, stringData.password"),
        (
            &both,
            Some("^password$"),
            "partial: line 4, stringData.user",
        ),
        (&both, Some("^stringData$"), "Full"),
        (&secret("data: {}"), None, "NothingToEncrypt"),
        // SOPS does not encrypt what is empty.
        (
            &secret("stringData: {a: '', b: x}"),
            Some("^stringData$"),
            "Full",
        ),
        (&secret("stringData: {a: ''}"), None, "NothingToEncrypt"),
    ] {
        assert_eq!(
            place(findings(text, regex).encryption),
            expected,
            "{regex:?}\n{text}"
        );
    }
    let other = both.replace("kind: Secret", "kind: ConfigMap");
    assert_eq!(
        findings(&other, None).encryption,
        Encryption::NothingToEncrypt
    );
}

#[test]
fn a_decrypted_value_outside_the_data_of_a_secret_is_noted_by_its_place() {
    let text = secret("stringData: {a: canary}");
    let elsewhere = |text: &str, regex: &str| {
        let findings = findings(text, Some(regex));
        assert!(!format!("{findings:?}").contains("canary"), "{findings:?}");
        findings.encrypted_elsewhere.map(|place| place.to_string())
    };
    assert_eq!(elsewhere(&text, "^(data|stringData)$"), None);
    assert_eq!(elsewhere(&text, "."), Some("line 1, apiVersion".into()));
    let labelled = text.replace("{name: x}", "{name: x, labels: {a: [canary]}}");
    assert_eq!(
        elsewhere(
            &labelled.replace("[canary]", "canary"),
            "^(stringData|labels)$"
        ),
        Some("line 3, metadata.labels.a".into())
    );
    let config = text
        .replace("kind: Secret", "kind: ConfigMap")
        .replace("stringData", "data");
    assert_eq!(elsewhere(&config, "^data$"), Some("line 4, data.a".into()));
    let other = text.replace("apiVersion: v1", "apiVersion: example.com/v1");
    assert_eq!(
        elsewhere(&other, "^stringData$"),
        Some("line 4, stringData.a".into())
    );
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: X\n  metadata: {name: x}\n  args: [a, b]\n";
    assert_eq!(
        elsewhere(list, "^args$"),
        Some("line 7, items[0].args[0]".into())
    );
}

#[test]
fn types_labels_and_annotations_with_power_are_noted() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  labels:\n    app: x\n\
                \x20   argocd.argoproj.io/secret-type: cluster\n    lockstep.dev/sync: other\n\
                \x20   management.cattle.io/x: y\n  annotations:\n    example.com/note: z\n\
                \x20   argocd.argoproj.io/sync-wave: '1'\n    kubernetes.io/service-account.name: admin\n\
                type: kubernetes.io/service-account-token\n";
    let found = findings(text, None);
    assert_eq!(
        names(&found, Mark::SecretType),
        ["kubernetes.io/service-account-token"]
    );
    assert_eq!(
        names(&found, Mark::Label),
        [
            "argocd.argoproj.io/secret-type",
            "lockstep.dev/sync",
            "management.cattle.io/x"
        ]
    );
    assert_eq!(
        names(&found, Mark::Annotation),
        ["kubernetes.io/service-account.name"]
    );

    let plain = findings(&secret("type: kubernetes.io/tls"), None);
    assert_eq!(plain.powers, []);
    let hidden = findings(&secret("type: fleet.cattle.io/canary"), Some("^type$"));
    assert_eq!(names(&hidden, Mark::SecretType), ["*.cattle.io/*"]);
}
