//! An interrupted create brought to its end: the same plan without what is there already.
//!
//! The other way out is [`super::delete`], which removes whatever is left together with the mark.

use super::{
    Kubeconfig, Plan,
    create::{
        self, Chosen, Create, Present,
        network::{self, Around},
    },
};
use crate::{
    distro::k3s::mark,
    domain::{
        Cluster, ClusterNetwork, Problem, Registry,
        container::{ContainerInfo, EngineInfo, NetworkInfo, VolumeSpec},
        spec::WaitFor,
    },
};

/// What finishing is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Finish<'a> {
    /// The cluster, with the mark of what was interrupted.
    pub cluster: &'a Cluster,
    /// All clusters that are there.
    pub clusters: &'a [Cluster],
    /// The engine's networks, of whatever kind.
    pub networks: &'a [NetworkInfo],
    /// The engine's containers, of whoever they are.
    pub containers: &'a [ContainerInfo],
    /// The engine's volumes with k3d's label.
    pub volumes: &'a [VolumeSpec],
    /// The registries that are there.
    pub registries: &'a [Registry],
    /// The engine.
    pub engine: &'a EngineInfo,
    /// What "done" means.
    pub wait: WaitFor,
    /// What happens to the person's kubeconfig.
    pub kubeconfig: Kubeconfig,
    /// Values for what was not chosen before the interruption.
    pub chosen: &'a Chosen,
}

/// The plan that finishes it.
///
/// # Errors
/// When nothing was interrupted, or the mark does not tell what was wanted.
pub fn plan(input: &Finish<'_>) -> Result<Plan, Problem> {
    let cluster = input.cluster;
    let refuse = |why: String| {
        Problem::refused(
            format!("cluster \"{}\" was not finished", cluster.name),
            why,
        )
    };
    let unfinished = cluster
        .unfinished
        .as_ref()
        .ok_or_else(|| refuse("no operation on it was interrupted".to_owned()))?;
    if unfinished.verb != "create" {
        let why = format!("it is not known how to finish {:?}", unfinished.verb);
        return Err(refuse(why).with_hint("delete what is left of it"));
    }
    let mut spec = mark::from_json(&unfinished.spec)?;
    if spec.name != cluster.name {
        let why = format!("its mark belongs to cluster \"{}\"", spec.name);
        return Err(refuse(why).with_hint("delete what is left of it"));
    }
    // Containers that are there carry the token; without any, a fresh one is as good.
    spec.token.clone_from(&cluster.token);
    create::check::spec(&spec)?;
    let port = spec.api.port.unwrap_or(input.chosen.port);
    let others: Vec<Cluster> = input
        .clusters
        .iter()
        .filter(|other| other.name != cluster.name)
        .cloned()
        .collect();
    create::check::ports(&spec, port, &others)?;
    let around = Around {
        networks: input.networks,
        containers: input.containers,
        cluster: Some(cluster),
    };
    let layout = network::layout(&spec, &around, port, &input.chosen.token)?;
    let present = Present {
        cluster: Some(cluster),
        network: spec.network == ClusterNetwork::Host || around.network(&layout.network).is_some(),
        volumes: input.volumes,
        mark: Some(&unfinished.volume),
    };
    let create = Create {
        spec: &spec,
        wait: input.wait,
        kubeconfig: input.kubeconfig,
        clusters: &others,
        networks: input.networks,
        registries: input.registries,
        containers: input.containers,
        engine: input.engine,
        chosen: input.chosen,
    };
    let mut plan = Plan::new(
        format!("finish creating cluster \"{}\"", spec.name),
        spec.name.clone(),
    );
    create::build(&mut plan, &create, &layout, present, None)?;
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        distro,
        domain::{
            RegistrySpec,
            container::{ContainerInfo, ContainerState},
        },
        plan::{
            Step,
            fixtures::{chosen, demo, engine, mark, network, spec},
        },
    };

    fn finished(
        containers: &[ContainerInfo],
        networks: &[NetworkInfo],
        volumes: &[VolumeSpec],
    ) -> Result<Plan, Problem> {
        let clusters = distro::clusters(containers, volumes);
        plan(&Finish {
            cluster: &clusters[0],
            clusters: &clusters,
            networks,
            containers,
            volumes,
            registries: &[],
            engine: &engine(),
            wait: WaitFor::Usable,
            kubeconfig: Kubeconfig::Merge,
            chosen: &chosen(),
        })
    }

    #[test]
    fn only_what_is_missing_is_made() {
        let mut containers = demo(1, 0);
        for container in &mut containers {
            if container.name.ends_with("serverlb") {
                container.state = ContainerState::Created;
            }
        }
        let networks = [network("k3d-demo", "172.18.0.0/16")];
        let plan = finished(&containers, &networks, &[mark()]).unwrap();
        insta::assert_snapshot!(plan.to_text());
    }

    #[test]
    fn a_mark_alone_leads_to_the_whole_cluster() {
        let plan = finished(&[], &[], &[mark()]).unwrap();
        let text = plan.to_text();
        assert!(!text.contains("create volume k3d-demo-unfinished"));
        assert!(text.contains("create network k3d-demo"));
        assert_eq!(text.matches("create container").count(), 3);
        assert!(
            text.trim_end()
                .ends_with("remove volume k3d-demo-unfinished  (after all)")
        );
    }

    #[test]
    fn a_registry_that_was_to_be_made_has_the_port_that_was_chosen() {
        let mut wanted = spec("demo", 1, 0);
        wanted.registries.create = Some(RegistrySpec::parse("reg").unwrap());
        let first = create::plan(&Create {
            spec: &wanted,
            wait: WaitFor::Usable,
            kubeconfig: Kubeconfig::Merge,
            clusters: &[],
            networks: &[],
            registries: &[],
            containers: &[],
            engine: &engine(),
            chosen: &chosen(),
        });
        let Step::CreateVolume(mark) = &first.unwrap().steps[0].step else {
            panic!("a create begins with its mark");
        };
        let spec = mark::from_json(&mark.labels[mark::SPEC]).unwrap();
        let port = spec.registries.create.unwrap().port;
        assert_eq!(port, Some(chosen().registry_port));
        let text = finished(&[], &[], std::slice::from_ref(mark))
            .unwrap()
            .to_text();
        assert!(text.contains("create container reg "), "{text}");
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        assert!(finished(&demo(1, 0), &[], &[]).is_err());
        let changed = |key: &str, value: &str| {
            let mut mark = mark();
            mark.labels.insert(key.to_owned(), value.to_owned());
            finished(&[], &[], &[mark])
        };
        assert!(changed("coracle.verb", "dance").is_err());
        assert!(changed("coracle.spec", "{").is_err());
        assert!(changed("k3d.cluster", "other").is_err());
    }
}
