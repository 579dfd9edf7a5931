//! From a wish to the plan that fulfils it: looks at the world, chooses what is left open, asks the builder.

use jiff::Timestamp;

use super::{
    Request, Wish, World, images,
    kubeconfig::in_background,
    kubeconfig_file::{self, KubeconfigFiles},
    lasting,
    leftovers::leftovers,
    nodes::{self, Size},
    observe::{bare, details, observe},
    ports, protection, reach, recover, registries, surroundings,
};
use crate::{
    backend::{Backends, ErrorKind},
    distro::k3s::{self, labels, names, volumes::Mount},
    domain::{
        ApiEndpoint, Cluster, ClusterName, ClusterNetwork, ClusterSpec, ClusterState, Distribution,
        Problem, Protocol, PublishedPort, Subnet,
        container::{Labels, NetworkInfo},
        spec::WaitFor,
    },
    plan::{
        Kubeconfig, Plan,
        create::{self, Chosen, Create},
        delete::{self, Delete},
        finish::{self, Finish},
        prune, restart,
        start::{self, Start},
        stop,
    },
};

/// Observes the world and has the plan made. Nothing is changed.
///
/// # Errors
/// When the wish cannot be fulfilled in the world as it is, or the engine does not answer.
pub async fn prepare(backends: &Backends, request: &Request) -> Result<Plan, Problem> {
    prepare_beside(backends, request, &[]).await
}

/// Whether what the wish would change may be changed, as far as that can be told before its plan is made. Where
/// several are fulfilled in turn, one that is refused then keeps all of them from being begun.
///
/// # Errors
/// When a protected cluster would be changed, or the engine does not answer.
pub async fn allowed(backends: &Backends, request: &Request) -> Result<(), Problem> {
    if request.contexts.read_only.is_empty() {
        return Ok(());
    }
    protection::check(&request.contexts, &observe(backends).await?, &request.wish)
}

/// A plan that is made without the subnets that the engine has refused already although it lists no network that has them.
pub(super) async fn prepare_beside(
    backends: &Backends,
    request: &Request,
    refused: &[Subnet],
) -> Result<Plan, Problem> {
    let world = observe(backends).await?;
    protection::check(&request.contexts, &world, &request.wish)?;
    let wait = request.options.wait;
    match &request.wish {
        Wish::Create { spec, kubeconfig } => {
            let mut plan = new_cluster(backends, &world, spec, *kubeconfig, wait, refused).await?;
            plan.warnings
                .extend(unwritable(&request.files, *kubeconfig, &spec.name).await);
            Ok(plan)
        }
        Wish::Draft(draft) => {
            let request = Request {
                wish: draft.as_ref().clone().complete().await?,
                ..request.clone()
            };
            Box::pin(prepare_beside(backends, &request, refused)).await
        }
        Wish::Delete(name) | Wish::Remove(name) => deletion(&world, name),
        Wish::Start(name) | Wish::Restart(name) => {
            let cluster = free(&world, name, "started")?;
            // A cluster starts whatever is in it.
            let routes = ports::routes(backends, cluster).await.unwrap_or_default();
            let start = Start {
                cluster,
                details: &details(backends, cluster).await,
                networks: &world.networks,
                routes: routes.as_ref(),
                wait,
            };
            Ok(if matches!(request.wish, Wish::Restart(_)) {
                restart::plan(&start)
            } else {
                start::plan(&start)
            })
        }
        Wish::Stop(name) => Ok(stop::plan(free(&world, name, "stopped")?)),
        Wish::Scale {
            cluster,
            servers,
            agents,
        } => {
            let cluster = free(&world, cluster, "scaled")?;
            let size = Size {
                servers: *servers,
                agents: *agents,
                ..Size::default()
            };
            nodes::scale(backends, &world, cluster, &size, wait).await
        }
        Wish::AddNodes {
            cluster,
            nodes: new,
        } => nodes::add(backends, &world, cluster, new, wait).await,
        Wish::Nodes { about, verb, names } => {
            nodes::change(backends, &world, about, *verb, names, wait).await
        }
        Wish::Lasting(wanted) => {
            let networks = in_use(backends, &world, refused);
            lasting::prepare(backends, wanted, &world.containers, &networks).await
        }
        Wish::Prune { interrupted, only } => {
            let found =
                leftovers(backends, &request.files, &request.contexts, *interrupted).await?;
            Ok(prune::plan(&found.only(only)))
        }
        Wish::Ports {
            cluster,
            add,
            delete,
        } => {
            let cluster = free(&world, cluster, "changed")?;
            ports::edit(backends, &world, cluster, (add, delete), wait).await
        }
        Wish::Registry(wanted) => registries::prepare(backends, &world, wanted).await,
        Wish::ImportImages { cluster, images } => {
            images::prepare_import(backends, world.cluster(cluster)?, images).await
        }
        Wish::RemoveImages { cluster, images } => {
            images::prepare_removal(backends, world.cluster(cluster)?, images).await
        }
        Wish::Finish(name) => unfinished(backends, &world, name, wait, refused).await,
    }
}

