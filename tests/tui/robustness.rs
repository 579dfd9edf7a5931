//! Whatever the size, the keys, the news and the names: a frame is drawn, nothing breaks, and nothing in it commands the
//! terminal.

use std::time::Duration;

use coracle::{
    backend::{Change, WatchItem},
    config::KeyChord,
    domain::{
        Health, LogLine, Mark, ObjectKey, Problem, Source,
        kube::{ApiHealth, ContextInfo},
        log::LogItem,
    },
    resources::{Cell, Row},
    tui::{
        actions::ACTIONS,
        msg::{ClusterId, LogTarget, Msg, News, TaskKey},
    },
};
use proptest::prelude::*;
use ratatui::buffer::Buffer;

use super::{Screen, chords, local, scenes};

/// Names that want to be more than names: escape sequences, marks that turn the direction of writing, letters of two
/// columns, of none, and that join with others.
const NAMES: [&str; 8] = [
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "a\u{202e}gpj.exe\u{2066}b\u{200f}",
    "漢字クラスタ一二三四五六七八九十",
    "עברית-عربى",
    "zero\u{200b}width\u{feff}\u{301}\u{301}",
    "\r\n\u{8}\u{9b}2J\0",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "an-ordinary-name-that-is-as-long-as-names-in-kubernetes-may-be-at-most-63-chars",
];

/// Sizes at which something has to give way, and two odd ones.
fn sizes() -> impl Iterator<Item = (u16, u16)> {
    (1..=25)
        .flat_map(|columns| (1..=12).map(move |rows| (columns, rows)))
        .chain([(300, 3), (3, 100), (20, 5), (59, 11), (99, 29), (160, 12)])
}

