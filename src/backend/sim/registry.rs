//! Registries of the world: containers in several networks, and what they answer over HTTP.

use serde_json::json;
use tokio::time::Instant;

use super::{World, conflict, lookup::held, not_found};
use crate::{
    backend::{Error, ErrorKind, Fetched},
    domain::PublishedPort,
};

/// What somebody pushed to every registry: a repository and its tags.
const PUSHED: &[(&str, &[&str])] = &[
    ("shop/cart", &["1.4.0", "1.4.1"]),
    ("shop/web", &["2.0.0", "2.1.0", "latest"]),
];

impl World {
    pub(super) async fn join_network(&self, network: &str, container: &str) -> Result<(), Error> {
        self.call(format!("connect {container} to {network}"), move |state| {
            if network != "bridge" && !state.networks.contains_key(network) {
                return Err(not_found("connect", network));
            }
            let spec = &mut held(state, "connect", container)?.spec;
            if spec.network == network || spec.more_networks.iter().any(|other| other == network) {
                let why = format!("endpoint with name {container} already exists in {network}");
                return Err(conflict("connect", why));
            }
            spec.more_networks.push(network.to_owned());
            Ok(())
        })
        .await
    }

    pub(super) async fn fetch_from(
        &self,
        port: &PublishedPort,
        path: &str,
    ) -> Result<Fetched, Error> {
        let what = format!("get {path} at port {}", port.host_port);
        self.call(what.clone(), move |state| {
            let now = Instant::now();
            let answers = state.containers.values().any(|held| {
                let publishes = |own: &PublishedPort| own.host_port == port.host_port;
                held.is_running(now)
                    && held.label("k3d.role") == "registry"
                    && held.spec.ports.iter().any(publishes)
            });
            if !answers {
                return Err(Error::new(
                    ErrorKind::Unreachable,
                    what,
                    "Connection refused",
                ));
            }
            let path = path.split('?').next().unwrap_or(path);
            let body = match path.strip_prefix("/v2/") {
                Some("_catalog") => {
                    let names: Vec<&str> = PUSHED.iter().map(|(name, _)| *name).collect();
                    json!({ "repositories": names })
                }
                Some(rest) => {
                    let name = rest.strip_suffix("/tags/list").unwrap_or(rest);
                    let found = PUSHED.iter().find(|(known, _)| *known == name);
                    let (name, tags) = found.ok_or_else(|| not_found("get", path))?;
                    json!({ "name": name, "tags": tags })
                }
                None => return Err(not_found("get", path)),
            };
            Ok(Fetched {
                body: body.to_string().into_bytes(),
                next: None,
            })
        })
        .await
    }
}
