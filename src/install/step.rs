//! The steps of an installation: each knows whether it is done already, and how to do it.
//!
//! A plan is a list of them. `--dry-run` prints their state, `install` applies those that are not
//! done, `doctor` reports those that no longer hold: so all three can never disagree. Must never
//! overwrite what a sysadmin changed: configuration and keys are made once, shipped files that were
//! edited stay.

use super::host::{Host, Ids, Result, is_root, mode, system};
use super::manifest::Manifest;
use crate::audit::seal::key_path;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user to be there.
#[derive(Debug, Clone)]
pub struct UserSpec {
    /// Login name.
    pub name: String,
    /// Home folder.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// Comment field.
    pub comment: String,
    /// Whether `useradd` makes the home folder and fills it.
    pub make_home: bool,
    /// Groups besides its own.
    pub groups: Vec<String>,
}

/// Owner and mode.
#[derive(Debug, Clone)]
pub struct Owner {
    /// User name.
    pub user: String,
    /// Group name.
    pub group: String,
    /// Mode bits.
    pub mode: u32,
}

impl Owner {
    /// `Owner::new("root", "root", 0o755)`.
    pub fn new(user: &str, group: &str, mode: u32) -> Owner {
        Owner {
            user: user.into(),
            group: group.into(),
            mode,
        }
    }
}

/// What becomes of a file that is there already with other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is ours: replaced.
    Replace,
    /// It is the sysadmin's: kept.
    Keep,
}

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A group.
    Group(String),
    /// A user with a group of its own name and no password.
    User(UserSpec),
    /// A folder of ours.
    Folder(String, Owner),
    /// A folder of the system's: made where it is missing, never changed.
    SystemFolder(String),
    /// A file.
    File {
        /// Where.
        path: String,
        /// Whose.
        owner: Owner,
        /// What is in it.
        content: Vec<u8>,
        /// What becomes of one that is there.
        existing: Existing,
    },
    /// A sudoers file: checked by `visudo -c` before it is in place.
    Sudoers {
        /// Where.
        path: String,
        /// What is in it.
        content: String,
    },
    /// A symbolic link.
    Link {
        /// Where.
        path: String,
        /// What it points to.
        to: String,
    },
    /// A folder of shipped files (mode 0644), exchanged as a whole.
    Tree {
        /// Where.
        path: String,
        /// Path below it, and text.
        files: Vec<(String, String)>,
    },
    /// An SSH key pair.
    SshKey {
        /// The private half.
        path: String,
        /// Whose.
        user: String,
    },
    /// The key that signs tickets for guards.
    TicketKey {
        /// Where.
        path: String,
        /// Whose.
        user: String,
    },
    /// The files of an audit log that was kept when an earlier installation was removed: the gate's again.
    LogFiles {
        /// The log.
        log: String,
        /// Whose.
        user: String,
    },
    /// The seals of the audit log. Their seed is shown once, to the person installing.
    Seals {
        /// The log.
        log: String,
    },
    /// A systemd timer, enabled and running.
    Timer(String),
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// As it should be; with a remark where it is worth one.
    Done(Option<String>),
    /// Not there: what will be made.
    Missing(String),
    /// There, but different: what will change.
    Differs(String),
}

impl Step {
    /// What the step is about: a path, or `user NAME`.
    pub fn name(&self) -> String {
        match self {
            Step::Group(name) => format!("group {name}"),
            Step::User(user) => format!("user {}", user.name),
            Step::Folder(path, _)
            | Step::SystemFolder(path)
            | Step::File { path, .. }
            | Step::Sudoers { path, .. }
            | Step::Link { path, .. }
            | Step::Tree { path, .. }
            | Step::SshKey { path, .. }
            | Step::TicketKey { path, .. } => path.clone(),
            Step::LogFiles { log, .. } => format!("{log}*"),
            Step::Seals { log } => key_path(Path::new(log)).display().to_string(),
            Step::Timer(name) => name.clone(),
        }
    }

