//! What k3d's commands do with the clusters that they find, whoever made them.

use std::{collections::HashMap, process::Command, time::Duration};

use bollard::{
    models::NetworkConnectRequest,
    query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder},
};
use coracle::domain::container::FileEntry;
use serde_json::json;

use crate::{
    k3d::{K3d, free_port, image, publish},
    story::docker,
};

impl K3d {
    /// `k3d cluster stop`: one after the other as the engine lists them.
    pub async fn stop(&self) {
        for node in self.seen().await {
            self.runtime
                .stop(&node.name, Duration::from_secs(10))
                .await
                .unwrap();
        }
    }

    /// `k3d cluster start`: the initial server, the others one by one, agents, the rest.
    pub async fn start(&self) {
        let mut nodes = self.seen().await;
        // Without a volume for images it cannot, because it starts its tools first.
        self.images().await;
        nodes.sort_by_key(|node| {
            let place = ["server", "agent", "loadbalancer"]
                .iter()
                .position(|role| node.role == *role);
            (!node.is_initial(), place.unwrap_or(9), node.name.clone())
        });
        let several = nodes.iter().filter(|node| node.role == "server").count() > 1;
        for node in nodes {
            if ["server", "agent", "loadbalancer"].contains(&node.role.as_str()) {
                self.run(&node.name, &node.role, several).await;
            } else {
                self.runtime.start(&node.name).await.unwrap();
            }
        }
    }

    /// The volume for images, which has to be there.
    async fn images(&self) -> String {
        let mut nodes = self.seen().await.into_iter();
        let volume = nodes.find_map(|node| node.label("k3d.cluster.imageVolume"));
        let volume = volume.expect("Failed to find image volume");
        self.docker.inspect_volume(&volume).await.unwrap();
        volume
    }

    /// `k3d image import`: an archive in the volume for images, taken in by every node.
    pub async fn import(&self, image: &str) {
        let volume = self.images().await;
        let script = format!(
            "docker save {image} | docker run --rm -i -v {volume}:/k3d/images {image} sh -c 'cat > /k3d/images/t.tar'"
        );
        let saved = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(
            saved.status.success(),
            "{}",
            String::from_utf8_lossy(&saved.stderr)
        );
        for node in self.seen().await {
            if ["server", "agent"].contains(&node.role.as_str()) {
                let import = "ctr image import --all-platforms /k3d/images/t.tar";
                docker(&["exec", &node.name, "sh", "-c", import]);
                let list = docker(&["exec", &node.name, "ctr", "image", "ls", "-q"]);
                assert!(list.contains(image), "{}: {list}", node.name);
            }
        }
    }

    /// `k3d node create NAME --role agent`: the first node of the role once more.
    pub async fn node_create(&self, name: &str) -> String {
        let source = self
            .seen()
            .await
            .into_iter()
            .find(|node| node.role == "agent")
            .unwrap();
        let config = &source.full["Config"];
        let network = source.label("k3d.cluster.network").unwrap();
        let name = format!("k3d-{name}-0");
        let mut labels = config["Labels"].as_object().unwrap().clone();
        labels.retain(|label, _| label.starts_with("k3d"));
        labels.insert("app".to_owned(), json!("k3d"));
        let host = &source.full["HostConfig"];
        let body = json!({
            "Hostname": name,
            "Image": source.full["Image"],
            "Entrypoint": ["/bin/k3d-entrypoint.sh"],
            "Cmd": config["Cmd"],
            "Env": config["Env"],
            "Labels": labels,
            "HostConfig": {
                "Init": true, "Privileged": true, "UsernsMode": "host", "NetworkMode": "bridge",
                "Tmpfs": { "/run": "", "/var/run": "" },
                "RestartPolicy": host["RestartPolicy"],
                "Binds": host["Binds"],
            },
            "NetworkingConfig": { "EndpointsConfig": { network: {} } },
        });
        self.make(&name, body).await;
        self.run(&name, "agent", false).await;
        name
    }

