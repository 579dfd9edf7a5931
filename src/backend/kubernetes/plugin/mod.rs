//! Credentials of programs that a kubeconfig names (`exec`), as client-go has them: kept in memory until they end or a
//! server refuses them, and asked for once, however many wait for them.
//!
//! kube's own way runs a program up to three times for one client, once more for each new one, and puts its arguments,
//! variables and output into the error, which are secrets often enough.

mod run;

use std::{
    collections::HashMap,
    io::IsTerminal as _,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::watch, task::JoinSet, time::Instant};

pub(super) use run::end_all;

use super::connect::Failure;
use crate::{
    backend::ErrorKind,
    domain::{Secret, log::sanitize},
};

/// What a program may use of ours, and how long somebody waits for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// The screen is drawn on the terminal: the program gets none of it. Who asks is told soon what it waits for, and
    /// asks again; the program goes on meanwhile.
    Screen,
    /// A command: the program may ask and tell on the terminal, if there is one.
    Command,
}

/// How long the screen waits before it says what it waits for: less than its jobs wait for a server.
const SCREEN_WAITS: Duration = Duration::from_secs(2);

/// How long the screen waits at least for a program that has been running for longer: several jobs ask in turn.
const SCREEN_LOOKS: Duration = Duration::from_millis(200);

/// A program without a terminal may show a code that a person types elsewhere, so it has minutes.
const WITHOUT_TERMINAL: Duration = Duration::from_secs(5 * 60);

/// A person who signs in reads, finds a telephone and types; after this nobody is there.
const IN_TERMINAL: Duration = Duration::from_secs(15 * 60);

/// After a failure, those who ask on their own account get the same answer for so long: several jobs that retry side
/// by side are one try.
const FAILURE_STAYS: Duration = Duration::from_secs(2);

/// The first and the longest pause between two runs for a server that refuses each time what the program gives.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What a program gave.
#[derive(Clone)]
pub(super) struct Credential {
    /// Each has another, so that a refusal of an old one does not end a new one.
    pub(super) number: u64,
    pub(super) token: Option<Secret>,
    /// The certificate and its key, as PEM.
    pub(super) certificate: Option<(String, Secret)>,
    /// From then on it is asked for anew.
    pub(super) renew_at: Option<Timestamp>,
}

/// A run: what its program said last, and how it went once it is over.
#[derive(Clone, Default)]
struct Progress {
    said: String,
    outcome: Option<Result<Credential, Failure>>,
}

#[derive(Default)]
struct Entry {
    credential: Option<Credential>,
    run: Option<(Instant, watch::Receiver<Progress>)>,
    failed: Option<(Instant, Failure)>,
    /// Since servers refuse what the program gives: when it may run again for that reason, and the next pause.
    refused: Option<(Instant, Duration)>,
}

/// By what the kubeconfig says of a program and its cluster. It has as many entries as kubeconfigs have users.
static KEPT: LazyLock<Mutex<HashMap<String, Entry>>> = LazyLock::new(Mutex::default);
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The runs that go on, and those that ended since the last began.
static RUNS: LazyLock<Mutex<JoinSet<()>>> = LazyLock::new(Mutex::default);

fn kept() -> MutexGuard<'static, HashMap<String, Entry>> {
    // No code under this lock can break, and a map is whole at any time.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The credential of a program: a kept one, unless it ended or is the `refused` one; that of a run under way; or that
/// of a new run.
pub(super) async fn credential(
    exec: &ExecConfig,
    refused: Option<u64>,
    manner: Manner,
) -> Result<Credential, Failure> {
    let plan = plan(exec, manner)?;
    let name = plan.name.clone();
    let (since, mut progress) = match begin(plan, refused, manner) {
        Begun::Known(known) => return known,
        Begun::Run(since, progress) => (since, progress),
    };
    let done = async {
        let over = progress.wait_for(|now| now.outcome.is_some()).await;
        over.ok().and_then(|now| now.outcome.clone())
    };
    let outcome = match manner {
        Manner::Command => Ok(done.await),
        Manner::Screen => {
            let end = (since + SCREEN_WAITS).max(Instant::now() + SCREEN_LOOKS);
            tokio::time::timeout_at(end, done).await
        }
    };
    match outcome {
        Ok(Some(outcome)) => outcome,
        Ok(None) => Err((
            ErrorKind::Failed,
            format!("the credential plugin {name} was broken off"),
        )),
        Err(_) => {
            let said = progress.borrow().said.clone();
            let so_far = since.elapsed().as_secs();
            let mut why = format!("waiting for the credential plugin {name} ({so_far} s)");
            if !said.is_empty() {
                why = format!("{why}: {said}");
            }
            Err((ErrorKind::Timeout, why))
        }
    }
}

enum Begun {
    Known(Result<Credential, Failure>),
    Run(Instant, watch::Receiver<Progress>),
}

