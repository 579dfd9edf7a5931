//! Following all containers of a pod at once.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Abandoned, Pauses, hand_on, mark};
use crate::{
    backend::{Error, ErrorKind, KubeApi},
    domain::{ObjectKey, Source, container::LogRequest, log::LogItem},
    ops::seam::Seam,
    resources::pods,
};

/// How long a pod of the same name is waited for after one was deleted: a StatefulSet's comes back within seconds, a
/// Deployment's never.
const COMES_BACK: Duration = Duration::from_secs(60);

pub(super) async fn follow(
    api: &dyn KubeApi,
    pod: &ObjectKey,
    tail: u32,
    lines: &mpsc::Sender<LogItem>,
) -> Result<(), Abandoned> {
    let mut last_uid: Option<String> = None;
    loop {
        let Some(object) = find(api, pod, last_uid.as_deref(), lines).await? else {
            return mark(lines, format!("{pod} is gone")).await;
        };
        let uid = text(&object["metadata"]["uid"]).to_owned();
        if last_uid.is_some() {
            mark(lines, format!("another {pod} has taken its place")).await?;
        }
        last_uid = Some(uid.clone());
        let names = containers(&object);
        let mut followed: FuturesUnordered<_> = names
            .iter()
            .map(|name| {
                let source = Source {
                    namespace: (&*pod.namespace).into(),
                    pod: pod.name.clone(),
                    container: name.as_str().into(),
                    uid: uid.as_str().into(),
                };
                let one = One {
                    api,
                    pod,
                    uid: &uid,
                    name,
                    source: Arc::new(source),
                    lines,
                };
                one.follow(tail, status(&object, name)["restartCount"].as_u64())
            })
            .collect();
        let mut gone = false;
        while let Some(end) = followed.next().await {
            gone |= end? == End::Gone;
        }
        if !gone {
            return mark(lines, format!("all containers of {pod} are done")).await;
        }
    }
}

/// The pod, once there is one that is not the last one any more; `None` when none comes.
async fn find(
    api: &dyn KubeApi,
    pod: &ObjectKey,
    last_uid: Option<&str>,
    lines: &mpsc::Sender<LogItem>,
) -> Result<Option<Value>, Abandoned> {
    let end = tokio::time::Instant::now() + COMES_BACK;
    let mut pauses = Pauses::new();
    let mut told = String::new();
    loop {
        match api.get(&pods::KIND, pod).await {
            Ok(object) if last_uid != Some(text(&object["metadata"]["uid"])) => {
                return Ok(Some(object));
            }
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {
                if last_uid.is_none() || tokio::time::Instant::now() >= end {
                    return Ok(None);
                }
            }
            Err(error) => {
                let words = error.to_string();
                if words != told {
                    mark(lines, words.clone()).await?;
                    told = words;
                }
            }
        }
        pauses.pause().await;
    }
}

/// The names of all its containers: those that prepare it first, those that a person added last.
fn containers(pod: &Value) -> Vec<String> {
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .filter_map(|list| pod["spec"][list].as_array())
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .map(str::to_owned)
        .collect()
}

/// How the following of one container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The container is done and nobody starts it again.
    Done,
    /// Its pod is gone.
    Gone,
}

struct One<'a> {
    api: &'a dyn KubeApi,
    pod: &'a ObjectKey,
    uid: &'a str,
    name: &'a str,
    source: Arc<Source>,
    lines: &'a mpsc::Sender<LogItem>,
}

impl One<'_> {
    /// Follows it to its end; `restarts` is how often it had been started again when it was found.
    async fn follow(self, tail: u32, mut restarts: Option<u64>) -> Result<End, Abandoned> {
        let mut seam = Seam::default();
        let mut told = String::new();
        let mut pauses = Pauses::new();
        let mut first = true;
        let mut torn = false;
        loop {
            let request = LogRequest {
                follow: true,
                tail: first.then_some(tail),
                since: seam.since(),
                previous: false,
            };
            seam.begin();
            let broke = self
                .read(&request, &mut seam, &mut pauses, &mut first)
                .await?;
            // A container that has not started has no log to miss lines of.
            let refused =
                |error: &Error| matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound);
            if !broke.as_ref().is_some_and(refused) {
                torn = broke.is_some();
            }
            // The look comes right before the log is asked for again, which goes by name and would not say that another
            // pod has taken it.
            pauses.pause().await;
            let object = match self.api.get(&pods::KIND, self.pod).await {
                Ok(object) => object,
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(End::Gone),
                Err(error) => {
                    self.tell(&mut told, format!("the log broke off: {}", error.why))
                        .await?;
                    continue;
                }
            };
            if text(&object["metadata"]["uid"]) != self.uid {
                return Ok(End::Gone);
            }
            let status = status(&object, self.name);
            let now = status["restartCount"].as_u64();
            if restarts.is_some() && now > restarts {
                let mut words = format!("{} was started again{}", self.name, reason(status));
                if torn {
                    words.push_str("; lines from before may be missing here");
                }
                self.tell(&mut told, words).await?;
            } else if status["state"]["terminated"].is_object() && !will_restart(&object) {
                let code = &status["state"]["terminated"]["exitCode"];
                mark(
                    self.lines,
                    format!("{} ended with exit code {code}", self.name),
                )
                .await?;
                return Ok(End::Done);
            } else if let Some(why) = status["state"]["waiting"]["reason"].as_str() {
                self.tell(&mut told, format!("{} waits: {why}", self.name))
                    .await?;
            } else if let Some(error) = broke {
                self.tell(&mut told, format!("the log broke off: {}", error.why))
                    .await?;
            }
            restarts = now.or(restarts);
        }
    }

    /// Reads one stream to its end; the error where it broke off.
    async fn read(
        &self,
        request: &LogRequest,
        seam: &mut Seam,
        pauses: &mut Pauses,
        first: &mut bool,
    ) -> Result<Option<Error>, Abandoned> {
        let mut stream = self.api.logs(self.pod, self.name, request);
        while let Some(item) = stream.next().await {
            match item {
                Ok(mut line) => {
                    *first = false;
                    if seam.is_new(&line) {
                        pauses.reset();
                        line.source = Some(self.source.clone());
                        hand_on(self.lines, LogItem::Line(line)).await?;
                    }
                }
                Err(error) => return Ok(Some(error)),
            }
        }
        Ok(None)
    }

    /// Tells something once, however often it is found to be so.
    async fn tell(&self, told: &mut String, words: String) -> Result<(), Abandoned> {
        if *told != words {
            mark(self.lines, words.clone()).await?;
            *told = words;
        }
        Ok(())
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ]
    .iter()
    .filter_map(|list| pod["status"][list].as_array())
    .flatten()
    .find(|status| status["name"] == container)
    .unwrap_or(&Value::Null)
}

/// Why the last run of a container ended, in parentheses.
fn reason(status: &Value) -> String {
    let last = &status["lastState"]["terminated"];
    match (last["reason"].as_str(), last["exitCode"].as_i64()) {
        (Some("Error") | None, Some(code)) => format!(" (exit code {code})"),
        (Some(reason), Some(code)) => format!(" ({reason}, exit code {code})"),
        _ => String::new(),
    }
}

/// Whether a container of the pod that ended is started again. Of init containers this is not asked in time to matter:
/// one that succeeded is done, one that failed is shown as waiting.
fn will_restart(pod: &Value) -> bool {
    let ended = matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
    !ended && text(&pod["spec"]["restartPolicy"]) != "Never"
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
