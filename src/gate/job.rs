//! Runs one command that may run: notes it, records it, runs it, records what came of it.
//!
//! Must never hand a line over before the record that says so is on disk.

use super::{Fault, Gate};
use crate::audit::Event;
use crate::audit::mask::mask;
use crate::command::Shell;
use crate::config::Target;
use crate::freeze::Freeze;
use crate::outcome::{Exit, Outcome, Status, rfc3339};
use crate::runs::{Facts, Open};
use crate::transport::{self, Captured, Ended, RunSpec};
use std::time::Duration;

/// A command that was decided on, and may run now.
pub(super) struct Job<'a> {
    pub target: &'a Target,
    pub target_name: &'a str,
    pub canonical: &'a str,
    pub shell: Shell,
    pub timeout_s: u64,
    pub requester: &'a str,
    pub reason: &'a str,
    pub session: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub approval_id: Option<&'a str>,
    /// Who approved, for the record: `alice (unix)`.
    pub approvers: Vec<String>,
    /// The outcome as far as it is known: decision, target, command.
    pub outcome: Outcome,
}

impl Gate {
    pub(super) fn execute(&self, job: Job) -> Result<(Outcome, Exit), Fault> {
        let run_id = uuid::Uuid::now_v7().to_string();
        let spec = RunSpec {
            target: job.target,
            script: job.canonical,
            shell: job.shell,
            timeout: Duration::from_secs(job.timeout_s),
            output_bytes: self.config.limits.output_bytes,
            run_id: &run_id,
            control_dir: &self.config.state_dir.join("ssh"),
            connect_timeout: Duration::from_secs(self.config.limits.connect_timeout_s),
            persist: Duration::from_secs(self.config.limits.ssh_persist_s),
            facts: transport::Facts {
                target_name: job.target_name,
                requester: job.requester,
                approval: job.approval_id.map(|id| crate::guard::ticket::Approval {
                    id: id.to_owned(),
                    approvers: job.approvers.clone(),
                }),
                ends: None,
            },
        };
        let (result, open) = match transport::run_after(&spec, || self.begin(&job, &run_id)) {
            Ok(ran) => ran,
            Err(Stop::Frozen(freeze)) => return self.refuse_frozen(job.outcome, &freeze),
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        let mut outcome = job.outcome.clone();
        outcome.timestamp = rfc3339(chrono::Utc::now());
        outcome.duration_ms = Some(u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX));
        let (mut status, mut message) = ending(&result.ended, job.timeout_s);
        // A guard ends the programs and not the time limit: they end by SIGTERM or SIGKILL.
        if matches!(
            result.ended,
            Ended::TimedOut | Ended::Unknown(_) | Ended::Exited(137 | 143)
        ) && let Some(freeze) = self.ended_by_freeze(&run_id)
        {
            status = Status::Interrupted;
            message = format!(
                "The freeze by {} ended it ({}). What it had done until then stays done.",
                crate::display::escape(&freeze.by),
                crate::display::escape(&freeze.why)
            );
        }
        outcome.status = status;
        outcome.message = mask(&message).into_owned();
        match result.ended {
            Ended::Exited(code) => {
                outcome.exit_code = Some(code);
                outcome.signal = signal_of(code);
            }
            Ended::TimedOut | Ended::NotStarted(_) | Ended::Unknown(_) => {}
        }
        if !matches!(result.ended, Ended::NotStarted(_)) {
            (outcome.stdout, outcome.stdout_truncated) = shown(&result.stdout);
            (outcome.stderr, outcome.stderr_truncated) = shown(&result.stderr);
        }
        match self.append(&self.finished(&job, &run_id, &outcome)) {
            Ok(seq) => outcome.audit_seq = Some(seq),
            Err(fault) => {
                // It ran. The note stays, so that the next start records the run as interrupted.
                outcome.message = format!(
                    "{} But its end could not be recorded: {}",
                    outcome.message,
                    fault.message.replace(" Nothing was run.", "")
                );
                return Ok((outcome, Exit::CannotRecord));
            }
        }
        if let Err(e) = open.close() {
            tracing::warn!(
                "the note of run {run_id} cannot be removed, so it will be reported once more: {e}"
            );
        }
        let exit = outcome.status.exit();
        Ok((outcome, exit))
    }

