//! Packs that no honest server would have sent: all of a pack's claims are checked, and none of them
//! is believed when memory is asked for.

use crate::rig::{Rig, content};
use gix::hash::{Kind, hasher};
use gix::zlib::Compression;
use gix::zlib::stream::deflate;
use lockstep_testbed::{Answer, Fault};
use std::io::Write as _;

const BLOB: u8 = 3;
const OFS_DELTA: u8 = 6;
const REF_DELTA: u8 = 7;

/// A pack under construction.
struct Pack {
    bytes: Vec<u8>,
    count: u32,
}

impl Pack {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            count: 0,
        }
    }

    /// Adds an entry that claims to have `size` bytes; gives its offset.
    fn entry(&mut self, kind: u8, mut size: u64, base: &[u8], compressed: &[u8]) -> u64 {
        let offset = 12 + self.bytes.len() as u64;
        let mut byte = (kind << 4) | (size & 15) as u8;
        size >>= 4;
        while size > 0 {
            self.bytes.push(byte | 0x80);
            byte = (size & 0x7f) as u8;
            size >>= 7;
        }
        self.bytes.push(byte);
        self.bytes.extend_from_slice(base);
        self.bytes.extend_from_slice(compressed);
        self.count += 1;
        offset
    }

    fn blob(&mut self, content: &[u8]) -> u64 {
        self.entry(BLOB, content.len() as u64, &[], &squeeze(content))
    }

    /// Adds changes to the entry at `base`.
    fn delta(&mut self, base: u64, changes: &[u8]) -> u64 {
        let distance = 12 + self.bytes.len() as u64 - base;
        self.entry(
            OFS_DELTA,
            changes.len() as u64,
            &offset(distance),
            &squeeze(changes),
        )
    }

    fn finish(self) -> Vec<u8> {
        let count = self.count;
        self.finish_as(count)
    }

    fn finish_as(self, count: u32) -> Vec<u8> {
        let mut pack = b"PACK\0\0\0\x02".to_vec();
        pack.extend_from_slice(&count.to_be_bytes());
        pack.extend_from_slice(&self.bytes);
        let sum = sha1(&pack);
        pack.extend_from_slice(&sum);
        pack
    }
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    let mut hash = hasher(Kind::Sha1);
    hash.update(bytes);
    hash.try_finalize().unwrap().as_bytes().to_vec()
}

fn squeeze(bytes: &[u8]) -> Vec<u8> {
    let mut out = deflate::Write::new(Vec::new(), Compression::BEST);
    out.write_all(bytes).unwrap();
    out.flush().unwrap();
    out.into_inner()
}

/// How a pack writes the distance to a base.
fn offset(mut distance: u64) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    while distance > 0x7f {
        distance = (distance >> 7) - 1;
        bytes.insert(0, 0x80 | (distance & 0x7f) as u8);
    }
    bytes
}

/// How a delta writes a size.
fn size(mut size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size > 0x7f {
        bytes.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes
}

/// A delta that copies these pieces of its base.
fn copies(base: u64, result: u64, pieces: &[(u32, u32)]) -> Vec<u8> {
    let mut changes = [size(base), size(result)].concat();
    for (from, length) in pieces {
        changes.push(0xff);
        changes.extend_from_slice(&from.to_le_bytes());
        changes.extend_from_slice(&length.to_le_bytes()[..3]);
    }
    changes
}

/// The answer to a fetch that holds this pack.
fn answer(pack: &[u8]) -> Answer {
    let mut body = b"000dpackfile\n".to_vec();
    for part in pack.chunks(60_000) {
        body.extend_from_slice(format!("{:04x}\x01", part.len() + 5).as_bytes());
        body.extend_from_slice(part);
    }
    body.extend_from_slice(b"0000");
    let kind = "application/x-git-upload-pack-result".to_owned();
    Answer {
        headers: vec![("content-type", kind)],
        body,
        ..Answer::default()
    }
}

/// The reason of a first fetch that is answered with `pack`; nothing of it stays.
fn refusal(rig: &Rig, pack: &[u8]) -> &'static str {
    rig.server.set_fault(Some(Fault::At(2, answer(pack))));
    let failure = rig.fetch().unwrap_err();
    rig.server.set_fault(None);
    assert_eq!(rig.packs().len(), 0);
    failure.reason()
}

