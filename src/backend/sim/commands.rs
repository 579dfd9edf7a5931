//! Commands inside of the world's containers: a little shell, `cat`, and a node's `ctr` and `crictl`.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::{World, behaviour, conflict, images, lookup::held};
use crate::{
    backend::{ByteStream, Error, ErrorKind},
    domain::{
        container::{ContainerSpec, ExecOutput},
        image::IMPORT,
    },
};

/// As much of what a command reads is looked at: archives begin with what is in them.
const READ: usize = 1 << 20;

impl World {
    pub(super) async fn run_command(
        &self,
        container: &str,
        command: &[&str],
        deadline: Duration,
    ) -> Result<ExecOutput, Error> {
        self.can_run(container).await?;
        if let Some(output) = self.of_node(container, command, &[]) {
            return output;
        }
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let spec = match command.as_slice() {
            [echo, rest @ ..] if echo == "echo" => vec![
                "sh".to_owned(),
                "-c".to_owned(),
                format!("echo {}", rest.join(" ")),
            ],
            _ => command,
        };
        let behaviour = behaviour::of(&ContainerSpec {
            command: spec,
            ..ContainerSpec::default()
        });
        let (takes, code) = behaviour.end.unwrap_or((Duration::ZERO, 0));
        if takes > deadline {
            tokio::time::sleep(deadline).await;
            return Err(Error::new(
                ErrorKind::Timeout,
                "run",
                "it did not end in time",
            ));
        }
        tokio::time::sleep(takes).await;
        let output: String = behaviour
            .lines
            .into_iter()
            .map(|(_, line)| line + "\n")
            .collect();
        Ok(ExecOutput {
            code,
            output: output.into_bytes(),
        })
    }

    pub(super) async fn run_with_input(
        &self,
        container: &str,
        command: &[&str],
        mut input: ByteStream,
    ) -> Result<ExecOutput, Error> {
        self.can_run(container).await?;
        let mut read = Vec::new();
        while let Some(chunk) = input.next().await {
            let chunk = chunk?;
            let room = READ.saturating_sub(read.len());
            read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        if command == ["cat"] {
            return Ok(ExecOutput {
                code: 0,
                output: read,
            });
        }
        match self.of_node(container, command, &read) {
            Some(output) => output,
            None => self.run_command(container, command, Duration::MAX).await,
        }
    }

    async fn can_run(&self, container: &str) -> Result<(), Error> {
        self.call(format!("run in {container}"), move |state| {
            if held(state, "run", container)?.is_running(Instant::now()) {
                Ok(())
            } else {
                Err(conflict("run", "the container is not running"))
            }
        })
        .await
    }

    /// What the programs of a node do with its images; `None` for any other command.
    fn of_node(
        &self,
        container: &str,
        command: &[&str],
        input: &[u8],
    ) -> Option<Result<ExecOutput, Error>> {
        let mut state = self.lock();
        let held = match held(&mut state, "run", container) {
            Ok(held) => held,
            Err(error) => return Some(Err(error)),
        };
        let said = match command {
            ["ctr", .., "images", "ls"] => Ok(images::printed(&held.images)),
            command if *command == IMPORT => images::import(&mut held.images, input),
            ["crictl", "rmi", names @ ..] => images::remove(&mut held.images, names),
            _ => return None,
        };
        let (code, output) = match said {
            Ok(output) => (0, output),
            Err(why) => (1, why),
        };
        Some(Ok(ExecOutput {
            code,
            output: output.into_bytes(),
        }))
    }
}
