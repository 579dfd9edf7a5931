//! Opening an endpoint: the transport it asks for, and a first word that shows whether an engine is behind it.

use std::{path::Path, time::Duration};

use bollard::{API_DEFAULT_VERSION, Docker, models::SystemVersion};

use super::{Candidate, address, endpoint::Tls, errors, ssh, tls};

/// bollard's own limit for the headers of an answer, in seconds. The deadlines of the single requests are what counts;
/// this one only must not cut them short.
pub(super) const HEADERS: u64 = 600;
/// How long an endpoint may take to say hello before the next one is tried: a busy engine answers in a second, and
/// while nobody answers the person looks at an empty window.
const HELLO: Duration = Duration::from_secs(4);
/// Docker Engine 20.10 speaks this version, and older ones miss what is asked of them.
const OLDEST_API: (u32, u32) = (1, 41);

/// Opens an endpoint and exchanges a first word with it. The error is what it answered.
pub(super) async fn open(candidate: &Candidate) -> Result<Docker, String> {
    let docker = transport(candidate)?;
    let patience = if candidate.endpoint.starts_with("ssh://") {
        ssh::LOGIN + HELLO
    } else {
        HELLO
    };
    match tokio::time::timeout(patience, docker.version()).await {
        Ok(Ok(version)) => judge(&version).map(|()| docker),
        Ok(Err(error)) => Err(errors::explain("connect", &error).why),
        Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
    }
}

fn transport(candidate: &Candidate) -> Result<Docker, String> {
    let endpoint = candidate.endpoint.as_str();
    if endpoint.is_empty() {
        return Err("there is no such context; `docker context ls` lists them".to_owned());
    }
    if let Some(why) = address::refusal(endpoint) {
        return Err(why.to_owned());
    }
    let secure = candidate
        .tls
        .clone()
        .or_else(|| endpoint.starts_with("https://").then(Tls::default));
    let opened = if endpoint.starts_with("ssh://") {
        ssh::connect(endpoint)
    } else if let Some(path) = endpoint.strip_prefix("unix://") {
        if !Path::new(path).exists() {
            return Err("there is no such socket".to_owned());
        }
        Docker::connect_with_unix(endpoint, HEADERS, API_DEFAULT_VERSION)
            .map_err(|error| why(&error))
    } else if let Some(secure) = secure {
        tls::connect(endpoint, &secure)
    } else {
        Docker::connect_with_http(endpoint, HEADERS, API_DEFAULT_VERSION)
            .map_err(|error| why(&error))
    };
    Ok(opened?.with_request_modifier(url_safe_login))
}

fn why(error: &bollard::errors::Error) -> String {
    errors::explain("connect", error).why
}

/// bollard writes a login in the alphabet of plain base64, engines read that of URLs, and pull anonymously where the
/// two differ.
fn url_safe_login(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    if let Some(value) = request.headers_mut().get_mut("x-registry-auth") {
        let text: String = value
            .to_str()
            .unwrap_or_default()
            .chars()
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                c => c,
            })
            .collect();
        if let Ok(mut safe) = http::HeaderValue::from_str(&text) {
            safe.set_sensitive(true);
            *value = safe;
        }
    }
    request
}

/// Whether this is the word of an engine that is new enough.
fn judge(version: &SystemVersion) -> Result<(), String> {
    let Some(api) = version.api_version.as_deref() else {
        return Err("something answers there, but not an engine".to_owned());
    };
    let spoken = api
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match spoken {
        Some(spoken) if spoken < OLDEST_API => Err(format!(
            "engine {} is too old; Docker Engine 20.10 or later is needed",
            version.version.as_deref().unwrap_or(api)
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_engine_that_is_new_enough_is_taken() {
        let answer = |api: Option<&str>| {
            judge(&SystemVersion {
                version: Some("19.3".to_owned()),
                api_version: api.map(str::to_owned),
                ..Default::default()
            })
        };
        assert_eq!(answer(Some("1.41")), Ok(()));
        assert_eq!(answer(Some("2.0")), Ok(()));
        assert!(answer(Some("1.40")).is_err_and(|why| why.contains("19.3")));
        assert!(answer(None).is_err_and(|why| why.contains("not an engine")));
    }

    #[tokio::test]
    async fn what_cannot_be_opened_says_what_to_do() {
        for (endpoint, words) in [
            ("", "docker context ls"),
            ("ssh://-oProxyCommand=x", "not the name of a host"),
            ("fd://", "systemd"),
            ("unix:///nowhere/docker.sock", "no such socket"),
            ("nonsense", "not an endpoint"),
            ("tcp://127.0.0.1:1", "refused"),
        ] {
            let candidate = Candidate {
                endpoint: endpoint.to_owned(),
                source: String::new(),
                tls: None,
            };
            let answer = open(&candidate).await.map(|_| ()).unwrap_err();
            assert!(answer.contains(words), "{endpoint}: {answer}");
        }
    }
}
