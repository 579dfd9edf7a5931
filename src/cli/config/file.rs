//! Files that are named on the command line, where `-` stands for the standard streams.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read, Write},
    path::Path,
};

use crate::{cli::output, domain::Problem};

/// Config files are written by hand. What is larger is something else that was named by mistake.
const LARGEST: u64 = 4 << 20;

/// What a file is called in messages.
pub fn called(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The text of a file.
///
/// # Errors
/// Where there is none, it cannot be read, is no text or is too large.
pub fn read(path: &Path) -> Result<String, Problem> {
    String::from_utf8(bytes(path)?).map_err(|_| {
        Problem::usage(
            format!("{} cannot be read", called(path)),
            "it is not text in UTF-8",
        )
    })
}

/// What is in a file.
///
/// # Errors
/// Where there is none, it cannot be read or is too large.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let refuse = |why: String| Problem::usage(format!("{} cannot be read", called(path)), why);
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        std::io::stdin().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Problem::not_found(
            format!("{} cannot be read", called(path)),
            "there is no such file",
        )),
        Err(error) => Err(refuse(error.to_string())),
        Ok(_) if bytes.len() as u64 > LARGEST => Err(refuse("it is larger than 4 MiB".to_owned())),
        Ok(_) => Ok(bytes),
    }
}

/// Writes a file that its owner alone can read, because tokens stand in such files.
///
/// # Errors
/// Where it is there already and may not be replaced, or cannot be written.
pub fn write(path: &Path, text: &str, replace: bool) -> Result<(), Problem> {
    if path == Path::new("-") {
        return output::print(text);
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    if replace {
        options.truncate(true);
    } else {
        options.create_new(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let what = || format!("{} is not written", path.display());
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Problem::refused(what(), "it is there already").with_hint("--force replaces it"))
        }
        Err(error) => Err(Problem::failed(what(), error.to_string())),
    }
}
