//! An IPv4 network in CIDR notation, and the choice of one that is free.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use super::Problem;

/// An IPv4 network such as `172.20.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet {
    base: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// The network that contains `address` with `prefix` leading bits (at most 32).
    #[must_use]
    pub fn new(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self {
            base: Ipv4Addr::from(u32::from(address) & mask(prefix)),
            prefix,
        }
    }

    /// Parses what a person wants: a network, or `auto` for free addresses.
    ///
    /// # Errors
    /// When it is neither.
    pub fn wanted(text: &str) -> Result<Option<Self>, Problem> {
        match text {
            "auto" => Ok(None),
            text => text.parse().map(Some),
        }
    }

    /// How many leading bits are the network's.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The `n`th address counted from the network's own, if it is inside: `1` is the usual gateway.
    #[must_use]
    pub fn host(self, n: u32) -> Option<Ipv4Addr> {
        let address = Ipv4Addr::from(u32::from(self.base).checked_add(n)?);
        self.contains(address).then_some(address)
    }

    /// The last address, which is nobody's.
    #[must_use]
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        (self.prefix < 31).then(|| Ipv4Addr::from(u32::from(self.base) | !mask(self.prefix)))
    }

    /// Which address it is, counted from the network's own; the opposite of [`Subnet::host`].
    #[must_use]
    pub fn place(self, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(address) if self.contains(address) => {
                Some(u32::from(address) - u32::from(self.base))
            }
            _ => None,
        }
    }

    /// Whether the address belongs to this network.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix) == u32::from(self.base)
    }

    /// Whether the two networks share an address.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let wider = self.prefix.min(other.prefix);
        u32::from(self.base) & mask(wider) == u32::from(other.base) & mask(wider)
    }

    /// The upper half. Docker hands out addresses from there (its `IPRange`), so that no container without a
    /// fixed address can take one that a node counts on.
    #[must_use]
    pub fn upper_half(self) -> Self {
        if self.prefix >= 31 {
            return self;
        }
        let prefix = self.prefix + 1;
        Self {
            base: Ipv4Addr::from(u32::from(self.base) | (1 << (32 - u32::from(prefix)))),
            prefix,
        }
    }

    /// The first network of Docker's own default pools that overlaps none of `taken`.
    #[must_use]
    pub fn first_free(taken: &[Self]) -> Option<Self> {
        let sixteens = (18..=31).map(|second| Self::new(Ipv4Addr::new(172, second, 0, 0), 16));
        let twenties = (0..=15).map(|n: u8| Self::new(Ipv4Addr::new(192, 168, n * 16, 0), 20));
        sixteens
            .chain(twenties)
            .find(|candidate| !taken.iter().any(|t| t.overlaps(*candidate)))
    }
}

const fn mask(prefix: u8) -> u32 {
    if prefix == 0 {
        0
    } else {
        u32::MAX << (32 - prefix as u32)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl FromStr for Subnet {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let parsed = text.split_once('/').and_then(|(address, prefix)| {
            let prefix: u8 = prefix.parse().ok()?;
            (prefix <= 32).then_some(Self::new(address.parse().ok()?, prefix))
        });
        parsed.ok_or_else(|| {
            Problem::usage(
                format!("{text:?} is not an IPv4 network"),
                "expected something like 172.28.0.0/16",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn a_free_network_avoids_every_taken_one() {
        assert_eq!(Subnet::first_free(&[]), Some(net("172.18.0.0/16")));
        let taken = [net("172.16.0.0/14"), net("172.20.3.0/24")];
        assert_eq!(Subnet::first_free(&taken), Some(net("172.21.0.0/16")));
        assert_eq!(
            Subnet::first_free(&[net("172.16.0.0/12")]),
            Some(net("192.168.0.0/20"))
        );
        assert_eq!(Subnet::first_free(&[net("0.0.0.0/0")]), None);
    }

    #[test]
    fn the_upper_half_is_for_addresses_that_docker_chooses() {
        assert_eq!(net("172.20.0.0/16").upper_half(), net("172.20.128.0/17"));
        assert_eq!(
            net("172.20.0.0/16").host(2),
            Some(Ipv4Addr::new(172, 20, 0, 2))
        );
        assert_eq!(net("172.20.0.0/30").host(9), None);
    }

    #[test]
    fn odd_texts_are_refused() {
        for text in ["", "1.2.3.4", "1.2.3.4/33", "a/8", "::/8", "1.2.3.4/-1"] {
            assert!(text.parse::<Subnet>().is_err(), "{text:?}");
        }
    }
}
