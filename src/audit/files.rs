//! The files that make up one log: the one that is written, and the rotated ones, compressed or not.
//!
//! Rotated files stand beside the log and are named after it: `audit.jsonl.1`, `audit.jsonl.2.gz`,
//! `audit.jsonl-20261121`, `audit.jsonl.000000000001` (logrotate(8) and [`super::rotate`]). What
//! orders them is the number of their first record, never their name or date. Must never pass over
//! a file that belongs to the log without saying so.

use super::record::split_hash;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The longest line that is read, in bytes: a record is far shorter, and a file that only pretends to
/// be a log (a sparse one, a compressed one) must not fill the memory.
pub(super) const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// Reads on to the next line feed, or the end. `line` may hold the beginning of the line already.
///
/// # Errors
/// When it cannot be read; `InvalidData` when it is longer than a line can be.
pub(super) fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let room = LONGEST_LINE.saturating_sub(line.len()) as u64 + 1;
    let count = Read::take(&mut *from, room).read_until(b'\n', line)?;
    if line.len() > LONGEST_LINE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is longer than 64 MiB: that is no record",
        ));
    }
    Ok(count)
}

/// Opens a file, which must be one: a pipe in its place would be waited for without end.
fn regular(path: &Path) -> io::Result<File> {
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|e| named(path, &e))?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "{}: it is not a regular file, and so no part of a log",
            path.display()
        ),
    ))
}

/// One file of a log, open.
#[derive(Debug)]
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    file: File,
    /// The number of its first record; none when the first line is no record.
    pub first: Option<u64>,
    /// Whether it is the file that is written now.
    pub current: bool,
}

impl Part {
    fn open(path: PathBuf, current: bool) -> io::Result<Part> {
        let file = regular(&path)?;
        let mut part = Part {
            path,
            file,
            first: None,
            current,
        };
        let mut line = Vec::new();
        let mut lines = part.lines()?;
        let read = read_line(&mut lines, &mut line);
        drop(lines);
        part.first = match read {
            Ok(_) => sequence(&line),
            // A damaged gzip file: whoever reads it to its end will say so.
            Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(part),
            Err(e) => return Err(named(&part.path, &e)),
        };
        if line.is_empty() {
            // An empty file has its place at the end, where the next record will go.
            part.first = Some(u64::MAX);
        }
        Ok(part)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.first == Some(u64::MAX)
    }

    /// Its bytes from the start, decompressed.
    ///
    /// # Errors
    /// When `gzip` cannot be started.
    pub fn lines(&self) -> io::Result<Lines> {
        if self.path.extension().is_some_and(|e| e == "gz") {
            return Lines::gunzip(&self.path, self.file.try_clone()?);
        }
        let reader = At {
            file: self.file.try_clone()?,
            position: 0,
        };
        Ok(Lines {
            path: self.path.clone(),
            inner: Inner::Plain(BufReader::with_capacity(1 << 20, reader)),
        })
    }
}

/// Reads a file by position, so that two readers of one open file do not move each other.
#[derive(Debug)]
struct At {
    file: File,
    position: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// The bytes of one file.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Plain(BufReader<At>),
    Gzip(BufReader<ChildStdout>, Child),
}

impl Lines {
    fn gunzip(path: &Path, file: File) -> io::Result<Lines> {
        // A clone shares its position with the file it was cloned from.
        io::Seek::seek(&mut &file, io::SeekFrom::Start(0))?;
        let mut child = Command::new(program("gzip")?)
            .args(["-d", "-c"])
            .env_clear()
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| io::Error::new(e.kind(), format!("gzip cannot be started: {e}")))?;
        let Some(out) = child.stdout.take() else {
            return Err(io::Error::other("gzip has no output"));
        };
        Ok(Lines {
            path: path.to_owned(),
            inner: Inner::Gzip(BufReader::with_capacity(1 << 20, out), child),
        })
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.fill_buf() {
            Ok(bytes) => {
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                count
            }
            Err(e) => return Err(e),
        };
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Lines {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.inner {
            Inner::Plain(reader) => reader.fill_buf(),
            Inner::Gzip(reader, child) => {
                // The end of the output is the end of the file only if gzip says all was well.
                if reader.fill_buf()?.is_empty() && !child.wait()?.success() {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{}: gzip says that it is damaged", self.path.display()),
                    ));
                }
                reader.fill_buf()
            }
        }
    }

    fn consume(&mut self, count: usize) {
        match &mut self.inner {
            Inner::Plain(reader) => reader.consume(count),
            Inner::Gzip(reader, _) => reader.consume(count),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Inner::Gzip(_, child) = &mut self.inner {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program of the system, by its full path: nothing from the environment.
///
/// # Errors
/// When it is not installed.
pub fn program(name: &str) -> io::Result<PathBuf> {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists())
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("{name} is not installed: it is needed for compressed logs"),
            )
        })
}

