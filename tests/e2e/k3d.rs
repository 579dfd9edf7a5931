//! What k3d 5.9 makes in an engine, written from the description of it: clusters laid down container by container as it
//! lays them down; its commands are in `k3d_commands`. It shares nothing with the code that it is a measure for but the way files
//! get into a container.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, NetworkCreateRequest, VolumeCreateRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, InspectNetworkOptions,
        ListContainersOptionsBuilder,
    },
};
use coracle::{
    backend::ContainerRuntime,
    domain::container::{FileEntry, LogRequest},
    ops::open,
};
use futures::StreamExt;
use serde_json::{Value, json};

/// k3d waits without an end; a test does not.
const PATIENCE: Duration = Duration::from_secs(240);

/// k3d's own entry point.
const ENTRYPOINT: &str = r#"#!/bin/sh
set -e
LOGFILE="/var/log/k3d-entrypoints_$(date "+%y%m%d%H%M%S").log"
touch "$LOGFILE"
for entrypoint in /bin/k3d-entrypoint-*.sh; do
  echo "[Running $entrypoint]" >> "$LOGFILE"
  "$entrypoint" >> "$LOGFILE" 2>&1 || exit 1
done
/bin/k3s "$@" &
k3s_pid=$!
if [ "$1" = server ]; then
  until kubectl uncordon "$HOSTNAME"; do sleep 3; done
fi
cleanup() {
  if [ "$1" = server ]; then
    kubectl drain "$HOSTNAME" --force --delete-emptydir-data --ignore-daemonsets --disable-eviction
  fi
  kill -15 $k3s_pid
  wait $k3s_pid || true
}
trap cleanup TERM INT QUIT HUP
wait $k3s_pid || true
"#;

const MOUNTS: &str = "#!/bin/sh\nset -e\nmount --make-rshared /\n";

/// How a cluster was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub servers: usize,
    pub agents: usize,
    /// `--no-lb`
    pub no_lb: bool,
    /// `--subnet`
    pub subnet: Option<String>,
    /// `--network`, which exists.
    pub network: Option<String>,
    /// `--host-alias`
    pub aliases: bool,
    /// A k3d 5.4, which wrote fewer labels.
    pub old: bool,
}

/// k3d, and one cluster of it.
pub struct K3d {
    pub docker: Docker,
    pub runtime: Arc<dyn ContainerRuntime>,
    pub cluster: String,
}

impl K3d {
    pub async fn new(cluster: &str) -> Self {
        let opened = open::open(&open::Where::default()).await.unwrap();
        Self {
            docker: Docker::connect_with_local_defaults().unwrap(),
            runtime: opened.backends().unwrap().runtime,
            cluster: cluster.to_owned(),
        }
    }

    pub fn named(&self, what: &str) -> String {
        format!("k3d-{}-{what}", self.cluster)
    }

    /// `k3d cluster create`
    pub async fn create(&self, asked: &Asked) {
        let network = match &asked.network {
            Some(network) => network.clone(),
            None => self.make_network(asked.subnet.as_deref()).await,
        };
        let labels = json!({ "app": "k3d", "k3d.cluster": self.cluster, "k3d.version": "v5.9.0" });
        let volume = json!({ "Name": self.named("images"), "Driver": "local", "Labels": labels });
        let volume: VolumeCreateRequest = serde_json::from_value(volume).unwrap();
        self.docker.create_volume(volume).await.unwrap();

        let port = free_port();
        let common = self.common(asked, &network).await;
        let mut names = Vec::new();
        for number in 0..asked.servers {
            let name = self.named(&format!("server-{number}"));
            let mut body = self.node(&common, &network, &name, "server");
            let mut command = vec!["server"];
            if asked.servers > 1 {
                body["Labels"]["k3d.server.init"] = json!((number == 0).to_string());
                if number == 0 {
                    command.push("--cluster-init");
                }
            }
            let balancer = self.named("serverlb");
            command.extend(["--tls-san", "0.0.0.0"]);
            if !asked.no_lb {
                command.extend(["--tls-san", &balancer]);
            }
            body["Cmd"] = json!(command);
            for (label, value) in [("host", "0.0.0.0"), ("hostIP", "0.0.0.0"), ("port", &port)] {
                body["Labels"][format!("k3d.server.api.{label}")] = json!(value);
            }
            if number > 0 {
                self.join(&mut body);
            }
            if let Some(subnet) = &asked.subnet {
                // The lowest free ones after the gateway and the one for tools.
                let prefix = subnet.rsplit_once('.').unwrap().0;
                let address = format!("{prefix}.{}", number + 3);
                body["NetworkingConfig"]["EndpointsConfig"][&network]["IPAMConfig"] =
                    json!({ "IPv4Address": address });
                body["Labels"]["k3d.node.staticIP"] = json!(address);
            }
            if asked.no_lb && number == 0 {
                publish(&mut body, "6443/tcp", &port);
            }
            self.make(&name, body).await;
            names.push((name, "server"));
        }
        for number in 0..asked.agents {
            let name = self.named(&format!("agent-{number}"));
            let mut body = self.node(&common, &network, &name, "agent");
            body["Cmd"] = json!(["agent"]);
            self.join(&mut body);
            self.make(&name, body).await;
            names.push((name, "agent"));
        }
        if !asked.no_lb {
            let name = self.named("serverlb");
            let mut body = self.node(&common, &network, &name, "loadbalancer");
            body["Image"] = json!(image(
                "CORACLE_E2E_PROXY_IMAGE",
                "ghcr.io/k3d-io/k3d-proxy:5.9.0"
            ));
            body.as_object_mut().unwrap().remove("Entrypoint");
            publish(&mut body, "6443/tcp", &port);
            self.make(&name, body).await;
            names.push((name, "loadbalancer"));
        }
        for (name, role) in &names {
            self.run(name, role, role == &"server" && asked.servers > 1)
                .await;
        }
    }

