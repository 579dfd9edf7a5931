//! Every key of a config file as a value of the specification, and what is wrong with some.

use super::*;
use crate::config::k3d::{KIND, VERSION, read};

fn base() -> ClusterSpec {
    ClusterSpec::new(ClusterName::existing("base"), "image", "proxy")
}

fn over(text: &str) -> Result<ClusterSpec, Problem> {
    let text = format!("apiVersion: {VERSION}\nkind: {KIND}\n{text}");
    let simple = read("f.yaml", &text, &|_| None)?.simple;
    simple.over(base(), &|source| match source {
        Source::File("motd.txt") => Ok(b"welcome".to_vec()),
        Source::Registries("registries.yaml") => Ok(b"mirrors: {}".to_vec()),
        other => Err(Problem::not_found(
            format!("{other:?}"),
            "there is no such file",
        )),
    })
}

#[test]
fn every_key_reaches_the_specification() {
    let full = include_str!("../fixtures/full.yaml");
    let body: Vec<&str> = full.lines().skip(2).collect();
    let body = body.join("\n").replace("network: shared\n", "");
    let spec = over(&body).unwrap();
    assert_eq!(spec.token.as_ref().unwrap().reveal(), "superSecret");
    insta::assert_debug_snapshot!(spec);
}

#[test]
fn what_the_file_does_not_say_stays_as_it_was() {
    assert_eq!(over("").unwrap(), base());
    let api = over("kubeAPI: {hostPort: random}").unwrap().api;
    assert_eq!(api, ApiEndpoint::default());
}

#[test]
fn the_api_has_an_address_for_clients() {
    for (text, ip, host, port) in [
        ("hostIP: 0.0.0.0", "0.0.0.0", "127.0.0.1", None),
        ("hostIP: 10.0.0.1", "10.0.0.1", "10.0.0.1", None),
        (
            "{host: dev, hostPort: 6550}",
            "127.0.0.1",
            "dev",
            Some(6550),
        ),
        ("{hostIP: 0.0.0.0, host: dev}", "0.0.0.0", "dev", None),
    ] {
        let api = over(&format!("kubeAPI:\n  {text}")).unwrap().api;
        assert_eq!(
            (
                api.host_ip.to_string().as_str(),
                api.host.as_str(),
                api.port
            ),
            (ip, host, port)
        );
    }
}

#[test]
fn networks_are_one_s_own_others_or_the_machine_s() {
    let network = |text: &str| over(text).unwrap().network;
    assert_eq!(network("network: host"), ClusterNetwork::Host);
    assert_eq!(
        network("network: x"),
        ClusterNetwork::Existing("x".to_owned())
    );
    assert_eq!(network("subnet: auto"), ClusterNetwork::own(None));
    assert_eq!(
        network("subnet: 10.9.0.0/16"),
        ClusterNetwork::own("10.9.0.0/16".parse().ok())
    );
}

#[test]
fn a_text_of_one_line_is_the_path_of_a_file() {
    let spec = over("registries: {config: registries.yaml}").unwrap();
    assert_eq!(spec.registries.config.as_deref(), Some("mirrors: {}"));
    let missing = over("files: [{source: x, destination: /x}]").unwrap_err();
    assert_eq!(missing.kind.exit_code(), 3);
}

#[test]
fn what_cannot_be_read_names_its_key() {
    for (text, key) in [
        ("metadata: {name: Demo}", "metadata.name"),
        ("subnet: x", "subnet"),
        ("network: a\nsubnet: auto", "network"),
        ("kubeAPI: {hostIP: x}", "kubeAPI.hostIP"),
        ("kubeAPI: {hostPort: x}", "kubeAPI.hostPort"),
        ("ports: [{port: 80}, {port: x}]", "ports[1]"),
        ("ports: [{port: 80, nodeFilters: [server]}]", "ports[0]"),
        (
            "volumes: [{volume: '/a:/b', nodeFilters: [x]}]",
            "volumes[0]",
        ),
        ("env: [{envVar: A=b, nodeFilters: ['agent:x']}]", "env[0]"),
        (
            "files: [{source: x, destination: /x, nodeFilters: [y]}]",
            "files[0]",
        ),
        ("hostAliases: [{ip: x, hostnames: [a]}]", "hostAliases[0]"),
        (
            "hostAliases: [{ip: 10.0.0.1, hostnames: []}]",
            "hostAliases[0]",
        ),
        (
            "options: {k3s: {extraArgs: [{arg: --x}]}}",
            "options.k3s.extraArgs[0]",
        ),
        (
            "options: {runtime: {serversMemory: much}}",
            "options.runtime.serversMemory",
        ),
        (
            "options: {runtime: {gpuRequest: some}}",
            "options.runtime.gpuRequest",
        ),
        (
            "options: {runtime: {ulimits: [{name: x, soft: 1, hard: 1}]}}",
            "options.runtime.ulimits[0]",
        ),
        (
            "options: {k3d: {loadbalancer: {configOverrides: [x]}}}",
            "options.k3d.loadbalancer.configOverrides",
        ),
        ("registries: {create: {host: x}}", "registries.create.host"),
        (
            "registries: {create: {hostPort: x}}",
            "registries.create.hostPort",
        ),
    ] {
        let problem = over(text).unwrap_err();
        assert!(problem.what.contains(key), "{text}: {problem}");
        assert_eq!(problem.kind.exit_code(), 2, "{text}");
    }
}
