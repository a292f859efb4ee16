//! `updatekeys`.

use crate::scratch::{ALICE, BOB, Scratch, secret};

/// A file for Alice, and a policy for Alice and Bob.
fn repository() -> Scratch {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    let policy = scratch.read(".sops.yaml");
    scratch.write(
        ".sops.yaml",
        &policy.replace(ALICE, &format!("{ALICE},{BOB}")),
    );
    scratch
}

#[test]
fn the_recipients_change_and_the_seal_and_nothing_else() {
    let scratch = repository();
    let before = scratch.read("secret.yaml");
    scratch
        .run(&["updatekeys", "--yes", "secret.yaml"])
        .said(&format!(
            "secret.yaml: {BOB} gains access\nsecret.yaml: updated\n"
        ));
    let after = scratch.read("secret.yaml");
    assert!(after.contains(ALICE) && after.contains(BOB), "{after}");
    let rest = |text: &str| -> String {
        let start = text.find("    age:").unwrap();
        let end = text.find("    encrypted_regex:").unwrap();
        let kept = format!("{}{}", &text[..start], &text[end..]);
        let lines = kept.lines().filter(|line| !line.contains("lockstep_seal:"));
        lines.collect()
    };
    assert_eq!(rest(&after), rest(&before));
    assert!(scratch.run(&["decrypt", "secret.yaml"]).code == 0);
    scratch
        .run(&["updatekeys", "secret.yaml"])
        .said("secret.yaml: already up to date\n");
}

#[test]
fn somebody_who_left_loses_access_and_rotation_is_advised() {
    let scratch = repository();
    scratch.run(&["updatekeys", "--yes", "secret.yaml"]);
    let policy = scratch.read(".sops.yaml").replace(&format!(",{BOB}"), "");
    scratch.write(
        ".sops.yaml",
        &format!("{policy}lockstep:\n  former: [{BOB}]\n"),
    );
    scratch.run(&["updatekeys", "--yes", "secret.yaml"]).said(&format!(
        "secret.yaml: {BOB} loses access\nsecret.yaml: updated\nhint: the data key stays, so that whoever lost access could still use it: lockstep rotate makes a new one\n"
    ));
    assert!(!scratch.read("secret.yaml").contains(BOB));
}

#[test]
fn nothing_changes_without_a_yes_or_for_strangers() {
    let scratch = repository();
    let before = scratch.read("secret.yaml");
    scratch.run(&["updatekeys", "secret.yaml"]).fails(
        10,
        &format!("secret.yaml: {BOB} gains access\nsecret.yaml: left unchanged: nobody is there to confirm it\nhint: if this is as it should be, add --yes\n"),
    );
    assert_eq!(scratch.read("secret.yaml"), before);
    // A file that was encrypted for somebody unknown may have been planted.
    let policy = scratch.read(".sops.yaml");
    scratch.write(".sops.yaml", &policy.replace(&format!("{ALICE},"), ""));
    let ran = scratch.run(&["updatekeys", "--yes", "secret.yaml"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("whom the policy does not know"),
        "{}",
        ran.stderr
    );
    assert_eq!(scratch.read("secret.yaml"), before);
    for (arguments, code) in [
        (&["updatekeys"][..], 100),
        (&["updatekeys", "none.yaml"], 1),
        (&["updatekeys", "."], 1),
        (&["updatekeys", ".sops.yaml"], 1),
        (&["updatekeys", "-y", "none.yaml", "secret.yaml"], 1),
    ] {
        assert_eq!(scratch.run(arguments).code, code, "{arguments:?}");
    }
}