fn begin(plan: run::Plan, refused: Option<u64>, manner: Manner) -> Begun {
    let mut kept = kept();
    let entry = kept.entry(plan.key.clone()).or_default();
    if let Some(known) = &entry.credential {
        let ended = known.renew_at.is_some_and(|at| at <= Timestamp::now());
        if !ended && refused != Some(known.number) {
            return Begun::Known(Ok(known.clone()));
        }
    }
    if let Some((since, run)) = &entry.run {
        let alive = run.has_changed().is_ok();
        if alive && run.borrow().outcome.is_none() {
            return Begun::Run(*since, run.clone());
        }
    }
    if let (Manner::Screen, Some((since, failure))) = (manner, &entry.failed)
        && since.elapsed() < FAILURE_STAYS
    {
        return Begun::Known(Err(failure.clone()));
    }
    let now = Instant::now();
    if refused.is_some() {
        let (until, pause) = entry.refused.unwrap_or((now, FIRST_PAUSE));
        if now < until {
            let why = format!(
                "the server does not accept what the credential plugin {} gives; it is asked again in {} s",
                plan.name,
                (until - now).as_secs() + 1
            );
            return Begun::Known(Err((ErrorKind::Forbidden, why)));
        }
        // Refusals far apart have nothing to do with each other.
        let rested = until.elapsed() > LONGEST_PAUSE;
        let pause = if rested { FIRST_PAUSE } else { pause };
        entry.refused = Some((now + pause, (pause * 2).min(LONGEST_PAUSE)));
    }
    let (teller, progress) = watch::channel(Progress::default());
    entry.run = Some((now, progress.clone()));
    drop(kept);
    // It outlives those who wait: a screen that looks again finds it, and `end_all` or its own deadline ends it.
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    while runs.try_join_next().is_some() {}
    runs.spawn(carry_out(plan, teller));
    Begun::Run(now, progress)
}

async fn carry_out(plan: run::Plan, teller: watch::Sender<Progress>) {
    let said = |line: String| {
        teller.send_modify(|now| now.said = line);
    };
    let outcome = plan
        .run(said)
        .await
        .and_then(|answer| read(&answer, &plan.version, &plan.name));
    {
        let mut kept = kept();
        let entry = kept.entry(plan.key.clone()).or_default();
        match &outcome {
            Ok(credential) => {
                entry.credential = Some(credential.clone());
                entry.failed = None;
            }
            Err(failure) => entry.failed = Some((Instant::now(), failure.clone())),
        }
        entry.run = None;
    }
    teller.send_modify(|now| now.outcome = Some(outcome));
}

/// What is run, by the kubeconfig.
fn plan(exec: &ExecConfig, manner: Manner) -> Result<run::Plan, Failure> {
    let invalid = |why: &str| (ErrorKind::Invalid, why.to_owned());
    let command = exec
        .command
        .clone()
        .filter(|command| !command.is_empty())
        .ok_or_else(|| invalid("the kubeconfig names no command for the credential plugin"))?;
    let version = exec.api_version.clone().unwrap_or_default();
    if !matches!(
        &*version,
        "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1"
    ) {
        return Err(invalid(
            "the credential plugin's apiVersion is neither client.authentication.k8s.io/v1 nor v1beta1",
        ));
    }
    let terminal = matches!(manner, Manner::Command) && std::io::stderr().is_terminal();
    let asks = exec.interactive_mode != Some(ExecInteractiveMode::Never);
    let interactive = terminal && asks && std::io::stdin().is_terminal();
    let mut spec = json!({ "interactive": interactive });
    if let (true, Some(cluster)) = (exec.provide_cluster_info, &exec.cluster) {
        spec["cluster"] =
            serde_json::to_value(cluster).map_err(|_| invalid("the cluster has no JSON"))?;
    }
    let info = json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec }).to_string();
    let pairs = exec.env.iter().flatten();
    let env = pairs
        .filter_map(|pair| Some((pair.get("name")?.clone(), pair.get("value")?.clone())))
        .collect();
    let args = exec.args.clone().unwrap_or_default();
    let name = command.rsplit('/').next().unwrap_or(&command);
    Ok(run::Plan {
        key: json!([command, args, env, info]).to_string(),
        name: sanitize(name.as_bytes()),
        version,
        command,
        args,
        env,
        info,
        hint: exec.install_hint.clone().unwrap_or_default(),
        wants_terminal: exec.interactive_mode == Some(ExecInteractiveMode::Always),
        terminal,
        interactive,
        deadline: if terminal {
            IN_TERMINAL
        } else {
            WITHOUT_TERMINAL
        },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

/// What a program printed, which no message repeats.
fn read(answer: &[u8], version: &str, name: &str) -> Result<Credential, Failure> {
    let wrong = |why: &str| {
        let why = format!("the credential plugin {name} {why}");
        (ErrorKind::Failed, why)
    };
    // As with client-go, YAML will do.
    let answer: Answer = serde_saphyr::from_slice(answer)
        .map_err(|_| wrong("printed something else than an ExecCredential"))?;
    if answer.api_version != version {
        return Err(wrong(&format!("did not answer in {version}")));
    }
    let status = answer
        .status
        .ok_or_else(|| wrong("gave no credentials: its answer has no status"))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = filled(status.token).map(Secret::new);
    let certificate = match (
        filled(status.client_certificate_data),
        filled(status.client_key_data),
    ) {
        (Some(certificate), Some(key)) => Some((certificate, Secret::new(key))),
        (None, None) => None,
        _ => return Err(wrong("gave a certificate without its key, or the reverse")),
    };
    if token.is_none() && certificate.is_none() {
        return Err(wrong("gave neither a token nor a certificate"));
    }
    let renew_at = match filled(status.expiration_timestamp) {
        Some(text) => {
            let end: Timestamp = text
                .parse()
                .map_err(|_| wrong("gave an expirationTimestamp that is no time"))?;
            Some(before(end))
        }
        None => None,
    };
    Ok(Credential {
        number: NUMBER.fetch_add(1, Ordering::Relaxed),
        token,
        certificate,
        renew_at,
    })
}

/// Somewhat before the end, so that a request does not arrive after it; with short lives a tenth of the life.
fn before(end: Timestamp) -> Timestamp {
    let life = end.duration_since(Timestamp::now());
    let margin = (life / 10).clamp(SignedDuration::ZERO, SignedDuration::from_secs(10));
    end.checked_sub(margin).unwrap_or(end)
}

#[cfg(test)]
mod tests;
