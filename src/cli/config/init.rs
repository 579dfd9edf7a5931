//! `coracle config init`.

use std::path::PathBuf;

use super::file;
use crate::{
    cli::cluster::targets::DEFAULT_NAME,
    config::{ClusterDefaults, k3d},
    domain::Problem,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write; "-" prints
    #[arg(short, long, value_name = "FILE", default_value = "k3d-default.yaml")]
    output: PathBuf,
    /// Replace a file that is there
    #[arg(short, long)]
    force: bool,
}

/// Writes the file.
///
/// # Errors
/// Where it cannot be written, or is there.
pub fn run(args: &Args, defaults: &ClusterDefaults) -> Result<(), Problem> {
    let text = k3d::template(DEFAULT_NAME, &defaults.image);
    file::write(&args.output, &text, args.force)
}
