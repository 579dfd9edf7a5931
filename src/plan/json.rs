//! A plan as JSON, for `--dry-run -o json`. What is secret is masked: a plan is pasted into tickets.

use serde_json::{Map, Value, json};

use super::{Plan, Step, images::ImageSource};
use crate::{
    distro::k3s::{labels, mark},
    domain::{
        ClusterName,
        container::{ContainerSpec, Labels, Resources},
        image::WantedImage,
    },
};

/// What stands where a secret was.
const MASK: &str = "***";

impl Plan {
    /// The plan as a JSON object: `title`, `about` (`kind` and `name`), `cluster` where it is one, `warnings`, `risk`,
    /// `usualMilliseconds`, and `steps`, each with its `id` (from 1), `action`, `text`, `after` and what the action is
    /// done with.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .enumerate()
            .map(|(place, planned)| {
                let mut step = details(&planned.step);
                let after: Vec<usize> = planned.after.iter().map(|earlier| earlier + 1).collect();
                step.insert("id".to_owned(), Value::from(place + 1));
                step.insert("action".to_owned(), Value::from(action(&planned.step)));
                step.insert("text".to_owned(), Value::from(planned.step.describe()));
                step.insert("after".to_owned(), Value::from(after));
                Value::Object(step)
            })
            .collect();
        json!({
            "title": self.title,
            "about": { "kind": self.about.kind(), "name": self.about.name() },
            "cluster": self.about.cluster().map(ClusterName::as_str),
            "undoable": self.undoable,
            "warnings": self.warnings,
            "risk": self.risk(),
            "usualMilliseconds": u64::try_from(self.usual().as_millis()).unwrap_or(u64::MAX),
            "steps": steps,
        })
    }
}

/// The name of a step's kind, stable for scripts.
const fn action(step: &Step) -> &'static str {
    match step {
        Step::PullImage { .. } => "pullImage",
        Step::ImportImages { .. } => "importImages",
        Step::RemoveImages { .. } => "removeImages",
        Step::CreateNetwork(_) => "createNetwork",
        Step::CreateVolume(_) => "createVolume",
        Step::CreateContainer(_) => "createContainer",
        Step::PutFiles { .. } => "putFiles",
        Step::StartContainer { .. } => "startContainer",
        Step::StopContainer { .. } => "stopContainer",
        Step::RenameContainer { .. } => "renameContainer",
        Step::Exchange { .. } => "exchangeContainers",
        Step::RemoveContainer { .. } => "removeContainer",
        Step::Discard { .. } => "discardContainer",
        Step::Connect { .. } => "connect",
        Step::SetRegistryRecord { .. } => "setRegistryRecord",
        Step::Disconnect { .. } => "disconnect",
        Step::RemoveNetwork { .. } => "removeNetwork",
        Step::RemoveVolume { .. } => "removeVolume",
        Step::WaitForLog { .. } => "waitForLog",
        Step::WaitForApi { .. } => "waitForApi",
        Step::WaitForNodes { .. } => "waitForNodes",
        Step::WaitForServiceAccount { .. } => "waitForServiceAccount",
        Step::WaitForSystemPods { .. } => "waitForSystemPods",
        Step::SetNodeHosts { .. } => "setNodeHosts",
        Step::SetPodHosts { .. } => "setPodHosts",
        Step::MergeKubeconfig { .. } => "mergeKubeconfig",
        Step::RemoveKubeconfig { .. } => "removeKubeconfig",
        Step::RemovePath { .. } => "removePath",
        Step::Cordon { .. } => "cordon",
        Step::Drain { .. } => "drain",
        Step::ForgetNode { .. } => "forgetNode",
        Step::DeleteNodeObject { .. } => "deleteNodeObject",
    }
}

