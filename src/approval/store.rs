//! The store: one file an approval, `pending/` apart from `closed/`, every step on disk before the next.
//!
//! What waits is all that is ever looked through, so an answer costs the same with a hundred
//! thousand closed approvals as with none.

mod codes;
mod settle;

pub use codes::Tried;

use super::clock::Clock;
use super::files;
use super::question::{Approval, Question, Vote};
use super::state::State;
use chrono::TimeDelta;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Letters and digits that cannot be taken for one another.
const ALPHABET: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// How long and how many.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Questions that may wait at once for one caller.
    pub pending_per_caller: usize,
    /// How long after the last vote it may still run.
    pub approval_ttl: TimeDelta,
}

/// Why a step was not taken.
#[derive(Debug)]
pub enum Error {
    /// The step is not legal now: what, for a person.
    Refused(String),
    /// Its time is over.
    Late,
    /// That person voted already.
    Twice(String),
    /// The store cannot be read or written.
    Io(io::Error),
}

impl Error {
    /// Whether the store works and said no.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Error::Io(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(why) => f.write_str(why),
            Error::Late => f.write_str("its time is over: ask again if it is still wanted"),
            Error::Twice(who) => write!(
                f,
                "{who} voted already: the next vote must be another person's"
            ),
            Error::Io(e) => write!(f, "{e}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Error {
        Error::Io(e)
    }
}

/// What a reply is about.
#[derive(Debug, Clone, Copy)]
pub struct Selector<'a> {
    /// Code or id; none for a bare reply.
    pub approval: Option<&'a str>,
    /// Only questions of this conversation.
    pub session: Option<&'a str>,
}

/// Why a reply is about nothing.
#[derive(Debug)]
pub enum Resolve {
    /// Nothing waits.
    NothingPending,
    /// Nothing of that code or id waits.
    NotFound,
    /// A bare reply, and several wait.
    Ambiguous(Vec<Approval>),
    /// The store cannot be read.
    Failed(Error),
}

/// A question that was stored, or waited already.
#[derive(Debug)]
pub struct Asked {
    /// The approval.
    pub approval: Approval,
    /// The same command, asked about before in another state of the target: closed now.
    pub replaced: Option<Approval>,
}

/// The right to run an approval once. Held as a lock for as long as its process lives.
#[derive(Debug)]
pub struct Claim {
    id: String,
    _lock: File,
}

/// The folder of approvals.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    limits: Limits,
}

impl Store {
    /// Opens it, making its folders (0700) if need be.
    ///
    /// # Errors
    /// When they cannot be made, or others can write them.
    pub fn open(dir: &Path, limits: Limits) -> Result<Store, Error> {
        for part in ["", "pending", "closed", "claims"] {
            files::folder(&dir.join(part))?;
        }
        Ok(Store {
            dir: dir.to_owned(),
            limits,
        })
    }

    /// Stores a question. The same question asked again while it waits is the same approval.
    ///
    /// # Errors
    /// Refused when too many wait already; otherwise when it cannot be written.
    pub fn ask(&self, question: Question, clock: &Clock) -> Result<Asked, Error> {
        let _lock = self.lock()?;
        let open = self.open_approvals()?;
        let waiting: Vec<&Approval> = open
            .iter()
            .filter(|a| a.state == State::Pending && self.lives(a, clock))
            .collect();
        if let Some(same) = waiting
            .iter()
            .find(|a| same_question(&a.question, &question))
        {
            return Ok(Asked {
                approval: (*same).clone(),
                replaced: None,
            });
        }
        let stale = waiting
            .iter()
            .find(|a| same_but_state(&a.question, &question))
            .map(|a| (*a).clone());
        if waiting
            .iter()
            .filter(|a| a.question.caller == question.caller)
            .count()
            - usize::from(stale.is_some())
            >= self.limits.pending_per_caller
        {
            return Err(Error::Refused(format!(
                "{} requests are waiting already: answer or cancel some first",
                self.limits.pending_per_caller
            )));
        }
        let id = uuid::Uuid::now_v7().to_string();
        let approval = Approval {
            digest: question.digest(&id),
            id,
            code: fresh_code(&open),
            question,
            state: State::Pending,
            votes: Vec::new(),
            asked: clock.clone(),
            approved: None,
            closed_by: None,
            result: None,
            codes: Vec::new(),
            wrong_codes: 0,
        };
        // What a person saw of the old question is no longer so.
        let replaced = match stale {
            None => None,
            Some(mut old) => {
                step(&mut old, State::Voided)?;
                old.closed_by = Some("asked again in another state of the target".to_owned());
                self.write(&old)?;
                Some(old)
            }
        };
        self.write(&approval)?;
        Ok(Asked { approval, replaced })
    }

