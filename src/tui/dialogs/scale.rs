//! How many servers and agents a cluster is to have.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    domain::ClusterName,
    tui::theme::{Theme, Tone},
};

/// The state of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Which cluster.
    pub cluster: ClusterName,
    before: (u16, u16),
    servers: u16,
    agents: u16,
    on_agents: bool,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// These numbers are wanted; `None` leaves a role as it is.
    Wanted {
        /// Servers.
        servers: Option<u16>,
        /// Agents.
        agents: Option<u16>,
    },
}

impl Scale {
    /// The question for a cluster of these numbers.
    #[must_use]
    pub fn new(cluster: ClusterName, servers: u16, agents: u16) -> Self {
        Self {
            cluster,
            before: (servers, agents),
            servers,
            agents,
            on_agents: true,
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let number = if self.on_agents {
            &mut self.agents
        } else {
            &mut self.servers
        };
        match chord.key {
            Key::Esc => return Outcome::Close,
            Key::Enter => {
                let changed = |now: u16, before: u16| (now != before).then_some(now);
                let (servers, agents) = (
                    changed(self.servers, self.before.0),
                    changed(self.agents, self.before.1),
                );
                if servers.is_none() && agents.is_none() {
                    return Outcome::Close;
                }
                return Outcome::Wanted { servers, agents };
            }
            Key::Tab | Key::Up | Key::Down | Key::Char('j' | 'k') => {
                self.on_agents = !self.on_agents;
            }
            Key::Right | Key::Char('+' | '=' | 'l') => *number = number.saturating_add(1),
            Key::Left | Key::Char('-' | 'h') => *number = number.saturating_sub(1),
            Key::Backspace => *number /= 10,
            Key::Char(c) => {
                if let Some(digit) = c.to_digit(10).and_then(|digit| u16::try_from(digit).ok()) {
                    // The first digit replaces the number that stood there.
                    let fresh = *number
                        == if self.on_agents {
                            self.before.1
                        } else {
                            self.before.0
                        };
                    *number = if fresh {
                        digit
                    } else {
                        number.saturating_mul(10).saturating_add(digit).min(999)
                    };
                }
            }
            _ => {}
        }
        self.servers = self.servers.max(1);
        Outcome::Stay
    }

    /// Draws the question.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let inner = frame_of(
            frame,
            area,
            (64, 7),
            &format!("scale cluster \"{}\"", self.cluster),
            theme,
        );
        let row = |label: &str, now: u16, before: u16, focused: bool| {
            let tone = if focused { Tone::Focus } else { Tone::Text };
            let marker = if focused { theme.glyphs.arrow } else { " " };
            let change = if now == before {
                String::new()
            } else {
                format!("   was {before}")
            };
            Line::from(vec![
                Span::styled(format!("{marker} {label:<9}"), theme.style(tone)),
                Span::styled(format!("{now:>3}"), theme.style(tone)),
                Span::styled(change, theme.style(Tone::Warning)),
            ])
        };
        let lines = vec![
            row("servers", self.servers, self.before.0, !self.on_agents),
            row("agents", self.agents, self.before.1, self.on_agents),
            Line::default(),
            key_line(
                &[
                    ("+/-", "more, fewer"),
                    ("tab", "other row"),
                    ("enter", "plan"),
                    ("esc", "leave"),
                ],
                theme,
            ),
        ];
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_typed_or_counted_and_only_changes_are_wanted() {
        let mut scale = Scale::new(ClusterName::existing("dev"), 1, 2);
        let mut press = |keys: &[&str]| {
            keys.iter()
                .map(|key| scale.press(key.parse().unwrap()))
                .last()
                .unwrap()
        };
        assert_eq!(
            press(&["+", "enter"]),
            Outcome::Wanted {
                servers: None,
                agents: Some(3)
            }
        );
        assert_eq!(
            press(&["tab", "3", "enter"]),
            Outcome::Wanted {
                servers: Some(3),
                agents: Some(3)
            }
        );
        assert_eq!(press(&["0", "minus", "minus"]), Outcome::Stay);
        let mut same = Scale::new(ClusterName::existing("dev"), 1, 2);
        assert_eq!(same.press("enter".parse().unwrap()), Outcome::Close);
    }
}
