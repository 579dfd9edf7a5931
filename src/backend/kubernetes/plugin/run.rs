//! One run of a credential plugin: its processes end with it, what it prints is read within bounds, and what goes wrong
//! is said without its arguments, its variables and its output.

use std::{
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
};

use super::super::connect::Failure;
use crate::{backend::ErrorKind, domain::log::sanitize};

/// Credentials are a few KiB.
const LARGEST: u64 = 1024 * 1024;

/// A line that is longer is cut here: it is a reason for people.
const LONGEST_LINE: usize = 300;

/// What is run, and how.
pub(super) struct Plan {
    /// What its credentials are kept by. It holds secrets.
    pub(super) key: String,
    /// The program's name, to be shown.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) command: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// What it is told about us.
    pub(super) info: String,
    /// How to get it, in the kubeconfig's words.
    pub(super) hint: String,
    /// Whether the kubeconfig says that it is of no use without a terminal.
    pub(super) wants_terminal: bool,
    /// Whether it writes its words on our terminal.
    pub(super) terminal: bool,
    /// Whether it may ask on our terminal.
    pub(super) interactive: bool,
    pub(super) deadline: Duration,
}

impl Plan {
    /// Runs it, tells each line of its stderr, and brings what it printed.
    pub(super) async fn run(
        &self,
        said: impl Fn(String) + Send + Sync,
    ) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new(&self.command);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", &self.info)
            .stdin(if self.interactive {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(if self.terminal {
                Stdio::inherit()
            } else {
                Stdio::piped()
            })
            .kill_on_drop(true);
        if !self.interactive {
            // A group of its own ends as a whole; but only the terminal's own group may read from it.
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let running = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .map(|pid| Running::new(pid, !self.interactive));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let last = Mutex::new(String::new());
        let whole = async {
            let printed = async {
                let mut printed = Vec::new();
                if let Some(out) = out {
                    out.take(LARGEST + 1).read_to_end(&mut printed).await?;
                }
                Ok::<_, std::io::Error>(printed)
            };
            let words = async {
                if let Some(err) = err {
                    lines(err, |line| {
                        last.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .clone_from(&line);
                        said(line);
                    })
                    .await;
                }
            };
            let (printed, ()) = tokio::join!(printed, words);
            // One that prints without end is not waited for.
            let printed = printed?;
            if printed.len() as u64 > LARGEST {
                return Ok((None, printed));
            }
            let status = child.wait().await?;
            Ok::<_, std::io::Error>((Some(status), printed))
        };
        let outcome = tokio::time::timeout(self.deadline, whole).await;
        let wrong = |why: String| (ErrorKind::Failed, self.with_advice(why));
        let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
        let last = || {
            if last.is_empty() {
                String::new()
            } else {
                format!(": {last}")
            }
        };
        let name = &self.name;
        match outcome {
            Ok(Ok((Some(status), printed))) if status.success() => {
                // What it started to stay, such as an agent that keeps its session, stays.
                if let Some(running) = running {
                    running.leave();
                }
                Ok(printed)
            }
            Ok(Ok((Some(status), _))) => Err(wrong(format!(
                "the credential plugin {name} failed ({status}){}",
                last()
            ))),
            Ok(Ok((None, _))) => Err(wrong(format!(
                "the credential plugin {name} printed more than any credentials are"
            ))),
            Ok(Err(error)) => Err(wrong(format!("the credential plugin {name}: {error}"))),
            Err(_) => Err((
                ErrorKind::Timeout,
                self.with_advice(format!(
                    "the credential plugin {name} gave no answer within {} s{}",
                    self.deadline.as_secs(),
                    last()
                )),
            )),
        }
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        let command = sanitize(self.command.as_bytes());
        let mut why = if error.kind() == std::io::ErrorKind::NotFound {
            format!("the credential plugin {command} is not installed")
        } else {
            format!("the credential plugin {command} cannot be run: {error}")
        };
        let hint = sanitize(self.hint.trim().as_bytes());
        if !hint.is_empty() {
            why = format!("{why}; {hint}");
        }
        (ErrorKind::Failed, why)
    }

    fn with_advice(&self, why: String) -> String {
        if self.wants_terminal && !self.interactive {
            format!("{why}; it wants a terminal: sign in once on the command line")
        } else {
            why
        }
    }
}

/// Tells each line that is not blank, and the beginning of one that waits for an answer.
async fn lines(mut from: impl AsyncRead + Unpin, tell: impl Fn(String)) {
    let mut buffer = [0; 4096];
    let mut line: Vec<u8> = Vec::new();
    // What cannot be read ends like what is over: only the status decides.
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        for byte in &buffer[..read] {
            if matches!(byte, b'\n' | b'\r') {
                show(&line, &tell);
                line.clear();
            } else if line.len() < LONGEST_LINE * 4 {
                line.push(*byte);
            }
        }
        show(&line, &tell);
    }
}

fn show(line: &[u8], tell: &impl Fn(String)) {
    let clean = sanitize(line);
    let clean = clean.trim();
    if !clean.is_empty() {
        tell(clean.chars().take(LONGEST_LINE).collect());
    }
}

/// The runs under way: the process, and whether its whole group is its own.
static RUNNING: Mutex<Vec<(Pid, bool)>> = Mutex::new(Vec::new());

/// Ends every program that runs. For the end of the process, which waits for no task.
pub(in super::super) fn end_all() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for (pid, group) in &*running {
        end(*pid, *group);
    }
}

fn end(pid: Pid, group: bool) {
    // What is gone already needs no end.
    let _ = if group {
        kill_process_group(pid, Signal::KILL)
    } else {
        kill_process(pid, Signal::KILL)
    };
}

/// A program that runs; it and what it started end with this.
struct Running(Pid, bool);

impl Running {
    fn new(pid: Pid, group: bool) -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.push((pid, group));
        Self(pid, group)
    }

    /// Lets what is left of it be.
    fn leave(mut self) {
        self.forget();
        self.1 = false;
    }

    fn forget(&self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(pid, _)| *pid != self.0);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.forget();
        // A single process is ended by the handle of it, which knows whether its number is still its own.
        if self.1 {
            end(self.0, true);
        }
    }
}
