//! The nodes pane: the container, the Kubernetes node, and where the two disagree.

use ratatui::{
    Frame,
    layout::Rect,
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::table::{self, Column, Rows, Text};
use crate::{
    domain::{Node, Problem, ProblemKind, container::ContainerState, kube::NodeStatus},
    tui::{
        format::{bytes, cores},
        state::{Pane, State},
        theme::Tone,
    },
};

const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        min: 14,
        max: 48,
        priority: 0,
        right: false,
    },
    Column {
        title: "STATE",
        min: 10,
        max: 60,
        priority: 0,
        right: false,
    },
    Column {
        title: "ROLE",
        min: 12,
        max: 12,
        priority: 3,
        right: false,
    },
    Column {
        title: "CPU",
        min: 4,
        max: 5,
        priority: 2,
        right: true,
    },
    Column {
        title: "MEM",
        min: 5,
        max: 6,
        priority: 2,
        right: true,
    },
    Column {
        title: "ADDRESS",
        min: 11,
        max: 15,
        priority: 4,
        right: false,
    },
    Column {
        title: "PORTS",
        min: 12,
        max: 40,
        priority: 5,
        right: false,
    },
];

pub(super) fn view(state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let statuses = state
        .selected()
        .and_then(|id| state.clusters.statuses.get(id));
    let nodes = state.nodes();
    // A remote context has no containers here; its nodes are Kubernetes' alone.
    let mut remote: Vec<&NodeStatus> = Vec::new();
    if nodes.is_empty() {
        remote.extend(statuses.into_iter().flat_map(|statuses| statuses.values()));
        remote.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let refused = refused(state);
    if let Some(problem) = refused.filter(|_| nodes.is_empty() && remote.is_empty()) {
        say(state, problem, frame, area);
        return area;
    }
    let cells = |index: usize| match nodes.get(index) {
        Some(node) => local(
            state,
            node,
            statuses.and_then(|statuses| statuses.get(&node.name)),
            refused.is_some(),
        ),
        None => remote
            .get(index)
            .map_or_else(Vec::new, |status| foreign(state, status)),
    };
    let rows = Rows {
        len: nodes.len().max(remote.len()),
        offset: state.node.offset,
        selected: (!nodes.is_empty()).then(|| state.node.index()),
        focused: state.focus == Pane::Nodes,
        cells: &cells,
    };
    table::draw(frame, area, COLUMNS, &rows, &state.theme)
}

/// That the nodes may not be listed, where the server said so.
fn refused(state: &State) -> Option<&Problem> {
    let problem = state.clusters.nodes_unknown.get(state.selected()?)?;
    (problem.kind == ProblemKind::Refused).then_some(problem)
}

fn say(state: &State, problem: &Problem, frame: &mut Frame<'_>, area: Rect) {
    let line = |text: &str, tone| Line::styled(text.to_owned(), state.theme.style(tone));
    let lines = vec![
        line("nodes may not be listed", Tone::Warning),
        line(&problem.why, Tone::Text),
    ];
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

fn local(state: &State, node: &Node, status: Option<&NodeStatus>, refused: bool) -> Vec<Text> {
    let usage = state
        .clusters
        .usage
        .get(&node.name)
        .and_then(|history| history.last())
        .filter(|_| node.is_running());
    let ports: Vec<String> = node
        .ports
        .iter()
        .filter(|port| port.host_ip.is_ipv4())
        .map(|port| format!("{}:{}", port.host_port, port.container_port))
        .collect();
    vec![
        Text::plain(node.name.clone()),
        both(state, node, status, refused),
        Text::plain(node.role.to_string()),
        Text::plain(usage.map_or_else(String::new, |usage| cores(usage.cpu_cores))),
        Text::plain(usage.map_or_else(String::new, |usage| bytes(usage.memory))),
        Text::plain(
            node.address
                .or(node.fixed_address)
                .map_or_else(String::new, |address| address.to_string()),
        ),
        Text::plain(ports.join(" ")),
    ]
}

/// What container and Kubernetes say together, in words where they disagree.
fn both(state: &State, node: &Node, status: Option<&NodeStatus>, refused: bool) -> Text {
    let glyphs = state.theme.glyphs;
    match (node.state, status) {
        (ContainerState::Running, _) if !node.role.is_kubernetes() => {
            Text(format!("{} up", glyphs.on), Tone::Good)
        }
        (ContainerState::Running, None) if refused => Text(
            format!("{} up, nodes may not be listed", glyphs.half),
            Tone::Warning,
        ),
        (ContainerState::Running, None) => {
            Text(format!("{} up, not joined", glyphs.half), Tone::Progress)
        }
        (ContainerState::Running, Some(status)) if status.ready && status.cordoned => {
            Text(format!("{} Ready, cordoned", glyphs.half), Tone::Warning)
        }
        (ContainerState::Running, Some(status)) if status.ready => {
            Text(format!("{} Ready", glyphs.on), Tone::Good)
        }
        (ContainerState::Running, Some(status)) => {
            let why = if status.message.is_empty() {
                String::new()
            } else {
                format!(": {}", status.message)
            };
            Text(
                format!("{} container up, node NotReady{why}", glyphs.cross),
                Tone::Bad,
            )
        }
        (ContainerState::Exited | ContainerState::Created, Some(status)) if status.ready => Text(
            format!(
                "{} container {}, node still Ready",
                glyphs.half,
                node.state.word()
            ),
            Tone::Warning,
        ),
        (ContainerState::Exited | ContainerState::Created, _) => {
            let status = if node.status.is_empty() {
                node.state.word()
            } else {
                &node.status
            };
            Text(
                format!("{} {}", glyphs.off, status.to_lowercase()),
                Tone::Dim,
            )
        }
        (ContainerState::Restarting, _) => Text(
            format!("{} restarting over and over", glyphs.cross),
            Tone::Bad,
        ),
        (other, _) => Text(format!("{} {}", glyphs.half, other.word()), Tone::Warning),
    }
}

fn foreign(state: &State, status: &NodeStatus) -> Vec<Text> {
    let glyphs = state.theme.glyphs;
    let word = match (status.ready, status.cordoned) {
        (true, false) => Text(format!("{} Ready", glyphs.on), Tone::Good),
        (true, true) => Text(format!("{} Ready, cordoned", glyphs.half), Tone::Warning),
        (false, _) => Text(
            format!("{} NotReady {}", glyphs.cross, status.message),
            Tone::Bad,
        ),
    };
    vec![
        Text::plain(status.name.clone()),
        word,
        Text::plain(""),
        Text::plain(""),
        Text::plain(""),
        Text::plain(
            status
                .address
                .map_or_else(String::new, |address| address.to_string()),
        ),
        Text::plain(status.version.clone()),
    ]
}