/// The plan that takes away all that there is of a cluster, or of what was interrupted.
fn deletion(world: &World, name: &ClusterName) -> Result<Plan, Problem> {
    let cluster = match remains(world, name) {
        Some(remains) => remains,
        None => free(world, name, "deleted")?.clone(),
    };
    let plan = delete::plan(&Delete {
        cluster: &cluster,
        containers: &world.containers,
        networks: &world.networks,
        volumes: &world.volumes,
    });
    Ok(warned(plan, &cluster))
}

/// The plan that goes on with what was interrupted.
async fn unfinished(
    backends: &Backends,
    world: &World,
    name: &ClusterName,
    wait: WaitFor,
    refused: &[Subnet],
) -> Result<Plan, Problem> {
    let cluster = free(world, name, "finished")?;
    let plan = finish::plan(&Finish {
        cluster,
        clusters: &world.clusters,
        networks: &in_use(backends, world, refused),
        containers: &backends.runtime.containers(&[]).await?,
        volumes: &world.volumes,
        registries: &k3s::registries::registries(&world.containers),
        engine: &world.engine,
        wait,
        kubeconfig: Kubeconfig::default(),
        chosen: &choose([127, 0, 0, 1].into())?,
    })?;
    Ok(warned(plan, cluster))
}

/// The plan of a create, with what the specification leaves open chosen.
async fn new_cluster(
    backends: &Backends,
    world: &World,
    spec: &ClusterSpec,
    kubeconfig: Kubeconfig,
    wait: WaitFor,
    refused: &[Subnet],
) -> Result<Plan, Problem> {
    let (spec, opened) = &reach::for_engine(spec, &world.engine);
    let mut chosen = choose(spec.api.host_ip)?;
    if let Some(registry) = &spec.registries.create {
        chosen.registry_port = registries::chosen_port(backends, world, registry)?;
    }
    // In a network that is there, containers of anybody can have addresses.
    let containers = match spec.network {
        ClusterNetwork::Existing(_) => backends.runtime.containers(&[]).await?,
        _ => Vec::new(),
    };
    let mut plan = create::plan(&Create {
        spec,
        wait,
        kubeconfig,
        clusters: &world.clusters,
        networks: &in_use(backends, world, refused),
        registries: &k3s::registries::registries(&world.containers),
        containers: &containers,
        engine: &world.engine,
        chosen: &chosen,
    })?;
    plan.warnings.extend(opened.clone());
    if !backends.simulated && !surroundings::is_known(&spec.api.host).await {
        plan.warnings.push(format!(
            "{} does not resolve on this machine: its address is asked instead, and the kubeconfig names it all the same",
            spec.api.host
        ));
    }
    let local = surroundings::is_local(backends, &world.engine);
    ports::free(&named_ports(spec), &world.containers, local)?;
    if local {
        plan.warnings.extend(missing_paths(spec));
    }
    Ok(plan)
}

/// What is said of a kubeconfig that could not be written in the end.
async fn unwritable(
    files: &KubeconfigFiles,
    wanted: Kubeconfig,
    cluster: &ClusterName,
) -> Option<String> {
    if wanted == Kubeconfig::Untouched {
        return None;
    }
    let files = files.clone();
    let problem = in_background(move || kubeconfig_file::look(&files))
        .await
        .err()?;
    let Problem {
        what, why, hint, ..
    } = kubeconfig_file::later(problem, cluster);
    Some(format!("{what}: {why}; {hint}"))
}

