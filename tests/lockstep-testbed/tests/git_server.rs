//! The Git server against the real `git`, and its faults.

use lockstep_testbed::{Access, Fault, GitServer, WorkClone};

#[test]
fn what_is_pushed_can_be_cloned() {
    let server = GitServer::start(Access::Private).unwrap();
    server.create_repository("app").unwrap();
    let ours = WorkClone::new(&server, "app").unwrap();
    ours.write("deep/er/file.yaml", "a: 1\n").unwrap();
    let commit = ours.push("first").unwrap();

    let theirs = WorkClone::new(&server, "app").unwrap();
    assert_eq!(theirs.read("deep/er/file.yaml").unwrap(), "a: 1\n");
    assert_eq!(theirs.git(&["rev-parse", "HEAD"]).unwrap().trim(), commit);
    assert!(server.handled().iter().any(|handled| {
        handled.method == "POST" && handled.target == "/app.git/git-receive-pack"
    }));
}

#[test]
fn a_push_too_big_for_one_chunk_arrives() {
    let server = GitServer::start(Access::Private).unwrap();
    server.create_repository("app").unwrap();
    let ours = WorkClone::new(&server, "app").unwrap();
    // Over http.postBuffer (1 MiB) git sends the body chunked, without a length.
    let noise: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
        .collect();
    std::fs::write(ours.path().join("big"), &noise).unwrap();
    ours.push("big").unwrap();
    let theirs = WorkClone::new(&server, "app").unwrap();
    assert!(std::fs::read(theirs.path().join("big")).unwrap() == noise);
}

#[test]
fn a_private_repository_wants_the_password() {
    let server = GitServer::start(Access::Private).unwrap();
    server.create_repository("app").unwrap();
    let clone = WorkClone::new(&server, "app").unwrap();
    let ls = ["-c", "http.extraHeader=", "ls-remote", "origin"];
    let error = clone.git(&ls).unwrap_err().to_string();
    assert!(error.contains("could not read Username"), "{error}");

    let bearer = format!("http.extraHeader=Authorization: Bearer {}", server.token());
    clone
        .git(&[
            "-c",
            "http.extraHeader=",
            "-c",
            &bearer,
            "ls-remote",
            "origin",
        ])
        .unwrap();
}

#[test]
fn a_public_repository_is_read_without_and_pushed_with_the_password() {
    let server = GitServer::start(Access::Public).unwrap();
    server.create_repository("app").unwrap();
    let clone = WorkClone::new(&server, "app").unwrap();
    clone
        .git(&["-c", "http.extraHeader=", "ls-remote", "origin"])
        .unwrap();
    clone.commit("first").unwrap();
    let push = ["-c", "http.extraHeader=", "push", "origin", "HEAD:main"];
    clone.git(&push).unwrap_err();
    clone.git(&push[2..]).unwrap();
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let server = GitServer::start(Access::Public).unwrap();
    server.create_repository("app").unwrap();
    let clone = WorkClone::new(&server, "app").unwrap();
    let other = lockstep_testbed::Authority::new("another").unwrap().pem();
    let file = clone.path().join("other.pem");
    std::fs::write(&file, other).unwrap();
    let setting = format!("http.sslCAInfo={}", file.display());
    let error = clone
        .git(&["-c", &setting, "ls-remote", "origin"])
        .unwrap_err()
        .to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[test]
fn faults_come_and_go() {
    let server = GitServer::start(Access::Private).unwrap();
    server.create_repository("app").unwrap();
    let clone = WorkClone::new(&server, "app").unwrap();
    clone.push("first").unwrap();

    server.set_fault(Some(Fault::Status(503)));
    let error = clone.git(&["ls-remote", "origin"]).unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    assert_eq!(server.handled().last().unwrap().status, 503);

    server.set_fault(Some(Fault::CutAfter(10)));
    clone.git(&["ls-remote", "origin"]).unwrap_err();

    server.set_fault(Some(Fault::Redirect(
        "https://127.0.0.1:1/elsewhere.git/info/refs".into(),
    )));
    clone.git(&["ls-remote", "origin"]).unwrap_err();

    server.set_fault(Some(Fault::StallAfter(10)));
    // git gives up by itself when less than a byte a second came for a second.
    let impatient = ["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=1"];
    clone
        .git(&[&impatient[..], &["ls-remote", "origin"]].concat())
        .unwrap_err();

    server.set_fault(None);
    clone.git(&["ls-remote", "origin"]).unwrap();
}
