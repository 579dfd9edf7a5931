//! The store: order, bounds, numbers that stay, the disk; and against the plainest store there is.

use std::fs;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::{LogLine, Mark, MarkEvent, log_source::Source};
use crate::ops::logs::Line;

pub(in crate::ops::logs) fn line(source: &str, millis: i64, text: &str) -> LogItem {
    let mut line = LogLine::from_raw(Timestamp::from_millisecond(millis).ok(), text.as_bytes(), 0);
    line.source = Some(Arc::new(Source {
        container: source.into(),
        ..Source::default()
    }));
    LogItem::Line(line)
}

fn container(lines: &Lines, line: &Line) -> String {
    let known = lines.source(line.source()).unwrap();
    known.source.as_ref().unwrap().to_string()
}

fn texts(store: &Store) -> Vec<String> {
    store
        .lines()
        .range(0..u64::MAX)
        .map(|line| line.text().to_owned())
        .collect()
}

#[test]
fn a_line_keeps_everything_that_is_known_of_it() {
    let mut store = Store::new(1 << 20);
    let first = store.push(&line("a", 1, "\x1b[31mERROR\x1b[0m x"));
    store.push(&LogItem::Mark(Mark::of(
        None,
        MarkEvent::Gap("two\nlines".into()),
    )));
    store.push(&line("b", 3, ""));
    let lines = store.lines();
    let one = lines.get(first).unwrap();
    assert_eq!((one.text(), one.paint().len()), ("ERROR x", 2));
    assert_eq!(one.level(), Some(Level::Error));
    assert_eq!(one.time(), Timestamp::from_millisecond(1).ok());
    assert_eq!(container(lines, &one), "a");
    assert_eq!(one.mark(), None);
    let mark = lines.get(first + 1).unwrap();
    assert_eq!((mark.mark(), mark.time()), (Some(MarkKind::Gap), None));
    assert_eq!(mark.text(), "lines may be missing here: twolines");
    assert_eq!(lines.get(first + 2).unwrap().text(), "");
    assert!(lines.get(first + 3).is_none() && lines.get(first - 1).is_none());
}

#[test]
fn lines_that_come_late_go_to_their_place_but_never_past_their_own_source() {
    let mut store = Store::new(1 << 20);
    let first = store.push(&line("a", 10, "a10"));
    store.push(&line("b", 20, "b20"));
    store.push(&line("a", 30, "a30"));
    assert_eq!(store.push(&line("c", 15, "c15")), first + 1);
    assert_eq!(store.push(&line("c", 25, "c25")), first + 3);
    // Behind its own source, although that is in the past.
    assert_eq!(store.push(&line("a", 5, "a5")), first + 5);
    // So late that it is history.
    store.push(&line("b", 9_000, "b9000"));
    store.push(&line("d", 40, "d40"));
    assert_eq!(
        texts(&store),
        ["a10", "c15", "b20", "c25", "a30", "a5", "b9000", "d40"]
    );
}

#[test]
fn what_a_stack_trace_goes_on_with_has_the_level_of_its_beginning() {
    let mut store = Store::new(1 << 20);
    let first = store.push(&line("a", 1, "ERROR it broke"));
    store.push(&line("b", 2, "INFO fine"));
    store.push(&line("a", 3, "    at Thing.java:3"));
    store.push(&line("a", 4, "something else"));
    store.push(&line("a", 5, "    indented"));
    let levels: Vec<_> = (first..first + 5)
        .map(|number| store.lines().get(number).unwrap().level())
        .collect();
    let (error, info) = (Some(Level::Error), Some(Level::Info));
    assert_eq!(levels, [error, info, error, None, None]);
}

#[test]
fn the_oldest_lines_make_room_and_are_counted_and_numbers_stay() {
    let mut store = Store::new(64 << 10);
    let first = store.push(&line("a", 0, "0"));
    for n in 1..5_000 {
        store.push(&line("a", n, &format!("{n} {}", "x".repeat(50))));
        assert!(store.bytes() <= 64 << 10);
    }
    let lines = store.lines();
    assert!(store.dropped() > 3_000);
    assert_eq!(lines.len() + store.dropped(), 5_000);
    assert_eq!(lines.first(), first + store.dropped());
    assert!(
        lines
            .get(first + 4_321)
            .unwrap()
            .text()
            .starts_with("4321 ")
    );
    assert!(lines.get(first).is_none());
    let end = lines.end();
    store.clear();
    assert_eq!((store.lines().len(), store.dropped()), (0, 0));
    assert_eq!(store.push(&line("a", 0, "again")), end);
    // The newest line stays, however long it is.
    store.push(&line("a", 0, &"y".repeat(100_000)));
    assert!(store.lines().get(end + 1).is_some());
}

#[test]
fn older_lines_go_before_all_others_while_there_is_room() {
    let mut store = Store::new(64 << 10);
    let first = store.push(&line("a", 1_000, "now"));
    let older: Vec<_> = (0..100)
        .map(|n| line("a", n, &format!("old {n}")))
        .collect();
    assert_eq!(store.prepend(&older).taken(), 100);
    assert_eq!(store.lines().first(), first - 100);
    assert_eq!(store.lines().get(first - 1).unwrap().text(), "old 99");
    assert_eq!(store.lines().get(first).unwrap().text(), "now");
    let much: Vec<_> = (0..5_000)
        .map(|n| line("a", n - 9_000, "much more of it"))
        .collect();
    let taken = store.prepend(&much).taken() as u64;
    assert!(taken > 100 && taken < 5_000, "{taken}");
    assert!(store.bytes() <= 64 << 10);
    assert_eq!(store.lines().len(), taken + 101);
    let time = Timestamp::from_millisecond(50).unwrap();
    assert_eq!(store.lines().at_time(time), first - 100 + 50);
}

