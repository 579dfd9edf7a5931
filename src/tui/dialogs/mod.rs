//! What opens above the panes: forms, plans, questions, lists to choose from.
//!
//! A dialog is a value with `press` and `view`; what it wants done it returns as an outcome, so each is tested with keys
//! and values alone.

pub mod confirm_delete;
pub mod field;
pub mod fields;
pub mod form;
pub mod forms;
pub mod forwards;
pub mod listing;
pub mod lists;
pub mod log_choice;
pub mod new_forward;
pub mod plan_preview;
pub mod scale;

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Style,
    symbols::border,
    text::Line,
    widgets::{Block, Clear},
};

use super::theme::{Theme, Tone};
use crate::{domain::Problem, ops::Wish};

/// What is open above the panes.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// A form that leads to a plan.
    Form(Box<form::Form>),
    /// A list of things around clusters.
    Listing(Box<listing::Listing>),
    /// How many nodes a cluster is to have.
    Scale(scale::Scale),
    /// A plan is being made, by this number, for this wish.
    Planning(u64, Wish),
    /// A plan, before it is carried out.
    Preview(u64, Wish, Box<plan_preview::PlanPreview>),
    /// The question before a cluster is deleted.
    ConfirmDelete(u64, Wish, Box<confirm_delete::ConfirmDelete>),
    /// The progress of an operation, scrolled down by lines.
    Progress(u64, usize),
    /// All operations.
    Operations(lists::Picker),
    /// Every action of use here.
    Menu(lists::Picker),
    /// Actions and clusters by name.
    Palette(lists::Picker),
    /// All keys.
    Help(lists::Picker),
    /// The form for a port-forward.
    NewForward(Box<new_forward::NewForward>),
    /// All port-forwards.
    Forwards(forwards::Forwards),
    /// Whose logs are to be followed.
    LogChoice(Box<log_choice::LogChoice>),
    /// A line of a log in full.
    Fields(fields::Fields),
    /// The log of the program itself.
    AppLog,
    /// What a command said: its title and its text.
    Text(String, String),
    /// A failure in full.
    Problem(Problem),
    /// The question before the program ends while operations go on.
    Quit,
}

impl Dialog {
    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str) {
        match self {
            Self::Form(form) => form.paste(text),
            Self::NewForward(form) => form.paste(text),
            Self::ConfirmDelete(_, _, question) => question.paste(text),
            Self::Menu(picker) | Self::Palette(picker) | Self::Help(picker) => {
                picker.field.paste(text);
            }
            _ => {}
        }
    }
}

/// Borders of ASCII characters, for terminals and fonts without line drawing.
const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// A bordered block in the theme's characters.
#[must_use]
pub fn bordered(title: &str, focused: bool, theme: &Theme) -> Block<'static> {
    let tone = if focused { Tone::Focus } else { Tone::Border };
    let title_tone = if focused { Tone::Focus } else { Tone::Title };
    let block = Block::bordered().border_style(theme.style(tone));
    let block = if theme.ascii {
        block.border_set(ASCII_BORDER)
    } else {
        block
    };
    // The border's colour lies below the title and would shine through.
    let style = Style::reset().patch(theme.style(title_tone));
    block.title(Line::styled(format!(" {title} "), style))
}

/// Clears a centred area of at most the given size, draws the border of a dialog there and returns what is inside.
/// A screen that is smaller than the dialog is filled by it.
pub fn frame_of(
    frame: &mut Frame<'_>,
    area: Rect,
    (width, height): (u16, u16),
    title: &str,
    theme: &Theme,
) -> Rect {
    let outer = area.centered(
        Constraint::Max(width.min(area.width)),
        Constraint::Max(height.min(area.height)),
    );
    frame.render_widget(Clear, outer);
    let block = bordered(title, true, theme);
    let inner = block.inner(outer);
    frame.render_widget(block, outer);
    inner
}

/// Keys and what they do, for the last line of a dialog.
#[must_use]
pub fn key_line<'a>(keys: &[(&'a str, &'a str)], theme: &Theme) -> Line<'a> {
    let mut spans = Vec::new();
    for (key, what) in keys {
        spans.push(ratatui::text::Span::styled(
            format!(" {key}"),
            theme.style(Tone::Key),
        ));
        spans.push(ratatui::text::Span::raw(format!(" {what}  ")));
    }
    Line::from(spans)
}
