//! Team alpha, which is attacked, and team beta, which attacks: keys, namespaces and repositories of their
//! own, and one repository that both may write.

use crate::table::Attack;
use anyhow::{Context as _, Result, bail};
use lockstep_e2e::{config_map, failures, secret, until};
use lockstep_testbed::{Installation, Kubectl, Tenant, WorkClone, condition, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The team that is attacked; also its namespace.
pub(crate) const VICTIM: &str = "alpha";

/// Which operator is at work, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// The operator as it is.
    Checked,
    /// The same, once a kind was defined.
    Later,
    /// The build without checks.
    Trusting,
}

impl Pass {
    /// The value that asks every Sync for a reconcile in this pass.
    fn request(self) -> String {
        format!("{self:?}")
    }
}

/// Everything but the operator.
pub(crate) struct Scene {
    pub(crate) installation: Arc<Installation>,
    pub(crate) alpha: Tenant,
    pub(crate) beta: Tenant,
    /// The repository of both.
    pub(crate) mono: WorkClone,
}

impl Scene {
    pub(crate) fn new() -> Result<Self> {
        let installation = Arc::new(Installation::start()?);
        installation.server().create_repository("mono")?;
        let scene = Self {
            alpha: Tenant::new(&installation, VICTIM)?,
            beta: Tenant::new(&installation, "beta")?,
            mono: WorkClone::new(installation.server(), "mono")?,
            installation,
        };
        for tenant in [&scene.alpha, &scene.beta] {
            let mono = scene.installation.server().url("mono");
            let patch = json!({"spec": {"repositories": [tenant.url(), mono]}});
            let team = ["team", tenant.name()];
            scene.kubectl().patch(&team, &patch.to_string())?;
        }
        Ok(scene)
    }

    pub(crate) fn kubectl(&self) -> &Kubectl {
        self.installation.kubectl()
    }

    /// Writes alpha's files, waits until they are applied, and then lays out the attacks, for which the
    /// attacker's account is given one right more: to bind roles in its own namespace.
    pub(crate) fn stage(&self, attacks: &[Attack]) -> Result<()> {
        let operator = self.installation.start_operator(&[])?;
        self.alpha.wait("alpha is applied", |sync| {
            condition(sync, "Ready")["status"] == "True"
        })?;
        until(self.kubectl(), &["sync", "mono", "-n", VICTIM], |sync| {
            condition(sync, "Ready")["status"] == "True"
        })?;
        drop(operator);
        for attack in attacks {
            let clone = if attack.is_in_mono() {
                &self.mono
            } else {
                self.beta.checkout()
            };
            for file in &attack.files {
                clone.write(&file.path, &file.content)?;
            }
        }
        self.beta
            .person()
            .lockstep(self.mono.path(), &["encrypt", "-i", "beta"])?;
        self.mono.push("attacks")?;
        self.beta.checkout().push("attacks")?;
        self.let_bind()?;
        self.beta.sync(&json!({"path": "deploy"}))?;
        self.source("beta")?;
        for attack in attacks.iter().filter(|attack| attack.is_in_mono()) {
            self.kubectl()
                .apply(&sync("beta", attack.name, &attack.folder).to_string())?;
        }
        self.forge_inventory()?;
        self.ask(Pass::Checked)
    }

    /// Pushes what alpha has: a Secret and a ConfigMap in a repository of its own, and another Secret in
    /// the common one.
    pub(crate) fn furnish(&self) -> Result<()> {
        self.alpha.init()?;
        let checkout = self.alpha.checkout();
        checkout.write(
            "deploy/db-secret.yaml",
            &secret("db", &[("password", "of-alpha")]),
        )?;
        checkout.write(
            "deploy/settings.yaml",
            &config_map("settings", &[("level", "info")]),
        )?;
        self.alpha.lockstep(&["encrypt", "-i", "deploy"])?;
        checkout.push("alpha's own")?;
        let rule = |folder: &str, tenant: &Tenant| {
            format!(
                "  - path_regex: ^{folder}/.*secret.*\n    encrypted_regex: ^(data|stringData)$\n    age: {}\n",
                tenant.cluster_key().recipient()
            )
        };
        let rules = rule(VICTIM, &self.alpha) + &rule("beta", &self.beta);
        self.mono
            .write(".sops.yaml", &format!("creation_rules:\n{rules}"))?;
        let shared = secret("shared", &[("password", "of-alpha")]);
        self.mono.write("alpha/shared-secret.yaml", &shared)?;
        let here = secret("here", &[("password", "of-alpha")])
            .replace("  name: here\n", "  name: here\n  namespace: alpha\n");
        self.mono.write("alpha/here-secret.yaml", &here)?;
        let config = config_map("plain", &[("level", "info")])
            .replace("  name: plain\n", "  name: plain\n  namespace: alpha\n");
        self.mono.write("alpha/plain.yaml", &config)?;
        self.alpha
            .person()
            .lockstep(self.mono.path(), &["encrypt", "-i", "alpha"])?;
        self.mono.push("alpha's in the common repository")?;
        self.alpha.sync(&json!({"path": "deploy"}))?;
        self.source(VICTIM)?;
        self.kubectl()
            .apply(&sync(VICTIM, "mono", "alpha").to_string())?;
        Ok(())
    }

