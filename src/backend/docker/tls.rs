//! An engine behind TLS: it is trusted as the docker command trusts it.
//!
//! bollard insists on all three files and adds the system's authorities to the one that is given; the configuration of
//! the Kubernetes client knows every combination, so the connections are made from that.

use std::path::Path;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error as Source};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kube::{Config, client::ConfigExt};

use super::{endpoint::Tls, open::HEADERS};

/// An engine at `tcp://host:port` or `https://host:port`.
pub(super) fn connect(endpoint: &str, tls: &Tls) -> Result<Docker, String> {
    let authority = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, authority)| authority);
    let url = format!("https://{authority}");
    let mut config = Config::new(url.parse().map_err(|error| format!("{url}: {error}"))?);
    config.accept_invalid_certs = tls.unverified;
    if let Some(directory) = &tls.directory {
        config.root_cert = authority_of(&directory.join("ca.pem"))?;
        let there = |name: &str| {
            let path = directory.join(name);
            path.is_file().then(|| path.display().to_string())
        };
        // A certificate without its key, or the other way round, is not a login.
        if let (Some(certificate), Some(key)) = (there("cert.pem"), there("key.pem")) {
            config.auth_info.client_certificate = Some(certificate);
            config.auth_info.client_key = Some(key);
        }
    }
    let connector = config
        .rustls_https_connector()
        .map_err(|error| format!("its certificates cannot be used: {}", innermost(&error)))?;
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    Docker::connect_with_custom_transport(
        move |request: BollardRequest| {
            let client = client.clone();
            Box::pin(async move { client.request(request).await.map_err(Source::from) })
        },
        Some(url),
        HEADERS,
        API_DEFAULT_VERSION,
    )
    .map_err(|error| error.to_string())
}

/// The authority that is trusted, and no other beside it; without the file, the system's.
fn authority_of(path: &Path) -> Result<Option<Vec<Vec<u8>>>, String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let certificates: Option<Vec<Vec<u8>>> = text
        .split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .map(|rest| {
            let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
            STANDARD
                .decode(body.split_whitespace().collect::<String>())
                .ok()
        })
        .collect();
    match certificates {
        Some(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
        _ => Err(format!("{} holds no certificate", path.display())),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_authority_that_is_given_is_trusted_and_without_one_the_systems() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        assert_eq!(authority_of(&path), Ok(None));
        std::fs::write(
            &path,
            "# mine\n-----BEGIN CERTIFICATE-----\nAQ\n ID\n-----END CERTIFICATE-----\n\
             -----BEGIN CERTIFICATE-----\nBAUG\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        assert_eq!(
            authority_of(&path),
            Ok(Some(vec![vec![1, 2, 3], vec![4, 5, 6]]))
        );
        for text in ["", "-----BEGIN CERTIFICATE-----\nAQID\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(authority_of(&path).is_err_and(|why| why.contains("no certificate")));
        }
    }
}
