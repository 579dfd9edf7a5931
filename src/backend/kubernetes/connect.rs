//! From what a person has (a context, or the admin access that a server wrote) to a client. No request is made here.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{AuthInfo, Cluster, Kubeconfig},
};

use super::{
    Api, contexts, dial,
    errors::causes,
    plugin::{self, Credential, Manner},
    proxy::Variables,
    request::Wire,
    token_file::TokenFile,
};
use crate::{
    backend::{Error, ErrorKind, KubeApi, KubeTarget},
    distro::k3s::kubeconfig::Admin,
    domain::{Secret, log::sanitize},
};

/// A server in reach takes a connection within a few round trips; one that does not in this time is away.
const CONNECT: Duration = Duration::from_secs(5);

/// The namespace of a context that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// The files of a kubeconfig may be on a disk that is slow to wake up, or dead.
const FILES: Duration = Duration::from_secs(30);

/// A client, and until when its credentials hold.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client: Client,
    /// The namespace that the context names.
    pub(super) home: String,
    /// The number of the plugin's credential that it uses.
    pub(super) credential: Option<u64>,
    /// From then on its credentials are to be asked for anew.
    pub(super) renew_at: Option<Timestamp>,
}

impl Session {
    /// A client whose credentials have no known end.
    pub(super) fn lasting(client: Client) -> Self {
        Self {
            client,
            home: DEFAULT_NAMESPACE.to_owned(),
            credential: None,
            renew_at: None,
        }
    }
}

/// Opens a client.
pub(super) async fn connect(
    target: &KubeTarget,
    manner: Manner,
) -> Result<Arc<dyn KubeApi>, Error> {
    let session = session(target, None, manner).await?;
    let home = session.home.clone();
    let wire = match target {
        KubeTarget::Context { .. } => Wire::renewing(session, target.clone(), manner),
        // What a server wrote is fixed; who asks for its client again reads what it wrote since.
        KubeTarget::Admin { .. } => Wire::new(session.client),
    };
    Ok(Arc::new(Api::new(wire, home)))
}

/// A client by what the files and the plugin say now; `refused` is the plugin's credential that the server refused.
pub(super) async fn session(
    target: &KubeTarget,
    refused: Option<u64>,
    manner: Manner,
) -> Result<Session, Error> {
    let what = label(target);
    let explained = |(kind, why): Failure| Error::new(kind, what.clone(), why);
    let read = target.clone();
    let (cluster, mut user, home) = aside(move || entry(&read)).await.map_err(explained)?;
    let mut given = None;
    // As with client-go, what the kubeconfig itself gives goes before the plugin's.
    let own = user.token.is_some() || user.token_file.is_some() || user.username.is_some();
    if let (false, Some(mut exec)) = (own, user.exec.take()) {
        if exec.provide_cluster_info {
            let info = (&cluster).try_into();
            let info = info.map_err(|error| explained(invalid(causes(&error))))?;
            exec.cluster = Some(info);
        }
        let credential = plugin::credential(&exec, refused, manner)
            .await
            .map_err(explained)?;
        given = Some((credential.number, credential.renew_at));
        supply(&mut user, credential);
    }
    user.exec = None;
    let admin = matches!(target, KubeTarget::Admin { .. });
    let client = aside(move || build(cluster, user, admin)).await;
    let client = client.map_err(explained)?;
    Ok(Session {
        client,
        home,
        credential: given.map(|(number, _)| number),
        renew_at: given.and_then(|(_, renew_at)| renew_at),
    })
}

/// Does what reads files on a thread that may block.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::time::timeout(FILES, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err((
            ErrorKind::Failed,
            "making the client was broken off".to_owned(),
        )),
        Err(_) => {
            let why = format!(
                "what the kubeconfig names was not read within {} s",
                FILES.as_secs()
            );
            Err((ErrorKind::Timeout, why))
        }
    }
}

/// Puts what the plugin gave in the place of what a kubeconfig gives.
fn supply(user: &mut AuthInfo, credential: Credential) {
    if let Some(token) = credential.token {
        user.token = Some(token.reveal().to_owned().into());
    }
    if let Some((certificate, key)) = credential.certificate {
        user.client_certificate_data = Some(STANDARD.encode(certificate));
        user.client_key_data = Some(STANDARD.encode(key.reveal()).into());
    }
}

fn label(target: &KubeTarget) -> String {
    match target {
        KubeTarget::Context { name, .. } => format!("context {}", sanitize(name.as_bytes())),
        KubeTarget::Admin { url, .. } => format!("API at {url}"),
    }
}

/// The class of a failure, and why it failed.
pub(super) type Failure = (ErrorKind, String);

fn invalid(why: impl Into<String>) -> Failure {
    (ErrorKind::Invalid, why.into())
}

/// What the target says of its cluster, its user and the namespace that is meant.
fn entry(target: &KubeTarget) -> Result<(Cluster, AuthInfo, String), Failure> {
    match target {
        KubeTarget::Context { files, name } => {
            let (kubeconfig, problems) = contexts::merged(files);
            entries(&kubeconfig, name).map_err(|(kind, why)| {
                let broken = problems.into_iter().map(|problem| problem.to_string());
                let all: Vec<String> = std::iter::once(why).chain(broken).collect();
                (kind, all.join("; "))
            })
        }
        KubeTarget::Admin { admin, url } => {
            let (cluster, user) = given(admin, url);
            Ok((cluster, user, DEFAULT_NAMESPACE.to_owned()))
        }
    }
}

