//! `coracle config migrate`.

use std::path::PathBuf;

use super::file;
use crate::{config::k3d, domain::Problem};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to read; "-" reads the standard input
    input: PathBuf,
    /// The file to write; "-" prints
    #[arg(default_value = "-")]
    output: PathBuf,
}

/// Reads the one and writes the other.
///
/// # Errors
/// Where the one cannot be read or the other cannot be written.
pub fn run(args: &Args) -> Result<(), Problem> {
    let text = file::read(&args.input)?;
    let text = k3d::migrate(&file::called(&args.input), &text)?;
    file::write(&args.output, &text, true)
}
