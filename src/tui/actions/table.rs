//! The rows of the table of actions.

mod in_log;
mod things;

use std::sync::LazyLock;

use super::{Action, ActionId, Scope};
use crate::tui::state::Pane;

const fn action(
    id: ActionId,
    name: &'static str,
    (hint, doc): (&'static str, &'static str),
    group: &'static str,
    scope: Scope,
    keys: &'static [&'static str],
) -> Action {
    Action {
        id,
        name,
        hint,
        doc,
        group,
        scope,
        danger: matches!(
            id,
            ActionId::Delete | ActionId::DeleteNode | ActionId::CleanUp | ActionId::Prune
        ),
        keys,
    }
}

const MOVE: &str = "Moving";
const CLUSTERS: &str = "Clusters";
const LOOK: &str = "Looking";
const LOGS: &str = "In a log";
const PROGRAM: &str = "Program";

/// The table, in the order of importance in which hints are shown.
pub static ACTIONS: LazyLock<Vec<Action>> =
    LazyLock::new(|| [FIRST, in_log::ROWS, LOOKING, things::ROWS, REST].concat());

const FIRST: &[Action] = &[
    action(
        ActionId::NewCluster,
        "new-cluster",
        ("new", "Create a cluster: form, plan, progress."),
        CLUSTERS,
        Scope::Everywhere,
        &["n"],
    ),
    action(
        ActionId::Finish,
        "finish",
        ("finish", "Finish an operation that was interrupted."),
        CLUSTERS,
        Scope::Cluster,
        &["u"],
    ),
    action(
        ActionId::StartStop,
        "start-stop",
        ("start/stop", "Start a stopped cluster, stop a running one."),
        CLUSTERS,
        Scope::Cluster,
        &["t"],
    ),
    action(
        ActionId::Scale,
        "scale",
        ("scale", "Add or remove servers and agents."),
        CLUSTERS,
        Scope::Cluster,
        &["s"],
    ),
    action(
        ActionId::Filter,
        "filter",
        (
            "filter",
            "Show only the pods whose line contains the words; !word hides.",
        ),
        LOOK,
        Scope::Everywhere,
        &["/"],
    ),
];

const LOOKING: &[Action] = &[
    action(
        ActionId::Forward,
        "forward",
        (
            "forward",
            "Forward a port of this machine to the pod, its Service or its Deployment.",
        ),
        LOOK,
        Scope::Pane(Pane::Pods),
        &["F"],
    ),
    action(
        ActionId::Logs,
        "logs",
        (
            "logs of",
            "Follow the logs of the pod's Deployment, Service, namespace or cluster at once.",
        ),
        LOOK,
        Scope::Pane(Pane::Pods),
        &["L"],
    ),
    action(
        ActionId::Forwards,
        "forwards",
        (
            "forwards",
            "Show the port-forwards; switch them on and off.",
        ),
        LOOK,
        Scope::Everywhere,
        &["f"],
    ),
    action(
        ActionId::Log,
        "log",
        ("log", "Go to the log of what is selected."),
        LOOK,
        Scope::Everywhere,
        &["l"],
    ),
    action(
        ActionId::Previous,
        "previous-log",
        (
            "",
            "Go to the log of the run before the pod's last restart, and back.",
        ),
        LOOK,
        Scope::Everywhere,
        &["p"],
    ),
    action(
        ActionId::NextPane,
        "next-pane",
        ("pane", "Focus the next pane."),
        MOVE,
        Scope::Everywhere,
        &["tab"],
    ),
    action(
        ActionId::Zoom,
        "zoom",
        (
            "zoom",
            "Give the focused pane the whole screen, or take it back.",
        ),
        LOOK,
        Scope::Everywhere,
        &["z"],
    ),
];

