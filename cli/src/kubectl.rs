//! The one door to a cluster: the user's own kubectl, with the user's own rights.
//!
//! Keys go through pipes, and never through a file, an argument or a variable.

use crate::Exit;
use crate::failure::Failure;
use lockstep_secret::{SecretBytes, SecretString};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Which cluster, and how it is reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Cluster {
    /// Kubeconfig for kubectl; else its own usual places.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// The program that reaches the cluster.
    #[arg(long, value_name = "PROGRAM", default_value = "kubectl")]
    kubectl: PathBuf,
}

impl Cluster {
    /// Gets `what` as JSON; nothing where there is nothing of that name.
    pub(crate) fn get(&self, what: &[&str]) -> Result<Option<SecretBytes>, Failure> {
        let mut command = self.command();
        command
            .arg("get")
            .args(what)
            .args(["--ignore-not-found", "-o", "json"]);
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|error| self.unusable(&error))?;
        if !output.status.success() {
            let said = first_line(&output.stderr);
            return Err(Failure::new(
                Exit::Failure,
                format!("{}: {said}", self.kubectl.display()),
            ));
        }
        let found = SecretBytes::new(output.stdout);
        Ok(Some(found).filter(|found| !found.expose().is_empty()))
    }

    /// Creates an object; it is an error if there is one of its name.
    pub(crate) fn create(&self, manifest: &SecretString) -> Result<(), Failure> {
        let output = self.feed(manifest).map_err(|error| self.unusable(&error))?;
        if output.status.success() {
            return Ok(());
        }
        // What a server says of a Secret may quote it, so only its reason is repeated.
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said
            .split_once("Error from server (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or("it was not created", |(reason, _)| reason);
        Err(Failure::new(Exit::Failure, only_word(reason)))
    }

    fn feed(&self, manifest: &SecretString) -> std::io::Result<Output> {
        let mut command = self.command();
        let mut child = command
            .args(["create", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // kubectl may refuse before it has read everything; its own message says more.
            let _ = stdin.write_all(manifest.expose().as_bytes());
        }
        child.wait_with_output()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        if let Some(context) = &self.context {
            command.arg(format!("--context={context}"));
        }
        command
    }

    fn unusable(&self, error: &std::io::Error) -> Failure {
        let program = self.kubectl.display();
        Failure::new(Exit::Failure, format!("{program} cannot be run: {error}"))
            .hint("install kubectl, or say where it is with --kubectl")
    }
}

fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().next().unwrap_or("it failed");
    line.chars().filter(|c| !c.is_control()).take(500).collect()
}

fn only_word(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == ' ')
        .take(80)
        .collect()
}
