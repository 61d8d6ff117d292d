//! Takes an installation away again: the right to call first, the way in next, then the rest.
//!
//! Must never remove the audit log unless told to, nor a user or file that the installation did not make.

use super::host::{Result, clean, system};
use super::manifest::{self, Manifest};
use super::step::Step;
use super::{Act, gateway, target};
use std::fs;
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
            take_tree(act, log)?;
        } else if act.host.at(log).exists() {
            act.say(&format!(
                "  = {log}: the audit log stays (--audit removes it)"
            ));
            if !act.dry_run {
                // Its owner is about to be nobody: root keeps it.
                let place = act.host.at(log).display().to_string();
                system("chown", &["-R", "root:root", &place])?;
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
    let root = act.host.root().display().to_string();
    let staged = act.host.staged();
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
                if !staged {
                    end_processes(ids.uid);
                }
                let mut args: Vec<&str> = if staged {
                    vec!["--prefix", &root]
                } else {
                    Vec::new()
                };
                if is_agent {
                    args.push("--remove");
                }
                args.push(&user);
                system("userdel", &args)?;
            }
        }
    }
    let groups: Vec<String> = manifest.groups.iter().cloned().collect();
    for group in groups {
        if act.host.group(&group).is_some() {
            act.say(&format!("  - group {group}"));
            if !act.dry_run {
                let mut args: Vec<&str> = if staged {
                    vec!["--prefix", &root]
                } else {
                    Vec::new()
                };
                args.push(&group);
                system("groupdel", &args)?;
            }
        }
    }
    Ok(())
}
