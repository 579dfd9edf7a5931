//! Answers about containers in states that are not Docker's.
//!
//! Podman has more words, even in Docker's API: a container between its end and its clean-up is `stopped`, one whose
//! set-up is done is `initialized`. bollard refuses a whole list for one such word, but hands out the text, in which the
//! words can be replaced by those that mean the same.

use bollard::errors::Error as Source;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The answer, or what it says once the words are replaced.
pub(super) fn mended<T: DeserializeOwned>(answer: Result<T, Source>) -> Result<T, Source> {
    match answer {
        Err(Source::JsonDataError {
            message,
            column,
            contents,
        }) => from_text(&contents).ok_or(Source::JsonDataError {
            message,
            column,
            // Whole answers hold tokens, and errors get into logs.
            contents: String::new(),
        }),
        answer => answer,
    }
}

fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    let mut answer: Value = serde_json::from_str(text).ok()?;
    match &mut answer {
        Value::Array(list) => list.iter_mut().for_each(replace),
        one => replace(one),
    }
    serde_json::from_value(answer).ok()
}

/// Replaces the word of a list's entry, or that of an inspection.
fn replace(container: &mut Value) {
    let word = match container.get_mut("State") {
        Some(state @ Value::Object(_)) => state.get_mut("Status"),
        state => state,
    };
    if let Some(word) = word
        && let Some(meant) = word.as_str().map(docker_word)
    {
        *word = meant.into();
    }
}

/// Docker's word for the same. One that nobody knows is that of a container that does not run: whoever starts it gets
/// the engine's answer.
fn docker_word(word: &str) -> &'static str {
    match word {
        "running" | "stopping" => "running",
        "paused" => "paused",
        "restarting" => "restarting",
        "removing" => "removing",
        "dead" => "dead",
        "created" | "configured" | "initialized" => "created",
        _ => "exited",
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerInspectResponse, ContainerSummary};

    use super::*;

    #[test]
    fn containers_in_states_of_another_engine_are_not_lost() {
        let list: Vec<ContainerSummary> = from_text(
            r#"[{"Id":"a","State":"stopped"},{"Id":"b","State":"initialized"},
                {"Id":"c","State":"stopping"},{"Id":"d","State":"paused"},{"Id":"e","State":"?"},{"Id":"f"}]"#,
        )
        .unwrap();
        let states: Vec<String> = list
            .iter()
            .map(|one| one.state.map_or(String::new(), |state| state.to_string()))
            .collect();
        assert_eq!(
            states,
            ["exited", "created", "running", "paused", "exited", ""]
        );
        let seen: ContainerInspectResponse =
            from_text(r#"{"Id":"a","State":{"Status":"stopped","Running":false}}"#).unwrap();
        let word = seen.state.and_then(|state| state.status);
        assert_eq!(word.map(|word| word.to_string()), Some("exited".to_owned()));
    }

    #[test]
    fn what_is_odd_otherwise_stays_an_error_without_the_text() {
        let broken = Err(Source::JsonDataError {
            message: "odd".to_owned(),
            column: 1,
            contents: r#"[{"Id":7}]"#.to_owned(),
        });
        let error = mended::<Vec<ContainerSummary>>(broken).unwrap_err();
        assert!(matches!(error, Source::JsonDataError { contents, .. } if contents.is_empty()));
    }
}
