//! Pods of the simulation: workloads with replicas that run, fail, are replaced and talk, each a function of the time.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{clock::Clock, id_of};
use crate::domain::container::Usage;

/// A replica needs as long to come up.
const BOOT: Duration = Duration::from_secs(2);

/// What does not run long ends so long after its start.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A workload as a scenario describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Workload {
    namespace: String,
    name: String,
    #[serde(default = "one")]
    replicas: u32,
    /// What its pods are: `Running` or the reason why not.
    #[serde(default = "running")]
    status: String,
    /// How often each has restarted already.
    #[serde(default)]
    restarts: u32,
    /// Another restart every so many seconds; `0` is never.
    #[serde(default)]
    restarts_every: u64,
    /// One replica is replaced every so many seconds; `0` is never.
    #[serde(default)]
    replaced_every: u64,
    /// How old it is, in minutes.
    #[serde(default)]
    age_minutes: u64,
    /// What its lines look like.
    #[serde(default)]
    log: LogStyle,
    /// A line every so many milliseconds.
    #[serde(default = "a_second")]
    line_every: u64,
    /// When each replica was deleted.
    #[serde(skip)]
    deleted: BTreeMap<u32, Vec<Instant>>,
}

/// What lines look like.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogStyle {
    /// An access log.
    #[default]
    Access,
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

const fn one() -> u32 {
    1
}

const fn a_second() -> u64 {
    1_000
}

fn running() -> String {
    "Running".to_owned()
}

impl Workload {
    /// What every k3s cluster runs.
    pub(super) fn system(age_minutes: u64) -> Vec<Self> {
        ["coredns", "local-path-provisioner", "metrics-server"]
            .map(|name| Self {
                namespace: "kube-system".to_owned(),
                name: name.to_owned(),
                replicas: 1,
                status: running(),
                restarts: 0,
                restarts_every: 0,
                replaced_every: 0,
                age_minutes,
                log: LogStyle::Logfmt,
                line_every: 5_000,
                deleted: BTreeMap::new(),
            })
            .into()
    }

    /// Which life of a replica it is now, and since when: replaced ones count on.
    fn life(&self, replica: u32, begun: Instant) -> (u64, Instant) {
        let deleted = self.deleted.get(&replica).map_or(&[][..], Vec::as_slice);
        let rolled = begun
            .elapsed()
            .as_secs()
            .checked_div(self.replaced_every)
            .unwrap_or(0);
        // One replica after the other.
        let turns = u64::from(self.replicas.max(1));
        let place = u64::from(replica) % turns;
        let own = (rolled + turns - 1 - place) / turns;
        let last = own.checked_sub(1).map_or(begun, |before| {
            begun + Duration::from_secs((before * turns + 1 + place) * self.replaced_every)
        });
        let born = deleted.iter().copied().fold(last, Instant::max);
        (deleted.len() as u64 + own, born)
    }

    /// How often its containers were started again since the beginning.
    fn more_restarts(&self, begun: Instant) -> u64 {
        let seconds = begun.elapsed().as_secs();
        seconds.checked_div(self.restarts_every).unwrap_or(0)
    }

    /// From when to when the run of a container lasted of which the log is asked for. `None` where there is none.
    pub(super) fn run(
        &self,
        pod: &str,
        previous: bool,
        begun: Instant,
    ) -> Option<(Instant, Option<Instant>)> {
        let replica = (0..self.replicas).find(|replica| {
            let (life, _) = self.life(*replica, begun);
            self.pod_name(*replica, life) == pod
        })?;
        let (_, born) = self.life(replica, begun);
        let every = Duration::from_secs(self.restarts_every);
        let count = u32::try_from(self.more_restarts(begun)).unwrap_or(u32::MAX);
        let boot = if self.age_minutes == 0 {
            BOOT
        } else {
            Duration::ZERO
        };
        let start = (begun + every * count).max(born).max(begun + boot);
        let again = (!every.is_zero()).then(|| begun + every * (count + 1));
        match self.status.as_str() {
            "Running" if previous => {
                let before = begun + every * count.checked_sub(1)?;
                (start > born).then_some((before.max(born), Some(start)))
            }
            "Running" => Some((start, again)),
            "Completed" if !previous => Some((start, Some(start + LAST_WORDS))),
            // It waits to be started again, and what it wrote before is its latest run.
            _ if self.restarts > 0 || count > 0 => Some((start, Some(start + LAST_WORDS))),
            _ => None,
        }
    }

