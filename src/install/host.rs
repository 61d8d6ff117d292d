//! The file system and user database that an installation works on: this machine's, or a staged tree's.
//!
//! Must never leave a file half-written: what is put in place is whole, synced, and renamed.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What went wrong, for the sysadmin: what, where, what to do.
pub type Result<T> = std::result::Result<T, String>;

/// A machine, or a folder that will be one.
#[derive(Debug, Clone)]
pub struct Host {
    root: PathBuf,
}

/// Numeric owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Host {
    /// This machine, or the tree below `root`.
    ///
    /// # Errors
    /// When the folder does not exist.
    pub fn new(root: Option<&Path>) -> Result<Host> {
        let root = match root {
            None => PathBuf::from("/"),
            Some(dir) => dir
                .canonicalize()
                .map_err(|e| format!("--root {}: {e}", dir.display()))?,
        };
        Ok(Host { root })
    }

    /// Whether this is not the running machine.
    pub fn staged(&self) -> bool {
        self.root != Path::new("/")
    }

    /// An absolute path of the host, on this machine.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The folder that stands for `/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ids of a user and its login group.
    pub fn user(&self, name: &str) -> Option<Ids> {
        let fields = self.database("etc/passwd", name);
        if let Some(fields) = fields {
            return Some(Ids {
                uid: fields.get(2)?.parse().ok()?,
                gid: fields.get(3)?.parse().ok()?,
            });
        }
        // Users of a directory service are not in the file.
        if self.staged() {
            return None;
        }
        let user = nix::unistd::User::from_name(name).ok().flatten()?;
        Some(Ids {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    }

    /// A user's line of the password database, split: name, x, uid, gid, comment, home, shell.
    pub fn passwd(&self, name: &str) -> Option<Vec<String>> {
        self.database("etc/passwd", name)
    }

    /// The id of a group.
    pub fn group(&self, name: &str) -> Option<u32> {
        if let Some(fields) = self.database("etc/group", name) {
            return fields.get(2)?.parse().ok();
        }
        if self.staged() {
            return None;
        }
        let group = nix::unistd::Group::from_name(name).ok().flatten()?;
        Some(group.gid.as_raw())
    }

    /// Whether the host has a user database at all (a staged tree may have none yet).
    pub fn has_users(&self) -> bool {
        self.at("/etc/passwd").is_file()
    }

    fn database(&self, file: &str, name: &str) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.root.join(file)).ok()?;
        text.lines()
            .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
            .find(|fields| fields.first().is_some_and(|n| n == name))
    }

    /// Writes a file whole: beside its place, synced, then renamed into it.
    ///
    /// # Errors
    /// With the path; then the old file, if there was one, is as it was.
    pub fn put(&self, path: &Path, content: &[u8], mode: u32, ids: Option<Ids>) -> Result<()> {
        let fail = |e: io::Error| format!("{}: {e}", path.display());
        let parent = path
            .parent()
            .ok_or_else(|| format!("{}: no folder", path.display()))?;
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("file");
        // sudo and logrotate pass over names with a dot or a tilde at the end, so that this one is never read.
        let temporary = parent.join(format!(".{name}.new~"));
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(fail)?;
        let written = file
            .write_all(content)
            .and_then(|()| own(&temporary, ids))
            .and_then(|()| fs::set_permissions(&temporary, fs::Permissions::from_mode(mode)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path))
            .and_then(|()| File::open(parent).and_then(|d| d.sync_all()));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(fail)
    }

    /// Exchanges two folders in one step (renameat2(2), RENAME_EXCHANGE): readers see the old or the new, never a mix.
    ///
    /// # Errors
    /// When the file system cannot do that.
    pub fn exchange(&self, a: &Path, b: &Path) -> Result<()> {
        renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)
            .map_err(|e| format!("{} <-> {}: {e}", a.display(), b.display()))
    }
}

/// Gives a file to its owner, where we may.
pub fn own(path: &Path, ids: Option<Ids>) -> io::Result<()> {
    match ids {
        Some(ids) if is_root() => std::os::unix::fs::lchown(path, Some(ids.uid), Some(ids.gid)),
        _ => Ok(()),
    }
}

/// Whether we are root: only root can make users and give files away.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Mode bits of what is there, links not followed.
pub fn mode(meta: &fs::Metadata) -> u32 {
    meta.mode() & 0o7777
}

/// Runs a program of the system with a clean environment and returns its output.
///
/// # Errors
/// With what it said on standard error.
pub fn system(program: &str, args: &[&str]) -> Result<String> {
    let mut command = clean(program);
    let output = command
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{program}: {e}: is it installed?"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if said.is_empty() {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    } else {
        said
    };
    Err(format!(
        "{program} {}: {}",
        args.join(" "),
        crate::display::escape_lines(&said)
    ))
}

/// A program of the system, found on the system's path only.
pub fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C")
        .current_dir("/");
    command
}
