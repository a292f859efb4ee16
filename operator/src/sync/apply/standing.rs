//! Before an object is written that this process has not applied yet: is it there already, and whose
//! is it?

use super::Work;
use super::plan::Placed;
use super::write::{explain, object_reason};
use crate::sync::memory::Memory;
use crate::sync::neighbours::{self, Holder};
use crate::sync::vet::Refused;
use lockstep_api::{AdoptionPolicy, DriftMode, Failure, FailureReason};
use lockstep_apply::{ApiError, Owner, Previous, Recorded, Resource, Seen};
use lockstep_names::{NamespaceName, ObjectKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

type Place = (Arc<Resource>, Option<NamespaceName>);

impl Work<'_> {
    /// Looks at what is there, and leaves out the objects that are not for this Sync to write.
    pub(super) async fn claim(
        &mut self,
        placed: Vec<Placed>,
        memory: &Memory,
        stop: &AtomicBool,
    ) -> Vec<Placed> {
        let mut found = self.look(&placed, stop).await;
        let mut kept = Vec::new();
        for mut object in placed {
            let planned = &mut object.planned;
            if planned.recorded.is_some() {
                kept.push(object);
                continue;
            }
            let place = (planned.resource.clone(), planned.namespace.clone());
            let seen = match found.get_mut(&place) {
                Some(Ok(seen)) => seen.remove(&planned.name),
                Some(Err(error)) => {
                    self.transient |= error.may_heal();
                    let failure =
                        Failure::of_object(&object.key, object_reason(error), &explain(error));
                    self.fail(
                        failure.at(&object.source, Some(object.line)),
                        &object.source,
                    );
                    continue;
                }
                None => None,
            };
            let known = memory.inventory.get(&object.key).cloned().flatten();
            match self.stand(seen.as_ref(), known.as_deref(), &object.key) {
                Ok(previous) => planned.previous = previous,
                Err(refused) => {
                    let failure = Failure::of_object(&object.key, refused.reason, &refused.message);
                    self.fail(
                        failure.at(&object.source, Some(object.line)),
                        &object.source,
                    );
                    continue;
                }
            }
            if let Some(seen) = seen
                .as_ref()
                .filter(|seen| self.is_left(seen, known.as_deref()))
            {
                self.leave(&object, seen);
                continue;
            }
            planned.seen = seen;
            kept.push(object);
        }
        kept
    }

    async fn look(
        &self,
        placed: &[Placed],
        stop: &AtomicBool,
    ) -> HashMap<Place, Result<HashMap<String, Seen>, ApiError>> {
        let mut places: HashMap<Place, Vec<String>> = HashMap::new();
        let new = placed.iter().map(|object| &object.planned);
        for planned in new.filter(|planned| planned.recorded.is_none()) {
            let place = (planned.resource.clone(), planned.namespace.clone());
            places.entry(place).or_default().push(planned.name.clone());
        }
        let mut found = HashMap::new();
        let Some(session) = &self.session else {
            return found;
        };
        for ((resource, namespace), names) in places {
            let seen = session
                .look(&resource, namespace.as_ref(), &names, stop)
                .await;
            found.insert((resource, namespace), seen);
        }
        found
    }

    /// May this Sync write the object? Then with whose fields.
    fn stand(
        &mut self,
        seen: Option<&Seen>,
        known: Option<&str>,
        key: &ObjectKey,
    ) -> Result<Option<Previous>, Refused> {
        let Some(seen) = seen else {
            return Ok(None);
        };
        let owner = &self.resolved.owner;
        let policy = self.resolved.sync.spec.adoption_policy;
        let other = Owner::named_by(&seen.labels).filter(|it| it != owner && it.has(seen));
        if let Some(other) = other {
            let revision = &self.cleared.revision;
            let holder = neighbours::holder(self.context, &self.resolved, revision, &other, key);
            self.transient |= holder == Holder::Unknown;
            if matches!(holder, Holder::Unknown | Holder::Wants) {
                self.context.claims.wait(owner);
            }
            return inherit(other, holder, policy).map(Some);
        }
        if known == Some(seen.uid.as_str()) {
            return Ok(None);
        }
        adopt(seen, owner.has(seen), policy)
    }

    /// Is it an object of ours that is to be left as it is, whatever became of it while nobody watched?
    fn is_left(&self, seen: &Seen, known: Option<&str>) -> bool {
        self.restarted
            && known == Some(seen.uid.as_str())
            && self.resolved.sync.spec.drift_detection.mode == DriftMode::Warn
    }

    fn leave(&self, object: &Placed, seen: &Seen) {
        let owner = &self.resolved.owner;
        self.context.ledger.record(
            owner,
            object.key.clone(),
            object.fingerprint,
            Recorded::of(seen, &owner.manager()),
            object.planned.ignored.clone(),
        );
    }
}

