//! Forwards that outlive the window: each is held by a process of its own, in a session of its own, that can be asked how
//! it is and told to stop over a socket in a directory that only its user can enter.
//!
//! A socket that nobody answers at belongs to a process that is gone, whatever has its number now; it is removed by
//! whoever notices. Nothing else is written down.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use etcetera::BaseStrategy as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    process::Command,
    time::timeout,
};

use super::{ApiSource, Forwarding, Status};
use crate::domain::{Forward, ForwardState, Problem, ProblemKind};

/// How long a process of this machine may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How long a new process may take until it listens; a credential plugin is not asked before somebody connects.
const START: Duration = Duration::from_secs(10);

/// More than any report.
const LARGEST: u64 = 256 * 1024;

/// What a new process is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The context of its cluster.
    pub context: String,
    /// The kubeconfig files that name it.
    pub files: Vec<PathBuf>,
    /// Which pods and ports.
    pub forward: Forward,
}

/// How a forward of another process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The process.
    pub pid: u32,
    /// The context of its cluster.
    pub context: String,
    /// The namespace of its pods.
    pub namespace: String,
    /// Which pods, in the words of the command line.
    pub target: String,
    /// Where it listens.
    pub listening: Vec<Listening>,
    /// `listening`, `waiting`, `active` or `failed`.
    pub state: String,
    /// Why it waits, or what failed; empty otherwise.
    pub why: String,
    /// Connections that are open.
    pub open: usize,
    /// Connections since it began.
    pub total: u64,
    /// Bytes that went to pods.
    pub sent: u64,
    /// Bytes that came from pods.
    pub received: u64,
    /// The pod that answered last.
    pub pod: Option<String>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
}

/// One local port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// Address and port on this machine.
    pub address: std::net::SocketAddr,
    /// The port that it leads to: a number or a name.
    pub remote: String,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    pub time: Timestamp,
    /// What and why.
    pub message: String,
}

/// A forward of another process, and where it is told things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How it was when it was asked.
    pub report: Report,
    socket: PathBuf,
}

/// What a new process says once.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Started {
    Holds(Box<Report>),
    Failed {
        code: u8,
        what: String,
        why: String,
        hint: String,
    },
}

impl Report {
    fn of(launch: &Launch, status: &Status) -> Self {
        let (state, why) = match &status.state {
            ForwardState::Listening => ("listening", String::new()),
            ForwardState::Waiting(why) => ("waiting", why.to_string()),
            ForwardState::Active(_) => ("active", String::new()),
            ForwardState::Failed(why) => ("failed", why.to_string()),
        };
        let listening = status.addresses.iter().map(|(address, remote)| Listening {
            address: *address,
            remote: remote.to_string(),
        });
        Self {
            pid: std::process::id(),
            context: launch.context.clone(),
            namespace: launch.forward.target.namespace().to_owned(),
            target: launch.forward.target.to_string(),
            listening: listening.collect(),
            state: state.to_owned(),
            why,
            open: status.open,
            total: status.total,
            sent: status.sent,
            received: status.received,
            pod: status.pod.as_ref().map(|pod| pod.name.to_string()),
            last_error: status.last_error.as_ref().map(|(time, problem)| LastError {
                time: *time,
                message: problem.to_string(),
            }),
        }
    }
}

/// Where the sockets are: a directory of the session's, or of the user's where there is none.
///
/// # Errors
/// When no home directory is known.
pub fn directory() -> Result<PathBuf, Problem> {
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let base = if let Some(session) = session.filter(|path| path.is_absolute() && path.is_dir()) {
        session
    } else {
        let places = etcetera::choose_base_strategy().map_err(|error| {
            let what = "there is no place for forwards in the background";
            Problem::failed(what, error.to_string())
        })?;
        places.state_dir().unwrap_or_else(|| places.cache_dir())
    };
    Ok(base.join("coracle").join("forwards"))
}

/// Starts a process that holds the forward, and waits until it listens. The process is `program`, run with `arguments`,
/// and has to call [`hold`] with what is on its standard input.
///
/// # Errors
/// What the new process met, such as a busy port.
pub async fn detach(
    program: &Path,
    arguments: &[&str],
    launch: &Launch,
) -> Result<Report, Problem> {
    let refuse = |why: String| Problem::failed("the forward was not put into the background", why);
    let started = async {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The screen of whoever starts it is not its own.
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(&serde_json::to_vec(launch)?).await?;
        }
        let mut text = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(LARGEST).read_to_end(&mut text).await?;
        }
        io::Result::Ok(text)
    };
    let text = match timeout(START, started).await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(refuse(error.to_string())),
        Err(_) => return Err(refuse(format!("it said nothing in {} s", START.as_secs()))),
    };
    match serde_json::from_slice(&text) {
        Ok(Started::Holds(report)) => Ok(*report),
        Ok(Started::Failed {
            code,
            what,
            why,
            hint,
        }) => Err(Problem::new(kind_of(code), what, why).with_hint(hint)),
        Err(_) => Err(refuse("the new process ended at once".to_owned())),
    }
}

fn kind_of(code: u8) -> ProblemKind {
    [
        ProblemKind::Usage,
        ProblemKind::NotFound,
        ProblemKind::Refused,
        ProblemKind::Unreachable,
    ]
    .into_iter()
    .find(|kind| kind.exit_code() == code)
    .unwrap_or(ProblemKind::Failed)
}

