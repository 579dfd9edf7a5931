//! Images, as an engine and as the containerd of a node name them, and which of them are the same.
//!
//! An image has several digests: that of its configuration (the ID of engines that keep images in a graph driver, and of
//! the CRI), that of its manifest, and that of the index over the manifests of all platforms (the ID of engines that keep
//! them in a containerd). Two images are the same where they share one.

use std::collections::{BTreeMap, BTreeSet};

/// The command by which a node takes an archive from its standard input. Without `--all-platforms`: of an image for several
/// of them only this machine's has to be complete. With `--local`, where its ctr knows that, because the newer way through
/// containerd's transfer service takes half as long again.
pub const IMPORT: [&str; 3] = [
    "sh",
    "-c",
    "local=; ctr images import --help 2>&1 | grep -q -e --local && local=--local; \
     exec ctr -n k8s.io images import $local -",
];

/// The command by which a node calls an image by another name, and no more by the one that it had: first the one that it
/// had, then the other one.
pub const RENAME: [&str; 4] = [
    "sh",
    "-c",
    "ctr -n k8s.io images tag --force \"$1\" \"$2\" && ctr -n k8s.io images rm \"$1\"",
    "sh",
];

/// An image at the engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineImage {
    /// Its ID, `sha256:` and 64 digits.
    pub id: String,
    /// Its names, as the engine writes them: `busybox:latest`. Empty for one that lost its tag to a newer one.
    pub names: Vec<String>,
    /// Every digest by which a node may know it.
    pub digests: BTreeSet<String>,
    /// Its size in bytes.
    pub size: u64,
}

/// An image that nodes are to have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedImage {
    /// Its names, in full; none where an archive has none.
    pub names: Vec<String>,
    /// Every digest by which a node may know it.
    pub digests: BTreeSet<String>,
    /// Its size in bytes, about; 0 is unknown.
    pub size: u64,
}

/// An image on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeImage {
    /// Its names, in full.
    pub names: Vec<String>,
    /// The digest of its manifest or index.
    pub digest: String,
    /// The digest of its configuration, which the CRI calls its ID; known some moments after the image came.
    pub id: Option<String>,
    /// What its compressed layers take, in bytes; 0 is unknown.
    pub size: u64,
}

/// A name in full, as containerd has it: registry, repository and tag. `busybox` is `docker.io/library/busybox:latest`.
#[must_use]
pub fn full_name(name: &str) -> String {
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("docker.io", name),
    };
    let registry = if registry == "index.docker.io" {
        "docker.io"
    } else {
        registry
    };
    let library = if registry == "docker.io" && !path.contains('/') {
        "library/"
    } else {
        ""
    };
    let tag = if path.contains([':', '@']) {
        ""
    } else {
        ":latest"
    };
    format!("{registry}/{library}{path}{tag}")
}

/// A name without what goes without saying, for people: `busybox:latest`.
#[must_use]
pub fn short_name(name: &str) -> &str {
    let rest = name.strip_prefix("docker.io/").unwrap_or(name);
    rest.strip_prefix("library/").unwrap_or(rest)
}

/// The images of a node, from what `ctr images ls` printed there. Lines that are none are passed over.
#[must_use]
pub fn of_node(printed: &str) -> Vec<NodeImage> {
    let mut images: BTreeMap<&str, NodeImage> = BTreeMap::new();
    for line in printed.lines() {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(_type), Some(digest)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if !digest.starts_with("sha256:") {
            continue;
        }
        let image = images.entry(digest).or_insert_with(|| NodeImage {
            digest: digest.to_owned(),
            ..NodeImage::default()
        });
        image.size = size(fields.next(), fields.next()).max(image.size);
        if name.starts_with("sha256:") {
            image.id = Some(name.to_owned());
        } else if !name.contains('@') {
            image.names.push(name.to_owned());
        }
    }
    images.into_values().collect()
}

