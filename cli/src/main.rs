//! The `lockstep` program: memory hygiene first, then the verb.

use std::alloc::System;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

/// Wipes every block of memory that is freed: libraries copy plaintext where our types cannot see.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    lockstep::harden();
    lockstep::run(std::env::args_os()).into()
}
