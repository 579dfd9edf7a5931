//! Volumes and networks that outlive clusters: made and removed on their own, and used by name.
//!
//! They carry a label of ours and none of k3d's. k3d removes every volume that carries its two, and leaves a network
//! alone that it did not make.

use super::{Plan, Step, Subject};
use crate::{
    distro::k3s::labels,
    domain::{
        Problem, Subnet, Subnet6,
        container::{ContainerInfo, NetworkInfo, NetworkSpec, VolumeSpec},
    },
};

/// What is wanted of such a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lasting {
    /// A new volume.
    CreateVolume {
        /// Its name.
        name: String,
    },
    /// A volume of ours and all that is in it, gone.
    DeleteVolume {
        /// Its name.
        name: String,
    },
    /// A new network.
    CreateNetwork {
        /// Its name.
        name: String,
        /// Its addresses; free ones are chosen where none are named.
        subnet: Option<Subnet>,
        /// Whether it is to have IPv6 addresses too.
        ipv6: bool,
    },
    /// A network of ours, gone.
    DeleteNetwork {
        /// Its name.
        name: String,
    },
}

impl Lasting {
    /// The thing.
    #[must_use]
    pub fn about(&self) -> Subject {
        match self {
            Self::CreateVolume { name } | Self::DeleteVolume { name } => {
                Subject::Volume(name.clone())
            }
            Self::CreateNetwork { name, .. } | Self::DeleteNetwork { name } => {
                Subject::Network(name.clone())
            }
        }
    }
}

/// What the plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What is wanted.
    pub wanted: &'a Lasting,
    /// All containers of the engine.
    pub containers: &'a [ContainerInfo],
    /// All networks of the engine, and what else is not to be used for one.
    pub networks: &'a [NetworkInfo],
    /// All volumes of the engine.
    pub volumes: &'a [VolumeSpec],
}

/// The plan.
///
/// # Errors
/// When the name is taken or cannot be one, the addresses are not free, or what is to go is not there, not ours, or in
/// use.
pub fn plan(input: &Input<'_>) -> Result<Plan, Problem> {
    let about = input.wanted.about();
    let (verb, step) = match input.wanted {
        Lasting::CreateVolume { name } => {
            check_name(&about)?;
            check_free(
                &about,
                input.volumes.iter().any(|known| known.name == *name),
            )?;
            let volume = VolumeSpec {
                name: name.clone(),
                labels: labels::kept(),
            };
            ("create", Step::CreateVolume(volume))
        }
        Lasting::CreateNetwork { name, subnet, ipv6 } => {
            check_name(&about)?;
            check_free(
                &about,
                input.networks.iter().any(|known| known.name == *name),
            )?;
            let subnet = addresses(input, *subnet)?;
            let network = NetworkSpec {
                name: name.clone(),
                subnet,
                ipv6: ipv6.then(|| Subnet6::beside(subnet)),
                labels: labels::kept(),
            };
            ("create", Step::CreateNetwork(network))
        }
        Lasting::DeleteVolume { name } => {
            let found = input.volumes.iter().find(|known| known.name == *name);
            let ours = found.map(|found| labels::is_kept(&found.labels));
            let uses = |container: &ContainerInfo| container.volumes.contains(name);
            check_removable(&about, ours, &users(input, uses))?;
            let volume = name.clone();
            ("delete", Step::RemoveVolume { volume })
        }
        Lasting::DeleteNetwork { name } => {
            let found = input.networks.iter().find(|known| known.name == *name);
            let ours = found.map(|found| labels::is_kept(&found.labels));
            check_removable(
                &about,
                ours,
                &users(input, |container| is_in(container, name)),
            )?;
            let network = name.clone();
            ("delete", Step::RemoveNetwork { network })
        }
    };
    let mut plan = Plan::new(format!("{verb} {about}"), about);
    plan.undoable = verb == "create";
    plan.add(step, []);
    Ok(plan)
}

/// Whether a container is attached to a network.
#[must_use]
pub fn is_in(container: &ContainerInfo, network: &str) -> bool {
    let mut places = container.attachments.iter();
    places.any(|place| place.network == network)
}

fn users(input: &Input<'_>, uses: impl Fn(&ContainerInfo) -> bool) -> Vec<String> {
    let containers = input.containers.iter();
    containers
        .filter(|container| uses(container))
        .map(|container| container.name.clone())
        .collect()
}

/// What Docker takes for a name.
fn check_name(about: &Subject) -> Result<(), Problem> {
    let name = about.name();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.len() > 1 && name.chars().all(fits) {
        return Ok(());
    }
    Err(Problem::usage(
        format!("{name:?} cannot be the name of a {}", about.kind()),
        "letters, digits, _, . and - make up a name, two of them at least, and the first is a letter or a digit",
    ))
}

fn check_free(about: &Subject, taken: bool) -> Result<(), Problem> {
    if !taken {
        return Ok(());
    }
    Err(Problem::refused(
        format!("{about} was not created"),
        "there is one of that name already",
    ))
}

