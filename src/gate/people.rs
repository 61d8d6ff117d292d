//! `aiops approver`: enrols people for one-time passwords, and shows who can approve by what.
//!
//! Must never let anybody but root, the gate's own user or the person themself make a secret of theirs.

use super::Fault;
use super::freeze::own_state;
use crate::approval::met;
use crate::approval::totp::{self, Secrets};
use crate::audit::{Entry, Event, Log};
use crate::caller::Caller;
use crate::config::{Approver, Config};
use crate::outcome::{Exit, level_name, quorum_text};
use crate::policy::{Policy, RiskLevel};
use std::path::Path;

/// Root, the gate's own user without sudo, or the person themself.
fn may_change(config: &Config, caller: &Caller, name: &str) -> Result<(), Fault> {
    // sudo may put itself out of the way, and then nobody is known; its variables are there all the same.
    let sudo = caller.via_sudo
        || std::env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(b"SUDO_"));
    let own = !sudo && caller.uid == nix::unistd::geteuid().as_raw();
    let themself = config
        .approvers
        .get(name)
        .is_some_and(|p| p.unix.as_deref() == Some(caller.name.as_str()));
    if caller.uid == 0 || own || themself {
        return Ok(());
    }
    Err(Fault {
        exit: Exit::NotPermitted,
        message: format!(
            "user {} may not change how {name} is known: root or {name} may",
            caller.name
        ),
    })
}

fn open(config: &Path, name: &str) -> Result<(Config, Caller, Secrets), Fault> {
    let config = Config::load(config).map_err(Fault::config)?;
    let caller = Caller::from_kernel();
    if !config.approvers.contains_key(name) {
        return Err(Fault {
            exit: Exit::BadInput,
            message: format!(
                "{} is not an approver yet: write `{}: {{ roles: [...] }}` under `approvers` in the configuration, then run this again",
                crate::display::escape(name),
                crate::display::escape(name)
            ),
        });
    }
    may_change(&config, &caller, name)?;
    own_state(&config)?;
    let secrets = Secrets::new(&config.state_dir.join("totp"));
    Ok((config, caller, secrets))
}

fn record(config: &Config, caller: &Caller, name: &str, what: &str) -> Result<(), Fault> {
    let mut entry = Entry::new(Event::ApproverChanged);
    entry.caller = Some(caller.name.clone());
    entry.approvers = vec![format!("{name} (totp)")];
    entry.why = Some(what.to_owned());
    let log = Log::open(&config.audit_log)
        .map_err(|e| Fault::record("the audit log cannot be opened", e))?;
    log.append(&entry)
        .map(|_| ())
        .map_err(|e| Fault::record("the audit record cannot be written", e))
}

/// `aiops approver add NAME --totp`: the text to show, once.
///
/// # Errors
/// When the caller may not, the person is unknown or enrolled already, or nothing can be written.
pub fn enrol(config: &Path, name: &str, replace: bool) -> Result<String, Fault> {
    let (config, caller, secrets) = open(config, name)?;
    record(
        &config,
        &caller,
        name,
        "a secret for one-time passwords is made",
    )?;
    let secret = secrets
        .enrol(name, replace, chrono::Utc::now())
        .map_err(|e| Fault {
            exit: Exit::NotApplied,
            message: e.to_string(),
        })?;
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|h| h.into_string().ok())
        .unwrap_or_default();
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '.')
        .collect();
    let uri = totp::uri(name, &host, &secret);
    let qr = totp::qr(&uri).unwrap_or_default();
    Ok(format!(
        "{qr}\n\nScan it with an authenticator; it is shown only now.\nSecret: {secret}\nURI: {uri}\n\
         {name} then replies: Approve CODE 123456 (the request's code, and the password of the moment).\n"
    ))
}

/// `aiops approver remove NAME --totp`.
///
/// # Errors
/// As [`enrol`].
pub fn remove(config: &Path, name: &str) -> Result<String, Fault> {
    let (config, caller, secrets) = open(config, name)?;
    record(
        &config,
        &caller,
        name,
        "the secret for one-time passwords is removed",
    )?;
    match secrets.remove(name) {
        Ok(true) => Ok(format!("{name} has no secret any more.\n")),
        Ok(false) => Ok(format!("{name} had no secret.\n")),
        Err(e) => Err(Fault::record("the secret cannot be removed", e)),
    }
}

/// `aiops approver list`: a table.
///
/// # Errors
/// When the configuration cannot be read.
pub fn list(config: &Path) -> Result<String, Fault> {
    let config = Config::load(config).map_err(Fault::config)?;
    let secrets = Secrets::new(&config.state_dir.join("totp"));
    let signers = signers(&config);
    let mut text = format!("{:<16} {:<28} KNOWN BY\n", "NAME", "ROLES");
    for (name, person) in &config.approvers {
        text.push_str(&format!(
            "{:<16} {:<28} {}\n",
            name,
            person.roles.join(","),
            known_by(name, person, &secrets, &signers)
        ));
    }
    if config.approvers.is_empty() {
        text.push_str("(nobody: write people under `approvers` in the configuration)\n");
    }
    Ok(text)
}

/// What stands in the way of approvals under a policy, a line each; nothing where all can be given.
pub fn obstacles(config: &Config, policy: &Policy) -> Vec<String> {
    let secrets = Secrets::new(&config.state_dir.join("totp"));
    let signers = signers(config);
    let mut found = Vec::new();
    for level in [RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical] {
        let methods = policy.methods(level);
        let Some(quorum) = policy.quorum(level).filter(|_| !methods.contains(&"relay")) else {
            continue;
        };
        let able: Vec<(&str, &[String])> = config
            .approvers
            .iter()
            .filter(|(name, person)| {
                methods.iter().any(|method| match *method {
                    "unix" => person.unix.is_some(),
                    "code" => !person.notify.is_empty(),
                    "totp" => secrets.has(name),
                    "ssh" => signs(&signers, name),
                    _ => false,
                })
            })
            .map(|(name, person)| (name.as_str(), person.roles.as_slice()))
            .collect();
        if !met(quorum, &able) {
            let who: Vec<&str> = able.iter().map(|(name, _)| *name).collect();
            found.push(format!(
                "a {} risk needs {}, which cannot be had from: {}",
                level_name(level),
                quorum_text(quorum),
                if who.is_empty() {
                    "nobody".to_owned()
                } else {
                    who.join(", ")
                }
            ));
        }
    }
    found
}

fn signers(config: &Config) -> String {
    config
        .allowed_signers
        .as_deref()
        .and_then(|path| crate::yaml::read_trusted(path).ok())
        .unwrap_or_default()
}

/// Whether a person has a key in the file of allowed signers.
fn signs(signers: &str, name: &str) -> bool {
    signers.lines().any(|line| {
        line.split_whitespace()
            .next()
            .is_some_and(|principals| principals.split(',').any(|p| p == name))
    })
}

fn known_by(name: &str, person: &Approver, secrets: &Secrets, signers: &str) -> String {
    let mut ways = Vec::new();
    if let Some(login) = &person.unix {
        ways.push(format!("unix ({login})"));
    }
    if !person.notify.is_empty() {
        ways.push(format!("code ({})", person.notify.join(", ")));
    }
    if secrets.has(name) {
        ways.push("totp".to_owned());
    }
    if signs(signers, name) {
        ways.push("ssh".to_owned());
    }
    if ways.is_empty() {
        "nothing yet".to_owned()
    } else {
        ways.join(" · ")
    }
}
