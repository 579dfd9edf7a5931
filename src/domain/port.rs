//! Ports that the engine publishes on the host, and how a person writes them down.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
};

use super::{
    Problem, Role,
    node_filter::{self, NodeFilter, Suffix},
};

/// A transport protocol that a port can be published for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Stream connections, the default.
    Tcp,
    /// Datagrams.
    Udp,
    /// Only between containers; the load balancer cannot pass it on.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// One container port that is reachable from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublishedPort {
    /// The port inside the container.
    pub container_port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// The host's address it is bound to.
    pub host_ip: IpAddr,
    /// The host's port; `0` asks the engine to choose.
    pub host_port: u16,
}

impl PublishedPort {
    /// Parses Docker's `[ADDRESS:][HOST_PORT:]CONTAINER_PORT[/tcp|udp|sctp]`. Both ports can be ranges of one length.
    /// Without an address the port is bound to 127.0.0.1. Without a host port, or with `random` or `0` for it, the engine
    /// chooses one that is free. IPv6 addresses
    /// stand in brackets.
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn parse(text: &str) -> Result<Vec<Self>, Problem> {
        let refuse = |why: &str| {
            Problem::usage(format!("{text:?} is not a port to publish"), why)
                .with_hint("write [ADDRESS:][HOST_PORT:]CONTAINER_PORT[/tcp|udp], such as 8080:80")
        };
        let (rest, protocol) = match text.rsplit_once('/') {
            None => (text, Protocol::Tcp),
            Some((rest, "tcp")) => (rest, Protocol::Tcp),
            Some((rest, "udp")) => (rest, Protocol::Udp),
            Some((rest, "sctp")) => (rest, Protocol::Sctp),
            Some(_) => return Err(refuse("the protocol is neither tcp nor udp nor sctp")),
        };
        let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (address, host) = match rest.rsplit_once(':') {
            // The colons of an IPv6 address are inside its brackets.
            Some((address, port)) if !port.ends_with(']') => (address, port),
            _ if rest.parse::<IpAddr>().is_ok() || rest.starts_with('[') => (rest, ""),
            _ => ("", rest),
        };
        let host_ip = match address.trim_start_matches('[').trim_end_matches(']') {
            "" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            address => address
                .parse()
                .map_err(|_| refuse(&format!("{address:?} is not an IP address")))?,
        };
        let container = parse_range(container)
            .ok_or_else(|| refuse("the container's port is not a number from 1 to 65535"))?;
        let host = match host {
            "" | "0" | "random" => None,
            host => Some(
                parse_range(host)
                    .ok_or_else(|| refuse("the host's port is not a number from 1 to 65535"))?,
            ),
        };
        if host
            .as_ref()
            .is_some_and(|host| host.len() != container.len())
        {
            return Err(refuse("the two ranges are not of one length"));
        }
        let mut host = host.map(RangeInclusive::into_iter);
        Ok(container
            .map(|container_port| Self {
                container_port,
                protocol,
                host_ip,
                host_port: host.as_mut().and_then(Iterator::next).unwrap_or(0),
            })
            .collect())
    }
}

/// A port, or `FIRST-LAST`.
fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some(first..=last)
}

impl fmt::Display for PublishedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host_ip {
            IpAddr::V4(address) => write!(f, "{address}:")?,
            IpAddr::V6(address) => write!(f, "[{address}]:")?,
        }
        if self.host_port != 0 {
            write!(f, "{}:", self.host_port)?;
        }
        write!(f, "{}/{}", self.container_port, self.protocol)
    }
}

/// A port and the nodes that it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortMapping {
    /// The port.
    pub port: PublishedPort,
    /// The nodes; none named is all servers and agents.
    pub nodes: Vec<NodeFilter>,
    /// Whether it is published on the one node that is chosen, and not on the load balancer.
    pub direct: bool,
}

impl PortMapping {
    /// A port of the load balancer that is passed on to all servers and agents.
    #[must_use]
    pub const fn balanced(port: PublishedPort) -> Self {
        Self {
            port,
            nodes: Vec::new(),
            direct: false,
        }
    }

    /// Whether it leads to the node of that role and number; the load balancer is no such node.
    #[must_use]
    pub fn is_for(&self, role: Role, number: u32) -> bool {
        role.is_kubernetes()
            && (self.nodes.is_empty() || self.nodes.iter().any(|node| node.matches(role, number)))
    }

    /// Parses `PORT[@FILTER[;FILTER]]`: what [`PublishedPort::parse`] reads, and filters that can end in `:direct` or
    /// `:proxy`. The load balancer as a filter means all servers and agents, as with k3d.
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn parse(text: &str) -> Result<Vec<Self>, Problem> {
        let (port, filters) = node_filter::split(text)?;
        Self::with_filters(&port, &filters)
    }

    /// Parses several; see [`PortMapping::parse`].
    ///
    /// # Errors
    /// Says which part cannot be read, or which port of the host is given twice.
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, Problem> {
        let mut all: Vec<Self> = Vec::new();
        for text in texts {
            for mapping in Self::parse(text)? {
                let port = mapping.port;
                let place = |port: &PublishedPort| (port.host_port, port.protocol, port.host_ip);
                let taken = port.host_port != 0
                    && all.iter().any(|other| place(&other.port) == place(&port));
                if taken {
                    return Err(Problem::usage(
                        format!("port {} of this machine is given twice", port.host_port),
                        format!("once more in {text:?}"),
                    ));
                }
                all.push(mapping);
            }
        }
        Ok(all)
    }