    /// The common repository, as a source in a namespace.
    fn source(&self, namespace: &str) -> Result<()> {
        let repository = json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Repository",
            "metadata": {"name": "mono", "namespace": namespace},
            "spec": {
                "url": self.installation.server().url("mono"), "interval": "1h",
                "secretRef": {"name": "git-credentials"},
            },
        });
        self.kubectl().apply(&repository.to_string())?;
        Ok(())
    }

    fn let_bind(&self) -> Result<()> {
        let role = ["role", "deployer", "-n", "beta"];
        let mut rules = self.kubectl().json(&role)?["rules"].clone();
        rules
            .as_array_mut()
            .context("a Role without rules")?
            .push(json!({
                "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"],
                "verbs": ["get", "list", "watch", "create", "patch", "delete"],
            }));
        self.kubectl()
            .patch(&role, &json!({"rules": rules}).to_string())?;
        Ok(())
    }

    /// Writes an object of alpha's into the inventory of a Sync of beta's, with its true UID. No tenant
    /// can do that; whoever could would still not get it deleted. (An object that another of beta's Syncs
    /// asks for would be left to that one.)
    fn forge_inventory(&self) -> Result<()> {
        let victim = ["configmap", "settings", "-n", VICTIM];
        let uid = &self.kubectl().json(&victim)?["metadata"]["uid"];
        let entry = json!({"id": "alpha_settings__ConfigMap", "v": "v1", "uid": uid});
        let patch = json!({"status": {"inventory": {"entries": [entry]}}}).to_string();
        let what = ["patch", "sync", "forged-inventory", "-n", "beta"];
        let how = ["--subresource=status", "--type=merge", "-p", &patch];
        self.kubectl().run(&[&what[..], &how].concat())?;
        Ok(())
    }

    /// Asks every Sync of beta's for a reconcile.
    pub(crate) fn ask(&self, pass: Pass) -> Result<()> {
        let request = format!("reconcile.lockstep.dev/requestedAt={}", pass.request());
        let annotate = ["annotate", "syncs", "--all", "-n", "beta", "--overwrite"];
        self.kubectl().run(&[&annotate[..], &[&request]].concat())?;
        Ok(())
    }

    /// Deletes all of beta's Syncs but one; what they applied stays.
    pub(crate) fn leave_only(&self, name: &str) -> Result<()> {
        let syncs = self.kubectl().json(&["syncs", "-n", "beta"])?;
        let names = syncs["items"].as_array().context("no list")?.iter();
        let names = names.filter_map(|sync| sync["metadata"]["name"].as_str());
        let others: Vec<_> = names.filter(|other| *other != name).collect();
        let delete = ["delete", "sync", "-n", "beta"];
        self.kubectl().run(&[&delete[..], &others].concat())?;
        Ok(())
    }

    /// Waits until an attack has come to what this pass makes of it.
    pub(crate) fn wait(&self, pass: Pass, attack: &Attack) -> Result<()> {
        let expected = attack.expected(pass);
        let what = format!("{pass:?}: {} gives {expected:?}", attack.name);
        eventually(&what, Duration::from_secs(90), || {
            let sync = self.kubectl().json(&["sync", attack.name, "-n", "beta"])?;
            let found: BTreeSet<_> = failures(&sync).into_iter().collect();
            let is_done = sync["status"]["lastHandledReconcileAt"] == pass.request().as_str();
            if is_done && found == expected {
                return Ok(());
            }
            bail!("it says {}", sync["status"])
        })
    }

    /// Every object in alpha's namespace, with its version.
    pub(crate) fn victims(&self) -> Result<Vec<String>> {
        let kinds = "secrets,configmaps,serviceaccounts,roles,rolebindings";
        let all = self.kubectl().json(&[kinds, "-n", VICTIM])?;
        let items = all["items"].as_array().context("no list")?;
        Ok(items
            .iter()
            .map(|it| format!("{} {}", it["kind"], it["metadata"]))
            .collect())
    }
}

fn sync(namespace: &str, name: &str, folder: &str) -> Value {
    json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "sourceRef": {"name": "mono"}, "path": folder, "prune": true, "interval": "1h",
            "conflictPolicy": "Force",
        },
    })
}
