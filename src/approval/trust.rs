//! Progressive trust: how often humans approved a pattern in a row. Off unless the policy has a table.
//!
//! Must never count for more than it is: one denial or one failed run sets it to zero.

use super::files;
use crate::audit::record::hex;
use crate::policy::RiskLevel;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is counted together: the rules that decided, for a group of targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Ids of the rules, sorted.
    pub rules: Vec<String>,
    /// The targets' tags, sorted and joined; the target's name where it has none.
    pub group: String,
    /// The level.
    pub level: RiskLevel,
}

/// A pattern and its count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The pattern.
    pub pattern: Pattern,
    /// Approved and run well, one after the other.
    pub approved: u32,
    /// When it last grew.
    pub last: DateTime<Utc>,
}

impl Pattern {
    /// The pattern of a question.
    pub fn new(rules: &[String], target: &str, tags: &[String], level: RiskLevel) -> Pattern {
        let mut rules = rules.to_vec();
        rules.sort();
        let mut tags = tags.to_vec();
        tags.sort();
        let group = if tags.is_empty() {
            target.to_owned()
        } else {
            tags.join("+")
        };
        Pattern {
            rules,
            group,
            level,
        }
    }
}

/// The folder of counts.
#[derive(Debug)]
pub struct Trust {
    dir: PathBuf,
}

impl Trust {
    /// The folder in a state folder; it need not be there yet.
    pub fn new(state_dir: &Path) -> Trust {
        Trust {
            dir: state_dir.join("trust"),
        }
    }

    fn path(&self, pattern: &Pattern) -> io::Result<PathBuf> {
        Ok(self
            .dir
            .join(format!("{}.json", hex(&serde_json::to_vec(pattern)?))))
    }

    /// How often it was approved in a row.
    ///
    /// # Errors
    /// When the count is not what we wrote.
    pub fn count(&self, pattern: &Pattern) -> io::Result<u32> {
        Ok(self
            .read(&self.path(pattern)?)?
            .filter(|r| r.pattern == *pattern)
            .map_or(0, |r| r.approved))
    }

    /// Counts one more.
    ///
    /// # Errors
    /// When it cannot be written: then it counts for nothing.
    pub fn add(&self, pattern: &Pattern, now: DateTime<Utc>) -> io::Result<()> {
        files::folder(&self.dir)?;
        let _lock = files::lock(&self.dir.join(".lock"))?;
        let approved = self.count(pattern)?.saturating_add(1);
        let record = Record {
            pattern: pattern.clone(),
            approved,
            last: now,
        };
        files::write(&self.path(pattern)?, &serde_json::to_vec(&record)?)
    }

    /// Sets a pattern to zero.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn reset(&self, pattern: &Pattern) -> io::Result<()> {
        if !self.dir.exists() {
            return Ok(());
        }
        let _lock = files::lock(&self.dir.join(".lock"))?;
        match fs::remove_file(self.path(pattern)?) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => files::sync_folder(&self.dir),
        }
    }

    /// All counts, most trusted first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all(&self) -> io::Result<Vec<Record>> {
        let mut found = Vec::new();
        for path in files::json(&self.dir)? {
            found.extend(self.read(&path)?);
        }
        found.sort_by(|a, b| (b.approved, &a.pattern.rules).cmp(&(a.approved, &b.pattern.rules)));
        Ok(found)
    }

    fn read(&self, path: &Path) -> io::Result<Option<Record>> {
        match files::read(path)? {
            None => Ok(None),
            Some(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|e| io::Error::other(format!("{}: {e}: remove it", path.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_counted_apart_and_forgotten_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust::new(dir.path());
        let tags = ["web".to_owned(), "db".to_owned()];
        let a = Pattern::new(&["b".into(), "a".into()], "srv1", &tags, RiskLevel::High);
        assert_eq!((a.group.as_str(), a.rules[0].as_str()), ("db+web", "a"));
        let b = Pattern::new(&["a".into()], "srv1", &[], RiskLevel::High);
        assert_eq!(b.group, "srv1");
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(trust.count(&a).unwrap(), 0);
        trust.reset(&a).unwrap();
        for _ in 0..3 {
            trust.add(&a, now).unwrap();
        }
        trust.add(&b, now).unwrap();
        assert_eq!((trust.count(&a).unwrap(), trust.count(&b).unwrap()), (3, 1));
        assert_eq!(trust.all().unwrap()[0].pattern, a);
        trust.reset(&a).unwrap();
        assert_eq!((trust.count(&a).unwrap(), trust.count(&b).unwrap()), (0, 1));
    }
}
