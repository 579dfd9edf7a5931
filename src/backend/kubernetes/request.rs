//! One request and its answer: paths, deadlines, and answers that are read within bounds.

use std::{fmt::Write as _, pin::Pin, sync::Arc, time::Duration};

use futures::{AsyncBufRead, AsyncBufReadExt as _, Sink, Stream};
use http::{Method, Request, header};
use kube::Client;
use serde::de::DeserializeOwned;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::{
    connect::Session,
    errors,
    plugin::Manner,
    renewal::{self, Renewal},
};
use crate::{
    backend::{Error, ErrorKind, KubeTarget},
    domain::ObjectKey,
    resources::KindSpec,
};

/// A server that is well answers a request in milliseconds, one under load in a few seconds. Connecting counts.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// More than any answer that is asked for; it is there for servers that never stop.
const LARGEST: usize = 256 * 1024 * 1024;

/// A body that is still coming.
pub(super) type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

/// Messages both ways.
pub(super) trait Socket:
    Stream<Item = Result<Message, WsError>> + Sink<Message, Error = WsError> + Send + Unpin + 'static
{
}

impl<T> Socket for T where
    T: Stream<Item = Result<Message, WsError>>
        + Sink<Message, Error = WsError>
        + Send
        + Unpin
        + 'static
{
}

/// The way to one server.
#[derive(Clone)]
pub(super) struct Wire(Arc<Renewal>);

impl Wire {
    /// The way by a client that stays as it is.
    pub(super) fn new(client: Client) -> Self {
        Self(Arc::new(Renewal::new(Session::lasting(client), None)))
    }

    /// The way to a target, by a new client whenever the credentials of the last are of no more use.
    pub(super) fn renewing(session: Session, target: KubeTarget, manner: Manner) -> Self {
        Self(Arc::new(Renewal::new(session, Some((target, manner)))))
    }

    /// Sends a request and waits for the head of the answer, as long as [`ANSWER`].
    pub(super) async fn open(&self, what: &str, request: Ask) -> Result<Reader, Error> {
        let ask = |client: Client, request| async move { client.request_stream(request).await };
        let reader = self.ask(what, request, ask).await?;
        Ok(Box::pin(reader))
    }

    /// Asks for a WebSocket, as long as [`ANSWER`].
    pub(super) async fn socket(&self, what: &str, request: Ask) -> Result<impl Socket, Error> {
        let ask = |client: Client, request| async move { client.connect(request).await };
        let connection = self.ask(what, request, ask).await?;
        Ok(connection.into_stream())
    }

    /// Asks, and once more with a new client where the server does not know who asks: it has done nothing then.
    async fn ask<T, F>(
        &self,
        what: &str,
        request: Ask,
        ask: impl Fn(Client, Request<Vec<u8>>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, kube::Error>>,
    {
        let built = request
            .build()
            .map_err(|error| Error::new(ErrorKind::Invalid, what, error.to_string()))?;
        let renewed = |error: Error| Error::new(error.kind, what, error.why);
        // Making a client is not the server's time: a plugin may take longer than any answer.
        let (generation, client) = self.0.ready().await.map_err(renewed)?;
        let first = tokio::time::timeout(ANSWER, ask(client, built.clone())).await;
        let answer = match first {
            Ok(Err(error)) if renewal::refused(&error) => {
                match self.0.after(generation).await.map_err(renewed)? {
                    Some(client) => tokio::time::timeout(ANSWER, ask(client, built)).await,
                    None => Ok(Err(error)),
                }
            }
            first => first,
        };
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let mut told = errors::explain(what, &error);
                if self.0.renews() && renewal::refused(&error) {
                    told.why = format!("{}: {}", errors::NOT_ACCEPTED, told.why);
                }
                Err(told)
            }
            Err(_) => Err(errors::too_late(what, ANSWER)),
        }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn bytes(&self, what: &str, request: Ask) -> Result<Vec<u8>, Error> {
        let mut reader = self.open(what, request).await?;
        let whole = async {
            let mut body = Vec::new();
            loop {
                let chunk = reader
                    .fill_buf()
                    .await
                    .map_err(|error| errors::broken(what, &error))?;
                let read = chunk.len();
                if read == 0 {
                    return Ok(body);
                }
                body.extend_from_slice(chunk);
                reader.consume_unpin(read);
                if body.len() > LARGEST {
                    let why = "the answer is larger than any that was asked for";
                    return Err(Error::new(ErrorKind::Failed, what, why));
                }
            }
        };
        // The body of a long list may take its time on a slow link: three times what the head may take.
        let deadline = ANSWER * 3;
        match tokio::time::timeout(deadline, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(errors::too_late(what, deadline)),
        }
    }

    /// Sends a request and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        what: &str,
        request: Ask,
    ) -> Result<T, Error> {
        let body = self.bytes(what, request).await?;
        serde_json::from_slice(&body).map_err(|error| errors::nonsense(what, &body, &error))
    }
}

