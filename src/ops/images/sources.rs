//! What a person names on a command line: a file on disk, `-` for what is piped in, or an image at the engine.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
struct Copy {
    path: PathBuf,
    unwanted: Arc<AtomicBool>,
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
        // Nothing can be done where it fails; the system clears its directory of temporary files.
        let _ = fs::remove_file(&self.path);
    }
}

/// The file of a [`Copy`] while it is written, which takes no more once the copy is unwanted.
#[derive(Debug)]
struct Laid {
    file: File,
    unwanted: Arc<AtomicBool>,
}

impl Write for Laid {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unwanted.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
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
        return laid_down(|file| spool(&mut io::stdin().lock(), file, "standard input")).await;
    }
    if !path.is_file() {
        return Ok(Opened {
            wanted: Wanted::Named(named.to_owned()),
            _copy: None,
        });
    }
    let looked = path.clone();
    let packed = in_background(move || {
        let mut file = File::open(&looked).map_err(|error| unreadable(&looked, &error))?;
        let mut head = [0; 6];
        let length = fill(&mut file, &mut head).map_err(|error| unreadable(&looked, &error))?;
        if Packing::of(&head[..length]) == Packing::None {
            return Ok(None);
        }
        file.rewind().map_err(|error| unreadable(&looked, &error))?;
        Ok(Some(file))
    })
    .await?;
    let Some(packed) = packed else {
        return Ok(Opened {
            wanted: Wanted::Archive(path),
            _copy: None,
        });
    };
    let called = path.display().to_string();
    laid_down(move |file| spool(&mut BufReader::new(packed), file, &called)).await
}

/// Has an archive laid down in a file of our own. The file belongs to whoever waits and not to the thread that writes,
/// which goes on for a while when nobody waits any more: the file is gone at once then, and the thread stops.
async fn laid_down(
    write: impl FnOnce(&mut Laid) -> Result<(), Problem> + Send + 'static,
) -> Result<Opened, Problem> {
    let (copy, mut file) = create().map_err(|error| not_laid_down("the archive", &error))?;
    in_background(move || write(&mut file)).await?;
    Ok(Opened {
        wanted: Wanted::Archive(copy.path.clone()),
        _copy: Some(copy),
    })
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

fn not_laid_down(called: &str, error: &io::Error) -> Problem {
    Problem::failed(format!("{called} was not laid down"), error.to_string())
        .with_hint("TMPDIR says where such files go")
}

/// Lays an archive down in a file, uncompressed.
fn spool(from: &mut impl Read, file: &mut Laid, called: &str) -> Result<(), Problem> {
    let failed = |error: io::Error| not_laid_down(called, &error);
    let mut head = [0; 6];
    let length = fill(from, &mut head).map_err(failed)?;
    let whole = head[..length].chain(from);
    match Packing::of(&head[..length]) {
        Packing::None => io::copy(&mut { whole }, file),
        Packing::Gzip => io::copy(&mut MultiGzDecoder::new(whole), file),
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
    Ok(())
}

/// A new file that only this person can read.
fn create() -> io::Result<(Copy, Laid)> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let name = format!("coracle-images-{:016x}.tar", u64::from_ne_bytes(random));
    let path = std::env::temp_dir().join(name);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let unwanted = Arc::new(AtomicBool::new(false));
    let laid = Laid {
        file,
        unwanted: Arc::clone(&unwanted),
    };
    Ok((Copy { path, unwanted }, laid))
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

    #[tokio::test]
    async fn a_copy_that_nobody_waits_for_is_gone_while_it_is_still_written() {
        let (told, begun) = tokio::sync::oneshot::channel();
        let (go_on, held) = std::sync::mpsc::channel::<()>();
        let (said, end) = std::sync::mpsc::channel();
        let waiting = tokio::spawn(laid_down(move |file| {
            file.write_all(b"begun").unwrap();
            told.send(file.file.metadata().unwrap()).unwrap();
            let _ = held.recv();
            let left = std::os::unix::fs::MetadataExt::nlink(&file.file.metadata().unwrap());
            said.send((left, file.write_all(b"more").is_err())).unwrap();
            Ok(())
        }));
        assert_eq!(begun.await.unwrap().len(), 5);
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        drop(go_on);
        assert_eq!(end.recv().unwrap(), (0, true), "names, and writing fails");
    }

    #[tokio::test]
    async fn what_is_piped_in_is_laid_down_for_nobody_else_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let write = |file: &mut Laid| spool(&mut &b"tiny"[..], file, "standard input");
        let opened = laid_down(write).await.unwrap();
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
