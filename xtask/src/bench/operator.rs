//! The operator against a real API server and a real Git server, all on this machine.
//!
//! # Limits
//! The API server writes an audit log for the count of requests, and etcd does not flush. No
//! controllers run, so nothing acts on what is applied.

use super::manifests::{self, Folder};
use super::metrics::Reconciles;
use super::process::resident;
use super::progress;
use super::report::{Figure, Section, Unit};
use super::stopwatch::Stopwatch;
use anyhow::{Result, ensure};
use lockstep_testbed::{Installation, Operator, Tenant};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often a short thing is measured.
const ROUNDS: usize = 20;
/// How often everything is applied for the first time, each time for another team.
const FIRST_APPLIES: usize = 3;
/// How long the operator is left alone before its memory is read, and while nothing is to do.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// Measures everything, from an empty cluster on.
pub(super) fn measure(folder: Folder) -> Result<Section> {
    progress("operator: starting a control plane and a Git server")?;
    let installation = Arc::new(Installation::start()?);
    let operator = installation.start_operator(&[])?;
    let before = resident(operator.id())?;
    let mut first = FirstApplies::default();
    let tenant = first_apply(&installation, "bench-0", folder, &mut first)?;
    let clock = Stopwatch::new(&tenant)?;
    let mut figures = vec![Figure::new(
        "resident memory, before any work",
        Unit::Mebibytes,
        vec![before.now],
    )];
    figures.extend(memory(&operator)?);
    figures.extend(nothing_new(&installation, &clock)?);
    figures.extend(change(&installation, &tenant, &clock)?);
    figures.extend(edit(&installation, &tenant, &clock)?);
    figures.extend(Idleness::watch(&installation, &operator, &tenant)?.figures());
    for number in 1..FIRST_APPLIES {
        let name = format!("bench-{number}");
        first_apply(&installation, &name, folder, &mut first)?;
    }
    figures.splice(0..0, first.figures());
    Ok(Section {
        title: format!(
            "Operator: {} objects in as many files, {} of them encrypted",
            folder.objects(),
            folder.secrets()
        ),
        figures,
    })
}

/// What was measured of first applies.
#[derive(Default)]
pub(super) struct FirstApplies {
    pub(super) times: Vec<Duration>,
    pub(super) requests: Vec<f64>,
}

impl FirstApplies {
    fn figures(self) -> [Figure; 2] {
        [
            Figure::times("first apply: trigger → Ready", &self.times),
            Figure::new("… API requests for each", Unit::Requests, self.requests),
        ]
    }
}

/// A new team whose Sync is Ready with one small file; then everything arrives in one push.
pub(super) fn first_apply(
    installation: &Arc<Installation>,
    name: &str,
    folder: Folder,
    seen: &mut FirstApplies,
) -> Result<Tenant> {
    let tenant = Tenant::new(installation, name)?;
    tenant.init()?;
    let checkout = tenant.checkout();
    checkout.write("deploy/app-000-config.yaml", &manifests::config_map(0))?;
    let commit = checkout.push("the first file")?;
    tenant.sync(&json!({"path": "deploy"}))?;
    tenant.wait_applied(&commit)?;
    folder.write(checkout)?;
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let commit = checkout.push("everything")?;
    progress(&format!(
        "operator: first apply of {} objects",
        folder.objects()
    ))?;
    let clock = Stopwatch::new(&tenant)?;
    let before = asked(installation)?;
    let (asked_at, _) = clock.trigger()?;
    seen.times.push(clock.applied(&commit)? - asked_at);
    seen.requests.push((asked(installation)? - before) as f64);
    Ok(tenant)
}

/// How many requests the operator has made so far, to renew its lease left out.
fn asked(installation: &Installation) -> Result<usize> {
    let asked = installation.cluster().asked()?;
    Ok(asked.iter().filter(|asked| !asked.is_lease()).count())
}

/// Requests for one of `rounds`, on average.
fn each(what: &str, requests: usize, rounds: usize) -> Figure {
    let mean = requests as f64 / rounds as f64;
    Figure::new(what, Unit::Requests, vec![mean])
}

fn memory(operator: &Operator) -> Result<[Figure; 2]> {
    progress("operator: memory when idle")?;
    std::thread::sleep(IDLE);
    let resident = resident(operator.id())?;
    let figure = |what: &str, value| Figure::new(what, Unit::Mebibytes, vec![value]);
    Ok([
        figure("resident memory, idle after the first apply", resident.now),
        figure("resident memory, the most there was", resident.peak),
    ])
}

