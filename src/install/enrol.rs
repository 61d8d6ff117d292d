//! `aiops target add|list|remove`: makes a server known to the gate.
//!
//! Must never trust a host key that nobody has compared.

use super::Act;
use super::gateway::GATE;
use super::host::{Host, Ids, Result, system};
use super::target::is_name;
use std::fs;
use std::io::{BufRead, Write};

/// A server to be made known.
#[derive(Debug, Clone)]
pub struct NewTarget {
    /// What the gate calls it.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// SSH port.
    pub port: u16,
    /// Login user.
    pub user: String,
    /// Tags that policies may name.
    pub tags: Vec<String>,
    /// No guard on it.
    pub plain: bool,
    /// The host key's fingerprint, compared already: `SHA256:…`.
    pub fingerprint: Option<String>,
    /// Replace a target of that name.
    pub replace: bool,
}

/// The folder of targets.
const FOLDER: &str = "/opt/aiops/targets";

/// Adds it.
///
/// # Errors
/// When its host key cannot be fetched, is not the one expected, or is not confirmed.
pub fn add(act: &mut Act, new: &NewTarget, input: &mut dyn BufRead) -> Result<()> {
    act.need_root()?;
    for word in new.tags.iter().chain([&new.name, &new.user]) {
        if !is_name(word) {
            return Err(format!(
                "{word:?}: names and tags are 1 to 64 of A-Z a-z 0-9 . _ -"
            ));
        }
    }
    let host_like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
    if new.host.starts_with('-') || new.host.is_empty() || !new.host.chars().all(host_like) {
        return Err(format!(
            "{:?} is neither a host name nor an address",
            new.host
        ));
    }
    if !act.host.at(FOLDER).is_dir() {
        return Err("this host is no gateway yet: run `aiops install gateway` first".into());
    }
    let file = format!("{FOLDER}/{}.yml", new.name);
    if act.host.at(&file).exists() && !new.replace {
        return Err(format!(
            "{file} exists: choose another name, or say --replace"
        ));
    }
    let (kind, key) = fetch(new)?;
    let known = if new.port == 22 {
        format!("{} {kind} {key}\n", new.host)
    } else {
        format!("[{}]:{} {kind} {key}\n", new.host, new.port)
    };
    let fingerprint = fingerprint(&format!("{kind} {key}"))?;
    confirm(act, new, &kind, &fingerprint, input)?;
    if act.dry_run {
        act.say(&format!("Dry run: {file} would be written."));
        return Ok(());
    }
    let ids = gate_ids(&act.host);
    let known_path = format!("{FOLDER}/{}.known_hosts", new.name);
    act.host
        .put(&act.host.at(&known_path), known.as_bytes(), 0o640, ids)?;
    act.host
        .put(&act.host.at(&file), describe(new).as_bytes(), 0o640, ids)?;
    act.say(&format!(
        "Added {}: {} ({fingerprint}).",
        new.name, new.host
    ));
    act.say("Check it with: aiops doctor");
    Ok(())
}

/// The target's file, as `config.yml` would have it below `targets:`.
fn describe(new: &NewTarget) -> String {
    format!(
        "# Written by `aiops target add`.\n\
         transport: ssh\n\
         host: \"{}\"\n\
         port: {}\n\
         user: {}\n\
         identity: ../keys/id_ed25519\n\
         known_hosts: {}.known_hosts\n\
         guard: {}\n\
         tags: [{}]\n",
        new.host,
        new.port,
        new.user,
        new.name,
        !new.plain,
        new.tags.join(", ")
    )
}

fn gate_ids(host: &Host) -> Option<Ids> {
    host.group(GATE).map(|gid| Ids { uid: 0, gid })
}

/// Asks the host for its key: the strongest kind it has.
fn fetch(new: &NewTarget) -> Result<(String, String)> {
    let port = new.port.to_string();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let said = system(
            "ssh-keyscan",
            &["-T", "5", "-p", &port, "-t", kind, &new.host],
        )
        .unwrap_or_default();
        let found = said
            .lines()
            .filter(|l| !l.starts_with('#'))
            .find_map(|line| {
                let mut words = line.split_whitespace().skip(1);
                Some((words.next()?.to_owned(), words.next()?.to_owned()))
            });
        if let Some((kind, key)) = found {
            let clean = |text: &str| {
                text.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+/=-@.".contains(c))
            };
            if clean(&kind) && clean(&key) {
                return Ok((kind, key));
            }
        }
    }
    Err(format!(
        "{}:{} shows no host key: is it up, does sshd run there, is the way open?",
        new.host, new.port
    ))
}

fn fingerprint(key: &str) -> Result<String> {
    use std::process::Stdio;
    let mut child = super::host::clean("ssh-keygen")
        .args(["-l", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("ssh-keygen: {e}: install openssh-client"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = writeln!(stdin, "{key}");
    }
    let output = child
        .wait_with_output()
        .map_err(|e| format!("ssh-keygen: {e}"))?;
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .nth(1)
        .filter(|word| word.starts_with("SHA256:"))
        .map(str::to_owned)
        .ok_or_else(|| "ssh-keygen cannot read the key that the host showed".into())
}

fn confirm(
    act: &mut Act,
    new: &NewTarget,
    kind: &str,
    fingerprint: &str,
    input: &mut dyn BufRead,
) -> Result<()> {
    if let Some(expected) = &new.fingerprint {
        if expected == fingerprint {
            return Ok(());
        }
        return Err(format!(
            "{} shows the key {fingerprint}, not {expected}: nothing was added. Either the fingerprint is of another key, or somebody is in between.",
            new.host
        ));
    }
    act.say(&format!(
        "{} shows the {kind} host key\n  {fingerprint}",
        new.host
    ));
    act.say("Compare it on the server itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    act.say("Is it the same? Type yes:");
    let mut answer = String::new();
    input
        .read_line(&mut answer)
        .map_err(|e| format!("standard input: {e}"))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err("not confirmed: nothing was added".into())
    }
}

/// Takes a target away.
///
/// # Errors
/// When it is not there or cannot be removed.
pub fn remove(act: &mut Act, name: &str) -> Result<()> {
    act.need_root()?;
    let file = act.host.at(&format!("{FOLDER}/{name}.yml"));
    if !is_name(name) || !file.exists() {
        return Err(format!(
            "{FOLDER} has no target of the name {:?}",
            crate::display::escape(name)
        ));
    }
    if act.dry_run {
        act.say(&format!("Dry run: {} would be removed.", file.display()));
        return Ok(());
    }
    fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let _ = fs::remove_file(act.host.at(&format!("{FOLDER}/{name}.known_hosts")));
    act.say(&format!(
        "Removed {name}. On the server: aiops install remove"
    ));
    Ok(())
}