const REST: &[Action] = &[
    action(
        ActionId::Restart,
        "restart",
        ("restart", "Stop and start the cluster."),
        CLUSTERS,
        Scope::Cluster,
        &["r"],
    ),
    action(
        ActionId::Delete,
        "delete",
        ("delete", "Delete the cluster; its name has to be typed."),
        CLUSTERS,
        Scope::Cluster,
        &["ctrl-d"],
    ),
    action(
        ActionId::Operations,
        "operations",
        ("operations", "Show what is going on and how it ended."),
        LOOK,
        Scope::Everywhere,
        &["!"],
    ),
    action(
        ActionId::Menu,
        "menu",
        ("more", "Show every action, and why one cannot be used now."),
        PROGRAM,
        Scope::Everywhere,
        &["."],
    ),
    action(
        ActionId::Palette,
        "palette",
        ("command", "Find an action, a cluster or a context by name."),
        PROGRAM,
        Scope::Everywhere,
        &[":", "ctrl-p"],
    ),
    action(
        ActionId::Help,
        "help",
        ("help", "Show all keys."),
        PROGRAM,
        Scope::Everywhere,
        &["?"],
    ),
    action(
        ActionId::Retry,
        "retry",
        ("", "Try the engine and the kubeconfig files again now."),
        PROGRAM,
        Scope::Everywhere,
        &["ctrl-r"],
    ),
    action(
        ActionId::Simulate,
        "simulate",
        ("", "Change over to a simulated world."),
        PROGRAM,
        Scope::Everywhere,
        &[],
    ),
    action(
        ActionId::CleanUp,
        "clean-up",
        ("", "Remove what an interrupted operation left behind."),
        CLUSTERS,
        Scope::Cluster,
        &[],
    ),
    action(
        ActionId::CopyName,
        "copy-name",
        ("", "Copy the name of what is selected."),
        LOOK,
        Scope::Everywhere,
        &["c"],
    ),
    action(
        ActionId::AppLog,
        "program-log",
        ("", "Show the log of coracle itself."),
        PROGRAM,
        Scope::Everywhere,
        &["P"],
    ),
    action(
        ActionId::Open,
        "open",
        (
            "",
            "Go into what is selected: a cluster's pods, a node's or pod's log.",
        ),
        MOVE,
        Scope::Everywhere,
        &["enter"],
    ),
    action(
        ActionId::Back,
        "back",
        ("", "One step back: message, filter, zoom, pane."),
        MOVE,
        Scope::Everywhere,
        &["esc"],
    ),
    action(
        ActionId::Up,
        "up",
        ("", "One line up."),
        MOVE,
        Scope::Everywhere,
        &["k", "up"],
    ),
    action(
        ActionId::Down,
        "down",
        ("", "One line down."),
        MOVE,
        Scope::Everywhere,
        &["j", "down"],
    ),
    action(
        ActionId::PageUp,
        "page-up",
        ("", "One page up."),
        MOVE,
        Scope::Everywhere,
        &["pgup", "ctrl-b"],
    ),
    action(
        ActionId::PageDown,
        "page-down",
        ("", "One page down."),
        MOVE,
        Scope::Everywhere,
        &["pgdn", "ctrl-f"],
    ),
    action(
        ActionId::Top,
        "top",
        ("", "To the first line."),
        MOVE,
        Scope::Everywhere,
        &["g", "home"],
    ),
    action(
        ActionId::Bottom,
        "bottom",
        ("", "To the last line."),
        MOVE,
        Scope::Everywhere,
        &["G", "end"],
    ),
    action(
        ActionId::PreviousPane,
        "previous-pane",
        ("", "Focus the pane before."),
        MOVE,
        Scope::Everywhere,
        &["shift-tab"],
    ),
    action(
        ActionId::Redraw,
        "redraw",
        ("", "Draw everything anew."),
        PROGRAM,
        Scope::Everywhere,
        &["ctrl-l"],
    ),
    action(
        ActionId::Mouse,
        "mouse",
        (
            "",
            "Leave the mouse to the terminal, so that it can select text, or take it back.",
        ),
        PROGRAM,
        Scope::Everywhere,
        &["ctrl-t"],
    ),
    action(
        ActionId::Suspend,
        "suspend",
        ("", "Back to the shell; fg returns."),
        PROGRAM,
        Scope::Everywhere,
        &["ctrl-z"],
    ),
    action(
        ActionId::Quit,
        "quit",
        ("quit", "End the program."),
        PROGRAM,
        Scope::Everywhere,
        &["q", "ctrl-c"],
    ),
];
