//! Colours as a person writes them: `red`, `bright-blue`, `#8aadf4`, `208`. Which terminal can show them is the
//! screen's business.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The names of the 16 colours of a terminal's palette, by their number.
const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Colour {
    /// The terminal's own foreground or background.
    Default,
    /// A number of the terminal's palette; the first 16 have names.
    Palette(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        if lower == "default" {
            return Ok(Self::Default);
        }
        if let Some(number) = (0u8..).zip(NAMES).find(|(_, name)| *name == lower) {
            return Ok(Self::Palette(number.0));
        }
        let hex = lower
            .strip_prefix('#')
            .filter(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(value) = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
            let [_, red, green, blue] = value.to_be_bytes();
            return Ok(Self::Rgb(red, green, blue));
        }
        lower.parse().map(Self::Palette).map_err(|_| {
            format!(
                "{text:?} is not a colour; colours look like \"red\", \"bright-blue\", \"#8aadf4\", \"208\", \"default\""
            )
        })
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Default => f.write_str("default"),
            Self::Palette(number) => match NAMES.get(usize::from(number)) {
                Some(name) => f.write_str(name),
                None => write!(f, "{number}"),
            },
            Self::Rgb(red, green, blue) => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_printed_in_one_notation() {
        for text in ["default", "black", "bright-white", "208", "#00ff7f"] {
            let colour = Colour::try_from(text.to_owned()).unwrap();
            assert_eq!(colour.to_string(), text);
        }
        assert_eq!(Colour::try_from("RED".to_owned()), Ok(Colour::Palette(1)));
        for text in ["", "#fff", "256", "reddish", "#gggggg", "#+12345"] {
            assert!(Colour::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
