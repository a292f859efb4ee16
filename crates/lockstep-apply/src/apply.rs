//! Server-side apply: a manifest goes out, metadata comes back.

use crate::drift::{Recorded, fields_of};
use crate::error::{ApiError, ConflictingField};
use crate::exchange::{AS_METADATA, exchange};
use crate::fields::FieldSet;
use crate::ignore::{IgnoredField, without};
use crate::kinds::Resource;
use crate::owner::{Owner, SYNC_LABEL, SYNC_NAMESPACE_LABEL};
use crate::refusal::Refusal;
use crate::retry::persist;
use crate::seen::Seen;
use crate::session::{Session, get};
use crate::takeover::Previous;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use lockstep_names::{FieldManager, NamespaceName};
use lockstep_secret::SecretBytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What to do about fields that others own and that never were ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Leave the object as it is and report them.
    Refuse,
    /// Take them, but for another Sync's labels.
    Force,
    /// Take them if the object still has this UID and no other Sync's labels. For an object that the
    /// inventory names while what was ours of it is not known any more, as after a restart.
    ForceOn {
        /// The UID in the inventory.
        uid: String,
    },
}

/// One object to apply.
#[derive(Debug)]
pub struct Planned {
    /// Its kind, as served.
    pub resource: Arc<Resource>,
    /// Its namespace, if its kind has one.
    pub namespace: Option<NamespaceName>,
    /// Its name.
    pub name: String,
    /// The manifest as JSON.
    pub body: SecretBytes,
    /// What the last apply left, if that is known: its fields may be forced back.
    pub recorded: Option<Recorded>,
    /// What to do about other fields that others own.
    pub conflicts: ConflictPolicy,
    /// Fields that are left to others, unless they are ours or the object is new.
    pub ignored: Vec<IgnoredField>,
    /// What there is already: nothing if the object is new, or if `recorded` says it.
    pub seen: Option<Seen>,
    /// Whose fields become ours with it.
    pub previous: Option<Previous>,
}

/// What an apply did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object is new.
    Created,
    /// The object was written, or what it was before is not known.
    Configured,
    /// The object was as it should be.
    Unchanged,
}

/// An object that is as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What to compare later sightings with.
    pub recorded: Recorded,
    /// What the apply did.
    pub change: Change,
    /// Fields that were taken from others, and from whom.
    pub forced: Vec<ConflictingField>,
    /// The managers whose fields became ours.
    pub took_over: Vec<String>,
}

impl Session {
    /// Applies objects of one ordering stage, `at_once` of them at a time, and answers in their order.
    ///
    /// Once `stop` is set, the requests under way are finished and the rest is
    /// [`ApiError::Stopped`].
    pub async fn apply_all(
        &self,
        objects: Vec<Planned>,
        at_once: usize,
        stop: &AtomicBool,
    ) -> Vec<Result<Applied, ApiError>> {
        stream::iter(objects)
            .map(|object| async move {
                if stop.load(Ordering::Relaxed) {
                    return Err(ApiError::Stopped);
                }
                self.apply(object, stop).await
            })
            .buffered(at_once.max(1))
            .collect()
            .await
    }

    /// Applies one object. Fields that were ours are taken back from whoever has them now; others only
    /// if the policy says so.
    ///
    /// # Errors
    /// [`ApiError::Conflict`] for fields that stay with their owners; whatever else the API server
    /// refuses.
    pub async fn apply(&self, object: Planned, stop: &AtomicBool) -> Result<Applied, ApiError> {
        let path = object
            .resource
            .object_path(object.namespace.as_ref(), &object.name)?;
        let ours = object.ours(&self.owner);
        let without = ours.and_then(|ours| without(&object.body, &object.ignored, &ours));
        // Shared with the connection, not copied, and wiped when the last holder lets go.
        let body = Bytes::from_owner(Exposed(without.unwrap_or(object.body)));
        let claims = Claims {
            recorded: object.recorded.as_ref(),
            conflicts: object.conflicts,
            previous: object.previous.as_ref(),
        };
        let (mut answer, forced) = self.put(&path, &body, &claims, stop).await?;
        let mut took_over = Vec::new();
        if let Some(previous) = &object.previous {
            took_over = self
                .take_over(&path, previous, &object.ignored, stop)
                .await?;
            // Removes what they owned and Git does not have.
            let created = answer.0;
            (answer, _) = self.put(&path, &body, &claims, stop).await?;
            answer.0 = created;
        }
        let (created, seen) = answer;
        let untouched = object.recorded.is_some_and(|before| {
            before.uid() == seen.uid && before.resource_version() == seen.resource_version
        });
        Ok(Applied {
            recorded: Recorded::of(&seen, &self.owner.manager()),
            change: match (created, untouched) {
                (true, _) => Change::Created,
                (false, true) => Change::Unchanged,
                (false, false) => Change::Configured,
            },
            forced,
            took_over,
        })
    }

