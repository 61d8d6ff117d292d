//! Verifies the chain from the first record to the last, over all files of a log, and names the
//! first record that does not fit.
//!
//! Must never call a log whole that it has not read to its end.

use super::files::{self, Part, named, read_line};
use super::record::{GENESIS, hash_fits, hex, split_hash};
use super::seal::{Key, Seed, State};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::Path;

/// How much may stand between two records, in bytes.
const MAX_TORN: usize = 64 * 1024 * 1024;
/// More fields than a record has, now or in later versions.
const MOST_FIELDS: usize = 200;
/// More seals than a log can have (one a second for a century): what claims more only wants to keep us busy.
const MOST_SEALS: u64 = 1 << 32;

/// What to verify beyond the chain.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The auditor's seeds, in the order in which they came into use: the seals are checked with them.
    pub seeds: Vec<Seed>,
    /// The first record that must be there, where older files were removed on purpose; 1 if not set.
    pub first: Option<u64>,
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log.
    pub file: String,
    /// How many files it has, rotated ones with it.
    pub files: usize,
    /// Whether the file that would be written now is not there: rotated away by logrotate(8), or removed.
    pub no_current: bool,
    /// How many records fit, from the first.
    pub records: u64,
    /// The number of the first record.
    pub first_seq: u64,
    /// The hash of the last record that fits: note it elsewhere to notice a cut tail.
    pub last_hash: String,
    /// How many `log.repaired` records there are.
    pub repaired: u64,
    /// How many seals there are.
    pub seals: u64,
    /// Whether the seals were checked with the seed.
    pub seals_checked: bool,
    /// How often sealing began anew, with another seed.
    pub sealed_anew: u64,
    /// The number and time of the last seal's record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seal: Option<LastSeal>,
    /// The first record that does not fit.
    pub bad: Option<Bad>,
}

/// The last seal of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastSeal {
    /// Its record.
    pub seq: u64,
    /// Its key's number.
    pub epoch: u64,
    /// When it was written.
    pub timestamp: String,
}

/// A record that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// The file it is in.
    pub file: String,
    /// Its line in that file, from 1.
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

    /// The number of the last record that fits.
    pub fn last_seq(&self) -> u64 {
        self.first_seq
            .saturating_add(self.records)
            .saturating_sub(1)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(bad) = &self.bad {
            let seq = bad.seq.map(|s| format!(" (seq {s})")).unwrap_or_default();
            return writeln!(
                f,
                "{}: NOT VERIFIED. Line {}{seq}: {}. The {} records before it fit.",
                bad.file, bad.line, bad.what, self.records
            );
        }
        let files = match self.files {
            0 | 1 => String::new(),
            n => format!(" in {n} files"),
        };
        writeln!(
            f,
            "{}: verified. {} records{files}, last hash {}",
            self.file, self.records, self.last_hash
        )?;
        if self.first_seq > 1 {
            writeln!(
                f,
                "It begins at record {}: nothing is known of the {} before it.",
                self.first_seq,
                self.first_seq - 1
            )?;
        }
        if self.no_current {
            writeln!(
                f,
                "{} itself is not there: it was rotated away and nothing was recorded since, or somebody removed it.",
                self.file
            )?;
        }
        if self.sealed_anew > 0 && !self.seals_checked {
            writeln!(
                f,
                "Sealing began anew {} times, with another seed: ask who did that, and why.",
                self.sealed_anew
            )?;
        }
        match (&self.last_seal, self.seals_checked) {
            (Some(last), true) => writeln!(
                f,
                "The seed's seals fit: everything up to record {} was as it is now at {}. {} records came after.",
                last.seq,
                last.timestamp,
                self.last_seq() - last.seq
            ),
            (Some(last), false) => writeln!(
                f,
                "{} seals, the last in record {} at {}: not checked, that needs the seed (--seed).",
                self.seals, last.seq, last.timestamp
            ),
            (None, _) => writeln!(
                f,
                "No seals: this shows that nothing was changed by somebody who did not also compute the hashes anew."
            ),
        }
    }
}

