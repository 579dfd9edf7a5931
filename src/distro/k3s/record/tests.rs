//! A specification written down and read again: all of it but secrets, and what earlier versions wrote.

use super::*;
use crate::distro::k3s::fixtures::spec;

fn full() -> ClusterSpec {
    let mut full = spec("demo", 3, 2);
    full.network = ClusterNetwork::own("172.28.0.0/16".parse().ok());
    full.env = vec![
        ForNodes::every("A=1".to_owned()),
        ForNodes::parse("B=2@agent:0,1").unwrap(),
    ];
    full.ports = PortMapping::parse("8080:80/udp@agent:1:direct").unwrap();
    full.k3s_args = vec![ForNodes::parse("--disable=traefik@server:*").unwrap()];
    full.limits.agents_memory = Some(1 << 30);
    full.image_volume = ImageVolume::External("shared".to_owned());
    full.dns_fix = false;
    full.lb_settings
        .insert("defaultProxyTimeout".to_owned(), 900.into());
    full.registries.create = Some(RegistrySpec {
        name: "reg".to_owned(),
        port: Some(5005),
        proxy: Some(RegistryProxy {
            url: "https://registry-1.docker.io".to_owned(),
            ..RegistryProxy::default()
        }),
        ..RegistrySpec::default()
    });
    full.host_aliases = vec![HostAlias {
        ip: [1, 2, 3, 4].into(),
        names: vec!["a".to_owned()],
    }];
    full
}

#[test]
fn a_specification_survives_the_round_trip_without_its_token() {
    let mut full = full();
    full.token = Some(Secret::new("hunter2"));
    let json = to_json(&full).unwrap();
    assert!(!json.contains("hunter2"));
    full.token = None;
    assert_eq!(from_json(&json).unwrap(), full);
    for network in [
        ClusterNetwork::Host,
        ClusterNetwork::Existing("n".to_owned()),
    ] {
        full.network = network;
        assert_eq!(from_json(&to_json(&full).unwrap()).unwrap(), full);
    }
}

#[test]
fn what_is_not_written_down_is_missed_when_it_is_read() {
    let mut files = full();
    files.files = vec![ForNodes::every(FileEntry {
        path: "/x".to_owned(),
        mode: 0o644,
        contents: b"kind: Secret, hunter2".to_vec(),
    })];
    let json = to_json(&files).unwrap();
    assert!(!json.contains("hunter2") && !json.contains(&STANDARD.encode("kind: Secret")[..12]));
    assert!(from_json(&json).unwrap_err().why.contains("files"));
    let mut secret = full();
    let item = |text: &str| ForNodes::every(text.to_owned());
    secret.env.push(item("DB_PASSWORD=hunter2"));
    secret
        .k3s_args
        .push(item("--datastore-endpoint=postgres://u:hunter2@10.0.0.1/d"));
    secret.volumes.push(item("/srv/token=hunter2:/x"));
    secret.node_labels.push(item("apikey=hunter2"));
    secret.runtime_labels.push(item("url=http://u:hunter2@h"));
    let json = to_json(&secret).unwrap();
    assert!(!json.contains("hunter2"), "{json}");
    assert!(json.contains("A=1") && json.contains("--disable=traefik"));
    let why = from_json(&json).unwrap_err().why;
    for name in ["variable DB_PASSWORD", "k3s argument --datastore-endpoint"] {
        assert!(why.contains(name), "{why}");
    }
    let mut secret = full();
    secret.registries.config = Some("password: hunter2".to_owned());
    let json = to_json(&secret).unwrap();
    assert!(!json.contains("hunter2"));
    assert!(from_json(&json).unwrap_err().why.contains("registries"));
    let mut secret = full();
    let create = secret.registries.create.as_mut().unwrap();
    create.proxy.as_mut().unwrap().password = Secret::new("hunter2");
    let json = to_json(&secret).unwrap();
    assert!(!json.contains("hunter2") && from_json(&json).is_err());
}

#[test]
fn what_an_earlier_version_wrote_is_still_read() {
    let json = r#"{"name":"demo","servers":2,"agents":1,"image":"i","proxy_image":"p","load_balancer":true,
        "api_host_ip":"127.0.0.1","api_host":"127.0.0.1","api_port":6550,"subnet":"172.18.0.0/16",
        "ports":[{"container":80,"protocol":"tcp","host_ip":"127.0.0.1","host":8080}],
        "server_args":["--disable=traefik"],"agent_args":["-v=2"],"env":["A=1"]}"#;
    let spec = from_json(json).unwrap();
    assert_eq!(spec.env, [ForNodes::every("A=1".to_owned())]);
    let args: Vec<String> = spec
        .k3s_args
        .iter()
        .map(|item| format!("{}@{}", item.value, item.nodes[0]))
        .collect();
    assert_eq!(args, ["--disable=traefik@server:*", "-v=2@agent:*"]);
    assert_eq!(spec.ports, PortMapping::parse("8080:80").unwrap());
    assert!(spec.dns_fix && spec.network.subnet().is_some());
}

#[test]
fn a_changed_specification_is_a_problem() {
    for text in ["", "{}", "[1]", r#"{"name":"demo"}"#] {
        assert!(from_json(text).is_err(), "{text:?}");
    }
}
