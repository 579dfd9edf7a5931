//! Everything a person can do, as one table: dispatch, hints, help, palette, the action menu, the keymap's validation
//! and `docs/keys.md` are made from it, so that none of them can say what another does not.

mod table;

use super::state::{EngineState, Pane, State};
use crate::domain::{Cluster, ClusterState, Role, cluster::Unfinished};

pub use table::ACTIONS;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described by its row in the table")]
pub enum ActionId {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    NextPane,
    PreviousPane,
    Open,
    Back,
    Zoom,
    Filter,
    Log,
    Previous,
    Follow,
    Wrap,
    Times,
    Search,
    NextHit,
    PreviousHit,
    KeepOnly,
    Hide,
    Unfilter,
    Level,
    Context,
    Mute,
    Fields,
    CopyLine,
    SaveLog,
    PipeLog,
    Forward,
    Forwards,
    Logs,
    NewCluster,
    StartStop,
    Scale,
    Ports,
    Images,
    AddNodes,
    Services,
    Manifests,
    ToggleNode,
    DeleteNode,
    Registries,
    Lasting,
    Prune,
    Restart,
    Delete,
    Finish,
    CleanUp,
    CopyName,
    Operations,
    AppLog,
    Menu,
    Palette,
    Help,
    Retry,
    Simulate,
    Redraw,
    Mouse,
    Suspend,
    Quit,
}

/// Where an action is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere.
    Everywhere,
    /// With a cluster selected, whatever pane has the focus.
    Cluster,
    /// In one pane.
    Pane(Pane),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// Which.
    pub id: ActionId,
    /// Its name in the keymap and the palette.
    pub name: &'static str,
    /// The word in the hint bar; empty for what needs no hint.
    pub hint: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// Under which heading it stands in the help.
    pub group: &'static str,
    /// Where it is of use.
    pub scope: Scope,
    /// Whether it destroys something, and therefore asks.
    pub danger: bool,
    /// Its keys unless the keymap says otherwise.
    pub keys: &'static [&'static str],
}

/// The row of an action.
#[must_use]
pub fn get(id: ActionId) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.id == id)
}

impl Action {
    /// Whether the two cannot have the same key.
    #[must_use]
    pub fn rivals(&self, other: &Self) -> bool {
        match (self.scope, other.scope) {
            (Scope::Pane(one), Scope::Pane(other)) => one == other,
            (Scope::Pane(_), _) | (_, Scope::Pane(_)) => false,
            _ => true,
        }
    }