fn build(cluster: Cluster, mut user: AuthInfo, admin: bool) -> Result<Client, Failure> {
    let token =
        TokenFile::of(&mut user).map_err(|why| (ErrorKind::Forbidden, sanitize(why.as_bytes())))?;
    let mut config = config(cluster, user)?;
    if admin {
        // A cluster on this machine or beside the engine is never behind a proxy.
        config.proxy_url = None;
        config.tls_server_name = certified_name(&config.cluster_url);
    }
    dial::client(config, token)
        .map_err(|error| (ErrorKind::Forbidden, sanitize(causes(&error).as_bytes())))
}

/// What a server wrote, as kube wants it. Every other field stays empty, whatever kube would do with it.
fn given(admin: &Admin, url: &str) -> (Cluster, AuthInfo) {
    let secret = |secret: &Option<Secret>| {
        let secret = secret.as_ref();
        secret.map(|secret| secret.reveal().to_owned().into())
    };
    let cluster = Cluster {
        server: Some(url.to_owned()),
        certificate_authority_data: admin.authority.clone(),
        ..Cluster::default()
    };
    let user = AuthInfo {
        client_certificate_data: admin
            .certificate
            .as_ref()
            .map(|certificate| certificate.reveal().to_owned()),
        client_key_data: secret(&admin.key),
        token: secret(&admin.token),
        username: admin.username.clone(),
        password: secret(&admin.password),
        ..AuthInfo::default()
    };
    (cluster, user)
}

/// The cluster, the user and the namespace that a context names.
fn entries(kubeconfig: &Kubeconfig, name: &str) -> Result<(Cluster, AuthInfo, String), Failure> {
    let missing = |what: &str, name: &str| {
        let name = sanitize(name.as_bytes());
        (ErrorKind::NotFound, format!("no {what} is named {name:?}"))
    };
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| context.name == name)
        .and_then(|named| named.context.as_ref())
        .ok_or_else(|| missing("context", name))?;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == context.cluster)
        .and_then(|named| named.cluster.clone())
        .ok_or_else(|| missing("cluster", &context.cluster))?;
    // As with kubectl, a user that is not there is nobody in particular.
    let user = context
        .user
        .as_ref()
        .and_then(|user| kubeconfig.auth_infos.iter().find(|one| one.name == *user))
        .and_then(|named| named.auth_info.clone())
        .unwrap_or_default();
    let home = context
        .namespace
        .clone()
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    Ok((cluster, user, home))
}

/// kube's settings, made by hand because kube's own way from a kubeconfig to them fails on a `NO_PROXY` that ends in
/// a comma and decides about the proxy by the wrong address.
pub(super) fn config(cluster: Cluster, user: AuthInfo) -> Result<Config, Failure> {
    let server = cluster.server.clone().unwrap_or_default();
    let url: http::Uri = server
        .parse()
        .ok()
        .filter(|url: &http::Uri| matches!(url.scheme_str(), Some("http" | "https")))
        .ok_or_else(|| {
            let server = sanitize(server.as_bytes());
            invalid(format!("{server:?} is not the URL of a server"))
        })?;
    let explicit = cluster.proxy_url.clone().filter(|proxy| !proxy.is_empty());
    let proxy = explicit.or_else(|| Variables::of_process().proxy_for(&url));
    let mut config = Config::new(url);
    config.root_cert = authority(&cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name;
    config.auth_info = user;
    config.proxy_url = match proxy {
        Some(proxy) => Some(
            proxy
                .parse()
                .map_err(|_| invalid("the address of the proxy is not a URL"))?,
        ),
        None => None,
    };
    config.connect_timeout = Some(CONNECT);
    // Watches and followed logs are silent for minutes; deadlines are set for each request where it is made.
    config.read_timeout = None;
    // kube would try a server that is starting or has no metrics for minutes before it says so.
    config.default_retry = false;
    config.headers.push((
        HeaderName::from_static("user-agent"),
        HeaderValue::from_static(concat!("coracle/", env!("CARGO_PKG_VERSION"))),
    ));
    Ok(config)
}

/// The certificates that the server's must be signed by; `None` where the system's are meant.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let unusable = |why: String| invalid(format!("the certificate authority: {why}"));
    let pem = match (
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
    ) {
        (Some(data), _) if !data.is_empty() => STANDARD
            .decode(data.trim())
            .map_err(|error| unusable(error.to_string()))?,
        (_, Some(path)) if !path.is_empty() => {
            std::fs::read(path).map_err(|error| unusable(format!("{path}: {error}")))?
        }
        _ => return Ok(None),
    };
    let text = String::from_utf8_lossy(&pem);
    let mut found = Vec::new();
    for part in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = part
            .split_once("-----END CERTIFICATE-----")
            .ok_or_else(|| unusable("a certificate has no end".to_owned()))?;
        let body: String = body.split_whitespace().collect();
        let der = STANDARD
            .decode(body)
            .map_err(|error| unusable(error.to_string()))?;
        found.push(der);
    }
    if found.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(Some(found))
}

/// The name that a server's certificate is checked for. A server knows the loopback addresses and its own, but not the
/// name of the machine that its engine runs on; every API server's certificate is valid for `kubernetes`, and it still
/// has to be signed by that one cluster.
fn certified_name(url: &http::Uri) -> Option<String> {
    let host = url.host()?.trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    (!loopback).then(|| "kubernetes".to_owned())
}