/// May an object of another Sync be taken over?
fn inherit(other: Owner, holder: Holder, policy: AdoptionPolicy) -> Result<Previous, Refused> {
    let why = match holder {
        Holder::LetGo => return Ok(Previous::Sync(other)),
        Holder::Deleted if policy == AdoptionPolicy::Adopt => return Ok(Previous::Sync(other)),
        Holder::Deleted => {
            "which was deleted; set spec.adoptionPolicy to Adopt to take over what it left"
        }
        Holder::Unknown => "which has not said yet whether it still wants it",
        Holder::Wants => "so remove it there or here",
        Holder::OtherTeam => "of another Team, so it has to go there or here",
    };
    Err(Refused {
        reason: FailureReason::OwnedByOther,
        message: format!("it belongs to Sync {other}, {why}"),
    })
}

/// May an object of no Sync be taken over?
fn adopt(seen: &Seen, is_ours: bool, policy: AdoptionPolicy) -> Result<Option<Previous>, Refused> {
    let adopts = policy == AdoptionPolicy::Adopt;
    if is_ours || adopts {
        return Ok(Some(Previous::Tools).filter(|tools| adopts && tools.is_in(seen)));
    }
    let managers: BTreeSet<_> = seen.entries.iter().map(|it| it.manager.as_str()).collect();
    let by = match managers.into_iter().take(3).collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => String::new(),
        names => format!(" (managers: {names})"),
    };
    Err(Refused {
        reason: FailureReason::AlreadyExists,
        message: format!(
            "it is in the cluster already, and not from this Sync{by}; remove it there, or set spec.adoptionPolicy to Adopt to take it over"
        ),
    })
}

/// What was taken over in this reconcile, and from whom.
pub(crate) type Adopted = BTreeMap<ObjectKey, Vec<String>>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(manager: &str) -> Seen {
        serde_json::from_value(json!({"name": "db", "uid": "u", "managedFields": [
            {"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {}}}
        ]}))
        .unwrap()
    }

    #[test]
    fn what_is_there_is_adopted_only_if_the_sync_says_so() {
        let kubectl = seen("kubectl-client-side-apply");
        let refused = adopt(&kubectl, false, AdoptionPolicy::Refuse).unwrap_err();
        assert_eq!(refused.reason, FailureReason::AlreadyExists);
        assert!(refused.message.contains("kubectl-client-side-apply"));
        let tools = adopt(&kubectl, false, AdoptionPolicy::Adopt);
        assert_eq!(tools, Ok(Some(Previous::Tools)));
        let nobody = adopt(&seen("my-controller"), false, AdoptionPolicy::Adopt);
        assert_eq!(nobody, Ok(None));
        assert_eq!(adopt(&kubectl, true, AdoptionPolicy::Refuse), Ok(None));
    }

    #[test]
    fn an_object_of_another_sync_is_inherited_once_that_has_let_go() {
        let other = Owner {
            namespace: "team-a".parse().unwrap(),
            sync: "web".parse().unwrap(),
        };
        let inherited = |holder, policy| inherit(other.clone(), holder, policy).is_ok();
        for policy in [AdoptionPolicy::Refuse, AdoptionPolicy::Adopt] {
            assert!(inherited(Holder::LetGo, policy));
            for holder in [Holder::Wants, Holder::Unknown, Holder::OtherTeam] {
                assert!(!inherited(holder, policy), "{holder:?}");
            }
        }
        assert!(inherited(Holder::Deleted, AdoptionPolicy::Adopt));
        assert!(!inherited(Holder::Deleted, AdoptionPolicy::Refuse));
    }
}
