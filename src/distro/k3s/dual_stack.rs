//! Nodes that have an IPv4 and an IPv6 address: what k3s has to be told so that pods and services have both as well.

use std::net::{IpAddr, Ipv6Addr};

/// Pods, services, and the translation of addresses by which pods reach others; k3s' own IPv4 ranges stay.
const RANGES: [(&str, &str); 3] = [
    ("--cluster-cidr", "=10.42.0.0/16,fd6b:3364:42::/56"),
    ("--service-cidr", "=10.43.0.0/16,fd6b:3364:43::/112"),
    ("--flannel-ipv6-masq", ""),
];

/// The argument that names a node's addresses.
const NODE_IP: &str = "--node-ip";

/// Adds the arguments that a person has not given.
pub(super) fn extend(command: &mut Vec<String>, address: IpAddr, second: Ipv6Addr) {
    let server = command.first().is_some_and(|word| word == "server");
    let mut add = |option: &str, rest: String| {
        let given = |word: &String| word.split('=').next() == Some(option);
        if !command.iter().any(given) {
            command.push(format!("{option}{rest}"));
        }
    };
    for (option, value) in RANGES.iter().filter(|_| server) {
        add(option, (*value).to_owned());
    }
    announce(command, &format!("{address},{second}"));
}

/// Names a node's addresses, unless a person did.
pub(super) fn announce(command: &mut Vec<String>, addresses: &str) {
    let given = |word: &String| word.split('=').next() == Some(NODE_IP);
    if !command.iter().any(given) {
        command.push(format!("{NODE_IP}={addresses}"));
    }
}

/// Takes the addresses of a node out of a command that another one is to have.
pub(super) fn is_of_one_node(argument: &str) -> bool {
    argument
        .strip_prefix(NODE_IP)
        .is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extended(words: &[&str]) -> String {
        let mut command: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let second = "fd00::3".parse().unwrap();
        extend(&mut command, [172, 18, 0, 3].into(), second);
        command.join(" ")
    }

    #[test]
    fn servers_are_told_ranges_and_every_node_its_addresses() {
        assert_eq!(
            extended(&["server"]),
            "server --cluster-cidr=10.42.0.0/16,fd6b:3364:42::/56 \
             --service-cidr=10.43.0.0/16,fd6b:3364:43::/112 --flannel-ipv6-masq --node-ip=172.18.0.3,fd00::3"
        );
        assert_eq!(extended(&["agent"]), "agent --node-ip=172.18.0.3,fd00::3");
    }

    #[test]
    fn what_a_person_gives_stays() {
        let told = extended(&[
            "server",
            "--cluster-cidr=10.1.0.0/16",
            "--node-ip",
            "1.2.3.4",
        ]);
        assert_eq!(told.matches("--cluster-cidr").count(), 1);
        assert_eq!(told.matches("--node-ip").count(), 1);
    }
}
