//! Files in and out of containers as tar archives, and commands run inside.

use std::{io::Read, time::Duration};

use bollard::{
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder},
};
use futures::TryStreamExt;

use super::{ANSWER, CHANGE, Engine, errors, within};
use crate::{
    backend::{Error, ErrorKind},
    domain::container::{ExecOutput, FileEntry},
};

/// The largest file that is read: kubeconfigs and manifests have kilobytes.
const LARGEST_FILE: usize = 1 << 20;
/// What an archive holds besides the file: its header, one for a long name with the name itself, and padding.
const HEADERS: usize = 16 << 10;
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
        within(CHANGE, what, upload).await
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
                    format!("it is a link to {target}, which is a link again"),
                )),
            },
        }
    }

    async fn download_entry(&self, container: &str, path: &str) -> Result<Entry, Error> {
        let what = || format!("read {path} in {container}");
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let mut chunks = self
            .docker
            .download_from_container(container, Some(options));
        let archive = within(ANSWER, what, async {
            let mut archive = Vec::new();
            while let Some(chunk) = chunks.try_next().await? {
                archive.extend_from_slice(&chunk);
                // The header at its beginning says how large the file is, so the rest need not come.
                if archive.len() > LARGEST_FILE + HEADERS {
                    break;
                }
            }
            Ok(archive)
        })
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
        tokio::time::timeout(deadline, run)
            .await
            .map_err(|_| {
                Error::new(
                    ErrorKind::Timeout,
                    what(),
                    format!("it has not ended within {} s", deadline.as_secs()),
                )
            })?
            .map_err(|error| errors::explain(&what(), &error))
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
    fn an_archive_keeps_modes_and_long_names_and_has_no_time() {
        let files =
            ["/bin/run.sh".to_owned(), format!("/{}/x", "d".repeat(200))].map(|path| FileEntry {
                path,
                mode: 0o744,
                contents: b"x".to_vec(),
            });
        let archive = pack(&files).unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let entries: Vec<_> = archive.entries().unwrap().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 2);
        for (entry, file) in entries.iter().zip(&files) {
            let path = entry.path().unwrap().display().to_string();
            assert_eq!(format!("/{path}"), file.path);
            assert_eq!(entry.header().mode().unwrap(), 0o744);
            assert_eq!(entry.header().mtime().unwrap(), 0);
        }
        let outside = FileEntry {
            path: "/a/../../b".to_owned(),
            mode: 0o600,
            contents: Vec::new(),
        };
        assert!(pack(&[outside]).is_err());
    }

    #[test]
    fn a_link_s_target_is_taken_from_where_the_link_is() {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive
            .append_link(&mut header, "kubeconfig", "../k3s.yaml")
            .unwrap();
        let archive = archive.into_inner().unwrap();
        assert!(
            matches!(unpack(&archive, "/output/kubeconfig"), Ok(Entry::Link(target)) if target == "/output/../k3s.yaml")
        );
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_by_its_header() {
        let file = FileEntry {
            path: "/big".to_owned(),
            mode: 0o600,
            contents: vec![0; LARGEST_FILE + 1],
        };
        let archive = pack(std::slice::from_ref(&file)).unwrap();
        assert!(unpack(&archive[..1024], "/big").is_err_and(|why| why.contains("more than")));
    }

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
