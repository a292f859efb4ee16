//! Objects as YAML: printed for people to read before they apply them, and Teams read from what
//! people wrote.

use crate::{GROUP, Team};
use kube::Resource;
use serde::Serialize;
use serde_json::Value;

/// An object could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("an object cannot be printed as YAML")]
pub struct PrintError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Prints `objects` as one YAML stream, keys sorted, so that the same objects give the same text.
///
/// # Errors
/// [`PrintError`] for an object that YAML has no form for; those of this crate have one.
pub fn to_yaml<T: Serialize>(objects: &[T]) -> Result<String, PrintError> {
    let mut text = String::new();
    for object in objects {
        let value = serde_json::to_value(object).map_err(|error| PrintError(error.into()))?;
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&value).map_err(|error| PrintError(error.into()))?);
    }
    Ok(text)
}

/// A YAML stream holds something that is no Team where one is announced, or is no YAML.
#[derive(Debug, thiserror::Error)]
pub enum TeamsError {
    /// It cannot be read as YAML.
    #[error("not readable as YAML")]
    Yaml(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// A Team is not as its definition says.
    #[error("document {document} is no valid Team")]
    Team {
        /// The document of the stream, counted from 1.
        document: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads the Teams of a YAML stream; objects of other kinds are passed over.
///
/// # Errors
/// [`TeamsError`].
pub fn teams_from_yaml(text: &str) -> Result<Vec<Team>, TeamsError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| TeamsError::Yaml(error.into()))?;
    let mut teams = Vec::new();
    for (index, value) in documents.into_iter().enumerate() {
        let of_group = |version: &str| version.split('/').next() == Some(GROUP);
        if value["kind"] == *Team::kind(&()) && value["apiVersion"].as_str().is_some_and(of_group) {
            let team = serde_json::from_value(value).map_err(|source| TeamsError::Team {
                document: index + 1,
                source,
            })?;
            teams.push(team);
        }
    }
    Ok(teams)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: &str = "apiVersion: lockstep.dev/v1alpha1\nkind: Team\nmetadata: {name: a}\nspec:\n  namespaces: [team-a]\n";

    #[test]
    fn teams_are_found_among_other_objects() {
        let rest =
            "  serviceAccountName: deployer\n  repositories: ['https://git.example.com/*']\n";
        let text = format!("---\napiVersion: v1\nkind: Namespace\n---\n{TEAM}{rest}---\n");
        let teams = teams_from_yaml(&text).unwrap();
        assert_eq!(teams.len(), 1);
        assert_eq!(teams[0].spec.service_account_name, "deployer");
        let printed = to_yaml(&teams).unwrap();
        assert_eq!(teams_from_yaml(&printed).unwrap(), teams);
    }

    #[test]
    fn an_incomplete_team_is_named_by_its_document() {
        let error = teams_from_yaml(&format!("kind: X\n---\n{TEAM}")).unwrap_err();
        assert_eq!(error.to_string(), "document 2 is no valid Team");
        assert!(teams_from_yaml("a: [").is_err());
    }
}