/// All files of a log, oldest first, open: what is rotated from now on does not change them.
///
/// # Errors
/// When the log or its folder cannot be read.
pub fn open(log: &Path) -> io::Result<Vec<Part>> {
    let log = &resolve(log);
    for _ in 0..20 {
        let before = names(log)?;
        let mut parts = Vec::new();
        for path in &before {
            match Part::open(path.clone(), path == log) {
                Ok(part) => parts.push(part),
                Err(e) if e.kind() == io::ErrorKind::NotFound && path != log => {}
                Err(e) => return Err(e),
            }
        }
        // Somebody rotated meanwhile: look again.
        if names(log)? == before && parts.len() == before.len() {
            return Ok(ordered(parts));
        }
    }
    Err(io::Error::other(format!(
        "{}: it is rotated faster than it can be opened",
        log.display()
    )))
}

fn ordered(mut parts: Vec<Part>) -> Vec<Part> {
    // A rotated file that does not begin with a record is looked at first, so that it is told of.
    parts.sort_by_key(|part| {
        let unknown = if part.current { u64::MAX } else { 0 };
        (part.first.unwrap_or(unknown), part.current)
    });
    let mut kept: Vec<Part> = Vec::new();
    for part in parts {
        // Rotation gives a file its second name before it takes the first one away, and compresses
        // before it removes what was compressed.
        let twin = kept.iter().position(|other| {
            same_inode(&other.file, &part.file)
                || other.path.with_added_extension("gz") == part.path
                || part.path.with_added_extension("gz") == other.path
        });
        match twin {
            Some(at) if part.current || kept[at].path.extension().is_some_and(|e| e == "gz") => {
                kept[at] = part;
            }
            Some(_) => {}
            None => kept.push(part),
        }
    }
    kept
}

fn same_inode(a: &File, b: &File) -> bool {
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => a.ino() == b.ino() && a.dev() == b.dev(),
        _ => false,
    }
}

/// Where the log is when its path is a link: the rotated files stand beside the log, not beside the link.
pub(super) fn resolve(log: &Path) -> PathBuf {
    if let Ok(real) = std::fs::canonicalize(log) {
        return real;
    }
    // It may have been rotated away, and nothing was written since; its folder is still there.
    let named = match (std::fs::read_link(log), log.parent()) {
        (Ok(to), Some(dir)) => dir.join(to),
        _ => log.to_owned(),
    };
    match (named.parent().map(std::fs::canonicalize), named.file_name()) {
        (Some(Ok(dir)), Some(name)) => dir.join(name),
        _ => named,
    }
}

/// Whether there is a log of that name: its file, or rotated ones (logrotate(8) takes the file away,
/// and the next record makes a new one).
pub fn is_there(log: &Path) -> bool {
    let log = resolve(log);
    log.exists() || names(&log).is_ok_and(|all| all.iter().any(|path| *path != log))
}

/// The paths of all files of a log, rotated ones first, in no other order that matters; the log's own
/// may be missing where there are others.
pub(super) fn names(log: &Path) -> io::Result<Vec<PathBuf>> {
    let dir = match log.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| named(dir, &e))? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.strip_prefix(&*name).is_some_and(is_rotated) {
            found.push(log.with_file_name(other));
        }
    }
    found.sort();
    if found.is_empty() || log.symlink_metadata().is_ok() {
        found.push(log.to_owned());
    }
    Ok(found)
}

/// Whether what stands behind the log's name is a rotation's: `.1`, `.1.gz`, `-20261121`, `-20261121-1763712345.gz`.
fn is_rotated(rest: &str) -> bool {
    let rest = rest.strip_suffix(".gz").unwrap_or(rest);
    let Some(number) = rest.strip_prefix(['.', '-']) else {
        return false;
    };
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// The record number a line begins with, if the line is a record.
fn sequence(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Link {
        seq: u64,
    }
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    split_hash(text)?;
    serde_json::from_str::<Link>(text).ok().map(|l| l.seq)
}

/// An error that says which file.
pub(super) fn named(path: &Path, e: &io::Error) -> io::Error {
    let text = e.to_string();
    if text.contains(&*path.to_string_lossy()) {
        return io::Error::new(e.kind(), text);
    }
    io::Error::new(e.kind(), format!("{}: {text}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rotated_names_belong_to_the_log() {
        for yes in [
            ".1",
            ".1.gz",
            "-20261121",
            "-20261121-1763712345.gz",
            ".000000000001",
        ] {
            assert!(is_rotated(yes), "{yes}");
        }
        for no in [
            "",
            ".lock",
            ".seal",
            ".new",
            ".gz",
            ".1.gz.new",
            ".bak",
            "-old",
            "x.1",
            ".1.bz2",
        ] {
            assert!(!is_rotated(no), "{no}");
        }
    }
}
