//! `coracle image ...`: images into the nodes of clusters, what nodes have, and out of them again.

use std::path::Path;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    cluster::targets::{self, DEFAULT_NAME, Manner},
    context::Context,
    flags::NO_LIMIT,
    output::{Format, Writing, note, or_dash, print, size},
    signals::Signals,
};
use crate::{
    domain::{
        ClusterName, Problem,
        image::{NodeImage, short_name},
        spec::WaitFor,
    },
    ops::{
        self, Wish,
        images::{self, NodeImages, Opened, Wanted},
    },
};

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send images to all nodes of clusters, as far as they lack them
    #[command(visible_alias = "load")]
    Import(Import),
    /// List the images on the nodes of clusters
    #[command(visible_aliases = ["ls", "get"])]
    List(List),
    /// Remove images from all nodes of clusters
    #[command(visible_aliases = ["rm", "delete"])]
    Remove(Remove),
}

/// How k3d sends images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    ToolsNode,
    Direct,
    Auto,
}

/// The clusters that are meant.
#[derive(Debug, clap::Args)]
struct Clusters {
    /// The clusters; may be given several times
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', default_value = DEFAULT_NAME)]
    cluster: Vec<String>,
}

/// The flags of an import.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// Images of the engine, archives of images (of docker save; gzip is taken), or - for an archive that is piped in
    #[arg(required = true, value_name = "IMAGE|ARCHIVE|-")]
    images: Vec<String>,
    #[command(flatten)]
    clusters: Clusters,
    /// k3d's way of sending; here they always go straight into each node
    #[arg(short, long, value_enum, hide_possible_values = true)]
    mode: Option<Mode>,
    /// Of k3d's way: there is no tarball to keep
    #[arg(short, long, hide = true)]
    keep_tarball: bool,
    /// Of k3d's way: there is no tools container to keep
    #[arg(short = 't', long, hide = true)]
    keep_tools: bool,
    #[command(flatten)]
    manner: Manner,
}

/// The flags of a list.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    clusters: Clusters,
    #[command(flatten)]
    writing: Writing,
}

/// The flags of a removal.
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// The images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    #[command(flatten)]
    clusters: Clusters,
    #[command(flatten)]
    manner: Manner,
}

impl Clusters {
    fn names(&self) -> impl Iterator<Item = ClusterName> {
        self.cluster.iter().map(ClusterName::existing)
    }
}

/// Does it.
///
/// # Errors
/// What did not work.
pub async fn run(cx: &Context, command: Command) -> Result<(), Problem> {
    match command {
        Command::Import(args) => import(cx, &args).await,
        Command::List(args) => list(cx, &args).await,
        Command::Remove(args) => remove(cx, &args).await,
    }
}

async fn import(cx: &Context, args: &Import) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    if matches!(args.mode, Some(Mode::ToolsNode)) || args.keep_tarball || args.keep_tools {
        note("images go straight into the nodes: there is neither a tools container nor a tarball");
    }
    let opened = open(&args.images).await?;
    let images: Vec<Wanted> = opened.iter().map(|opened| opened.wanted.clone()).collect();
    let requests = args.clusters.names().map(|cluster| {
        let wish = Wish::ImportImages {
            cluster,
            images: images.clone(),
        };
        let mut request = args.manner.request(cx, &backends, wish, WaitFor::Usable);
        // How long it takes is a question of size, and what stands still is given up anyway.
        request.options.timeout = args.manner.timeout.unwrap_or(NO_LIMIT);
        request
    });
    targets::each(cx, &backends, &args.manner, requests.collect(), |about| {
        format!("{about} has the images on each node that runs")
    })
    .await
}

/// Makes everything that was named ready; a signal on the way leaves no file behind.
async fn open(named: &[String]) -> Result<Vec<Opened>, Problem> {
    let copies = |named: &String| named == "-" || Path::new(named).is_file();
    let mut signals = if named.iter().any(copies) {
        Some(Signals::take()?)
    } else {
        None
    };
    let stopped = async {
        match &mut signals {
            Some(signals) => signals.next().await,
            None => std::future::pending().await,
        }
    };
    let work = async {
        let mut opened = Vec::new();
        for name in named {
            opened.push(images::open(name).await?);
        }
        Ok(opened)
    };
    tokio::select! {
        opened = work => opened,
        () = stopped => Err(Problem::refused("cancelled", "nothing was changed")),
    }
}

