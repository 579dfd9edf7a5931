//! Ports that the engine publishes on the host, and how a person writes them down.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
};

use super::Problem;

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
    /// Without an address the port is bound to 127.0.0.1, without a host port the engine chooses one. IPv6 addresses
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
            "" | "0" => None,
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
}
