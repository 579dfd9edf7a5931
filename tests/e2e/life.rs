//! A cluster of one test on a real engine, and all that is asked about it.

use std::process::Command;

use coracle::{
    backend::{Backends, KubeApi},
    domain::{ClusterName, ClusterSpec, ForNodes, ObjectKey, Problem, Role},
    ops::{
        self, Cancel, Failure, Report, Request, Wish, kubeconfig_file::KubeconfigFiles, open, reach,
    },
    plan::{Event, Kubeconfig, Plan},
    resources::{nodes, unlisted},
};
use serde_json::json;
use tokio::sync::mpsc;

/// A cluster's name that nobody else has, and what belongs to it.
pub struct Life {
    pub backends: Backends,
    pub name: ClusterName,
    directory: tempfile::TempDir,
}

impl Life {
    pub async fn new(case: &str) -> Self {
        let name = format!("e2e-{case}-{}", std::process::id() % 100_000);
        let opened = open::open(&open::Where::default()).await.unwrap();
        Self {
            backends: opened.backends().unwrap(),
            name: ClusterName::parse(&name).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn spec(&self, servers: u16, agents: u16) -> ClusterSpec {
        let image = |variable: &str, usual: &str| {
            std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
        };
        ClusterSpec {
            servers,
            agents,
            ..ClusterSpec::new(
                self.name.clone(),
                image("CORACLE_E2E_K3S_IMAGE", "rancher/k3s:v1.34.2-k3s1"),
                image("CORACLE_E2E_PROXY_IMAGE", "ghcr.io/k3d-io/k3d-proxy:5.9.0"),
            )
        }
    }

    /// The same, whose pods are replaced by nobody on a machine whose disk or memory is nearly full.
    pub fn steady_spec(&self, servers: u16, agents: u16) -> ClusterSpec {
        let arguments = [
            "image-gc-high-threshold=100",
            "eviction-hard=memory.available<10Mi",
        ];
        let arguments = arguments.map(|text| ForNodes::every(format!("--kubelet-arg={text}")));
        ClusterSpec {
            k3s_args: arguments.to_vec(),
            ..self.spec(servers, agents)
        }
    }

    pub fn create(spec: ClusterSpec) -> Wish {
        Wish::Create {
            spec: Box::new(spec),
            kubeconfig: Kubeconfig::MergeAndSwitch,
        }
    }

    pub fn request(&self, wish: Wish) -> Request {
        let mut request = Request::new(&self.backends, wish);
        request.files = KubeconfigFiles::new(vec![self.directory.path().join("config")]);
        request
    }

    pub async fn prepare(&self, wish: Wish) -> Result<(Request, Plan), Problem> {
        let request = self.request(wish);
        let plan = ops::prepare(&self.backends, &request).await?;
        Ok((request, plan))
    }

    pub async fn run(&self, wish: Wish) -> Result<Report, Failure> {
        let (request, plan) = self.prepare(wish).await.unwrap();
        self.carry_out(&request, plan, &Cancel::new()).await
    }

    pub async fn carry_out(
        &self,
        request: &Request,
        plan: Plan,
        cancel: &Cancel,
    ) -> Result<Report, Failure> {
        let (events, mut told) = mpsc::channel(256);
        let steps = plan.steps.clone();
        let work = ops::carry_out(&self.backends, request, plan, events, cancel);
        let narrate = async {
            let begun = std::time::Instant::now();
            while let Some(event) = told.recv().await {
                let (id, what) = match event {
                    Event::Finished(id, outcome) => (id, format!("{outcome:?}")),
                    Event::Failed(id, problem) => (id, format!("FAILED {problem}")),
                    Event::Undone(id) => (id, "undone".to_owned()),
                    Event::UndoFailed(id, problem) => (id, format!("UNDO FAILED {problem}")),
                    Event::Started(_) | Event::Progress(..) => continue,
                };
                println!(
                    "{:?} {}: {what}",
                    begun.elapsed(),
                    steps[id].step.describe()
                );
            }
        };
        tokio::join!(work, narrate).0
    }

    pub async fn api(&self) -> std::sync::Arc<dyn KubeApi> {
        let world = ops::observe(&self.backends).await.unwrap();
        let access = reach::access(world.cluster(&self.name).unwrap());
        reach::connect(&self.backends, &access).await.unwrap()
    }

    /// How many nodes Kubernetes knows, and how many of them are Ready and not cordoned.
    pub async fn nodes(&self) -> (usize, usize) {
        let objects = self.api().await.list(&nodes::KIND, "", "").await.unwrap();
        let ready = objects.iter().filter(|node| {
            nodes::status(node).is_some_and(|status| status.ready && !status.cordoned)
        });
        (objects.len(), ready.count())
    }

    /// Puts a word into the cluster's data.
    pub async fn put_word(&self) {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "kept" }, "data": { "word": "tide" },
        });
        let api = self.api().await;
        api.create(&unlisted::CONFIG_MAPS, "default", &object)
            .await
            .unwrap();
    }

    /// Asserts that the word is still there.
    pub async fn has_word(&self) {
        let key = ObjectKey::new("default", "kept");
        let kept = self.api().await.get(&unlisted::CONFIG_MAPS, &key).await;
        assert_eq!(kept.unwrap()["data"]["word"], "tide");
    }

    pub async fn has_server(&self) -> bool {
        let world = ops::observe(&self.backends).await.unwrap();
        world
            .cluster(&self.name)
            .is_ok_and(|cluster| cluster.with_role(Role::Server).count() > 0)
    }

    pub fn kubeconfig(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("config")).unwrap_or_default()
    }

    /// Everything at the engine that bears the cluster's name, and `more` as far as it is still there.
    pub async fn left(&self, more: &[String]) -> Vec<String> {
        let runtime = &self.backends.runtime;
        let name = self.name.as_str();
        let mut left: Vec<String> = Vec::new();
        for container in runtime.containers(&[]).await.unwrap() {
            if container.name.contains(name) {
                left.push(format!("container {} {}", container.name, container.status));
            }
        }
        for network in runtime.networks().await.unwrap() {
            if network.name.contains(name) {
                left.push(format!("network {}", network.name));
            }
        }
        for volume in runtime.volumes(&[]).await.unwrap() {
            if volume.name.contains(name) || more.contains(&volume.name) {
                left.push(format!("volume {}", volume.name));
            }
        }
        left
    }

    /// The volumes without a name of their own that the cluster's containers use.
    pub async fn anonymous_volumes(&self) -> Vec<String> {
        let world = ops::observe(&self.backends).await.unwrap();
        let cluster = world.cluster(&self.name).unwrap();
        let output = Command::new("docker")
            .args(["inspect", "-f", "{{range .Mounts}}{{.Name}} {{end}}"])
            .args(cluster.nodes.iter().map(|node| &node.id))
            .output()
            .unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .split_whitespace()
            .filter(|volume| volume.len() == 64)
            .map(str::to_owned)
            .collect()
    }
}

/// Whatever a failed test leaves is removed, so that the next one begins in a clean world.
impl Drop for Life {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let label = format!("label=k3d.cluster={}", self.name);
        let script = format!(
            "docker ps -aq --filter {label} | xargs -r docker rm -fv; \
             docker volume ls -q --filter {label} | xargs -r docker volume rm -f; \
             docker network rm k3d-{}",
            self.name
        );
        let _ = Command::new("sh").args(["-c", &script]).output();
    }
}
