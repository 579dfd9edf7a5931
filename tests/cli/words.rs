//! Words that k3d's users and their scripts have: short forms, completions, versions, flags of every command.

use serde_json::Value;

use super::Place;

fn done(arguments: &str) -> String {
    Place::new().run(arguments).well().stdout()
}

#[test]
fn short_forms_do_what_the_whole_commands_do() {
    assert_eq!(
        done("--simulate list -o name"),
        done("--simulate cluster list -o name")
    );
    let place = Place::new();
    let run = place.run("--simulate create --name mine --workers 1 --dry-run");
    assert_eq!(run.code(), 0, "{}", run.report());
    assert!(
        run.stdout().contains("k3d-mine-agent-0"),
        "{}",
        run.report()
    );
    let run = place.run("--simulate delete --name=nothing");
    assert_eq!(run.code(), 0, "{}", run.report());
    assert!(
        run.stderr().contains("there is no cluster \"nothing\""),
        "{}",
        run.report()
    );
}

#[test]
fn a_script_completes_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "psh"] {
        let script = done(&format!("completion {shell}"));
        assert!(
            script.contains("coracle") && script.contains("CORACLE_COMPLETE"),
            "{shell}: {script}"
        );
    }
    assert_eq!(Place::new().run("completion tcsh").code(), 2);
}

