//! `config.yml`: targets, limits, paths, approvers.
//!
//! Must never take anything from the environment or the command line, and nothing from a file that
//! others can write.

mod people;
mod targets;

pub use people::{Approver, Channel, Shape, Url, check_url};
pub use targets::{Ssh, Target, Transport};

use crate::yaml;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use targets::{RawTarget, target, targets_of};

/// The configuration, checked, with absolute paths.
#[derive(Debug, Clone)]
pub struct Config {
    /// The policy file.
    pub policy: PathBuf,
    /// Approvals, runs under way, SSH masters.
    pub state_dir: PathBuf,
    /// The audit log.
    pub audit_log: PathBuf,
    /// When the audit log is rotated.
    pub audit: Audit,
    /// What the agent and the log see a label of instead of itself.
    pub pseudonyms: Vec<crate::labels::Kind>,
    /// Limits.
    pub limits: Limits,
    /// People who may approve, by name.
    pub approvers: BTreeMap<String, Approver>,
    /// How people are reached past the agent, by name.
    pub notifiers: BTreeMap<String, Channel>,
    /// Public keys of people, for the method `ssh` (ssh-keygen(1), ALLOWED SIGNERS).
    pub allowed_signers: Option<PathBuf>,
    /// Where commands may run, by name.
    pub targets: BTreeMap<String, Target>,
}

/// When the audit log is rotated by the gate itself. Nothing set: never.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// At this size, in MiB.
    pub rotate_mib: Option<u64>,
    /// When its first record is this old, in hours.
    pub rotate_hours: Option<u64>,
    /// Whether rotated files are compressed.
    pub compress: bool,
}

impl Audit {
    /// The same as the log takes it.
    pub fn rotation(&self) -> crate::audit::rotate::Rotation {
        crate::audit::rotate::Rotation {
            max_bytes: self.rotate_mib.map(|n| n * 1024 * 1024),
            max_age_s: self.rotate_hours.map(|n| n * 3600),
            compress: self.compress,
        }
    }
}

/// Limits, each with a safe default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Time limit of a command that names none, in seconds.
    pub timeout_s: u64,
    /// Longest time limit a request may name, in seconds.
    pub max_timeout_s: u64,
    /// How much of each output stream is kept, in bytes (head and tail).
    pub output_bytes: usize,
    /// How long a question may wait, in seconds.
    pub question_ttl_s: u64,
    /// How long after the last vote it may still run, in seconds.
    pub approval_ttl_s: u64,
    /// How long what was denied is not asked again, in seconds; 0 for at once.
    pub deny_pause_s: u64,
    /// Questions of one caller that are sent to people in an hour (method `code`).
    pub notices_per_hour: usize,
    /// Questions that may wait at once for one caller.
    pub pending_per_requester: usize,
    /// How long an unused SSH master stays, in seconds.
    pub ssh_persist_s: u64,
    /// Time limit for connecting, in seconds.
    pub connect_timeout_s: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            timeout_s: 60,
            max_timeout_s: 3600,
            output_bytes: 64 * 1024,
            question_ttl_s: 900,
            approval_ttl_s: 300,
            deny_pause_s: 0,
            notices_per_hour: 60,
            pending_per_requester: 20,
            ssh_persist_s: 600,
            connect_timeout_s: 10,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    version: u32,
    policy: PathBuf,
    #[serde(default = "default_state")]
    state_dir: PathBuf,
    #[serde(default = "default_log")]
    audit_log: PathBuf,
    #[serde(default)]
    audit: Audit,
    #[serde(default)]
    pseudonyms: Vec<crate::labels::Kind>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    approvers: BTreeMap<String, Approver>,
    #[serde(default)]
    notifiers: BTreeMap<String, people::RawNotifier>,
    #[serde(default)]
    allowed_signers: Option<PathBuf>,
    #[serde(default)]
    ticket_key: Option<PathBuf>,
    /// A folder with one file for each target, besides those below `targets`.
    #[serde(default)]
    targets_dir: Option<PathBuf>,
    #[serde(default)]
    targets: BTreeMap<String, RawTarget>,
}

fn default_state() -> PathBuf {
    "runtime".into()
}

fn default_log() -> PathBuf {
    "audit.jsonl".into()
}

impl Config {
    /// Reads and checks a configuration. Relative paths are relative to its folder.
    ///
    /// # Errors
    /// With file, line, column and key where they are known.
    pub fn load(path: &Path) -> Result<Config, yaml::Error> {
        let text = yaml::read_trusted(path)?;
        let base = path
            .canonicalize()
            .ok()
            .and_then(|p| p.parent().map(Path::to_owned))
            .unwrap_or_default();
        parse(&path.display().to_string(), &text, &base)
    }
}