    async fn make_network(&self, subnet: Option<&str>) -> String {
        let name = format!("k3d-{}", self.cluster);
        let mut body = json!({
            "Name": name, "Driver": "bridge", "Labels": { "app": "k3d" },
            "Options": { "com.docker.network.bridge.enable_ip_masquerade": "true" },
        });
        if let Some(subnet) = subnet {
            let gateway = format!("{}.1", subnet.rsplit_once('.').unwrap().0);
            body["IPAM"] = json!({ "Config": [{ "Subnet": subnet, "Gateway": gateway }] });
        }
        let body: NetworkCreateRequest = serde_json::from_value(body).unwrap();
        self.docker.create_network(body).await.unwrap();
        name
    }

    /// The labels that every container of the cluster carries.
    async fn common(&self, asked: &Asked, network: &str) -> Value {
        let seen = self
            .docker
            .inspect_network(network, None::<InspectNetworkOptions>);
        let seen = seen.await.unwrap();
        let pools = seen.ipam.unwrap().config.unwrap();
        let balancer = if asked.no_lb {
            String::new()
        } else {
            self.named("serverlb")
        };
        let mut labels = json!({
            "app": "k3d",
            "k3d.cluster": self.cluster,
            "k3d.version": if asked.old { "v5.4.9" } else { "v5.9.0" },
            "k3d.cluster.network": network,
            "k3d.cluster.network.id": seen.id,
            "k3d.cluster.network.iprange": pools[0].subnet,
            "k3d.cluster.network.external": asked.network.is_some().to_string(),
            "k3d.cluster.imageVolume": self.named("images"),
            "k3d.cluster.token": "abcdefghijklmnopqrst",
            "k3d.cluster.url": format!("https://{}:6443", self.named("server-0")),
            "k3d.server.loadbalancer": balancer,
        });
        if asked.aliases {
            let aliases = json!([{ "ip": "1.2.3.4", "hostnames": ["a.test", "b.test"] }]);
            labels["k3d.cluster.start.hostaliases"] = json!(aliases.to_string());
        }
        if asked.old {
            labels
                .as_object_mut()
                .unwrap()
                .remove("k3d.server.loadbalancer");
        }
        labels
    }

    /// The body of a node's container.
    fn node(&self, common: &Value, network: &str, name: &str, role: &str) -> Value {
        let mut labels = common.clone();
        labels["k3d.role"] = json!(role);
        let token = &common["k3d.cluster.token"].as_str().unwrap();
        json!({
            "Hostname": name,
            "Image": image("CORACLE_E2E_K3S_IMAGE", "rancher/k3s:v1.34.2-k3s1"),
            "Entrypoint": ["/bin/k3d-entrypoint.sh"],
            "Env": [format!("K3S_TOKEN={token}"), "K3S_KUBECONFIG_OUTPUT=/output/kubeconfig.yaml"],
            "Labels": labels,
            "ExposedPorts": {},
            "HostConfig": {
                "Init": true, "Privileged": true, "UsernsMode": "host", "NetworkMode": "bridge",
                "Tmpfs": { "/run": "", "/var/run": "" },
                "RestartPolicy": { "Name": "unless-stopped" },
                "Binds": [format!("{}:/k3d/images", self.named("images"))],
                "PortBindings": {},
            },
            "NetworkingConfig": { "EndpointsConfig": { network: {} } },
        })
    }

