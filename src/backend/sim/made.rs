//! Pods that somebody made through the API: their containers do what a shell would do with their commands, and, as all
//! here, are functions of the time since they were made.

use std::time::Duration;

use futures::{StreamExt, stream, stream::BoxStream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    behaviour::{self, Behaviour},
    clock::Clock,
    cluster::{field, merge},
    id_of,
    kube::Api,
};
use crate::{
    backend::{Error, ErrorKind},
    domain::{LogLine, ObjectKey, container::LogRequest},
};

/// From being made to running: a node has to be found, a network to be set up.
const START: Duration = Duration::from_millis(800);
/// How often a followed log looks whether its pod is still there.
const LOOK: Duration = Duration::from_millis(100);

/// A pod that was made.
#[derive(Clone)]
pub(super) struct Made {
    object: Value,
    at: Instant,
}

impl Made {
    pub(super) fn new(object: &Value, namespace: &str) -> Self {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(namespace);
        Self {
            object,
            at: Instant::now(),
        }
    }

    /// Changes it as a merge patch does.
    pub(super) fn patch(&mut self, patch: &Value) {
        merge(&mut self.object, patch);
    }

    /// The names of its containers and what each does.
    fn containers(&self) -> impl Iterator<Item = (String, Behaviour)> + '_ {
        let containers = self.object["spec"]["containers"].as_array();
        containers.into_iter().flatten().map(|container| {
            let words = ["command", "args"].map(|key| container[key].as_array());
            let words = words.into_iter().flatten().flatten();
            let command: Vec<String> = words
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect();
            let name = container["name"].as_str().unwrap_or_default();
            (name.to_owned(), behaviour::shell(&command))
        })
    }

    /// When a container ends by itself.
    fn end(&self, behaviour: &Behaviour) -> Option<Instant> {
        let (after, _) = behaviour.end?;
        (self.at + START).checked_add(after)
    }

    /// The pod as Kubernetes would show it now, on that node.
    pub(super) fn shown(&self, node: &str, clock: Clock) -> Value {
        let now = Instant::now();
        let up = now >= self.at + START;
        let mut failed = false;
        let mut left = 0_u32;
        let statuses: Vec<Value> = self
            .containers()
            .map(|(name, behaviour)| {
                let ended = self.end(&behaviour).is_some_and(|end| end <= now);
                let code = behaviour.end.map_or(0, |(_, code)| code);
                let state = if ended {
                    failed |= code != 0;
                    let reason = if code == 0 { "Completed" } else { "Error" };
                    json!({ "terminated": { "reason": reason, "exitCode": code } })
                } else if up {
                    left += 1;
                    json!({ "running": { "startedAt": clock.at(self.at + START).to_string() } })
                } else {
                    left += 1;
                    json!({ "waiting": { "reason": "ContainerCreating" } })
                };
                json!({ "name": name, "state": state, "ready": up && !ended, "restartCount": 0 })
            })
            .collect();
        let phase = match (up, left, failed) {
            (false, ..) => "Pending",
            (true, 1.., _) => "Running",
            (true, 0, true) => "Failed",
            (true, 0, false) => "Succeeded",
        };
        let uid = id_of(&format!("{:?} {}", self.at, field(&self.object, "name")));
        let mut object = self.object.clone();
        let more = json!({
            "metadata": { "uid": uid[..36], "creationTimestamp": clock.at(self.at).to_string() },
            "spec": { "nodeName": node },
            "status": {
                "phase": phase,
                "conditions": [{ "type": "Ready", "status": if up && left > 0 { "True" } else { "False" } }],
                "containerStatuses": statuses,
            },
        });
        merge(&mut object, &more);
        object
    }

    /// The log of one of its containers.
    pub(super) fn log(
        &self,
        api: Api,
        key: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        let refuse = |why: &str| {
            let error = Error::new(ErrorKind::Invalid, format!("log of {key}"), why);
            stream::iter([Err(error)]).boxed()
        };
        let mut containers = self.containers();
        let found = containers.find(|(name, _)| container.is_empty() || name == container);
        let Some((_, behaviour)) = found else {
            return refuse("there is no such container");
        };
        let (now, begun) = (Instant::now(), self.at + START);
        if now < begun {
            return refuse("the container is waiting to start");
        }
        if request.previous {
            return refuse("previous terminated container not found");
        }
        let clock = api.world.0.clock;
        let lines: Vec<(Instant, LogLine)> = behaviour
            .lines
            .iter()
            .map(|(after, text)| (begun + *after, text))
            .map(|(at, text)| (at, LogLine::whole(Some(clock.at(at)), text.as_bytes(), 0)))
            .collect();
        let end = self.end(&behaviour);
        let since = request.since;
        let wanted = |line: &LogLine| since.is_none_or(|since| line.time >= Some(since));
        let written = lines.iter().filter(|(at, _)| *at <= now).count();
        let mut past: Vec<LogLine> = lines[..written]
            .iter()
            .map(|(_, line)| line.clone())
            .filter(wanted)
            .collect();
        if let Some(tail) = request.tail {
            past.drain(..past.len().saturating_sub(tail as usize));
        }
        let past = stream::iter(past.into_iter().map(Ok));
        if !request.follow {
            return past.boxed();
        }
        let (key, made) = (key.clone(), self.at);
        let live = stream::unfold(written, move |n| {
            let next = lines.get(n).cloned();
            let (api, key) = (api.clone(), key.clone());
            async move {
                let gone = async {
                    while api
                        .world
                        .lock()
                        .made(&api.cluster, &key)
                        .is_some_and(|pod| pod.at == made)
                    {
                        tokio::time::sleep(LOOK).await;
                    }
                };
                let over = async {
                    match end {
                        Some(end) => tokio::time::sleep_until(end).await,
                        None => std::future::pending().await,
                    }
                };
                let written = async {
                    match &next {
                        Some((at, _)) => tokio::time::sleep_until(*at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = written => {}
                    () = over => return None,
                    () = gone => return None,
                }
                next.map(|(_, line)| (Ok(line), n + 1))
            }
        });
        past.chain(live).boxed()
    }
}
