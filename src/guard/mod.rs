//! The guard on a target: the forced command of the gate's SSH key.
//!
//! It runs what the gate signed, once, in time, if this host's own policy allows it, and nothing
//! else: whoever has the SSH key alone can run nothing. Called by sshd as the login user it becomes
//! root through the one sudoers rule of the target, so that its record of used tickets and its audit
//! log are out of reach of what it runs. Must never run anything that is not in a ticket whose
//! signature holds, and never before the record of it is on disk.

pub mod config;
mod replay;
pub mod run;
pub mod ticket;
pub mod work;

use crate::audit::{Entry, Event, Log};
use crate::command;
use crate::outcome::Exit;
use crate::policy::{Context, Policy, Quorum, Risk};
use config::GuardConfig;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use run::End;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use ticket::Ticket;

/// How long the gate may take to hand a ticket over.
const HAND_OVER: Duration = Duration::from_secs(30);

/// `aiops guard`: one ticket on standard input.
pub fn main() -> Exit {
    if !nix::unistd::geteuid().is_root() {
        // The login user's part: become root by the one rule that allows exactly this.
        let error = Command::new("/usr/bin/sudo")
            .args(["-n", "/opt/aiops/bin/aiops", "guard"])
            .env_clear()
            .exec();
        let _ = writeln!(io::stderr(), "aiops guard: /usr/bin/sudo: {error}");
        return Exit::NotPermitted;
    }
    let message = match receive() {
        Ok(message) => message,
        Err(e) => {
            let _ = writeln!(io::stderr(), "aiops guard: no ticket: {e}");
            return Exit::BadInput;
        }
    };
    match Guard::open(Path::new(config::PATH)).and_then(|guard| guard.serve(&message)) {
        Ok(()) => Exit::Handled,
        Err(why) => refuse(&message, &why),
    }
}

/// Reads standard input to its end, but not for ever and not without bound.
fn receive() -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let deadline = Instant::now() + HAND_OVER;
    let stdin = io::stdin();
    let mut buffer = [0u8; 65536];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let millis = u16::try_from(left.as_millis()).unwrap_or(u16::MAX);
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        if millis == 0 || poll(&mut fds, PollTimeout::from(millis))? == 0 {
            return Err(io::Error::other("it did not arrive in time"));
        }
        let count = stdin.lock().read(&mut buffer)?;
        if count == 0 {
            return Ok(message);
        }
        message.extend_from_slice(&buffer[..count]);
        if message.len() > ticket::MAX {
            return Err(io::Error::other("it is too long"));
        }
    }
}

/// Says that nothing ran, and why, in a form that the gate knows.
fn refuse(message: &[u8], why: &str) -> Exit {
    let short: String = crate::display::escape(why).chars().take(180).collect();
    // Only to send the answer back to where the question came from; nothing is believed of it.
    let nonce = claimed_nonce(message);
    let _ = match nonce {
        Some(nonce) => writeln!(io::stderr(), "\n{nonce} refused {short}"),
        None => writeln!(io::stderr(), "aiops guard: refused: {short}"),
    };
    Exit::Rejected
}

/// The nonce that a message gives for itself: a ticket's, or the last word of the plain protocol.
fn claimed_nonce(message: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(message);
    let label = "\\\"nonce\\\":\\\"";
    if let Some(at) = text.rfind(label) {
        let begin = at + label.len();
        let nonce = text.get(begin..begin + 32)?;
        return ticket::is_nonce(nonce).then(|| nonce.to_owned());
    }
    let tail = text.get(text.len().checked_sub(32)?..)?;
    ticket::is_nonce(tail).then(|| tail.to_owned())
}

struct Guard {
    config: GuardConfig,
    policy: Policy,
    log: Log,
}

impl Guard {
    fn open(path: &Path) -> Result<Guard, String> {
        let config = GuardConfig::load(path).map_err(|e| e.to_string())?;
        let policy = Policy::load(&config.policy).map_err(|e| e.to_string())?;
        let rotation = crate::audit::rotate::Rotation {
            max_bytes: Some(64 * 1024 * 1024),
            max_age_s: None,
            compress: true,
        };
        let log = Log::open_rotating(&config.audit_log, rotation).map_err(|e| e.to_string())?;
        Ok(Guard {
            config,
            policy,
            log,
        })
    }

