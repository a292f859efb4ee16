//! Which Sync wants which object, as far as this process knows: so that a file which moves from one
//! Sync to another takes its objects along, and nothing is deleted that somebody now wants.
//!
//! Only Syncs of one Team ask about each other. After a restart nothing is known until each has been
//! reconciled once.

use lockstep_apply::Owner;
use lockstep_names::{ObjectKey, Revision};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one Sync wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The URL of the repository it reads.
    pub source: String,
    /// The revision it wants this in.
    pub revision: Revision,
    /// The objects.
    pub wanted: Arc<BTreeSet<ObjectKey>>,
    /// Could every file be read? Otherwise it may want more.
    pub whole: bool,
}

/// What can be said about a Sync and an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// The Sync wants it.
    Wanted,
    /// The Sync does not want it.
    Free,
    /// That is not known yet.
    Unknown,
}

impl Claim {
    /// What `other`, if anything is known of it, has to do with `key`, seen from this Sync.
    pub(crate) fn stand_of(&self, other: Option<&Self>, key: &ObjectKey) -> Stand {
        let Some(other) = other else {
            return Stand::Unknown;
        };
        let same_branch =
            self.source == other.source && self.revision.branch == other.revision.branch;
        if other.wanted.contains(key) {
            Stand::Wanted
        } else if !other.whole || same_branch && self.revision != other.revision {
            Stand::Unknown
        } else {
            Stand::Free
        }
    }
}

/// All claims, and who waits for news of them.
#[derive(Default)]
pub(crate) struct Claims(Mutex<Board>);

#[derive(Default)]
struct Board {
    claims: HashMap<Owner, Claim>,
    waiting: HashSet<Owner>,
}

impl Claims {
    /// Writes down what a Sync wants. Gives the Syncs that waited for such news.
    pub(crate) fn publish(&self, owner: &Owner, claim: Claim) -> HashSet<Owner> {
        let mut board = self.board();
        if board.claims.get(owner) == Some(&claim) {
            return HashSet::new();
        }
        board.claims.insert(owner.clone(), claim);
        let mut woken = std::mem::take(&mut board.waiting);
        if woken.remove(owner) {
            board.waiting.insert(owner.clone());
        }
        woken
    }

    /// Writes down that a Sync wants the same in another revision.
    pub(crate) fn advance(&self, owner: &Owner, revision: &Revision) -> HashSet<Owner> {
        let known = self.of(owner);
        known.map_or_else(HashSet::new, |claim| {
            let revision = revision.clone();
            self.publish(owner, Claim { revision, ..claim })
        })
    }

    /// What a Sync wants.
    pub(crate) fn of(&self, owner: &Owner) -> Option<Claim> {
        self.board().claims.get(owner).cloned()
    }

    /// Has a Sync woken at the next news.
    pub(crate) fn wait(&self, owner: &Owner) {
        self.board().waiting.insert(owner.clone());
    }

    /// Strikes out every Sync for which `keep` says no. Gives the Syncs that waited for such news.
    pub(crate) fn retain(&self, keep: impl Fn(&Owner) -> bool) -> HashSet<Owner> {
        let mut board = self.board();
        let before = board.claims.len();
        board.claims.retain(|owner, _| keep(owner));
        board.waiting.retain(|owner| keep(owner));
        if board.claims.len() == before {
            return HashSet::new();
        }
        std::mem::take(&mut board.waiting)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // A panic elsewhere leaves whole claims behind, so they stay usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some("team-a".into()),
            name: name.into(),
        }
    }

    fn claim(source: &str, commit: char, wanted: &[&str]) -> Claim {
        Claim {
            source: source.into(),
            revision: Revision {
                branch: "main".parse().unwrap(),
                commit: commit.to_string().repeat(40).parse().unwrap(),
            },
            wanted: Arc::new(wanted.iter().map(|name| key(name)).collect()),
            whole: true,
        }
    }

    fn owner(name: &str) -> Owner {
        Owner {
            namespace: "team-a".parse().unwrap(),
            sync: name.parse().unwrap(),
        }
    }

    #[test]
    fn a_sync_is_free_of_an_object_only_once_it_has_read_the_same_revision_whole() {
        let ours = claim("u", 'b', &[]);
        let stand = |other: &Claim| ours.stand_of(Some(other), &key("x"));
        assert_eq!(ours.stand_of(None, &key("x")), Stand::Unknown);
        assert_eq!(stand(&claim("u", 'b', &["x"])), Stand::Wanted);
        assert_eq!(stand(&claim("u", 'b', &["y"])), Stand::Free);
        assert_eq!(stand(&claim("u", 'a', &["y"])), Stand::Unknown);
        assert_eq!(stand(&claim("u", 'a', &["x"])), Stand::Wanted);
        assert_eq!(stand(&claim("elsewhere", 'a', &["y"])), Stand::Free);
        let broken = Claim {
            whole: false,
            ..claim("u", 'b', &["y"])
        };
        assert_eq!(stand(&broken), Stand::Unknown);
    }

    #[test]
    fn news_wakes_those_who_wait_once_and_no_news_wakes_nobody() {
        let claims = Claims::default();
        let (a, b) = (owner("a"), owner("b"));
        claims.wait(&b);
        let woken = claims.publish(&a, claim("u", 'a', &["x"]));
        assert_eq!(woken, HashSet::from([b.clone()]));
        claims.wait(&b);
        assert!(claims.publish(&a, claim("u", 'a', &["x"])).is_empty());
        assert!(claims.publish(&b, claim("u", 'a', &[])).is_empty());
        let later = claim("u", 'b', &["x"]);
        assert_eq!(claims.advance(&a, &later.revision).len(), 1);
        assert_eq!(claims.of(&a), Some(later));
        claims.wait(&b);
        assert_eq!(claims.retain(|owner| *owner == b), HashSet::from([b]));
    }
}
