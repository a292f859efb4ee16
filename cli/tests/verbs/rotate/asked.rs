//! `rotate` at a terminal, where somebody can be asked.

use super::Teams;
use crate::session::Session;

/// Carol joins the shop, and somebody is asked.
fn asked() -> (Teams, Session) {
    let teams = Teams::new();
    teams.policy("[*alice, *bob, *carol]", "[*alice, *carol]", "");
    let mut session = Session::start(&teams.scratch, &["rotate", "shop"]);
    session.read_until("[y/N] ");
    assert!(
        session
            .seen
            .contains("shop/db-secret.yaml: gained by carol")
    );
    assert!(session.seen.contains(&teams.carol.recipient));
    assert!(
        session.seen.ends_with("Rotate 2 files? [y/N] "),
        "{}",
        session.seen
    );
    (teams, session)
}

#[test]
fn a_yes_rotates_and_anything_else_changes_nothing() {
    let (teams, session) = asked();
    let before = teams.state();
    let (code, said) = session.answer("yes\n");
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with("2 files rotated\r\n"), "{said}");
    assert_ne!(teams.state(), before);

    // The last is the end of input.
    for answer in ["n\n", "\n", "yo\n", "\u{4}"] {
        let (teams, session) = asked();
        let before = teams.state();
        let (code, said) = session.answer(answer);
        assert_eq!(code, 10, "{said}");
        assert!(said.ends_with("nothing was changed\r\n"), "{said}");
        assert_eq!(teams.state(), before);
    }
}

#[test]
fn what_changes_while_the_answer_is_thought_about_stops_the_run() {
    let (teams, session) = asked();
    let edited = teams.scratch.read("shop/db-secret.yaml") + "# mine\n";
    teams.scratch.write("shop/db-secret.yaml", &edited);
    let before = teams.state();
    let (code, said) = session.answer("y\n");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("shop/db-secret.yaml: it was changed by somebody else meanwhile"));
    assert_eq!(teams.state(), before);

    let (teams, session) = asked();
    teams.policy("[*alice]", "[*alice]", "");
    let before = teams.state();
    let (code, said) = session.answer("y\n");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nothing was changed: the policy file .sops.yaml was changed meanwhile"));
    assert_eq!(teams.state(), before);
}
