//! Registries that nodes get images from: made and removed on their own, and made known to clusters that are there.
//!
//! A cluster that runs is told without a restart: containerd reads its files at every pull. What k3s reads is written
//! beside, so that it says the same when it starts.

use std::collections::BTreeMap;

use super::{KubeAccess, Plan, Step, StepId, Subject};
use crate::{
    distro::k3s::{registries, registry_files},
    domain::{
        Cluster, ClusterName, ClusterState, Problem, Registry, Role,
        container::{ContainerState, FileEntry},
        registry::RegistrySpec,
    },
};

/// What is wanted of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A new one.
    Create {
        /// What it is to be like; its name is the container's.
        spec: Box<RegistrySpec>,
        /// The network that it is in.
        network: String,
        /// The clusters that are told of it.
        clusters: Vec<ClusterName>,
    },
    /// It gone, with everything in it.
    Delete(String),
    /// It running.
    Start(String),
    /// It not running, and everything in it kept.
    Stop(String),
    /// A cluster's nodes getting images from it.
    Connect {
        /// The registry.
        registry: String,
        /// The cluster.
        cluster: ClusterName,
    },
    /// A cluster's nodes not getting images from it any more.
    Disconnect {
        /// The registry.
        registry: String,
        /// The cluster.
        cluster: ClusterName,
    },
}

impl Wanted {
    /// The thing.
    #[must_use]
    pub fn about(&self) -> Subject {
        match self {
            Self::Create { spec, .. } => Subject::Registry(spec.name.clone()),
            Self::Delete(name) | Self::Start(name) | Self::Stop(name) => {
                Subject::Registry(name.clone())
            }
            Self::Connect { cluster, .. } | Self::Disconnect { cluster, .. } => {
                cluster.clone().into()
            }
        }
    }

    /// The clusters that are told something.
    #[must_use]
    pub fn clusters(&self) -> &[ClusterName] {
        match self {
            Self::Create { clusters, .. } => clusters,
            Self::Connect { cluster, .. } | Self::Disconnect { cluster, .. } => {
                std::slice::from_ref(cluster)
            }
            _ => &[],
        }
    }
}

/// What the plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What is wanted.
    pub wanted: &'a Wanted,
    /// The registries that are there.
    pub registries: &'a [Registry],
    /// The clusters that are told, in the order of the wish; of a registry that goes, those that are in a network with it.
    pub clusters: &'a [Cluster],
    /// What the nodes of these have of `registries.yaml`.
    pub files: &'a BTreeMap<String, String>,
    /// A free port of the host, used unless the specification names one.
    pub port: u16,
}

/// The plan.
///
/// # Errors
/// When the name is taken, there is no such registry, or a cluster cannot be told.
pub fn plan(input: &Input<'_>) -> Result<Plan, Problem> {
    match input.wanted {
        Wanted::Create { spec, network, .. } => create(input, spec, network),
        Wanted::Delete(name) => Ok(delete(input, find(input.registries, name)?)),
        Wanted::Start(name) => Ok(start(find(input.registries, name)?)),
        Wanted::Stop(name) => Ok(stop(find(input.registries, name)?)),
        Wanted::Connect { registry, cluster } => {
            let registry = find(input.registries, registry)?;
            let title = format!(
                "connect cluster \"{cluster}\" to registry \"{}\"",
                registry.name
            );
            let mut plan = Plan::new(title, cluster.clone());
            if registry.state != ContainerState::Running {
                plan.warnings
                    .push(format!("{} does not run", registry.name));
            }
            for cluster in input.clusters {
                connect(&mut plan, input, cluster, registry, &[])?;
            }
            Ok(plan)
        }
        Wanted::Disconnect { registry, cluster } => {
            let registry = find(input.registries, registry)?;
            let title = format!(
                "disconnect cluster \"{cluster}\" from registry \"{}\"",
                registry.name
            );
            let mut plan = Plan::new(title, cluster.clone());
            plan.undoable = false;
            for cluster in input.clusters {
                disconnect(&mut plan, input, cluster, registry)?;
            }
            Ok(plan)
        }
    }
}

