//! Which images an archive holds: what `docker save`, `podman save`, `skopeo` and `nerdctl save` write.
//!
//! It is read as containerd reads it, because that is who takes it: an OCI layout where it says that it is one, and
//! Docker's own form otherwise. What an image is made of is not looked at: of one for several platforms an archive mostly
//! has only one, and only the node knows whether that is its own.

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
};

use serde::Deserialize;

use super::image::{WantedImage, full_name};

/// Manifests have kilobytes; what is larger is none.
const LARGEST_MANIFEST: u64 = 4 << 20;

/// The annotation with a name in full, which containerd and newer Dockers write.
const FULL_NAME: &str = "io.containerd.image.name";
/// The annotation with a name or, more often, a tag alone.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation of what a builder says about an image that is listed beside it.
const ABOUT_ANOTHER: &str = "vnd.docker.reference.type";

/// `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

/// `index.json` of an OCI layout.
#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
}

impl Entry {
    /// Whether it tells where an image comes from, and is none itself.
    fn is_attestation(&self) -> bool {
        self.annotations.contains_key(ABOUT_ANOTHER)
            || self
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "unknown")
    }
}

/// The images in a tar archive that is not compressed. Contents are skipped, not read, so that gigabytes take
/// milliseconds.
///
/// # Errors
/// Why it is no archive of images.
pub fn images(archive: impl Read + Seek) -> Result<Vec<WantedImage>, String> {
    let mut archive = tar::Archive::new(archive);
    let (mut saved, mut index, mut is_layout, mut bytes) = (None, None, false, 0);
    let entries = archive
        .entries_with_seek()
        .map_err(|error| error.to_string())?;
    for entry in entries {
        let mut entry = entry.map_err(|error| format!("it is no tar archive: {error}"))?;
        bytes += entry.size();
        let path = entry.path_bytes().into_owned();
        let name = path.strip_prefix(b"./").unwrap_or(&path);
        is_layout |= name == b"oci-layout";
        if !matches!(name, b"manifest.json" | b"index.json") || entry.size() > LARGEST_MANIFEST {
            continue;
        }
        let mut text = Vec::new();
        entry
            .read_to_end(&mut text)
            .map_err(|error| error.to_string())?;
        let wrong = |error: serde_json::Error| {
            format!("its {} is wrong: {error}", String::from_utf8_lossy(name))
        };
        if name == b"manifest.json" {
            saved = Some(serde_json::from_slice::<Vec<Saved>>(&text).map_err(wrong)?);
        } else {
            index = Some(serde_json::from_slice::<Index>(&text).map_err(wrong)?);
        }
    }
    let mut images = match (&saved, &index) {
        // Where both are there containerd reads the index.
        (_, Some(index)) if is_layout => of_index(index),
        (Some(saved), _) => of_saved(saved),
        (None, _) => {
            return Err(
                "it has neither a manifest.json nor an oci-layout with an index.json, so no images"
                    .to_owned(),
            );
        }
    };
    // The ID that a node's CRI tells is that of the configuration, which the index does not say.
    for image in &mut images {
        let of_same_name = saved
            .iter()
            .flatten()
            .filter(|saved| names(saved).iter().any(|name| image.names.contains(name)));
        image.digests.extend(of_same_name.filter_map(config));
    }
    let count = u64::try_from(images.len()).unwrap_or(u64::MAX).max(1);
    for image in &mut images {
        image.size = bytes / count;
    }
    Ok(images)
}

/// One image a digest, with all names that it has. What several entries have the same name for, as one for each platform,
/// is one image as well: a node has one of a name.
fn of_index(index: &Index) -> Vec<WantedImage> {
    let mut images: Vec<WantedImage> = Vec::new();
    for entry in index.manifests.iter().filter(|one| !one.is_attestation()) {
        let annotation = |key: &str| entry.annotations.get(key).map(String::as_str);
        let name = annotation(FULL_NAME)
            // A tag alone is no name.
            .or_else(|| annotation(REF_NAME).filter(|name| name.contains([':', '/'])))
            .map(full_name);
        let same = |image: &WantedImage| {
            image.digests.contains(&entry.digest)
                || name.as_ref().is_some_and(|name| image.names.contains(name))
        };
        let place = images.iter().position(same).unwrap_or_else(|| {
            images.push(WantedImage::default());
            images.len() - 1
        });
        let image = &mut images[place];
        image.digests.insert(entry.digest.clone());
        image
            .names
            .extend(name.filter(|name| !image.names.contains(name)));
    }
    images
}

