//! The commands for sysadmins: installing, targets, doctor, bootstrap, runbooks. They join the rooms
//! `install`, `doctor` and `knowledge` to the command line.
//!
//! Must hold no behaviour beyond asking, saying and choosing the exit code.

use crate::cli::{
    ActArgs, DEFAULT_CONFIG, DoctorArgs, InstallCommand, RunbookCommand, TargetCommand,
};
use crate::commands::complain;
use crate::config::{Config, Transport};
use crate::display::escape;
use crate::install::enrol::{self, NewTarget};
use crate::install::host::{Host, Result};
use crate::install::{self, Act, Removal, gateway, target as target_install};
use crate::outcome::Exit;
use crate::{doctor as checks, knowledge};
use std::io::{self, Write};
use std::path::Path;

fn say(text: &str) -> Exit {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Exit::Handled,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Handled,
        Err(_) => Exit::Internal,
    }
}

/// On an installed gateway a person may not read what is the gate's: then sudo calls the same command
/// as the gate's user, by a rule for exactly these words, and tells the gate who the person is.
/// None where that is not needed or not possible: then the command goes on as it is.
pub fn as_gate(config: &Path, words: &[&str], input: Option<String>) -> Option<Exit> {
    if config != Path::new(DEFAULT_CONFIG) || !(cannot_read(config) || is_root_for(config)) {
        return None;
    }
    let mut sudo = std::process::Command::new("/usr/bin/sudo");
    sudo.args(["-n", "-u", gateway::GATE, "/opt/aiops/bin/aiops"])
        .args(words)
        .env_clear()
        .stdin(std::process::Stdio::piped());
    let mut child = match sudo.spawn() {
        Ok(child) => child,
        Err(e) => return Some(complain(Exit::NotPermitted, &format!("/usr/bin/sudo: {e}"))),
    };
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        let _ = stdin.write_all(input.as_bytes());
    }
    Some(match child.wait().ok().and_then(|s| s.code()) {
        Some(0) => Exit::Handled,
        Some(1) => complain(
            Exit::NotPermitted,
            &format!(
                "you may not do that: ask a sysadmin to add you to the group {}",
                gateway::APPROVERS
            ),
        ),
        Some(code) => Exit::from_code(u64::try_from(code).unwrap_or(70)),
        None => Exit::Internal,
    })
}

fn cannot_read(config: &Path) -> bool {
    std::fs::File::open(config).is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied)
}

/// Root may read everything, but what root would write there the gate would no longer take.
fn is_root_for(config: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    nix::unistd::geteuid().is_root()
        && nix::unistd::User::from_name(gateway::GATE).is_ok_and(|gate| {
            let owner = Config::load(config)
                .ok()
                .and_then(|c| std::fs::metadata(c.state_dir).ok())
                .map(|m| m.uid());
            gate.is_some_and(|gate| owner == Some(gate.uid.as_raw()))
        })
}

fn with_act(arg: &ActArgs, work: impl FnOnce(&mut Act) -> Result<()>) -> Exit {
    let mut out = io::stdout().lock();
    let done = Host::new(arg.root.as_deref()).and_then(|host| {
        work(&mut Act {
            host,
            dry_run: arg.dry_run,
            out: &mut out,
        })
    });
    drop(out);
    match done {
        Ok(()) => Exit::Handled,
        Err(why) => complain(Exit::BadConfig, &why),
    }
}

/// `aiops install`.
pub fn install(command: InstallCommand) -> Exit {
    match command {
        InstallCommand::Gateway {
            act,
            agent,
            approver,
            policy,
            unsealed,
        } => with_act(&act, |act| {
            install::install_gateway(
                act,
                gateway::Choices {
                    agent,
                    approvers: approver,
                    policy,
                    unsealed,
                },
            )
        }),
        InstallCommand::Target {
            act,
            key,
            ticket_key,
            from,
            name,
            tags,
            user,
            policy,
            root_command,
        } => with_act(&act, |act| {
            let name = match name {
                Some(name) => name,
                None => host_name()?,
            };
            let from = if from == ["any"] { Vec::new() } else { from };
            install::install_target(
                act,
                target_install::Choices {
                    key: key.trim().to_owned(),
                    ticket_key,
                    from,
                    name,
                    tags,
                    user,
                    policy,
                    root_commands: root_command,
                },
            )
        }),
        InstallCommand::Update { act, back } => with_act(&act, |act| {
            if back {
                install::back(act)
            } else {
                install::update(act)
            }
        }),
        InstallCommand::Remove { act, audit, agent } => {
            with_act(&act, |act| install::remove(act, Removal { audit, agent }))
        }
    }
}