#[test]
fn older_lines_of_several_go_to_their_places_and_what_is_behind_them_keeps_its_number() {
    let mut store = Store::new(1 << 20);
    // "quiet" was read far back, "busy" was not.
    for n in [10, 500, 900] {
        store.push(&line("quiet", n, &format!("quiet {n}")));
    }
    let there: Vec<_> = (900..1_000)
        .map(|n| store.push(&line("busy", n, &format!("busy {n}"))))
        .collect();
    let texts = |store: &Store| -> Vec<(u64, String)> {
        let lines = store.lines().range(0..u64::MAX);
        lines
            .map(|line| (line.number(), line.text().to_owned()))
            .collect()
    };
    let before = texts(&store);
    let older: Vec<_> = (0..900)
        .step_by(100)
        .map(|n| line("busy", n, &format!("busy {n}")))
        .collect();
    let moved = store.prepend(&older);
    assert_eq!(moved.taken(), 9);
    let after = texts(&store);
    for (number, text) in &before {
        let now = store.lines().get(moved.number(*number)).unwrap();
        assert_eq!(now.text(), text);
    }
    assert_eq!(moved.number(there[0]), there[0]);
    let times: Vec<u32> = after
        .iter()
        .map(|(_, text)| text.split_once(' ').unwrap().1.parse().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(after.len(), before.len() + 9);
    let end = store.lines().end();
    assert_eq!(store.push(&line("busy", 2_000, "next")), end);
}

#[test]
fn what_has_no_room_goes_to_the_disk_and_comes_back_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::new(64 << 10).with_disk(directory.path().into(), 200 << 10);
    let first = store.push(&line("a", 0, "0"));
    for n in 1..2_000 {
        store.push(&line(
            "b",
            n,
            &format!("{n} \x1b[38;5;9;1mWARN\x1b[0m \x1b[48;2;1;2;3m漢"),
        ));
    }
    assert!(store.dropped() == 0 && store.disk_bytes() > 0);
    // Nobody finds it there.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let mut memory = Store::new(1 << 30);
    memory.push(&line("a", 0, "0"));
    for n in 1..2_000 {
        memory.push(&line(
            "b",
            n,
            &format!("{n} \x1b[38;5;9;1mWARN\x1b[0m \x1b[48;2;1;2;3m漢"),
        ));
    }
    for number in first..first + 2_000 {
        let (a, b) = (store.lines().get(number), memory.lines().get(number));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(
            (a.text(), a.paint(), a.time()),
            (b.text(), b.paint(), b.time())
        );
        assert_eq!((a.level(), a.source()), (b.level(), b.source()));
    }
    for n in 2_000..20_000 {
        store.push(&line("b", n, "more"));
        assert!(store.disk_bytes() <= 200 << 10);
    }
    assert!(store.dropped() > 0);
    assert_eq!(store.lines().len() + store.dropped(), 20_000);
    store.clear();
    assert_eq!(store.disk_bytes(), 0);
}

#[test]
fn without_the_disk_lines_are_dropped_after_all() {
    let mut store = Store::new(64 << 10).with_disk("/nowhere/at/all".into(), u64::MAX);
    for n in 0..2_000 {
        store.push(&line("a", n, &"x".repeat(100)));
    }
    assert!(store.dropped() > 0 && store.disk_bytes() == 0);
    assert_eq!(store.lines().len() + store.dropped(), 2_000);
}

#[test]
fn a_view_stays_as_it_was_taken() {
    let mut store = Store::new(32 << 10);
    store.push(&line("a", 10, "first"));
    let view = store.lines().clone();
    for n in 0..5_000 {
        store.push(&line("b", n, "more"));
    }
    assert_eq!(view.len(), 1);
    assert_eq!(view.get(view.first()).unwrap().text(), "first");
}

proptest! {
    /// Against the plainest store there is: a vector.
    #[test]
    fn it_holds_what_a_vector_would_hold(
        items in prop::collection::vec((0_usize..3, 0_i64..60, "[a-zü\u{1b}\\[1m]{0,30}"), 0..200),
        limit in prop_oneof![Just(4_usize << 10), Just(1 << 30)],
    ) {
        let mut store = Store::new(limit);
        let mut plain: Vec<(usize, i64, String)> = Vec::new();
        for (n, (source, late, text)) in items.iter().enumerate() {
            let time = i64::try_from(n).unwrap() * 10 - late;
            store.push(&line(&source.to_string(), time, text));
            let clean = crate::domain::log::sanitize(text.as_bytes());
            let mut at = plain.len();
            while at > 0 && plain[at - 1].0 != *source && plain[at - 1].1 > time {
                at -= 1;
            }
            plain.insert(at, (*source, time, clean));
        }
        let lines = store.lines();
        prop_assert_eq!(lines.len() + store.dropped(), plain.len() as u64);
        let kept = &plain[usize::try_from(store.dropped()).unwrap()..];
        for (line, (source, time, text)) in lines.range(0..u64::MAX).zip(kept) {
            prop_assert_eq!(line.text(), text);
            prop_assert_eq!(line.time(), Timestamp::from_millisecond(*time).ok());
            prop_assert_eq!(container(lines, &line), source.to_string());
            for run in line.paint() {
                prop_assert!(line.text().is_char_boundary(run.at as usize));
            }
        }
    }
}
