//! The form for a port-forward: where it leads, and from which port of this machine.
//!
//! It is there at once with the pod; what else stands for the pod (its Service, its Deployment) comes when the cluster has
//! said so, and is then offered first, because it outlives the pod.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{field::Field, frame_of, key_line};
use crate::{
    config::{Key, KeyChord},
    domain::{Forward, ObjectKey, Problem},
    ops::workload::Offer,
    tui::{
        msg::ClusterId,
        theme::{Theme, Tone},
    },
};

/// The state of the form.
#[derive(Debug, Clone)]
pub struct NewForward {
    /// Whose pods they are.
    pub cluster: ClusterId,
    /// The pod that was selected.
    pub pod: ObjectKey,
    target: Field,
    ports: Field,
    on_ports: bool,
    /// What else stands for the pod; `None` while it is not known.
    offers: Option<Vec<Offer>>,
    /// Whether the person has typed anything, which nothing may then overwrite.
    touched: bool,
    problem: Option<Problem>,
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// This is wanted.
    Wanted(Box<Forward>),
}

/// The port of this machine for a port of a pod: the same one, unless it belongs to the system.
fn local(remote: u16) -> u16 {
    if remote < 1024 { 8000 + remote } else { remote }
}

impl NewForward {
    /// The form for a pod.
    #[must_use]
    pub fn new(cluster: ClusterId, pod: ObjectKey) -> Self {
        Self {
            cluster,
            target: Field::new(format!("pod/{}", pod.name)),
            pod,
            ports: Field::default(),
            on_ports: false,
            offers: None,
            touched: false,
            problem: None,
        }
    }

    /// Takes in what stands for the pod.
    pub fn offer(&mut self, offers: Vec<Offer>) {
        let first = offers.first().cloned();
        self.offers = Some(offers);
        if let Some(offer) = first.filter(|_| !self.touched) {
            self.choose(&offer);
        }
    }

