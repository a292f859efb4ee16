//! What wakes a controller, shown with kube's own and a watch that the test plays.

use super::*;
use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt;
use kube::runtime::controller::Error;
use kube::runtime::watcher::Event;
use serde_json::json;
use tokio::sync::Semaphore;

type Told = Result<Event<Team>, watcher::Error>;

fn team(name: &str) -> Team {
    serde_json::from_value(json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": name},
        "spec": {"namespaces": [name], "serviceAccountName": "deployer", "repositories": []},
    }))
    .unwrap()
}

/// A controller of a played watch.
fn played() -> (UnboundedSender<Told>, Controller<Team>) {
    let (tell, told) = unbounded();
    let controller = controlled(told, Watch::Teams, &Synced::default(), |_| {});
    (tell, controller)
}

fn tell(watch: &UnboundedSender<Told>, events: impl IntoIterator<Item = Event<Team>>) {
    for event in events {
        watch.unbounded_send(Ok(event)).unwrap();
    }
}

/// Runs a controller whose reconciles do nothing; what it tells of each, by name.
fn running(
    controller: Controller<Team>,
) -> impl Stream<Item = Result<String, Error<Infallible, watcher::Error>>> + Unpin {
    let reconcile = |_, _| async { Ok(Action::await_change()) };
    let policy = |_, error: &Infallible, _| match *error {};
    let outcomes = controller.run(reconcile, policy, Arc::new(()));
    Box::pin(outcomes.map(|outcome| outcome.map(|(team, _)| team.name)))
}

#[tokio::test]
async fn who_is_on_the_first_page_of_a_new_list_is_not_forgotten() {
    let (watch, controller) = played();
    let mut outcomes = running(controller);
    let a = || Event::InitApply(team("a"));
    tell(&watch, [Event::Init, a(), Event::InitDone]);
    assert_eq!(outcomes.next().await.unwrap().unwrap(), "a");
    // The watch was interrupted, and the next page of the list is not there yet.
    tell(&watch, [Event::Init, Event::InitApply(team("new"))]);
    let vain = outcomes.next().await.unwrap();
    assert!(matches!(vain, Err(Error::ObjectNotFound(_))), "{vain:?}");
    tell(&watch, [a(), Event::InitDone]);
    let mut names = Vec::new();
    while !names.contains(&"new".to_owned()) {
        let next = tokio::time::timeout(Duration::from_secs(60), outcomes.next()).await;
        names.push(next.expect("it was forgotten").unwrap().unwrap());
    }
}

#[tokio::test]
async fn bells_are_heard_while_the_watch_fails() {
    let (watch, controller) = played();
    let (bell, [rung]) = Bell::with_listeners();
    let mut outcomes = running(controller.reconcile_all_on(rung));
    tell(
        &watch,
        [Event::Init, Event::InitApply(team("a")), Event::InitDone],
    );
    assert_eq!(outcomes.next().await.unwrap().unwrap(), "a");
    // kube's own pauses after as many failures are minutes together.
    for _ in 0..12 {
        let failure = Err(watcher::Error::NoResourceVersion);
        watch.unbounded_send(failure).unwrap();
    }
    let mut failed = 0;
    while failed < 12 {
        let next = tokio::time::timeout(Duration::from_secs(30), outcomes.next()).await;
        failed += usize::from(next.expect("it pauses").unwrap().is_err());
    }
    bell.ring();
    assert_eq!(outcomes.next().await.unwrap().unwrap(), "a");
}

/// Whatever a reconcile is doing when a bell rings, one that begins after it follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bell_is_lost_on_whoever_is_busy() {
    const TEAMS: usize = 8;
    const ROUNDS: usize = 300;
    let (watch, controller) = played();
    let (bell, [rung]) = Bell::with_listeners();
    tell(&watch, [Event::Init]);
    let teams = (0..TEAMS).map(|number| Event::InitApply(team(&format!("t{number}"))));
    tell(&watch, teams.chain([Event::InitDone]));
    let round = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = Arc::new(std::sync::Mutex::new(std::collections::HashMap::new()));
    let turns = Arc::new(Semaphore::new(4));
    let reconcile = {
        let (round, seen) = (round.clone(), seen.clone());
        move |team: Arc<Team>, _: Arc<()>| {
            let (round, seen, turns) = (round.clone(), seen.clone(), turns.clone());
            async move {
                let _turn = turns.acquire_owned().await;
                let begun = round.load(std::sync::atomic::Ordering::SeqCst);
                tokio::time::sleep(Duration::from_micros(rand::random_range(0..4000))).await;
                seen.lock().unwrap().insert(team.name_any(), begun);
                let again = rand::random_range(0..50);
                Ok(Action::requeue(if again < 5 {
                    Duration::from_millis(again)
                } else {
                    Duration::from_secs(3600)
                }))
            }
        }
    };
    let policy = |_: Arc<Team>, error: &Infallible, _| match *error {};
    let controller = controller.reconcile_all_on(rung);
    let running = tokio::spawn(
        controller
            .run(reconcile, policy, Arc::new(()))
            .for_each(|_| std::future::ready(())),
    );
    for now in 1..=ROUNDS {
        round.store(now, std::sync::atomic::Ordering::SeqCst);
        bell.ring();
        let mut waited = Duration::ZERO;
        loop {
            let all = seen.lock().unwrap().clone();
            let late = (0..TEAMS).filter(|number| all.get(&format!("t{number}")) < Some(&now));
            if late.count() == 0 {
                break;
            }
            assert!(waited < Duration::from_secs(60), "round {now}: {all:?}");
            let step = Duration::from_micros(rand::random_range(50..3000));
            tokio::time::sleep(step).await;
            waited += step;
        }
    }
    running.abort();
}
