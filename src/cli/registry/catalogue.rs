//! `coracle registry catalogue`: what is in a registry.

use serde_json::{Value, json};

use crate::{
    cli::{
        context::Context,
        output::{self, Format, print},
    },
    domain::Problem,
    ops::registries,
    plan::registry::find,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The registry
    #[arg(value_name = "NAME", default_value = "k3d-registry")]
    name: String,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Leave the headers out
    #[arg(long)]
    no_headers: bool,
}

/// Lists the repositories and tags.
///
/// # Errors
/// Where there is no such registry, or it does not answer.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let all = registries::list(&backends).await?;
    let registry = find(&all, &args.name)?;
    let catalogue = registries::catalogue(&backends, registry).await?;
    if matches!(args.output, Format::Json | Format::Yaml) {
        let list = catalogue
            .iter()
            .map(|repository| json!({ "name": repository.name, "tags": repository.tags }));
        return print(&output::data(&list.collect::<Value>(), args.output)?);
    }
    let host = registry.outside().unwrap_or_else(|| registry.inside());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for repository in catalogue {
        for tag in &repository.tags {
            let image = format!("{host}/{}:{tag}", repository.name);
            rows.push(match args.output {
                Format::Name => vec![image],
                _ => vec![repository.name.clone(), tag.clone(), image],
            });
        }
    }
    let headers = !args.no_headers && args.output != Format::Name;
    print(&output::table(
        &["REPOSITORY", "TAG", "IMAGE"],
        &rows,
        headers,
    ))
}
