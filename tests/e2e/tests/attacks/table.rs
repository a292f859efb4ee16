//! What team beta tries, and what must come of it.

use crate::scene::{Pass, Scene};
use anyhow::{Context as _, Result};
use lockstep_e2e::{config_map, secret};
use lockstep_testbed::Kubectl;
use std::collections::BTreeSet;

/// One Sync of beta's with files that should not work.
pub(crate) struct Attack {
    /// The name of the Sync.
    pub(crate) name: &'static str,
    /// The folder it applies.
    pub(crate) folder: String,
    /// The files that are written for it.
    pub(crate) files: Vec<File>,
    /// What fails, by path and reasons: with our checks, and without.
    outcomes: Vec<(String, Reasons, Reasons)>,
}

/// One of its files.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) content: String,
}

type Reasons = &'static [&'static str];

/// What is applied after all.
const NOTHING: Reasons = &[];

/// Where only the API server judges, or only the key decides, both passes end alike.
const FORBIDDEN: Reasons = &["Forbidden"];
const KEY_MISSING: Reasons = &["KeyMissing"];

impl Attack {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            folder: format!("beta/{name}"),
            files: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Adds a file, with what must come of it: first with our checks, then without.
    fn file(self, name: &str, content: impl Into<String>, ours: Reasons, theirs: Reasons) -> Self {
        let path = format!("{}/{name}", self.folder);
        let mut this = self.fails(&path, ours, theirs);
        this.files.push(File {
            path,
            content: content.into(),
        });
        this
    }

    fn fails(mut self, path: &str, ours: Reasons, theirs: Reasons) -> Self {
        self.outcomes.push((path.to_owned(), ours, theirs));
        self
    }

    /// Is it in the common repository, or in beta's own?
    pub(crate) fn is_in_mono(&self) -> bool {
        self.name != "beta"
    }

    /// Path and reason of everything that must fail.
    pub(crate) fn expected(&self, pass: Pass) -> BTreeSet<(&str, &str)> {
        self.outcomes
            .iter()
            .flat_map(|(path, ours, theirs)| {
                let reasons = if pass == Pass::Trusting { theirs } else { ours };
                reasons.iter().map(move |reason| (path.as_str(), *reason))
            })
            .collect()
    }
}

/// All attacks. Alpha's files must be there already: some of them are copied.
pub(crate) fn attacks(scene: &Scene) -> Result<Vec<Attack>> {
    scene.furnish()?;
    let mut all = vec![own_repository(scene)?, copied(scene)?, folder_of_alpha()];
    all.extend([elsewhere(), by_way_of()]);
    all.extend(taken_over());
    all.push(everywhere(scene.kubectl())?);
    all.push(rights());
    all.extend(powers());
    all.push(later_at_first());
    all.push(
        Attack::new("forged-inventory")
            .file(
                "own.yaml",
                config_map("own", &[("a", "b")]),
                NOTHING,
                NOTHING,
            )
            .fails("", NOTHING, &["PruneFailed"]),
    );
    Ok(all)
}

/// Alpha's file in a repository that only beta may write.
fn own_repository(scene: &Scene) -> Result<Attack> {
    let stolen = scene.alpha.checkout().read("deploy/db-secret.yaml")?;
    let attack = Attack {
        folder: "deploy".to_owned(),
        ..Attack::new("beta")
    };
    Ok(attack.file("db-secret.yaml", stolen, KEY_MISSING, KEY_MISSING))
}

/// Alpha's file under beta's path, by its own name and by another.
fn copied(scene: &Scene) -> Result<Attack> {
    let stolen = scene.mono.read("alpha/shared-secret.yaml")?;
    Ok(Attack::new("copied")
        .file("shared-secret.yaml", &*stolen, KEY_MISSING, KEY_MISSING)
        .file("deep/notes.yml", &*stolen, KEY_MISSING, KEY_MISSING))
}

