//! One fetch: ask for the branch, stop if its tip is here, else receive one pack of one commit.

use crate::generation::{Generation, LARGEST_OBJECT};
use crate::guard::{Ended, MEMORY_LIMIT, guarded};
use crate::walk::object_id;
use crate::wire::{Link, Wire};
use crate::{FetchError, Remote, StoreError};
use gix::progress::Discard;
use gix::protocol::fetch::{RefMap, Shallow};
use gix::remote::Direction;
use gix::remote::fetch::Tags;
use gix::remote::ref_map::Options;
use gix_transport::Protocol;
use gix_transport::client::blocking_io::http::Transport;
use lockstep_names::{BranchName, ObjectId};
use std::io;
use std::num::NonZeroU32;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

/// The one reference of a store. What it points to tells the server what is here already.
const TIP: &str = "refs/lockstep/tip";

/// What a fetch came to.
pub(crate) enum Fetched {
    /// The tip of the branch, and its files are here.
    Tip(ObjectId),
    /// There is something new, and the repository should not collect any more packs.
    WornOut,
}

/// Brings the tip of `branch` into `generation`.
pub(crate) fn into(
    generation: &Generation,
    remote: &Remote,
    branch: &BranchName,
    interrupt: &AtomicBool,
) -> Result<Fetched, FetchError> {
    let link = Rc::new(Link::open(remote, interrupt)?);
    // What a server sends must not end more than its own fetch, even where gix did not expect it:
    // among others, it counts the links of a chain of deltas in 16 bits.
    let exchanged = AssertUnwindSafe(|| exchange(&link, generation, branch, interrupt));
    let result = panic::catch_unwind(exchanged)
        .unwrap_or_else(|_| Err(protocol(&link, "sending what cannot be read")));
    // What the connection saw is nearer to the cause than what became of it further up.
    result.map_err(|failure| link.failure().unwrap_or(failure))
}

fn exchange(
    link: &Rc<Link<'_>>,
    generation: &Generation,
    branch: &BranchName,
    interrupt: &AtomicBool,
) -> Result<Fetched, FetchError> {
    let repository = generation.repository();
    let remote = watch(link, &repository, &format!("+refs/heads/{branch}:{TIP}"))?;
    let prepared = connect(link, &remote)
        .prepare_fetch(Discard, Options::default())
        .map_err(|error| not_git(link, &error))?;
    let Some(tip) = tip(prepared.ref_map(), link)? else {
        return Err(absent(link, &repository, branch));
    };
    if is_here(&repository, tip) {
        return Ok(Fetched::Tip(object_id(tip)));
    }
    if generation.is_worn_out() {
        return Ok(Fetched::WornOut);
    }
    link.expect_pack();
    let prepared = prepared.with_shallow(Shallow::DepthAtRemote(NonZeroU32::MIN));
    let (received, why) = guarded(link.deadline(), interrupt, |stop| {
        prepared.receive(Discard, stop)
    });
    if let Err(error) = received {
        return Err(match why {
            Some(Ended::Late) => link.stopped(),
            Some(Ended::Greedy) => FetchError::TooMuchMemory {
                url: link.remote().url.clone(),
                limit: MEMORY_LIMIT,
            },
            None => unreceived(link, generation, error),
        });
    }
    if is_here(&repository, tip) {
        Ok(Fetched::Tip(object_id(tip)))
    } else {
        Err(protocol(link, "sending the commit"))
    }
}

/// The remote side, reduced to the references that `refspec` names.
fn watch<'r>(
    link: &Link<'_>,
    repository: &'r gix::Repository,
    refspec: &str,
) -> Result<gix::Remote<'r>, FetchError> {
    let remote = repository
        .remote_at_without_url_rewrite(link.remote().url.as_str())
        .and_then(|remote| remote.with_refspecs([refspec], Direction::Fetch))
        .map_err(|_| protocol(link, "reading its address"))?;
    Ok(remote.with_fetch_tags(Tags::None))
}

fn connect<'r, 'l>(
    link: &Rc<Link<'l>>,
    remote: &'r gix::Remote<'r>,
) -> gix::remote::Connection<'r, 'static, 'r, Transport<Wire<'l>>> {
    let url = remote
        .url(Direction::Fetch)
        .expect("this holds because it was made from a URL");
    let wire = Wire::new(link.clone());
    let transport = Transport::new_http(wire, url.clone(), Protocol::V2, false);
    let mut connection = remote.to_connection_with_transport(transport);
    // Both keep gix from looking for credentials and settings of its own.
    connection
        .set_credentials(|_| Ok(None))
        .set_transport_options(Box::new(()));
    connection
}

/// Is the commit here, with the list of its files? Packs arrive whole, so then all of it is.
fn is_here(repository: &gix::Repository, tip: gix::ObjectId) -> bool {
    let tree = repository
        .find_commit(tip)
        .ok()
        .and_then(|commit| commit.tree_id().ok());
    tree.is_some_and(|tree| repository.has_object(tree))
}

fn tip(refs: &RefMap, link: &Link<'_>) -> Result<Option<gix::ObjectId>, FetchError> {
    if refs.object_hash != gix::hash::Kind::Sha1 {
        let stage = "naming objects: only SHA-1 repositories can be read";
        return Err(protocol(link, stage));
    }
    let ids = refs
        .mappings
        .iter()
        .find_map(|mapping| mapping.remote.as_id());
    Ok(ids.map(ToOwned::to_owned))
}

/// The branch is not there; is any other?
fn absent(link: &Rc<Link<'_>>, repository: &gix::Repository, branch: &BranchName) -> FetchError {
    let url = link.remote().url.clone();
    let others = watch(link, repository, "+refs/heads/*:refs/lockstep/any/*").and_then(|remote| {
        let refs = connect(link, &remote).ref_map(Discard, Options::default());
        refs.map_err(|error| not_git(link, &error))
    });
    match others {
        Ok((refs, _)) if refs.mappings.is_empty() => FetchError::EmptyRepository { url },
        Ok(_) => FetchError::BranchNotFound {
            url,
            branch: branch.clone(),
        },
        Err(failure) => failure,
    }
}

fn protocol(link: &Link<'_>, stage: &'static str) -> FetchError {
    FetchError::Protocol {
        authority: link.authority(),
        stage,
    }
}

/// An answer that came in whole and is not Git's, such as a log-in page.
fn not_git(link: &Link<'_>, error: &gix::Error) -> FetchError {
    if error.is_unsupported() {
        FetchError::NotARepository {
            url: link.remote().url.clone(),
        }
    } else {
        protocol(link, "listing its branches")
    }
}

fn unreceived(link: &Link<'_>, generation: &Generation, error: gix::Error) -> FetchError {
    let local = error.downcast_any_ref::<io::Error>().is_some_and(|error| {
        use io::ErrorKind::{
            FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        let of_disks = [
            FileTooLarge,
            PermissionDenied,
            QuotaExceeded,
            ReadOnlyFilesystem,
            StorageFull,
        ];
        error.raw_os_error().is_some() || of_disks.contains(&error.kind())
    });
    if local {
        StoreError::git("write to", generation.path())(error).into()
    } else if error.is_resource_exhausted() {
        FetchError::FileTooLarge {
            url: link.remote().url.clone(),
            limit: LARGEST_OBJECT,
        }
    } else {
        protocol(link, "sending the pack")
    }
}
