//! Label selectors: which pods an object stands for, and whether labels fit.
//!
//! Reference: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use serde_json::{Map, Value};

/// The selector of a workload or a Service as the API takes it in a request (`app=web,tier in (a,b)`); `None` where the
/// object selects nothing, as a Service without a selector.
#[must_use]
pub fn of_object(object: &Value) -> Option<String> {
    let selector = object.pointer("/spec/selector")?.as_object()?;
    let mut terms = Vec::new();
    let set = selector.contains_key("matchLabels") || selector.contains_key("matchExpressions");
    let labels = if set {
        selector.get("matchLabels").and_then(Value::as_object)
    } else {
        // A Service's selector is the labels themselves.
        Some(selector)
    };
    for (key, value) in labels.into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str()?));
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let values = values.join(",");
        terms.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!terms.is_empty()).then(|| terms.join(","))
}

/// Whether an object's labels fit a selector. The empty selector fits everything.
#[must_use]
pub fn fits(selector: &str, object: &Value) -> bool {
    let none = Map::new();
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let is = |key: &str| labels.get(key.trim()).and_then(Value::as_str);
    terms(selector).all(|term| {
        if let Some((key, values)) = term.split_once(" notin ") {
            !is(key).is_some_and(|value| within(values, value))
        } else if let Some((key, values)) = term.split_once(" in ") {
            is(key).is_some_and(|value| within(values, value))
        } else if let Some((key, value)) = term.split_once("!=") {
            is(key) != Some(value.trim())
        } else if let Some((key, value)) = term.split_once('=') {
            is(key) == Some(value.trim_start_matches('=').trim())
        } else if let Some(key) = term.strip_prefix('!') {
            is(key).is_none()
        } else {
            is(term).is_some()
        }
    })
}

/// The parts between the commas that are not in parentheses.
fn terms(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    selector
        .split(move |c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(str::trim)
        .filter(|term| !term.is_empty())
}

fn within(values: &str, value: &str) -> bool {
    let inner = values.trim().trim_start_matches('(').trim_end_matches(')');
    inner.split(',').any(|one| one.trim() == value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_say_which_pods_are_theirs() {
        let of = |selector: Value| of_object(&json!({ "spec": { "selector": selector } }));
        assert_eq!(of(json!({ "app": "web" })).unwrap(), "app=web");
        let both = json!({
            "matchLabels": { "app": "web" },
            "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["a", "b"] },
                { "key": "old", "operator": "DoesNotExist" },
            ],
        });
        assert_eq!(of(both).unwrap(), "app=web,tier in (a,b),!old");
        assert_eq!(of(json!({})), None);
        assert_eq!(of_object(&json!({ "spec": {} })), None);
    }

    #[test]
    fn labels_fit_or_not() {
        let pod = json!({ "metadata": { "labels": { "app": "web", "tier": "a" } } });
        for (selector, fit) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier in (a, b)", true),
            ("app=web,tier notin (a,b)", false),
            ("app!=web", false),
            ("other!=x,!other,app", true),
            ("other", false),
        ] {
            assert_eq!(fits(selector, &pod), fit, "{selector}");
        }
        assert!(!fits("app=web", &json!({})));
    }
}