/// `2.9 MiB` in bytes.
fn size(number: Option<&str>, unit: Option<&str>) -> u64 {
    let exponent = match unit {
        Some("B") => 0,
        Some("KiB") => 1,
        Some("MiB") => 2,
        Some("GiB") => 3,
        _ => return 0,
    };
    let number: f64 = number.and_then(|n| n.parse().ok()).unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size that was printed with one decimal; a cast saturates"
    )]
    let bytes = (number * 1024_f64.powi(exponent)) as u64;
    bytes
}

impl WantedImage {
    /// Whether a node with these images has it, under each of its names. `None` is as far as can be known: a name is
    /// there, but not yet which image it means.
    #[must_use]
    pub fn is_on(&self, images: &[NodeImage]) -> Option<bool> {
        let same = |image: &NodeImage| {
            let known = self.digests.contains(&image.digest)
                || image
                    .id
                    .as_ref()
                    .is_some_and(|id| self.digests.contains(id));
            match (known, &image.id) {
                (true, _) => Some(true),
                (false, Some(_)) => Some(false),
                (false, None) => None,
            }
        };
        if self.names.is_empty() {
            return Some(images.iter().any(|image| same(image) == Some(true)));
        }
        let mut sure = true;
        for name in &self.names {
            match images
                .iter()
                .find(|image| image.names.contains(name))
                .map(same)
            {
                Some(Some(true)) => {}
                Some(None) => sure = false,
                None | Some(Some(false)) => return Some(false),
            }
        }
        sure.then_some(true)
    }

    /// The names that a node has it by which are not in full, each with the one in full. An archive can have such names,
    /// containerd takes them as they are, and the CRI, which knows only names in full, never finds them.
    #[must_use]
    pub fn misnamed(&self, images: &[NodeImage]) -> Vec<(String, String)> {
        let ours = images
            .iter()
            .filter(|image| self.digests.contains(&image.digest));
        ours.flat_map(|image| &image.names)
            .map(|name| (name.clone(), full_name(name)))
            .filter(|(name, full)| name != full && self.names.contains(full))
            .collect()
    }

    /// What a person calls it.
    #[must_use]
    pub fn title(&self) -> &str {
        match (self.names.first(), self.digests.first()) {
            (Some(name), _) => short_name(name),
            (None, Some(digest)) => digest,
            (None, None) => "an image without a name",
        }
    }
}

