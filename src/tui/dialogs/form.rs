//! A form: rows that are filled in, checked as they are typed, and the wish that they lead to.
//!
//! What a form asks for and what it means is a [`Purpose`], one file each in [`super::forms`]; keys and looks are the same
//! for all of them.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{field::Field, forms::Purpose, frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    domain::Problem,
    ops::Wish,
    tui::theme::{Theme, Tone},
};

/// Lines below the rows: an empty one, two for what is wrong, the keys.
const BELOW: u16 = 4;
/// Cells of a label, of a note, and of the whole form.
const LABEL: u16 = 16;
const NOTE: u16 = 27;
const WIDTH: u16 = 78;

/// One question.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name, by which the purpose asks for the answer.
    pub label: &'static str,
    /// What is expected, in a few words.
    pub note: &'static str,
    /// The answer.
    pub input: Input,
}

/// How a question is answered.
#[derive(Debug, Clone)]
pub enum Input {
    /// With a text.
    Text(Field),
    /// With one of several.
    Choice {
        /// Their words.
        words: &'static [&'static str],
        /// Which one.
        at: usize,
    },
}

impl Row {
    /// A question that is answered with a text, which begins with this one.
    pub fn text(label: &'static str, text: impl Into<String>, note: &'static str) -> Self {
        Self {
            label,
            note,
            input: Input::Text(Field::new(text)),
        }
    }

    /// A question with a few answers, the first of which is chosen.
    #[must_use]
    pub const fn choice(label: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            label,
            note: "space changes it",
            input: Input::Choice { words, at: 0 },
        }
    }
}

/// The answers, for a purpose to read.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a>(&'a [Row]);

impl<'a> Answers<'a> {
    fn row(self, label: &str) -> Option<&'a Row> {
        let row = self.0.iter().find(|row| row.label == label);
        debug_assert!(row.is_some(), "no row {label}");
        row
    }

    /// A text, without spaces around it.
    #[must_use]
    pub fn text(self, label: &str) -> &'a str {
        match self.row(label).map(|row| &row.input) {
            Some(Input::Text(field)) => field.text().trim(),
            _ => "",
        }
    }

    /// The words of a text.
    pub fn words(self, label: &str) -> impl Iterator<Item = &'a str> {
        self.text(label).split_whitespace()
    }

    /// Which of several.
    #[must_use]
    pub fn choice(self, label: &str) -> usize {
        match self.row(label).map(|row| &row.input) {
            Some(Input::Choice { at, .. }) => *at,
            _ => 0,
        }
    }

    /// What a text means.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read<T>(
        self,
        label: &'static str,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<T, Wrong> {
        read(self.text(label)).map_err(|problem| Wrong(label, problem))
    }

    /// What a text means where there is one.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn optional<T>(
        self,
        label: &'static str,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Wrong> {
        match self.text(label) {
            "" => Ok(None),
            _ => self.read(label, read).map(Some),
        }
    }

    /// What each word of a text means.
    ///
    /// # Errors
    /// What is wrong with the first that is, and where.
    pub fn each<T>(
        self,
        label: &'static str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Wrong> {
        let all: Result<Vec<T>, Problem> = self.words(label).map(read).collect();
        all.map_err(|problem| Wrong(label, problem))
    }

    /// A number.
    ///
    /// # Errors
    /// Where it is none.
    pub fn number(self, label: &'static str) -> Result<u16, Wrong> {
        let refuse = |_| Problem::usage(label, "a number up to 65535 is expected");
        self.read(label, |text| text.parse().map_err(refuse))
    }
}

/// What is wrong, and with which answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong(pub &'static str, pub Problem);

/// A form that is being filled in.
#[derive(Debug, Clone)]
pub struct Form {
    purpose: Purpose,
    rows: Vec<Row>,
    focus: usize,
}

/// What a key did to a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// It is filled in.
    Wanted(Wish),
}

