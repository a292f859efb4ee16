//! What holds for every input: nothing panics, and a text arrives as it was.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_manifests::{Manifest, RenderError, render};
use lockstep_secret::SecretString;
use lockstep_sops::Parsed;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

fn rendered(text: String) -> Option<Result<Vec<Manifest>, Vec<RenderError>>> {
    let Ok(Parsed::Clear(document)) = lockstep_sops::parse(SecretString::new(text)) else {
        return None;
    };
    let document = document.into_opened().ok()?;
    Some(render(&"x.yaml".parse().ok()?, &document, &BTreeMap::new()))
}

/// Pieces that manifests are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "apiVersion: v1\n",
        "kind: Secret\n",
        "kind: List\n",
        "metadata: {name: x}\n",
        "metadata:\n",
        "  name: ",
        "items:\n",
        "- ",
        "data:\n",
        "stringData:\n",
        "  a: ",
        "&a ",
        "*a\n",
        "<<: ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "\n",
        "|\n",
        "!!binary ",
        "!!int ",
        "0x",
        "-",
        "+",
        ".",
        "1",
        "e",
        "_",
        "0b",
        "08",
        "yes",
        "~",
        "é",
        "'",
        "\"",
        "---\n",
        "  ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in pieces()) {
        rendered(text);
    }

    #[test]
    fn no_plain_scalar_makes_it_panic(scalar in "[-+.0-9a-fxobenyt_:~]{0,12}") {
        let text = format!("apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nv: {scalar}\n");
        if let Some(Ok(manifests)) = rendered(text) {
            serde_json::from_slice::<Value>(manifests[0].body.expose()).unwrap();
        }
    }

    #[test]
    fn a_secret_arrives_as_it_was(value in any::<String>(), key in "[-._a-zA-Z0-9]{1,20}") {
        prop_assume!(key != "." && !key.starts_with(".."));
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\nstringData: {{{}: {}}}\n",
            quote(&key), quote(&value)
        );
        let manifests = rendered(text);
        // YAML has no place for some control characters, even quoted; few texts have one.
        prop_assume!(manifests.is_some());
        let manifests = manifests.unwrap().unwrap();
        let body: Value = serde_json::from_slice(manifests[0].body.expose()).unwrap();
        let arrived = STANDARD.decode(body["data"][&key].as_str().unwrap()).unwrap();
        prop_assert_eq!(arrived, value.as_bytes());
    }
}
