//! What is waited for, and what is not because it cannot come.

use std::time::Duration;

use coracle::{
    domain::{
        LogLine,
        node_filter::ForNodes,
        spec::{RunOptions, WaitFor},
    },
    ops::{Wish, carry_out, prepare},
    plan::{Kubeconfig, Step},
};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::place::{Place, create, demo, spec};

const SERVER: &str = "k3d-demo-server-0";
const UP: &str = "msg=\"k3s is up and running\"";

/// A line of so many seconds after the epoch. The fake starts a container at 100 for the first time, has that run end
/// at 150 when it is started again, and starts the next at 200.
fn line(second: i64, text: &str) -> LogLine {
    let time = Timestamp::from_second(second).unwrap();
    LogLine::plain(Some(time), text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_older_than_the_start_that_the_engine_notes_counts() {
    let place = Place::new();
    place.fake.log(SERVER, vec![vec![Ok(line(99, UP))]]);
    let begun = tokio::time::Instant::now();
    place.run(create(1, 0), None).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_line_of_the_previous_run_does_not_count() {
    for (second, comes) in [(149, false), (199, true)] {
        let place = Place::new();
        place.run(create(1, 0), None).await.unwrap();
        let stop = Wish::Stop(demo());
        place.run(stop, None).await.unwrap();
        place.fake.log(SERVER, vec![vec![Ok(line(second, UP))]]);
        let mut request = place.request(Wish::Start(demo()));
        request.options = RunOptions {
            timeout: Duration::from_secs(30),
            ..RunOptions::default()
        };
        let backends = place.backends();
        let plan = prepare(&backends, &request).await.unwrap();
        let (events, _taken) = mpsc::channel(256);
        let ended = carry_out(&backends, &request, plan, events, &place.fake.cancel).await;
        assert_eq!(ended.is_ok(), comes, "second {second}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_arguments_switch_off_is_not_waited_for() {
    let made = async |arguments: &[&str], wait: WaitFor| {
        let place = Place::new();
        let mut spec = spec(1, 1);
        for argument in arguments {
            spec.k3s_args.push(ForNodes::every((*argument).to_owned()));
        }
        let mut request = place.request(Wish::Create {
            spec: Box::new(spec),
            kubeconfig: Kubeconfig::MergeAndSwitch,
        });
        request.options.wait = wait;
        let plan = prepare(&place.backends(), &request).await.unwrap();
        let steps: Vec<Step> = plan.steps.into_iter().map(|one| one.step).collect();
        (steps, plan.warnings.join("\n"))
    };
    let (steps, warnings) = made(&["--disable=coredns"], WaitFor::Usable).await;
    let pods = |step: &Step| matches!(step, Step::SetPodHosts { .. });
    assert!(!steps.iter().any(pods) && warnings.contains("CoreDNS is disabled"));

    let (steps, warnings) = made(&["--flannel-backend=none"], WaitFor::All).await;
    let joined = |step: &Step| matches!(step, Step::WaitForNodes { ready: false, .. });
    let system = |step: &Step| matches!(step, Step::WaitForSystemPods { .. });
    assert!(steps.iter().any(joined) && !steps.iter().any(system));
    assert!(
        steps.iter().any(pods) && warnings.contains("CNI"),
        "{warnings}"
    );

    let (steps, _) = made(&["--disable-agent"], WaitFor::All).await;
    let agents = |step: &Step| matches!(step, Step::WaitForNodes { nodes, ready: true, .. } if nodes == &["k3d-demo-agent-0"]);
    assert!(steps.iter().any(agents) && steps.iter().any(system));
}
