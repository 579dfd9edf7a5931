//! `$VAR` and `${VAR}` in the text of a file, as Go's `os.ExpandEnv` replaces them, which is what k3d uses: everywhere,
//! comments included, and by nothing where there is no such variable.

/// The text with its variables replaced, and the names of those that do not exist and stand outside of comments.
pub fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> (String, Vec<String>) {
    let mut expanded = String::with_capacity(text.len());
    let mut missing: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if behind.is_empty() {
            break_off(&mut expanded);
            rest = "";
            break;
        }
        let (name, width) = name(behind);
        rest = &behind[width..];
        if name.is_empty() {
            if width == 0 {
                break_off(&mut expanded);
            }
            continue;
        }
        match env(name) {
            Some(value) => expanded.push_str(&value),
            None if !in_comment(&expanded) && !missing.iter().any(|known| known == name) => {
                missing.push(name.to_owned());
            }
            None => {}
        }
    }
    expanded.push_str(rest);
    (expanded, missing)
}

/// A dollar that begins no name stays one.
fn break_off(expanded: &mut String) {
    expanded.push('$');
}

fn in_comment(so_far: &str) -> bool {
    let line = so_far.rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with('#') || line.contains(" #")
}

/// The name behind a dollar, and how many bytes it takes with its braces. Braces that hold no name are swallowed.
fn name(text: &str) -> (&str, usize) {
    let special = |c: char| c.is_ascii_digit() || "*#$@!?-".contains(c);
    let word = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(end) => (&inner[..end], end + 2),
            None => ("", 1),
        };
    }
    match text.chars().next() {
        Some(c) if special(c) => (&text[..1], 1),
        _ => (&text[..word(text)], word(text)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> (String, Vec<String>) {
        expand(text, &|name| match name {
            "A" => Some("1".to_owned()),
            "LONG_2" => Some("two".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn variables_are_replaced_as_go_does() {
        for (text, want) in [
            ("", ""),
            ("a: $A", "a: 1"),
            ("$A$LONG_2-x", "1two-x"),
            ("${A}b ${LONG_2}", "1b two"),
            ("$AB.", "."),
            ("cost: 5$", "cost: 5$"),
            ("$ $. $", "$ $. $"),
            ("$$A", "A"),
            ("${}x", "x"),
            ("${A", "A"),
            ("é$A", "é1"),
            ("$é", "$é"),
            ("$1st", "st"),
        ] {
            assert_eq!(expanded(text).0, want, "{text:?}");
        }
    }

    #[test]
    fn variables_that_do_not_exist_are_told_once_and_not_in_comments() {
        let (_, missing) = expanded("# $NOT\na: $NO ${NO}\nb: $A # $NOR");
        assert_eq!(missing, ["NO"]);
    }

    proptest! {
        #[test]
        fn any_text_is_expanded(text in "[$}{A_é1 \\n#*]{0,16}") {
            let _ = expanded(&text);
        }
    }
}
