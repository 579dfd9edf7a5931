//! What a person mounts into node containers, in k3d's words: `[SOURCE:]TARGET[:OPTIONS]`.

use std::fmt;

use super::{labels, names};
use crate::domain::{ClusterName, ClusterSpec, ImageVolume, Problem, Role, container::VolumeSpec};

/// Where k3s looks for manifests that it keeps deployed.
pub const MANIFESTS: &str = "/var/lib/rancher/k3s/server/manifests";

/// Words that stand for paths of k3s.
const SHORTCUTS: &[(&str, &str)] = &[
    ("k3s-storage", "/var/lib/rancher/k3s/storage"),
    (
        "k3s-manifests-custom",
        "/var/lib/rancher/k3s/server/manifests/custom",
    ),
    ("k3s-manifests", MANIFESTS),
    (
        "k3s-containerd-tmpl",
        "/var/lib/rancher/k3s/agent/etc/containerd/config.toml.tmpl",
    ),
    (
        "k3s-containerd",
        "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
    ),
    ("k3s-registry-config", "/etc/rancher/k3s/registries.yaml"),
];

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// A path of the host, or the name of a volume; `None` is a volume that goes with the container.
    pub source: Option<String>,
    /// Where it is in the container: an absolute path.
    pub target: String,
    /// Docker's words for how, such as `ro`.
    pub options: Option<String>,
}

impl Mount {
    /// Parses one; a shortcut as its target becomes the path it stands for.
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage(format!("{text:?} is not a volume to mount"), why)
                .with_hint("write [SOURCE:]TARGET[:OPTIONS], such as /srv/data:/data:ro")
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts.as_slice() {
            [target] => (None, *target, None),
            [source, target] => (Some(*source), *target, None),
            [source, target, options] => (Some(*source), *target, Some(*options)),
            _ => return Err(refuse("it has more than two colons".to_owned())),
        };
        if source == Some("") || options == Some("") {
            return Err(refuse(
                "there is nothing before or after a colon".to_owned(),
            ));
        }
        let target = path(target);
        if !target.starts_with('/') || target == "/" {
            return Err(refuse(format!(
                "{target:?} is no absolute path inside the container"
            )));
        }
        Ok(Self {
            source: source.map(str::to_owned),
            target,
            options: options.map(str::to_owned),
        })
    }

    /// The name of the volume that it mounts.
    #[must_use]
    pub fn volume(&self) -> Option<&str> {
        self.source
            .as_deref()
            .filter(|source| !source.starts_with('/'))
    }

    /// The path of the host that it mounts.
    #[must_use]
    pub fn host_path(&self) -> Option<&str> {
        self.source
            .as_deref()
            .filter(|source| source.starts_with('/'))
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}:")?;
        }
        f.write_str(&self.target)?;
        match &self.options {
            Some(options) => write!(f, ":{options}"),
            None => Ok(()),
        }
    }
}

/// A path in a node container, in which the first part may be a shortcut.
#[must_use]
pub fn path(text: &str) -> String {
    let (first, rest) = text
        .split_once('/')
        .map_or((text, None), |(first, rest)| (first, Some(rest)));
    let found = SHORTCUTS.iter().find(|(word, _)| *word == first);
    match (found, rest) {
        (Some((_, path)), Some(rest)) => format!("{path}/{rest}"),
        (Some((_, path)), None) => (*path).to_owned(),
        (None, _) => text.to_owned(),
    }
}

/// The volume for images that the containers mount, where there is one.
#[must_use]
pub fn images(spec: &ClusterSpec) -> Option<String> {
    match &spec.image_volume {
        ImageVolume::Own => Some(names::image_volume(&spec.name)),
        ImageVolume::None => None,
        ImageVolume::External(name) => Some(name.clone()),
    }
}

