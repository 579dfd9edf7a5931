//! Names that lead to an address, on the nodes of a cluster and in its pods.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Problem;

/// An address with its names. In JSON it is what k3d writes into the label of its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostAlias {
    /// The address.
    pub ip: IpAddr,
    /// Its names; at least one.
    #[serde(rename = "hostnames")]
    pub names: Vec<String>,
}

impl HostAlias {
    /// Parses `ADDRESS:NAME[,NAME]`. An IPv6 address stands in brackets.
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (address, names) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:").unwrap_or((text, "")),
            None => text.split_once(':').unwrap_or((text, "")),
        };
        Self::new(address, names.split(',').filter(|name| !name.is_empty()))
    }

    /// An address with these names.
    ///
    /// # Errors
    /// Where it is no address, there is no name, or one cannot be the name of a host.
    pub fn new<T: AsRef<str>>(
        address: &str,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, Problem> {
        let refuse = |why: String| {
            Problem::usage(format!("{address:?} cannot be given names"), why)
                .with_hint("write ADDRESS:NAME[,NAME], such as 10.1.2.3:db.example.org,db")
        };
        let ip = address
            .parse()
            .map_err(|_| refuse("it is no IP address".to_owned()))?;
        let names: Vec<String> = names
            .into_iter()
            .map(|name| name.as_ref().trim_end_matches('.').to_owned())
            .collect();
        if names.is_empty() {
            return Err(refuse("there is no name for it".to_owned()));
        }
        match names.iter().find(|name| !is_host_name(name)) {
            Some(odd) => Err(refuse(format!("{odd:?} cannot be the name of a host"))),
            None => Ok(Self { ip, names }),
        }
    }
}

/// Labels of letters, digits and hyphens, with dots between them.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_read_as_k3d_reads_them_and_with_ipv6_too() {
        let alias = HostAlias::parse("10.1.2.3:db.example.org,db").unwrap();
        assert_eq!(alias.ip, IpAddr::from([10, 1, 2, 3]));
        assert_eq!(alias.names, ["db.example.org", "db"]);
        let json = serde_json::to_string(&[&alias]).unwrap();
        assert_eq!(
            json,
            r#"[{"ip":"10.1.2.3","hostnames":["db.example.org","db"]}]"#
        );
        let six = HostAlias::parse("[fd00::1]:six").unwrap();
        assert_eq!((six.ip.is_ipv6(), six.names.len()), (true, 1));
    }

    #[test]
    fn what_is_no_address_or_no_name_is_refused() {
        for text in [
            "",
            "10.1.2.3",
            "10.1.2.3:",
            "db:10.1.2.3",
            "10.1.2.3:-a",
            "10.1.2.3:a b",
            "10.1.2.3:a..b",
            "fd00::1:six",
            "10.1.2.3:a{",
            "10.1.2.3:a\nb",
        ] {
            assert!(HostAlias::parse(text).is_err(), "{text:?}");
        }
    }
}
