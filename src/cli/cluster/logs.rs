//! `coracle cluster logs`: the logs of pods of a cluster at the engine, which needs no kubeconfig.

use super::targets::DEFAULT_NAME;
use crate::{
    cli::{
        context::Context,
        logs::{self, Look, Named, Part},
    },
    domain::{Cluster, ClusterName, Problem, Workload, WorkloadKind},
    ops::{self, World, reach},
};

/// The flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  coracle cluster logs                        all pods of the default namespace
  coracle cluster logs deployment web -f      a Deployment's pods, and those that come
  coracle cluster logs dev pod web-1 -p       of the cluster dev, the run before the present one
  coracle cluster logs -n kube-system")]
pub struct Args {
    /// [CLUSTER] [KIND NAME]: a kind is pod, deployment, service, statefulset, daemonset, replicaset or job
    #[arg(value_name = "CLUSTER|KIND NAME", num_args = 0..=3)]
    words: Vec<String>,
    /// The namespace
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    look: Look,
}

/// Prints the logs.
///
/// # Errors
/// What is wrong with the words, or what could not be read.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let (name, object) = read(&args.words)?;
    let namespaces = if args.all_namespaces {
        Vec::new()
    } else {
        vec![args.namespace.clone()]
    };
    let named = object.into_iter().map(Named::Object).collect();
    let targets = logs::targets(named, &namespaces, args.part.selector())?;
    let backends = cx.backends().await?;
    let world = ops::observe(&backends).await?;
    let cluster = choose(&world, name)?;
    let api = reach::connect(&backends, &reach::access(cluster)).await?;
    let query = args.part.query(targets);
    let form = args.look.form(cx, &query, args.all_namespaces);
    logs::print::all(api, query, form).await
}

/// The cluster and the object that the words name.
fn read(words: &[String]) -> Result<(Option<&str>, Option<Workload>), Problem> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let object = |kind: &str, name: &str| {
        let kind: WorkloadKind = kind.parse()?;
        format!("{kind}/{name}").parse::<Workload>()
    };
    Ok(match words[..] {
        [] => (None, None),
        [one] if one.contains('/') => (None, Some(one.parse()?)),
        [cluster] => (Some(cluster), None),
        [cluster, one] if one.contains('/') => (Some(cluster), Some(one.parse()?)),
        [kind, name] => (None, Some(object(kind, name)?)),
        [cluster, kind, name, ..] => (Some(cluster), Some(object(kind, name)?)),
    })
}

/// The cluster of that name; where none is named the default one, or the only one.
fn choose<'a>(world: &'a World, name: Option<&str>) -> Result<&'a Cluster, Problem> {
    if let Some(name) = name {
        return world.cluster(&ClusterName::existing(name));
    }
    match &world.clusters[..] {
        [only] => Ok(only),
        _ => world.cluster(&ClusterName::existing(DEFAULT_NAME)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_and_an_object_may_both_be_named() {
        let said = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            let (cluster, object) = read(&words).unwrap();
            (
                cluster.map(str::to_owned).unwrap_or_default(),
                object.map(|object| object.to_string()).unwrap_or_default(),
            )
        };
        for (text, cluster, object) in [
            ("", "", ""),
            ("dev", "dev", ""),
            ("pod web-1", "", "pod/web-1"),
            ("deployment web", "", "deployment/web"),
            ("svc/web", "", "service/web"),
            ("dev service web", "dev", "service/web"),
            ("dev sts/db", "dev", "statefulset/db"),
        ] {
            assert_eq!(
                said(text),
                (cluster.to_owned(), object.to_owned()),
                "{text}"
            );
        }
        let wrong = read(&["dev".to_owned(), "web".to_owned()]).unwrap_err();
        assert!(wrong.what.contains("\"dev\""), "{wrong}");
    }
}
