//! What actions and keys do to the log pane.

use super::dialog::Fate;
use crate::{
    config::{Key, KeyChord},
    ops::logs::{self, Rule, save::Form},
    tui::{
        actions::ActionId,
        dialogs::{
            Dialog,
            field::Field,
            fields::{Fields, Outcome},
            log_choice::{self, LogChoice},
        },
        effect::{Effect, Export, Outlet},
        state::{
            Pane, State,
            log::{Prompt, Times},
        },
    },
};

/// The lines that are shown around one that passes the filter, in turn.
const CONTEXT: [usize; 4] = [0, 2, 5, 20];

/// Uses an action of the log pane.
pub(super) fn act(state: &mut State, id: ActionId) -> Vec<Effect> {
    let height = state.laid.rows(Pane::Log);
    let now = state.now;
    let log = &mut state.log;
    match id {
        ActionId::Follow => log.toggle_follow(),
        ActionId::Wrap => log.look.wrap = !log.look.wrap,
        ActionId::Times => {
            log.look.times = match log.look.times {
                Times::Off => Times::Clock,
                Times::Clock => Times::Ago,
                Times::Ago => Times::Off,
            };
        }
        ActionId::Search => open(state, Prompt::Search),
        ActionId::KeepOnly => open(state, Prompt::Keep),
        ActionId::Hide => open(state, Prompt::Hide),
        ActionId::SaveLog => open(state, Prompt::Save),
        ActionId::PipeLog => open(state, Prompt::Pipe),
        ActionId::NextHit | ActionId::PreviousHit => {
            let down = id == ActionId::NextHit;
            if log.search.is_none() {
                open(state, Prompt::Search);
            } else if !log.next_hit(down, height) {
                let words = if down { "no hit below" } else { "no hit above" };
                state.toasts.inform(words, now);
            }
        }
        ActionId::Unfilter => log.refilter(|filter| drop(filter.rules.pop())),
        ActionId::Level => log.next_level(),
        ActionId::Context => log.refilter(|filter| {
            let here = CONTEXT.iter().position(|lines| *lines == filter.before);
            let next = CONTEXT[here.map_or(1, |here| (here + 1) % CONTEXT.len())];
            (filter.before, filter.after) = (next, next);
        }),
        ActionId::Mute => {
            if let Some(line) = log.current_line() {
                let source = line.source();
                log.refilter(|filter| filter.rules.push(Rule::Mute(source)));
            }
        }
        ActionId::Fields => {
            if let Some(line) = log.current_line() {
                let found = logs::fields::fields(line.text());
                let dialog = Fields::new(line.text().to_owned(), found);
                state.dialogs.push(Dialog::Fields(dialog));
            }
        }
        ActionId::CopyLine => {
            if let Some(line) = log.current_line() {
                let text = line.text().to_owned();
                state.toasts.inform("copied the line", now);
                return vec![Effect::Copy(text)];
            }
        }
        _ => {}
    }
    Vec::new()
}

fn open(state: &mut State, prompt: Prompt) {
    state.log.prompt = Some((prompt, Field::default()));
}

/// A key for the choice of whose logs are followed.
pub(super) fn choose(state: &mut State, choice: &mut LogChoice, chord: KeyChord) -> Fate {
    match choice.press(chord) {
        log_choice::Outcome::Stay => Fate::Stays,
        log_choice::Outcome::Close => Fate::Closes,
        log_choice::Outcome::Chosen(target) => {
            state.log.open(Some(target));
            state.log.pinned = true;
            state.focus = Pane::Log;
            Fate::Closes
        }
    }
}

/// A key for the line that is shown in full.
pub(super) fn fields(state: &mut State, line: &mut Fields, chord: KeyChord) -> Fate {
    match line.press(chord) {
        Outcome::Stay => Fate::Stays,
        Outcome::Close => Fate::Closes,
        Outcome::Filter(rule) => {
            state.log.refilter(|filter| filter.rules.push(rule));
            Fate::Closes
        }
        Outcome::Copy(text) => {
            let now = state.now;
            state.toasts.inform("copied", now);
            Fate::Below(vec![Effect::Copy(text)])
        }
    }
}

/// Takes a key for what is being typed.
pub(super) fn press(state: &mut State, chord: KeyChord) -> Vec<Effect> {
    let Some((prompt, mut field)) = state.log.prompt.take() else {
        return Vec::new();
    };
    match (chord.ctrl, chord.key) {
        (_, Key::Esc) | (true, Key::Char('c')) => {
            if prompt == Prompt::Search {
                state.log.search(None);
            }
        }
        (_, Key::Enter) => return entered(state, prompt, field),
        _ => {
            field.press(chord);
            state.log.prompt = Some((prompt, field));
        }
    }
    Vec::new()
}

fn entered(state: &mut State, prompt: Prompt, field: Field) -> Vec<Effect> {
    let text = field.text().trim().to_owned();
    let outlet = match prompt {
        Prompt::Save => Some(Outlet::File(text.clone())),
        Prompt::Pipe => Some(Outlet::Command(text.clone())),
        _ => None,
    };
    if let Some(outlet) = outlet {
        if text.is_empty() {
            return Vec::new();
        }
        let times = state.log.look.times != Times::Off;
        // A file whose name says so is JSON.
        let json = matches!(&outlet, Outlet::File(name) if name.to_lowercase().contains(".json"));
        let form = Form {
            json,
            times,
            sources: state.log.several_sources(),
        };
        let export = Export {
            form,
            outlet,
            lines: state.log.store.lines().clone(),
            numbers: state.log.index.numbers().collect(),
        };
        return vec![Effect::Export(Box::new(export))];
    }
    if let Err(problem) = state.log.use_pattern(prompt, &text) {
        state.toasts.fail(problem);
        state.log.prompt = Some((prompt, field));
    }
    Vec::new()
}
