//! Appending: one record at a time across processes, on disk before it is reported.

use super::files;
use super::record::{self, Entry, Event, GENESIS};
use super::rotate::{self, Rotation};
use super::seal;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How much of a torn line a `log.repaired` record quotes, in bytes.
const QUOTED_TAIL: usize = 4096;
/// The longest record that is looked for at the end of the log, in bytes.
const MAX_RECORD: u64 = 64 * 1024 * 1024;
/// How many torn lines may stand behind the last record of a log from which nothing can be taken off.
const MAX_TORN_LINES: usize = 64;

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
            Error::Io(path, e) => write!(f, "{}", files::named(path, e)),
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
    lock: File,
    rotation: Rotation,
}

/// The file being written, and what must be known of its end.
struct Tail {
    file: File,
    last: Appended,
}

impl Log {
    /// Opens the log, making it (mode 0640) if need be. It is never rotated by itself.
    ///
    /// # Errors
    /// When it cannot be opened, is a link or not a regular file, or others can write it.
    pub fn open(path: &Path) -> Result<Log, Error> {
        Log::open_rotating(path, Rotation::default())
    }

    /// Opens the log as [`Log::open`] does, and rotates it when it is time.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_rotating(path: &Path, rotation: Rotation) -> Result<Log, Error> {
        let lock = open_private(&path.with_added_extension("lock"), 0o600)?;
        let log = Log {
            path: path.to_owned(),
            lock,
            rotation,
        };
        let existed = path.exists();
        let file = open_private(path, 0o640)?;
        // Root may be the first to come; what it makes is for the user of the gate.
        let owner = if existed {
            file.metadata()
        } else {
            std::fs::metadata(path.parent().unwrap_or(Path::new("/")))
        };
        owner
            .and_then(|owner| {
                give_to_owner_of(&log.lock, &owner)?;
                give_to_owner_of(&file, &owner)
            })
            .map_err(|e| log.io(e))?;
        if !existed {
            // The name must survive a power cut as well as the bytes.
            rotate::sync_folder(path).map_err(|e| log.io(e))?;
        }
        Ok(log)
    }

    fn io(&self, e: io::Error) -> Error {
        Error::Io(self.path.clone(), e)
    }

    /// Runs `work` while no other process can append.
    fn locked<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.lock.lock().map_err(|e| self.io(e))?;
        let done = work();
        self.lock.unlock().map_err(|e| self.io(e))?;
        done
    }

    /// Appends one record. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it cannot be written whole; then the log is as it was.
    pub fn append(&self, entry: &Entry) -> Result<Appended, Error> {
        let (appended, rotated) = self.locked(|| {
            let mut tail = self.tail()?;
            let now = Utc::now();
            // The seal first: if it cannot be written, the record is not there either.
            let seals = seal::State::load(&self.path).map_err(|e| self.io(e))?;
            if let Some(state) = seals.filter(|s| s.due(now)) {
                self.seal(&mut tail, &state, now)?;
            }
            let appended = self.write(&mut tail, entry)?;
            Ok((appended, self.rotate_if_due(&mut tail, now)))
        })?;
        if let Some(old) = rotated.filter(|_| self.rotation.compress)
            && let Err(e) = rotate::compress(&old)
        {
            tracing::warn!("{e}");
        }
        Ok(appended)
    }

    /// Writes a seal now, whether the period is over or not.
    ///
    /// # Errors
    /// When the log is not sealed, or cannot be written.
    pub fn seal_now(&self) -> Result<Appended, Error> {
        self.locked(|| {
            let mut tail = self.tail()?;
            let state = seal::State::load(&self.path)
                .map_err(|e| self.io(e))?
                .ok_or_else(|| {
                    self.io(io::Error::new(
                        io::ErrorKind::NotFound,
                        "this log has no seals: run `aiops audit seal init` first",
                    ))
                })?;
            self.seal(&mut tail, &state, Utc::now())
        })
    }

    /// Begins sealing: makes a seed, writes the first seal, and keeps only the key after it.
    ///
    /// # Errors
    /// When the log is sealed already, or cannot be written.
    pub fn seal_init(&self, period_s: u64) -> Result<seal::Seed, Error> {
        self.locked(|| {
            if seal::key_path(&self.path).exists() {
                return Err(self.io(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!(
                        "{} exists: this log is sealed already",
                        seal::key_path(&self.path).display()
                    ),
                )));
            }
            let mut tail = self.tail()?;
            let seed = seal::Seed::random().map_err(|e| self.io(e))?;
            let now = Utc::now();
            let state = seal::State {
                key: seed.key(),
                sealed_at: now,
                period_s,
            };
            self.seal(&mut tail, &state, now)?;
            Ok(seed)
        })
    }

    /// Rotates now. Gives the name of the file that was closed, compressed if `compress` is set; none
    /// when the log is empty.
    ///
    /// # Errors
    /// When the file system does not let it; then the log is as it was.
    pub fn rotate_now(&self) -> Result<Option<PathBuf>, Error> {
        let append_only = nix::unistd::geteuid().is_root() && rotate::is_append_only(&self.path);
        let closed = self.locked(|| {
            let mut tail = self.tail()?;
            if append_only {
                rotate::set_append_only(&self.path, false).map_err(|e| self.io(e))?;
            }
            let closed = self.rotate(&mut tail);
            if append_only {
                rotate::set_append_only(&self.path, true).map_err(|e| self.io(e))?;
            }
            closed
        })?;
        let Some(closed) = closed else {
            return Ok(None);
        };
        let closed = if self.rotation.compress {
            rotate::compress(&closed).map_err(|e| self.io(e))?
        } else {
            closed
        };
        if append_only {
            rotate::set_append_only(&closed, true).map_err(|e| self.io(e))?;
        }
        Ok(Some(closed))
    }

    /// Opens the file that is written now, repaired and joined to what came before it.
    fn tail(&self) -> Result<Tail, Error> {
        // Opened anew each time: it may have been rotated, by us or by logrotate(8), since the last.
        let file = open_private(&self.path, 0o640)?;
        let end = self.last_record(&file)?;
        let first = end.last.is_none();
        let mut tail = Tail {
            file,
            last: end.last.unwrap_or_else(genesis),
        };
        if let Some(torn) = &end.torn {
            self.take_off(&tail.file, torn)?;
        }
        if first && let Some(before) = self.before()? {
            tail.last = before.last;
            if let Some(torn) = before.torn {
                self.write(&mut tail, &torn.entry())?;
            }
            let mut entry = Entry::new(Event::LogRotated);
            entry.status = Some("rotated".into());
            entry.continues = Some(before.name);
            self.write(&mut tail, &entry)?;
        }
        if let Some(torn) = &end.torn {
            self.write(&mut tail, &torn.entry())?;
        }
        Ok(tail)
    }

    /// Takes a torn line off the end, or closes it where nothing can be taken off.
    fn take_off(&self, file: &File, torn: &Torn) -> Result<(), Error> {
        let Some(cut) = torn.cut else {
            return Ok(());
        };
        let cut = match cut {
            Cut::To(length) => file.set_len(length),
            Cut::Close => Err(io::ErrorKind::PermissionDenied.into()),
        };
        match cut {
            // The file is append-only (chattr +a): the torn line stays, and the record that tells of
            // it follows.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                (&*file).write_all(b"\n").map_err(|e| self.io(e))
            }
            other => other.map_err(|e| self.io(e)),
        }
    }

    fn seal(
        &self,
        tail: &mut Tail,
        state: &seal::State,
        now: DateTime<Utc>,
    ) -> Result<Appended, Error> {
        let mut entry = Entry::new(Event::LogSealed);
        entry.status = Some("sealed".into());
        entry.seal_epoch = Some(state.key.epoch);
        entry.seal = Some(state.key.seal(tail.last.seq + 1, &tail.last.hash));
        let appended = self.write(tail, &entry)?;
        // The seal is on disk: its key goes. If we die here, the same key seals once more.
        let next = seal::State {
            key: state.key.next(),
            sealed_at: now,
            period_s: state.period_s,
        };
        next.store(&self.path).map_err(|e| self.io(e))?;
        Ok(appended)
    }

    fn write(&self, tail: &mut Tail, entry: &Entry) -> Result<Appended, Error> {
        let seq = tail.last.seq + 1;
        let (mut line, hash) =
            record::line(entry, seq, &tail.last.hash, Utc::now()).map_err(|e| self.io(e.into()))?;
        line.push('\n');
        let before = tail.file.metadata().map_err(|e| self.io(e))?.len();
        let written = (&tail.file)
            .write_all(line.as_bytes())
            .and_then(|()| tail.file.sync_data());
        if let Err(e) = written {
            // Half a record must not stay. If this fails too, the next append repairs it.
            let _ = tail.file.set_len(before);
            return Err(self.io(e));
        }
        tail.last = Appended { seq, hash };
        Ok(tail.last.clone())
    }

    /// A log that cannot be rotated goes on as it is: records matter more than sizes.
    fn rotate_if_due(&self, tail: &mut Tail, now: DateTime<Utc>) -> Option<PathBuf> {
        if !self.due(&tail.file, now) {
            return None;
        }
        match self.rotate(tail) {
            Ok(closed) => closed,
            Err(e) => {
                tracing::warn!("the audit log cannot be rotated, and grows on: {e}");
                None
            }
        }
    }

    fn due(&self, file: &File, now: DateTime<Utc>) -> bool {
        let length = file.metadata().map_or(0, |m| m.len());
        if self.rotation.max_bytes.is_some_and(|max| length >= max) {
            return true;
        }
        let Some(max_age) = self.rotation.max_age_s else {
            return false;
        };
        let age = first_link(file)
            .and_then(|l| DateTime::parse_from_rfc3339(&l.timestamp).ok())
            .map(|begun| now.signed_duration_since(begun).num_seconds());
        age.is_some_and(|age| u64::try_from(age).is_ok_and(|age| age >= max_age))
    }

    /// Gives the file its rotated name and puts one in its place that follows it.
    fn rotate(&self, tail: &mut Tail) -> Result<Option<PathBuf>, Error> {
        let meta = tail.file.metadata().map_err(|e| self.io(e))?;
        let Some(first) = first_link(&tail.file) else {
            return Ok(None);
        };
        let closed = rotate::rotated_name(&self.path, first.seq);
        let new = self.path.with_added_extension("new");
        let io = |e: io::Error| self.io(e);
        match std::fs::remove_file(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        let file = open_private(&new, 0o640)?;
        give_to_owner_of(&file, &meta).map_err(io)?;
        file.set_permissions(meta.permissions()).map_err(io)?;
        let mut next = Tail {
            file,
            last: tail.last.clone(),
        };
        let mut entry = Entry::new(Event::LogRotated);
        entry.status = Some("rotated".into());
        entry.continues = closed.file_name().map(|n| n.to_string_lossy().into_owned());
        self.write(&mut next, &entry)?;
        // First the second name, then the new file over the first one: the log is never away.
        match std::fs::hard_link(&self.path, &closed) {
            Err(e)
                if e.kind() == io::ErrorKind::AlreadyExists && same_file(&self.path, &closed) => {}
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                let _ = std::fs::remove_file(&new);
                return Err(io(io::Error::new(
                    e.kind(),
                    format!("{e} (is it append-only? then root runs `aiops audit rotate`)"),
                )));
            }
            Err(e) => {
                let _ = std::fs::remove_file(&new);
                return Err(io(e));
            }
            Ok(()) => {}
        }
        std::fs::rename(&new, &self.path).map_err(io)?;
        rotate::sync_folder(&self.path).map_err(io)?;
        *tail = next;
        Ok(Some(closed))
    }

    /// The last record of the rotated files, for a log that is empty because it was just rotated.
    fn before(&self) -> Result<Option<Before>, Error> {
        let mut parts = files::open(&self.path).map_err(|e| self.io(e))?;
        parts.retain(|p| !p.current && !p.is_empty());
        let Some(part) = parts.pop() else {
            return Ok(None);
        };
        let damaged = |why: &str| Error::Damaged(part.path.clone(), why.to_owned());
        let mut lines = part.lines().map_err(|e| self.io(e))?;
        let (mut record, mut line) = (Vec::new(), Vec::new());
        let mut torn = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(|e| self.io(e))? > 0 {
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
    fn last_record(&self, file: &File) -> Result<End, Error> {
        let io = |e| self.io(e);
        let damaged = |why: &str| Error::Damaged(self.path.clone(), why.to_owned());
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
}

/// Whether a line was torn, then closed because nothing could be taken off the file, and the next
/// crash came before the record that tells of it. It begins as a record and does not end as one.
fn is_closed_tear(line: &[u8]) -> bool {
    line.starts_with(b"{\"seq\":") && !line.ends_with(b"\"}\n")
}

struct End {
    last: Option<Appended>,
    torn: Option<Torn>,
}

struct Before {
    last: Appended,
    name: String,
    torn: Option<Torn>,
}

/// What stands behind the last whole record.
struct Torn {
    /// What to do about it; nothing when it is in a file that was rotated, or ends with a line feed.
    cut: Option<Cut>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Cut {
    /// Take it off: the file has this length without it.
    To(u64),
    /// Close it with a line feed.
    Close,
}

impl Torn {
    fn entry(&self) -> Entry {
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

fn genesis() -> Appended {
    Appended {
        seq: 0,
        hash: GENESIS.to_owned(),
    }
}

#[derive(Deserialize)]
struct Link {
    seq: u64,
    timestamp: String,
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
fn first_link(file: &File) -> Option<Link> {
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

fn same_file(a: &Path, b: &Path) -> bool {
    match (std::fs::metadata(a), std::fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.ino() == b.ino() && a.dev() == b.dev(),
        _ => false,
    }
}

/// Root makes files for the user of the gate.
pub(super) fn give_to_owner_of(file: &File, meta: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    // Even the same owner cannot be set anew on an append-only file.
    if nix::unistd::geteuid().is_root() && (now.uid(), now.gid()) != (meta.uid(), meta.gid()) {
        return std::os::unix::fs::fchown(file, Some(meta.uid()), Some(meta.gid()));
    }
    Ok(())
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
    let own = nix::unistd::geteuid();
    if meta.uid() != own.as_raw() && meta.uid() != 0 && !own.is_root() {
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
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}
