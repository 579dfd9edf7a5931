//! The pods pane: problems first, in words.

use ratatui::{Frame, layout::Rect, text::Line};

use super::{
    table::{self, Column, Rows, Text},
    tone_of,
};
use crate::{
    domain::ClusterState,
    resources::{Cell, Row, pods},
    tui::{
        format::{age, bytes, clock, cores, seconds_until},
        state::{
            Pane, State,
            clusters::ApiState,
            pods::{Live, Pods},
        },
        theme::Tone,
    },
};

/// The kind's own columns with the namespace before them and what they use behind the restarts.
fn columns() -> Vec<Column> {
    let own = pods::KIND.columns.iter().map(|column| Column {
        title: column.title,
        min: column.min,
        max: column.max,
        priority: column.priority,
        right: column.right,
    });
    let mut all: Vec<Column> = own.collect();
    all.insert(
        1,
        Column {
            title: "NAMESPACE",
            min: 11,
            max: 24,
            priority: 2,
            right: false,
        },
    );
    let at = all
        .iter()
        .position(|column| column.title == "AGE")
        .unwrap_or(all.len());
    all.insert(
        at,
        Column {
            title: "MEM",
            min: 5,
            max: 6,
            priority: 3,
            right: true,
        },
    );
    all.insert(
        at,
        Column {
            title: "CPU",
            min: 4,
            max: 5,
            priority: 3,
            right: true,
        },
    );
    all
}

pub(super) fn title(state: &State) -> String {
    let Some(pods) = state.selected_pods() else {
        return "pods".to_owned();
    };
    let filter = state.filter.field.text();
    let count = if filter.is_empty() {
        pods.len().to_string()
    } else {
        format!("{} of {}  /{filter}", pods.shown(), pods.len())
    };
    let live = match &pods.live {
        Live::Loading => "  loading".to_owned(),
        Live::Now => String::new(),
        Live::Stale { since, .. } => {
            format!("  stale for {}", clock(state.now.duration_since(*since)))
        }
    };
    let unseen = match pods.unseen.words() {
        words if words.is_empty() => words,
        words => format!("  {words}"),
    };
    format!("pods {count}{live}{unseen}")
}

pub(super) fn view(state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let area = filter_line(state, frame, area);
    let Some(pods) = state.selected_pods() else {
        empty(state, frame, area);
        return area;
    };
    if pods.is_empty() {
        empty(state, frame, area);
        return area;
    }
    let columns = columns();
    let cells = |index: usize| {
        pods.row(index)
            .map_or_else(Vec::new, |row| cells(state, pods, row, &columns))
    };
    let rows = Rows {
        len: pods.shown(),
        offset: pods.scroll.offset,
        selected: Some(pods.scroll.index()),
        focused: state.focus == Pane::Pods,
        cells: &cells,
    };
    table::draw(frame, area, &columns, &rows, &state.theme)
}

/// The filter while it is typed, on the pane's first line.
fn filter_line(state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
    if !state.filter.editing || area.height < 3 {
        return area;
    }
    let line = Rect { height: 1, ..area };
    frame.render_widget(Line::styled("/", state.theme.style(Tone::Key)), line);
    let field = Rect {
        x: line.x + 1,
        width: line.width.saturating_sub(1),
        ..line
    };
    state
        .filter
        .field
        .view(frame, field, state.theme.style(Tone::Text), true);
    Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    }
}

fn cells(state: &State, pods: &Pods, row: &Row, columns: &[Column]) -> Vec<Text> {
    let tone = tone_of(row.health);
    let usage = pods.usage.get(&row.key);
    let mut own = row.cells.iter();
    columns
        .iter()
        .map(|column| match column.title {
            "NAMESPACE" => Text(row.key.namespace.to_string(), Tone::Dim),
            "CPU" => Text::plain(usage.map_or_else(String::new, |usage| cores(usage.cpu_cores))),
            "MEM" => Text::plain(usage.map_or_else(String::new, |usage| bytes(usage.memory))),
            title => {
                let text = match own.next() {
                    Some(Cell::Text(text)) => text.to_string(),
                    Some(Cell::Number(number)) => number.to_string(),
                    Some(Cell::Since(since)) => age(state.now, *since),
                    Some(Cell::Empty) | None => String::new(),
                };
                let many = title == "RESTARTS" && !matches!(text.as_str(), "" | "0");
                Text(text, if many { Tone::Warning } else { tone })
            }
        })
        .collect()
}

/// Why there is nothing to see, in words.
fn empty(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.theme;
    let mut lines = Vec::new();
    // One that is being made or changed gets its servers without a key.
    let silent = state.selected_cluster().filter(|cluster| {
        let goes_on = state.operations.running_for(cluster).is_some()
            || cluster
                .unfinished
                .as_ref()
                .is_some_and(|one| one.at_work.is_some());
        !cluster.serves() && !goes_on
    });
    let api = state.selected().and_then(|id| state.clusters.api.get(id));
    let broken = match state.selected_pods().map(|pods| &pods.live) {
        Some(Live::Stale {
            problem,
            retry_at,
            attempt,
            ..
        }) => Some((problem, *retry_at, Some(*attempt))),
        _ => match api {
            Some(ApiState::Down(problem, retry_at)) => Some((problem, *retry_at, None)),
            _ => None,
        },
    };
    if state.selected().is_none() {
        lines.push(Line::styled(
            "no cluster is selected",
            theme.style(Tone::Dim),
        ));
    } else if let Some(cluster) = silent {
        let key = state.keymap.key(crate::tui::actions::ActionId::StartStop);
        let what = match cluster.state {
            ClusterState::Stopped => "the cluster is stopped",
            _ => "no server of the cluster runs",
        };
        lines.push(Line::styled(
            format!("{what}; {key} starts it"),
            theme.style(Tone::Dim),
        ));
    } else if let Some((problem, retry_at, attempt)) = broken {
        lines.push(Line::styled(problem.what.clone(), theme.style(Tone::Bad)));
        lines.extend(
            problem
                .why
                .lines()
                .map(|line| Line::styled(line.to_owned(), theme.style(Tone::Text))),
        );
        let seconds = seconds_until(state.now, retry_at);
        let attempt = attempt.map(|n| format!(" (try {n})")).unwrap_or_default();
        let when = if seconds > 0 {
            format!("tried again in {seconds} s{attempt}")
        } else {
            format!("trying again{attempt}")
        };
        lines.push(Line::styled(when, theme.style(Tone::Dim)));
    } else if matches!(
        state.selected_pods().map(|pods| &pods.live),
        Some(Live::Now)
    ) {
        lines.push(Line::styled("no pods", theme.style(Tone::Dim)));
    } else {
        lines.push(Line::styled(
            "waiting for the Kubernetes API",
            theme.style(Tone::Progress),
        ));
    }
    frame.render_widget(
        ratatui::widgets::Paragraph::new(lines).wrap(ratatui::widgets::Wrap { trim: false }),
        area,
    );
}