fn host_name() -> Result<String> {
    let name = nix::unistd::gethostname().map_err(|e| format!("the host's name: {e}"))?;
    let name = name.to_string_lossy();
    Ok(name.split('.').next().unwrap_or_default().to_owned())
}

/// `aiops target`.
pub fn target(command: TargetCommand) -> Exit {
    match command {
        TargetCommand::Add {
            act,
            name,
            host,
            port,
            user,
            tags,
            plain,
            fingerprint,
            replace,
        } => with_act(&act, |act| {
            let new = NewTarget {
                name,
                host,
                port,
                user,
                tags,
                plain,
                fingerprint,
                replace,
            };
            enrol::add(act, &new, &mut io::stdin().lock())
        }),
        TargetCommand::List(arg) => match Config::load(&arg.config) {
            Ok(config) => say(&list(&config)),
            Err(e) => complain(Exit::BadConfig, &e.to_string()),
        },
        TargetCommand::Remove { act, name } => with_act(&act, |act| enrol::remove(act, &name)),
    }
}

fn list(config: &Config) -> String {
    if config.targets.is_empty() {
        return "There are no targets: aiops target add NAME HOST\n".into();
    }
    let mut text = format!("{:<20} {:<40} {:<7} TAGS\n", "NAME", "WHERE", "VIA");
    for (name, target) in &config.targets {
        let place = match &target.transport {
            Transport::Local => "this machine".to_owned(),
            Transport::Ssh(ssh) => format!("{}@{}:{}", ssh.user, ssh.host, ssh.port),
        };
        text.push_str(&format!(
            "{name:<20} {place:<40} {:<7} {}\n",
            target.via().name(),
            escape(&target.tags.join(", "))
        ));
    }
    text
}

/// `aiops doctor`: exit code 0 when nothing is wrong (there may be warnings), else 78.
pub fn doctor(arg: &DoctorArgs) -> Exit {
    let report = checks::examine(arg.offline);
    let text = if arg.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => text + "\n",
            Err(e) => return complain(Exit::Internal, &e.to_string()),
        }
    } else {
        report.draw()
    };
    match (say(&text), report.healthy()) {
        (Exit::Handled, false) => Exit::BadConfig,
        (exit, _) => exit,
    }
}

/// `aiops print-bootstrap`.
pub fn bootstrap(config: &Path) -> Exit {
    say(&knowledge::bootstrap(config))
}

/// `aiops runbook`.
pub fn runbook(command: &RunbookCommand) -> Exit {
    match command {
        RunbookCommand::List { json: true } => {
            let list: Vec<_> = knowledge::runbooks()
                .into_iter()
                .map(|(name, title)| serde_json::json!({"name": name, "title": title}))
                .collect();
            say(&format!("{:#}\n", serde_json::Value::Array(list)))
        }
        RunbookCommand::List { json: false } => {
            let mut text = String::new();
            for (name, title) in knowledge::runbooks() {
                text.push_str(&format!("{name:<20} {title}\n"));
            }
            say(&text)
        }
        RunbookCommand::Show { name } => match knowledge::runbook(name) {
            Some(text) => say(text),
            None => {
                let names: Vec<_> = knowledge::runbooks().iter().map(|(n, _)| *n).collect();
                complain(
                    Exit::BadInput,
                    &format!(
                        "there is no runbook {:?}: there are {}",
                        escape(name),
                        names.join(", ")
                    ),
                )
            }
        },
    }
}
