//! `coracle cluster manifests`: what k3s keeps deployed, and how far it is.

use serde_json::{Value, json};

use super::targets::DEFAULT_NAME;
use crate::{
    cli::{
        context::Context,
        output::{self, Writing},
    },
    domain::{ClusterName, Problem},
    ops::{self, reach},
    resources::deployed::Deployed,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    #[arg(default_value = DEFAULT_NAME)]
    name: String,
    #[command(flatten)]
    writing: Writing,
}

/// Lists manifests and charts.
///
/// # Errors
/// Where there is no such cluster, it keeps no records, or it does not answer.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let cluster = world.cluster(&ClusterName::existing(&args.name))?;
    let api = reach::connect(&backends, &reach::access(cluster)).await?;
    let all = ops::manifests(&*api).await?;
    output::print(&written(&all, args.writing)?)
}

fn written(all: &[Deployed], writing: Writing) -> Result<String, Problem> {
    let kind = |one: &Deployed| if one.chart { "chart" } else { "manifest" };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                one.name.clone(),
                kind(one).to_owned(),
                one.state.word().to_owned(),
                one.source.clone(),
                one.message.clone(),
            ]
        })
        .collect();
    let columns = ["NAME", "KIND", "STATE", "SOURCE", "MESSAGE"];
    writing.list(&columns, 0, &rows, || {
        let values = all.iter().map(|one| {
            json!({
                "name": one.name,
                "namespace": one.namespace,
                "kind": kind(one),
                "state": one.state.word(),
                "source": one.source,
                "message": one.message,
            })
        });
        values.collect::<Value>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::output::Format, resources::deployed::DeployState};

    #[test]
    fn they_are_written_as_a_table_as_names_and_as_data() {
        let all = [Deployed {
            name: "app".to_owned(),
            namespace: "kube-system".to_owned(),
            chart: false,
            source: "/m/app.yaml".to_owned(),
            state: DeployState::Failed,
            message: "no such kind".to_owned(),
        }];
        let text = |output| {
            let no_headers = false;
            written(&all, Writing { output, no_headers }).unwrap()
        };
        assert_eq!(text(Format::Name), "app\n");
        assert_eq!(
            text(Format::Table),
            "NAME   KIND       STATE    SOURCE        MESSAGE\n\
             app    manifest   failed   /m/app.yaml   no such kind\n"
        );
        let data: Value = serde_json::from_str(&text(Format::Json)).unwrap();
        assert_eq!(data[0]["state"], "failed");
    }
}
