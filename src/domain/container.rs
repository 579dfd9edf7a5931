//! What an engine holds (containers, networks, volumes, images) and what is asked of it, in the engine's own words.
//!
//! A distribution translates a cluster into these values and back; an adapter of [`crate::backend`] turns them into
//! requests. They say no more than the product uses.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    PublishedPort, Subnet, Subnet6,
    limits::{DeviceRequest, Ulimit},
};

/// Labels of an object of the engine.
pub type Labels = BTreeMap<String, String>;

/// What of the machine a container may use and see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    /// The most memory that it may use, in bytes.
    pub memory: Option<u64>,
    /// The most processor time that it may use, in billionths of a core.
    pub nano_cpus: Option<u64>,
    /// The kernel's limits for its processes.
    pub ulimits: Vec<Ulimit>,
    /// Devices that the engine finds for it.
    pub devices: Vec<DeviceRequest>,
    /// Whether it sees the processes of the machine.
    pub host_pid: bool,
}

/// When the engine starts a container again that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Always, unless it was stopped.
    #[default]
    UnlessStopped,
    /// Never.
    Never,
}

/// A container that is to be created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerSpec {
    /// Its name, which is its host name as well.
    pub name: String,
    /// The image, as Docker names it.
    pub image: String,
    /// Replaces the image's entry point; empty keeps it.
    pub entrypoint: Vec<String>,
    /// The arguments after the entry point; empty keeps the image's.
    pub command: Vec<String>,
    /// The environment, `NAME=value`, in order. May hold secrets.
    pub env: Vec<String>,
    /// Its labels.
    pub labels: Labels,
    /// The label that the ID of its network is written to; the ID is known only when the network exists.
    pub network_id_label: Option<&'static str>,
    /// The network it is attached to.
    pub network: String,
    /// Its fixed address in that network.
    pub address: Option<IpAddr>,
    /// Further networks that it is attached to.
    pub more_networks: Vec<String>,
    /// Its fixed IPv6 address there, where the network has such addresses.
    pub address6: Option<Ipv6Addr>,
    /// The ports published on the host.
    pub ports: Vec<PublishedPort>,
    /// Mounts, in Docker's `source:target[:options]` form.
    pub binds: Vec<String>,
    /// A container whose volumes it has too, those without a name among them. They go with the last that has them.
    pub volumes_from: Option<String>,
    /// Paths at which a memory file system is mounted.
    pub tmpfs: Vec<String>,
    /// Full access to the host's devices and kernel, which a node needs to run containers of its own.
    pub privileged: bool,
    /// Lines for `/etc/hosts`, `name:address`, which the engine writes at every start.
    pub extra_hosts: Vec<String>,
    /// What it may use.
    pub resources: Resources,
    /// When it is started again.
    pub restart: RestartPolicy,
}

/// What a container is doing. Docker's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Ended, and its restart policy is about to start it again.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Half removed.
    Dead,
    /// The engine used a word that is not Docker's.
    Unknown,
}

impl ContainerState {
    /// The state that Docker's API calls by this word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "removing" => Self::Removing,
            "exited" => Self::Exited,
            "dead" => Self::Dead,
            _ => Self::Unknown,
        }
    }

    /// Docker's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// A container's place in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// The address it has while it runs.
    pub address: Option<IpAddr>,
    /// The address it was given for good, if it was.
    pub fixed: Option<IpAddr>,
    /// The IPv6 address it was given for good.
    pub fixed6: Option<Ipv6Addr>,
}

/// A container as one list call shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// The engine's ID, 64 hexadecimal digits.
    pub id: String,
    /// Its name, without the leading slash of Docker's API.
    pub name: String,
    /// The image as it was asked for, or its ID.
    pub image: String,
    /// Its labels.
    pub labels: Labels,
    /// What it is doing.
    pub state: ContainerState,
    /// The engine's own sentence: `Up 3 minutes`, `Exited (137) 2 hours ago`.
    pub status: String,
    /// When it was created.
    pub created: Timestamp,
    /// The networks it is attached to.
    pub attachments: Vec<Attachment>,
    /// The ports published now. Stopped containers publish none.
    pub ports: Vec<PublishedPort>,
    /// The names of the volumes that it has mounted.
    pub volumes: Vec<String>,
}

