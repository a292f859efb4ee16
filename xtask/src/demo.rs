//! The main job on a real local control plane, told a line at a time.

mod narrator;
mod scenes;

use crate::programs::{self, Profile};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use lockstep_testbed::{Access, ControlPlane, GitServer, Installation, Tenant, Tool, tool};
use narrator::Narrator;
use scenes::Scenes;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What happens after the last scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything is stopped and removed.
    Clean,
    /// Everything stays until Ctrl-C.
    Keep,
}

/// Builds what is missing, plays every scene and ends as `ending` says.
pub(crate) fn run(workspace: &Workspace, ending: Ending) -> Result<()> {
    let narrator = Narrator::new();
    programs::build(workspace, Profile::Dev)?;
    for each in Tool::ALL {
        tool(each)?;
    }
    let start = Instant::now();
    let installation = Arc::new(install(&narrator)?);
    let tenant = narrator.step(
        "Team \"shop\": a namespace, an account with the team's rights, an age key",
        || Tenant::new(&installation, "shop"),
    )?;
    let scenes = Scenes {
        narrator: &narrator,
        tenant: &tenant,
    };
    scenes.encrypt(&workspace.root.join("examples/shop"))?;
    let commit = scenes.push()?;
    let operator = narrator.step(
        "The operator starts, as an account that can read no team's Secrets",
        || installation.start_operator(&["--log-format", "text"]),
    )?;
    narrator.step(
        "Repository and Sync: the commit is fetched, verified, decrypted, applied",
        || {
            tenant.sync(&json!({"path": "deploy"}))?;
            tenant.wait_applied(&commit)
        },
    )?;
    scenes.look()?;
    scenes.drift()?;
    scenes.change()?;
    scenes.tamper()?;
    scenes.prune()?;
    narrator.end(&format!("{:.0} s in all.", start.elapsed().as_secs_f64()))?;
    if ending == Ending::Keep {
        return scenes.keep(&operator);
    }
    narrator.step(
        "SIGTERM: the operator finishes what it has in hand and ends",
        || {
            let (status, log) = operator.stop(Duration::from_secs(20))?;
            if !status.success() {
                bail!("the operator ended with {status}:\n{log}");
            }
            Ok(())
        },
    )?;
    drop(tenant);
    drop(installation);
    narrator.end("Nothing is left running, and nothing on disk but the cache.")?;
    narrator.end("`cargo xtask demo --keep` leaves everything up for you to try.")
}

fn install(narrator: &Narrator) -> Result<Installation> {
    let cluster = narrator.step(
        "A control plane: etcd and kube-apiserver on loopback",
        ControlPlane::start,
    )?;
    let server = narrator.step(
        "A Git server over HTTPS, with its own authority and a password",
        || GitServer::start(Access::Private),
    )?;
    narrator.step(
        "Lockstep's kinds and the operator's account, as `lockstep-operator` prints them",
        || Installation::on(cluster, server).context("installing Lockstep"),
    )
}