    fn join(&self, body: &mut Value) {
        let url = format!("K3S_URL=https://{}:6443", self.named("server-0"));
        body["Env"].as_array_mut().unwrap().push(json!(url));
    }

    pub async fn make(&self, name: &str, body: Value) {
        let body: ContainerCreateBody = serde_json::from_value(body).unwrap();
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let made = self.docker.create_container(Some(options), body).await;
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Starts one node with its files, and waits for it as k3d waits.
    pub async fn run(&self, name: &str, role: &str, of_several: bool) {
        let file = |path: &str, text: String| FileEntry {
            path: path.to_owned(),
            mode: 0o744,
            contents: text.into_bytes(),
        };
        let files = if role == "loadbalancer" {
            vec![file("/etc/confd/values.yaml", self.values().await)]
        } else {
            vec![
                file("/bin/k3d-entrypoint.sh", ENTRYPOINT.to_owned()),
                file("/bin/k3d-entrypoint-mounts.sh", MOUNTS.to_owned()),
            ]
        };
        // A load balancer that has its file keeps it.
        let has = self.runtime.read_file(name, &files[0].path).await.is_ok();
        if role != "loadbalancer" || !has {
            self.runtime.put_files(name, &files).await.unwrap();
        }
        self.runtime.start(name).await.unwrap();
        let line = match role {
            "server" if of_several => "Running kube-apiserver",
            "server" => "k3s is up and running",
            "agent" => "Successfully registered node",
            _ => "start worker processes",
        };
        self.says(name, line).await;
    }

    async fn values(&self) -> String {
        let mut text = "ports:\n  6443.tcp:\n".to_owned();
        for node in self.seen().await {
            if node.role == "server" {
                text = text + "  - " + &node.name + "\n";
            }
        }
        text + "settings:\n  workerConnections: 1024\n"
    }

    /// Waits for a line since the container's last start.
    async fn says(&self, name: &str, line: &str) {
        let since = self.runtime.inspect(name).await.unwrap().started;
        let request = LogRequest {
            follow: true,
            since,
            ..LogRequest::default()
        };
        let begun = Instant::now();
        let mut lines = self.runtime.logs(name, &request);
        let wanted = line.to_lowercase();
        let mut last = String::new();
        let found = async {
            while let Some(next) = lines.next().await {
                last = next.unwrap().text.to_string();
                if last.to_lowercase().contains(&wanted) {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert_eq!(
            found,
            Ok(true),
            "{name} did not say {line:?}; its last word was {last:?}"
        );
        println!("{name}: {line} ({:.1?})", begun.elapsed());
    }

    /// What `k3d node list` shows of the cluster, newest first.
    pub async fn seen(&self) -> Vec<Seen> {
        let label = format!("k3d.cluster={}", self.cluster);
        let filters = HashMap::from([("label", vec!["app=k3d", label.as_str()])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters);
        let list = self
            .docker
            .list_containers(Some(options.build()))
            .await
            .unwrap();
        let mut all = Vec::new();
        for summary in list {
            let id = summary.id.unwrap();
            let full = self
                .docker
                .inspect_container(&id, None::<InspectContainerOptions>);
            let full = serde_json::to_value(full.await.unwrap()).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            all.push(Seen {
                name: text(&full["Name"]).trim_start_matches('/').to_owned(),
                role: text(&full["Config"]["Labels"]["k3d.role"]),
                running: full["State"]["Running"] == true,
                full,
            });
        }
        all
    }
}

/// A node as k3d reads it: labels, and one inspection.
pub struct Seen {
    pub name: String,
    pub role: String,
    pub running: bool,
    pub full: Value,
}

impl Seen {
    pub fn label(&self, label: &str) -> Option<String> {
        let value = self.full["Config"]["Labels"][label].as_str()?;
        Some(value.to_owned())
    }

    /// Both are needed for k3d to take a server for the one that began the cluster.
    pub fn is_initial(&self) -> bool {
        let command = self.full["Config"]["Cmd"].as_array();
        let begins = command.is_some_and(|words| words.iter().any(|word| word == "--cluster-init"));
        self.role == "server" && begins && self.label("k3d.server.init").as_deref() == Some("true")
    }
}

pub fn publish(body: &mut Value, port: &str, host: &str) {
    body["ExposedPorts"][port] = json!({});
    body["HostConfig"]["PortBindings"][port] = json!([{ "HostIp": "0.0.0.0", "HostPort": host }]);
}

pub fn free_port() -> String {
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    bound.local_addr().unwrap().port().to_string()
}

pub fn image(variable: &str, usual: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
}
