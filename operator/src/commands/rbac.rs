//! `lockstep-operator rbac`: prints what lets the operator act as the teams' accounts, and no more.

use super::Failure;
use crate::arguments::{Place, RbacOptions};
use crate::cluster;
use crate::explain::explain;
use kube::Client;
use kube::api::{Api, ListParams};
use lockstep_api::Team;
use lockstep_names::Account;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// The exit code when something that a Team names was left out.
const INCOMPLETE: u8 = 3;

/// Prints the operator's own access and a Role for each namespace of each Team. What a Team may not
/// have is left out and named on standard error, and the exit code tells.
///
/// # Errors
/// When the Teams cannot be read.
pub(crate) fn print(options: &RbacOptions) -> Result<ExitCode, Failure> {
    let operator = Account {
        namespace: options.place.namespace.parse()?,
        name: options.service_account.parse()?,
    };
    let teams = match &options.file {
        Some(path) => from_file(path)?,
        None => from_cluster(&options.place)?,
    };
    let mut objects = lockstep_api::operator_access(&operator);
    objects.extend(lockstep_api::key_access(&teams, &operator));
    let access = lockstep_api::team_access(&teams, &operator);
    objects.extend(access.objects);
    std::io::stdout().write_all(lockstep_api::to_yaml(&objects)?.as_bytes())?;
    for refused in &access.refused {
        writeln!(std::io::stderr(), "left out: {}", explain(refused, None))?;
    }
    Ok(if access.refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    })
}

fn from_cluster(place: &Place) -> Result<Vec<Team>, Failure> {
    crate::hardening::choose_tls();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::try_from(cluster::find(place).await?)?;
        Ok(Api::<Team>::all(client)
            .list(&ListParams::default())
            .await?
            .items)
    })
}

/// Reads the Teams of a YAML stream; objects of other kinds are passed over.
fn from_file(path: &Path) -> Result<Vec<Team>, Failure> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    lockstep_api::teams_from_yaml(&text)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
