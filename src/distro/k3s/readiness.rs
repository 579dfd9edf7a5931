//! What a line of a node's log means for somebody who waits for the node: ready, hopeless, or nothing.
//!
//! Healthy nodes log `level=error` while they boot, and a node that exits may do better when the engine starts it again.
//! So only what is known to stay that way counts as hopeless.

use crate::domain::Role;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is up.
    Ready,
    /// It cannot come up by itself.
    Hopeless {
        /// What to do about it; empty where the line says all there is.
        hint: &'static str,
    },
    /// It says nothing either way.
    Neutral,
}

/// The line, in lower case, that says that a container of the role is up.
#[must_use]
pub const fn ready_line(role: Role) -> &'static str {
    match role {
        Role::Server => "k3s is up and running",
        Role::Agent => "successfully registered node",
        Role::LoadBalancer => "start worker processes",
        Role::Registry => "listening on",
        // Helpers are not waited for; no line contains this.
        Role::Helper => "\0",
    }
}

/// What belongs into a node's environment for it not to ask its own cluster through a proxy.
const THROUGH_A_PROXY: &str = "the node asks its server through the proxy of its HTTPS_PROXY: name the servers \
                               (k3d-NAME-server-0), the load balancer (k3d-NAME-serverlb), the addresses of the \
                               cluster's network and .svc in its NO_PROXY, without quotes";

/// Causes that stay, each as words that all have to be in the line, in lower case, and what to do about it.
const HOPELESS: &[(&[&str], &str)] = &[
    (
        &["node password rejected"],
        "a node of that name joined before: delete the Node object (kubectl delete node NAME), then start the container again",
    ),
    (
        &["failed to validate", "not authorized"],
        "the node's token is not the cluster's",
    ),
    (
        &["server is not ready", "not authorized"],
        "the node's token is not the cluster's",
    ),
    (
        &["preparing server", "not authorized"],
        "the node's token is not the cluster's",
    ),
    (
        &["failed to get ca certs", "proxyconnect tcp"],
        THROUGH_A_PROXY,
    ),
    (
        &["failed to validate connection", "proxyconnect tcp"],
        THROUGH_A_PROXY,
    ),
    (
        &["token ca hash does not match"],
        "the token belongs to another cluster",
    ),
    (
        &["encrypted with different token"],
        "the server's data was made with another token",
    ),
    (
        &["failed to find interface with specified node ip"],
        "the container's address changed since the node was made: recreate the cluster, or give the container its old address",
    ),
    (
        &["not a member of the etcd cluster"],
        "the container's address changed since the server joined: give it its old address, or remove the server and add it again",
    ),
    (
        &["cluster id mismatch"],
        "the server's data belongs to another etcd cluster: remove the server and add it again",
    ),
    (
        &["etcd cluster join failed", "duplicate node name"],
        "a server of that name joined before: delete its Node object first",
    ),
    (
        &["this node has been removed from the cluster"],
        "the server was taken out of the etcd cluster: remove its container and add it again",
    ),
    (
        &["was not started with --cluster-init"],
        "the first server keeps its data in SQLite, which no second server can join",
    ),
    (
        &["etcd disabled"],
        "the first server keeps its data in SQLite, which no second server can join",
    ),
    (
        &["too many open files"],
        "the kernel's limit of inotify instances is used up: sysctl -w fs.inotify.max_user_instances=1024",
    ),
    (
        &["inotify", "no space left on device"],
        "the kernel's limit of inotify watches is used up: sysctl -w fs.inotify.max_user_watches=524288",
    ),
    (
        &["level=fatal", "no space left on device"],
        "the engine's disk is full: docker system df shows what takes it",
    ),
    (
        &["listen", "address already in use"],
        "something in the container listens on that port already",
    ),
    (
        &["level=fatal", "failed to find", "cgroup"],
        "the engine does not give its containers that control group controller",
    ),
    (
        &["cannot enter cgroupv2"],
        "the node's control groups are in a state that k3s cannot use",
    ),
    (
        &["exec /bin/", "exec format error"],
        "the image is for another processor architecture",
    ),
    (
        &["flag provided but not defined"],
        "this version of k3s does not know that argument",
    ),
    (
        &["/bin/k3d-entrypoint", "the node cannot start"],
        "the lines before say what the fix stumbled over",
    ),
];

/// What a process that ended with `level=fatal` may overcome when the engine starts it again: somebody else was not
/// ready yet.
const PASSING: &[&str] = &[
    "connection refused",
    "connection reset",
    "no such host",
    "server misbehaving",
    "temporary failure in name resolution",
    "context deadline exceeded",
    "context canceled",
    "i/o timeout",
    "tls handshake timeout",
    "service unavailable",
    "too many learner",
    "unhealthy cluster",
    "eof",
];

