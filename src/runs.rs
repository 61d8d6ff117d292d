//! Remembers which runs are under way, so that the next start finds those whose gate died.
//!
//! A run holds a locked file for as long as its process lives; the kernel lets go of the lock when
//! the process ends in any way. Must never call a run dead whose process still holds its lock.

use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What the next start needs to tell about a run that was left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The run's id.
    pub run_id: String,
    /// Where it ran.
    pub target: String,
    /// The command as it was asked for.
    pub command: String,
    /// Who asked.
    pub requester: String,
    /// Why.
    pub reason: String,
    /// The approval it used up.
    pub approval_id: Option<String>,
    /// Its idempotency key.
    pub request_id: Option<String>,
    /// The user who called the gate.
    #[serde(default)]
    pub caller: Option<u32>,
    /// The chat conversation.
    #[serde(default)]
    pub session: Option<String>,
}

/// The folder of runs under way.
#[derive(Debug)]
pub struct Runs {
    dir: PathBuf,
}

/// A run under way. Dropping it without [`Open::close`] leaves the file for the next start to find.
#[derive(Debug)]
pub struct Open {
    path: PathBuf,
    _locked: File,
}

impl Open {
    /// The run's end is on record: forget it.
    ///
    /// # Errors
    /// When the file cannot be removed; the next start will then report the run once more.
    pub fn close(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// A run whose gate died. Hold it while telling of it, then [`Dead::forget`].
#[derive(Debug)]
pub struct Dead {
    /// What is known of it.
    pub facts: Facts,
    path: PathBuf,
    _locked: File,
}

impl Dead {
    /// Its interruption is on record: forget it.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

impl Runs {
    /// Opens the folder, making it (mode 0700) if need be.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path) -> io::Result<Runs> {
        if !dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        Ok(Runs {
            dir: dir.to_owned(),
        })
    }

    /// Notes that a run begins. Call before the audit record that says so.
    ///
    /// # Errors
    /// When the file cannot be written: then nothing may run.
    pub fn begin(&self, facts: &Facts) -> io::Result<Open> {
        let path = self.dir.join(format!("{}.json", facts.run_id));
        // Written under a name that the search passes over, and locked before it gets its real one:
        // there is no moment in which it lies there unlocked.
        let temporary = self.dir.join(format!(".{}.new", facts.run_id));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec(facts)?)?;
        fs::rename(&temporary, &path)?;
        Ok(Open {
            path,
            _locked: file,
        })
    }

    /// The files of runs; one that has not got its real name yet is passed over.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            if !name.starts_with('.') && name.ends_with(".json") {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// The runs under way: those whose process still holds its lock.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn live(&self) -> io::Result<Vec<Facts>> {
        let mut found = Vec::new();
        for path in self.files()? {
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
                && let Ok(facts) = serde_json::from_reader(&file)
            {
                found.push(facts);
            }
        }
        Ok(found)
    }

    /// The runs that were left open by a process that is gone.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn dead(&self) -> io::Result<Vec<Dead>> {
        let mut found = Vec::new();
        for path in self.files()? {
            if let Some(dead) = look(&path)? {
                found.push(dead);
            }
        }
        Ok(found)
    }
}

fn look(path: &Path) -> io::Result<Option<Dead>> {
    let nofollow = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    let mut file = match OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nofollow)
        .open(path)
    {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(e)) => return Err(e),
    }
    // Its owner may have closed it, or another start told of it, between open and lock.
    if !path.exists() {
        return Ok(None);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let name = path
        .file_stem()
        .and_then(|n| n.to_str())
        .unwrap_or_default();
    // A file that a full disk or a power cut left empty still stands for a run.
    let facts = serde_json::from_str(&text).unwrap_or_else(|_| Facts {
        run_id: name.to_owned(),
        target: String::new(),
        command: String::new(),
        requester: String::new(),
        reason: String::new(),
        approval_id: None,
        request_id: None,
        caller: None,
        session: None,
    });
    Ok(Some(Dead {
        facts,
        path: path.to_owned(),
        _locked: file,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(id: &str) -> Facts {
        Facts {
            run_id: id.into(),
            target: "srv1".into(),
            command: "uptime".into(),
            requester: "r".into(),
            reason: "x".into(),
            approval_id: None,
            request_id: None,
            caller: None,
            session: None,
        }
    }

    #[test]
    fn a_run_is_dead_only_when_its_lock_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::open(&dir.path().join("runs")).unwrap();
        let open = runs.begin(&facts("a")).unwrap();
        assert!(runs.dead().unwrap().is_empty(), "it lives");
        assert_eq!(runs.live().unwrap(), [facts("a")]);
        drop(open);
        assert!(runs.live().unwrap().is_empty(), "it is dead");
        let dead = runs.dead().unwrap();
        assert_eq!(dead[0].facts, facts("a"));
        assert!(
            runs.dead().unwrap().is_empty(),
            "told of once, even by two at a time"
        );
        for d in dead {
            d.forget().unwrap();
        }
        assert!(runs.dead().unwrap().is_empty());
        runs.begin(&facts("b")).unwrap().close().unwrap();
        assert!(runs.dead().unwrap().is_empty());
    }
}
