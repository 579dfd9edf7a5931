//! k3s's release channels: which node image is meant by `stable`, `latest` or `+v1.34`.

use serde::Deserialize;

use crate::domain::{Problem, log::sanitize};

/// Where k3s publishes them.
pub const URL: &str = "https://update.k3s.io/v1-release/channels";

/// The channel that the name of an image stands for; `None` where it is the name of an image.
#[must_use]
pub fn channel(image: &str) -> Option<&str> {
    match image {
        "latest" | "stable" => Some(image),
        _ => image.strip_prefix('+'),
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    name: String,
    #[serde(default)]
    latest: String,
}

/// The node image of a channel, as the answer of [`URL`] tells it.
///
/// # Errors
/// Where it is no such answer, or has no such channel: it names those that there are.
pub fn image(answer: &[u8], channel: &str) -> Result<String, Problem> {
    let what = format!("the channel {channel:?} of k3s has no image");
    let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
        Problem::failed(&what, format!("{URL} answered something else: {error}"))
    })?;
    let found = answer.data.iter().find(|one| one.name == channel);
    let found = found.filter(|one| !one.latest.is_empty());
    let Some(found) = found else {
        let names = answer.data.iter().filter(|one| !one.latest.is_empty());
        let names: Vec<&str> = names.map(|one| one.name.as_str()).collect();
        let names = sanitize(names.join(", ").as_bytes());
        return Err(Problem::usage(what, format!("the channels are {names}")));
    };
    // A version has a + where a tag may have none.
    let tag = found.latest.replace('+', "-");
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !tag.chars().all(allowed) {
        let why = format!("{URL} names a version that is none");
        return Err(Problem::failed(what, why));
    }
    Ok(format!("docker.io/rancher/k3s:{tag}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = br#"{"type":"collection","data":[
        {"id":"stable","type":"channel","name":"stable","latest":"v1.34.2+k3s1"},
        {"id":"testing","type":"channel","name":"testing"},
        {"id":"v1.33","type":"channel","name":"v1.33","latest":"v1.33.6+k3s1","links":{}},
        {"name":"odd","latest":"v1 x"}]}"#;

    #[test]
    fn words_and_a_plus_are_channels_and_all_else_is_an_image() {
        for (image, want) in [
            ("stable", Some("stable")),
            ("latest", Some("latest")),
            ("+v1.33", Some("v1.33")),
            ("+", Some("")),
            ("rancher/k3s:latest", None),
            ("", None),
        ] {
            assert_eq!(channel(image), want, "{image}");
        }
    }

    #[test]
    fn the_newest_version_of_a_channel_is_the_tag() {
        assert_eq!(
            image(ANSWER, "v1.33").as_deref(),
            Ok("docker.io/rancher/k3s:v1.33.6-k3s1")
        );
        let missing = image(ANSWER, "v1.1").unwrap_err();
        assert_eq!(missing.why, "the channels are stable, v1.33, odd");
        for channel in ["testing", "odd"] {
            assert!(image(ANSWER, channel).is_err(), "{channel}");
        }
        assert!(image(b"<html>", "stable").is_err());
    }
}