    /// `k3d cluster edit --port-add HOST:80@loadbalancer`: another load balancer in the place of the one that is there.
    pub async fn port_add(&self) -> String {
        let balancers = self.seen().await;
        let old = balancers
            .into_iter()
            .find(|node| node.role == "loadbalancer")
            .unwrap();
        let values = self
            .runtime
            .read_file(&old.name, "/etc/confd/values.yaml")
            .await
            .unwrap();
        let values = String::from_utf8(values).unwrap();
        let aside = format!("{}-qWeRt", old.name);
        let host = &old.full["HostConfig"];
        let mut labels = old.full["Config"]["Labels"].as_object().unwrap().clone();
        labels.retain(|label, _| label.starts_with("k3d") || label == "app");
        let network = old.label("k3d.cluster.network").unwrap();
        let mut body = json!({
            "Hostname": old.name,
            "Image": old.full["Image"],
            "Env": old.full["Config"]["Env"],
            "Labels": labels,
            "ExposedPorts": old.full["Config"]["ExposedPorts"],
            "HostConfig": {
                "Init": true, "Privileged": true, "UsernsMode": "host", "NetworkMode": "bridge",
                "Tmpfs": { "/run": "", "/var/run": "" },
                "RestartPolicy": host["RestartPolicy"], "Binds": host["Binds"],
                "PortBindings": host["PortBindings"],
            },
            "NetworkingConfig": { "EndpointsConfig": { network: {} } },
        });
        let port = free_port();
        publish(&mut body, "80/tcp", &port);
        self.runtime.rename(&old.name, &aside).await.unwrap();
        self.make(&old.name, body).await;
        self.runtime
            .stop(&aside, Duration::from_secs(10))
            .await
            .unwrap();
        let more = format!("  80.tcp:\n  - {}\n", self.named("server-0"));
        let values = values.replacen("settings:", &format!("{}settings:", &more), 1);
        let file = FileEntry {
            path: "/etc/confd/values.yaml".to_owned(),
            mode: 0o744,
            contents: values.into_bytes(),
        };
        self.runtime.put_files(&old.name, &[file]).await.unwrap();
        self.run(&old.name, "loadbalancer", false).await;
        self.runtime.remove_container(&aside).await.unwrap();
        port
    }

    /// `k3d registry create NAME`, and the registry in the cluster's network.
    pub async fn registry(&self, name: &str, of: &str, network: &str) {
        let port = free_port();
        let mut body = json!({
            "Hostname": name,
            "Image": image("CORACLE_E2E_REGISTRY_IMAGE", "registry:2"),
            "Labels": {
                "app": "k3d", "k3d.version": "v5.9.0", "k3d.role": "registry", "k3d.cluster": of,
                "k3d.registry.host": "", "k3d.registry.hostIP": "0.0.0.0",
                "k3s.registry.port.external": port, "k3s.registry.port.internal": "5000",
            },
            "ExposedPorts": {},
            "HostConfig": {
                "Init": true, "Privileged": true, "UsernsMode": "host", "NetworkMode": "bridge",
                "Tmpfs": { "/run": "", "/var/run": "" },
                "RestartPolicy": { "Name": "unless-stopped" }, "PortBindings": {},
            },
        });
        publish(&mut body, "5000/tcp", &port);
        self.make(name, body).await;
        let request: NetworkConnectRequest =
            serde_json::from_value(json!({ "Container": name })).unwrap();
        self.docker.connect_network(network, request).await.unwrap();
        self.runtime.start(name).await.unwrap();
    }

    /// `k3d cluster delete`
    pub async fn delete(&self) {
        let nodes = self.seen().await;
        let said = |label: &str| nodes.iter().find_map(|node| node.label(label));
        let network = said("k3d.cluster.network");
        let external = said("k3d.cluster.network.external").as_deref() == Some("true");
        for node in &nodes {
            self.runtime.remove_container(&node.name).await.unwrap();
        }
        if let Some(network) = network.filter(|_| !external) {
            self.runtime.remove_network(&network).await.unwrap();
        }
        let label = format!("k3d.cluster={}", self.cluster);
        let filters = HashMap::from([("label", vec!["app=k3d", label.as_str()])]);
        let options = ListVolumesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let list = self.docker.list_volumes(Some(options)).await.unwrap();
        for volume in list.volumes.unwrap_or_default() {
            let options = RemoveVolumeOptionsBuilder::default().force(true).build();
            let removed = self.docker.remove_volume(&volume.name, Some(options)).await;
            removed.unwrap();
        }
    }
}
