//! kube's client with connections of our own making: kube's wait for the server's acknowledgement between the end of the
//! TLS handshake and the first request, 40 ms on every new connection to a server behind a proxy on the same machine.

use hyper_timeout::TimeoutConnector;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioExecutor};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt as _},
};
use tower::{BoxError, ServiceBuilder, util::MapRequestLayer};
use tower_http::decompression::DecompressionLayer;

use super::token_file::TokenFile;

/// A client by these settings.
///
/// # Errors
/// When keys or certificates are not to be used, or a credential plugin fails.
pub(super) fn client(config: Config, token: Option<TokenFile>) -> Result<Client, kube::Error> {
    let token = token.map(|file| MapRequestLayer::new(move |request| file.sign::<Body>(request)));
    if config.proxy_url.is_some() {
        let layer = tower::util::option_layer(token);
        return Ok(ClientBuilder::try_from(config)?.with_layer(&layer).build());
    }
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    plain.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(plain)?);
    // It counts until the end of the handshake.
    connector.set_connect_timeout(config.connect_timeout);
    let wire: hyper_util::client::legacy::Client<_, Body> =
        hyper_util::client::legacy::Builder::new(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .option_layer(token)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(wire);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}
