//! bollard's errors in words: the top line of a broken connection says nothing, its causes do.

use std::{error::Error as _, time::Duration};

use bollard::errors::Error as Source;

use crate::backend::{Error, ErrorKind};

/// Puts an error of bollard into words.
pub(super) fn explain(what: &str, error: &Source) -> Error {
    match error {
        Source::DockerResponseServerError {
            status_code,
            message,
        } => {
            let kind = match status_code {
                404 => ErrorKind::NotFound,
                // 403 is what removing a network in use and overlapping address pools are refused with.
                409 | 403 => ErrorKind::Conflict,
                400 => ErrorKind::Invalid,
                401 => ErrorKind::Forbidden,
                _ => ErrorKind::Failed,
            };
            Error::new(kind, what, message.trim())
        }
        Source::RequestTimeoutError => too_late(what, Duration::from_secs(120)),
        Source::SocketNotFoundError(path) => Error::new(
            ErrorKind::Unreachable,
            what,
            format!("there is no socket at {path}"),
        ),
        Source::IOError { .. }
        | Source::HyperResponseError { .. }
        | Source::HyperLegacyError { .. } => {
            Error::new(ErrorKind::Unreachable, what, causes(error))
        }
        Source::DockerStreamError { error } => Error::new(ErrorKind::Failed, what, error.trim()),
        other => Error::new(ErrorKind::Failed, what, causes(other)),
    }
}

/// No answer within the deadline.
pub(super) fn too_late(what: &str, deadline: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        what,
        format!("the engine did not answer within {} s", deadline.as_secs()),
    )
}

/// The innermost causes of an error, outermost first, without those that only repeat the next one.
fn causes(error: &Source) -> String {
    let mut lines = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        lines.push(cause.to_string());
        source = cause.source();
    }
    let last = lines.last().cloned().unwrap_or_default();
    if last.contains("Permission denied") {
        return format!("{last}; the socket belongs to another user or group (often \"docker\")");
    }
    if last.is_empty() {
        lines.join(": ")
    } else {
        last
    }
}
