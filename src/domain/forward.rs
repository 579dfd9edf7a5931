//! Port-forwards as a person wants them: which pods, which ports, and how it goes.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::{Problem, Workload, workload::WorkloadKind};

/// Which pods a forward leads to. `FromStr` takes `KIND/NAME`, a pod's name, or a label selector such as `app=web`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ForwardTarget {
    /// The pods of one object; of a Service, through its ports.
    Workload(Workload),
    /// All pods whose labels fit.
    Selector {
        /// The namespace they are in.
        namespace: String,
        /// The selector, as the API takes it.
        selector: String,
    },
}

impl ForwardTarget {
    /// The same in a namespace.
    #[must_use]
    pub fn within(self, namespace: &str) -> Self {
        match self {
            Self::Workload(workload) => Self::Workload(workload.within(namespace)),
            Self::Selector { selector, .. } => Self::Selector {
                namespace: namespace.to_owned(),
                selector,
            },
        }
    }

    /// The name of the one pod that is meant.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        match self {
            Self::Workload(pod) if pod.kind == WorkloadKind::Pod => Some(&pod.key.name),
            _ => None,
        }
    }

    /// The namespace of the pods.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self {
            Self::Workload(workload) => &workload.key.namespace,
            Self::Selector { namespace, .. } => namespace,
        }
    }
}

impl fmt::Display for ForwardTarget {
    /// `service/web` or `app=web`, without the namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(workload) => workload.fmt(f),
            Self::Selector { selector, .. } => f.write_str(selector),
        }
    }
}

impl FromStr for ForwardTarget {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        // No name has these characters, and every selector of use has one of them.
        if !text.contains(['=', '(']) {
            return text.parse().map(Self::Workload);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || " -_./=!,()".contains(c);
        if text.len() > 1_000 || !text.chars().all(plain) {
            return Err(Problem::usage(
                format!("{text:?} is not a label selector"),
                "it has characters that no label has",
            )
            .with_hint("write app=web or app=web,tier!=test"));
        }
        Ok(Self::Selector {
            namespace: String::new(),
            selector: text.to_owned(),
        })
    }
}

/// The port at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RemotePort {
    /// Its number; for a Service, the Service's own port.
    Number(u16),
    /// Its name, which may stand for another number in each pod.
    Name(String),
}

impl fmt::Display for RemotePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for RemotePort {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if let Ok(number @ 1..) = text.parse::<u16>() {
            return Ok(Self::Number(number));
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        // A Service's port may have a name as long as a label, a container's has 15 letters at most.
        let name = text.len() <= 63
            && text.chars().all(plain)
            && text.contains(|c: char| c.is_ascii_lowercase());
        if name {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(Problem::usage(
            format!("{text:?} is not a port"),
            "a port is a number from 1 to 65535, or a name",
        ))
    }
}

/// One port of a forward. `FromStr` takes kubectl's `LOCAL:REMOTE`, `:REMOTE` and `PORT`, with `ADDRESS:` before.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForwardPort {
    /// The address to listen at; `None` is this machine's loopback, of both families.
    pub address: Option<IpAddr>,
    /// The port to listen at; `0` lets the system choose a free one.
    pub local: u16,
    /// The port at the other end.
    pub remote: RemotePort,
}

impl fmt::Display for ForwardPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            None => {}
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
        }
        write!(f, "{}:{}", self.local, self.remote)
    }
}

impl FromStr for ForwardPort {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let hint = "write LOCAL:REMOTE, :REMOTE or PORT, such as 8080:80 or :http";
        let refuse = |why: String| {
            Problem::usage(format!("{text:?} is not a port to forward"), why).with_hint(hint)
        };
        let (rest, remote) = match text.rsplit_once(':') {
            Some((rest, remote)) => (Some(rest), remote),
            None => (None, text),
        };
        let remote: RemotePort = remote
            .parse()
            .map_err(|problem: Problem| refuse(problem.why))?;
        let Some(rest) = rest else {
            let local = match remote {
                RemotePort::Number(number) => number,
                RemotePort::Name(_) => 0,
            };
            return Ok(Self {
                address: None,
                local,
                remote,
            });
        };
        let (address, local) = match rest.rsplit_once(':') {
            Some((address, local)) => (Some(address), local),
            None => (None, rest),
        };
        let address = match address {
            None => None,
            Some(address) => {
                listen_address(address).map_err(|problem: Problem| refuse(problem.why))?
            }
        };
        let local = match local {
            "" => 0,
            local => local
                .parse()
                .map_err(|_| refuse(format!("{local:?} is not a port of this machine")))?,
        };
        Ok(Self {
            address,
            local,
            remote,
        })
    }
}

