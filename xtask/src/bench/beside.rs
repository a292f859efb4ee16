//! The operator beside Flux's kustomize-controller: the same files, the same control plane, taking
//! turns.
//!
//! # Limits
//! Both run all the time, and the one whose turn it is not has nothing to do. Lockstep fetches from the
//! Git server and acts as the team's account; for Flux the fetch is done beforehand, as no
//! source-controller runs, and it acts as itself, an administrator. One bad file is one that is no YAML.

mod flux;
mod lockstep;
mod memory;

use super::comparison::{Comparison, Row, Seen};
use super::manifests::{self, Folder};
use super::operator::{FirstApplies, IDLE};
use super::process::resident;
use super::progress;
use super::report::{Figure, Unit};
use anyhow::Result;
use flux::FluxSide;
use lockstep::LockstepSide;
use lockstep_testbed::{Flux, Installation, Tenant};
use memory::Copies;
use std::sync::Arc;
use std::time::Duration;

/// How often everything is applied for the first time by each, each time for another team.
const ROUNDS: usize = 3;
/// How many edits are watched until they are put back.
const EDITS: usize = 50;
/// How long an edit that nobody puts back is watched.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long both are left alone before their memory is looked at.
const SETTLED: Duration = Duration::from_secs(30);
/// 40 MB, in the unit that the kernel's figures are shown in.
const MEMORY_AIM_MIB: f64 = 40e6 / 1024.0 / 1024.0;

/// Measures both.
pub(super) fn measure(folder: Folder) -> Result<Comparison> {
    progress("beside Flux: starting a control plane, a Git server and both controllers")?;
    let installation = Arc::new(Installation::start()?);
    let operator = installation.start_operator(&[])?;
    let flux = Flux::start(installation.cluster())?;
    let ours = LockstepSide::new(&installation, &operator, folder);
    let theirs = FluxSide::new(&installation, &flux, folder);

    let (mut our_first, mut their_first) = (FirstApplies::default(), FirstApplies::default());
    let our_tenant = ours.first_apply(0, &mut our_first)?;
    let their_tenant = theirs.first_apply(0, &mut their_first)?;
    progress("beside Flux: memory when idle")?;
    std::thread::sleep(SETTLED);
    let memory = [
        Memory::of(operator.id(), folder)?,
        Memory::of(flux.id(), folder)?,
    ];
    let edits = edits(&ours, &our_tenant, &theirs, &their_tenant)?;
    let idleness = idleness(&ours, &our_tenant, &theirs, &their_tenant)?;
    let bad_file = bad_file(folder, ours.bad_file()?, theirs.bad_file()?);
    for round in 1..ROUNDS {
        // Whoever was second is first.
        if round % 2 == 1 {
            theirs.first_apply(round, &mut their_first)?;
            ours.first_apply(round, &mut our_first)?;
        } else {
            ours.first_apply(round, &mut our_first)?;
            theirs.first_apply(round, &mut their_first)?;
        }
    }
    let mut rows = vec![first_apply(&our_first, &their_first), idleness, edits];
    rows.extend(memory_rows(memory));
    rows.push(bad_file);
    Ok(Comparison {
        title: format!(
            "The operator beside Flux's kustomize-controller: {} objects, {} encrypted",
            folder.objects(),
            folder.secrets()
        ),
        rows,
    })
}

fn first_apply(ours: &FirstApplies, theirs: &FirstApplies) -> Row {
    let figure = |all: &FirstApplies| Figure::times("first apply: trigger → Ready", &all.times);
    let (lockstep, flux) = (figure(ours), figure(theirs));
    Row {
        work: "first apply",
        is_met: lockstep.median() <= flux.median() / 2.0,
        lockstep: Seen::median(lockstep),
        flux: Seen::median(flux),
        aim: "half of Flux".to_owned(),
    }
}

