//! The kill switch: while a freeze lies in the state folder, nothing new runs on what it names.
//!
//! Must never be lifted by one person where several are needed, and must never be missed: a freeze
//! that cannot be read counts as one.

use crate::approval::files;
use crate::approval::met;
use crate::policy::Quorum;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The target; none for all of them.
    pub target: Option<String>,
    /// Who froze it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who wants it lifted, so far.
    pub thaw: Vec<Thaw>,
    /// Ids of runs that were ended with it.
    pub ended: Vec<String>,
}

/// One person's wish to lift a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thaw {
    /// Who.
    pub who: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The folder of freezes.
#[derive(Debug)]
pub struct Freezes {
    dir: PathBuf,
}

impl Freezes {
    /// The folder in a state folder; it need not be there yet.
    pub fn new(state_dir: &Path) -> Freezes {
        Freezes {
            dir: state_dir.join("freeze"),
        }
    }

    /// All that last, the one for everything first.
    ///
    /// # Errors
    /// When one cannot be read or is not what we wrote: then nothing may run.
    pub fn all(&self) -> io::Result<Vec<Freeze>> {
        let mut found = Vec::new();
        for path in files::list(&self.dir)? {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            if let Some(freeze) = self.read(&path)? {
                found.push(freeze);
            }
        }
        found.sort_by(|a: &Freeze, b| a.target.cmp(&b.target));
        Ok(found)
    }

    /// What can be seen of them by somebody who is not the gate (the doctor, as root). Decides nothing.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn seen(&self) -> io::Result<Vec<Freeze>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json") {
                found.push(serde_json::from_str(&fs::read_to_string(&path)?)?);
            }
        }
        Ok(found)
    }

    /// The one that stops runs on a target.
    ///
    /// # Errors
    /// As [`Freezes::all`].
    pub fn on(&self, target: &str) -> io::Result<Option<Freeze>> {
        let stops = |f: &Freeze| f.target.as_deref().is_none_or(|t| t == target);
        Ok(self.all()?.into_iter().find(stops))
    }

    /// Freezes; on disk when this returns. A second freeze of the same takes back all wishes to lift it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set(&self, freeze: &Freeze) -> io::Result<()> {
        files::folder(&self.dir)?;
        let _lock = files::lock(&self.dir.join(".lock"))?;
        files::write(
            &self.path(freeze.target.as_deref()),
            &serde_json::to_vec(freeze)?,
        )
    }

    /// Counts a wish to lift a freeze; with enough of them it is lifted. None if there is no such freeze;
    /// else the freeze with all wishes, and whether it was lifted.
    ///
    /// # Errors
    /// When it cannot be read or written, or that person wished it already.
    pub fn thaw(
        &self,
        target: Option<&str>,
        wish: Thaw,
        quorum: &Quorum,
    ) -> io::Result<Option<(Freeze, bool)>> {
        let path = self.path(target);
        if !self.dir.exists() {
            return Ok(None);
        }
        let _lock = files::lock(&self.dir.join(".lock"))?;
        let Some(mut freeze) = self.read(&path)? else {
            return Ok(None);
        };
        if freeze
            .thaw
            .iter()
            .any(|t| t.who.eq_ignore_ascii_case(&wish.who))
        {
            return Err(io::Error::other(format!(
                "{} wished that already: the next must be another person",
                wish.who
            )));
        }
        freeze.thaw.push(wish);
        let voters: Vec<(&str, &[String])> = freeze
            .thaw
            .iter()
            .map(|t| (t.who.as_str(), t.roles.as_slice()))
            .collect();
        let lifted = met(quorum, &voters);
        if lifted {
            fs::remove_file(&path)?;
            files::sync_folder(&self.dir)?;
        } else {
            files::write(&path, &serde_json::to_vec(&freeze)?)?;
        }
        Ok(Some((freeze, lifted)))
    }

    fn path(&self, target: Option<&str>) -> PathBuf {
        match target {
            None => self.dir.join("all.json"),
            Some(name) => self.dir.join(format!("target-{name}.json")),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Option<Freeze>> {
        let Some(text) = files::read(path)? else {
            return Ok(None);
        };
        let freeze: Freeze = serde_json::from_str(&text).map_err(|e| {
            io::Error::other(format!("{}: {e}: freeze again, then thaw", path.display()))
        })?;
        if self.path(freeze.target.as_deref()) != path {
            return Err(io::Error::other(format!(
                "{} is not about what its name says",
                path.display()
            )));
        }
        Ok(Some(freeze))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freeze(target: Option<&str>) -> Freeze {
        Freeze {
            target: target.map(str::to_owned),
            by: "alice".into(),
            why: "strange".into(),
            at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            thaw: vec![],
            ended: vec![],
        }
    }

    fn wish(who: &str) -> Thaw {
        Thaw {
            who: who.into(),
            roles: vec![],
            at: DateTime::from_timestamp(1_700_000_001, 0).unwrap(),
        }
    }

    #[test]
    fn a_freeze_stops_what_it_names_until_enough_people_lift_it() {
        let dir = tempfile::tempdir().unwrap();
        let freezes = Freezes::new(dir.path());
        let two = Quorum {
            need: 2,
            roles: vec![],
        };
        assert_eq!(freezes.all().unwrap(), []);
        assert!(freezes.thaw(None, wish("a"), &two).unwrap().is_none());
        freezes.set(&freeze(Some("srv1"))).unwrap();
        assert!(freezes.on("srv1").unwrap().is_some() && freezes.on("srv2").unwrap().is_none());
        freezes.set(&freeze(None)).unwrap();
        assert!(freezes.on("srv2").unwrap().is_some());
        assert_eq!(freezes.seen().unwrap().len(), 2);
        assert!(!freezes.thaw(None, wish("alice"), &two).unwrap().unwrap().1);
        assert!(
            freezes.thaw(None, wish("Alice"), &two).is_err(),
            "one person is one"
        );
        assert!(freezes.on("srv2").unwrap().is_some());
        assert!(freezes.thaw(None, wish("bob"), &two).unwrap().unwrap().1);
        assert!(freezes.on("srv2").unwrap().is_none() && freezes.on("srv1").unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let freezes = Freezes::new(dir.path());
        freezes.set(&freeze(None)).unwrap();
        let path = dir.path().join("freeze/all.json");
        fs::write(&path, "{}").unwrap();
        assert!(freezes.on("srv1").is_err());
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(freezes.on("srv1").is_err());
    }
}
