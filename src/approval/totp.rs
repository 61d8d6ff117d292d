//! One-time passwords by the clock (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits), and whose secrets there are.
//!
//! Must never take a password twice, one older than the last taken, or guesses without end.

use super::{code, files};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Seconds a password is for.
const PERIOD: i64 = 30;
/// Steps before and after the present one that are taken: clocks of telephones differ.
const DRIFT: i64 = 1;
/// Wrong passwords in a row before there is a pause; each further one doubles it.
const TRIES: u32 = 5;
/// RFC 4648's base 32.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// One person's secret and what came of it so far.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    secret: String,
    made_at: DateTime<Utc>,
    /// The step of the last password that was taken.
    last_step: i64,
    /// Wrong passwords since the last right one.
    wrong: u32,
    last_wrong: Option<DateTime<Utc>>,
}

/// What a password came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is this person's.
    Right(String),
    /// It is nobody's.
    Wrong,
    /// It was taken before, or is older than one that was.
    Used,
    /// Too many wrong ones: not before then.
    Paused(DateTime<Utc>),
    /// Nobody who is asked about has a secret.
    Nobody,
    /// It is two people's: the reply must say whose.
    Ambiguous,
}

/// The folder of secrets.
#[derive(Debug)]
pub struct Secrets {
    dir: PathBuf,
}

impl Secrets {
    /// The folder; it need not be there yet.
    pub fn new(dir: &Path) -> Secrets {
        Secrets {
            dir: dir.to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }

    /// Whether somebody has a secret.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Makes a secret (160 bits, RFC 4226 section 4) and returns it in base 32.
    ///
    /// # Errors
    /// When there is one and `replace` is not set, or it cannot be written.
    pub fn enrol(&self, name: &str, replace: bool, now: DateTime<Utc>) -> io::Result<String> {
        files::folder(&self.dir)?;
        let _lock = files::lock(&self.dir.join(".lock"))?;
        if self.has(name) && !replace {
            return Err(io::Error::other(format!(
                "{name} has a secret already: --replace makes a new one, and the old one counts no more"
            )));
        }
        // Two random UUIDs have 244 random bits; the bytes that hold versions are left out.
        let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        let random = |u: &uuid::Uuid| {
            u.as_bytes()
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != 6 && *at != 8)
                .map(|(_, b)| *b)
                .collect::<Vec<u8>>()
        };
        let key: Vec<u8> = random(&a).into_iter().chain(random(&b)).take(20).collect();
        let secret = base32(&key);
        let stored = Stored {
            secret: secret.clone(),
            made_at: now,
            last_step: 0,
            wrong: 0,
            last_wrong: None,
        };
        self.write(name, &stored)?;
        Ok(secret)
    }

    /// Removes a secret. False if there was none.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(name)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Whose password it is, of those people. Spent, or counted as wrong, on disk when this returns.
    ///
    /// # Errors
    /// When a secret cannot be read or written.
    pub fn check(&self, names: &[&str], password: &str, now: DateTime<Utc>) -> io::Result<Checked> {
        if !self.dir.exists() {
            return Ok(Checked::Nobody);
        }
        let _lock = files::lock(&self.dir.join(".lock"))?;
        let mut people = Vec::new();
        for name in names {
            if let Some(stored) = self.read(name)? {
                people.push((*name, stored));
            }
        }
        if people.is_empty() {
            return Ok(Checked::Nobody);
        }
        let paused = people.iter().filter_map(|(_, s)| s.paused_until(now)).min();
        people.retain(|(_, s)| s.paused_until(now).is_none());
        if let (Some(until), true) = (paused, people.is_empty()) {
            return Ok(Checked::Paused(until));
        }
        let step = now.timestamp() / PERIOD;
        let mut right: Vec<(usize, i64)> = Vec::new();
        for (at, (_, stored)) in people.iter().enumerate() {
            let Some(key) = unbase32(&stored.secret) else {
                return Err(io::Error::other(
                    "a secret is damaged: enrol its owner again",
                ));
            };
            // Every step is compared, whether one fits already or not: the time tells nothing.
            for tried in step - DRIFT..=step + DRIFT {
                if code::same(&at_step(&key, tried), password) {
                    right.push((at, tried));
                }
            }
        }
        match right.as_slice() {
            [] => {
                for (name, stored) in &mut people {
                    stored.wrong = stored.wrong.saturating_add(1);
                    stored.last_wrong = Some(now);
                    self.write(name, stored)?;
                }
                Ok(Checked::Wrong)
            }
            [(at, found), ..] if right.iter().all(|(other, _)| other == at) => {
                let Some((name, stored)) = people.get_mut(*at) else {
                    return Ok(Checked::Wrong);
                };
                if *found <= stored.last_step {
                    return Ok(Checked::Used);
                }
                stored.last_step = *found;
                stored.wrong = 0;
                self.write(name, stored)?;
                Ok(Checked::Right((*name).to_owned()))
            }
            _ => Ok(Checked::Ambiguous),
        }
    }

    fn read(&self, name: &str) -> io::Result<Option<Stored>> {
        match files::read(&self.path(name))? {
            None => Ok(None),
            Some(text) => serde_json::from_str(&text).map(Some).map_err(|e| {
                io::Error::other(format!(
                    "{}: {e}: enrol {name} again",
                    self.path(name).display()
                ))
            }),
        }
    }

    fn write(&self, name: &str, stored: &Stored) -> io::Result<()> {
        files::write(&self.path(name), &serde_json::to_vec(stored)?)
    }
}

