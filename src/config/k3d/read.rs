//! From the text of a config file to its values and back.

use serde::Deserialize;

use super::{KIND, Simple, VERSION, expand::expand, older::VERSIONS};
use crate::{config::nearest, domain::Problem};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The values, in the newest version's words.
    pub simple: Simple,
    /// What a person should know and k3d goes on with: variables that do not exist, an old version.
    pub warnings: Vec<String>,
}

/// Reads a file after its variables are replaced. `file` is what it is called in messages, `env` answers for a variable.
///
/// # Errors
/// Says where the text is no YAML, not such a file, or has a key or a value that is not known there.
pub fn read(
    file: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Document, Problem> {
    let (text, missing) = expand(text, env);
    let mut warnings: Vec<String> = missing
        .iter()
        .map(|name| format!("{file}: there is no variable {name}, so nothing stands in its place"))
        .collect();
    let simple = parse(file, &text)?;
    if simple.api_version != VERSION {
        warnings.push(format!(
            "{file} is written as {}; \"coracle config migrate {file}\" writes it as {VERSION}",
            simple.api_version
        ));
    }
    Ok(Document {
        simple: simple.modernised(file)?,
        warnings,
    })
}

/// The text of a file as the newest version writes it. Variables stay; comments are lost, as with k3d.
///
/// # Errors
/// As [`read`].
pub fn migrate(file: &str, text: &str) -> Result<String, Problem> {
    let simple = parse(file, text)?.modernised(file)?;
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut written = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut written, &simple, options)
        .map_err(|error| Problem::failed(format!("{file} is not migrated"), error.to_string()))?;
    Ok(written)
}

/// A file to begin with.
#[must_use]
pub fn template(cluster: &str, image: &str) -> String {
    format!(
        "---\napiVersion: {VERSION}\nkind: {KIND}\nmetadata:\n  name: {cluster}\nservers: 1\nagents: 0\nimage: {image}\n"
    )
}

/// What says how to read the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: Option<String>,
    kind: Option<String>,
}

fn parse(file: &str, text: &str) -> Result<Simple, Problem> {
    let head: Head = from_yaml(file, text)?;
    let wrong = |why: String, hint: String| {
        Err(Problem::usage(format!("{file} is not understood"), why).with_hint(hint))
    };
    match head.api_version.as_deref() {
        Some(version) if VERSIONS.contains(&version) => {}
        Some(version) => {
            return wrong(
                format!("its apiVersion is {version:?}"),
                format!("versions that can be read: {}", VERSIONS.join(", ")),
            );
        }
        None => {
            return wrong(
                "it has no apiVersion".to_owned(),
                format!("begin it with \"apiVersion: {VERSION}\" and \"kind: {KIND}\""),
            );
        }
    }
    if head.kind.as_deref() != Some(KIND) {
        return wrong(
            match head.kind {
                Some(kind) => format!("its kind is {kind:?}"),
                None => "it has no kind".to_owned(),
            },
            format!("write \"kind: {KIND}\""),
        );
    }
    let simple: Simple = from_yaml(file, text)?;
    if simple.servers == Some(0) {
        return wrong(
            "there have to be servers, at least one".to_owned(),
            "correct \"servers: 0\"".to_owned(),
        );
    }
    Ok(simple)
}

fn from_yaml<'de, T: Deserialize<'de>>(file: &str, text: &'de str) -> Result<T, Problem> {
    serde_saphyr::from_str(text).map_err(|error| in_words(file, error.without_snippet()))
}

/// What the reader of YAML says, with the place in front and the key that was meant behind. It never quotes values, which
/// may be tokens.
fn in_words(file: &str, error: &serde_saphyr::Error) -> Problem {
    let place = error.location().map_or_else(String::new, |location| {
        format!(":{}:{}", location.line(), location.column())
    });
    let what = format!("{file}{place} is not understood");
    match error {
        serde_saphyr::Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let known = || {
                let top = expected.contains(&"apiVersion");
                let old = move |key: &str| OLD.contains(&(top, key));
                expected.iter().copied().filter(move |key| !old(key))
            };
            let hint = match nearest(field, known()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("known here: {}", known().collect::<Vec<_>>().join(", ")),
            };
            Problem::usage(what, format!("there is no key {field:?}")).with_hint(hint)
        }
        error => {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            Problem::usage(what, said)
        }
    }
}

/// Keys that only older versions have, with whether they stand at the top.
const OLD: [(bool, &str); 5] = [
    (true, "name"),
    (true, "labels"),
    (false, "extraServerArgs"),
    (false, "extraAgentArgs"),
    (false, "disableHostIPInjection"),
];
