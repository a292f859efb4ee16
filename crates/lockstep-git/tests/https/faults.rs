//! Servers, networks and credentials that fail, and what a fetch says of it.

use crate::rig::{Rig, branch};
use lockstep_git::{CaBundle, FetchError, GitCredentials};
use lockstep_secret::SecretString;
use lockstep_testbed::{Access, Answer, Fault, GitServer, Presented};
use std::error::Error as _;
use std::io::Write as _;
use std::net::TcpListener;
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
fn certificates_out_of_their_time_or_for_another_name_are_refused() {
    for (presented, words) in [
        (Presented::Expired, "has expired"),
        (Presented::NotYetValid, "is not valid yet"),
        (Presented::OtherName, "is for another name"),
    ] {
        let rig = Rig::new();
        let server = GitServer::start_as(Access::Public, presented).unwrap();
        let mut remote = rig.remote();
        remote.url = server.url("app").parse().unwrap();
        remote.ca = Some(CaBundle::from_pem(server.authority().as_bytes()).unwrap());
        let failure = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
        assert_eq!(failure.reason(), "TlsFailed", "{presented:?}");
        assert!(failure.to_string().contains(words), "{failure}");
        assert!(server.handled().is_empty());
    }
}

#[test]
fn a_server_that_speaks_something_else_or_nothing_is_left() {
    let rig = Rig::new();
    let mut remote = rig.remote();
    remote.timeout = Duration::from_millis(500);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    remote.url = format!("https://{address}/app.git").parse().unwrap();
    // The connection comes about, and nobody says a word.
    let silent = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
    assert_eq!(silent.reason(), "Timeout");
    remote.timeout = Duration::from_secs(30);
    let answers = std::thread::spawn(move || {
        // The first connection is the one that was given up.
        for stream in listener.incoming().take(2) {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    let plain = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
    answers.join().unwrap();
    assert!(
        matches!(plain.reason(), "TlsFailed" | "Unreachable"),
        "{plain:?}"
    );
}

#[test]
fn a_page_that_quotes_the_token_is_not_repeated() {
    let rig = Rig::with_files(&[("a", "1")]);
    let token = rig.server.token().to_owned();
    let page = format!(
        "<html><title>not allowed</title>{token} {}",
        rig.server.password()
    );
    for status in [200, 400, 401, 403, 404, 429, 500, 503] {
        let header = format!("Bearer realm=\"{token}\"");
        let answer = Answer {
            status,
            headers: vec![
                ("content-type", "text/html".to_owned()),
                ("www-authenticate", header),
                ("retry-after", "120".to_owned()),
            ],
            body: page.clone().into_bytes(),
            ..Answer::default()
        };
        for at in 0..3 {
            failure(&rig, Fault::At(at, answer.clone()));
        }
    }
    rig.fetch().unwrap();
}

#[test]
fn a_server_that_sends_a_byte_now_and_then_is_left_at_the_deadline() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut remote = rig.remote();
    remote.timeout = Duration::from_secs(1);
    rig.server.set_fault(Some(Fault::Trickle));
    let failure = harmless(&rig, rig.fetch_from(&remote).unwrap_err());
    assert_eq!(failure.reason(), "Timeout");
    rig.server.set_fault(None);
    rig.fetch().unwrap();
}

/// What [`a_proxy_of_the_environment_is_not_asked`] runs with other variables.
#[test]
#[ignore = "run by another test, with proxies in its environment"]
fn fetches_under_a_proxy() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.fetch().unwrap();
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let mut test = std::process::Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "faults::fetches_under_a_proxy", "--ignored"])
        .envs(names.map(|name| (name, &address)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    let output = test.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert!(proxy.accept().is_err());
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
