//! `coracle version`.

use serde_json::json;

use super::output::{Format, data, print};
use crate::{config::ClusterDefaults, distro::k3s::labels, domain::Problem};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Prints the program's version and the images that new clusters are made of.
///
/// # Errors
/// Where stdout cannot be written.
pub fn run(args: &Args, defaults: &ClusterDefaults) -> Result<(), Problem> {
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