/// What only an inspection of one container tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDetail {
    /// What the list shows.
    pub info: ContainerInfo,
    /// The entry point, the image's or the container's own.
    pub entrypoint: Vec<String>,
    /// The command line after the entry point.
    pub command: Vec<String>,
    /// The environment, `NAME=value`. May hold secrets.
    pub env: Vec<String>,
    /// Mounts, in Docker's `source:target[:options]` form.
    pub binds: Vec<String>,
    /// Lines added to `/etc/hosts`, `name:address`.
    pub extra_hosts: Vec<String>,
    /// What it may use.
    pub resources: Resources,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// The ports that are published whenever it runs.
    pub configured_ports: Vec<PublishedPort>,
    /// The ID of the image it runs.
    pub image_id: String,
    /// When it was last started.
    pub started: Option<Timestamp>,
    /// When its last run that is over ended; `None` where none is.
    pub finished: Option<Timestamp>,
    /// How its last run ended, if it did.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for its memory.
    pub oom_killed: bool,
    /// How often its restart policy has started it again.
    pub restarts: u64,
}

/// A network that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// Its addresses; the first is the gateway's, and the engine hands out only those of the upper half.
    pub subnet: Subnet,
    /// Its IPv6 addresses, if it is to have any.
    pub ipv6: Option<Subnet6>,
    /// Its labels.
    pub labels: Labels,
}

/// A network that exists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkInfo {
    /// The engine's ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its IPv4 networks.
    pub subnets: Vec<Subnet>,
    /// The part that the engine chooses addresses from, where it was told one; those outside can be fixed.
    pub dynamic: Option<Subnet>,
    /// Whether it has IPv6 addresses too.
    pub ipv6: bool,
    /// The address by which its containers reach the host.
    pub gateway: Option<IpAddr>,
    /// When it was created, where the engine tells.
    pub created: Option<Timestamp>,
}

/// A volume that is to be created or exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
}

/// How much of the disk things take, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskUsage {
    /// Bytes that each container has written, without its image and its volumes.
    pub containers: BTreeMap<String, u64>,
    /// The volumes.
    pub volumes: BTreeMap<String, VolumeUse>,
}

/// A volume on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VolumeUse {
    /// How much is in it, where the engine can tell.
    pub bytes: Option<u64>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// A file that is put into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// What a command inside a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub code: i64,
    /// Both output streams, at most 1 MiB.
    pub output: Vec<u8>,
}

/// Which part of a container's log is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRequest {
    /// Go on as lines come.
    pub follow: bool,
    /// At most this many of the last lines; `None` is all.
    pub tail: Option<u32>,
    /// Only lines since then.
    pub since: Option<Timestamp>,
    /// Only lines that are not older, by the clock of who answers, in place of `since`.
    pub ago: Option<Duration>,
    /// Keep what was written beside the text, for programs.
    pub whole: bool,
    /// The run before the present one; only Kubernetes keeps one. It is over, so it cannot be followed.
    pub previous: bool,
}

/// One moment of a container's use of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Cores in use: `1.0` is one core fully busy.
    pub cpu_cores: f64,
    /// Memory in bytes, without the page cache.
    pub memory: u64,
    /// The most it may use, in bytes.
    pub memory_limit: u64,
}

/// Progress of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullProgress {
    /// Bytes here.
    pub done: u64,
    /// Bytes in all, as far as known.
    pub total: u64,
}

/// Something happened to an object of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// `container`, `network`, `volume`, `image`.
    pub object: String,
    /// `start`, `die`, `destroy`, ...
    pub action: String,
    /// The object's ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When.
    pub time: Option<Timestamp>,
}

/// The engine itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineInfo {
    /// Where it answers: `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// `Docker`, `Podman`, or how it calls itself.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The version of its API.
    pub api_version: String,
    /// The name of its machine.
    pub host: String,
    /// Its operating system, as it describes it.
    pub operating_system: String,
    /// The kernel of its containers: `linux`.
    pub os_type: String,
    /// Its processor's architecture, in the kernel's word: `x86_64`.
    pub architecture: String,
    /// Who makes control groups: `systemd` or `cgroupfs`.
    pub cgroup_driver: String,
    /// The file system below its storage, where it tells: `extfs`.
    pub file_system: String,
    /// Which control group hierarchy its containers see, `1` or `2`.
    pub cgroup_version: u8,
    /// Its processors.
    pub cpus: u64,
    /// Its memory in bytes.
    pub memory: u64,
}

/// How long a container has to end by itself before it is killed.
pub const STOP_GRACE: Duration = Duration::from_secs(20);
