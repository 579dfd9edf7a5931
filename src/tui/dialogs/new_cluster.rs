//! The form for a new cluster: what most people change, with defaults for the rest.
//!
//! Every field is checked as it is typed, and the reason stands below the form, so that nothing is refused only after
//! the last key.

use std::num::NonZeroU16;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{field::Field, frame_of};
use crate::{
    config::{ClusterDefaults, Key, KeyChord},
    domain::{ApiEndpoint, ClusterName, ClusterSpec, PortMapping, Problem},
    tui::theme::{Theme, Tone},
};

/// The fields, from top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Name,
    Servers,
    Agents,
    Image,
    ApiPort,
    Ports,
    LoadBalancer,
}

const ITEMS: [Item; 7] = [
    Item::Name,
    Item::Servers,
    Item::Agents,
    Item::Image,
    Item::ApiPort,
    Item::Ports,
    Item::LoadBalancer,
];

/// The state of the form.
#[derive(Debug, Clone)]
pub struct NewCluster {
    focus: usize,
    name: Field,
    servers: Field,
    agents: Field,
    image: Field,
    api_port: Field,
    ports: Field,
    load_balancer: bool,
    defaults: ClusterDefaults,
    taken: Vec<String>,
}

/// What a key did to the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// It is filled in.
    Wanted(Box<ClusterSpec>),
}

impl NewCluster {
    /// A form with the person's defaults and a name that no cluster has.
    #[must_use]
    pub fn new(defaults: &ClusterDefaults, taken: Vec<String>) -> Self {
        let free = std::iter::once("dev".to_owned()).chain((2..).map(|n| format!("dev-{n}")));
        let name = free
            .into_iter()
            .find(|name| !taken.contains(name))
            .unwrap_or_default();
        let ports: Vec<String> = defaults.ports.iter().cloned().map(String::from).collect();
        Self {
            focus: 0,
            name: Field::new(name),
            servers: Field::new(defaults.servers.to_string()),
            agents: Field::new(defaults.agents.to_string()),
            image: Field::new(defaults.image.clone()),
            api_port: Field::default(),
            ports: Field::new(ports.join(", ")),
            load_balancer: true,
            defaults: defaults.clone(),
            taken,
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        match chord.key {
            Key::Esc => return Outcome::Close,
            Key::Enter => {
                return match self.spec() {
                    Ok(spec) => Outcome::Wanted(Box::new(spec)),
                    Err((item, _)) => {
                        self.focus = ITEMS.iter().position(|other| *other == item).unwrap_or(0);
                        Outcome::Stay
                    }
                };
            }
            Key::Tab if chord.shift => self.focus = (self.focus + ITEMS.len() - 1) % ITEMS.len(),
            Key::Up => self.focus = (self.focus + ITEMS.len() - 1) % ITEMS.len(),
            Key::Tab | Key::Down => self.focus = (self.focus + 1) % ITEMS.len(),
            key => match ITEMS[self.focus] {
                Item::LoadBalancer => {
                    if matches!(key, Key::Char(' ') | Key::Left | Key::Right) {
                        self.load_balancer = !self.load_balancer;
                    }
                }
                item => {
                    if let Some(field) = self.field(item) {
                        field.press(chord);
                    }
                }
            },
        }
        Outcome::Stay
    }

    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.field(ITEMS[self.focus]) {
            field.paste(text);
        }
    }

    fn field(&mut self, item: Item) -> Option<&mut Field> {
        Some(match item {
            Item::Name => &mut self.name,
            Item::Servers => &mut self.servers,
            Item::Agents => &mut self.agents,
            Item::Image => &mut self.image,
            Item::ApiPort => &mut self.api_port,
            Item::Ports => &mut self.ports,
            Item::LoadBalancer => return None,
        })
    }

    /// The specification that the form describes, or the first field that is wrong.
    fn spec(&self) -> Result<ClusterSpec, (Item, Problem)> {
        let name =
            ClusterName::parse(self.name.text().trim()).map_err(|problem| (Item::Name, problem))?;
        if self.taken.iter().any(|taken| taken == name.as_str()) {
            return Err((
                Item::Name,
                Problem::usage("that name is taken", "a cluster has it already"),
            ));
        }
        let number = |item, field: &Field, what: &str| {
            field
                .text()
                .trim()
                .parse::<u16>()
                .map_err(|_| (item, Problem::usage(what, "expected a number up to 65535")))
        };
        let servers = number(Item::Servers, &self.servers, "the number of servers")?;
        let servers = NonZeroU16::new(servers).ok_or_else(|| {
            (
                Item::Servers,
                Problem::usage("a cluster without a server", "at least one has to be there"),
            )
        })?;
        let agents = number(Item::Agents, &self.agents, "the number of agents")?;
        if self.image.text().trim().is_empty() {
            return Err((
                Item::Image,
                Problem::usage(
                    "no image",
                    "expected something like rancher/k3s:v1.34.2-k3s1",
                ),
            ));
        }
        let port = match self.api_port.text().trim() {
            "" => None,
            _ => Some(number(
                Item::ApiPort,
                &self.api_port,
                "the port of the API",
            )?),
        };
        let mut ports = Vec::new();
        for text in self
            .ports
            .text()
            .split([',', ' '])
            .filter(|text| !text.is_empty())
        {
            ports.extend(PortMapping::parse(text).map_err(|problem| (Item::Ports, problem))?);
        }
        if !ports.is_empty() && !self.load_balancer {
            return Err((
                Item::Ports,
                Problem::usage("ports without a load balancer", "they are published on it"),
            ));
        }
        Ok(ClusterSpec {
            servers: servers.get(),
            agents,
            load_balancer: self.load_balancer,
            api: ApiEndpoint {
                host_ip: self.defaults.api_address,
                host: self.defaults.api_address.to_string(),
                port: port.filter(|port| *port != 0),
            },
            ports,
            ..ClusterSpec::new(
                name,
                self.image.text().trim(),
                self.defaults.proxy_image.clone(),
            )
        })
    }

