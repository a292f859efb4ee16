//! One process at a time: whoever holds the Lease works, all others stand by.
//!
//! The holder renews the Lease and may write for [`LEAVE`] after each renewal it sent; the
//! [`Fence`] sees to that. Others take the Lease when its record has not changed for as long as it
//! says, by their own clocks: times in the record come from other machines' clocks and are compared
//! with nothing. A holder that could not renew writes nothing for a while, and goes on if the Lease is
//! still as it left it, for then nobody had it in between.
//!
//! Limits: whoever deletes the Lease by hand lets a new process begin at once, so the holder may have
//! a few seconds of leave left.

mod record;

use crate::events::api_cause;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;
use lockstep_api::LEASE_NAME;
use lockstep_apply::{ApiServer, ConnectError, Fence, SinceBoot};
use lockstep_names::NamespaceName;
use record::Rival;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How long the lease lasts after its last renewal.
const LENGTH: Duration = Duration::from_secs(15);
/// How long the holder may write after it last sent a renewal: what it sent just before the end has
/// the rest of [`LENGTH`] to arrive.
const LEAVE: Duration = Duration::from_secs(10);
/// How often the holder renews.
const RENEW: Duration = Duration::from_secs(3);
/// How soon it tries again when that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How often those who stand by look.
const LOOK: Duration = Duration::from_secs(2);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// What this process calls itself: the machine or pod, and a number that no other process has.
pub(crate) fn identity() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{:016x}", machine.trim(), rand::random::<u64>())
}

/// A process that wants to lead.
pub(crate) struct Candidate {
    leases: Api<Lease>,
    identity: String,
    fence: Fence,
}

/// A process that leads.
pub(crate) struct Leader {
    candidate: Candidate,
    lease: Lease,
}

/// The lease is somebody else's, or gone.
#[derive(Debug, thiserror::Error)]
#[error("the lease was lost to {by}; a new start stands by for it")]
pub(crate) struct Lost {
    by: String,
}

/// Why the lease could not be renewed.
enum Setback {
    /// Never again.
    Lost(Lost),
    /// Perhaps later.
    Unanswered(String),
}

impl Candidate {
    /// A candidate for the lease in `namespace` that opens `fence` when it wins.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) fn new(
        server: &ApiServer,
        namespace: &NamespaceName,
        identity: String,
        fence: Fence,
    ) -> Result<Self, ConnectError> {
        let client = server.unfenced_client()?;
        Ok(Self {
            leases: Api::namespaced(client, namespace.as_str()),
            identity,
            fence,
        })
    }

    /// Waits until the lease is this process's; calls `standing_by` when it sees that it is not yet.
    pub(crate) async fn win(self, mut standing_by: impl FnMut()) -> Leader {
        let mut rival = Rival::default();
        let mut told = String::new();
        loop {
            let asked = SinceBoot::now();
            let news = match self.try_to_take(&mut rival).await {
                Ok(Some(lease)) => {
                    self.fence.extend(asked, LEAVE);
                    tracing::info!(identity = self.identity, "leading");
                    let candidate = self;
                    return Leader { candidate, lease };
                }
                Ok(None) => {
                    standing_by();
                    format!("standing by for {}", rival.name())
                }
                Err(cause) => format!("the lease cannot be taken: {cause}"),
            };
            if news != told {
                tracing::warn!(identity = self.identity, "{news}");
                told = news;
            }
            sleep(LOOK.mul_f64(rand::random_range(0.8..=1.2))).await;
        }
    }

    /// Takes the lease if nobody has it.
    async fn try_to_take(&self, rival: &mut Rival) -> Result<Option<Lease>, String> {
        let seen = self.read().await?;
        if !rival.has_ended(seen.as_ref(), Instant::now()) {
            return Ok(None);
        }
        let is_new = seen.is_none();
        let wanted = record::taken(seen, &self.identity, Timestamp::now());
        let how = PostParams::default();
        let written = if is_new {
            answered(self.leases.create(&how, &wanted)).await
        } else {
            answered(self.leases.replace(LEASE_NAME, &how, &wanted)).await
        };
        match written {
            Ok(lease) => Ok(Some(lease)),
            // Somebody was faster.
            Err(Refused::Outdated) => Ok(None),
            Err(Refused::Other(cause)) => Err(cause),
        }
    }

    async fn read(&self) -> Result<Option<Lease>, String> {
        match answered(self.leases.get_opt(LEASE_NAME)).await {
            Ok(lease) => Ok(lease),
            Err(Refused::Outdated) => Ok(None),
            Err(Refused::Other(cause)) => Err(cause),
        }
    }
}

