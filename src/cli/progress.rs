//! How the carrying out of a plan is told on stderr: on a terminal the steps that are going on stand below the ones
//! that are done and their seconds run; into a file or a pipe goes one line for each beginning and each end.
//!
//! Values only: events and times go in, texts come out. `cli::drive` owns the clock and the stream.

use std::{fmt::Write as _, time::Duration};

use unicode_width::UnicodeWidthChar;

use crate::{
    domain::log::sanitize,
    plan::{Event, Outcome, Plan, Progress},
};

/// Steps that usually take less than this are told only when they are done.
const LONG: Duration = Duration::from_secs(1);

/// How the report may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Redraw lines in place; only terminals understand that.
    pub live: bool,
    /// Use colours.
    pub colour: bool,
    /// Use ASCII characters only.
    pub ascii: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Waiting,
    Running { since: Duration, progress: Progress },
    Ended,
}

/// The report of one plan.
#[derive(Debug)]
pub struct Report {
    style: Style,
    steps: Vec<(String, Duration, State)>,
    /// How many lines stand on the terminal that the next text has to replace.
    drawn: usize,
}

impl Report {
    /// A report that begins.
    #[must_use]
    pub fn new(plan: &Plan, style: Style) -> Self {
        let steps = plan.steps.iter().map(|planned| {
            let step = &planned.step;
            (clean(&step.describe()), step.usual(), State::Waiting)
        });
        Self {
            style,
            steps: steps.collect(),
            drawn: 0,
        }
    }

    /// Takes in an event that came at a time since the beginning, and returns the line that tells it for good.
    pub fn event(&mut self, event: &Event, now: Duration) -> Option<String> {
        let (Event::Started(id)
        | Event::Progress(id, _)
        | Event::Finished(id, _)
        | Event::Failed(id, _)
        | Event::Undone(id)
        | Event::UndoFailed(id, _)) = event;
        let style = self.style;
        let (text, usual, state) = self.steps.get_mut(*id)?;
        match event {
            Event::Started(_) => {
                *state = State::Running {
                    since: now,
                    progress: Progress::default(),
                };
                (!style.live && *usual >= LONG).then(|| format!("{} {text}", style.mark(' ')))
            }
            Event::Progress(_, news) => {
                if let State::Running { progress, .. } = state {
                    *progress = news.clone();
                }
                None
            }
            Event::Finished(_, Outcome::AlreadySo) => {
                *state = State::Ended;
                None
            }
            Event::Finished(_, Outcome::Done(took)) => {
                *state = State::Ended;
                Some(format!("{} {text}  {}", style.mark('+'), seconds(*took)))
            }
            Event::Failed(_, problem) => {
                *state = State::Ended;
                let why = clean(problem.why.lines().next().unwrap_or_default());
                Some(format!("{} {text}: {why}", style.mark('x')))
            }
            Event::Undone(_) => {
                let line = format!("{} taken back: {text}", style.mark('-'));
                // Taking back begins when nothing goes on any more; waits that were given up have no end of their own.
                for (_, _, state) in &mut self.steps {
                    *state = State::Ended;
                }
                Some(line)
            }
            Event::UndoFailed(_, problem) => Some(format!(
                "{} not taken back: {text}: {}",
                style.mark('x'),
                clean(&problem.why.replace('\n', " "))
            )),
        }
    }

    /// The bytes that bring the terminal up to date: the steps that are going on are replaced, a line that stays goes
    /// above them.
    pub fn draw(&mut self, lasting: Option<&str>, now: Duration, width: usize) -> String {
        let mut out = String::new();
        if !self.style.live {
            if let Some(line) = lasting {
                let _ = writeln!(out, "{line}");
            }
            return out;
        }
        self.erase(&mut out);
        if let Some(line) = lasting {
            let _ = writeln!(out, "{line}");
        }
        for (text, _, state) in &self.steps {
            let State::Running { since, progress } = state else {
                continue;
            };
            let mut line = format!("  {text}  {}", seconds(now.saturating_sub(*since)));
            if progress.of > 0 {
                let _ = write!(line, "  {}", amount(progress));
            }
            if !progress.message.is_empty() {
                let _ = write!(line, "  {}", clean(&progress.message));
            }
            let _ = writeln!(
                out,
                "{} {}",
                self.style.mark('>'),
                cut(line.trim_start(), width)
            );
            self.drawn += 1;
        }
        out
    }

