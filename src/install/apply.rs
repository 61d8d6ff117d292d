//! Doing the steps of a plan: users, folders, files, keys, trees of shipped files.
//!
//! Must never leave a file half-written or a secret readable by others, also for a moment.

use super::host::{Host, Ids, Result, clean, own, system};
use super::manifest::{Manifest, sha256};
use super::step::{
    Existing, Owner, Step, UserSpec, has_systemd, ids, is_member, others_log_files, sudoers_owner,
    wants,
};
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

impl Step {
    /// Does it. Safe to repeat.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub fn apply(&self, host: &Host, manifest: &mut Manifest) -> Result<()> {
        match self {
            Step::Group(name) => {
                users_tool(host, "groupadd", &["--system", name])?;
                manifest.groups.insert(name.clone());
                Ok(())
            }
            Step::User(user) => apply_user(host, user, manifest),
            Step::Folder(path, owner) => apply_folder(host, path, owner),
            Step::SystemFolder(path) => {
                apply_folder(host, path, &Owner::new("root", "root", 0o755))
            }
            Step::File {
                path,
                owner,
                content,
                existing,
            } => {
                let place = host.at(path);
                if *existing == Existing::Keep && place.exists() {
                    return settle(&place, host, owner);
                }
                host.put(&place, content, owner.mode, ids(host, owner))
            }
            Step::Sudoers { path, content } => {
                check_sudoers(content)?;
                let place = host.at(path);
                host.put(
                    &place,
                    content.as_bytes(),
                    0o440,
                    ids(host, &sudoers_owner()),
                )
            }
            Step::Link { path, to } => {
                let place = host.at(path);
                let temporary = place.with_added_extension("new~");
                let _ = fs::remove_file(&temporary);
                symlink(to, &temporary)
                    .and_then(|()| fs::rename(&temporary, &place))
                    .map_err(|e| format!("{}: {e}", place.display()))
            }
            Step::Tree { path, files } => apply_tree(host, path, files, manifest),
            Step::SshKey { path, user } => apply_ssh_key(host, path, user),
            Step::TicketKey { path, user } => {
                let place = host.at(path);
                let owner = Owner::new(user, user, 0o600);
                if !place.exists() {
                    let secret = crate::guard::ticket::new_secret()
                        .map_err(|e| format!("/dev/urandom: {e}"))?;
                    host.put(&place, secret.as_bytes(), 0o600, ids(host, &owner))?;
                }
                settle(&place, host, &owner)
            }
            Step::LogFiles { log, user } => apply_log_files(host, log, user),
            // The seed must reach a person: `Act::carry_out` does this one.
            Step::Seals { log } => Err(format!("{log}: run `aiops audit seal init`")),
            Step::Timer(name) => apply_timer(host, name),
        }
    }
}

/// A log that was kept belongs to root since then; its group is the folder's.
fn apply_log_files(host: &Host, log: &str, user: &str) -> Result<()> {
    let gid = host
        .at(log)
        .parent()
        .and_then(|dir| fs::metadata(dir).ok())
        .map(|meta| meta.gid());
    let Some((ids, gid)) = host.user(user).zip(gid) else {
        return Ok(());
    };
    for path in others_log_files(host, log, user)? {
        own(&path, Some(Ids { uid: ids.uid, gid })).map_err(|e| {
            format!(
                "{}: {e} (if it is append-only, run chattr -a first)",
                path.display()
            )
        })?;
    }
    Ok(())
}

/// Enables a timer and starts it; in a staged tree, the first boot starts it.
fn apply_timer(host: &Host, name: &str) -> Result<()> {
    if has_systemd(host) {
        system("systemctl", &["daemon-reload"])?;
        system("systemctl", &["enable", "--quiet", "--now", "--", name])?;
        return Ok(());
    }
    let place = wants(host, name);
    if let Some(dir) = place.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(dir)
            .map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    symlink(format!("/etc/systemd/system/{name}"), &place)
        .map_err(|e| format!("{}: {e}", place.display()))
}

/// Owner and mode of what is there.
fn settle(place: &Path, host: &Host, owner: &Owner) -> Result<()> {
    own(place, ids(host, owner))
        .and_then(|()| fs::set_permissions(place, fs::Permissions::from_mode(owner.mode)))
        .map_err(|e| format!("{}: {e}", place.display()))
}

/// One of the programs that manage users, told of a staged tree.
pub(super) fn users_tool(host: &Host, tool: &str, args: &[&str]) -> Result<()> {
    let root = host.root().display().to_string();
    let mut all: Vec<&str> = Vec::new();
    if host.staged() {
        all.extend(["--prefix", &root]);
    }
    all.extend(args);
    system(tool, &all).map(|_| ())
}

