//! The scenes: what is in Git, what is in the cluster, and what happens when somebody touches either.

use super::narrator::Narrator;
use anyhow::{Context as _, Result};
use lockstep_testbed::{Operator, Tenant, Tool, Watch, eventually, tool};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything in a scene may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Scenes<'a> {
    pub(super) narrator: &'a Narrator,
    pub(super) tenant: &'a Tenant,
}

impl Scenes<'_> {
    pub(super) fn encrypt(&self, example: &Path) -> Result<()> {
        self.narrator.step(
            "`lockstep init`: a policy for Secret files, for you and the cluster",
            || {
                self.tenant.copy_in(example)?;
                self.tenant.init()
            },
        )?;
        self.narrator
            .show(&rules(&self.tenant.checkout().read(".sops.yaml")?))?;
        self.narrator.step(
            "`lockstep encrypt -i deploy`: every Secret in the folder",
            || self.tenant.lockstep(&["encrypt", "-i", "deploy"]),
        )?;
        Ok(())
    }

    pub(super) fn push(&self) -> Result<String> {
        let commit = self
            .narrator
            .step("`git push`: this is what is in Git", || {
                self.tenant.checkout().push("The shop, encrypted")
            })?;
        let committed = self
            .tenant
            .checkout()
            .git(&["show", "HEAD:deploy/db-secret.yaml"])?;
        let visible: Vec<&str> = committed
            .lines()
            .take_while(|line| *line != "sops:")
            .collect();
        self.narrator.show(&visible.join("\n"))?;
        Ok(commit)
    }

    pub(super) fn look(&self) -> Result<()> {
        let listed = self.kubectl(&["get", "secrets,configmaps,deployments", "--no-headers"])?;
        self.narrator.show(&listed)?;
        let url = self.decoded("shop-db", "DB_URL")?;
        self.narrator.show(&format!("shop-db DB_URL = {url}"))
    }

    pub(super) fn drift(&self) -> Result<()> {
        let watch = self.watch("shop-db", "DB_PASSWORD")?;
        self.narrator.measured(
            "Somebody changes a password with kubectl; it is put back",
            || {
                let patch = r#"{"stringData":{"DB_PASSWORD":"changed by hand"}}"#;
                self.kubectl(&["patch", "secret", "shop-db", "--type", "merge", "-p", patch])?;
                let edited = watch.until(PATIENCE, |value| value == base64(b"changed by hand"))?;
                let back = watch.until(PATIENCE, |value| value != base64(b"changed by hand"))?;
                Ok((back - edited, ()))
            },
        )?;
        let note = eventually("an event tells of it", PATIENCE, || {
            let events = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"])?;
            let events: Value = serde_json::from_str(&events).context("reading events")?;
            let notes = events["items"].as_array().into_iter().flatten();
            notes
                .filter_map(|event| event["note"].as_str())
                .find(|note| note.contains("DB_PASSWORD"))
                .map(str::to_owned)
                .context("no event names the field")
        })?;
        self.narrator.show(&note)
    }

    pub(super) fn change(&self) -> Result<()> {
        let checkout = self.tenant.checkout();
        let watch = self.watch("shop-db", "DB_PASSWORD")?;
        self.narrator
            .step("Git has a new password: decrypt, edit, encrypt", || {
                self.tenant
                    .lockstep(&["decrypt", "-i", "deploy/db-secret.yaml"])?;
                let clear = checkout.read("deploy/db-secret.yaml")?;
                let clear = clear.replace("correct-horse-battery", "even-better-battery");
                checkout.write("deploy/db-secret.yaml", &clear)?;
                self.tenant
                    .lockstep(&["encrypt", "-i", "deploy/db-secret.yaml"])
            })?;
        self.narrator
            .measured("`git push`: the new password arrives", || {
                let commit = checkout.push("A new password")?;
                let pushed = Instant::now();
                self.tenant.trigger()?;
                let new = base64(b"example-even-better-battery");
                let arrived = watch.until(PATIENCE, |value| value == new)?;
                self.tenant.wait_applied(&commit)?;
                Ok((arrived - pushed, ()))
            })?;
        let url = self.decoded("shop-db", "DB_URL")?;
        self.narrator.show(&format!("shop-db DB_URL = {url}"))
    }

    pub(super) fn tamper(&self) -> Result<()> {
        let checkout = self.tenant.checkout();
        let good = checkout.read("deploy/db-secret.yaml")?;
        let sync = self.narrator.step(
            "Somebody without a key edits an encrypted file: that file is refused",
            || {
                checkout.write(
                    "deploy/db-secret.yaml",
                    &good.replace("app: shop", "app: stage"),
                )?;
                let config = checkout.read("deploy/config.yaml")?;
                let config = config.replace("LOG_LEVEL: info", "LOG_LEVEL: debug");
                checkout.write("deploy/config.yaml", &config)?;
                let commit = self.tenant.publish("Two changes, one of them forged")?;
                self.tenant.wait_failed(&commit, "DecryptionFailed")
            },
        )?;
        for failure in sync["status"]["failures"].as_array().into_iter().flatten() {
            let text = |field: &str| failure[field].as_str().unwrap_or_default().to_owned();
            self.narrator.show(&format!(
                "{}: {}: {}",
                text("path"),
                text("reason"),
                text("message")
            ))?;
        }
        let level = self.kubectl(&[
            "get",
            "configmap",
            "shop",
            "-o",
            "jsonpath={.data.LOG_LEVEL}",
        ])?;
        self.narrator.show(&format!(
            "the other file of the commit is applied: LOG_LEVEL = {level}"
        ))?;
        self.narrator.step("The next good commit heals it", || {
            checkout.write("deploy/db-secret.yaml", &good)?;
            let commit = self.tenant.publish("As it was")?;
            self.tenant.wait_applied(&commit)
        })?;
        Ok(())
    }

    pub(super) fn prune(&self) -> Result<()> {
        self.narrator.step(
            "A file is deleted in Git: its Secret is deleted in the cluster",
            || {
                self.tenant.checkout().remove("deploy/api-secret.yaml")?;
                let commit = self.tenant.publish("The API token is no longer needed")?;
                self.tenant.wait_applied(&commit)
            },
        )?;
        self.narrator
            .show(&self.kubectl(&["get", "secrets", "--no-headers"])?)
    }

    /// Says what there is to try, and waits for Ctrl-C.
    pub(super) fn keep(&self, operator: &Operator) -> Result<()> {
        let kubectl = tool(Tool::Kubectl)?;
        let kubeconfig = self.tenant.kubectl().kubeconfig();
        self.narrator.end(&format!(
            "Everything stays up until Ctrl-C. Try:\n\n  \
             export KUBECONFIG={kubeconfig}\n  \
             alias kubectl={kubectl}\n  \
             kubectl -n shop get syncs,repositories,secrets\n  \
             kubectl -n shop describe sync shop\n  \
             kubectl -n shop delete secret shop-db      # and look again\n\n  \
             cd {checkout}\n  \
             export HOME=\"$(dirname \"$PWD\")\"            # git's password and authority are there\n  \
             git pull; edit, commit, push; then ask for a fetch at once:\n  \
             kubectl -n shop annotate --overwrite repository shop \
             reconcile.lockstep.dev/requestedAt=\"$(date)\"\n\n  \
             repository  {url}\n  \
             logs        {folder}/operator.log",
            kubeconfig = kubeconfig.display(),
            kubectl = kubectl.display(),
            checkout = self.tenant.checkout().path().display(),
            url = self.tenant.url(),
            folder = operator.folder().display(),
        ))?;
        loop {
            // Ctrl-C ends the process and cleans up (see `clean_up_on_interrupt`).
            std::thread::park();
        }
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let namespace = ["--namespace", self.tenant.name()];
        self.tenant
            .kubectl()
            .run(&[&namespace[..], arguments].concat())
    }

    fn watch(&self, secret: &str, key: &str) -> Result<Watch> {
        let what = ["secret", secret, "--namespace", self.tenant.name()];
        Watch::start(self.tenant.kubectl(), &what, &format!("{{.data.{key}}}"))
    }

    fn decoded(&self, secret: &str, key: &str) -> Result<String> {
        let template = format!("go-template={{{{.data.{key} | base64decode}}}}");
        self.kubectl(&["get", "secret", secret, "-o", &template])
    }
}

/// The part of a policy file that says what happens to which file.
fn rules(policy: &str) -> String {
    let lines = policy.lines().skip_while(|line| *line != "creation_rules:");
    lines
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
