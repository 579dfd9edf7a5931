//! kube's errors in words.

use std::time::Duration;

use crate::backend::{Error, ErrorKind};

/// Puts an error of kube into words.
pub(super) fn explain(what: &str, error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.reason == "Failed to parse error data" => Error::new(
            ErrorKind::Failed,
            what,
            format!(
                "the server answered {} and not in Kubernetes' words",
                status.code
            ),
        ),
        kube::Error::Api(status) => {
            let kind = match status.code {
                404 => ErrorKind::NotFound,
                409 | 429 => ErrorKind::Conflict,
                401 | 403 => ErrorKind::Forbidden,
                400 | 422 => ErrorKind::Invalid,
                // A server that boots or shuts down says so with these.
                500 | 502 | 503 | 504 => ErrorKind::Unreachable,
                _ => ErrorKind::Failed,
            };
            let why = if status.message.is_empty() {
                format!("the server answered {}", status.code)
            } else {
                status.message.clone()
            };
            Error::new(kind, what, crate::domain::log::sanitize(why.as_bytes()))
        }
        kube::Error::SerdeError(_) => not_kubernetes(what),
        kube::Error::Auth(_) => Error::new(ErrorKind::Forbidden, what, innermost(error)),
        _ => Error::new(ErrorKind::Unreachable, what, innermost(error)),
    }
}

/// The answer is not one of the API.
pub(super) fn not_kubernetes(what: &str) -> Error {
    Error::new(
        ErrorKind::Failed,
        what,
        "the server's answer is not one of the Kubernetes API",
    )
}

/// No answer within the deadline.
pub(super) fn too_late(what: &str, deadline: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        what,
        format!("no answer within {} s", deadline.as_secs()),
    )
}

/// The innermost cause, without the system's number for it: the outer ones only say that there is one.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !text.is_empty() {
            last = text;
        }
        source = cause.source();
    }
    let words = last.split(" (os error").next().unwrap_or_default();
    crate::domain::log::sanitize(words.as_bytes())
}
