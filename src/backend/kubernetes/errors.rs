//! kube's errors in words: the top line of a broken connection says nothing, its innermost cause does.

use std::{error::Error as StdError, time::Duration};

use kube::{client::UpgradeConnectionError, core::Status};

use crate::{
    backend::{Error, ErrorKind},
    domain::log::sanitize,
};

/// Longer answers of a server are cut here: a page of HTML is no reason.
const LONGEST: usize = 600;

/// How the reason begins where a server refuses whoever asks, and a new client did not help.
pub(super) const NOT_ACCEPTED: &str = "the server does not accept the credentials";

/// Puts an error of kube into words.
pub(super) fn explain(what: &str, error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) => refused(what, status),
        kube::Error::Auth(_) => Error::new(
            ErrorKind::Forbidden,
            what,
            cut(&format!("no credentials: {}", causes(error))),
        ),
        kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_) => {
            broken(what, error)
        }
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => {
            not_upgraded(what, status.as_u16())
        }
        other => Error::new(ErrorKind::Failed, what, cut(&causes(other))),
    }
}

/// A WebSocket that was asked for and answered with something else. (A refusal comes in the server's own words.)
fn not_upgraded(what: &str, status: u16) -> Error {
    let why = format!(
        "the server answered {status} to a WebSocket: Kubernetes 1.30 and later speak it, and a proxy in between has \
         to let it through"
    );
    Error::new(ErrorKind::Failed, what, why)
}

/// A connection that did not come about, or broke.
pub(super) fn broken(what: &str, error: &(dyn StdError + 'static)) -> Error {
    let kind = if timed_out(error) {
        ErrorKind::Timeout
    } else {
        ErrorKind::Unreachable
    };
    Error::new(kind, what, cut(&causes(error)))
}

/// What the server itself answered.
pub(super) fn refused(what: &str, status: &Status) -> Error {
    let kind = match status.code {
        404 => ErrorKind::NotFound,
        // 429 is what an eviction is refused with while a budget forbids it.
        409 | 429 => ErrorKind::Conflict,
        401 | 403 => ErrorKind::Forbidden,
        400 | 405 | 413 | 415 | 422 => ErrorKind::Invalid,
        // A server that boots or shuts down says so with these.
        500 | 502 | 503 => ErrorKind::Unreachable,
        504 => ErrorKind::Timeout,
        _ => ErrorKind::Failed,
    };
    let message = status.message.trim();
    let why = if message.is_empty() {
        format!("the server answered {} {}", status.code, status.reason)
    } else if looks_like_a_page(message) {
        format!(
            "the server answered {} with a web page: this is no Kubernetes API",
            status.code
        )
    } else {
        message.to_owned()
    };
    Error::new(kind, what, cut(&why))
}

/// An answer that is not what a Kubernetes API sends.
pub(super) fn nonsense(what: &str, body: &[u8], error: &serde_json::Error) -> Error {
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let why = if looks_like_a_page(&start) {
        "the server answered with a web page: this is no Kubernetes API".to_owned()
    } else {
        // The place and the kind of the mistake, not the text, which may be a secret.
        format!("the server's answer is not what a Kubernetes API sends: {error}")
    };
    Error::new(ErrorKind::Failed, what, cut(&why))
}

/// No answer within the deadline.
pub(super) fn too_late(what: &str, deadline: Duration) -> Error {
    let why = format!("no answer within {} s", deadline.as_secs());
    Error::new(ErrorKind::Timeout, what, why)
}

/// The innermost cause of an error, without the system's number for it: the outer ones only name layers.
pub(super) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !text.is_empty() {
            innermost = text;
        }
        source = cause.source();
    }
    let known = IN_WORDS.iter().find(|(part, _)| innermost.contains(part));
    match (known, innermost.split_once(" (os error")) {
        (Some((_, words)), _) => (*words).to_owned(),
        (None, Some((words, _))) => words.to_owned(),
        (None, None) => innermost,
    }
}

/// What the libraries below say, by a part of it, and what that means to a person.
const IN_WORDS: [(&str, &str); 5] = [
    (
        "InvalidContentType",
        "what answers there does not speak TLS",
    ),
    (
        "invalid HTTP version",
        "what answers there does not speak HTTP",
    ),
    (
        "message head is too large",
        "the head of the answer has no end",
    ),
    (
        "HandshakeFailure",
        "the server refuses to speak TLS with us",
    ),
    (
        "UnknownIssuer",
        "the server's certificate is not signed by the authority that the kubeconfig names",
    ),
];

fn timed_out(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
            return true;
        }
        next = error.source();
    }
    false
}

fn looks_like_a_page(text: &str) -> bool {
    let start = text.trim_start().get(..5).unwrap_or_default();
    start.eq_ignore_ascii_case("<html") || start.eq_ignore_ascii_case("<!doc")
}

fn cut(text: &str) -> String {
    let clean = sanitize(text.as_bytes());
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}