/// The registry that a person means.
///
/// # Errors
/// When there is none; the names that are there are in the hint.
pub fn find<'a>(all: &'a [Registry], wanted: &str) -> Result<&'a Registry, Problem> {
    all.iter()
        .find(|registry| registry.name == wanted)
        .or_else(|| all.iter().find(|registry| registry.is_called(wanted)))
        .ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|registry| registry.name.as_str()).collect();
            let there = if names.is_empty() {
                "there are no registries; create one with: coracle registry create".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            Problem::not_found(
                format!("there is no registry {wanted:?}"),
                "no container at the engine is one of that name",
            )
            .with_hint(there)
        })
}

fn create(input: &Input<'_>, spec: &RegistrySpec, network: &str) -> Result<Plan, Problem> {
    let name = &spec.name;
    if input.registries.iter().any(|there| there.name == *name) {
        return Err(Problem::refused(
            format!("registry {name:?} was not created"),
            "there is one of that name already",
        )
        .with_hint(format!(
            "use it as it is, or remove it first: coracle registry delete {name}"
        )));
    }
    let mut plan = Plan::new(
        format!("create registry \"{name}\""),
        Subject::Registry(name.clone()),
    );
    let registry = registries::wanted(spec, name, input.port, None, network);
    let started = add(&mut plan, spec, &registry, &[]);
    let started = wait(&mut plan, &registry, started);
    for cluster in input.clusters {
        connect(&mut plan, input, cluster, &registry, &[started])?;
    }
    Ok(plan)
}

/// Adds the steps that make a registry, and returns the last one.
pub(super) fn add(
    plan: &mut Plan,
    spec: &RegistrySpec,
    registry: &Registry,
    after: &[StepId],
) -> StepId {
    let image = registry.image.clone();
    let mut before = vec![plan.add(Step::PullImage { image }, after.iter().copied())];
    before.extend(after);
    let container = registries::container(spec, registry);
    let made = plan.add(Step::CreateContainer(Box::new(container)), before);
    let container = registry.name.clone();
    plan.add(Step::StartContainer { container }, [made])
}

/// Waits until images can be pushed to it. A cluster does not wait for its own: one that keeps copies does not come up
/// while it cannot reach the other one, and that is no reason to have no cluster.
fn wait(plan: &mut Plan, registry: &Registry, started: StepId) -> StepId {
    let (container, role) = (registry.name.clone(), Role::Registry);
    plan.add(Step::WaitForLog { container, role }, [started])
}

/// The nodes that were told of it are told otherwise first; those of clusters that do not run learn it when they start. That
/// tools in a cluster hear of it is not waited for: its API may be gone, and the registry is to go all the same.
fn delete(input: &Input<'_>, registry: &Registry) -> Plan {
    let name = &registry.name;
    let mut plan = Plan::new(
        format!("delete registry \"{name}\""),
        Subject::Registry(name.clone()),
    );
    plan.undoable = false;
    let mut told = Vec::new();
    for cluster in input.clusters {
        plan.warnings
            .push(format!("cluster {} gets images from it", cluster.name));
        match forget(&mut plan, input, cluster, registry) {
            Ok(nodes) if nodes.is_empty() => {}
            Ok(nodes) => {
                told.extend(nodes);
                tell(&mut plan, cluster, registry, false, &[]);
            }
            Err(problem) => plan.warnings.push(format!(
                "nodes of cluster {} go on asking it: {problem}",
                cluster.name
            )),
        }
    }
    let container = name.clone();
    plan.add(Step::RemoveContainer { container }, told);
    plan
}

fn start(registry: &Registry) -> Plan {
    let title = format!("start registry \"{}\"", registry.name);
    let mut plan = Plan::new(title, Subject::Registry(registry.name.clone()));
    if registry.state != ContainerState::Running {
        let container = registry.name.clone();
        let started = plan.add(Step::StartContainer { container }, []);
        wait(&mut plan, registry, started);
    }
    plan
}