fn pack(make: impl FnOnce(&mut Pack) -> u64) -> Vec<u8> {
    let mut pack = Pack::new();
    make(&mut pack);
    pack.finish()
}

/// Packs that are wrong as a whole.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let good = pack(|pack| pack.blob(b"content"));
    let mut wrong_sum = good.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    let mut wrong_version = good.clone();
    wrong_version[7] = 9;
    let counted = |count| {
        let mut pack = Pack::new();
        pack.blob(b"content");
        pack.finish_as(count)
    };
    vec![
        ("no pack", b"NOPE".to_vec()),
        ("nothing", Vec::new()),
        ("without the commit", good.clone()),
        ("cut off", good[..good.len() - 25].to_vec()),
        ("no sum", good[..good.len() - 20].to_vec()),
        ("wrong sum", wrong_sum),
        ("wrong version", wrong_version),
        ("fewer objects than it says", counted(2)),
        ("more objects than it says", counted(0)),
    ]
}

/// Packs with one entry that is wrong.
fn entries() -> Vec<(&'static str, Vec<u8>)> {
    let content = squeeze(b"content");
    let changes = squeeze(&copies(7, 7, &[(0, 7)]));
    [
        ("longer than it says", BLOB, 3, vec![], &content[..]),
        ("shorter than it says", BLOB, 300, vec![], &content),
        ("no zlib", BLOB, 7, vec![], b"content"),
        ("an unknown kind", 5, 7, vec![], &content),
        (
            "a base that is nowhere",
            REF_DELTA,
            16,
            vec![7; 20],
            &changes,
        ),
        (
            "a base before the pack",
            OFS_DELTA,
            16,
            offset(4000),
            &changes,
        ),
        ("a base that is itself", OFS_DELTA, 16, offset(0), &changes),
    ]
    .map(|(what, kind, size, base, bytes)| {
        (what, pack(|pack| pack.entry(kind, size, &base, bytes)))
    })
    .into()
}

/// Packs with a good base and changes to it that are wrong.
fn deltas() -> Vec<(&'static str, Vec<u8>)> {
    let cut_off = [&size(7)[..], &size(100), &[100, b'x']].concat();
    [
        ("a copy from behind the base", copies(7, 7, &[(4, 7)])),
        ("another size of its base", copies(700, 7, &[(0, 7)])),
        ("a longer result", copies(7, 7, &[(0, 7), (0, 7)])),
        ("a shorter result", copies(7, 70, &[(0, 7)])),
        ("an insertion that is cut off", cut_off),
        ("no sizes", vec![]),
        ("a size without end", vec![0xff; 30]),
    ]
    .map(|(what, changes)| {
        let delta = |pack: &mut Pack| {
            let base = pack.blob(b"content");
            pack.delta(base, &changes)
        };
        (what, pack(delta))
    })
    .into()
}

#[test]
fn a_pack_that_lies_is_an_error_and_the_next_one_heals() {
    let rig = Rig::with_files(&[("a", "1")]);
    for (what, pack) in [broken(), entries(), deltas()].concat() {
        assert_eq!(refusal(&rig, &pack), "ProtocolError", "{what}");
    }
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "1");
}

#[test]
fn sizes_and_numbers_that_a_pack_claims_are_not_believed() {
    let rig = Rig::with_files(&[("a", "1")]);
    let refused = |pack: &[u8], what: &str| {
        let reason = refusal(&rig, pack);
        assert!(
            matches!(reason, "ProtocolError" | "FileTooLarge"),
            "{what}: {reason}"
        );
    };
    for claimed in [65 << 20, 1 << 40, i64::MAX as u64, u64::MAX] {
        let mut pack = Pack::new();
        pack.entry(BLOB, claimed, &[], &squeeze(b"content"));
        refused(&pack.finish(), &format!("{claimed} bytes"));
        for (of_base, of_result) in [(7, claimed), (claimed, 7)] {
            let mut pack = Pack::new();
            let base = pack.blob(b"content");
            pack.delta(base, &copies(of_base, of_result, &[(0, 7)]));
            refused(&pack.finish(), &format!("{of_base} to {of_result} bytes"));
        }
    }
    let mut pack = Pack::new();
    pack.blob(b"content");
    refused(&pack.finish_as(u32::MAX), "four milliards of objects");
}

