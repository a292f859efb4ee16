//! One policy file means the same to both: for every path the same recipients, selector and scope,
//! or a refusal.

use crate::both::{BOTH, Program};
use crate::scratch::{ALICE, BOB, Scratch};

const PATHS: [&str; 6] = [
    "secret.yaml",
    "apps/secret.yaml",
    "apps/prod/db.yaml",
    "apps/prod/db.secret.yml",
    "grün/geheim.yaml",
    "a b.yaml",
];

/// Policy files in the forms that people write; `A` and `B` stand for recipients.
const POLICIES: [&str; 24] = [
    "creation_rules:\n  - age: A\n",
    "creation_rules:\n  - age: 'A,B,'\n",
    "creation_rules:\n  - age: ' A , B '\n",
    "creation_rules:\n  - age: >-\n      A,\n      B\n",
    "creation_rules:\n  - age:\n      - A\n      - B\n",
    "keys:\n  - &a A\n  - &b B\ncreation_rules:\n  - age: [*a, *b]\n",
    "keys:\n  - &a A\ncreation_rules:\n  - key_groups:\n      - age: [*a]\n",
    "creation_rules:\n  - key_groups:\n      - merge:\n          - age: [A]\n        age: [B]\n",
    "creation_rules:\n  - key_groups:\n      - age: [A]\n    age: B\n",
    "creation_rules:\n  - path_regex: prod/\n    age: A\n  - path_regex: secret\n    age: B\n",
    "creation_rules:\n  - path_regex: ^apps/.*\\.ya?ml$\n    age: A\n",
    "creation_rules:\n  - path_regex: ^secret\n    age: A\n",
    "creation_rules:\n  - path_regex: \\.(yaml|yml)$\n    age: A\n    encrypted_regex: ^(data|stringData)$\n",
    "creation_rules:\n  - path_regex: '^\\w+\\.yaml$'\n    age: A\n",
    "creation_rules:\n  - path_regex: '(?i)SECRET'\n    age: A\n",
    "creation_rules:\n  - path_regex: '\\s'\n    age: A\n  - path_regex: '[^\\x00-\\x7f]'\n    age: B\n",
    "creation_rules:\n  - path_regex: ''\n    age: A\n    mac_only_encrypted: true\n",
    "creation_rules:\n  - age: A\n    encrypted_suffix: _secret\n",
    "creation_rules:\n  - age: A\n    unencrypted_regex: ^meta\n    encrypted_regex: ''\n",
    "creation_rules:\n  - age: A\n    shamir_threshold: 1\n",
    "stores:\n  yaml:\n    indent: 2\ncreation_rules:\n  - age: A\nlockstep:\n  teams:\n    shop:\n      paths: [apps/]\n      namespaces: [shop]\n      recipients: [A]\n      former: [B]\n  former: [B]\n",
    "creation_rules: []\n",
    "creation_rules:\n  - path_regex: '('\n    age: A\n",
    "creation_rules:\n  - age: A\n    encrypted_regex: a\n    encrypted_suffix: b\n",
];

/// What of a sealed file depends on the policy. An error is only an error.
fn decided(program: Program, scratch: &Scratch, path: &str) -> Option<Vec<String>> {
    let ran = program.run(scratch, &["encrypt", path]);
    let fields = [
        "recipient:",
        "- recipient:",
        "encrypted_",
        "unencrypted_",
        "mac_only_encrypted:",
    ];
    (ran.code == 0).then(|| {
        let lines = ran.stdout.lines().skip_while(|line| *line != "sops:");
        let lines = lines.map(|line| line.trim().to_owned());
        lines
            .filter(|line| fields.iter().any(|field| line.starts_with(field)))
            .collect()
    })
}

#[test]
fn one_policy_file_means_the_same_to_both() {
    let mut sealed = 0;
    for policy in POLICIES {
        let scratch = Scratch::new();
        let text = policy.replace("A", ALICE).replace(" B", &format!(" {BOB}"));
        let text = text
            .replace(",B", &format!(",{BOB}"))
            .replace("[B]", &format!("[{BOB}]"));
        scratch.write(".sops.yaml", &text);
        for path in PATHS {
            scratch.write(path, "metadata: x\ndata: y\na_secret: z\n");
            let [ours, theirs] = BOTH.map(|program| decided(program, &scratch, path));
            assert_eq!(ours, theirs, "{path} under\n{policy}");
            sealed += usize::from(ours.is_some());
        }
    }
    // Agreeing on refusals only would show little.
    assert_eq!(sealed, 104);
}

#[test]
fn sops_accepts_the_proposal_of_init() {
    let scratch = Scratch::new();
    let alice = format!("alice={ALICE}");
    Program::Lockstep.data(&scratch, &["init", "--age", &alice, "--age", BOB]);
    for path in PATHS {
        scratch.write(path, "metadata: x\ndata: y\n");
        let [ours, theirs] = BOTH.map(|program| decided(program, &scratch, path));
        assert_eq!(ours, theirs, "{path}");
    }
    assert!(decided(Program::Sops, &scratch, "secret.yaml").is_some());
}