/// What a record must say to be checked.
#[derive(Default)]
struct Link<'a> {
    seq: u64,
    timestamp: Cow<'a, str>,
    event: Cow<'a, str>,
    prev: Cow<'a, str>,
    seal_epoch: Option<u64>,
    seal: Option<Cow<'a, str>>,
    torn_bytes: Option<u64>,
    torn_sha256: Option<Cow<'a, str>>,
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Link<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(LinkVisitor(PhantomData))
    }
}

struct LinkVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for LinkVisitor<'a> {
    type Value = Link<'a>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a record")
    }

    /// A field that stands there twice is read by some programs as the first and by others as the last:
    /// no gate writes such a record.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Link<'a>, M::Error> {
        let mut link = Link::default();
        let mut seen: Vec<Cow<'de, str>> = Vec::with_capacity(40);
        // Most keys are told from all others by their length and ends: a bit each saves most comparing.
        let mut kinds = 0u64;
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            let bytes = key.as_bytes();
            let ends = bytes.first().zip(bytes.last());
            let kind = ends.map_or(0, |(a, z)| usize::from(*a) * 7 + usize::from(*z) * 3);
            let bit = 1u64 << ((kind + bytes.len()) % 64);
            if kinds & bit != 0 && seen.contains(&key) {
                return Err(M::Error::custom(format!(
                    "the field {:?} stands in it twice",
                    key.chars().take(40).collect::<String>()
                )));
            }
            match &*key {
                "seq" => link.seq = map.next_value()?,
                "timestamp" => link.timestamp = map.next_value::<Text<'de>>()?.0,
                "event" => link.event = map.next_value::<Text<'de>>()?.0,
                "prev" => link.prev = map.next_value::<Text<'de>>()?.0,
                "seal_epoch" => link.seal_epoch = Some(map.next_value()?),
                "seal" => link.seal = Some(map.next_value::<Text<'de>>()?.0),
                "torn_bytes" => link.torn_bytes = Some(map.next_value()?),
                "torn_sha256" => link.torn_sha256 = Some(map.next_value::<Text<'de>>()?.0),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            kinds |= bit;
            seen.push(key);
            if seen.len() > MOST_FIELDS {
                return Err(M::Error::custom(
                    "it has more fields than a record can have",
                ));
            }
        }
        for always in ["seq", "timestamp", "event", "prev"] {
            if !seen.iter().any(|key| key == always) {
                return Err(M::Error::missing_field(always));
            }
        }
        Ok(link)
    }
}

/// What is wrong with a line, and the number it claims.
type Wrong = (Option<u64>, String);

/// Verifies a log and all its rotated files: the chain only.
///
/// # Errors
/// When it cannot be read; a record that does not fit is no error but in the report.
pub fn verify(path: &Path) -> io::Result<Report> {
    verify_with(path, &Options::default())
}

/// Verifies a log and all its rotated files.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(path: &Path, options: &Options) -> io::Result<Report> {
    let given = path;
    let path = &files::resolve(path);
    // The key is looked at before the log: a seal that is written meanwhile must not look like one
    // that is missing.
    let key = State::load(path).ok().flatten().map(|s| s.key);
    let parts = files::open(path)?;
    let mut walk = Walk {
        report: Report {
            file: given.display().to_string(),
            files: parts.iter().filter(|p| !p.is_empty()).count(),
            no_current: parts.iter().all(|p| !p.current),
            first_seq: options.first.unwrap_or(1),
            last_hash: GENESIS.to_owned(),
            seals_checked: !options.seeds.is_empty(),
            ..Report::default()
        },
        torn: Vec::new(),
        torn_at: 0,
        torn_file: String::new(),
        torn_why: String::new(),
        seal_key: options.seeds.first().map(Seed::key),
        more_seeds: options.seeds.iter().skip(1).map(Seed::key).collect(),
        trusted_prev: options.first.is_none_or(|f| f == 1),
    };
    for part in &parts {
        if !walk.part(part)? {
            return Ok(walk.report);
        }
    }
    walk.end(path, key.as_ref());
    Ok(walk.report)
}

struct Walk {
    report: Report,
    /// What is no record and must be told of by the next one.
    torn: Vec<u8>,
    torn_at: u64,
    torn_file: String,
    torn_why: String,
    /// The key of the last seal that was seen, or key 0.
    seal_key: Option<Key>,
    /// Keys 0 of the seeds that came into use later.
    more_seeds: VecDeque<Key>,
    /// Whether the hash before the next record is known.
    trusted_prev: bool,
}

