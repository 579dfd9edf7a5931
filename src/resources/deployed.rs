//! What k3s keeps deployed: its `AddOn`s, one for each file among its manifests, and Helm charts.

use jiff::Timestamp;
use serde_json::Value;

use super::{KindSpec, unlisted};
use crate::domain::log::sanitize;

/// `AddOn`: k3s's record of a manifest.
pub static ADDONS: KindSpec = unlisted::grouped_kind("k3s.cattle.io", "addons");

/// `HelmChart`: a chart that k3s installs.
pub static HELM_CHARTS: KindSpec = unlisted::grouped_kind("helm.cattle.io", "helmcharts");

/// What happened to objects, in words.
pub static EVENTS: KindSpec = unlisted::grouped_kind("", "events");

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeployState {
    /// It is as it is to be.
    Deployed,
    /// Nothing is heard of it yet.
    Waiting,
    /// The last try failed; k3s tries again.
    Failed,
}

impl DeployState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

/// A manifest or a chart that k3s deploys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its name.
    pub name: String,
    /// The namespace of its record.
    pub namespace: String,
    /// Whether it is a chart; else it is a manifest.
    pub chart: bool,
    /// The file on the server, or the chart with its version.
    pub source: String,
    /// How far it is.
    pub state: DeployState,
    /// Why it failed; else empty.
    pub message: String,
}

/// A manifest from its `AddOn` and what happened to that.
#[must_use]
pub fn manifest(addon: &Value, events: &[Value]) -> Option<Deployed> {
    let name = text(addon, "/metadata/name")?;
    let last = events
        .iter()
        .filter(|event| {
            event
                .pointer("/involvedObject/kind")
                .and_then(Value::as_str)
                == Some("Addon")
                && event
                    .pointer("/involvedObject/name")
                    .and_then(Value::as_str)
                    == addon.pointer("/metadata/name").and_then(Value::as_str)
        })
        .filter_map(|event| Some((time(event)?, failed(event)?, event)))
        // In one second it first fails and then works: k3s tells of a success last.
        .max_by_key(|(time, failed, _)| (*time, !failed));
    let failed = last
        .filter(|(_, failed, _)| *failed)
        .map(|(_, _, event)| event);
    // k3s writes it down when everything in the file was applied.
    let applied = text(addon, "/spec/checksum").is_some_and(|sum| !sum.is_empty());
    Some(Deployed {
        name,
        namespace: text(addon, "/metadata/namespace").unwrap_or_default(),
        chart: false,
        source: text(addon, "/spec/source").unwrap_or_default(),
        state: match failed {
            Some(_) => DeployState::Failed,
            None if applied => DeployState::Deployed,
            None => DeployState::Waiting,
        },
        message: failed
            .and_then(|event| text(event, "/message"))
            .unwrap_or_default(),
    })
}

/// Whether an event tells of a failure or of a success; all others tell of neither.
fn failed(event: &Value) -> Option<bool> {
    match event.get("reason")?.as_str()? {
        "AppliedManifest" => Some(false),
        _ if event.get("type")?.as_str()? == "Warning" => Some(true),
        _ => None,
    }
}

fn time(event: &Value) -> Option<Timestamp> {
    ["/lastTimestamp", "/series/lastObservedTime", "/eventTime"]
        .iter()
        .filter_map(|path| event.pointer(path)?.as_str()?.parse().ok())
        .max()
}

/// A chart, and the job that installs it, which is one of `jobs`.
#[must_use]
pub fn chart(chart: &Value, jobs: &[Value]) -> Option<Deployed> {
    let namespace = text(chart, "/metadata/namespace").unwrap_or_default();
    let condition = chart
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|one| {
            one.get("type").and_then(Value::as_str) == Some("Failed")
                && one.get("status").and_then(Value::as_str) == Some("True")
        });
    let job = text(chart, "/status/jobName").filter(|job| !job.is_empty());
    let job = job.and_then(|name| {
        jobs.iter().find(|job| {
            text(job, "/metadata/name").as_ref() == Some(&name)
                && text(job, "/metadata/namespace").unwrap_or_default() == namespace
        })
    });
    let count = |path: &str| job.and_then(|job| job.pointer(path)?.as_u64()).unwrap_or(0);
    let (state, message) = if let Some(condition) = condition {
        let why = text(condition, "/message").or_else(|| text(condition, "/reason"));
        (DeployState::Failed, why.unwrap_or_default())
    } else if count("/status/succeeded") > 0 {
        (DeployState::Deployed, String::new())
    } else if count("/status/failed") > 0 {
        let job = job
            .and_then(|job| text(job, "/metadata/name"))
            .unwrap_or_default();
        (
            DeployState::Failed,
            format!("the log of job {job} says why"),
        )
    } else {
        (DeployState::Waiting, String::new())
    };
    let spec = |key: &str| text(chart, &format!("/spec/{key}")).unwrap_or_default();
    let version = Some(spec("version")).filter(|version| !version.is_empty());
    Some(Deployed {
        name: text(chart, "/metadata/name")?,
        namespace,
        chart: true,
        source: match version {
            Some(version) => format!("{} {version}", spec("chart")),
            None => spec("chart"),
        },
        state,
        message,
    })
}