/// What is said of paths that are to be mounted and are not there: an engine makes folders of them.
fn missing_paths(spec: &ClusterSpec) -> Vec<String> {
    let mounts = spec
        .volumes
        .iter()
        .filter_map(|item| Mount::parse(&item.value).ok());
    mounts
        .filter_map(|mount| mount.host_path().map(str::to_owned))
        .filter(|path| !std::path::Path::new(path).exists())
        .map(|path| format!("{path} is not there; the engine makes an empty folder of it"))
        .collect()
}

/// The plan, which says so if somebody may still be at work on the cluster where that cannot be seen.
fn warned(mut plan: Plan, cluster: &Cluster) -> Plan {
    let unfinished = cluster.unfinished.as_ref();
    plan.warnings
        .extend(unfinished.and_then(recover::perhaps_at_work));
    plan
}

/// The cluster, unless another process is at work on it.
pub(super) fn free<'a>(
    world: &'a World,
    name: &ClusterName,
    verb: &str,
) -> Result<&'a Cluster, Problem> {
    let cluster = world.cluster(name)?;
    if let Some(unfinished) = &cluster.unfinished {
        let what = format!("cluster {:?} was not {verb}", name.as_str());
        recover::check_owner(unfinished, &what)?;
    }
    Ok(cluster)
}

/// What a delete that did not come to its end left of a cluster, when no container of it is there by which it would be
/// found: its network or its volumes.
fn remains(world: &World, name: &ClusterName) -> Option<Cluster> {
    if world.named(name).next().is_some() {
        return None;
    }
    let name = &ClusterName::existing(bare(name));
    let network = names::network(name);
    let label = |labels: &Labels, key: &str, value: &str| {
        labels.get(key).map(String::as_str) == Some(value)
    };
    let networks = world
        .networks
        .iter()
        .any(|found| found.name == network && label(&found.labels, labels::APP, labels::APP_K3D));
    let volumes = world
        .volumes
        .iter()
        .any(|found| label(&found.labels, labels::CLUSTER, name.as_str()));
    (networks || volumes).then(|| Cluster {
        name: name.clone(),
        distribution: Distribution::K3s,
        state: ClusterState::Broken,
        nodes: Vec::new(),
        network,
        network_external: false,
        host_aliases: Vec::new(),
        image_volume: None,
        token: None,
        api: ApiEndpoint::default(),
        load_balancer: None,
        created: Timestamp::UNIX_EPOCH,
        unfinished: None,
    })
}

fn choose(api: std::net::IpAddr) -> Result<Chosen, Problem> {
    Ok(Chosen {
        token: surroundings::token()?,
        port: surroundings::free_port(api)?,
        registry_port: 0,
        owner: recover::signature(),
        now: Timestamp::now(),
    })
}

/// The engine's networks, and as if they were some what it refused, and what the machine routes elsewhere.
fn in_use(backends: &Backends, world: &World, refused: &[Subnet]) -> Vec<NetworkInfo> {
    let mut networks = world.networks.clone();
    let routes = if backends.simulated {
        Vec::new()
    } else {
        surroundings::routes()
    };
    for subnet in routes.into_iter().chain(refused.iter().copied()) {
        let engines_own = world
            .networks
            .iter()
            .any(|network| network.subnets.contains(&subnet));
        if !engines_own {
            networks.push(NetworkInfo {
                name: format!("the route to {subnet}"),
                subnets: vec![subnet],
                ..NetworkInfo::default()
            });
        }
    }
    networks
}

/// The ports of the host that a specification names.
fn named_ports(spec: &ClusterSpec) -> Vec<PublishedPort> {
    let api = spec.api.port.map(|host_port| PublishedPort {
        container_port: k3s::API_PORT,
        protocol: Protocol::Tcp,
        host_ip: spec.api.host_ip,
        host_port,
    });
    let own = spec.ports.iter().map(|mapping| mapping.port);
    api.into_iter().chain(own).collect()
}

pub(super) async fn read(
    backends: &Backends,
    container: &str,
    path: &str,
) -> Result<Option<Vec<u8>>, Problem> {
    match backends.runtime.read_file(container, path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
