//! Where the Kubernetes API of a cluster is published, and where clients find it.

use std::net::{IpAddr, Ipv4Addr};

use super::Problem;

/// Where the Kubernetes API of a cluster is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiEndpoint {
    /// The host's address that the port is bound to.
    pub host_ip: IpAddr,
    /// The name or address that clients use, as written into the kubeconfig.
    pub host: String,
    /// The host's port; `None` lets the planner choose a free one.
    pub port: Option<u16>,
}

impl Default for ApiEndpoint {
    /// Loopback only and a free port: nobody else's business unless asked otherwise.
    fn default() -> Self {
        Self::bound_to(Ipv4Addr::LOCALHOST.into(), None)
    }
}

impl ApiEndpoint {
    /// One that clients reach at the address that it is bound to. Nobody can connect to "every address of this machine":
    /// they are told 127.0.0.1 then.
    #[must_use]
    pub fn bound_to(host_ip: IpAddr, port: Option<u16>) -> Self {
        let host = if host_ip.is_unspecified() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            host_ip
        };
        Self {
            host_ip,
            host: host.to_string(),
            port,
        }
    }

    /// Parses `[HOST:]PORT`: a name goes into the kubeconfig, its address, which `address_of` answers, is what the port is
    /// bound to. Without a host only the port is other than `default` says. `random` and `0` let a free port be chosen.
    ///
    /// # Errors
    /// Where the port is no port, or the host has no address.
    pub fn parse(
        text: &str,
        default: &Self,
        address_of: impl FnOnce(&str) -> Result<IpAddr, String>,
    ) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage(
                format!("{text:?} is not an address for the Kubernetes API"),
                why,
            )
            .with_hint("write [HOST:]PORT, such as 6550 or 127.0.0.1:6550")
        };
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = match port {
            "random" | "0" => None,
            port => Some(
                port.parse::<u16>()
                    .map_err(|_| refuse(format!("{port:?} is not a port")))?,
            ),
        };
        if host.is_empty() {
            return Ok(Self {
                port,
                ..default.clone()
            });
        }
        if let Ok(address) = host.parse() {
            return Ok(Self::bound_to(address, port));
        }
        Ok(Self {
            host_ip: address_of(host).map_err(refuse)?,
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_bound_to_what_is_named_and_clients_are_told_an_address_that_they_reach() {
        let read = |text| {
            let address_of = |name: &str| match name {
                "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
                _ => Err("nobody knows it".to_owned()),
            };
            let default = ApiEndpoint::bound_to(Ipv4Addr::UNSPECIFIED.into(), Some(1));
            ApiEndpoint::parse(text, &default, address_of)
                .map(|api| (api.host_ip.to_string(), api.host, api.port))
        };
        for (text, address, host, port) in [
            ("6550", "0.0.0.0", "127.0.0.1", Some(6550)),
            ("random", "0.0.0.0", "127.0.0.1", None),
            ("0", "0.0.0.0", "127.0.0.1", None),
            ("0.0.0.0:6550", "0.0.0.0", "127.0.0.1", Some(6550)),
            ("10.1.2.3:6550", "10.1.2.3", "10.1.2.3", Some(6550)),
            ("localhost:6550", "127.0.0.1", "localhost", Some(6550)),
        ] {
            let want = (address.to_owned(), host.to_owned(), port);
            assert_eq!(read(text), Ok(want), "{text}");
        }
        let named = ApiEndpoint {
            host: "k8s.example".to_owned(),
            ..ApiEndpoint::bound_to(Ipv4Addr::UNSPECIFIED.into(), None)
        };
        let over = ApiEndpoint::parse("6445", &named, |_| Err(String::new())).unwrap();
        assert_eq!((over.host.as_str(), over.port), ("k8s.example", Some(6445)));
        assert_eq!(over.host_ip, named.host_ip);
        for text in ["", "host:port", "70000", "elsewhere:6550", "localhost"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
