//! `host.k3d.internal`: the name under which pods and nodes reach the machine that the cluster runs on.
//!
//! Nodes get a line in `/etc/hosts` that the engine writes at every start. Pods ask CoreDNS, which k3s configures anew at
//! every start too, so k3d's line in its `NodeHosts` is lost with a restart. k3s leaves one place to others: the
//! ConfigMap `coredns-custom`, whose `*.server` keys become server blocks of their own. A block for that one name takes
//! nothing away from any other, and it is kept in the cluster's datastore.

use std::net::IpAddr;

use serde_json::{Value, json};

/// The name.
pub const NAME: &str = "host.k3d.internal";
/// The namespace that both of them are in.
pub const NAMESPACE: &str = "kube-system";
/// The ConfigMap that is left to others.
pub const CUSTOM: &str = "coredns-custom";
/// CoreDNS' own ConfigMap, with the keys `Corefile` and `NodeHosts`.
pub const COREDNS: &str = "coredns";

const KEY: &str = "coracle.server";

/// The line for [`extra_hosts`](crate::domain::container::ContainerSpec::extra_hosts).
#[must_use]
pub fn engine_line(address: IpAddr) -> String {
    format!("{NAME}:{address}")
}

/// Whether a container carries such a line for the name.
#[must_use]
pub fn has_engine_line(extra_hosts: &[String]) -> bool {
    extra_hosts.iter().any(|line| {
        line.split_once([':', '='])
            .is_some_and(|(name, _)| name == NAME)
    })
}

/// The command that adds the line to the hosts file of a running node, or corrects it. The file is mounted, so it is
/// written in place.
#[must_use]
pub fn node_command(address: IpAddr) -> [String; 3] {
    let script = format!(
        "rest=$(grep -v '[[:space:]]{}$' /etc/hosts); printf '%s\\n%s\\t{NAME}\\n' \"$rest\" '{address}' > /etc/hosts",
        NAME.replace('.', "\\.")
    );
    ["sh".to_owned(), "-c".to_owned(), script]
}

/// The ConfigMap `coredns-custom` where there is none yet.
#[must_use]
pub fn custom_object(address: IpAddr) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": CUSTOM, "namespace": NAMESPACE },
        "data": { KEY: server_block(address) },
    })
}

/// The merge patch for one that exists: it touches our key alone.
#[must_use]
pub fn custom_patch(address: IpAddr) -> Value {
    json!({ "data": { KEY: server_block(address) } })
}

fn server_block(address: IpAddr) -> String {
    format!(
        "{NAME}:53 {{\n    errors\n    hosts {{\n        {address} {NAME}\n        ttl 60\n    }}\n}}\n"
    )
}

/// Whether CoreDNS reads the server blocks of `coredns-custom`. Old versions of k3s do not have that line, and
/// a person may have removed it; there the name has to go into `NodeHosts`.
#[must_use]
pub fn reads_custom(corefile: &str) -> bool {
    corefile.lines().any(|line| {
        line.trim().starts_with("import /etc/coredns/custom/") && line.contains(".server")
    })
}

/// `NodeHosts` with the name set to the address, or `None` when it is so already. k3s keeps one line for each address
/// only, so names of the same address share theirs.
#[must_use]
pub fn node_hosts(current: &str, address: IpAddr) -> Option<String> {
    let wanted = address.to_string();
    let mut lines: Vec<Vec<&str>> = Vec::new();
    for line in current.lines() {
        let words: Vec<&str> = line
            .split_whitespace()
            .enumerate()
            .filter(|(place, word)| *place == 0 || *word != NAME)
            .map(|(_, word)| word)
            .collect();
        if words.len() > 1 {
            lines.push(words);
        }
    }
    match lines.iter_mut().find(|words| words[0] == wanted) {
        Some(words) => words.push(NAME),
        None => lines.push(vec![&wanted, NAME]),
    }
    let text: String = lines.iter().map(|words| words.join(" ") + "\n").collect();
    let same = |a: &str, b: &str| {
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            lines.sort();
            lines
        };
        sorted(a) == sorted(b)
    };
    (!same(&text, current)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(172, 18, 0, 1));

    #[test]
    fn the_record_replaces_an_old_one_and_shares_the_line_of_its_address() {
        let before = "172.18.0.3 k3d-a-server-0\n10.0.0.1 host.k3d.internal\n";
        let after = node_hosts(before, HOST).unwrap();
        assert_eq!(
            after,
            "172.18.0.3 k3d-a-server-0\n172.18.0.1 host.k3d.internal\n"
        );
        assert_eq!(node_hosts(&after, HOST), None);
        assert_eq!(
            node_hosts("172.18.0.1 gateway\n", HOST).unwrap(),
            "172.18.0.1 gateway host.k3d.internal\n"
        );
        assert_eq!(
            node_hosts("172.18.0.1 gateway host.k3d.internal\n", HOST),
            None
        );
    }

    #[test]
    fn the_block_is_for_this_name_alone() {
        let block = server_block(HOST);
        assert!(block.starts_with("host.k3d.internal:53 {\n"));
        assert!(block.contains("172.18.0.1 host.k3d.internal\n"));
        assert_eq!(block.matches('{').count(), block.matches('}').count());
    }

    #[test]
    fn an_import_of_server_blocks_is_told_from_one_of_overrides() {
        assert!(reads_custom(
            ".:53 {\n}\nimport /etc/coredns/custom/*.server\n"
        ));
        assert!(!reads_custom(
            ".:53 {\n  import /etc/coredns/custom/*.override\n}\n"
        ));
    }

    #[test]
    fn engine_lines_are_recognised_in_both_spellings() {
        assert!(has_engine_line(&[engine_line(HOST)]));
        assert!(has_engine_line(&["host.k3d.internal=1.2.3.4".to_owned()]));
        assert!(!has_engine_line(&["other:1.2.3.4".to_owned()]));
    }
}