/// A request in the making.
pub(super) struct Ask {
    method: Method,
    uri: String,
    accept: &'static str,
    content: &'static str,
    compressed: bool,
    body: Vec<u8>,
}

impl Ask {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            uri: path.into(),
            accept: "application/json",
            content: "application/json",
            compressed: true,
            body: Vec::new(),
        }
    }

    pub(super) fn send(method: Method, path: impl Into<String>, body: Vec<u8>) -> Self {
        Self {
            method,
            body,
            ..Self::get(path)
        }
    }

    /// Adds a parameter; an empty value adds none.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.uri
                .push(if self.uri.contains('?') { '&' } else { '?' });
            self.uri.push_str(name);
            self.uri.push('=');
            encode(value, &mut self.uri);
        }
        self
    }

    pub(super) fn accepting(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    pub(super) fn containing(mut self, content: &'static str) -> Self {
        self.content = content;
        self
    }

    /// Asks for an answer as it is: a stream would otherwise be held back by the compression's buffers.
    pub(super) fn uncompressed(mut self) -> Self {
        self.compressed = false;
        self
    }

    fn build(self) -> Result<Request<Vec<u8>>, http::Error> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.uri)
            .header(header::ACCEPT, self.accept);
        if !self.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, self.content);
        }
        if !self.compressed {
            request = request.header(header::ACCEPT_ENCODING, "identity");
        }
        request.body(self.body)
    }
}

/// Where the objects of a kind are; an empty namespace is all of them.
pub(super) fn collection(kind: &KindSpec, namespace: &str) -> String {
    let mut path = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    if kind.namespaced && !namespace.is_empty() {
        path.push_str("/namespaces/");
        encode(namespace, &mut path);
    }
    path.push('/');
    path.push_str(kind.plural);
    path
}

/// Where one object is.
pub(super) fn object(kind: &KindSpec, key: &ObjectKey) -> String {
    let mut path = collection(kind, &key.namespace);
    path.push('/');
    encode(&key.name, &mut path);
    path
}

/// Writes a text so that it is one segment of a path or one value of a query, whatever is in it.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{nodes, pods};

    #[test]
    fn paths_name_one_object_whatever_its_name() {
        let pod = ObjectKey::new("kube-system", "../../nodes/x?y=1");
        assert_eq!(
            object(&pods::KIND, &pod),
            "/api/v1/namespaces/kube-system/pods/..%2F..%2Fnodes%2Fx%3Fy%3D1"
        );
        assert_eq!(
            object(&nodes::KIND, &ObjectKey::new("", "n")),
            "/api/v1/nodes/n"
        );
        assert_eq!(collection(&pods::KIND, ""), "/api/v1/pods");
        let ask = Ask::get("/x")
            .with("a", "")
            .with("b", "spec.nodeName=n")
            .with("c", "1");
        assert_eq!(ask.build().unwrap().uri(), "/x?b=spec.nodeName%3Dn&c=1");
    }
}
