//! Forward-secure seals: proof that what was written before the gateway was taken over was not changed after.
//!
//! Key 0 is a random seed, shown once to the auditor and then known to nobody else. A seal is
//! `HMAC(key, "seal:EPOCH:SEQ:PREV")`, written as a record; then the next key,
//! `HMAC(key, "next")`, takes the key's place, and the old one is overwritten. Whoever reads the
//! key file later holds a key from which no earlier one can be found, and so cannot make the seals of
//! earlier times anew (Bellare and Yee, "Forward integrity for secure audit logs", 1997).
//! HMAC is with SHA-256 (RFC 2104); all keys have 32 bytes.
//!
//! Must never write a key or seed anywhere but into the key file (mode 0600) and, once, to the auditor.

use super::record::to_hex;
use crate::outcome::rfc3339;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How long a key is used when nothing else is said, in seconds.
pub const PERIOD_S: u64 = 300;
const BLOCK: usize = 64;
/// Hexadecimal digits of a seed as it is written down: 32 bytes, and two of a checksum.
const DIGITS: usize = 68;

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|b| b ^ 0x36));
    inner.update(message);
    let mut outer = Sha256::new();
    outer.update(block.map(|b| b ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// One period's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its number, from 0.
    pub epoch: u64,
    bytes: [u8; 32],
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.epoch)
    }
}

impl Key {
    /// The seal over every record before `seq`, the last of which has the hash `prev`.
    pub fn seal(&self, seq: u64, prev: &str) -> String {
        to_hex(&hmac(
            &self.bytes,
            format!("seal:{}:{seq}:{prev}", self.epoch).as_bytes(),
        ))
    }

    /// The next period's key. There is no way back.
    pub fn next(&self) -> Key {
        Key {
            epoch: self.epoch + 1,
            bytes: hmac(&self.bytes, b"next"),
        }
    }
}

/// The auditor's seed: key 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed(Key);

impl Seed {
    /// A new one, from the kernel's random numbers.
    ///
    /// # Errors
    /// When `/dev/urandom` cannot be read.
    pub fn random() -> io::Result<Seed> {
        let mut bytes = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Seed(Key { epoch: 0, bytes }))
    }

    /// Reads what [`Seed::show`] wrote, whatever the spaces and dashes.
    ///
    /// # Errors
    /// When it is not one seed, or has a typing error.
    pub fn parse(text: &str) -> Result<Seed, String> {
        let mut seeds = Seed::parse_all(text)?;
        match (seeds.pop(), seeds.is_empty()) {
            (Some(seed), true) => Ok(seed),
            _ => Err("there is more than one seed".into()),
        }
    }

    /// Reads one seed or several, in the order in which they came into use.
    ///
    /// # Errors
    /// When one of them is not a seed, or has a typing error; when there is none.
    pub fn parse_all(text: &str) -> Result<Vec<Seed>, String> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_digit(16).map(|d| d as u8))
            .collect::<Option<_>>()
            .ok_or("a seed has only the digits 0-9 and a-f")?;
        if digits.is_empty() || !digits.len().is_multiple_of(DIGITS) {
            return Err(format!(
                "a seed has {DIGITS} digits (64 and a checksum of 4), not {}",
                digits.len()
            ));
        }
        digits.chunks_exact(DIGITS).map(Seed::of_digits).collect()
    }

    fn of_digits(digits: &[u8]) -> Result<Seed, String> {
        let mut all = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            *byte = all.next().unwrap_or_default();
        }
        let sum: Vec<u8> = all.collect();
        if sum != Sha256::digest(bytes)[..2] {
            return Err("the seed has a typing error: its checksum does not fit".into());
        }
        Ok(Seed(Key { epoch: 0, bytes }))
    }

    /// For paper: 16 groups of four hexadecimal digits, and a checksum.
    pub fn show(&self) -> String {
        let mut digits = to_hex(&self.0.bytes);
        digits.push_str(&to_hex(&Sha256::digest(self.0.bytes)[..2]));
        digits
            .as_bytes()
            .chunks(4)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect::<Vec<_>>()
            .join("-")
    }

    /// Key 0.
    pub fn key(&self) -> Key {
        self.0.clone()
    }
}

