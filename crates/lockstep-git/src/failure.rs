//! What can go wrong between here and a Git server, told apart by who can mend it.
//!
//! No message holds a credential or a byte of a server's answer; of a server only the host, the
//! port and the HTTP status are named.

use crate::StoreError;
use lockstep_names::{BranchName, GitUrl};
use std::time::Duration;

/// A fetch that did not bring the branch.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection came about.
    #[error("cannot connect to {authority}: {why}")]
    Unreachable {
        /// Host and port.
        authority: String,
        /// What the system said.
        why: String,
    },
    /// The connection broke while the server was answering.
    #[error("the connection to {authority} broke off: {why}")]
    ConnectionBroken {
        /// Host and port.
        authority: String,
        /// What the system said.
        why: String,
    },
    /// The server took too long to connect, to send the next byte, or in all.
    #[error("{authority} did not {missed} within {} s", .limit.as_secs_f32())]
    Timeout {
        /// Host and port.
        authority: String,
        /// What did not happen in time, as a sentence part.
        missed: &'static str,
        /// The limit that was passed.
        limit: Duration,
    },
    /// The server's certificate was refused, or TLS failed otherwise.
    #[error("no secure connection to {authority}: {why}")]
    Tls {
        /// Host and port.
        authority: String,
        /// What the TLS library said.
        why: String,
    },
    /// The server wants credentials and there are none.
    #[error("{url} asks for credentials and none are given")]
    AuthenticationRequired {
        /// The repository.
        url: GitUrl,
    },
    /// The server refused the credentials, or what they may do.
    #[error("{url} refuses the given credentials (HTTP status {status})")]
    AuthenticationDenied {
        /// The repository.
        url: GitUrl,
        /// The HTTP status.
        status: u16,
    },
    /// The credentials cannot be sent.
    #[error("the credentials cannot be used: {rule}")]
    UnusableCredentials {
        /// What is wrong with them.
        rule: &'static str,
    },
    /// The server points elsewhere.
    #[error("{url} redirects to {to}, which is not followed")]
    Redirected {
        /// The repository.
        url: GitUrl,
        /// The scheme, host and port it points to.
        to: String,
    },
    /// The server failed, or asks to be left alone for a while.
    #[error("{authority} answers with HTTP status {status}")]
    ServerError {
        /// Host and port.
        authority: String,
        /// The HTTP status.
        status: u16,
    },
    /// The repository has branches, but not this one.
    #[error("{url} has no branch {branch}")]
    BranchNotFound {
        /// The repository.
        url: GitUrl,
        /// The branch.
        branch: BranchName,
    },
    /// The repository has no branch at all.
    #[error("{url} is empty: it has no branch yet")]
    EmptyRepository {
        /// The repository.
        url: GitUrl,
    },
    /// There is no Git repository at this address.
    #[error("{url} is not a Git repository that these credentials may see")]
    NotARepository {
        /// The repository.
        url: GitUrl,
    },
    /// The server's answers do not make sense.
    #[error("{authority} broke the Git protocol while {stage}")]
    Protocol {
        /// Host and port.
        authority: String,
        /// What was being done, as a sentence part.
        stage: &'static str,
    },
    /// The server sent more than is taken.
    #[error("{authority} sent more than {limit} bytes")]
    TooLarge {
        /// Host and port.
        authority: String,
        /// How many bytes are taken.
        limit: u64,
    },
    /// A file in the repository is longer than is taken, even if it is none of the manifests.
    #[error("{url} holds a file of more than {limit} bytes")]
    FileTooLarge {
        /// The repository.
        url: GitUrl,
        /// How many bytes a file may have.
        limit: usize,
    },
    /// What was sent takes more memory to unpack than there is for it.
    #[error("what {url} sent takes more than {limit} bytes of memory to unpack")]
    TooMuchMemory {
        /// The repository.
        url: GitUrl,
        /// How many bytes unpacking may take.
        limit: u64,
    },
    /// The store on this machine failed.
    #[error("the local store failed")]
    Store(#[from] StoreError),
    /// The caller asked to stop.
    #[error("the fetch was interrupted")]
    Interrupted,
}

impl FetchError {
    /// Names the kind of failure for conditions and metric labels; these names stay.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "Unreachable",
            Self::ConnectionBroken { .. } => "ConnectionBroken",
            Self::Timeout { .. } => "Timeout",
            Self::Tls { .. } => "TlsFailed",
            Self::AuthenticationRequired { .. } => "AuthenticationRequired",
            Self::AuthenticationDenied { .. } => "AuthenticationDenied",
            Self::UnusableCredentials { .. } => "UnusableCredentials",
            Self::Redirected { .. } => "RedirectRefused",
            Self::ServerError { .. } => "ServerError",
            Self::BranchNotFound { .. } => "BranchNotFound",
            Self::EmptyRepository { .. } => "EmptyRepository",
            Self::NotARepository { .. } => "NotARepository",
            Self::Protocol { .. } => "ProtocolError",
            Self::TooLarge { .. } => "TooLarge",
            Self::FileTooLarge { .. } => "FileTooLarge",
            Self::TooMuchMemory { .. } => "TooMuchMemory",
            Self::Store(_) => "StoreFailed",
            Self::Interrupted => "Interrupted",
        }
    }

    /// Says what to do next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Tls { .. } => {
                "if the server's certificate comes from an authority of your own, give that authority \
                 as the repository's CA"
            }
            Self::AuthenticationRequired { .. } => {
                "give a Secret with `username` and `password`, or with `bearerToken`"
            }
            Self::AuthenticationDenied { .. } => {
                "check that the token has not expired and may read this repository"
            }
            Self::Redirected { .. } => "use the address the server points to, if you trust it",
            Self::EmptyRepository { .. } => "push a first commit",
            Self::NotARepository { .. } => {
                "check the address; many servers say the same of a private repository when the \
                 credentials do not reach it"
            }
            Self::TooLarge { .. } | Self::FileTooLarge { .. } | Self::TooMuchMemory { .. } => {
                "keep manifests in a repository of their own"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