    fn serve(&self, message: &[u8]) -> Result<(), String> {
        let ticket = match Ticket::open(message, &self.config.key) {
            Ok(ticket) => ticket,
            Err(why) => {
                let mut entry = Entry::new(Event::InvalidInput);
                entry.target = Some(self.config.target.clone());
                entry.status = Some("rejected".into());
                entry.why = Some(why.clone());
                self.record(&entry)?;
                return Err(format!(
                    "{why}. This target runs only what its gate signed (on the gateway: guard: true, and the ticket key it was installed with)"
                ));
            }
        };
        if let Some(run) = &ticket.ends {
            return self.end(&ticket, run);
        }
        let work = match self.admit(&ticket) {
            Ok(work) => work,
            Err(why) => {
                let mut entry = self.entry(Event::RequestDecided, &ticket);
                entry.status = Some("rejected".into());
                entry.why = Some(why.clone());
                self.record(&entry)?;
                return Err(why);
            }
        };
        let mut started = self.entry(Event::RunStarted, &ticket);
        started.status = Some("started".into());
        started.policy_hash = Some(self.policy.hash().to_owned());
        self.record(&started)?;
        let began = Instant::now();
        let note = self.note(&ticket.id)?;
        let end = run::supervise(&work, Duration::from_secs(ticket.timeout_s), &note)
            .map_err(|e| format!("the executor cannot be started: {e}"))?;
        let mut finished = self.entry(Event::RunFinished, &ticket);
        finished.duration_ms = Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let nonce = &ticket.nonce;
        let said = match end {
            End::Exited(code) => {
                finished.status = Some("executed".into());
                finished.exit_code = Some(code);
                format!("\n{nonce} end {code} 0\n\n{nonce} over {code}")
            }
            End::TimedOut => {
                finished.status = Some("timed_out".into());
                format!("\n{nonce} over 124")
            }
        };
        // It ran: what happened is told first, also when it cannot be recorded any more.
        let _ = writeln!(io::stderr(), "{said}");
        if let Err(why) = self.record(&finished) {
            tracing::error!("the end of run {} is not on record: {why}", ticket.id);
        }
        Ok(())
    }

    /// Where a run under way is noted.
    fn note(&self, id: &str) -> Result<std::path::PathBuf, String> {
        let id = uuid::Uuid::parse_str(id).map_err(|_| "that is not a run's id".to_owned())?;
        let dir = self.config.state_dir.join("running");
        std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(dir.join(id.to_string()))
    }

    /// Ends a run of this target because the gate says so.
    fn end(&self, ticket: &Ticket, run: &str) -> Result<(), String> {
        let now = chrono::Utc::now().timestamp();
        ticket.check(&self.config.target, now)?;
        let note = self.note(run)?;
        replay::once(&self.config.state_dir, &ticket.id, ticket.not_after, now)?;
        let ended = run::end(&note).map_err(|e| format!("{}: {e}", note.display()))?;
        let mut entry = Entry::new(Event::RunInterrupted);
        entry.target = Some(self.config.target.clone());
        entry.run_id = Some(run.to_owned());
        entry.requester = Some(ticket.requester.clone());
        entry.why = Some(
            if ended {
                "ended by the gate"
            } else {
                "no such run is under way"
            }
            .into(),
        );
        let recorded = self.record(&entry);
        // As the plain way's ending line: 3 where there is no such run.
        let code = if ended { 0 } else { 3 };
        let nonce = &ticket.nonce;
        let _ = writeln!(
            io::stderr(),
            "\n{nonce} end {code} 0\n\n{nonce} over {code}"
        );
        if let Err(why) = recorded {
            tracing::error!("{why}");
        }
        Ok(())
    }