fn addresses(input: &Input<'_>, wanted: Option<Subnet>) -> Result<Subnet, Problem> {
    let used: Vec<Subnet> = input
        .networks
        .iter()
        .flat_map(|network| network.subnets.iter().copied())
        .collect();
    let Some(wanted) = wanted else {
        return Subnet::first_free(&used).ok_or_else(|| {
            Problem::failed(
                "no addresses are left for another network",
                "all networks that the engine would choose from are taken",
            )
            .with_hint("name some with --subnet, or remove networks that are not used")
        });
    };
    match used.iter().find(|other| other.overlaps(wanted)) {
        None => Ok(wanted),
        Some(other) => Err(Problem::usage(
            format!("the addresses {wanted} cannot be used"),
            format!("they overlap {other}, which is in use already"),
        )
        .with_hint("choose others, or leave the choice to coracle")),
    }
}

/// Whether it is there, ours, and used by nobody.
fn check_removable(about: &Subject, ours: Option<bool>, users: &[String]) -> Result<(), Problem> {
    let what = format!("{about} was not deleted");
    match ours {
        None => Err(Problem::not_found(
            format!("there is no {about}"),
            "the engine knows none of that name",
        )),
        Some(false) => Err(
            Problem::refused(what, "it was not made by coracle").with_hint(format!(
                "docker {} rm {} removes it all the same",
                about.kind(),
                about.name()
            )),
        ),
        Some(true) if !users.is_empty() => Err(Problem::refused(
            what,
            format!("it is in use by {}", users.join(", ")),
        )
        .with_hint("delete what uses it first")),
        Some(true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::container::Attachment,
        plan::fixtures::{container, network},
    };

    fn planned(
        wanted: &Lasting,
        containers: &[ContainerInfo],
        networks: &[NetworkInfo],
        volumes: &[VolumeSpec],
    ) -> Result<String, Problem> {
        let input = Input {
            wanted,
            containers,
            networks,
            volumes,
        };
        plan(&input).map(|plan| plan.to_text())
    }

    fn new_network(name: &str, subnet: Option<&str>) -> Lasting {
        Lasting::CreateNetwork {
            name: name.to_owned(),
            subnet: subnet.map(|text| text.parse().unwrap()),
            ipv6: false,
        }
    }

    #[test]
    fn what_is_made_never_carries_both_of_k3d_s_labels() {
        for wanted in [
            Lasting::CreateVolume {
                name: "data".to_owned(),
            },
            new_network("lan", None),
        ] {
            let input = Input {
                wanted: &wanted,
                containers: &[],
                networks: &[],
                volumes: &[],
            };
            let plan = plan(&input).unwrap();
            let labels = match &plan.steps[0].step {
                Step::CreateVolume(volume) => &volume.labels,
                Step::CreateNetwork(network) => &network.labels,
                other => panic!("{other:?}"),
            };
            assert!(labels::is_kept(labels));
            assert!(!labels.contains_key("app") && !labels.contains_key("k3d.cluster"));
        }
    }

    #[test]
    fn names_and_addresses_have_to_be_free() {
        let networks = [network("lan", "172.18.0.0/16")];
        let create = |wanted: &Lasting| planned(wanted, &[], &networks, &[]);
        assert!(
            create(&new_network("other", Some("172.19.0.0/16")))
                .unwrap()
                .contains("172.19.0.0/16")
        );
        assert!(
            !create(&new_network("other", None))
                .unwrap()
                .contains("172.18.")
        );
        for (wanted, code) in [
            (new_network("lan", None), 4),
            (new_network("other", Some("172.18.7.0/24")), 2),
            (new_network("-x", None), 2),
            (new_network("a b", None), 2),
        ] {
            assert_eq!(
                create(&wanted).unwrap_err().kind.exit_code(),
                code,
                "{wanted:?}"
            );
        }
    }

    #[test]
    fn only_what_is_ours_and_used_by_nobody_is_deleted() {
        let name = "data".to_owned();
        let wanted = Lasting::DeleteVolume { name: name.clone() };
        let volume = |labels| VolumeSpec {
            name: name.clone(),
            labels,
        };
        let ours = [volume(labels::kept())];
        let text = planned(&wanted, &[], &[], &ours).unwrap();
        assert!(text.contains("- remove volume data"), "{text}");
        let mut user = container("database");
        user.volumes = vec![name.clone()];
        let refused = planned(&wanted, &[user], &[], &ours).unwrap_err();
        assert!(refused.why.contains("database"), "{refused}");
        let foreign = [volume(crate::domain::container::Labels::new())];
        assert_eq!(
            planned(&wanted, &[], &[], &foreign)
                .unwrap_err()
                .kind
                .exit_code(),
            4
        );
        assert_eq!(
            planned(&wanted, &[], &[], &[])
                .unwrap_err()
                .kind
                .exit_code(),
            3
        );

        let lan = NetworkInfo {
            labels: labels::kept(),
            ..network("lan", "172.18.0.0/16")
        };
        let mut guest = container("guest");
        guest.attachments = vec![Attachment {
            network: "lan".to_owned(),
            address: None,
            fixed: None,
            fixed6: None,
        }];
        let wanted = Lasting::DeleteNetwork {
            name: "lan".to_owned(),
        };
        assert!(planned(&wanted, &[guest], std::slice::from_ref(&lan), &[]).is_err());
        assert!(planned(&wanted, &[], &[lan], &[]).is_ok());
    }
}
