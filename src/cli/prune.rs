//! `coracle prune`: what crashes and other tools left behind is listed with its size and, once that is agreed to,
//! removed.

use std::io::{BufRead, IsTerminal, Write};

use serde_json::{Value, json};

use super::{
    context::Context,
    drive,
    output::{self, Writing, note},
    signals::Signals,
};
use crate::{
    domain::Problem,
    ops::{self, Wish},
    plan::prune::{self, Found},
};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these of the leftovers, by name or path
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long, visible_short_alias = 'f', visible_alias = "force")]
    yes: bool,
    /// Also remove clusters whose creation was interrupted, although a server of theirs runs
    #[arg(long)]
    interrupted: bool,
    #[command(flatten)]
    writing: Writing,
}

/// Lists and removes leftovers.
///
/// # Errors
/// Where the engine does not answer, nobody agreed, or something was not removed.
pub async fn run(cx: &Context, args: &Args) -> Result<(), Problem> {
    let backends = cx.backends().await?;
    let wish = Wish::Prune {
        interrupted: args.interrupted,
        only: args.names.clone(),
    };
    let request = cx.request(&backends, wish);
    let found = ops::leftovers(
        &backends,
        &request.files,
        &request.contexts,
        args.interrupted,
    )
    .await?;
    let found = found.only(&args.names);
    for warning in &found.warnings {
        note(&format!("warning: {warning}"));
    }
    if found.leftovers.is_empty() {
        note("nothing is left over");
        return if args.writing.is_data() {
            list(args.writing, &found)
        } else {
            Ok(())
        };
    }
    list(args.writing, &found)?;
    let count = found.leftovers.len();
    let things = if count == 1 { "thing" } else { "things" };
    note(&format!(
        "{count} {things}, {}",
        output::size(found.bytes())
    ));
    if args.dry_run {
        return Ok(());
    }
    if !args.yes && !agreed()? {
        return Err(
            Problem::refused("nothing was removed", "nobody agreed to it")
                .with_hint("add --yes where there is nobody to ask"),
        );
    }
    let mut signals = Signals::take()?;
    // Exactly what was shown.
    let plan = prune::plan(&found);
    let report = drive::carry_out(&backends, &request, plan, cx.style(), &mut signals).await?;
    let seconds = report.took.as_secs_f64();
    note(&format!("leftovers are removed ({seconds:.1} s)"));
    Ok(())
}

fn list(writing: Writing, found: &Found) -> Result<(), Problem> {
    let data = || {
        let all = found.leftovers.iter().map(|left| {
            json!({
                "kind": left.kind.word(),
                "name": left.name,
                "bytes": left.bytes,
                "why": left.why,
            })
        });
        all.collect::<Value>()
    };
    let rows: Vec<Vec<String>> = found
        .leftovers
        .iter()
        .map(|left| {
            let size = left.bytes.map_or_else(|| "-".to_owned(), output::size);
            vec![
                left.kind.word().to_owned(),
                left.name.clone(),
                size,
                left.why.clone(),
            ]
        })
        .collect();
    let columns = ["KIND", "NAME", "SIZE", "WHY"];
    output::print(&writing.list(&columns, 1, &rows, data)?)
}

/// Asks the person at the terminal; where there is none, nobody agrees.
fn agreed() -> Result<bool, Problem> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(false);
    }
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "remove all of this? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Problem::failed("the answer was not read", error.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}
