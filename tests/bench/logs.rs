//! What the log store costs: `cargo bench --bench logs`. Figures are printed and never judged.
//!
//! A million typical lines of eight sources (half of them with a level, one in a hundred coloured), 100 bytes each.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "it is a program that prints figures, and what breaks it is to be seen"
)]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use coracle::{
    domain::{LogLine, log::LogItem, log_source::Source},
    ops::logs::{
        Filter, Index, Level, Lines, Pattern, Rule, Store,
        save::{self, Form},
        search::{Towards, nearest},
    },
};
use jiff::Timestamp;

const LINES: u64 = 1_000_000;

fn raw(n: u64) -> String {
    let level = ["INFO", "DEBUG", "WARN", "ERROR"][(n * 7 % 31 % 4) as usize];
    let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = match n % 4 {
        0 => format!(
            "{level} [worker-{}] handled request {id:016x} of tenant-{} in {} ms, queue {} of 512, retries none",
            n % 16,
            n % 97,
            n % 251,
            n % 512
        ),
        1 => format!(
            "GET /api/v1/carts/{id:016x}/items?page={} HTTP/1.1 200 {} \"-\" \"Mozilla/5.0 (X11; Linux)\"",
            n % 50,
            n % 9000
        ),
        2 => format!(
            "{{\"level\":\"{}\",\"msg\":\"cache refreshed\",\"key\":\"{id:016x}\",\"took_ms\":{},\"shard\":{}}}",
            level.to_lowercase(),
            n % 900,
            n % 64
        ),
        _ => format!(
            "time=2026-11-21T03:00:00Z level={} msg=\"stored object\" id={id:016x} size={} bucket=b{}",
            level.to_lowercase(),
            n % 100_000,
            n % 12
        ),
    };
    match n {
        777_777 => format!("{text} needle"),
        n if n % 100 == 0 => format!("\x1b[32m{text}\x1b[0m"),
        _ => text,
    }
}

/// The best of some runs, because other programs of the machine only ever make it slower.
fn best<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .min()
        .unwrap()
}

fn print(what: &str, took: Duration) {
    println!("{what:<58} {:>9.3} ms", took.as_secs_f64() * 1e3);
}

fn main() {
    let sources: Vec<_> = (0..8)
        .map(|n| {
            Arc::new(Source {
                namespace: "shop".into(),
                pod: format!("web-7d9f8c-{n}").into(),
                container: "app".into(),
                uid: format!("uid-{n}").into(),
            })
        })
        .collect();
    let begin = Timestamp::UNIX_EPOCH.as_millisecond() + 1_795_000_000_000;
    let raws: Vec<String> = (0..LINES).map(raw).collect();
    let bytes: usize = raws.iter().map(String::len).sum();
    println!(
        "{LINES} lines, {:.1} bytes each",
        bytes as f64 / LINES as f64
    );

    let start = Instant::now();
    let items: Vec<LogItem> = (0..LINES)
        .zip(&raws)
        .map(|(n, raw)| {
            let time = Timestamp::from_millisecond(begin + n.cast_signed()).ok();
            let mut line = LogLine::from_raw(time, raw.as_bytes(), 0);
            line.source = Some(Arc::clone(&sources[(n % 8) as usize]));
            LogItem::Line(line)
        })
        .collect();
    print("bytes made harmless lines", start.elapsed());
    let start = Instant::now();
    for raw in &raws {
        black_box(Level::detect(raw));
    }
    print("levels read", start.elapsed());
    drop(raws);

    let mut store = Store::new(1 << 30);
    let start = Instant::now();
    for items in items.chunks(1000) {
        store.extend(items);
    }
    let took = start.elapsed();
    print("lines taken in", took);
    println!("  = {:.0} lines/s", LINES as f64 / took.as_secs_f64());
    println!("memory: {:.1} MB", store.bytes() as f64 / 1e6);

    searches(store.lines());
    filters(store.lines());
    let lines = store.lines();
    let all = lines.first()..lines.end();
    let form = Form::default();
    print(
        "saved as text",
        best(3, || {
            save::write(lines, all.clone(), form, &mut std::io::sink()).unwrap()
        }),
    );

    let mut index = Index::of(filter(vec![Rule::Keep(pattern("tenant-42"))]), lines);
    let start = Instant::now();
    for item in &items[..100_000] {
        index.changed(store.push(item));
        index.advance(store.lines(), u64::MAX);
    }
    println!(
        "one new line into store and filter: {} ns",
        start.elapsed().as_nanos() / 100_000
    );
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn filter(rules: Vec<Rule>) -> Filter {
    Filter {
        rules,
        before: 2,
        after: 2,
        ..Filter::default()
    }
}

fn searches(lines: &Lines) {
    for (text, what) in [
        ("needle", "a word"),
        ("tenant-9[0-6] .*queue 51", "an expression"),
        (r"\d+ ms", "a class"),
        ("nowhere to be found", "what is not there"),
    ] {
        let pattern = pattern(text);
        let first = best(5, || {
            nearest(lines, &pattern, lines.first(), Towards::Newer)
        });
        print(&format!("first hit of {what} ({text})"), first);
        let hits = || Index::of(Filter::matching(pattern.clone()), lines);
        let count = hits().len();
        print(&format!("all {count} hits of it"), best(5, hits));
    }
}

fn filters(lines: &Lines) {
    for (what, rules) in [
        ("at least WARN", vec![Rule::AtLeast(Level::Warn)]),
        ("keep a word", vec![Rule::Keep(pattern("tenant-42"))]),
        (
            "keep, hide, level",
            vec![
                Rule::Keep(pattern("worker-(1|2)")),
                Rule::Hide(pattern("debug")),
                Rule::AtLeast(Level::Info),
            ],
        ),
        (
            "a field",
            vec![Rule::Field {
                path: "shard".into(),
                value: "7".into(),
            }],
        ),
    ] {
        let filter = filter(rules);
        print(
            &format!("filter of all lines: {what}"),
            best(3, || Index::of(filter.clone(), lines)),
        );
        let slice = best(3, || Index::new(filter.clone()).advance(lines, 100_000));
        print("  a slice of 100,000 of them", slice);
    }
}