    fn choose(&mut self, offer: &Offer) {
        self.target = Field::new(offer.workload.to_string());
        let ports = offer
            .ports
            .iter()
            .map(|port| format!("{}:{port}", local(*port)));
        self.ports = Field::new(ports.collect::<Vec<_>>().join(" "));
        self.on_ports = true;
    }

    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str) {
        self.touched = true;
        self.field().paste(text);
    }

    const fn field(&mut self) -> &mut Field {
        if self.on_ports {
            &mut self.ports
        } else {
            &mut self.target
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) => return Outcome::Close,
            (_, Key::Tab) => self.on_ports = !self.on_ports,
            (_, Key::Down) => self.turn(1),
            (_, Key::Up) => self.turn(usize::MAX),
            (_, Key::Enter) => match self.forward() {
                Ok(forward) => return Outcome::Wanted(Box::new(forward)),
                Err(problem) => self.problem = Some(problem),
            },
            _ => {
                if self.field().press(chord) {
                    self.touched = true;
                    self.problem = None;
                }
            }
        }
        Outcome::Stay
    }

    /// Goes to the next thing that stands for the pod, or the one before.
    fn turn(&mut self, by: usize) {
        let Some(offers) = self.offers.as_ref().filter(|offers| !offers.is_empty()) else {
            return;
        };
        let here = offers
            .iter()
            .position(|offer| offer.workload.to_string() == self.target.text());
        let place = here.map_or(0, |here| {
            here.checked_add_signed(if by == 1 { 1 } else { -1 })
                .unwrap_or(offers.len() - 1)
                % offers.len()
        });
        let offer = offers[place].clone();
        self.choose(&offer);
    }

    fn forward(&self) -> Result<Forward, Problem> {
        let target = self
            .target
            .text()
            .trim()
            .parse::<crate::domain::ForwardTarget>()?;
        let words = self
            .ports
            .text()
            .split([' ', ','])
            .filter(|word| !word.is_empty());
        let ports = words.map(str::parse).collect::<Result<Vec<_>, Problem>>()?;
        if ports.is_empty() {
            return Err(Problem::usage(
                "no port is named",
                "a forward leads from a port to a port",
            )
            .with_hint(
                "8080:80 leads from 8080 of this machine to 80 there, :80 from a free one",
            ));
        }
        Ok(Forward {
            target: target.within(&self.pod.namespace),
            ports,
        })
    }

    /// Draws the form.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let title = format!("forward a port to {}", self.pod.namespace);
        let inner = frame_of(frame, area, (76, 8), &title, theme);
        let label = |text: &'static str, focused: bool| {
            let (marker, tone) = if focused {
                (theme.glyphs.arrow, Tone::Focus)
            } else {
                (" ", Tone::Text)
            };
            Span::styled(format!("{marker} {text:<8}"), theme.style(tone))
        };
        let note = match &self.offers {
            None => "looking for what stands for the pod".to_owned(),
            Some(offers) => {
                let words = offers.iter().map(|offer| offer.workload.to_string());
                words.collect::<Vec<_>>().join("  ")
            }
        };
        let last = match &self.problem {
            Some(problem) => Line::styled(
                format!(
                    "  {problem}{}{}",
                    if problem.hint.is_empty() { "" } else { ": " },
                    problem.hint
                ),
                theme.style(Tone::Bad),
            ),
            None => Line::default(),
        };
        let lines = vec![
            Line::from(label("to", !self.on_ports)),
            Line::styled(format!("          {note}"), theme.style(Tone::Dim)),
            Line::from(label("ports", self.on_ports)),
            Line::styled(
                "          8080:80   :80 from a free port   http by name",
                theme.style(Tone::Dim),
            ),
            last,
            key_line(
                &[
                    ("enter", "forward"),
                    ("up/down", "to what"),
                    ("tab", "other field"),
                    ("esc", "leave"),
                ],
                theme,
            ),
        ];
        frame.render_widget(Paragraph::new(lines), inner);
        for (field, line, edited) in [
            (&self.target, 0, !self.on_ports),
            (&self.ports, 2, self.on_ports),
        ] {
            if inner.height > line {
                let field_area = Rect {
                    x: inner.x + 10.min(inner.width),
                    y: inner.y + line,
                    width: inner.width.saturating_sub(10),
                    height: 1,
                };
                field.view(frame, field_area, theme.style(Tone::Text), edited);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> NewForward {
        NewForward::new(ClusterId::k3s("dev"), ObjectKey::new("shop", "web-1"))
    }

    fn offers() -> Vec<Offer> {
        [("svc/web", vec![80]), ("deploy/web", vec![8080, 9090])]
            .into_iter()
            .map(|(name, ports)| Offer {
                workload: name.parse().unwrap(),
                ports,
            })
            .collect()
    }

    fn press(form: &mut NewForward, key: &str) -> Outcome {
        form.press(key.parse().unwrap())
    }

    #[test]
    fn what_stands_for_the_pod_is_offered_with_its_ports() {
        let mut form = form();
        form.offer(offers());
        let Outcome::Wanted(wanted) = press(&mut form, "enter") else {
            panic!("a forward");
        };
        assert_eq!(wanted.target.to_string(), "service/web");
        assert_eq!(wanted.target.namespace(), "shop");
        assert_eq!(wanted.ports[0].to_string(), "8080:80");
        press(&mut form, "down");
        assert_eq!(form.target.text(), "deployment/web");
        assert_eq!(form.ports.text(), "8080:8080 9090:9090");
        press(&mut form, "up");
        press(&mut form, "up");
        assert_eq!(form.target.text(), "deployment/web");
    }

    #[test]
    fn what_a_person_typed_is_not_overwritten_and_a_mistake_is_told() {
        let mut form = form();
        press(&mut form, "tab");
        assert_eq!(press(&mut form, "enter"), Outcome::Stay);
        assert!(form.problem.is_some());
        form.paste("9000:http");
        form.offer(offers());
        let Outcome::Wanted(wanted) = press(&mut form, "enter") else {
            panic!("a forward");
        };
        assert_eq!(wanted.target.to_string(), "pod/web-1");
        assert_eq!(wanted.ports[0].to_string(), "9000:http");
    }
}
