//! The clusters pane.

use ratatui::{Frame, layout::Rect};

use super::table::{self, Column, Rows, Text};
use crate::{
    domain::{Cluster, ClusterState, Role},
    tui::{
        format::{age, bytes, clock, cores, seconds_until},
        msg::ClusterId,
        state::{Pane, State, clusters::ApiState},
        theme::{Theme, Tone},
    },
};

const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        min: 10,
        max: 32,
        priority: 0,
        right: false,
    },
    Column {
        title: "STATE",
        min: 11,
        max: 44,
        priority: 0,
        right: false,
    },
    Column {
        title: "NODES",
        min: 7,
        max: 9,
        priority: 1,
        right: false,
    },
    Column {
        title: "VERSION",
        min: 12,
        max: 16,
        priority: 4,
        right: false,
    },
    Column {
        title: "CPU",
        min: 10,
        max: 14,
        priority: 3,
        right: true,
    },
    Column {
        title: "MEM",
        min: 5,
        max: 6,
        priority: 3,
        right: true,
    },
    Column {
        title: "API",
        min: 5,
        max: 7,
        priority: 2,
        right: true,
    },
    Column {
        title: "AGE",
        min: 4,
        max: 5,
        priority: 2,
        right: true,
    },
];

pub(super) fn view(state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let list = &state.clusters.list;
    if list.is_empty() && state.clusters.known && area.height > 1 {
        let key = state.keymap.key(crate::tui::actions::ActionId::NewCluster);
        let text = format!("no cluster yet: press {key} to create one");
        frame.render_widget(
            ratatui::text::Span::styled(text, state.theme.style(Tone::Dim)),
            area,
        );
        return area;
    }
    let cells = |index: usize| match &list[index] {
        id @ ClusterId::Local(..) => state
            .clusters
            .at(id)
            .map_or_else(Vec::new, |cluster| local(state, cluster)),
        ClusterId::Context(name) => context(state, name, &list[index]),
    };
    let rows = Rows {
        len: list.len(),
        offset: state.clusters.scroll.offset,
        selected: Some(state.clusters.scroll.index()),
        focused: state.focus == Pane::Clusters,
        cells: &cells,
    };
    table::draw(frame, area, COLUMNS, &rows, &state.theme)
}

fn local(state: &State, cluster: &Cluster) -> Vec<Text> {
    let (servers, agents) = (cluster.count(Role::Server), cluster.count(Role::Agent));
    let nodes = if (servers.0, agents.0) == (servers.1, agents.1) {
        format!("{}+{}", servers.1, agents.1)
    } else {
        format!("{}/{}+{}/{}", servers.0, servers.1, agents.0, agents.1)
    };
    let running = cluster.state != ClusterState::Stopped;
    let usage = state.clusters.total(cluster).filter(|_| running);
    let cpu = usage.map_or_else(String::new, |usage| {
        format!("{} {}", bars(state, cluster), cores(usage.cpu_cores))
    });
    vec![
        Text::plain(state.clusters.address(cluster).to_string()),
        status(state, cluster),
        Text::plain(nodes),
        Text::plain(cluster.version().unwrap_or_default()),
        Text::plain(cpu),
        Text::plain(usage.map_or_else(String::new, |usage| bytes(usage.memory))),
        if running {
            api(state, &ClusterId::of(cluster))
        } else {
            Text::plain("")
        },
        Text::plain(age(state.now, cluster.created)),
    ]
}

