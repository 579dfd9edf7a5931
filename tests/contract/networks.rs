//! The contract of `ContainerRuntime` about networks: two families of addresses, addresses that the engine chooses, and
//! the machine's own network.

use coracle::{
    backend::ErrorKind,
    domain::{
        Subnet, Subnet6,
        container::{Attachment, NetworkSpec},
    },
};

use super::site::Site;

pub async fn a_network_speaks_both_families(site: &Site) {
    let runtime = &site.runtime;
    let spec = NetworkSpec {
        name: site.name("both"),
        subnet: site.subnet(),
        ipv6: Some(Subnet6::beside(site.subnet())),
        labels: site.labels(),
    };
    let id = runtime.create_network(&spec).await.unwrap();
    let networks = runtime.networks().await.unwrap();
    let seen = networks.iter().find(|seen| seen.id == id).unwrap();
    assert_eq!(seen.subnets, [site.subnet()]);
    assert_eq!(seen.gateway, site.subnet().host(1).map(Into::into));
    assert_eq!(seen.dynamic, Some(site.subnet().upper_half()));
    assert!(seen.ipv6);

    let mut container = site.container("one", &spec.name, "sleep 300");
    container.address = site.subnet().host(9).map(Into::into);
    container.address6 = spec.ipv6.map(|subnet| subnet.host(9));
    runtime.create_container(&container).await.unwrap();
    runtime.start(&container.name).await.unwrap();
    let place = site.listed().await[0].attachments[0].clone();
    assert_eq!(place.address, container.address);
    assert_eq!(place.fixed6, container.address6);
}

pub async fn the_engine_chooses_addresses_from_its_part(site: &Site) {
    let (network, _) = site.network().await;
    let runtime = &site.runtime;
    for name in ["one", "two"] {
        let container = site.container(name, &network, "sleep 300");
        runtime.create_container(&container).await.unwrap();
        runtime.start(&container.name).await.unwrap();
    }
    let mut addresses = Vec::new();
    for container in site.listed().await {
        let [place] = container.attachments.as_slice() else {
            panic!("{container:?}");
        };
        assert_eq!(place.fixed, None);
        let Some(std::net::IpAddr::V4(address)) = place.address else {
            panic!("{place:?}");
        };
        assert!(site.subnet().upper_half().contains(address), "{address}");
        addresses.push(address);
    }
    addresses.dedup();
    assert_eq!(addresses.len(), 2);
}

pub async fn the_host_network_gives_no_address(site: &Site) {
    let runtime = &site.runtime;
    let mut container = site.container("one", "host", "sleep 300");
    container.network_id_label = Some("coracle.contract.network");
    runtime.create_container(&container).await.unwrap();
    runtime.start(&container.name).await.unwrap();
    let listed = site.listed().await.remove(0);
    assert_eq!(
        listed.attachments,
        [Attachment {
            network: "host".to_owned(),
            address: None,
            fixed: None,
            fixed6: None,
        }]
    );
    assert_ne!(listed.labels["coracle.contract.network"], "");
    assert!(
        runtime
            .networks()
            .await
            .unwrap()
            .iter()
            .any(|seen| seen.name == "host")
    );
}

pub async fn a_container_is_in_further_networks(site: &Site) {
    let runtime = &site.runtime;
    let subnet = site.subnet();
    let lower = Subnet::new(subnet.host(0).unwrap(), subnet.prefix() + 1);
    let mut names = Vec::new();
    for (name, subnet) in [("near", lower), ("more", subnet.upper_half())] {
        let spec = NetworkSpec {
            name: site.name(name),
            subnet,
            ipv6: None,
            labels: site.labels(),
        };
        runtime.create_network(&spec).await.unwrap();
        names.push(spec.name);
    }
    let mut container = site.container("one", &names[0], "sleep 300");
    container.address = lower.host(9).map(Into::into);
    container.more_networks = vec![names[1].clone()];
    runtime.create_container(&container).await.unwrap();
    runtime.start(&container.name).await.unwrap();
    let listed = site.listed().await.remove(0);
    let mut seen: Vec<&str> = listed
        .attachments
        .iter()
        .map(|place| place.network.as_str())
        .collect();
    seen.sort_unstable_by_key(|name| names.iter().position(|known| known == name));
    assert_eq!(seen, names);
    let near = listed
        .attachments
        .iter()
        .find(|place| place.network == names[0]);
    assert_eq!(near.unwrap().fixed, container.address);

    let refused = runtime.remove_network(&names[1]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
    runtime
        .disconnect(&names[1], &container.name)
        .await
        .unwrap();
    runtime.remove_network(&names[1]).await.unwrap();
    assert_eq!(site.listed().await[0].attachments.len(), 1);

    // A container that cannot be in all of them is not made.
    let mut other = site.container("two", &names[0], "sleep 300");
    other.more_networks = vec![site.name("nowhere")];
    let missing = runtime.create_container(&other).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
    assert_eq!(site.listed().await.len(), 1);
}
