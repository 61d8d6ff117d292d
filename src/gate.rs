//! One message in, one outcome out: the one place that joins the rooms.
//!
//! The order of the steps is the security argument: read, decide, record, ask or claim, run, record.
//! Must never run anything that was not first recorded, and never anything but the canonical form
//! that was decided on.

mod approved;
mod ask;
mod freeze;
mod job;
pub mod learn;
pub mod people;
pub mod person;
mod privacy;
mod rates;
mod recover;
mod state;
mod tell;
mod vote;
mod voter;

pub use freeze::sentence;
pub use vote::{vote, vote_on_stdin};

use crate::approval::{Clock, Requests, Store};
use crate::audit::{Entry, Event, Log};
use crate::caller::Caller;
use crate::config::{Config, Target};
use crate::freeze::Freezes;
use crate::outcome::{Exit, Outcome, Status};
use crate::policy::{Context, Decision, Policy};
use crate::request::{self, Message};
use crate::runs::Runs;
use rates::Rates;
use std::io::Read;
use std::path::Path;

/// Answers one message.
pub fn answer(config: &Path, input: &mut impl Read) -> (Outcome, Exit) {
    // The message is read to its end first: whatever is wrong here, its writer must not meet a closed pipe.
    let message = request::read(input);
    match Gate::open(config) {
        Ok(gate) => {
            // The process ends next: giving memory back piece by piece would only take time.
            let gate = std::mem::ManuallyDrop::new(gate);
            let (outcome, exit) = gate.told(gate.handle(message));
            (gate.for_agent(outcome), exit)
        }
        Err(fault) => fault.into_answer(),
    }
}

/// The gate itself cannot do its work.
#[derive(Debug)]
pub struct Fault {
    /// The exit code that tells which kind.
    pub exit: Exit,
    /// What happened and what to do.
    pub message: String,
}

impl Fault {
    pub(crate) fn config(message: impl std::fmt::Display) -> Fault {
        Fault {
            exit: Exit::BadConfig,
            message: message.to_string(),
        }
    }

    pub(crate) fn record(what: &str, error: impl std::fmt::Display) -> Fault {
        Fault {
            exit: Exit::CannotRecord,
            message: format!("{what}: {error}. Nothing was run."),
        }
    }

    fn into_answer(self) -> (Outcome, Exit) {
        tracing::error!("{}", self.message);
        (Outcome::new(Status::Failed, self.message), self.exit)
    }
}

fn limits(config: &Config) -> crate::approval::Limits {
    crate::approval::Limits {
        pending_per_caller: config.limits.pending_per_requester,
        approval_ttl: chrono::TimeDelta::seconds(
            i64::try_from(config.limits.approval_ttl_s).unwrap_or(300),
        ),
    }
}

/// What a door answers.
pub type Answer = Result<(Outcome, Exit), Fault>;

/// The gate with its rooms open.
pub struct Gate {
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    pub(crate) log: Log,
    pub(crate) store: Store,
    requests: Requests,
    runs: Runs,
    freezes: Freezes,
    rates: Rates,
    pub(crate) caller: Caller,
    clock: Clock,
    /// Questions whose time was found to be over when this gate opened.
    late: Vec<crate::approval::Approval>,
    /// Whose labels the log and the agent see.
    privacy: std::sync::Mutex<Option<privacy::Privacy>>,
    /// What the records of this message are about.
    about: std::sync::Mutex<privacy::About>,
}