async fn remove(cx: &Context, args: &Remove) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let requests = args.clusters.names().map(|cluster| {
        let wish = Wish::RemoveImages {
            cluster,
            images: args.images.clone(),
        };
        args.manner.request(cx, &backends, wish, WaitFor::Usable)
    });
    targets::each(cx, &backends, &args.manner, requests.collect(), |about| {
        format!("{about} has the images no more")
    })
    .await
}

async fn list(cx: &Context, args: &List) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let mut nodes: Vec<NodeImages> = Vec::new();
    for name in args.clusters.names() {
        nodes.extend(images::of_cluster(&backends, world.cluster(&name)?).await);
    }
    for node in &nodes {
        if let Err(problem) = &node.images {
            note(&super::problem_text(problem));
        }
    }
    print(&written(&nodes, args.writing)?)?;
    match nodes.iter().find_map(|node| node.images.as_ref().err()) {
        Some(problem) => Err(Problem::new(
            problem.kind,
            "the list is not complete",
            format!("{} did not tell", problem.what),
        )),
        None => Ok(()),
    }
}

fn written(nodes: &[NodeImages], writing: Writing) -> Result<String, Problem> {
    let mut all: Vec<(&str, &NodeImage)> = Vec::new();
    for node in nodes {
        let images = node.images.as_deref().unwrap_or_default();
        all.extend(images.iter().map(|image| (node.node.as_str(), image)));
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (node, image) in &all {
        let id = image.id.as_deref().unwrap_or(&image.digest);
        let id: String = id.trim_start_matches("sha256:").chars().take(12).collect();
        // Some engines do not say.
        let known = match image.size {
            0 => String::new(),
            known => size(known),
        };
        let names = image.names.iter().map(|name| short_name(name));
        let nameless = image.names.is_empty().then_some("<none>");
        for name in names.chain(nameless) {
            rows.push(vec![
                (*node).to_owned(),
                name.to_owned(),
                id.clone(),
                or_dash(&known),
            ]);
        }
    }
    if writing.output == Format::Name {
        // A name stands once, on however many nodes it is.
        rows.sort_by(|a, b| a[1].cmp(&b[1]));
        rows.dedup_by(|a, b| a[1] == b[1]);
    } else {
        rows.sort();
    }
    writing.list(&["NODE", "IMAGE", "ID", "SIZE"], 1, &rows, || {
        let list = all.iter().map(|(node, image)| {
            json!({
                "node": node,
                "names": image.names,
                "digest": image.digest,
                "id": image.id,
                "size": image.size,
            })
        });
        list.collect::<Value>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writing(output: Format) -> Writing {
        Writing {
            output,
            no_headers: false,
        }
    }

    #[test]
    fn a_list_has_a_row_for_each_name_on_each_node() {
        let image = NodeImage {
            names: vec![
                "docker.io/library/a:1".to_owned(),
                "ghcr.io/b/a:1".to_owned(),
            ],
            digest: "sha256:0123456789abcdef".to_owned(),
            id: None,
            size: 3_040_870,
        };
        let nameless = NodeImage {
            names: Vec::new(),
            size: 0,
            ..image.clone()
        };
        let node = |name: &str, images| NodeImages {
            node: name.to_owned(),
            images,
        };
        let nodes = [
            node("one", Ok(vec![image.clone(), nameless])),
            node("two", Ok(vec![image])),
            node("three", Err(Problem::failed("three", "gone"))),
        ];
        assert_eq!(
            written(&nodes, writing(Format::Table)).unwrap(),
            "NODE   IMAGE           ID             SIZE\n\
             one    <none>          0123456789ab   -\n\
             one    a:1             0123456789ab   2.9 MiB\n\
             one    ghcr.io/b/a:1   0123456789ab   2.9 MiB\n\
             two    a:1             0123456789ab   2.9 MiB\n\
             two    ghcr.io/b/a:1   0123456789ab   2.9 MiB\n"
        );
        assert_eq!(
            written(&nodes, writing(Format::Name)).unwrap(),
            "<none>\na:1\nghcr.io/b/a:1\n"
        );
        let json = written(&nodes, writing(Format::Json)).unwrap();
        assert!(json.contains("\"size\": 3040870"), "{json}");
    }
}
