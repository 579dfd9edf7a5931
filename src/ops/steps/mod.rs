//! How each step is carried out; one file a family of steps.
//!
//! Every step can be run again: one that finds the world as it should be says so, changes nothing and is not undone.

mod containers;
mod feed;
mod host_records;
mod images;
mod inside;
mod kubeconfig;
mod networks;
mod node_log;
mod nodes;
mod paths;
mod registries;
mod run;
mod waits;

use std::time::Duration;

pub(super) use self::{
    kubeconfig::restore as restore_kubeconfig, networks::is_ours, nodes::uncordon, run::Run,
};
use crate::{
    domain::{Problem, Role, container::STOP_GRACE},
    plan::{Step, StepId},
};

/// Whether a step that ended well changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It did.
    Changed,
    /// The world was that way already.
    Nothing,
}

/// Carries out one step.
pub(super) async fn run(run: &Run<'_>, id: StepId, step: &Step) -> Result<Effect, Problem> {
    if run.cut_off().is_some() && asks_from_here(step) {
        return Ok(Effect::Nothing);
    }
    match step {
        Step::PullImage { image } => images::pull(run, id, image).await,
        Step::ImportImages {
            node,
            source,
            images,
        } => images::import(run, id, node, source, images).await,
        Step::RemoveImages { node, images } => images::remove(run, node, images).await,
        Step::CreateNetwork(spec) => networks::create(run, spec).await,
        Step::RemoveNetwork { network } => networks::remove(run, network).await,
        Step::Connect { network, container } => networks::connect(run, network, container).await,
        Step::SetRegistryRecord {
            access,
            text,
            present,
        } => registries::record(run, access, text, *present).await,
        Step::Disconnect { network, container } => {
            networks::disconnect(run, network, container).await
        }
        Step::CreateVolume(spec) => networks::create_volume(run, spec).await,
        Step::RemoveVolume { volume } => networks::remove_volume(run, volume).await,
        Step::CreateContainer(spec) => containers::create(run, spec).await,
        Step::PutFiles { container, files } => containers::put_files(run, container, files).await,
        Step::StartContainer { container } => containers::start(run, container).await,
        Step::StopContainer { container } => containers::stop(run, container).await,
        Step::RenameContainer { container, to } => containers::rename(run, container, to).await,
        Step::Exchange { stop, start } => containers::exchange(run, id, stop, start).await,
        Step::RemoveContainer { container } | Step::Discard { container } => {
            containers::remove(run, container).await
        }
        Step::SetNodeHosts { container, records } => {
            host_records::in_node(run, container, records).await
        }
        Step::SetPodHosts { access, records } => {
            host_records::in_pods(run, id, access, records).await
        }
        Step::WaitForLog { container, role } => {
            node_log::until_ready(run, id, container, *role).await
        }
        Step::WaitForApi { access } => waits::api(run, id, access).await,
        Step::WaitForNodes {
            access,
            nodes,
            ready,
        } => waits::nodes(run, id, access, nodes, *ready).await,
        Step::WaitForServiceAccount { access } => waits::service_account(run, id, access).await,
        Step::WaitForSystemPods { access } => waits::system_pods(run, id, access).await,
        Step::MergeKubeconfig {
            access,
            context,
            switch,
        } => kubeconfig::merge(run, id, access, context, *switch).await,
        Step::RemovePath { path } => paths::remove(path).await,
        Step::RemoveKubeconfig { context } => kubeconfig::remove(run, context).await,
        Step::Cordon { access, node } => nodes::cordon(run, access, node).await,
        Step::Drain {
            access,
            node,
            deadline,
        } => nodes::drain(run, id, access, node, *deadline).await,
        Step::ForgetNode { access, node } => {
            nodes::delete_object(run, access, node).await?;
            // It counts as done even where there was nothing: taking it back clears the name after the newcomer.
            Ok(Effect::Changed)
        }
        Step::DeleteNodeObject { access, node } => nodes::delete_object(run, access, node).await,
    }
}

/// Whether the step writes something through the API that the cluster can do without: nobody can where the API is not
/// reached from here, and the person is told.
const fn asks_from_here(step: &Step) -> bool {
    matches!(
        step,
        Step::SetPodHosts { .. } | Step::SetRegistryRecord { .. }
    )
}

