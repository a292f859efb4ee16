//! The drill of docs/how-to/back-up-keys.md, command by command: a cluster is lost, a new one gets its
//! keys back, and every file can be read again.

use anyhow::{Context as _, Result, bail};
use lockstep_e2e::keys::{entry, hold, patch_team, published, push_secret, wait_team};
use lockstep_e2e::{Stage, stored, until};
use lockstep_testbed::{
    Binary, Installation, Kubectl, OPERATOR_NAMESPACE, Person, Scratch, Tool, binary, condition,
    tool,
};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The commands below a heading of the page.
fn commands(heading: &str) -> Result<String> {
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/how-to/back-up-keys.md"
    );
    let page = std::fs::read_to_string(page)?;
    let section = page.split("\n## ").find(|one| one.starts_with(heading));
    let section = section.with_context(|| format!("no section {heading}"))?;
    let blocks: Vec<_> = section
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!blocks.is_empty(), "{heading} has no commands");
    Ok(blocks.concat())
}

/// A person with a shell, our programs and kubectl.
struct Desk {
    folder: Scratch,
    programs: Scratch,
}

impl Desk {
    fn new() -> Result<Self> {
        let this = Self {
            folder: Scratch::new()?,
            programs: Scratch::new()?,
        };
        let programs: [(&str, PathBuf); 3] = [
            ("lockstep", binary(Binary::Cli)?),
            ("lockstep-operator", binary(Binary::Operator)?),
            ("kubectl", tool(Tool::Kubectl)?),
        ];
        for (name, path) in programs {
            symlink(path.canonicalize()?, this.programs.path().join(name))?;
        }
        Ok(this)
    }

    /// Runs what the page says, and gives all that was said.
    fn run(&self, heading: &str, kubectl: &Kubectl) -> Result<String> {
        let path = format!(
            "{}:{}",
            self.programs.path().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let output = Command::new("sh")
            .args(["-eu", "-c", &format!("exec 2>&1\n{}", commands(heading)?)])
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", kubectl.kubeconfig())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("{heading}: {}\n{said}", output.status);
        }
        Ok(said)
    }
}

/// An object as it would be in Git.
fn as_in_git(kubectl: &Kubectl, what: &[&str]) -> Result<String> {
    let mut object = kubectl.json(what)?;
    let metadata = json!({
        "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
    });
    object["metadata"] = metadata;
    object
        .as_object_mut()
        .context("no object")?
        .remove("status");
    Ok(object.to_string())
}

#[test]
fn a_lost_cluster_reads_every_file_again() {
    let stage = Stage::start().unwrap();
    let tenant = stage.tenant("blog").unwrap();
    let (old, desk) = (tenant.kubectl(), Desk::new().unwrap());
    let keys = json!([{"secretRef": {"name": "blog-made-age"}, "generate": "Once"}]);
    patch_team(&tenant, &json!({"keys": keys})).unwrap();
    stage.installation.grant().unwrap();
    let team = wait_team(&tenant, "Succeeded", "1 recipient").unwrap();
    let made = published(&team, "blog-made-age")[0].0.to_owned();
    let commit = push_secret(&tenant, "precious", &[&made]).unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();

    let said = desk.run("1. ", old).unwrap();
    assert!(said.contains("Public key: age1"), "{said}");
    let said = desk.run("2. ", old).unwrap();
    assert!(said.contains(&format!("saved {made}")), "{said}");
    let backup = std::fs::read_to_string(desk.folder.path().join("keys.age")).unwrap();
    assert!(backup.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let said = desk.run("3. ", old).unwrap();
    assert!(said.contains("blog-made-age: is there already"), "{said}");
    let pinned: Value = serde_json::from_str(&desk.run("4. ", old).unwrap()).unwrap();
    assert_eq!(pinned, json!([made]));
    let mut keys = keys;
    keys[0]["recipients"] = pinned;
    patch_team(&tenant, &json!({"keys": keys})).unwrap();

    // The new cluster: installed, and what Git holds applied before anybody thinks of keys.
    let new = Installation::start().unwrap();
    for what in [
        &["namespace", "blog"][..],
        &["serviceaccount", "deployer", "-n", "blog"],
        &["role", "deployer", "-n", "blog"],
        &["rolebinding", "deployer", "-n", "blog"],
        &["team", "blog"],
        &["secret", "git-credentials", "-n", "blog"],
        &["repository", "blog", "-n", "blog"],
        &["sync", "blog", "-n", "blog"],
    ] {
        new.kubectl().apply(&as_in_git(old, what).unwrap()).unwrap();
    }
    new.grant().unwrap();
    let _operator = new.start_operator(&[]).unwrap();
    let is_missing = |team: &Value| condition(team, "Ready")["reason"] == "KeyMissing";
    until(new.kubectl(), &["team", "blog"], is_missing).unwrap();
    let key = ["secret", "blog-made-age", "-n", OPERATOR_NAMESPACE];
    assert!(!new.kubectl().exists(&key).unwrap(), "a new key was made");

    let said = desk.run("The cluster is lost", new.kubectl()).unwrap();
    assert!(said.contains("blog-made-age: restored"), "{said}");
    assert!(said.contains(&made), "{said}");
    until(new.kubectl(), &["sync", "blog", "-n", "blog"], |sync| {
        condition(sync, "Ready")["status"] == "True"
    })
    .unwrap();
    let db = new.kubectl().json(&["secret", "db", "-n", "blog"]).unwrap();
    assert_eq!(db["data"]["password"], stored("precious"));

    // A Secret that is there and lacks the saved identity is reported and left as it is.
    let other = Person::new().unwrap().identity_text().unwrap();
    hold(new.kubectl(), "blog-made-age", &[("key.agekey", &other)]).unwrap();
    let refused = desk.run("3. ", new.kubectl()).unwrap_err().to_string();
    let told = format!("does not hold {made}; it was left as it is");
    assert!(refused.contains(&told), "{refused}");
    let held = entry(new.kubectl(), "blog-made-age", "key.agekey").unwrap();
    assert_eq!(held, other);
}
