//! The IPv6 network that stands beside an IPv4 one where both are spoken.

use std::{fmt, net::Ipv6Addr};

use super::Subnet;

/// An IPv6 network of 64 leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet6(Ipv6Addr);

impl Subnet6 {
    /// The network for private use that belongs to an IPv4 network. Where those do not overlap, these do not either, so
    /// nobody has to look which are taken.
    #[must_use]
    pub fn beside(subnet: Subnet) -> Self {
        let [a, b, c, d] = subnet.host(0).map_or([0; 4], |base| base.octets());
        let pair = |high, low| u16::from_be_bytes([high, low]);
        Self(Ipv6Addr::new(
            0xfd6b,
            0x3364,
            pair(a, b),
            pair(c, d),
            0,
            0,
            0,
            0,
        ))
    }

    /// The `n`th address counted from the network's own.
    #[must_use]
    pub fn host(self, n: u32) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(self.0) | u128::from(n))
    }

    /// The upper half in CIDR notation: what an engine may hand out where the lower half is for fixed addresses.
    #[must_use]
    pub fn upper_half(self) -> String {
        format!("{}/65", Ipv6Addr::from(u128::from(self.0) | 1 << 63))
    }
}

impl fmt::Display for Subnet6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/64", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ipv4_network_has_one_of_its_own() {
        let beside = |text: &str| Subnet6::beside(text.parse().unwrap());
        let net = beside("172.28.0.0/16");
        assert_eq!(net.to_string(), "fd6b:3364:ac1c::/64");
        assert_eq!(net.host(3).to_string(), "fd6b:3364:ac1c::3");
        assert_eq!(net.upper_half(), "fd6b:3364:ac1c:0:8000::/65");
        assert_eq!(
            beside("192.168.16.0/20").to_string(),
            "fd6b:3364:c0a8:1000::/64"
        );
    }
}
