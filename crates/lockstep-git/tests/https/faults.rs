//! Servers, networks and credentials that fail, and what a fetch says of it.

use crate::rig::{Rig, branch};
use lockstep_git::{CaBundle, FetchError, GitCredentials};
use lockstep_secret::SecretString;
use lockstep_testbed::{Access, Fault, GitServer};
use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The failure of a fetch under `fault`, and nothing secret in it.
fn failure(rig: &Rig, fault: Fault) -> FetchError {
    rig.server.set_fault(Some(fault));
    let failure = rig.fetch().unwrap_err();
    rig.server.set_fault(None);
    harmless(rig, failure)
}

fn harmless(rig: &Rig, failure: FetchError) -> FetchError {
    let mut said = format!("{failure:?} {failure} {:?}", failure.hint());
    let mut source = failure.source();
    while let Some(error) = source {
        said.push_str(&format!(" {error:?} {error}"));
        source = error.source();
    }
    for secret in [
        rig.server.password(),
        rig.server.token(),
        "Basic ",
        "not allowed",
    ] {
        assert!(!said.contains(secret), "{said}");
    }
    failure
}

#[test]
fn credentials_that_do_not_open_are_told_apart() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut remote = rig.remote();
    remote.credentials = None;
    let none = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
    assert_eq!(none.reason(), "AuthenticationRequired");
    remote.credentials = Some(rig.basic("wrong"));
    let wrong = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
    assert_eq!(wrong.reason(), "AuthenticationDenied");
    let with_line_break = SecretString::new(format!("{}\n", rig.server.token()));
    remote.credentials = Some(GitCredentials::Bearer(with_line_break));
    let unusable = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
    assert_eq!(unusable.reason(), "UnusableCredentials");
}

#[test]
fn only_the_given_authority_is_believed() {
    let rig = Rig::with_files(&[("a", "1")]);
    let other = GitServer::start(Access::Public).unwrap();
    let mut remote = rig.remote();
    for ca in [
        Some(CaBundle::from_pem(other.authority().as_bytes()).unwrap()),
        None,
    ] {
        remote.ca = ca;
        let (failure, requests) = rig.requests(|| rig.fetch_from(&remote).unwrap_err());
        assert_eq!(harmless(&rig, failure).reason(), "TlsFailed");
        assert_eq!(requests, 0);
    }
}

#[test]
fn a_port_nobody_listens_on_is_unreachable() {
    let rig = Rig::new();
    let mut remote = rig.remote();
    remote.url = "https://127.0.0.1:1/app.git".parse().unwrap();
    assert_eq!(rig.fetch_from(&remote).unwrap_err().reason(), "Unreachable");
}

#[test]
fn no_redirect_leads_to_another_host() {
    let rig = Rig::with_files(&[("a", "1")]);
    let thief = GitServer::start(Access::Public).unwrap();
    thief.create_repository("app").unwrap();
    let tail = "/info/refs?service=git-upload-pack";
    let to = format!("{}{tail}", thief.url("app"));
    let failure = failure(&rig, Fault::Redirect(to));
    assert_eq!(failure.reason(), "RedirectRefused");
    assert!(
        failure.to_string().contains("https://127.0.0.1:"),
        "{failure}"
    );
    assert!(thief.handled().is_empty());
}

#[test]
fn a_repository_that_was_renamed_is_found() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut remote = rig.remote();
    remote.url = rig.server.url("old").parse().unwrap();
    let (from, to) = ("old".to_owned(), "app".to_owned());
    rig.server.set_fault(Some(Fault::Renamed { from, to }));
    rig.fetch_from(&remote).unwrap();
}

#[test]
fn a_circle_of_redirects_ends() {
    let rig = Rig::with_files(&[("a", "1")]);
    let tail = "/info/refs?service=git-upload-pack";
    let to = format!("{}{tail}", rig.server.url("app"));
    let (failure, requests) = rig.requests(|| failure(&rig, Fault::Redirect(to)));
    assert_eq!(failure.reason(), "RedirectRefused");
    assert!(requests < 10);
}

#[test]
fn statuses_are_classified() {
    let rig = Rig::with_files(&[("a", "1")]);
    for (status, reason) in [
        (200, "NotARepository"),
        (400, "ServerError"),
        (401, "AuthenticationDenied"),
        (403, "AuthenticationDenied"),
        (404, "NotARepository"),
        (429, "ServerError"),
        (500, "ServerError"),
        (503, "ServerError"),
    ] {
        assert_eq!(
            failure(&rig, Fault::Status(status)).reason(),
            reason,
            "{status}"
        );
    }
}

#[test]
fn a_connection_cut_anywhere_is_told_and_the_next_fetch_heals() {
    let noise: String = (0..50_000_u32)
        .map(|n| format!("{:08x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let rig = Rig::with_files(&[("large", &noise)]);
    for after in [0, 10, 100, 1_000, 100_000] {
        assert_eq!(
            failure(&rig, Fault::CutAfter(after)).reason(),
            "ConnectionBroken",
            "{after}"
        );
    }
    rig.fetch().unwrap();
    rig.push(&[("large", &noise.replace('7', "8"))]);
    assert_eq!(
        failure(&rig, Fault::CutAfter(100_000)).reason(),
        "ConnectionBroken"
    );
    rig.fetch().unwrap();
}

#[test]
fn a_silent_server_is_left_at_the_deadline() {
    let noise: String = (0..50_000_u32)
        .map(|n| format!("{:08x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let rig = Rig::with_files(&[("large", &noise)]);
    let mut remote = rig.remote();
    remote.timeout = Duration::from_millis(500);
    for after in [0, 100, 100_000] {
        rig.server.set_fault(Some(Fault::StallAfter(after)));
        let failure = rig.fetch_from(&remote).unwrap_err();
        assert_eq!(harmless(&rig, failure).reason(), "Timeout", "{after}");
    }
    rig.server.set_fault(None);
    rig.fetch().unwrap();
}

#[test]
fn an_interrupt_ends_a_fetch_that_waits() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.server.set_fault(Some(Fault::StallAfter(10)));
    let interrupt = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let fetch = scope.spawn(|| rig.store.fetch(&rig.remote(), &branch("main"), &interrupt));
        while rig.server.handled().len() < 3 {
            std::thread::yield_now();
        }
        interrupt.store(true, Ordering::Relaxed);
        assert_eq!(fetch.join().unwrap().unwrap_err().reason(), "Interrupted");
    });
}