/// What a step is done with.
fn details(step: &Step) -> Map<String, Value> {
    let value = match step {
        Step::PullImage { image } => json!({ "image": image }),
        Step::ImportImages {
            node,
            source,
            images,
        } => json!({
            "node": node,
            "archive": match source {
                ImageSource::Engine => None,
                ImageSource::Archive(path) => Some(path.to_string_lossy()),
            },
            "images": images.iter().map(WantedImage::title).collect::<Vec<_>>(),
            "bytes": images.iter().map(|image| image.size).sum::<u64>(),
        }),
        Step::RemoveImages { node, images } => json!({ "node": node, "images": images }),
        Step::CreateNetwork(network) => json!({
            "network": network.name,
            "subnet": network.subnet.to_string(),
            "labels": masked_labels(&network.labels),
        }),
        Step::CreateVolume(volume) => json!({
            "volume": volume.name,
            "labels": masked_labels(&volume.labels),
        }),
        Step::CreateContainer(container) => created(container),
        Step::PutFiles { container, files } => {
            let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            json!({ "container": container, "files": paths })
        }
        Step::StartContainer { container }
        | Step::StopContainer { container }
        | Step::Discard { container }
        | Step::RemoveContainer { container } => json!({ "container": container }),
        Step::RenameContainer { container, to } => json!({ "container": container, "to": to }),
        Step::Exchange { stop, start } => json!({ "stop": stop, "start": start }),
        Step::SetRegistryRecord {
            access,
            text,
            present,
        } => json!({ "url": access.url, "text": text, "present": present }),
        Step::Connect { network, container } | Step::Disconnect { network, container } => {
            json!({ "network": network, "container": container })
        }
        Step::RemoveNetwork { network } => json!({ "network": network }),
        Step::RemoveVolume { volume } => json!({ "volume": volume }),
        Step::WaitForLog { container, role } => {
            json!({ "container": container, "role": role.to_string() })
        }
        Step::WaitForApi { access }
        | Step::WaitForServiceAccount { access }
        | Step::WaitForSystemPods { access } => json!({ "url": access.url }),
        Step::WaitForNodes {
            access,
            nodes,
            ready,
        } => json!({ "url": access.url, "nodes": nodes, "ready": ready }),
        Step::SetNodeHosts { container, records } => {
            json!({ "container": container, "records": records })
        }
        Step::SetPodHosts { access, records } => json!({ "url": access.url, "records": records }),
        Step::MergeKubeconfig {
            access,
            context,
            switch,
        } => json!({ "url": access.url, "context": context, "switch": switch }),
        Step::RemoveKubeconfig { context } => json!({ "context": context }),
        Step::RemovePath { path } => json!({ "path": path }),
        Step::Cordon { access, node }
        | Step::ForgetNode { access, node }
        | Step::DeleteNodeObject { access, node } => {
            json!({ "url": access.url, "node": node })
        }
        Step::Drain {
            access,
            node,
            deadline,
        } => json!({ "url": access.url, "node": node, "deadlineSeconds": deadline.as_secs() }),
    };
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn created(container: &ContainerSpec) -> Value {
    let ports: Vec<String> = container
        .ports
        .iter()
        .map(|port| {
            format!(
                "{}:{}:{}/{}",
                port.host_ip, port.host_port, port.container_port, port.protocol
            )
        })
        .collect();
    let env: Vec<String> = container.env.iter().map(|line| masked_env(line)).collect();
    json!({
        "container": container.name,
        "image": container.image,
        "entrypoint": container.entrypoint,
        "command": masked_arguments(&container.command),
        "env": env,
        "labels": masked_labels(&container.labels),
        "network": container.network,
        "address": container.address,
        "ports": ports,
        "binds": container.binds,
        "volumesFrom": container.volumes_from,
        "tmpfs": container.tmpfs,
        "privileged": container.privileged,
        "extraHosts": container.extra_hosts,
        "moreNetworks": container.more_networks,
        "resources": resources(&container.resources),
    })
}

/// Only what is limited or asked for.
fn resources(all: &Resources) -> Value {
    let mut map = Map::new();
    let mut add = |key: &str, value: Value| map.insert(key.to_owned(), value);
    if let Some(bytes) = all.memory {
        add("memory", bytes.into());
    }
    if let Some(nano) = all.nano_cpus {
        add("nanoCpus", nano.into());
    }
    if !all.ulimits.is_empty() {
        add("ulimits", json!(all.ulimits));
    }
    if let Some(device) = all.devices.first() {
        add(
            "gpus",
            json!({ "count": device.count, "ids": device.ids, "driver": device.driver }),
        );
    }
    if all.host_pid {
        add("hostPid", true.into());
    }
    Value::Object(map)
}

fn masked_labels(all: &Labels) -> Value {
    let masked = all.iter().map(|(key, value)| {
        let secret = key == labels::TOKEN || key == mark::SPEC;
        let shown = if secret { MASK } else { value.as_str() };
        (key.clone(), Value::from(shown))
    });
    Value::Object(masked.collect())
}

/// Whether a variable or an option of that name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    ["TOKEN", "PASSW", "SECRET", "DATASTORE_ENDPOINT", "_KEY"]
        .iter()
        .any(|word| name.contains(word))
}

/// `NAME=value` with a secret value masked, and with credentials inside of a URL masked.
fn masked_env(line: &str) -> String {
    match line.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        Some((name, value)) => format!("{name}={}", masked_url(value)),
        None => line.to_owned(),
    }
}

fn masked_url(value: &str) -> String {
    let credentials = value
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1)));
    match credentials {
        Some((scheme, host)) => format!("{scheme}://{MASK}@{host}"),
        None => value.to_owned(),
    }
}

/// Arguments with the values of secret options masked, in both spellings, `--token=x` and `--token x`.
fn masked_arguments(arguments: &[String]) -> Vec<String> {
    let mut masked = Vec::with_capacity(arguments.len());
    let mut secret_follows = false;
    for argument in arguments {
        let option = argument.starts_with('-');
        masked.push(match argument.split_once('=') {
            _ if secret_follows && !option => MASK.to_owned(),
            Some((name, _)) if option && is_secret(name) => format!("{name}={MASK}"),
            _ => argument.clone(),
        });
        secret_follows = option && !argument.contains('=') && is_secret(argument);
    }
    masked
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::{ForNodes, Secret, spec::WaitFor},
        plan::{
            Kubeconfig, create,
            fixtures::{chosen, engine, spec},
        },
    };

    #[test]
    fn no_secret_is_in_any_form_that_is_printed() {
        let mut spec = spec("demo", 3, 2);
        spec.token = Some(Secret::new("hunter2"));
        let every = |text: &str| ForNodes::every(text.to_owned());
        spec.env = vec![
            every("DB_PASSWORD=hunter2"),
            every("HTTPS_PROXY=http://me:hunter2@proxy:3128"),
        ];
        spec.k3s_args = ["--agent-token", "hunter2", "--agent-token=hunter2"]
            .map(every)
            .to_vec();
        let plan = create::plan(&create::Create {
            spec: &spec,
            wait: WaitFor::All,
            kubeconfig: Kubeconfig::Merge,
            clusters: &[],
            networks: &[],
            registries: &[],
            containers: &[],
            engine: &engine(),
            chosen: &chosen(),
        })
        .unwrap();
        let json = plan.to_json().to_string();
        assert!(!json.contains("hunter2"), "{json}");
        assert!(!plan.to_text().contains("hunter2"));
        assert!(json.contains("http://***@proxy:3128"));
        insta::assert_snapshot!(serde_json::to_string_pretty(&plan.to_json()["steps"][5]).unwrap());
    }
}
