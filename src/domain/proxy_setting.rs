//! Settings of the load balancer's proxy, as k3d's `--lb-config-override` takes them.

use serde_json::Value;

use super::Problem;

/// Parses `settings.KEY=VALUE`; numbers and switches become what they are.
///
/// # Errors
/// Where it is anything else.
pub fn parse(text: &str) -> Result<(String, Value), Problem> {
    let refuse = |why: &str| {
        Problem::usage(
            format!("{text:?} is not a setting of the load balancer"),
            why,
        )
        .with_hint("write settings.KEY=VALUE, such as settings.workerConnections=2048")
    };
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| refuse("there is no value"))?;
    let key = path
        .strip_prefix("settings.")
        .ok_or_else(|| refuse("only what is below \"settings\" can be set"))?;
    if key.is_empty() || key.contains('.') {
        return Err(refuse("its path has more or fewer than two parts"));
    }
    let value = match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        value => value
            .parse::<i64>()
            .map_or_else(|_| Value::from(value), Value::from),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_types_of_their_values() {
        let parsed = |text| parse(text).ok();
        assert_eq!(
            parsed("settings.workerConnections=2048"),
            Some(("workerConnections".to_owned(), Value::from(2048)))
        );
        assert_eq!(
            parsed("settings.a=b=c"),
            Some(("a".to_owned(), Value::from("b=c")))
        );
        for text in ["", "settings.a", "ports.80.tcp=x", "settings.=1", "a=1"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
