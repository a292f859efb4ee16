//! What is too wide for the operator: everything that is not on a short list.

use lockstep_names::Account;
use serde_json::{Value, json};

/// One rule the operator may have.
struct Right {
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    whereabouts: Whereabouts,
    names: Names,
}

/// Where a rule may hold.
#[derive(PartialEq)]
enum Whereabouts {
    /// In all namespaces.
    Everywhere,
    /// In the operator's own namespace.
    AtHome,
    /// In a namespace, but never in all.
    OneNamespace,
}

/// Whether a rule has to name its objects.
#[derive(PartialEq)]
enum Names {
    /// It has to.
    Given,
    /// It need not.
    Any,
}

/// Everything the operator may have.
const RIGHTS: [Right; 6] = [
    Right {
        group: "lockstep.dev",
        resources: &["repositories", "syncs", "teams"],
        verbs: &["get", "list", "watch"],
        whereabouts: Whereabouts::Everywhere,
        names: Names::Any,
    },
    Right {
        group: "lockstep.dev",
        resources: &[
            "repositories/status",
            "syncs/status",
            "teams/status",
            "syncs",
        ],
        verbs: &["patch", "update"],
        whereabouts: Whereabouts::Everywhere,
        names: Names::Any,
    },
    Right {
        group: "events.k8s.io",
        resources: &["events"],
        verbs: &["create", "patch"],
        whereabouts: Whereabouts::Everywhere,
        names: Names::Any,
    },
    Right {
        group: "",
        resources: &["secrets"],
        // A key is made once and never overwritten.
        verbs: &["get", "list", "watch", "create"],
        whereabouts: Whereabouts::AtHome,
        names: Names::Any,
    },
    Right {
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["get", "create", "update", "patch"],
        whereabouts: Whereabouts::AtHome,
        names: Names::Any,
    },
    Right {
        group: "",
        resources: &["serviceaccounts"],
        verbs: &["get", "impersonate"],
        whereabouts: Whereabouts::OneNamespace,
        names: Names::Given,
    },
];

/// What in `objects` gives `operator` more than it may have, or gives anything to somebody else.
pub(crate) fn too_wide(objects: &[Value], operator: &Account) -> Vec<String> {
    let mut found = Vec::new();
    for object in objects {
        match object["kind"].as_str().unwrap_or_default() {
            "Role" | "ClusterRole" => {
                let rules = object["rules"].as_array().into_iter().flatten();
                let wide = rules.filter(|rule| !is_allowed(object, rule, operator));
                found.extend(wide.map(|rule| format!("{}: {rule}", object["kind"])));
                if !object["aggregationRule"].is_null() {
                    found.push("a role that grows".to_owned());
                }
            }
            "RoleBinding" | "ClusterRoleBinding" if !is_own_binding(object, operator) => {
                found.push(object.to_string());
            }
            _ => {}
        }
    }
    found
}

fn is_allowed(role: &Value, rule: &Value, operator: &Account) -> bool {
    let is_plain = rule["nonResourceURLs"].is_null();
    is_plain
        && RIGHTS
            .iter()
            .any(|right| right.covers(role, rule, operator))
}

impl Right {
    fn covers(&self, role: &Value, rule: &Value, operator: &Account) -> bool {
        let namespace = role["metadata"]["namespace"].as_str();
        let is_there = match self.whereabouts {
            Whereabouts::Everywhere => true,
            Whereabouts::OneNamespace => namespace.is_some(),
            Whereabouts::AtHome => namespace == Some(operator.namespace.as_str()),
        };
        let is_role = (role["kind"] == "Role") == namespace.is_some();
        let names = rule["resourceNames"].as_array();
        is_there
            && is_role
            && rule["apiGroups"] == json!([self.group])
            && within(&rule["resources"], self.resources)
            && within(&rule["verbs"], self.verbs)
            && (self.names == Names::Any || names.is_some_and(|names| !names.is_empty()))
    }
}

fn within(list: &Value, allowed: &[&str]) -> bool {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    !list.is_empty()
        && list
            .iter()
            .all(|one| allowed.iter().any(|known| one == known))
}