    /// The bytes that leave only lasting lines on the terminal.
    pub fn end(&mut self) -> String {
        let mut out = String::new();
        self.erase(&mut out);
        out
    }

    fn erase(&mut self, out: &mut String) {
        if self.drawn > 0 {
            // Up to the first of the drawn lines, and clear from there.
            let _ = write!(out, "\u{1b}[{}F\u{1b}[J", self.drawn);
            self.drawn = 0;
        }
    }
}

impl Style {
    /// The sign before a line.
    fn mark(self, kind: char) -> String {
        let (sign, plain, colour) = match kind {
            '+' => ('✓', '+', 32),
            'x' => ('✗', 'x', 31),
            '-' => ('↶', '-', 33),
            '>' => ('▸', '>', 36),
            _ => ('·', '.', 90),
        };
        let sign = if self.ascii { plain } else { sign };
        if self.colour {
            format!("\u{1b}[{colour}m{sign}\u{1b}[0m")
        } else {
            sign.to_string()
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn amount(progress: &Progress) -> String {
    if !progress.bytes {
        return format!("{}/{}", progress.done, progress.of);
    }
    let mib = |bytes: u64| {
        let tenths = bytes.saturating_mul(10) / 1_048_576;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    format!("{}/{} MiB", mib(progress.done), mib(progress.of))
}

/// One line without anything that moves a cursor.
fn clean(text: &str) -> String {
    sanitize(text.as_bytes())
}

/// What fits beside the sign. A line that wraps would not be erased whole.
fn cut(line: &str, width: usize) -> String {
    let room = width.saturating_sub(3);
    let mut used = 0;
    line.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ClusterName, Problem},
        plan::Step,
    };

    fn plan() -> Plan {
        let mut plan = Plan::new("create", ClusterName::existing("demo"));
        let image = plan.add(
            Step::PullImage {
                image: "img".to_owned(),
            },
            [],
        );
        plan.add(
            Step::WaitForLog {
                container: "node".to_owned(),
                role: crate::domain::Role::Server,
            },
            [image],
        );
        plan
    }

    const PLAIN: Style = Style {
        live: false,
        colour: false,
        ascii: true,
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn into_a_pipe_goes_a_line_for_each_end_and_for_each_long_beginning() {
        let mut report = Report::new(&plan(), PLAIN);
        let lines: Vec<Option<String>> = [
            Event::Started(0),
            Event::Finished(0, Outcome::Done(Duration::from_millis(250))),
            Event::Started(1),
            Event::Failed(1, Problem::failed("x", "it \u{1b}[31mdied\nand more")),
            Event::Undone(0),
        ]
        .iter()
        .map(|event| report.event(event, at(1)))
        .collect();
        let lines: Vec<&str> = lines.iter().flatten().map(String::as_str).collect();
        assert_eq!(
            lines,
            [
                "+ image img  0.2 s",
                ". wait for node",
                "x wait for node: it died",
                "- taken back: image img"
            ]
        );
        assert_eq!(report.draw(Some("line"), at(2), 80), "line\n");
    }

    #[test]
    fn on_a_terminal_running_steps_are_replaced_and_never_wrap() {
        let mut report = Report::new(
            &plan(),
            Style {
                live: true,
                ..PLAIN
            },
        );
        report.event(&Event::Started(0), at(0));
        let progress = Progress {
            done: 1_572_864,
            of: 3_145_728,
            bytes: true,
            message: "\u{1b}[2Jlong".repeat(9),
        };
        report.event(&Event::Progress(0, progress), at(1));
        assert_eq!(
            report.draw(None, at(3), 40),
            "> image img  3.0 s  1.5/3.0 MiB  longlo\n"
        );
        let line = report.event(&Event::Finished(0, Outcome::Done(at(3))), at(3));
        assert_eq!(
            report.draw(line.as_deref(), at(3), 40),
            "\u{1b}[1F\u{1b}[J+ image img  3.0 s\n"
        );
        assert_eq!(report.end(), "");
        report.event(&Event::Started(1), at(3));
        let line = report.event(&Event::Undone(0), at(4));
        assert_eq!(
            report.draw(line.as_deref(), at(4), 40),
            "- taken back: image img\n"
        );
    }
}