/// An address to listen at, as `kubectl port-forward --address` takes it: an IP address, or `localhost`, which is the
/// loopback of both families and `None` here.
///
/// # Errors
/// Any other name: a listener needs an address of this machine, and a name may be looked up as any.
pub fn listen_address(text: &str) -> Result<Option<IpAddr>, Problem> {
    if text == "localhost" {
        return Ok(None);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().map(Some).map_err(|_| {
        Problem::usage(
            format!("{text:?} is not an address to listen at"),
            format!("{text:?} is not an IP address"),
        )
        .with_hint("write localhost or an IP address of this machine, such as 127.0.0.1")
    })
}

impl ForwardPort {
    /// The first address it listens at.
    #[must_use]
    pub fn first_address(&self) -> IpAddr {
        self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// A forward as a person wants it. In files it has the words of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Forward {
    /// Which pods.
    pub target: ForwardTarget,
    /// Which ports, at least one.
    pub ports: Vec<ForwardPort>,
}

/// A forward in a file.
#[derive(Serialize, Deserialize)]
struct Written {
    target: String,
    namespace: String,
    ports: Vec<String>,
}

impl From<Forward> for Written {
    fn from(forward: Forward) -> Self {
        Self {
            target: forward.target.to_string(),
            namespace: forward.target.namespace().to_owned(),
            ports: forward.ports.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<Written> for Forward {
    type Error = Problem;

    fn try_from(written: Written) -> Result<Self, Problem> {
        let target: ForwardTarget = written.target.parse()?;
        let ports: Result<Vec<ForwardPort>, Problem> =
            written.ports.iter().map(|port| port.parse()).collect();
        Ok(Self {
            target: target.within(&written.namespace),
            ports: ports?,
        })
    }
}

/// How a forward is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardState {
    /// It listens, and nobody is connected.
    Listening,
    /// Somebody is connected and waits for a pod that is ready.
    Waiting(Problem),
    /// So many connections are open and lead to pods.
    Active(usize),
    /// The last connection found no pod in time, or its pod does not listen. The next one is tried anew.
    Failed(Problem),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ports_are_understood_as_kubectl_understands_them() {
        for (text, shown) in [
            ("80", "80:80"),
            ("8080:80", "8080:80"),
            (":80", "0:80"),
            ("0:80", "0:80"),
            ("http", "0:http"),
            (":http", "0:http"),
            ("8080:http", "8080:http"),
            ("127.0.0.1:8080:80", "127.0.0.1:8080:80"),
            ("0.0.0.0::80", "0.0.0.0:0:80"),
            ("[::1]:8080:80", "[::1]:8080:80"),
            ("localhost:8080:80", "8080:80"),
        ] {
            let port: ForwardPort = text.parse().unwrap();
            assert_eq!(port.to_string(), shown, "{text:?}");
        }
    }

    #[test]
    fn odd_ports_are_refused_with_the_part_that_is_wrong() {
        for (text, why) in [
            ("", "a number from 1"),
            ("0", "a number from 1"),
            ("70000", "a number from 1"),
            ("80:", "a number from 1"),
            ("x:80", "\"x\" is not a port of this machine"),
            ("70000:80", "\"70000\" is not a port of this machine"),
            ("here:80:80", "\"here\" is not an IP address"),
            ("80:HTTP", "a number from 1"),
            ("80:\u{1b}[2J", "a number from 1"),
        ] {
            let problem = text.parse::<ForwardPort>().unwrap_err();
            assert!(problem.why.contains(why), "{text:?}: {problem}");
        }
    }

    #[test]
    fn an_address_to_listen_at_is_localhost_or_a_number() {
        let loopback: IpAddr = "127.0.0.5".parse().unwrap();
        assert_eq!(listen_address("localhost"), Ok(None));
        assert_eq!(listen_address("127.0.0.5"), Ok(Some(loopback)));
        assert_eq!(
            listen_address("[::1]"),
            Ok(Some(std::net::Ipv6Addr::LOCALHOST.into()))
        );
        for text in ["", "box.example", "127.0.0.1:80"] {
            let problem = listen_address(text).unwrap_err();
            assert!(problem.hint.contains("localhost"), "{problem}");
        }
    }

    #[test]
    fn targets_are_objects_or_selectors() {
        for (text, shown) in [
            ("svc/web", "service/web"),
            ("web-0", "pod/web-0"),
            ("app=web,tier in (a,b)", "app=web,tier in (a,b)"),
        ] {
            let target: ForwardTarget = text.parse().unwrap();
            let target = target.within("shop");
            assert_eq!(
                (target.to_string().as_str(), target.namespace()),
                (shown, "shop")
            );
        }
        for text in ["", "x/y", "a=\u{1b}[2J", "a=b;c"] {
            assert!(text.parse::<ForwardTarget>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[-0-9a-z:.\\[\\]]{0,20}") {
            if let Ok(port) = text.parse::<ForwardPort>() {
                prop_assert_eq!(port.to_string().parse::<ForwardPort>(), Ok(port));
            }
        }
    }
}