    /// Everything that must hold before it may run.
    fn admit(&self, ticket: &Ticket) -> Result<work::Work, String> {
        let now = chrono::Utc::now();
        ticket.check(&self.config.target, now.timestamp())?;
        let reading =
            command::read(&ticket.line).map_err(|e| format!("the line cannot be read: {e}"))?;
        if reading.canonical != ticket.line {
            return Err("the line is not canonical: are gate and guard of one version?".into());
        }
        if reading.shell != ticket.shell {
            return Err("the line is for another shell than the ticket says".into());
        }
        let cx = Context {
            target: Some(&self.config.target),
            tags: &self.config.tags,
            requester: &ticket.requester,
            now,
            recent: &[],
        };
        let decision = self.policy.decide(Ok(&reading), &cx);
        match decision.risk {
            // It is auto as it would be written out, and that is not what the ticket holds.
            Risk::AutoAllowed if decision.canonical.as_ref() != Some(&ticket.line) => {
                approved(ticket, &decision.quorum)?;
            }
            Risk::Forbidden => {
                return Err(format!(
                    "this target's own policy forbids it: {}",
                    decision.why
                ));
            }
            Risk::ApprovalRequired => approved(ticket, &decision.quorum)?,
            Risk::AutoAllowed => {}
        }
        let mut line = ticket.line.clone();
        let sudo = reading.calls.iter().any(|c| c.sudo != command::Sudo::No)
            || reading.calls.iter().any(|c| c.name.base == "sudo");
        if sudo && ticket.shell == command::Shell::Posix {
            // As a shell would before sudo: patterns are matched with the login user's eyes.
            let find = |pattern: &str| run::names(pattern, &self.config.user);
            if let Some(literal) = work::expanded(&line, find)?
                && literal != line
            {
                let reading =
                    command::read(&literal).map_err(|e| format!("a name that was found: {e}"))?;
                let decision = self.policy.decide(Ok(&reading), &cx);
                match decision.risk {
                    Risk::Forbidden => {
                        return Err(format!("with the names that were found: {}", decision.why));
                    }
                    Risk::ApprovalRequired => approved(ticket, &decision.quorum)?,
                    Risk::AutoAllowed => {}
                }
                line = literal;
            }
        }
        let mut work = work::plan(&line, ticket.shell, &self.config.user, sudo)?;
        work.asked = ticket.approval.is_some();
        replay::once(
            &self.config.state_dir,
            &ticket.id,
            ticket.not_after,
            now.timestamp(),
        )?;
        Ok(work)
    }

    fn entry(&self, event: Event, ticket: &Ticket) -> Entry {
        let mut entry = Entry::new(event);
        entry.target = Some(ticket.target.clone());
        entry.command = Some(ticket.line.clone());
        entry.canonical = Some(ticket.line.clone());
        entry.canonical_sha256 = Some(crate::audit::record::hex(ticket.line.as_bytes()));
        entry.requester = Some(ticket.requester.clone());
        entry.run_id = Some(ticket.id.clone());
        if let Some(approval) = &ticket.approval {
            entry.approval_id = Some(approval.id.clone());
            entry.approvers.clone_from(&approval.approvers);
        }
        entry
    }

    fn record(&self, entry: &Entry) -> Result<(), String> {
        self.log
            .append(entry)
            .map(|_| ())
            .map_err(|e| format!("the guard's record cannot be written, so nothing was run: {e}"))
    }
}

/// Whether the ticket's approval is enough for this host's own policy.
fn approved(ticket: &Ticket, quorum: &Quorum) -> Result<(), String> {
    let names: std::collections::BTreeSet<&str> = ticket
        .approval
        .iter()
        .flat_map(|a| &a.approvers)
        .filter_map(|a| a.split_whitespace().next())
        .collect();
    if u32::try_from(names.len()).unwrap_or(0) >= quorum.need.max(1) {
        return Ok(());
    }
    Err(format!(
        "this target's own policy asks for {} approvals, and the ticket has {}",
        quorum.need.max(1),
        names.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_finds_its_way_also_for_what_is_not_believed() {
        let nonce = "0123456789abcdef0123456789abcdef";
        let message =
            format!("{{\"ticket\":\"{{\\\"nonce\\\":\\\"{nonce}\\\"}}\",\"signature\":\"\"}}");
        assert_eq!(claimed_nonce(message.as_bytes()).as_deref(), Some(nonce));
        assert_eq!(
            claimed_nonce(format!("'uptime'{nonce}").as_bytes()).as_deref(),
            Some(nonce)
        );
        for other in [
            "",
            "short",
            "\\\"nonce\\\":\\\"",
            "'uptime'0123456789abcdef0123456789abcde\n",
            "é\u{1f600}",
        ] {
            assert_eq!(claimed_nonce(other.as_bytes()), None, "{other}");
        }
    }
}