    /// Draws the form.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let inner = frame_of(frame, area, (76, 13), "new cluster", theme);
        let rows: [Rect; ITEMS.len()] = Layout::vertical([Constraint::Length(1); ITEMS.len()])
            .areas(Rect {
                height: inner.height.min(7),
                ..inner
            });
        for (index, (item, row)) in ITEMS.into_iter().zip(rows).enumerate() {
            self.view_item(frame, item, row, index == self.focus, theme);
        }
        let below = Rect {
            y: inner.y + inner.height.min(8),
            height: inner.height.saturating_sub(8),
            ..inner
        };
        let mut lines = Vec::new();
        match self.spec() {
            Ok(spec) => {
                let servers = if spec.servers == 2 {
                    "  two servers are less safe than one: take 1 or 3"
                } else {
                    ""
                };
                lines.push(Line::styled(servers, theme.style(Tone::Warning)));
            }
            Err((_, problem)) => {
                let hint = if problem.hint.is_empty() {
                    String::new()
                } else {
                    format!("; {}", problem.hint)
                };
                lines.push(Line::styled(
                    format!(" {problem}{hint}"),
                    theme.style(Tone::Warning),
                ));
            }
        }
        let key = |key: &'static str| Span::styled(key, theme.style(Tone::Key));
        lines.push(Line::from(vec![
            key(" enter"),
            Span::raw(" show the plan   "),
            key("tab"),
            Span::raw(" next field   "),
            key("esc"),
            Span::raw(" leave"),
        ]));
        frame.render_widget(Paragraph::new(lines), below);
    }

    fn view_item(
        &self,
        frame: &mut Frame<'_>,
        item: Item,
        row: Rect,
        focused: bool,
        theme: &Theme,
    ) {
        let (label, field, note) = match item {
            Item::Name => ("name", Some(&self.name), ""),
            Item::Servers => ("servers", Some(&self.servers), "control plane; 1 or 3"),
            Item::Agents => ("agents", Some(&self.agents), "workers"),
            Item::Image => ("image", Some(&self.image), ""),
            Item::ApiPort => ("API port", Some(&self.api_port), "empty: a free one"),
            Item::Ports => ("ports", Some(&self.ports), "8080:80, 8443:443"),
            Item::LoadBalancer => ("load balancer", None, "space switches"),
        };
        let tone = if focused { Tone::Focus } else { Tone::Dim };
        let marker = if focused { theme.glyphs.arrow } else { " " };
        let [label_area, value, note_area] = Layout::horizontal([
            Constraint::Length(16),
            Constraint::Fill(1),
            Constraint::Length(if note.is_empty() { 0 } else { 22 }),
        ])
        .areas(row);
        frame.render_widget(
            Span::styled(format!("{marker} {label}"), theme.style(tone)),
            label_area,
        );
        frame.render_widget(Span::styled(note, theme.style(Tone::Dim)), note_area);
        if let Some(field) = field {
            field.view(frame, value, theme.style(Tone::Text), focused);
        } else {
            let text = if self.load_balancer {
                "[x] before the servers"
            } else {
                "[ ] the first server publishes the API"
            };
            frame.render_widget(Span::styled(text, theme.style(Tone::Text)), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(form: &mut NewCluster, keys: &[&str]) -> Outcome {
        keys.iter()
            .map(|key| form.press(key.parse().unwrap()))
            .last()
            .unwrap()
    }

    #[test]
    fn enter_on_the_defaults_is_a_cluster() {
        let mut form = NewCluster::new(&ClusterDefaults::default(), vec!["dev".to_owned()]);
        let Outcome::Wanted(spec) = press(&mut form, &["enter"]) else {
            panic!("not wanted")
        };
        assert_eq!(
            (spec.name.as_str(), spec.servers, spec.agents, spec.api.port),
            ("dev-2", 1, 0, None)
        );
    }

    #[test]
    fn a_wrong_field_gets_the_focus_instead_of_a_refusal_later() {
        let mut form = NewCluster::new(&ClusterDefaults::default(), Vec::new());
        // agents: "0" -> "0x"
        assert_eq!(
            press(&mut form, &["tab", "tab", "x", "tab", "enter"]),
            Outcome::Stay
        );
        assert_eq!(ITEMS[form.focus], Item::Agents);
        let Outcome::Wanted(spec) = press(&mut form, &["backspace", "backspace", "2", "enter"])
        else {
            panic!("not wanted")
        };
        assert_eq!(spec.agents, 2);
        assert_eq!(press(&mut form, &["esc"]), Outcome::Close);
    }

    #[test]
    fn ports_and_the_load_balancer_go_together() {
        let mut form = NewCluster::new(&ClusterDefaults::default(), Vec::new());
        form.focus = 5;
        form.paste("8080:80, 8443:443");
        assert_eq!(form.spec().unwrap().ports.len(), 2);
        assert_eq!(press(&mut form, &["tab", "space"]), Outcome::Stay);
        assert_eq!(form.spec().unwrap_err().0, Item::Ports);
    }
}