    fn replica_set(&self) -> String {
        format!("{}-{}", self.name, &id_of(&self.name)[..9])
    }

    fn pod_name(&self, replica: u32, life: u64) -> String {
        let suffix = id_of(&format!("{}-{replica}-{life}", self.name));
        // The first letters of such an ID hardly change with the last one of its name.
        format!("{}-{}", self.replica_set(), &suffix[16..21])
    }

    fn since(&self, begun: Instant, clock: Clock) -> jiff::Timestamp {
        if self.age_minutes > 0 {
            clock.before(Duration::from_secs(self.age_minutes * 60))
        } else {
            clock.at(begun)
        }
    }

    /// Where a replica is, of all nodes and of those that take new pods: who was put out of a closed one is elsewhere.
    fn place(&self, replica: u32, nodes: &[String], open: &[String]) -> String {
        let of = |nodes: &[String]| nodes.get(replica as usize % nodes.len().max(1)).cloned();
        let put_out = self.deleted.contains_key(&replica);
        of(nodes)
            .filter(|node| !put_out || open.contains(node))
            .or_else(|| of(open))
            .unwrap_or_default()
    }

    /// Its pods as Kubernetes would show them, on these nodes, of which some take new pods.
    pub(super) fn pods(
        &self,
        (nodes, open): (&[String], &[String]),
        begun: Instant,
        clock: Clock,
    ) -> Vec<Value> {
        let elapsed = begun.elapsed();
        (0..self.replicas)
            .map(|replica| {
                let (life, born) = self.life(replica, begun);
                let fresh = elapsed < BOOT && self.age_minutes == 0;
                let restarts = u64::from(self.restarts) + self.more_restarts(begun);
                let node = self.place(replica, nodes, open);
                let state = match (fresh, self.status.as_str()) {
                    (true, _) => json!({ "waiting": { "reason": "ContainerCreating" } }),
                    (false, "Running") => json!({ "running": { "startedAt": clock.at(born).to_string() } }),
                    (false, "Completed") => json!({ "terminated": { "reason": "Completed", "exitCode": 0 } }),
                    (false, reason) => json!({ "waiting": { "reason": reason } }),
                };
                let up = !fresh && self.status == "Running";
                let statuses = if self.status == "Pending" {
                    json!([])
                } else {
                    let mut status = json!({ "name": "app", "state": state, "ready": up, "restartCount": restarts });
                    if restarts > 0 {
                        status["lastState"] = json!({ "terminated": { "reason": "Error", "exitCode": 1 } });
                    }
                    json!([status])
                };
                let phase = match self.status.as_str() {
                    "Pending" => "Pending",
                    "Completed" => "Succeeded",
                    _ if fresh => "Pending",
                    _ => "Running",
                };
                let name = self.pod_name(replica, life);
                json!({
                    "metadata": {
                        "namespace": self.namespace,
                        "uid": id_of(&name)[..36],
                        "name": name,
                        "labels": { "app": self.name, "pod-template-hash": &id_of(&self.name)[..9] },
                        "ownerReferences": [{ "kind": "ReplicaSet", "name": self.replica_set(), "controller": true }],
                        "creationTimestamp": if life > 0 { clock.at(born) } else { self.since(begun, clock) }.to_string(),
                    },
                    "spec": {
                        "containers": [{ "name": "app", "ports": [{ "name": "http", "containerPort": super::forward::WEB }] }],
                        "nodeName": if self.status == "Pending" { String::new() } else { node },
                    },
                    "status": {
                        "phase": phase,
                        "podIP": if up { format!("10.42.0.{}", 10 + replica % 200) } else { String::new() },
                        "conditions": [{ "type": "Ready", "status": if up { "True" } else { "False" } }],
                        "containerStatuses": statuses,
                    },
                })
            })
            .collect()
    }

