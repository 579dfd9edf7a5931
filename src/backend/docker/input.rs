//! Commands that read what is written to them, as long as it takes.

use std::time::Duration;

use bollard::{
    errors::Error as Source,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

use super::{ANSWER, Engine, errors, within};
use crate::{
    backend::{ByteStream, Error},
    domain::container::ExecOutput,
};

/// A command that neither takes a chunk nor says anything, nor ends, for so long hangs. Unpacking gigabytes onto a slow
/// disk happens after the last byte was taken, and takes minutes.
const SILENCE: Duration = Duration::from_secs(600);
/// As much of its output is kept; what is more is read and dropped, so that the command does not wait for a reader.
const LARGEST_OUTPUT: usize = 1 << 20;

impl Engine {
    pub(super) async fn run_with_input(
        &self,
        container: &str,
        command: &[&str],
        input: ByteStream,
    ) -> Result<ExecOutput, Error> {
        let what = || {
            let program = command.first().unwrap_or(&"nothing");
            format!("run {program} in {container}")
        };
        let options = CreateExecOptions {
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = within(ANSWER, what, self.docker.create_exec(container, options)).await?;
        let start = self.docker.start_exec(&exec.id, None::<StartExecOptions>);
        let mut output = Vec::new();
        if let StartExecResults::Attached {
            output: said,
            input: taken,
        } = within(ANSWER, what, start).await?
        {
            let said = said.map_ok(bollard::container::LogOutput::into_bytes);
            output = talk(said, taken, input, what).await?;
        }
        let code = within(ANSWER, what, self.docker.inspect_exec(&exec.id))
            .await?
            .exit_code
            .unwrap_or(-1);
        Ok(ExecOutput { code, output })
    }
}

/// Writes what comes, and reads what is said, until the command ends.
async fn talk(
    said: impl Stream<Item = Result<bytes::Bytes, Source>> + Unpin,
    taken: impl AsyncWrite + Unpin,
    input: ByteStream,
    what: impl Fn() -> String,
) -> Result<Vec<u8>, Error> {
    // The moment of the last sign of life on either side.
    let (alive, seen) = watch::channel(Instant::now());
    let write = async {
        let (mut taken, mut input) = (taken, input);
        while let Some(chunk) = input.next().await {
            // A command that has read enough closes its end; its exit code says whether that was right.
            if taken.write_all(&chunk?).await.is_err() {
                break;
            }
            alive.send_replace(Instant::now());
        }
        let _ = timeout(ANSWER, taken.shutdown()).await;
        // The end of the command is what counts, and not that of its input.
        std::future::pending().await
    };
    let read = async {
        let (mut said, mut output) = (said, Vec::new());
        while let Some(chunk) = said.next().await {
            let chunk = chunk.map_err(|error| errors::explain(&what(), &error))?;
            alive.send_replace(Instant::now());
            let room = LARGEST_OUTPUT.saturating_sub(output.len());
            output.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(output)
    };
    let hangs = async {
        let mut seen = seen;
        loop {
            let deadline = *seen.borrow_and_update() + SILENCE;
            if timeout_at(deadline, seen.changed()).await.is_err() {
                return errors::too_late(&what(), SILENCE);
            }
        }
    };
    tokio::select! {
        failed = write => failed,
        output = read => output,
        error = hangs => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;
    use crate::backend::ErrorKind;

    fn what() -> String {
        "run cat".to_owned()
    }

    fn input(chunks: Vec<Result<Bytes, Error>>) -> ByteStream {
        stream::iter(chunks).boxed()
    }

    #[tokio::test]
    async fn what_goes_in_is_taken_at_the_command_s_pace_and_its_words_are_kept() {
        let (ours, mut theirs) = duplex(16);
        let (sender, said) = futures::channel::mpsc::unbounded();
        let command = async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.unwrap();
            sender.unbounded_send(Ok(Bytes::from(all))).unwrap();
        };
        let chunks = vec![Ok(Bytes::from(vec![1; 100])), Ok(Bytes::from(vec![2; 100]))];
        let (output, ()) = tokio::join!(talk(said, ours, input(chunks), what), command);
        let output = output.unwrap();
        assert_eq!((output.len(), output[99], output[100]), (200, 1, 2));
    }

    #[tokio::test]
    async fn a_command_that_ends_early_is_no_failure() {
        let (ours, theirs) = duplex(16);
        drop(theirs);
        let said = stream::iter([Ok(Bytes::from_static(b"enough"))]);
        let chunks = vec![Ok(Bytes::from(vec![1; 100]))];
        let output = talk(said, ours, input(chunks), what).await.unwrap();
        assert_eq!(output, b"enough");
    }

    #[tokio::test]
    async fn an_error_of_the_input_is_the_answer() {
        let (ours, _theirs) = duplex(16);
        let broken = Error::new(ErrorKind::Unreachable, "save", "gone");
        let answer = talk(
            stream::pending(),
            ours,
            input(vec![Err(broken.clone())]),
            what,
        )
        .await;
        assert_eq!(answer, Err(broken));
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_hangs_is_given_up() {
        let (ours, _theirs) = duplex(16);
        let chunks = vec![Ok(Bytes::from(vec![1; 100]))];
        let begun = Instant::now();
        let error = talk(stream::pending(), ours, input(chunks), what)
            .await
            .unwrap_err();
        assert_eq!((error.kind, begun.elapsed()), (ErrorKind::Timeout, SILENCE));
    }
}
