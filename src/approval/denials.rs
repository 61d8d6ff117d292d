//! Remembers for a day what was denied, so that asking again does not look like asking first.

use super::files;
use crate::audit::record::hex;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How long a denial is told.
const KEEP: TimeDelta = TimeDelta::hours(24);

/// Earlier answers to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// How often.
    pub times: u32,
    /// By whom last.
    pub by: String,
    /// When last.
    pub at: DateTime<Utc>,
}

/// The folder of denials.
#[derive(Debug)]
pub struct Denials {
    dir: PathBuf,
}

impl Denials {
    /// The folder in a state folder; it need not be there yet.
    pub fn new(state_dir: &Path) -> Denials {
        Denials {
            dir: state_dir.join("denials"),
        }
    }

    fn path(&self, target: &str, canonical: &str) -> PathBuf {
        let key = serde_json::json!([target, canonical]).to_string();
        self.dir.join(format!("{}.json", hex(key.as_bytes())))
    }

    /// What was denied in the last day. A clock that stepped back forgets nothing.
    ///
    /// # Errors
    /// When it is not what we wrote.
    pub fn of(
        &self,
        target: &str,
        canonical: &str,
        now: DateTime<Utc>,
    ) -> io::Result<Option<Denied>> {
        let Some(text) = files::read(&self.path(target, canonical))? else {
            return Ok(None);
        };
        let denied: Denied = serde_json::from_str(&text)?;
        Ok(Some(denied).filter(|d| now - d.at <= KEEP))
    }

    /// Notes a denial, and forgets the old ones.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(
        &self,
        target: &str,
        canonical: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> io::Result<()> {
        files::folder(&self.dir)?;
        let _lock = files::lock(&self.dir.join(".lock"))?;
        let times = self
            .of(target, canonical, now)?
            .map_or(0, |d| d.times)
            .saturating_add(1);
        let denied = Denied {
            times,
            by: by.to_owned(),
            at: now,
        };
        files::write(&self.path(target, canonical), &serde_json::to_vec(&denied)?)?;
        for entry in fs::read_dir(&self.dir)?.flatten() {
            let age = entry
                .metadata()
                .and_then(|m| m.modified())
                .ok()
                .and_then(|t| t.elapsed().ok());
            let old = age.is_some_and(|age| age.as_secs() > 2 * 24 * 3600);
            if old && entry.path().extension().is_some_and(|e| e == "json") {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_told_for_a_day_also_when_the_clock_steps_back() {
        let dir = tempfile::tempdir().unwrap();
        let denials = Denials::new(dir.path());
        let at = |s: i64| DateTime::from_timestamp(1_700_000_000 + s, 0).unwrap();
        assert_eq!(denials.of("a", "x", at(0)).unwrap(), None);
        denials.add("a", "x", "alice", at(0)).unwrap();
        denials.add("a", "x", "bob", at(60)).unwrap();
        let told = denials.of("a", "x", at(120)).unwrap().unwrap();
        assert_eq!((told.times, told.by.as_str()), (2, "bob"));
        assert!(denials.of("a", "x", at(-9999)).unwrap().is_some());
        assert_eq!(denials.of("a", "x", at(90_000)).unwrap(), None);
        assert_eq!(denials.of("b", "x", at(120)).unwrap(), None);
    }
}
