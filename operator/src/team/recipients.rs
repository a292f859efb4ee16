//! What a Team publishes, pure: the recipients it has, and those it had.

use crate::keys::KeyRing;
use lockstep_api::{PublishedRecipient, RecipientState, Team};

/// How many are published. What is held or missing goes before what is retired.
const MOST: usize = 128;

/// The recipients of `ring`, and those that were published `before` and are not in it: missing if
/// their Secret is, and retired if it is there without them or no longer the Team's.
pub(super) fn publish(
    before: &[PublishedRecipient],
    ring: &KeyRing,
    team: &Team,
) -> Vec<PublishedRecipient> {
    let is_there = |one: &&PublishedRecipient| {
        let mut now = ring.recipients.iter();
        now.any(|other| other.recipient == one.recipient)
    };
    let was = |one: &PublishedRecipient| {
        let mut keys = team.spec.keys.iter();
        let is_named = keys.any(|key| key.secret_ref.name == one.secret);
        let is_broken = ring.missing.iter().any(|bad| bad.secret == one.secret);
        PublishedRecipient {
            state: if is_named && is_broken {
                RecipientState::Missing
            } else {
                RecipientState::Retired
            },
            ..one.clone()
        }
    };
    let gone = before.iter().filter(|one| !is_there(one)).map(was);
    let mut all: Vec<_> = ring.recipients.iter().cloned().chain(gone).collect();
    all.sort_by(|a, b| (a.state, a).cmp(&(b.state, b)));
    all.dedup();
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeyProblem, MissingKey};
    use serde_json::json;

    fn team() -> Team {
        serde_json::from_value(json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": "a"},
            "spec": {"namespaces": ["a"], "serviceAccountName": "deployer",
                     "keys": [{"secretRef": {"name": "now"}}],
                     "repositories": ["https://git.example.com/*"]},
        }))
        .unwrap()
    }

    fn one(recipient: &str, secret: &str, state: RecipientState) -> PublishedRecipient {
        PublishedRecipient {
            recipient: recipient.to_owned(),
            origin: format!("Secret {secret}"),
            secret: secret.to_owned(),
            state,
        }
    }

    fn states(published: &[PublishedRecipient]) -> Vec<(&str, RecipientState)> {
        let all = published.iter();
        all.map(|one| (one.recipient.as_str(), one.state)).collect()
    }

    #[test]
    fn what_was_published_is_never_forgotten() {
        use RecipientState::{Held, Missing, Retired};
        let before = [one("age1a", "now", Held), one("age1b", "before", Held)];
        let mut ring = KeyRing {
            recipients: vec![one("age1c", "now", Held)],
            ..KeyRing::default()
        };
        let published = publish(&before, &ring, &team());
        let all = [("age1c", Held), ("age1a", Retired), ("age1b", Retired)];
        assert_eq!(states(&published), all);

        ring.recipients.clear();
        ring.missing.push(MissingKey {
            secret: "now".into(),
            why: KeyProblem::NoEntry,
        });
        let published = publish(&published, &ring, &team());
        let all = [("age1a", Missing), ("age1c", Missing), ("age1b", Retired)];
        assert_eq!(states(&published), all);

        ring.missing.clear();
        ring.recipients = vec![one("age1a", "now", Held), one("age1c", "now", Held)];
        let published = publish(&published, &ring, &team());
        let all = [("age1a", Held), ("age1c", Held), ("age1b", Retired)];
        assert_eq!(states(&published), all);
    }
}