impl Leader {
    /// Renews the lease until it is lost.
    pub(crate) async fn hold(&mut self) -> Lost {
        let mut pause = RENEW;
        loop {
            sleep(pause).await;
            let asked = SinceBoot::now();
            pause = match self.renew().await {
                Ok(()) => {
                    self.candidate.fence.extend(asked, LEAVE);
                    RENEW
                }
                Err(Setback::Unanswered(cause)) => {
                    tracing::warn!(cause, "the lease was not renewed; trying again");
                    AGAIN
                }
                Err(Setback::Lost(lost)) => {
                    self.candidate.fence.close();
                    return lost;
                }
            };
        }
    }

    async fn renew(&mut self) -> Result<(), Setback> {
        let wanted = record::renewed(self.lease.clone(), Timestamp::now());
        let leases = &self.candidate.leases;
        match answered(leases.replace(LEASE_NAME, &PostParams::default(), &wanted)).await {
            Ok(lease) => {
                self.lease = lease;
                Ok(())
            }
            Err(Refused::Outdated) => {
                let found = self.candidate.read().await.map_err(Setback::Unanswered)?;
                self.lease = self.own(found).map_err(Setback::Lost)?;
                Err(Setback::Unanswered("somebody else changed it".to_owned()))
            }
            Err(Refused::Other(cause)) => Err(Setback::Unanswered(cause)),
        }
    }

    /// `found`, if it is still this process's.
    fn own(&self, found: Option<Lease>) -> Result<Lease, Lost> {
        let by = match found {
            Some(lease) => match record::holder(&lease) {
                Some(holder) if holder == self.candidate.identity => return Ok(lease),
                Some(holder) => holder.to_owned(),
                None => "nobody, for it was released".to_owned(),
            },
            None => "nobody, for it was deleted".to_owned(),
        };
        Err(Lost { by })
    }

    /// Gives the lease back, so that the next process need not wait; nothing is written from now on.
    pub(crate) async fn release(self) {
        self.candidate.fence.close();
        let given_back = async {
            let found = self.candidate.read().await?;
            let Ok(lease) = self.own(found) else {
                return Ok(());
            };
            let free = record::released(lease, Timestamp::now());
            let leases = &self.candidate.leases;
            match answered(leases.replace(LEASE_NAME, &PostParams::default(), &free)).await {
                Ok(_) | Err(Refused::Outdated) => Ok(()),
                Err(Refused::Other(cause)) => Err(cause),
            }
        };
        if let Err(cause) = given_back.await {
            tracing::warn!(cause, "the lease was not given back; it ends by itself");
        }
    }
}

/// Why the API server did not do as asked.
enum Refused {
    /// The lease is not as it was.
    Outdated,
    /// Anything else, in a few words.
    Other(String),
}

async fn answered<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Refused> {
    match timeout(PATIENCE, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {
            Err(Refused::Outdated)
        }
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(Refused::Other(
            "the operator may not; apply what `lockstep-operator rbac` prints".to_owned(),
        )),
        Ok(Err(error)) => Err(Refused::Other(api_cause(&error))),
        Err(_) => Err(Refused::Other("no answer in time".to_owned())),
    }
}