/// A fetch is asked for and the server has nothing new.
fn nothing_new(installation: &Installation, clock: &Stopwatch<'_>) -> Result<[Figure; 2]> {
    progress("operator: fetches that find nothing new")?;
    let before = asked(installation)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (asked, stamp) = clock.trigger()?;
        times.push(clock.handled(&stamp)? - asked);
    }
    let requests = asked(installation)? - before;
    Ok([
        Figure::times("a fetch that finds nothing new: trigger → status", &times),
        each("… API requests for each", requests, ROUNDS),
    ])
}

/// One encrypted file of all changes.
fn change(
    installation: &Installation,
    tenant: &Tenant,
    clock: &Stopwatch<'_>,
) -> Result<[Figure; 3]> {
    progress("operator: pushes of one changed file")?;
    let before = asked(installation)?;
    let watch = clock.value("app-007", "password")?;
    let (mut arrived, mut ready) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let file = manifests::secret_file(7);
        let password = format!("example-changed-{round:02}");
        tenant
            .checkout()
            .write(&file, &manifests::secret(7, &password))?;
        tenant.lockstep(&["encrypt", "-i", &file])?;
        let commit = tenant.checkout().push("one file")?;
        let (asked, _) = clock.trigger()?;
        // The two watches are two processes: either may be a moment ahead.
        arrived.push(watch.is(&password)?.saturating_duration_since(asked));
        ready.push(clock.applied(&commit)? - asked);
    }
    let requests = asked(installation)? - before;
    Ok([
        Figure::times("one file pushed: trigger → value in the cluster", &arrived),
        Figure::times("one file pushed: trigger → Ready", &ready),
        each("… API requests for each", requests, ROUNDS),
    ])
}

/// Somebody edits a Secret.
fn edit(
    installation: &Installation,
    tenant: &Tenant,
    clock: &Stopwatch<'_>,
) -> Result<[Figure; 2]> {
    progress("operator: edits that are put back")?;
    let before = asked(installation)?;
    let times = edits(tenant, clock, ROUNDS)?;
    // The last one's event and status come after the value.
    std::thread::sleep(IDLE / 10);
    let requests = asked(installation)? - before;
    Ok([
        Figure::times("kubectl edit → put back", &times),
        each("… API requests for each", requests, ROUNDS),
    ])
}

/// How long each of so many edits stayed.
pub(super) fn edits(
    tenant: &Tenant,
    clock: &Stopwatch<'_>,
    rounds: usize,
) -> Result<Vec<Duration>> {
    let watch = clock.value("app-011", "password")?;
    let mut times = Vec::new();
    for round in 0..rounds {
        let edit = format!("example-edited-{round:02}");
        let patch = json!({"stringData": {"password": edit}}).to_string();
        let what = ["secret", "app-011", "--namespace", tenant.name()];
        tenant.kubectl().patch(&what, &patch)?;
        let edited = watch.is(&edit)?;
        times.push(watch.is(&manifests::password(11))? - edited);
    }
    Ok(times)
}

/// What was measured while the interval passed, and Git and the cluster were as they were.
pub(super) struct Idleness {
    pub(super) reconciles: f64,
    pub(super) mean: Duration,
    pub(super) requests: usize,
}

impl Idleness {
    pub(super) fn watch(
        installation: &Installation,
        operator: &Operator,
        tenant: &Tenant,
    ) -> Result<Self> {
        progress("operator: reconciles with nothing to do")?;
        // A Team that was there before its rights is looked at again after a while.
        let team = format!("team/{}", tenant.name());
        let wait = ["wait", "--for=condition=Ready", "--timeout=60s", &team];
        tenant.kubectl().run(&wait)?;
        let interval = |interval: &str| {
            let patch = json!({"spec": {"interval": interval}}).to_string();
            let what = ["sync", tenant.name(), "--namespace", tenant.name()];
            tenant.kubectl().patch(&what, &patch)
        };
        let reconciles = || Reconciles::of_lockstep(&operator.get("/metrics")?);
        interval("1s")?;
        // The change of the Sync is itself something to do.
        std::thread::sleep(IDLE / 5);
        let (requests, before) = (asked(installation)?, reconciles()?);
        std::thread::sleep(IDLE);
        let (requests, since) = (asked(installation)? - requests, reconciles()? - before);
        interval("10m")?;
        ensure!(since.count > 0.0, "no reconcile within {IDLE:?}");
        Ok(Self {
            reconciles: since.count,
            mean: since.mean(),
            requests,
        })
    }

    fn figures(&self) -> [Figure; 2] {
        let count = self.reconciles;
        [
            Figure::times(
                format!("a reconcile with nothing to do (mean of {count})"),
                &[self.mean],
            ),
            each("… API requests for all of them", self.requests, 1),
        ]
    }
}