/// Whether a failure of the step says nothing about the others: they are waited for, however long they take.
pub(super) const fn is_for_itself(step: &Step) -> bool {
    matches!(step, Step::ImportImages { .. } | Step::RemoveImages { .. })
}

/// Whether a request of the step, once sent, may change the world although nobody waits for the answer.
pub(super) const fn changes_something(step: &Step) -> bool {
    !matches!(
        step,
        Step::PullImage { .. }
            | Step::ImportImages { .. }
            | Step::WaitForLog { .. }
            | Step::WaitForApi { .. }
            | Step::WaitForNodes { .. }
            | Step::WaitForServiceAccount { .. }
            | Step::WaitForSystemPods { .. }
            | Step::Drain { .. }
    )
}

/// The longest a step may take, far beyond what it usually takes: what is over it hangs.
pub(super) fn deadline(step: &Step) -> Duration {
    Duration::from_secs(match step {
        // A slow line is no reason to give up; what stands still is ended by the engine's adapter.
        Step::PullImage { .. } | Step::ImportImages { .. } => 24 * 3600,
        Step::StopContainer { .. } | Step::Exchange { .. } => STOP_GRACE.as_secs() + 20,
        Step::WaitForLog {
            role: Role::LoadBalancer,
            ..
        } => 90,
        Step::WaitForLog { .. }
        | Step::WaitForApi { .. }
        | Step::WaitForNodes { .. }
        | Step::WaitForServiceAccount { .. } => 300,
        // Less than a run may take as a whole, so that it is said which pods are not ready.
        Step::WaitForSystemPods { .. } => 480,
        Step::Drain { deadline, .. } => deadline.as_secs() + 30,
        Step::SetPodHosts { .. } => host_records::COREDNS_COMES.as_secs() + 30,
        _ => 60,
    })
}

/// A time in words, to the second.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => "a second".to_owned(),
        s if s < 120 || s % 60 != 0 => format!("{s} s"),
        s => format!("{} min", s / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::spec::RunOptions, plan::KubeAccess};

    fn access() -> KubeAccess {
        KubeAccess {
            servers: Vec::new(),
            url: String::new(),
            published: String::new(),
        }
    }

    fn container() -> String {
        "k3d-demo-server-0".to_owned()
    }

    /// A deadline that another one always beats is never told: what stands still would be told in the words of the
    /// other, which knows less.
    #[test]
    fn no_wait_outlasts_the_run_that_it_is_part_of() {
        let whole = RunOptions::default().timeout;
        let log = |role| Step::WaitForLog {
            container: container(),
            role,
        };
        let waits = [
            log(Role::Server),
            log(Role::Agent),
            log(Role::LoadBalancer),
            Step::WaitForApi { access: access() },
            Step::WaitForNodes {
                access: access(),
                nodes: Vec::new(),
                ready: true,
            },
            Step::WaitForServiceAccount { access: access() },
            Step::WaitForSystemPods { access: access() },
            Step::SetPodHosts {
                access: access(),
                records: Vec::new(),
            },
            Step::StopContainer {
                container: container(),
            },
        ];
        for step in waits {
            // Something has been done before it, usually within a minute.
            let limit = deadline(&step) + Duration::from_secs(60);
            assert!(limit < whole, "{}: {limit:?}", step.describe());
            assert!(step.usual() < deadline(&step), "{}", step.describe());
        }
    }

    /// A deadline within a step that the step's own always comes before would turn what it is there for into a failure.
    #[test]
    fn deadlines_within_a_step_come_before_its_own() {
        let grace = Duration::from_secs(60);
        let drain = Step::Drain {
            access: access(),
            node: container(),
            deadline: grace,
        };
        let pods = Step::SetPodHosts {
            access: access(),
            records: Vec::new(),
        };
        let node = Step::SetNodeHosts {
            container: container(),
            records: Vec::new(),
        };
        let stop = Step::StopContainer {
            container: container(),
        };
        for (step, within) in [
            (pods, host_records::COREDNS_COMES),
            (node, host_records::COMMAND),
            (stop, STOP_GRACE),
            (drain, grace),
        ] {
            let margin = Duration::from_secs(15);
            assert!(deadline(&step) >= within + margin, "{}", step.describe());
        }
    }
}
