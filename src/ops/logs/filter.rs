//! What of a log is shown: a stack of rules, and lines around those that pass.

use std::ops::Range;

use super::{Level, Pattern, SourceId, fields, segment::Segment};

/// Which lines are shown. Marks are always shown, because a reader has to know of a gap also among filtered lines;
/// only those of a muted source are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Every one of them has to let a line pass.
    pub rules: Vec<Rule>,
    /// How many lines before one that passes are shown with it.
    pub before: usize,
    /// How many lines after it.
    pub after: usize,
    /// Whether marks have to pass like lines, by what they say, as in a search.
    pub judge_marks: bool,
}

/// A rule that lines have to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Only lines that match.
    Keep(Pattern),
    /// No line that matches, also not around another one.
    Hide(Pattern),
    /// Only lines that are at least as serious; one that does not say is taken for information.
    AtLeast(Level),
    /// No line of this source, also not around another one.
    Mute(SourceId),
    /// Only lines where the field has the value.
    Field {
        /// As in [`fields::Field::path`].
        path: String,
        /// Without regard to upper and lower case.
        value: String,
    },
}

/// What the rules say of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Passes,
    /// It may be shown around one that passes.
    Around,
    Hidden,
}

impl Filter {
    /// The lines, and marks, that match: the hits of a search.
    #[must_use]
    pub fn matching(pattern: Pattern) -> Self {
        Self {
            rules: vec![Rule::Keep(pattern)],
            judge_marks: true,
            ..Self::default()
        }
    }

    /// Whether everything passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What becomes of some rows of a segment.
    pub(super) fn judge(&self, segment: &Segment, rows: Range<usize>) -> Vec<Verdict> {
        let mut verdicts = vec![Verdict::Passes; rows.len()];
        for rule in &self.rules {
            self.apply(rule, segment, &rows, &mut verdicts);
        }
        verdicts
    }

    fn apply(&self, rule: &Rule, segment: &Segment, rows: &Range<usize>, verdicts: &mut [Verdict]) {
        let facts = &segment.rows[rows.clone()];
        let exempt = |row: usize| !self.judge_marks && facts[row].mark != 0;
        match rule {
            Rule::Hide(pattern) => pattern.rows(segment, rows.clone(), |row| {
                if !exempt(row - rows.start) {
                    verdicts[row - rows.start] = Verdict::Hidden;
                }
                true
            }),
            Rule::Mute(source) => {
                for (row, verdict) in facts.iter().zip(verdicts) {
                    if row.source == source.0 {
                        *verdict = Verdict::Hidden;
                    }
                }
            }
            Rule::AtLeast(least) => {
                for (at, verdict) in verdicts.iter_mut().enumerate() {
                    let level = Level::from_byte(facts[at].level).unwrap_or(Level::Info);
                    if level < *least && !exempt(at) {
                        verdict.fail();
                    }
                }
            }
            Rule::Keep(pattern) => {
                let mut next = 0;
                let mut fail_up_to = |end: usize| {
                    for (at, verdict) in verdicts.iter_mut().enumerate().take(end).skip(next) {
                        if !exempt(at) {
                            verdict.fail();
                        }
                    }
                    next = end + 1;
                };
                pattern.rows(segment, rows.clone(), |row| {
                    fail_up_to(row - rows.start);
                    true
                });
                fail_up_to(rows.len());
            }
            Rule::Field { path, value } => {
                for (at, verdict) in verdicts.iter_mut().enumerate() {
                    if *verdict == Verdict::Passes
                        && !exempt(at)
                        && !fields::has(segment.text(rows.start + at), path, value)
                    {
                        verdict.fail();
                    }
                }
            }
        }
    }
}

impl Verdict {
    fn fail(&mut self) {
        if *self == Self::Passes {
            *self = Self::Around;
        }
    }
}
