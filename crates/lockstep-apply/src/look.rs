//! Looking before writing: which of these objects are there already, and whose are they?

use crate::error::ApiError;
use crate::exchange::{AS_METADATA_LIST, exchange};
use crate::kinds::Resource;
use crate::refusal::Refusal;
use crate::retry::persist;
use crate::seen::Seen;
use crate::session::{Session, get};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use http::header::ACCEPT;
use lockstep_names::NamespaceName;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

/// Up to so many objects are asked for one by one; for more, one list costs less.
const FEW: usize = 4;
/// Objects asked for at once.
const AT_ONCE: usize = 16;
/// Objects per page of a list.
const PAGE: u32 = 500;

impl Session {
    /// Finds those of `names` that exist, with their metadata.
    ///
    /// # Errors
    /// Whatever keeps the API server from telling.
    pub async fn look(
        &self,
        resource: &Resource,
        namespace: Option<&NamespaceName>,
        names: &[String],
        stop: &AtomicBool,
    ) -> Result<HashMap<String, Seen>, ApiError> {
        if names.len() > FEW {
            match self.look_at_all(resource, namespace, stop).await {
                // An account may have the right to get and not the right to list.
                Err(ApiError::Forbidden) => {}
                Err(error) => return Err(error),
                Ok(mut all) => {
                    all.retain(|name, _| names.contains(name));
                    return Ok(all);
                }
            }
        }
        let found = stream::iter(names.to_vec())
            .map(|name| async move {
                let path = resource.object_path(namespace, &name)?;
                match persist(stop, || get(&self.client, &path)).await {
                    Ok(seen) => Ok(Some((name, seen))),
                    Err(ApiError::NotFound | ApiError::NamespaceNotFound) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .buffered(AT_ONCE);
        found
            .try_filter_map(async |one| Ok(one))
            .try_collect()
            .await
    }

    async fn look_at_all(
        &self,
        resource: &Resource,
        namespace: Option<&NamespaceName>,
        stop: &AtomicBool,
    ) -> Result<HashMap<String, Seen>, ApiError> {
        let path = resource.collection_path(namespace);
        let mut all = HashMap::new();
        let mut next = String::new();
        loop {
            let list = persist(stop, || self.page(&path, &next)).await?;
            let items = list.items.into_iter().flatten().map(|item| item.metadata);
            all.extend(items.map(|seen| (seen.name.clone(), seen)));
            if list.metadata.next.is_empty() {
                return Ok(all);
            }
            next = format!("&continue={}", crate::watch::query(&list.metadata.next));
        }
    }

    async fn page(&self, path: &str, next: &str) -> Result<List, Refusal> {
        let request = Request::get(format!("{path}?limit={PAGE}{next}"))
            .header(ACCEPT, AS_METADATA_LIST)
            .body(Bytes::new());
        let answer = exchange(&self.client, request.map_err(|_| ApiError::BadName)?).await?;
        Ok(
            serde_json::from_slice(&answer.body).map_err(|_| ApiError::Unreadable {
                status: answer.status,
            })?,
        )
    }
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    /// An empty list of metadata is told as `null`.
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Seen,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_nothing_is_read() {
        for items in ["", r#","items":null"#, r#","items":[]"#] {
            let answer = format!(r#"{{"metadata":{{"resourceVersion":"7"}}{items}}}"#);
            let list: List = serde_json::from_str(&answer).unwrap();
            assert_eq!(list.items.into_iter().flatten().count(), 0);
        }
    }
}
