//! An engine on another machine, reached through the system's ssh as the docker command reaches it: every connection is
//! an ssh of its own, at whose other end `docker system dial-stdio` speaks to the engine there. What is set for a host
//! in the configuration of ssh holds here too.

use std::{
    io,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll, ready},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error as Source};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
};

use super::open::HEADERS;
use crate::domain::log::sanitize;

/// How long a login takes at most, as with the docker command.
pub(super) const LOGIN: Duration = Duration::from_secs(30);
/// A login takes tenths of seconds, so the next request finds the last connection still open.
const IDLE: Duration = Duration::from_secs(20);
/// What is kept of the words that ssh says; only the last line is told.
const SAID: usize = 4096;

/// Where ssh goes and what it runs there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    program: String,
    arguments: Vec<String>,
}

/// An engine at `ssh://[user@]host[:port][/path/of/its/socket]`.
pub(super) fn connect(endpoint: &str) -> Result<Docker, String> {
    through(route(endpoint)?)
}

/// What the docker command runs. ssh joins the words of the remote command for a shell over there, so nothing that a
/// shell reads may be in them; and what begins with a dash would be an option of ssh.
fn route(endpoint: &str) -> Result<Route, String> {
    let rest = endpoint.strip_prefix("ssh://").unwrap_or(endpoint);
    let (authority, path) = rest
        .find('/')
        .map_or((rest, ""), |slash| rest.split_at(slash));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (host, port) = match host.rfind(']') {
        Some(end) => (
            host[..end].trim_start_matches('['),
            host[end + 1..].strip_prefix(':'),
        ),
        None => host
            .split_once(':')
            .map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let plain = |text: &str, more: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c))
    };
    let word =
        |text: &str, more: &str| !text.is_empty() && !text.starts_with('-') && plain(text, more);
    if user.is_some_and(|user| user.contains(':')) {
        return Err("a password has no place in an address; ssh logs in with keys".to_owned());
    }
    if !word(host, ":%") {
        return Err(format!("{host:?} is not the name of a host"));
    }
    if let Some(user) = user.filter(|user| !word(user, "\\+")) {
        return Err(format!("{user:?} is not the name of a user"));
    }
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err("the port is not a number from 1 to 65535".to_owned());
    }
    if !plain(path, "/+:@") {
        return Err(format!("{path:?} is not the path of a socket"));
    }
    let mut arguments: Vec<String> =
        vec!["-o".into(), format!("ConnectTimeout={}", LOGIN.as_secs())];
    // Nothing may ask in the terminal, which belongs to the screen.
    arguments.extend(["-o", "BatchMode=yes", "-T"].map(str::to_owned));
    if let Some(user) = user {
        arguments.extend(["-l".to_owned(), user.to_owned()]);
    }
    if let Some(port) = port {
        arguments.extend(["-p".to_owned(), port.to_owned()]);
    }
    arguments.extend(["--", host, "docker"].map(str::to_owned));
    if !path.trim_matches('/').is_empty() {
        arguments.push(format!("--host=unix://{path}"));
    }
    arguments.extend(["system", "dial-stdio"].map(str::to_owned));
    Ok(Route {
        program: "ssh".to_owned(),
        arguments,
    })
}

fn through(route: Route) -> Result<Docker, String> {
    let connector = tower::service_fn(move |_: http::Uri| {
        std::future::ready(Pipe::open(&route).map(TokioIo::new))
    });
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2)
        .build(connector);
    Docker::connect_with_custom_transport(
        move |request: BollardRequest| {
            let client = client.clone();
            Box::pin(async move { client.request(request).await.map_err(Source::from) })
        },
        // The host of the request's header, as the docker command says it.
        Some("http://docker.example.com"),
        HEADERS,
        API_DEFAULT_VERSION,
    )
    .map_err(|error| error.to_string())
}

/// The streams of one ssh. It ends when its input is closed, and is ended with this value.
struct Pipe {
    input: Option<ChildStdin>,
    output: ChildStdout,
    words: ChildStderr,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
    /// Whether anything came from the other side.
    answered: bool,
    said: Vec<u8>,
}

