//! Making the keys a Team asks for, once.
//!
//! A key that was published and is gone is missing, whatever the Team asks for: a new one would open
//! none of the files that were encrypted to it, and hide that the old one has to be restored.

use super::recipients::publish;
use crate::context::Context;
use crate::events::{Weight, api_cause};
use crate::keys::{KeyProblem, KeyRing, Made};
use kube::{Api, Resource, ResourceExt};
use lockstep_api::{
    ConditionType, DecryptedReason, KeyGeneration, PublishedRecipient, RecipientState, Sync, Team,
    TeamKey,
};
use std::sync::Arc;

/// A key that the Team asks for, that is not there, and that was not made.
pub(super) struct NotMade {
    /// Its Secret.
    pub secret: String,
    /// Why not.
    pub why: String,
}

/// What came of looking for keys to make.
pub(super) enum Outcome {
    /// Nothing was made, and nothing is to be made but these.
    Settled(Vec<NotMade>),
    /// Something was made; what is known of the Team's keys is out of date.
    Changed,
}

/// Makes the keys that `team` asks for and that were never there.
pub(super) async fn generate(context: &Context, team: &Team, ring: &KeyRing) -> Outcome {
    let is_absent = |key: &&TeamKey| {
        let mut missing = ring.missing.iter();
        key.generate == KeyGeneration::Once
            && missing.any(|one| {
                one.secret == key.secret_ref.name && matches!(one.why, KeyProblem::NotFound(_))
            })
    };
    let mut outcome = Outcome::Settled(Vec::new());
    for key in team.spec.keys.iter().filter(is_absent) {
        let secret = &key.secret_ref.name;
        match make(context, team, key, ring).await {
            Ok(()) => outcome = Outcome::Changed,
            Err(why) => {
                if let Outcome::Settled(not_made) = &mut outcome {
                    let secret = secret.clone();
                    not_made.push(NotMade { secret, why });
                }
            }
        }
    }
    outcome
}

async fn make(context: &Context, team: &Team, key: &TeamKey, ring: &KeyRing) -> Result<(), String> {
    let (name, secret) = (team.name_any(), &key.secret_ref.name);
    // What the watch brought may be older than what was published.
    let fresh = Api::<Team>::all(context.client.clone()).get(&name).await;
    let fresh = fresh.map_err(|error| api_cause(&error))?;
    let (uid, generation) = (&fresh.metadata.uid, fresh.metadata.generation);
    if *uid != team.metadata.uid || generation != team.metadata.generation {
        return Err("the Team has just changed".to_owned());
    }
    if let Some(why) = why_not(&fresh, key, ring, &context.syncs.state()) {
        return Err(why);
    }
    match context.keys.make(secret, &name).await {
        Ok(Made::Created(recipient)) => {
            let note = format!("made key Secret {secret}; its recipient is {recipient}");
            tracing::info!(team = name, secret, recipient, "made a key");
            let about = team.object_ref(&());
            context
                .events
                .send(&about, Weight::Normal, "MakeKey", "KeyMade", &note)
                .await;
            Ok(())
        }
        Ok(Made::AlreadyThere) => Ok(()),
        Err(cause) => Err(format!(
            "{cause}; the operator may if `lockstep-operator rbac` was applied after the Team asked"
        )),
    }
}

/// Whatever speaks for the key having been there before.
fn why_not(team: &Team, key: &TeamKey, ring: &KeyRing, syncs: &[Arc<Sync>]) -> Option<String> {
    if let Some(recipient) = key.recipients.first() {
        return Some(format!("the Team says it held {recipient}; restore it"));
    }
    let before = team.status.as_ref().map(|status| &status.recipients[..]);
    let known = publish(before.unwrap_or_default(), ring, team);
    let secret = &key.secret_ref.name;
    if let Some(one) = known.iter().find(|one| one.secret == *secret) {
        return Some(format!("it held {}; restore it", one.recipient));
    }
    let missing = |one: &&PublishedRecipient| one.state == RecipientState::Missing;
    if let Some(one) = known.iter().find(missing) {
        return Some(format!(
            "{} of key Secret {} is missing; restore that first",
            one.recipient, one.secret
        ));
    }
    let name = team.name_any();
    let ours = |sync: &&Arc<Sync>| {
        let status = sync.status.as_ref();
        status.and_then(|status| status.team.as_deref()) == Some(&name)
    };
    syncs.iter().filter(ours).find_map(|sync| {
        let (namespace, name) = (sync.namespace().unwrap_or_default(), sync.name_any());
        let what = misses(sync, &known)?;
        Some(format!("Sync {namespace}/{name} {what}; restore it"))
    })
}

