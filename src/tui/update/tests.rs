//! What keys and news do, without a terminal, a runtime or a clock.

mod forwards;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};

use super::*;

mod guards;

use crate::{
    backend::{Change, Unseen, WatchItem},
    config::Config,
    distro,
    domain::{
        Cluster, ClusterName, Health, ObjectKey, Problem, cluster::Unfinished,
        container::ContainerState, kube::ContextInfo,
    },
    ops::{Wish, observe::World},
    plan::{Plan, fixtures},
    resources::{Cell, Row},
    tui::{dialogs::Dialog, keymap::Keymap, msg::News, state::operations::Ending, theme::Theme},
};

fn now() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

fn state() -> State {
    let config = Config::default();
    let theme = Theme::new(&config.theme, true, true);
    let (keymap, problems) = Keymap::new(&config.keymap);
    assert!(problems.is_empty(), "{problems:?}");
    State::new(config, theme, keymap, false, now())
}

fn news(state: &mut State, key: TaskKey, news: News) -> Vec<Effect> {
    update(state, Msg::News(key, Box::new(news)), now())
}

fn context(name: &str) -> ContextInfo {
    ContextInfo {
        name: name.to_owned(),
        server: "https://127.0.0.1:6443".to_owned(),
        namespace: String::new(),
        current: false,
    }
}

/// A state with the context `far` selected.
fn far() -> (State, ClusterId) {
    let mut state = state();
    let contexts = News::Contexts(vec![context("far"), context("other")], Vec::new());
    news(&mut state, TaskKey::Contexts, contexts);
    state.clusters.keep_selection();
    (state, ClusterId::Context("far".to_owned()))
}

fn node(name: &str) -> Row {
    Row {
        key: ObjectKey::new("", name),
        uid: None,
        health: Health::Good,
        cells: [Cell::Text(name.into()), Cell::Text("Ready".into())].into(),
    }
}

fn pod(name: &str) -> Row {
    Row {
        key: ObjectKey::new("shop", name),
        ..node(name)
    }
}

/// Types a script: characters, and names of keys in angle brackets.
fn typed(state: &mut State, script: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let key = if let Some((name, after)) = named {
            rest = after;
            name.to_owned()
        } else {
            rest = &rest[c.len_utf8()..];
            c.to_string()
        };
        let chord: KeyChord = key.parse().unwrap();
        effects.extend(update(state, Msg::Key(chord), now()));
    }
    effects
}

