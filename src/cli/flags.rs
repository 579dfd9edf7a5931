//! The values that k3d's flags take, read the way k3d reads them. What k3d can and this program cannot is refused in
//! words, never ignored.

use std::{
    net::{IpAddr, ToSocketAddrs},
    time::Duration,
};

use clap::ValueEnum;

use crate::domain::{Problem, RegistrySpec, spec::WaitFor};

/// How much `--wait` waits for. `true` and `false` are k3d's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitWord {
    /// Until a person can use it: API, nodes, default ServiceAccount
    #[value(alias = "true")]
    Usable,
    /// Besides that, until every pod of kube-system is ready
    All,
    /// Not at all
    #[value(alias = "false", alias = "none")]
    Nothing,
}

impl From<WaitWord> for WaitFor {
    fn from(word: WaitWord) -> Self {
        match word {
            WaitWord::Usable => Self::Usable,
            WaitWord::All => Self::All,
            WaitWord::Nothing => Self::Nothing,
        }
    }
}

/// What `--timeout 0s` means: k3d's word for as long as it takes.
pub const NO_LIMIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A duration as Go writes it: `90s`, `5m`, `1h30m`, `500ms`. Zero is no limit.
///
/// # Errors
/// Says how a duration is written.
pub fn timeout(text: &str) -> Result<Duration, String> {
    let refusal = || format!("{text:?} is not a duration; write 90s, 5m or 1h30m");
    if text.contains('.') {
        return Err(refusal());
    }
    let total = duration(text).map_err(|_| refusal())?;
    Ok(if total.is_zero() {
        NO_LIMIT
    } else {
        total.min(NO_LIMIT)
    })
}

/// A duration as Go writes it, which may be long and have a fraction: `2160h`, `1.5h`.
///
/// # Errors
/// Says how a duration is written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let refusal = || format!("{text:?} is not a duration; write 90s, 5m, 1.5h or 2160h");
    let mut total = Duration::ZERO;
    let mut rest = text;
    if rest == "0" {
        return Ok(total);
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|at| *at > 0)
            .ok_or_else(refusal)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (number, fraction) = number.split_once('.').unwrap_or((number, ""));
        // Finer than a billionth is no difference.
        let fraction = &fraction[..fraction.len().min(9)];
        if fraction.contains('.') || (number.is_empty() && fraction.is_empty()) {
            return Err(refusal());
        }
        let of_text = |digits: &str| match digits {
            "" => Ok(0),
            _ => digits.parse::<u64>().map_err(|_| refusal()),
        };
        let (number, fine) = (of_text(number)?, of_text(fraction)?);
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(refusal()),
        };
        let part = number.checked_mul(millis).ok_or_else(refusal)?;
        // Nine digits of the longest unit are far from the end of 128 bits.
        let fine = u128::from(fine) * u128::from(millis) * 1_000_000
            / 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let fine = u64::try_from(fine).map_err(|_| refusal())?;
        total = total
            .checked_add(Duration::from_millis(part) + Duration::from_nanos(fine))
            .ok_or_else(refusal)?;
        rest = tail;
    }
    if text.is_empty() {
        return Err(refusal());
    }
    Ok(total)
}

/// The address of a name of `--api-port`.
///
/// # Errors
/// Where it has no IPv4 address.
pub fn address_of(host: &str) -> Result<IpAddr, String> {
    (host, 0)
        .to_socket_addrs()
        .map_err(|error| format!("{host:?} has no address: {error}"))?
        .map(|address| address.ip())
        .find(IpAddr::is_ipv4)
        .ok_or_else(|| format!("{host:?} has no IPv4 address"))
}

/// `--registry-create NAME[:HOST][:PORT]`, over a registry that a config file may have described.
///
/// # Errors
/// Where the port is no port, or the host has no address.
pub fn registry(text: &str, wanted: &mut RegistrySpec) -> Result<(), Problem> {
    let named = RegistrySpec::parse(text)?;
    wanted.name = named.name;
    wanted.host = named.host.or(wanted.host);
    wanted.port = named.port.or(wanted.port);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_ago_may_have_a_fraction() {
        for (text, seconds) in [
            ("1.5h", 5_400),
            ("2160h", 7_776_000),
            ("90m", 5_400),
            (".5m", 30),
            ("0", 0),
            ("1.h30m", 5_400),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(
            duration("0.123456789999s"),
            Ok(Duration::from_nanos(123_456_789))
        );
        for text in ["", ".", ".s", "1.2.3s", "5", "5d", "1e3s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("1h30m", 5_400), ("2000ms", 2)] {
            assert_eq!(timeout(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(timeout("0s"), Ok(NO_LIMIT));
        assert_eq!(timeout("0"), Ok(NO_LIMIT));
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5h",
            "5d",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(timeout(text).is_err(), "{text:?}");
        }
    }
}
