//! Reading: what is refused without waiting for it, and what an error says.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

use lockstep_repo::{ReadError, read_file, read_stream};
use std::fs;
use std::path::Path;

#[test]
fn only_regular_files_are_read_and_nothing_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
        let result = read_file(path, 100);
        assert!(
            matches!(result, Err(ReadError::NotAFile { .. })),
            "{}",
            path.display()
        );
    }
    assert!(
        read_file(&folder.path().join("nothing"), 100)
            .unwrap_err()
            .is_not_found()
    );
}

#[test]
fn the_limit_is_the_largest_size_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "x".repeat(100)).unwrap();
    assert_eq!(read_file(&path, 100).unwrap().text.expose().len(), 100);
    assert!(matches!(
        read_file(&path, 99),
        Err(ReadError::TooLarge { .. })
    ));
    let endless = std::io::repeat(b'x');
    let result = read_stream(endless, 1000, Path::new("standard input"));
    assert!(matches!(result, Err(ReadError::TooLarge { .. })));
}

#[test]
fn what_is_not_text_is_refused_without_showing_it() {
    let result = read_stream(&b"canary\xff"[..], 100, Path::new("file"));
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "file: not a text file");
    assert!(!format!("{error:?}").contains("canary"));
}