fn shown(state: &State, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal
        .draw(|frame| {
            super::super::view::view(state, frame);
        })
        .unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_batch_of_changes_is_taken_in_to_its_end_although_a_node_is_gone_in_it() {
    let (mut state, id) = far();
    let key = TaskKey::Nodes(id.clone());
    let page = WatchItem::Page {
        rows: vec![node("a"), node("b")],
        first: true,
    };
    news(&mut state, key.clone(), News::Rows(page));
    let changes = vec![
        Change::Gone(ObjectKey::new("", "a")),
        Change::Set(node("c")),
    ];
    news(&mut state, key, News::Rows(WatchItem::Changes(changes)));
    let mut names: Vec<&String> = state.clusters.statuses[&id].keys().collect();
    names.sort();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn an_operation_whose_task_broke_does_not_go_on_for_ever() {
    let mut state = state();
    let name: ClusterName = ClusterName::existing("demo");
    let plan = Plan::new("stop cluster \"demo\"", name.clone());
    state.operations.begin(1, Wish::Stop(name), plan, now());
    let problem = Problem::failed("a part of the program broke", "boom");
    news(&mut state, TaskKey::Operation(1), News::Broke(problem));
    assert_eq!(state.operations.running().count(), 0);
    assert!(matches!(
        &state.operations.all[0].ended,
        Some((_, Ending::Badly(failure))) if !failure.undone
    ));
    assert!(shown(&state, 80, 24).contains("a part of the program broke"));
}

#[test]
fn a_plan_whose_task_broke_is_told_where_it_was_waited_for() {
    let mut state = state();
    let wish = Wish::Stop(ClusterName::existing("demo"));
    state.dialogs.push(Dialog::Planning(7, wish));
    let problem = Problem::failed("a part of the program broke", "boom");
    news(&mut state, TaskKey::Plan(7), News::Broke(problem));
    assert!(matches!(&state.dialogs[..], [Dialog::Problem(_)]));
}

#[test]
fn keys_move_between_panes_and_the_filter_takes_letters_that_are_keys_elsewhere() {
    let (mut state, id) = far();
    let rows = vec![pod("quay"), pod("web")];
    let page = WatchItem::Page { rows, first: true };
    news(&mut state, TaskKey::Pods(id.clone()), News::Rows(page));
    assert!(typed(&mut state, "<enter>").is_empty());
    assert_eq!(state.focus, Pane::Pods);
    assert!(typed(&mut state, "/q").is_empty(), "q ends nothing here");
    assert_eq!(state.pods[&id].shown(), 1);
    typed(&mut state, "<enter>");
    assert!(!state.filter.editing);
    typed(&mut state, "<esc>");
    assert_eq!(state.pods[&id].shown(), 2);
    assert_eq!(typed(&mut state, "q"), [Effect::Quit]);
}

#[test]
fn what_is_looked_at_is_followed_and_what_is_left_is_not() {
    let (mut state, id) = far();
    assert!(wants(&state).contains(&TaskKey::Pods(id.clone())));
    typed(&mut state, "j");
    let wanted = wants(&state);
    assert!(!wanted.contains(&TaskKey::Pods(id)));
    assert!(wanted.contains(&TaskKey::Pods(ClusterId::Context("other".to_owned()))));
}

#[test]
fn an_api_that_does_not_answer_is_told_in_words_with_the_moment_of_the_next_try() {
    let (mut state, id) = far();
    let problem = Problem::unreachable("connect to far", "the server refuses connections");
    let retry = Duration::from_secs(4);
    news(&mut state, TaskKey::Api(id), News::ApiDown(problem, retry));
    for (columns, rows) in [(200, 50), (120, 40), (80, 24)] {
        let frame = shown(&state, columns, rows);
        assert!(frame.contains("refuses"), "{frame}");
    }
    assert!(shown(&state, 200, 50).contains("again in 4 s"));
    assert_eq!(
        next_wake(&mut state, now()),
        Some(now() + SignedDuration::from_secs(1))
    );
}

#[test]
fn what_is_shown_of_a_cluster_whose_servers_are_frozen_is_stale() {
    let mut state = state();
    let mut cluster = distro::clusters(&fixtures::demo(1, 1), &[]).remove(0);
    let id = ClusterId::of(&cluster);
    let backends = crate::backend::sim::World::named("empty")
        .unwrap()
        .backends();
    let engine = |cluster: &Cluster| {
        let world = World {
            clusters: vec![cluster.clone()],
            containers: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            engine: fixtures::engine(),
        };
        News::World(Box::new(world), backends.clone())
    };
    news(&mut state, TaskKey::Engine, engine(&cluster));
    news(
        &mut state,
        TaskKey::Pods(id.clone()),
        News::Rows(WatchItem::Live),
    );
    assert!(wants(&state).contains(&TaskKey::Api(id.clone())));
    assert!(shown(&state, 120, 40).contains("demo ● live"));
    for node in &mut cluster.nodes {
        node.state = ContainerState::Paused;
    }
    news(&mut state, TaskKey::Engine, engine(&cluster));
    assert!(!wants(&state).contains(&TaskKey::Api(id)));
    assert!(shown(&state, 120, 40).contains("demo ◐ stale"));
    assert!(shown(&state, 120, 40).contains("no server of the cluster runs; t starts it"));
    // One that somebody is at gets its servers without a key.
    cluster.unfinished = Some(Unfinished {
        verb: "create".to_owned(),
        volume: "k3d-demo-unfinished".to_owned(),
        owner: String::new(),
        spec: String::new(),
        at_work: Some(1),
    });
    news(&mut state, TaskKey::Engine, engine(&cluster));
    assert!(!shown(&state, 120, 40).contains("starts it"));
}

#[test]
fn what_may_not_be_listed_is_said_where_it_is_missing() {
    let (mut state, id) = far();
    let page = WatchItem::Page {
        rows: vec![pod("web")],
        first: true,
    };
    let unseen = |refused: &[&str], only: Option<&str>| Unseen {
        refused: refused.iter().map(|name| (*name).to_owned()).collect(),
        only: only.map(str::to_owned),
        beyond: 0,
    };
    for item in [page, WatchItem::Live] {
        news(&mut state, TaskKey::Pods(id.clone()), News::Rows(item));
    }
    state.settle();
    for (unseen, words) in [
        (unseen(&["team-b"], None), "team-b may not be listed"),
        (
            unseen(&["b", "c", "d"], None),
            "b and 2 more namespaces may not be listed",
        ),
        (
            unseen(&[], Some("team-a")),
            "namespace team-a only, others may not be listed",
        ),
        (unseen(&["\u{1b}[2Jx"], None), "  x may not be listed"),
    ] {
        let item = News::Rows(WatchItem::Unseen(unseen));
        news(&mut state, TaskKey::Pods(id.clone()), item);
        let screen = shown(&state, 120, 40);
        assert!(screen.contains(words), "{words}: {screen}");
        assert!(screen.contains("web"), "{screen}");
    }
    let item = News::Rows(WatchItem::Unseen(Unseen::default()));
    news(&mut state, TaskKey::Pods(id.clone()), item);
    assert!(!shown(&state, 120, 40).contains("may not"));

    // Nodes are of no namespace: there is nothing else to show.
    let broken = WatchItem::Broken {
        problem: Problem::refused("list nodes", "User \"x\" cannot list resource \"nodes\""),
        retry_in: Duration::from_secs(1),
        attempt: 1,
    };
    news(&mut state, TaskKey::Nodes(id.clone()), News::Rows(broken));
    let screen = shown(&state, 120, 40);
    assert!(screen.contains("nodes may not be listed"), "{screen}");
    news(&mut state, TaskKey::Nodes(id), News::Rows(WatchItem::Live));
    assert!(!shown(&state, 120, 40).contains("may not"));
}

#[test]
fn the_mouse_is_given_back_and_taken_again_by_a_key() {
    let (mut state, _) = far();
    assert_eq!(typed(&mut state, "<ctrl-t>"), [Effect::Mouse(false)]);
    let told = &state.toasts.current().unwrap().text;
    assert!(
        told.contains("selects text") && told.contains("ctrl-t"),
        "{told}"
    );
    assert_eq!(typed(&mut state, "<ctrl-t>"), [Effect::Mouse(true)]);
}

#[test]
fn nothing_that_grows_older_nothing_that_wakes_up() {
    let (mut state, id) = far();
    let page = WatchItem::Page {
        rows: vec![pod("web")],
        first: true,
    };
    news(&mut state, TaskKey::Pods(id.clone()), News::Rows(page));
    news(&mut state, TaskKey::Pods(id), News::Rows(WatchItem::Live));
    assert_eq!(next_wake(&mut state, now()), None);
}

#[test]
fn every_size_is_drawn_down_to_nothing() {
    let (mut state, _) = far();
    for script in ["", "?", "<esc>:", "<esc>.", "<esc>!", "<esc>z"] {
        typed(&mut state, script);
        for (columns, rows) in (1..=30)
            .flat_map(|columns| (1..=14).map(move |rows| (columns, rows)))
            .chain([(50, 12), (60, 12), (80, 24), (120, 40), (200, 50)])
        {
            shown(&state, columns, rows);
        }
    }
}

/// Any key that a person may press, and what may come in between.
fn anything() -> impl Strategy<Value = u16> {
    0..400_u16
}

fn throw(state: &mut State, number: u16) {
    let id = ClusterId::Context("far".to_owned());
    let keys = [
        "enter",
        "esc",
        "tab",
        "shift-tab",
        "up",
        "down",
        "pgup",
        "pgdn",
        "home",
        "end",
        "backspace",
        "ctrl-d",
        "ctrl-c",
        "ctrl-l",
        "left",
        "right",
        "delete",
    ];
    let msg = match number {
        0..95 => Msg::Key(
            char::from(b' ' + u8::try_from(number).unwrap())
                .to_string()
                .parse()
                .unwrap_or_else(|_| "space".parse().unwrap()),
        ),
        95..250 => Msg::Key(keys[usize::from(number) % keys.len()].parse().unwrap()),
        250..270 => Msg::Click(number % 80, number % 24),
        270..280 => Msg::Wheel(if number.is_multiple_of(2) { 3 } else { -3 }, 40, 12),
        280..290 => Msg::Paste("shop\n\u{1b}[31m漢".to_owned()),
        290..310 => {
            let rows = (0..number % 40).map(|n| pod(&format!("p{n}"))).collect();
            let first = number.is_multiple_of(3);
            let item = WatchItem::Page { rows, first };
            Msg::News(TaskKey::Pods(id), Box::new(News::Rows(item)))
        }
        310..330 => Msg::News(TaskKey::Pods(id), Box::new(News::Rows(WatchItem::Live))),
        330..360 => {
            let gone = Change::Gone(ObjectKey::new("shop", &*format!("p{}", number % 40)));
            let item = WatchItem::Changes(vec![gone, Change::Set(pod("p1"))]);
            Msg::News(TaskKey::Pods(id), Box::new(News::Rows(item)))
        }
        360..380 => {
            let contexts = ["far", "other", "third"]
                .into_iter()
                .take(usize::from(number % 4));
            let news = News::Contexts(contexts.map(context).collect(), Vec::new());
            Msg::News(TaskKey::Contexts, Box::new(news))
        }
        _ => Msg::Wake,
    };
    update(state, msg, now());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever is pressed and comes in, in any order, nothing breaks, every frame is drawn, and what is selected is
    /// in the list.
    #[test]
    fn whatever_happens_nothing_breaks(numbers in prop::collection::vec(anything(), 0..60), columns in 1..140_u16, rows in 1..45_u16) {
        let (mut state, _) = far();
        for number in numbers {
            throw(&mut state, number);
            state.settle();
            let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
            let mut laid = None;
            terminal.draw(|frame| laid = Some(super::super::view::view(&state, frame))).unwrap();
            state.laid = laid.unwrap();
            prop_assert!(state.selected().is_none_or(|id| state.clusters.list.contains(id)));
            if let Some(pods) = state.selected_pods() {
                prop_assert!(pods.scroll.selected.is_none() == (pods.shown() == 0));
            }
        }
    }
}

/// Prints what ten thousand pods cost here; `cargo test --release --lib -- --ignored --nocapture ten_thousand`.
/// The same through a real API server and a terminal: `tests/bench/run`.
#[test]
#[ignore = "it prints figures, and proves no more than the tests that always run"]
fn ten_thousand_pods_in_milliseconds() {
    let (mut state, id) = far();
    state.focus = Pane::Pods;
    let clock = std::time::Instant::now;
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    let mut figure = |what: &str, state: &mut State, work: &mut dyn FnMut(&mut State)| {
        let began = clock();
        work(state);
        state.settle();
        let applied = began.elapsed();
        let mut laid = None;
        terminal
            .draw(|frame| laid = Some(super::super::view::view(state, frame)))
            .unwrap();
        state.laid = laid.unwrap();
        println!(
            "{what:<32} {:>8.2} ms, with its frame {:>8.2} ms",
            applied.as_secs_f64() * 1e3,
            began.elapsed().as_secs_f64() * 1e3
        );
    };
    let key = TaskKey::Pods(id.clone());
    let names: Vec<String> = (0..10_000)
        .map(|n| format!("web-{}-{n:05}", n * 7_919 % 10_000))
        .collect();
    let mut pages: Vec<Vec<Row>> = names
        .chunks(500)
        .map(|page| page.iter().map(|name| pod(name)).collect())
        .collect();
    figure("apply 10,000 rows in 20 pages", &mut state, &mut |state| {
        for (place, rows) in std::mem::take(&mut pages).into_iter().enumerate() {
            let first = place == 0;
            news(
                state,
                key.clone(),
                News::Rows(WatchItem::Page { rows, first }),
            );
        }
        news(state, key.clone(), News::Rows(WatchItem::Live));
    });
    figure("a frame in which nothing changed", &mut state, &mut |_| {});
    figure("down", &mut state, &mut |state| drop(typed(state, "j")));
    figure("a first character of a filter", &mut state, &mut |state| {
        drop(typed(state, "/9"));
    });
    figure("a second character", &mut state, &mut |state| {
        drop(typed(state, "9"));
    });
    figure("the filter gone", &mut state, &mut |state| {
        drop(typed(state, "<esc>"));
    });
    figure("200 of them fail", &mut state, &mut |state| {
        let failing = |name: &String| Row {
            health: Health::Failing,
            ..pod(name)
        };
        let changes = names
            .iter()
            .step_by(50)
            .map(|name| Change::Set(failing(name)));
        let item = WatchItem::Changes(changes.collect());
        news(state, key.clone(), News::Rows(item));
    });
    assert_eq!(state.pods[&id].shown(), 10_000);
    assert_eq!(state.pods[&id].row(199).unwrap().health, Health::Failing);
    assert_eq!(state.pods[&id].row(200).unwrap().health, Health::Good);
}