    /// What must be on disk before the line is handed over.
    fn begin(&self, job: &Job, run_id: &str) -> Result<Open, Stop> {
        let open = self
            .runs
            .begin(&job.facts(run_id, self.caller.uid))
            .map_err(|e| Fault::record("the run cannot be noted", e))?;
        // Behind the note: a freeze that comes after this look finds the note, and can end the run.
        let stop = match self.frozen(job.target_name) {
            Ok(None) => match self.append(&self.started(job, run_id)) {
                Ok(_) => return Ok(open),
                Err(fault) => Stop::Fault(fault),
            },
            Ok(Some(freeze)) => Stop::Frozen(Box::new(freeze)),
            Err(fault) => Stop::Fault(fault),
        };
        // It did not start, so there is nothing that could have been interrupted.
        let _ = open.close();
        Err(stop)
    }

    fn started(&self, job: &Job, run_id: &str) -> crate::audit::Entry {
        let mut entry = self.decided(Event::RunStarted, &job.outcome);
        job.name(&mut entry, run_id);
        entry.status = Some("started".into());
        entry.policy_hash = Some(self.policy.hash().to_owned());
        entry
    }

    fn finished(&self, job: &Job, run_id: &str, outcome: &Outcome) -> crate::audit::Entry {
        let mut entry = self.decided(Event::RunFinished, outcome);
        job.name(&mut entry, run_id);
        entry.exit_code = outcome.exit_code;
        entry.signal = outcome.signal;
        entry.stdout = outcome.stdout.clone();
        entry.stderr = outcome.stderr.clone();
        entry.stdout_truncated = outcome.stdout_truncated;
        entry.stderr_truncated = outcome.stderr_truncated;
        entry.duration_ms = outcome.duration_ms;
        entry.why = Some(outcome.message.clone());
        entry
    }
}

/// Why a command that was decided on does not run.
enum Stop {
    Frozen(Box<Freeze>),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl Job<'_> {
    fn facts(&self, run_id: &str, caller: u32) -> Facts {
        Facts {
            run_id: run_id.to_owned(),
            target: self.target_name.to_owned(),
            command: self.outcome.command.clone().unwrap_or_default(),
            requester: self.requester.to_owned(),
            reason: self.reason.to_owned(),
            approval_id: self.approval_id.map(str::to_owned),
            request_id: self.request_id.map(str::to_owned),
            caller: Some(caller),
            session: self.session.map(str::to_owned),
        }
    }

    fn name(&self, entry: &mut crate::audit::Entry, run_id: &str) {
        entry.run_id = Some(run_id.to_owned());
        entry.via = Some(self.target.via().name().to_owned());
        entry.approval_id = self.approval_id.map(str::to_owned);
        entry.approvers = self.approvers.clone();
    }
}

/// The status and the sentence for how a run ended.
fn ending(ended: &Ended, timeout_s: u64) -> (Status, String) {
    match ended {
        Ended::Exited(0) => (Status::Executed, "Executed.".into()),
        Ended::Exited(code) => {
            let signal = signal_of(*code)
                .map(|s| format!(", the shell's way to say that signal {s} ended it"))
                .unwrap_or_default();
            (
                Status::Executed,
                format!("Executed; the command ended with exit code {code}{signal}."),
            )
        }
        Ended::TimedOut => (
            Status::TimedOut,
            format!(
                "The time limit of {timeout_s} s ended it. What it had done until then stays done."
            ),
        ),
        Ended::NotStarted(why) => (Status::Failed, format!("It did not run: {why}")),
        Ended::Unknown(why) => (
            Status::Interrupted,
            format!(
                "It may have run, in part or in full: {why} It is not run again by itself: look at the target first."
            ),
        ),
    }
}

/// The signal that an exit code stands for (POSIX 2.8.2: above 128).
fn signal_of(code: i32) -> Option<i32> {
    (129..=128 + 64).contains(&code).then_some(code - 128)
}

/// An output as it is answered: printable, secrets masked. What an escape took apart is looked at
/// before, what it made plain, after.
fn shown(captured: &Captured) -> (Option<String>, Option<bool>) {
    let masked = mask(&captured.text);
    let printable = crate::display::escape_lines(&masked);
    (
        Some(mask(&printable).into_owned()),
        Some(captured.truncated),
    )
}
