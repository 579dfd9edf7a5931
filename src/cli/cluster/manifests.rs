//! `coracle cluster manifests`: what k3s keeps deployed, and how far it is.

use serde_json::{Value, json};

use super::targets::DEFAULT_NAME;
use crate::{
    cli::{
        context::Context,
        output::{self, Format},
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
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Leave the headers out
    #[arg(long)]
    no_headers: bool,
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
    output::print(&written(&all, args.output, !args.no_headers)?)
}

fn written(all: &[Deployed], format: Format, headers: bool) -> Result<String, Problem> {
    let kind = |one: &Deployed| if one.chart { "chart" } else { "manifest" };
    match format {
        Format::Name => {
            let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
            Ok(names.join("\n") + if names.is_empty() { "" } else { "\n" })
        }
        Format::Json | Format::Yaml => {
            let values: Vec<Value> = all
                .iter()
                .map(|one| {
                    json!({
                        "name": one.name,
                        "namespace": one.namespace,
                        "kind": kind(one),
                        "state": one.state.word(),
                        "source": one.source,
                        "message": one.message,
                    })
                })
                .collect();
            output::data(&Value::from(values), format)
        }
        Format::Table | Format::Wide => {
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
            let titles = ["NAME", "KIND", "STATE", "SOURCE", "MESSAGE"];
            Ok(output::table(&titles, &rows, headers))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::deployed::DeployState;

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
        let text = |format| written(&all, format, true).unwrap();
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