/// The state in a glyph and a word: what goes on, else what was interrupted, else what its containers do.
pub(super) fn status(state: &State, cluster: &Cluster) -> Text {
    let glyphs = state.theme.glyphs;
    if let Some(operation) = state.operations.running_for(cluster) {
        let verb = operation.plan.title.split(' ').next().unwrap_or_default();
        let time = clock(state.now.duration_since(operation.started));
        return Text(
            format!(
                "{} {verb} {}/{} {time}",
                glyphs.half,
                operation.done(),
                operation.steps.len()
            ),
            Tone::Progress,
        );
    }
    if let Some(unfinished) = &cluster.unfinished {
        if let Some(process) = unfinished.at_work {
            let words = format!("{} {} by process {process}", glyphs.half, unfinished.verb);
            return Text(words, Tone::Progress);
        }
        return Text(
            format!("{} {} was interrupted", glyphs.cross, unfinished.verb),
            Tone::Bad,
        );
    }
    let id = ClusterId::of(cluster);
    if let (ClusterState::Running, Some(ApiState::Down(problem, _))) =
        (cluster.state, state.clusters.api.get(&id))
    {
        return Text(
            format!("{} running, API: {}", glyphs.half, problem.why),
            Tone::Warning,
        );
    }
    let (glyph, tone) = match cluster.state {
        ClusterState::Running => (glyphs.on, Tone::Good),
        ClusterState::Partial => (glyphs.half, Tone::Warning),
        ClusterState::Stopped => (glyphs.off, Tone::Dim),
        ClusterState::Broken => (glyphs.cross, Tone::Bad),
    };
    Text(format!("{glyph} {}", cluster.state), tone)
}

fn context(state: &State, name: &str, id: &ClusterId) -> Vec<Text> {
    let glyphs = state.theme.glyphs;
    let (status, version) = match state.clusters.api.get(id) {
        None => (Text("context".to_owned(), Tone::Dim), String::new()),
        Some(ApiState::Asking) => (
            Text(format!("{} connecting", glyphs.half), Tone::Progress),
            String::new(),
        ),
        Some(ApiState::Up(health)) => (
            Text(format!("{} reachable", glyphs.on), Tone::Good),
            health.version.clone(),
        ),
        Some(ApiState::Down(problem, retry_at)) => {
            // One that is not looked at is not tried.
            let seconds = seconds_until(state.now, *retry_at);
            let again = if seconds > 0 {
                format!(" (again in {seconds} s)")
            } else {
                String::new()
            };
            let text = format!("{} {}{again}", glyphs.cross, problem.why);
            (Text(text, Tone::Bad), String::new())
        }
    };
    let nodes = state
        .clusters
        .statuses
        .get(id)
        .filter(|nodes| !nodes.is_empty())
        .map(|nodes| nodes.len().to_string())
        .unwrap_or_default();
    vec![
        Text::plain(name),
        status,
        Text::plain(nodes),
        Text::plain(version),
        Text::plain(""),
        Text::plain(""),
        api(state, id),
        Text::plain(""),
    ]
}

fn api(state: &State, id: &ClusterId) -> Text {
    match state.clusters.api.get(id) {
        Some(ApiState::Up(health)) => {
            let millis = health.latency.as_millis();
            Text(
                if millis == 0 {
                    "<1ms".to_owned()
                } else {
                    format!("{millis}ms")
                },
                Tone::Good,
            )
        }
        Some(ApiState::Down(..)) => Text("down".to_owned(), Tone::Bad),
        Some(ApiState::Asking) => Text(state.theme.glyphs.ellipsis.to_owned(), Tone::Dim),
        None => Text::plain(""),
    }
}

/// The cores in use over the last seconds, as bars against the highest of them.
fn bars(state: &State, cluster: &Cluster) -> String {
    const SHOWN: usize = 6;
    let mut sums = [0.0_f64; SHOWN];
    for node in &cluster.nodes {
        if let Some(history) = state.clusters.usage.get(&node.name) {
            for (slot, usage) in sums.iter_mut().rev().zip(history.iter().rev().step_by(2)) {
                *slot += usage.cpu_cores;
            }
        }
    }
    spark(&sums, &state.theme)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the product is between 0 and 7"
)]
fn spark(values: &[f64], theme: &Theme) -> String {
    // Below a tenth of a core everything is rest, not a mountain range.
    let top = values.iter().copied().fold(0.1, f64::max);
    values
        .iter()
        .map(|value| theme.glyphs.bars[((value / top).clamp(0.0, 1.0) * 7.0).round() as usize])
        .collect()
}
