//! A new volume or network that outlives clusters.

use super::{Answers, Row, Wrong};
use crate::{
    domain::{Problem, Subnet},
    ops::Wish,
    plan::lasting::Lasting,
};

const KIND: &str = "what";
const NAME: &str = "name";
const SUBNET: &str = "addresses";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::choice(KIND, &["volume", "network", "network with IPv6"]),
        Row::text(NAME, "", ""),
        Row::text(SUBNET, "", "of a network; empty: free"),
    ]
}

pub(super) fn wish(answers: Answers<'_>) -> Result<Wish, Wrong> {
    let name = answers.read(NAME, |text| match text {
        "" => Err(Problem::usage("no name", "it is known by its name")),
        name => Ok(name.to_owned()),
    })?;
    let kind = answers.choice(KIND);
    Ok(Wish::Lasting(if kind == 0 {
        Lasting::CreateVolume { name }
    } else {
        Lasting::CreateNetwork {
            name,
            subnet: answers.optional(SUBNET, Subnet::wanted)?.flatten(),
            ipv6: kind == 2,
        }
    }))
}
