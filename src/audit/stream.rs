//! Reads a log's records in order over all its files, and goes on with those that come.
//!
//! Must never pass over a record without saying so: a number that is missing is an error.

use super::files::{self, Lines, Part, named, read_line};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One record as it stands in the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its line, without the line feed.
    pub raw: String,
    /// The same, parsed.
    pub value: Value,
}

impl Record {
    fn parse(raw: String) -> Result<Record, String> {
        match serde_json::from_str::<Value>(&raw) {
            Ok(value) if value.is_object() => Ok(Record { raw, value }),
            Ok(_) => Err("a line is not a record".into()),
            Err(e) => Err(format!("a line is not a record: {e}")),
        }
    }

    /// A text field; empty when it is not there.
    pub fn text(&self, key: &str) -> &str {
        self.value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A number field.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.value.get(key).and_then(Value::as_i64)
    }

    /// Its number; 0 when it has none.
    pub fn seq(&self) -> u64 {
        self.value
            .get("seq")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// A field that is a list of texts.
    pub fn list(&self, key: &str) -> Vec<&str> {
        self.value
            .get(key)
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// When it was written.
    pub fn time(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        chrono::DateTime::parse_from_rfc3339(self.text("timestamp"))
            .ok()
            .map(|t| t.to_utc())
    }
}

/// The records of a log from some number on.
#[derive(Debug)]
pub struct Stream {
    path: PathBuf,
    waiting: VecDeque<Part>,
    open: Option<(Part, Lines)>,
    /// The number of the last record that was given.
    last: u64,
    partial: Vec<u8>,
    /// The inode of the file that is read as the current one.
    inode: u64,
}

impl Stream {
    /// Begins behind record `after` (0: with the first there is).
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn open(path: &Path, after: u64) -> io::Result<Stream> {
        let mut stream = Stream {
            path: files::resolve(path),
            waiting: VecDeque::new(),
            open: None,
            last: after,
            partial: Vec::new(),
            inode: 0,
        };
        stream.look()?;
        Ok(stream)
    }

    /// Begins with about the last `count` records: no earlier file is read than is needed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn last(path: &Path, count: usize) -> io::Result<Stream> {
        let mut found = 0;
        let parts = files::open(path)?;
        let mut from = 0;
        for part in parts.iter().rev().filter(|p| !p.is_empty()) {
            let mut lines = part.lines()?;
            let mut bytes = Vec::new();
            while read_line(&mut lines, &mut bytes)? > 0 {
                found += 1;
                bytes.clear();
            }
            from = part.first.unwrap_or(1).saturating_sub(1);
            if found >= count {
                break;
            }
        }
        Stream::open(path, from)
    }

    /// Opens the files that can hold what comes next.
    fn look(&mut self) -> io::Result<()> {
        self.waiting = files::open(&self.path)?.into();
        self.inode = std::fs::metadata(&self.path).map_or(0, |m| m.ino());
        self.open = None;
        self.partial.clear();
        while let Some(next) = self.waiting.get(1) {
            if next.is_empty()
                || next
                    .first
                    .is_none_or(|first| first > self.last.saturating_add(1))
            {
                break;
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// The next record; none when there is none for now.
    ///
    /// # Errors
    /// When a line is no record, a number is missing, or a file cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        loop {
            let Some(line) = self.line()? else {
                // The file may have been rotated away under us.
                if std::fs::metadata(&self.path).map_or(0, |m| m.ino()) == self.inode {
                    return Ok(None);
                }
                self.look()?;
                match self.line()? {
                    Some(line) => {
                        if let Some(record) = self.take(line)? {
                            return Ok(Some(record));
                        }
                        continue;
                    }
                    None => return Ok(None),
                }
            };
            if let Some(record) = self.take(line)? {
                return Ok(Some(record));
            }
        }
    }

    fn take(&mut self, line: Vec<u8>) -> io::Result<Option<Record>> {
        let bad = |why: String| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{}: after record {}: {why}: run `aiops audit verify`",
                    self.path.display(),
                    self.last
                ),
            )
        };
        let text = String::from_utf8(line).map_err(|_| bad("a line is not UTF-8".into()))?;
        // A torn line that was closed (chattr +a): the record that tells of it comes next.
        if text.starts_with("{\"seq\":") && !text.ends_with("\"}") {
            return Ok(None);
        }
        let record = Record::parse(text).map_err(bad)?;
        let seq = record.seq();
        if seq <= self.last {
            return Ok(None);
        }
        if self.last > 0 && seq != self.last.saturating_add(1) {
            return Err(bad(format!(
                "record {} is missing",
                self.last.saturating_add(1)
            )));
        }
        self.last = seq;
        Ok(Some(record))
    }

    /// The next whole line.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.open.is_none() {
                let Some(part) = self.waiting.pop_front() else {
                    return Ok(None);
                };
                let lines = part.lines()?;
                self.open = Some((part, lines));
            }
            let Some((part, lines)) = &mut self.open else {
                return Ok(None);
            };
            let count = read_line(lines, &mut self.partial).map_err(|e| named(&part.path, &e))?;
            if self.partial.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.partial);
                line.pop();
                return Ok(Some(line));
            }
            if self.waiting.is_empty() {
                return Ok(None);
            }
            if count == 0 {
                // A torn line at the end of a closed file is told of in the next one.
                self.partial.clear();
                self.open = None;
            }
        }
    }
}

/// Calls `each` with every record, until it says false.
///
/// # Errors
/// When the log cannot be read, or `each` fails.
pub fn each(path: &Path, mut each: impl FnMut(Record) -> io::Result<bool>) -> io::Result<()> {
    let mut stream = Stream::open(path, 0)?;
    while let Some(record) = stream.next_record()? {
        if !each(record)? {
            break;
        }
    }
    Ok(())
}
