//! Forwards in the background: put there, listed, stopped.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    cli::{
        access::Access,
        output::{Writing, note, print, size},
    },
    domain::{Forward, ForwardTarget, Problem},
    ops::forward::held::{self, Held, Launch, Report},
};

/// Puts a forward into the background, and prints where it listens.
///
/// # Errors
/// When a local port cannot be had.
pub async fn detach(access: &Access, forward: Forward) -> Result<(), Problem> {
    let program = std::env::current_exe()
        .map_err(|error| Problem::failed("this program does not find itself", error.to_string()))?;
    // The new process may be elsewhere when the cluster is asked for again.
    let whole = |file: &PathBuf| std::path::absolute(file).unwrap_or_else(|_| file.clone());
    let launch = Launch {
        context: access.context.clone(),
        files: access.files().iter().map(whole).collect(),
        forward,
    };
    let report = held::detach(&program, &["forward", "hold"], &launch).await?;
    let line =
        |at: &held::Listening| format!("{} -> {} port {}\n", at.address, report.target, at.remote);
    print(&report.listening.iter().map(line).collect::<String>())?;
    let port = report.listening.first().map_or(0, |at| at.address.port());
    note(&format!(
        "in the background; to end it: coracle forward stop {port}"
    ));
    Ok(())
}

/// Prints the forwards in the background.
///
/// # Errors
/// When they cannot be looked for.
pub async fn list(writing: Writing) -> Result<(), Problem> {
    let all = held::list(&held::directory()?).await?;
    let reports: Vec<&Report> = all.iter().map(|held| &held.report).collect();
    let wide = writing.is_wide();
    let mut columns = vec![
        "LOCAL",
        "TARGET",
        "NAMESPACE",
        "CONTEXT",
        "STATE",
        "OPEN",
        "SENT",
        "RECEIVED",
    ];
    if wide {
        columns.extend(["TOTAL", "POD", "PROCESS", "WHY"]);
    }
    let rows: Vec<Vec<String>> = reports.iter().map(|report| row(report, wide)).collect();
    print(&writing.list(&columns, 0, &rows, || json!(reports))?)
}

fn local(report: &Report) -> String {
    let all: Vec<String> = report
        .listening
        .iter()
        .map(|at| at.address.to_string())
        .collect();
    all.join(",")
}

fn row(report: &Report, wide: bool) -> Vec<String> {
    let ports: Vec<&str> = report.listening.iter().map(|at| &*at.remote).collect();
    let mut cells = vec![
        local(report),
        format!("{}:{}", report.target, ports.join(",")),
        report.namespace.clone(),
        report.context.clone(),
        report.state.clone(),
        report.open.to_string(),
        size(report.sent),
        size(report.received),
    ];
    if wide {
        let last = report.last_error.as_ref().map(|last| last.message.clone());
        cells.extend([
            report.total.to_string(),
            report.pod.clone().unwrap_or_default(),
            report.pid.to_string(),
            if report.why.is_empty() {
                last.unwrap_or_default()
            } else {
                report.why.clone()
            },
        ]);
    }
    cells
}

/// Stops the forwards of these names: local ports, or targets. No name is all of them.
///
/// # Errors
/// When a name is none's or several's; then none is stopped. When a process does not answer.
pub async fn stop(names: &[String]) -> Result<(), Problem> {
    let all = held::list(&held::directory()?).await?;
    let mut meant: Vec<&Held> = Vec::new();
    for name in names {
        let held = chosen(&all, name)?;
        if !meant.contains(&held) {
            meant.push(held);
        }
    }
    if names.is_empty() {
        meant.extend(&all);
    }
    for held in meant {
        held::stop(held).await?;
        note(&format!(
            "{} -> {} is closed",
            local(&held.report),
            held.report.target
        ));
    }
    Ok(())
}

/// The one forward that a name means.
fn chosen<'a>(all: &'a [Held], name: &str) -> Result<&'a Held, Problem> {
    let port: Option<u16> = name.parse().ok();
    let target = name
        .parse::<ForwardTarget>()
        .ok()
        .map(|target| target.to_string());
    let fit = |held: &&Held| match port {
        Some(port) => held
            .report
            .listening
            .iter()
            .any(|at| at.address.port() == port),
        None => target.as_ref() == Some(&held.report.target),
    };
    let found: Vec<&Held> = all.iter().filter(fit).collect();
    let ports = |those: &[&Held]| {
        let ports: Vec<String> = those.iter().map(|held| local(&held.report)).collect();
        ports.join(", ")
    };
    match found[..] {
        [held] => Ok(held),
        [] => {
            let there: Vec<&Held> = all.iter().collect();
            let why = if there.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are {}", ports(&there))
            };
            Err(Problem::not_found(
                format!("no forward in the background is {name:?}"),
                why,
            ))
        }
        _ => Err(
            Problem::usage(format!("{name:?} is more than one forward"), ports(&found))
                .with_hint("name its local port"),
        ),
    }
}
