//! Drawing: a pure function from the state to a frame, which tells where things were drawn.
//!
//! The layout follows the size: all four panes at once where they fit, the focused one with a strip of clusters above it
//! on a small terminal, a bare list on a tiny one.

mod clusters;
mod dialogs;
mod forwards;
mod frame_line;
mod listing;
mod log;
mod log_line;
mod message;
mod nodes;
mod pods;
mod progress;
mod table;

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::Line,
};

use super::{
    dialogs::bordered,
    format::until_next_age,
    state::{EngineState, Laid, Pane, State, clusters::ApiState, pods::Live},
    theme::Tone,
};
use crate::{domain::log::is_harmful, resources::Cell};

/// Draws the state and returns where the panes' lines are.
pub fn view(state: &State, frame: &mut Frame<'_>) -> Laid {
    let area = frame.area();
    let mut laid = Laid::default();
    if area.width < 20 || area.height < 5 {
        let text = format!("needs 20x5, has {}x{}", area.width, area.height);
        frame.render_widget(Line::raw(text), area);
        return laid;
    }
    if is_welcome(state) {
        let rows = message::height(state, area);
        let [above, below] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(area);
        dialogs::welcome(state, frame, above);
        message::view(state, frame, below);
    } else {
        home(state, frame, area, &mut laid);
    }
    for dialog in &state.dialogs {
        dialogs::view(state, dialog, frame, area);
    }
    disarm(frame.buffer_mut());
    laid
}

/// Takes out what a terminal would obey. Texts are made harmless where they come in; this is for the name that nobody
/// thought of, in a kubeconfig or an image, and costs a look at each cell.
fn disarm(frame: &mut Buffer) {
    for cell in &mut frame.content {
        let symbol = cell.symbol();
        if symbol.contains(is_harmful) {
            let rest: String = symbol.chars().filter(|c| !is_harmful(*c)).collect();
            cell.set_symbol(if rest.is_empty() { " " } else { &rest });
        }
    }
}

/// Whether there is nothing to show: no engine has answered, and no kubeconfig names a context.
#[must_use]
pub fn is_welcome(state: &State) -> bool {
    matches!(state.engine, EngineState::Down { before: None, .. }) && state.clusters.list.is_empty()
}

fn home(state: &State, frame: &mut Frame<'_>, area: Rect, laid: &mut Laid) {
    let bare = area.width < 60 || area.height < 12;
    // A line of hints is a luxury, one that says what went wrong is not.
    let message = message::height(state, area);
    let last = message.max(u16::from(!bare));
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(last),
    ])
    .areas(area);
    frame_line::truth(state, frame, top);
    if message > 0 {
        message::view(state, frame, bottom);
    } else if !bare {
        frame_line::hints(state, frame, bottom);
    }
    let small = area.width < 100 || area.height < 30;
    if state.zoom && !small {
        pane(state, state.focus, frame, middle, laid);
    } else if small {
        let strip = u16::from(!bare);
        let [strip_area, rest] =
            Layout::vertical([Constraint::Length(strip), Constraint::Fill(1)]).areas(middle);
        if strip > 0 {
            frame_line::panes(state, frame, strip_area);
        }
        draw(state, state.focus, frame, rest, laid);
    } else if area.width >= 160 {
        let [left, right] =
            Layout::horizontal([Constraint::Length(area.width * 2 / 5), Constraint::Fill(1)])
                .areas(middle);
        let rows = u16::try_from(state.clusters.list.len())
            .unwrap_or(u16::MAX)
            .saturating_add(4);
        let [clusters, nodes] = Layout::vertical([
            Constraint::Length(rows.clamp(8, left.height / 2)),
            Constraint::Fill(1),
        ])
        .areas(left);
        let [pods, log] =
            Layout::vertical([Constraint::Percentage(60), Constraint::Fill(1)]).areas(right);
        all_panes(state, frame, [clusters, nodes, pods, log], laid);
    } else {
        let rows = u16::try_from(state.clusters.list.len().max(state.nodes().len()))
            .unwrap_or(u16::MAX)
            .saturating_add(3);
        let [top, pods, log] = Layout::vertical([
            Constraint::Length(rows.clamp(6, middle.height / 3)),
            Constraint::Fill(3),
            Constraint::Fill(2),
        ])
        .areas(middle);
        let [clusters, nodes] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Fill(1)]).areas(top);
        all_panes(state, frame, [clusters, nodes, pods, log], laid);
    }
}

/// The panes, each in its area, in the order in which the focus goes round.
fn all_panes(state: &State, frame: &mut Frame<'_>, areas: [Rect; 4], laid: &mut Laid) {
    for (which, area) in Pane::ALL.into_iter().zip(areas) {
        pane(state, which, frame, area, laid);
    }
}

/// A pane with its border.
fn pane(state: &State, which: Pane, frame: &mut Frame<'_>, area: Rect, laid: &mut Laid) {
    let block = bordered(&title(state, which), state.focus == which, &state.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    draw(state, which, frame, inner, laid);
}

fn draw(state: &State, which: Pane, frame: &mut Frame<'_>, area: Rect, laid: &mut Laid) {
    let data = match which {
        Pane::Clusters => clusters::view(state, frame, area),
        Pane::Nodes => nodes::view(state, frame, area),
        Pane::Pods => pods::view(state, frame, area),
        Pane::Log => log::view(state, frame, area),
    };
    laid.panes.push((which, data));
}

/// What stands in a pane's border.
fn title(state: &State, which: Pane) -> String {
    match which {
        Pane::Clusters => "clusters".to_owned(),
        Pane::Nodes => match state.selected_cluster() {
            Some(cluster) => format!("nodes of {}", cluster.name),
            None => "nodes".to_owned(),
        },
        Pane::Pods => pods::title(state),
        Pane::Log => log::title(state),
    }
}

/// When a text on the screen changes by itself: an age or a countdown. Only what is visible is asked.
#[must_use]
pub fn next_change(state: &State, now: Timestamp) -> Option<Timestamp> {
    let mut moments: Vec<Timestamp> = Vec::new();
    let mut age_of = |since: Timestamp| moments.push(now + until_next_age(now, since));
    for cluster in &state.clusters.world {
        age_of(cluster.created);
    }
    if let Some(pods) = state.selected_pods() {
        let visible = pods.scroll.offset..pods.scroll.offset + state.laid.rows(Pane::Pods);
        for row in visible.filter_map(|place| pods.row(place)) {
            for cell in &row.cells {
                if let Cell::Since(since) = cell {
                    age_of(*since);
                }
            }
        }
        if matches!(pods.live, Live::Stale { .. }) {
            moments.push(now + SignedDuration::from_secs(1));
        }
    }
    let counting = matches!(
        state.engine,
        EngineState::Down {
            before: Some(_),
            ..
        }
    ) || is_welcome(state)
        || state
            .selected()
            .and_then(|id| state.clusters.api.get(id))
            .is_some_and(|api| matches!(api, ApiState::Down(..)));
    if counting {
        moments.push(now + SignedDuration::from_secs(1));
    }
    moments.into_iter().min()
}

/// The tone in which an object of that health is written.
fn tone_of(health: crate::domain::Health) -> Tone {
    use crate::domain::Health;
    match health {
        Health::Failing => Tone::Bad,
        Health::Warning => Tone::Warning,
        Health::Progressing => Tone::Progress,
        Health::Good => Tone::Text,
        Health::Idle => Tone::Dim,
    }
}
