//! The node image that is meant by the name of one of k3s's channels.

use crate::{
    backend::{ErrorKind, kubernetes},
    distro::k3s::channels,
    domain::Problem,
};

/// The image that is meant: itself, or what the channel has that it names. `url` is where k3s publishes its channels,
/// [`channels::URL`].
///
/// # Errors
/// When the channel is not there, or nobody can be asked.
pub async fn node_image(image: &str, url: &str) -> Result<String, Problem> {
    let Some(channel) = channels::channel(image) else {
        return Ok(image.to_owned());
    };
    let answer = kubernetes::get(url, None).await.map_err(|error| {
        let what = format!("the channel {channel:?} of k3s was not looked up");
        let hint = "name an image, such as rancher/k3s:v1.34.2-k3s1";
        match error.kind {
            ErrorKind::Invalid => Problem::failed(what, error.to_string()),
            _ => Problem::unreachable(what, error.to_string()),
        }
        .with_hint(hint)
    })?;
    channels::image(&answer, channel)
}