fn parse(name: &str, text: &str, base: &Path) -> Result<Config, yaml::Error> {
    let raw: RawConfig = yaml::from_str(name, text)?;
    let fail = |key: &str, reason: String| match position(text, key) {
        Some((line, column)) => {
            yaml::Error::at(name, text, line, column, format!("{key}: {reason}"))
        }
        None => yaml::Error::file(name, format!("{key}: {reason}")),
    };
    if raw.version != 1 {
        return Err(fail(
            "version",
            format!("this program reads version 1, not {}", raw.version),
        ));
    }
    check_limits(&raw.limits).map_err(|(key, reason)| fail(key, reason))?;
    for (key, value, max) in [
        ("rotate_mib", raw.audit.rotate_mib, 1024 * 1024),
        ("rotate_hours", raw.audit.rotate_hours, 24 * 366 * 10),
    ] {
        within(key, value.unwrap_or(1), 1, max).map_err(|(key, reason)| fail(key, reason))?;
    }
    if raw.targets.is_empty() && raw.targets_dir.is_none() {
        return Err(fail("targets", "there are none: name at least one".into()));
    }
    let ticket_key = raw.ticket_key.map(|path| base.join(path));
    let mut targets = match &raw.targets_dir {
        Some(dir) => targets_of(&base.join(dir), ticket_key.as_deref())?,
        None => BTreeMap::new(),
    };
    for (target_name, raw) in raw.targets {
        if !is_name(&target_name) {
            return Err(fail(
                &target_name,
                "a target's name is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit"
                    .into(),
            ));
        }
        let target = target(raw, base, ticket_key.as_deref())
            .map_err(|reason| fail(&target_name, reason))?;
        if targets.insert(target_name.clone(), target).is_some() {
            return Err(fail(
                &target_name,
                "it is also in the folder of targets".into(),
            ));
        }
    }
    for (person, approver) in &raw.approvers {
        if !is_name(person) || approver.unix.as_deref().is_some_and(|u| !is_name(u)) {
            return Err(fail(
                person,
                "names of people and users are 1 to 64 of A-Z a-z 0-9 . _ -".into(),
            ));
        }
    }
    let mut notifiers = BTreeMap::new();
    for (name, raw) in raw.notifiers {
        if !is_name(&name) {
            return Err(fail(
                &name,
                "a notifier's name is 1 to 64 of A-Z a-z 0-9 . _ -".into(),
            ));
        }
        let channel = people::channel(raw, base).map_err(|reason| fail(&name, reason))?;
        notifiers.insert(name, channel);
    }
    people::check(&raw.approvers, &notifiers).map_err(|(key, reason)| fail(&key, reason))?;
    let allowed_signers = raw.allowed_signers.map(|path| base.join(path));
    if let Some(path) = &allowed_signers {
        yaml::read_trusted(path).map_err(|e| fail("allowed_signers", e.to_string()))?;
    }
    Ok(Config {
        policy: base.join(raw.policy),
        state_dir: base.join(raw.state_dir),
        audit_log: base.join(raw.audit_log),
        audit: raw.audit,
        pseudonyms: raw.pseudonyms,
        limits: raw.limits,
        approvers: raw.approvers,
        notifiers,
        allowed_signers,
        targets,
    })
}

fn within(key: &'static str, value: u64, min: u64, max: u64) -> Result<(), (&'static str, String)> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err((key, format!("{value} is not between {min} and {max}")))
    }
}

fn check_limits(limits: &Limits) -> Result<(), (&'static str, String)> {
    within("timeout_s", limits.timeout_s, 1, limits.max_timeout_s)?;
    within("max_timeout_s", limits.max_timeout_s, 1, 86_400)?;
    within(
        "output_bytes",
        limits.output_bytes as u64,
        1024,
        16 * 1024 * 1024,
    )?;
    within("question_ttl_s", limits.question_ttl_s, 1, 7 * 86_400)?;
    within(
        "notices_per_hour",
        limits.notices_per_hour as u64,
        1,
        10_000,
    )?;
    within("deny_pause_s", limits.deny_pause_s, 0, 86_400)?;
    within("approval_ttl_s", limits.approval_ttl_s, 1, 86_400)?;
    within(
        "pending_per_requester",
        limits.pending_per_requester as u64,
        1,
        1000,
    )?;
    within("ssh_persist_s", limits.ssh_persist_s, 1, 86_400)?;
    within("connect_timeout_s", limits.connect_timeout_s, 1, 300)
}

