//! `coracle version`: the program's own, and those that are published of k3s and its helpers.

use clap::ValueEnum;
use serde_json::json;

use super::output::{Format, data, print};
use crate::{
    config::ClusterDefaults,
    distro::k3s::{
        labels,
        releases::{self, Order, Wanted},
    },
    domain::Problem,
    ops::versions,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// What else is to be told.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What else can be told of versions.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the published versions of a component
    #[command(visible_alias = "ls")]
    List(List),
}

/// The flags of a list, k3d's.
#[derive(Debug, clap::Args)]
struct List {
    /// k3s, k3d, k3d-proxy or k3d-tools
    component: String,
    /// Only versions in which this regular expression is found
    #[arg(short, long, value_name = "REGEX", default_value = ".*")]
    include: String,
    /// No version in which this one is found
    #[arg(
        short,
        long,
        value_name = "REGEX",
        default_value = ".+(rc|engine|alpha|beta|dev|test|arm|arm64|amd64).*"
    )]
    exclude: String,
    /// Versions alone, or as whole names of images
    #[arg(
        short = 'o',
        long = "output",
        id = "written",
        value_enum,
        default_value_t
    )]
    written: Written,
    /// In which order
    #[arg(short, long, value_enum, default_value_t)]
    sort: Sort,
    /// So many at most; 0 is all
    #[arg(short, long, default_value_t = 0)]
    limit: usize,
}

/// How a version is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Written {
    #[default]
    Raw,
    Repo,
}

/// The order of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Sort {
    #[default]
    Desc,
    Asc,
    Off,
}

/// Prints the program's version and the images that new clusters are made of.
///
/// # Errors
/// Where stdout cannot be written, or the registry with the versions does not answer.
pub async fn run(args: &Args, defaults: &ClusterDefaults) -> Result<(), Problem> {
    match &args.command {
        Some(Command::List(args)) => list(args).await,
        None => own(args, defaults),
    }
}

async fn list(args: &List) -> Result<(), Problem> {
    let Some(of) = releases::published(&args.component) else {
        return Err(Problem::usage(
            format!("no versions are published of {:?}", args.component),
            "k3s, k3d, k3d-proxy and k3d-tools are known",
        ));
    };
    let wanted = Wanted {
        include: &args.include,
        exclude: &args.exclude,
        order: match args.sort {
            Sort::Desc => Order::Descending,
            Sort::Asc => Order::Ascending,
            Sort::Off => Order::Given,
        },
        limit: args.limit,
    };
    let mut text = String::new();
    for tag in versions::versions(&of, &wanted).await? {
        if args.written == Written::Repo {
            text = text + &of.image + ":";
        }
        text = text + &tag + "\n";
    }
    print(&text)
}

fn own(args: &Args, defaults: &ClusterDefaults) -> Result<(), Problem> {
    let version = env!("CARGO_PKG_VERSION");
    let k3s = defaults.image.rsplit_once(':').map_or("", |(_, tag)| tag);
    match args.output {
        Format::Json | Format::Yaml => {
            let value = json!({
                "coracle": version,
                // What scripts written for k3d ask for.
                "k3d": labels::VERSION_VALUE,
                "k3s": k3s,
                "image": defaults.image,
                "proxyImage": defaults.proxy_image,
            });
            print(&data(&value, args.output)?)
        }
        Format::Name => print(&format!("{version}\n")),
        Format::Table | Format::Wide => print(&format!(
            "coracle version {version}\nk3d version {} (whose clusters these are)\nk3s version {k3s} (default)\n\
             nodes   {}\nproxy   {}\n",
            labels::VERSION_VALUE,
            defaults.image,
            defaults.proxy_image,
        )),
    }
}
