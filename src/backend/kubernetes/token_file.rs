//! A bearer token in a file, as client-go takes it: without the line feed that editors add, and read anew, because whoever
//! wrote it replaces it before it ends.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use kube::config::AuthInfo;

use crate::domain::Secret;

/// The file and what it held last: a file that is gone is no reason to forget its token.
#[derive(Clone)]
pub(super) struct TokenFile {
    path: PathBuf,
    last: Arc<Mutex<Secret>>,
}

impl TokenFile {
    /// Takes the file out of a user's entry, and the token beside it, over which client-go prefers the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn of(user: &mut AuthInfo) -> Result<Option<Self>, String> {
        let Some(path) = user.token_file.take().filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        user.token = None;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("the token file {path}: {error}"))?;
        Ok(Some(Self {
            path: path.into(),
            last: Arc::new(Mutex::new(Secret::new(text.trim()))),
        }))
    }

    /// Adds the token to a request. The file is a few hundred bytes that the system has at hand.
    pub(super) fn sign<B>(&self, mut request: Request<B>) -> Request<B> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(text) = std::fs::read_to_string(&self.path)
            && !text.trim().is_empty()
        {
            *last = Secret::new(text.trim());
        }
        // A token that cannot stand in a header is none; the server then says who is missing.
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", last.reveal())) {
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_trimmed_read_anew_and_preferred() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        let mut user = AuthInfo {
            token: Some("beside".to_owned().into()),
            token_file: path.to_str().map(str::to_owned),
            ..AuthInfo::default()
        };
        let file = TokenFile::of(&mut user).unwrap().unwrap();
        assert!(user.token.is_none() && user.token_file.is_none());
        let sent = || file.sign(Request::new(())).headers()[AUTHORIZATION].clone();
        assert_eq!(sent(), "Bearer one");
        std::fs::write(&path, "two\r\n").unwrap();
        assert_eq!(sent(), "Bearer two");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(sent(), "Bearer two");
        user.token_file = Some("/nowhere/token".to_owned());
        assert!(
            TokenFile::of(&mut user)
                .err()
                .unwrap()
                .contains("/nowhere/token")
        );
    }
}
