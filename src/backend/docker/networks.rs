//! Networks and volumes.

use std::{collections::HashMap, net::IpAddr};

use bollard::{
    models::{
        Ipam, IpamConfig, Network, NetworkConnectRequest, NetworkCreateRequest,
        NetworkDisconnectRequest, VolumeCreateRequest,
    },
    query_parameters::{
        InspectNetworkOptions, ListNetworksOptions, ListVolumesOptionsBuilder,
        RemoveVolumeOptionsBuilder,
    },
};

use super::{ANSWER, CHANGE, Engine, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::{
        Subnet,
        container::{NetworkInfo, NetworkSpec, VolumeSpec},
    },
};

impl Engine {
    pub(super) async fn list_networks(&self) -> Result<Vec<NetworkInfo>, Error> {
        let list = within(
            ANSWER,
            || "list the networks".to_owned(),
            self.docker.list_networks(None::<ListNetworksOptions>),
        )
        .await?;
        Ok(list.into_iter().map(from_network).collect())
    }

    pub(super) async fn network_id(&self, network: &str) -> Result<String, Error> {
        let request = self
            .docker
            .inspect_network(network, None::<InspectNetworkOptions>);
        Ok(
            within(ANSWER, || format!("inspect network {network}"), request)
                .await?
                .id
                .unwrap_or_default(),
        )
    }

    pub(super) async fn make_network(&self, spec: &NetworkSpec) -> Result<String, Error> {
        let what = || format!("create network {}", spec.name);
        // Docker's API lets two networks have one name, and then no name means either of them.
        if self
            .list_networks()
            .await?
            .iter()
            .any(|network| network.name == spec.name)
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                what(),
                "a network of that name exists",
            ));
        }
        let pool = IpamConfig {
            subnet: Some(spec.subnet.to_string()),
            gateway: spec.subnet.host(1).map(|address| address.to_string()),
            ip_range: Some(spec.subnet.upper_half().to_string()),
            auxiliary_addresses: None,
        };
        let second = spec.ipv6.map(|subnet| IpamConfig {
            subnet: Some(subnet.to_string()),
            gateway: Some(subnet.host(1).to_string()),
            ip_range: Some(subnet.upper_half()),
            auxiliary_addresses: None,
        });
        let request = NetworkCreateRequest {
            name: spec.name.clone(),
            driver: Some("bridge".to_owned()),
            enable_ipv6: spec.ipv6.map(|_| true),
            ipam: Some(Ipam {
                config: Some(std::iter::once(pool).chain(second).collect()),
                ..Default::default()
            }),
            options: Some(HashMap::from([(
                "com.docker.network.bridge.enable_ip_masquerade".to_owned(),
                "true".to_owned(),
            )])),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        Ok(within(CHANGE, what, self.docker.create_network(request))
            .await?
            .id)
    }

    pub(super) async fn drop_network(&self, network: &str) -> Result<(), Error> {
        within(
            CHANGE,
            || format!("remove network {network}"),
            self.docker.remove_network(network),
        )
        .await
    }

    pub(super) async fn join_network(&self, network: &str, container: &str) -> Result<(), Error> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: None,
        };
        let what = || format!("put {container} into network {network}");
        within(CHANGE, what, self.docker.connect_network(network, request)).await
    }

    pub(super) async fn leave_network(&self, network: &str, container: &str) -> Result<(), Error> {
        let request = NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(true),
        };
        let what = || format!("take {container} out of network {network}");
        within(
            CHANGE,
            what,
            self.docker.disconnect_network(network, request),
        )
        .await
    }

    pub(super) async fn list_volumes(&self, labels: &[&str]) -> Result<Vec<VolumeSpec>, Error> {
        let filters = HashMap::from([("label", labels.to_vec())]);
        let options = ListVolumesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let list = within(
            ANSWER,
            || "list the volumes".to_owned(),
            self.docker.list_volumes(Some(options)),
        )
        .await?;
        Ok(list
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| VolumeSpec {
                name: volume.name,
                labels: volume.labels.into_iter().collect(),
            })
            .collect())
    }

    pub(super) async fn make_volume(&self, spec: &VolumeSpec) -> Result<(), Error> {
        let request = VolumeCreateRequest {
            name: Some(spec.name.clone()),
            driver: Some("local".to_owned()),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        within(
            CHANGE,
            || format!("create volume {}", spec.name),
            self.docker.create_volume(request),
        )
        .await
        .map(drop)
    }

    pub(super) async fn drop_volume(&self, volume: &str) -> Result<(), Error> {
        let options = RemoveVolumeOptionsBuilder::default().build();
        within(
            CHANGE,
            || format!("remove volume {volume}"),
            self.docker.remove_volume(volume, Some(options)),
        )
        .await
    }
}

fn from_network(network: Network) -> NetworkInfo {
    let pools = network
        .ipam
        .and_then(|ipam| ipam.config)
        .unwrap_or_default();
    let subnets: Vec<Subnet> = pools
        .iter()
        .filter_map(|pool| pool.subnet.as_deref()?.parse().ok())
        .collect();
    let said = pools
        .iter()
        .filter_map(|pool| pool.gateway.as_deref()?.split('/').next()?.parse().ok())
        .find(IpAddr::is_ipv4);
    // Older engines leave out the gateway of their own default network; it is the first address as everywhere.
    let usual = || {
        let is_bridge = network.driver.as_deref() == Some("bridge");
        let subnet = subnets.first().filter(|_| is_bridge)?;
        subnet.host(1).map(IpAddr::from)
    };
    NetworkInfo {
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        labels: network.labels.unwrap_or_default().into_iter().collect(),
        gateway: said.or_else(usual),
        created: network.created.and_then(|time| time.parse().ok()),
        subnets,
        dynamic: pools
            .iter()
            .find_map(|pool| pool.ip_range.as_deref()?.parse().ok()),
        ipv6: network.enable_ipv6.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(json: &str) -> NetworkInfo {
        from_network(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_network_s_gateway_is_said_or_the_first_address_of_a_bridge() {
        let said = seen(
            r#"{"Name":"a","Id":"1","Driver":"bridge","IPAM":{"Config":[
                {"Subnet":"fd00::/64"},{"Subnet":"172.20.0.0/16","Gateway":"172.20.0.9"}]}}"#,
        );
        assert_eq!(said.gateway, Some(IpAddr::from([172, 20, 0, 9])));
        assert_eq!(said.subnets, ["172.20.0.0/16".parse().unwrap()]);
        let bridge = r#"{"Driver":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}}"#;
        assert_eq!(seen(bridge).gateway, Some(IpAddr::from([172, 17, 0, 1])));
        let other = r#"{"Driver":"macvlan","IPAM":{"Config":[{"Subnet":"10.0.0.0/8"}]}}"#;
        assert_eq!(seen(other).gateway, None);
        assert_eq!(
            seen(r#"{"Name":"none","IPAM":{"Config":null}}"#).subnets,
            []
        );
    }
}