/// Alpha's own folder, as the path of a Sync of beta's.
fn folder_of_alpha() -> Attack {
    let attack = Attack {
        folder: "alpha".to_owned(),
        ..Attack::new("folder-of-alpha")
    };
    attack
        .fails("alpha/shared-secret.yaml", KEY_MISSING, KEY_MISSING)
        .fails("alpha/here-secret.yaml", KEY_MISSING, KEY_MISSING)
        .fails("alpha/plain.yaml", &["NamespaceNotAllowed"], FORBIDDEN)
}

const NAMESPACE: Reasons = &["NamespaceNotAllowed"];
const INVALID: Reasons = &["ManifestInvalid"];

/// The manifest with one line more in its metadata.
fn with(text: &str, line: &str) -> String {
    text.replacen("metadata:\n", &format!("metadata:\n  {line}\n"), 1)
}

/// Beta's own objects, put elsewhere: by the namespace they name.
fn elsewhere() -> Attack {
    let config = |namespace: &str| {
        with(
            &config_map("reach", &[("a", "b")]),
            &format!("namespace: {namespace}"),
        )
    };
    let key = with(
        &secret("alpha-age", &[("cluster.agekey", "mine")]),
        "namespace: lockstep-system",
    );
    Attack::new("elsewhere")
        .file("alpha.yaml", config("alpha"), NAMESPACE, FORBIDDEN)
        .file("system.yaml", config("kube-system"), NAMESPACE, FORBIDDEN)
        .file("missing.yaml", config("nowhere"), NAMESPACE, FORBIDDEN)
        .file("key-secret.yaml", key, NAMESPACE, FORBIDDEN)
        .file("case.yaml", config("Alpha"), INVALID, INVALID)
        .file("space.yaml", config("' alpha'"), INVALID, INVALID)
        .file("path.yaml", config("beta/../alpha"), INVALID, INVALID)
}

/// The same, by kinds that have something to say about other objects.
fn by_way_of() -> Attack {
    let item = |name: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: alpha}}}}")
    };
    let list = |items: &str| format!("{{apiVersion: v1, kind: List, items: [{items}]}}");
    let (listed, nested) = (list(&item("listed")), list(&list(&item("nested"))));
    let sync = "apiVersion: lockstep.dev/v1alpha1\nkind: Sync\nmetadata:\n  name: planted\n  namespace: alpha\n\
                spec: {sourceRef: {name: mono}, path: beta/copied}\n";
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: open\n  namespace: alpha\n\
                   roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}\n\
                   subjects: [{kind: ServiceAccount, name: deployer, namespace: beta}]\n";
    Attack::new("by-way-of")
        .file("list.yaml", listed, NAMESPACE, FORBIDDEN)
        .file("nested.yaml", nested, NAMESPACE, FORBIDDEN)
        .file("sync.yaml", sync, NAMESPACE, FORBIDDEN)
        .file("binding.yaml", binding, NAMESPACE, FORBIDDEN)
}

/// Alpha's Secret, by its name, with beta's value; and with alpha's labels on it.
fn taken_over() -> [Attack; 2] {
    let taken = with(
        &secret("db", &[("password", "of-beta")]),
        "namespace: alpha",
    );
    let claimed = with(&taken, ALPHAS_LABELS);
    [
        Attack::new("taken-over").file("db-secret.yaml", taken, NAMESPACE, FORBIDDEN),
        Attack::new("claimed").file(
            "db-secret.yaml",
            claimed,
            &["MetadataNotAllowed"],
            FORBIDDEN,
        ),
    ]
}

/// The labels of what alpha's own Sync has applied.
const ALPHAS_LABELS: &str =
    "labels: {lockstep.dev/sync: alpha, lockstep.dev/sync-namespace: alpha}";

/// API version and kind of everything that is in no namespace and can be applied.
pub(crate) fn cluster_scoped(kubectl: &Kubectl) -> Result<Vec<(String, String)>> {
    let list = kubectl.run(&[
        "api-resources",
        "--namespaced=false",
        "--verbs=patch",
        "--no-headers",
    ])?;
    let kind = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [.., version, _, kind] = words[..] else {
            return None;
        };
        Some((version.to_owned(), kind.to_owned()))
    };
    list.lines()
        .map(|line| kind(line).with_context(|| format!("a strange line: {line}")))
        .collect()
}

