//! Regular expressions over lines, quick enough for a million of them.
//!
//! A whole segment is searched as one text, which is many times faster than line after line. For that a pattern must
//! never match across a line feed, so that is taken out of everything in it that could: `\s` and `[^"]` then mean
//! within the line, `^` and `$` its ends.

use std::ops::Range;

use regex_automata::{Anchored, Input, meta};
use regex_syntax::{
    ParserBuilder,
    hir::{
        Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look,
    },
};

use super::segment::Segment;
use crate::domain::Problem;

/// At most so many matches are shown in a line: more than a screen has cells.
const MATCHES: usize = 1000;

/// A compiled pattern may take as much; one that needs more is a mistake or an attack.
const SIZE: usize = 4 << 20;

/// A regular expression. One without capital letters matches them as well.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: Box<str>,
    regex: meta::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Reads a pattern as a person typed it.
    ///
    /// # Errors
    ///
    /// A problem of usage says what is wrong with it and where.
    pub fn new(text: &str) -> Result<Self, Problem> {
        let bad = |why: String| {
            Problem::usage(format!("the pattern {text:?} cannot be read"), why)
                .with_hint("put \\ before a character that is to be searched for as it is")
        };
        let hir = ParserBuilder::new()
            .multi_line(true)
            .case_insensitive(!has_capital(text))
            .build()
            .parse(text)
            .map_err(|error| bad(words(&error)))?;
        let regex = meta::Builder::new()
            .configure(meta::Config::new().nfa_size_limit(Some(SIZE)))
            .build_from_hir(&within_a_line(hir))
            .map_err(|_| bad("it is too large".to_owned()))?;
        Ok(Self {
            text: text.into(),
            regex,
        })
    }

    /// As it was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is somewhere in a line.
    #[must_use]
    pub fn is_match(&self, line: &str) -> bool {
        self.regex.is_match(line)
    }

    /// Where it is in a line, to be shown: bytes, in order, none of them empty.
    pub fn ranges<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        self.regex
            .find_iter(line)
            .map(|found| found.range())
            .filter(|range| !range.is_empty())
            .take(MATCHES)
    }

    /// Calls with the rows, of these of a segment, that it is in, until that answers `false`.
    pub(super) fn rows(
        &self,
        segment: &Segment,
        rows: Range<usize>,
        mut found: impl FnMut(usize) -> bool,
    ) {
        let end = segment.start(rows.end);
        let mut row = rows.start;
        while row < rows.end {
            let input = Input::new(&segment.text)
                .span(segment.start(row)..end)
                .anchored(Anchored::No)
                .earliest(true);
            let Some(matched) = self.regex.search_half(&input) else {
                return;
            };
            // Behind the last line feed there is a place, but no line.
            let at = segment.row_at(matched.offset());
            if at >= rows.end || matched.offset() >= end {
                return;
            }
            if !found(at) {
                return;
            }
            row = at + 1;
        }
    }
}

/// Whether a person typed a capital letter; the letter of a class such as `\S` is none.
fn has_capital(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            // `\p{Greek}` names a class.
            if matches!(chars.next(), Some('p' | 'P')) && chars.as_str().starts_with('{') {
                chars.by_ref().find(|c| *c == '}');
            }
        } else if c.is_uppercase() {
            return true;
        }
    }
    false
}

/// The same pattern without a way to match a line feed.
fn within_a_line(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(look) => Hir::look(match look {
            Look::Start | Look::StartCRLF => Look::StartLF,
            Look::End | Look::EndCRLF => Look::EndLF,
            other => other,
        }),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(within_a_line(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => within_a_line(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(within_a_line).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(within_a_line).collect())
        }
    }
}

/// What is wrong with a pattern, in one line.
fn words(error: &regex_syntax::Error) -> String {
    let (why, column) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
        regex_syntax::Error::Translate(error) => {
            (error.kind().to_string(), error.span().start.column)
        }
        other => {
            return other
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned();
        }
    };
    format!("{why}, at character {column}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::logs::{segment::Entry, sources::SourceId};

    fn segment(lines: &[&str]) -> Segment {
        let mut segment = Segment::default();
        for text in lines {
            segment.insert(
                segment.len(),
                &Entry {
                    time: 0,
                    source: SourceId(0),
                    level: None,
                    mark: None,
                    text,
                    paint: &[],
                },
            );
        }
        segment
    }

    fn rows(pattern: &Pattern, segment: &Segment, rows: Range<usize>) -> Vec<usize> {
        let mut found = Vec::new();
        pattern.rows(segment, rows, |row| {
            found.push(row);
            true
        });
        found
    }

    #[test]
    fn a_pattern_matches_within_lines_only() {
        let lines = segment(&["one two", "", "Two three", "tail two"]);
        for (pattern, want) in [
            ("two", &[0, 2, 3][..]),
            ("Two", &[2]),
            ("two$", &[0, 3]),
            (r"\Atwo", &[2]),
            (r"two\z", &[0, 3]),
            (r"two\s+T", &[]),
            (r"two\stwo|o\n", &[]),
            (r"\S+ \S+", &[0, 2, 3]),
            ("[^x]*", &[0, 1, 2, 3]),
            ("^$", &[1]),
            ("(?s)one.*tail", &[]),
            ("", &[0, 1, 2, 3]),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(rows(&pattern, &lines, 0..4), want, "{}", pattern.text());
            let middle: Vec<_> = want
                .iter()
                .copied()
                .filter(|row| (1..3).contains(row))
                .collect();
            assert_eq!(rows(&pattern, &lines, 1..3), middle, "{}", pattern.text());
        }
    }

    #[test]
    fn matches_within_a_line_have_places() {
        let pattern = Pattern::new("ü.?").unwrap();
        let ranges: Vec<_> = pattern.ranges("aüb Üx").collect();
        assert_eq!(ranges, [1..4, 5..8]);
        assert_eq!(Pattern::new("x*").unwrap().ranges("ab").count(), 0);
    }

    #[test]
    fn a_pattern_that_cannot_be_read_says_where() {
        let problem = Pattern::new("a(b").unwrap_err();
        assert_eq!(problem.why, "unclosed group, at character 2");
        let problem = Pattern::new(r"\w{1000}{1000}").unwrap_err();
        assert_eq!(problem.why, "it is too large");
    }

    proptest! {
        /// One search over a text finds the same lines as a search in each.
        #[test]
        fn the_quick_way_and_the_slow_way_agree(
            lines in prop::collection::vec("[ab ü]{0,6}", 0..12),
            pattern in "(\\^|)([abü.]|\\[\\^a\\]|\\\\s|\\\\S|\\\\b|\\||a\\*|\\(b\\|a\\)|\\$){0,5}",
        ) {
            let Ok(pattern) = Pattern::new(&pattern) else { return Ok(()) };
            let refs: Vec<_> = lines.iter().map(String::as_str).collect();
            let slow: Vec<_> = (0..refs.len()).filter(|row| pattern.is_match(refs[*row])).collect();
            prop_assert_eq!(rows(&pattern, &segment(&refs), 0..refs.len()), slow);
        }

        #[test]
        fn no_pattern_is_too_odd(pattern in "\\PC{0,20}", line in "\\PC{0,20}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                for range in pattern.ranges(&line) {
                    prop_assert!(line.get(range).is_some());
                }
            }
        }
    }
}
