//! Takes secrets out of texts before they are written where others read them: log records, which people attach to bug
//! reports, and labels at the engine.
//!
//! Own values hold [`crate::domain::Secret`]s, which never print themselves. This is for the rest: texts of servers,
//! container environments and library records that carry a token in the middle of a sentence. It rather masks too
//! much than too little.

use std::borrow::Cow;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Names whose value is secret when `:` or `=` follows.
const NAMES: &[&str] = &[
    "token",
    "password",
    "passwd",
    "secret",
    "client-key-data",
    "authorization",
    "x-registry-auth",
    "x-registry-config",
    "passphrase",
    "credential",
    "api-key",
    "api_key",
    "apikey",
    "access-key",
    "access_key",
    "private-key",
    "private_key",
    "datastore-endpoint",
    "datastore_endpoint",
];
/// Words after which the next word is secret.
const WORDS: &[&str] = &["bearer ", "basic ", "--token ", "--agent-token "];
/// How k3s begins its tokens, before the hash of the certificate authority.
const K3S_TOKEN: &str = "k10";

/// The text without the secrets that can be told by their shape or by the name before them.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    // Byte offsets stay the same: only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let mut masked = String::new();
    let mut done = 0;
    let mut at = 0;
    while at < text.len() {
        let Some((start, end)) = secret_at(&lower, at) else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        masked.push_str(&text[done..start]);
        masked.push_str(MASK);
        done = end;
        at = end.max(at + 1);
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// Where a secret is whose name, or which itself, begins at the byte.
fn secret_at(lower: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &lower[at..];
    if rest.starts_with("-----begin") && rest.lines().next()?.contains("private key") {
        let end = rest.find("-----end").unwrap_or(rest.len());
        return Some((at, at + end));
    }
    if rest.starts_with(K3S_TOKEN) {
        let end = value_end(lower, at);
        // A hash follows; "k10" alone may be a part of any word.
        return (end - at > 20).then_some((at, end));
    }
    if rest.starts_with("://") {
        // The account of a URL, whose host begins after the last `@`.
        let end = lower[at..]
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            .map_or(lower.len(), |length| at + length);
        let account = &lower[at + 3..end];
        let account = &account[..account.find(['/', '?', '#']).unwrap_or(account.len())];
        let account = &account[..account.rfind('@')?];
        let password = at + 3 + account.find(':')? + 1;
        let end = at + 3 + account.len();
        let masked = lower[password..end] == *MASK;
        return (password < end && !masked).then_some((password, end));
    }
    if let Some(word) = WORDS.iter().find(|word| rest.starts_with(**word)) {
        return value(lower, at + word.len());
    }
    let name = NAMES.iter().find(|name| rest.starts_with(**name))?;
    let mut start = at + name.len();
    // `SECRET_KEY` and `token-value` are names too.
    if lower[start..].starts_with(['_', '-']) {
        start = lower[start..]
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))
            .map_or(lower.len(), |length| start + length);
    }
    let mut separated = false;
    for c in lower[start..].chars() {
        match c {
            ':' | '=' => separated = true,
            '"' | '\'' | '\\' | ' ' => {}
            _ => break,
        }
        start += 1;
    }
    if !separated {
        return None;
    }
    let scheme = ["bearer ", "basic "]
        .iter()
        .find(|scheme| lower[start..].starts_with(**scheme));
    value(lower, start + scheme.map_or(0, |scheme| scheme.len()))
}

fn value(lower: &str, start: usize) -> Option<(usize, usize)> {
    let end = value_end(lower, start);
    (start < end && !lower[start..].starts_with(MASK)).then_some((start, end))
}

fn value_end(lower: &str, start: usize) -> usize {
    lower[start..]
        .find(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | ',' | ';' | '}' | ']' | ')')
        })
        .map_or(lower.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "K10c0ffee00c0ffee00c0ffee00c0ffee00::server:hunter2";

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        for (text, want) in [
            (
                "env: [\"K3S_TOKEN=hunter2\", \"A=b\"]",
                "env: [\"K3S_TOKEN=***\", \"A=b\"]",
            ),
            (
                "{\"k3d.cluster.token\":\"hunter2\",\"x\":1}",
                "{\"k3d.cluster.token\":\"***\",\"x\":1}",
            ),
            (
                "{\\\"token\\\": \\\"hunter2\\\"}",
                "{\\\"token\\\": \\\"***\\\"}",
            ),
            ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
            ("sent bearer hunter2, refused", "sent bearer ***, refused"),
            (
                "    client-key-data: aHVudGVyMg==\n    x: y",
                "    client-key-data: ***\n    x: y",
            ),
            (
                "k3s agent --token hunter2 --debug",
                "k3s agent --token *** --debug",
            ),
            ("PASSWORD='hunter2'", "PASSWORD='***'"),
            ("AWS_SECRET_ACCESS_KEY=hunter2", "AWS_SECRET_ACCESS_KEY=***"),
            ("--etcd-s3-secret-key=hunter2", "--etcd-s3-secret-key=***"),
            (
                "--datastore-endpoint=postgres://u:hunter2@10.0.0.1/d",
                "--datastore-endpoint=***",
            ),
            (
                "GET https://me:hunter2@host:5000/v2?a=b failed",
                "GET https://me:***@host:5000/v2?a=b failed",
            ),
            (
                "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
                "***-----END EC PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(mask(text), want);
        }
        assert_eq!(mask(&format!("joined with {HASH}.")), "joined with ***");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "3 tokens were found",
            "the token is wrong",
            "k10 is a mountain",
            "https://host:5000/v2/a@sha256:1",
            "https://me@host/a:b",
            "a secret-less text",
            "Größe: 日本",
        ] {
            assert!(matches!(mask(text), Cow::Borrowed(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_and_no_value_gets_through(before in "\\PC{0,20}", value in "[a-zA-Z0-9]{8,40}") {
            let text = format!("{before} K3S_TOKEN={value}");
            prop_assert!(!mask(&text).contains(&format!("K3S_TOKEN={value}")), "{}", mask(&text));
            let _ = mask(&before);
        }
    }
}
