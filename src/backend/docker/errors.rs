//! bollard's errors in words: the top line of a broken connection says nothing, its causes do.

use std::{error::Error as _, time::Duration};

use bollard::errors::Error as Source;

use crate::backend::{Error, ErrorKind};

/// Puts an error of bollard into words.
pub(super) fn explain(what: &str, error: &Source) -> Error {
    let (kind, why) = match error {
        Source::DockerResponseServerError {
            status_code,
            message,
        } => {
            let message = message.trim();
            (
                class(*status_code, message),
                if message.is_empty() {
                    format!("the engine answered with status {status_code} and no word")
                } else {
                    message.to_owned()
                },
            )
        }
        Source::RequestTimeoutError => (
            ErrorKind::Timeout,
            "the engine did not answer in time".to_owned(),
        ),
        Source::SocketNotFoundError(path) => (
            ErrorKind::Unreachable,
            format!("there is no socket at {path}"),
        ),
        Source::IOError { .. }
        | Source::HyperResponseError { .. }
        | Source::HyperLegacyError { .. } => (ErrorKind::Unreachable, lost(&cause(error))),
        Source::DockerStreamError { error } => (class(500, error.trim()), error.trim().to_owned()),
        Source::JsonDataError { .. } | Source::JsonSerdeError { .. } => (
            ErrorKind::Failed,
            format!("the answer is not an engine's: {}", cause(error)),
        ),
        other => (ErrorKind::Failed, cause(other)),
    };
    Error::new(kind, what, why)
}

/// No answer within the deadline.
pub(super) fn too_late(what: &str, deadline: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        what,
        format!("the engine did not answer within {} s", deadline.as_secs()),
    )
}

/// The class of a refusal. Engines and their versions disagree about the status of the same refusal, so the words that
/// they share are asked first: a port in use is status 500, overlapping addresses are 403 or 400, and a container that
/// is not in a network is 403, 404 or 500.
fn class(status: u16, message: &str) -> ErrorKind {
    let says = |words: &str| message.contains(words);
    if says("is not connected to") {
        return ErrorKind::NotFound;
    }
    if says("authorization denied") {
        return ErrorKind::Forbidden;
    }
    if says("overlaps with other one")
        || says("is already used")
        || says("port is already allocated")
        || says("ddress already in use")
    {
        return ErrorKind::Conflict;
    }
    match status {
        404 => ErrorKind::NotFound,
        // 403 is how Docker refuses to remove a network in use.
        403 | 409 => ErrorKind::Conflict,
        400 => ErrorKind::Invalid,
        401 => ErrorKind::Forbidden,
        _ => ErrorKind::Failed,
    }
}

/// The innermost cause of an error; the layers above it only say that a request failed.
fn cause(error: &Source) -> String {
    let mut innermost = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !words.is_empty() {
            innermost = words;
        }
        source = cause.source();
    }
    innermost
}

/// What a broken or refused connection means, and what to do about it.
fn lost(cause: &str) -> String {
    let says = |words: &str| cause.contains(words);
    if cause.starts_with("ssh") {
        // What is denied or refused there is nothing of this machine.
        cause.to_owned()
    } else if says("Permission denied") {
        format!(
            "{cause}: the socket belongs to another user or group. Join the group (often \
             `sudo usermod -aG docker $USER`, then log in again) or use a rootless engine"
        )
    } else if says("No such file") {
        "the engine's socket is gone".to_owned()
    } else if says("Connection refused") {
        format!("no engine listens there ({cause})")
    } else {
        format!("the connection to the engine broke: {cause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_class_that_callers_act_on() {
        for (status, message, kind) in [
            (404, "No such container: x", ErrorKind::NotFound),
            (409, "Conflict. The name is in use", ErrorKind::Conflict),
            (403, "network x has active endpoints", ErrorKind::Conflict),
            (
                400,
                "invalid pool request: Pool overlaps with other one on this address space",
                ErrorKind::Conflict,
            ),
            (
                500,
                "Bind for 127.0.0.1:80 failed: port is already allocated",
                ErrorKind::Conflict,
            ),
            (
                500,
                "container a is not connected to network b",
                ErrorKind::NotFound,
            ),
            (
                403,
                "authorization denied by plugin p",
                ErrorKind::Forbidden,
            ),
            (500, "no space left on device", ErrorKind::Failed),
        ] {
            let error = Source::DockerResponseServerError {
                status_code: status,
                message: format!("{message}\n"),
            };
            let error = explain("do it", &error);
            assert_eq!(
                (error.kind, error.why.as_str()),
                (kind, message),
                "{message}"
            );
        }
    }

    #[test]
    fn a_lost_connection_is_told_from_its_innermost_cause() {
        for (kind, words) in [
            (
                std::io::ErrorKind::UnexpectedEof,
                "connection to the engine broke",
            ),
            (
                std::io::ErrorKind::ConnectionReset,
                "connection to the engine broke",
            ),
        ] {
            let error = explain("x", &Source::IOError { err: kind.into() });
            assert_eq!(error.kind, ErrorKind::Unreachable);
            assert!(error.why.contains(words), "{error}");
        }
        let denied = Source::IOError {
            err: std::io::Error::from_raw_os_error(13),
        };
        assert!(explain("x", &denied).why.contains("usermod -aG docker"));
    }

    #[test]
    fn a_refusal_without_words_still_says_something() {
        let error = Source::DockerResponseServerError {
            status_code: 502,
            message: String::new(),
        };
        assert!(explain("x", &error).why.contains("502"));
    }
}
