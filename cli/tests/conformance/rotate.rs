//! Rotated files are sops's files: it reads them, and rotates them again.

use crate::both::{BOTH, Program};
use crate::scratch::{ALICE, BOB, Scratch};
use crate::travel::{MANIFESTS, repository};

fn decrypted(scratch: &Scratch) -> [String; 4] {
    MANIFESTS.map(|(name, _)| Program::Sops.data(scratch, &["decrypt", name]))
}

/// The recipients that a file names.
fn recipients(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    let mut found: Vec<_> = lines
        .filter_map(|line| line.trim_start_matches("- ").strip_prefix("recipient: "))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A file without its metadata and with every ciphertext cut out.
fn masked(text: &str) -> String {
    let body = text.split("\nsops:").next().unwrap();
    let mut parts = body.split("ENC[AES256_GCM,");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |masked, part| {
        masked + &part[part.find(",type:").unwrap()..]
    })
}

#[test]
fn sops_reads_every_rotated_file_whoever_made_it() {
    for maker in BOTH {
        let scratch = repository();
        for (name, _) in MANIFESTS {
            let sealed = maker.data(&scratch, &["encrypt", name]);
            scratch.write(name, &sealed);
        }
        let expected = decrypted(&scratch);
        let old = MANIFESTS.map(|(name, _)| scratch.read(name));
        let policy = scratch.read(".sops.yaml");
        scratch.write(
            ".sops.yaml",
            &policy.replace(ALICE, &format!("{ALICE},{BOB}")),
        );

        let ran = Program::Lockstep.run(&scratch, &["rotate", "--yes", "."]);
        assert_eq!(ran.code, 0, "{maker:?}: {}", ran.stderr);
        assert_eq!(decrypted(&scratch), expected, "{maker:?}");
        for ((name, _), old) in MANIFESTS.into_iter().zip(&old) {
            let new = scratch.read(name);
            assert_eq!(recipients(&new), [ALICE, BOB], "{maker:?} {name}");
            assert_eq!(masked(&new), masked(old), "{maker:?} {name}");
            // The old data key opens nothing of the new file.
            let block = |text: &str| text.find("\nsops:").unwrap();
            let mixed = format!("{}{}", &new[..block(&new)], &old[block(old)..]);
            scratch.write("mixed-secret.yaml", &mixed);
            for program in BOTH {
                let ran = program.run(&scratch, &["decrypt", "mixed-secret.yaml"]);
                assert_eq!(ran.code, 25, "{maker:?} {program:?} {name}: {}", ran.stderr);
            }
        }
    }
}

#[test]
fn the_two_rotate_in_turn() {
    let scratch = repository();
    for (name, _) in MANIFESTS {
        Program::Sops.data(&scratch, &["encrypt", "--in-place", name]);
    }
    let expected = decrypted(&scratch);
    for program in [Program::Lockstep, Program::Sops, Program::Lockstep] {
        for (name, _) in MANIFESTS {
            let ran = program.run(&scratch, &["rotate", "--in-place", name]);
            assert_eq!(ran.code, 0, "{program:?} {name}: {}", ran.stderr);
        }
        assert_eq!(decrypted(&scratch), expected, "{program:?}");
    }
}
