//! When nothing more can come of Jobs: they are over, and so are their pods.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use serde_json::Value;

use super::{
    Pauses,
    query::{Query, Target},
};
use crate::{
    backend::{ErrorKind, KubeApi},
    domain::{ObjectKey, WorkloadKind},
    resources::unlisted,
};

/// The Jobs that are followed, if nothing else is: another object makes new pods for ever.
pub(super) struct Jobs {
    keys: Option<Vec<ObjectKey>>,
    /// The question whether they are over.
    asked: Option<BoxFuture<'static, ()>>,
    /// Whether they are.
    pub(super) over: bool,
}

impl Jobs {
    pub(super) fn of(query: &Query) -> Self {
        let jobs = query.targets.iter().map(|target| match target {
            Target::Of(of) if of.kind == WorkloadKind::Job => Some(of.key.clone()),
            _ => None,
        });
        Self {
            keys: jobs.collect::<Option<_>>().filter(|_| query.follow),
            asked: None,
            over: false,
        }
    }

    /// Asks whether they are over, as long as nothing of theirs is read.
    pub(super) fn ask(&mut self, api: &Arc<dyn KubeApi>, idle: bool) {
        self.over &= idle;
        match &self.keys {
            Some(keys) if idle && !self.over => {
                let ask = || over(api.clone(), keys.clone()).boxed();
                self.asked.get_or_insert_with(ask);
            }
            _ => self.asked = None,
        }
    }

    /// Waits for the answer, if it was asked for.
    pub(super) async fn answer(&mut self) {
        match self.asked.as_mut() {
            Some(asked) => asked.await,
            None => std::future::pending().await,
        }
        self.asked = None;
        self.over = true;
    }
}

/// Waits until all of the Jobs are over. None of their pods is left to be read, so that this is asked seldom: a Job says
/// that it is over within a second of its last pod, or has its next one made after a pause.
async fn over(api: Arc<dyn KubeApi>, jobs: Vec<ObjectKey>) {
    let mut pauses = Pauses::new();
    for job in jobs {
        loop {
            match api.get(&unlisted::JOBS, &job).await {
                Ok(job) if is_over(&job) => break,
                Err(error) if error.kind == ErrorKind::NotFound => break,
                // Where the API does not answer, the watch of pods says so.
                Ok(_) | Err(_) => pauses.pause().await,
            }
        }
    }
}

/// Whether a Job has a condition that is its last.
fn is_over(job: &Value) -> bool {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition["status"] == "True"
            && (condition["type"] == "Complete" || condition["type"] == "Failed")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_over_when_it_is_complete_or_has_failed() {
        let job = |kind: &str, status: &str| {
            json!({ "status": { "conditions": [
                { "type": "Suspended", "status": "False" },
                { "type": kind, "status": status },
            ]}})
        };
        assert!(is_over(&job("Complete", "True")) && is_over(&job("Failed", "True")));
        // That it will fail is said while its pods still run.
        assert!(!is_over(&job("FailureTarget", "True")) && !is_over(&job("Complete", "False")));
        assert!(!is_over(&json!({ "status": { "active": 1 } })));
    }
}