    /// Sends one apply; if fields of others are in its way and may be taken, sends it once more.
    async fn put(
        &self,
        path: &str,
        body: &Bytes,
        claims: &Claims<'_>,
        stop: &AtomicBool,
    ) -> Result<((bool, Seen), Vec<ConflictingField>), ApiError> {
        match persist(stop, || self.patch(path, body.clone(), Force::No)).await {
            Err(ApiError::Conflict { fields }) => {
                if !self.may_take(path, &fields, claims, stop).await? {
                    return Err(ApiError::Conflict { fields });
                }
                let answer = persist(stop, || self.patch(path, body.clone(), Force::Yes)).await?;
                Ok((answer, fields))
            }
            answer => Ok((answer?, Vec::new())),
        }
    }

    async fn may_take(
        &self,
        path: &str,
        fields: &[ConflictingField],
        claims: &Claims<'_>,
        stop: &AtomicBool,
    ) -> Result<bool, ApiError> {
        let stays = |field: &&ConflictingField| {
            claims
                .previous
                .is_none_or(|previous| !previous.gives_up(&field.manager))
        };
        let fields: Vec<_> = fields.iter().filter(stays).collect();
        let ours = claims.recorded.map(Recorded::fields);
        let is_free = !has_another_sync(&fields);
        Ok(fields.is_empty()
            || is_free && all_were_ours(&fields, ours)
            || match &claims.conflicts {
                ConflictPolicy::Refuse => false,
                ConflictPolicy::Force => is_free,
                ConflictPolicy::ForceOn { uid } => self.has(path, uid, stop).await?,
            })
    }

    /// Whether the object is still the one of this UID, and no other Sync's.
    async fn has(&self, path: &str, uid: &str, stop: &AtomicBool) -> Result<bool, ApiError> {
        let seen = persist(stop, || get(&self.client, path)).await?;
        Ok(seen.uid == uid && !self.owner.is_displaced_in(&seen.labels))
    }

    /// Sends one apply; answers whether the object is new, and its metadata.
    async fn patch(&self, path: &str, body: Bytes, force: Force) -> Result<(bool, Seen), Refusal> {
        let force = match force {
            Force::No => "",
            Force::Yes => "&force=true",
        };
        let manager = self.owner.manager();
        let manager = manager.as_str().replace('/', "%2F");
        let request = Request::patch(format!("{path}?fieldManager={manager}{force}"))
            .header(ACCEPT, AS_METADATA)
            .header(CONTENT_TYPE, "application/apply-patch+yaml")
            .body(body)
            .map_err(|_| ApiError::BadName)?;
        let answer = exchange(&self.client, request).await?;
        let seen = Seen::from_answer(&answer.body).map_err(|_| ApiError::Unreadable {
            status: answer.status,
        })?;
        Ok((answer.status == 201, seen))
    }
}

/// What speaks for taking fields from others.
struct Claims<'a> {
    recorded: Option<&'a Recorded>,
    conflicts: ConflictPolicy,
    previous: Option<&'a Previous>,
}

impl Planned {
    /// The fields of the object that are ours, or nothing if it is new.
    fn ours(&self, owner: &Owner) -> Option<FieldSet> {
        let recorded = self.recorded.as_ref().map(|it| it.fields().clone());
        recorded.or_else(|| Some(fields_of(self.seen.as_ref()?, &owner.manager())))
    }
}

#[derive(Clone, Copy)]
enum Force {
    No,
    Yes,
}

/// Lets the transport read a secret where it is.
struct Exposed(SecretBytes);

impl AsRef<[u8]> for Exposed {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

fn all_were_ours(conflicts: &[&ConflictingField], ours: Option<&FieldSet>) -> bool {
    ours.is_some_and(|ours| conflicts.iter().all(|field| ours.contains(&field.path)))
}

/// Has another Sync taken the labels that say whose object it is? Then taking them back would begin an
/// endless war between the two; whoever just edits the labels is no Sync.
fn has_another_sync(conflicts: &[&ConflictingField]) -> bool {
    conflicts.iter().any(|field| {
        field.manager.starts_with(FieldManager::PREFIX)
            && [SYNC_LABEL, SYNC_NAMESPACE_LABEL]
                .iter()
                .any(|label| field.path.ends_with(label))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_were_ours_are_forced_back() {
        let conflict = |path: &str| ConflictingField {
            path: path.into(),
            manager: "m".into(),
        };
        let ours: FieldSet = [".data.a", ".data.b"]
            .map(String::from)
            .into_iter()
            .collect();
        assert!(all_were_ours(&[&conflict(".data.a")], Some(&ours)));
        assert!(!all_were_ours(
            &[&conflict(".data.a"), &conflict(".data.c")],
            Some(&ours)
        ));
        assert!(!all_were_ours(&[&conflict(".data.a")], None));
    }

    #[test]
    fn what_another_sync_has_taken_is_left_to_it() {
        let label = |manager: &str| ConflictingField {
            path: format!(".metadata.labels.{SYNC_LABEL}"),
            manager: manager.into(),
        };
        assert!(has_another_sync(&[&label("lockstep/team-a/web")]));
        assert!(
            !has_another_sync(&[&label("kubectl-label")]),
            "a label that was edited is put back"
        );
        assert!(!has_another_sync(&[&ConflictingField {
            path: ".data.a".into(),
            manager: "lockstep/team-a/web".into(),
        }]));
    }
}