impl Pipe {
    fn open(route: &Route) -> io::Result<Self> {
        let mut child = Command::new(&route.program)
            .args(&route.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interrupt in the terminal is for this program, which still has to tidy up through the connection.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => io::Error::other("there is no ssh on this machine"),
                _ => io::Error::other(format!("ssh does not start: {error}")),
            })?;
        let lost = || io::Error::other("ssh has no input and output");
        Ok(Self {
            input: child.stdin.take(),
            output: child.stdout.take().ok_or_else(lost)?,
            words: child.stderr.take().ok_or_else(lost)?,
            ended: Box::pin(async move {
                if let Err(error) = child.wait().await {
                    tracing::debug!("waiting for ssh: {error}");
                }
            }),
            has_ended: false,
            answered: false,
            said: Vec::new(),
        })
    }

    /// Takes in what ssh says beside the connection, so that it never waits for a reader.
    fn listen(&mut self, cx: &mut Context<'_>) {
        let mut space = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.words).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.said.extend_from_slice(buffer.filled());
                    let over = self.said.len().saturating_sub(SAID);
                    self.said.drain(..over);
                }
                _ => return,
            }
        }
    }

    /// Its last line.
    fn reason(&self) -> String {
        let said = String::from_utf8_lossy(&self.said);
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        match last {
            Some(line) => format!("ssh: {}", sanitize(line.as_bytes())),
            None => {
                "ssh ended without a word; is there a docker command on the other side?".to_owned()
            }
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.listen(cx);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.answered = true;
        } else if !self.answered {
            // The reason may still be on its way while the output has ended.
            if !self.has_ended {
                ready!(self.ended.as_mut().poll(cx));
                self.has_ended = true;
            }
            self.listen(cx);
            return Poll::Ready(Err(io::Error::other(self.reason())));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(input) = &mut self.input else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        match ready!(Pin::new(input).poll_write(cx, bytes)) {
            // Why ssh has gone is known where its output is read.
            Err(_) if !self.answered => Poll::Ready(Ok(bytes.len())),
            result => Poll::Ready(result),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Only a closed pipe tells the other side that nothing more comes.
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::docker::errors;

    fn words(endpoint: &str) -> String {
        route(endpoint).unwrap().arguments.join(" ")
    }

    #[test]
    fn ssh_is_asked_for_what_the_docker_command_asks_for() {
        let start = "-o ConnectTimeout=30 -o BatchMode=yes -T";
        for (endpoint, want) in [
            ("ssh://box", "-- box docker system dial-stdio"),
            ("ssh://me@box/", "-l me -- box docker system dial-stdio"),
            (
                "ssh://me@box:2222",
                "-l me -p 2222 -- box docker system dial-stdio",
            ),
            ("ssh://[::1]:22", "-p 22 -- ::1 docker system dial-stdio"),
            (
                "ssh://box/run/user/7/docker.sock",
                "-- box docker --host=unix:///run/user/7/docker.sock system dial-stdio",
            ),
        ] {
            assert_eq!(words(endpoint), format!("{start} {want}"));
        }
    }

    #[test]
    fn nothing_that_ssh_or_a_shell_would_read_as_a_command_gets_to_them() {
        for (endpoint, why) in [
            ("ssh://", "name of a host"),
            ("ssh://-oProxyCommand=x", "name of a host"),
            ("ssh://-oProxyCommand", "name of a host"),
            ("ssh://-l@box", "name of a user"),
            ("ssh://box;reboot", "name of a host"),
            ("ssh://box/run/$(reboot)", "path of a socket"),
            ("ssh://box/a b", "path of a socket"),
            ("ssh://me:secret@box", "password"),
            ("ssh://box:ssh", "port"),
            ("ssh://box:0", "port"),
        ] {
            let refused = route(endpoint).unwrap_err();
            assert!(refused.contains(why), "{endpoint}: {refused}");
        }
    }

    /// An ssh that is a script.
    fn played(script: &str) -> Docker {
        through(Route {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
        })
        .unwrap()
    }

    #[tokio::test]
    async fn an_engine_answers_through_ssh_and_one_connection_serves_the_next_request() {
        // The process's number as the version shows which one answers.
        let docker = played(
            r#"while read -r line; do
                 if [ "$line" = "$(printf '\r')" ]; then
                   body="{\"Version\":\"$$\",\"ApiVersion\":\"1.47\"}"
                   printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' "${#body}" "$body"
                 fi
               done"#,
        );
        let first = docker.version().await.unwrap();
        assert_eq!(first.api_version.as_deref(), Some("1.47"));
        let second = docker.version().await.unwrap();
        assert_eq!(first.version, second.version);
    }

    #[tokio::test]
    async fn the_last_line_of_ssh_is_the_reason() {
        for (script, words) in [
            (
                "echo 'Warning: added' >&2; echo 'me@box: Permission denied (publickey).' >&2; exit 255",
                "Permission denied (publickey).",
            ),
            ("exit 0", "ended without a word"),
            ("printf 'a\\033[31mred\\n' >&2", "ssh: ared"),
        ] {
            let error = played(script).version().await.unwrap_err();
            let told = errors::explain("connect", &error).why;
            assert!(told.contains(words), "{script}: {told}");
        }
        let none = through(Route {
            program: "/nowhere/ssh".to_owned(),
            arguments: Vec::new(),
        });
        let error = none.unwrap().version().await.unwrap_err();
        let told = errors::explain("connect", &error).why;
        assert!(told.contains("there is no ssh on this machine"), "{told}");
    }
}
