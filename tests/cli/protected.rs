//! What the settings protect, on a simulated world: no subcommand changes it, and looking at it goes on.

use super::{Place, Run};

/// Runs a subcommand where the cluster `dev` is protected.
fn run(arguments: &str) -> Run {
    let place = Place::new();
    let settings = "[contexts]\nread_only = ['k3d-d*v', 'k3d-new']";
    place.write("home/.config/coracle/tui.toml", settings);
    place.write("project/image.tar", "");
    place.run(&format!("--simulate {arguments}"))
}

#[test]
fn no_subcommand_changes_a_protected_cluster() {
    for arguments in [
        "cluster delete dev",
        "cluster delete ci dev",
        "cluster stop dev",
        "cluster stop ci dev",
        "cluster start old dev",
        "cluster restart dev",
        "cluster scale dev --agents 3",
        "cluster edit dev --port-add 8080:80@loadbalancer",
        "cluster finish dev",
        "cluster finish dev --remove",
        "cluster stop dev --dry-run",
        "cluster create new",
        "cluster create dev",
        "node create extra -c dev",
        "node stop dev-agent-0",
        "node start dev-agent-0",
        "node delete dev-agent-0",
        "node edit k3d-dev-serverlb --port-add 8080:80",
        "image import nginx -c dev",
        "image remove nginx -c dev",
        "registry connect registry.localhost -c dev",
        "registry disconnect registry.localhost -c dev",
    ] {
        let run = run(arguments);
        let told = run.stderr();
        assert_eq!(run.code(), 4, "{arguments}: {}", run.report());
        assert!(
            told.contains("contexts.read_only has \"k3d-") && !told.contains('✓'),
            "{arguments}: {}",
            run.report()
        );
    }
}

#[test]
fn all_clusters_are_those_that_may_be_changed() {
    for (verb, other) in [
        ("delete", "\"old\" is deleted"),
        ("stop", "\"old\" is stopped"),
        ("start", "\"old\" runs"),
    ] {
        let run = run(&format!("cluster {verb} --all"));
        let told = run.stderr();
        assert!(
            told.contains("cluster \"dev\" is left out: contexts.read_only protects it")
                && told.contains(other)
                && !told.contains("k3d-dev"),
            "{}",
            run.report()
        );
    }
}

#[test]
fn a_protected_cluster_is_looked_at_and_its_neighbours_are_changed() {
    for arguments in ["cluster list dev", "node list", "cluster stop ci"] {
        let run = run(arguments);
        assert_eq!(run.code(), 0, "{arguments}: {}", run.report());
    }
}
