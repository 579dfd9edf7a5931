//! Images into nodes, and out of them: to all nodes at the same time, and only what a node lacks.

use std::path::PathBuf;

use super::{Plan, Step};
use crate::domain::{
    Cluster, Node, Problem, Role,
    image::{NodeImage, WantedImage, short_name},
};

/// Where images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// The engine saves them.
    Engine,
    /// They are in an archive on this machine that is not compressed.
    Archive(PathBuf),
}

/// A node, and what it has; `None` where it did not tell, which is for the step to find out.
pub type OnNode = (String, Option<Vec<NodeImage>>);

/// What an import is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The images, by where they come from.
    pub images: &'a [(ImageSource, Vec<WantedImage>)],
    /// What was asked for and is nowhere.
    pub missing: &'a [String],
    /// The nodes that run.
    pub nodes: &'a [OnNode],
}

/// The nodes of a cluster that have images and run, and those that do not run.
#[must_use]
pub fn nodes<'a>(cluster: &'a Cluster) -> (Vec<&'a str>, Vec<&'a str>) {
    let (running, stopped): (Vec<&Node>, Vec<&Node>) = cluster
        .nodes
        .iter()
        .filter(|node| matches!(node.role, Role::Server | Role::Agent))
        .partition(|node| node.is_running());
    let names = |nodes: Vec<&'a Node>| nodes.into_iter().map(|node| node.name.as_str()).collect();
    (names(running), names(stopped))
}

/// The plan of an import. It has no steps where every node has everything.
///
/// # Errors
/// When none of the images is anywhere, or no node runs.
pub fn import(input: &Import<'_>) -> Result<Plan, Problem> {
    let name = input.cluster.name.as_str();
    let count: usize = input.images.iter().map(|(_, images)| images.len()).sum();
    if count == 0 {
        return Err(Problem::not_found(
            format!("no image was sent to cluster {name:?}"),
            format!(
                "neither the engine has an image nor is there a file named {}",
                input.missing.join(", ")
            ),
        )
        .with_hint(
            "`docker image ls` lists what the engine has; `docker pull` gets what it lacks",
        ));
    }
    let (_, stopped) = nodes(input.cluster);
    if input.nodes.is_empty() {
        return Err(Problem::failed(
            format!("no image was sent to cluster {name:?}"),
            "none of its nodes runs",
        )
        .with_hint(format!("start it: coracle cluster start {name}")));
    }
    let title = format!(
        "import {count} image{} into cluster \"{name}\"",
        if count == 1 { "" } else { "s" }
    );
    let mut plan = Plan::new(title, input.cluster.name.clone());
    // What has arrived at one node is of use, whatever happened at another.
    plan.undoable = false;
    for missing in input.missing {
        plan.warnings.push(format!(
            "there is no image {missing:?} at the engine, and no such file"
        ));
    }
    for node in stopped {
        plan.warnings
            .push(format!("{node} does not run and gets nothing"));
    }
    for (node, has) in input.nodes {
        let mut before = None;
        for (source, images) in input.images {
            let lacks = |image: &&WantedImage| {
                has.as_ref()
                    .is_none_or(|has| image.is_on(has) != Some(true))
            };
            let mut lacking: Vec<WantedImage> = images.iter().filter(lacks).cloned().collect();
            if lacking.is_empty() {
                continue;
            }
            if matches!(source, ImageSource::Archive(_)) {
                // An archive goes as a whole.
                lacking.clone_from(images);
            }
            let step = Step::ImportImages {
                node: node.clone(),
                source: source.clone(),
                images: lacking,
            };
            before = Some(plan.add(step, before));
        }
    }
    Ok(plan)
}

