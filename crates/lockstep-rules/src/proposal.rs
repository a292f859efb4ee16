//! The policy file that `init` proposes.

use std::fmt::Write as _;

/// Files that hold Secrets, by their names: `secret.yaml`, `db-secret.yaml`, `secrets/db.yaml`,
/// `app.secrets.prod.yml`, but not `secretary.yaml`.
pub const SECRET_FILES: &str = r"secrets?([/._-].*)?\.ya?ml$";

/// Which values of a Secret are encrypted: those, and not its name, labels or type.
pub const SECRET_VALUES: &str = "^(data|stringData)$";

/// A recipient and what to call its owner in the policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// ASCII letters, digits, `_` and `-`: what YAML readers agree on for anchors.
    pub name: String,
    /// The recipient, `age1…`.
    pub recipient: String,
}

/// Whether `name` may name a recipient in a policy file.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Writes a policy file with one rule for Secrets, encrypted for `people`. Their names must be
/// different and satisfy [`is_name`].
#[must_use]
pub fn proposal(people: &[Named]) -> String {
    let mut text = String::from(
        "# Who can decrypt what. lockstep and sops read this file alike; for each file the first\n\
         # rule whose path_regex is found in its path counts.\n\
         keys:\n",
    );
    for Named { name, recipient } in people {
        writeln!(text, "  - &{name} {recipient}")
            .expect("this holds because writing to a String cannot fail");
    }
    write!(
        text,
        "creation_rules:\n  \
         # Kubernetes Secrets by file name: secret.yaml, db-secret.yaml, secrets/db.yaml, …\n  \
         - path_regex: {SECRET_FILES}\n    \
         # Only the values: names, labels and types stay readable in reviews.\n    \
         encrypted_regex: {SECRET_VALUES}\n    \
         age:\n"
    )
    .expect("this holds because writing to a String cannot fail");
    for Named { name, .. } in people {
        writeln!(text, "      - *{name}")
            .expect("this holds because writing to a String cannot fail");
    }
    text
}