fn text(object: &Value, path: &str) -> Option<String> {
    let text = object.pointer(path)?.as_str()?;
    Some(sanitize(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn addon(checksum: &str) -> Value {
        json!({
            "metadata": {"name": "app", "namespace": "kube-system"},
            "spec": {"source": "/var/lib/rancher/k3s/server/manifests/app.yaml", "checksum": checksum},
        })
    }

    fn event(kind: &str, reason: &str, second: u8) -> Value {
        json!({
            "type": kind, "reason": reason, "message": format!("{reason} \u{1b}[31mred"),
            "involvedObject": {"kind": "Addon", "name": "app"},
            "lastTimestamp": format!("2026-11-21T10:00:{second:02}Z"),
        })
    }

    #[test]
    fn a_manifest_is_as_its_last_event_and_its_checksum_say() {
        let state = |checksum: &str, events: &[Value]| {
            let made = manifest(&addon(checksum), events).unwrap();
            assert!(!made.message.contains('\u{1b}'), "{made:?}");
            assert_eq!(made.message.is_empty(), made.state != DeployState::Failed);
            made.state
        };
        let applied = |second| event("Normal", "AppliedManifest", second);
        let applying = |second| event("Normal", "ApplyingManifest", second);
        let failed = |second| event("Warning", "ApplyManifestFailed", second);
        assert_eq!(state("", &[]), DeployState::Waiting);
        assert_eq!(state("", &[applying(1)]), DeployState::Waiting);
        assert_eq!(state("", &[applying(1), failed(1)]), DeployState::Failed);
        assert_eq!(state("c0", &[]), DeployState::Deployed);
        assert_eq!(state("c0", &[applied(3), failed(1)]), DeployState::Deployed);
        assert_eq!(state("c0", &[failed(2), applied(2)]), DeployState::Deployed);
        // Once it worked, and then the file was changed.
        assert_eq!(state("c0", &[applied(1), failed(2)]), DeployState::Failed);
        let mut other = failed(2);
        other["involvedObject"]["name"] = json!("other");
        assert_eq!(state("c0", &[other]), DeployState::Deployed);
        assert_eq!(manifest(&json!({}), &[]), None);
    }

    #[test]
    fn a_chart_is_as_far_as_its_job() {
        let made = |status: Value, job: Value| {
            let object = json!({
                "metadata": {"name": "traefik", "namespace": "kube-system"},
                "spec": {"chart": "stable/traefik", "version": "1.2"},
                "status": status,
            });
            let job = json!({
                "metadata": {"name": "helm-install-traefik", "namespace": "kube-system"}, "status": job,
            });
            chart(&object, &[job]).unwrap()
        };
        let named = || json!({"jobName": "helm-install-traefik"});
        let done = made(named(), json!({"succeeded": 1, "failed": 2}));
        assert_eq!(
            (done.state, done.source.as_str()),
            (DeployState::Deployed, "stable/traefik 1.2")
        );
        assert_eq!(
            made(named(), json!({"active": 1})).state,
            DeployState::Waiting
        );
        assert_eq!(
            made(json!({}), json!({"succeeded": 1})).state,
            DeployState::Waiting
        );
        let failed = made(named(), json!({"failed": 1}));
        assert!(
            failed.message.contains("helm-install-traefik"),
            "{failed:?}"
        );
        let told = json!({"conditions": [{"type": "Failed", "status": "True", "message": "no such chart"}]});
        assert_eq!(made(told, json!({})).message, "no such chart");
    }
}