/// A secret's file must be readable by its owner only.
fn check_secret(key: &str, path: &Path) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|e| format!("{key} {}: {e}", path.display()))?;
    if !meta.is_file() || meta.mode() & 0o077 != 0 {
        return Err(format!(
            "{key} {}: others can read it (mode {:04o}): run chmod 600",
            path.display(),
            meta.mode() & 0o7777
        ));
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text
            .as_bytes()
            .first()
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Where a key stands, for errors that the YAML reader cannot know of.
fn position(text: &str, key: &str) -> Option<(usize, usize)> {
    text.lines().enumerate().find_map(|(number, line)| {
        let body = line.trim_start();
        let rest = body.strip_prefix(key)?;
        rest.trim_start()
            .starts_with(':')
            .then(|| (number + 1, line.len() - body.len() + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        parse("config.yml", text, Path::new("/nowhere"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn defaults_are_safe() {
        let config = parse(
            "config.yml",
            "version: 1\npolicy: p.yml\ntargets: {here: {transport: local}}\n",
            Path::new("/x"),
        )
        .unwrap();
        assert_eq!(config.policy, Path::new("/x/p.yml"));
        assert_eq!(config.limits.timeout_s, 60);
        assert!(matches!(config.targets["here"].transport, Transport::Local));
    }

    #[test]
    fn errors_name_line_column_and_key() {
        assert!(
            fails("version: 2\npolicy: p\ntargets: {a: {transport: local}}\n")
                .starts_with("config.yml:1:1: version")
        );
        let e = fails(
            "version: 1\npolicy: p\nlimits:\n  timeout_s: 0\ntargets: {a: {transport: local}}\n",
        );
        assert!(
            e.starts_with("config.yml:4:3: timeout_s: 0 is not between"),
            "{e}"
        );
        let e = fails("version: 1\npolicy: p\ncolour: red\ntargets: {a: {transport: local}}\n");
        assert!(
            e.starts_with("config.yml:3:1") && e.contains("colour"),
            "{e}"
        );
        let e =
            fails("version: 1\npolicy: p\ntargets:\n  -oProxyCommand=x:\n    transport: local\n");
        assert!(e.contains("target's name"), "{e}");
        for host in ["-oProxyCommand=x", "a b", "h;id", "", "a..b", "user@h"] {
            let e = fails(&format!(
                "version: 1\npolicy: p\ntargets:\n  a:\n    transport: ssh\n    host: \"{host}\"\n    user: u\n"
            ));
            assert!(e.contains("neither a host name"), "{host}: {e}");
        }
        let people = |more: &str| {
            fails(&format!(
                "version: 1\npolicy: p\n{more}\ntargets: {{a: {{transport: local}}}}\n"
            ))
        };
        for (more, wanted) in [
            (
                "approvers:\n  a: {unix: x}\n  b: {unix: x}",
                "one person is one approver",
            ),
            ("approvers:\n  a: {notify: [n]}", "no notifier n"),
            (
                "notifiers:\n  n: {type: mail, to: x@y}\napprovers:\n  a: {notify: [n]}\n  b: {notify: [n]}",
                "would be two people",
            ),
            ("approvers:\n  a: {}\n  A: {}", "one person twice"),
            (
                "notifiers:\n  n: {type: ntfy, url: 'http://example.org/x'}",
                "https",
            ),
            (
                "notifiers:\n  n: {type: ntfy, url: 'http://127.0.0.1.example.org/x'}",
                "https",
            ),
            (
                "notifiers:\n  n: {type: slack, url: 'https://u@h/x'}",
                "https",
            ),
            (
                "notifiers:\n  n: {type: program, program: notify}",
                "absolute",
            ),
            ("notifiers:\n  n: {type: mail, to: '-oX@y'}", "mail address"),
            (
                "notifiers:\n  n: {type: mail, to: x@y, url: 'https://h/'}",
                "does not belong",
            ),
            ("notifiers:\n  n: {type: telegram, chat: '1'}", "token_file"),
        ] {
            let e = people(more);
            assert!(e.contains(wanted), "{more}: {e}");
        }
        assert!(fails("version: 1\npolicy: p\ntargets: {}\n").contains("at least one"));
        assert!(
            fails("version: 1\npolicy: p\ntargets: {a: {transport: telnet}}\n").contains("telnet")
        );
        assert!(
            fails("version: 1\npolicy: p\ntargets: {a: {transport: local, host: b}}\n")
                .contains("local target")
        );
    }
}
