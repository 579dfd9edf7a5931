//! The way to the Kubernetes API of a cluster at the engine: the kubeconfig that its servers wrote, and the address at
//! which the API is published.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use super::{kubeconfig, surroundings};
use crate::{
    backend::{Backends, Error, ErrorKind, KubeApi, KubeTarget},
    distro::k3s::{self, names},
    domain::{
        ApiEndpoint, Cluster, ClusterName, ClusterSpec, Problem, ProblemKind, Role,
        container::EngineInfo, kube::NodeStatus,
    },
    plan::KubeAccess,
    resources::nodes,
};

/// Where a cluster's API is, and which of its servers know the way in.
#[must_use]
pub fn access(cluster: &Cluster) -> KubeAccess {
    KubeAccess::of(cluster)
}

/// A client for the API. No request is made to it yet. A name that this machine does not know is one for others; then the
/// address is asked at which the API is published.
///
/// # Errors
/// When no server has written a kubeconfig yet, or what it wrote cannot be used.
pub async fn connect(backends: &Backends, access: &KubeAccess) -> Result<Arc<dyn KubeApi>, Error> {
    let known = backends.simulated
        || access.url == access.published
        || surroundings::is_known(host_of(&access.url)).await;
    let url = if known {
        &access.url
    } else {
        &access.published
    };
    connect_at(backends, access, url).await
}

/// The host of a URL, without the brackets of an IPv6 address.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    host.trim_matches(['[', ']'])
}

/// A client for the API at one address.
pub(super) async fn connect_at(
    backends: &Backends,
    access: &KubeAccess,
    url: &str,
) -> Result<Arc<dyn KubeApi>, Error> {
    let name = ClusterName::existing(url);
    let admin = kubeconfig::admin(backends, &name, access)
        .await
        .map_err(|problem| {
            let kind = match problem.kind {
                ProblemKind::NotFound => ErrorKind::NotFound,
                ProblemKind::Unreachable => ErrorKind::Unreachable,
                ProblemKind::Refused => ErrorKind::Forbidden,
                ProblemKind::Failed | ProblemKind::Usage => ErrorKind::Failed,
            };
            Error::new(kind, problem.what, problem.why)
        })?;
    let target = KubeTarget::Admin {
        admin,
        url: url.to_owned(),
    };
    backends.kube.connect(&target).await
}

/// What a person is told whose cluster runs where they do not get at it.
pub(super) fn not_from_here(cluster: &ClusterName, access: &KubeAccess, error: &Error) -> Problem {
    let at = access.url.trim_start_matches("https://");
    Problem::unreachable(
        format!(
            "{:?} runs, but its API is not reached from here at {at}",
            cluster.as_str()
        ),
        format!(
            "inside of the cluster it answers; here: {}. What is set through the API, as the records of {} for pods, is \
             not set",
            error.why,
            k3s::hosts::NAME
        ),
    )
    .with_hint(format!(
        "in a container, connect it to the cluster's network (docker network connect) and use https://{}:{}; where the \
         engine is on another machine, create the cluster with --api-port ADDRESS:PORT, an address of that machine",
        names::load_balancer(cluster),
        k3s::API_PORT
    ))
}

/// The specification for an engine that may be on another machine, where a loopback address is of no use to us: unless a
/// person chose where the API is published, it is published on all addresses of that machine and named after it. What is
/// to be said of that comes with it.
pub(super) fn for_engine(spec: &ClusterSpec, engine: &EngineInfo) -> (ClusterSpec, Option<String>) {
    let mut spec = spec.clone();
    let Some(host) = surroundings::other_machine(&engine.endpoint) else {
        return (spec, None);
    };
    let all = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let everywhere = spec.api.host_ip.is_unspecified()
        && spec.api == ApiEndpoint::bound_to(spec.api.host_ip, spec.api.port);
    if everywhere {
        host.clone_into(&mut spec.api.host);
        return (spec, None);
    }
    if spec.api != ApiEndpoint::default() {
        return (spec, None);
    }
    spec.api = ApiEndpoint {
        host_ip: all,
        host: host.to_owned(),
        port: None,
    };
    let note = format!(
        "the engine is on {host}: the API is published on all addresses of that machine; --api-port ADDRESS:PORT \
         chooses one"
    );
    (spec, Some(note))
}

/// What Kubernetes says of the cluster's nodes.
///
/// # Errors
/// When no server runs, or the API does not answer.
pub async fn node_statuses(
    backends: &Backends,
    cluster: &Cluster,
) -> Result<Vec<NodeStatus>, Problem> {
    if cluster.count(Role::Server).0 == 0 {
        return Err(Problem::unreachable(
            format!("the nodes of {} are not known", cluster.name),
            "none of its servers runs",
        ));
    }
    let api = connect(backends, &access(cluster)).await?;
    let objects = api.list(&nodes::KIND, "", "").await?;
    Ok(objects.iter().filter_map(nodes::status).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(endpoint: &str) -> EngineInfo {
        EngineInfo {
            endpoint: endpoint.to_owned(),
            ..crate::plan::fixtures::engine()
        }
    }

    #[test]
    fn an_api_is_published_where_it_is_reached_from() {
        let spec = ClusterSpec::new(ClusterName::existing("far"), "k3s", "proxy");
        let far = engine("tcp://10.77.0.1:2375");
        let (published, note) = for_engine(&spec, &far);
        assert_eq!(published.api.host, "10.77.0.1");
        assert!(published.api.host_ip.is_unspecified());
        assert!(note.unwrap().contains("all addresses"));

        for near in ["unix:///var/run/docker.sock", "tcp://localhost:2375", ""] {
            assert_eq!(for_engine(&spec, &engine(near)), (spec.clone(), None));
        }
        // Who chose an address keeps it, and nothing is opened that they did not open.
        let mut chosen = spec.clone();
        chosen.api = ApiEndpoint::bound_to(Ipv4Addr::LOCALHOST.into(), Some(6550));
        assert_eq!(for_engine(&chosen, &far), (chosen.clone(), None));
        chosen.api = ApiEndpoint::bound_to(Ipv4Addr::UNSPECIFIED.into(), Some(6550));
        let (published, note) = for_engine(&chosen, &far);
        assert_eq!((published.api.host.as_str(), note), ("10.77.0.1", None));
        assert_eq!(published.api.port, Some(6550));
    }

    #[test]
    fn the_host_of_a_url_is_what_is_looked_up() {
        for (url, host) in [
            ("https://api.lab.invalid:6553", "api.lab.invalid"),
            ("https://127.0.0.1:6443", "127.0.0.1"),
            ("https://[::1]:6443", "::1"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
