//! The window moves, the search goes from hit to hit, the filter is a stack.

use super::*;
use crate::domain::LogLine;

const HEIGHT: usize = 10;

fn line(text: &str) -> LogItem {
    LogItem::Line(LogLine::plain(None, text))
}

fn pane(count: usize) -> LogPane {
    let mut log = LogPane::new(Logs::default());
    let lines: Vec<LogItem> = (0..count)
        .map(|n| {
            line(&format!(
                "{} {n}",
                if n % 10 == 0 { "ERROR" } else { "fine" }
            ))
        })
        .collect();
    log.take(&lines);
    log.settle(HEIGHT);
    log
}

fn lowest(log: &LogPane) -> String {
    log.upwards().next().unwrap().text().to_owned()
}

fn current(log: &LogPane) -> String {
    log.current_line().unwrap().text().to_owned()
}

#[test]
fn scrolled_up_the_same_lines_stay_in_view() {
    let mut log = pane(50);
    log.step(-5, HEIGHT);
    assert_eq!(
        (lowest(&log), current(&log)),
        ("fine 49".into(), "fine 44".into())
    );
    log.step(-10, HEIGHT);
    assert_eq!(
        (lowest(&log), current(&log)),
        ("fine 43".into(), "fine 34".into())
    );
    log.take(&[line("new")]);
    log.settle(HEIGHT);
    assert_eq!(lowest(&log), "fine 43");
    log.step(100, HEIGHT);
    assert!(log.follow);
    assert_eq!(lowest(&log), "new");
    log.scroll(-3, HEIGHT);
    assert_eq!((lowest(&log), log.below()), ("fine 47".into(), 3));
    log.scroll(-1000, HEIGHT);
    assert_eq!(lowest(&log), "fine 9");
    log.scroll(1000, HEIGHT);
    assert!(log.follow);
}

#[test]
fn a_search_goes_to_the_newest_hit_and_from_hit_to_hit() {
    let mut log = pane(50);
    log.use_pattern(Prompt::Search, "error").unwrap();
    log.settle(HEIGHT);
    assert_eq!(current(&log), "ERROR 40");
    assert!(!log.next_hit(true, HEIGHT));
    assert!(log.next_hit(false, HEIGHT));
    assert_eq!(current(&log), "ERROR 30");
    // What is hidden is not gone to.
    log.use_pattern(Prompt::Hide, "20").unwrap();
    log.settle(HEIGHT);
    assert!(log.next_hit(false, HEIGHT));
    assert_eq!(current(&log), "ERROR 10");
    assert!(log.use_pattern(Prompt::Search, "(").is_err());
}

#[test]
fn filters_are_a_stack_and_the_current_line_stays_near() {
    let mut log = pane(50);
    log.step(-19, HEIGHT);
    assert_eq!(current(&log), "ERROR 30");
    log.next_level();
    log.next_level();
    log.settle(HEIGHT);
    assert_eq!(log.index.len(), 5);
    assert_eq!(current(&log), "ERROR 30");
    log.use_pattern(Prompt::Keep, "1|2").unwrap();
    log.settle(HEIGHT);
    assert_eq!(log.index.len(), 2);
    log.refilter(|filter| drop(filter.rules.pop()));
    log.next_level();
    log.next_level();
    log.settle(HEIGHT);
    assert_eq!((log.index.len(), log.rules().len()), (50, 0));
}

#[test]
fn an_empty_log_takes_every_move() {
    let mut log = pane(0);
    for by in [-1, 1, isize::MIN, isize::MAX] {
        log.step(by, 0);
        log.scroll(by, 0);
    }
    log.go(7, 0);
    log.toggle_follow();
    assert!(log.current_line().is_none() && !log.next_hit(true, 0));
}