fn of_saved(saved: &[Saved]) -> Vec<WantedImage> {
    saved
        .iter()
        .map(|saved| WantedImage {
            names: names(saved),
            digests: config(saved).into_iter().collect(),
            size: 0,
        })
        .collect()
}

fn names(saved: &Saved) -> Vec<String> {
    let tags = saved.repo_tags.iter().flatten();
    tags.map(|name| full_name(name)).collect()
}

/// The digest in the name of the configuration: `<digest>.json`, or `blobs/sha256/<digest>` from newer Dockers.
fn config(saved: &Saved) -> Option<String> {
    let name = saved.config.rsplit('/').next()?;
    let digits = name.trim_end_matches(".json");
    let is_digest = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_digest.then(|| format!("sha256:{digits}"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Cursor};

    use super::*;

    fn archive(files: &[(&str, &str)]) -> Cursor<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            archive
                .append_data(&mut header, path, text.as_bytes())
                .unwrap();
        }
        Cursor::new(archive.into_inner().unwrap())
    }

    const LAYOUT: (&str, &str) = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    #[test]
    fn an_archive_of_an_older_docker_has_a_manifest() {
        let config = "c".repeat(64);
        let manifest = format!(
            r#"[{{"Config":"{config}.json","RepoTags":["busybox:1","me/b:2"],"Layers":["x/layer.tar"]}},
                {{"Config":"{}.json","RepoTags":null}}]"#,
            "d".repeat(64)
        );
        let images = images(archive(&[
            ("x/layer.tar", "0123"),
            ("manifest.json", &manifest),
        ]))
        .unwrap();
        assert_eq!(
            images[0].names,
            ["docker.io/library/busybox:1", "docker.io/me/b:2"]
        );
        assert_eq!(images[0].digests, BTreeSet::from([digest('c')]));
        assert_eq!(images[1].names, Vec::<String>::new());
        assert_eq!(images[1].digests, BTreeSet::from([digest('d')]));
        assert!(images[0].size > 0);
    }

    #[test]
    fn the_index_of_a_newer_one_and_the_manifest_say_together_what_it_is() {
        let manifest = format!(
            r#"[{{"Config":"blobs/sha256/{}","RepoTags":["busybox:1"]}}]"#,
            "c".repeat(64)
        );
        let entry = |name: &str| {
            format!(
                r#"{{"digest":"{}","annotations":{{"{FULL_NAME}":"{name}","{REF_NAME}":"1"}}}}"#,
                digest('a')
            )
        };
        let index = format!(
            r#"{{"manifests":[{},{}]}}"#,
            entry("docker.io/library/busybox:1"),
            entry("docker.io/library/other:2")
        );
        let images = images(archive(&[
            ("oci-layout", "{}"),
            ("./index.json", &index),
            ("manifest.json", &manifest),
        ]))
        .unwrap();
        assert_eq!(images.len(), 1);
        assert_eq!(
            images[0].names,
            ["docker.io/library/busybox:1", "docker.io/library/other:2"]
        );
        assert_eq!(
            images[0].digests,
            BTreeSet::from([digest('a'), digest('c')])
        );
    }

    #[test]
    fn a_tag_alone_is_no_name() {
        let index = format!(
            r#"{{"manifests":[{{"digest":"{}","annotations":{{"{REF_NAME}":"latest"}}}}]}}"#,
            digest('a')
        );
        let images = images(archive(&[LAYOUT, ("index.json", &index)])).unwrap();
        assert_eq!(images[0].names, Vec::<String>::new());
        assert_eq!(images[0].title(), digest('a'));
    }

    /// The list of an image for two platforms of which one is there, with what the builder says about it, as Docker 28
    /// and 29 save it from a containerd; and its manifest, whose layer is compressed with zstd.
    const LIST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
        {"digest":"sha256:here","platform":{"os":"linux","architecture":"amd64"}},
        {"digest":"sha256:away","platform":{"os":"linux","architecture":"s390x"}},
        {"digest":"sha256:said","platform":{"os":"unknown","architecture":"unknown"},
         "annotations":{"vnd.docker.reference.type":"attestation-manifest"}}]}"#;
    const HERE: &str = r#"{"schemaVersion":2,"config":{"digest":"sha256:conf"},"layers":[
        {"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":"sha256:zstd"}]}"#;

    #[test]
    fn an_image_of_a_containerd_is_known_by_its_list_whatever_of_it_is_there() {
        let index = format!(
            r#"{{"manifests":[{{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{}",
                "annotations":{{"{FULL_NAME}":"docker.io/me/app:1","{REF_NAME}":"1"}}}}]}}"#,
            digest('a')
        );
        let blobs = [
            ("blobs/sha256/list", LIST),
            ("blobs/sha256/here", HERE),
            ("blobs/sha256/zstd", "\u{28}\u{b5}/"),
            LAYOUT,
            ("index.json", &index),
        ];
        let alone = images(archive(&blobs)).unwrap();
        assert_eq!(alone.len(), 1);
        assert_eq!(alone[0].names, ["docker.io/me/app:1"]);
        assert_eq!(alone[0].digests, BTreeSet::from([digest('a')]));

        // Beside it Docker writes its own form, for those who read only that.
        let manifest = format!(
            r#"[{{"Config":"blobs/sha256/{}","RepoTags":["me/app:1"],"Layers":["blobs/sha256/zstd"]}}]"#,
            "c".repeat(64)
        );
        let mut both = blobs.to_vec();
        both.push(("manifest.json", &manifest));
        let both = images(archive(&both)).unwrap();
        assert_eq!(both[0].names, alone[0].names);
        assert_eq!(both[0].digests, BTreeSet::from([digest('a'), digest('c')]));
        // Without a word that it is a layout, nobody reads it as one.
        let old = [("index.json", index.as_str()), ("manifest.json", &manifest)];
        let old = images(archive(&old)).unwrap();
        assert_eq!(old[0].digests, BTreeSet::from([digest('c')]));
        assert!(images(archive(&[("index.json", &index)])).is_err());
    }

    #[test]
    fn what_several_platforms_share_a_name_for_is_one_image_and_what_is_said_about_it_is_none() {
        let entry = |letter: char, os: &str, more: &str| {
            format!(
                r#"{{"digest":"{}","platform":{{"os":"{os}"}},"annotations":{{{more}}}}}"#,
                digest(letter)
            )
        };
        let name = format!(r#""{REF_NAME}":"me/app:1""#);
        let index = [
            entry('a', "linux", &name),
            entry('b', "linux", &name),
            entry('e', "unknown", ""),
            entry(
                'f',
                "linux",
                r#""vnd.docker.reference.type":"attestation-manifest""#,
            ),
        ];
        let index = format!(r#"{{"manifests":[{}]}}"#, index.join(","));
        let images = images(archive(&[LAYOUT, ("index.json", &index)])).unwrap();
        assert_eq!(images.len(), 1);
        assert_eq!(images[0].names, ["docker.io/me/app:1"]);
        assert_eq!(
            images[0].digests,
            BTreeSet::from([digest('a'), digest('b')])
        );
    }

    #[test]
    fn what_is_no_archive_of_images_is_refused_in_words() {
        assert!(
            images(archive(&[("a", "b")]))
                .unwrap_err()
                .contains("no images")
        );
        assert!(
            images(Cursor::new(vec![7; 2000]))
                .unwrap_err()
                .contains("no tar")
        );
        let wrong = images(archive(&[("manifest.json", "{")])).unwrap_err();
        assert!(wrong.contains("manifest.json is wrong"), "{wrong}");
    }
}
