//! Ports that the engine publishes on the host.

use std::{fmt, net::IpAddr};

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
