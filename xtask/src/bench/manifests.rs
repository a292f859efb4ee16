//! The manifests that are measured: what a team's folder looks like, made by number.

use anyhow::Result;
use lockstep_testbed::WorkClone;

/// How many objects there are, one to a file.
pub(super) const OBJECTS: usize = SECRETS + CONFIG_MAPS + DEPLOYMENTS + SERVICES;
/// How many of them are Secrets, which are encrypted.
pub(super) const SECRETS: usize = 100;
const CONFIG_MAPS: usize = 250;
const DEPLOYMENTS: usize = 100;
const SERVICES: usize = 50;

/// Writes all of them into the folder `deploy` of a clone, in clear.
pub(super) fn write(clone: &WorkClone) -> Result<()> {
    for number in 0..SECRETS {
        let text = secret(number, &format!("example-password-{number:04}"));
        clone.write(&secret_file(number), &text)?;
    }
    for number in 0..CONFIG_MAPS {
        clone.write(
            &format!("deploy/app-{number:03}-config.yaml"),
            &config_map(number),
        )?;
    }
    for number in 0..DEPLOYMENTS {
        clone.write(
            &format!("deploy/app-{number:03}-deployment.yaml"),
            &deployment(number),
        )?;
    }
    for number in 0..SERVICES {
        clone.write(
            &format!("deploy/app-{number:03}-service.yaml"),
            &service(number),
        )?;
    }
    Ok(())
}

/// The file of a Secret.
pub(super) fn secret_file(number: usize) -> String {
    format!("deploy/app-{number:03}-secret.yaml")
}

/// A Secret of about 700 bytes, four values.
pub(super) fn secret(number: usize, password: &str) -> String {
    let line = format!("    example-line-{number:03}-0123456789abcdefghijklmnopqrstuvwxyz\n");
    format!(
        "# Rotated every quarter.\napiVersion: v1\nkind: Secret\n\
         metadata:\n  name: app-{number:03}\n  labels:\n    app: app-{number:03}\n\
         type: Opaque\nstringData:\n  username: app-{number:03}\n  password: {password}\n  \
         url: postgres://app-{number:03}:{password}@db.example.com:5432/app\n  \
         settings.conf: |\n{}",
        line.repeat(6)
    )
}

/// A ConfigMap of about 500 bytes.
pub(super) fn config_map(number: usize) -> String {
    let line = format!("    setting-{number:03} = 0123456789abcdefghijklmnopqrstuvwxyz\n");
    format!(
        "apiVersion: v1\nkind: ConfigMap\n\
         metadata:\n  name: app-{number:03}\n  labels:\n    app: app-{number:03}\n\
         data:\n  LOG_LEVEL: info\n  app.conf: |\n{}",
        line.repeat(6)
    )
}

fn deployment(number: usize) -> String {
    let name = format!("app-{number:03}");
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels:\n    app: {name}\n\
         spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    \
         metadata:\n      labels:\n        app: {name}\n    spec:\n      containers:\n        \
         - name: app\n          image: registry.example.com/{name}:1.0.0\n          \
         envFrom:\n            - secretRef:\n                name: {name}\n            \
         - configMapRef:\n                name: {name}\n          ports:\n            \
         - name: http\n              containerPort: 8080\n          resources:\n            \
         requests:\n              cpu: 100m\n              memory: 64Mi\n"
    )
}

fn service(number: usize) -> String {
    let name = format!("app-{number:03}");
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  labels:\n    app: {name}\n\
         spec:\n  selector:\n    app: {name}\n  ports:\n    - name: http\n      port: 80\n      \
         targetPort: http\n"
    )
}
