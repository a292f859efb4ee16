//! `docs/reference/api.md`: the page about the kinds, made from the code and kept current.
//!
//! `UPDATE_DOCS=1 cargo test -p lockstep-api --test reference` writes them again.

use lockstep_api::{
    DecryptedReason, DriftedReason, FailureReason, RepositoryReason, SyncReason, TeamReason, crds,
};
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;

const INTRODUCTION: &str = "# The API kinds

<!-- Made from the code: change it there, then run `UPDATE_DOCS=1 cargo test -p lockstep-api --test reference`. -->

`Repository` and `Sync` are namespaced and written by teams; `Team` is cluster-scoped and written by administrators. No field of a `Repository` or a `Sync` names a key or a service account: both come from the `Team` that names the namespace.

A changed value of the annotation `reconcile.lockstep.dev/requestedAt` on a `Repository` or a `Sync` has it reconciled at once; `status.lastHandledReconcileAt` then holds that value.

Intervals are written like `30s`, `5m` or `1h30m`, from one second to one year. The definitions themselves are in [`deploy/crds.yaml`](../../deploy/crds.yaml).
";

fn check(name: &str, text: &str) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let path = root.join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/reference/{name} is out of date: run with UPDATE_DOCS=1"
    );
}

#[test]
fn the_page_is_current() {
    let mut page = INTRODUCTION.to_owned();
    for crd in serde_json::to_value(crds())
        .expect("JSON")
        .as_array()
        .expect("a list")
    {
        kind(&mut page, crd);
    }
    page.push_str("\n## Reasons\n\nReasons are stable: names are added, never changed.\n");
    macro_rules! all {
        ($reason:ident) => {
            $reason::ALL
                .iter()
                .map(|(reason, why)| (reason.as_str(), *why))
                .collect::<Vec<_>>()
        };
    }
    let lists = [
        ("Ready of a Repository", all!(RepositoryReason)),
        ("Ready of a Sync", all!(SyncReason)),
        ("Decrypted of a Sync", all!(DecryptedReason)),
        ("Drifted of a Sync", all!(DriftedReason)),
        ("Failures of a Sync", all!(FailureReason)),
        ("Ready of a Team", all!(TeamReason)),
    ];
    for (title, list) in lists {
        write!(page, "\n### {title}\n\n| reason | meaning |\n|---|---|\n").expect("text");
        for (reason, why) in list {
            writeln!(page, "| `{reason}` | {} |", cell(why)).expect("text");
        }
    }
    check("api.md", &page);
}

fn kind(page: &mut String, crd: &Value) {
    let names = &crd["spec"]["names"];
    let version = &crd["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    write!(
        page,
        "\n## {}\n\n{}\n\n`{}/{}`, {}, short name `{}`.\n",
        text(&names["kind"]),
        text(&schema["description"]),
        text(&crd["spec"]["group"]),
        text(&version["name"]),
        text(&crd["spec"]["scope"])
            .replace("Cluster", "cluster-scoped")
            .to_lowercase(),
        text(&names["shortNames"][0]),
    )
    .expect("text");
    for part in ["spec", "status"] {
        write!(page, "\n### {}.{part}\n\n", text(&names["kind"])).expect("text");
        page.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
        fields(page, "", &schema["properties"][part]);
    }
}

fn fields(page: &mut String, parent: &str, schema: &Value) {
    let required: Vec<_> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let is_required = |name: &str| required.contains(&&Value::from(name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let (first, rest): (Vec<_>, Vec<_>) = properties.partition(|(name, _)| is_required(name));
    for (name, field) in first.into_iter().chain(rest) {
        let path = format!("{parent}{name}");
        let default = match &field["default"] {
            Value::Null if is_required(name) => "required".to_owned(),
            Value::Null | Value::Object(_) => String::new(),
            Value::String(text) if text.is_empty() => "`\"\"`".to_owned(),
            Value::String(text) => format!("`{text}`"),
            value => format!("`{value}`"),
        };
        let meaning = cell(field["description"].as_str().unwrap_or_default());
        writeln!(
            page,
            "| `{path}` | {} | {default} | {meaning} |",
            type_of(field)
        )
        .expect("text");
        // What a condition holds is Kubernetes' own convention, not ours.
        if name != "conditions" {
            fields(page, &format!("{path}."), field);
            fields(page, &format!("{path}[]."), &field["items"]);
        }
    }
}

fn type_of(schema: &Value) -> String {
    let name = schema["type"].as_str().unwrap_or_default();
    match (&schema["enum"], name) {
        (Value::Array(values), _) => {
            let names: Vec<_> = values.iter().filter_map(Value::as_str).collect();
            format!("`{}`", names.join("` or `"))
        }
        (_, "array") => format!("list of {}", type_of(&schema["items"])),
        (_, "object") => "mapping".to_owned(),
        _ => name.to_owned(),
    }
}

/// One line that does not end a table's cell.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
