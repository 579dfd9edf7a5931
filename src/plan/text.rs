//! A plan as lines of text: what `--dry-run` prints and golden tests compare.

use std::fmt::Write as _;

use super::{Plan, Step};

impl Step {
    /// `+` where something comes to be, `-` where something goes, `~` where something changes, `.` where something is
    /// waited for.
    #[must_use]
    pub const fn sign(&self) -> char {
        match self {
            Self::PullImage { .. }
            | Self::ImportImages { .. }
            | Self::CreateNetwork(_)
            | Self::CreateVolume(_)
            | Self::CreateContainer(_)
            | Self::MergeKubeconfig { .. } => '+',
            Self::RemoveContainer { .. }
            | Self::Discard { .. }
            | Self::RemoveImages { .. }
            | Self::RemoveNetwork { .. }
            | Self::RemoveVolume { .. }
            | Self::RemoveKubeconfig { .. }
            | Self::RemovePath { .. }
            | Self::DeleteNodeObject { .. } => '-',
            Self::PutFiles { .. }
            | Self::StartContainer { .. }
            | Self::StopContainer { .. }
            | Self::RenameContainer { .. }
            | Self::Exchange { .. }
            | Self::Connect { .. }
            | Self::SetRegistryRecord { .. }
            | Self::Disconnect { .. }
            | Self::SetNodeHosts { .. }
            | Self::SetPodHosts { .. }
            | Self::ForgetNode { .. }
            | Self::Cordon { .. }
            | Self::Drain { .. } => '~',
            Self::WaitForLog { .. }
            | Self::WaitForApi { .. }
            | Self::WaitForNodes { .. }
            | Self::WaitForServiceAccount { .. }
            | Self::WaitForSystemPods { .. } => '.',
        }
    }
}

impl Plan {
    /// The title, the warnings and one line a step: number, sign, what it does, and the numbers of the steps that have
    /// to be done before. Steps are counted from 1. Nothing secret is in it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for warning in &self.warnings {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "! {warning}");
        }
        let last = self
            .steps
            .iter()
            .rposition(|planned| !planned.after.is_empty());
        for (place, planned) in self.steps.iter().enumerate() {
            let _ = write!(
                text,
                "{:>3} {} {}",
                place + 1,
                planned.step.sign(),
                planned.step.describe()
            );
            let all_before = Some(place) == last && place > 2 && planned.after.len() == place;
            if all_before {
                text.push_str("  (after all)");
            } else if !planned.after.is_empty() {
                let numbers: Vec<String> = planned
                    .after
                    .iter()
                    .map(|earlier| (earlier + 1).to_string())
                    .collect();
                let _ = write!(text, "  (after {})", numbers.join(", "));
            }
            text.push('\n');
        }
        text
    }
}
