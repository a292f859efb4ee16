//! One value set by one program and read by the other; the others keep their ciphertext.

use crate::both::{BOTH, Program};
use crate::scratch::Scratch;
use crate::travel::{MANIFESTS, repository};

/// The encrypted values of a file, without the MAC.
fn ciphertexts(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim().starts_with("mac:"));
    let parts = lines.flat_map(|line| line.split("ENC[").skip(1));
    parts
        .map(|part| part.split(",type:").next().unwrap().to_owned())
        .collect()
}

/// The file as both read it, which must be the same.
#[track_caller]
fn read_by_both(scratch: &Scratch, name: &str) -> serde_json::Value {
    let [ours, theirs] = BOTH.map(|program| program.data(scratch, &["decrypt", name]));
    scratch.write("ours.yaml", &ours);
    scratch.write("theirs.yaml", &theirs);
    let json = |file| {
        let arguments = [
            "--config",
            "none.yaml",
            "encrypt",
            "--age",
            crate::scratch::ALICE,
        ];
        let sealed = Program::Sops.data(scratch, &[&arguments[..], &[file]].concat());
        scratch.write(file, &sealed);
        Program::Sops.data(scratch, &["decrypt", "--output-type", "json", file])
    };
    let rule = format!("creation_rules:\n  - age: {}\n", crate::scratch::ALICE);
    scratch.write("none.yaml", &rule);
    let [ours, theirs] = ["ours.yaml", "theirs.yaml"].map(json);
    assert_eq!(ours, theirs, "{name}");
    serde_json::from_str(&ours).unwrap()
}

#[test]
fn what_one_sets_the_other_reads_and_the_rest_keeps_its_ciphertext() {
    let values = [
        "\"text\"",
        "\"a\\nb\\n\"",
        "true",
        "7.5",
        "{\"x\": {\"y\": \"z\"}}",
        "null",
    ];
    for maker in BOTH {
        for setter in BOTH {
            let scratch = repository();
            let (name, _) = MANIFESTS[0];
            scratch.write(name, &maker.data(&scratch, &["encrypt", name]));
            for value in values {
                for index in [r#"["stringData"]["user"]"#, r#"["stringData"]["new"]"#] {
                    let before = ciphertexts(&scratch.read(name));
                    let ran = setter.run(&scratch, &["set", name, index, value]);
                    assert_eq!(ran.code, 0, "{maker:?} {setter:?} {value}: {}", ran.stderr);
                    let after = ciphertexts(&scratch.read(name));
                    let kept = after.iter().filter(|one| before.contains(one)).count();
                    assert!(kept + 1 >= before.len(), "{maker:?} {setter:?} {value}");
                }
                let read = read_by_both(&scratch, name);
                let expected: serde_json::Value = serde_json::from_str(value).unwrap();
                assert_eq!(read["stringData"]["user"], expected, "{maker:?} {setter:?}");
                assert_eq!(read["stringData"]["new"], expected, "{maker:?} {setter:?}");
            }
            let ran = setter.run(&scratch, &["unset", name, r#"["stringData"]["new"]"#]);
            assert_eq!(ran.code, 0, "{maker:?} {setter:?}: {}", ran.stderr);
            assert!(read_by_both(&scratch, name)["stringData"]["new"].is_null());
        }
    }
}

#[test]
fn the_same_mistakes_with_values_end_with_the_same_codes() {
    let scratch = repository();
    let (name, text) = MANIFESTS[0];
    scratch.write("clear-secret.yaml", text);
    scratch.write(name, &Program::Sops.data(&scratch, &["encrypt", name]));
    let user = r#"["stringData"]["user"]"#;
    for (arguments, code) in [
        (&["set", name, user][..], 100),
        (&["set", name], 100),
        (&["set", "none-secret.yaml", user, "1"], 2),
        (&["set", name, "user", "1"], 7),
        (&["set", name, user, "x"], 7),
        (&["set", name, "[\"sops\"]", "1"], 203),
        (&["set", "clear-secret.yaml", user, "1"], 1),
        (&["set", "--value-file", name, user, "none"], 1),
        (&["set", "--idempotent", name, user, "\"shop\""], 0),
        (&["unset", name], 100),
        (&["unset", name, "user"], 7),
        (&["unset", name, "[\"none\"]"], 1),
        (&["unset", "--idempotent", name, "[\"none\"]"], 0),
        (&["filestatus", name], 0),
        (&["filestatus", "clear-secret.yaml"], 0),
        (&["filestatus", "none.yaml"], 1),
        (&["filestatus"], 100),
    ] {
        let [ours, theirs] = BOTH.map(|program| program.run(&scratch, arguments));
        assert_eq!(ours.code, code, "{arguments:?}: {}", ours.stderr);
        assert_eq!(theirs.code, code, "{arguments:?}: {}", theirs.stderr);
        if arguments[0] == "filestatus" {
            assert_eq!(ours.stdout, theirs.stdout, "{arguments:?}");
        }
    }
}

#[test]
fn recipients_that_one_updates_the_other_reads() {
    for (maker, updater) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let scratch = repository();
        let (name, _) = MANIFESTS[0];
        let sealed = maker.data(&scratch, &["encrypt", name]);
        scratch.write(name, &sealed);
        let expected = Program::Sops.data(&scratch, &["decrypt", name]);
        let (alice, bob) = (crate::scratch::ALICE, crate::scratch::BOB);
        let policy = scratch.read(".sops.yaml");
        scratch.write(
            ".sops.yaml",
            &policy.replace(alice, &format!("{alice},{bob}")),
        );
        let ran = updater.run(&scratch, &["updatekeys", "--yes", name]);
        assert_eq!(ran.code, 0, "{updater:?}: {}", ran.stderr);
        let updated = scratch.read(name);
        assert!(updated.contains(bob), "{updater:?}");
        assert_eq!(ciphertexts(&updated), ciphertexts(&sealed), "{updater:?}");
        assert_eq!(Program::Sops.data(&scratch, &["decrypt", name]), expected);
        let ran = maker.run(&scratch, &["updatekeys", "--yes", name]);
        assert_eq!((ran.code, scratch.read(name)), (0, updated), "{maker:?}");
    }
}