/// What the gate keeps: the key of this period and when the last seal was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The key for the next seal.
    pub key: Key,
    /// When the last seal was written.
    pub sealed_at: DateTime<Utc>,
    /// How long a key is used, in seconds.
    pub period_s: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    epoch: u64,
    key: String,
    sealed_at: DateTime<Utc>,
    period_s: u64,
}

/// The old key file, to be overwritten: never what somebody put in its place, a link or another's file.
fn overwritable(path: &Path, log: &Path) -> Option<File> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits())
        .open(path)
        .ok()?;
    let (meta, owner) = (file.metadata().ok()?, fs::metadata(log).ok()?.uid());
    (meta.is_file() && meta.uid() == owner && meta.mode() & 0o077 == 0).then_some(file)
}

/// Where the key of a log is.
pub fn key_path(log: &Path) -> PathBuf {
    log.with_added_extension("seal")
}

impl State {
    /// Reads the key file; none when the log is not sealed.
    ///
    /// # Errors
    /// When it is there and cannot be read or understood, or others can read it.
    pub fn load(log: &Path) -> io::Result<Option<State>> {
        let path = key_path(log);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(
                nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits(),
            )
            .open(&path);
        let mut file = match file {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(super::files::named(&path, &e)),
        };
        let wrong = |why: &str| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{}: {why}: the log cannot be sealed any more. To go on with a new seed, move this file away and run `aiops audit seal init`; the auditor then needs both seeds",
                    path.display()
                ),
            )
        };
        let meta = file.metadata()?;
        if !meta.is_file() || meta.mode() & 0o077 != 0 {
            return Err(wrong("the key file is readable by others, or not a file"));
        }
        let mut text = String::new();
        (&mut file).take(4096).read_to_string(&mut text)?;
        let raw: Raw = serde_json::from_str(&text).map_err(|_| wrong("the key file is damaged"))?;
        let bytes = unhex(&raw.key).ok_or_else(|| wrong("the key file is damaged"))?;
        Ok(Some(State {
            key: Key {
                epoch: raw.epoch,
                bytes,
            },
            sealed_at: raw.sealed_at,
            period_s: raw.period_s,
        }))
    }

    /// Puts this state in the place of the one before, and overwrites that one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store(&self, log: &Path) -> io::Result<()> {
        let path = key_path(log);
        let new = path.with_added_extension("new");
        match fs::remove_file(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let old = overwritable(&path, log);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        // Made by root for the user of the gate: it belongs to whom the log belongs.
        if let Ok(owner) = fs::metadata(log)
            && nix::unistd::geteuid().is_root()
        {
            std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
        }
        let raw = Raw {
            epoch: self.key.epoch,
            key: to_hex(&self.key.bytes),
            sealed_at: self.sealed_at,
            period_s: self.period_s,
        };
        file.write_all(&serde_json::to_vec(&raw)?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            File::open(dir)?.sync_all()?;
        }
        // Best effort: a disk that remaps blocks, or a snapshot, may still hold it.
        if let Some(mut old) = old {
            let length = old.metadata().map_or(0, |m| m.len());
            let _ = old.write_all(&vec![b'0'; usize::try_from(length).unwrap_or_default()]);
            let _ = old.sync_all();
        }
        Ok(())
    }

    /// Whether this period is over. A clock that was set back ends it too.
    pub fn due(&self, now: DateTime<Utc>) -> bool {
        let age = now.signed_duration_since(self.sealed_at).num_seconds();
        !(0..i64::try_from(self.period_s).unwrap_or(i64::MAX)).contains(&age)
    }

    /// Whether a seal should have been there by now: the gate seals what it appends, and a timer what
    /// is quiet, each period. A last seal in the future is one that a clock set back would hide.
    pub fn late(&self, now: DateTime<Utc>) -> bool {
        let age = now.signed_duration_since(self.sealed_at).num_seconds();
        let most = i64::try_from(self.period_s).unwrap_or(i64::MAX);
        !(-60..=most.saturating_mul(2).saturating_add(60)).contains(&age)
    }

    /// One sentence for a person.
    pub fn describe(&self) -> String {
        format!(
            "seals are written every {} s; {} so far, the last at {}",
            self.period_s,
            self.key.epoch,
            rfc3339(self.sealed_at)
        )
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    bytes.try_into().ok().filter(|_| text.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_rfc_4231_s() {
        for (key, message, tag) in [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(to_hex(&hmac(&key, &message)), tag);
        }
    }

    #[test]
    fn a_seed_survives_paper_but_not_a_typing_error() {
        let seed = Seed::random().unwrap();
        let text = seed.show();
        assert_eq!(
            Seed::parse(&text.replace('-', " ").to_uppercase()),
            Ok(seed)
        );
        let typo = if text.starts_with('0') { "1" } else { "0" };
        assert!(
            Seed::parse(&format!("{typo}{}", &text[1..]))
                .unwrap_err()
                .contains("typing")
        );
        assert!(Seed::parse("abc").is_err());
        assert!(Seed::parse("ü").is_err());
        assert!(Seed::parse("").is_err());
        let other = Seed::random().unwrap();
        let both = format!("{text}\n{}\n", other.show());
        assert_eq!(
            Seed::parse_all(&both),
            Ok(vec![Seed::parse(&text).unwrap(), other])
        );
        assert!(Seed::parse(&both).unwrap_err().contains("more than one"));
    }

    #[test]
    fn a_seal_is_late_after_two_periods_and_when_it_comes_from_the_future() {
        let now = Utc::now();
        let sealed = |seconds: i64| State {
            key: Seed::random().unwrap().key(),
            sealed_at: now - chrono::Duration::seconds(seconds),
            period_s: 300,
        };
        assert!(!sealed(0).late(now) && !sealed(400).late(now) && !sealed(-5).late(now));
        assert!(sealed(700).late(now) && sealed(-3600).late(now));
        let forever = State {
            period_s: u64::MAX,
            ..sealed(700)
        };
        assert!(!forever.late(now));
    }

    #[test]
    fn the_old_key_is_gone_from_the_file_and_from_its_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("audit.jsonl");
        fs::write(&log, "").unwrap();
        let first = State {
            key: Seed::random().unwrap().key(),
            sealed_at: Utc::now(),
            period_s: 300,
        };
        first.store(&log).unwrap();
        let other_name = dir.path().join("kept");
        fs::hard_link(key_path(&log), &other_name).unwrap();
        let second = State {
            key: first.key.next(),
            ..first.clone()
        };
        second.store(&log).unwrap();
        let loaded = State::load(&log).unwrap().unwrap();
        assert_eq!(loaded.key, second.key);
        let old = fs::read_to_string(&other_name).unwrap();
        assert!(old.bytes().all(|b| b == b'0'), "{old}");
    }

    #[test]
    fn what_was_put_in_the_key_s_place_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("audit.jsonl");
        let other = dir.path().join("other");
        fs::write(&log, "").unwrap();
        fs::write(&other, "somebody else's").unwrap();
        let state = State {
            key: Seed::random().unwrap().key(),
            sealed_at: Utc::now(),
            period_s: 300,
        };
        std::os::unix::fs::symlink(&other, key_path(&log)).unwrap();
        state.store(&log).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody else's");
        fs::remove_file(key_path(&log)).unwrap();
        fs::hard_link(&other, key_path(&log)).unwrap();
        state.store(&log).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody else's");
        assert_eq!(State::load(&log).unwrap(), Some(state));
    }
}
