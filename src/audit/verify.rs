//! Verifies the chain from the first record to the last, and names the first that does not fit.

use super::record::{GENESIS, hex, split_hash};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// How many records fit, from the first.
    pub records: u64,
    /// The hash of the last record that fits: note it elsewhere to notice a cut tail.
    pub last_hash: String,
    /// The first record that does not fit.
    pub bad: Option<Bad>,
}

/// A record that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// Its line, from 1.
    pub line: u64,
    /// The number it claims, if it says one.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// Whether every record fits.
    pub fn holds(&self) -> bool {
        self.bad.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bad {
            None => writeln!(
                f,
                "{}: verified. {} records, last hash {}",
                self.file, self.records, self.last_hash
            ),
            Some(bad) => {
                let seq = bad.seq.map(|s| format!(" (seq {s})")).unwrap_or_default();
                writeln!(
                    f,
                    "{}: NOT VERIFIED. Line {}{seq}: {}. The {} records before it fit.",
                    self.file, bad.line, bad.what, self.records
                )
            }
        }
    }
}

#[derive(Deserialize)]
struct Link {
    seq: u64,
    prev: String,
}

/// Verifies a log.
///
/// # Errors
/// When it cannot be read; a record that does not fit is no error but in the report.
pub fn verify(path: &Path) -> io::Result<Report> {
    let file = File::open(path)
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut report = Report {
        file: path.display().to_string(),
        records: 0,
        last_hash: GENESIS.to_owned(),
        bad: None,
    };
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(report);
        }
        number += 1;
        match check(&bytes, &report) {
            Ok(hash) => {
                report.records += 1;
                report.last_hash = hash;
            }
            Err((seq, what)) => {
                report.bad = Some(Bad {
                    line: number,
                    seq,
                    what,
                });
                return Ok(report);
            }
        }
    }
}

fn check(bytes: &[u8], before: &Report) -> Result<String, (Option<u64>, String)> {
    let fail = |seq, what: &str| (seq, what.to_owned());
    let Some(bytes) = bytes.strip_suffix(b"\n") else {
        return Err(fail(None, "the line is torn (no line feed at its end)"));
    };
    let text = std::str::from_utf8(bytes).map_err(|_| fail(None, "the line is not UTF-8"))?;
    let link: Link =
        serde_json::from_str(text).map_err(|e| (None, format!("the line is not a record: {e}")))?;
    let (body, hash) = split_hash(text)
        .ok_or_else(|| fail(Some(link.seq), "the record has no hash at its end"))?;
    if hex(body.as_bytes()) != hash {
        return Err(fail(
            Some(link.seq),
            "the record was changed: it does not fit its hash",
        ));
    }
    if link.seq != before.records + 1 {
        return Err((
            Some(link.seq),
            format!(
                "record {} is expected here: one was removed, doubled or moved",
                before.records + 1
            ),
        ));
    }
    if link.prev != before.last_hash {
        return Err(fail(
            Some(link.seq),
            "the record does not follow the one before it: that one was replaced",
        ));
    }
    Ok(hash.to_owned())
}
