//! What a plan has to know of the machine besides the engine: free ports and who has the others, routes, chance.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::Path,
    time::Duration,
};

use crate::{
    backend::Backends,
    domain::{Problem, Protocol, PublishedPort, Secret, Subnet, container::EngineInfo},
};

/// How many letters a token has, as k3d's.
const TOKEN_LETTERS: usize = 20;

/// Whether the engine's ports are this machine's, so that they can be tried here.
pub(super) fn is_local(backends: &Backends, engine: &EngineInfo) -> bool {
    !backends.simulated
        && (engine.endpoint.starts_with("unix:") || engine.endpoint.starts_with("npipe:"))
}

/// The host of an engine that is on another machine than this one, without the brackets of an IPv6 address.
pub(super) fn other_machine(endpoint: &str) -> Option<&str> {
    let (scheme, rest) = endpoint.split_once("://")?;
    if !matches!(scheme, "tcp" | "http" | "https") {
        return None;
    }
    let host = match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => rest.split([':', '/']).next()?,
    };
    let here = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    (!here && !host.is_empty()).then_some(host)
}

/// How long a name may take to be looked up: a resolver that does not answer is no help.
const LOOKUP: Duration = Duration::from_secs(3);

/// Whether this machine knows an address of the host.
pub(super) async fn is_known(host: &str) -> bool {
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host((host, 0))).await;
    found.is_ok_and(|answer| answer.is_ok_and(|mut addresses| addresses.next().is_some()))
}

/// A port of the address that nobody has now; the kernel chooses.
pub(super) fn free_port(address: IpAddr) -> Result<u16, Problem> {
    // An address of another machine cannot be tried; there the port is a guess, and the engine has the last word.
    let bind =
        |address: IpAddr| TcpListener::bind((address, 0)).and_then(|bound| bound.local_addr());
    bind(address)
        .or_else(|_| bind(Ipv4Addr::LOCALHOST.into()))
        .map(|bound| bound.port())
        .map_err(|error| {
            Problem::failed("no free port was found for the API", error.to_string())
                .with_hint("name one with --api-port")
        })
}

/// Says who has a port that is to be published, or `None` when it is free, or cannot be tried.
pub(super) fn busy(port: &PublishedPort) -> Option<Problem> {
    if port.host_port == 0 {
        return None;
    }
    let address = SocketAddr::new(port.host_ip, port.host_port);
    let tried = match port.protocol {
        Protocol::Tcp => TcpListener::bind(address).map(drop),
        Protocol::Udp => UdpSocket::bind(address).map(drop),
        Protocol::Sctp => return None,
    };
    match tried {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let why = match (port.protocol, owner_of_port(port.host_port)) {
                (Protocol::Tcp, Some(owner)) => format!("it is in use by {owner}"),
                _ => "it is in use by another program".to_owned(),
            };
            Some(
                Problem::failed(
                    format!(
                        "port {}/{} of {} cannot be published",
                        port.host_port, port.protocol, port.host_ip
                    ),
                    why,
                )
                .with_hint("choose another port, or end that program"),
            )
        }
        _ => None,
    }
}

/// The process that listens on a TCP port, as far as Linux shows it to us: `nginx (process 42)`.
pub(super) fn owner_of_port(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    let wanted: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?;
    for process in processes.filter_map(Result::ok) {
        // Besides processes there are other names, of which "self" would be as true and of less use.
        let Ok(id) = process.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let has = files.filter_map(Result::ok).any(|file| {
            fs::read_link(file.path()).is_ok_and(|link| {
                wanted
                    .iter()
                    .any(|socket| link.as_os_str() == socket.as_str())
            })
        });
        if has {
            let name = fs::read(process.path().join("comm")).unwrap_or_default();
            let name = crate::domain::log::sanitize(&name);
            return Some(format!("{name} (process {id})"));
        }
    }
    None
}

/// The inodes of the sockets that listen on a port, from the kernel's table.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let here = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTEN;
            here.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
        })
        .collect()
}

/// A fresh cluster token: letters, as k3d makes them.
pub(super) fn token() -> Result<Secret, Problem> {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut text = String::with_capacity(TOKEN_LETTERS);
    let mut bytes = [0_u8; 64];
    while text.len() < TOKEN_LETTERS {
        getrandom::fill(&mut bytes)
            .map_err(|error| Problem::failed("no token could be made", error.to_string()))?;
        // Bytes beyond the largest multiple of 52 would make the first letters likelier.
        let fair = bytes.iter().filter(|byte| **byte < 208);
        let letters = fair.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        text.extend(letters.take(TOKEN_LETTERS - text.len()));
    }
    Ok(Secret::new(text))
}

/// The networks that this machine routes to, without the default route: a cluster's network shall not hide one (a VPN,
/// an office).
pub(super) fn routes() -> Vec<Subnet> {
    fs::read_to_string(Path::new("/proc/net/route"))
        .map(|table| parse_routes(&table))
        .unwrap_or_default()
}

fn parse_routes(table: &str) -> Vec<Subnet> {
    let address = |field: &str| {
        let raw = u32::from_str_radix(field, 16).ok()?;
        Some(Ipv4Addr::from(raw.swap_bytes()))
    };
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let destination = address(fields.nth(1)?)?;
            let mask = address(fields.nth(5)?)?;
            let prefix = u8::try_from(u32::from(mask).leading_ones()).ok()?;
            (prefix > 0).then(|| Subnet::new(destination, prefix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_on_another_machine_is_told_by_its_address() {
        for (endpoint, host) in [
            ("tcp://10.0.0.7:2375", Some("10.0.0.7")),
            ("https://builder:2376/v1", Some("builder")),
            ("tcp://[fd00::7]:2375", Some("fd00::7")),
            ("tcp://127.0.0.1:2375", None),
            ("tcp://[::1]:2375", None),
            ("tcp://localhost:2375", None),
            ("unix:///run/docker.sock", None),
            ("npipe:////./pipe/docker_engine", None),
            ("sim://", None),
        ] {
            assert_eq!(other_machine(endpoint), host, "{endpoint}");
        }
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_not_known_here() {
        assert!(is_known("127.0.0.1").await && is_known("::1").await);
        assert!(!is_known("api.lab.invalid").await);
    }

    #[test]
    fn routes_are_read_without_the_default_one() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
                     eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     tun0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                     broken\n";
        assert_eq!(parse_routes(table), ["172.18.0.0/16".parse().unwrap()]);
    }

    #[test]
    fn a_busy_port_names_this_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = PublishedPort {
            container_port: 80,
            protocol: Protocol::Tcp,
            host_ip: [127, 0, 0, 1].into(),
            host_port: listener.local_addr().unwrap().port(),
        };
        let problem = busy(&port).unwrap();
        assert!(problem.what.contains(&port.host_port.to_string()));
        #[cfg(target_os = "linux")]
        assert!(
            problem
                .why
                .contains(&format!("process {}", std::process::id())),
            "{problem}"
        );
        drop(listener);
        assert_eq!(busy(&port), None);
    }

    #[test]
    fn listeners_are_told_from_connections() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 111 1\n\
             1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  0 0 222 1\n\
             2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 333 1\n";
        assert_eq!(listeners(table, 8080), ["111"]);
    }

    #[test]
    fn tokens_are_twenty_letters_and_never_the_same() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(one.reveal().len(), 20);
        assert!(one.reveal().chars().all(|c| c.is_ascii_alphabetic()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port(Ipv4Addr::LOCALHOST.into()).unwrap();
        assert_ne!(port, 0);
    }
}
