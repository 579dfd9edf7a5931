//! The questions of a form, and their answers.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Span,
};

use crate::{
    domain::Problem,
    tui::{
        dialogs::field::Field,
        theme::{Theme, Tone},
    },
};

/// Cells of a label and of a note.
const LABEL: u16 = 16;
const NOTE: u16 = 27;

/// One question.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name, by which the purpose asks for the answer.
    pub label: &'static str,
    /// What is expected, in a few words.
    pub note: &'static str,
    /// More about it, for who is answering.
    pub help: &'static str,
    /// Words that an answer can have, such as names of what is there.
    pub offers: Vec<String>,
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
            help: "",
            offers: Vec::new(),
            input: Input::Text(Field::new(text)),
        }
    }

    /// A question with a few answers, the first of which is chosen.
    #[must_use]
    pub fn choice(label: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            label,
            note: "space changes it",
            help: "",
            offers: Vec::new(),
            input: Input::Choice { words, at: 0 },
        }
    }

    /// With more words about it.
    #[must_use]
    pub const fn about(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// With words that the answer can have.
    #[must_use]
    pub fn offering(mut self, offers: Vec<String>) -> Self {
        self.offers = offers;
        self
    }

    /// The words that go on from what is typed, and how much of each is there.
    pub(super) fn fitting(&self) -> (impl Iterator<Item = &str>, usize) {
        let typed = match &self.input {
            Input::Text(field) => field.text().rsplit(' ').next().unwrap_or_default(),
            Input::Choice { .. } => "",
        };
        let offers = self.offers.iter().map(String::as_str);
        let fitting = offers.filter(move |offer| offer.starts_with(typed) && *offer != typed);
        (fitting, typed.len())
    }

    /// Takes the first of those words; `false` where there is none, or the cursor is elsewhere.
    pub(super) fn take_offer(&mut self) -> bool {
        let (mut fitting, typed) = self.fitting();
        let rest = fitting.next().map(|offer| offer[typed..].to_owned());
        drop(fitting);
        match (&mut self.input, rest) {
            (Input::Text(field), Some(rest)) if field.is_at_end() => {
                field.paste(&rest);
                true
            }
            _ => false,
        }
    }

    /// Draws it.
    pub(super) fn view(&self, frame: &mut Frame<'_>, area: Rect, focused: bool, theme: &Theme) {
        let tone = if focused { Tone::Focus } else { Tone::Dim };
        let marker = if focused { theme.glyphs.arrow } else { " " };
        // Where there is little room, the answer needs it.
        let note = if self.note.is_empty() || area.width < LABEL + 2 * NOTE {
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
        let name = format!("{marker} {}", self.label);
        frame.render_widget(Span::styled(name, theme.style(tone)), label);
        frame.render_widget(Span::styled(self.note, theme.style(Tone::Dim)), note);
        match &self.input {
            Input::Text(field) => field.view(frame, value, theme.style(Tone::Text), focused),
            Input::Choice { words, at } => {
                let word = words.get(*at).copied().unwrap_or_default();
                frame.render_widget(Span::styled(word, theme.style(Tone::Text)), value);
            }
        }
    }
}

/// The answers, for a purpose to read.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a>(pub(super) &'a [Row]);

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
