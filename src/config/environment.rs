//! Settings from the environment, one variable a key.

use serde::Deserialize;
use toml::{Table, Value};

use super::{
    Config,
    layers::{merge, plain_words, problem},
    suggest::nearest,
};
use crate::domain::Problem;

/// The settings of the environment: `CORACLE_`, the section and the key, `CORACLE_CLUSTER_IMAGE`. Lists are separated
/// by commas. Only keys with one value can be set so, neither colours nor keys.
#[must_use]
pub(super) fn read_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> (Table, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut settings = Table::new();
    let known = environment_names();
    for (variable, text) in variables {
        if !variable.starts_with("CORACLE_") {
            continue;
        }
        let Some((_, section, key, default)) = known.iter().find(|(name, ..)| *name == variable)
        else {
            // Other programs may use the prefix; only what looks like a slip is told.
            if let Some(meant) = nearest(&variable, known.iter().map(|(name, ..)| name.as_str())) {
                problems.push(problem(
                    &format!("the environment variable {variable}"),
                    "there is no such setting".to_owned(),
                    Some(meant),
                    "it is not used",
                ));
            }
            continue;
        };
        let mut one = Table::new();
        one.insert(key.clone(), like(default, &text));
        let mut layer = Table::new();
        layer.insert(section.clone(), Value::Table(one));
        match Config::deserialize(layer.clone()) {
            Ok(_) => merge(&mut settings, layer),
            Err(error) => {
                let (why, meant) = plain_words(error.message());
                let place = format!("the environment variable {variable}={text:?}");
                problems.push(problem(&place, why, meant, "it is not used"));
            }
        }
    }
    (settings, problems)
}

/// The load balancer's image: the variables by which k3d is told of another one, or another tag of it, go before the
/// settings.
pub(super) fn proxy_image(usual: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let said = |name: &str| env(name).filter(|text| !text.is_empty());
    said("K3D_IMAGE_LOADBALANCER").unwrap_or_else(|| {
        match (said("K3D_HELPER_IMAGE_TAG"), usual.rsplit_once(':')) {
            (Some(tag), Some((repository, old))) if !old.contains('/') => {
                format!("{repository}:{tag}")
            }
            (Some(tag), _) => format!("{usual}:{tag}"),
            (None, _) => usual.to_owned(),
        }
    })
}

/// Every variable with its section, its key and the default, whose type the text has to have.
fn environment_names() -> Vec<(String, String, String, Value)> {
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let sections = defaults.into_iter().filter_map(|(section, keys)| {
        let Value::Table(keys) = keys else {
            return None;
        };
        Some((section, keys))
    });
    sections
        .flat_map(|(section, keys)| {
            keys.into_iter()
                .map(move |(key, value)| (section.clone(), key, value))
        })
        .filter(|(_, _, value)| !value.is_table())
        .map(|(section, key, value)| {
            let name = format!("CORACLE_{section}_{key}").to_uppercase();
            (name, section, key, value)
        })
        .collect()
}

/// The text as a value of the default's type; one that does not fit stays a text, which is refused in words later.
fn like(default: &Value, text: &str) -> Value {
    let text_value = || Value::String(text.to_owned());
    match default {
        Value::Integer(_) => text.parse().map_or_else(|_| text_value(), Value::Integer),
        Value::Boolean(_) => match text {
            "1" | "true" | "yes" => Value::Boolean(true),
            "" | "0" | "false" | "no" => Value::Boolean(false),
            _ => text_value(),
        },
        Value::Array(_) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(|entry| Value::String(entry.to_owned()))
                .collect(),
        ),
        _ => text_value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Names, load};

    #[test]
    fn the_load_balancer_s_image_follows_k3d_s_variables() {
        for (name, value, want) in [
            ("K3D_IMAGE_LOADBALANCER", "my/proxy:1", "my/proxy:1"),
            (
                "K3D_HELPER_IMAGE_TAG",
                "5.8.3",
                "ghcr.io/k3d-io/k3d-proxy:5.8.3",
            ),
            (
                "K3D_IMAGE_LOADBALANCER",
                "",
                "ghcr.io/k3d-io/k3d-proxy:5.9.0",
            ),
        ] {
            let environment = [(name.to_owned(), value.to_owned())];
            let (config, problems) = load(&[], environment, Names::default());
            assert_eq!(config.cluster.proxy_image, want, "{name}={value}");
            assert!(problems.is_empty());
        }
        assert_eq!(
            proxy_image("here:5000/proxy", &|_| Some("1".to_owned())),
            "1"
        );
        let tag = |name: &str| (name == "K3D_HELPER_IMAGE_TAG").then(|| "1".to_owned());
        assert_eq!(proxy_image("here:5000/proxy", &tag), "here:5000/proxy:1");
    }

    #[test]
    fn bad_variables_are_told_and_not_used() {
        for (name, value, want) in [
            ("CORACLE_CLUSTER_AGENTS", "many", "whole number"),
            ("CORACLE_CLUSTER_AGENT", "1", "no such setting"),
            ("CORACLE_THEME_NAME", "pink", "\"pink\""),
        ] {
            let (config, problems) =
                load(&[], [(name.to_owned(), value.to_owned())], Names::default());
            assert_eq!(config, Config::default());
            assert!(
                problems.len() == 1 && problems[0].why.contains(want),
                "{problems:?}"
            );
        }
        let foreign = [("CORACLE_SOMETHING_ELSE_ENTIRELY".to_owned(), String::new())];
        assert_eq!(read_environment(foreign).1, []);
    }
}
