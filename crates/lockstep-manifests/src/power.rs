//! Marks that carry power elsewhere: a Secret's type, a label or an annotation by which some controller,
//! or Kubernetes itself, does more for an object than its author may do.
//!
//! The list is of marks whose reader acts with rights of its own: it mints a token, takes the object for
//! its own configuration or key, copies it across namespaces, or believes it to be its own. What only
//! concerns the object itself, such as the order in which Argo CD applies it, is not in it.

use crate::json::{Json, Members};

/// Where a mark stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The `type` of a Secret.
    SecretType,
    /// A label.
    Label,
    /// An annotation.
    Annotation,
}

/// A mark that carries power elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// Where it stands.
    pub mark: Mark,
    /// The name of the label or annotation; of a type, the entry of our list that it matches, because a
    /// type may have been encrypted.
    pub name: String,
}

/// Secret types with power.
const SECRET_TYPES: &[&str] = &[
    // Kubernetes fills in a token of the account that an annotation names.
    "kubernetes.io/service-account-token",
    // Lets nodes join.
    "bootstrap.kubernetes.io/token",
    // What Helm believes it has installed, and rolls back to.
    "helm.sh/release.v1",
    // Rancher and Fleet: machine plans, registrations, bundles.
    "*.cattle.io/*",
    // Cluster API: credentials of clusters, and what is applied to them.
    "cluster.x-k8s.io/*",
    "*.cluster.x-k8s.io/*",
];

/// Labels with power.
const LABELS: &[&str] = &[
    // Whose object it is: ours to say.
    "lockstep.dev/*",
    // Clusters, repositories and credentials of Argo CD.
    "argocd.argoproj.io/*",
    // Whose object it is, to Flux and kapp.
    "kustomize.toolkit.fluxcd.io/name",
    "kustomize.toolkit.fluxcd.io/namespace",
    "helm.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/namespace",
    "toolkit.fluxcd.io/tenant",
    "kapp.k14s.io/*",
    // The private keys of Sealed Secrets.
    "sealedsecrets.bitnami.com/*",
    // What External Secrets may read, and what it believes it made.
    "external-secrets.io/*",
    "*.external-secrets.io/*",
    // Rancher and Fleet.
    "cattle.io/*",
    "*.cattle.io/*",
    // Cluster API.
    "cluster.x-k8s.io/*",
    "*.cluster.x-k8s.io/*",
    // Open Cluster Management and Karmada: what goes to other clusters.
    "open-cluster-management.io/*",
    "*.open-cluster-management.io/*",
    "karmada.io/*",
    "*.karmada.io/*",
    // Whose a namespace is, to those who divide clusters.
    "capsule.clastix.io/*",
    "projectcapsule.dev/*",
    "hnc.x-k8s.io/*",
    "*.hnc.x-k8s.io/*",
    "loft.sh/*",
    "*.loft.sh/*",
    // Rules that are added to other roles, and rules for pods and admission in a namespace.
    "rbac.authorization.k8s.io/*",
    "pod-security.kubernetes.io/*",
    "admission.gatekeeper.sh/*",
];

/// Annotations with power.
const ANNOTATIONS: &[&str] = &[
    // The account whose token Kubernetes fills in.
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    // Whose object it is, to Argo CD.
    "argocd.argoproj.io/tracking-id",
    // Lets a SealedSecret take the object over.
    "sealedsecrets.bitnami.com/*",
    // Offers a certificate to webhooks of the whole cluster.
    "cert-manager.io/allow-direct-injection",
    // Copy Secrets from and to other namespaces.
    "reflector.v1.k8s.emberstack.com/*",
    "replicator.v1.mittwald.de/*",
    "kubed.appscode.com/*",
    "secretgen.carvel.dev/*",
    // The project, and with it the rights, of a namespace in Rancher.
    "field.cattle.io/*",
    "hnc.x-k8s.io/*",
    "*.hnc.x-k8s.io/*",
    "open-cluster-management.io/*",
    "*.open-cluster-management.io/*",
];

/// Whether a name is what a pattern says: the name itself, everything under a prefix (`example.com/*`),
/// or under all prefixes of a domain (`*.example.com/*`).
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some(prefix) = pattern.strip_suffix("/*") else {
        return pattern == name;
    };
    let Some((found, _)) = name.split_once('/') else {
        return false;
    };
    match prefix.strip_prefix('*') {
        Some(domain) => found.ends_with(domain),
        None => found == prefix,
    }
}

/// The power of a Secret of this type.
pub(crate) fn of_secret_type(name: &str) -> Option<Power> {
    let entry = SECRET_TYPES.iter().find(|entry| matches(entry, name))?;
    Some(Power {
        mark: Mark::SecretType,
        name: (*entry).to_owned(),
    })
}

/// The powers that an object's labels and annotations carry. Their names are never encrypted.
pub(crate) fn of_metadata(object: &Members<'_>) -> Vec<Power> {
    let mut powers = Vec::new();
    let Some(Json::Object(metadata)) = object.get("metadata").map(|node| &node.json) else {
        return powers;
    };
    for (field, mark, list) in [
        ("labels", Mark::Label, LABELS),
        ("annotations", Mark::Annotation, ANNOTATIONS),
    ] {
        let Some(Json::Object(found)) = metadata.get(field).map(|node| &node.json) else {
            continue;
        };
        let has_power = |name: &&String| list.iter().any(|entry| matches(entry, name));
        powers.extend(found.keys().filter(has_power).map(|name| Power {
            mark,
            name: name.clone(),
        }));
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_a_name_a_prefix_or_a_domain() {
        for (pattern, name) in [
            ("a.io/x", "a.io/x"),
            ("a.io/*", "a.io/x"),
            ("*.a.io/*", "b.a.io/x"),
            ("*.a.io/*", "c.b.a.io/x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a.io/x", "a.io/y"),
            ("a.io/*", "b.a.io/x"),
            ("a.io/*", "a.io"),
            ("*.a.io/*", "a.io/x"),
            ("*.a.io/*", "ba.io/x"),
            ("a.io/*", "a.io.example.com/x"),
            ("*", "x"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn every_entry_is_a_pattern_that_finds_something() {
        for entry in SECRET_TYPES.iter().chain(LABELS).chain(ANNOTATIONS) {
            let example = entry.replacen("*.", "sub.", 1).replace("/*", "/x");
            assert!(
                matches(entry, &example) && !example.contains('*'),
                "{entry}"
            );
        }
    }
}
