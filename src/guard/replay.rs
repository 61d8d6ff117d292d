//! Tickets that were used: each runs once, also across crashes and reboots.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Notes that a ticket is used. Ids whose tickets could not be valid any more are forgotten.
///
/// # Errors
/// When it was used before, or that cannot be noted: then it must not run.
pub fn once(state: &Path, id: &str, not_after: i64, now: i64) -> Result<(), String> {
    let dir = state.join("used");
    note(&dir, id, not_after).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => "this ticket was used before".to_owned(),
        _ => format!("{}: {e}: that it is used cannot be noted", dir.display()),
    })?;
    forget(&dir, now);
    Ok(())
}

fn note(dir: &Path, id: &str, not_after: i64) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(id))?;
    file.write_all(not_after.to_string().as_bytes())?;
    file.sync_all()?;
    File::open(dir)?.sync_all()
}

/// An id is kept for a day beyond its ticket's end, so that a clock that is set back brings none to life.
fn forget(dir: &Path, now: i64) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let end: Option<i64> = fs::read_to_string(&path).ok().and_then(|t| t.parse().ok());
        // One that cannot be read is kept.
        if end.is_some_and(|end| end + 86_400 < now) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_runs_once() {
        let dir = tempfile::tempdir().unwrap();
        once(dir.path(), "a", 1000, 900).unwrap();
        assert!(
            once(dir.path(), "a", 1000, 900)
                .unwrap_err()
                .contains("used before")
        );
        once(dir.path(), "b", 1000 + 90_000, 1000 + 86_401).unwrap();
        assert!(
            !dir.path().join("used/a").exists(),
            "forgotten when it cannot be valid"
        );
        assert!(once(Path::new("/proc/nowhere"), "c", 1, 1).is_err());
    }
}
