//! What a record says, and the exact bytes it is written as.
//!
//! The hash of a record is SHA-256 over its line without the last member, `,"hash":"…"`: the line up
//! to there, closed with `}`. It covers `seq` and `prev`, so each record fixes all before it.

use super::mask::mask;
use crate::outcome::rfc3339;
use crate::policy::{Risk, RiskLevel};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// `prev` of the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Event {
    /// A request was decided and neither run nor stored: forbidden, a dry run, or answered from its id.
    #[serde(rename = "request.decided")]
    RequestDecided,
    /// A message could not be understood.
    #[serde(rename = "input.invalid")]
    InvalidInput,
    /// A question was stored.
    #[serde(rename = "approval.requested")]
    ApprovalRequested,
    /// Somebody approved.
    #[serde(rename = "approval.voted")]
    ApprovalVoted,
    /// Somebody denied.
    #[serde(rename = "approval.denied")]
    ApprovalDenied,
    /// Nobody answered in time.
    #[serde(rename = "approval.expired")]
    ApprovalExpired,
    /// The requester took it back.
    #[serde(rename = "approval.cancelled")]
    ApprovalCancelled,
    /// Approved, but what it was approved for had changed.
    #[serde(rename = "approval.voided")]
    ApprovalVoided,
    /// Approvers were sent a question, each with a code of their own.
    #[serde(rename = "approval.notified")]
    ApprovalNotified,
    /// Every new run was stopped.
    #[serde(rename = "gate.frozen")]
    Frozen,
    /// Somebody wants runs to be possible again; with enough of them it is.
    #[serde(rename = "gate.thawed")]
    Thawed,
    /// What was learnt of a pattern of approvals was forgotten.
    #[serde(rename = "trust.reset")]
    TrustReset,
    /// A person's secret for one-time passwords was made or removed.
    #[serde(rename = "approver.changed")]
    ApproverChanged,
    /// A reply that could not be applied.
    #[serde(rename = "reply.refused")]
    ReplyRefused,
    /// A command is about to run.
    #[serde(rename = "run.started")]
    RunStarted,
    /// A command ended, or could not be started.
    #[serde(rename = "run.finished")]
    RunFinished,
    /// A run whose end is not known.
    #[serde(rename = "run.interrupted")]
    RunInterrupted,
    /// A torn last line was taken off, or closed where nothing may be taken off.
    #[serde(rename = "log.repaired")]
    LogRepaired,
    /// The log goes on in a new file: its first record.
    #[serde(rename = "log.rotated")]
    LogRotated,
    /// A seal over all records before it.
    #[serde(rename = "log.sealed")]
    LogSealed,
}

/// A record before it is numbered and chained. Absent fields are not written.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// The target's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The command as it was asked for, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What runs or would run, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// SHA-256 of the canonical form as it runs, so that masking hides no difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_sha256: Option<String>,
    /// Who asked, by the agent's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The user who called the gate, by the kernel's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The chat conversation, by the agent's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Why, by the agent's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The approval it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
    /// The run it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Which way it ran: `local`, `ssh` (a shell of the login user), `guard` (checked again on the target).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// What the policy said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// How much harm it could do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<RiskLevel>,
    /// Ids of the rules that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// SHA-256 of the policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_hash: Option<String>,
    /// Who voted and how: `alice (unix)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// The outcome's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// One sentence: why, or what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The command's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What it wrote to standard output: capped, printable, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// The same of standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// Whether `stdout` left something out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_truncated: Option<bool>,
    /// Whether `stderr` left something out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_truncated: Option<bool>,
    /// How long it ran, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// `log.rotated`: the name of the file that this one goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// `log.repaired`: how many bytes of a torn record stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_bytes: Option<u64>,
    /// `log.repaired`: SHA-256 of those bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_sha256: Option<String>,
    /// `log.sealed`: the number of the key that made the seal, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal_epoch: Option<u64>,
    /// `log.sealed`: HMAC-SHA-256 with that key; see [`super::seal`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

impl Entry {
    /// A record of that event and nothing else.
    pub fn new(event: Event) -> Entry {
        Entry {
            event,
            target: None,
            command: None,
            canonical: None,
            canonical_sha256: None,
            requester: None,
            caller: None,
            session: None,
            reason: None,
            request_id: None,
            approval_id: None,
            run_id: None,
            via: None,
            risk: None,
            risk_level: None,
            rules: Vec::new(),
            policy_hash: None,
            approvers: Vec::new(),
            status: None,
            why: None,
            exit_code: None,
            signal: None,
            stdout: None,
            stderr: None,
            stdout_truncated: None,
            stderr_truncated: None,
            duration_ms: None,
            continues: None,
            torn_bytes: None,
            torn_sha256: None,
            seal_epoch: None,
            seal: None,
        }
    }

    /// The same with secrets masked in every field that holds somebody's text.
    fn masked(&self) -> Entry {
        let mut entry = self.clone();
        entry.canonical_sha256 = entry.canonical.as_deref().map(|c| hex(c.as_bytes()));
        for field in [
            &mut entry.command,
            &mut entry.canonical,
            &mut entry.reason,
            &mut entry.why,
            &mut entry.stdout,
            &mut entry.stderr,
            &mut entry.requester,
            &mut entry.session,
        ] {
            if let Some(text) = field.as_mut()
                && let std::borrow::Cow::Owned(masked) = mask(text)
            {
                *text = masked;
            }
        }
        entry
    }
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    timestamp: String,
    #[serde(flatten)]
    entry: Flat<'a>,
    prev: &'a str,
}

/// Keeps the entry's own order inside the line.
#[derive(Serialize)]
#[serde(transparent)]
struct Flat<'a>(&'a Entry);

/// The record's line, without a line feed, and its hash.
///
/// # Errors
/// Never in practice: every field is text or number.
pub fn line(
    entry: &Entry,
    seq: u64,
    prev: &str,
    at: DateTime<Utc>,
) -> Result<(String, String), serde_json::Error> {
    let masked = entry.masked();
    let mut text = serde_json::to_string(&Line {
        seq,
        timestamp: rfc3339(at),
        entry: Flat(&masked),
        prev,
    })?;
    let hash = hex(text.as_bytes());
    text.pop();
    text.push_str(",\"hash\":\"");
    text.push_str(&hash);
    text.push_str("\"}");
    Ok((text, hash))
}

/// Splits a record's line into what is hashed, without the `}` that closes it, and the hash it claims.
pub fn split_hash(line: &str) -> Option<(&str, &str)> {
    let body = line.strip_suffix("\"}")?;
    let at = body.len().checked_sub(64)?;
    let (front, hash) = (body.get(..at)?, body.get(at..)?);
    let front = front.strip_suffix(",\"hash\":\"")?;
    hash.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        .then_some((front, hash))
}

/// Whether a line split by [`split_hash`] has the hash it claims.
pub fn hash_fits(front: &str, hash: &str) -> bool {
    let mut digest = Sha256::new();
    digest.update(front);
    digest.update(b"}");
    to_hex(&digest.finalize()) == hash
}

/// SHA-256 in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
