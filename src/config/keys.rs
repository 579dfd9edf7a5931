//! Key chords as values: `ctrl-d`, `F1`, `space`, `<`. They are parsed from configuration files and printed in hints,
//! help and documentation; only `tui` knows how a terminal reports them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// A key without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A character as it is typed: `d`, `D`, `<`, a space. Upper case stands for shift and the letter.
    Char(char),
    /// A function key, from 1 to 24.
    F(u8),
    /// The enter key.
    Enter,
    /// The escape key.
    Esc,
    /// The tabulator key.
    Tab,
    /// The backspace key.
    Backspace,
    /// The delete key.
    Delete,
    /// The insert key.
    Insert,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
}

/// The keys that have a name: the first name of each is the one that is printed.
const NAMES: &[(&str, Key)] = &[
    ("enter", Key::Enter),
    ("return", Key::Enter),
    ("esc", Key::Esc),
    ("escape", Key::Esc),
    ("tab", Key::Tab),
    ("space", Key::Char(' ')),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("del", Key::Delete),
    ("insert", Key::Insert),
    ("ins", Key::Insert),
    ("home", Key::Home),
    ("end", Key::End),
    ("pgup", Key::PageUp),
    ("pageup", Key::PageUp),
    ("pgdn", Key::PageDown),
    ("pagedown", Key::PageDown),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("minus", Key::Char('-')),
];

/// A key with its modifiers. Equal chords are equal values: the constructors bring them into one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyChord {
    /// With control held.
    pub ctrl: bool,
    /// With alt (option, meta) held.
    pub alt: bool,
    /// With shift held; only for keys that are not characters, because a character says it by itself.
    pub shift: bool,
    /// The key.
    pub key: Key,
}

impl KeyChord {
    /// A key alone.
    #[must_use]
    pub const fn plain(key: Key) -> Self {
        Self::new(key, false, false, false)
    }

    /// A key with modifiers, in the one form that equal chords share: a letter with shift is the upper case letter,
    /// a letter with control is lower case (terminals do not report shift there), a character has no shift flag.
    #[must_use]
    pub const fn new(key: Key, ctrl: bool, alt: bool, shift: bool) -> Self {
        let (key, shift) = match key {
            Key::Char(c) if ctrl => (Key::Char(c.to_ascii_lowercase()), false),
            Key::Char(c) if shift => (Key::Char(c.to_ascii_uppercase()), false),
            other => (other, shift),
        };
        let shift = shift && !matches!(key, Key::Char(_));
        Self {
            ctrl,
            alt,
            shift,
            key,
        }
    }
}

impl FromStr for KeyChord {
    type Err = String;

    /// Parses modifiers and a key joined by hyphens.
    ///
    /// # Errors
    /// Says what a key looks like.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('-') {
            if head.is_empty() || tail.is_empty() {
                break;
            }
            match head.to_ascii_lowercase().as_str() {
                "ctrl" | "c" => ctrl = true,
                "alt" | "a" => alt = true,
                "shift" | "s" => shift = true,
                _ => return Err(not_a_key(text)),
            }
            rest = tail;
        }
        let key = parse_key(rest).ok_or_else(|| not_a_key(text))?;
        if ctrl && shift && matches!(key, Key::Char(_)) {
            return Err(format!(
                "{text:?} cannot be a key: a terminal does not tell it from the same key without shift"
            ));
        }
        Ok(Self::new(key, ctrl, alt, shift))
    }
}

