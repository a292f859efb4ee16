//! dotenv and INI files.

use crate::{encrypt, open, refusal};
use lockstep_sops::Format;

#[test]
fn what_is_not_dotenv_is_refused_with_its_line() {
    for (text, expected) in [
        ("A=1\nB\n", "line 2, column 1: there is no `=` in this line"),
        ("A=1\n \n", "line 2, column 1: there is no `=` in this line"),
        (
            "A=1\n<<<<<<< ours\n",
            "line 2: unresolved Git merge conflict",
        ),
        (
            "A=1\nsops=2\n",
            "line 2, column 1: the key `sops` is reserved for metadata",
        ),
        (
            "sops_mac=x\nsops_mac=x\n",
            "line 2, column 1: this metadata is there twice",
        ),
        ("sops_mac=x\n", "line 1: no key entries"),
    ] {
        assert_eq!(refusal(text, Format::Dotenv), expected, "{text}");
    }
}

#[test]
fn a_cut_or_changed_dotenv_file_does_not_open() {
    let whole = encrypt("A=x\n\n# why\nB_unencrypted=y\n", Format::Dotenv);
    assert!(
        whole.contains("\n\n#ENC[") && whole.contains("\nB_unencrypted=y\nsops_"),
        "{whole}"
    );
    // A version is no less one for being shorter.
    let version = whole.find("sops_version=").unwrap() + "sops_version=".len();
    for end in 0..=version {
        let opened = open(&whole[..end], Format::Dotenv);
        assert!(opened.is_err() || end == version, "cut at {end}");
    }
    for (old, new) in [
        ("A=", "C="),
        ("=y", "=z"),
        ("sops_lastmodified=2", "sops_lastmodified=3"),
    ] {
        assert!(
            open(whole.replacen(old, new, 1), Format::Dotenv).is_err(),
            "{old}"
        );
    }
    let added = format!("{whole}NEW=plain\n");
    let expected = "line 12, NEW: the value should be encrypted and is not";
    assert_eq!(open(added, Format::Dotenv), Err(expected.to_owned()));
}

#[test]
fn what_is_not_ini_or_would_lose_something_is_refused_with_its_line() {
    for (text, expected) in [
        ("[a]\nb\n", "line 2, column 1: there is no `=` in this line"),
        ("[a\n", "line 1, column 1: the section's name does not end"),
        ("[]\n", "line 1, column 1: the section has no name"),
        (
            "[a] ; b\n",
            "line 1, column 1: something follows the section's name",
        ),
        ("= x\n", "line 1, column 1: the key has no name"),
        ("- = x\n", "line 1, column 1: the key has no name"),
        (
            "a = x\na = y\n",
            "line 2, column 1: the key \"a\" is already in line 1",
        ),
        (
            "\"a b\" = x\n",
            "line 1, column 1: keys in quotes are not supported",
        ),
        (
            "a = `x` ; y\n",
            "line 1, column 1: something follows the closing quote",
        ),
        (
            "a = \"\"\"x\ny\n",
            "line 1, column 1: a value in quotes does not end",
        ),
        (
            "a = x\\\ny\n",
            "line 1, column 1: lines that go on behind a backslash are not supported",
        ),
        (
            "[sops]\n",
            "line 1, column 1: the section `sops` is reserved for metadata",
        ),
        (
            "[sops]\nmac = x\n[sops]\nmac = x\n",
            "line 3, column 1: the section `sops` is there twice",
        ),
        ("[sops]\nmac = x\n", "line 2: no key entries"),
        (
            "a = b\n>>>>>>> theirs\n",
            "line 2: unresolved Git merge conflict",
        ),
    ] {
        assert_eq!(refusal(text, Format::Ini), expected, "{text}");
    }
}

#[test]
fn a_cut_or_changed_ini_file_does_not_open() {
    let text = "; top\n[one]\na = 'x'\nb_unencrypted = y\n\n[two]\nc = z";
    let whole = encrypt(text, Format::Ini);
    assert!(
        whole.contains("[one]\na = 'ENC[") && whole.contains("\n\n[sops]\nage__list_0__map_enc")
    );
    let version = whole.find("version ").unwrap();
    for end in 0..=version {
        let opened = open(&whole[..end], Format::Ini);
        assert!(opened.is_err(), "cut at {end}");
    }
    for (old, new) in [
        ("a =", "d ="),
        ("= y", "= z"),
        ("[one]", "[six]"),
        ("[two]\n", ""),
    ] {
        assert!(
            open(whole.replacen(old, new, 1), Format::Ini).is_err(),
            "{old}"
        );
    }
    assert_eq!(open(whole, Format::Ini), Ok(format!("{text}\n").into()));
}
