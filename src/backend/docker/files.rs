//! Files in and out of containers as tar archives, and commands run inside.

use std::{io::Read, time::Duration};

use bollard::{
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder},
};
use futures::TryStreamExt;

use super::{ANSWER, Engine, errors, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::container::{ExecOutput, FileEntry},
};

/// The largest file that is read: kubeconfigs and manifests have kilobytes.
const LARGEST_FILE: usize = 1 << 20;
/// As much of a command's output is kept.
const LARGEST_OUTPUT: usize = 1 << 20;

impl Engine {
    pub(super) async fn upload(&self, container: &str, files: &[FileEntry]) -> Result<(), Error> {
        let what = || format!("write files in {container}");
        let archive = pack(files)
            .map_err(|error| Error::new(ErrorKind::Failed, what(), error.to_string()))?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let upload = self.docker.upload_to_container(
            container,
            Some(options),
            bollard::body_full(archive.into()),
        );
        within(ANSWER, what, upload).await
    }

    pub(super) async fn download(&self, container: &str, path: &str) -> Result<Vec<u8>, Error> {
        match self.download_entry(container, path).await? {
            Entry::File(contents) => Ok(contents),
            // The archive of a link holds the link, so its target is asked for, once: k3s links its kubeconfig.
            Entry::Link(target) => match self.download_entry(container, &target).await? {
                Entry::File(contents) => Ok(contents),
                Entry::Link(_) => Err(Error::new(
                    ErrorKind::Failed,
                    format!("read {path} in {container}"),
                    "it is a link to a link",
                )),
            },
        }
    }

    async fn download_entry(&self, container: &str, path: &str) -> Result<Entry, Error> {
        let what = || format!("read {path} in {container}");
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let chunks = self
            .docker
            .download_from_container(container, Some(options));
        let archive = within(
            ANSWER,
            what,
            chunks.try_fold(Vec::new(), |mut archive, chunk| async move {
                // One header and padding besides the file; more is not kept.
                if archive.len() <= LARGEST_FILE + 4096 {
                    archive.extend_from_slice(&chunk);
                }
                Ok(archive)
            }),
        )
        .await?;
        unpack(&archive, path).map_err(|why| Error::new(ErrorKind::Failed, what(), why))
    }

    pub(super) async fn run_command(
        &self,
        container: &str,
        command: &[&str],
        deadline: Duration,
    ) -> Result<ExecOutput, Error> {
        let what = || {
            format!(
                "run {} in {container}",
                command.first().unwrap_or(&"nothing")
            )
        };
        let run = async {
            let options = CreateExecOptions {
                cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                ..Default::default()
            };
            let exec = self.docker.create_exec(container, options).await?;
            let mut output = Vec::new();
            if let StartExecResults::Attached {
                output: mut chunks, ..
            } = self
                .docker
                .start_exec(&exec.id, None::<StartExecOptions>)
                .await?
            {
                while let Some(chunk) = chunks.try_next().await? {
                    let room = LARGEST_OUTPUT.saturating_sub(output.len());
                    let bytes = chunk.into_bytes();
                    output.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
            }
            let code = self
                .docker
                .inspect_exec(&exec.id)
                .await?
                .exit_code
                .unwrap_or(-1);
            Ok(ExecOutput { code, output })
        };
        match tokio::time::timeout(deadline, run).await {
            Ok(result) => result.map_err(|error| errors::explain(&what(), &error)),
            Err(_) => Err(errors::too_late(&what(), deadline)),
        }
    }
}

/// What an archive of one path holds.
enum Entry {
    File(Vec<u8>),
    Link(String),
}

fn pack(files: &[FileEntry]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.contents.len() as u64);
        header.set_mode(file.mode);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(
            &mut header,
            file.path.trim_start_matches('/'),
            file.contents.as_slice(),
        )?;
    }
    archive.into_inner()
}

fn unpack(archive: &[u8], path: &str) -> Result<Entry, String> {
    let mut archive = tar::Archive::new(archive);
    let mut entries = archive.entries().map_err(|error| error.to_string())?;
    let mut entry = entries
        .next()
        .ok_or("the engine sent an empty archive")?
        .map_err(|error| error.to_string())?;
    match entry.header().entry_type() {
        tar::EntryType::Symlink => {
            let target = entry
                .link_name()
                .ok()
                .flatten()
                .ok_or("a link without a target")?;
            let base = std::path::Path::new(path)
                .parent()
                .unwrap_or(std::path::Path::new("/"));
            Ok(Entry::Link(
                base.join(target).to_string_lossy().into_owned(),
            ))
        }
        tar::EntryType::Regular => {
            if entry.size() > LARGEST_FILE as u64 {
                return Err(format!("it has {} bytes, more than is read", entry.size()));
            }
            let mut contents = Vec::new();
            entry
                .read_to_end(&mut contents)
                .map_err(|error| error.to_string())?;
            Ok(Entry::File(contents))
        }
        _ => Err("it is not a file".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_through_an_archive_unchanged() {
        let file = FileEntry {
            path: "/etc/confd/values.yaml".to_owned(),
            mode: 0o644,
            contents: b"ports: {}\n".to_vec(),
        };
        let archive = pack(std::slice::from_ref(&file)).unwrap();
        assert!(
            matches!(unpack(&archive, &file.path), Ok(Entry::File(contents)) if contents == file.contents)
        );
    }

    #[test]
    fn odd_archives_are_refused() {
        assert!(unpack(b"", "/x").is_err());
        assert!(unpack(&[7; 600], "/x").is_err());
    }
}
