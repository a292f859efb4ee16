//! One fetch: ask for the branch, stop if its tip is here, else receive one pack of one commit.

use crate::store::Generation;
use crate::walk::object_id;
use crate::wire::{Link, Wire};
use crate::{FetchError, Remote, StoreError};
use gix::protocol::fetch::{RefMap, Shallow};
use gix::remote::Direction;
use gix_transport::Protocol;
use gix_transport::client::blocking_io::http::Transport;
use lockstep_names::{BranchName, ObjectId};
use std::io;
use std::num::NonZeroU32;
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
    let result = exchange(&link, generation, branch, interrupt);
    // What the connection saw is nearer to the cause than what became of it further up.
    result.map_err(|failure| link.failure().unwrap_or(failure))
}

fn exchange(
    link: &Rc<Link<'_>>,
    generation: &Generation,
    branch: &BranchName,
    interrupt: &AtomicBool,
) -> Result<Fetched, FetchError> {
    let stage = |stage| {
        move |_: gix::Error| FetchError::Protocol {
            authority: link.authority(),
            stage,
        }
    };
    let repository = generation.repository();
    let url = link.remote().url.as_str();
    let url = gix::url::parse(url).map_err(stage("reading its address"))?;
    let transport = Transport::new_http(Wire::new(link.clone()), url.clone(), Protocol::V2, false);
    let remote = repository
        .remote_at_without_url_rewrite(url)
        .and_then(|remote| {
            remote.with_refspecs(
                [format!("+refs/heads/{branch}:{TIP}").as_str()],
                Direction::Fetch,
            )
        })
        .map_err(stage("reading its address"))?
        .with_fetch_tags(gix::remote::fetch::Tags::None);
    let mut connection = remote.to_connection_with_transport(transport);
    // Both keep gix from looking for credentials and settings of its own.
    connection
        .set_credentials(|_| Ok(None))
        .set_transport_options(Box::new(()));

    let prepared = connection
        .prepare_fetch(
            gix::progress::Discard,
            gix::remote::ref_map::Options::default(),
        )
        .map_err(|error| not_git(link, &error))?;
    let tip = tip(prepared.ref_map(), link, branch)?;
    if is_here(&repository, tip) {
        return Ok(Fetched::Tip(object_id(tip)));
    }
    if generation.is_worn_out() {
        return Ok(Fetched::WornOut);
    }
    link.expect_pack();
    prepared
        .with_shallow(Shallow::DepthAtRemote(NonZeroU32::MIN))
        .receive(gix::progress::Discard, interrupt)
        .map_err(|error| unreceived(link, generation, error))?;
    if is_here(&repository, tip) {
        Ok(Fetched::Tip(object_id(tip)))
    } else {
        Err(FetchError::Protocol {
            authority: link.authority(),
            stage: "sending the commit",
        })
    }
}

/// Is the commit here, with the list of its files? Packs arrive whole, so then all of it is.
fn is_here(repository: &gix::Repository, tip: gix::ObjectId) -> bool {
    let tree = repository
        .find_commit(tip)
        .ok()
        .and_then(|commit| commit.tree_id().ok());
    tree.is_some_and(|tree| repository.has_object(tree))
}

fn tip(refs: &RefMap, link: &Link<'_>, branch: &BranchName) -> Result<gix::ObjectId, FetchError> {
    let url = || link.remote().url.clone();
    if refs.object_hash != gix::hash::Kind::Sha1 {
        let stage = "naming objects: only SHA-1 repositories can be read";
        return Err(FetchError::Protocol {
            authority: link.authority(),
            stage,
        });
    }
    let tip = refs
        .mappings
        .iter()
        .find_map(|mapping| mapping.remote.as_id());
    match tip {
        Some(tip) => Ok(tip.to_owned()),
        None if refs.remote_refs.is_empty() => Err(FetchError::EmptyRepository { url: url() }),
        None => Err(FetchError::BranchNotFound {
            url: url(),
            branch: branch.clone(),
        }),
    }
}

/// An answer that came in whole and is not Git's, such as a log-in page.
fn not_git(link: &Link<'_>, error: &gix::Error) -> FetchError {
    if error.is_unsupported() {
        FetchError::NotARepository {
            url: link.remote().url.clone(),
        }
    } else {
        FetchError::Protocol {
            authority: link.authority(),
            stage: "listing its branches",
        }
    }
}

fn unreceived(link: &Link<'_>, generation: &Generation, error: gix::Error) -> FetchError {
    let local = error
        .downcast_any_ref::<io::Error>()
        .is_some_and(|error| error.raw_os_error().is_some());
    if local {
        StoreError::git("write to", generation.path())(error).into()
    } else {
        FetchError::Protocol {
            authority: link.authority(),
            stage: "sending the pack",
        }
    }
}
