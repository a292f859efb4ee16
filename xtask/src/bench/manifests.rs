//! The manifests that are measured: what a team's folder looks like, made by number.

use anyhow::{Result, ensure};
use lockstep_testbed::WorkClone;

/// How many objects of each kind there are, one to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    secrets: usize,
    config_maps: usize,
    deployments: usize,
    services: usize,
}

impl Folder {
    /// `objects` objects, `encrypted` of them Secrets; of the others, five of eight are ConfigMaps, two
    /// Deployments and one a Service.
    pub(crate) fn new(objects: usize, encrypted: usize) -> Result<Self> {
        ensure!(
            encrypted <= objects,
            "{encrypted} encrypted of {objects} objects"
        );
        let rest = objects - encrypted;
        let (deployments, services) = (rest / 4, rest / 8);
        Ok(Self {
            secrets: encrypted,
            config_maps: rest - deployments - services,
            deployments,
            services,
        })
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        self.secrets + self.config_maps + self.deployments + self.services
    }

    /// How many of them are Secrets, which are encrypted.
    pub(super) fn secrets(&self) -> usize {
        self.secrets
    }

    /// Writes all of them into the folder `deploy` of a clone, in clear.
    pub(super) fn write(&self, clone: &WorkClone) -> Result<()> {
        for number in 0..self.secrets {
            clone.write(&secret_file(number), &secret(number, &password(number)))?;
        }
        for number in 0..self.config_maps {
            clone.write(&config_map_file(number), &config_map(number))?;
        }
        for number in 0..self.deployments {
            let file = format!("deploy/app-{number:03}-deployment.yaml");
            clone.write(&file, &deployment(number))?;
        }
        for number in 0..self.services {
            let file = format!("deploy/app-{number:03}-service.yaml");
            clone.write(&file, &service(number))?;
        }
        Ok(())
    }
}

/// What a Secret holds.
pub(super) fn password(number: usize) -> String {
    format!("example-password-{number:04}")
}

/// The file of a ConfigMap.
pub(super) fn config_map_file(number: usize) -> String {
    format!("deploy/app-{number:03}-config.yaml")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_as_many_objects_as_were_asked_for() {
        for (objects, encrypted) in [(500, 100), (20, 12), (37, 13), (12, 12)] {
            let folder = Folder::new(objects, encrypted).unwrap();
            assert_eq!((folder.objects(), folder.secrets()), (objects, encrypted));
        }
        assert!(Folder::new(11, 12).is_err());
    }
}
