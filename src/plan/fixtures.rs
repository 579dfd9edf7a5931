//! Values that the tests of several builders start from.

use jiff::Timestamp;

use super::create::Chosen;
pub(crate) use crate::distro::k3s::fixtures::*;
use crate::domain::{
    Secret, Subnet,
    container::{EngineInfo, NetworkInfo, VolumeSpec},
};

pub(crate) fn chosen() -> Chosen {
    Chosen {
        token: Secret::new("hunter2"),
        port: 6550,
        registry_port: 5050,
        owner: "host:7:99".to_owned(),
        now: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn engine() -> EngineInfo {
    EngineInfo {
        cgroup_version: 2,
        ..EngineInfo::default()
    }
}

pub(crate) fn network(name: &str, subnet: &str) -> NetworkInfo {
    let subnet: Subnet = subnet.parse().unwrap();
    NetworkInfo {
        id: "ab".repeat(32),
        name: name.to_owned(),
        labels: [("app".to_owned(), "k3d".to_owned())].into(),
        subnets: vec![subnet],
        gateway: subnet.host(1).map(Into::into),
        created: None,
        dynamic: Some(subnet.upper_half()),
        ipv6: false,
    }
}

/// The mark of an interrupted create of `demo`.
pub(crate) fn mark() -> VolumeSpec {
    let chosen = chosen();
    crate::distro::k3s::mark::of_create(&spec("demo", 1, 1), &chosen.owner, chosen.now).unwrap()
}
