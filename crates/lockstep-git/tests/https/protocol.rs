//! Answers that are no Git protocol, or Git protocol without end.

use crate::rig::{Rig, content};
use lockstep_testbed::{Answer, Fault};

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";

/// An answer that begins like this and goes on like that for ever.
fn answer(kind: &str, body: &[u8], again: &[u8]) -> Answer {
    Answer {
        headers: vec![("content-type", kind.to_owned())],
        body: body.to_vec(),
        again: again.to_vec(),
        ..Answer::default()
    }
}

/// One line as Git frames it.
fn line(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

/// The reason when the request of this number is answered so.
fn reason(rig: &Rig, number: usize, answer: Answer) -> &'static str {
    rig.server.set_fault(Some(Fault::At(number, answer)));
    let reason = rig.fetch().unwrap_err().reason();
    rig.server.set_fault(None);
    reason
}

#[test]
fn lines_that_are_no_lines_are_an_error_at_every_step() {
    let rig = Rig::with_files(&[("a", "1")]);
    let lines: [&[u8]; 10] = [
        b"",
        b"0001",
        b"0002",
        b"0003",
        b"0004",
        b"fff1",
        b"ffffx",
        b"-001",
        b"00",
        b"000eversion 1\n0000",
    ];
    for line in lines {
        for (number, kind) in [(0, ADVERTISEMENT), (1, RESULT), (2, RESULT)] {
            let reason = reason(&rig, number, answer(kind, line, b""));
            assert!(
                matches!(
                    reason,
                    "ProtocolError" | "NotARepository" | "BranchNotFound" | "EmptyRepository"
                ),
                "{} at {number}: {reason}",
                line.escape_ascii()
            );
        }
    }
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "1");
}

#[test]
fn a_list_of_branches_without_end_is_cut_off() {
    let rig = Rig::with_files(&[("a", "1")]);
    let id = "1234567890123456789012345678901234567890";
    // Many at a time, or it takes as long as it sounds.
    let branch = line(&format!("{id} refs/heads/another\n")).repeat(1000);
    assert_eq!(reason(&rig, 1, answer(RESULT, b"", &branch)), "TooLarge");
    let start = b"001e# service=git-upload-pack\n0000000eversion 2\n";
    let capability = line("agent=x\n").repeat(1000);
    let endless = answer(ADVERTISEMENT, start, &capability);
    assert_eq!(reason(&rig, 0, endless), "TooLarge");
    rig.fetch().unwrap();
}

#[test]
fn a_pack_that_never_comes_is_left_at_the_deadline() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut remote = rig.remote();
    remote.timeout = std::time::Duration::from_secs(1);
    let progress = [&b"0104\x02"[..], &[b'.'; 255]].concat().repeat(100);
    for again in [&progress[..], b"0005\x02", b"0008NAK\n"] {
        let endless = answer(RESULT, b"000dpackfile\n", &again.repeat(100));
        rig.server.set_fault(Some(Fault::At(2, endless)));
        let reason = rig.fetch_from(&remote).unwrap_err().reason();
        assert!(
            matches!(reason, "Timeout" | "TooLarge" | "ProtocolError"),
            "{}: {reason}",
            again.escape_ascii()
        );
        rig.server.set_fault(None);
    }
    rig.fetch().unwrap();
}

#[test]
fn headers_and_compressed_answers_are_not_taken_without_end() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut headers = answer(ADVERTISEMENT, b"", b"");
    let long = "x".repeat(10_000);
    headers
        .headers
        .extend((0..200).map(|_| ("x-long", long.clone())));
    assert_eq!(reason(&rig, 0, headers), "ConnectionBroken");
    let mut compressed = answer(ADVERTISEMENT, &[0x1f, 0x8b, 8, 0], b"");
    compressed.headers.push(("content-encoding", "gzip".into()));
    // It is not asked for, and not undone.
    assert_eq!(reason(&rig, 0, compressed), "ProtocolError");
}

#[test]
fn older_and_simpler_protocols_are_refused() {
    let rig = Rig::with_files(&[("a", "1")]);
    // The dumb protocol: a plain list of references.
    let list = b"1234567890123456789012345678901234567890\trefs/heads/main\n";
    assert_eq!(
        reason(&rig, 0, answer("text/plain", list, b"")),
        "NotARepository"
    );
    // A server that offers to send its objects from elsewhere is not taken up on it.
    let offered = [
        "version 2\n",
        "bundle-uri\n",
        "ls-refs\n",
        "fetch=shallow packfile-uris\n",
    ];
    let start = b"001e# service=git-upload-pack\n0000".to_vec();
    let offer = [start, offered.map(line).concat(), b"0000".to_vec()].concat();
    rig.server
        .set_fault(Some(Fault::At(0, answer(ADVERTISEMENT, &offer, b""))));
    let (fetched, requests) = rig.requests(|| rig.fetch());
    fetched.unwrap();
    assert_eq!(requests, 3);
}
