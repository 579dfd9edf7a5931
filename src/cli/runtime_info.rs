//! `coracle runtime-info`: what is known of the engine, with k3d's field names.

use serde_json::json;

use super::{
    context::Context,
    output::{Format, data, print},
};
use crate::domain::Problem;

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write it
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
}

/// Prints it.
///
/// # Errors
/// Where the engine does not answer.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let engine = backends.runtime.info().await?;
    let value = json!({
        "name": engine.product.to_lowercase(),
        "endpoint": engine.endpoint,
        "version": engine.version,
        "apiversion": engine.api_version,
        "ostype": engine.os_type,
        "os": engine.operating_system,
        "arch": engine.architecture,
        "cgroupversion": engine.cgroup_version.to_string(),
        "cgroupdriver": engine.cgroup_driver,
        "filesystem": engine.file_system,
        "infoname": engine.host,
        "cpus": engine.cpus,
        "memory": engine.memory,
    });
    let format = match args.output {
        Format::Json => Format::Json,
        _ => Format::Yaml,
    };
    print(&data(&value, format)?)
}