impl EngineImage {
    /// Whether a person means this one by `wanted`: a name, however short, or the beginning of its ID.
    #[must_use]
    pub fn is_called(&self, wanted: &str) -> bool {
        let full = full_name(wanted);
        let id = self.id.trim_start_matches("sha256:");
        let digits = wanted.trim_start_matches("sha256:");
        self.names.iter().any(|name| full_name(name) == full)
            || (digits.len() >= 12 && id.starts_with(digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_up_as_containerd_does_it() {
        for (name, full, short) in [
            (
                "busybox",
                "docker.io/library/busybox:latest",
                "busybox:latest",
            ),
            (
                "rancher/k3s:v1",
                "docker.io/rancher/k3s:v1",
                "rancher/k3s:v1",
            ),
            (
                "docker.io/busybox:1",
                "docker.io/library/busybox:1",
                "busybox:1",
            ),
            (
                "index.docker.io/library/a",
                "docker.io/library/a:latest",
                "a:latest",
            ),
            (
                "localhost:5000/a",
                "localhost:5000/a:latest",
                "localhost:5000/a:latest",
            ),
            ("localhost/a:b", "localhost/a:b", "localhost/a:b"),
            (
                "ghcr.io/x/y@sha256:00",
                "ghcr.io/x/y@sha256:00",
                "ghcr.io/x/y@sha256:00",
            ),
        ] {
            assert_eq!(
                (full_name(name).as_str(), short_name(&full_name(name))),
                (full, short)
            );
        }
    }

    const PRINTED: &str = "\
REF                                TYPE                                                 DIGEST                                                                  SIZE      PLATFORMS   LABELS
docker.io/library/busybox:1        application/vnd.docker.distribution.manifest.v2+json sha256:aaaa                                                             2.9 MiB   linux/amd64 io.cri-containerd.image=managed
docker.io/library/busybox:2        application/vnd.docker.distribution.manifest.v2+json sha256:aaaa                                                             2.9 MiB   linux/amd64 io.cri-containerd.image=managed
docker.io/library/busybox@sha256:aaaa application/x                                     sha256:aaaa                                                             2.9 MiB   linux/amd64 -
sha256:cccc                        application/vnd.docker.distribution.manifest.v2+json sha256:aaaa                                                             2.9 MiB   linux/amd64 io.cri-containerd.image=managed
ghcr.io/a/b:c                      application/vnd.oci.image.index.v1+json              sha256:bbbb                                                             -         -           -
time=\"2026\" level=error msg=\"failed calculating size\"
";

    #[test]
    fn what_ctr_prints_is_one_image_a_digest() {
        let images = of_node(PRINTED);
        assert_eq!(
            images,
            [
                NodeImage {
                    names: vec![
                        "docker.io/library/busybox:1".to_owned(),
                        "docker.io/library/busybox:2".to_owned()
                    ],
                    digest: "sha256:aaaa".to_owned(),
                    id: Some("sha256:cccc".to_owned()),
                    size: 3_040_870,
                },
                NodeImage {
                    names: vec!["ghcr.io/a/b:c".to_owned()],
                    digest: "sha256:bbbb".to_owned(),
                    id: None,
                    size: 0,
                },
            ]
        );
    }

    #[test]
    fn an_image_is_there_by_each_of_its_names_and_any_of_its_digests() {
        let images = of_node(PRINTED);
        let wanted = |names: &[&str], digests: &[&str]| WantedImage {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            digests: digests.iter().map(|digest| (*digest).to_owned()).collect(),
            size: 0,
        };
        let one = "docker.io/library/busybox:1";
        let cases = [
            // By the ID of a graph driver and by the digest of a containerd.
            (wanted(&[one], &["sha256:cccc"]), Some(true)),
            (wanted(&[one], &["sha256:aaaa", "sha256:ffff"]), Some(true)),
            // The name means another image there.
            (wanted(&[one], &["sha256:ffff"]), Some(false)),
            (
                wanted(&[one, "docker.io/library/busybox:3"], &["sha256:cccc"]),
                Some(false),
            ),
            (wanted(&["ghcr.io/a/b:c"], &["sha256:ffff"]), None),
            (wanted(&[], &["sha256:bbbb"]), Some(true)),
            (wanted(&[], &["sha256:ffff"]), Some(false)),
        ];
        for (image, there) in cases {
            assert_eq!(image.is_on(&images), there, "{image:?}");
        }
    }

    #[test]
    fn a_name_that_is_not_in_full_is_found_where_it_is_the_same_image() {
        let wanted = WantedImage {
            names: vec!["docker.io/me/app:1".to_owned()],
            digests: BTreeSet::from(["sha256:aaaa".to_owned()]),
            size: 0,
        };
        let on = |names: &[&str], digest: &str| NodeImage {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            digest: digest.to_owned(),
            ..NodeImage::default()
        };
        let short = ("me/app:1".to_owned(), "docker.io/me/app:1".to_owned());
        let node = [on(&["me/app:1", "me/other:1"], "sha256:aaaa")];
        assert_eq!(wanted.misnamed(&node), [short]);
        for node in [
            on(&["docker.io/me/app:1"], "sha256:aaaa"),
            on(&["me/app:1"], "sha256:bbbb"),
        ] {
            assert_eq!(wanted.misnamed(&[node]), []);
        }
    }

    #[test]
    fn a_person_names_an_image_in_any_way() {
        let image = EngineImage {
            id: "sha256:0123456789abcdef".to_owned(),
            names: vec!["busybox:latest".to_owned()],
            ..EngineImage::default()
        };
        for wanted in [
            "busybox",
            "docker.io/busybox",
            "library/busybox:latest",
            "0123456789ab",
        ] {
            assert!(image.is_called(wanted), "{wanted}");
        }
        for wanted in ["busybox:1", "0123", "me/busybox"] {
            assert!(!image.is_called(wanted), "{wanted}");
        }
    }
}
