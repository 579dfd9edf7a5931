//! Asking a cluster's API from inside of its servers, through the engine: this tells an API that is not up from one that
//! is up and not reached from this machine, and waits for what there is to wait for where it is not.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::Run;
use crate::{
    backend::ErrorKind,
    distro::k3s::{self, names},
    domain::{Problem, log::sanitize},
    plan::KubeAccess,
};

/// How long the command may take on a machine that has much to do.
const COMMAND: Duration = Duration::from_secs(15);

/// How long an API is asked from here before anybody looks inside, and between two such looks: the command costs a node
/// that is still booting more than it is worth.
const LOOK: Duration = Duration::from_secs(8);

/// How long the API has to answer inside and not here before the way between is what is missing.
const SURE: Duration = Duration::from_secs(5);

/// What is known of an API that does not answer here.
pub(super) struct Silent {
    looked: Instant,
    inside: Option<Instant>,
}

impl Silent {
    pub(super) fn new() -> Self {
        Self {
            looked: Instant::now(),
            inside: None,
        }
    }

    /// Whether it has answered inside for a while although it does not answer here.
    pub(super) async fn is_cut_off(&mut self, run: &Run<'_>, access: &KubeAccess) -> bool {
        let due = if self.inside.is_some() { SURE } else { LOOK };
        if access.servers.is_empty() || self.looked.elapsed() < due {
            return false;
        }
        let before = self.inside.take();
        let answers = answers(run, access).await;
        self.looked = Instant::now();
        self.inside = answers.then_some(self.looked);
        answers && before.is_some()
    }
}

/// Whether the API answers inside of the cluster: through the load balancer, where there is one, because the way from
/// here leads through it as well.
async fn answers(run: &Run<'_>, access: &KubeAccess) -> bool {
    let Ok(cluster) = run.cluster() else {
        return false;
    };
    let balancer = names::load_balancer(cluster);
    let url = format!("https://{balancer}:{}", k3s::API_PORT);
    let mut words = vec!["get", "--raw", "/readyz"];
    match run.backends.runtime.inspect(&balancer).await {
        // The certificate of a cluster that is older than its load balancer does not name it.
        Ok(_) => words.extend(["--server", &url, "--tls-server-name", "kubernetes"]),
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(_) => return false,
    }
    kubectl(run, access, &words)
        .await
        .is_ok_and(|said| said.trim() == "ok")
}

/// The objects of a kind, named as `kubectl` calls it, of a namespace or without one.
pub(super) async fn list(
    run: &Run<'_>,
    access: &KubeAccess,
    kind: &str,
    namespace: &str,
) -> Result<Vec<Value>, Problem> {
    let mut words = vec!["get", kind, "-o", "json"];
    if !namespace.is_empty() {
        words.extend(["-n", namespace]);
    }
    let said = kubectl(run, access, &words).await?;
    // Warnings can stand before it.
    let json = said.find('{').map_or("", |start| &said[start..]);
    let mut answer: Value = serde_json::from_str(json)
        .map_err(|error| Problem::failed(format!("the {kind} are not known"), error.to_string()))?;
    match answer["items"].take() {
        Value::Array(items) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// What a server's own `kubectl` says, of the first that runs it.
async fn kubectl(run: &Run<'_>, access: &KubeAccess, words: &[&str]) -> Result<String, Problem> {
    let mut command = vec![
        "kubectl",
        "--kubeconfig",
        k3s::KUBECONFIG_PATH,
        "--request-timeout=10s",
    ];
    command.extend(words);
    let mut last = None;
    for server in &access.servers {
        match run.backends.runtime.exec(server, &command, COMMAND).await {
            Ok(said) if said.code == 0 => {
                return Ok(String::from_utf8_lossy(&said.output).into_owned());
            }
            Ok(said) => {
                last = Some(Problem::failed(
                    format!("kubectl failed in {server}"),
                    sanitize(&said.output),
                ));
            }
            Err(error) => last = Some(error.into()),
        }
    }
    Err(last.unwrap_or_else(|| Problem::not_found("no server was asked", "there is none")))
}