    /// Whether the same question waits already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waits(&self, question: &Question, clock: &Clock) -> Result<bool, Error> {
        let waiting = self.pending(None, clock)?;
        Ok(waiting.iter().any(|a| same_question(&a.question, question)))
    }

    /// The approvals that wait for votes, oldest first; of one conversation, or of all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn pending(&self, session: Option<&str>, clock: &Clock) -> Result<Vec<Approval>, Error> {
        let mut waiting = self.open_approvals()?;
        waiting.retain(|a| {
            a.state == State::Pending
                && self.lives(a, clock)
                && (session.is_none() || a.question.session.as_deref() == session)
        });
        Ok(waiting)
    }

    /// Which approval a reply is about.
    ///
    /// # Errors
    /// [`Resolve`] says why none is.
    pub fn resolve(&self, selector: &Selector, clock: &Clock) -> Result<Approval, Resolve> {
        let mut waiting = self
            .pending(selector.session, clock)
            .map_err(Resolve::Failed)?;
        if let Some(wanted) = selector.approval {
            let found = waiting
                .into_iter()
                .find(|a| a.code == wanted || a.id == wanted);
            return found.ok_or(Resolve::NotFound);
        }
        if waiting.len() > 1 {
            return Err(Resolve::Ambiguous(waiting));
        }
        waiting.pop().ok_or(Resolve::NothingPending)
    }

    /// Counts a vote; with the last one needed it becomes approved.
    ///
    /// # Errors
    /// Refused when it no longer waits, or that person voted already.
    pub fn vote(&self, id: &str, vote: Vote, clock: &Clock) -> Result<Approval, Error> {
        self.change(id, clock, |approval| {
            if approval.state != State::Pending {
                return Err(no_longer(approval));
            }
            if approval
                .votes
                .iter()
                .any(|v| v.approver.eq_ignore_ascii_case(&vote.approver))
            {
                return Err(Error::Twice(vote.approver));
            }
            approval.votes.push(vote);
            if approval.is_met() {
                step(approval, State::Approved)?;
                approval.approved = Some(clock.clone());
            }
            Ok(())
        })
    }

    /// Closes it: somebody said no.
    ///
    /// # Errors
    /// Refused when it no longer waits.
    pub fn deny(
        &self,
        id: &str,
        who: &str,
        comment: Option<&str>,
        clock: &Clock,
    ) -> Result<Approval, Error> {
        self.close(
            id,
            State::Denied,
            format!(
                "{who}{}",
                comment.map(|c| format!(": {c}")).unwrap_or_default()
            ),
            clock,
        )
    }

    /// Closes it: the requester took it back.
    ///
    /// # Errors
    /// Refused when it no longer waits.
    pub fn cancel(&self, id: &str, clock: &Clock) -> Result<Approval, Error> {
        self.close(id, State::Cancelled, "the requester".to_owned(), clock)
    }

    /// Closes it: what it was for has changed.
    ///
    /// # Errors
    /// Refused when it no longer waits.
    pub fn void(&self, id: &str, why: &str, clock: &Clock) -> Result<Approval, Error> {
        self.close(id, State::Voided, why.to_owned(), clock)
    }

    fn close(&self, id: &str, state: State, by: String, clock: &Clock) -> Result<Approval, Error> {
        self.change(id, clock, |approval| {
            step(approval, state)?;
            approval.closed_by = Some(by);
            Ok(())
        })
    }

    /// Takes the right to run it. On disk when this returns; there is no second one, ever.
    ///
    /// # Errors
    /// Refused when it is not approved, or was approved too long ago.
    pub fn claim(&self, id: &str, clock: &Clock) -> Result<Claim, Error> {
        let lock = files::open_lock(&self.claim_path(id))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => Error::Refused("it is running already".into()),
            TryLockError::Error(e) => Error::Io(e),
        })?;
        self.change(id, clock, |approval| step(approval, State::Claimed))?;
        Ok(Claim {
            id: id.to_owned(),
            _lock: lock,
        })
    }

    /// Closes a claimed approval with what came of the run.
    ///
    /// # Errors
    /// When it cannot be written; the next start will find it interrupted.
    pub fn finish(&self, claim: Claim, result: &str, clock: &Clock) -> Result<(), Error> {
        self.change(&claim.id, clock, |approval| {
            step(approval, State::Done)?;
            approval.result = Some(result.to_owned());
            Ok(())
        })?;
        fs::remove_file(self.claim_path(&claim.id))?;
        Ok(())
    }

    /// An approval by its id, or by its code while it is open.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, wanted: &str) -> Result<Option<Approval>, Error> {
        if let Some(open) = self
            .open_approvals()?
            .into_iter()
            .find(|a| a.code == wanted || a.id == wanted)
        {
            return Ok(Some(open));
        }
        if uuid::Uuid::parse_str(wanted).is_err() {
            Ok(None)
        } else {
            self.load(wanted)
        }
    }

    /// Whether its time is not over: a question's while it waits, an approval's after the last vote.
    fn lives(&self, approval: &Approval, clock: &Clock) -> bool {
        let ttl = approval.question.expires_at - approval.question.asked_at;
        let (since, ttl) = match (&approval.approved, approval.state) {
            (Some(approved), State::Approved) => (clock.since(approved), self.limits.approval_ttl),
            _ => (clock.since(&approval.asked), ttl),
        };
        since.is_some_and(|elapsed| elapsed <= ttl)
    }

    /// One step of one approval, under the lock, on disk when it returns.
    fn change(
        &self,
        id: &str,
        clock: &Clock,
        change: impl FnOnce(&mut Approval) -> Result<(), Error>,
    ) -> Result<Approval, Error> {
        let _lock = self.lock()?;
        let mut approval = self
            .load(id)?
            .ok_or_else(|| Error::Refused("there is no such approval".into()))?;
        if matches!(approval.state, State::Pending | State::Approved)
            && !self.lives(&approval, clock)
        {
            return Err(Error::Late);
        }
        change(&mut approval)?;
        self.write(&approval)?;
        Ok(approval)
    }

    fn lock(&self) -> io::Result<File> {
        files::lock(&self.dir.join(".lock"))
    }

    fn claim_path(&self, id: &str) -> PathBuf {
        self.dir.join("claims").join(format!("{id}.lock"))
    }

    fn pending_path(&self, id: &str) -> PathBuf {
        self.dir.join("pending").join(format!("{id}.json"))
    }

    /// Closed ones lie in folders of about three days: the time in the id (RFC 9562, version 7) says which.
    fn closed_path(&self, id: &str) -> PathBuf {
        let day: String = id.chars().filter(|c| *c != '-').take(5).collect();
        self.dir.join("closed").join(day).join(format!("{id}.json"))
    }

    /// Writes it where its state belongs. Final states win: they are written before the open file goes.
    fn write(&self, approval: &Approval) -> Result<(), Error> {
        let bytes = serde_json::to_vec(approval).map_err(io::Error::from)?;
        let open = self.pending_path(&approval.id);
        if !approval.state.is_final() {
            files::write(&open, &bytes)?;
            return Ok(());
        }
        let closed = self.closed_path(&approval.id);
        if let Some(dir) = closed.parent() {
            files::folder(dir)?;
        }
        files::write(&closed, &bytes)?;
        fs::remove_file(&open)?;
        files::sync_folder(&self.dir.join("pending"))?;
        Ok(())
    }

    fn load(&self, id: &str) -> Result<Option<Approval>, Error> {
        // A crash between the closed file and the removal of the open one leaves both: closed is true.
        if let Some(closed) = self.parse(&self.closed_path(id))? {
            return Ok(Some(closed));
        }
        self.parse(&self.pending_path(id))
    }

    fn parse(&self, path: &Path) -> Result<Option<Approval>, Error> {
        let Some(text) = files::read(path)? else {
            return Ok(None);
        };
        let damaged = |why: &str| {
            Error::Io(io::Error::other(format!(
                "{}: {why}: remove it, and ask again",
                path.display()
            )))
        };
        let approval: Approval =
            serde_json::from_str(&text).map_err(|e| damaged(&e.to_string()))?;
        if approval.digest != approval.question.digest(&approval.id)
            || path.file_stem().and_then(|s| s.to_str()) != Some(approval.id.as_str())
        {
            return Err(damaged("it does not fit its digest: it was changed"));
        }
        Ok(Some(approval))
    }

    /// All that are not closed, oldest first.
    fn open_approvals(&self) -> Result<Vec<Approval>, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.dir.join("pending"))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            let Some(id) = name.strip_suffix(".json").filter(|n| !n.starts_with('.')) else {
                continue;
            };
            if self.closed_path(id).exists() {
                let _ = fs::remove_file(&path);
                continue;
            }
            if let Some(approval) = self.parse(&path)? {
                found.push(approval);
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }
}

