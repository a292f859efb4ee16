//! The formats other than YAML: sops reads what is written here, what sops writes opens here, and
//! what is written here comes back byte for byte.

use crate::harness::{Judge, encrypt_as, open_as, rotate_as};
use crate::policies;
use lockstep_sops::{EncryptionPolicy, Format};

/// JSON files. A name that starts with `=` promises that encrypting and decrypting gives the same
/// bytes; in the others numbers or escapes come back as sops spells them.
const JSON: &[(&str, &str)] = &[
    ("=empty", "{}"),
    ("=empty on lines", "{\n}\n"),
    (
        "=one line",
        "{\"a\": \"x\", \"b\": [1, 2.5, true, null, \"\"], \"c\": {\"d\": \"e\"}}\n",
    ),
    (
        "=compact",
        "{\"a\":\"x\",\"b\":[1,-17,true,false,null,\"\",[],{}],\"c\":{\"d\":\"e\"}}",
    ),
    (
        "=two blanks",
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Secret\",\n  \"metadata\": {\n    \"name\": \"db\"\n  },\n  \"stringData\": {\n    \"password\": \"hunter2\",\n    \"port\": 5432,\n    \"cert\": \"one\\ntwo\\n\"\n  }\n}\n",
    ),
    (
        "=tabs",
        "{\n\t\"a\": [\n\t\t\"x\",\n\t\t{\n\t\t\t\"b\": 1\n\t\t}\n\t],\n\t\"c_unencrypted\": 1.50\n}\n",
    ),
    (
        "=line breaks of windows",
        "{\r\n    \"a\": \"x\",\r\n    \"b\": {\r\n        \"c\": 5\r\n    }\r\n}\r\n",
    ),
    (
        "=odd layout",
        "\n {\"a\" :\"x\"\n,\n   \"b\"\t: [ 1 ,\n2]\n , \"data\":{ \"k\" : \"v\" } }  \n\n",
    ),
    (
        "=first key on the brace's line",
        "{ \"a\": \"x\",\n  \"b\": \"y\" }",
    ),
    (
        "=last key on the brace's line",
        "{\n  \"a\": \"x\", \"b\": \"y\"}",
    ),
    (
        "=no blanks before keys",
        "{\n\"a\": \"x\",\n\"b\": {\n\"c\": \"y\"\n}\n}\n",
    ),
    (
        "=strings",
        "{\"a\": \"<b> & 'c'\", \"b\": \"\\\"q\\\" \\\\ back\", \"c\": \"t\\tn\\nr\\r\", \"d\": \"grüße 日本語 🦀\", \"e\": \"5\", \"f\": \"true\", \"g\": \"null\"}",
    ),
    (
        "=keys",
        "{\"a b\": 1, \"a:b\": \"x\", \"\": \"y\", \"<<\": \"z\", \"ключ\": \"v\", \"5\": \"w\", \"q\\\"\\n\": \"u\"}",
    ),
    (
        "escapes",
        "{\"a\": \"\\u00e9\\u0041\\ud83d\\ude00\\/\\b\\f\\u2028\\u0000\", \"\\u0062\": \"x\"}",
    ),
    (
        "=integers",
        "{\"a\": 0, \"b\": -1, \"c\": 9223372036854775807, \"d\": -9223372036854775808}",
    ),
    (
        "floats",
        "{\"a\": 1.0, \"b\": 1e3, \"c\": 1E-9, \"d\": -0, \"e\": -0.0, \"f\": 9223372036854775808, \"g\": 18446744073709551616, \"h\": 1e21, \"i\": 123456789.125, \"j\": 1.5e300, \"k\": 0.1}",
    ),
    (
        "=same values",
        "{\"a\": \"x\", \"b\": \"x\", \"c\": [\"x\", \"x\", [\"x\"]], \"d\": {\"a\": \"x\"}}",
    ),
    (
        "=selected",
        "{\"data\": {\"a\": 1, \"b\": [\"x\"]}, \"a_secret\": \"v\", \"b_unencrypted\": {\"c\": 5e-7}, \"metadata\": {\"x\": null}}",
    ),
    ("=deep", "{\"a\": {\"b\": {\"c\": [[[[{\"d\": \"x\"}]]]]}}}"),
];

