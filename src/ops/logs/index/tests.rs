//! The index, against the plainest way to find out what is shown.

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{LogLine, Mark, log::LogItem, log_source::Source},
    ops::logs::{Level, Pattern, Rule, Store},
};

fn line(source: &str, millis: i64, text: &str) -> LogItem {
    LogItem::Line(LogLine {
        source: Some(std::sync::Arc::new(Source {
            container: source.into(),
            ..Source::default()
        })),
        ..LogLine::plain(jiff::Timestamp::from_millisecond(millis).ok(), text)
    })
}

fn keep(pattern: &str) -> Rule {
    Rule::Keep(Pattern::new(pattern).unwrap())
}

/// What a filter without context shows, as texts.
fn shown(store: &Store, rules: Vec<Rule>) -> Vec<String> {
    let filter = Filter {
        rules,
        ..Filter::default()
    };
    texts(store, &Index::of(filter, store.lines()))
}

fn texts(store: &Store, index: &Index) -> Vec<String> {
    index
        .numbers()
        .map(|number| store.lines().get(number).unwrap().text().to_owned())
        .collect()
}

#[test]
fn every_rule_of_the_stack_has_to_let_a_line_pass() {
    let mut store = Store::new(1 << 20);
    for (source, text) in [
        ("a", "ERROR one code=500"),
        ("b", "INFO two code=200"),
        ("a", "three"),
        ("b", "WARN four code=500"),
    ] {
        store.push(&line(source, 0, text));
    }
    store.push(&LogItem::Mark(Mark::note("a gap")));
    let field = Rule::Field {
        path: "code".into(),
        value: "500".into(),
    };
    let hide = |pattern| Rule::Hide(Pattern::new(pattern).unwrap());
    let b = store
        .lines()
        .get(store.lines().first() + 1)
        .unwrap()
        .source();
    for (rules, want) in [
        (vec![], &["ERROR one", "INFO two", "three", "WARN four"][..]),
        (
            vec![keep("o|e")],
            &["ERROR one", "INFO two", "three", "WARN four"],
        ),
        (
            vec![keep("o"), keep("code")],
            &["ERROR one", "INFO two", "WARN four"],
        ),
        (vec![hide("one")], &["INFO two", "three", "WARN four"]),
        (
            vec![Rule::AtLeast(Level::Info)],
            &["ERROR one", "INFO two", "three", "WARN four"],
        ),
        (
            vec![Rule::AtLeast(Level::Warn)],
            &["ERROR one", "WARN four"],
        ),
        (vec![Rule::Mute(b)], &["ERROR one", "three"]),
        (vec![field.clone()], &["ERROR one", "WARN four"]),
        (vec![field, hide("a|gap"), keep("nowhere")], &[]),
    ] {
        let got = shown(&store, rules.clone());
        let (mark, lines) = got.split_last().unwrap();
        // A gap is not hidden by what lines have to be like.
        assert_eq!(mark, "a gap");
        let lines: Vec<_> = lines
            .iter()
            .map(|text| text.split(" code").next().unwrap())
            .collect();
        assert_eq!(lines, want, "{rules:?}");
    }
    let hits = Index::of(
        Filter::matching(Pattern::new("gap").unwrap()),
        store.lines(),
    );
    assert_eq!(texts(&store, &hits), ["a gap"]);
}

#[test]
fn positions_and_lines_find_each_other() {
    let mut store = Store::new(1 << 20);
    for n in 0..100 {
        store.push(&line("a", n, &n.to_string()));
    }
    let lines = store.lines();
    for rules in [vec![], vec![keep("5")]] {
        let filter = Filter {
            rules,
            ..Filter::default()
        };
        let index = Index::of(filter, lines);
        for (position, number) in index.numbers().enumerate() {
            assert_eq!(index.at(position).map(|shown| shown.line), Some(number));
            assert_eq!(index.position(number), position);
        }
        assert_eq!(index.at(index.len()), None);
        assert_eq!(index.position(u64::MAX), index.len());
        assert_eq!(index.passing(), index.len());
    }
}

/// What happens to a store and its index.
#[derive(Debug, Clone)]
enum Step {
    Push(Vec<(usize, i64, usize)>),
    Prepend(Vec<usize>),
    Advance(u64),
}

const TEXTS: [&str; 5] = ["hit", "miss", "hit hidden", "hidden", "ERROR miss"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = 0..TEXTS.len();
    prop::collection::vec(
        prop_oneof![
            prop::collection::vec((0_usize..3, 0_i64..50, text.clone()), 0..40)
                .prop_map(Step::Push),
            prop::collection::vec(text, 0..30).prop_map(Step::Prepend),
            (0_u64..40).prop_map(Step::Advance),
        ],
        0..40,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// Step by step or from scratch, with lines that come late, older ones that are loaded, and old ones that go.
    #[test]
    fn it_shows_what_a_plain_loop_would_show(
        steps in steps(),
        before in 0_usize..4,
        after in 0_usize..4,
        small: bool,
    ) {
        let filter = Filter {
            rules: vec![keep("hit"), Rule::Hide(Pattern::new("hidden").unwrap())],
            before,
            after,
            ..Filter::default()
        };
        let mut store = Store::new(if small { 16 << 10 } else { 1 << 30 });
        let mut index = Index::new(filter.clone());
        let mut now = 0;
        for step in steps {
            match step {
                Step::Push(items) => {
                    let items: Vec<_> = items
                        .iter()
                        .map(|(source, late, text)| {
                            now += 10;
                            line(&source.to_string(), now - late, TEXTS[*text])
                        })
                        .collect();
                    let changed = store.extend(&items);
                    index.changed(changed);
                }
                Step::Prepend(items) => {
                    let items: Vec<_> = items.iter().map(|text| line("a", now / 2, TEXTS[*text])).collect();
                    store.prepend(&items);
                }
                Step::Advance(budget) => {
                    let done = index.advance(store.lines(), budget);
                    prop_assert_eq!(done, index.seen().end == store.lines().end());
                }
            }
        }
        index.advance(store.lines(), u64::MAX);
        prop_assert_eq!(index.seen(), store.lines().first()..store.lines().end());
        let fresh = Index::of(filter, store.lines());
        let all: Vec<_> = store.lines().range(0..u64::MAX).filter(|line| !line.text().contains("hidden")).collect();
        let hit = |at: usize| all[at].text() == "hit";
        let near = |at: usize| {
            (at.saturating_sub(after)..(at + before + 1).min(all.len())).any(hit)
        };
        let plain: Vec<_> = (0..all.len())
            .filter(|at| near(*at))
            .map(|at| Shown { line: all[at].number(), around: !hit(at) })
            .collect();
        let list = |index: &Index| (0..index.len()).filter_map(|at| index.at(at)).collect::<Vec<_>>();
        prop_assert_eq!(list(&fresh), plain.clone());
        // Of what was shown around a line that is gone since, some may still be.
        let got = list(&index);
        if store.dropped() == 0 {
            prop_assert_eq!(&got, &plain);
        }
        prop_assert_eq!(got.iter().filter(|shown| !shown.around).count(), index.passing());
        prop_assert_eq!(
            got.iter().filter(|shown| !shown.around).collect::<Vec<_>>(),
            plain.iter().filter(|shown| !shown.around).collect::<Vec<_>>()
        );
    }
}
