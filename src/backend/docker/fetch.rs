//! What a container says over HTTP at a port that it publishes on the engine's machine.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::Engine;
use crate::{
    backend::{Error, ErrorKind, Fetched},
    domain::PublishedPort,
};

/// A registry on the same machine answers in milliseconds; one that reads a large catalogue from a disk in seconds.
const ANSWER: Duration = Duration::from_secs(10);
/// A page of a catalogue has kilobytes.
const LARGEST: usize = 4 << 20;

impl Engine {
    pub(super) async fn fetch_from(
        &self,
        port: &PublishedPort,
        path: &str,
    ) -> Result<Fetched, Error> {
        let host = host(&self.endpoint, port.host_ip);
        get(&format!("http://{host}:{}{path}", port.host_port)).await
    }
}

/// Where the engine's machine is reached, if that is meant by the address.
fn host(endpoint: &str, address: IpAddr) -> String {
    let on_it = address.is_unspecified() || address.is_loopback();
    let remote = endpoint
        .split_once("://")
        .filter(|(scheme, _)| *scheme != "unix")
        .map(|(_, rest)| rest);
    match (on_it, remote) {
        (true, Some(rest)) => {
            let host = rest.split('/').next().unwrap_or(rest);
            // ssh has the person's name there before the host, and need not have a port behind it.
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            if host.ends_with(']') {
                return host.to_owned();
            }
            host.rsplit_once(':')
                .map_or(host, |(host, _)| host)
                .to_owned()
        }
        (true, None) => "127.0.0.1".to_owned(),
        (false, _) => match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        },
    }
}

async fn get(url: &str) -> Result<Fetched, Error> {
    let what = format!("get {url}");
    let failed = |kind, why: String| Error::new(kind, what.clone(), why);
    let request = Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(ErrorKind::Invalid, error.to_string()))?;
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let work = async {
        let answer = client
            .request(request)
            .await
            .map_err(|error| failed(ErrorKind::Unreachable, cause(&error)))?;
        let status = answer.status();
        let next = answer
            .headers()
            .get(header::LINK)
            .and_then(|link| link.to_str().ok())
            .and_then(next_page);
        let body = Limited::new(answer.into_body(), LARGEST)
            .collect()
            .await
            .map_err(|error| failed(ErrorKind::Failed, error.to_string()))?
            .to_bytes()
            .to_vec();
        let kind = match status {
            status if status.is_success() => return Ok(Fetched { body, next }),
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Forbidden,
            _ => ErrorKind::Failed,
        };
        Err(failed(kind, format!("it answered {status}")))
    };
    tokio::time::timeout(ANSWER, work)
        .await
        .unwrap_or_else(|_| {
            let why = format!("no answer within {} s", ANSWER.as_secs());
            Err(failed(ErrorKind::Timeout, why))
        })
}

/// The innermost cause: the outer ones say that a request failed.
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// The path in `</v2/_catalog?last=b&n=100>; rel="next"`.
fn next_page(link: &str) -> Option<String> {
    let (path, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    (rest.contains("rel=\"next\"") && path.starts_with('/')).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_where_the_engine_is() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let other = IpAddr::from([192, 168, 1, 5]);
        assert_eq!(host("unix:///var/run/docker.sock", loopback), "127.0.0.1");
        assert_eq!(host("tcp://box:2376", IpAddr::from([0, 0, 0, 0])), "box");
        assert_eq!(host("ssh://me@box/run/docker.sock", loopback), "box");
        assert_eq!(host("ssh://[::2]", loopback), "[::2]");
        assert_eq!(host("tcp://[::2]:2376", loopback), "[::2]");
        assert_eq!(host("tcp://box:2376", other), "192.168.1.5");
    }

    #[test]
    fn the_next_page_is_on_the_same_server() {
        let link = |text| next_page(text);
        assert_eq!(
            link("</v2/_catalog?last=b&n=1>; rel=\"next\""),
            Some("/v2/_catalog?last=b&n=1".to_owned())
        );
        assert_eq!(link("<http://other/v2>; rel=\"next\""), None);
        assert_eq!(link("</v2>; rel=\"prev\""), None);
        assert_eq!(link("nonsense"), None);
    }
}
