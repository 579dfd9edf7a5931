//! Files of every version, and what is wrong with some.

use super::*;
use crate::domain::Problem;

fn no_env(_: &str) -> Option<String> {
    None
}

fn simple(text: &str) -> Simple {
    read("f.yaml", text, &no_env).unwrap().simple
}

fn problem(text: &str) -> Problem {
    read("f.yaml", text, &no_env).unwrap_err()
}

fn v5(rest: &str) -> String {
    format!("apiVersion: k3d.io/v1alpha5\nkind: Simple\n{rest}")
}

/// Every key there is.
const FULL: &str = include_str!("fixtures/full.yaml");

#[test]
fn every_key_is_read_and_written_again_as_it_was() {
    let full = simple(FULL);
    assert_eq!(full.metadata.name.as_deref(), Some("demo"));
    assert_eq!(full.options.k3d.timeout.as_deref(), Some("1m30s"));
    assert_eq!(full.token.as_ref().unwrap().reveal(), "superSecret");
    let written = migrate("f.yaml", FULL).unwrap();
    assert_eq!(simple(&written), full);
    insta::assert_snapshot!(written);
}

#[test]
fn keys_that_are_there_and_empty_say_nothing() {
    let empty = "servers:\nports:\nvolumes: []\noptions:\n  k3d:\n  runtime: {}\nregistries:\n  create: {}\nmetadata:\n";
    assert_eq!(simple(&v5(empty)), simple(&v5("")));
}

#[test]
fn a_number_is_as_good_as_a_text_where_a_text_is_wanted() {
    let api = simple(&v5("kubeAPI:\n  hostPort: 6443\n")).kube_api;
    assert_eq!(api.host_port.as_deref(), Some("6443"));
    let ports = simple(&v5("ports:\n- port: 8080\n")).ports;
    assert_eq!(ports[0].value, "8080");
}

#[test]
fn the_second_version_is_said_in_the_words_of_the_fifth() {
    let old = "apiVersion: k3d.io/v1alpha2\nkind: Simple\nname: old\nservers: 3\nlabels:\n- label: a=b\n  nodeFilters: ['server[0]', loadbalancer]\n\
               ports:\n- port: 80:80\n  nodeFilters: ['agent[0,2-3]']\nregistries:\n  create: true\n\
               options:\n  k3d:\n    disableHostIPInjection: true\n  k3s:\n    extraServerArgs: ['--tls-san=x']\n    extraAgentArgs: ['--y']\n";
    insta::assert_snapshot!(migrate("f.yaml", old).unwrap());
    assert_eq!(
        read("f.yaml", old, &no_env).unwrap().warnings,
        [
            "f.yaml is written as k3d.io/v1alpha2; \"coracle config migrate f.yaml\" writes it as k3d.io/v1alpha5"
        ]
    );
}

#[test]
fn the_third_and_the_fourth_version_differ_in_where_the_name_stands() {
    for text in [
        "apiVersion: k3d.io/v1alpha3\nkind: Simple\nname: old\nregistries:\n  create:\n    hostPort: random\n",
        "apiVersion: k3d.io/v1alpha4\nkind: Simple\nmetadata:\n  name: old\nregistries:\n  create:\n    hostPort: random\n",
    ] {
        let new = simple(text);
        assert_eq!(new.api_version, VERSION);
        assert_eq!(new.metadata.name.as_deref(), Some("old"));
        let registry = new.registries.create.unwrap();
        assert_eq!(
            (registry.name, registry.host_port.as_deref()),
            (None, Some("random"))
        );
    }
}