    /// Whether it is done already.
    ///
    /// # Errors
    /// When the host cannot be read.
    pub fn state(&self, host: &Host, manifest: &Manifest) -> Result<State> {
        match self {
            Step::Group(name) => Ok(match host.group(name) {
                Some(_) => State::Done(None),
                None if no_users(host) => State::Done(Some(LATER.into())),
                None => State::Missing("make the group".into()),
            }),
            Step::User(user) => user_state(host, user),
            Step::Folder(path, owner) => place_state(host, path, owner, true, None),
            Step::SystemFolder(path) => Ok(if host.at(path).is_dir() {
                State::Done(None)
            } else {
                State::Missing("make the folder (root:root 0755)".into())
            }),
            Step::File {
                path,
                owner,
                content,
                existing,
            } => {
                let wanted = (*existing == Existing::Replace).then_some(content.as_slice());
                place_state(host, path, owner, false, wanted)
            }
            Step::Sudoers { path, content } => place_state(
                host,
                path,
                &sudoers_owner(),
                false,
                Some(content.as_bytes()),
            ),
            Step::Link { path, to } => Ok(match fs::read_link(host.at(path)) {
                Ok(is) if is == Path::new(to) => State::Done(None),
                Ok(is) => State::Differs(format!("point to {to}, not {}", is.display())),
                Err(_) if host.at(path).exists() => {
                    State::Done(Some("something else is there; kept".into()))
                }
                Err(_) => State::Missing(format!("link to {to}")),
            }),
            Step::Tree { path, files } => tree_state(host, path, files, manifest),
            Step::SshKey { path, user } | Step::TicketKey { path, user } => {
                place_state(host, path, &Owner::new(user, user, 0o600), false, None)
            }
            Step::LogFiles { log, user } => Ok(match others_log_files(host, log, user)?.len() {
                0 => State::Done(None),
                n => State::Differs(format!("give {n} files of the log back to {user}")),
            }),
            Step::Seals { log } => Ok(match fs::symlink_metadata(key_path(&host.at(log))) {
                Ok(_) => State::Done(None),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => State::Missing(
                    "make the seed of the seals, show it once, and begin sealing".into(),
                ),
                Err(e) => return Err(format!("{log}: {e}")),
            }),
            Step::Timer(name) => Ok(timer_state(host, name)),
        }
    }
}

/// Where systemd looks for what a timer's `WantedBy=timers.target` means.
pub(super) fn wants(host: &Host, timer: &str) -> std::path::PathBuf {
    host.at(&format!("/etc/systemd/system/timers.target.wants/{timer}"))
}

/// Whether systemd runs this machine (sd_booted(3)).
pub(super) fn has_systemd(host: &Host) -> bool {
    !host.staged() && Path::new("/run/systemd/system").is_dir()
}

fn timer_state(host: &Host, name: &str) -> State {
    if !host.staged() && !has_systemd(host) {
        return State::Done(Some(
            "systemd does not run here: let something else do each period what its service does"
                .into(),
        ));
    }
    if fs::symlink_metadata(wants(host, name)).is_err() {
        return State::Missing("enable and start the timer".into());
    }
    if host.staged() {
        return State::Done(None);
    }
    let show = |unit: &str, property: &str| {
        system(
            "systemctl",
            &["show", "--value", "-p", property, "--", unit],
        )
        .map(|said| said.trim().to_owned())
        .unwrap_or_default()
    };
    let service = name.replace(".timer", ".service");
    if [name, &service]
        .iter()
        .any(|unit| show(unit, "NeedDaemonReload") == "yes")
    {
        return State::Differs("let systemd read it anew".into());
    }
    match show(name, "ActiveState").as_str() {
        "active" => State::Done(None),
        other => State::Differs(format!("start it (it is {other})")),
    }
}

/// Files of the log (rotated ones, lock and key too) that belong to somebody else than the gate.
pub(super) fn others_log_files(
    host: &Host,
    log: &str,
    user: &str,
) -> Result<Vec<std::path::PathBuf>> {
    let Some(ids) = host.user(user).filter(|_| is_root()) else {
        return Ok(Vec::new());
    };
    let place = host.at(log);
    let (Some(dir), Some(name)) = (place.parent(), place.file_name().and_then(|n| n.to_str()))
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let entry = entry.map_err(|e| format!("{}: {e}", dir.display()))?;
        let is_log = entry
            .file_name()
            .to_str()
            .is_some_and(|n| n.starts_with(name));
        let meta = entry
            .metadata()
            .map_err(|e| format!("{}: {e}", entry.path().display()))?;
        // Root's own only: what belongs to anybody else was not put there by us. And nothing that has
        // another name elsewhere.
        if is_log && meta.is_file() && meta.uid() == 0 && meta.nlink() == 1 && ids.uid != 0 {
            found.push(entry.path());
        }
    }
    Ok(found)
}

const LATER: &str = "made when this tree has an /etc/passwd";

fn no_users(host: &Host) -> bool {
    host.staged() && !host.has_users()
}

