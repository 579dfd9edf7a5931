//! The values that k3d's flags take, read the way k3d reads them. What k3d can and this program cannot is refused in
//! words, never ignored.

use std::{
    net::{IpAddr, ToSocketAddrs},
    time::Duration,
};

use clap::ValueEnum;

use crate::{
    distro::k3s::volumes::Mount,
    domain::{ApiEndpoint, ForNodes, PortMapping, Problem, RegistrySpec, spec::WaitFor},
};

/// How much `--wait` waits for. `true` and `false` are k3d's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitWord {
    /// Until a person can use it: API, nodes, default ServiceAccount
    #[value(alias = "true")]
    Usable,
    /// Besides that, until every pod of kube-system is ready
    All,
    /// Not at all
    #[value(alias = "false", alias = "none")]
    Nothing,
}

impl From<WaitWord> for WaitFor {
    fn from(word: WaitWord) -> Self {
        match word {
            WaitWord::Usable => Self::Usable,
            WaitWord::All => Self::All,
            WaitWord::Nothing => Self::Nothing,
        }
    }
}

/// What `--timeout 0s` means: k3d's word for as long as it takes.
pub const NO_LIMIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A duration as Go writes it: `90s`, `5m`, `1h30m`, `500ms`. Zero is no limit.
///
/// # Errors
/// Says how a duration is written.
pub fn timeout(text: &str) -> Result<Duration, String> {
    let refusal = || format!("{text:?} is not a duration; write 90s, 5m or 1h30m");
    let mut total = Duration::ZERO;
    let mut rest = text;
    if rest == "0" {
        return Ok(NO_LIMIT);
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|at| *at > 0)
            .ok_or_else(refusal)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| refusal())?;
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(refusal()),
        };
        let part = number.checked_mul(millis).ok_or_else(refusal)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(refusal)?;
        rest = tail;
    }
    if text.is_empty() {
        return Err(refusal());
    }
    Ok(if total.is_zero() {
        NO_LIMIT
    } else {
        total.min(NO_LIMIT)
    })
}

/// `--api-port [HOST:]PORT`: the name goes into the kubeconfig, its address is what the port is bound to. `random`
/// and `0` let a free port be chosen.
///
/// # Errors
/// Where the port is no port, or the host has no IPv4 address.
pub fn api_endpoint(text: &str, default: IpAddr) -> Result<ApiEndpoint, Problem> {
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
        return Ok(ApiEndpoint {
            host_ip: default,
            host: client_address(default),
            port,
        });
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(ApiEndpoint {
            host_ip: address,
            host: client_address(address),
            port,
        });
    }
    let address = (host, 0)
        .to_socket_addrs()
        .map_err(|error| refuse(format!("{host:?} has no address: {error}")))?
        .map(|address| address.ip())
        .find(IpAddr::is_ipv4)
        .ok_or_else(|| refuse(format!("{host:?} has no IPv4 address")))?;
    Ok(ApiEndpoint {
        host_ip: address,
        host: host.to_owned(),
        port,
    })
}

/// Where clients reach what is bound to an address: nobody can connect to "every address of this machine".
#[must_use]
pub fn client_address(bound: IpAddr) -> String {
    if bound.is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        bound.to_string()
    }
}

/// `--k3s-arg ARG@FILTER`, as often as it is given. For a node that is `alone` the filter can be left out.
///
/// # Errors
/// Where the nodes are not named.
pub fn k3s_args(texts: &[String], alone: bool) -> Result<Vec<ForNodes<String>>, Problem> {
    texts
        .iter()
        .map(|text| {
            let item = ForNodes::parse(text)?;
            if item.nodes.is_empty() && !alone {
                return Err(Problem::usage(
                    format!("{text:?} does not say for which nodes it is"),
                    "servers and agents take different arguments",
                )
                .with_hint(format!("write {text}@server:* or {text}@agent:*")));
            }
            Ok(item)
        })
        .collect()
}

/// `--env NAME=VALUE[@FILTER]`, for every node where no filter says otherwise.
///
/// # Errors
/// Where there is no value.
pub fn environment(texts: &[String]) -> Result<Vec<ForNodes<String>>, Problem> {
    texts
        .iter()
        .map(|text| {
            let item = ForNodes::parse(text)?;
            match item.value.split_once('=') {
                Some((name, _)) if !name.is_empty() => Ok(item),
                _ => Err(Problem::usage(
                    format!("{text:?} is not an environment variable"),
                    "write NAME=VALUE",
                )),
            }
        })
        .collect()
}

