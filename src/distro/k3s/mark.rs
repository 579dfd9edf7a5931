//! The mark of an operation that goes on: an empty volume whose labels say what was begun, by whom, for which cluster.
//!
//! It is made first and removed last, so after a program was killed the mark is what tells a half-made cluster from a
//! wanted one. It carries the labels of volumes that die with the cluster, so that k3d's delete takes it along.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{labels, names};
use crate::domain::{
    ApiEndpoint, ClusterName, ClusterSpec, Problem, Protocol, PublishedPort, cluster::Unfinished,
    container::VolumeSpec,
};

/// What was begun.
pub const VERB: &str = "coracle.verb";
/// Which process is at it, `host:pid:start time`.
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

/// A specification as it is written down: plain values, no token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    name: String,
    servers: u16,
    agents: u16,
    image: String,
    proxy_image: String,
    load_balancer: bool,
    api_host_ip: std::net::IpAddr,
    api_host: String,
    api_port: Option<u16>,
    subnet: Option<String>,
    ports: Vec<Port>,
    server_args: Vec<String>,
    agent_args: Vec<String>,
    env: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Port {
    container: u16,
    protocol: String,
    host_ip: std::net::IpAddr,
    host: u16,
}

/// The specification as JSON, without its token.
///
/// # Errors
/// When it cannot be written as JSON, which no value of its type causes.
pub fn to_json(spec: &ClusterSpec) -> Result<String, Problem> {
    let record = Record {
        name: spec.name.to_string(),
        servers: spec.servers,
        agents: spec.agents,
        image: spec.image.clone(),
        proxy_image: spec.proxy_image.clone(),
        load_balancer: spec.load_balancer,
        api_host_ip: spec.api.host_ip,
        api_host: spec.api.host.clone(),
        api_port: spec.api.port,
        subnet: spec.subnet.map(|subnet| subnet.to_string()),
        ports: spec
            .ports
            .iter()
            .map(|port| Port {
                container: port.container_port,
                protocol: port.protocol.to_string(),
                host_ip: port.host_ip,
                host: port.host_port,
            })
            .collect(),
        server_args: spec.server_args.clone(),
        agent_args: spec.agent_args.clone(),
        env: spec.env.clone(),
    };
    serde_json::to_string(&record).map_err(|error| {
        Problem::failed("the specification was not written down", error.to_string())
    })
}

/// A specification from what [`to_json`] wrote.
///
/// # Errors
/// When the text was written by something else, or was changed.
pub fn from_json(text: &str) -> Result<ClusterSpec, Problem> {
    let broken = |why: String| {
        Problem::failed(
            "the interrupted operation's specification cannot be read",
            why,
        )
        .with_hint("remove the rest and create the cluster again")
    };
    let record: Record = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let ports: Result<Vec<PublishedPort>, Problem> = record
        .ports
        .iter()
        .map(|port| {
            Ok(PublishedPort {
                container_port: port.container,
                protocol: match port.protocol.as_str() {
                    "tcp" => Protocol::Tcp,
                    "udp" => Protocol::Udp,
                    "sctp" => Protocol::Sctp,
                    other => return Err(broken(format!("{other:?} is not a protocol"))),
                },
                host_ip: port.host_ip,
                host_port: port.host,
            })
        })
        .collect();
    Ok(ClusterSpec {
        name: ClusterName::parse(&record.name)?,
        servers: record.servers,
        agents: record.agents,
        image: record.image,
        proxy_image: record.proxy_image,
        load_balancer: record.load_balancer,
        api: ApiEndpoint {
            host_ip: record.api_host_ip,
            host: record.api_host,
            port: record.api_port,
        },
        token: None,
        subnet: record.subnet.map(|text| text.parse()).transpose()?,
        ports: ports?,
        server_args: record.server_args,
        agent_args: record.agent_args,
        env: record.env,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{distro::k3s::fixtures::spec, domain::Secret};

    #[test]
    fn a_specification_survives_the_round_trip_without_its_token() {
        let mut full = spec("demo", 3, 2);
        full.token = Some(Secret::new("hunter2"));
        full.subnet = "172.28.0.0/16".parse().ok();
        full.env = vec!["A=1".to_owned()];
        full.ports = vec![PublishedPort {
            container_port: 80,
            protocol: Protocol::Udp,
            host_ip: [127, 0, 0, 1].into(),
            host_port: 8080,
        }];
        let json = to_json(&full).unwrap();
        assert!(!json.contains("hunter2"));
        full.token = None;
        assert_eq!(from_json(&json).unwrap(), full);
    }

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

    #[test]
    fn a_changed_specification_is_a_problem() {
        for text in ["", "{}", "[1]", r#"{"name":"demo"}"#] {
            assert!(from_json(text).is_err(), "{text:?}");
        }
    }
}