#[test]
fn variables_are_replaced_before_anything_is_read_but_not_when_migrating() {
    let text = v5("metadata:\n  name: ${USER}-dev\nagents: $AGENTS\ntoken: $NONE\n");
    let env = |name: &str| match name {
        "USER" => Some("ann".to_owned()),
        "AGENTS" => Some("2".to_owned()),
        _ => None,
    };
    let document = read("f.yaml", &text, &env).unwrap();
    assert_eq!(document.simple.metadata.name.as_deref(), Some("ann-dev"));
    assert_eq!(document.simple.agents, Some(2));
    assert_eq!(document.simple.token, None);
    assert_eq!(
        document.warnings,
        ["f.yaml: there is no variable NONE, so nothing stands in its place"]
    );
    let unread = v5("metadata:\n  name: ${USER}-dev\n");
    assert!(
        migrate("f.yaml", &unread)
            .unwrap()
            .contains("name: ${USER}-dev\n")
    );
}

#[test]
fn a_template_is_a_file_that_can_be_read() {
    let text = template("k3s-default", "docker.io/rancher/k3s:v1.34.2-k3s1");
    let first = simple(&text);
    assert_eq!(first.servers, Some(1));
    assert_eq!(
        first.image.as_deref(),
        Some("docker.io/rancher/k3s:v1.34.2-k3s1")
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    for (text, what, why, hint) in [
        (
            v5("agnets: 1"),
            "f.yaml:3:1",
            "no key \"agnets\"",
            "did you mean \"agents\"?",
        ),
        (
            v5("options:\n  k3s:\n    extraArg: []"),
            "f.yaml:5:5",
            "no key \"extraArg\"",
            "did you mean \"extraArgs\"?",
        ),
        (
            v5("registries:\n  creat: {}"),
            "f.yaml:4:3",
            "\"creat\"",
            "\"create\"",
        ),
        (
            v5("registries:\n  create:\n    prot: 1"),
            "f.yaml:5:5",
            "\"prot\"",
            "known here: name, host, hostPort",
        ),
        (
            v5("ports:\n- port: 80\n  nodefilters: [all]"),
            "f.yaml:5:3",
            "\"nodefilters\"",
            "\"nodeFilters\"",
        ),
        (v5("servers: many"), "f.yaml:3:10", "", ""),
        (v5("servers: 0"), "f.yaml is", "at least one", ""),
        (v5("servers: -1"), "f.yaml:3:10", "", ""),
        (
            v5("name: x"),
            "f.yaml is",
            "\"name\" in k3d.io/v1alpha5",
            "metadata.name",
        ),
        (
            v5("labels: [{label: a}]"),
            "f.yaml is",
            "\"labels\"",
            "options.runtime.labels",
        ),
        (v5("files:\n- source: a"), "f.yaml:4:3", "destination", ""),
        (v5("agents: 1\nagents: 2"), "f.yaml:4:1", "duplicate", ""),
        (v5("ports: {"), "f.yaml:", "", ""),
        (
            String::new(),
            "f.yaml is",
            "no apiVersion",
            "apiVersion: k3d.io/v1alpha5",
        ),
        ("kind: Simple".to_owned(), "f.yaml is", "no apiVersion", ""),
        (
            "apiVersion: k3d.io/v1alpha1\nkind: Simple".to_owned(),
            "f.yaml is",
            "v1alpha1",
            "k3d.io/v1alpha2",
        ),
        (
            "apiVersion: k3d.io/v1alpha5".to_owned(),
            "f.yaml is",
            "no kind",
            "kind: Simple",
        ),
        (
            "apiVersion: k3d.io/v1alpha5\nkind: Cluster".to_owned(),
            "f.yaml is",
            "\"Cluster\"",
            "kind: Simple",
        ),
    ] {
        let problem = problem(&text);
        assert!(
            problem.what.starts_with(what)
                && problem.why.to_lowercase().contains(&why.to_lowercase())
                && problem.hint.contains(hint),
            "{text}\n{problem:?}"
        );
        assert_eq!(problem.kind.exit_code(), 2);
    }
}

#[test]
fn a_token_is_never_quoted() {
    let problem = problem(&v5("token: [hunter2]"));
    assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    let secret = simple(&v5("token: hunter2"));
    assert!(!format!("{secret:?}").contains("hunter2"));
}
