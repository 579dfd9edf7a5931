//! Something goes wrong at every single call of every operation, in every way.

use coracle::{
    domain::{PortMapping, ProblemKind},
    ops::{Failure, Report, Wish, prepare},
};

use super::{
    fake::{Fault, Things, difference},
    place::{Place, create, demo},
};

const FAULTS: [Fault; 5] = [
    Fault::Refused,
    Fault::AnswerLost,
    Fault::Hangs,
    Fault::HappensAndHangs,
    Fault::Cancelled,
];

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

/// After a failure everything is there that was there, and does what it did, though it may have been started again.
async fn everything_is_back(
    place: Place,
    before: (Things, serde_json::Value),
    at: String,
    ended: Result<Report, Failure>,
) {
    if let Err(failure) = ended {
        assert!(
            failure.undone && failure.left.is_empty(),
            "{at}: {failure:?}"
        );
        assert_eq!(place.snapshot().0.names(), before.0.names(), "{at}");
    } else {
        // What could not be discarded is not worth to take all back for it.
        let names = place.snapshot().0.names();
        let left = names.iter().filter(|name| name.contains("-prior"));
        let struck_there = at.ends_with("-prior");
        assert!(struck_there || left.count() == 0, "{at}: {names:?}");
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
async fn a_failed_change_of_ports_leaves_the_old_load_balancer_at_work() {
    let ports = Wish::Ports {
        cluster: demo(),
        add: PortMapping::parse("8080:80").unwrap(),
        delete: Vec::new(),
    };
    at_every_call(&ports, Some(create(1, 1)), &FAULTS, everything_is_back).await;
}

#[tokio::test(start_paused = true)]
async fn a_lone_server_that_does_not_become_three_is_what_it_was() {
    let grow = Wish::Scale {
        cluster: demo(),
        servers: Some(3),
        agents: None,
    };
    let faults = [Fault::Refused, Fault::AnswerLost, Fault::HappensAndHangs];
    at_every_call(&grow, Some(create(1, 0)), &faults, everything_is_back).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_ports_that_was_killed_is_done_by_the_next_one() {
    let ports = Wish::Ports {
        cluster: demo(),
        add: PortMapping::parse("8080:80").unwrap(),
        delete: Vec::new(),
    };
    let wished = ports.clone();
    let faults = [Fault::KilledBefore, Fault::KilledAfter];
    at_every_call(&ports, Some(create(1, 1)), &faults, |place, _, at, _| {
        let ports = wished.clone();
        async move {
            let place = place.next_session();
            place
                .run(ports, None)
                .await
                .unwrap_or_else(|failure| panic!("{at}: {failure:?}"));
            let names = place.snapshot().0.names();
            let balancers: Vec<&String> = names
                .iter()
                .filter(|name| name.contains("serverlb"))
                .collect();
            assert_eq!(balancers, ["k3d-demo-serverlb:running"], "{at}");
        }
    })
    .await;
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
