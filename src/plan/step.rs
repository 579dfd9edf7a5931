//! The steps that plans are made of: what each does in one line, what it loses, how it is undone.

use std::time::Duration;

use super::images::ImageSource;
use crate::domain::{
    HostAlias, Role,
    container::{ContainerSpec, FileEntry, NetworkSpec, VolumeSpec},
    image::{WantedImage, short_name},
};

/// How the executor gets at the Kubernetes API of the cluster it works on: the admin kubeconfig is in a server
/// container, and the API is published on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeAccess {
    /// The server containers to read the kubeconfig from, in order of preference.
    pub servers: Vec<String>,
    /// The address on this machine, `https://127.0.0.1:6550`.
    pub url: String,
    /// The same with the address to which its port is bound: the name in `url` may be one for others.
    pub published: String,
}

/// One change to the world, or one wait for it.
#[expect(
    missing_docs,
    reason = "fields are named after the thing they name; each variant says what is done with it"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make sure that the engine has an image.
    PullImage { image: String },
    /// Send images to a node, as a stream into its containerd, and see that it has them then.
    ImportImages {
        node: String,
        source: ImageSource,
        images: Vec<WantedImage>,
    },
    /// Remove images from a node, each with all its names.
    RemoveImages { node: String, images: Vec<String> },
    /// Create a network.
    CreateNetwork(NetworkSpec),
    /// Create a volume.
    CreateVolume(VolumeSpec),
    /// Create a container, not started.
    CreateContainer(Box<ContainerSpec>),
    /// Put files into a container.
    PutFiles {
        container: String,
        files: Vec<FileEntry>,
    },
    /// Start a container.
    StartContainer { container: String },
    /// Stop a container, with a grace period.
    StopContainer { container: String },
    /// Give a container another name, so that the one that takes its place can have the old one.
    RenameContainer { container: String, to: String },
    /// Stop one container and start the one that takes its place: both publish the same ports, so there is no other
    /// order. When the new one does not start, the old one runs again.
    Exchange { stop: String, start: String },
    /// Remove a container whose place another one has taken, after everything else. There is no way back from here, and
    /// no need: where it fails the work is done all the same, and what is left is found by `prune`.
    Discard { container: String },
    /// Remove a container with its anonymous volumes, running or not.
    RemoveContainer { container: String },
    /// Put a container into one more network.
    Connect { network: String, container: String },
    /// Take a container out of a network, for one that outlives the network.
    Disconnect { network: String, container: String },
    /// Remove a network.
    RemoveNetwork { network: String },
    /// Remove a volume.
    RemoveVolume { volume: String },
    /// Wait until a line of the container's log since its start says that it is ready, or that it cannot become so.
    WaitForLog { container: String, role: Role },
    /// Wait until the API answers `/readyz` with the admin certificate.
    WaitForApi { access: KubeAccess },
    /// Wait until these nodes are Ready, or, where `ready` is not asked for, have joined, watching their logs for what they
    /// cannot recover from.
    WaitForNodes {
        access: KubeAccess,
        nodes: Vec<String>,
        ready: bool,
    },
    /// Wait for the ServiceAccount `default/default`, without which no pod is admitted.
    WaitForServiceAccount { access: KubeAccess },
    /// Wait until every pod of `kube-system` is ready or done.
    WaitForSystemPods { access: KubeAccess },
    /// Make names, `host.k3d.internal` first, resolve to their addresses on a running node whose container was made
    /// without such lines: the engine writes `/etc/hosts` anew at every start.
    SetNodeHosts {
        container: String,
        records: Vec<HostAlias>,
    },
    /// Make the names resolve to their addresses in pods.
    SetPodHosts {
        access: KubeAccess,
        records: Vec<HostAlias>,
    },
    /// Tell people's tools in the cluster where to push images to, or, where `text` is what they are told, no more.
    SetRegistryRecord {
        access: KubeAccess,
        text: String,
        present: bool,
    },
    /// Merge the cluster's admin access into the default kubeconfig, and make it the current context if asked.
    MergeKubeconfig {
        access: KubeAccess,
        context: String,
        switch: bool,
    },
    /// Take the cluster's entries out of the default kubeconfig.
    RemoveKubeconfig { context: String },
    /// Remove a kubeconfig file, or a directory with the files of a node, from this machine.
    RemovePath { path: String },
    /// Keep new pods away from a node.
    Cordon { access: KubeAccess, node: String },
    /// Evict the pods of a node; when the deadline is over the rest is left to the node's end.
    Drain {
        access: KubeAccess,
        node: String,
        deadline: Duration,
    },
    /// Make sure that Kubernetes knows no node of that name, neither its object nor the secret with its password, before
    /// a new container takes the name: k3s refuses a newcomer whose name it knows. Undone by the same, so that a node
    /// that joined and is taken back leaves nothing behind.
    ForgetNode { access: KubeAccess, node: String },
    /// Remove the Node object, wait until it is gone (k3s takes a server out of etcd before it lets go of the object),
    /// and remove the secret with the node's password if k3s left it.
    DeleteNodeObject { access: KubeAccess, node: String },
}

