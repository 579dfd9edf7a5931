//! k3d's config files on the command line.

use super::Place;

#[test]
fn a_file_to_begin_with_is_written_once_and_replaced_when_forced() {
    let place = Place::new();
    let run = place.run("config init");
    assert_eq!((run.code(), run.stdout().as_str()), (0, ""));
    let text = std::fs::read_to_string(place.path("project/k3d-default.yaml")).unwrap();
    assert!(text.contains("apiVersion: k3d.io/v1alpha5\nkind: Simple\n"));
    assert_eq!(place.run("config create -o -").stdout(), text);
    let again = place.run("config init");
    assert_eq!(again.code(), 4);
    assert!(again.stderr().contains("--force"), "{}", again.report());
    place.write(
        "project/k3d-default.yaml",
        "old and longer than that\n".repeat(40).as_str(),
    );
    assert_eq!(place.run("config init --force").code(), 0);
    let now = std::fs::read_to_string(place.path("project/k3d-default.yaml")).unwrap();
    assert_eq!(now, text);
}

#[test]
fn an_old_file_is_written_in_new_words_to_a_file_or_to_stdout() {
    let place = Place::new();
    place.write(
        "project/old.yaml",
        "apiVersion: k3d.io/v1alpha2\nkind: Simple\nname: ${WHO}-dev\nports:\n- port: 80:80\n  nodeFilters: ['server[0]']\n",
    );
    let run = place.run("config migrate old.yaml");
    insta::assert_snapshot!(run.report());
    assert_eq!(place.run("config update old.yaml new.yaml").code(), 0);
    let text = std::fs::read_to_string(place.path("project/new.yaml")).unwrap();
    assert_eq!(text, run.stdout());
    let mut shell = place.shell("config migrate -", "\"$0\" \"$@\" < new.yaml");
    assert_eq!(
        String::from_utf8_lossy(&shell.output().unwrap().stdout),
        text
    );
}

#[test]
fn a_file_that_is_not_there_and_one_that_is_wrong_have_codes_of_their_own() {
    let place = Place::new();
    assert_eq!(place.run("config migrate missing.yaml").code(), 3);
    place.write(
        "project/bad.yaml",
        "apiVersion: k3d.io/v1alpha5\nkind: Simple\nserver: 1\n",
    );
    let run = place.run("config migrate bad.yaml");
    insta::assert_snapshot!(run.report());
}

const FILE: &str = "apiVersion: k3d.io/v1alpha5\nkind: Simple\nmetadata:\n  name: filed\nservers: 3\nagents: 1\n\
                    ports:\n- port: 18080:80\n  nodeFilters: [loadbalancer]\noptions:\n  kubeconfig:\n    updateDefaultKubeconfig: false\n";

#[test]
fn a_cluster_is_made_as_its_file_says_and_flags_come_first() {
    let place = Place::new().with("K3D_AGENTS", "2");
    place.write("project/k3d.yaml", FILE);
    let plan = |arguments: &str| {
        let run = place.run(&format!(
            "--simulate=empty cluster create {arguments} --dry-run"
        ));
        assert_eq!(run.code(), 0, "{}", run.report());
        run.stdout()
    };
    let filed = plan("-c k3d.yaml");
    assert!(filed.contains("create cluster \"filed\""), "{filed}");
    assert!(filed.contains("create container k3d-filed-server-2"));
    assert!(filed.contains("create container k3d-filed-agent-1") && !filed.contains("agent-2"));
    assert!(!filed.contains("kubeconfig"), "{filed}");
    let flagged = plan("other --config k3d.yaml -s 1 -a 0 --kubeconfig-update-default");
    assert!(flagged.contains("create cluster \"other\""), "{flagged}");
    assert!(!flagged.contains("server-1") && !flagged.contains("agent-0"));
    assert!(flagged.contains("add context k3d-other to the kubeconfig"));
}

#[test]
fn a_file_is_read_from_the_standard_input_and_names_what_is_deleted() {
    let place = Place::new();
    place.write("project/k3d.yaml", FILE);
    let mut shell = place.shell(
        "--simulate=empty cluster create -c - --dry-run",
        "\"$0\" \"$@\" < k3d.yaml",
    );
    let output = shell.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("create cluster \"filed\""));
    let run = place.run("--simulate=empty cluster delete -c k3d.yaml");
    assert_eq!(run.code(), 0);
    assert!(
        run.stderr().contains("there is no cluster \"filed\""),
        "{}",
        run.report()
    );
}
