//! Reasons: the stable, machine-readable half of every condition and failure.
//!
//! One enum for each thing that has a reason. They are text in a status, so that an older version can
//! read the status a newer one wrote; names are never changed, only added.

use std::fmt;

/// A reason as it stands in a status: CamelCase, never changed once released.
pub trait Reason: Copy {
    /// The reason as text.
    fn as_str(self) -> &'static str;
}

/// Writes an enum of reasons; each variant's name is its text and its comment its meaning.
macro_rules! reasons {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident,)+ }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every reason with its meaning, for the reference documentation.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, concat!($($doc),+)),)+];

            /// The reason as it stands in a status.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }
        }

        impl Reason for $name {
            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

reasons! {
    /// Why a Repository is ready or not.
    RepositoryReason {
        /// The branch was fetched.
        Succeeded,
        /// The first fetch is going on.
        Progressing,
        /// `spec.suspend` is set.
        Suspended,
        /// A field has a value that passed the schema but cannot be used.
        InvalidSpec,
        /// No Team names the namespace.
        NoTeam,
        /// More than one Team names the namespace.
        TwoTeams,
        /// The Team does not allow the URL.
        RepositoryNotAllowed,
        /// The Secret of `spec.secretRef` is missing, or lacks an entry.
        CredentialsMissing,
        /// The server refused the credentials.
        AuthenticationFailed,
        /// The server's certificate was not accepted.
        CertificateRejected,
        /// The server has no such branch.
        BranchNotFound,
        /// The server has no such repository, or hides it from these credentials.
        RepositoryNotFound,
        /// The server could not be reached, or broke off.
        Unreachable,
        /// The server took longer than `spec.timeout`.
        TimedOut,
        /// What the server sent is not a usable repository.
        InvalidContent,
        /// The operator could not store what it fetched.
        StorageFailed,
        /// A fault in the operator ended the reconcile; it is tried again less and less often.
        InternalError,
    }
}

reasons! {
    /// Why a Sync is ready or not.
    SyncReason {
        /// Everything in Git is in the cluster.
        Succeeded,
        /// Work is going on.
        Progressing,
        /// `spec.suspend` is set.
        Suspended,
        /// A field has a value that passed the schema but cannot be used.
        InvalidSpec,
        /// No Team names the namespace.
        NoTeam,
        /// More than one Team names the namespace.
        TwoTeams,
        /// The namespace of the Sync is not one a Team may have.
        NamespaceNotAllowed,
        /// The Team's service account is missing in the namespace.
        ServiceAccountNotFound,
        /// The API server refused to let the operator act as the Team's service account.
        ImpersonationForbidden,
        /// There is no Repository of the name in `spec.sourceRef`.
        RepositoryNotFound,
        /// The Team does not allow the Repository's URL.
        RepositoryNotAllowed,
        /// The Repository has not been fetched yet.
        SourceNotReady,
        /// The revision has nothing at `spec.path`; nothing was deleted.
        PathNotFound,
        /// There is no manifest below `spec.path`; nothing was deleted.
        EmptySource,
        /// No key of the Team is there; nothing was deleted.
        KeyMissing,
        /// Some encrypted files could not be opened; the others were applied.
        DecryptionFailed,
        /// Some files are no usable manifests; the others were applied.
        BuildFailed,
        /// Some objects could not be applied; the others were.
        ApplyFailed,
        /// Some objects that left Git could not be deleted.
        PruneFailed,
        /// The API server could not be reached, or broke off.
        Unreachable,
        /// A fault in the operator ended the reconcile; nothing was concluded from it, and it is tried
        /// again less and less often.
        InternalError,
    }
}

reasons! {
    /// Why a Team is ready or not.
    TeamReason {
        /// Its keys are there and its namespaces are its own.
        Succeeded,
        /// Its keys and namespaces are being looked at.
        Progressing,
        /// A field has a value that passed the schema but cannot be used.
        InvalidSpec,
        /// A namespace is named by another Team, too.
        NamespaceShared,
        /// A namespace is one no Team may use.
        NamespaceReserved,
        /// A Secret of `spec.keys` is missing or has no `*.agekey` entry.
        KeyMissing,
        /// An entry of a key Secret is no age identity.
        KeyInvalid,
        /// An identity is held by another Team, too, and they do not name each other in `sharedWith`.
        KeyShared,
        /// The service account is missing in a namespace.
        ServiceAccountNotFound,
    }
}

reasons! {
    /// Why the files of a Sync are decrypted or not.
    DecryptedReason {
        /// Every encrypted file was verified and opened.
        Succeeded,
        /// No file is encrypted.
        NothingEncrypted,
        /// A file is encrypted to none of the Team's keys.
        KeyMissing,
        /// A file does not match its own message authentication code.
        MacMismatch,
        /// A file has a seal that is not its own.
        SealBroken,
        /// A file has no seal, and the Team requires one.
        SealMissing,
        /// A file could not be opened for another reason.
        DecryptionFailed,
    }
}

reasons! {
    /// Why objects of a Sync are as Git has them or not.
    DriftedReason {
        /// Nobody else changed an applied object.
        InStep,
        /// A change was found and put back.
        Corrected,
        /// A change was found and left, because `driftDetection.mode` is `Warn`.
        Detected,
        /// A change was found and could not be put back.
        CorrectionFailed,
        /// Somebody changes the same object again and again; it is put back less and less often.
        TugOfWar,
        /// The Team's service account may not watch some of the objects, or the API server does not
        /// answer; until it can be watched, everything is applied again at each interval.
        NotWatched,
        /// Drift is not looked for, because `driftDetection.mode` is `Disabled`.
        Disabled,
    }
}

reasons! {
    /// Why one file or object failed.
    FailureReason {
        /// The entry is a link, a submodule, or has a name that may not be used.
        EntryRefused,
        /// The file is larger than what is read.
        TooLarge,
        /// The file could not be read from the fetched revision.
        Unreadable,
        /// The text is not what its name promises, such as broken YAML.
        SyntaxInvalid,
        /// The `sops` block is broken, or of a kind that is not supported.
        MetadataInvalid,
        /// The file is encrypted to none of the Team's keys.
        KeyMissing,
        /// The file does not match its own message authentication code.
        MacMismatch,
        /// The file has a seal, and it is not the one that was sealed, or was sealed for another team.
        SealBroken,
        /// The file has no seal, and the Team requires one.
        SealMissing,
        /// An encrypted value could not be opened.
        DecryptionFailed,
        /// The document is no Kubernetes object, or one that may not be written like this.
        ManifestInvalid,
        /// The object was already given by another document.
        DuplicateObject,
        /// The file belongs to a tool that is not supported yet.
        Unsupported,
        /// The object's namespace is not one the Team may use.
        NamespaceNotAllowed,
        /// The object is cluster-scoped and the Team does not list its kind.
        KindNotAllowed,
        /// The Secret has a type that carries power elsewhere, and the Team does not allow it.
        SecretTypeNotAllowed,
        /// A label or annotation carries power elsewhere, and the Team does not allow it.
        MetadataNotAllowed,
        /// An encrypted value stands outside the data of a Secret, and the Team does not allow that.
        DecryptedValueNotAllowed,
        /// A Secret is less encrypted in Git than the Team demands.
        PlaintextNotAllowed,
        /// The API server knows no such kind.
        KindNotFound,
        /// The object exists and this Sync never applied it, and `adoptionPolicy` is `Refuse`.
        AlreadyExists,
        /// Another field manager owns a field, and `conflictPolicy` is `Refuse`.
        Conflict,
        /// The object belongs to another Sync.
        OwnedByOther,
        /// The Team's service account may not do this.
        Forbidden,
        /// The API server refused the object as invalid.
        Rejected,
        /// A field differs that can no longer be changed, such as one of an immutable Secret.
        Immutable,
        /// The object's namespace does not exist or is being deleted.
        NamespaceUnavailable,
        /// A quota of the object's namespace is used up.
        QuotaExceeded,
        /// The object could not be applied for another reason.
        ApplyFailed,
        /// The object left Git and could not be deleted.
        PruneFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_what_the_api_server_accepts() {
        let all = RepositoryReason::ALL
            .iter()
            .map(|(reason, _)| reason.as_str());
        let all = all.chain(SyncReason::ALL.iter().map(|(reason, _)| reason.as_str()));
        let all = all.chain(FailureReason::ALL.iter().map(|(reason, _)| reason.as_str()));
        for reason in all {
            assert!(
                reason.starts_with(|c: char| c.is_ascii_uppercase()),
                "{reason}"
            );
            assert!(
                reason.bytes().all(|b| b.is_ascii_alphanumeric()),
                "{reason}"
            );
        }
    }
}
