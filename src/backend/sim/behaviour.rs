//! What a container does, as a function of the time since it was started: k3s boots and goes on talking, the load
//! balancer sleeps before it begins, a shell does what its command says.

use std::time::Duration;

use crate::domain::container::ContainerSpec;

/// When a server's API answers.
pub(super) const API_UP: Duration = Duration::from_secs(3);
/// When a node has registered, and when it is Ready. An agent's time counts from its server's API.
pub(super) const REGISTERED: Duration = Duration::from_millis(3_500);
pub(super) const READY: Duration = Duration::from_millis(4_500);
/// When the default ServiceAccount is there.
pub(super) const ACCOUNT: Duration = Duration::from_millis(4_600);
/// When the load balancer passes connections on.
pub(super) const PROXY_UP: Duration = Duration::from_secs(6);
/// How often a booted k3s has something to say.
const CHATTER: Duration = Duration::from_millis(2_300);

/// The life of a container.
#[derive(Debug, Clone, Default)]
pub(super) struct Behaviour {
    /// Lines, and when each is written.
    pub(super) lines: Vec<(Duration, String)>,
    /// When it ends by itself, with which exit code.
    pub(super) end: Option<(Duration, i64)>,
    /// Whether it goes on talking after its lines.
    pub(super) talks: bool,
}

impl Behaviour {
    /// The `n`th line, and how long after the start it is written; `None` behind the last one.
    pub(super) fn line(&self, n: usize) -> Option<(Duration, String)> {
        match self.lines.get(n) {
            Some(line) => Some(line.clone()),
            None if self.talks => Some(chatter((n - self.lines.len()) as u64)),
            None => None,
        }
    }
}

/// What the container that was made so does.
pub(super) fn of(spec: &ContainerSpec) -> Behaviour {
    let role = spec
        .labels
        .get("k3d.role")
        .map(String::as_str)
        .unwrap_or_default();
    let at = |millis: u64, text: &str| (Duration::from_millis(millis), text.to_owned());
    let logfmt =
        |millis: u64, level: &str, text: &str| at(millis, &format!("level={level} msg=\"{text}\""));
    match role {
        "server" => Behaviour {
            lines: vec![
                logfmt(100, "info", "Starting k3s v1.34.2+k3s1 (simulated)"),
                logfmt(600, "info", "containerd is now running"),
                logfmt(
                    900,
                    "error",
                    "Failed to set sysctl nf_conntrack_max: permission denied",
                ),
                logfmt(1_800, "info", "Running kube-apiserver"),
                logfmt(3_000, "info", "k3s is up and running"),
                logfmt(
                    3_300,
                    "info",
                    "Cluster dns configmap has been set successfully",
                ),
                at(
                    3_500,
                    "I1121 kubelet_node_status.go:78] \"Successfully registered node\"",
                ),
            ],
            end: None,
            talks: true,
        },
        "agent" => Behaviour {
            lines: vec![
                logfmt(100, "info", "Starting k3s agent v1.34.2+k3s1 (simulated)"),
                logfmt(
                    500,
                    "info",
                    "Waiting to retrieve agent configuration; server is not ready: CA hash unknown",
                ),
                logfmt(900, "info", "containerd is now running"),
                at(
                    3_500,
                    "I1121 kubelet_node_status.go:78] \"Successfully registered node\"",
                ),
            ],
            end: None,
            talks: true,
        },
        "loadbalancer" => Behaviour {
            lines: vec![
                at(
                    5_900,
                    "2026/11/21 03:00:00 [notice] 1#1: using the \"epoll\" event method",
                ),
                at(
                    6_000,
                    "2026/11/21 03:00:00 [notice] 1#1: start worker processes",
                ),
            ],
            end: None,
            talks: false,
        },
        "registry" => Behaviour {
            lines: vec![logfmt(40, "info", "listening on [::]:5000")],
            end: None,
            talks: false,
        },
        _ => shell(&spec.command),
    }
}

/// The `n`th thing that a booted k3s says, and when.
fn chatter(n: u64) -> (Duration, String) {
    const SAID: [&str; 5] = [
        "I1121 shared_informer.go:356] \"Caches are synced\" controller=\"endpoint slice config\"",
        "level=info msg=\"Updating TLS secret for kube-system/k3s-serving\"",
        "I1121 controller.go:615] quota admission added evaluator for: deployments.apps",
        "level=info msg=\"Reconciliation of snapshot data complete\"",
        "W1121 handler_proxy.go:99] no RequestInfo found in the context",
    ];
    let place = usize::try_from(n % SAID.len() as u64).unwrap_or(0);
    let after = Duration::from_secs(5) + CHATTER * u32::try_from(n).unwrap_or(u32::MAX);
    (after, SAID[place].to_owned())
}

/// A shell's command line: `echo`, `sleep`, `exit`, joined by `;`. Anything else runs for ever.
pub(super) fn shell(command: &[String]) -> Behaviour {
    let [_, _, script] = command else {
        return match command {
            [sleep, seconds] if sleep == "sleep" => {
                let seconds = seconds
                    .parse()
                    .map_or(Duration::MAX, Duration::from_secs_f64);
                Behaviour {
                    end: Some((seconds, 0)),
                    ..Behaviour::default()
                }
            }
            _ => Behaviour::default(),
        };
    };
    let mut behaviour = Behaviour::default();
    let mut time = Duration::ZERO;
    let mut code = 0;
    for part in script.split(';').map(str::trim) {
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        match word {
            "echo" => behaviour
                .lines
                .push((time, rest.trim_matches(['"', '\'']).to_owned())),
            "sleep" => time += rest.parse().map_or(Duration::ZERO, Duration::from_secs_f64),
            "exit" => {
                code = rest.parse().unwrap_or(0);
                break;
            }
            _ => {}
        }
    }
    behaviour.end = Some((time, code));
    behaviour
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_does_what_its_command_says() {
        let command = ["sh", "-c", "echo one; sleep 0.5; echo two; exit 3"].map(str::to_owned);
        let behaviour = shell(&command);
        let half = Duration::from_millis(500);
        assert_eq!(
            behaviour.lines,
            [(Duration::ZERO, "one".to_owned()), (half, "two".to_owned())]
        );
        assert_eq!(behaviour.end, Some((half, 3)));
    }
}
