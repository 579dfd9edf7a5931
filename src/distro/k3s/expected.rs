//! What can come true of a cluster, by the arguments of its servers: nobody waits for what was switched off.
//!
//! The arguments are those of `k3s server` (<https://docs.k3s.io/cli/server>): `--disable` takes packaged components away,
//! `--flannel-backend=none` leaves the network of pods to somebody else, so that nodes stay `NotReady` until they come,
//! and `--disable-agent` makes a server that is no node of Kubernetes at all.

/// The components that k3s runs as pods of `kube-system` unless they are disabled.
const PACKAGED: [&str; 5] = [
    "coredns",
    "local-storage",
    "metrics-server",
    "servicelb",
    "traefik",
];

/// Where containerd in a node looks for the network of pods.
const NETWORKS: &str = "/cni/net.d";

/// What the arguments of a cluster's servers leave to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Whether there will be CoreDNS, through which pods learn the name of this machine.
    pub coredns: bool,
    /// Whether nodes become `Ready` by themselves: there is a network for pods.
    pub ready: bool,
    /// Whether `kube-system` will have pods.
    pub system_pods: bool,
    /// Servers that are no nodes of Kubernetes.
    pub no_nodes: Vec<String>,
}

impl Expected {
    /// By the name, the command line and the mounts (`source:target[:options]`) of each server's container. What one server disables is gone, although others
    /// do not: each of them applies and removes the same manifests.
    pub fn of<'a>(
        servers: impl IntoIterator<Item = (&'a str, &'a [String], &'a [String])>,
    ) -> Self {
        let mut disabled: Vec<String> = Vec::new();
        let mut ready = true;
        let mut no_nodes = Vec::new();
        let mut brought = false;
        for (name, arguments, mounts) in servers {
            brought |= mounts.iter().any(|mount| mount.contains(NETWORKS));
            for (flag, value) in flags(arguments) {
                match flag {
                    // The second is what the first was called before 1.17.
                    "--disable" | "--no-deploy" => {
                        disabled.extend(value.split(',').map(|one| one.trim().to_owned()));
                    }
                    "--flannel-backend" if value == "none" => ready = false,
                    "--disable-agent" if value != "false" => no_nodes.push(name.to_owned()),
                    _ => {}
                }
            }
        }
        // Who mounts the settings of another network has one.
        let ready = ready || brought;
        let is_disabled = |name: &str| disabled.iter().any(|one| one == name);
        Self {
            coredns: !is_disabled("coredns"),
            ready,
            system_pods: ready && !PACKAGED.into_iter().all(is_disabled),
            no_nodes,
        }
    }

    /// Whether a container is a node of Kubernetes.
    #[must_use]
    pub fn is_node(&self, name: &str) -> bool {
        !self.no_nodes.iter().any(|one| one == name)
    }

    /// What is not waited for, and why, one sentence each. `pods` says that pods were asked to be waited for.
    #[must_use]
    pub fn notes(&self, pods: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.coredns {
            notes.push(format!(
                "CoreDNS is disabled, so that pods do not find {}",
                super::hosts::NAME
            ));
        }
        if !self.ready {
            notes.push(
                "flannel is disabled, so that nodes stay NotReady until a network for pods (CNI) is installed"
                    .to_owned(),
            );
        }
        if pods && !self.system_pods {
            notes.push(
                "kube-system will have no running pods, so that none is waited for".to_owned(),
            );
        }
        notes
    }
}

/// The flags of a command line with their values, in both spellings: `--disable=coredns` and `--disable coredns`.
fn flags(arguments: &[String]) -> impl Iterator<Item = (&str, &str)> {
    arguments.iter().enumerate().filter_map(|(place, word)| {
        if !word.starts_with("--") {
            return None;
        }
        let next = arguments.get(place + 1).map(String::as_str);
        let value = next.filter(|next| !next.starts_with('-'));
        let apart = (word.as_str(), value.unwrap_or_default());
        Some(word.split_once('=').unwrap_or(apart))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &str) -> Expected {
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        Expected::of([("k3d-a-server-0", words.as_slice(), &[][..])])
    }

    #[test]
    fn a_network_that_is_mounted_is_one() {
        let arguments = ["--flannel-backend=none".to_owned()];
        let mounts = ["/x:/var/lib/rancher/k3s/agent/etc/cni/net.d/10-x.conflist".to_owned()];
        let seen = Expected::of([("s", arguments.as_slice(), mounts.as_slice())]);
        assert!(seen.ready && seen.notes(true).is_empty());
    }

    #[test]
    fn what_is_switched_off_in_any_spelling_is_not_expected() {
        for (arguments, coredns, ready, pods, node) in [
            ("server", true, true, true, true),
            ("server --disable=coredns", false, true, true, true),
            ("server --disable coredns", false, true, true, true),
            ("server --disable=traefik,coredns", false, true, true, true),
            ("server --no-deploy=coredns", false, true, true, true),
            (
                "server --disable=traefik --tls-san x",
                true,
                true,
                true,
                true,
            ),
            ("server --flannel-backend=none", true, false, false, true),
            (
                "server --flannel-backend none --disable-network-policy",
                true,
                false,
                false,
                true,
            ),
            ("server --flannel-backend=vxlan", true, true, true, true),
            (
                "server --disable=coredns,local-storage,metrics-server,servicelb --disable traefik",
                false,
                true,
                false,
                true,
            ),
            ("server --disable-agent", true, true, true, false),
            ("server --disable-agent=false", true, true, true, true),
        ] {
            let seen = of(arguments);
            assert_eq!(
                (
                    seen.coredns,
                    seen.ready,
                    seen.system_pods,
                    seen.is_node("k3d-a-server-0")
                ),
                (coredns, ready, pods, node),
                "{arguments}"
            );
        }
    }

    #[test]
    fn each_thing_that_is_not_waited_for_is_said() {
        assert_eq!(of("server").notes(true), Vec::<String>::new());
        assert_eq!(of("server --disable=coredns").notes(true).len(), 1);
        let notes = of("server --flannel-backend=none");
        assert_eq!((notes.notes(false).len(), notes.notes(true).len()), (1, 2));
    }
}