/// Contents of files of no format.
const BINARY: &[&[u8]] = &[
    b"",
    b"\n",
    b"text without a line break",
    b"-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
    b"{\"a\": 1}\n",
    b"a: 1\nsops: 2\n",
    b"\xff\xfe\x00\x01binary\x80",
    b"\x00",
    "grüße <&>\u{2028}\r\n".as_bytes(),
];

fn for_json(check: impl Fn(&str, &str, &EncryptionPolicy) -> Result<(), String>) {
    let mut failures = Vec::new();
    for (name, text) in JSON {
        // Which values are selected does not depend on how they are spelled.
        let rules = if text.contains("ata\"") { 6 } else { 1 };
        for policy in policies().into_iter().take(rules) {
            if let Err(failure) = check(name, text, &policy) {
                let selector = policy.selector.field();
                failures.push(format!("{name} under {selector}:\n{text}\n{failure}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// What a JSON text says: integral floats count as integers, as in JavaScript.
fn meaning(text: &[u8]) -> serde_json::Value {
    let mut value = serde_json::from_slice(text).unwrap();
    normalize(&mut value);
    value
}

fn normalize(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Number(number) => {
            let text = match (number.as_i64(), number.as_f64().unwrap()) {
                (Some(integer), _) => integer.to_string(),
                (None, float) => (float + 0.0).to_string(),
            };
            *value = serde_json::json!(text);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(normalize),
        serde_json::Value::Object(entries) => entries.values_mut().for_each(normalize),
        _ => {}
    }
}

fn same(text: &str, found: &[u8]) -> Result<(), String> {
    if meaning(text.as_bytes()) == meaning(found) {
        return Ok(());
    }
    Err(format!("came back as {}", String::from_utf8_lossy(found)))
}

#[test]
fn json_written_here_is_read_by_sops_and_comes_back() {
    let judge = Judge::new();
    for_json(|name, text, policy| {
        let ours = encrypt_as(text.as_bytes(), Format::Json, policy)?;
        let theirs = judge.decrypt_file("document.json", ours.as_bytes());
        same(text, &theirs.map_err(|e| format!("{e}\n{ours}"))?)?;
        let back = open_as(ours.as_bytes(), Format::Json)?.content();
        same(text, back.expose())?;
        if name.starts_with('=') && back.expose() != text.as_bytes() {
            let back = String::from_utf8_lossy(back.expose()).into_owned();
            return Err(format!("not the same bytes:\n{back}\n{ours}"));
        }
        Ok(())
    });
}

#[test]
fn json_written_by_sops_opens_here() {
    let judge = Judge::new();
    for_json(|_, text, policy| {
        let theirs = judge.encrypt_file("document.json", text.as_bytes(), policy)?;
        let opened = open_as(&theirs, Format::Json)?.content();
        same(text, opened.expose())?;
        // Apart from its escapes, the file as sops decrypts it.
        let decrypted = judge.decrypt_file("document.json", &theirs)?;
        let same_bytes = opened.expose() == decrypted;
        // sops writes some of these in another spelling, and objects without entries on one line.
        let escaped = !text.contains('"') || text.contains(['<', '&', '\\', '.']);
        if same_bytes || escaped {
            return Ok(());
        }
        let opened = String::from_utf8_lossy(opened.expose()).into_owned();
        Err(format!("{opened}{}", String::from_utf8_lossy(&decrypted)))
    });
}

#[test]
fn json_is_rotated_in_its_layout() {
    let judge = Judge::new();
    for_json(|_, text, policy| {
        let ours = encrypt_as(text.as_bytes(), Format::Json, policy)?;
        let rotated = rotate_as(ours.as_bytes(), Format::Json, policy)?;
        same(
            text,
            &judge.decrypt_file("document.json", rotated.as_bytes())?,
        )?;
        let lines = |text: &str| text.matches('\n').count();
        if lines(&rotated) != lines(&ours) {
            return Err(format!("another layout:\n{rotated}"));
        }
        Ok(())
    });
}

#[test]
fn a_binary_file_goes_both_ways_and_comes_back() {
    let judge = Judge::new();
    for (index, content) in BINARY.iter().enumerate() {
        for policy in policies().into_iter().take(2) {
            let ours = encrypt_as(content, Format::Binary, &policy).unwrap();
            assert!(
                !ours.contains("_regex") && !ours.contains("_suffix"),
                "{ours}"
            );
            let theirs = judge.encrypt_file("file.bin", content, &policy).unwrap();
            let rotated = rotate_as(&theirs, Format::Binary, &policy).unwrap();
            for encrypted in [ours.as_bytes(), &theirs, rotated.as_bytes()] {
                let read = judge.decrypt_file("file.bin", encrypted);
                assert_eq!(read.as_deref(), Ok(*content), "sops, {index}");
                let opened = open_as(encrypted, Format::Binary).unwrap();
                assert_eq!(opened.content().expose(), *content, "here, {index}");
            }
            let names = |text: &[u8]| -> Vec<String> {
                let text = String::from_utf8_lossy(text);
                let lines = text.lines().filter_map(|line| line.split_once("\": "));
                let lines = lines.filter(|(name, _)| !name.contains("lockstep_seal"));
                lines.map(|(name, _)| name.to_owned()).collect()
            };
            assert_eq!(names(ours.as_bytes()), names(&theirs), "the layout of sops");
        }
    }
}

/// dotenv files, which all come back byte for byte.
const DOTENV: &[&str] = &[
    "",
    "A=1\nB=two words\n",
    "# a comment\nA=x\n#\n#another\n\n\nB=y # no comment\n",
    "A=\nB=x\nC=\n",
    "A=\"quoted\"\nB='single'\nexport C=d\nD = spaced \n=no key\n",
    "A=one\\ntwo\\n\nB=back\\\\nslash\nC=\\\nD=tab\\t\n",
    "A=x\nA=y\nA=x\n",
    "A=a=b=c\nB_unencrypted=plain\nC_secret=v\ndata=w\n",
    "A=x\r\n# windows\r\n\r=\r\nB_unencrypted=y\r\n",
    "ÜMLAUT=grüße\n🦀=<&>\u{2028}\u{85}\n",
    "A=ENC[x\nB=5\nC=true\nD=null\nE=2024-01-01\n",
];

#[test]
fn dotenv_goes_both_ways_and_comes_back() {
    let judge = Judge::new();
    for text in DOTENV {
        let rules = if text.contains("_secret") { 6 } else { 1 };
        for policy in policies().into_iter().take(rules) {
            let check = |name: &str, encrypted: &[u8]| {
                let read = judge.decrypt_file("file.env", encrypted).unwrap();
                // sops drops empty lines.
                let expected = text.replace("\n\n\n", "\n");
                let shown = String::from_utf8_lossy(encrypted).into_owned();
                assert_eq!(
                    String::from_utf8(read).unwrap(),
                    expected,
                    "sops, {name}: {shown}"
                );
                let opened = open_as(encrypted, Format::Dotenv).unwrap().content();
                opened.expose().to_vec()
            };
            let ours = encrypt_as(text.as_bytes(), Format::Dotenv, &policy).unwrap();
            let theirs = judge
                .encrypt_file("file.env", text.as_bytes(), &policy)
                .unwrap();
            assert_eq!(check("ours", ours.as_bytes()), text.as_bytes());
            assert_eq!(
                check("theirs", &theirs),
                text.replace("\n\n\n", "\n").as_bytes()
            );
            let rotated = rotate_as(ours.as_bytes(), Format::Dotenv, &policy).unwrap();
            assert_eq!(check("rotated", rotated.as_bytes()), text.as_bytes());
            let names = |text: &[u8]| -> Vec<String> {
                let text = String::from_utf8_lossy(text);
                let keys = text.split('\n').filter_map(|line| line.split_once('='));
                let ours = |key: &str| key.starts_with('#') || key == "sops_lockstep_seal";
                let keys = keys.filter(|(key, _)| !ours(key));
                keys.map(|(key, _)| key.to_owned()).collect()
            };
            assert_eq!(names(ours.as_bytes()), names(&theirs), "the order of sops");
        }
    }
}

/// INI files, which all come back byte for byte.
const INI: &[&str] = &[
    "",
    "a = 1\nb=two words\n",
    "[one]\na = x\n\n[two]\na = y\nb : z\n",
    "; top\n[one]\n# of a\na = x ; inline\n; of b\n; more of b\nb = y\n\n; end\n",
    "[one]\na = \"quoted\"\nb = 'single'\nc = `back ; tick # '\"`\nd = \"\"\"tri ; ple\"\"\"\ne =\nf = \"\"\nh = \"half\ni = a 'b' c\n",
    "[one]\na = \"\"\"one\ntwo\n  three\"\"\"\nb = x\n",
    "[a]\nx = 1\n[b]\nx = 2\n[a]\nx = 3\n[empty]\n[DEFAULT]\ny = 4\n",
    "first = x\n[one_unencrypted]\na = plain ; c\n[two]\nb_secret = v\nb_unencrypted = w\n[data]\nk = u\n",
    "[one]\r\n; windows\r\na = x\r\nb_unencrypted = y\r\n",
    "\u{feff}[ümlaut 🦀]\n  schlüssel = grüße \u{2028}\n\t[ x ]  \nk=a=b:c ; d\n",
    "[one]\na = ENC[x\nb = 5\nc = true\nd = {\"json\": [1]}\n#\n;;  #  marks\ne = f\n",
];

/// The sections, keys and values of an INI file as sops reads it, shown by its JSON.
fn ini_meaning(judge: &Judge, encrypted: &[u8]) -> serde_json::Value {
    let json = judge.run("file.ini", encrypted, &["decrypt", "--output-type", "json"]);
    let context = |e| format!("{e}\n{}", String::from_utf8_lossy(encrypted));
    serde_json::from_slice(&json.map_err(context).unwrap()).unwrap()
}

#[test]
fn ini_goes_both_ways_and_comes_back() {
    let judge = Judge::new();
    for text in INI {
        let rules = if text.contains("_secret") { 6 } else { 1 };
        for policy in policies().into_iter().take(rules) {
            let ours = encrypt_as(text.as_bytes(), Format::Ini, &policy).unwrap();
            let theirs = judge
                .encrypt_file("file.ini", text.as_bytes(), &policy)
                .unwrap();
            let rotated = rotate_as(ours.as_bytes(), Format::Ini, &policy).unwrap();
            let meaning = ini_meaning(&judge, &theirs);
            for encrypted in [&ours, &rotated] {
                assert_eq!(
                    ini_meaning(&judge, encrypted.as_bytes()),
                    meaning,
                    "{encrypted}"
                );
                let back = open_as(encrypted.as_bytes(), Format::Ini)
                    .unwrap()
                    .content();
                assert_eq!(String::from_utf8_lossy(back.expose()), *text, "{encrypted}");
            }
            // What sops wrote means the same once it is opened here and encrypted again.
            let opened = open_as(&theirs, Format::Ini).unwrap().content();
            let again = encrypt_as(opened.expose(), Format::Ini, &policy).unwrap();
            assert_eq!(ini_meaning(&judge, again.as_bytes()), meaning, "{again}");
        }
    }
}

#[test]
fn a_comment_of_ini_is_read_by_sops() {
    let judge = Judge::new();
    let text = INI[3];
    let ours = encrypt_as(text.as_bytes(), Format::Ini, &EncryptionPolicy::default()).unwrap();
    assert!(!ours.contains("top") && !ours.contains("more of b") && !ours.contains("end\n"));
    let theirs = judge.decrypt_file("file.ini", ours.as_bytes()).unwrap();
    let theirs = String::from_utf8(theirs).unwrap();
    for comment in ["; top\n[one]", "; of b\n; more of b\nb = y"] {
        assert!(theirs.contains(comment), "{theirs}");
    }
}
