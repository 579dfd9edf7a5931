//! The mark of an operation that goes on: an empty volume whose labels say what was begun, by whom, for which cluster.
//!
//! It is made first and removed last, so after a program was killed the mark is what tells a half-made cluster from a
//! wanted one. It carries the labels of volumes that die with the cluster, so that k3d's delete takes it along.

use jiff::Timestamp;

pub use super::record::{from_json, to_json};
use super::{labels, names};
use crate::domain::{
    ClusterName, ClusterSpec, Problem, cluster::Unfinished, container::VolumeSpec,
};

/// What was begun.
pub const VERB: &str = "coracle.verb";
/// Which process is at it, `host/boot/namespace:pid:start time`.
pub const OWNER: &str = "coracle.owner";
/// When it began.
pub const BEGUN: &str = "coracle.begun";
/// What was wanted, as JSON without the token.
pub const SPEC: &str = "coracle.spec";

/// The labels by which marks, and other volumes of clusters, are listed.
pub const LIST: &[&str] = &["app=k3d"];

/// The mark of a create.
///
/// # Errors
/// When the specification cannot be written as JSON, which no value of its type causes.
pub fn of_create(spec: &ClusterSpec, owner: &str, begun: Timestamp) -> Result<VolumeSpec, Problem> {
    let mut all = labels::volume(&spec.name);
    all.extend(labels::labels([
        (VERB, "create".to_owned()),
        (OWNER, owner.to_owned()),
        (BEGUN, begun.to_string()),
        (SPEC, to_json(spec)?),
    ]));
    Ok(VolumeSpec {
        name: names::mark_volume(&spec.name),
        labels: all,
    })
}

/// Reads a volume as a mark: whose it is, when it began, and what was going on. `None` for any other volume.
#[must_use]
pub fn read(volume: &VolumeSpec) -> Option<(ClusterName, Timestamp, Unfinished)> {
    let text = |key: &str| {
        let value = crate::domain::log::sanitize(volume.labels.get(key)?.as_bytes());
        (!value.is_empty()).then_some(value)
    };
    let unfinished = Unfinished {
        verb: text(VERB)?,
        volume: crate::domain::log::sanitize(volume.name.as_bytes()),
        owner: text(OWNER).unwrap_or_default(),
        spec: text(SPEC).unwrap_or_default(),
        // Processes are not looked at here.
        at_work: None,
    };
    let begun = text(BEGUN)
        .and_then(|time| time.parse().ok())
        .unwrap_or_default();
    Some((
        ClusterName::existing(text(labels::CLUSTER)?),
        begun,
        unfinished,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distro::k3s::fixtures::spec;

    #[test]
    fn a_mark_says_what_was_begun_and_other_volumes_are_none() {
        let mark = of_create(&spec("demo", 1, 0), "host:7:99", Timestamp::UNIX_EPOCH).unwrap();
        let (cluster, _, unfinished) = read(&mark).unwrap();
        assert_eq!(cluster.as_str(), "demo");
        assert_eq!(unfinished.verb, "create");
        assert_eq!(unfinished.owner, "host:7:99");
        let images = VolumeSpec {
            name: names::image_volume(&cluster),
            labels: labels::volume(&cluster),
        };
        assert_eq!(read(&images), None);
    }
}