impl Walk {
    /// False when something does not fit.
    fn part(&mut self, part: &Part) -> io::Result<bool> {
        let mut lines = part.lines()?;
        let name = part.path.display().to_string();
        let (mut bytes, mut number) = (Vec::new(), 0);
        loop {
            bytes.clear();
            match read_line(&mut lines, &mut bytes) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                    self.bad(&name, number + 1, (None, e.to_string()));
                    return Ok(false);
                }
                Err(e) => return Err(named(&part.path, &e)),
            }
            // A record that is being written just now is not torn.
            if !bytes.ends_with(b"\n") && part.current {
                for _ in 0..5 {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    read_line(&mut lines, &mut bytes)?;
                    if bytes.ends_with(b"\n") {
                        break;
                    }
                }
            }
            number += 1;
            if let Err(wrong) = self.line(&bytes, &name, number) {
                self.bad(&name, number, wrong);
                return Ok(false);
            }
        }
    }

    fn bad(&mut self, file: &str, line: u64, (seq, what): Wrong) {
        let (file, line) = if self.torn.is_empty() {
            (file.to_owned(), line)
        } else {
            (self.torn_file.clone(), self.torn_at)
        };
        self.report.bad = Some(Bad {
            file,
            line,
            seq,
            what,
        });
    }

    fn line(&mut self, bytes: &[u8], file: &str, number: u64) -> Result<(), Wrong> {
        let Some(text) = bytes.strip_suffix(b"\n") else {
            // It must be the last line; a repair may tell of it in the next file.
            return self.hold(
                bytes,
                file,
                number,
                "the line is torn (no line feed at its end)",
            );
        };
        let Ok(text) = std::str::from_utf8(text) else {
            return self.hold(bytes, file, number, "the line is not UTF-8");
        };
        let link: Link = match serde_json::from_str(text) {
            Ok(link) => link,
            Err(e) => {
                return self.hold(
                    bytes,
                    file,
                    number,
                    &format!("the line is not a record: {e}"),
                );
            }
        };
        self.record(text, &link)
    }

    /// Keeps what is no record until the next record tells of it.
    fn hold(&mut self, bytes: &[u8], file: &str, number: u64, why: &str) -> Result<(), Wrong> {
        const BEGIN: &[u8] = b"{\"seq\":";
        if self.torn.is_empty() {
            // Only what begins as a record can be one that was torn.
            if !bytes.starts_with(BEGIN) && !BEGIN.starts_with(bytes) {
                return Err((None, why.to_owned()));
            }
            self.torn_at = number;
            file.clone_into(&mut self.torn_file);
            why.clone_into(&mut self.torn_why);
        }
        self.torn.extend_from_slice(bytes);
        if self.torn.len() > MAX_TORN {
            return Err((None, self.torn_why.clone()));
        }
        Ok(())
    }

    fn record(&mut self, text: &str, link: &Link) -> Result<(), Wrong> {
        let seq = Some(link.seq);
        let fail = |what: &str| Err((seq, what.to_owned()));
        let Some((front, hash)) = split_hash(text) else {
            return fail("the record has no hash at its end");
        };
        if !hash_fits(front, hash) {
            return fail("the record was changed: it does not fit its hash");
        }
        if !self.torn.is_empty() {
            let torn = self.torn.strip_suffix(b"\n").unwrap_or(&self.torn);
            let told = link.event == "log.repaired"
                && link.torn_bytes == Some(torn.len() as u64)
                && link.torn_sha256.as_deref() == Some(hex(torn).as_str());
            if !told {
                return Err((None, self.torn_why.clone()));
            }
            self.torn.clear();
        }
        let Some(expected) = self.report.first_seq.checked_add(self.report.records) else {
            return fail("no record can follow the one before it");
        };
        if link.seq != expected {
            let what = match link.seq {
                n if n > expected && self.report.records == 0 => format!(
                    "record {expected} is expected here: the log begins later. If older files were removed on purpose, verify with --first {n}"
                ),
                n if n > expected => {
                    format!("record {expected} is expected here: it was removed or moved")
                }
                _ => format!(
                    "record {expected} is expected here: this one stands here once more, or was moved"
                ),
            };
            return Err((seq, what));
        }
        if self.trusted_prev && link.prev != self.report.last_hash {
            return fail("the record does not follow the one before it: that one was replaced");
        }
        self.trusted_prev = true;
        if link.event == "log.sealed" {
            self.seal(link)?;
        }
        if link.event == "log.repaired" {
            self.report.repaired += 1;
        }
        self.report.records += 1;
        hash.clone_into(&mut self.report.last_hash);
        Ok(())
    }

    fn seal(&mut self, link: &Link) -> Result<(), Wrong> {
        let fail = |what: String| Err((Some(link.seq), what));
        let (Some(epoch), Some(seal)) = (link.seal_epoch, link.seal.as_deref()) else {
            return fail("the seal has no epoch or no value".into());
        };
        // A gate that died between a seal and the next key seals once more with the same key.
        let expected = self.report.last_seal.as_ref().map(|s| s.epoch);
        let fits = match expected {
            Some(last) => epoch == last || Some(epoch) == last.checked_add(1),
            // Each seal is a record, so there are fewer of them than of records.
            None => epoch == 0 || (self.report.first_seq > 1 && epoch < link.seq.min(MOST_SEALS)),
        };
        let anew = !fits && epoch == 0;
        if !fits && !anew {
            return fail(format!(
                "seal {epoch} stands here, but the last before it is {}: records with seals between them were removed",
                expected.map_or("none".to_owned(), |e| e.to_string())
            ));
        }
        if anew {
            self.report.sealed_anew += 1;
        }
        if let Some(key) = &mut self.seal_key {
            while key.epoch < epoch {
                *key = key.next();
            }
            let mut holds = !anew && key.seal(link.seq, &link.prev) == seal;
            if !holds && epoch == 0 && (anew || expected == Some(0)) {
                // Another seed came into use here.
                if let Some(next) = self.more_seeds.pop_front() {
                    self.report.sealed_anew += u64::from(!anew);
                    holds = next.seal(link.seq, &link.prev) == seal;
                    *key = next;
                }
            }
            if !holds && anew {
                return fail("sealing begins anew here, with a seed that was not given: if a sysadmin did that, put the new seed behind the old one in the file; if nobody did, somebody took over the gateway before this".into());
            }
            if !holds {
                return fail("the seal does not fit the seed: this record or one between it and the seal before was written anew by somebody who did not have that period's key".into());
            }
        }
        self.report.seals += 1;
        self.report.last_seal = Some(LastSeal {
            seq: link.seq,
            epoch,
            timestamp: link.timestamp.clone().into_owned(),
        });
        Ok(())
    }

    /// What can only be said when the last line was read.
    fn end(&mut self, path: &Path, key: Option<&Key>) {
        let file = path.display().to_string();
        let line = self.report.records + 1;
        if !self.torn.is_empty() {
            let mut what = self.torn_why.clone();
            if !self.torn.ends_with(b"\n") {
                what.push_str(
                    ": the gate died while it wrote it, or it was cut; the next append repairs it",
                );
            }
            self.bad(&file, line, (None, what));
            return;
        }
        let sealed = self.report.last_seal.as_ref().map(|s| s.epoch);
        if self.report.seals_checked && sealed.is_none() {
            self.bad(
                &file,
                line,
                (None, "there is no seal in it for the seed to check".into()),
            );
            return;
        }
        let Some(key) = key else { return };
        if sealed.map_or(0, |e| e + 1) < key.epoch {
            let what = format!(
                "the log ends after {} seals, but the gate has written {}: its end was cut off",
                sealed.map_or(0, |e| e + 1),
                key.epoch
            );
            self.bad(&file, line, (None, what));
            return;
        }
        if let Some(mut from_seed) = self.seal_key.clone() {
            while from_seed.epoch < key.epoch {
                from_seed = from_seed.next();
            }
            if from_seed.epoch == key.epoch && from_seed != *key {
                self.bad(&file, line, (None, "the gate's key does not come from this seed: it was replaced, so later seals will not fit".into()));
            }
        }
    }
}