/// One object of every cluster-scoped kind there is.
fn everywhere(kubectl: &Kubectl) -> Result<Attack> {
    let mut attack = Attack::new("everywhere");
    for (version, kind) in cluster_scoped(kubectl)? {
        let name = format!("{}-{kind}.yaml", version.replace('/', "-")).to_lowercase();
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: beta-reaches}}\n");
        attack = attack.file(&name, text, &["KindNotAllowed"], FORBIDDEN);
    }
    Ok(attack)
}

/// More rights in its own namespace than the account has: nothing we check, and it need not be.
fn rights() -> Attack {
    let group = "rbac.authorization.k8s.io";
    let subjects = "subjects: [{kind: ServiceAccount, name: deployer, namespace: beta}]\n";
    let binding = format!(
        "apiVersion: {group}/v1\nkind: RoleBinding\nmetadata: {{name: admin}}\n\
         roleRef: {{apiGroup: {group}, kind: ClusterRole, name: cluster-admin}}\n{subjects}"
    );
    let role = |name: &str, rule: &str| {
        format!("apiVersion: {group}/v1\nkind: Role\nmetadata: {{name: {name}}}\nrules: [{rule}]\n")
    };
    let all = "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}";
    let escalate =
        "{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate, bind]}";
    let become_other = "{apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate]}";
    Attack::new("rights")
        .file("binding.yaml", binding, FORBIDDEN, FORBIDDEN)
        .file("all.yaml", role("all", all), FORBIDDEN, FORBIDDEN)
        .file(
            "escalate.yaml",
            role("escalate", escalate),
            FORBIDDEN,
            FORBIDDEN,
        )
        .file(
            "impersonate.yaml",
            role("impersonate", become_other),
            FORBIDDEN,
            FORBIDDEN,
        )
}

/// What the API server takes from whoever may write Secrets: only our check stands here.
fn powers() -> [Attack; 2] {
    const TYPE: Reasons = &["SecretTypeNotAllowed"];
    const BOTH: Reasons = &["MetadataNotAllowed", "SecretTypeNotAllowed"];
    const MARK: Reasons = &["MetadataNotAllowed"];
    let token = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\n\
                 \x20 annotations: {kubernetes.io/service-account.name: deployer}\n\
                 type: kubernetes.io/service-account-token\n";
    let join = "apiVersion: v1\nkind: Secret\nmetadata: {name: bootstrap-token-abcdef}\n\
                type: bootstrap.kubernetes.io/token\n";
    let cluster = with(
        &secret("cluster", &[("server", "https-of-beta")]),
        "labels: {argocd.argoproj.io/secret-type: cluster}",
    );
    let claimed = with(&config_map("claimed", &[("a", "b")]), ALPHAS_LABELS);
    [
        Attack::new("powers")
            .file("token.yaml", token, BOTH, NOTHING)
            .file("join.yaml", join, TYPE, NOTHING)
            .file("cluster-secret.yaml", cluster, MARK, NOTHING)
            .file(
                "open.yaml",
                secret("open", &[("password", "in-clear")]),
                &["PlaintextNotAllowed"],
                NOTHING,
            ),
        Attack::new("own-labels").file("claimed.yaml", claimed, MARK, NOTHING),
    ]
}

const LATER: &str = "apiVersion: later.example.com/v1\nkind: Reach\nmetadata: {name: x}\n";

/// A kind that nobody knows yet.
fn later_at_first() -> Attack {
    Attack::new("later").file("reach.yaml", LATER, &["KindNotFound"], &["KindNotFound"])
}

/// The same, once the kind is there and turns out to be cluster-scoped.
pub(crate) fn later() -> Attack {
    Attack::new("later").file("reach.yaml", LATER, &["KindNotAllowed"], FORBIDDEN)
}
