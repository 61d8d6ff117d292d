//! Rotation that keeps the chain: the new file begins with a record that follows the last one of the old.
//!
//! Must never leave a moment in which the log has no file, and never remove a file whose compressed
//! twin is not whole and on disk.

use super::files::{named, program};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// When the log is rotated by the gate itself. Nothing set: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// At this size, in bytes.
    pub max_bytes: Option<u64>,
    /// When its first record is this old, in seconds.
    pub max_age_s: Option<u64>,
    /// Whether rotated files are compressed.
    pub compress: bool,
}

/// The name that a log whose first record is `first` gets when it is rotated.
pub(super) fn rotated_name(log: &Path, first: u64) -> PathBuf {
    log.with_added_extension(format!("{first:012}"))
}

/// Compresses a rotated file in its place: `NAME` becomes `NAME.gz`.
///
/// # Errors
/// When gzip or the file system fails; then the file is as it was.
pub fn compress(path: &Path) -> io::Result<PathBuf> {
    let target = path.with_added_extension("gz");
    let temporary = target.with_added_extension("new");
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let source = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|e| named(path, &e))?;
    let meta = source.metadata()?;
    let _ = fs::remove_file(&temporary);
    let out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(|e| named(&temporary, &e))?;
    let status = Command::new(program("gzip")?)
        .args(["-c", "-n"])
        .env_clear()
        .stdin(Stdio::from(source))
        .stdout(Stdio::from(out.try_clone()?))
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        let _ = fs::remove_file(&temporary);
        return Err(io::Error::other(format!(
            "{}: gzip failed ({status}): the file is as it was",
            path.display()
        )));
    }
    super::log::give_to_owner_of(&out, &meta)?;
    out.set_permissions(meta.permissions())?;
    out.sync_all()?;
    fs::rename(&temporary, &target)?;
    sync_folder(path)?;
    fs::remove_file(path)?;
    Ok(target)
}

/// Puts the names in a file's folder on disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether a file has the append-only attribute (chattr(1)); false where it cannot be known.
pub fn is_append_only(path: &Path) -> bool {
    let Ok(lsattr) = program("lsattr") else {
        return false;
    };
    Command::new(lsattr)
        .args(["-d", "--"])
        .arg(path)
        .env_clear()
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|out| {
            out.stdout
                .split(|b| *b == b' ')
                .next()
                .is_some_and(|flags| flags.contains(&b'a'))
        })
}

/// Sets or takes off the append-only attribute. Only root can, and only some file systems know it.
///
/// # Errors
/// With what chattr(1) says.
pub fn set_append_only(path: &Path, on: bool) -> io::Result<()> {
    let out = Command::new(program("chattr")?)
        .arg(if on { "+a" } else { "-a" })
        .arg("--")
        .arg(path)
        .env_clear()
        .output()?;
    if out.status.success() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        String::from_utf8_lossy(&out.stderr).trim().to_owned(),
    ))
}
