//! `image` and `registry` on a simulated world: what is listed, planned and told, and how it ends.

use serde_json::Value;

use super::{done, run};

#[test]
fn images_of_nodes_are_listed_with_their_sizes() {
    let table = done("image list -c dev").stdout();
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].starts_with("NODE"), "{table}");
    let pause = rows.iter().filter(|row| row.contains("mirrored-pause:3.6"));
    assert_eq!(pause.count(), 3, "{table}");
    assert!(rows[1].ends_with("24.0 MiB"), "{table}");
    let json: Value = serde_json::from_str(&done("image ls -c dev -o json").stdout()).unwrap();
    assert_eq!(json.as_array().unwrap().len() + 1, rows.len());
    assert_eq!(run("image list -c nobody").code(), 3);
}

#[test]
fn an_import_tells_what_each_node_got() {
    let told = done("image import busybox no/such:image -c dev");
    let said = told.stderr();
    for node in ["server-0", "agent-0", "agent-1"] {
        let line = format!("send busybox:latest to k3d-dev-{node}");
        assert!(said.contains(&line), "{said}");
    }
    assert!(
        said.contains("there is no image \"no/such:image\""),
        "{said}"
    );
    assert!(
        said.contains("has the images on each node that runs"),
        "{said}"
    );

    // The old word, k3d's flags, and a plan alone.
    let plan = done("image load busybox -c dev -m tools-node -k -t --dry-run -o json");
    let plan: Value = serde_json::from_str(&plan.stdout()).unwrap();
    let steps = plan[0]["steps"].as_array().unwrap();
    assert_eq!(
        (steps.len(), &steps[0]["action"]),
        (3, &"importImages".into())
    );

    assert_eq!(run("image import no/such:image -c dev").code(), 3);
    assert_eq!(run("image import").code(), 2);
    assert_eq!(run("image remove no/such:image -c dev").code(), 3);
}

#[test]
fn a_registry_is_made_with_its_clusters() {
    let made = done("registry create mine -p 5111 --cluster dev");
    assert_eq!(made.stdout(), "k3d-mine\n");
    let said = made.stderr();
    assert!(said.contains("localhost:5111/IMAGE"), "{said}");
    let plan = done("registry create -p random --dry-run").stdout();
    assert!(plan.contains("create container k3d-registry"), "{plan}");
    assert_eq!(
        done("registry list").stdout(),
        "NAME   ROLE   CLUSTER   STATUS\n"
    );
    assert_eq!(done("registry list --no-headers").stdout(), "");
    // As with k3d, what is not there is deleted already; nothing else can be done to it.
    assert!(
        done("registry delete mine")
            .stderr()
            .contains("there is no registry \"mine\"")
    );
    for verb in ["start", "stop", "connect -c dev", "catalogue"] {
        let run = run(&format!("registry {verb} mine"));
        assert_eq!(run.code(), 3, "{}", run.report());
    }
    assert_eq!(run("registry create -p nonsense").code(), 2);
    assert_eq!(run("registry create a_b").code(), 2);
    assert_eq!(run("registry delete").code(), 2);
    assert_eq!(run("registry delete mine --all").code(), 2);
    // Nothing to delete is deleted as well.
    done("registry rm --all");
}

#[test]
fn what_is_asked_of_a_registry_is_in_its_plan() {
    let plan = done(
        "registry create mine -p 127.0.0.1:5111 -i registry:3 -v /data:/var/lib/registry --default-network other \
         -e REGISTRY_LOG_LEVEL=debug --delete-enabled --enforce-port-match --dry-run -o json",
    );
    let plan: Value = serde_json::from_str(&plan.stdout()).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    let made = steps
        .iter()
        .find(|step| step["action"] == "createContainer");
    let made = made.unwrap_or_else(|| panic!("{plan}")).to_string();
    for word in [
        "k3d-mine",
        "registry:3",
        "/data:/var/lib/registry",
        "other",
        "REGISTRY_LOG_LEVEL=debug",
        "REGISTRY_STORAGE_DELETE_ENABLED=true",
        "REGISTRY_HTTP_ADDR=:5111",
    ] {
        assert!(made.contains(word), "{word}: {made}");
    }
    let secret = done(
        "registry create --proxy-remote-url https://ghcr.io --proxy-username me --proxy-password hunter2 \
         -e REGISTRY_HTTP_SECRET=hunter3 --dry-run -o json",
    );
    assert!(!secret.stdout().contains("hunter"), "{}", secret.stdout());
    assert!(secret.stdout().contains("https://ghcr.io"));

    // What is said of its use, unless nobody wants to know.
    let quiet = done("registry create mine --no-help");
    assert!(!quiet.stderr().contains("push to it"), "{}", quiet.stderr());
    assert_eq!(quiet.stdout(), "k3d-mine\n");
}

#[test]
fn a_cluster_is_planned_with_its_registries() {
    let plan = done("cluster create new --registry-create own:5112 --dry-run").stdout();
    assert!(plan.contains("create container own ("), "{plan}");
    assert_eq!(run("cluster create new --registry-use nobody").code(), 3);
}
