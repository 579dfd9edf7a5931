//! Making and removing what outlives clusters, as all changes are made: planned, shown, carried out.

use super::{
    cluster::targets::{self, Manner},
    context::Context,
    output::{note, print},
};
use crate::{
    backend::Backends,
    domain::{Problem, ProblemKind, spec::WaitFor},
    ops::{self, Wish},
    plan::lasting::Lasting,
};

/// The flags of a delete.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Which ones
    #[arg(required_unless_present = "all", value_name = "NAME")]
    pub names: Vec<String>,
    /// All that the list has
    #[arg(short, long, conflicts_with = "names")]
    pub all: bool,
    #[command(flatten)]
    pub manner: Manner,
}

/// Fulfils the wishes one after the other. What is to go and is gone already is no failure.
///
/// # Errors
/// What did not work.
pub async fn fulfil(
    cx: &Context,
    backends: &Backends,
    manner: &Manner,
    wishes: Vec<Lasting>,
) -> Result<(), Problem> {
    let mut requests = Vec::new();
    let mut made = Vec::new();
    for wish in wishes {
        let about = wish.about();
        let creates = matches!(
            wish,
            Lasting::CreateVolume { .. } | Lasting::CreateNetwork { .. }
        );
        let request = manner.request(cx, backends, Wish::Lasting(wish), WaitFor::Nothing);
        match ops::prepare(backends, &request).await {
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                note(&format!("there is no {about}"));
            }
            Err(problem) => return Err(problem),
            Ok(_) => {
                made.extend(creates.then(|| about.name().to_owned()));
                requests.push(request);
            }
        }
    }
    let word = if made.is_empty() {
        "is deleted"
    } else {
        "is there"
    };
    targets::each(cx, backends, manner, requests, |about| {
        format!("{about} {word}")
    })
    .await?;
    // The names are the result of a create, as docker prints them.
    if manner.dry_run || made.is_empty() {
        return Ok(());
    }
    print(&(made.join("\n") + "\n"))
}
