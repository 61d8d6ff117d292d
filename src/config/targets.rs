//! Targets: how each is reached, and by which keys it is known.
//!
//! Must never take a host, user or path that ssh(1) could read as anything else.

use super::{check_secret, is_name};
use crate::yaml;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where commands run.
#[derive(Debug, Clone)]
pub struct Target {
    /// Words that policies may name.
    pub tags: Vec<String>,
    /// How it is reached.
    pub transport: Transport,
}

/// How a target is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    /// On this machine, as the user of the gate.
    Local,
    /// Over SSH.
    Ssh(Ssh),
}

/// An SSH destination.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Login user.
    pub user: String,
    /// Private key file.
    pub identity: PathBuf,
    /// Pinned host keys (known_hosts format, sshd(8)).
    pub known_hosts: PathBuf,
    /// For a target with the guard: the key that signs its tickets.
    pub ticket_key: Option<PathBuf>,
}

impl Target {
    /// What an approval is bound to: transport, address, user, and the pinned host keys.
    pub fn fingerprint(&self) -> String {
        match &self.transport {
            Transport::Local => "local".to_owned(),
            Transport::Ssh(ssh) => {
                let keys = std::fs::read(&ssh.known_hosts).unwrap_or_default();
                let guard = if ssh.ticket_key.is_some() {
                    " guarded"
                } else {
                    ""
                };
                format!(
                    "ssh://{}@{}:{} keys sha256:{}{guard}",
                    ssh.user,
                    ssh.host,
                    ssh.port,
                    crate::audit::record::hex(&keys)
                )
            }
        }
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ssh,
    Local,
}

/// A target as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTarget {
    transport: Kind,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    identity: Option<PathBuf>,
    #[serde(default)]
    known_hosts: Option<PathBuf>,
    /// Whether the guard is on it: it is sent signed tickets then.
    #[serde(default)]
    guard: bool,
    #[serde(default)]
    tags: Vec<String>,
}

/// The targets of a folder: one file each, named after it.
pub(super) fn targets_of(
    dir: &Path,
    ticket_key: Option<&Path>,
) -> Result<BTreeMap<String, Target>, yaml::Error> {
    let fail = |reason: String| yaml::Error::file(&dir.display().to_string(), reason);
    let mut targets = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(|e| fail(e.to_string()))? {
        let path = entry.map_err(|e| fail(e.to_string()))?.path();
        let name = path
            .file_stem()
            .and_then(|n| n.to_str())
            .unwrap_or_default()
            .to_owned();
        if path.extension().is_none_or(|e| e != "yml") || name.starts_with('.') {
            continue;
        }
        let file = path.display().to_string();
        if !is_name(&name) {
            return Err(yaml::Error::file(
                &file,
                "it is named after the target: A-Z a-z 0-9 . _ -",
            ));
        }
        let text = yaml::read_trusted(&path)?;
        let raw: RawTarget = yaml::from_str(&file, &text)?;
        let target =
            target(raw, dir, ticket_key).map_err(|reason| yaml::Error::file(&file, reason))?;
        targets.insert(name, target);
    }
    Ok(targets)
}

/// A target as it is written, checked; its paths are relative to `base`.
pub(super) fn target(
    raw: RawTarget,
    base: &Path,
    ticket_key: Option<&Path>,
) -> Result<Target, String> {
    if raw.transport == Kind::Local {
        let given = raw.host.is_some()
            || raw.port.is_some()
            || raw.user.is_some()
            || raw.identity.is_some()
            || raw.known_hosts.is_some()
            || raw.guard;
        if given {
            return Err(
                "a local target has no host, port, user, identity, known_hosts or guard".into(),
            );
        }
        return Ok(Target {
            tags: raw.tags,
            transport: Transport::Local,
        });
    }
    let host = raw.host.ok_or("host is missing")?;
    if !is_host(&host) {
        return Err(format!(
            "host {host:?} is neither a host name nor an address"
        ));
    }
    let user = raw.user.ok_or("user is missing")?;
    if !is_name(&user) {
        return Err(format!("user {user:?} is not a login name"));
    }
    let identity = base.join(
        raw.identity
            .ok_or("identity (the private key file) is missing")?,
    );
    // A private key that others can read is not one.
    check_secret("identity", &identity)?;
    let known_hosts = base.join(
        raw.known_hosts
            .ok_or("known_hosts (the file with the pinned host key) is missing")?,
    );
    yaml::read_trusted(&known_hosts).map_err(|e| format!("known_hosts: {e}"))?;
    let ticket_key = match (raw.guard, ticket_key) {
        (false, _) => None,
        (true, Some(path)) => {
            check_secret("ticket_key", path)?;
            Some(path.to_owned())
        }
        (true, None) => return Err("guard: true needs `ticket_key` in the configuration".into()),
    };
    let ssh = Ssh {
        host,
        port: raw.port.unwrap_or(22),
        user,
        identity,
        known_hosts,
        ticket_key,
    };
    if ssh.port == 0 {
        return Err("port 0 is not a port".into());
    }
    // ssh_config(5) would read quotes and percent signs in them.
    for path in [&ssh.identity, &ssh.known_hosts] {
        let text = path.display().to_string();
        if text.contains(['"', '%', '\\', '$', '\n']) || text.contains("~") {
            return Err(format!(
                "{text}: a path for ssh must not contain any of \" % \\ $ ~"
            ));
        }
    }
    Ok(Target {
        tags: raw.tags,
        transport: Transport::Ssh(ssh),
    })
}

fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
        || ((1..=253).contains(&text.len())
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            }))
}
