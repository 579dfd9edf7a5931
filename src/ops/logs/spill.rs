//! Segments on the disk, for logs that are longer than the memory they may take.
//!
//! The files have no name: nobody finds them, nobody else may read them while they are being made, and whatever ends
//! the program, they are gone with it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};

use super::segment::{Row, Segment};
use crate::domain::paint::{Colour, Effects, Paint, Style};

/// A file is full with as much: its room is free again as soon as all its segments are dropped, and a gigabyte needs
/// no more than 16 open files.
const FILE: u64 = 64 << 20;

/// Where segments go.
#[derive(Debug)]
pub(super) struct Spill {
    directory: PathBuf,
    open: Option<(Arc<File>, u64)>,
}

/// A segment on the disk.
#[derive(Debug)]
pub(super) struct OnDisk {
    file: Arc<File>,
    offset: u64,
    /// Bytes of it.
    pub(super) length: usize,
}

impl Spill {
    pub(super) const fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            open: None,
        }
    }

    /// Writes a segment.
    pub(super) fn write(&mut self, segment: &Segment) -> io::Result<OnDisk> {
        let bytes = encode(segment);
        let (file, offset) = match self.open.take() {
            Some((file, end)) if end < FILE => (file, end),
            _ => (Arc::new(nameless(&self.directory)?), 0),
        };
        file.write_all_at(&bytes, offset)?;
        self.open = Some((Arc::clone(&file), offset + bytes.len() as u64));
        Ok(OnDisk {
            file,
            offset,
            length: bytes.len(),
        })
    }
}

impl OnDisk {
    /// Reads it back.
    pub(super) fn read(&self) -> io::Result<Segment> {
        let mut bytes = vec![0; self.length];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        decode(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }
}

/// A file that loses its name before anything is written to it.
fn nameless(directory: &std::path::Path) -> io::Result<File> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let path = directory.join(format!(".coracle-log-{:016x}", u64::from_le_bytes(random)));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn encode(segment: &Segment) -> Vec<u8> {
    let mut out = Vec::with_capacity(12 + segment.used());
    for count in [segment.rows.len(), segment.paint.len(), segment.text.len()] {
        out.extend_from_slice(&(count as u64).to_le_bytes());
    }
    for row in &segment.rows {
        out.extend_from_slice(&row.time.to_le_bytes());
        for value in [row.start, row.paint, row.source] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&[row.level, row.mark]);
    }
    for run in &segment.paint {
        out.extend_from_slice(&run.at.to_le_bytes());
        for colour in [run.style.fg, run.style.bg] {
            out.extend_from_slice(&match colour {
                Colour::Own => [0; 4],
                Colour::Indexed(number) => [1, number, 0, 0],
                Colour::Rgb(r, g, b) => [2, r, g, b],
            });
        }
        out.push(run.style.effects.bits());
    }
    out.extend_from_slice(segment.text.as_bytes());
    out
}

fn decode(mut bytes: &[u8]) -> Option<Segment> {
    let rest = &mut bytes;
    let mut counts = [0; 3];
    for count in &mut counts {
        *count = usize::try_from(u64::from_le_bytes(take(rest)?)).ok()?;
    }
    let mut segment = Segment::default();
    for _ in 0..counts[0] {
        segment.rows.push(Row {
            time: i64::from_le_bytes(take(rest)?),
            start: u32::from_le_bytes(take(rest)?),
            paint: u32::from_le_bytes(take(rest)?),
            source: u32::from_le_bytes(take(rest)?),
            level: take::<1>(rest)?[0],
            mark: take::<1>(rest)?[0],
        });
    }
    for _ in 0..counts[1] {
        let at = u32::from_le_bytes(take(rest)?);
        let (fg, bg) = (colour(take(rest)?), colour(take(rest)?));
        let effects = Effects::from_bits(take::<1>(rest)?[0]);
        let style = Style { fg, bg, effects };
        segment.paint.push(Paint { at, style });
    }
    let text = std::str::from_utf8(rest.get(..counts[2])?).ok()?;
    Some(Segment {
        text: text.to_owned(),
        ..segment
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

const fn colour(bytes: [u8; 4]) -> Colour {
    match bytes {
        [1, number, ..] => Colour::Indexed(number),
        [2, r, g, b] => Colour::Rgb(r, g, b),
        _ => Colour::Own,
    }
}
