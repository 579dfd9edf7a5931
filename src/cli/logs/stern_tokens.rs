//! Words, strings and signs of an action in a template of stern.

use serde_json::Value;

/// A piece of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A string, a number, true or false.
    Constant(Value),
    /// A function.
    Word(String),
    /// The dot and its fields.
    Dot(Vec<String>),
    /// A variable and its fields.
    Variable(String, Vec<String>),
    /// Anything between them.
    Sign(&'static str),
}

/// Where an action ends: at the first `}}` outside of a string.
pub fn end_of(action: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in action.char_indices() {
        match quote {
            Some(open) if !escaped => {
                escaped = c == '\\' && open == '"';
                if c == open {
                    quote = None;
                }
            }
            Some(_) => escaped = false,
            None if action[at..].starts_with("}}") => return Some(at),
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {}
        }
    }
    None
}

/// Cuts an action into its pieces.
///
/// # Errors
/// Says what is not understood.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let signs = [":=", "=", "|", "(", ")"];
        if let Some(sign) = signs.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
            continue;
        }
        let length = match first {
            '"' | '`' => string_length(rest).ok_or("a string is not closed")?,
            _ => rest
                .find([' ', '\t', '\n', '|', '(', ')', '"', '`'])
                .unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        let path = |text: &str| -> Vec<String> {
            let names = text.split('.').filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        tokens.push(match first {
            // JSON writes strings as Go does, but for a few escapes that nobody needs.
            '"' | '-' | '0'..='9' => Token::Constant(
                serde_json::from_str(word).map_err(|_| format!("{word} is not understood"))?,
            ),
            '`' => Token::Constant(word.trim_matches('`').into()),
            '.' => Token::Dot(path(word)),
            '$' => {
                let (name, fields) = word[1..].split_once('.').unwrap_or((&word[1..], ""));
                Token::Variable(name.to_owned(), path(fields))
            }
            _ if matches!(word, "true" | "false") => Token::Constant((word == "true").into()),
            _ if first.is_ascii_alphabetic() => Token::Word(word.to_owned()),
            _ => return Err(format!("{word} is not understood")),
        });
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// The length of the string that a text begins with.
fn string_length(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == open && !escaped {
            return Some(at + 1);
        }
        escaped = c == '\\' && !escaped && open == '"';
    }
    None
}