pub(super) fn sudoers_owner() -> Owner {
    Owner::new("root", "root", 0o440)
}

/// The numeric owner; none where it cannot be known yet.
pub(super) fn ids(host: &Host, owner: &Owner) -> Option<Ids> {
    let uid = if owner.user == "root" {
        0
    } else {
        host.user(&owner.user)?.uid
    };
    let gid = if owner.group == "root" {
        0
    } else {
        host.group(&owner.group)?
    };
    Some(Ids { uid, gid })
}

fn user_state(host: &Host, user: &UserSpec) -> Result<State> {
    if host.user(&user.name).is_none() {
        return Ok(if no_users(host) {
            State::Done(Some(LATER.into()))
        } else {
            State::Missing(format!(
                "make the user (home {}, shell {}, no password)",
                user.home, user.shell
            ))
        });
    }
    for group in &user.groups {
        if host.group(group).is_some() && !is_member(host, &user.name, group) {
            return Ok(State::Differs(format!("join group {group}")));
        }
    }
    Ok(State::Done(None))
}

/// Whether `/etc/group` names the user as a member.
pub fn is_member(host: &Host, user: &str, group: &str) -> bool {
    fs::read_to_string(host.at("/etc/group"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields.first() == Some(&group))
                .then(|| fields.get(3).copied().unwrap_or_default().to_owned())
        })
        .any(|members| members.split(',').any(|m| m == user))
}

fn place_state(
    host: &Host,
    path: &str,
    owner: &Owner,
    folder: bool,
    content: Option<&[u8]>,
) -> Result<State> {
    let place = host.at(path);
    let meta = match fs::symlink_metadata(&place) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Ok(State::Missing(format!(
                "make the {} ({}:{} {:04o})",
                if folder { "folder" } else { "file" },
                owner.user,
                owner.group,
                owner.mode
            )));
        }
        Err(e) => return Err(format!("{}: {e}", place.display())),
    };
    if folder != meta.is_dir() || (!folder && !meta.is_file()) {
        return Err(format!(
            "{}: something else is there (a link?): move it away, then run this again",
            place.display()
        ));
    }
    let mut wrong = Vec::new();
    if let Some(wanted) = content
        && fs::read(&place).map_err(|e| format!("{}: {e}", place.display()))? != wanted
    {
        wrong.push("write its content anew".to_owned());
    }
    if mode(&meta) != owner.mode {
        wrong.push(format!(
            "set mode {:04o} (it is {:04o})",
            owner.mode,
            mode(&meta)
        ));
    }
    if is_root()
        && let Some(ids) = ids(host, owner)
        && (meta.uid(), meta.gid()) != (ids.uid, ids.gid)
    {
        wrong.push(format!(
            "give it to {}:{} (it is {}:{})",
            owner.user,
            owner.group,
            meta.uid(),
            meta.gid()
        ));
    }
    Ok(if wrong.is_empty() {
        State::Done(None)
    } else {
        State::Differs(wrong.join("; "))
    })
}

fn tree_state(
    host: &Host,
    path: &str,
    files: &[(String, String)],
    manifest: &Manifest,
) -> Result<State> {
    let place = host.at(path);
    if !place.is_dir() {
        return Ok(State::Missing(format!(
            "make it with {} files",
            files.len()
        )));
    }
    let mut replace = 0;
    let mut kept = Vec::new();
    for (name, text) in files {
        match fs::read(place.join(name)) {
            Ok(is) if is == text.as_bytes() => {}
            Ok(is) if manifest.is_edited(&format!("{path}/{name}"), &is) => kept.push(name.clone()),
            _ => replace += 1,
        }
    }
    if replace > 0 {
        return Ok(State::Differs(format!("replace {replace} shipped files")));
    }
    let loose = loosest(&place)?;
    if let Some(loose) = loose {
        return Ok(State::Differs(format!("only root may write {loose}")));
    }
    Ok(State::Done((!kept.is_empty()).then(|| {
        format!("edited here, and kept: {}", kept.join(", "))
    })))
}

/// A file of the tree that others than its owner can write.
fn loosest(dir: &Path) -> Result<Option<String>> {
    let fail = |e: std::io::Error| format!("{}: {e}", dir.display());
    for entry in fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let meta = fs::symlink_metadata(&path).map_err(fail)?;
        if !meta.is_symlink() && (mode(&meta) & 0o022 != 0 || (is_root() && meta.uid() != 0)) {
            return Ok(Some(path.display().to_string()));
        }
        if meta.is_dir()
            && let Some(found) = loosest(&path)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