/// `--volume [SOURCE:]TARGET[:OPTIONS][@FILTER]`. A source that begins with a dot is seen from the current folder, as
/// with Docker.
///
/// # Errors
/// Where it is no mount.
pub fn volumes(texts: &[String]) -> Result<Vec<ForNodes<String>>, Problem> {
    texts
        .iter()
        .map(|text| {
            let item = ForNodes::parse(text)?;
            let mut mount = Mount::parse(&item.value)?;
            if let Some(source) = mount
                .source
                .as_mut()
                .filter(|source| source.starts_with('.'))
            {
                let whole = std::path::absolute(&*source).map_err(|error| {
                    Problem::usage(format!("no path {source:?}"), error.to_string())
                })?;
                *source = whole.display().to_string();
            }
            Ok(ForNodes {
                value: mount.to_string(),
                nodes: item.nodes,
            })
        })
        .collect()
}

/// `--registry-create NAME[:HOST][:PORT]`, over a registry that a config file may have described.
///
/// # Errors
/// Where the port is no port, or the host has no address.
pub fn registry(text: &str, wanted: &mut RegistrySpec) -> Result<(), Problem> {
    let named = RegistrySpec::parse(text)?;
    wanted.name = named.name;
    wanted.host = named.host.or(wanted.host);
    wanted.port = named.port.or(wanted.port);
    Ok(())
}

/// `--port [ADDRESS:][HOST_PORT:]CONTAINER_PORT[/PROTOCOL][@FILTER]`.
///
/// # Errors
/// Where it is no port, or is given twice.
pub fn ports(texts: &[String]) -> Result<Vec<PortMapping>, Problem> {
    let mut all: Vec<PortMapping> = Vec::new();
    for text in texts {
        for mapping in PortMapping::parse(text)? {
            let port = mapping.port;
            let taken = port.host_port != 0
                && all.iter().any(|other| {
                    (
                        other.port.host_port,
                        other.port.protocol,
                        other.port.host_ip,
                    ) == (port.host_port, port.protocol, port.host_ip)
                });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("1h30m", 5_400), ("2000ms", 2)] {
            assert_eq!(timeout(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(timeout("0s"), Ok(NO_LIMIT));
        assert_eq!(timeout("0"), Ok(NO_LIMIT));
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5h",
            "5d",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(timeout(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_api_is_bound_to_what_the_flag_names() {
        let endpoint =
            |text| api_endpoint(text, LOOPBACK).map(|e| (e.host_ip.to_string(), e.host, e.port));
        let own = |ip: &str, host: &str, port| Ok((ip.to_owned(), host.to_owned(), port));
        assert_eq!(endpoint("6550"), own("127.0.0.1", "127.0.0.1", Some(6550)));
        assert_eq!(endpoint("random"), own("127.0.0.1", "127.0.0.1", None));
        assert_eq!(
            endpoint("0.0.0.0:6550"),
            own("0.0.0.0", "127.0.0.1", Some(6550))
        );
        assert_eq!(
            endpoint("localhost:6550"),
            own("127.0.0.1", "localhost", Some(6550))
        );
        assert!(endpoint("host:port").is_err());
        assert!(endpoint("70000").is_err());
    }

    #[test]
    fn arguments_of_k3s_go_to_the_nodes_they_name() {
        let args = k3s_args(&texts(&["--disable=traefik@server:*", "-v=2@all"]), false).unwrap();
        assert_eq!(args[0].value, "--disable=traefik");
        assert!(args[0].is_for(Role::Server, 2) && !args[0].is_for(Role::Agent, 0));
        for (text, why) in [
            ("--disable=traefik", "different arguments"),
            ("--x@server", "which of them"),
            ("--x@server:*@agent:*", "more than one @"),
            ("--x@", "nothing after"),
        ] {
            let problem = k3s_args(&texts(&[text]), false).unwrap_err();
            assert!(problem.why.contains(why), "{text}: {problem}");
        }
    }

    #[test]
    fn variables_are_for_every_node_and_ports_are_given_once() {
        let variables = environment(&texts(&["A=b=c", "X=@agent:0"])).unwrap();
        assert_eq!(variables[0], ForNodes::every("A=b=c".to_owned()));
        assert!(!variables[1].is_for(Role::Server, 0));
        assert!(environment(&texts(&["A"])).is_err());
        let all = ports(&texts(&["8080:80", "53:53/udp@loadbalancer", "80@agent:0"])).unwrap();
        assert_eq!(all.len(), 3);
        let twice = ports(&texts(&["8080:80", "8080:81"])).unwrap_err();
        assert!(twice.what.contains("8080"), "{twice}");
    }
}