    /// The same with port and filters apart, as a configuration file has them.
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn with_filters(port: &str, filters: &[String]) -> Result<Vec<Self>, Problem> {
        let ports = PublishedPort::parse(port)?;
        if filters.is_empty() {
            return Ok(ports.into_iter().map(Self::balanced).collect());
        }
        let (mut direct, mut proxied) = (Vec::new(), Vec::new());
        let mut everywhere = false;
        for text in filters {
            match NodeFilter::parse_for_port(text)? {
                (filter, _) if filter.is_load_balancer() => everywhere = true,
                (filter, Some(Suffix::Direct)) => direct.push(filter),
                (filter, _) => proxied.push(filter),
            }
        }
        if everywhere {
            proxied.clear();
        }
        let both = [
            (everywhere || !proxied.is_empty()).then_some((proxied, false)),
            (!direct.is_empty()).then_some((direct, true)),
        ];
        Ok(both
            .into_iter()
            .flatten()
            .flat_map(|(nodes, direct)| {
                ports.iter().map(move |port| Self {
                    port: *port,
                    nodes: nodes.clone(),
                    direct,
                })
            })
            .collect())
    }
}

impl fmt::Display for PortMapping {
    /// As [`PortMapping::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        for (place, filter) in self.nodes.iter().enumerate() {
            f.write_str(if place == 0 { "@" } else { ";" })?;
            write!(f, "{filter}")?;
            if self.direct {
                f.write_str(":direct")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> Vec<String> {
        let ports = PublishedPort::parse(text).unwrap();
        ports.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ports_are_bound_to_loopback_unless_an_address_is_given() {
        for (text, want) in [
            ("80", "127.0.0.1:80/tcp"),
            ("8080:80", "127.0.0.1:8080:80/tcp"),
            ("8080:80/udp", "127.0.0.1:8080:80/udp"),
            ("0.0.0.0:8080:80", "0.0.0.0:8080:80/tcp"),
            ("0.0.0.0:80", "0.0.0.0:80/tcp"),
            ("0.0.0.0::80", "0.0.0.0:80/tcp"),
            ("[::1]:8080:80", "[::1]:8080:80/tcp"),
            ("[::1]:80", "[::1]:80/tcp"),
        ] {
            assert_eq!(printed(text), [want], "{text:?}");
        }
        assert_eq!(
            printed("8000-8001:80-81"),
            ["127.0.0.1:8000:80/tcp", "127.0.0.1:8001:81/tcp"]
        );
    }

    #[test]
    fn odd_texts_are_refused_with_the_part_that_is_wrong() {
        for (text, why) in [
            ("", "container's port"),
            ("x", "container's port"),
            ("0:0", "container's port"),
            ("80:", "container's port"),
            ("70000:80", "host's port"),
            ("80/icmp", "protocol"),
            ("example.org:80:80", "\"example.org\" is not an IP address"),
            ("80-81:80", "one length"),
            ("81-80:81-80", "container's port"),
        ] {
            let problem = PublishedPort::parse(text).unwrap_err();
            assert!(problem.why.contains(why), "{text:?}: {problem}");
        }
    }

    #[test]
    fn ports_lead_to_the_nodes_that_their_filters_name() {
        let mapped = |text: &str| {
            let all = PortMapping::parse(text)?;
            Ok::<_, Problem>(
                all.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        for (text, want) in [
            ("8080:80", "127.0.0.1:8080:80/tcp"),
            ("8080:80@loadbalancer", "127.0.0.1:8080:80/tcp"),
            ("8080:80@loadbalancer:0:proxy", "127.0.0.1:8080:80/tcp"),
            ("8080:80@server:0", "127.0.0.1:8080:80/tcp@server:0"),
            (
                "8080:80@agent:*:proxy;server:0",
                "127.0.0.1:8080:80/tcp@agent:*;server:0",
            ),
            (
                "8081:30080@agents[0]:direct",
                "127.0.0.1:8081:30080/tcp@agent:0:direct",
            ),
            (
                "1-2:1-2/udp@agent:1:direct",
                "127.0.0.1:1:1/udp@agent:1:direct 127.0.0.1:2:2/udp@agent:1:direct",
            ),
        ] {
            assert_eq!(mapped(text).as_deref(), Ok(want), "{text}");
        }
        for text in [
            "80:80@",
            "80:80@server",
            "80:80@server:0:through",
            "x@server:0",
        ] {
            assert!(mapped(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[-0-9a-z:./\\[\\]]{0,20}") {
            if let Ok(ports) = PublishedPort::parse(&text) {
                for port in ports {
                    prop_assert_eq!(PublishedPort::parse(&port.to_string()), Ok(vec![port]));
                }
            }
        }
    }

    #[test]
    fn a_port_of_the_host_is_given_once() {
        let all = ["8080:80", "53:53/udp@loadbalancer", "80@agent:0", "81"];
        assert_eq!(PortMapping::parse_all(all).unwrap().len(), 4);
        let twice = PortMapping::parse_all(["8080:80", "8080:81"]).unwrap_err();
        assert!(twice.what.contains("8080"), "{twice}");
    }
}
