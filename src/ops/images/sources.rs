//! What a person names on a command line: a file on disk, `-` for what is piped in, or an image at the engine.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use crate::{
    domain::{Problem, image::WantedImage, image_archive},
    ops::kubeconfig::in_background,
};

/// An image, or an archive with images, that a person wants nodes to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An image at the engine, by a name however short or the beginning of its ID.
    Named(String),
    /// An archive on this machine that is not compressed; [`open`] makes one of any.
    Archive(PathBuf),
}

/// Something that is ready to be imported. A copy that was made for it is removed when this is dropped.
#[derive(Debug)]
pub struct Opened {
    /// What is wanted.
    pub wanted: Wanted,
    _copy: Option<Copy>,
}

/// A file of our own that goes when it is not needed any more.
#[derive(Debug)]
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        // Nothing can be done where it fails; the system clears its directory of temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes what was named ready. `-` reads standard input to its end; what is piped in or compressed is laid down in a
/// file for the time being, because each node takes it at its own pace. A file on disk wins over an image of that name.
///
/// # Errors
/// When a file cannot be read, is compressed in a way that is not known here, or there is no room for the copy.
pub async fn open(named: &str) -> Result<Opened, Problem> {
    let path = PathBuf::from(named);
    if named == "-" {
        return in_background(|| spool(&mut io::stdin().lock(), "standard input")).await;
    }
    if !path.is_file() {
        return Ok(Opened {
            wanted: Wanted::Named(named.to_owned()),
            _copy: None,
        });
    }
    in_background(move || {
        let mut file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        let mut head = [0; 6];
        let length = fill(&mut file, &mut head).map_err(|error| unreadable(&path, &error))?;
        if Packing::of(&head[..length]) == Packing::None {
            return Ok(Opened {
                wanted: Wanted::Archive(path),
                _copy: None,
            });
        }
        file.rewind().map_err(|error| unreadable(&path, &error))?;
        spool(&mut BufReader::new(file), &path.display().to_string())
    })
    .await
}

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    /// Only its name is known.
    Other(&'static str),
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Other("zstd"),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Self::Other("xz"),
            [b'B', b'Z', b'h', ..] => Self::Other("bzip2"),
            _ => Self::None,
        }
    }
}

/// Reads until the buffer is full or there is nothing more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Lays an archive down in a file that only this person can read, uncompressed.
fn spool(from: &mut impl Read, called: &str) -> Result<Opened, Problem> {
    let failed = |error: io::Error| {
        Problem::failed(format!("{called} was not laid down"), error.to_string())
            .with_hint("TMPDIR says where such files go")
    };
    let mut head = [0; 6];
    let length = fill(from, &mut head).map_err(failed)?;
    let whole = head[..length].chain(from);
    let (copy, mut file) = create().map_err(failed)?;
    match Packing::of(&head[..length]) {
        Packing::None => io::copy(&mut { whole }, &mut file),
        Packing::Gzip => io::copy(&mut MultiGzDecoder::new(whole), &mut file),
        Packing::Other(name) => {
            let hint =
                format!("unpack it on the way: {name} -dc FILE | coracle image import - ...");
            return Err(Problem::usage(
                format!("{called} was not read"),
                format!("it is compressed with {name}, and only gzip is known here"),
            )
            .with_hint(hint));
        }
    }
    .map_err(failed)?;
    Ok(Opened {
        wanted: Wanted::Archive(copy.0.clone()),
        _copy: Some(copy),
    })
}

fn create() -> io::Result<(Copy, File)> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let name = format!("coracle-images-{:016x}.tar", u64::from_ne_bytes(random));
    let path = std::env::temp_dir().join(name);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    Ok((Copy(path), file))
}

/// The images in an archive.
pub(super) fn images_in(path: &Path) -> Result<Vec<WantedImage>, Problem> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let images = image_archive::images(BufReader::new(file));
    images.map_err(|why| {
        Problem::usage(format!("{} is no archive of images", path.display()), why)
            .with_hint("`docker save -o FILE IMAGE` writes one")
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::failed(
        format!("{} was not read", path.display()),
        error.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::domain::ProblemKind;

    #[tokio::test]
    async fn a_file_wins_over_an_image_and_a_compressed_one_is_unpacked_for_the_time_being() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let opened = open("busybox").await.unwrap();
        assert_eq!(opened.wanted, Wanted::Named("busybox".to_owned()));

        fs::write(path("plain.tar"), b"plain").unwrap();
        let opened = open(path("plain.tar").to_str().unwrap()).await.unwrap();
        assert_eq!(opened.wanted, Wanted::Archive(path("plain.tar")));

        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"packed").unwrap();
        fs::write(path("packed.tar.gz"), packed.finish().unwrap()).unwrap();
        let opened = open(path("packed.tar.gz").to_str().unwrap()).await.unwrap();
        let Wanted::Archive(copy) = opened.wanted.clone() else {
            panic!("{opened:?}");
        };
        assert_eq!(fs::read(&copy).unwrap(), b"packed");
        drop(opened);
        assert!(!copy.exists());

        fs::write(path("other.tar.zst"), [0x28, 0xb5, 0x2f, 0xfd, 0, 0]).unwrap();
        let refused = open(path("other.tar.zst").to_str().unwrap())
            .await
            .unwrap_err();
        assert_eq!(refused.kind, ProblemKind::Usage);
        assert!(refused.hint.contains("zstd -dc"), "{refused}");
    }

    #[test]
    fn what_is_piped_in_is_laid_down_for_nobody_else_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let opened = spool(&mut &b"tiny"[..], "standard input").unwrap();
        let Wanted::Archive(copy) = &opened.wanted else {
            panic!("{opened:?}");
        };
        assert_eq!(fs::read(copy).unwrap(), b"tiny");
        assert_eq!(
            fs::metadata(copy).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
