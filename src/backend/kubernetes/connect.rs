//! From a target to a client.

use std::time::Duration;

use kube::{
    Client, Config,
    config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig},
};

use super::errors;
use crate::backend::{Error, ErrorKind, KubeTarget};

/// How long a connection may take to be made: one of a near machine takes milliseconds, one around the world a second.
const CONNECT: Duration = Duration::from_secs(5);
/// A credential plugin may ask a cloud and is waited for, but not for ever.
const PLUGIN: Duration = Duration::from_secs(30);

pub(super) async fn client(target: &KubeTarget) -> Result<Client, Error> {
    let (kubeconfig, context, what) = match target {
        KubeTarget::Context { files, name } => {
            let what = format!("connect to context {name}");
            (super::contexts::merged(files).0, Some(name.clone()), what)
        }
        KubeTarget::Admin { kubeconfig, url } => {
            let what = format!("connect to {url}");
            let mut parsed = Kubeconfig::from_yaml(kubeconfig.reveal())
                // The reader's own words would quote the text, which holds a private key.
                .map_err(|_| {
                    Error::new(
                        ErrorKind::Invalid,
                        &what,
                        "the admin kubeconfig is not valid",
                    )
                })?;
            for cluster in parsed
                .clusters
                .iter_mut()
                .filter_map(|named| named.cluster.as_mut())
            {
                cluster.server = Some(url.clone());
            }
            (parsed, None, what)
        }
    };
    let invalid = |why: String| Error::new(ErrorKind::Invalid, &what, why);
    let options = KubeConfigOptions {
        context,
        ..Default::default()
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| invalid(error.to_string()))?;
    let host = config.cluster_url.host().unwrap_or_default();
    if matches!(target, KubeTarget::Admin { .. }) || is_loopback(host) {
        // kube would send requests to this very machine through the person's proxy.
        config.proxy_url = None;
    }
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = None;
    if let Some(exec) = config.auth_info.exec.as_mut() {
        // A plugin that asks on the terminal would ask over the screen.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    if let Ok(agent) = http::HeaderValue::from_str(concat!("coracle/", env!("CARGO_PKG_VERSION"))) {
        config.headers.push((http::header::USER_AGENT, agent));
    }
    // Opening runs a credential plugin, and waits for it without letting others work.
    let opened = tokio::task::spawn_blocking(move || Client::try_from(config));
    match tokio::time::timeout(PLUGIN, opened).await {
        Ok(Ok(Ok(client))) => Ok(client),
        Ok(Ok(Err(error))) => Err(errors::explain(&what, &error)),
        Ok(Err(broken)) => Err(Error::new(ErrorKind::Failed, what, broken.to_string())),
        Err(_) => Err(errors::too_late(&what, PLUGIN)),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
