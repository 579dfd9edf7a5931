//! Styles by role: a view says what something means, and only this file says what that looks like.
//!
//! The default theme uses the 16 colours of the terminal's own palette, which suit light and dark backgrounds alike.
//! Without colour every role is still told apart by weight, underline or reversal, and every state by a glyph or word.

use ratatui::style::{Color, Modifier, Style};

use crate::config::{Colour, Theme as Settings, ThemeName};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Plain text.
    Text,
    /// Text of less importance.
    Dim,
    /// The title of a pane or dialog.
    Title,
    /// A border.
    Border,
    /// The border and title of what has the focus.
    Focus,
    /// A key to press.
    Key,
    /// As it should be.
    Good,
    /// Something is off.
    Warning,
    /// Failing.
    Bad,
    /// On its way.
    Progress,
    /// The selected row.
    Selected,
    /// What has been searched for and found.
    Match,
}

/// Every role with the name that the settings have for it.
const ROLES: [(&str, Tone); 12] = [
    ("text", Tone::Text),
    ("dim", Tone::Dim),
    ("title", Tone::Title),
    ("border", Tone::Border),
    ("focus", Tone::Focus),
    ("key", Tone::Key),
    ("good", Tone::Good),
    ("warning", Tone::Warning),
    ("error", Tone::Bad),
    ("progress", Tone::Progress),
    ("selected", Tone::Selected),
    ("match", Tone::Match),
];

/// The names of all roles that a colour can be given to.
#[must_use]
pub fn roles() -> [&'static str; ROLES.len()] {
    ROLES.map(|(name, _)| name)
}

/// Characters that not every terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Running, ready, good.
    pub on: &'static str,
    /// Partly, on its way.
    pub half: &'static str,
    /// Stopped.
    pub off: &'static str,
    /// Failed.
    pub cross: &'static str,
    /// Done.
    pub check: &'static str,
    /// Going on.
    pub arrow: &'static str,
    /// Not begun.
    pub dot: &'static str,
    /// Text was left out.
    pub ellipsis: &'static str,
    /// Rising bars for a short history, from low to high.
    pub bars: [&'static str; 8],
}

const UNICODE: Glyphs = Glyphs {
    on: "●",
    half: "◐",
    off: "○",
    cross: "✗",
    check: "✓",
    arrow: "▸",
    dot: "·",
    ellipsis: "…",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

const ASCII: Glyphs = Glyphs {
    on: "*",
    half: "~",
    off: "-",
    cross: "x",
    check: "+",
    arrow: ">",
    dot: ".",
    ellipsis: "~",
    bars: ["_", "_", ".", ".", "-", "-", "=", "#"],
};

/// How everything looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: ThemeName,
    /// The person's own colours.
    own: Vec<(Tone, Color)>,
    /// Whether only ASCII characters are drawn, borders included.
    pub ascii: bool,
    /// The characters for states.
    pub glyphs: Glyphs,
}

impl Theme {
    /// The theme of the settings on a terminal that shows colour or not, and UTF-8 or not.
    #[must_use]
    pub fn new(settings: &Settings, color: bool, unicode: bool) -> Self {
        let name = match settings.name {
            _ if !color => ThemeName::Mono,
            ThemeName::Auto => ThemeName::Ansi,
            name => name,
        };
        let ascii = settings.ascii || !unicode;
        let own = ROLES
            .iter()
            .filter_map(|(role, tone)| Some((*tone, color_of(*settings.colors.get(*role)?))));
        Self {
            name,
            own: own.collect(),
            ascii,
            glyphs: if ascii { ASCII } else { UNICODE },
        }
    }

    /// The style of a role.
    #[must_use]
    pub fn style(&self, tone: Tone) -> Style {
        let plain = Style::new();
        if self.name == ThemeName::Mono {
            return match tone {
                Tone::Title | Tone::Key | Tone::Warning | Tone::Focus => {
                    plain.add_modifier(Modifier::BOLD)
                }
                Tone::Bad => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
                Tone::Selected | Tone::Match => plain.add_modifier(Modifier::REVERSED),
                Tone::Dim | Tone::Border => plain.add_modifier(Modifier::DIM),
                Tone::Text | Tone::Good | Tone::Progress => plain,
            };
        }
        let style = self.usual(tone);
        match self.own.iter().find(|(own, _)| *own == tone) {
            Some((_, color)) => style.fg(*color),
            None => style,
        }
    }

