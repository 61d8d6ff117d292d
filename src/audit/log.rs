//! Appending: one record at a time across processes, on disk before it is reported.

use super::record::{self, Entry, Event, GENESIS};
use chrono::Utc;
use serde::Deserialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How much of a torn line a `log.repaired` record quotes, in bytes.
const QUOTED_TAIL: usize = 4096;
/// The longest record that is looked for at the end of the log, in bytes.
const MAX_RECORD: u64 = 64 * 1024 * 1024;

/// Why a record could not be written. Whatever it stood for must not happen.
#[derive(Debug)]
pub enum Error {
    /// The file system said no: full, read-only, not permitted.
    Io(PathBuf, io::Error),
    /// The file is not one that only the gate can write.
    Untrusted(PathBuf, String),
    /// The last whole record does not fit its hash.
    Damaged(PathBuf, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(path, e) if e.kind() == io::ErrorKind::StorageFull => {
                write!(
                    f,
                    "{}: the disk is full: make room, then ask again",
                    path.display()
                )
            }
            Error::Io(path, e) => write!(f, "{}: {e}", path.display()),
            Error::Untrusted(path, why) => write!(f, "{}: {why}", path.display()),
            Error::Damaged(path, why) => {
                write!(
                    f,
                    "{}: {why}: run `aiops audit verify`, keep the file, and start a new one",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// What an append gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The record's number, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// The log, open for appending.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    lock: File,
}

/// The members of the last record that the next one needs.
#[derive(Deserialize)]
struct Link {
    seq: u64,
}

impl Log {
    /// Opens the log, making it (mode 0640) if need be.
    ///
    /// # Errors
    /// When it cannot be opened, is a link or not a regular file, or others can write it.
    pub fn open(path: &Path) -> Result<Log, Error> {
        let lock_path = path.with_added_extension("lock");
        let lock = open_private(&lock_path, 0o600)?;
        let existed = path.exists();
        let file = open_private(path, 0o640)?;
        if !existed && let Some(dir) = path.parent() {
            // The name must survive a power cut as well as the bytes.
            File::open(dir)
                .and_then(|d| d.sync_all())
                .map_err(|e| Error::Io(dir.to_owned(), e))?;
        }
        Ok(Log {
            path: path.to_owned(),
            file,
            lock,
        })
    }

    /// Appends one record. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it cannot be written whole; then the log is as it was.
    pub fn append(&self, entry: &Entry) -> Result<Appended, Error> {
        let io = |e| Error::Io(self.path.clone(), e);
        self.lock.lock().map_err(io)?;
        let appended = self.append_locked(entry);
        self.lock.unlock().map_err(io)?;
        appended
    }

    fn append_locked(&self, entry: &Entry) -> Result<Appended, Error> {
        let end = self.last_record()?;
        let mut link = end.link;
        if let Some(torn) = end.torn {
            self.file
                .set_len(end.whole)
                .map_err(|e| Error::Io(self.path.clone(), e))?;
            link = self.write(&repaired(&torn), &link)?;
        }
        self.write(entry, &link)
    }

    fn write(&self, entry: &Entry, last: &Appended) -> Result<Appended, Error> {
        let io = |e: io::Error| Error::Io(self.path.clone(), e);
        let seq = last.seq + 1;
        let (mut line, hash) =
            record::line(entry, seq, &last.hash, Utc::now()).map_err(|e| io(e.into()))?;
        line.push('\n');
        let before = self.file.metadata().map_err(io)?.len();
        let written = (&self.file)
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(e) = written {
            // Half a record must not stay. If this fails too, the next append repairs it.
            let _ = self.file.set_len(before);
            return Err(io(e));
        }
        Ok(Appended { seq, hash })
    }

    /// Finds the last whole record, checks it, and what was torn behind it.
    fn last_record(&self) -> Result<End, Error> {
        let io = |e| Error::Io(self.path.clone(), e);
        let len = self.file.metadata().map_err(io)?.len();
        let whole = last_newline(&self.file, len).map_err(io)?;
        let torn = if whole < len {
            let mut bytes = vec![
                0;
                usize::try_from(len - whole)
                    .unwrap_or(usize::MAX)
                    .min(QUOTED_TAIL)
            ];
            self.file.read_exact_at(&mut bytes, whole).map_err(io)?;
            Some((len - whole, bytes))
        } else {
            None
        };
        let link = if whole == 0 {
            Appended {
                seq: 0,
                hash: GENESIS.to_owned(),
            }
        } else {
            self.link(whole)?
        };
        Ok(End { whole, link, torn })
    }

    /// The last record of the first `whole` bytes, which end in a line feed.
    fn link(&self, whole: u64) -> Result<Appended, Error> {
        let damaged = |why: &str| Error::Damaged(self.path.clone(), why.to_owned());
        let start =
            last_newline(&self.file, whole - 1).map_err(|e| Error::Io(self.path.clone(), e))?;
        let size = whole - 1 - start;
        if size > MAX_RECORD {
            return Err(damaged("the last record is too long to be one"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|e| Error::Io(self.path.clone(), e))?;
        let text = String::from_utf8(bytes).map_err(|_| damaged("the last record is not UTF-8"))?;
        let (body, hash) =
            record::split_hash(&text).ok_or_else(|| damaged("the last record has no hash"))?;
        if record::hex(body.as_bytes()) != hash {
            return Err(damaged("the last record does not fit its hash"));
        }
        let link: Link =
            serde_json::from_str(&text).map_err(|_| damaged("the last record is not valid"))?;
        Ok(Appended {
            seq: link.seq,
            hash: hash.to_owned(),
        })
    }
}

struct End {
    /// Length up to and with the last line feed.
    whole: u64,
    link: Appended,
    /// Length and first bytes of what stands behind it.
    torn: Option<(u64, Vec<u8>)>,
}

fn repaired((length, bytes): &(u64, Vec<u8>)) -> Entry {
    let mut entry = Entry::new(Event::LogRepaired);
    entry.status = Some("repaired".into());
    entry.why = Some(format!(
        "{length} bytes of a torn record were taken off the end"
    ));
    entry.stderr = Some(crate::display::escape(&String::from_utf8_lossy(bytes)).into_owned());
    entry.stderr_truncated = Some(*length > bytes.len() as u64);
    entry
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

/// Opens a file that only its owner can write, refusing links.
fn open_private(path: &Path, mode: u32) -> Result<File, Error> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(mode)
        .custom_flags(flags)
        .open(path)
        .map_err(|e| Error::Io(path.to_owned(), e))?;
    let meta = file.metadata().map_err(|e| Error::Io(path.to_owned(), e))?;
    let untrusted = |why: String| Error::Untrusted(path.to_owned(), why);
    if !meta.is_file() {
        return Err(untrusted("it is not a regular file".into()));
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() && meta.uid() != 0 {
        return Err(untrusted(format!(
            "it belongs to user {}: chown it to the user of the gate",
            meta.uid()
        )));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(untrusted(format!(
            "group or others can write it (mode {:04o}): run chmod go-w",
            meta.mode() & 0o7777
        )));
    }
    Ok(file)
}

/// Reads all of a file from its start: for tests and small logs.
///
/// # Errors
/// When it cannot be read.
pub fn read_all(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(0))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}
