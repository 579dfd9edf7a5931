//! From what a person has (a context, or the admin access that a server wrote) to a client. No request is made here.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue};
use kube::{
    Client, Config,
    config::{AuthInfo, Cluster, ExecInteractiveMode, Kubeconfig},
};

use super::{
    Api, contexts, dial, errors::causes, proxy::Variables, request::Wire, token_file::TokenFile,
};
use crate::{
    backend::{Error, ErrorKind, KubeApi, KubeTarget},
    distro::k3s::kubeconfig::Admin,
    domain::{Secret, log::sanitize},
};

/// A server in reach takes a connection within a few round trips; one that does not in this time is away.
const CONNECT: Duration = Duration::from_secs(5);

/// A credential plugin may ask a service far away; kube runs it up to three times.
const PLUGIN: Duration = Duration::from_secs(30);

/// Opens a client. Credential plugins run on a thread that may block, without the terminal.
pub(super) async fn connect(target: &KubeTarget) -> Result<Arc<dyn KubeApi>, Error> {
    let (what, plugin) = (label(target), target.clone());
    let building = tokio::task::spawn_blocking(move || build(&plugin));
    let built = tokio::time::timeout(PLUGIN, building).await;
    let client = match built {
        Ok(Ok(built)) => built.map_err(|(kind, why)| Error::new(kind, what, why))?,
        Ok(Err(_)) => {
            let why = "making the client was broken off";
            return Err(Error::new(ErrorKind::Failed, what, why));
        }
        Err(_) => {
            let why = format!(
                "the credential plugin gave no answer within {} s",
                PLUGIN.as_secs()
            );
            return Err(Error::new(ErrorKind::Timeout, what, why));
        }
    };
    Ok(Arc::new(Api::new(Wire::new(client))))
}

fn label(target: &KubeTarget) -> String {
    match target {
        KubeTarget::Context { name, .. } => format!("context {}", sanitize(name.as_bytes())),
        KubeTarget::Admin { url, .. } => format!("API at {url}"),
    }
}

type Failure = (ErrorKind, String);

fn invalid(why: impl Into<String>) -> Failure {
    (ErrorKind::Invalid, why.into())
}

fn build(target: &KubeTarget) -> Result<Client, Failure> {
    let (cluster, mut user) = match target {
        KubeTarget::Context { files, name } => {
            let (kubeconfig, problems) = contexts::merged(files);
            entries(&kubeconfig, name).map_err(|(kind, why)| {
                let broken = problems.into_iter().map(|problem| problem.to_string());
                let all: Vec<String> = std::iter::once(why).chain(broken).collect();
                (kind, all.join("; "))
            })?
        }
        KubeTarget::Admin { admin, url } => given(admin, url),
    };
    let token =
        TokenFile::of(&mut user).map_err(|why| (ErrorKind::Forbidden, sanitize(why.as_bytes())))?;
    let mut config = config(cluster, user)?;
    if matches!(target, KubeTarget::Admin { .. }) {
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

/// The cluster and the user that a context names.
fn entries(kubeconfig: &Kubeconfig, name: &str) -> Result<(Cluster, AuthInfo), Failure> {
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
    Ok((cluster, user))
}

/// kube's settings, made by hand because kube's own way from a kubeconfig to them fails on a `NO_PROXY` that ends in
/// a comma and decides about the proxy by the wrong address.
pub(super) fn config(cluster: Cluster, mut user: AuthInfo) -> Result<Config, Failure> {
    let server = cluster.server.clone().unwrap_or_default();
    let url: http::Uri = server
        .parse()
        .ok()
        .filter(|url: &http::Uri| matches!(url.scheme_str(), Some("http" | "https")))
        .ok_or_else(|| {
            let server = sanitize(server.as_bytes());
            invalid(format!("{server:?} is not the URL of a server"))
        })?;
    if let Some(exec) = &mut user.exec {
        // The screen is ours: a plugin that asked a question there would never get an answer.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
        if exec.provide_cluster_info {
            let info = (&cluster).try_into();
            exec.cluster = Some(info.map_err(|error| invalid(causes(&error)))?);
        }
    }
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
