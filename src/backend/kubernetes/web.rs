//! A small document of a web server, with the TLS and the proxies that API servers are reached by.

use kube::config::{AuthInfo, Cluster};

use super::{
    connect, dial,
    errors::causes,
    request::{Ask, Wire},
};
use crate::{
    backend::{Error, ErrorKind},
    domain::{Secret, log::sanitize},
};

/// Gets the document at a URL, with a token for whoever wants to see one. Redirections are not followed.
///
/// # Errors
/// When the URL is none, the server is not reached, or answers with anything but success.
pub async fn get(url: &str, token: Option<&Secret>) -> Result<Vec<u8>, Error> {
    let what = format!("get {url}");
    let invalid = |why: String| Error::new(ErrorKind::Invalid, &what, why);
    let uri: http::Uri = url
        .parse()
        .map_err(|_| invalid("it is no URL".to_owned()))?;
    let origin = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => return Err(invalid("it is no URL".to_owned())),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let server = Cluster {
        server: Some(origin),
        ..Cluster::default()
    };
    let user = AuthInfo {
        token: token.map(|token| token.reveal().to_owned().into()),
        ..AuthInfo::default()
    };
    let config =
        connect::config(server, user).map_err(|(kind, why)| Error::new(kind, &what, why))?;
    let client = dial::client(config, None).map_err(|error| {
        let why = sanitize(causes(&error).as_bytes());
        Error::new(ErrorKind::Failed, &what, why)
    })?;
    Wire::new(client).bytes(&what, Ask::get(path)).await
}
