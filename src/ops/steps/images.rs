//! Images: pulled when the engine does not have them.

use futures::StreamExt;

use super::{Effect, Run};
use crate::{
    domain::Problem,
    plan::{Progress, StepId},
};

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
