//! Kubernetes events about Syncs and Repositories, for `kubectl describe` and `kubectl events`.
//!
//! An event is news, not state: losing one loses nothing, so a failure to send is only logged.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// Sends events.
pub(crate) struct Events(Recorder);

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Something was done.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Events {
    /// Sends as `lockstep-operator`.
    pub(crate) fn new(client: Client) -> Self {
        let controller = "lockstep-operator".to_owned();
        Self(Recorder::new(
            client,
            Reporter {
                controller,
                instance: None,
            },
        ))
    }

    /// Sends one event. `note` must hold no value; it is cut to the API server's limit of 1,024 bytes.
    pub(crate) async fn send(
        &self,
        about: &ObjectReference,
        weight: Weight,
        action: &str,
        reason: &str,
        note: &str,
    ) {
        let event = Event {
            type_: match weight {
                Weight::Normal => EventType::Normal,
                Weight::Warning => EventType::Warning,
            },
            reason: reason.to_owned(),
            note: Some(cut(note)),
            action: action.to_owned(),
            secondary: None,
        };
        if let Err(error) = self.0.publish(&event, about).await {
            tracing::warn!(
                reason,
                cause = api_cause(&error),
                "an event could not be sent"
            );
        }
    }
}

/// The short word for a failure of the API server; its own text may quote an object.
pub(crate) fn api_cause(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.reason, status.code),
        _ => "the API server could not be asked".to_owned(),
    }
}

fn cut(note: &str) -> String {
    const LONGEST: usize = 1000;
    if note.len() <= LONGEST {
        return note.to_owned();
    }
    let end = (0..=LONGEST)
        .rev()
        .find(|&at| note.is_char_boundary(at))
        .unwrap_or_default();
    format!("{}…", &note[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let cut = cut(&"ü".repeat(900));
        assert!(cut.len() <= 1024 && cut.ends_with("ü…"));
    }
}
