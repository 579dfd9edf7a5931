//! `coracle registry list`, with k3d's columns.

use serde_json::{Value, json};

use crate::{
    cli::{
        context::Context,
        output::{Writing, print},
    },
    domain::{Problem, Registry},
    ops::registries,
    plan::registry::find,
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these registries
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Lists the registries.
///
/// # Errors
/// Where the engine does not answer, or a named registry is not there.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let all = registries::list(&backends).await?;
    let mut wanted: Vec<&Registry> = Vec::new();
    for name in &args.names {
        wanted.push(find(&all, name)?);
    }
    if args.names.is_empty() {
        wanted = all.iter().collect();
    }
    print(&written(&wanted, args.writing)?)
}

fn written(all: &[&Registry], writing: Writing) -> Result<String, Problem> {
    let data = || {
        let list = all.iter().map(|registry| {
            json!({
                "name": registry.name,
                "role": "registry",
                "cluster": registry.cluster.as_ref().map(ToString::to_string),
                "state": registry.state.word(),
                "image": registry.image,
                "hostIP": registry.host_ip.to_string(),
                "hostPort": registry.host_port,
                "port": registry.port,
                "networks": registry.networks,
                "proxy": registry.proxy,
            })
        });
        list.collect::<Value>()
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|registry| {
            let cluster = registry.cluster.as_ref().map(ToString::to_string);
            let mut row = vec![
                registry.name.clone(),
                "registry".to_owned(),
                cluster.unwrap_or_default(),
                registry.state.word().to_owned(),
            ];
            if writing.is_wide() {
                row.extend([
                    registry.outside().unwrap_or_default(),
                    registry.inside(),
                    registry.networks.join(","),
                    registry.proxy.clone().unwrap_or_default(),
                ]);
            }
            row
        })
        .collect();
    let mut columns = vec!["NAME", "ROLE", "CLUSTER", "STATUS"];
    if writing.is_wide() {
        columns.extend(["HOST", "INSIDE", "NETWORKS", "COPIES"]);
    }
    writing.list(&columns, 0, &rows, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::output::Format,
        distro::k3s::registries::{NETWORK, wanted},
        domain::{ClusterName, registry::RegistrySpec},
    };

    fn writing(output: Format, headers: bool) -> Writing {
        Writing {
            output,
            no_headers: !headers,
        }
    }

    #[test]
    fn the_columns_are_k3d_s() {
        let spec = RegistrySpec::default();
        let demo = ClusterName::existing("demo");
        let one = wanted(&spec, "k3d-reg", 5050, None, NETWORK);
        let other = wanted(&spec, "reg", 5051, Some(&demo), "k3d-demo");
        let all = [&one, &other];
        assert_eq!(
            written(&all, writing(Format::Table, true)).unwrap(),
            "NAME      ROLE       CLUSTER   STATUS\n\
             k3d-reg   registry             running\n\
             reg       registry   demo      running\n"
        );
        assert_eq!(
            written(&all, writing(Format::Name, true)).unwrap(),
            "k3d-reg\nreg\n"
        );
        let wide = written(&all, writing(Format::Wide, false)).unwrap();
        assert!(wide.contains("localhost:5051   reg:5000"), "{wide}");
        assert!(
            written(&all, writing(Format::Json, true))
                .unwrap()
                .contains("\"hostPort\": 5050")
        );
    }
}