/// The interval passes, and nothing has changed.
fn idleness(
    ours: &LockstepSide<'_>,
    our_tenant: &Tenant,
    theirs: &FluxSide<'_>,
    their_tenant: &Tenant,
) -> Result<Row> {
    let (ours, theirs) = (ours.idleness(our_tenant)?, theirs.idleness(their_tenant)?);
    let seen = |mean: Duration, requests: f64| {
        Seen::Figures(vec![
            (Figure::times("a reconcile", &[mean]), 50),
            (
                Figure::new("its API requests", Unit::Requests, vec![requests]),
                50,
            ),
        ])
    };
    let each = ours.requests as f64 / ours.reconciles;
    Ok(Row {
        work: "nothing to do",
        lockstep: seen(ours.mean, each),
        flux: seen(theirs.mean, theirs.requests as f64 / theirs.reconciles),
        aim: "no request, < 50 ms".to_owned(),
        is_met: ours.requests == 0 && ours.mean < Duration::from_millis(50),
    })
}

/// Somebody edits a Secret.
fn edits(
    ours: &LockstepSide<'_>,
    our_tenant: &Tenant,
    theirs: &FluxSide<'_>,
    their_tenant: &Tenant,
) -> Result<Row> {
    let times = ours.edits(our_tenant, EDITS)?;
    let figure = || Figure::times("edit → put back", &times);
    let slowest = figure().percentile(99);
    let flux = match theirs.edit(their_tenant, PATIENCE)? {
        Some(time) => Seen::median(Figure::times("edit → put back", &[time])),
        None => Seen::Words(format!(
            "not within {} s: next interval",
            PATIENCE.as_secs()
        )),
    };
    Ok(Row {
        work: "kubectl edit → put back",
        is_met: slowest < 1000.0,
        lockstep: Seen::Figures(vec![(figure(), 50), (figure(), 99)]),
        flux,
        aim: "p99 < 1 s".to_owned(),
    })
}

/// What a controller holds when it is idle.
struct Memory {
    resident: f64,
    copies: Copies,
}

impl Memory {
    fn of(process: u32, folder: Folder) -> Result<Self> {
        let passwords: Vec<_> = (0..folder.secrets()).map(manifests::password).collect();
        Ok(Self {
            resident: resident(process)?.now,
            copies: Copies::in_memory(process, &passwords)?,
        })
    }
}

fn memory_rows([ours, theirs]: [Memory; 2]) -> [Row; 2] {
    let resident = |memory: &Memory| {
        let samples = vec![memory.resident];
        Seen::median(Figure::new("resident memory", Unit::Mebibytes, samples))
    };
    let copies = |memory: &Memory| {
        let samples = vec![memory.copies.found as f64];
        Seen::median(Figure::new("secret values", Unit::Copies, samples))
    };
    [
        Row {
            work: "idle memory",
            lockstep: resident(&ours),
            flux: resident(&theirs),
            aim: "< 40 MB (38.1 MiB)".to_owned(),
            is_met: ours.resident < MEMORY_AIM_MIB,
        },
        Row {
            work: "secret values left in idle memory",
            lockstep: copies(&ours),
            flux: Seen::Words(theirs.copies.to_string()),
            aim: "0".to_owned(),
            is_met: ours.copies.found == 0,
        },
    ]
}

fn bad_file(folder: Folder, ours: usize, theirs: usize) -> Row {
    let good = folder.objects() - 1;
    let figure = |applied: usize| {
        let samples = vec![applied as f64];
        Seen::median(Figure::new("applied", Unit::Objects, samples))
    };
    Row {
        work: "one bad file",
        lockstep: figure(ours),
        flux: figure(theirs),
        aim: format!("{good} applied"),
        is_met: ours == good,
    }
}

/// A tenant's repository with everything, one file of it no YAML; committed.
fn with_bad_file(tenant: &Tenant, folder: Folder) -> Result<String> {
    let checkout = tenant.checkout();
    folder.write(checkout)?;
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let file = manifests::config_map_file(3);
    checkout.write(
        &file,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [app\n",
    )?;
    checkout.push("everything, one file of it broken")
}

/// How many of the objects are in a tenant's namespace.
fn objects_of(tenant: &Tenant) -> Result<usize> {
    let kinds = "secrets,configmaps,deployments,services";
    let what = ["get", kinds, "-n", tenant.name(), "-l", "app", "-o", "name"];
    Ok(tenant.kubectl().run(&what)?.lines().count())
}

/// Lets what is going on end, then counts.
fn settle() {
    std::thread::sleep(IDLE / 5);
}
