//! Ages as kubectl prints them (`5s`, `3m20s`, `2h`, `5d3h`), which is how the server's tables carry them.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// Reads an age. It was cut when it was printed, so it is up to one of its last unit too short.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..end].parse().ok()?;
        let unit = match rest.as_bytes()[end] {
            b's' => 1,
            b'm' => MINUTE,
            b'h' => HOUR,
            b'd' => DAY,
            b'y' => YEAR,
            _ => return None,
        };
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ages_of_a_table_are_read() {
        for (text, seconds) in [
            ("0s", 0),
            ("119s", 119),
            ("3m20s", 200),
            ("3h5m", 11_100),
            ("5d3h", 442_800),
            ("2y10d", 63_936_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "<unknown>",
            "5",
            "5x",
            "d",
            "5d3",
            "99999999999999999999y",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9smhdy]*") {
            let _ = parse(&text);
        }
    }
}