/// The plan that removes images from the nodes that have them.
///
/// # Errors
/// When one of them is on none of the nodes.
pub fn remove(cluster: &Cluster, wanted: &[String], nodes: &[OnNode]) -> Result<Plan, Problem> {
    let name = cluster.name.as_str();
    let mut plan = Plan::new(
        format!("remove images from cluster \"{name}\""),
        cluster.name.clone(),
    );
    plan.undoable = false;
    let has = |has: &Option<Vec<NodeImage>>, image: &String| {
        has.as_ref()
            .is_none_or(|has| has.iter().any(|on_node| on_node.names.contains(image)))
    };
    for image in wanted {
        if !nodes.iter().any(|(_, on_node)| has(on_node, image)) {
            return Err(Problem::not_found(
                format!("there is no image {:?}", short_name(image)),
                format!("no node of cluster {name:?} that runs has it"),
            )
            .with_hint(format!("see coracle image list -c {name}")));
        }
    }
    for (node, on_node) in nodes {
        let images: Vec<String> = wanted
            .iter()
            .filter(|image| has(on_node, image))
            .cloned()
            .collect();
        if !images.is_empty() {
            let node = node.clone();
            plan.add(Step::RemoveImages { node, images }, []);
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        distro,
        domain::{ProblemKind, container::ContainerState, image::full_name},
        plan::fixtures::demo,
    };

    fn wanted(name: &str, digest: &str) -> WantedImage {
        WantedImage {
            names: vec![full_name(name)],
            digests: BTreeSet::from([digest.to_owned()]),
            size: 1_000,
        }
    }

    fn held(name: &str, digest: &str) -> NodeImage {
        NodeImage {
            names: vec![full_name(name)],
            digest: digest.to_owned(),
            id: Some("sha256:id".to_owned()),
            size: 0,
        }
    }

    #[test]
    fn a_node_is_sent_what_it_lacks_and_an_archive_as_a_whole() {
        let mut containers = demo(1, 3);
        let last =
            |node: &&mut crate::domain::container::ContainerInfo| node.name.ends_with("agent-2");
        containers.iter_mut().find(last).unwrap().state = ContainerState::Exited;
        let cluster = distro::clusters(&containers, &[]).remove(0);
        let (running, stopped) = nodes(&cluster);
        assert_eq!((running.len(), stopped), (3, vec!["k3d-demo-agent-2"]));
        let archive = ImageSource::Archive("/tmp/two.tar".into());
        let images = [
            (
                ImageSource::Engine,
                vec![wanted("a", "sha256:a"), wanted("b", "sha256:b")],
            ),
            (
                archive,
                vec![wanted("c", "sha256:c"), wanted("d", "sha256:d")],
            ),
        ];
        let all = ["a", "b", "c", "d"].map(|name| held(name, &format!("sha256:{name}")));
        let on: Vec<OnNode> = vec![
            // One has all, one an older b and no d, one does not tell.
            (running[0].to_owned(), Some(all.to_vec())),
            (
                running[1].to_owned(),
                Some(vec![
                    all[0].clone(),
                    held("b", "sha256:old"),
                    all[2].clone(),
                ]),
            ),
            (running[2].to_owned(), None),
        ];
        let plan = import(&Import {
            cluster: &cluster,
            images: &images,
            missing: &["nonsense".to_owned()],
            nodes: &on,
        })
        .unwrap();
        insta::assert_snapshot!(plan.to_text());
        assert_eq!(plan.risk(), Vec::<String>::new());
        let json = plan.to_json();
        assert_eq!(json["steps"][0]["bytes"], 1_000);
        assert_eq!(json["steps"][1]["archive"], "/tmp/two.tar");
    }

    #[test]
    fn what_is_nowhere_and_where_nothing_runs_is_refused() {
        let cluster = distro::clusters(&demo(1, 0), &[]).remove(0);
        let images = [(ImageSource::Engine, vec![wanted("a", "sha256:a")])];
        let input = Import {
            cluster: &cluster,
            images: &[],
            missing: &["nonsense".to_owned()],
            nodes: &[("n".to_owned(), None)],
        };
        let nowhere = import(&input).unwrap_err();
        assert_eq!(nowhere.kind, ProblemKind::NotFound);
        assert!(nowhere.why.contains("nonsense"), "{nowhere}");
        let stopped = import(&Import {
            images: &images,
            nodes: &[],
            ..input
        })
        .unwrap_err();
        assert!(stopped.hint.contains("start"), "{stopped}");
    }

    #[test]
    fn an_image_goes_from_the_nodes_that_have_it() {
        let cluster = distro::clusters(&demo(1, 1), &[]).remove(0);
        let on: Vec<OnNode> = vec![
            ("server".to_owned(), Some(vec![held("a", "sha256:a")])),
            ("agent".to_owned(), Some(Vec::new())),
        ];
        let plan = remove(&cluster, &[full_name("a")], &on).unwrap();
        assert_eq!(
            plan.steps
                .iter()
                .map(|step| step.step.describe())
                .collect::<Vec<_>>(),
            ["remove a:latest from server"]
        );
        assert_eq!(plan.risk(), ["a:latest from server"]);
        assert!(remove(&cluster, &[full_name("b")], &on).is_err());
    }
}