/// Judges one line of the log of a container of the role.
#[must_use]
pub fn judge(role: Role, line: &str) -> Verdict {
    let line = line.to_ascii_lowercase();
    if line.contains(ready_line(role)) {
        return Verdict::Ready;
    }
    if role == Role::LoadBalancer {
        // A name that does not resolve yet ends the proxy, and the next start finds it.
        let hopeless = line.contains("[emerg]") && !line.contains("host not found in upstream");
        return if hopeless {
            Verdict::Hopeless { hint: "" }
        } else {
            Verdict::Neutral
        };
    }
    if !role.is_kubernetes() {
        return Verdict::Neutral;
    }
    for (words, hint) in HOPELESS {
        if words.iter().all(|word| line.contains(word)) {
            return Verdict::Hopeless { hint };
        }
    }
    let ended = line.contains("level=fatal") || line.starts_with("panic: ");
    if ended && !PASSING.iter().any(|word| line.contains(word)) {
        return Verdict::Hopeless { hint: "" };
    }
    Verdict::Neutral
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_line_in_any_case() {
        for (role, line) in [
            (
                Role::Server,
                r#"time="2026-01-01T00:00:00Z" level=info msg="k3s is up and running""#,
            ),
            (
                Role::Agent,
                r#"I0101 kubelet_node_status.go:78] "Successfully registered node" node="k3d-a-agent-0""#,
            ),
            (
                Role::LoadBalancer,
                "2026/01/01 00:00:00 [notice] 1#1: start worker processes",
            ),
            (Role::Registry, "level=info msg=\"listening on [::]:5000\""),
        ] {
            assert_eq!(judge(role, line), Verdict::Ready, "{role}");
        }
    }

    #[test]
    fn what_a_healthy_node_complains_about_is_not_held_against_it() {
        for line in [
            r#"level=error msg="Failed to set sysctl nf_conntrack_max: permission denied""#,
            r#"level=error msg="Failed to validate connection to cluster at https://k3d-a-server-0:6443: failed to get CA certs: Get \"https://127.0.0.1:6444/cacerts\": dial tcp: connect: connection refused""#,
            r#"level=info msg="Waiting to retrieve agent configuration; server is not ready: CA hash unknown""#,
            r#"level=info msg="Waiting for other members to finish joining etcd cluster: etcdserver: too many learner members in cluster""#,
            r#"level=fatal msg="starting kubernetes: preparing server: failed to get CA certs: Get \"https://k3d-a-server-0:6443/cacerts\": EOF""#,
            r#"E0101 kubelet.go:2500] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady""#,
            "",
        ] {
            assert_eq!(judge(Role::Server, line), Verdict::Neutral, "{line}");
            assert_eq!(judge(Role::Agent, line), Verdict::Neutral, "{line}");
        }
    }

    #[test]
    fn what_stays_wrong_is_noticed_with_a_hint() {
        for line in [
            r#"level=info msg="Waiting to retrieve agent configuration; server is not ready: Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry""#,
            r#"level=error msg="Failed to validate connection to cluster at https://k3d-a-server-0:6443: not authorized""#,
            r#"level=info msg="Waiting to retrieve agent configuration; server is not ready: not authorized""#,
            r#"level=fatal msg="failed to find interface with specified node ip""#,
            r#"level=error msg="Failed to validate connection to cluster at https://k3d-a-server-0:6443: failed to get CA certs: Get \"https://k3d-a-server-0:6443/cacerts\": proxyconnect tcp: dial tcp 192.0.2.1:3128: i/o timeout""#,
            r#"level=fatal msg="starting kubernetes: preparing server: bootstrap data already found and encrypted with different token""#,
            r#"level=fatal msg="failed to find memory cgroup (v2)""#,
            r#"E0101 "Failed to start cAdvisor" err="inotify_init: too many open files""#,
            "/bin/k3d-entrypoint-dns.sh failed, the node cannot start",
        ] {
            let verdict = judge(Role::Agent, line);
            assert!(
                matches!(verdict, Verdict::Hopeless { hint } if !hint.is_empty()),
                "{line}: {verdict:?}"
            );
        }
        assert_eq!(
            judge(Role::Server, r#"level=fatal msg="something new""#),
            Verdict::Hopeless { hint: "" }
        );
    }

    #[test]
    fn a_load_balancer_that_waits_for_names_is_not_given_up() {
        let waits = "nginx: [emerg] host not found in upstream \"k3d-a-server-1:6443\" in /etc/nginx/nginx.conf:9";
        assert_eq!(judge(Role::LoadBalancer, waits), Verdict::Neutral);
        let broken = "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)";
        assert_eq!(
            judge(Role::LoadBalancer, broken),
            Verdict::Hopeless { hint: "" }
        );
    }
}
