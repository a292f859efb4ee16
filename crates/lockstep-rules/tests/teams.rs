//! What a policy file says under `lockstep:`, and how it is refused.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

use lockstep_rules::{RecipientText, Rules, RulesError, TeamProblem};

/// Test keys.
const ALICE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const BOB: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

fn parse(teams: &str) -> Rules {
    Rules::parse(&format!(
        "keys: [&alice {ALICE}, &bob {BOB}]\ncreation_rules: []\nlockstep:\n{teams}"
    ))
    .unwrap()
}

fn problem(team: &str) -> TeamProblem {
    let text = format!("lockstep:\n  teams:\n    a: {{paths: [apps/a]}}\n    {team}\n");
    match Rules::parse(&text).unwrap_err() {
        RulesError::Team { problem, .. } => problem,
        other => unreachable!("{other}"),
    }
}

fn texts(recipients: &[RecipientText]) -> Vec<&str> {
    recipients.iter().map(|one| one.text.as_str()).collect()
}

#[test]
fn a_file_belongs_to_the_team_whose_path_it_lies_in() {
    let rules =
        parse("  teams:\n    shop: {paths: [apps/shop/, ./extra.yaml]}\n    blog: {paths: blog}\n");
    let team = |path| rules.teams().team_of(path).map(lockstep_rules::Team::name);
    assert_eq!(team("apps/shop/db.yaml"), Some("shop"));
    assert_eq!(team("apps/shop"), Some("shop"));
    assert_eq!(team("extra.yaml"), Some("shop"));
    assert_eq!(team("blog/a/b.yaml"), Some("blog"));
    for nobodys in [
        "apps/shopping/db.yaml",
        "apps/x.yaml",
        "x/blog/y.yaml",
        "/blog/y.yaml",
    ] {
        assert_eq!(team(nobodys), None, "{nobodys}");
    }
    let rules = parse("  teams:\n    all: {paths: [.]}\n");
    assert!(rules.teams().team_of("any/where.yaml").is_some());
    assert!(rules.teams().team_of("/elsewhere.yaml").is_none());
}

#[test]
fn recipients_and_former_ones_are_the_teams_own() {
    let rules = parse(
        "  former: [*alice]\n  teams:\n    shop:\n      paths: [shop]\n      namespaces: [shop, shop-2]\n      recipients: [*alice]\n      former: [*bob]\n",
    );
    let team = rules.teams().team_of("shop/x.yaml").unwrap();
    assert_eq!(texts(team.recipients()), [ALICE]);
    assert_eq!(texts(team.former()), [BOB]);
    assert_eq!(texts(rules.teams().former()), [ALICE]);
}

#[test]
fn what_could_be_taken_for_something_else_is_refused() {
    for path in [
        "/apps", "../apps", "apps//b", "apps/*", "^apps", "apps/./b", "''",
    ] {
        assert!(
            matches!(
                problem(&format!("b: {{paths: [{path}]}}")),
                TeamProblem::Path(_)
            ),
            "{path}"
        );
    }
    assert_eq!(problem("b: {paths: []}"), TeamProblem::NoPath);
    assert_eq!(problem("B: {paths: [b]}"), TeamProblem::Name);
    assert_eq!(
        problem("b: {paths: [b], namespaces: [Kube_System]}"),
        TeamProblem::Namespace("Kube_System".into())
    );
    for path in ["apps/a/b", "apps", ".", "apps/a"] {
        let found = problem(&format!("b: {{paths: [{path}]}}"));
        assert!(
            matches!(found, TeamProblem::Shared { other, .. } if other == "a"),
            "{path}"
        );
    }
    let both = format!("b: {{paths: [b], recipients: [{BOB}], former: [{BOB}]}}");
    assert_eq!(problem(&both), TeamProblem::StillThere { line: 4 });
}

#[test]
fn a_typing_error_takes_no_guard_away() {
    for text in [
        "lockstep: {team: {}}",
        "lockstep: {teams: {a: {paths: [a], formers: []}}}",
        "lockstep: {teams: {a: {recipients: []}}}",
        "lockstep: {teams: {a: {paths: [a]}, a: {paths: [b]}}}",
        "lockstep: [teams]",
    ] {
        let error = Rules::parse(text).unwrap_err();
        assert!(
            matches!(error, RulesError::Syntax { line: 1, .. }),
            "{text}: {error}"
        );
    }
    assert!(Rules::parse("lockstep:\n").is_ok());
}

#[test]
fn anchors_on_recipients_are_names() {
    let rules = Rules::parse(&format!(
        "keys:\n  people:\n    - &alice {ALICE}\n  machines: {{ci: &ci-1 {BOB}}}\nother: &x no-recipient\nagain: [&alias {ALICE}]\n"
    ))
    .unwrap();
    assert_eq!(rules.names().name_of(ALICE), Some("alice"));
    assert_eq!(rules.names().name_of(BOB), Some("ci-1"));
    assert_eq!(rules.names().name_of("no-recipient"), None);
}

#[test]
fn a_name_for_two_recipients_is_nobodys() {
    let text = format!("keys: [&alice {ALICE}, &alice {BOB}]\n");
    let rules = Rules::parse(&text).unwrap();
    assert_eq!(rules.names().name_of(ALICE), None);
    assert_eq!(rules.names().name_of(BOB), None);
}