/// The mounts of a container.
pub(super) fn binds(spec: &ClusterSpec, role: Role, number: u16) -> Vec<String> {
    let images = images(spec).map(|volume| format!("{volume}:/k3d/images"));
    let own = spec
        .volumes
        .iter()
        .filter(|item| item.is_for(role, number.into()))
        // What cannot be read is refused before.
        .filter_map(|item| Mount::parse(&item.value).ok())
        .map(|mount| mount.to_string());
    images.into_iter().chain(own).collect()
}

/// The volumes that are made with a cluster and go with it: the one for images, and as with k3d those whose names begin
/// with `k3d-`.
#[must_use]
pub fn managed(spec: &ClusterSpec) -> Vec<VolumeSpec> {
    let mounts = spec
        .volumes
        .iter()
        .filter_map(|item| Mount::parse(&item.value).ok());
    let named = mounts.filter_map(|mount| mount.volume().map(str::to_owned));
    let images = (spec.image_volume == ImageVolume::Own).then(|| names::image_volume(&spec.name));
    let mut all: Vec<String> = named.filter(|name| name.starts_with("k3d-")).collect();
    all.sort();
    all.dedup();
    all.retain(|name| Some(name) != images.as_ref());
    images
        .into_iter()
        .chain(all)
        .map(|name| volume(&spec.name, name))
        .collect()
}

fn volume(cluster: &ClusterName, name: String) -> VolumeSpec {
    VolumeSpec {
        name,
        labels: labels::volume(cluster),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{distro::k3s::fixtures::spec, domain::ForNodes};

    #[test]
    fn mounts_are_read_as_docker_and_k3d_read_them() {
        for (text, want) in [
            ("/data", "/data"),
            ("/a:/b", "/a:/b"),
            ("/a:/b:ro", "/a:/b:ro"),
            ("vol:/b:ro,z", "vol:/b:ro,z"),
            ("/a:k3s-storage", "/a:/var/lib/rancher/k3s/storage"),
            (
                "/a:k3s-manifests/x.yaml",
                "/a:/var/lib/rancher/k3s/server/manifests/x.yaml",
            ),
            (
                "/a:k3s-manifests-custom",
                "/a:/var/lib/rancher/k3s/server/manifests/custom",
            ),
            (
                "/a:k3s-registry-config",
                "/a:/etc/rancher/k3s/registries.yaml",
            ),
        ] {
            assert_eq!(Mount::parse(text).unwrap().to_string(), want, "{text}");
        }
        for text in [
            "",
            ":",
            "/a:",
            ":/b",
            "/a:b",
            "/a:/",
            "/a:/b:",
            "/a:/b:ro:x",
            "k3s",
        ] {
            assert!(Mount::parse(text).is_err(), "{text:?}");
        }
        let mount = |text| Mount::parse(text).unwrap();
        assert_eq!(mount("vol:/b").volume(), Some("vol"));
        assert_eq!(
            (mount("/a:/b").volume(), mount("/a:/b").host_path()),
            (None, Some("/a"))
        );
    }

    #[test]
    fn volumes_of_k3d_s_names_go_with_the_cluster_and_others_stay() {
        let mut wanted = spec("demo", 1, 0);
        wanted.volumes = [
            "k3d-data:/data",
            "mine:/mine",
            "k3d-data:/again",
            "/host:/x",
        ]
        .map(|text| ForNodes::every(text.to_owned()))
        .to_vec();
        let made = |spec: &ClusterSpec| {
            let all = managed(spec).into_iter();
            all.map(|volume| volume.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(made(&wanted), "k3d-demo-images k3d-data");
        wanted.image_volume = ImageVolume::External("k3d-shared".to_owned());
        assert_eq!(made(&wanted), "k3d-data");
        assert_eq!(binds(&wanted, Role::Server, 0)[0], "k3d-shared:/k3d/images");
        wanted.image_volume = ImageVolume::None;
        assert_eq!(binds(&wanted, Role::Server, 0)[0], "k3d-data:/data");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_reads_back(text in "[a-z0-9:/.-]{0,24}") {
            if let Ok(mount) = Mount::parse(&text) {
                prop_assert_eq!(Mount::parse(&mount.to_string()), Ok(mount));
            }
        }
    }
}