/// How a Sync shows that there was a key which is not `known` any more.
fn misses(sync: &Sync, known: &[PublishedRecipient]) -> Option<String> {
    let status = sync.status.as_ref()?;
    let is_unknown = |held: &&String| known.iter().all(|one| one.recipient != **held);
    let report = status.recipients.iter();
    let mut held = report.flat_map(|report| report.held.iter().chain(&report.held_before));
    if let Some(forgotten) = held.find(is_unknown) {
        return Some(format!("had {forgotten}, which the Team no longer knows"));
    }
    let (about, reason) = (ConditionType::Decrypted, DecryptedReason::KeyMissing);
    let mut conditions = status.conditions.iter();
    let is_missing =
        conditions.any(|one| one.type_ == about.as_str() && one.reason == reason.as_str());
    is_missing.then(|| "has files for a key that the Team does not have".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::MissingKey;
    use serde_json::{Value, json};

    fn team(recipients: &Value) -> Team {
        serde_json::from_value(json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": "a"},
            "spec": {"namespaces": ["a"], "serviceAccountName": "deployer",
                     "keys": [{"secretRef": {"name": "new"}, "generate": "Once"},
                              {"secretRef": {"name": "old"}}],
                     "repositories": ["https://git.example.com/*"]},
            "status": {"recipients": recipients},
        }))
        .unwrap()
    }

    fn absent(secrets: &[&str]) -> KeyRing {
        let missing = secrets.iter().map(|secret| MissingKey {
            secret: (*secret).to_owned(),
            why: KeyProblem::NotFound("lockstep-system".parse().unwrap()),
        });
        KeyRing {
            missing: missing.collect(),
            ..KeyRing::default()
        }
    }

    fn sync(team: &str, held: &str) -> Arc<Sync> {
        let value = json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
            "metadata": {"name": "app", "namespace": "a"},
            "spec": {"sourceRef": {"name": "app"}, "path": "deploy"},
            "status": {"team": team, "recipients": {"held": [held]}},
        });
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn refusal(team: &Team, ring: &KeyRing, syncs: &[Arc<Sync>]) -> String {
        why_not(team, &team.spec.keys[0], ring, syncs).unwrap_or_default()
    }

    #[test]
    fn a_key_that_was_never_there_is_made() {
        let ring = absent(&["new"]);
        assert_eq!(refusal(&team(&json!([])), &ring, &[]), "");
        let other = [sync("b", "age1z"), sync("a", "age1x")];
        let known = json!([{"recipient": "age1x", "origin": "", "secret": "old"}]);
        assert_eq!(refusal(&team(&known), &ring, &other), "");
    }

    #[test]
    fn a_key_that_was_published_is_not_made_again() {
        for state in ["Held", "Missing", "Retired"] {
            let known =
                json!([{"recipient": "age1x", "origin": "", "secret": "new", "state": state}]);
            let why = refusal(&team(&known), &absent(&["new"]), &[]);
            assert_eq!(why, "it held age1x; restore it");
        }
        let mut pinned = team(&json!([]));
        pinned.spec.keys[0].recipients = vec!["age1x".into()];
        let why = refusal(&pinned, &absent(&["new"]), &[]);
        assert_eq!(why, "the Team says it held age1x; restore it");
    }

    #[test]
    fn no_key_is_made_while_another_is_missing() {
        let known = json!([{"recipient": "age1x", "origin": "", "secret": "old"}]);
        let why = refusal(&team(&known), &absent(&["new", "old"]), &[]);
        assert!(why.contains("key Secret old is missing"), "{why}");
    }

    #[test]
    fn a_sync_that_remembers_a_key_speaks_for_it() {
        let why = refusal(&team(&json!([])), &absent(&["new"]), &[sync("a", "age1x")]);
        assert!(why.starts_with("Sync a/app had age1x"), "{why}");

        let mut failed = sync("a", "age1x").as_ref().clone();
        let status = json!({"team": "a", "conditions": [{
            "type": "Decrypted", "status": "False", "reason": "KeyMissing", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]});
        failed.status = Some(serde_json::from_value(status).unwrap());
        let why = refusal(&team(&json!([])), &absent(&["new"]), &[Arc::new(failed)]);
        assert!(why.starts_with("Sync a/app has files"), "{why}");
    }
}
