//! The published versions of k3s and of k3d's helpers: where their lists are, and which of a list are wanted.

use std::cmp::Ordering;

use regex_automata::meta::Regex;
use serde::Deserialize;

use crate::domain::{Problem, log::sanitize};

/// Something whose versions are published as tags of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The image without a tag.
    pub image: String,
    /// Where the registry lists the tags.
    pub tags: String,
    /// Where the registry gives a pass to read that list.
    pub pass: String,
}

/// What versions are published of, by k3d's words for them.
#[must_use]
pub fn published(component: &str) -> Option<Published> {
    let (host, name) = match component {
        "k3s" => ("docker.io", "rancher/k3s"),
        "k3d" => ("docker.io", "rancher/k3d"),
        "k3d-proxy" => ("ghcr.io", "k3d-io/k3d-proxy"),
        "k3d-tools" => ("ghcr.io", "k3d-io/k3d-tools"),
        _ => return None,
    };
    let (registry, service, realm) = match host {
        "docker.io" => (
            "registry-1.docker.io",
            "registry.docker.io",
            "auth.docker.io",
        ),
        host => (host, host, host),
    };
    Some(Published {
        image: format!("{host}/{name}"),
        tags: format!("https://{registry}/v2/{name}/tags/list"),
        pass: format!("https://{realm}/token?service={service}&scope=repository:{name}:pull"),
    })
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest first.
    #[default]
    Descending,
    /// The oldest first.
    Ascending,
    /// As the registry has them.
    Given,
}

/// Which tags are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Only those in which this regular expression is found.
    pub include: &'a str,
    /// None of those in which this one is found.
    pub exclude: &'a str,
    /// In which order.
    pub order: Order,
    /// So many at most; `0` is all.
    pub limit: usize,
}

/// A page of a registry's list.
///
/// # Errors
/// When it is none.
pub fn page(answer: &[u8]) -> Result<Vec<String>, Problem> {
    #[derive(Deserialize)]
    struct Answer {
        tags: Option<Vec<String>>,
    }
    let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
        let why = format!("the registry answered something else: {error}");
        Problem::failed("the versions were not listed", why)
    })?;
    let tags = answer.tags.unwrap_or_default().into_iter();
    Ok(tags.map(|tag| sanitize(tag.as_bytes())).collect())
}

/// The wanted ones of all tags, in order.
///
/// # Errors
/// When a regular expression is none.
pub fn choose(mut tags: Vec<String>, wanted: &Wanted<'_>) -> Result<Vec<String>, Problem> {
    let compile = |text: &str| {
        Regex::new(text).map_err(|error| {
            Problem::usage(
                format!("{text:?} is no regular expression"),
                error.to_string(),
            )
        })
    };
    let include = compile(wanted.include)?;
    let exclude = compile(wanted.exclude)?;
    let fits = |tag: &String| {
        include.is_match(tag) && (wanted.exclude.is_empty() || !exclude.is_match(tag))
    };
    tags.retain(fits);
    match wanted.order {
        Order::Descending => tags.sort_by(|a, b| by_version(b, a)),
        Order::Ascending => tags.sort_by(|a, b| by_version(a, b)),
        Order::Given => {}
    }
    if wanted.limit > 0 {
        tags.truncate(wanted.limit);
    }
    Ok(tags)
}

/// Numbers are compared as numbers, everything between them as text: `v1.9.0-k3s1` is before `v1.10.0-k3s1`. What is no
/// version comes before all versions.
fn by_version(a: &str, b: &str) -> Ordering {
    let version = |tag: &str| {
        tag.trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit())
    };
    version(a)
        .cmp(&version(b))
        .then_with(|| parts(a).cmp(&parts(b)))
}

/// The texts and the numbers behind them.
fn parts(tag: &str) -> Vec<(&str, u64)> {
    let mut rest = tag.trim_start_matches('v');
    let mut all = Vec::new();
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (number, tail) = tail.split_at(end);
        all.push((text, number.parse().unwrap_or(0)));
        rest = tail;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: &[&str] = &[
        "latest",
        "v1.9.1-k3s1",
        "v1.9.0-k3s1",
        "v1.34.2-k3s1",
        "v1.34.2-k3s2",
        "v1.34.2-rc1-k3s1",
        "v1.10.0-k3s1",
        "v1.34.10-k3s1-arm64",
    ];

    fn chosen(include: &str, exclude: &str, order: Order, limit: usize) -> Vec<String> {
        let tags = TAGS.iter().map(|tag| (*tag).to_owned()).collect();
        let wanted = Wanted {
            include,
            exclude,
            order,
            limit,
        };
        choose(tags, &wanted).unwrap()
    }

    #[test]
    fn versions_are_chosen_and_ordered_by_their_numbers() {
        assert_eq!(
            chosen(".*", ".+(rc|arm64).*", Order::Descending, 0),
            [
                "v1.34.2-k3s2",
                "v1.34.2-k3s1",
                "v1.10.0-k3s1",
                "v1.9.1-k3s1",
                "v1.9.0-k3s1",
                "latest"
            ]
        );
        assert_eq!(
            chosen("^v1\\.34", "", Order::Ascending, 1),
            ["v1.34.2-k3s1"]
        );
        assert_eq!(chosen("", "", Order::Given, 2), ["latest", "v1.9.1-k3s1"]);
        let wrong = Wanted {
            include: "(",
            exclude: "",
            order: Order::Given,
            limit: 0,
        };
        assert_eq!(choose(Vec::new(), &wrong).unwrap_err().kind.exit_code(), 2);
    }

    #[test]
    fn a_page_is_read_and_anything_else_is_a_problem() {
        assert_eq!(page(br#"{"name":"a","tags":["x"]}"#).unwrap(), ["x"]);
        assert_eq!(page(br#"{"tags":null}"#).unwrap(), [""; 0]);
        assert!(page(b"<html>").is_err());
        assert!(
            published("k3s")
                .unwrap()
                .tags
                .ends_with("/v2/rancher/k3s/tags/list")
        );
        assert_eq!(published("kind"), None);
    }
}
