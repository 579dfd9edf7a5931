//! A form: rows that are filled in, checked as they are typed, and the wish that they lead to.
//!
//! What a form asks for and what it means is a [`Purpose`], one file each in [`super::forms`]; keys and looks are the same
//! for all of them.

mod rows;

pub use rows::{Answers, Input, Row, Wrong};

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{forms::Purpose, frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    domain::Problem,
    ops::{Wish, draft::LocalFiles},
    tui::theme::{Theme, Tone},
};

/// Lines below the rows: an empty one, two for what is wrong, the keys.
const BELOW: u16 = 4;
/// So many rows a page key goes on.
const PAGE: usize = 10;
/// Cells of the whole form.
const WIDTH: u16 = 78;

/// A form that is being filled in.
#[derive(Debug, Clone)]
pub struct Form {
    purpose: Purpose,
    rows: Vec<Row>,
    focus: usize,
    /// The files that the answers name, and what is wrong with them as far as it is known.
    files: LocalFiles,
    wrong: Option<Problem>,
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
            files: LocalFiles::default(),
            wrong: None,
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

    /// Files that the answers name and that nobody has looked for since they do.
    pub fn unchecked(&mut self) -> Option<LocalFiles> {
        let Ok(Wish::Draft(draft)) = self.wish() else {
            return None;
        };
        if draft.files == self.files {
            return None;
        }
        self.files = draft.files;
        self.wrong = None;
        (!self.files.is_empty()).then(|| self.files.clone())
    }

    /// Takes in what is wrong with such files.
    pub fn take_checked(&mut self, files: &LocalFiles, problem: Option<&Problem>) {
        if self.files == *files {
            self.wrong = problem.cloned();
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let count = self.rows.len();
        match (chord.ctrl, chord.key) {
            (true, Key::Char('c')) | (_, Key::Esc) => return Outcome::Close,
            (_, Key::Enter) => match self.wish() {
                Ok(wish) => {
                    // What is wrong with files can be mended elsewhere before a person comes back.
                    self.files = LocalFiles::default();
                    return Outcome::Wanted(wish);
                }
                Err(Wrong(label, _)) => {
                    let wrong = self.rows.iter().position(|row| row.label == label);
                    self.focus = wrong.unwrap_or(self.focus);
                }
            },
            (_, Key::Tab) if chord.shift => self.focus = (self.focus + count - 1) % count,
            (_, Key::Up) => self.focus = (self.focus + count - 1) % count,
            (_, Key::Tab | Key::Down) => self.focus = (self.focus + 1) % count,
            (_, Key::PageUp) => self.focus = self.focus.saturating_sub(PAGE),
            (_, Key::PageDown) => self.focus = (self.focus + PAGE).min(count - 1),
            (_, Key::Right) if self.rows[self.focus].take_offer() => {}
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

    /// What is to be said of the answers: what is wrong, else what speaks against them, else more about the one that is
    /// being given.
    pub(super) fn words(&self) -> (String, Tone) {
        let told = |problem: &Problem| match problem.hint.as_str() {
            "" => problem.to_string(),
            hint => format!("{problem}; {hint}"),
        };
        let advice = match self.wish() {
            Err(Wrong(_, problem)) => told(&problem),
            Ok(wish) => match &self.wrong {
                Some(problem) => told(problem),
                None => self.purpose.advice(&wish).to_owned(),
            },
        };
        if !advice.is_empty() {
            return (advice, Tone::Warning);
        }
        let row = &self.rows[self.focus];
        let (offers, _) = row.fitting();
        let offers: Vec<&str> = offers.collect();
        let help = match (row.help, offers.as_slice()) {
            (help, []) => help.to_owned(),
            ("", offers) => format!("right: {}", offers.join(", ")),
            (help, offers) => format!("{help}; right: {}", offers.join(", ")),
        };
        (help, Tone::Dim)
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
        let [above, rows, more, below] = Layout::vertical([
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
            self.rows[place].view(frame, row, place == self.focus, theme);
        }
        let after = self
            .rows
            .len()
            .saturating_sub(first + usize::from(rows.height));
        if after > 0 || first > 0 {
            let words = format!("  {} of {}, {after} below", self.focus + 1, self.rows.len());
            frame.render_widget(Span::styled(words, theme.style(Tone::Dim)), more);
        }
        let [words, keys] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(below);
        let (said, tone) = self.words();
        let said = Paragraph::new(Line::styled(said, theme.style(tone)));
        let words = words.inner(Margin::new(1, 0));
        frame.render_widget(said.wrap(Wrap { trim: false }), words);
        let line = [
            ("enter", "show the plan"),
            ("tab", "next field"),
            ("esc", "leave"),
        ];
        frame.render_widget(key_line(&line, theme), keys);
    }
}
