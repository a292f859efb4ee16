//! Whose turn it is: how many reconciles of a kind run at once, and how many of them for one team.
//!
//! A team can keep its own reconciles waiting for as long as a timeout lasts, by a Git server that is
//! slow on purpose or by thousands of Syncs. So no team has more than half of the turns at a time, and
//! whoever waits for a turn of its team has none of the others'. Turns are given in the order in which
//! they were asked for, so a team waits behind at most half of the turns of each other team.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of one kind.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    share: usize,
    teams: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// One turn; it ends when it is dropped.
pub(crate) struct Turn {
    _all: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

impl Turns {
    /// Gives up to `at_once` turns at a time.
    pub(crate) fn new(at_once: u16) -> Self {
        Self {
            all: Arc::new(Semaphore::new(at_once.into())),
            share: usize::from(at_once / 2).max(1),
            teams: Mutex::default(),
        }
    }

    /// Waits for a turn of `team`.
    pub(crate) async fn wait(&self, team: &str) -> Turn {
        let share = take(self.share_of(team)).await;
        let all = take(self.all.clone()).await;
        Turn {
            _all: all,
            _share: share,
        }
    }

    fn share_of(&self, team: &str) -> Arc<Semaphore> {
        let mut teams = self.teams.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has a turn or waits for one has a hand on its share.
        teams.retain(|_, share| Arc::strong_count(share) > 1);
        let share = || Arc::new(Semaphore::new(self.share));
        teams.entry(team.to_owned()).or_insert_with(share).clone()
    }
}

async fn take(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    semaphore
        .acquire_owned()
        .await
        .expect("this holds because nobody closes a semaphore of turns")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_team_that_never_ends_leaves_half_of_the_turns_to_others() {
        let turns = Turns::new(4);
        let mut stalled = vec![turns.wait("b").await, turns.wait("b").await];
        // A thousand more of its own wait, and take nothing.
        let waiting: Vec<_> = (0..1000).map(|_| Box::pin(turns.wait("b"))).collect();
        let mut waiting = futures::future::select_all(waiting);
        assert!((&mut waiting).now_or_never().is_none());
        for _ in 0..10 {
            let both = (turns.wait("a").await, turns.wait("a").await);
            assert!(turns.wait("a").now_or_never().is_none());
            drop(both);
        }
        stalled.pop();
        let (turn, _, _) = waiting.await;
        drop((turn, stalled));
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_turns() {
        let turns = Turns::new(3);
        let running = [
            turns.wait("a").await,
            turns.wait("b").await,
            turns.wait("c").await,
        ];
        assert!(turns.wait("d").now_or_never().is_none());
        drop(running);
        assert!(turns.wait("d").now_or_never().is_some());
        let alone = Turns::new(1);
        assert!(alone.wait("a").now_or_never().is_some());
    }

    #[tokio::test]
    async fn teams_that_want_nothing_are_forgotten() {
        let turns = Turns::new(2);
        for team in 0..100 {
            drop(turns.wait(&format!("team-{team}")).await);
        }
        assert_eq!(turns.teams.lock().unwrap().len(), 1);
    }
}
