//! `aiops freeze` and `aiops thaw`: the kill switch's door for people, and what it does to messages.
//!
//! Must never need more than the configuration to freeze: a broken policy or a full disk under the
//! log are no reason to go on.

use super::{Answer, Fault, Gate};
use crate::audit::{Entry, Event, Log};
use crate::caller::Caller;
use crate::config::Config;
use crate::freeze::{Freeze, Freezes, Thaw};
use crate::outcome::{Exit, FrozenLine, Outcome, Status, rfc3339};
use crate::policy::{Policy, Quorum, RiskLevel};
use crate::runs::{Facts, Runs};
use crate::transport::{self, Ended, RunSpec};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long `--now` tries to end what runs.
const END_LIMIT: Duration = Duration::from_secs(20);

impl Gate {
    /// The freeze that stops runs on a target.
    pub(super) fn frozen(&self, target: &str) -> Result<Option<Freeze>, Fault> {
        self.freezes
            .on(target)
            .map_err(|e| Fault::record("the freezes cannot be read", e))
    }

    /// What is frozen, a line each.
    pub fn frozen_lines(&self) -> String {
        match self.freezes.all() {
            Ok(all) => all.iter().map(|f| format!("{}\n", sentence(f))).collect(),
            Err(e) => format!("The freezes cannot be read, and so nothing runs: {e}\n"),
        }
    }

    /// The freeze that ended a run.
    pub(super) fn ended_by_freeze(&self, run_id: &str) -> Option<Freeze> {
        let all = self.freezes.all().ok()?;
        all.into_iter()
            .find(|f| f.ended.iter().any(|id| id == run_id))
    }

    /// Records and tells that nothing runs now.
    pub(super) fn refuse_frozen(&self, mut outcome: Outcome, freeze: &Freeze) -> Answer {
        outcome.status = Status::Rejected;
        outcome.message = format!("{} Nothing was run.", sentence(freeze));
        let mut entry = self.decided(Event::RequestDecided, &outcome);
        entry.why = Some(outcome.message.clone());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::Rejected))
    }
}

/// A freeze in a sentence.
pub fn sentence(freeze: &Freeze) -> String {
    let what = freeze.target.as_deref().unwrap_or("everything");
    format!(
        "Frozen ({what}) by {} since {}: {}.",
        crate::display::escape(&freeze.by),
        rfc3339(freeze.at),
        crate::display::escape(&freeze.why)
    )
}

pub(super) fn line(freeze: &Freeze) -> FrozenLine {
    FrozenLine {
        target: freeze.target.clone(),
        by: freeze.by.clone(),
        why: freeze.why.clone(),
        since: rfc3339(freeze.at),
    }
}

/// A person at the terminal: an approver, or root.
pub(super) struct Person {
    pub name: String,
    pub roles: Vec<String>,
}

/// Who is at the terminal, if they are an approver or root, by the kernel's word.
pub(super) fn person(config: &Config, caller: &Caller) -> Result<Person, Fault> {
    let found = config
        .approvers
        .iter()
        .find(|(_, p)| p.unix.as_deref() == Some(caller.name.as_str()));
    match found {
        Some((name, person)) => Ok(Person {
            name: name.clone(),
            roles: person.roles.clone(),
        }),
        None if caller.uid == 0 => Ok(Person {
            name: "root".into(),
            roles: Vec::new(),
        }),
        None => Err(Fault {
            exit: Exit::NotPermitted,
            message: format!(
                "user {} is neither root nor an approver: add them under `approvers` in the configuration",
                caller.name
            ),
        }),
    }
}

/// The state must be written as its owner, or the gate would no longer take it.
pub(super) fn own_state(config: &Config) -> Result<(), Fault> {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = std::fs::metadata(&config.state_dir) else {
        return Ok(());
    };
    if meta.uid() == nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    Err(Fault {
        exit: Exit::NotPermitted,
        message: format!(
            "the state belongs to user {0}: run this as sudo -u {0} aiops …",
            crate::caller::name_of(meta.uid())
        ),
    })
}

fn known(config: &Config, target: Option<&str>) -> Result<(), Fault> {
    match target {
        Some(name) if !config.targets.contains_key(name) => Err(Fault {
            exit: Exit::BadInput,
            message: format!("target {} is not configured", crate::display::escape(name)),
        }),
        _ => Ok(()),
    }
}

fn record(
    config: &Config,
    caller: &Caller,
    event: Event,
    target: Option<&str>,
    who: &Person,
    why: &str,
) -> Result<(), Fault> {
    let mut entry = Entry::new(event);
    entry.caller = Some(caller.name.clone());
    entry.target = target.map(str::to_owned);
    entry.approvers = vec![format!("{} (unix)", who.name)];
    entry.why = Some(why.to_owned());
    Log::open(&config.audit_log)
        .map_err(|e| e.to_string())
        .and_then(|log| log.append(&entry).map_err(|e| e.to_string()))
        .map(|_| ())
        .map_err(|e| Fault {
            exit: Exit::CannotRecord,
            message: format!("done, but it cannot be recorded: {e}"),
        })
}