/// Takes a legal step, or says why not.
fn step(approval: &mut Approval, next: State) -> Result<(), Error> {
    if !approval.state.may_become(next) {
        return Err(no_longer(approval));
    }
    approval.state = next;
    Ok(())
}

fn no_longer(approval: &Approval) -> Error {
    Error::Refused(format!(
        "request {} is {} and takes no more answers",
        approval.code,
        approval.state.name()
    ))
}

/// Whether two questions would be the same to a person: everything but the time.
fn same_question(a: &Question, b: &Question) -> bool {
    let timeless = |q: &Question| Question {
        asked_at: a.asked_at,
        expires_at: a.expires_at,
        dry_runs: Vec::new(),
        ..q.clone()
    };
    timeless(a) == timeless(b)
}

/// Whether two questions differ in nothing but the state they were asked in.
fn same_but_state(a: &Question, b: &Question) -> bool {
    let b = Question {
        states: a.states.clone(),
        ..b.clone()
    };
    same_question(a, &b)
}

/// A code that no open approval has.
fn fresh_code(open: &[Approval]) -> String {
    loop {
        let random = uuid::Uuid::new_v4();
        // 31 of 256 byte values a letter: the first eight multiples of 31 are taken, so none is likelier.
        let code: String = random
            .as_bytes()
            .iter()
            .filter(|b| usize::from(**b) < ALPHABET.len() * 8)
            .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
            .take(4)
            .collect();
        if code.len() == 4 && !open.iter().any(|a| a.code == code) {
            return code;
        }
    }
}
