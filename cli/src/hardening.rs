//! Keeping the process's memory to itself.

use crate::terminal::Terminal;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::panic::{PanicHookInfo, set_hook};

/// Forbids core dumps, and other processes of the same user to read this one's memory, and keeps
/// panics from quoting it. Where the system refuses, the program works all the same: this is a second
/// line of defence.
pub fn harden() {
    set_hook(Box::new(|panic| Terminal::new().say(&told(panic))));
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// What is told of a panic: its place. Its own message may quote the text that was worked on.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!("this is a bug in lockstep, at {place}; please report it")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, dumpable_behavior, getrlimit};
    use std::panic::{catch_unwind, take_hook};
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_panic_tells_its_place_and_not_what_it_quotes() {
        let heard = Arc::new(Mutex::new(String::new()));
        let ear = Arc::clone(&heard);
        let before = take_hook();
        set_hook(Box::new(move |panic| *ear.lock().unwrap() = told(panic)));
        let result = catch_unwind(|| "hunter2".parse::<u8>().unwrap());
        let sliced = catch_unwind(|| String::from("grün hunter2")[..3].to_owned());
        set_hook(before);
        assert!(result.is_err() && sliced.is_err());
        let heard = heard.lock().unwrap();
        assert!(heard.contains("hardening.rs"), "{heard}");
        assert!(!heard.contains("hunter2"), "{heard}");
    }

    #[test]
    fn no_core_is_dumped_and_nobody_else_may_look() {
        harden();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