impl Form {
    /// A form for a purpose.
    #[must_use]
    pub fn new(purpose: Purpose) -> Self {
        Self {
            rows: purpose.rows(),
            purpose,
            focus: 0,
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    fn wish(&self) -> Result<Wish, Wrong> {
        self.purpose.wish(Answers(&self.rows))
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let count = self.rows.len();
        match (chord.ctrl, chord.key) {
            (true, Key::Char('c')) | (_, Key::Esc) => return Outcome::Close,
            (_, Key::Enter) => match self.wish() {
                Ok(wish) => return Outcome::Wanted(wish),
                Err(Wrong(label, _)) => {
                    let wrong = self.rows.iter().position(|row| row.label == label);
                    self.focus = wrong.unwrap_or(self.focus);
                }
            },
            (_, Key::Tab) if chord.shift => self.focus = (self.focus + count - 1) % count,
            (_, Key::Up) => self.focus = (self.focus + count - 1) % count,
            (_, Key::Tab | Key::Down) => self.focus = (self.focus + 1) % count,
            (_, key) => match self.rows.get_mut(self.focus).map(|row| &mut row.input) {
                Some(Input::Text(field)) => {
                    field.press(chord);
                }
                Some(Input::Choice { words, at }) => match key {
                    Key::Char(' ') | Key::Right => *at = (*at + 1) % words.len(),
                    Key::Left => *at = (*at + words.len() - 1) % words.len(),
                    _ => {}
                },
                None => {}
            },
        }
        Outcome::Stay
    }

    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(Input::Text(field)) = self.rows.get_mut(self.focus).map(|row| &mut row.input) {
            field.paste(text);
        }
    }

    /// Draws it. Where there is no room for all rows, those around the focus are shown.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let facts = self.purpose.facts();
        let above = u16::try_from(facts.len()).unwrap_or(u16::MAX);
        let count = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        let height = count.saturating_add(above).saturating_add(BELOW + 2);
        let inner = frame_of(frame, area, (WIDTH, height), &self.purpose.title(), theme);
        let [above, rows, _, below] = Layout::vertical([
            Constraint::Length(above),
            Constraint::Length(count),
            Constraint::Length(1),
            Constraint::Length(BELOW - 1),
        ])
        .flex(ratatui::layout::Flex::Start)
        .areas(Rect {
            // What there is no room for is taken from the rows.
            height: inner.height,
            ..inner
        });
        let facts: Vec<Line<'_>> = facts
            .iter()
            .map(|fact| Line::styled(format!("  {fact}"), theme.style(Tone::Dim)))
            .collect();
        frame.render_widget(Paragraph::new(facts), above);
        let first = (self.focus + 1).saturating_sub(usize::from(rows.height));
        for (place, y) in (first..self.rows.len()).zip(rows.top()..rows.bottom()) {
            let row = Rect {
                y,
                height: 1,
                ..rows
            };
            view_row(&self.rows[place], frame, row, place == self.focus, theme);
        }
        let [words, keys] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(below);
        let words_of = match self.wish() {
            Ok(wish) => self.purpose.advice(&wish).to_owned(),
            Err(Wrong(_, problem)) if problem.hint.is_empty() => problem.to_string(),
            Err(Wrong(_, problem)) => format!("{problem}; {}", problem.hint),
        };
        let words_of = Line::styled(format!(" {words_of}"), theme.style(Tone::Warning));
        frame.render_widget(Paragraph::new(words_of).wrap(Wrap { trim: false }), words);
        let line = [
            ("enter", "show the plan"),
            ("tab", "next field"),
            ("esc", "leave"),
        ];
        frame.render_widget(key_line(&line, theme), keys);
    }
}

fn view_row(row: &Row, frame: &mut Frame<'_>, area: Rect, focused: bool, theme: &Theme) {
    let tone = if focused { Tone::Focus } else { Tone::Dim };
    let marker = if focused { theme.glyphs.arrow } else { " " };
    // Where there is little room, the answer needs it.
    let note = if row.note.is_empty() || area.width < LABEL + 2 * NOTE {
        0
    } else {
        NOTE
    };
    let [label, value, note] = Layout::horizontal([
        Constraint::Length(LABEL),
        Constraint::Fill(1),
        Constraint::Length(note),
    ])
    .areas(area);
    let name = format!("{marker} {}", row.label);
    frame.render_widget(Span::styled(name, theme.style(tone)), label);
    frame.render_widget(Span::styled(row.note, theme.style(Tone::Dim)), note);
    match &row.input {
        Input::Text(field) => field.view(frame, value, theme.style(Tone::Text), focused),
        Input::Choice { words, at } => {
            let word = words.get(*at).copied().unwrap_or_default();
            frame.render_widget(Span::styled(word, theme.style(Tone::Text)), value);
        }
    }
}
