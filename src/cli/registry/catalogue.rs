//! `coracle registry catalogue`: what is in a registry.

use serde_json::{Value, json};

use crate::{
    cli::{
        context::Context,
        output::{Writing, print},
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
    #[command(flatten)]
    writing: Writing,
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
    let host = registry.outside().unwrap_or_else(|| registry.inside());
    let rows: Vec<Vec<String>> = catalogue
        .iter()
        .flat_map(|repository| {
            repository
                .tags
                .iter()
                .map(move |tag| (&repository.name, tag))
        })
        .map(|(name, tag)| vec![name.clone(), tag.clone(), format!("{host}/{name}:{tag}")])
        .collect();
    let data = || {
        let list = catalogue
            .iter()
            .map(|repository| json!({ "name": repository.name, "tags": repository.tags }));
        list.collect::<Value>()
    };
    let columns = ["REPOSITORY", "TAG", "IMAGE"];
    print(&args.writing.list(&columns, 2, &rows, data)?)
}
