//! The identities of one team, put together from its Secrets.

use super::Version;
use super::secret::{KeyProblem, KeySecret, MissingKey};
use kube::ResourceExt;
use lockstep_age::{Identities, Recipient};
use lockstep_api::{PublishedRecipient, RecipientState, Team, TeamKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The identities of one team, from one look at its Secrets. It never changes: who has it, has what was
/// held at that moment.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    /// What may be used, in the order of the Team's keys.
    pub identities: Identities,
    /// What is missing or cannot be used, with the reason.
    pub missing: Vec<MissingKey>,
    /// Every recipient whose identity is, or should be, in the Team's Secrets.
    pub recipients: Vec<PublishedRecipient>,
    /// What this was put together from; rings of equal bases hold the same.
    pub basis: KeyBasis,
}

/// What a ring depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyBasis {
    /// Versions of the Team's key Secrets.
    pub versions: Vec<(String, Version)>,
    /// Recipients that another Team holds, too.
    pub refused: BTreeSet<String>,
}

/// Puts the ring of `team` together. An identity that one of the other `teams` holds, too, is left out
/// unless both declare it: whoever holds it could read the files of both.
pub(super) fn compose<'a>(
    team: &Team,
    teams: impl Iterator<Item = &'a Team> + Clone,
    look: impl Fn(&str) -> Option<&'a (Version, Arc<KeySecret>)>,
) -> KeyRing {
    let mut ring = KeyRing::default();
    let others = teams.filter(|other| other.name_any() != team.name_any());
    for key in &team.spec.keys {
        let name = &key.secret_ref.name;
        let Some((version, secret)) = look(name) else {
            continue;
        };
        ring.basis.versions.push((name.clone(), version.clone()));
        let shared = shared(team, key, secret, others.clone(), &look);
        let mut usable = secret.identities.clone();
        usable.retain(|recipient| !shared.contains_key(&recipient.to_string()));
        ring.identities.extend(usable);
        ring.publish(key, secret, &shared);
        let problems = secret.problems.iter().cloned();
        let refused = shared.into_iter().map(|(recipient, teams)| {
            ring.basis.refused.insert(recipient.clone());
            KeyProblem::Shared { recipient, teams }
        });
        let problems: Vec<_> = problems.chain(refused).collect();
        ring.miss(name, problems);
    }
    ring
}

impl KeyRing {
    fn miss(&mut self, secret: &str, problems: impl IntoIterator<Item = KeyProblem>) {
        let missing = problems.into_iter().map(|why| MissingKey {
            secret: secret.to_owned(),
            why,
        });
        self.missing.extend(missing);
    }

    fn publish(
        &mut self,
        key: &TeamKey,
        secret: &KeySecret,
        shared: &BTreeMap<String, Vec<String>>,
    ) {
        let name = &key.secret_ref.name;
        let held = secret.identities.recipients().map(|(recipient, origin)| {
            let recipient = recipient.to_string();
            let state = if shared.contains_key(&recipient) {
                RecipientState::Missing
            } else {
                RecipientState::Held
            };
            PublishedRecipient {
                recipient,
                origin: origin.to_owned(),
                secret: name.clone(),
                state,
            }
        });
        let held: Vec<_> = held.collect();
        let lacking = key
            .recipients
            .iter()
            .filter(|named| held.iter().all(|one| one.recipient != **named));
        let lacking: Vec<_> = lacking.cloned().collect();
        self.recipients.extend(held);
        for recipient in lacking {
            self.recipients.push(PublishedRecipient {
                recipient: recipient.clone(),
                origin: format!("Secret {name}"),
                secret: name.clone(),
                state: RecipientState::Missing,
            });
            self.miss(name, [KeyProblem::Lacking(recipient)]);
        }
    }
}

