//! Stop and start as one plan, from one observation: every container is down in between.

use std::collections::BTreeSet;

use super::{
    Plan,
    start::{self, Start},
    stop,
};

/// The plan of a restart. What did not run before runs afterwards.
#[must_use]
pub fn plan(input: &Start<'_>) -> Plan {
    let cluster = input.cluster;
    let mut plan = Plan::new(
        format!("restart cluster \"{}\"", cluster.name),
        cluster.name.clone(),
    );
    plan.undoable = false;
    let stopped = stop::stop(&mut plan, cluster);
    let down: BTreeSet<&str> = cluster
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    start::start(&mut plan, input, &down, &stopped);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        distro,
        domain::spec::WaitFor,
        plan::fixtures::{demo, demo_details, network},
    };

    #[test]
    fn nothing_starts_before_everything_stopped() {
        let cluster = distro::clusters(&demo(1, 1), &[]).remove(0);
        let plan = plan(&Start {
            cluster: &cluster,
            details: &demo_details(1, 1),
            networks: &[network("k3d-demo", "172.18.0.0/16")],
            routes: None,
            wait: WaitFor::Usable,
        });
        insta::assert_snapshot!(plan.to_text());
    }
}
