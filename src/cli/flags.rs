//! The values that k3d's flags take, read the way k3d reads them. What k3d can and this program cannot is refused in
//! words, never ignored.

use std::{
    net::{IpAddr, ToSocketAddrs},
    time::Duration,
};

use clap::ValueEnum;

use crate::domain::{ApiEndpoint, Problem, PublishedPort, Role, spec::WaitFor};

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
const NO_LIMIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

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

/// Splits `VALUE@FILTER;FILTER`; `\@` in the value stands for `@`.
fn split_filter(text: &str) -> Result<(String, Vec<&str>), Problem> {
    let mut cut = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == '@' && !escaped {
            if cut.is_some() {
                return Err(Problem::usage(
                    format!("{text:?} names its nodes twice"),
                    "there is more than one @",
                )
                .with_hint("write \\@ where the value itself has one"));
            }
            cut = Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    let (value, filters) = match cut {
        Some(at) => (&text[..at], text[at + 1..].split(';').collect()),
        None => (text, Vec::new()),
    };
    Ok((value.replace("\\@", "@"), filters))
}

/// The roles that node filters name as a whole. Single nodes (`server:0`) cannot be meant yet.
fn roles(text: &str, filters: &[&str]) -> Result<Vec<Role>, Problem> {
    let mut roles = Vec::new();
    for filter in filters {
        match *filter {
            "all" | "all:*" => roles.extend([Role::Server, Role::Agent]),
            "server:*" | "servers:*" => roles.push(Role::Server),
            "agent:*" | "agents:*" => roles.push(Role::Agent),
            "loadbalancer" => roles.push(Role::LoadBalancer),
            other => {
                return Err(Problem::usage(
                    format!("{text:?} is for nodes that cannot be chosen"),
                    format!("{other:?} is none of server:*, agent:*, all"),
                )
                .with_hint("single nodes cannot be named yet, only all servers or all agents"));
            }
        }
    }
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

/// Arguments of k3s, for servers and for agents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct K3sArgs {
    /// For every server.
    pub servers: Vec<String>,
    /// For every agent.
    pub agents: Vec<String>,
}

/// `--k3s-arg ARG@FILTER`, as often as it is given.
///
/// # Errors
/// Where the nodes are not named, or cannot be.
pub fn k3s_args(texts: &[String]) -> Result<K3sArgs, Problem> {
    let mut args = K3sArgs::default();
    for text in texts {
        let (value, filters) = split_filter(text)?;
        if filters.is_empty() {
            return Err(Problem::usage(
                format!("{text:?} does not say for which nodes it is"),
                "servers and agents take different arguments",
            )
            .with_hint(format!("write {text}@server:* or {text}@agent:*")));
        }
        for role in roles(text, &filters)? {
            match role {
                Role::Server => args.servers.push(value.clone()),
                Role::Agent => args.agents.push(value.clone()),
                _ => return Err(no_k3s(text)),
            }
        }
    }
    Ok(args)
}

fn no_k3s(text: &str) -> Problem {
    Problem::usage(
        format!("{text:?} is for a node that cannot use it"),
        "the load balancer does not run k3s",
    )
}

/// `--env NAME=VALUE[@FILTER]`, for every node.
///
/// # Errors
/// Where there is no value, or only some nodes are meant.
pub fn environment(texts: &[String]) -> Result<Vec<String>, Problem> {
    let mut variables = Vec::new();
    for text in texts {
        let (value, filters) = split_filter(text)?;
        match value.split_once('=') {
            Some((name, _)) if !name.is_empty() => {}
            _ => {
                return Err(Problem::usage(
                    format!("{text:?} is not an environment variable"),
                    "write NAME=VALUE",
                ));
            }
        }
        let roles = roles(text, &filters)?;
        let everywhere =
            filters.is_empty() || (roles.contains(&Role::Server) && roles.contains(&Role::Agent));
        if !everywhere {
            return Err(Problem::usage(
                format!("{text:?} is for some nodes only"),
                "a variable is set on every node",
            )
            .with_hint("leave the filter out, or write @all"));
        }
        variables.push(value);
    }
    Ok(variables)
}

/// `--port [ADDRESS:][HOST_PORT:]CONTAINER_PORT[/PROTOCOL][@FILTER]`, published on the load balancer for all nodes.
///
/// # Errors
/// Where it is no port, is given twice, or is for single nodes.
pub fn ports(texts: &[String]) -> Result<Vec<PublishedPort>, Problem> {
    let mut all: Vec<PublishedPort> = Vec::new();
    for text in texts {
        let (value, filters) = split_filter(text)?;
        let roles = roles(text, &filters)?;
        let everywhere = filters.is_empty()
            || roles.contains(&Role::LoadBalancer)
            || (roles.contains(&Role::Server) && roles.contains(&Role::Agent));
        if !everywhere {
            return Err(Problem::usage(
                format!("{text:?} is for some nodes only"),
                "a port is published on the load balancer, which passes it on to every node",
            )
            .with_hint(format!("write {value}@loadbalancer")));
        }
        for port in PublishedPort::parse(&value)? {
            let taken = port.host_port != 0
                && all.iter().any(|other| {
                    (other.host_port, other.protocol, other.host_ip)
                        == (port.host_port, port.protocol, port.host_ip)
                });
            if taken {
                return Err(Problem::usage(
                    format!("port {} of this machine is given twice", port.host_port),
                    format!("once more in {text:?}"),
                ));
            }
            all.push(port);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let args = k3s_args(&texts(&[
            "--disable=traefik@server:*",
            "--node-label=mail=a\\@b@server:*;agent:*",
            "-v=2@all",
        ]))
        .unwrap();
        assert_eq!(
            args.servers,
            ["--disable=traefik", "--node-label=mail=a@b", "-v=2"]
        );
        assert_eq!(args.agents, ["--node-label=mail=a@b", "-v=2"]);
        for (text, why) in [
            ("--disable=traefik", "different arguments"),
            ("--x@server:0", "\"server:0\""),
            ("--x@loadbalancer", "does not run k3s"),
            ("--x@server:*@agent:*", "more than one @"),
            ("--x@", "none of server:*"),
        ] {
            let problem = k3s_args(&texts(&[text])).unwrap_err();
            assert!(problem.why.contains(why), "{text}: {problem}");
        }
    }

    #[test]
    fn variables_and_ports_are_for_every_node() {
        assert_eq!(
            environment(&texts(&["A=b=c", "X=@all"])).unwrap(),
            ["A=b=c", "X="]
        );
        assert!(environment(&texts(&["A"])).is_err());
        assert!(environment(&texts(&["A=b@server:*"])).is_err());
        assert_eq!(
            ports(&texts(&[
                "8080:80",
                "53:53/udp@loadbalancer",
                "80@server:*;agent:*"
            ]))
            .unwrap()
            .len(),
            3
        );
        assert!(ports(&texts(&["8080:80@server:0"])).is_err());
        assert!(ports(&texts(&["8080:80@agent:*"])).is_err());
        let twice = ports(&texts(&["8080:80", "8080:81"])).unwrap_err();
        assert!(twice.what.contains("8080"), "{twice}");
    }
}
