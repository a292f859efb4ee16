//! The operator's side.

use super::{objects_of, settle, with_bad_file};
use crate::bench::manifests::Folder;
use crate::bench::operator::{self, FirstApplies, Idleness};
use crate::bench::progress;
use crate::bench::stopwatch::Stopwatch;
use anyhow::{Result, bail};
use lockstep_testbed::{Installation, Operator, Tenant, condition};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The operator and what it works on.
pub(super) struct LockstepSide<'a> {
    installation: &'a Arc<Installation>,
    operator: &'a Operator,
    folder: Folder,
}

impl<'a> LockstepSide<'a> {
    pub(super) fn new(
        installation: &'a Arc<Installation>,
        operator: &'a Operator,
        folder: Folder,
    ) -> Self {
        Self {
            installation,
            operator,
            folder,
        }
    }

    pub(super) fn first_apply(&self, round: usize, seen: &mut FirstApplies) -> Result<Tenant> {
        let name = format!("lockstep-{round}");
        operator::first_apply(self.installation, &name, self.folder, seen)
    }

    pub(super) fn edits(&self, tenant: &Tenant, count: usize) -> Result<Vec<Duration>> {
        progress("operator: edits that are put back")?;
        operator::edits(tenant, &Stopwatch::new(tenant)?, count)
    }

    pub(super) fn idleness(&self, tenant: &Tenant) -> Result<Idleness> {
        Idleness::watch(self.installation, self.operator, tenant)
    }

    /// How many objects are applied of a folder with a bad file.
    pub(super) fn bad_file(&self) -> Result<usize> {
        progress("operator: one bad file")?;
        let tenant = Tenant::new(self.installation, "lockstep-bad")?;
        tenant.init()?;
        let commit = with_bad_file(&tenant, self.folder)?;
        tenant.sync(&json!({"path": "deploy"}))?;
        let revision = format!("main@sha1:{commit}");
        let sync = tenant.wait("a folder with a bad file was tried", |sync| {
            sync["status"]["lastAttemptedRevision"] == revision.as_str()
                && condition(sync, "Ready")["status"] == "False"
        })?;
        if sync["status"]["failures"]
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            bail!("the Sync names no bad file: {}", sync["status"]);
        }
        settle();
        objects_of(&tenant)
    }
}
