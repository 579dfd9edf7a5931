//! Clients whose credentials end: a new one is made from what the kubeconfig and its plugin say now, before the end that
//! is known, or when the server refuses them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::client::UpgradeConnectionError;
use tokio::time::Instant;

use super::{
    connect::{self, Session},
    plugin::Manner,
};
use crate::backend::{Error, ErrorKind, KubeTarget};

/// A server that refuses a new client too is not asked with another one for so long.
const PAUSE: Duration = Duration::from_secs(5);

/// The client that is in use, and how to make the next one.
pub(super) struct Renewal {
    /// Where the next comes from; without it there is only this one.
    origin: Option<(KubeTarget, Manner)>,
    current: Mutex<(u64, Session)>,
    /// When one was made last because of a refusal. Who makes one holds this, and the others wait.
    making: tokio::sync::Mutex<Option<Instant>>,
}

impl Renewal {
    pub(super) fn new(session: Session, origin: Option<(KubeTarget, Manner)>) -> Self {
        Self {
            origin,
            current: Mutex::new((0, session)),
            making: tokio::sync::Mutex::new(None),
        }
    }

    /// Whether there can be another client after this one.
    pub(super) fn renews(&self) -> bool {
        self.origin.is_some()
    }

    fn current(&self) -> (u64, Session) {
        // No code under this lock can break.
        let current = self.current.lock();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The client to ask with, and its generation; a new one where the credentials of the last have ended.
    pub(super) async fn ready(&self) -> Result<(u64, kube::Client), Error> {
        let (generation, session) = self.current();
        let ended = session.renew_at.is_some_and(|at| at <= Timestamp::now());
        match &self.origin {
            Some((target, manner)) if ended => {
                let _making = self.making.lock().await;
                self.make(generation, target, None, *manner).await
            }
            _ => Ok((generation, session.client)),
        }
    }

    /// A client after that generation, which the server refused; `None` where there can be none now.
    pub(super) async fn after(&self, generation: u64) -> Result<Option<kube::Client>, Error> {
        let Some((target, manner)) = &self.origin else {
            return Ok(None);
        };
        let mut making = self.making.lock().await;
        let (now, session) = self.current();
        if now != generation {
            return Ok(Some(session.client));
        }
        if making.is_some_and(|last| last.elapsed() < PAUSE) {
            return Ok(None);
        }
        let made = self
            .make(generation, target, session.credential, *manner)
            .await;
        // One that waits for its plugin is no answer yet: the next who asks has to find it.
        if !matches!(&made, Err(error) if error.kind == ErrorKind::Timeout) {
            *making = Some(Instant::now());
        }
        made.map(|(_, client)| Some(client)).map_err(|error| {
            let why = format!("{}; {}", super::errors::NOT_ACCEPTED, error.why);
            Error::new(error.kind, error.what, why)
        })
    }

    /// To be called by the one who holds `making`.
    async fn make(
        &self,
        generation: u64,
        target: &KubeTarget,
        refused: Option<u64>,
        manner: Manner,
    ) -> Result<(u64, kube::Client), Error> {
        let (now, session) = self.current();
        if now != generation {
            return Ok((now, session.client));
        }
        let session = connect::session(target, refused, manner).await?;
        let client = session.client.clone();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (generation + 1, session);
        Ok((generation + 1, client))
    }
}

/// Whether the server does not know who asks.
pub(super) fn refused(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 401,
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => {
            status.as_u16() == 401
        }
        _ => false,
    }
}