    /// The object that keeps its pods, or the Service in front of them, as Kubernetes would show them.
    pub(super) fn object(&self, plural: &str) -> Option<Value> {
        let mut name = self.name.clone();
        let mut owners = json!([]);
        let spec = match plural {
            "replicasets" => {
                name = self.replica_set();
                owners = json!([{ "kind": "Deployment", "name": self.name, "controller": true }]);
                json!({ "selector": { "matchLabels": { "app": self.name } } })
            }
            "deployments" => json!({
                "replicas": self.replicas,
                "selector": { "matchLabels": { "app": self.name } },
            }),
            "services" => json!({
                "selector": { "app": self.name },
                "ports": [{ "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" }],
            }),
            _ => return None,
        };
        Some(json!({
            "metadata": { "namespace": self.namespace, "name": name, "ownerReferences": owners },
            "spec": spec,
        }))
    }

    /// Replaces the pod of that name by a new one; `false` where it has none.
    pub(super) fn replace(&mut self, namespace: &str, pod: &str) -> bool {
        if self.namespace != namespace || !pod.starts_with(&self.name) {
            return false;
        }
        let lives =
            (0..self.replicas).flat_map(|replica| (0..1_000).map(move |life| (replica, life)));
        let Some((replica, _)) = lives
            .into_iter()
            .find(|(replica, life)| self.pod_name(*replica, *life) == pod)
        else {
            return false;
        };
        self.deleted
            .entry(replica)
            .or_default()
            .push(Instant::now());
        true
    }

    /// Whether a pod of that name is one of its.
    pub(super) fn owns(&self, namespace: &str, pod: &str) -> bool {
        self.namespace == namespace && pod.starts_with(&self.replica_set())
    }

    /// When its `n`th line is written, where all its pods write side by side.
    pub(super) fn moment(&self, n: u64, begun: Instant) -> Instant {
        let pace = Duration::from_millis(self.line_every.max(1));
        begun + pace * u32::try_from(n).unwrap_or(u32::MAX)
    }

    /// The number of the first line that is not written before a moment.
    pub(super) fn first_after(&self, moment: Instant, begun: Instant) -> u64 {
        let millis = moment.saturating_duration_since(begun).as_nanos();
        let pace = u128::from(self.line_every.max(1)) * 1_000_000;
        u64::try_from(millis.div_ceil(pace)).unwrap_or(u64::MAX)
    }

    /// The `n`th line of one of its pods.
    pub(super) fn line(&self, n: u64) -> String {
        const PATHS: [&str; 5] = ["/", "/cart", "/api/items?page=2", "/health", "/login"];
        let place = usize::try_from(n % 5).unwrap_or(0);
        let (path, slow) = (PATHS[place], n % 17 == 16);
        let (code, millis) = if slow {
            (503, 2_004)
        } else {
            (200, 3 + n % 40)
        };
        match self.log {
            LogStyle::Access => format!("10.42.0.1 \"GET {path}\" {code} {millis}ms"),
            LogStyle::Logfmt => {
                let level = if slow { "error" } else { "info" };
                format!(
                    "level={level} msg=\"handled request\" path={path} code={code} duration={millis}ms n={n}"
                )
            }
            LogStyle::Json => {
                let level = if slow { "error" } else { "info" };
                json!({ "level": level, "msg": "handled request", "path": path, "code": code, "n": n }).to_string()
            }
        }
    }

    /// What one of its pods uses after so many seconds.
    pub(super) fn usage(&self, seconds: u64) -> Usage {
        let step = u32::try_from((seconds + self.name.len() as u64) % 12).unwrap_or(0);
        let rise = f64::from(if step < 6 { step } else { 12 - step }) / 6.0;
        Usage {
            cpu_cores: 0.01 + 0.08 * rise,
            memory: (24 + self.name.len() as u64 * 5) << 20,
            memory_limit: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_takes_another_s_place_has_a_name_of_its_own() {
        let [workload, ..] = &Workload::system(0)[..] else {
            panic!("k3s runs something");
        };
        let names: std::collections::HashSet<String> = (0..10)
            .flat_map(|replica| (0..10).map(move |life| (replica, life)))
            .map(|(replica, life)| workload.pod_name(replica, life))
            .collect();
        assert_eq!(names.len(), 100);
    }
}
