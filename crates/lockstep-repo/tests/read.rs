//! Reading: what is refused without waiting for it, and what an error says.

use lockstep_repo::{ReadError, read_file, read_stream};
use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;

#[test]
fn folders_and_devices_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), Path::new("/dev/zero")] {
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
fn a_pipe_is_read_to_its_end_and_its_other_end_is_not_waited_for() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    let writing = std::thread::spawn(move || writer.write_all(b"through the pipe").unwrap());
    assert_eq!(
        read_file(Path::new(&path), 100).unwrap().text.expose(),
        "through the pipe"
    );
    writing.join().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(read_file(&pipe, 100).unwrap().text.expose(), "");
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
