//! Logs: lines for people or JSON for machines, on standard error, and never a secret value.
//!
//! Only our own targets can be made more talkative. The kube client is silent, because at `warn` it
//! logs whole response bodies that fail to parse; other libraries report warnings.

use crate::arguments::{LogFormat, LogLevel};
use std::error::Error;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Starts logging; call it once.
pub(crate) fn start(format: LogFormat, level: LogLevel) {
    let level = level.as_str();
    let directives = format!(
        "warn,kube_client=off,lockstep={level},lockstep_operator={level},lockstep_apply={level},lockstep_git={level}"
    );
    let logs = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => logs.json().flatten_event(true).init(),
        LogFormat::Text => {
            let colour = std::env::var_os("NO_COLOR").is_none()
                && std::io::IsTerminal::is_terminal(&std::io::stderr());
            logs.with_ansi(colour).init();
        }
    }
}

/// Says why the program ends, a line for each cause.
pub(crate) fn last_words(failure: &(dyn Error + 'static)) -> ExitCode {
    use std::io::Write as _;
    let mut text = format!("lockstep-operator: {failure}\n");
    let mut cause = failure.source();
    while let Some(error) = cause {
        text.push_str(&format!("  because {error}\n"));
        cause = error.source();
    }
    // Nothing is left to do where even standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}