/// The recipients of this key that other Teams hold without both declaring it, with those Teams.
fn shared<'a>(
    team: &Team,
    key: &TeamKey,
    secret: &KeySecret,
    others: impl Iterator<Item = &'a Team>,
    look: impl Fn(&str) -> Option<&'a (Version, Arc<KeySecret>)>,
) -> BTreeMap<String, Vec<String>> {
    let mut shared = BTreeMap::<String, Vec<String>>::new();
    let own: Vec<&Recipient> = secret.identities.recipients().map(|(one, _)| one).collect();
    for other in others {
        for theirs in &other.spec.keys {
            let Some((_, held)) = look(&theirs.secret_ref.name) else {
                continue;
            };
            let declared = key.shared_with.contains(&other.name_any())
                && theirs.shared_with.contains(&team.name_any());
            let both = held.identities.recipients().map(|(one, _)| one);
            for recipient in both.filter(|one| !declared && own.contains(one)) {
                let teams = shared.entry(recipient.to_string()).or_default();
                if !teams.contains(&other.name_any()) {
                    teams.push(other.name_any());
                }
            }
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Secret;
    use lockstep_age::Identity;
    use serde_json::{Value, json};
    use std::collections::HashMap;

    type Looks = HashMap<String, (Version, Arc<KeySecret>)>;

    fn team(name: &str, keys: &Value) -> Team {
        serde_json::from_value(json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": name},
            "spec": {"namespaces": [name], "serviceAccountName": "deployer", "keys": keys,
                     "repositories": ["https://git.example.com/*"]},
        }))
        .unwrap()
    }

    fn looks(secrets: &[(&str, &[&Identity])]) -> Looks {
        let look = |identities: &[&Identity]| {
            let texts = identities.iter().map(|one| one.to_file_text("now"));
            let text: String = texts.map(|one| one.expose().to_owned()).collect();
            let data = k8s_openapi::ByteString(text.into_bytes());
            let secret = Secret {
                data: Some([("key.agekey".to_owned(), data)].into()),
                ..Secret::default()
            };
            Arc::new(super::super::secret::read("s", secret))
        };
        secrets
            .iter()
            .map(|(name, keys)| ((*name).to_owned(), (Some("1".into()), look(keys))))
            .collect()
    }

    fn ring(team: &Team, teams: &[Team], looks: &Looks) -> KeyRing {
        compose(team, teams.iter(), |name| looks.get(name))
    }

    #[test]
    fn an_identity_of_two_teams_is_neithers_unless_both_say_so() {
        let (platform, own) = (Identity::generate(), Identity::generate());
        let looks = looks(&[("a-age", &[&own, &platform]), ("b-age", &[&platform])]);
        let key =
            |name: &str, with: &[&str]| json!([{"secretRef": {"name": name}, "sharedWith": with}]);
        for (a, b, may) in [
            (&[][..], &[][..], false),
            (&["b"], &[], false),
            (&[], &["a"], false),
            (&["b"], &["a"], true),
        ] {
            let teams = [team("a", &key("a-age", a)), team("b", &key("b-age", b))];
            for (one, alone) in [(&teams[0], 1), (&teams[1], 0)] {
                let ring = ring(one, &teams, &looks);
                let held = ring.identities.recipients().count();
                assert_eq!(held, alone + usize::from(may), "{a:?} {b:?}");
                assert_eq!(ring.missing.is_empty(), may);
                assert_eq!(ring.basis.refused.is_empty(), may);
                for missing in &ring.missing {
                    assert!(matches!(missing.why, KeyProblem::Shared { .. }));
                    assert!(!missing.to_string().contains("Team b"), "{missing}");
                }
            }
        }
    }

    #[test]
    fn one_secret_named_by_two_teams_is_shared_too() {
        let looks = looks(&[("age", &[&Identity::generate()])]);
        let keys = json!([{"secretRef": {"name": "age"}}]);
        let teams = [team("a", &keys), team("b", &keys)];
        assert!(ring(&teams[0], &teams, &looks).identities.is_empty());
        assert_eq!(ring(&teams[0], &teams[..1], &looks).missing, []);
    }

    #[test]
    fn identities_come_in_the_order_of_the_keys() {
        let (old, new) = (Identity::generate(), Identity::generate());
        let looks = looks(&[("a", &[&old]), ("b", &[&new])]);
        let keys = json!([{"secretRef": {"name": "b"}}, {"secretRef": {"name": "a"}}]);
        let team = team("a", &keys);
        let ring = ring(&team, std::slice::from_ref(&team), &looks);
        let order: Vec<_> = ring.identities.recipients().map(|(one, _)| one).collect();
        assert_eq!(order, [&new.to_public(), &old.to_public()]);
    }

    #[test]
    fn a_recipient_that_the_team_names_and_the_secret_lacks_is_missing() {
        let looks = looks(&[("a", &[&Identity::generate()])]);
        let lost = Identity::generate().to_public().to_string();
        let team = team(
            "a",
            &json!([{"secretRef": {"name": "a"}, "recipients": [lost]}]),
        );
        let ring = ring(&team, std::slice::from_ref(&team), &looks);
        assert_eq!(ring.missing[0].why, KeyProblem::Lacking(lost.clone()));
        let published = ring.recipients.iter().find(|one| one.recipient == lost);
        assert_eq!(published.unwrap().state, RecipientState::Missing);
    }
}
