//! Takes an installation away again: the right to call first, the way in next, then the rest.
//!
//! Must never remove the audit log unless told to, nor a user or file that the installation did not make.

use super::apply::users_tool;
use super::host::{Ids, Result, clean, own, system};
use super::manifest::{self, Manifest};
use super::step::{Step, has_systemd, wants};
use super::{Act, gateway, target};
use crate::audit::seal::key_path;
use crate::audit::{Log, rotate};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What else to take away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Removal {
    /// The audit logs too.
    pub audit: bool,
    /// The agent's user and its home, if the installation made it.
    pub agent: bool,
}

/// `aiops install remove`.
///
/// # Errors
/// What could not be removed, and why.
pub fn remove(act: &mut Act, removal: Removal) -> Result<()> {
    act.need_root()?;
    let mut manifest = Manifest::load(&act.host)?;
    if manifest.gateway.is_none() && manifest.target.is_none() {
        act.say("Nothing is installed here.");
        return Ok(());
    }
    let mut steps = Vec::new();
    if let Some(choices) = &manifest.gateway {
        steps.extend(gateway::plan(&act.host, choices)?);
    }
    if let Some(choices) = &manifest.target {
        steps.extend(target::plan(&act.host, choices)?.0);
    }
    // Rights and ways in first: from then on nobody can call what is being taken away.
    for path in [
        gateway::SUDOERS,
        target::SUDOERS,
        "/var/lib/aiops/.ssh/authorized_keys",
    ] {
        take(act, path)?;
    }
    end_connections(act);
    end_sealing(act)?;
    act.say(&format!(
        "  - {}: manual pages and completions",
        super::SHARED
    ));
    for step in steps.iter().rev() {
        match step {
            Step::File { path, .. }
            | Step::Link { path, .. }
            | Step::SshKey { path, .. }
            | Step::TicketKey { path, .. } => {
                take(act, path)?;
            }
            _ => {}
        }
    }
    if has_systemd(&act.host) && !act.dry_run && manifest.gateway.is_some() {
        system("systemctl", &["daemon-reload"])?;
    }
    take(act, "/opt/aiops/keys/id_ed25519.pub")?;
    for tree in [
        "policies",
        "knowledge",
        "previous",
        "runtime",
        "targets",
        "keys",
        "bin",
    ] {
        take_tree(act, &format!("/opt/aiops/{tree}"))?;
    }
    take_tree(act, target::HOME)?;
    for log in ["/opt/aiops/audit", "/var/log/aiops"] {
        if removal.audit {
            if !act.dry_run {
                for path in files_of(&act.host.at(log)) {
                    changeable(&path)?;
                }
            }
            take_tree(act, log)?;
        } else if act.host.at(log).exists() {
            act.say(&format!(
                "  = {log}: the audit log stays (--audit removes it)"
            ));
            if !act.dry_run {
                keep_log(&act.host.at(log))?;
            }
        }
    }
    remove_users(act, &mut manifest, removal)?;
    take(act, manifest::PATH)?;
    if !act.dry_run {
        // Goes only if nothing is left in it.
        let _ = fs::remove_dir(act.host.at("/opt/aiops"));
    }
    act.say(if act.dry_run {
        "Dry run: nothing was changed."
    } else {
        "Removed."
    });
    Ok(())
}

/// Seals the log a last time, so that all of it is sealed, and stops the timer.
fn end_sealing(act: &mut Act) -> Result<()> {
    let log = act.host.at(gateway::LOG);
    let timer = wants(&act.host, gateway::TIMER);
    if key_path(&log).exists() {
        act.say(&format!("  = {}: sealed a last time", gateway::LOG));
        if !act.dry_run {
            // A log that cannot be written or sealed must not keep the rest here.
            if let Err(e) = Log::open(&log).and_then(|log| log.seal_now()) {
                act.say(&format!("Note: {e}"));
            }
        }
    }
    if fs::symlink_metadata(&timer).is_err() {
        return Ok(());
    }
    act.say(&format!("  - {}", gateway::TIMER));
    if act.dry_run {
        return Ok(());
    }
    if has_systemd(&act.host) {
        system(
            "systemctl",
            &["disable", "--quiet", "--now", "--", gateway::TIMER],
        )?;
    }
    match fs::remove_file(&timer) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {e}", timer.display()))
        }
        _ => Ok(()),
    }
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file()))
        .collect()
}

