//! Files that are not YAML: JSON, dotenv, INI and binary files, and the options that say what a file is.

use crate::scratch::{ALICE, Scratch};

const JSON: &str =
    "{\n  \"kind\": \"Secret\",\n  \"stringData\": {\"password\": \"hunter2-canary\"}\n}\n";

fn scratch() -> Scratch {
    let scratch = Scratch::with_policy();
    scratch.write("secret.json", JSON);
    scratch.write("secret.pem", "hunter2-canary\n");
    scratch.write(
        "secret.ini",
        "[data]\n; what for\nname = \"hunter2-canary\" ; x\n",
    );
    scratch.write("secret.env", "data=hunter2-canary\n\n# what for\nNAME=x\n");
    scratch
}

#[test]
fn a_file_is_what_its_name_says() {
    let scratch = scratch();
    for name in ["secret.json", "secret.env", "secret.ini", "secret.pem"] {
        let text = scratch.read(name);
        scratch.run(&["encrypt", "-i", name]).ok();
        let encrypted = scratch.read(name);
        assert!(
            !encrypted.contains("hunter2") && encrypted.contains("ENC["),
            "{encrypted}"
        );
        assert_eq!(encrypted.contains("encrypted_regex"), name != "secret.pem");
        assert_eq!(scratch.run(&["encrypt", "-i", name]).code, 203, "{name}");
        assert_eq!(scratch.run(&["rotate", "--yes", name]).code, 0);
        assert_ne!(scratch.read(name), encrypted);
        scratch.run(&["decrypt", "-i", name]).ok();
        assert_eq!(scratch.read(name), text);
    }
}

#[test]
fn what_is_not_of_its_format_is_refused() {
    let scratch = scratch();
    scratch.write("secret.json", "{\"a\": 1");
    scratch.run(&["encrypt", "secret.json"]).fails(
        2,
        "secret.json: not readable as JSON: line 1, column 8: a comma or a closing brace is missing here\n",
    );
    scratch.write("secret.yaml", JSON);
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    let decrypted = scratch.run(&["decrypt", "secret.yaml"]).stdout;
    assert!(decrypted.contains(r#""stringData": {"password": "hunter2-canary"}"#));
}

#[test]
fn the_command_line_says_what_a_file_is() {
    let scratch = scratch();
    scratch.write("secret.conf", JSON);
    let types = |input, output| ["--input-type", input, "--output-type", output];
    let run = |verb, types: &[&str]| {
        let mut arguments = vec![verb];
        arguments.extend(types);
        arguments.push("secret.conf");
        scratch.run(&arguments)
    };
    let encrypted = run("encrypt", &types("json", "json")).stdout;
    assert!(encrypted.contains("\"kind\": \"Secret\""), "{encrypted}");
    let whole = run("encrypt", &types("binary", "json")).stdout;
    assert!(!whole.contains("kind"), "{whole}");

    scratch.write("secret.conf", &encrypted);
    assert_eq!(run("decrypt", &types("json", "json")).stdout, JSON);
    scratch.write("secret.conf", &whole);
    assert_eq!(run("decrypt", &[]).stdout, JSON);
    assert!(
        run("decrypt", &types("binary", "json"))
            .stdout
            .starts_with("{\n\t\"data\": \"{")
    );

    run("encrypt", &["--input-type", "yaml"]).fails(
        1,
        "secret.conf: yaml cannot be turned into binary\nhint: add --output-type yaml\n",
    );
    assert_eq!(run("encrypt", &types("jsno", "json")).code, 1);
}

#[test]
fn a_binary_file_on_standard_input_needs_no_name_to_be_decrypted() {
    let scratch = scratch();
    let encrypted = scratch
        .run(&["encrypt", "--age", ALICE, "secret.pem"])
        .stdout;
    let mut decrypt = scratch.command();
    let ran = scratch.finish(decrypt.arg("decrypt").write_stdin(encrypted));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hunter2-canary\n"));
}

#[test]
fn bytes_that_are_no_text_come_back() {
    let scratch = scratch();
    let bytes: Vec<u8> = (0..=255).collect();
    std::fs::write(scratch.path("secret.bin"), &bytes).unwrap();
    scratch.run(&["encrypt", "-i", "secret.bin"]).ok();
    scratch.run(&["decrypt", "-i", "secret.bin"]).ok();
    assert_eq!(std::fs::read(scratch.path("secret.bin")).unwrap(), bytes);
}

#[test]
fn a_folder_has_encrypted_files_of_every_format() {
    let scratch = scratch();
    scratch.write("package.json", "{\"name\": \"shop\"");
    scratch.write("other.json", "{\"kind\": \"Secret\"}");
    let secret = JSON.replacen('{', "{\"apiVersion\": \"v1\", ", 1);
    scratch.write("secret.json", &secret);
    let ran = scratch.run(&["encrypt", "-i", "."]);
    assert_eq!(ran.stderr, "1 encrypted, 1 left alone\n");
    for name in ["secret.env", "secret.pem"] {
        scratch.run(&["encrypt", "-i", name]).ok();
    }
    let ran = scratch.run(&["rotate", "--yes", "."]);
    assert!(ran.stderr.ends_with("3 files rotated\n"), "{}", ran.stderr);
    assert_eq!(
        scratch.run(&["decrypt", "-i", "."]).stderr,
        "3 decrypted, 1 left alone\n"
    );
    assert_eq!(scratch.read("secret.json"), secret);
    assert_eq!(scratch.read("secret.pem"), "hunter2-canary\n");
}
