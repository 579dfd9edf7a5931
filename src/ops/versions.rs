//! The versions that are published of k3s and of k3d's helpers, as their registries list them.

use serde_json::Value;

use crate::{
    backend::{Error, kubernetes},
    distro::k3s::releases::{self, Published, Wanted},
    domain::{Problem, Secret},
};

/// How many tags a registry is asked for at a time.
const PAGE: usize = 1_000;
/// No list is longer; a registry that never ends is given up.
const PAGES: usize = 100;

/// The wanted versions.
///
/// # Errors
/// When the registry is not reached, refuses, or answers something else.
pub async fn versions(of: &Published, wanted: &Wanted<'_>) -> Result<Vec<String>, Problem> {
    let problem = |error: Error| {
        Problem::unreachable(
            format!("the versions of {} were not listed", of.image),
            error.to_string(),
        )
    };
    let pass = kubernetes::get(&of.pass, None).await.map_err(problem)?;
    let pass: Value = serde_json::from_slice(&pass).unwrap_or_default();
    let token = pass["token"].as_str().map(Secret::new);
    let mut tags: Vec<String> = Vec::new();
    for _ in 0..PAGES {
        let after = tags.last().map(|last| format!("&last={last}"));
        let url = format!("{}?n={PAGE}{}", of.tags, after.unwrap_or_default());
        let answer = kubernetes::get(&url, token.as_ref())
            .await
            .map_err(problem)?;
        let page = releases::page(&answer)?;
        // Some registries take no notice of the question and answer with all they have.
        let over = page.len() != PAGE || page.last() == tags.last();
        tags.extend(page);
        if over {
            break;
        }
    }
    releases::choose(tags, wanted)
}