    /// Whether it can be used now.
    ///
    /// # Errors
    /// The reason why not, as a sentence for a person.
    pub fn enabled(&self, state: &State) -> Result<(), String> {
        if let Scope::Pane(pane) = self.scope
            && state.focus != pane
        {
            return Err(format!(
                "only in the pane of the {}",
                format!("{pane:?}").to_lowercase()
            ));
        }
        match self.id {
            ActionId::NewCluster | ActionId::Registries | ActionId::Lasting | ActionId::Prune => {
                engine(state)
            }
            ActionId::Simulate if state.simulated => {
                Err("this is the simulated world already".to_owned())
            }
            ActionId::Forward | ActionId::Logs | ActionId::Previous => match state.selected_pod() {
                Some(_) => Ok(()),
                None => Err("no pod is selected".to_owned()),
            },
            ActionId::Finish | ActionId::CleanUp => {
                engine(state)?;
                free(state)?;
                unprotected(state)?;
                unfinished(state).map(drop)
            }
            ActionId::StartStop
            | ActionId::Restart
            | ActionId::Scale
            | ActionId::Ports
            | ActionId::Images
            | ActionId::AddNodes
            | ActionId::Services
            | ActionId::Manifests
            | ActionId::ToggleNode
            | ActionId::DeleteNode
            | ActionId::Delete => {
                // Its key is pressed for what has the focus, and a pod is no cluster.
                if self.id == ActionId::Delete && state.focus != Pane::Clusters {
                    return Err(
                        "it is the cluster that is deleted: only in the pane of the clusters"
                            .to_owned(),
                    );
                }
                engine(state)?;
                free(state)?;
                let Some(cluster) = state.selected_cluster() else {
                    return Err("a context, no cluster of this engine".to_owned());
                };
                // These lists are for looking too; what is changed in them is refused when its plan is made.
                if !matches!(
                    self.id,
                    ActionId::Images | ActionId::Services | ActionId::Manifests
                ) {
                    unprotected(state)?;
                }
                if cluster.distribution == crate::domain::Distribution::Kind
                    && self.id != ActionId::Delete
                {
                    return Err("clusters of kind are shown, not changed".to_owned());
                }
                if cluster.distribution == crate::domain::Distribution::Kind {
                    return Err("clusters of kind are shown, not deleted".to_owned());
                }
                if cluster.unfinished.is_some() && self.id != ActionId::Delete {
                    return Err(
                        "an operation on it was interrupted: finish it or clean up first"
                            .to_owned(),
                    );
                }
                match self.id {
                    ActionId::Scale if cluster.count(Role::Server).0 == 0 => {
                        Err("its servers do not run: start it first".to_owned())
                    }
                    ActionId::Restart if cluster.state == ClusterState::Stopped => {
                        Err("it is stopped: start it".to_owned())
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn engine(state: &State) -> Result<(), String> {
    match state.engine {
        EngineState::Up(_) => Ok(()),
        EngineState::Connecting => Err("the engine has not answered yet".to_owned()),
        EngineState::Down { .. } => Err("the engine does not answer".to_owned()),
    }
}

/// No two operations work on one cluster.
fn free(state: &State) -> Result<(), String> {
    match state.selected() {
        None => Err("nothing is selected".to_owned()),
        Some(id) => {
            let cluster = state.clusters.at(id);
            match cluster.and_then(|cluster| state.operations.running_for(cluster)) {
                Some(operation) => Err(format!("an operation goes on: {}", operation.plan.title)),
                None => Ok(()),
            }
        }
    }
}

/// Nothing is changed in a protected cluster.
fn unprotected(state: &State) -> Result<(), String> {
    let context = state.selected_cluster().map(Cluster::context);
    match context.and_then(|it| state.config.contexts.protecting(&it).map(str::to_owned)) {
        Some(pattern) => Err(format!("protected: contexts.read_only has {pattern:?}")),
        None => Ok(()),
    }
}

/// The interrupted operation of the selected cluster.
///
/// # Errors
/// The reason why there is none to speak of.
pub fn unfinished(state: &State) -> Result<&Unfinished, String> {
    state
        .selected_cluster()
        .and_then(|cluster| cluster.unfinished.as_ref())
        .ok_or_else(|| "no operation on it was interrupted".to_owned())
        .and_then(|unfinished| match unfinished.at_work {
            Some(process) => Err(format!("process {process} is at it")),
            None => Ok(unfinished),
        })
}

/// The actions that are of use where the focus is: those of the pane, then the others, the most important first.
pub fn relevant(state: &State) -> impl Iterator<Item = &'static Action> + '_ {
    let own = ACTIONS
        .iter()
        .filter(|action| action.scope == Scope::Pane(state.focus));
    let others = ACTIONS.iter().filter(|action| match action.scope {
        Scope::Everywhere => true,
        Scope::Cluster => state.selected().is_some(),
        Scope::Pane(_) => false,
    });
    own.chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyChord;
    use std::collections::HashSet;

    #[test]
    fn every_row_is_complete_and_no_key_means_two_things() {
        let mut names = HashSet::new();
        for action in ACTIONS.iter() {
            assert!(names.insert(action.name), "{}", action.name);
            assert!(action.doc.ends_with('.'), "{}", action.name);
            for key in action.keys {
                let chord = key.parse::<KeyChord>().unwrap();
                let rival = ACTIONS.iter().find(|other| {
                    other.id != action.id
                        && other.rivals(action)
                        && other.keys.iter().any(|key| key.parse() == Ok(chord))
                });
                assert!(rival.is_none(), "{key} of {} and {rival:?}", action.name);
            }
        }
    }

    #[test]
    fn what_destroys_is_never_a_bare_letter() {
        for action in ACTIONS.iter().filter(|action| action.danger) {
            assert!(
                action.keys.iter().all(|key| key.starts_with("ctrl-")),
                "{}",
                action.name
            );
        }
    }
}
