//! Something goes wrong at every single call of every operation, in every way.

use std::{fs, path::PathBuf, time::Duration};

use coracle::{
    backend::Backends,
    domain::{
        ClusterName, ClusterSpec, ProblemKind,
        container::ContainerState,
        spec::{ApiEndpoint, RunOptions},
    },
    ops::{
        Cancel, Failure, Report, Request, Wish, carry_out, kubeconfig_file::KubeconfigFiles,
        prepare,
    },
    plan::{Event, Kubeconfig},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::fake::{Fake, Fault, Things, difference};

const FAULTS: [Fault; 5] = [
    Fault::Refused,
    Fault::AnswerLost,
    Fault::Hangs,
    Fault::HappensAndHangs,
    Fault::Cancelled,
];

pub fn demo() -> ClusterName {
    ClusterName::existing("demo")
}

pub fn spec(servers: u16, agents: u16) -> ClusterSpec {
    ClusterSpec {
        name: demo(),
        servers,
        agents,
        image: "rancher/k3s:v1.34.2-k3s1".into(),
        proxy_image: "ghcr.io/k3d-io/k3d-proxy:5.9.0".into(),
        load_balancer: true,
        api: ApiEndpoint::default(),
        token: None,
        subnet: None,
        ports: Vec::new(),
        server_args: Vec::new(),
        agent_args: Vec::new(),
        env: Vec::new(),
    }
}

pub fn create(servers: u16, agents: u16) -> Wish {
    Wish::Create {
        spec: Box::new(spec(servers, agents)),
        kubeconfig: Kubeconfig::MergeAndSwitch,
    }
}

/// A world with a kubeconfig of its own.
pub struct Place {
    pub fake: Fake,
    directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self {
            fake: Fake::default(),
            directory: tempfile::tempdir().unwrap(),
        };
        fs::write(place.kubeconfig(), "x-mine: 1\ncurrent-context: work\n").unwrap();
        place
    }

    /// The same world, for somebody who has not cancelled anything.
    fn next_session(mut self) -> Self {
        self.fake.cancel = Cancel::new();
        self
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    pub fn backends(&self) -> Backends {
        self.fake.backends()
    }

    pub fn request(&self, wish: Wish) -> Request {
        let mut request = Request::new(&self.backends(), wish);
        request.files = KubeconfigFiles::new(vec![self.kubeconfig()]);
        request
    }

    /// Plans and carries out, with a fault at the n-th call of the carrying out.
    pub async fn run(&self, wish: Wish, fault: Option<(usize, Fault)>) -> Result<Report, Failure> {
        let request = self.request(wish);
        let backends = self.backends();
        let plan = prepare(&backends, &request).await.unwrap();
        if let Some((call, fault)) = fault {
            self.fake.strike(call, fault);
        }
        let (events, taken) = mpsc::channel::<Event>(64);
        drop(taken);
        carry_out(&backends, &request, plan, events, &self.fake.cancel).await
    }

    pub fn snapshot(&self) -> (Things, serde_json::Value) {
        let text = fs::read_to_string(self.kubeconfig()).unwrap();
        let mut document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        // Empty lists are as good as none.
        if let Some(map) = document.as_object_mut() {
            map.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
        }
        (self.fake.things(), document)
    }
}

/// Carries a wish out again and again, each time in a new world with a fault one call further on, until no call is left
/// to go wrong.
async fn at_every_call<F, Fut>(wish: &Wish, before: Option<Wish>, faults: &[Fault], check: F)
where
    F: Fn(Place, (Things, serde_json::Value), String, Result<Report, Failure>) -> Fut,
    Fut: Future<Output = ()>,
{
    for fault in faults {
        for call in 0.. {
            let place = Place::new();
            if let Some(before) = &before {
                place.run(before.clone(), None).await.unwrap();
            }
            let snapshot = place.snapshot();
            let ended = place.run(wish.clone(), Some((call, *fault))).await;
            let Some(struck) = place.fake.struck() else {
                assert!(call > 3, "the fault was never reached");
                break;
            };
            let at = format!("{fault:?} at call {call}: {struck}");
            check(place, snapshot, at, ended).await;
        }
    }
}

/// After a failure the world is what it was; a fault that did no harm leaves the wish fulfilled.
async fn nothing_is_left(
    place: Place,
    before: (Things, serde_json::Value),
    at: String,
    ended: Result<Report, Failure>,
) {
    match ended {
        Ok(_) => assert_ne!(place.snapshot().0, before.0, "{at}"),
        Err(failure) => {
            assert!(
                failure.undone && failure.left.is_empty(),
                "{at}: {failure:?}"
            );
            let after = place.snapshot();
            assert_eq!(
                after.0,
                before.0,
                "{at}: {}",
                difference(&before.0, &after.0)
            );
            assert_eq!(after.1, before.1, "{at}: the kubeconfig");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_leaves_nothing() {
    at_every_call(&create(1, 1), None, &FAULTS, nothing_is_left).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_of_three_servers_leaves_nothing() {
    let faults = [Fault::AnswerLost, Fault::HappensAndHangs];
    at_every_call(&create(3, 0), None, &faults, nothing_is_left).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_scaling_up_leaves_the_cluster_as_it_was() {
    let scale = Wish::Scale {
        cluster: demo(),
        servers: None,
        agents: Some(3),
    };
    at_every_call(&scale, Some(create(1, 1)), &FAULTS, nothing_is_left).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_delete_says_what_is_left_and_the_next_one_removes_it() {
    at_every_call(
        &Wish::Delete(demo()),
        Some(create(1, 1)),
        &FAULTS,
        |place, _, at, ended| async move {
            let empty = Place::new().snapshot();
            if let Err(failure) = ended {
                let names = place.snapshot().0.names();
                let left = |kind: &str| {
                    let prefix = format!("{kind} ");
                    let all = failure.left.iter();
                    all.filter_map(|left| left.strip_prefix(&prefix).map(str::to_owned))
                        .collect::<Vec<_>>()
                };
                for container in names.iter().filter_map(|name| name.split_once(':')) {
                    assert!(
                        left("container").contains(&container.0.to_owned()),
                        "{at}: {failure:?}"
                    );
                }
                let place = place.next_session();
                let request = place.request(Wish::Delete(demo()));
                if prepare(&place.backends(), &request).await.is_ok() {
                    place.run(Wish::Delete(demo()), None).await.unwrap();
                }
                assert_eq!(place.snapshot().0, empty.0, "{at}");
            } else {
                assert_eq!(place.snapshot().0, empty.0, "{at}");
            }
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_or_stop_can_be_done_again() {
    for (wish, again) in [
        (Wish::Stop(demo()), Wish::Start(demo())),
        (Wish::Restart(demo()), Wish::Start(demo())),
    ] {
        at_every_call(&wish, Some(create(1, 1)), &FAULTS, |place, _, at, _| {
            let again = again.clone();
            async move {
                let place = place.next_session();
                place
                    .run(again, None)
                    .await
                    .unwrap_or_else(|e| panic!("{at}: {e}"));
                let names = place.snapshot().0.names();
                let up = names.iter().filter(|name| name.ends_with(":running"));
                assert_eq!(up.count(), 3, "{at}: {names:?}");
            }
        })
        .await;
    }
}

/// The program is killed: the future is dropped at that call.
async fn killed(place: &Place, wish: Wish, call: usize, fault: Fault) -> Option<String> {
    let killed = place.fake.killed.clone();
    tokio::select! {
        ended = place.run(wish, Some((call, fault))) => {
            ended.unwrap();
            None
        }
        () = killed.notified() => place.fake.struck(),
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_the_rest_can_be_removed() {
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        for call in 0.. {
            let place = Place::new();
            let before = place.snapshot();
            let Some(at) = killed(&place, create(1, 1), call, fault).await else {
                break;
            };
            let request = place.request(Wish::Remove(demo()));
            match prepare(&place.backends(), &request).await {
                Ok(_) => drop(place.run(Wish::Remove(demo()), None).await.unwrap()),
                Err(problem) => assert_eq!(problem.kind, ProblemKind::NotFound),
            }
            let after = place.snapshot();
            let what = difference(&before.0, &after.0);
            assert_eq!(after.0, before.0, "{fault:?} at call {call}, {at}: {what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_the_work_can_be_finished() {
    let whole = Place::new();
    whole.run(create(1, 1), None).await.unwrap();
    let whole = whole.snapshot().0.names();
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        for call in 0.. {
            let place = Place::new();
            let Some(at) = killed(&place, create(1, 1), call, fault).await else {
                break;
            };
            let begun = place.snapshot().0.names();
            let unfinished = begun.iter().any(|name| name.ends_with("unfinished"));
            if unfinished {
                let ended = place.run(Wish::Finish(demo()), None).await;
                assert!(ended.is_ok(), "{fault:?} at call {call}, {at}: {ended:?}");
                let names = place.snapshot().0.names();
                assert_eq!(names, whole, "{fault:?} at call {call}, {at}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_undone_is_named_and_its_mark_stays() {
    let place = Place::new();
    let container = "k3d-demo-agent-0";
    place.fake.say(container, &["level=fatal msg=\"no way\""]);
    place
        .fake
        .refuse_always(&format!("remove container {container}"));
    let failure = place.run(create(1, 1), None).await.unwrap_err();
    assert!(!failure.undone);
    let left = &failure.left;
    assert!(left.contains(&format!("container {container}")), "{left:?}");
    assert!(left.contains(&"network k3d-demo".to_owned()), "{left:?}");
    let names = place.snapshot().0.names();
    assert!(
        names.iter().any(|name| name.ends_with("unfinished")),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.contains("server-0:")),
        "{names:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_come_up_is_noticed_with_the_end_of_its_log() {
    let place = Place::new();
    let line = "level=fatal msg=\"failed to find interface with specified node ip\"";
    place.fake.say("k3d-demo-agent-0", &["first", line]);
    let begun = tokio::time::Instant::now();
    let failure = place.run(create(1, 1), None).await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(failure.problem.what.contains("k3d-demo-agent-0"));
    assert!(failure.problem.why.contains("first") && failure.problem.why.contains(line));
    assert!(failure.problem.hint.contains("address changed"));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_says_nothing_runs_into_the_timeout_which_says_what_was_waited_for() {
    let place = Place::new();
    place.fake.say("k3d-demo-agent-0", &["still at it"]);
    let mut request = place.request(create(1, 1));
    request.options = RunOptions {
        timeout: Duration::from_secs(30),
        ..RunOptions::default()
    };
    let backends = place.backends();
    let before = place.snapshot();
    let plan = prepare(&backends, &request).await.unwrap();
    let (events, _taken) = mpsc::channel(1);
    let ended = carry_out(&backends, &request, plan, events, &place.fake.cancel).await;
    let failure = ended.unwrap_err();
    assert!(failure.problem.why.contains("30 s"), "{failure:?}");
    assert!(
        failure.problem.why.contains("wait until Ready"),
        "{failure:?}"
    );
    assert!(failure.problem.why.contains("still at it"), "{failure:?}");
    assert_eq!(place.snapshot().0, before.0);
}

#[tokio::test(start_paused = true)]
async fn without_roll_back_everything_stays_and_is_named() {
    let place = Place::new();
    place
        .fake
        .say("k3d-demo-agent-0", &["level=fatal msg=\"no way\""]);
    let mut request = place.request(create(1, 1));
    request.options.rollback = false;
    let backends = place.backends();
    let plan = prepare(&backends, &request).await.unwrap();
    let (events, _taken) = mpsc::channel(256);
    let ended = carry_out(&backends, &request, plan, events, &place.fake.cancel).await;
    let failure = ended.unwrap_err();
    assert!(!failure.undone);
    for thing in ["container k3d-demo-server-0", "network k3d-demo"] {
        assert!(
            failure.left.contains(&thing.to_owned()),
            "{:?}",
            failure.left
        );
    }
    let names = place.snapshot().0.names();
    assert!(names.contains(&"k3d-demo-server-0:running".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn asking_twice_gives_up_the_undoing_and_names_the_rest() {
    let place = Place::new();
    place.fake.say("k3d-demo-agent-0", &["still at it"]);
    let request = place.request(create(1, 1));
    let backends = place.backends();
    let plan = prepare(&backends, &request).await.unwrap();
    let (events, mut taken) = mpsc::channel(256);
    let cancel = place.fake.cancel.clone();
    let work = carry_out(&backends, &request, plan, events, &cancel);
    let person = async {
        while let Some(event) = taken.recv().await {
            match event {
                Event::Progress(_, progress) if progress.message.contains("still at it") => {
                    cancel.cancel();
                }
                Event::Undone(_) => {
                    cancel.cancel();
                    break;
                }
                _ => {}
            }
        }
    };
    let (ended, ()) = tokio::join!(work, person);
    let failure = ended.unwrap_err();
    assert_eq!(failure.problem.kind, ProblemKind::Refused, "{failure:?}");
    assert!(!failure.undone && !failure.left.is_empty(), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn taken_addresses_are_chosen_anew() {
    let place = Place::new();
    let request = place.request(create(1, 0));
    let backends = place.backends();
    let plan = prepare(&backends, &request).await.unwrap();
    // Meanwhile somebody takes exactly these.
    let subnet = plan
        .steps
        .iter()
        .find_map(|planned| match &planned.step {
            coracle::plan::Step::CreateNetwork(network) => Some(network.clone()),
            _ => None,
        })
        .unwrap();
    let theirs = coracle::domain::container::NetworkSpec {
        name: "theirs".into(),
        ..subnet.clone()
    };
    backends.runtime.create_network(&theirs).await.unwrap();
    let (events, _taken) = mpsc::channel(256);
    let report = carry_out(
        &backends,
        &request,
        plan.clone(),
        events,
        &place.fake.cancel,
    )
    .await
    .unwrap();
    assert_ne!(report.plan, plan);
    assert_eq!(backends.runtime.networks().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn scaling_down_empties_the_node_and_forgets_it() {
    let place = Place::new();
    place.run(create(1, 2), None).await.unwrap();
    place.fake.pods(vec![
        json!({ "metadata": { "name": "web", "namespace": "default", "uid": "1" } }),
        json!({ "metadata": { "name": "agent", "namespace": "default", "uid": "2", "ownerReferences": [{ "kind": "DaemonSet" }] } }),
    ]);
    let node = "nodes//k3d-demo-agent-1";
    assert!(place.fake.object(node).is_some());
    let scale = Wish::Scale {
        cluster: demo(),
        servers: None,
        agents: Some(1),
    };
    place.run(scale, None).await.unwrap();
    assert!(place.fake.object(node).is_none());
    assert!(
        place
            .fake
            .object("secrets/kube-system/k3d-demo-agent-1.node-password.k3s")
            .is_none()
    );
    let names = place.snapshot().0.names();
    assert!(
        !names.iter().any(|name| name.contains("agent-1")),
        "{names:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_creates_of_one_name_do_not_take_each_others_things() {
    let place = Place::new();
    let backends = place.backends();
    let (one, other) = (place.request(create(1, 0)), place.request(create(1, 0)));
    let plans = [
        prepare(&backends, &one).await.unwrap(),
        prepare(&backends, &other).await.unwrap(),
    ];
    let [first, second] = plans;
    let (events, _taken) = mpsc::channel(256);
    let cancel = &place.fake.cancel;
    let (a, b) = tokio::join!(
        carry_out(&backends, &one, first, events.clone(), cancel),
        carry_out(&backends, &other, second, events, cancel),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let names = place.snapshot().0.names();
    let running = names.iter().filter(|name| name.ends_with(":running"));
    assert_eq!(running.count(), 2, "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_noticed_while_its_api_is_waited_for() {
    let place = Place::new();
    place.run(create(1, 0), None).await.unwrap();
    place
        .fake
        .set_state("k3d-demo-serverlb", ContainerState::Exited);
    place
        .fake
        .say("k3d-demo-server-0", &["level=fatal msg=\"no disk\""]);
    place
        .fake
        .set_state("k3d-demo-server-0", ContainerState::Exited);
    let failure = place.run(Wish::Start(demo()), None).await.unwrap_err();
    assert!(failure.problem.why.contains("no disk"), "{failure:?}");
}
