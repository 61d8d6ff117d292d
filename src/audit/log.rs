//! Appending: one record at a time across processes, on disk before it is reported.

use super::ending::{self, Cut, Torn, first_link};
use super::files;
use super::record::{self, Entry, Event, GENESIS};
use super::rotate::{self, Rotation};
use super::seal;
use chrono::{DateTime, Utc};
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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
        let seed = seal::Seed::random().map_err(|e| self.io(e))?;
        self.seal_with(&seed, period_s)?;
        Ok(seed)
    }

    /// Begins sealing with a seed that the auditor has already: shown before it is used, it cannot be
    /// lost to a crash in between.
    ///
    /// # Errors
    /// As [`Log::seal_init`].
    pub fn seal_with(&self, seed: &seal::Seed, period_s: u64) -> Result<Appended, Error> {
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
            let now = Utc::now();
            let state = seal::State {
                key: seed.key(),
                sealed_at: now,
                period_s,
            };
            self.seal(&mut tail, &state, now)
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
        let end = ending::last_record(&self.path, &file)?;
        let first = end.last.is_none();
        let mut tail = Tail {
            file,
            last: end.last.unwrap_or_else(genesis),
        };
        if let Some(torn) = &end.torn {
            self.take_off(&tail.file, torn)?;
        }
        if first && let Some(before) = ending::before(&self.path)? {
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
        entry.seal = Some(
            state
                .key
                .seal(tail.last.seq.saturating_add(1), &tail.last.hash),
        );
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
        // The chain begins at 1 and has no gaps: such a number was written by somebody else.
        let seq = tail.last.seq.checked_add(1).ok_or_else(|| {
            Error::Damaged(self.path.clone(), "the last record has no successor".into())
        })?;
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
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .mode(0o640)
            .open(&new)
            .map_err(io)?;
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
}

fn genesis() -> Appended {
    Appended {
        seq: 0,
        hash: GENESIS.to_owned(),
    }
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
    // Even the same owner cannot be set anew on an append-only file. A file with a second name may be
    // somebody's way to be given what it is not theirs.
    if nix::unistd::geteuid().is_root()
        && now.nlink() == 1
        && (now.uid(), now.gid()) != (meta.uid(), meta.gid())
    {
        return std::os::unix::fs::fchown(file, Some(meta.uid()), Some(meta.gid()));
    }
    Ok(())
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