impl TryFrom<String> for KeyChord {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KeyChord> for String {
    fn from(chord: KeyChord) -> Self {
        chord.to_string()
    }
}

/// The keys of one action: in a file one text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct KeyList(pub Vec<KeyChord>);

impl<'de> Deserialize<'de> for KeyList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = KeyList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key or a list of keys")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<KeyList, E> {
                text.parse()
                    .map(|chord| KeyList(vec![chord]))
                    .map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut keys: A) -> Result<KeyList, A::Error> {
                let mut list = Vec::new();
                while let Some(chord) = keys.next_element()? {
                    list.push(chord);
                }
                Ok(KeyList(list))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

fn parse_key(text: &str) -> Option<Key> {
    let mut chars = text.chars();
    if let (Some(only), None) = (chars.next(), chars.next()) {
        return (!only.is_control() && !only.is_whitespace()).then_some(Key::Char(only));
    }
    let lower = text.to_ascii_lowercase();
    if let Some((_, key)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some(*key);
    }
    let number: u8 = lower
        .strip_prefix('f')?
        .parse()
        .ok()
        .filter(|n| (1..=24).contains(n))?;
    Some(Key::F(number))
}

fn not_a_key(text: &str) -> String {
    format!(
        "{text:?} is not a key; keys look like \"d\", \"N\", \"ctrl-d\", \"alt-1\", \"shift-tab\", \"F5\", \"enter\", \"space\""
    )
}

impl fmt::Display for KeyChord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [
            (self.ctrl, "ctrl-"),
            (self.alt, "alt-"),
            (self.shift, "shift-"),
        ] {
            if held {
                f.write_str(name)?;
            }
        }
        if let Key::F(number) = self.key {
            return write!(f, "F{number}");
        }
        // A hyphen after a modifier would read as the end of another modifier.
        let bare_hyphen = self.key == Key::Char('-') && !self.ctrl && !self.alt;
        match (NAMES.iter().find(|(_, key)| *key == self.key), self.key) {
            (Some((name, _)), _) if !bare_hyphen => f.write_str(name),
            (_, Key::Char(c)) => write!(f, "{c}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chord(text: &str) -> KeyChord {
        text.parse().unwrap()
    }

    #[test]
    fn chords_are_written_in_many_ways_and_printed_in_one() {
        for (text, printed) in [
            ("d", "d"),
            ("N", "N"),
            ("shift-n", "N"),
            ("ctrl-d", "ctrl-d"),
            ("Ctrl-D", "ctrl-d"),
            ("C-d", "ctrl-d"),
            ("alt-1", "alt-1"),
            ("shift-tab", "shift-tab"),
            ("f12", "F12"),
            ("F", "F"),
            ("space", "space"),
            ("ctrl-space", "ctrl-space"),
            ("<", "<"),
            ("!", "!"),
            ("-", "-"),
            ("alt--", "alt-minus"),
            ("PageDown", "pgdn"),
            ("ctrl-alt-x", "ctrl-alt-x"),
        ] {
            assert_eq!(chord(text).to_string(), printed, "{text:?}");
        }
        assert_eq!(chord("shift-n"), KeyChord::plain(Key::Char('N')));
    }

    #[test]
    fn what_is_not_a_key_is_refused_in_words() {
        for text in [
            "",
            "ctrl-",
            "strg-d",
            "F25",
            "F0",
            "foo",
            " ",
            "\u{7}",
            "ctrl-shift-d",
        ] {
            let refusal = text.parse::<KeyChord>().unwrap_err();
            assert!(refusal.contains("key"), "{text:?}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_what_is_printed_parses_to_the_same(text in "\\PC{0,12}") {
            if let Ok(parsed) = text.parse::<KeyChord>() {
                prop_assert_eq!(parsed.to_string().parse::<KeyChord>(), Ok(parsed));
            }
        }

        #[test]
        fn every_chord_survives_being_printed(
            name in 0..NAMES.len(), ctrl: bool, alt: bool, shift: bool, letter in "[!-~]",
        ) {
            for key in [NAMES[name].1, Key::Char(letter.chars().next().unwrap())] {
                let chord = KeyChord::new(key, ctrl, alt, shift);
                prop_assert_eq!(chord.to_string().parse::<KeyChord>(), Ok(chord), "{}", chord);
            }
        }
    }
}
