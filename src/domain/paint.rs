//! The colours that a program gave its own output, read out of its escape sequences and kept beside the text.
//!
//! Only what changes how text looks is read (SGR, the sequences that end in `m`); a sequence can so never move the
//! cursor, change a mode or hide behind a colour.

/// From this place of a text on it looks like this, up to the next run or the end of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Bytes from the beginning of the text, always on the boundary of a character.
    pub at: u32,
    /// How it looks.
    pub style: Style,
}

/// How text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Style {
    /// The colour of the letters.
    pub fg: Colour,
    /// The colour behind them.
    pub bg: Colour,
    /// Bold, dim and the like.
    pub effects: Effects,
}

/// A colour as terminals know them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// The terminal's own.
    #[default]
    Own,
    /// One of the 256; the first 16 are the ones that people choose for their terminal.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// A set of effects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Effects(u8);

impl Effects {
    /// Heavy letters.
    pub const BOLD: Self = Self(1);
    /// Faint letters.
    pub const DIM: Self = Self(1 << 1);
    /// Slanted letters.
    pub const ITALIC: Self = Self(1 << 2);
    /// A line below.
    pub const UNDERLINE: Self = Self(1 << 3);
    /// Letters and ground exchanged.
    pub const REVERSE: Self = Self(1 << 4);

    /// Whether all of these are in the set.
    #[must_use]
    pub const fn has(self, of: Self) -> bool {
        self.0 & of.0 == of.0
    }

    /// The set as bits, to be kept in a file.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What [`Self::bits`] gave; unknown bits are none.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0x1f)
    }

    const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    const fn without(self, less: Self) -> Self {
        Self(self.0 & !less.0)
    }
}

impl Style {
    /// Applies the parameters of an SGR sequence (what stands between `ESC [` and `m`); unknown ones change nothing.
    pub(super) fn apply(&mut self, parameters: &str) {
        let mut groups = parameters.split(';');
        while let Some(group) = groups.next() {
            let (code, parts) = match group.split_once(':') {
                Some((code, parts)) => (code, Some(parts)),
                None => (group, None),
            };
            // A missing number is a zero.
            let Some(code) = number(code) else { continue };
            match code {
                38 | 48 => {
                    let colour = match parts {
                        Some(parts) => by_colons(parts),
                        None => by_semicolons(&mut groups),
                    };
                    if let Some(colour) = colour {
                        *(if code == 38 {
                            &mut self.fg
                        } else {
                            &mut self.bg
                        }) = colour;
                    }
                }
                4 if parts == Some("0") => {
                    self.effects = self.effects.without(Effects::UNDERLINE);
                }
                code => self.apply_code(code),
            }
        }
    }

    fn apply_code(&mut self, code: u8) {
        let on = self.effects;
        match code {
            0 => *self = Self::default(),
            1 => self.effects = on.with(Effects::BOLD),
            2 => self.effects = on.with(Effects::DIM),
            3 => self.effects = on.with(Effects::ITALIC),
            4 | 21 => self.effects = on.with(Effects::UNDERLINE),
            7 => self.effects = on.with(Effects::REVERSE),
            22 => self.effects = on.without(Effects::BOLD).without(Effects::DIM),
            23 => self.effects = on.without(Effects::ITALIC),
            24 => self.effects = on.without(Effects::UNDERLINE),
            27 => self.effects = on.without(Effects::REVERSE),
            30..=37 => self.fg = Colour::Indexed(code - 30),
            39 => self.fg = Colour::Own,
            40..=47 => self.bg = Colour::Indexed(code - 40),
            49 => self.bg = Colour::Own,
            90..=97 => self.fg = Colour::Indexed(code - 90 + 8),
            100..=107 => self.bg = Colour::Indexed(code - 100 + 8),
            _ => {}
        }
    }
}

fn number(text: &str) -> Option<u8> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

/// `38;5;n` and `38;2;r;g;b`, the usual spelling.
fn by_semicolons<'a>(rest: &mut impl Iterator<Item = &'a str>) -> Option<Colour> {
    match number(rest.next()?)? {
        5 => Some(Colour::Indexed(number(rest.next()?)?)),
        2 => Some(Colour::Rgb(
            number(rest.next()?)?,
            number(rest.next()?)?,
            number(rest.next()?)?,
        )),
        _ => None,
    }
}

/// `38:5:n`, `38:2:r:g:b` and `38:2:space:r:g:b`, the spelling of the standard.
fn by_colons(parts: &str) -> Option<Colour> {
    let (kind, values) = parts.split_once(':')?;
    match number(kind)? {
        5 => Some(Colour::Indexed(number(values)?)),
        2 => {
            let mut back = values.rsplit(':');
            let (b, g, r) = (back.next()?, back.next()?, back.next()?);
            Some(Colour::Rgb(number(r)?, number(g)?, number(b)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_styles_in_every_spelling() {
        let of = |text: &str| {
            let mut style = Style::default();
            style.apply(text);
            style
        };
        assert_eq!(of("31;42").fg, Colour::Indexed(1));
        assert_eq!(of("31;42").bg, Colour::Indexed(2));
        assert_eq!(of("97;100").fg, Colour::Indexed(15));
        assert_eq!(of("97;100").bg, Colour::Indexed(8));
        for orange in ["38;5;208", "38:5:208"] {
            assert_eq!(of(orange).fg, Colour::Indexed(208), "{orange}");
        }
        for rgb in ["48;2;1;2;3", "48:2:1:2:3", "48:2::1:2:3"] {
            assert_eq!(of(rgb).bg, Colour::Rgb(1, 2, 3), "{rgb}");
        }
        assert!(
            of("1;3;4")
                .effects
                .has(Effects::BOLD.with(Effects::ITALIC).with(Effects::UNDERLINE))
        );
        for nothing in ["1;22", "4;4:0", "31;39", "31;0", "31;", "999", "7;27"] {
            assert_eq!(of(nothing), Style::default(), "{nothing}");
        }
        // What is missing at the end of a colour does not become another one.
        assert_eq!(of("38;5"), Style::default());
        assert_eq!(of("38;2;1;2"), Style::default());
    }
}
