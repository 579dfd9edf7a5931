//! An engine's address as people write it, in the forms that the docker command takes.

use super::endpoint::Tls;

/// The socket that `unix://` alone means.
const SOCKET: &str = "unix:///var/run/docker.sock";

/// The address with a scheme, and with the host and the port that the docker command would take: an address without a
/// scheme is one of TCP there, but for a path, which is nothing else than a socket.
pub(super) fn complete(written: &str, tls: Option<&Tls>) -> String {
    let written = written.trim();
    if written.starts_with('/') {
        return format!("unix://{written}");
    }
    let (scheme, rest) = written.split_once("://").unwrap_or(("tcp", written));
    match scheme {
        "unix" if rest.is_empty() => SOCKET.to_owned(),
        "tcp" => format!("tcp://{}", with_port(rest, tls.is_some())),
        _ => written.to_owned(),
    }
}

fn with_port(address: &str, tls: bool) -> String {
    let address = address.trim_end_matches('/');
    // The colons inside the brackets of an IPv6 address are not the one before a port.
    let after_host = address.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match address[after_host..].find(':') {
        Some(colon) => (
            &address[..after_host + colon],
            &address[after_host + colon + 1..],
        ),
        None => (address, ""),
    };
    let host = if host.is_empty() { "localhost" } else { host };
    match (port, tls) {
        ("", true) => format!("{host}:2376"),
        ("", false) => format!("{host}:2375"),
        (port, _) => format!("{host}:{port}"),
    }
}

/// Why nothing can be opened at a complete address, told from how it is written.
pub(super) fn refusal(address: &str) -> Option<&'static str> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    match scheme {
        "unix" | "ssh" => None,
        "tcp" | "http" | "https" => {
            let authority = rest.trim_end_matches('/');
            if authority.contains('/') {
                return Some("a path behind the port is not supported; expected tcp://host:port");
            }
            let port = authority.rsplit_once(':').map(|(_, port)| port);
            let bad = scheme == "tcp" && port.is_none_or(|port| port.parse::<u16>().is_err());
            if bad || authority.parse::<http::uri::Authority>().is_err() {
                return Some(EXPECTED);
            }
            None
        }
        "fd" => Some(
            "fd:// is where an engine listens when systemd starts it, not where one is reached",
        ),
        "npipe" => Some(
            "named pipes are those of Windows; inside WSL turn on the engine's integration and name its socket, \
             unix:///var/run/docker.sock",
        ),
        _ => Some(EXPECTED),
    }
}

const EXPECTED: &str =
    "this is not an endpoint; expected unix:///path, tcp://host:port or ssh://user@host";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_as_the_docker_command_does() {
        let tls = Tls::default();
        for (written, encrypted, want) in [
            ("/run/x.sock", false, "unix:///run/x.sock"),
            ("unix://", false, "unix:///var/run/docker.sock"),
            ("unix:///run/x.sock", false, "unix:///run/x.sock"),
            ("tcp://box", false, "tcp://box:2375"),
            ("tcp://box/", true, "tcp://box:2376"),
            ("tcp://box:99", true, "tcp://box:99"),
            ("tcp://box:99/", false, "tcp://box:99"),
            ("tcp://", false, "tcp://localhost:2375"),
            ("tcp://:99", false, "tcp://localhost:99"),
            (":2375", false, "tcp://localhost:2375"),
            ("localhost:2375", false, "tcp://localhost:2375"),
            (" box ", false, "tcp://box:2375"),
            ("tcp://[::1]", false, "tcp://[::1]:2375"),
            ("tcp://[::1]:9", false, "tcp://[::1]:9"),
            ("[::1]:9", false, "tcp://[::1]:9"),
            ("ssh://me@box", false, "ssh://me@box"),
        ] {
            assert_eq!(complete(written, encrypted.then_some(&tls)), want);
            assert_eq!(refusal(want), None, "{want}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for (written, words) in [
            ("fd://", "systemd"),
            ("npipe:////./pipe/docker_engine", "WSL"),
            ("nonsense://x", "not an endpoint"),
            ("box:engine", "not an endpoint"),
            ("a b", "not an endpoint"),
            ("tcp://box:2375/engine", "a path behind the port"),
        ] {
            let refused = refusal(&complete(written, None));
            assert!(
                refused.is_some_and(|why| why.contains(words)),
                "{written}: {refused:?}"
            );
        }
    }
}
