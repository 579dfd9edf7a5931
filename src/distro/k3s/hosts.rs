//! `host.k3d.internal`, the name under which pods and nodes reach the machine that the cluster runs on, and the names
//! that a person gave to other addresses.
//!
//! Nodes get a line in `/etc/hosts` that the engine writes at every start. Pods ask CoreDNS, which k3s configures anew at
//! every start too, so k3d's line in its `NodeHosts` is lost with a restart. k3s leaves one place to others: the
//! ConfigMap `coredns-custom`, whose `*.server` keys become server blocks of their own. A block for those names alone takes
//! nothing away from any other, and it is kept in the cluster's datastore.

use std::{fmt::Write as _, net::IpAddr};

use serde_json::{Value, json};

use crate::domain::HostAlias;

/// The name.
pub const NAME: &str = "host.k3d.internal";
/// The namespace that both of them are in.
pub const NAMESPACE: &str = "kube-system";
/// The ConfigMap that is left to others.
pub const CUSTOM: &str = "coredns-custom";
/// CoreDNS' own ConfigMap, with the keys `Corefile` and `NodeHosts`.
pub const COREDNS: &str = "coredns";

const KEY: &str = "coracle.server";

/// What nodes and pods are told: the host's name, if the host has an address there, and the person's own. Names of the
/// same address stand together, because k3s keeps one line for each address.
#[must_use]
pub fn records(host: Option<IpAddr>, aliases: &[HostAlias]) -> Vec<HostAlias> {
    let own = host.map(|ip| HostAlias {
        ip,
        names: vec![NAME.to_owned()],
    });
    let mut all: Vec<HostAlias> = Vec::new();
    for record in own.iter().chain(aliases) {
        match all.iter_mut().find(|known| known.ip == record.ip) {
            Some(known) => known.names.extend(record.names.iter().cloned()),
            None => all.push(record.clone()),
        }
    }
    all
}

/// The lines for [`extra_hosts`](crate::domain::container::ContainerSpec::extra_hosts).
#[must_use]
pub fn engine_lines(records: &[HostAlias]) -> Vec<String> {
    let lines = |record: &HostAlias| {
        let ip = record.ip;
        let line = move |name: &String| format!("{name}:{ip}");
        record.names.iter().map(line).collect::<Vec<_>>()
    };
    records.iter().flat_map(lines).collect()
}

/// Whether a container carries a line for every name.
#[must_use]
pub fn has_engine_lines(extra_hosts: &[String], records: &[HostAlias]) -> bool {
    let has = |name: &String| {
        let mut lines = extra_hosts.iter();
        lines.any(|line| {
            line.split_once([':', '='])
                .is_some_and(|(own, _)| own == name)
        })
    };
    records.iter().flat_map(|record| &record.names).all(has)
}

/// The command that adds the names to the hosts file of a running node, or corrects them. The file is mounted, so it is
/// written in place.
#[must_use]
pub fn node_command(records: &[HostAlias]) -> [String; 3] {
    let names: Vec<String> = records
        .iter()
        .flat_map(|record| &record.names)
        .map(|name| name.replace('.', "\\."))
        .collect();
    let lines: Vec<String> = records
        .iter()
        .map(|record| format!("'{}\t{}'", record.ip, record.names.join(" ")))
        .collect();
    let script = format!(
        "rest=$(grep -vE '[[:space:]]({})([[:space:]]|$)' /etc/hosts); printf '%s\\n' \"$rest\" {} > /etc/hosts",
        names.join("|"),
        lines.join(" ")
    );
    ["sh".to_owned(), "-c".to_owned(), script]
}

/// The ConfigMap `coredns-custom` where there is none yet.
#[must_use]
pub fn custom_object(records: &[HostAlias]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": CUSTOM, "namespace": NAMESPACE },
        "data": { KEY: server_block(records) },
    })
}

/// The merge patch for one that exists: it touches our key alone.
#[must_use]
pub fn custom_patch(records: &[HostAlias]) -> Value {
    json!({ "data": { KEY: server_block(records) } })
}

/// The block for the names. What is below them is asked of others as before: a person's name may be a whole domain's.
fn server_block(records: &[HostAlias]) -> String {
    let names = records.iter().flat_map(|record| &record.names);
    let zones: Vec<String> = names.map(|name| format!("{name}:53")).collect();
    let mut block = format!("{} {{\n    errors\n    hosts {{\n", zones.join(" "));
    for record in records {
        // Writing to a String cannot fail.
        let _ = writeln!(block, "        {} {}", record.ip, record.names.join(" "));
    }
    block.push_str(
        "        ttl 60\n        fallthrough\n    }\n    forward . /etc/resolv.conf\n}\n",
    );
    block
}

