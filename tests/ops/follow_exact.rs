//! No line is lost unsaid and none comes twice, whatever breaks: numbered lines, and breaks at every place.

use std::time::Duration;

use coracle::{
    backend::{ErrorKind, sim::Fault},
    domain::{MarkEvent, log::LogItem},
};
use proptest::prelude::*;
use serde_json::json;

use super::follow_pods::{Scene, all};

/// What happens to a container.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// It writes so many lines, with so many milliseconds after each.
    Write(u8, u16),
    /// It ends and begins anew; the API shows it after so many milliseconds.
    Restart(u16),
    /// It crashes, waits for so many milliseconds (never less than ten seconds in a real cluster), and begins anew.
    Crash(u16),
    /// All connections break, or end as if the log were over.
    Cut(bool),
    /// The node throws away what was written.
    Rotate,
    /// The node throws away the run before.
    LosePrevious,
}

struct Outcome {
    /// The numbers of the lines, `None` for a mark of a gap.
    seen: Vec<Option<u32>>,
    written: u32,
    text: String,
}

/// Plays the acts before somebody who follows the pod.
async fn play(acts: &[Act], fault: Option<(usize, Fault)>, calm: bool) -> Outcome {
    let scene = Scene::new().await;
    let key = scene.pod("web", &json!({}));
    let wait = |millis: u16| tokio::time::sleep(Duration::from_millis(millis.into()));
    let log = scene.follow(all());
    wait(500).await;
    if let Some((line, fault)) = fault {
        scene
            .world
            .faults()
            .add("line of test/web/app", line, fault);
    }
    // The number of the next line, and of the first one of this run.
    let (mut written, mut begun) = (0, 0);
    let mut started = tokio::time::Instant::now();
    for act in acts {
        if matches!(act, Act::Restart(_) | Act::Crash(_)) {
            // No kubelet starts a container twice within ten seconds.
            let next = started + Duration::from_secs(if calm { 8 } else { 0 });
            tokio::time::sleep_until(next).await;
            started = tokio::time::Instant::now();
        }
        match *act {
            Act::Write(lines, pause) => {
                for _ in 0..lines {
                    scene.stage.write(&key, "app", &written.to_string());
                    written += 1;
                    wait(pause).await;
                }
            }
            Act::Restart(lag) => {
                begun = written;
                scene.stage.restart(&key, "app", 1, "Error");
                // It goes on writing while the API does not know yet.
                wait(lag).await;
                scene.stage.show(&key);
            }
            Act::Crash(pause) => {
                begun = written;
                scene.stage.end(&key, "app", 1, true);
                scene.stage.show(&key);
                wait(pause).await;
                scene.stage.restart(&key, "app", 1, "Error");
                scene.stage.show(&key);
            }
            Act::Cut(clean) => scene.stage.cut(&key, "app", clean),
            // Of a run of which nobody has seen a line nobody can know that lines are missing.
            Act::Rotate if !log.items().iter().any(|item| number(item) >= Some(begun)) => {}
            Act::Rotate => scene.stage.rotate(&key, "app"),
            Act::LosePrevious => scene.stage.lose_previous(&key, "app"),
        }
    }
    let text = log.after(30).await;
    let items = log.items();
    let seen = items.iter().filter_map(|item| match item {
        LogItem::Line(_) => Some(number(item)),
        LogItem::Mark(mark) => matches!(mark.event, MarkEvent::Gap(_)).then_some(None),
    });
    Outcome {
        seen: seen.collect(),
        written,
        text: text.join("\n"),
    }
}

fn number(item: &LogItem) -> Option<u32> {
    match item {
        LogItem::Line(line) => line.text.parse().ok(),
        LogItem::Mark(_) => None,
    }
}

impl Outcome {
    /// Says what is wrong: a line out of order or twice, or one that is missing without a mark at its place.
    fn mistake(&self) -> Option<String> {
        let (mut next, mut gap) = (0, false);
        for seen in self.seen.iter().copied().chain([Some(self.written)]) {
            match seen {
                None => gap = true,
                Some(number) if number < next => {
                    return Some(format!("{number} came late or twice"));
                }
                Some(number) if number > next && !gap => {
                    return Some(format!("{next} is missing before {number}, unsaid"));
                }
                Some(number) => (next, gap) = (number + 1, false),
            }
        }
        None
    }

    fn assert_whole(&self, what: &str) {
        let wanted: Vec<_> = (0..self.written).map(Some).collect();
        assert_eq!(self.seen, wanted, "{what}\n{}", self.text);
    }
}

/// Two restarts and a crash, of which the API knows at once, late, and in between.
const LIFE: [Act; 7] = [
    Act::Write(6, 60),
    Act::Restart(0),
    Act::Write(6, 60),
    Act::Restart(900),
    Act::Write(6, 60),
    Act::Crash(3_000),
    Act::Write(6, 60),
];

