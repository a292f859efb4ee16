//! What the process forbids itself before it holds any secret.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps and attaching to the process's memory by others of the same user.
///
/// The limit alone does not stop a core handler behind a pipe, the flag alone does not survive an
/// `execve`; both together do. Failing is reported, not fatal: some sandboxes forbid the calls
/// because they already enforce more.
pub(crate) fn forbid_dumps() {
    let no_core = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, no_core);
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    for refused in [limited, hidden].into_iter().filter_map(Result::err) {
        tracing::warn!(%refused, "could not forbid core dumps");
    }
}

/// Replaces the text a panic prints, which may quote what was being worked on, by its place.
pub(crate) fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!(
            place,
            "a task panicked; its message is withheld because it may quote a value"
        );
    }));
}

/// Chooses the one TLS provider of the process, before any connection is made.
pub(crate) fn choose_tls() {
    // Only a second call could fail, and it would choose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