/// Whether CoreDNS reads the server blocks of `coredns-custom`. Old versions of k3s do not have that line, and
/// a person may have removed it; there the name has to go into `NodeHosts`.
#[must_use]
pub fn reads_custom(corefile: &str) -> bool {
    corefile.lines().any(|line| {
        line.trim().starts_with("import /etc/coredns/custom/") && line.contains(".server")
    })
}

/// `NodeHosts` with the names set to their addresses, or `None` when it is so already. k3s keeps one line for each
/// address only, so names of the same address share theirs.
#[must_use]
pub fn node_hosts(current: &str, records: &[HostAlias]) -> Option<String> {
    let ours = |word: &str| {
        let mut names = records.iter().flat_map(|record| &record.names);
        names.any(|name| name == word)
    };
    let mut lines: Vec<Vec<String>> = Vec::new();
    for line in current.lines() {
        let words: Vec<String> = line
            .split_whitespace()
            .enumerate()
            .filter(|(place, word)| *place == 0 || !ours(word))
            .map(|(_, word)| word.to_owned())
            .collect();
        if words.len() > 1 {
            lines.push(words);
        }
    }
    for record in records {
        let ip = record.ip.to_string();
        match lines.iter_mut().find(|words| words[0] == ip) {
            Some(words) => words.extend(record.names.iter().cloned()),
            None => lines.push(
                std::iter::once(ip)
                    .chain(record.names.iter().cloned())
                    .collect(),
            ),
        }
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

    fn host() -> Vec<HostAlias> {
        records(Some(HOST), &[])
    }

    fn aliases() -> Vec<HostAlias> {
        let aliases = ["10.1.2.3:db.example.org,db", "172.18.0.1:gate"];
        let aliases = aliases.map(|text| HostAlias::parse(text).unwrap());
        records(Some(HOST), &aliases)
    }

    #[test]
    fn names_of_one_address_stand_together() {
        let all = aliases();
        assert_eq!(all[0].names, ["host.k3d.internal", "gate"]);
        assert_eq!(all[1].names, ["db.example.org", "db"]);
        assert_eq!(
            engine_lines(&all),
            [
                "host.k3d.internal:172.18.0.1",
                "gate:172.18.0.1",
                "db.example.org:10.1.2.3",
                "db:10.1.2.3"
            ]
        );
        assert!(has_engine_lines(&engine_lines(&all), &host()));
        assert!(!has_engine_lines(&engine_lines(&host()), &all));
    }

    #[test]
    fn the_hosts_file_of_a_node_is_corrected_in_place() {
        let before =
            "127.0.0.1\tlocalhost\n172.18.0.9\thost.k3d.internal\n10.0.0.1 database\n10.9.9.9 db\n";
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), before).unwrap();
        let [shell, flag, script] = node_command(&aliases());
        let script = script.replace("/etc/hosts", place.path().to_str().unwrap());
        let ran = std::process::Command::new(shell)
            .args([flag, script])
            .status();
        assert!(ran.unwrap().success());
        let after = std::fs::read_to_string(place.path()).unwrap();
        let mut lines: Vec<&str> = after.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "10.0.0.1 database",
                "10.1.2.3\tdb.example.org db",
                "127.0.0.1\tlocalhost",
                "172.18.0.1\thost.k3d.internal gate"
            ]
        );
    }

    #[test]
    fn the_record_replaces_an_old_one_and_shares_the_line_of_its_address() {
        let before = "172.18.0.3 k3d-a-server-0\n10.0.0.1 host.k3d.internal\n";
        let after = node_hosts(before, &host()).unwrap();
        assert_eq!(
            after,
            "172.18.0.3 k3d-a-server-0\n172.18.0.1 host.k3d.internal\n"
        );
        assert_eq!(node_hosts(&after, &host()), None);
        assert_eq!(
            node_hosts("172.18.0.1 gateway\n", &host()).unwrap(),
            "172.18.0.1 gateway host.k3d.internal\n"
        );
        assert_eq!(
            node_hosts("172.18.0.1 gateway host.k3d.internal\n", &host()),
            None
        );
    }

    #[test]
    fn the_block_is_for_these_names_alone() {
        let block = server_block(&aliases());
        let zones = "host.k3d.internal:53 gate:53 db.example.org:53 db:53 {\n";
        assert!(block.starts_with(zones), "{block}");
        assert!(block.contains("172.18.0.1 host.k3d.internal gate\n"));
        assert!(block.contains("10.1.2.3 db.example.org db\n"));
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
        let has = |line: &str| has_engine_lines(&[line.to_owned()], &host());
        assert!(has("host.k3d.internal:172.18.0.1") && has("host.k3d.internal=1.2.3.4"));
        assert!(!has("other:1.2.3.4"));
    }
}