impl Stored {
    /// Until when no password is taken: 1 minute after the fifth wrong one in a row, then 2, 4, … at most a day.
    /// A clock that stepped back before the last wrong one does not end the pause.
    fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = self.last_wrong.filter(|_| self.wrong >= TRIES)?;
        let minutes = 1i64 << (self.wrong - TRIES).min(11);
        let until = last + TimeDelta::minutes(minutes.min(24 * 60));
        (now < until).then_some(until)
    }
}

/// Whether a text can be a password.
pub fn is_password(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit())
}

/// What an authenticator reads from the QR code (the Key URI format).
pub fn uri(name: &str, gate: &str, secret: &str) -> String {
    format!(
        "otpauth://totp/aiops%20{gate}:{name}?secret={secret}&issuer=aiops%20{gate}&algorithm=SHA1&digits=6&period={PERIOD}"
    )
}

/// The URI as a QR code of block characters, light on dark.
pub fn qr(uri: &str) -> Option<String> {
    use qrcode::render::unicode::Dense1x2;
    let code = qrcode::QrCode::new(uri).ok()?;
    Some(
        code.render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .build(),
    )
}

/// The password of a step (RFC 4226, 5.3).
fn at_step(key: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 0x0f);
    let number = (u32::from(hash[offset] & 0x7f) << 24)
        | (u32::from(hash[offset + 1]) << 16)
        | (u32::from(hash[offset + 2]) << 8)
        | u32::from(hash[offset + 3]);
    format!("{:06}", number % 1_000_000)
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0u8; 5];
        block[..chunk.len()].copy_from_slice(chunk);
        let bits = block.iter().fold(0u64, |all, b| (all << 8) | u64::from(*b));
        let letters = (chunk.len() * 8).div_ceil(5);
        for at in 0..letters {
            text.push(char::from(BASE32[(bits >> (35 - 5 * at)) as usize & 31]));
        }
    }
    text
}

fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0u32);
    for letter in text.bytes() {
        let value = BASE32.iter().position(|b| *b == letter)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    (bytes.len() >= 16).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn secrets() -> (tempfile::TempDir, Secrets) {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(&dir.path().join("totp"));
        (dir, secrets)
    }

    #[test]
    fn the_passwords_are_the_rfc_s() {
        // RFC 6238, appendix B, SHA-1, the last six of its eight digits.
        let key = b"12345678901234567890";
        for (time, password) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(at_step(key, time / 30), password);
        }
        // RFC 4648, section 10.
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(unbase32(&base32(key)).unwrap(), key);
        assert_eq!(unbase32("MZXW6YTBOI"), None, "too short for a key");
    }

    #[test]
    fn a_password_is_taken_once_and_none_older_after_it() {
        let (_dir, secrets) = secrets();
        let key = unbase32(&secrets.enrol("alice", false, at(0)).unwrap()).unwrap();
        assert!(secrets.enrol("alice", false, at(0)).is_err());
        let now = 1_700_000_000;
        let password = |seconds: i64| at_step(&key, seconds / 30);
        let check =
            |password: &str, now| secrets.check(&["alice", "bob"], password, at(now)).unwrap();
        assert_eq!(check(&password(now), now), Checked::Right("alice".into()));
        assert_eq!(check(&password(now), now + 1), Checked::Used);
        assert_eq!(
            check(&password(now - 30), now),
            Checked::Used,
            "older than the last"
        );
        assert_eq!(
            check(&password(now + 30), now),
            Checked::Right("alice".into()),
            "a fast clock"
        );
        assert_eq!(
            check(&password(now + 30), now - 3600),
            Checked::Wrong,
            "the clock stepped back"
        );
        assert_eq!(
            check(&password(now - 3600), now - 3600),
            Checked::Used,
            "the clock stepped back"
        );
        assert_eq!(
            secrets.check(&["bob"], "123456", at(now)).unwrap(),
            Checked::Nobody
        );
    }

    #[test]
    fn guesses_run_into_growing_pauses() {
        let (_dir, secrets) = secrets();
        let key = unbase32(&secrets.enrol("alice", false, at(0)).unwrap()).unwrap();
        let mut now = 1_700_000_000;
        let check = |password: &str, now| secrets.check(&["alice"], password, at(now)).unwrap();
        let mut tried = 0;
        let end = now + 86_400;
        while now < end {
            match check("x", now) {
                Checked::Wrong => tried += 1,
                Checked::Paused(until) => now = until.timestamp(),
                other => panic!("{other:?}"),
            }
        }
        assert!(tried < 20, "{tried} guesses in a day");
        check("x", now);
        assert!(
            matches!(check(&at_step(&key, now / 30), now), Checked::Paused(_)),
            "also for the right one"
        );
        assert!(
            matches!(check("x", now - 86_400), Checked::Paused(_)),
            "a clock set back ends no pause"
        );
        let later = now + 3 * 86_400;
        assert_eq!(
            check(&at_step(&key, later / 30), later),
            Checked::Right("alice".into())
        );
    }

    #[test]
    fn a_secret_that_others_could_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, secrets) = secrets();
        secrets.enrol("alice", false, at(0)).unwrap();
        assert_eq!(
            fs::metadata(secrets.path("alice"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        fs::set_permissions(secrets.path("alice"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(secrets.check(&["alice"], "123456", at(1)).is_err());
        assert!(secrets.remove("alice").unwrap() && !secrets.remove("alice").unwrap());
    }
}
