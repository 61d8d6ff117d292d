//! Idempotency: the same `request_id` with the same content is answered once and never runs twice.

use super::files;
use crate::audit::record::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long an answer is kept.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Serialize, Deserialize)]
struct Stored {
    content: String,
    /// None while the request is handled, or when its gate died.
    answer: Option<Value>,
}

/// What is known of an id.
#[derive(Debug)]
pub enum Begin {
    /// Nothing: handle it, then [`Requests::finish`].
    New(Guard),
    /// The first answer.
    Same(Value),
    /// Another process handles it now.
    InProgress,
    /// The process that handled it died before it answered.
    Interrupted,
    /// It was used for something else.
    Conflict,
}

/// A request under way.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    content: String,
    _lock: File,
}

/// The folder of answers.
#[derive(Debug)]
pub struct Requests {
    dir: PathBuf,
}

impl Requests {
    /// Opens it, making it (0700) if need be.
    ///
    /// # Errors
    /// When it cannot be made, or others can write it.
    pub fn open(dir: &Path) -> io::Result<Requests> {
        files::folder(dir)?;
        Ok(Requests {
            dir: dir.to_owned(),
        })
    }

    /// Looks an id up, and takes it if it is new. `content` is a digest of the request.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn begin(&self, key: &str, content: &str) -> io::Result<Begin> {
        let name = hex(key.as_bytes());
        let lock = files::open_lock(&self.dir.join(format!("{name}.lock")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Begin::InProgress),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        let path = self.dir.join(format!("{name}.json"));
        let Some(text) = files::read(&path)? else {
            self.prune(&name);
            let guard = Guard {
                path,
                content: content.to_owned(),
                _lock: lock,
            };
            guard.write(None)?;
            return Ok(Begin::New(guard));
        };
        let stored: Stored = serde_json::from_str(&text)?;
        if stored.content != content {
            return Ok(Begin::Conflict);
        }
        Ok(stored.answer.map_or(Begin::Interrupted, Begin::Same))
    }

    /// Stores the answer.
    ///
    /// # Errors
    /// When it cannot be written; the id then counts as interrupted.
    pub fn finish(&self, guard: Guard, answer: &Value) -> io::Result<()> {
        guard.write(Some(answer))
    }

    /// Forgets an id under which nothing happened.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn abandon(&self, guard: Guard) -> io::Result<()> {
        fs::remove_file(&guard.path)
    }

    /// Removes old answers, on about one new request in 256: the folder stays bounded without a clock job.
    fn prune(&self, name: &str) {
        if !name.starts_with("00") {
            return;
        }
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        for entry in entries.flatten() {
            let old = entry.metadata().and_then(|m| m.modified()).is_ok_and(|t| {
                SystemTime::now()
                    .duration_since(t)
                    .is_ok_and(|age| age > KEEP)
            });
            if old {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Guard {
    fn write(&self, answer: Option<&Value>) -> io::Result<()> {
        let stored = Stored {
            content: self.content.clone(),
            answer: answer.cloned(),
        };
        files::write(&self.path, &serde_json::to_vec(&stored)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_once() {
        let dir = tempfile::tempdir().unwrap();
        let requests = Requests::open(&dir.path().join("r")).unwrap();
        let Begin::New(guard) = requests.begin("k", "c").unwrap() else {
            panic!()
        };
        assert!(matches!(
            requests.begin("k", "c").unwrap(),
            Begin::InProgress
        ));
        requests
            .finish(guard, &serde_json::json!({"a": 1}))
            .unwrap();
        assert!(matches!(requests.begin("k", "c").unwrap(), Begin::Same(v) if v["a"] == 1));
        assert!(matches!(
            requests.begin("k", "other").unwrap(),
            Begin::Conflict
        ));
        let Begin::New(guard) = requests.begin("dies", "c").unwrap() else {
            panic!()
        };
        drop(guard);
        assert!(matches!(
            requests.begin("dies", "c").unwrap(),
            Begin::Interrupted
        ));
    }
}