impl Gate {
    /// Opens configuration, policy, log and state, and settles what an earlier process left open.
    ///
    /// # Errors
    /// [`Fault`] with the exit code for bad configuration (78) or state that cannot be written (73).
    pub fn open(config: &Path) -> Result<Gate, Fault> {
        let config = Config::load(config).map_err(Fault::config)?;
        let policy = Policy::load_kept(&config.policy, &config.state_dir).map_err(Fault::config)?;
        let state = |what: &'static str| move |e: &dyn std::fmt::Display| Fault::record(what, e);
        let log = Log::open_rotating(&config.audit_log, config.audit.rotation())
            .map_err(|e| state("the audit log cannot be opened")(&e))?;
        let store = Store::open(&config.state_dir.join("approvals"), limits(&config))
            .map_err(|e| state("the approvals cannot be opened")(&e))?;
        let requests = Requests::open(&config.state_dir.join("requests"))
            .map_err(|e| state("the request ids cannot be opened")(&e))?;
        let runs = Runs::open(&config.state_dir.join("runs"))
            .map_err(|e| state("the runs cannot be opened")(&e))?;
        let mut gate = Gate {
            freezes: Freezes::new(&config.state_dir),
            rates: Rates::new(&config.state_dir),
            config,
            policy,
            log,
            store,
            requests,
            runs,
            caller: Caller::from_kernel(),
            clock: Clock::now(),
            late: Vec::new(),
            privacy: std::sync::Mutex::new(None),
            about: std::sync::Mutex::default(),
        };
        gate.late = gate.recover()?;
        gate.converse_about_nothing();
        Ok(gate)
    }

    /// The answer with what is frozen in it: as long as a freeze lasts, every answer says so.
    pub(crate) fn told(&self, answer: Answer) -> (Outcome, Exit) {
        let (mut outcome, exit) = answer.unwrap_or_else(Fault::into_answer);
        outcome.frozen = match self.freezes.all() {
            Ok(all) if all.is_empty() => None,
            Ok(all) => Some(all.iter().map(freeze::line).collect()),
            Err(e) => {
                tracing::error!("the freezes cannot be read: {e}");
                None
            }
        };
        (outcome, exit)
    }

    fn handle(&self, message: Result<Message, request::Invalid>) -> Answer {
        match message {
            Err(invalid) => self.invalid(&invalid.0),
            Ok(Message::Request(request)) => self.request(&request),
            Ok(Message::Reply(reply)) => self.reply(&reply),
        }
    }

    /// Records and tells what was wrong with the input.
    fn invalid(&self, why: &str) -> Answer {
        let mut entry = self.entry(Event::InvalidInput);
        entry.status = Some("invalid".into());
        entry.why = Some(why.to_owned());
        let mut outcome = Outcome::new(Status::Invalid, why);
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::BadInput))
    }

    /// A record with the caller in it.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        let mut entry = Entry::new(event);
        entry.caller = Some(self.caller.name.clone());
        entry
    }

    /// Appends a record; on disk when this returns.
    pub(crate) fn append(&self, entry: &Entry) -> Result<u64, Fault> {
        match self.log.append(&self.labelled(entry)) {
            Ok(appended) => Ok(appended.seq),
            Err(e) => Err(Fault::record("the audit record cannot be written", e)),
        }
    }

    /// Reads a line and decides about it for a target.
    fn decide(
        &self,
        line: &str,
        name: &str,
        target: &Target,
        requester: &str,
    ) -> (Decision, Option<crate::command::Reading>) {
        let read = crate::policy::read(line);
        let cx = Context {
            target: Some(name),
            tags: &target.tags,
            requester,
            now: self.clock.wall,
            recent: &self.recent(name),
        };
        let decision = self.policy.decide(read.as_ref(), &cx);
        (decision, read.ok())
    }
}

impl Gate {
    /// The approvals that wait, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting(&self) -> Result<Vec<crate::approval::Approval>, Fault> {
        self.store
            .pending(None, &self.clock)
            .map_err(|e| Fault::record("the approvals cannot be read", e))
    }

    /// The approval with that code (while it waits) or id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find_approval(&self, code: &str) -> Result<Option<crate::approval::Approval>, Fault> {
        self.store
            .find(&code.to_ascii_lowercase())
            .map_err(|e| Fault::record("the approvals cannot be read", e))
    }
}
