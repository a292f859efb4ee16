//! Command lines that were not understood, and those of sops that are spelled otherwise here.

use std::ffi::OsString;

/// What to do instead, where a mistake is a known one.
pub(crate) fn hint(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments
        .iter()
        .skip(1)
        .map(|argument| argument.to_string_lossy());
    let first = words.next()?;
    let rest: String = words.map(|word| format!(" {word}")).collect();
    let hint = match first.as_ref() {
        "-d" | "--decrypt" => format!("try `lockstep decrypt{rest}`"),
        "-e" | "--encrypt" => format!("try `lockstep encrypt{rest}`"),
        "-i" | "--in-place" => "the verb comes first, as in `lockstep encrypt -i FILE`".to_owned(),
        "-r" | "--rotate" => format!("try `lockstep rotate{rest}`"),
        "rotate" if rest.contains(" --add-") || rest.contains(" --rm-") => {
            "recipients come from .sops.yaml: change them there, then run `lockstep rotate`"
                .to_owned()
        }
        "publish" | "groups" => {
            "Lockstep cannot do this yet; sops can, on the same files".to_owned()
        }
        file if lockstep_repo::is_yaml(file.as_ref()) => {
            format!("say what to do with it: `lockstep edit {file}` opens it in an editor")
        }
        _ => return None,
    };
    Some(hint)
}
