//! What calls leave behind on a thread's stack, and how to be rid of it.

/// How far down is wiped. Work on a document goes a few dozen calls deep, each of some kilobytes at
/// most.
const DEPTH: usize = 256 * 1024;

/// Overwrites the unused part of this thread's stack, down to 256 KiB, where calls that have returned
/// may have left plaintext: the last block that a hash was fed, the working state of a cipher.
///
/// Call it where that work has just returned, on the thread that did it. A thread that is kept for
/// later, as those of a pool are, keeps its stack as well.
#[inline(never)]
pub fn wipe_stack() {
    let mut below = [0_u8; DEPTH];
    // The compiler must believe that somebody looks at the zeros.
    std::hint::black_box(&mut below);
}
