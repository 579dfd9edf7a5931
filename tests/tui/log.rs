//! The log pane on a world whose pods write and restart as the test says.

use std::time::Duration;

use coracle::{domain::ObjectKey, tui::msg::LogTarget};
use serde_json::json;

use super::{Screen, local, scenes, text};

/// The log of a pod that wrote so many lines, restarted after the first hundred.
async fn talkative(lines: u32) -> (Screen, ObjectKey) {
    let mut screen = scenes::dashboard().await;
    let stage = screen.world.stage("dev");
    let key = ObjectKey::new("default", "talkative");
    stage.pod(&key, "talkative-1", &["app"], &json!({}));
    stage.show(&key);
    for n in 0..lines {
        if n == 100 {
            stage.restart(&key, "app", 1, "Error");
            stage.show(&key);
        }
        stage.write(&key, "app", &format!("line {n}"));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    screen.seconds(1).await;
    screen.types("/talkative<enter><enter>z").await;
    screen.seconds(1).await;
    (screen, key)
}

fn lines(screen: &Screen) -> Vec<String> {
    let lines = screen.state().log.store.lines();
    let own = lines
        .range(0..u64::MAX)
        .filter(|line| line.mark().is_none());
    own.map(|line| line.text().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn scrolling_up_brings_older_lines_under_the_cursor_until_the_log_begins() {
    let (mut screen, _) = talkative(2_500).await;
    let shown = lines(&screen);
    assert_eq!(shown.first().map(String::as_str), Some("line 1500"));
    screen.types("g").await;
    let current = screen.state().log.current_line().unwrap();
    assert_eq!(current.text(), "line 1500", "the cursor stays where it was");
    assert_eq!(lines(&screen).first().map(String::as_str), Some("line 501"));
    // Up once more shows what came.
    screen.types("k").await;
    let current = screen.state().log.current_line().unwrap();
    assert_eq!(current.text(), "line 1499");
    // The run before the restart is part of it.
    screen.types("gg").await;
    let expected: Vec<String> = (0..2_500).map(|n| format!("line {n}")).collect();
    assert_eq!(lines(&screen), expected);
    screen.types("g").await;
    let frame = text(screen.frame(120, 40));
    assert!(frame.contains("the log begins here"), "{frame}");
}

#[tokio::test(start_paused = true)]
async fn the_run_before_a_restart_is_a_key_away_and_back() {
    let (mut screen, key) = talkative(200).await;
    screen.types("p").await;
    let previous = LogTarget::Previous(local("dev"), key.clone());
    assert_eq!(screen.state().log.target, Some(previous));
    let expected: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
    assert_eq!(lines(&screen), expected);
    screen.types("p").await;
    assert_eq!(
        screen.state().log.target,
        Some(LogTarget::Pod(local("dev"), key))
    );
    assert_eq!(lines(&screen).last().map(String::as_str), Some("line 199"));
}

#[tokio::test(start_paused = true)]
async fn asking_for_the_log_that_is_shown_keeps_it_and_asking_for_another_and_back_begins_anew() {
    let (mut screen, _) = talkative(50).await;
    let shown = lines(&screen);
    assert_eq!(shown.len(), 50);
    // The pod itself is the first choice.
    screen.types("<esc><esc>L<enter>").await;
    assert_eq!(lines(&screen), shown);
    // There and back before any task could begin or end.
    screen.keys("pp");
    screen.seconds(1).await;
    assert_eq!(lines(&screen), shown);
}

#[tokio::test(start_paused = true)]
async fn times_of_day_are_those_of_the_user() {
    let (mut screen, _) = talkative(3).await;
    screen.types("t").await;
    let utc = text(screen.frame(120, 40));
    assert!(utc.contains("14:02:") && !utc.contains("19:32:"), "{utc}");
    let kolkata = jiff::tz::Offset::from_seconds(5 * 3600 + 1800).unwrap();
    screen.in_zone(kolkata.to_time_zone());
    let here = text(screen.frame(120, 40));
    assert!(
        here.contains("19:32:") && !here.contains("14:02:"),
        "{here}"
    );
}