fn stop(registry: &Registry) -> Plan {
    let title = format!("stop registry \"{}\"", registry.name);
    let mut plan = Plan::new(title, Subject::Registry(registry.name.clone()));
    if registry.state == ContainerState::Running {
        let container = registry.name.clone();
        plan.add(Step::StopContainer { container }, []);
    }
    plan
}

/// The nodes of a cluster that get images, and whether each runs.
fn nodes(cluster: &Cluster) -> impl Iterator<Item = (&str, bool)> {
    cluster
        .nodes
        .iter()
        .filter(|node| matches!(node.role, Role::Server | Role::Agent))
        .map(|node| (node.name.as_str(), node.is_running()))
}

fn connect(
    plan: &mut Plan,
    input: &Input<'_>,
    cluster: &Cluster,
    registry: &Registry,
    after: &[StepId],
) -> Result<(), Problem> {
    let network = &cluster.network;
    if network == "host" {
        return Err(Problem::refused(
            format!(
                "cluster {:?} was not told of {}",
                cluster.name.as_str(),
                registry.name
            ),
            "it has the machine's own network, in which containers have no names",
        ));
    }
    let mut before = after.to_vec();
    if !registry.networks.contains(network) {
        let step = Step::Connect {
            network: network.clone(),
            container: registry.name.clone(),
        };
        before = vec![plan.add(step, before)];
    }
    for (node, runs) in nodes(cluster) {
        let present = input.files.get(node).map(String::as_str);
        let mut files = vec![registry_files::with(present, registry)?];
        if runs {
            files.extend(registry_files::hosts_files(registry, true));
        }
        put(plan, node, files, &before);
    }
    tell(plan, cluster, registry, true, &before);
    Ok(())
}

fn disconnect(
    plan: &mut Plan,
    input: &Input<'_>,
    cluster: &Cluster,
    registry: &Registry,
) -> Result<(), Problem> {
    let mut told = forget(plan, input, cluster, registry)?;
    let attached = registry.networks.contains(&cluster.network);
    if told.is_empty() && !attached {
        return Err(Problem::not_found(
            format!(
                "cluster {:?} does not use {}",
                cluster.name.as_str(),
                registry.name
            ),
            "its nodes were never told of it",
        ));
    }
    told.extend(tell(plan, cluster, registry, false, &[]));
    if attached {
        let step = Step::Disconnect {
            network: cluster.network.clone(),
            container: registry.name.clone(),
        };
        plan.add(step, told);
    }
    Ok(())
}

/// Tells the nodes of a cluster that were told of it that it is not there any more. All or none: a file that cannot be
/// read is found before a step is planned.
fn forget(
    plan: &mut Plan,
    input: &Input<'_>,
    cluster: &Cluster,
    registry: &Registry,
) -> Result<Vec<StepId>, Problem> {
    let mut less = Vec::new();
    for (node, runs) in nodes(cluster) {
        if let Some(present) = input.files.get(node)
            && let Some(file) = registry_files::without(present, registry)?
        {
            let mut files = vec![file];
            if runs {
                files.extend(registry_files::hosts_files(registry, false));
            }
            less.push((node, files));
        }
    }
    let puts = less
        .into_iter()
        .map(|(node, files)| put(plan, node, files, &[]));
    Ok(puts.collect())
}

fn put(plan: &mut Plan, node: &str, files: Vec<FileEntry>, after: &[StepId]) -> StepId {
    let container = node.to_owned();
    plan.add(Step::PutFiles { container, files }, after.iter().copied())
}

