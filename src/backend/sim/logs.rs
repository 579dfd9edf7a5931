//! Logs of pods in the simulation, run by run, as a kubelet gives them.

use futures::{StreamExt, stream, stream::BoxStream};
use tokio::time::Instant;

use super::{kube::Api, not_found, pods::Workload};
use crate::{
    backend::{Error, ErrorKind},
    domain::{LogLine, ObjectKey, container::LogRequest},
};

pub(super) fn stream(
    api: Api,
    pod: &ObjectKey,
    container: &str,
    request: &LogRequest,
) -> BoxStream<'static, Result<LogLine, Error>> {
    let refuse = |error: Error| stream::iter([Err(error)]).boxed();
    let state = api.world.lock();
    let begun = match state.api(&api.cluster, Instant::now()) {
        Ok(begun) => begun,
        Err(error) => return refuse(error),
    };
    let Some(cluster) = state.clusters.get(&api.cluster) else {
        return refuse(not_found("read the log", &pod.to_string()));
    };
    if let Some(made) = cluster.made.get(pod).cloned() {
        drop(state);
        return made.log(api, pod, container, request);
    }
    if let Some(staged) = cluster.staged.get(pod) {
        return staged.log(&api.world, pod, container, request);
    }
    let mut workloads = cluster.workloads.iter();
    let owner = workloads.find(|workload| workload.owns(&pod.namespace, &pod.name));
    let Some(workload) = owner.cloned() else {
        return refuse(not_found("read the log", &pod.to_string()));
    };
    drop(state);
    let Some((from, until)) = workload.run(&pod.name, request.previous, begun) else {
        let why = if request.previous {
            "previous terminated container not found"
        } else {
            "the container is waiting to start"
        };
        return refuse(Error::new(ErrorKind::Invalid, format!("log of {pod}"), why));
    };
    let now = Instant::now();
    // What is written from now on comes only where the log is followed.
    let end = until.unwrap_or(now).min(now);
    let last = workload.first_after(end, begun);
    let mut first = workload.first_after(from, begun).min(last);
    let ago = |ago| api.world.0.clock.at(now).checked_sub(ago).ok();
    if let Some(since) = request.since.or_else(|| request.ago.and_then(ago)) {
        let wanted = |n: &u64| api.world.0.clock.at(workload.moment(*n, begun)) >= since;
        first = (first..last).find(wanted).unwrap_or(last);
    }
    if let Some(tail) = request.tail {
        first = first.max(last.saturating_sub(u64::from(tail)));
    }
    let follow = request.follow && until.is_none_or(|until| until > now);
    let pod = pod.clone();
    stream::unfold(first, move |n| {
        let (workload, api, pod) = (workload.clone(), api.clone(), pod.clone());
        async move {
            if n >= last && !follow {
                return None;
            }
            let at = workload.moment(n, begun);
            tokio::time::sleep_until(until.map_or(at, |until| until.min(at))).await;
            // A followed log ends with its run and with its pod.
            let over = until.is_some_and(|until| at >= until);
            if over || (n >= last && !is_there(&api, &workload, &pod, begun)) {
                return None;
            }
            let at = api.world.0.clock.at(at);
            let line = LogLine::whole(Some(at), workload.line(n).as_bytes(), 0);
            Some((Ok(line), n + 1))
        }
    })
    .boxed()
}

/// Whether the pod is still there: another one has another name.
fn is_there(api: &Api, workload: &Workload, pod: &ObjectKey, begun: Instant) -> bool {
    let state = api.world.lock();
    let answers = state.api(&api.cluster, Instant::now()).is_ok();
    let cluster = state.clusters.get(&api.cluster);
    let current = cluster.and_then(|cluster| {
        let mut workloads = cluster.workloads.iter();
        workloads.find(|one| one.owns(&pod.namespace, &pod.name))
    });
    let current = current.unwrap_or(workload);
    answers && current.run(&pod.name, false, begun).is_some()
}
