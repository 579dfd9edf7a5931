//! Whether a request to an API server goes through a proxy, as kubectl decides it.
//!
//! kube compares `NO_PROXY` with the proxy's own address and sends even `127.0.0.1` through `HTTPS_PROXY`, by which no
//! local cluster could be reached on a machine behind a proxy; so the decision is made here.

use std::net::IpAddr;

/// The variables that name proxies, upper case before lower case.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    /// `HTTPS_PROXY`.
    pub(super) https: Option<String>,
    /// `HTTP_PROXY`.
    pub(super) http: Option<String>,
    /// `NO_PROXY`.
    pub(super) none: Option<String>,
}

impl Variables {
    /// Those of this process.
    pub(super) fn of_process() -> Self {
        let read = |name: &str| {
            [name.to_owned(), name.to_lowercase()]
                .into_iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        Self {
            https: read("HTTPS_PROXY"),
            http: read("HTTP_PROXY"),
            none: read("NO_PROXY"),
        }
    }

    /// The proxy for a server, if any. A proxy without a scheme is an HTTP proxy.
    pub(super) fn proxy_for(&self, server: &http::Uri) -> Option<String> {
        let proxy = match server.scheme_str() {
            Some("http") => self.http.as_ref(),
            _ => self.https.as_ref(),
        }?;
        let host = server.host()?.trim_matches(['[', ']']);
        let port = server.port_u16().unwrap_or(match server.scheme_str() {
            Some("http") => 80,
            _ => 443,
        });
        if self.is_direct(&host.to_lowercase(), port) {
            return None;
        }
        Some(if proxy.contains("://") {
            proxy.clone()
        } else {
            format!("http://{proxy}")
        })
    }

    fn is_direct(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok();
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self
                .none
                .as_deref()
                .unwrap_or_default()
                .split(',')
                .map(|entry| entry.trim().to_lowercase())
                .any(|entry| matches(&entry, host, address, port))
    }
}

/// Whether one entry of `NO_PROXY` names the host: `*`, an address, a network, a domain or `.domain`, each but the
/// first two with an optional port.
fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/') {
        return match (network.parse(), length.parse(), address) {
            (Ok(network), Ok(length), Some(address)) => contains(network, length, address),
            _ => false,
        };
    }
    if let Ok(listed) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(listed);
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        Some((name, digits)) => match digits.parse::<u16>() {
            Ok(port) => (name, Some(port)),
            Err(_) => return false,
        },
        None => (entry, None),
    };
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

fn contains(network: IpAddr, length: u32, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (
            u128::from(u32::from(network)),
            u128::from(u32::from(address)),
            32,
        ),
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (u128::from(network), u128::from(address), 128)
        }
        _ => return false,
    };
    let Some(ignored) = u32::checked_sub(bits, length) else {
        return false;
    };
    let part = |value: u128| value.checked_shr(ignored).unwrap_or(0);
    part(network) == part(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_servers_and_those_listed_are_reached_directly() {
        let variables = Variables {
            https: Some("proxy.corp:3128".to_owned()),
            http: None,
            none: Some("10.0.0.0/8, .corp,example.org:8443,fd00::/8,192.168.7.7,,".to_owned()),
        };
        for (server, direct) in [
            ("https://127.0.0.1:6443", true),
            ("https://localhost:6443", true),
            ("https://[::1]:6443", true),
            ("https://10.200.3.4:6443", true),
            ("https://11.0.0.1:6443", false),
            ("https://api.corp", true),
            ("https://corp", false),
            ("https://example.org:8443", true),
            ("https://k8s.example.org:8443", true),
            ("https://example.org:443", false),
            ("https://notexample.org:8443", false),
            ("https://[fd12::1]:6443", true),
            ("https://192.168.7.7", true),
            ("https://192.168.7.8", false),
            // HTTP_PROXY is not set.
            ("http://11.0.0.1:8080", true),
        ] {
            let proxy = variables.proxy_for(&server.parse().unwrap());
            let want = (!direct).then(|| "http://proxy.corp:3128".to_owned());
            assert_eq!(proxy, want, "{server}");
        }
        let none = |list: &str| Variables {
            none: Some(list.to_owned()),
            ..variables.clone()
        };
        let far = "https://11.0.0.1".parse().unwrap();
        assert_eq!(none("*").proxy_for(&far), None);
        assert_eq!(none("0.0.0.0/0").proxy_for(&far), None);
        assert!(none("0.0.0.0/33").proxy_for(&far).is_some());
        assert_eq!(Variables::default().proxy_for(&far), None);
    }
}