#[tokio::test(start_paused = true)]
async fn a_break_at_any_line_costs_none() {
    for line in 0..24 {
        for fault in [Fault::Fail(ErrorKind::Unreachable), Fault::End] {
            let outcome = play(&LIFE, Some((line, fault)), false).await;
            outcome.assert_whole(&format!("{fault:?} at line {line}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_break_between_any_two_acts_costs_none() {
    for place in 0..=LIFE.len() {
        for clean in [false, true] {
            let mut acts = LIFE.to_vec();
            acts.insert(place, Act::Cut(clean));
            let outcome = play(&acts, None, false).await;
            outcome.assert_whole(&format!("cut before act {place}, clean {clean}"));
        }
    }
}

/// A node that restarts: its kubelet has no log at first, then the new run's, and the API shows the restart last.
#[tokio::test(start_paused = true)]
async fn a_node_that_comes_back_costs_none() {
    // With more, the run before has twice answered with nothing, which is what one that was thrown away does.
    for answers in 1..6 {
        let scene = Scene::new().await;
        let key = scene.pod("web", &json!({}));
        let wait = |millis| tokio::time::sleep(Duration::from_millis(millis));
        let log = scene.follow(all());
        let write = async |numbers: std::ops::Range<u32>| {
            for number in numbers {
                scene.stage.write(&key, "app", &number.to_string());
                wait(60).await;
            }
        };
        wait(500).await;
        write(0..5).await;
        for _ in 0..answers {
            let mut faults = scene.world.faults();
            faults.add("log test/web/app", 0, Fault::End);
        }
        scene.stage.cut(&key, "app", true);
        scene.stage.restart(&key, "app", 137, "Error");
        wait(4_000).await;
        write(5..10).await;
        wait(2_000).await;
        scene.stage.show(&key);
        write(10..12).await;
        let text = log.after(30).await.join("\n");
        let seen: Vec<_> = log.items().iter().filter_map(number).collect();
        assert_eq!(seen, (0..12).collect::<Vec<_>>(), "{text}");
        assert!(
            !text.contains("may be missing"),
            "{answers} empty answers\n{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_costs_lines_only_while_nobody_reads_and_then_says_so() {
    let acts = [Act::Write(5, 60), Act::Rotate, Act::Write(5, 60)];
    play(&acts, None, false)
        .await
        .assert_whole("rotated while it is followed");
    let acts = [
        Act::Write(5, 60),
        Act::Cut(false),
        Act::Write(3, 10),
        Act::Rotate,
        Act::Write(5, 60),
    ];
    let outcome = play(&acts, None, false).await;
    let wanted: Vec<_> = (0..5)
        .map(Some)
        .chain([None])
        .chain((8..13).map(Some))
        .collect();
    assert_eq!(outcome.seen, wanted, "{}", outcome.text);
}

#[tokio::test(start_paused = true)]
async fn restarts_of_which_nothing_is_kept_leave_a_mark() {
    let acts = [
        Act::Write(5, 60),
        Act::Cut(false),
        Act::Write(3, 10),
        Act::Restart(0),
        Act::Write(3, 10),
        Act::Restart(0),
        Act::Write(3, 10),
        Act::Restart(0),
        Act::Write(3, 10),
    ];
    let outcome = play(&acts, None, false).await;
    assert_eq!(outcome.mistake(), None, "{}", outcome.text);
    // The last two runs are still there.
    let lines: Vec<u32> = outcome.seen.iter().flatten().copied().collect();
    assert_eq!(
        lines,
        [0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16],
        "{}",
        outcome.text
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_as_if_the_log_were_over_proves_nothing() {
    use Act::{Crash, Cut, LosePrevious, Restart, Rotate, Write};
    let cases: [&[Act]; 4] = [
        &[
            Crash(2_000),
            Write(3, 250),
            Cut(true),
            Write(1, 0),
            Rotate,
            Crash(2_000),
        ],
        &[
            Write(1, 1),
            Rotate,
            Cut(true),
            Write(2, 126),
            Cut(true),
            Rotate,
            Crash(2_000),
        ],
        // The first line of a run waits for the API's word on it, and the run is over and lost before that comes.
        &[
            Write(1, 0),
            Restart(0),
            Crash(5_501),
            Write(1, 0),
            Restart(0),
            LosePrevious,
        ],
        // The run before is asked for while an answer is read, and is not there.
        &[
            Write(1, 0),
            Restart(0),
            Write(1, 0),
            LosePrevious,
            Crash(7_751),
            Write(1, 0),
            Restart(0),
        ],
    ];
    for acts in cases {
        let outcome = play(acts, None, true).await;
        assert_eq!(outcome.mistake(), None, "{acts:?}\n{}", outcome.text);
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_u8..6, prop_oneof![Just(0_u16), 1_u16..400]).prop_map(|(lines, pause)| Act::Write(lines, pause)),
        2 => any::<bool>().prop_map(Act::Cut),
        1 => prop_oneof![Just(0_u16), 1_u16..2_500].prop_map(Act::Restart),
        1 => (2_000_u16..9_000).prop_map(Act::Crash),
        1 => Just(Act::Rotate),
        1 => Just(Act::LosePrevious),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").map_or(150, |cases| cases.parse().unwrap()), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_missing_unsaid(acts in proptest::collection::vec(act(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let outcome = runtime.block_on(play(&acts, None, true));
        prop_assert_eq!(outcome.mistake(), None, "{}", outcome.text);
    }
}