/// Looks for what a terminal would obey.
fn harmless(frame: &Buffer) -> Result<(), String> {
    for cell in frame.content() {
        let commands = |c: char| {
            c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        if cell.symbol().contains(commands) {
            return Err(format!("{:?} is in a frame", cell.symbol()));
        }
    }
    Ok(())
}

fn row(number: usize, name: &str) -> Row {
    let healths = [Health::Good, Health::Failing, Health::Warning, Health::Idle];
    Row {
        key: ObjectKey::new(name, &*format!("{name}-{number}")),
        uid: None,
        health: healths[number % healths.len()],
        cells: (0..8)
            .map(|_| Cell::Text(name.into()))
            .collect::<Vec<_>>()
            .into(),
    }
}

/// Everything that the outside can name, named like that.
fn call_everything(screen: &mut Screen, name: &str) {
    let id = ClusterId::Context(name.to_owned());
    let context = ContextInfo {
        name: name.to_owned(),
        server: name.to_owned(),
        namespace: name.to_owned(),
        current: true,
    };
    let problem = Problem::failed(name, name).with_hint(name);
    let rows = || WatchItem::Page {
        rows: (0..30).map(|number| row(number, name)).collect(),
        first: true,
    };
    screen.news(
        TaskKey::Contexts,
        News::Contexts(vec![context], vec![problem.clone()]),
    );
    screen.keys("G<enter>");
    screen.news(TaskKey::Pods(id.clone()), News::Rows(rows()));
    screen.news(TaskKey::Nodes(id.clone()), News::Rows(rows()));
    let health = ApiHealth {
        version: name.to_owned(),
        latency: Duration::from_millis(3),
    };
    screen.news(TaskKey::Api(id.clone()), News::ApiUp(health));
    let lost = WatchItem::Broken {
        problem: problem.clone(),
        retry_in: Duration::from_secs(1),
        attempt: 1,
    };
    screen.news(TaskKey::Pods(id), News::Rows(lost));
    let line = LogLine {
        time: None,
        source: Some(std::sync::Arc::new(Source {
            container: name.into(),
            ..Source::default()
        })),
        text: name.into(),
        paint: Box::default(),
        raw: None,
    };
    if let Some(task) = screen.state().log.task() {
        let items = vec![LogItem::Line(line), LogItem::Mark(Mark::note(name))];
        screen.news(task, News::Log(items));
    }
}

#[tokio::test(start_paused = true)]
async fn every_scene_is_drawn_at_every_size() {
    for (name, scene) in scenes::SCENES {
        let mut screen = scene().await;
        for (columns, rows) in sizes() {
            let frame = screen.frame(columns, rows);
            harmless(frame).unwrap_or_else(|why| panic!("{name} at {columns}x{rows}: {why}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_name_commands_the_terminal() {
    for name in NAMES {
        let mut screen = scenes::dashboard().await;
        call_everything(&mut screen, name);
        for script in [
            "", "<tab>", "<tab>", "<esc>.", "<esc>:", "<esc>c", "/x", "<esc>z",
        ] {
            screen.keys(script);
            for (columns, rows) in [(200, 50), (120, 40), (80, 24), (50, 12), (21, 6)] {
                let frame = screen.frame(columns, rows);
                harmless(frame).unwrap_or_else(|why| panic!("{name:?} at {columns}x{rows}: {why}"));
            }
        }
    }
}

/// Every key that the keymap knows, and every character that a keyboard writes.
fn keys() -> Vec<KeyChord> {
    let named = ACTIONS.iter().flat_map(|action| action.keys);
    let other = [
        "backspace",
        "delete",
        "left",
        "right",
        "space",
        "ctrl-u",
        "ctrl-w",
        "alt-x",
    ];
    named
        .chain(&other)
        .map(|key| key.parse().unwrap())
        .chain(chords("abcdefghijklmnopqrstuvwxyz0123456789-=+,;'[]é漢"))
        .collect()
}

/// What a number means: most are keys.
fn message(number: u16, keys: &[KeyChord]) -> Msg {
    let name = NAMES[usize::from(number) % NAMES.len()];
    let dev = local("dev");
    let some = usize::from(number % 60);
    let (key, news) = match number % 40 {
        0 => return Msg::Click(number % 120, number % 40),
        1 => return Msg::Wheel(3 - 6 * i16::from(number.is_multiple_of(3)), 60, 20),
        2 => return Msg::Paste(name.to_owned()),
        3 => return Msg::Wake,
        4 => {
            let rows = (0..some).map(|number| row(number, name)).collect();
            let first = number.is_multiple_of(3);
            (
                TaskKey::Pods(dev),
                News::Rows(WatchItem::Page { rows, first }),
            )
        }
        5 => {
            let key = row(some, name).key;
            let changes = vec![Change::Gone(key), Change::Set(row(some / 2, name))];
            (TaskKey::Pods(dev), News::Rows(WatchItem::Changes(changes)))
        }
        6 => (TaskKey::Pods(dev), News::Rows(WatchItem::Live)),
        7 => {
            let problem = Problem::failed(name, name);
            (
                TaskKey::Api(dev),
                News::ApiDown(problem, Duration::from_secs(u64::from(number))),
            )
        }
        8 => {
            let (tried, retry_in) = (Vec::new(), Duration::from_secs(1));
            (TaskKey::Engine, News::EngineDown { tried, retry_in })
        }
        9 => {
            let server = TaskKey::Log(LogTarget::Container("k3d-dev-server-0".to_owned()), 1);
            (
                server,
                News::Log(vec![LogItem::Mark(Mark::note(name)); some]),
            )
        }
        10 => {
            let problem = Problem::failed("a part of the program broke", name);
            (
                TaskKey::Operation(u64::from(number % 4)),
                News::Broke(problem),
            )
        }
        _ => return Msg::Key(keys[usize::from(number / 40) % keys.len()]),
    };
    Msg::News(key, Box::new(news))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    /// From any scene on, in any order, with the tasks going on in between: nothing breaks, and what is selected is in
    /// its list.
    #[test]
    fn nothing_that_happens_breaks_it(
        scene in 0..scenes::SCENES.len(),
        numbers in prop::collection::vec(0..4_000_u16, 0..80),
        size in (1..220_u16, 1..60_u16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let keys = keys();
        runtime.block_on(async {
            let mut screen = scenes::SCENES[scene].1().await;
            screen.frame(size.0, size.1);
            for number in numbers {
                screen.send(message(number, &keys));
                if number.is_multiple_of(7) {
                    screen.seconds(u64::from(number % 3)).await;
                }
                harmless(screen.frame(size.0, size.1)).map_err(TestCaseError::fail)?;
                let state = screen.state();
                prop_assert!(state.selected().is_none_or(|id| state.clusters.list.contains(id)));
                if let Some(pods) = state.selected_pods() {
                    prop_assert_eq!(pods.scroll.selected.is_none(), pods.shown() == 0);
                }
            }
            Ok(())
        })?;
    }
}