/// What bash offers for the last of these words.
fn offered(place: &Place, words: &str) -> String {
    let index = words.split(' ').count() - 1;
    let mut command = place.command(&format!("-- {words}"));
    let out = command
        .env("CORACLE_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", index.to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n")
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_shell_is_offered_commands_flags_and_contexts() {
    let place = Place::new();
    place.write(
        "home/kubeconfig",
        "contexts: [{name: staging, context: {cluster: a}}, {name: prod, context: {cluster: a}}]\n\
         clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n",
    );
    assert_eq!(offered(&place, "coracle kube"), "kubeconfig");
    assert_eq!(offered(&place, "coracle cluster res"), "restart");
    assert_eq!(offered(&place, "coracle logs --all-n"), "--all-namespaces");
    assert_eq!(offered(&place, "coracle logs --context st"), "staging");
    // No engine answers: nothing is offered, and nothing is said.
    assert_eq!(offered(&place, "coracle cluster delete d"), "");
}

#[test]
fn versions_and_the_engine_are_told_in_k3d_s_fields() {
    let version: Value = serde_json::from_str(&done("version -o json")).unwrap();
    assert_eq!(version["k3d"], "v5.9.0");
    assert!(
        version["k3s"].as_str().unwrap().starts_with('v'),
        "{version}"
    );
    assert!(done("version").contains("\nk3s version v"));
    let engine: Value = serde_json::from_str(&done("--simulate runtime-info -o json")).unwrap();
    assert_eq!(engine["ostype"], "linux");
    assert_eq!(engine["cgroupversion"], "2");
    assert!(done("--simulate runtime-info").contains("endpoint: "));
}

#[test]
fn flags_of_every_command_are_taken_and_tell_more() {
    let place = Place::new();
    for flags in ["--verbose", "--trace --timestamps"] {
        let run = place.run(&format!("--simulate cluster list -o name {flags}"));
        assert_eq!(
            (run.code(), run.stdout().as_str()),
            (0, "ci\ndev\nold\n"),
            "{}",
            run.report()
        );
    }
}

#[test]
fn a_kubeconfig_is_merged_replaced_or_left_alone_as_the_flags_say() {
    let place = Place::new();
    let other = "apiVersion: v1\nkind: Config\ncurrent-context: other\ncontexts:\n- name: other\n  context: {cluster: c, user: u}\n";
    place.write("home/kubeconfig", other);
    let kubeconfig = || std::fs::read_to_string(place.path("home/kubeconfig")).unwrap();
    let merge = |flags: &str, code: i32| {
        let run = place.run(&format!(
            "--simulate --kubeconfig {} kubeconfig merge dev -d {flags}",
            place.path("home/kubeconfig").display()
        ));
        assert_eq!(run.code(), code, "{}", run.report());
        run.stdout()
    };
    let path = format!("{}\n", place.path("home/kubeconfig").display());
    assert_eq!(merge("-s=false", 0), path);
    assert!(kubeconfig().contains("current-context: other"));
    merge("--update=false", 4);
    merge("-u -s", 0);
    assert!(kubeconfig().contains("current-context: k3d-dev"));
    assert!(kubeconfig().contains("name: other"));
    merge("--overwrite", 0);
    assert!(kubeconfig().contains("k3d-dev") && !kubeconfig().contains("other"));

    let all = place.path("home/all");
    let run = place.run(&format!(
        "--simulate kubeconfig merge --all --overwrite -o {}",
        all.display()
    ));
    assert_eq!(
        run.stdout(),
        format!("{}\n", all.display()),
        "{}",
        run.report()
    );
    let text = std::fs::read_to_string(&all).unwrap();
    for name in ["k3d-ci", "k3d-dev", "k3d-old"] {
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[test]
fn volumes_and_networks_are_made_listed_and_deleted_on_their_own() {
    let place = Place::new();
    let run = |arguments: &str, code: i32| {
        let run = place.run(&format!("--simulate {arguments}"));
        assert_eq!(run.code(), code, "{}", run.report());
        (run.stdout(), run.stderr())
    };
    let (made, told) = run("volume create data cache", 0);
    assert_eq!(made, "data\ncache\n", "{told}");
    assert!(told.contains("volume \"cache\" is there"), "{told}");
    let (plan, _) = run("network create lan --subnet 10.9.0.0/16 --dry-run", 0);
    assert!(
        plan.contains("+ create network lan (10.9.0.0/16)"),
        "{plan}"
    );
    run("network create lan --subnet 10.9.0.0/33", 2);
    let (_, told) = run("volume rm nothing", 0);
    assert!(told.contains("there is no volume \"nothing\""), "{told}");
    run("volume delete k3d-dev-images", 4);
    let (listed, _) = run("volume ls --all -o name", 0);
    assert!(listed.contains("k3d-dev-images"), "{listed}");
    assert_eq!(run("volume list --no-headers", 0).0, "");
    let (listed, _) = run("network ls --all -o json", 0);
    assert!(listed.contains("k3d-dev-server-0"), "{listed}");
    let (left, _) = run("prune --dry-run -o json", 0);
    assert_eq!(left, "[]\n");
}

#[test]
fn the_data_of_clusters_and_nodes_has_k3d_s_fields() {
    let json = |arguments: &str| -> Value {
        serde_json::from_str(&done(&format!("--simulate {arguments} -o json"))).unwrap()
    };
    let listed = &json("cluster list")[1];
    assert_eq!(listed["network"]["id"].as_str().unwrap().len(), 64);
    assert!(
        listed["network"]["ipam"]["ipPrefix"]
            .as_str()
            .unwrap()
            .contains('/')
    );
    assert_eq!(listed["network"]["Members"][0]["Name"], "k3d-dev-server-0");
    let server = &listed["nodes"][0];
    assert_eq!(server["runtimeLabels"]["k3d.role"], "server");
    assert_eq!(server["serverOpts"]["kubeAPI"]["Port"], "6443");
    assert_eq!(server["Networks"][0], "k3d-dev");
    assert_eq!(listed["volumes"], Value::Null);

    let named = &json("cluster list dev")[0];
    assert_eq!(named["volumes"][0], "k3d-dev-images");
    let server = &named["nodes"][0];
    assert_eq!(server["Cmd"][0], "server");
    assert_eq!(server["restart"], true);
    assert_eq!(server["K3dEntrypoint"], true);
    let env = server["env"].to_string();
    assert!(env.contains("K3S_TOKEN=***"), "{env}");
    let config = &named["serverLoadBalancer"]["config"];
    assert!(config["ports"]["6443.tcp"].is_array(), "{config}");
    assert_eq!(named["clusterToken"], "");
    let shown = &json("cluster list dev --token")[0];
    let token = shown["clusterToken"].as_str().unwrap();
    assert!(!token.is_empty());
    assert_eq!(
        shown["nodes"][0]["runtimeLabels"]["k3d.cluster.token"],
        token
    );

    let initial = &json("cluster list ci")[0]["InitNode"];
    assert!(
        initial.is_null() || initial["name"] == "k3d-ci-server-0",
        "{initial}"
    );
    let nodes = json("node list");
    let agent = nodes
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["role"] == "agent");
    assert_eq!(agent.unwrap()["runtimeLabels"]["k3d.role"], "agent");
    let yaml = done("--simulate cluster list dev -o yaml");
    assert!(yaml.contains("serversCount: 1"), "{yaml}");
}

#[test]
fn published_versions_are_only_of_known_components() {
    let run = Place::new().run("version list kind");
    assert_eq!(run.code(), 2, "{}", run.report());
    assert!(run.stderr().contains("k3d-proxy"), "{}", run.report());
    assert_eq!(Place::new().run("version list k3s -s up").code(), 2);
}

#[test]
fn an_unknown_command_is_a_plugin_of_the_path_or_wrong_usage() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    place.write("bin/k3d-hello", "#!/bin/sh\necho \"hello $*\"\nexit 7\n");
    let path = place.path("bin/k3d-hello");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bin = place.path("bin").display().to_string();
    let place = place.with("PATH", &format!("{bin}:/usr/bin:/bin"));
    let run = place.run("hello you --there");
    assert_eq!(
        (run.code(), run.stdout().as_str()),
        (7, "hello you --there\n")
    );
    let run = place.run("helo");
    assert_eq!(run.code(), 2, "{}", run.report());
    assert!(
        run.stderr().contains("unrecognized subcommand"),
        "{}",
        run.report()
    );
    assert_eq!(place.run("cluster list --nonsense").code(), 2);
}