fn apply_user(host: &Host, user: &UserSpec, manifest: &mut Manifest) -> Result<()> {
    if host.user(&user.name).is_none() {
        let home = if user.make_home {
            "--create-home"
        } else {
            "--no-create-home"
        };
        users_tool(
            host,
            "useradd",
            &[
                "--system",
                "--user-group",
                home,
                "--home-dir",
                &user.home,
                "--shell",
                &user.shell,
                "--comment",
                &user.comment,
                // `*` is no password and no lock: `!` would make sshd without PAM refuse keys too.
                "--password",
                "*",
                &user.name,
            ],
        )?;
        manifest.users.insert(user.name.clone());
    }
    for group in &user.groups {
        if host.group(group).is_some() && !is_member(host, &user.name, group) {
            users_tool(
                host,
                "usermod",
                &["--append", "--groups", group, &user.name],
            )?;
        }
    }
    Ok(())
}

fn apply_folder(host: &Host, path: &str, owner: &Owner) -> Result<()> {
    let place = host.at(path);
    if !place.is_dir() {
        if let Some(parent) = place.parent()
            && !parent.is_dir()
        {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)
                .map_err(|e| format!("{}: {e}", parent.display()))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&place)
            .map_err(|e| format!("{}: {e}", place.display()))?;
    }
    settle(&place, host, owner)
}

/// Lets `visudo -c` read a sudoers file, from a private place.
///
/// # Errors
/// With what visudo said.
pub fn check_sudoers(content: &str) -> Result<()> {
    let mut child = clean("visudo")
        .args(["-c", "-q", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("visudo: {e}: install sudo"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // What it did not read it will complain about.
        let _ = stdin.write_all(content.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|e| format!("visudo: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "visudo -c refuses the sudoers file, so it is not put in place: {}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    ))
}

/// Builds the new tree beside the old, then exchanges them; the old one becomes the way back.
fn apply_tree(
    host: &Host,
    path: &str,
    files: &[(String, String)],
    manifest: &mut Manifest,
) -> Result<()> {
    let place = host.at(path);
    let fresh = place.with_added_extension("new~");
    let fail = |p: &Path, e: std::io::Error| format!("{}: {e}", p.display());
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(|e| fail(&fresh, e))?;
    }
    let root = Some(Ids { uid: 0, gid: 0 });
    if place.is_dir() {
        copy_tree(host, &place, &fresh)?;
    }
    for (name, text) in files {
        let file = fresh.join(name);
        let key = format!("{path}/{name}");
        if let Ok(is) = fs::read(&file)
            && manifest.is_edited(&key, &is)
            && is != text.as_bytes()
        {
            continue;
        }
        if let Some(parent) = file.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)
                .map_err(|e| fail(parent, e))?;
            own(parent, root).map_err(|e| fail(parent, e))?;
        }
        host.put(&file, text.as_bytes(), 0o644, root)?;
        manifest.files.insert(key, sha256(text.as_bytes()));
    }
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).map_err(|e| fail(&fresh, e))?;
    if !place.exists() {
        return fs::rename(&fresh, &place).map_err(|e| fail(&place, e));
    }
    host.exchange(&fresh, &place)?;
    // What was in place until now is kept as the way back only by `install update`, which copied it.
    fs::remove_dir_all(&fresh).map_err(|e| fail(&fresh, e))
}

/// Copies a folder of plain files and folders, owned by root, writable by root only.
///
/// # Errors
/// With the path that could not be copied.
pub fn copy_tree(host: &Host, from: &Path, to: &Path) -> Result<()> {
    let fail = |e: std::io::Error| format!("{}: {e}", from.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(to)
        .map_err(|e| format!("{}: {e}", to.display()))?;
    own(to, Some(Ids { uid: 0, gid: 0 })).map_err(fail)?;
    for entry in fs::read_dir(from).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        let meta = fs::symlink_metadata(&path).map_err(fail)?;
        if meta.is_dir() {
            copy_tree(host, &path, &target)?;
        } else if meta.is_file() {
            let content = fs::read(&path).map_err(fail)?;
            host.put(
                &target,
                &content,
                super::host::mode(&meta) & 0o755,
                Some(Ids { uid: 0, gid: 0 }),
            )?;
        }
    }
    Ok(())
}

fn apply_ssh_key(host: &Host, path: &str, user: &str) -> Result<()> {
    let place = host.at(path);
    let owner = Owner::new(user, user, 0o600);
    if !place.exists() {
        let hostname = nix::unistd::gethostname()
            .ok()
            .and_then(|n| n.into_string().ok())
            .unwrap_or_default();
        let text = place.display().to_string();
        system(
            "ssh-keygen",
            &[
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                &format!("aiops@{hostname}"),
                "-f",
                &text,
            ],
        )?;
    }
    settle(&place, host, &owner)?;
    let public = place.with_added_extension("pub");
    if public.exists() {
        settle(&public, host, &Owner::new("root", "root", 0o644))?;
    }
    Ok(())
}
