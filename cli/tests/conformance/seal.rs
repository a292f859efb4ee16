//! The seal beside the real sops: it reads sealed files, ignores the seal, and drops it when it writes.

use crate::both::Program;
use crate::travel::{MANIFESTS, repository};

#[test]
fn a_write_by_sops_drops_the_seal_and_the_file_still_opens() {
    let scratch = repository();
    for (name, _) in MANIFESTS {
        Program::Lockstep.data(&scratch, &["encrypt", "--in-place", name]);
        let sealed = scratch.read(name);
        assert!(sealed.contains("    lockstep_seal: v1:"), "{sealed}");
        let expected = Program::Sops.data(&scratch, &["decrypt", name]);

        let ran = Program::Sops.run(&scratch, &["rotate", "--in-place", name]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        let written = scratch.read(name);
        assert!(!written.contains("lockstep_seal"), "{written}");
        assert_eq!(Program::Sops.data(&scratch, &["decrypt", name]), expected);
        Program::Lockstep.data(&scratch, &["decrypt", name]);
    }
}