#[test]
fn a_chain_of_deltas_without_end_is_an_error() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut pack = Pack::new();
    let mut last = pack.blob(b"content");
    for _ in 0..70_000 {
        last = pack.delta(last, &copies(7, 7, &[(0, 7)]));
    }
    assert_eq!(refusal(&rig, &pack.finish()), "ProtocolError");
    rig.fetch().unwrap();
}

#[test]
fn a_small_pack_that_unfolds_into_a_day_of_work_is_left_at_the_deadline() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut pack = Pack::new();
    let length = 16_000_000;
    let base = pack.blob(&vec![0; length as usize]);
    for part in 0..20_000 {
        let pieces = [(0, length), (0, length), (0, length), (0, part)];
        let size = u64::from(3 * length + part);
        pack.delta(base, &copies(length.into(), size, &pieces));
    }
    let pack = pack.finish();
    assert!(pack.len() < 2_000_000);
    let mut remote = rig.remote();
    remote.timeout = std::time::Duration::from_secs(2);
    rig.server.set_fault(Some(Fault::At(2, answer(&pack))));
    assert_eq!(rig.fetch_from(&remote).unwrap_err().reason(), "Timeout");
    rig.server.set_fault(None);
    rig.fetch().unwrap();
}

/// What [`a_small_pack_that_unfolds_into_more_than_the_memory_is_left`] runs alone: memory is the process's.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn unfolds_into_gigabytes() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut pack = Pack::new();
    let mut length = 32_000_000_u32;
    let mut base = pack.blob(&vec![0; length as usize]);
    // Of the things that are made from each, one is a base again, and the others are held meanwhile,
    // since something is made from them too.
    for _ in 0..100 {
        let before = pack.delta(base, &copies_of(length, length - 2));
        pack.delta(before, &copies_of(length - 2, 1 << 24));
        let next = pack.delta(base, &copies_of(length, length - 1));
        let after = pack.delta(base, &copies_of(length, length - 3));
        pack.delta(after, &copies_of(length - 3, 1 << 24));
        (base, length) = (next, length - 1);
    }
    let pack = pack.finish();
    assert!(pack.len() < 100_000);
    rig.server.set_fault(Some(Fault::At(2, answer(&pack))));
    assert_eq!(rig.fetch().unwrap_err().reason(), "TooMuchMemory");
    rig.server.set_fault(None);
    rig.fetch().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak.unwrap().trim_end_matches("kB").trim().parse().unwrap();
    assert!(peak < 600 << 10, "{peak} KiB");
}

/// A delta that makes `result` bytes of a base of `length`.
fn copies_of(length: u32, result: u32) -> Vec<u8> {
    const MOST: u32 = 0xff_ffff;
    let pieces = [(0, MOST), (MOST, result - MOST)];
    copies(length.into(), result.into(), &pieces)
}

#[cfg(target_os = "linux")]
#[test]
fn a_small_pack_that_unfolds_into_more_than_the_memory_is_left() {
    let mut test = std::process::Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "packs::unfolds_into_gigabytes", "--ignored"]);
    let output = test.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[test]
fn an_update_that_lies_is_fetched_anew_from_the_start() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.fetch().unwrap();
    let commit = rig.push(&[("a", "2")]);
    // As if it were built on something that is broken on this side.
    rig.server.set_fault(Some(Fault::At(2, answer(b"NOPE"))));
    assert_eq!(rig.fetch().unwrap().commit.as_str(), commit);
    rig.server.set_fault(None);
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "2");
}
