//! Images: pulled when the engine does not have them.

use std::time::Duration;

use futures::StreamExt;

use super::{Effect, Run};
use crate::{
    domain::Problem,
    plan::{Progress, StepId},
};

/// A pull that tells nothing for so long hangs; registries and unpacking are slow, but not silent.
const SILENCE: Duration = Duration::from_secs(120);

pub(super) async fn pull(run: &Run<'_>, id: StepId, image: &str) -> Result<Effect, Problem> {
    let runtime = &run.backends.runtime;
    if runtime.has_image(image).await? {
        return Ok(Effect::Nothing);
    }
    let mut progress = runtime.pull(image);
    loop {
        let next = tokio::time::timeout(SILENCE, progress.next()).await;
        let Ok(next) = next else {
            return Err(Problem::unreachable(
                format!("image {image} was not pulled"),
                format!("the engine told nothing for {}", super::seconds(SILENCE)),
            )
            .with_hint("look whether the registry can be reached from the engine"));
        };
        let Some(item) = next else { break };
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
