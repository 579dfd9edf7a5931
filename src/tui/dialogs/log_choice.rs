//! Whose logs are to be followed: the pod's, those of what stands for it, of its namespace, of all pods.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    domain::{ObjectKey, WorkloadKind},
    ops::workload::Offer,
    tui::{
        msg::{ClusterId, LogTarget},
        theme::{Theme, Tone},
    },
};

/// The state of the choice.
#[derive(Debug, Clone)]
pub struct LogChoice {
    /// Whose pods they are.
    pub cluster: ClusterId,
    /// The pod that was selected.
    pub pod: ObjectKey,
    offers: Option<Vec<Offer>>,
    index: usize,
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// This is to be followed.
    Chosen(LogTarget),
}

impl LogChoice {
    /// The choice that a pod offers.
    #[must_use]
    pub const fn new(cluster: ClusterId, pod: ObjectKey) -> Self {
        Self {
            cluster,
            pod,
            offers: None,
            index: 0,
        }
    }

    /// Takes in what stands for the pod.
    pub fn offer(&mut self, offers: Vec<Offer>) {
        self.offers = Some(offers);
    }

    fn choices(&self) -> Vec<(LogTarget, String)> {
        let cluster = || self.cluster.clone();
        let pod = LogTarget::Pod(cluster(), self.pod.clone());
        let mut choices = vec![(pod, format!("pod {}", self.pod.name))];
        let namespace = &*self.pod.namespace;
        let all = [
            (
                namespace.to_owned(),
                format!("all of namespace {namespace}"),
            ),
            (String::new(), "all of the cluster".to_owned()),
        ];
        choices.extend(all.map(|(name, words)| (LogTarget::Namespace(cluster(), name), words)));
        // What comes later comes below, so that nothing moves under a finger.
        let offers = self.offers.iter().flatten();
        let workloads = offers.filter(|offer| offer.workload.kind != WorkloadKind::Pod);
        choices.extend(workloads.map(|offer| {
            let words = format!("all of {}", offer.workload);
            (
                LogTarget::Workload(cluster(), offer.workload.clone()),
                words,
            )
        }));
        choices
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let mut choices = self.choices();
        let last = choices.len() - 1;
        match (chord.ctrl, chord.key) {
            (_, Key::Esc | Key::Char('q')) | (true, Key::Char('c')) => return Outcome::Close,
            (_, Key::Down | Key::Tab | Key::Char('j')) => self.index = (self.index + 1).min(last),
            (_, Key::Up | Key::Char('k')) => self.index = self.index.saturating_sub(1),
            (_, Key::Enter) => {
                return Outcome::Chosen(choices.swap_remove(self.index.min(last)).0);
            }
            _ => {}
        }
        Outcome::Stay
    }

    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let choices = self.choices();
        let height = u16::try_from(choices.len() + 4).unwrap_or(u16::MAX);
        let inner = frame_of(frame, area, (70, height), "follow the logs of", theme);
        let mut lines: Vec<Line<'_>> = choices
            .into_iter()
            .enumerate()
            .map(|(place, (_, words))| {
                let (marker, tone) = if place == self.index {
                    (theme.glyphs.arrow, Tone::Focus)
                } else {
                    (" ", Tone::Text)
                };
                Line::from(Span::styled(
                    format!(" {marker} {words}"),
                    theme.style(tone),
                ))
            })
            .collect();
        let note = match &self.offers {
            None => "   looking for what stands for the pod",
            Some(_) => "",
        };
        lines.push(Line::styled(note, theme.style(Tone::Dim)));
        lines.push(key_line(&[("enter", "follow"), ("esc", "leave")], theme));
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_is_offered_below_and_chosen() {
        let id = ClusterId::k3s("dev");
        let mut choice = LogChoice::new(id.clone(), ObjectKey::new("shop", "web-1"));
        let press = |choice: &mut LogChoice, key: &str| choice.press(key.parse().unwrap());
        press(&mut choice, "j");
        let namespace = LogTarget::Namespace(id.clone(), "shop".to_owned());
        assert_eq!(press(&mut choice, "enter"), Outcome::Chosen(namespace));
        let deploy: crate::domain::Workload = "deploy/web".parse().unwrap();
        choice.offer(vec![Offer {
            workload: deploy.clone(),
            ports: Vec::new(),
        }]);
        press(&mut choice, "j");
        press(&mut choice, "j");
        press(&mut choice, "j");
        let all = LogTarget::Workload(id, deploy);
        assert_eq!(press(&mut choice, "enter"), Outcome::Chosen(all));
    }
}
