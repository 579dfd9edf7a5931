//! Images: pulled when the engine does not have them, sent to nodes, removed from nodes.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use super::{Effect, Run};
use crate::{
    backend::{ByteStream, Error, ErrorKind},
    domain::{
        Problem,
        container::ExecOutput,
        image::{IMPORT, NodeImage, RENAME, WantedImage},
        log::sanitize,
    },
    ops::images::{self, ON_NODE},
    plan::{Progress, StepId, images::ImageSource},
};

/// How often the bytes that have gone are told.
const TELL: Duration = Duration::from_millis(200);
/// A file is read in pieces that are worth a request each.
const PIECE: usize = 256 << 10;
/// The CRI hears of an image some moments after it came; so often and at these pauses it is asked for.
const LOOKS: usize = 20;
const LOOK: Duration = Duration::from_millis(250);
/// As many of the last lines of a failed command are told.
const LAST_LINES: usize = 5;

pub(super) async fn pull(run: &Run<'_>, id: StepId, image: &str) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    if runtime.has_image(image).await? {
        return Ok(Effect::Nothing);
    }
    let mut progress = runtime.pull(image);
    while let Some(item) = progress.next().await {
        let at = item?;
        run.progress(
            id,
            Progress {
                done: at.done,
                of: at.total,
                bytes: true,
                message: String::new(),
            },
        );
    }
    Ok(Effect::Changed)
}

/// Sends images to a node and sees that they are there then.
pub(super) async fn import(
    run: &Run<'_>,
    id: StepId,
    node: &str,
    source: &ImageSource,
    wanted: &[WantedImage],
) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    let place = run.feeds.place(run.plan, id);
    let there = images::on_node(run.backends, node).await?;
    if wanted.iter().all(|image| image.is_on(&there) == Some(true)) {
        return Ok(Effect::Nothing);
    }
    let (archive, broken) = place.sit(node, || match source {
        ImageSource::Engine => {
            let names: Vec<String> = wanted
                .iter()
                .flat_map(|image| image.names.clone())
                .collect();
            runtime.save_images(&names)
        }
        ImageSource::Archive(path) => stream::once(read(path.clone())).try_flatten().boxed(),
    });
    let gone = Arc::new(AtomicU64::new(0));
    let sum = Arc::clone(&gone);
    let counted = archive
        .inspect_ok(move |chunk| {
            sum.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        })
        .boxed();
    let size: u64 = wanted.iter().map(|image| image.size).sum();
    let tell = async {
        loop {
            tokio::time::sleep(TELL).await;
            let done = gone.load(Ordering::Relaxed);
            let message = if size > 0 && done >= size {
                "unpacking".to_owned()
            } else {
                String::new()
            };
            let progress = Progress {
                done,
                of: size.max(done),
                bytes: true,
                message,
            };
            run.progress(id, progress);
        }
    };
    let said = tokio::select! {
        said = runtime.exec_with_input(node, &IMPORT, counted) => said?,
        error = broken => return Err(error.into()),
        () = tell => return Ok(Effect::Nothing),
    };
    if said.code != 0 {
        return Err(refused(node, &said));
    }
    verify(run, node, wanted).await
}

/// Looks until the node has the images under their names.
async fn verify(run: &Run<'_>, node: &str, wanted: &[WantedImage]) -> Result<Effect, Problem> {
    let mut lacking = Vec::new();
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(LOOK).await;
        }
        let mut there = images::on_node(run.backends, node).await?;
        if look == 0 && name_in_full(run, node, wanted, &there).await? {
            there = images::on_node(run.backends, node).await?;
        }
        let seen: Vec<Option<bool>> = wanted.iter().map(|image| image.is_on(&there)).collect();
        if seen.iter().all(|seen| *seen == Some(true)) {
            return Ok(Effect::Changed);
        }
        lacking = wanted
            .iter()
            .zip(&seen)
            .filter(|(_, seen)| **seen == Some(false))
            .map(|(image, _)| image.title().to_owned())
            .collect();
    }
    if lacking.is_empty() {
        // All names came with this import; only the CRI has not said yet which images they are.
        return Ok(Effect::Changed);
    }
    Err(Problem::failed(
        format!("{node} lacks {}", lacking.join(", ")),
        "its containerd took the archive without a complaint, but does not list them",
    ))
}

/// Gives the images of an archive names by which pods can ask for them; whether there were any to give.
async fn name_in_full(
    run: &Run<'_>,
    node: &str,
    wanted: &[WantedImage],
    there: &[NodeImage],
) -> Result<bool, Problem> {
    let misnamed: Vec<(String, String)> = wanted
        .iter()
        .flat_map(|image| image.misnamed(there))
        .collect();
    for (name, full) in &misnamed {
        let command: Vec<&str> = RENAME.into_iter().chain([name.as_str(), full]).collect();
        let said = run.backends.runtime.exec(node, &command, ON_NODE).await?;
        if said.code != 0 {
            return Err(refused(node, &said));
        }
    }
    Ok(!misnamed.is_empty())
}

/// A file in chunks.
async fn read(path: PathBuf) -> Result<ByteStream, Error> {
    let what = format!("read {}", path.display());
    let error =
        move |error: io::Error| Error::new(ErrorKind::Failed, what.clone(), error.to_string());
    let file = File::open(&path).await.map_err(&error)?;
    Ok(ReaderStream::with_capacity(file, PIECE)
        .map_err(error)
        .boxed())
}

fn refused(node: &str, said: &ExecOutput) -> Problem {
    let text = String::from_utf8_lossy(&said.output);
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| sanitize(line.as_bytes()))
        .collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    let problem = Problem::failed(
        format!("{node} did not take the images"),
        if last.is_empty() {
            format!("its ctr ended with code {} and no word", said.code)
        } else {
            last.join("\n")
        },
    );
    let says = |words: &str| last.iter().any(|line| line.contains(words));
    if says("no space left") {
        problem.with_hint("the engine's disk is full; `docker system df` shows by what")
    } else if says("not found") && says("digest") {
        problem.with_hint(
            "the archive lacks a part of the image for this machine's platform; save it again with \
             `docker save --platform`, or pull it for this platform",
        )
    } else {
        problem
    }
}

/// Removes images from a node, each with all its names.
pub(super) async fn remove(run: &Run<'_>, node: &str, names: &[String]) -> Result<Effect, Problem> {
    let there = images::on_node(run.backends, node).await?;
    let has = |name: &&String| there.iter().any(|image| image.names.contains(name));
    let present: Vec<&str> = names.iter().filter(has).map(String::as_str).collect();
    if present.is_empty() {
        return Ok(Effect::Nothing);
    }
    let command: Vec<&str> = ["crictl", "rmi"].into_iter().chain(present).collect();
    let said = run.backends.runtime.exec(node, &command, ON_NODE).await?;
    if said.code != 0 {
        let text = String::from_utf8_lossy(&said.output);
        let why = sanitize(text.lines().last().unwrap_or_default().as_bytes());
        return Err(Problem::failed(format!("{node} kept the images"), why));
    }
    Ok(Effect::Changed)
}
