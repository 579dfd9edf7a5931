//! The local ends: bound before anything else happens, and never closed while the forward is wanted.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use tokio::net::TcpListener;

use crate::{
    domain::{ForwardPort, Problem, RemotePort},
    ops::surroundings,
};

/// How many ports after a busy one are tried for the one that is offered.
const TRIED: u16 = 100;

/// One port of a forward, listening.
pub(super) struct Bound {
    /// One for each address.
    pub listeners: Vec<TcpListener>,
    /// Where it listens; the loopback's other family has the same port.
    pub address: SocketAddr,
    /// The port at the other end.
    pub remote: RemotePort,
}

impl Bound {
    /// The address, and the port that it leads to.
    pub(super) fn shown(&self) -> (SocketAddr, RemotePort) {
        (self.address, self.remote.clone())
    }
}

/// Listens. `localhost` may be looked up as either family, so that without an address both are taken; a machine
/// without the newer one does without it.
pub(super) async fn bind(port: &ForwardPort) -> Result<Bound, Problem> {
    let first = SocketAddr::new(port.first_address(), port.local);
    let listener = listen(first).await?;
    let address = listener.local_addr().unwrap_or(first);
    let mut listeners = vec![listener];
    if port.address.is_none() {
        let other = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), address.port());
        match TcpListener::bind(other).await {
            Ok(listener) => listeners.push(listener),
            // Whoever asks for localhost would reach that other program. A port that the system chose is told by number.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port.local != 0 => {
                return Err(refusal(other, &error));
            }
            Err(_) => {}
        }
    }
    Ok(Bound {
        listeners,
        address,
        remote: port.remote.clone(),
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address)
        .await
        .map_err(|error| refusal(address, &error))
}

fn refusal(address: SocketAddr, error: &io::Error) -> Problem {
    let what = format!(
        "port {} of {} cannot be listened at",
        address.port(),
        address.ip()
    );
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let owner = surroundings::owner_of_port(address.port())
                .unwrap_or_else(|| "another program".to_owned());
            let problem = Problem::failed(what, format!("it is in use by {owner}"));
            match next_free(address) {
                Some(free) => problem.with_hint(format!("port {free} is free")),
                None => problem.with_hint("name another port, or 0 for any that is free"),
            }
        }
        io::ErrorKind::PermissionDenied => Problem::refused(what, error.to_string())
            .with_hint("ports below 1024 belong to the system; name a higher one"),
        _ => Problem::failed(what, error.to_string()),
    }
}

/// The first port after a busy one that is free at the same address.
fn next_free(busy: SocketAddr) -> Option<u16> {
    let after = busy.port().checked_add(1)?;
    (after..=busy.port().saturating_add(TRIED))
        .find(|port| std::net::TcpListener::bind((busy.ip(), *port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_port_names_its_owner_and_a_free_one() {
        let port: ForwardPort = "127.0.0.1:0:80".parse().unwrap();
        let held = bind(&port).await.unwrap();
        let again = ForwardPort {
            local: held.address.port(),
            ..port
        };
        let problem = bind(&again).await.err().unwrap();
        let here = format!("(process {})", std::process::id());
        assert!(problem.why.contains(&here), "{problem}");
        let free: u16 = problem.hint.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(free > held.address.port());
        let free = ForwardPort {
            local: free,
            ..again
        };
        bind(&free).await.unwrap();
    }

    #[tokio::test]
    async fn localhost_is_both_families_on_one_port() {
        let bound = bind(&":80".parse().unwrap()).await.unwrap();
        let mut ports: Vec<u16> = Vec::new();
        for listener in &bound.listeners {
            ports.push(listener.local_addr().unwrap().port());
        }
        ports.dedup();
        assert_eq!(ports, [bound.address.port()]);
        if bound.listeners.len() == 2 {
            let held = std::net::TcpListener::bind("[::1]:0").unwrap();
            let local = held.local_addr().unwrap().port();
            let port = format!("{local}:80").parse().unwrap();
            let problem = bind(&port).await.err().unwrap();
            assert!(problem.what.contains("::1"), "{problem}");
        }
    }
}
