//! `coracle completion`: a script by which a shell completes this command line.

use clap::ValueEnum;

use super::{complete, output::print};
use crate::domain::Problem;

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum, default_value_t)]
    shell: Word,
}

/// The shells that k3d writes a script for, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Word {
    #[default]
    Bash,
    Zsh,
    Fish,
    #[value(alias = "psh")]
    Powershell,
}

/// Prints the script.
///
/// # Errors
/// Where stdout cannot be written.
pub fn run(args: &Args) -> Result<(), Problem> {
    let shell = match args.shell {
        Word::Bash => "bash",
        Word::Zsh => "zsh",
        Word::Fish => "fish",
        Word::Powershell => "powershell",
    };
    print(&complete::script(shell)?)
}
