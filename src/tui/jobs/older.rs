//! The lines of a log before those that are on the screen.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{Context, Job};
use crate::{
    domain::{LogLine, Problem, log::LogItem, log_source::Source},
    ops::{
        follow::{self, Beginning},
        logs::Lines,
    },
    tui::{
        effect::Before,
        msg::{LogTarget, News},
    },
};

/// As many lines are fetched at a time over all: some screens of them.
const PAGE: usize = 1_000;
/// And of each container at least, however many there are.
const LEAST: usize = 50;

/// The job of one page.
pub(in crate::tui) fn job(context: &Context, before: Before) -> Job {
    let context = context.clone();
    Box::new(|sink| {
        Box::pin(async move {
            let found = page(&context, before).await;
            let items = found.map(|lines| lines.into_iter().map(LogItem::Line).collect());
            sink.send(News::Older(items)).await;
        })
    })
}

async fn page(context: &Context, before: Before) -> Result<Vec<LogLine>, Problem> {
    let Before { target, lines, .. } = before;
    // A store has up to a million lines, and the first line of who began last is far down.
    let known = tokio::task::spawn_blocking(move || beginnings(&lines))
        .await
        .map_err(|error| Problem::failed("older lines were not found", error.to_string()))?;
    if let LogTarget::Container(name) = &target {
        let (Some(backends), Some(before)) = (context.world.backends(), known.values().min())
        else {
            return Ok(Vec::new());
        };
        let runtime = backends.runtime.as_ref();
        return follow::older_of_container(runtime, name, *before, PAGE).await;
    }
    let known: Vec<Beginning> = known
        .into_iter()
        .filter_map(|(source, time)| {
            Some(Beginning {
                source: source?,
                time,
            })
        })
        .collect();
    let (Some(id), false) = (target.cluster(), known.is_empty()) else {
        return Ok(Vec::new());
    };
    let api = context.connections.get(context, id).await?;
    let each = (PAGE / known.len()).max(LEAST);
    follow::older(api.as_ref(), &known, each).await
}

/// The time of the first line of everyone who wrote any.
fn beginnings(lines: &Lines) -> BTreeMap<Option<Arc<Source>>, Timestamp> {
    let mut left: BTreeMap<_, _> = lines
        .sources()
        .map(|(id, known)| (id, known.source.clone()))
        .collect();
    let mut found = BTreeMap::new();
    for line in lines.range(0..u64::MAX) {
        if left.is_empty() {
            break;
        }
        if let (None, Some(time)) = (line.mark(), line.time())
            && let Some(source) = left.remove(&line.source())
        {
            found.insert(source, time);
        }
    }
    found
}
