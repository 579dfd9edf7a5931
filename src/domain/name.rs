//! The name of a cluster, checked once so that every container name made from it is valid.
//!
//! k3d accepts upper case letters and dots as well. They are refused for new clusters: the kubelet lower-cases
//! node names, so such a node never matches its container, and dots act as wildcards in Docker's name filter.
//! Clusters of other tools that carry such names are still read ([`ClusterName::existing`]).

use std::fmt;

use super::Problem;

/// The longest name that leaves room for prefix, role and number within the 63 characters of a host name.
pub const MAX_LEN: usize = 32;

/// A cluster's name: lower case letters, digits and hyphens, at most [`MAX_LEN`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterName(String);

impl ClusterName {
    /// A name for a new cluster.
    ///
    /// # Errors
    /// Says which rule the name breaks and offers one that keeps it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |why: &str| {
            let mut problem =
                Problem::usage(format!("{text:?} cannot be the name of a cluster"), why);
            let offer = suggestion(text);
            if !offer.is_empty() && offer != text {
                problem = problem.with_hint(format!("{offer:?} would do"));
            }
            Err(problem)
        };
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.len() > MAX_LEN {
            return refuse(&format!(
                "it has {} characters, at most {MAX_LEN} fit into a node's host name",
                text.chars().count()
            ));
        }
        if let Some(odd) = text
            .chars()
            .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'))
        {
            return refuse(&format!(
                "{odd:?} is not a lower case letter, a digit or a hyphen"
            ));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return refuse("it starts or ends with a hyphen");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name of a cluster that some tool made already, taken as it is.
    pub fn existing(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name, where it may become part of a file's: any text can stand in a container's label, and one with a
    /// separator would lead to another directory. Letters, digits, `-`, `_` and `.` are what k3d's clusters are named with.
    #[must_use]
    pub fn in_file_name(&self) -> Option<&str> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = !self.0.is_empty() && self.0.len() <= 128 && self.0.chars().all(plain);
        fits.then_some(&self.0)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The nearest valid name, or an empty text.
fn suggestion(text: &str) -> String {
    let mapped: String = text
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if matches!(c, 'a'..='z' | '0'..='9') {
                c
            } else {
                '-'
            }
        })
        .take(MAX_LEN)
        .collect();
    mapped.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_taken() {
        for name in ["demo", "a", "k3s-default", "team-7"] {
            assert_eq!(
                ClusterName::parse(name).map(|n| n.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn no_label_leads_to_another_directory() {
        for name in ["demo", "My.Cluster", "a_b"] {
            assert_eq!(ClusterName::existing(name).in_file_name(), Some(name));
        }
        for name in [
            "",
            "x/../../../evil",
            "..\\evil",
            "a b",
            "a\0",
            "ä",
            "C:x",
            &"x".repeat(200),
        ] {
            assert_eq!(ClusterName::existing(name).in_file_name(), None, "{name:?}");
        }
    }

    #[test]
    fn broken_names_are_refused_with_an_offer() {
        let problem = ClusterName::parse("My.Cluster").unwrap_err();
        assert_eq!(problem.hint, "\"my-cluster\" would do");
        for name in ["", "-a", "a-", "ä", "a b", &"x".repeat(33)] {
            assert!(ClusterName::parse(name).is_err(), "{name:?}");
        }
    }
}
