//! Layers of settings become one: defaults, the user's file, the project's file, the environment. A nearer layer
//! replaces single keys of a farther one. A layer with a mistake in it counts for nothing, and is told about with
//! file, line and column, because a program that does not start over a typing error is of no use to anyone.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    Config,
    environment::{proxy_image, read_environment},
    suggest::nearest,
};
use crate::domain::Problem;

/// The text of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as it is told to the person.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Names that a file may use and that layers above define.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// The actions that keys can be given to; empty accepts any.
    pub actions: &'a [&'a str],
    /// The roles that colours can be given to; empty accepts any.
    pub roles: &'a [&'a str],
}

/// Puts the files, the farthest first, and then the environment over the defaults.
#[must_use]
pub fn load(
    files: &[Source],
    environment: impl IntoIterator<Item = (String, String)>,
    names: Names<'_>,
) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut table = Table::new();
    for file in files {
        match read_file(file, names) {
            Ok((layer, unknown)) => {
                merge(&mut table, layer);
                problems.extend(unknown);
            }
            Err(problem) => {
                problems.push(*problem);
                merge(&mut table, protections(&file.text));
            }
        }
    }
    let environment: BTreeMap<String, String> = environment.into_iter().collect();
    let k3d_s = |name: &str| environment.get(name).cloned();
    let proxy_image = |usual: &str| proxy_image(usual, &k3d_s);
    let (layer, refused) = read_environment(environment.clone());
    merge(&mut table, layer);
    problems.extend(refused);
    // Every layer was read as a whole configuration already, so that this cannot fail for a reason of the person's.
    let mut config = Config::deserialize(table).unwrap_or_else(|error| {
        problems.push(Problem::usage(
            "the configuration is not used",
            error.message(),
        ));
        Config::default()
    });
    config.cluster.proxy_image = proxy_image(&config.cluster.proxy_image);
    (config, problems)
}

/// A file's table, and the names in it that nothing knows.
fn read_file(file: &Source, names: Names<'_>) -> Result<(Table, Vec<Problem>), Box<Problem>> {
    toml::from_str::<Config>(&file.text).map_err(|error| Box::new(explain(file, &error)))?;
    let table: Table =
        toml::from_str(&file.text).map_err(|error| Box::new(explain(file, &error)))?;
    let mut unknown = Vec::new();
    if let Ok(parsed) = DeTable::parse(&file.text) {
        for (section, key, known, noun) in [
            ("keymap", "keys", names.actions, "action"),
            ("theme", "colors", names.roles, "role"),
        ] {
            let inner = parsed
                .get_ref()
                .get(section)
                .and_then(|section| section.get_ref().get(key))
                .map(toml::Spanned::get_ref);
            let Some(DeValue::Table(inner)) = inner else {
                continue;
            };
            for name in inner.keys() {
                let word = name.get_ref().as_ref();
                if !known.is_empty() && !known.contains(&word) {
                    let at = place(&file.text, name.span().start);
                    unknown.push(problem(
                        &format!("{}:{at}", file.path),
                        format!("there is no {noun} {word:?}"),
                        nearest(word, known.iter().copied()),
                        "the rest of the file is used",
                    ));
                }
            }
        }
    }
    Ok((table, unknown))
}

