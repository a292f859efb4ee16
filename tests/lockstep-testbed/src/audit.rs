//! What the API server was asked, and by whom: its own audit log.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;

/// Everything the service accounts of these namespaces ask is logged, bodies left out.
pub(crate) fn policy(namespaces: &[&str]) -> String {
    let rules: String = namespaces
        .iter()
        .map(|namespace| {
            format!("- level: Metadata\n  userGroups: ['system:serviceaccounts:{namespace}']\n")
        })
        .collect();
    format!(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
         {rules}- level: None\n"
    )
}

/// A request that the API server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `get`, `list`, `watch`, `patch`, …
    pub verb: String,
    /// What the caller called itself.
    pub agent: String,
    /// Path and query.
    pub target: String,
    /// Whom the caller acted as, if not as itself.
    pub acting_as: Option<String>,
    /// The status of the answer.
    pub status: u64,
}

impl Asked {
    /// Is it about the lease of the process at work?
    #[must_use]
    pub fn is_lease(&self) -> bool {
        self.target.contains("/leases")
    }

    /// Does it change anything?
    #[must_use]
    pub fn is_write(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb.as_str())
    }
}

/// Reads what the service accounts of `namespace` asked; a watch appears once, when it begins.
pub(crate) fn read(log: &Path, namespace: &str) -> Result<Vec<Asked>> {
    let accounts = format!("system:serviceaccount:{namespace}:");
    let text =
        std::fs::read_to_string(log).with_context(|| format!("reading {}", log.display()))?;
    let mut asked = Vec::new();
    // The last line may still be on its way.
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let event: Value = serde_json::from_str(line).context("reading the audit log")?;
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let verb = field(&event["verb"]);
        let is_theirs = field(&event["user"]["username"]).starts_with(&accounts);
        if !is_theirs || (verb == "watch") != (event["stage"] == "ResponseStarted") {
            continue;
        }
        asked.push(Asked {
            verb,
            agent: field(&event["userAgent"]),
            target: field(&event["requestURI"]),
            acting_as: event["impersonatedUser"]["username"]
                .as_str()
                .map(str::to_owned),
            status: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        });
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;
    use serde_json::json;

    #[test]
    fn a_watch_counts_once_and_half_a_line_not_at_all() {
        let event = |verb: &str, stage: &str| {
            json!({
                "verb": verb,
                "stage": stage,
                "requestURI": "/a",
                "responseStatus": {"code": 200},
                "user": {"username": "system:serviceaccount:a:deployer"},
            })
            .to_string()
        };
        let log = [
            event("watch", "ResponseStarted"),
            event("watch", "ResponseComplete"),
            event("get", "ResponseComplete"),
        ];
        let scratch = Scratch::new().unwrap();
        let file = scratch
            .write("audit.log", &(log.join("\n") + "\n{\"verb\":"))
            .unwrap();
        let asked = read(&file, "a").unwrap();
        let verbs: Vec<_> = asked.iter().map(|asked| asked.verb.as_str()).collect();
        assert_eq!(verbs, ["watch", "get"]);
        assert_eq!((asked[1].target.as_str(), asked[1].status), ("/a", 200));
        assert_eq!(read(&file, "b").unwrap(), []);
    }
}
