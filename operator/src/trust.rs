//! Whether this program checks what a team may do before the API server is asked.
//!
//! It always does, but for a build with the feature `trusting`. Tests run that one beside the real one to
//! show that the walls between teams stand in the API server, too, whatever becomes of our own code.

#[cfg(all(feature = "trusting", not(debug_assertions)))]
compile_error!("`trusting` leaves checks out, for tests: a release build must not have it");

/// What becomes of our own checks of a team's manifests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// They are made.
    Made,
    /// They are left out: a test build.
    LeftOut,
}

/// What this program was built for.
pub(crate) const CHECKS: Checks = if cfg!(feature = "trusting") {
    Checks::LeftOut
} else {
    Checks::Made
};

/// The version, and a warning where there is something to warn of.
pub(crate) const VERSION: &str = match CHECKS {
    Checks::Made => env!("CARGO_PKG_VERSION"),
    Checks::LeftOut => concat!(env!("CARGO_PKG_VERSION"), " TEST BUILD WITHOUT CHECKS"),
};