/// The protections of a file with a mistake in it, as far as they can be read: a typing error takes none away.
fn protections(text: &str) -> Table {
    let (parsed, _) = DeTable::parse_recoverable(text);
    let named = parsed
        .get_ref()
        .get("contexts")
        .and_then(|section| section.get_ref().get("read_only"))
        .map(toml::Spanned::get_ref);
    let patterns: Vec<Value> = match named {
        Some(DeValue::String(one)) => vec![Value::String(one.to_string())],
        Some(DeValue::Array(all)) => all
            .iter()
            .filter_map(|entry| entry.get_ref().as_str())
            .map(|entry| Value::String(entry.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let section = Table::from_iter([("read_only".to_owned(), Value::Array(patterns))]);
    Table::from_iter([("contexts".to_owned(), Value::Table(section))])
}

/// What is wrong with a file, where, and what was probably meant.
fn explain(file: &Source, error: &toml::de::Error) -> Problem {
    let at = error
        .span()
        .map(|span| format!(":{}", place(&file.text, span.start)))
        .unwrap_or_default();
    let (why, meant) = plain_words(error.message());
    problem(
        &format!("{}{at}", file.path),
        why,
        meant,
        "until then nothing of this file is used",
    )
}

pub(super) fn problem(place: &str, why: String, meant: Option<&str>, consequence: &str) -> Problem {
    let hint = match meant {
        Some(meant) => format!("did you mean {meant:?}? {consequence}"),
        None => consequence.to_owned(),
    };
    Problem::usage(format!("{place} is not understood"), why).with_hint(hint)
}

/// The parser's message for a person, and the word that was probably meant.
pub(super) fn plain_words(message: &str) -> (String, Option<&str>) {
    let message = message.trim();
    // serde's sentence: unknown field `a`, expected one of `b`, `c`
    let mut quoted = message.split('`').skip(1).step_by(2);
    for (start, noun) in [
        ("unknown field", "there is no key"),
        ("unknown variant", "there is no choice"),
    ] {
        if message.starts_with(start)
            && let Some(word) = quoted.next()
        {
            let candidates: Vec<&str> = quoted.collect();
            let why = format!("{noun} {word:?} here, only {}", candidates.join(", "));
            return (why, nearest(word, candidates));
        }
    }
    let plain = message
        .replace("expected a nonzero u16", "expected at least 1")
        .replace("expected u16", "expected a whole number up to 65535")
        .replace("expected u32", "expected a whole number")
        .replace("expected a boolean", "expected true or false");
    (plain, None)
}

/// Line and column of a byte, both from 1, as editors count.
fn place(text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    format!("{line}:{column}")
}

/// Lays one table over another. Lists are replaced, except for the one that protects.
pub(super) fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (Some(Value::Array(below)), Value::Array(above)) if key == "read_only" => {
                below.extend(above);
            }
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Colour, ThemeName};

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn one_problem(text: &str) -> Problem {
        let (config, problems) = load(&[source("f.toml", text)], [], NAMES);
        assert_eq!(config, Config::default(), "{text}");
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        problems.into_iter().next().unwrap()
    }

    const NAMES: Names<'_> = Names {
        actions: &["quit", "delete"],
        roles: &["error", "title"],
    };

    #[test]
    fn a_nearer_layer_replaces_single_keys_of_a_farther_one() {
        let user = "[cluster]\nimage = 'user'\nagents = 3\nports = ['80']\n[contexts]\nread_only = ['prod']";
        let project = "[cluster]\nimage = 'project'\nports = []\n[contexts]\nread_only = ['live']";
        let environment = [
            ("CORACLE_CLUSTER_IMAGE".to_owned(), "env".to_owned()),
            ("CORACLE_THEME_ASCII".to_owned(), "1".to_owned()),
            ("CORACLE_CONTEXTS_KUBECONFIG".to_owned(), "a, b".to_owned()),
            ("PATH".to_owned(), String::new()),
        ];
        let files = [source("user", user), source("project", project)];
        let (config, problems) = load(&files, environment, NAMES);
        assert_eq!(problems, []);
        assert_eq!(config.cluster.image, "env");
        assert_eq!(config.cluster.agents, 3);
        assert_eq!(config.cluster.ports, []);
        assert_eq!(config.contexts.kubeconfig, ["a", "b"]);
        assert!(config.theme.ascii);
        // A project cannot take away what the user protects.
        assert_eq!(config.contexts.read_only, ["prod", "live"]);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_was_meant() {
        for (text, at, why, hint) in [
            ("\n  [enigne]\n", "f.toml:2:4", "\"enigne\"", "\"engine\""),
            (
                "[cluster]\nagens = 1",
                "f.toml:2:1",
                "\"agens\"",
                "\"agents\"",
            ),
            (
                "[cluster]\nagents = 'two'",
                "f.toml:2:10",
                "whole number",
                "nothing of this file",
            ),
            ("[cluster]\nservers = 0", "f.toml:2:11", "at least 1", ""),
            (
                "[theme]\nname = 'drak'",
                "f.toml:2:8",
                "\"drak\"",
                "\"dark\"",
            ),
            ("[theme]\nascii = 1", "f.toml:2:9", "true or false", ""),
            ("[cluster\n", "f.toml:1:9", "", ""),
            (
                "[cluster]\nports = ['80:x']",
                "f.toml:2:9",
                "not a port",
                "",
            ),
            (
                "[theme.colors]\nerror = 'rot'",
                "f.toml:2:9",
                "not a colour",
                "",
            ),
            (
                "[keymap.keys]\nquit = ['strg-q']",
                "f.toml:2:8",
                "not a key",
                "",
            ),
        ] {
            let problem = one_problem(text);
            let start = format!("{at} is not understood");
            assert_eq!(problem.what, start, "{text}");
            assert!(
                problem.why.contains(why) && problem.hint.contains(hint),
                "{text}: {problem:?}"
            );
        }
    }

    #[test]
    fn an_unknown_action_costs_only_itself() {
        let text =
            "[keymap.keys]\nqiut = 'x'\ndelete = ['x', 'ctrl-d']\n[theme.colors]\nerror = 'red'";
        let (config, problems) = load(&[source("f.toml", text)], [], NAMES);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].what, "f.toml:2:1 is not understood");
        assert!(
            problems[0].hint.starts_with("did you mean \"quit\"?"),
            "{:?}",
            problems[0]
        );
        let keys: Vec<String> = config.keymap.keys["delete"]
            .0
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(keys, ["x", "ctrl-d"]);
        assert_eq!(config.theme.colors["error"], Colour::Palette(1));
    }

    #[test]
    fn a_mistake_elsewhere_takes_no_protection_away() {
        for text in [
            "[contexts]\nread_only = ['prod']\n[cluster]\nagens = 1",
            "[contexts]\nread_only = 'prod'",
            "[contexts]\nread_only = ['prod', 1]",
            "[contexts]\nread_only = ['prod']\n[cluster\nagents = 1",
        ] {
            let (config, problems) = load(&[source("f.toml", text)], [], NAMES);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!(config.contexts.read_only, ["prod"], "{text}");
        }
    }

    #[test]
    fn one_bad_file_does_not_spoil_the_other() {
        let files = [
            source("bad", "x = 1"),
            source("good", "[theme]\nname = 'mono'"),
        ];
        let (config, problems) = load(&files, [], NAMES);
        assert_eq!((config.theme.name, problems.len()), (ThemeName::Mono, 1));
    }

    #[test]
    fn the_example_lists_every_key_with_its_default() {
        let example = include_str!("../../.tui.example.toml");
        let table: Table = toml::from_str(example).unwrap();
        assert_eq!(table, Table::try_from(Config::default()).unwrap());
        // Lines that begin with "#" and no space are settings that are not the default.
        let uncommented: String = example
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert_ne!(uncommented, format!("{}\n", example.trim_end()));
        let (config, problems) = load(&[source("example", &uncommented)], [], Names::default());
        assert_eq!(problems, []);
        assert_ne!(config, Config::default());
    }
}
