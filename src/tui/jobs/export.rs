//! Lines of a log on their way into a file or a command.

use std::{
    io::{self, Read as _, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use super::Sink;
use crate::{
    domain::{Problem, log::sanitize},
    ops::logs::save,
    tui::{
        effect::{Export, Outlet},
        msg::News,
    },
};

/// As much of a command's output is shown.
const OUTPUT: u64 = 64 * 1024;

async fn run(export: Export, sink: Sink) {
    let done = tokio::task::spawn_blocking(move || match export.outlet.clone() {
        Outlet::File(name) => save(&export, &name),
        Outlet::Command(command) => pipe(&export, &command),
    });
    let told = done.await.unwrap_or_else(|error| {
        Err(Problem::failed(
            "the lines were not written",
            error.to_string(),
        ))
    });
    sink.send(News::Exported(told)).await;
}

fn write(export: &Export, mut to: impl Write) -> io::Result<u64> {
    let numbers = export.numbers.iter().copied();
    save::write(&export.lines, numbers, export.form, &mut to)
}

/// Writes a new file; one that is there is the person's and stays as it is.
fn save(export: &Export, name: &str) -> Result<(String, String), Problem> {
    let path = match name.strip_prefix("~/") {
        Some(rest) => {
            etcetera::home_dir().map_or_else(|_| PathBuf::from(name), |home| home.join(rest))
        }
        None => PathBuf::from(name),
    };
    let failed = |error: io::Error| {
        let problem = Problem::failed(
            format!("{} was not written", path.display()),
            error.to_string(),
        );
        if error.kind() == io::ErrorKind::AlreadyExists {
            problem.with_hint("name a file that is not there yet")
        } else {
            problem
        }
    };
    let file = std::fs::File::create_new(&path).map_err(failed)?;
    let count = write(export, file).map_err(failed)?;
    Ok((
        format!("{count} lines are in {}", path.display()),
        String::new(),
    ))
}

/// Runs a command of the shell and returns what it said.
fn pipe(export: &Export, command: &str) -> Result<(String, String), Problem> {
    let failed =
        |error: io::Error| Problem::failed(format!("{command:?} did not run"), error.to_string());
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (wrote, said, complained) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| input.map_or(Ok(0), |input| write(export, input)));
        let complained = scope.spawn(|| read(errors));
        let said = read(output);
        (writer.join(), said, complained.join())
    });
    let status = child.wait().map_err(failed)?;
    // A command that has seen enough, as head, closes its input early.
    if let Ok(Err(error)) = wrote
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(failed(error));
    }
    let complained = complained.unwrap_or_default();
    if !status.success() {
        return Err(Problem::failed(
            format!("{command:?} ended with {status}"),
            complained,
        ));
    }
    Ok((format!("{command}: done"), said + &complained))
}

/// What comes out of a pipe, harmless, as far as it is shown; the rest is read and forgotten, so that nobody waits for it.
fn read(pipe: Option<impl io::Read>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut bytes = Vec::new();
    // What was read before a pipe broke is shown all the same.
    let _ = (&mut pipe).take(OUTPUT).read_to_end(&mut bytes);
    let _ = io::copy(&mut pipe, &mut io::sink());
    let lines = bytes.split(|byte| *byte == b'\n').map(sanitize);
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The job of an export.
pub(in crate::tui) fn job(export: Export) -> super::Job {
    Box::new(|sink| Box::pin(run(export, sink)))
}