/// Tells tools inside of a cluster that runs.
fn tell(
    plan: &mut Plan,
    cluster: &Cluster,
    registry: &Registry,
    present: bool,
    after: &[StepId],
) -> Option<StepId> {
    (cluster.state == ClusterState::Running).then(|| {
        let step = Step::SetRegistryRecord {
            access: KubeAccess::of(cluster),
            text: registries::hosting(registry),
            present,
        };
        plan.add(step, after.iter().copied())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{distro, domain::ProblemKind, plan::fixtures::demo};

    fn spec() -> RegistrySpec {
        RegistrySpec {
            name: "k3d-reg".to_owned(),
            ..RegistrySpec::default()
        }
    }

    fn there() -> Registry {
        registries::wanted(&spec(), "k3d-reg", 5050, None, "bridge")
    }

    fn planned(
        wanted: &Wanted,
        registries: &[Registry],
        file: Option<&str>,
    ) -> Result<Plan, Problem> {
        let mut containers = demo(1, 1);
        let agent = containers
            .iter_mut()
            .find(|node| node.name.contains("agent"));
        agent.unwrap().state = ContainerState::Exited;
        let mut cluster = distro::clusters(&containers, &[]).remove(0);
        cluster.state = ClusterState::Running;
        let files = cluster
            .nodes
            .iter()
            .filter_map(|node| Some((node.name.clone(), file?.to_owned())))
            .collect();
        let clusters = vec![cluster];
        plan(&Input {
            wanted,
            registries,
            clusters: &clusters,
            files: &files,
            port: 5050,
        })
    }

    #[test]
    fn a_registry_is_made_and_a_cluster_told_of_it_while_it_runs() {
        let wanted = Wanted::Create {
            spec: Box::new(spec()),
            network: "bridge".to_owned(),
            clusters: vec![ClusterName::existing("demo")],
        };
        let plan = planned(&wanted, &[], None).unwrap();
        insta::assert_snapshot!(plan.to_text());
        assert_eq!(plan.to_json()["about"]["kind"], "registry");
        assert_eq!(plan.to_json()["cluster"], serde_json::Value::Null);
        let taken = planned(&wanted, &[there()], None).unwrap_err();
        assert_eq!(taken.kind, ProblemKind::Refused);
    }

    #[test]
    fn a_cluster_that_is_there_is_connected_and_disconnected() {
        let demo = ClusterName::existing("demo");
        let (registry, cluster) = ("reg".to_owned(), demo);
        let wanted = Wanted::Connect {
            registry: registry.clone(),
            cluster: cluster.clone(),
        };
        let plan = planned(&wanted, &[there()], None).unwrap();
        insta::assert_snapshot!(plan.to_text());

        let mut connected = there();
        connected.networks.push("k3d-demo".to_owned());
        let file = registry_files::with(None, &connected).unwrap();
        let text = String::from_utf8(file.contents).unwrap();
        let wanted = Wanted::Disconnect { registry, cluster };
        let plan = planned(&wanted, &[connected], Some(&text)).unwrap();
        insta::assert_snapshot!(plan.to_text());
    }

    #[test]
    fn a_registry_is_deleted_with_what_is_in_it() {
        let wanted = Wanted::Delete("reg".to_owned());
        let mut used = there();
        used.networks.push("k3d-demo".to_owned());
        let file = registry_files::with(None, &used).unwrap();
        let text = String::from_utf8(file.contents).unwrap();
        let plan = planned(&wanted, &[used.clone()], Some(&text)).unwrap();
        assert_eq!(plan.risk(), ["everything stored in k3d-reg"]);
        insta::assert_snapshot!(plan.to_text());
        // Nodes that were never told are left alone; those with a file that nobody understands are named.
        let plan = planned(&wanted, &[used.clone()], None).unwrap();
        assert_eq!(plan.steps.len(), 1);
        let plan = planned(&wanted, &[used], Some("mirrors: [")).unwrap();
        assert_eq!((plan.steps.len(), plan.warnings.len()), (1, 2));
        let missing = planned(&wanted, &[], None).unwrap_err();
        assert_eq!(missing.kind, ProblemKind::NotFound);
    }
}
