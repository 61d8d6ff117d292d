//! How many questions were sent to people lately: an agent must not be able to wear them down.

use super::files;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The time that is looked back over.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// The file of times, by the user who asked.
#[derive(Debug)]
pub struct Pace {
    path: PathBuf,
}

impl Pace {
    /// The file in a state folder; it need not be there yet.
    pub fn new(state_dir: &Path) -> Pace {
        Pace {
            path: state_dir.join("pace/asked.json"),
        }
    }

    /// Counts one more question of a user; false if there were `most` in the last hour already.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn take(&self, caller: u32, most: usize, now: DateTime<Utc>) -> io::Result<bool> {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        files::folder(dir)?;
        let _lock = files::lock(&dir.join(".lock"))?;
        let mut all: BTreeMap<u32, Vec<DateTime<Utc>>> = match files::read(&self.path)? {
            Some(text) => serde_json::from_str(&text)?,
            None => BTreeMap::new(),
        };
        let times = all.entry(caller).or_default();
        // What lies in the future was noted before the clock stepped back: it counts.
        times.retain(|t| now - *t < WINDOW);
        if times.len() >= most {
            return Ok(false);
        }
        times.push(now);
        files::write(&self.path, &serde_json::to_vec(&all)?)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_an_hour_and_for_each_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let pace = Pace::new(dir.path());
        let at = |s: i64| DateTime::from_timestamp(1_700_000_000 + s, 0).unwrap();
        for s in 0..3 {
            assert!(pace.take(1, 3, at(s)).unwrap());
        }
        assert!(!pace.take(1, 3, at(10)).unwrap());
        assert!(
            !pace.take(1, 3, at(-7200)).unwrap(),
            "a clock set back frees nothing"
        );
        assert!(pace.take(2, 3, at(10)).unwrap());
        assert!(pace.take(1, 3, at(3600)).unwrap());
        assert!(!pace.take(1, 3, at(3600)).unwrap());
    }
}