    /// Whether colours are drawn at all.
    #[must_use]
    pub fn colored(&self) -> bool {
        self.name != ThemeName::Mono
    }

    /// The style that tells one of several sources of lines from its neighbours.
    #[must_use]
    pub fn source(&self, number: u8) -> Style {
        // Of the palette that every terminal has, without red and yellow, which mean something.
        const COLORS: [u8; 12] = [6, 5, 4, 2, 14, 13, 12, 10, 37, 98, 67, 65];
        if !self.colored() {
            return self.style(Tone::Dim);
        }
        let place = usize::from(number) % COLORS.len();
        Style::new().fg(Color::Indexed(COLORS[place]))
    }

    /// The style of a role without the person's own colours.
    fn usual(&self, tone: Tone) -> Style {
        let plain = Style::new();
        let color = |color| plain.fg(color);
        match (tone, self.name) {
            (Tone::Text, _) => plain,
            (Tone::Title, _) => plain.add_modifier(Modifier::BOLD),
            (Tone::Selected | Tone::Match, _) => plain.add_modifier(Modifier::REVERSED),
            (Tone::Dim | Tone::Border, ThemeName::Dark) => color(Color::Rgb(128, 134, 148)),
            (Tone::Dim | Tone::Border, ThemeName::Light) => color(Color::Rgb(110, 116, 128)),
            (Tone::Dim | Tone::Border, _) => color(Color::DarkGray),
            (Tone::Focus, ThemeName::Dark) => {
                color(Color::Rgb(97, 175, 239)).add_modifier(Modifier::BOLD)
            }
            (Tone::Focus, ThemeName::Light) => {
                color(Color::Rgb(10, 90, 180)).add_modifier(Modifier::BOLD)
            }
            (Tone::Focus, _) => color(Color::Cyan).add_modifier(Modifier::BOLD),
            (Tone::Key, ThemeName::Dark) => color(Color::Rgb(198, 160, 246)),
            (Tone::Key, ThemeName::Light) => color(Color::Rgb(120, 50, 160)),
            (Tone::Key, _) => color(Color::Magenta),
            (Tone::Good, ThemeName::Dark) => color(Color::Rgb(152, 195, 121)),
            (Tone::Good, ThemeName::Light) => color(Color::Rgb(20, 120, 40)),
            (Tone::Good, _) => color(Color::Green),
            (Tone::Warning, ThemeName::Dark) => color(Color::Rgb(229, 192, 123)),
            (Tone::Warning, ThemeName::Light) => color(Color::Rgb(150, 95, 0)),
            (Tone::Warning, _) => color(Color::Yellow),
            (Tone::Bad, ThemeName::Dark) => {
                color(Color::Rgb(240, 113, 120)).add_modifier(Modifier::BOLD)
            }
            (Tone::Bad, ThemeName::Light) => {
                color(Color::Rgb(180, 20, 30)).add_modifier(Modifier::BOLD)
            }
            (Tone::Bad, _) => color(Color::Red).add_modifier(Modifier::BOLD),
            (Tone::Progress, ThemeName::Dark) => color(Color::Rgb(86, 182, 194)),
            (Tone::Progress, ThemeName::Light) => color(Color::Rgb(0, 110, 120)),
            (Tone::Progress, _) => color(Color::Blue),
        }
    }
}

const fn color_of(colour: Colour) -> Color {
    match colour {
        Colour::Default => Color::Reset,
        Colour::Palette(number) => Color::Indexed(number),
        Colour::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_s_own_colours_go_over_the_theme_s_and_none_are_drawn_without_colour() {
        let mut settings = Settings::default();
        let red = Colour::Palette(9);
        settings.colors.insert("error".to_owned(), red);
        let theme = Theme::new(&settings, true, true);
        let style = theme.style(Tone::Bad);
        assert_eq!(style.fg, Some(Color::Indexed(9)));
        assert!(style.add_modifier.contains(Modifier::BOLD));
        assert_eq!(theme.style(Tone::Good).fg, Some(Color::Green));
        let mono = Theme::new(&settings, false, true);
        assert!(ROLES.iter().all(|(_, tone)| mono.style(*tone).fg.is_none()));
    }
}
