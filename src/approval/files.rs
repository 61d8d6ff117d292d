//! Files of the store: written whole or not at all, read only if nobody else can have written them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another process may hold the store.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Makes a folder of ours (0700), or checks that it is one.
pub fn folder(dir: &Path) -> io::Result<()> {
    let meta = match fs::symlink_metadata(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            fs::symlink_metadata(dir)?
        }
        found => found?,
    };
    if !meta.is_dir() || meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        let why = format!(
            "{} must be a folder of the gate's own user that nobody else can write",
            dir.display()
        );
        return Err(io::Error::other(why));
    }
    Ok(())
}

/// Opens and locks a lock file, waiting for others up to a limit.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = open_lock(path)?;
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2))
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other(format!(
                    "{} is held by another process for {} s",
                    path.display(),
                    LOCK_WAIT.as_secs()
                )));
            }
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

/// Opens a lock file without locking it.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let nofollow = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nofollow)
        .open(path)
}

/// Puts a whole file in place: when this returns, it survives a power cut.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let dir = path.parent().unwrap_or(Path::new("/"));
    let temporary = dir.join(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(dir)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes names put into or taken out of a folder survive a power cut.
pub fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Reads a file of ours; none if it is not there.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    let Some(file) = open(path)? else {
        return Ok(None);
    };
    let length = file.metadata()?.len().min(MAX_FILE);
    let mut text = String::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Opens a file of ours for reading; none if it is not there.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    let nofollow = nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(nofollow)
        .open(path)
    {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
    };
    let meta = file.metadata()?;
    if !meta.is_file() || meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o077 != 0
    {
        let why = format!(
            "{} is not a file of the gate's own user with mode 0600: it was put there by somebody else",
            path.display()
        );
        return Err(io::Error::other(why));
    }
    Ok(Some(file))
}

/// All that lies in a folder; nothing if there is no such folder.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// The files of a folder whose names end in `.json`; none if there is no such folder.
pub fn json(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = list(dir)?;
    found.retain(|path| path.extension().is_some_and(|e| e == "json"));
    Ok(found)
}