/// How a step is taken back.
#[expect(missing_docs, reason = "as for the steps")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// There is nothing to take back.
    Nothing,
    /// Another step does it.
    Step(Box<Step>),
    /// Let new pods onto the node again.
    Uncordon { access: KubeAccess, node: String },
}

impl Step {
    /// What it does, in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::PullImage { image } => format!("image {image}"),
            Self::ImportImages { node, images, .. } => {
                let titles: Vec<&str> = images.iter().map(WantedImage::title).collect();
                format!("send {} to {node}", titles.join(", "))
            }
            Self::RemoveImages { node, images } => {
                let names: Vec<&str> = images.iter().map(|name| short_name(name)).collect();
                format!("remove {} from {node}", names.join(", "))
            }
            Self::CreateNetwork(network) => {
                let second = network.ipv6.map(|ipv6| format!(", {ipv6}"));
                let second = second.unwrap_or_default();
                format!(
                    "create network {} ({}{second})",
                    network.name, network.subnet
                )
            }
            Self::CreateVolume(volume) => format!("create volume {}", volume.name),
            Self::CreateContainer(container) => {
                let address = container
                    .address
                    .map(|a| format!(", {a}"))
                    .unwrap_or_default();
                format!(
                    "create container {} ({}{address})",
                    container.name, container.image
                )
            }
            Self::PutFiles { container, files } => {
                let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
                match paths.as_slice() {
                    [path] => format!("write {path} in {container}"),
                    paths => format!("write {} files in {container}", paths.len()),
                }
            }
            Self::StartContainer { container } => format!("start {container}"),
            Self::StopContainer { container } => format!("stop {container}"),
            Self::RenameContainer { container, to } => format!("rename {container} to {to}"),
            Self::Exchange { stop, start } => format!("stop {stop} and start {start}"),
            Self::RemoveContainer { container } | Self::Discard { container } => {
                format!("remove container {container}")
            }
            Self::Connect { network, container } => {
                format!("put {container} into network {network}")
            }
            Self::SetRegistryRecord { present, .. } => if *present {
                "tell tools in the cluster of the registry"
            } else {
                "tell tools in the cluster of the registry no more"
            }
            .to_owned(),
            Self::Disconnect { network, container } => {
                format!("take {container} out of network {network}")
            }
            Self::RemoveNetwork { network } => format!("remove network {network}"),
            Self::RemoveVolume { volume } => format!("remove volume {volume}"),
            Self::WaitForLog { container, .. } => format!("wait for {container}"),
            Self::WaitForApi { access } => format!("wait for the API at {}", access.url),
            Self::WaitForNodes { nodes, ready, .. } => {
                let state = if *ready { "Ready" } else { "joined" };
                format!("wait until {state}: {}", nodes.join(", "))
            }
            Self::WaitForServiceAccount { .. } => "wait for the default ServiceAccount".to_owned(),
            Self::WaitForSystemPods { .. } => "wait for the pods of kube-system".to_owned(),
            Self::SetNodeHosts { container, records } => {
                format!("point {} in {container}", pointed(records))
            }
            Self::SetPodHosts { records, .. } => format!("point {} in pods", pointed(records)),
            Self::MergeKubeconfig {
                context, switch, ..
            } => {
                let current = if *switch { " and make it current" } else { "" };
                format!("add context {context} to the kubeconfig{current}")
            }
            Self::RemoveKubeconfig { context } => {
                format!("remove context {context} from the kubeconfig")
            }
            Self::RemovePath { path } => format!("remove {path}"),
            Self::Cordon { node, .. } => format!("cordon {node}"),
            Self::Drain { node, deadline, .. } => {
                format!("drain {node} (at most {} s)", deadline.as_secs())
            }
            Self::ForgetNode { node, .. } => {
                format!("make sure that Kubernetes knows no node {node}")
            }
            Self::DeleteNodeObject { node, .. } => format!("delete node {node} from Kubernetes"),
        }
    }

    /// What is lost for good by it, if anything.
    #[must_use]
    pub fn loses(&self) -> Option<String> {
        match self {
            Self::RemoveContainer { container } => {
                Some(format!("everything stored in {container}"))
            }
            Self::RemoveVolume { volume } => Some(format!("the volume {volume}")),
            Self::RemoveImages { .. } => Some(self.describe().replacen("remove ", "", 1)),
            _ => None,
        }
    }

    /// How it is taken back.
    #[must_use]
    pub fn undo(&self) -> Undo {
        let step = |step| Undo::Step(Box::new(step));
        match self {
            Self::CreateNetwork(network) => step(Self::RemoveNetwork {
                network: network.name.clone(),
            }),
            Self::CreateVolume(volume) => step(Self::RemoveVolume {
                volume: volume.name.clone(),
            }),
            Self::CreateContainer(container) => step(Self::RemoveContainer {
                container: container.name.clone(),
            }),
            Self::StartContainer { container } => step(Self::StopContainer {
                container: container.clone(),
            }),
            Self::StopContainer { container } => step(Self::StartContainer {
                container: container.clone(),
            }),
            Self::RenameContainer { container, to } => step(Self::RenameContainer {
                container: to.clone(),
                to: container.clone(),
            }),
            Self::Exchange { stop, start } => step(Self::Exchange {
                stop: start.clone(),
                start: stop.clone(),
            }),
            Self::Connect { network, container } => step(Self::Disconnect {
                network: network.clone(),
                container: container.clone(),
            }),
            Self::ForgetNode { .. } => step(self.clone()),
            Self::MergeKubeconfig { context, .. } => step(Self::RemoveKubeconfig {
                context: context.clone(),
            }),
            Self::Cordon { access, node } => Undo::Uncordon {
                access: access.clone(),
                node: node.clone(),
            },
            _ => Undo::Nothing,
        }
    }

    /// How long it usually takes when everything is at hand.
    #[must_use]
    pub fn usual(&self) -> Duration {
        Duration::from_millis(match self {
            Self::CreateContainer(_) | Self::CreateNetwork(_) => 200,
            Self::StartContainer { .. } => 500,
            Self::ImportImages { .. } => 2_000,

            Self::RemoveContainer { .. } | Self::Discard { .. } | Self::Exchange { .. } => 1_000,
            Self::WaitForLog {
                role: Role::LoadBalancer,
                ..
            } => 6_000,
            Self::WaitForLog {
                role: Role::Registry,
                ..
            } => 100,
            Self::WaitForLog { .. } | Self::WaitForApi { .. } => 7_000,
            Self::StopContainer { .. } | Self::WaitForNodes { .. } | Self::Drain { .. } => 3_000,
            Self::WaitForServiceAccount { .. } => 4_000,
            Self::WaitForSystemPods { .. } => 20_000,
            _ => 50,
        })
    }
}

/// `a and b to 10.0.0.1, c to 10.0.0.2`.
fn pointed(records: &[HostAlias]) -> String {
    let one = |record: &HostAlias| format!("{} to {}", record.names.join(" and "), record.ip);
    records.iter().map(one).collect::<Vec<_>>().join(", ")
}
