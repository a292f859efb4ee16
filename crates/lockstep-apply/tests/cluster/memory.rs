//! What is left of a Secret in this process's memory after it was applied: nothing.

use crate::team::Team;
use serde_json::json;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::AtomicBool;

/// Each byte one less than in the value that is looked for, so that looking leaves no trace of it.
const SHIFTED: &[u8; 24] = b"b`m`qxHmSgdLdlnqxNeSghr0";

/// Some base64.
fn value() -> String {
    SHIFTED.iter().map(|byte| char::from(byte + 1)).collect()
}

/// How often the value is in this process's memory.
fn copies() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').unwrap();
        let (end, _) = rest.split_once(' ').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        let mut region = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        // A region may go away in between.
        if memory.read_exact(&mut region).is_ok() {
            found += region
                .windows(SHIFTED.len())
                .filter(|window| is_value(window))
                .count();
        }
    }
    found
}

fn is_value(window: &[u8]) -> bool {
    window
        .iter()
        .zip(SHIFTED)
        .all(|(seen, shifted)| *seen == shifted + 1)
}

#[tokio::test]
async fn a_closed_session_leaves_no_value_behind() {
    let team = Team::new("memory").await;
    let mut planned = Vec::new();
    for n in 0..16 {
        planned.push(
            team.secret("app", &format!("s{n}"), json!({"v": value()}))
                .await,
        );
    }
    assert!(copies() >= 16, "the search does not find what is there");

    let session = team.session("app");
    let results = session.apply_all(planned, 8, &AtomicBool::new(false)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    session.close().await;
    assert_eq!(copies(), 0);
}
