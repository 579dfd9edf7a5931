//! What a person does, as keys, and what becomes of it: the effects that the keys have, and the world afterwards.

use coracle::{
    backend::{ErrorKind, sim::Fault},
    domain::{ClusterName, ClusterState, Role},
    ops::Wish,
    tui::{
        dialogs::Dialog,
        effect::Effect,
        msg::{ClusterId, LogTarget},
        state::{Pane, operations::Ending},
    },
};

use super::{Screen, local, scenes, text};

/// The names of what keys led to.
fn named(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Plan(_, wish) => format!("plan {wish:?}"),
            Effect::Execute(_, _, plan) => format!("execute {}", plan.title),
            other => format!("{other:?}"),
        })
        .collect()
}

fn cluster(screen: &Screen, name: &str) -> Option<(ClusterState, usize, usize)> {
    let cluster = screen.state().clusters.local(name)?;
    let agents = cluster.count(Role::Agent).1;
    Some((cluster.state, cluster.count(Role::Server).1, agents))
}

/// How the latest operation ended.
fn ended_well(screen: &Screen) -> Option<bool> {
    let (_, ending) = screen.state().operations.all.last()?.ended.as_ref()?;
    Some(matches!(ending, Ending::Well(_)))
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_created_with_three_keys_and_is_looked_at_when_it_is_there() {
    let mut screen = scenes::dashboard().await;
    screen.types("n").await;
    assert!(matches!(screen.state().dialogs[..], [Dialog::Form(_)]));
    let effects = screen.types("<enter>").await;
    assert!(matches!(&effects[..], [Effect::Plan(_, Wish::Draft(_))]));
    assert!(matches!(
        screen.state().dialogs.last(),
        Some(Dialog::Preview(..))
    ));
    let effects = screen.types("<enter>").await;
    assert_eq!(named(&effects), ["execute create cluster \"dev-2\""]);
    assert!(matches!(screen.state().dialogs[..], [Dialog::Progress(..)]));
    screen.seconds(60).await;
    assert_eq!(ended_well(&screen), Some(true));
    assert!(
        screen.state().dialogs.is_empty(),
        "what has gone well is out of the way"
    );
    assert_eq!(
        cluster(&screen, "dev-2"),
        Some((ClusterState::Running, 1, 0))
    );
    assert_eq!(screen.state().selected(), Some(&local("dev-2")));
}

#[tokio::test(start_paused = true)]
async fn leaving_a_plan_leads_back_to_its_form_and_leaving_that_changes_nothing() {
    let mut screen = scenes::dashboard().await;
    let before = screen.world.inventory();
    screen.types("n<ctrl-u>mine<enter><esc>").await;
    assert!(matches!(screen.state().dialogs[..], [Dialog::Form(_)]));
    let (columns, rows) = (120, 40);
    assert!(
        text(screen.frame(columns, rows)).contains("mine"),
        "what was typed is still there"
    );
    screen.types("<esc>").await;
    assert!(screen.state().dialogs.is_empty());
    assert_eq!(screen.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_deleted_by_its_name_and_by_nothing_else() {
    let mut screen = scenes::dashboard().await;
    screen.types("<ctrl-d>").await;
    assert!(matches!(
        screen.state().dialogs[..],
        [Dialog::ConfirmDelete(..)]
    ));
    for wrong in ["<enter>", "y<enter>", "<backspace>de<enter>", "vv<enter>"] {
        assert_eq!(screen.types(wrong).await, [], "{wrong}");
    }
    let effects = screen.types("<backspace><enter>").await;
    assert_eq!(named(&effects), ["execute delete cluster \"dev\""]);
    screen.seconds(30).await;
    assert_eq!(ended_well(&screen), Some(true));
    assert_eq!(cluster(&screen, "dev"), None);
    let state = screen.state();
    assert!(
        state
            .selected()
            .is_some_and(|id| state.clusters.list.contains(id))
    );
    assert!(
        !screen
            .world
            .inventory()
            .iter()
            .any(|name| name.contains("k3d-dev-"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_running_cluster_is_stopped_and_a_stopped_one_started_with_the_same_key() {
    let mut screen = scenes::dashboard().await;
    let dev = ClusterName::existing("dev");
    let effects = screen.types("t<enter>").await;
    assert!(
        matches!(&effects[..], [Effect::Plan(1, Wish::Stop(name)), Effect::Execute(1, ..)] if *name == dev)
    );
    screen.seconds(30).await;
    assert_eq!(
        cluster(&screen, "dev").map(|(state, ..)| state),
        Some(ClusterState::Stopped)
    );
    let effects = screen.types("t<enter>").await;
    assert!(
        matches!(&effects[..], [Effect::Plan(2, Wish::Start(name)), Effect::Execute(2, ..)] if *name == dev)
    );
    screen.seconds(30).await;
    assert_eq!(
        cluster(&screen, "dev").map(|(state, ..)| state),
        Some(ClusterState::Running)
    );
}

#[tokio::test(start_paused = true)]
async fn agents_are_counted_up_and_down() {
    let mut screen = scenes::dashboard().await;
    assert_eq!(
        screen.types("s<enter>").await,
        [],
        "as many as there are is no change"
    );
    let effects = screen.types("s+<enter><enter>").await;
    let wish = Wish::Scale {
        cluster: ClusterName::existing("dev"),
        servers: None,
        agents: Some(3),
    };
    assert!(
        matches!(&effects[..], [Effect::Plan(_, planned), Effect::Execute(..)] if *planned == wish)
    );
    screen.seconds(60).await;
    assert_eq!(cluster(&screen, "dev"), Some((ClusterState::Running, 1, 3)));
    // The pods that have to go find another place at once.
    screen.types("s1<enter><enter>").await;
    assert_eq!(
        cluster(&screen, "dev"),
        Some((ClusterState::Running, 1, 3)),
        "containers go for good, to which enter is no answer"
    );
    screen.types("y").await;
    screen.seconds(10).await;
    assert_eq!(ended_well(&screen), Some(true));
    assert_eq!(cluster(&screen, "dev"), Some((ClusterState::Running, 1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_where_it_is_waited_for_and_leaves_nothing() {
    let mut screen = scenes::dashboard().await;
    let before = screen.world.inventory();
    let refused = Fault::Fail(ErrorKind::Failed);
    screen
        .world
        .faults()
        .add("create container k3d-dev-2-server-0", 0, refused);
    screen.types("n<enter><enter>").await;
    screen.seconds(60).await;
    assert_eq!(ended_well(&screen), Some(false));
    assert!(matches!(screen.state().dialogs[..], [Dialog::Progress(..)]));
    assert!(text(screen.frame(120, 40)).contains("everything was taken back"));
    assert_eq!(screen.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_running_operation_is_cancelled_and_undone() {
    let mut screen = scenes::dashboard().await;
    let before = screen.world.inventory();
    screen.types("n<enter><enter>").await;
    let effects = screen.types("<ctrl-c>").await;
    assert_eq!(effects, [Effect::CancelOperation(1)]);
    screen.seconds(60).await;
    assert_eq!(ended_well(&screen), Some(false));
    assert_eq!(screen.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn quitting_asks_while_an_operation_goes_on() {
    let mut screen = scenes::dashboard().await;
    assert_eq!(screen.keys("q"), [Effect::Quit], "nothing goes on");
    screen.types("n<enter><enter><esc>").await;
    assert_eq!(screen.types("q").await, []);
    assert!(matches!(screen.state().dialogs[..], [Dialog::Quit]));
    assert_eq!(screen.types("<esc>").await, []);
    assert!(screen.state().dialogs.is_empty());
    assert_eq!(screen.types("<ctrl-c>").await, [], "neither does ctrl-c");
    assert_eq!(screen.types("q").await, [Effect::Quit]);
}

#[tokio::test(start_paused = true)]
async fn the_question_before_the_end_can_cancel_what_goes_on() {
    let mut screen = scenes::dashboard().await;
    screen.types("n<enter><enter><esc>q").await;
    assert_eq!(screen.types("c").await, [Effect::CancelOperation(1)]);
    screen.seconds(60).await;
    assert_eq!(
        screen.types("<esc><esc>q").await.last(),
        Some(&Effect::Quit)
    );
}

#[tokio::test(start_paused = true)]
async fn a_filter_takes_letters_stays_when_it_is_left_and_goes_with_esc() {
    let mut screen = scenes::dashboard().await;
    let all = screen.state().selected_pods().unwrap().shown();
    assert_eq!(screen.types("/qtns").await, [], "letters are letters");
    assert_eq!(screen.state().selected_pods().unwrap().shown(), 0);
    screen.types("<ctrl-u>WEB<enter>jj").await;
    let pods = screen.state().selected_pods().unwrap();
    assert_eq!((pods.shown(), pods.scroll.index()), (3, 2));
    screen.types("<esc>").await;
    let pods = screen.state().selected_pods().unwrap();
    assert_eq!(pods.shown(), all);
    let selected = pods.scroll.selected.clone().unwrap();
    assert!(
        selected.name.starts_with("web"),
        "the selection stays with its pod"
    );
}

#[tokio::test(start_paused = true)]
async fn enter_goes_in_and_esc_goes_out_and_never_further() {
    let mut screen = scenes::dashboard().await;
    let focus = |screen: &Screen| screen.state().focus;
    screen.types("<enter>").await;
    assert_eq!(focus(&screen), Pane::Pods);
    screen.types("<enter>z").await;
    assert_eq!((focus(&screen), screen.state().zoom), (Pane::Log, true));
    let key = screen
        .state()
        .selected_pods()
        .unwrap()
        .scroll
        .selected
        .clone()
        .unwrap();
    let target = LogTarget::Pod(local("dev"), key);
    assert_eq!(screen.state().log.target, Some(target));
    for (zoom, pane) in [
        (false, Pane::Log),
        (false, Pane::Pods),
        (false, Pane::Clusters),
        (false, Pane::Clusters),
    ] {
        assert_eq!(screen.types("<esc>").await, []);
        assert_eq!((screen.state().zoom, focus(&screen)), (zoom, pane));
    }
}

#[tokio::test(start_paused = true)]
async fn esc_closes_whatever_is_open_and_changes_nothing() {
    for (name, scene) in scenes::SCENES {
        let mut screen = scene().await;
        let before = screen.world.inventory();
        for _ in 0..10 {
            assert_eq!(screen.keys("<esc>"), [], "{name}");
        }
        let state = screen.state();
        assert!(state.dialogs.is_empty(), "{name}");
        assert_eq!((state.focus, state.zoom), (Pane::Clusters, false), "{name}");
        assert!(state.filter.field.text().is_empty(), "{name}");
        assert_eq!(screen.world.inventory(), before, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_palette_finds_actions_and_clusters() {
    let mut screen = scenes::dashboard().await;
    screen.types(":prod<enter>").await;
    assert_eq!(
        screen.state().selected(),
        Some(&ClusterId::Context("prod-eu".to_owned()))
    );
    assert_eq!(screen.state().focus, Pane::Pods);
    screen.types(":new<enter>").await;
    assert!(matches!(screen.state().dialogs[..], [Dialog::Form(_)]));
    screen
        .types("<esc><ctrl-p>nothing is called that<enter>")
        .await;
    assert!(matches!(screen.state().dialogs[..], [Dialog::Palette(_)]));
}

#[tokio::test(start_paused = true)]
async fn help_uses_what_it_shows() {
    let mut screen = scenes::dashboard().await;
    assert_eq!(screen.types("?quit<enter>").await, [Effect::Quit]);
    let mut screen = scenes::dashboard().await;
    screen.types("?").await;
    assert!(matches!(screen.state().dialogs[..], [Dialog::Help(_)]));
    screen.types("<esc>").await;
    assert!(screen.state().dialogs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_says_why_and_does_nothing() {
    for (script, why) in [
        ("Gt", "no cluster of this engine"),
        ("G<ctrl-d>", "no cluster of this engine"),
        // What is pressed at a pod or a line is not meant for the cluster.
        ("<tab><tab><ctrl-d>", "only in the pane of the clusters"),
        (
            "<tab><tab><tab><ctrl-d>",
            "only in the pane of the clusters",
        ),
        ("js", "start it first"),
        ("jr", "it is stopped"),
        ("u", "no operation on it was interrupted"),
    ] {
        let mut screen = scenes::dashboard().await;
        assert_eq!(screen.types(script).await, [], "{script}");
        let told = &screen.state().toasts.current().unwrap().text;
        assert!(told.contains(why), "{script}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_interrupted_is_finished_with_one_key() {
    let mut screen = Box::pin(scenes::unfinished()).await;
    assert_eq!(screen.state().selected(), Some(&local("dev-2")));
    let effects = screen.types("u<enter>").await;
    assert!(matches!(
        &effects[..],
        [Effect::Plan(_, Wish::Finish(_)), Effect::Execute(..)]
    ));
    screen.seconds(60).await;
    assert_eq!(ended_well(&screen), Some(true));
    let state = screen.state();
    assert!(state.clusters.local("dev-2").unwrap().unfinished.is_none());
    assert_eq!(
        cluster(&screen, "dev-2"),
        Some((ClusterState::Running, 1, 2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_an_engine_offers_a_simulated_world() {
    let mut screen = Screen::without_engine(&[]);
    screen.seconds(1).await;
    assert_eq!(screen.keys("s"), [Effect::Simulate]);
    assert_eq!(
        screen.keys("r"),
        [Effect::RetryEngine, Effect::RetryContexts]
    );
    assert_eq!(screen.keys("q"), [Effect::Quit]);
}