/// `aiops freeze`: what came of it, line by line.
///
/// # Errors
/// When the caller may not, or it cannot be written. Where only the record could not be written, the
/// freeze holds all the same.
pub fn freeze(config: &Path, target: Option<&str>, why: &str, now: bool) -> Result<String, Fault> {
    let config = Config::load(config).map_err(Fault::config)?;
    let caller = Caller::from_kernel();
    let who = person(&config, &caller)?;
    known(&config, target)?;
    own_state(&config)?;
    let freezes = Freezes::new(&config.state_dir);
    let mut freeze = Freeze {
        target: target.map(str::to_owned),
        by: who.name.clone(),
        why: why.to_owned(),
        at: chrono::Utc::now(),
        thaw: Vec::new(),
        ended: Vec::new(),
    };
    let failed = |e: std::io::Error| Fault {
        exit: Exit::CannotRecord,
        message: format!("NOT frozen, the state cannot be written: {e}"),
    };
    freezes.set(&freeze).map_err(failed)?;
    let mut text = format!(
        "{} No new run starts. `aiops thaw` lifts it.\n",
        sentence(&freeze)
    );
    let live = running(&config, target);
    if !now && !live.is_empty() {
        text.push_str(&format!(
            "{} under way go on; --now ends them.\n",
            live.len()
        ));
    }
    if now {
        freeze.ended = live.iter().map(|f| f.run_id.clone()).collect();
        freezes.set(&freeze).map_err(failed)?;
        for (facts, ended) in end_all(&config, target, &live) {
            let command = crate::display::escape(&facts.command).into_owned();
            text.push_str(&match ended {
                Ok(()) => format!("ended on {}: {command}\n", facts.target),
                Err(why) => format!("NOT ENDED on {}: {command}: {why}\n", facts.target),
            });
        }
    }
    record(&config, &caller, Event::Frozen, target, &who, &text)?;
    Ok(text)
}

fn running(config: &Config, target: Option<&str>) -> Vec<Facts> {
    let live = Runs::open(&config.state_dir.join("runs")).and_then(|runs| runs.live());
    let mut live = live.unwrap_or_default();
    live.retain(|f| target.is_none_or(|t| t == f.target));
    live
}

/// Ends runs on their targets, all at once.
fn end_all<'a>(
    config: &Config,
    target: Option<&str>,
    live: &'a [Facts],
) -> Vec<(&'a Facts, Result<(), String>)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = live
            .iter()
            .map(|facts| (facts, scope.spawn(move || end(config, target, facts))))
            .collect();
        threads
            .into_iter()
            .map(|(facts, thread)| {
                (
                    facts,
                    thread
                        .join()
                        .unwrap_or_else(|_| Err("internal fault".into())),
                )
            })
            .collect()
    })
}

/// Ends one run. It may be about to begin, so this goes on until its gate has let go of it.
fn end(config: &Config, target: Option<&str>, facts: &Facts) -> Result<(), String> {
    let deadline = Instant::now() + END_LIMIT;
    let mut last = "its gate still waits for it".to_owned();
    while Instant::now() < deadline {
        let Some(place) = config.targets.get(&facts.target) else {
            return Err("its target is no longer configured".into());
        };
        let result = transport::run(&RunSpec {
            target: place,
            script: &transport::ending_line(&facts.run_id),
            shell: crate::command::Shell::Posix,
            timeout: Duration::from_secs(10),
            output_bytes: 1024,
            run_id: &uuid::Uuid::now_v7().to_string(),
            control_dir: &config.state_dir.join("ssh"),
            connect_timeout: Duration::from_secs(config.limits.connect_timeout_s.min(10)),
            persist: Duration::from_secs(config.limits.ssh_persist_s),
            facts: transport::Facts {
                target_name: &facts.target,
                requester: "aiops freeze",
                approval: None,
                ends: Some(&facts.run_id),
            },
        });
        match result.ended {
            Ended::Exited(4) => {
                return Err("something of it runs as root, which the login user cannot end: end it on the target (a guard there could)".into());
            }
            Ended::NotStarted(why) | Ended::Unknown(why) => last = why,
            _ => {}
        }
        for _ in 0..10 {
            if !running(config, target)
                .iter()
                .any(|f| f.run_id == facts.run_id)
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Err(last)
}

/// `aiops thaw`: counts this person's wish; lifted with as many as a `high` risk needs.
///
/// # Errors
/// When the caller may not, wished it already, or nothing is frozen.
pub fn thaw(config: &Path, target: Option<&str>) -> Result<String, Fault> {
    let config = Config::load(config).map_err(Fault::config)?;
    let caller = Caller::from_kernel();
    let who = person(&config, &caller)?;
    own_state(&config)?;
    let policy = Policy::load(&config.policy).map_err(Fault::config)?;
    // Where high is forbidden there is no quorum of it: two people, as by default.
    let quorum = policy.quorum(RiskLevel::High).cloned().unwrap_or(Quorum {
        need: 2,
        roles: Vec::new(),
    });
    let wish = Thaw {
        who: who.name.clone(),
        roles: who.roles.clone(),
        at: chrono::Utc::now(),
    };
    let not_applied = |message: String| Fault {
        exit: Exit::NotApplied,
        message,
    };
    // The record first: what lifts a freeze must not be lost.
    record(
        &config,
        &caller,
        Event::Thawed,
        target,
        &who,
        "wishes to lift the freeze",
    )
    .map_err(|f| Fault {
        message: f.message.replace("done, but it", "not thawed: it"),
        ..f
    })?;
    match Freezes::new(&config.state_dir).thaw(target, wish, &quorum) {
        Ok(None) => Err(not_applied(
            "nothing is frozen under that name: see aiops pending".into(),
        )),
        Ok(Some((_, true))) => Ok("Thawed. Runs are possible again.\n".into()),
        Ok(Some((freeze, false))) => {
            let missing: Vec<&str> = quorum
                .roles
                .iter()
                .filter(|role| !freeze.thaw.iter().any(|t| t.roles.contains(role)))
                .map(String::as_str)
                .collect();
            let roles = if missing.is_empty() {
                String::new()
            } else {
                format!(" Still needed: {}.", missing.join(", "))
            };
            Ok(format!(
                "{} of {} people want it thawed. It stays frozen.{roles}\n",
                freeze.thaw.len(),
                quorum.need
            ))
        }
        Err(e) => Err(not_applied(e.to_string())),
    }
}
