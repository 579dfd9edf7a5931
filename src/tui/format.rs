//! Short texts for cells of the screen: ages, bytes, cores, names that do not fit.

use jiff::{SignedDuration, Timestamp};
use ratatui::{buffer::CellWidth as _, style::Style, text::Span};

/// How long ago a moment was, as kubectl writes it: `5s`, `3m`, `2h`, `4d`.
#[must_use]
pub fn age(now: Timestamp, since: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long until the text of [`age`] changes, in whole seconds; the screen sleeps until then.
#[must_use]
pub fn until_next_age(now: Timestamp, since: Timestamp) -> SignedDuration {
    let seconds = now.duration_since(since).as_secs().max(0);
    let unit = match seconds {
        0..120 => 1,
        120..7_200 => 60,
        7_200..172_800 => 3_600,
        _ => 86_400,
    };
    SignedDuration::from_secs(unit - seconds % unit)
}

/// Seconds as minutes and seconds: `00:09`.
#[must_use]
pub fn clock(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// Bytes in binary units with at most four characters: `812M`, `1.6G`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a cell shows two digits")]
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "";
    for next in ["K", "M", "G", "T", "P"] {
        if value < 1_000.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    if unit.is_empty() || value >= 10.0 {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

/// Cores: `0.2`, `12`.
#[must_use]
pub fn cores(cores: f64) -> String {
    if cores >= 10.0 {
        format!("{cores:.0}")
    } else {
        format!("{cores:.1}")
    }
}

/// Fits a text into a width: a sentence loses its end, a name its middle.
#[must_use]
pub fn fit(text: &str, width: usize, ellipsis: &str) -> String {
    if !text.contains(' ') || cells(text) <= width {
        return shorten(text, width, ellipsis);
    }
    let room = width.saturating_sub(cells(ellipsis));
    let end = &ellipsis[..within(ellipsis, width)];
    format!("{}{end}", &text[..within(text, room)])
}

/// The whole seconds until a moment, rounded up, so that a countdown ends at one.
#[must_use]
pub fn seconds_until(now: Timestamp, moment: Timestamp) -> i64 {
    let left = moment.duration_since(now);
    left.as_secs() + i64::from(left.subsec_nanos() > 0)
}

/// Shortens a name in the middle, because the ends tell names of one workload apart.
#[must_use]
pub fn shorten(text: &str, width: usize, ellipsis: &str) -> String {
    if cells(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(cells(ellipsis));
    if room == 0 {
        return ellipsis.chars().take(width).collect();
    }
    let mut left = room / 2 + room % 2;
    let mut tail = text.len();
    let mut signs = Vec::new();
    each_sign(text, |start, cells| {
        signs.push((start, cells));
        true
    });
    for (start, width) in signs.into_iter().rev() {
        let Some(rest) = left.checked_sub(width) else {
            break;
        };
        (left, tail) = (rest, start);
    }
    let head = within(text, room - room / 2 - room % 2);
    format!("{}{ellipsis}{}", &text[..head], &text[tail..])
}

/// Breaks a text into lines of at most this width, between words where that is possible.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word.to_owned();
        if let Some(last) = lines.last_mut() {
            let gap = usize::from(!last.is_empty());
            if cells(last) + gap + cells(&word) <= width {
                last.push_str(&" ".repeat(gap));
                last.push_str(&word);
                continue;
            }
        }
        while cells(&word) > width {
            let end = within(&word, width);
            if end == 0 {
                break;
            }
            lines.push(word.drain(..end).collect());
        }
        lines.push(word);
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// How many cells a text takes on the screen.
fn cells(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut all = 0;
    each_sign(text, |_, cells| {
        all += cells;
        true
    });
    all
}

/// The bytes at the beginning of a text that fit into as many cells.
#[must_use]
pub fn within(text: &str, width: usize) -> usize {
    if text.is_ascii() {
        return text.len().min(width);
    }
    let mut used = 0;
    let mut end = text.len();
    each_sign(text, |start, cells| {
        used += cells;
        if used > width {
            end = start;
        }
        used <= width
    });
    end
}

/// Goes through the signs of a text for as long as it is wanted: where each begins, and how many cells it takes, as the
/// screen's buffer cuts and measures them. What is several characters may be one sign, and a selector behind one may make
/// it wider.
fn each_sign(text: &str, mut wants_more: impl FnMut(usize, usize) -> bool) {
    let span = Span::raw(text);
    let mut at = 0;
    for sign in span.styled_graphemes(Style::new()) {
        let start = at;
        // What is no sign to the buffer, such as a control character, is left out there and belongs to the next one.
        at += text[at..].find(sign.symbol).unwrap_or(0) + sign.symbol.len();
        if !wants_more(start, usize::from(sign.symbol.cell_width())) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn ages_change_when_they_say_they_do() {
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        for seconds in [
            0, 1, 59, 119, 120, 121, 7_199, 7_200, 172_799, 172_800, 999_999,
        ] {
            let since = now - SignedDuration::from_secs(seconds);
            let wait = until_next_age(now, since);
            let just_before = now + wait - SignedDuration::from_secs(1);
            assert_eq!(age(just_before, since), age(now, since), "{seconds}");
            assert_ne!(age(now + wait, since), age(now, since), "{seconds}");
        }
    }

    #[test]
    fn names_keep_both_ends() {
        assert_eq!(shorten("web-7d9f8c6b5-x2kqj", 12, "…"), "web-7…-x2kqj");
        assert_eq!(shorten("web", 12, "…"), "web");
        assert_eq!(shorten("web", 1, "…"), "…");
        assert_eq!(shorten("web", 0, "…"), "");
        for width in 0..12 {
            assert!(shorten("漢字漢字漢字", width, "…").width() <= width);
        }
    }

    #[test]
    fn lines_break_between_words_and_lose_none() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""; 0]);
        for width in 2..20 {
            let lines = wrap("a name-of-many-letters 漢字漢字 end", width);
            assert!(lines.iter().all(|line| line.width() <= width), "{lines:?}");
            let whole: String = lines.concat().replace(' ', "");
            assert_eq!(whole, "aname-of-many-letters漢字漢字end");
        }
    }

    #[test]
    fn numbers_fit_their_cells() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0K"),
            (1 << 20, "1.0M"),
            (1_717_986_918, "1.6G"),
        ] {
            assert_eq!(bytes(n), text);
        }
        assert_eq!(
            (cores(0.25), cores(11.6)),
            ("0.2".to_owned(), "12".to_owned())
        );
    }
}