/// Holds a forward until it is told to stop: the work of the new process. It leaves the session and the terminal of
/// whoever started it. `source` opens the API that is wanted.
///
/// # Errors
/// When standard input is not what [`detach`] writes. What is wrong with the forward itself is told to whoever waits in
/// [`detach`], and is no error here.
pub async fn hold(source: impl FnOnce(&Launch) -> ApiSource) -> Result<(), Problem> {
    // It fails only where it has a session already.
    let _ = rustix::process::setsid();
    let read = tokio::task::spawn_blocking(|| {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(io::stdin().lock(), LARGEST), &mut text)?;
        io::Result::Ok(text)
    });
    let launch: Launch = read
        .await
        .map_err(io::Error::other)
        .and_then(|text| Ok(serde_json::from_slice(&text?)?))
        .map_err(|error| Problem::usage("nothing is to be held", error.to_string()))?;
    let open = async {
        let forwarding = super::open(source(&launch), &launch.forward).await?;
        Ok::<_, Problem>((forwarding, Control::bind(&directory()?)?))
    };
    match open.await {
        Ok((forwarding, control)) => {
            let status = forwarding.status();
            let report = Report::of(&launch, &status.borrow());
            say(&Started::Holds(Box::new(report)))?;
            control.answer(&launch, &forwarding).await;
            // The socket goes last: whoever said stop waits for that, and wants the ports free.
            forwarding.close().await;
            drop(control);
            Ok(())
        }
        Err(problem) => say(&Started::Failed {
            code: problem.kind.exit_code(),
            what: problem.what,
            why: problem.why,
            hint: problem.hint,
        }),
    }
}

/// Says the one thing, and lets go of the terminal: whoever reads sees the end of it.
fn say(started: &Started) -> Result<(), Problem> {
    use std::io::Write as _;
    let told = || -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&serde_json::to_vec(started)?)?;
        out.flush()?;
        let nothing = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing)?;
        rustix::stdio::dup2_stdout(&nothing)?;
        rustix::stdio::dup2_stderr(&nothing)?;
        Ok(())
    };
    told().map_err(|error| Problem::failed("nobody was told of the forward", error.to_string()))
}

/// The socket of a process that holds a forward; dropping it removes it.
struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    fn bind(directory: &Path) -> Result<Self, Problem> {
        let path = directory.join(format!("{}.sock", std::process::id()));
        let bind = || {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
            // Whoever had this number before is gone.
            let _ = fs::remove_file(&path);
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        match bind() {
            Ok(listener) => Ok(Self { listener, path }),
            Err(error) => {
                let error: io::Error = error;
                let what = format!("{} cannot be listened at", path.display());
                let hint = "set XDG_RUNTIME_DIR to a short path of a directory of your own";
                Err(Problem::failed(what, error.to_string()).with_hint(hint))
            }
        }
    }

    /// Answers until somebody says stop.
    async fn answer(&self, launch: &Launch, forwarding: &Forwarding) {
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else {
                return;
            };
            let report = Report::of(launch, &forwarding.status().borrow());
            let answer = async {
                let word = stream.read_u8().await?;
                stream.write_all(&serde_json::to_vec(&report)?).await?;
                stream.shutdown().await?;
                io::Result::Ok(word)
            };
            if let Ok(Ok(STOP)) = timeout(ANSWER, answer).await {
                return;
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The two words that a process understands.
const STATUS: u8 = b'?';
const STOP: u8 = b'!';

/// All forwards that other processes of this user hold, by their first local port. Sockets of processes that are gone
/// are removed.
///
/// # Errors
/// When the directory cannot be read.
pub async fn list(directory: &Path) -> Result<Vec<Held>, Problem> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let what = format!("{} cannot be read", directory.display());
            return Err(Problem::failed(what, error.to_string()));
        }
    };
    let sockets = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "sock"));
    let asked = sockets.map(|socket| async move {
        let mut answer = ask(&socket, STATUS).await;
        if answer.as_ref().is_err_and(broke_off) {
            // The process is just ending; then its socket refuses from now on.
            answer = ask(&socket, STATUS).await;
        }
        match answer {
            Ok(report) => Some(Held { report, socket }),
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionRefused {
                    let _ = fs::remove_file(&socket);
                } else {
                    tracing::warn!("{}: {error}", socket.display());
                }
                None
            }
        }
    });
    let answers = futures::future::join_all(asked).await;
    let mut all: Vec<Held> = answers.into_iter().flatten().collect();
    all.sort_by_key(|held| {
        let first = held.report.listening.first();
        (first.map(|first| first.address.port()), held.report.pid)
    });
    Ok(all)
}

/// Stops a forward of another process, and waits until its ports are free.
///
/// # Errors
/// When the process does not answer.
pub async fn stop(held: &Held) -> Result<(), Problem> {
    let refuse = |why: String| {
        let what = format!("the forward to {} was not stopped", held.report.target);
        Problem::failed(what, why).with_hint(format!("kill {}", held.report.pid))
    };
    match ask::<Report>(&held.socket, STOP).await {
        Ok(_) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(());
        }
        Err(error) => return Err(refuse(error.to_string())),
    }
    // The process takes its socket away at its end.
    let gone = async {
        while held.socket.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match timeout(ANSWER, gone).await {
        Ok(()) => Ok(()),
        Err(_) => Err(refuse("it said that it would, and did not".to_owned())),
    }
}

fn broke_off(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
    )
}

async fn ask<T: DeserializeOwned>(socket: &Path, word: u8) -> io::Result<T> {
    let answer = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_u8(word).await?;
        let mut text = Vec::new();
        stream.take(LARGEST).read_to_end(&mut text).await?;
        Ok(serde_json::from_slice(&text)?)
    };
    timeout(ANSWER, answer)
        .await
        .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}