/// Does it bind a role of ours, of its own reach, to the operator and nobody else?
fn is_own_binding(binding: &Value, operator: &Account) -> bool {
    let subject = json!({
        "kind": "ServiceAccount",
        "name": operator.name.as_str(),
        "namespace": operator.namespace.as_str(),
    });
    let role = if binding["kind"] == "RoleBinding" {
        "Role"
    } else {
        "ClusterRole"
    };
    binding["subjects"] == json!([subject])
        && binding["roleRef"]["kind"] == role
        && binding["roleRef"]["name"] == "lockstep-operator"
}

fn role(namespace: Option<&str>, rule: Value) -> Value {
    let kind = if namespace.is_some() {
        "Role"
    } else {
        "ClusterRole"
    };
    json!({"kind": kind, "metadata": {"namespace": namespace}, "rules": [rule]})
}

fn rule(group: &str, resource: &str, verb: &str) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
}

fn named(mut rule: Value, names: Value) -> Value {
    rule["resourceNames"] = names;
    rule
}

#[test]
fn whatever_is_wider_is_found() {
    let operator = crate::operator();
    let home = Some("lockstep-system");
    let become_any = rule("", "serviceaccounts", "impersonate");
    let fine = [
        role(home, rule("", "secrets", "get")),
        role(
            Some("team-a"),
            named(become_any.clone(), json!(["deployer"])),
        ),
        role(None, rule("lockstep.dev", "syncs/status", "patch")),
    ];
    assert_eq!(too_wide(&fine, &operator), [""; 0]);
    let wider = [
        role(None, rule("*", "secrets", "get")),
        role(None, rule("lockstep.dev", "*", "get")),
        role(None, rule("lockstep.dev", "syncs", "*")),
        role(None, rule("lockstep.dev", "teams", "patch")),
        role(None, rule("", "secrets", "get")),
        role(None, rule("", "secrets", "list")),
        role(Some("team-a"), rule("", "secrets", "get")),
        role(home, rule("", "secrets", "delete")),
        role(home, rule("", "secrets", "update")),
        role(home, rule("", "pods", "create")),
        role(home, rule("", "pods/exec", "create")),
        role(None, rule("", "nodes/proxy", "get")),
        role(home, rule("", "serviceaccounts/token", "create")),
        role(Some("team-a"), become_any.clone()),
        role(Some("team-a"), named(become_any.clone(), json!([]))),
        role(None, named(become_any, json!(["deployer"]))),
        role(None, named(rule("", "users", "impersonate"), json!(["a"]))),
        role(None, rule("rbac.authorization.k8s.io", "roles", "escalate")),
        role(
            None,
            rule("rbac.authorization.k8s.io", "clusterroles", "bind"),
        ),
        role(
            None,
            json!({"nonResourceURLs": ["/metrics"], "verbs": ["get"]}),
        ),
        role(None, rule("coordination.k8s.io", "leases", "update")),
        json!({"kind": "ClusterRole", "metadata": {}, "aggregationRule": {}}),
    ];
    for one in wider {
        assert_eq!(
            too_wide(std::slice::from_ref(&one), &operator).len(),
            1,
            "{one}"
        );
    }
}

#[test]
fn a_binding_to_another_role_or_of_somebody_else_is_found() {
    let operator = crate::operator();
    let subject = json!({
        "kind": "ServiceAccount", "name": "lockstep-operator", "namespace": "lockstep-system",
    });
    let binding = |kind: &str, to: &str, role: &str, subjects: Value| {
        let role = json!({"kind": to, "name": role});
        json!({"kind": kind, "roleRef": role, "subjects": subjects})
    };
    let ours = "lockstep-operator";
    let fine = binding("RoleBinding", "Role", ours, json!([subject]));
    assert_eq!(too_wide(&[fine], &operator), [""; 0]);
    let everybody = json!({"kind": "Group", "name": "system:authenticated"});
    for wider in [
        binding(
            "ClusterRoleBinding",
            "ClusterRole",
            "cluster-admin",
            json!([subject]),
        ),
        // A ClusterRole of ours in a namespace is the same rules, but nothing here makes one.
        binding("RoleBinding", "ClusterRole", ours, json!([subject])),
        binding("RoleBinding", "Role", ours, json!([subject, everybody])),
    ] {
        assert_eq!(
            too_wide(std::slice::from_ref(&wider), &operator).len(),
            1,
            "{wider}"
        );
    }
}
