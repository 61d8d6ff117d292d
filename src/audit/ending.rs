//! Where a log ends: its last whole record, and what a crash left torn behind it.
//!
//! Must never take for torn what could be a whole record.

use super::files;
use super::log::{Appended, Error};
use super::record::{self, Entry, Event};
use serde::Deserialize;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How much of a torn line a `log.repaired` record quotes, in bytes.
const QUOTED_TAIL: usize = 4096;
/// The longest record that is looked for at the end of the log, in bytes.
const MAX_RECORD: u64 = 64 * 1024 * 1024;
/// How many torn lines may stand behind the last record of a log from which nothing can be taken off.
const MAX_TORN_LINES: usize = 64;

/// The last record of the rotated files, for a log that is empty because it was just rotated.
pub(super) fn before(path: &Path) -> Result<Option<Before>, Error> {
    let io = |e| Error::Io(path.to_owned(), e);
    let mut parts = files::open(path).map_err(io)?;
    parts.retain(|p| !p.current && !p.is_empty());
    let Some(part) = parts.pop() else {
        return Ok(None);
    };
    let damaged = |why: &str| Error::Damaged(part.path.clone(), why.to_owned());
    let mut lines = part.lines().map_err(io)?;
    let (mut record, mut line) = (Vec::new(), Vec::new());
    let mut torn = Vec::new();
    while files::read_line(&mut lines, &mut line).map_err(io)? > 0 {
        if line.ends_with(b"\n") {
            std::mem::swap(&mut record, &mut line);
        } else {
            torn.append(&mut line);
        }
        line.clear();
    }
    let last = parse(&record).map_err(|why| damaged(&why))?;
    let name = part.path.file_name().unwrap_or_default();
    Ok(Some(Before {
        last,
        name: name.to_string_lossy().into_owned(),
        torn: (!torn.is_empty()).then_some(Torn {
            cut: None,
            bytes: torn,
        }),
    }))
}

/// Finds the last whole record of the file, checks it, and what was torn behind it.
pub(super) fn last_record(path: &Path, file: &File) -> Result<End, Error> {
    let io = |e| Error::Io(path.to_owned(), e);
    let damaged = |why: &str| Error::Damaged(path.to_owned(), why.to_owned());
    let length = file.metadata().map_err(io)?.len();
    let lines_end = last_newline(file, length).map_err(io)?;
    let mut whole = lines_end;
    let mut last = None;
    for _ in 0..MAX_TORN_LINES {
        if whole == 0 {
            break;
        }
        let start = last_newline(file, whole - 1).map_err(io)?;
        if whole - start > MAX_RECORD {
            return Err(damaged("the last record is too long to be one"));
        }
        let line = read_range(file, start, whole).map_err(io)?;
        if is_closed_tear(&line) {
            whole = start;
            continue;
        }
        last = Some(parse(&line).map_err(|why| damaged(&why))?);
        break;
    }
    if length - whole > MAX_RECORD {
        return Err(damaged(
            "what stands behind the last record is too long to be a torn one",
        ));
    }
    let torn = (whole < length).then(|| {
        let open = lines_end < length;
        let bytes = read_range(file, whole, if open { length } else { length - 1 })?;
        let cut = match (open, whole == lines_end) {
            (false, _) => None,
            (true, true) => Some(Cut::To(whole)),
            (true, false) => Some(Cut::Close),
        };
        Ok(Torn { cut, bytes })
    });
    let torn = torn.transpose().map_err(io)?;
    Ok(End { last, torn })
}

/// Whether a line was torn, then closed because nothing could be taken off the file, and the next
/// crash came before the record that tells of it. It begins as a record and does not end as one.
fn is_closed_tear(line: &[u8]) -> bool {
    line.starts_with(b"{\"seq\":") && !line.ends_with(b"\"}\n")
}

pub(super) struct End {
    pub last: Option<Appended>,
    pub torn: Option<Torn>,
}

pub(super) struct Before {
    pub last: Appended,
    pub name: String,
    pub torn: Option<Torn>,
}

/// What stands behind the last whole record.
pub(super) struct Torn {
    /// What to do about it; nothing when it is in a file that was rotated, or ends with a line feed.
    pub cut: Option<Cut>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(super) enum Cut {
    /// Take it off: the file has this length without it.
    To(u64),
    /// Close it with a line feed.
    Close,
}

impl Torn {
    pub fn entry(&self) -> Entry {
        let mut entry = Entry::new(Event::LogRepaired);
        entry.status = Some("repaired".into());
        entry.why = Some(format!(
            "{} bytes of a torn record stood at the end of the log",
            self.bytes.len()
        ));
        let quoted = &self.bytes[..self.bytes.len().min(QUOTED_TAIL)];
        entry.stderr = Some(crate::display::escape(&String::from_utf8_lossy(quoted)).into_owned());
        entry.stderr_truncated = Some(self.bytes.len() > QUOTED_TAIL);
        entry.torn_bytes = Some(self.bytes.len() as u64);
        entry.torn_sha256 = Some(record::hex(&self.bytes));
        entry
    }
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub seq: u64,
    pub timestamp: String,
}

/// A line's number and hash, if it is a record that fits its hash.
fn parse(line: &[u8]) -> Result<Appended, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the last record is not UTF-8")?;
    let text = text.trim_end_matches('\n');
    let (front, hash) = record::split_hash(text).ok_or("the last record has no hash")?;
    if !record::hash_fits(front, hash) {
        return Err("the last record does not fit its hash".into());
    }
    let link: Link = serde_json::from_str(text).map_err(|_| "the last record is not valid")?;
    Ok(Appended {
        seq: link.seq,
        hash: hash.to_owned(),
    })
}

/// The first record of a file.
pub(super) fn first_link(file: &File) -> Option<Link> {
    let mut start = vec![0; 4096];
    let count = file.read_at(&mut start, 0).ok()?;
    // The number and the time stand first in every record: no need to read it whole.
    let text = String::from_utf8_lossy(&start[..count]);
    let (front, _) = text.split_once(",\"event\":")?;
    serde_json::from_str(&format!("{front}}}")).ok()
}

fn read_range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to - from).unwrap_or_default()];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// The position after the last line feed in the first `end` bytes; 0 if there is none.
fn last_newline(file: &File, end: u64) -> io::Result<u64> {
    let mut chunk = [0u8; 8192];
    let mut upto = end;
    while upto > 0 {
        let size = upto.min(chunk.len() as u64);
        let from = upto - size;
        let part = &mut chunk[..usize::try_from(size).unwrap_or_default()];
        file.read_exact_at(part, from)?;
        if let Some(at) = part.iter().rposition(|b| *b == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        upto = from;
    }
    Ok(0)
}