/// Takes the append-only attribute off, if there is one. Says whether there was.
fn changeable(path: &Path) -> Result<bool> {
    let fixed = rotate::is_append_only(path);
    if fixed {
        rotate::set_append_only(path, false).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(fixed)
}

/// The log's owner is about to be nobody: root keeps it. What was append-only stays so.
fn keep_log(dir: &Path) -> Result<()> {
    let root = Some(Ids { uid: 0, gid: 0 });
    let fail = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    for path in files_of(dir) {
        let fixed = changeable(&path)?;
        own(&path, root).map_err(|e| fail(&path, e))?;
        if fixed {
            rotate::set_append_only(&path, true).map_err(|e| fail(&path, e))?;
        }
    }
    own(dir, root).map_err(|e| fail(dir, e))
}

fn take(act: &mut Act, path: &str) -> Result<()> {
    let place = act.host.at(path);
    if fs::symlink_metadata(&place).is_err() {
        return Ok(());
    }
    if !path.starts_with(super::SHARED) {
        act.say(&format!("  - {path}"));
    }
    if act.dry_run {
        return Ok(());
    }
    fs::remove_file(&place).map_err(|e| format!("{}: {e}", place.display()))
}

fn take_tree(act: &mut Act, path: &str) -> Result<()> {
    let place = act.host.at(path);
    if !place.is_dir() {
        return Ok(());
    }
    act.say(&format!("  - {path}/"));
    if act.dry_run {
        return Ok(());
    }
    fs::remove_dir_all(&place).map_err(|e| format!("{}: {e}", place.display()))
}

/// The gate keeps its SSH connections open for later calls.
fn end_connections(act: &Act) {
    if act.dry_run {
        return;
    }
    for entry in fs::read_dir(act.host.at("/opt/aiops/runtime/ssh"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        if path.extension().is_none() {
            let mut ssh = clean("ssh");
            ssh.args(["-F", "none", "-O", "exit", "-o"])
                .arg(format!("ControlPath={}", path.display()))
                .arg("--")
                .arg("target")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            // One that is gone already needs no ending.
            let _ = ssh.status();
        }
    }
}

/// Ends what still runs as a user that is about to be gone: an open SSH session of the gate, a run.
/// Its rights and its way in are gone already, so nothing new can begin.
fn end_processes(uid: u32) {
    use nix::sys::signal::{Signal, kill};
    use std::os::unix::fs::MetadataExt;
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        for _ in 0..10 {
            let mut left = false;
            for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
                let pid = entry
                    .file_name()
                    .to_str()
                    .and_then(|n| n.parse::<i32>().ok());
                let owner = entry.metadata().map(|m| m.uid());
                if let (Some(pid), Ok(owner)) = (pid, owner)
                    && owner == uid
                {
                    left = true;
                    let _ = kill(nix::unistd::Pid::from_raw(pid), signal);
                }
            }
            if !left {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

fn remove_users(act: &mut Act, manifest: &mut Manifest, removal: Removal) -> Result<()> {
    let agent = manifest.gateway.as_ref().map(|c| c.agent.clone());
    let users: Vec<String> = manifest.users.iter().cloned().collect();
    for user in users {
        let is_agent = agent.as_ref() == Some(&user);
        if is_agent && !removal.agent {
            act.say(&format!(
                "  = user {user}: the agent's user and its files stay (--agent removes them)"
            ));
            continue;
        }
        if let Some(ids) = act.host.user(&user) {
            act.say(&format!("  - user {user}"));
            if !act.dry_run {
                if !act.host.staged() {
                    end_processes(ids.uid);
                }
                let home = is_agent.then_some("--remove");
                let args: Vec<&str> = home.into_iter().chain([user.as_str()]).collect();
                users_tool(&act.host, "userdel", &args)?;
            }
        }
    }
    let groups: Vec<String> = manifest.groups.iter().cloned().collect();
    for group in groups {
        if act.host.group(&group).is_some() {
            act.say(&format!("  - group {group}"));
            if !act.dry_run {
                users_tool(&act.host, "groupdel", &[&group])?;
            }
        }
    }
    Ok(())
}
