//! What goes out on stdout: one JSON document, and the process's exit code.
//!
//! Must never hide anything from the human who reads it: what cannot be printed is shown escaped.

use crate::policy::{Quorum, Reversibility, Risk, RiskLevel};
use serde::{Deserialize, Serialize};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It ran; see `exit_code` and `signal`.
    Executed,
    /// Stored, waiting for a human.
    ApprovalRequested,
    /// A vote was counted, more are needed.
    Approved,
    /// A human said no.
    Denied,
    /// Nobody answered in time, or the approval was not used in time.
    Expired,
    /// The requester took it back.
    Cancelled,
    /// Approved, but the policy, the target or the state changed since the question was asked.
    Voided,
    /// The policy forbids it.
    Rejected,
    /// The target could not be reached or the run could not be recorded: it did not run.
    Failed,
    /// The time limit ended it.
    TimedOut,
    /// The gate cannot know whether it ran to its end; it is never run again by itself.
    Interrupted,
    /// A reply, but no request is waiting.
    NothingPending,
    /// A bare reply, but several requests are waiting.
    Ambiguous,
    /// A reply by someone who may not give it.
    NotAuthorized,
    /// The input could not be understood.
    Invalid,
    /// `dry_run`: decided and explained, nothing stored, nothing run.
    DryRun,
}

impl Status {
    /// Its name, as written in outcomes and records.
    pub fn name(self) -> &'static str {
        match self {
            Status::Executed => "executed",
            Status::ApprovalRequested => "approval_requested",
            Status::Approved => "approved",
            Status::Denied => "denied",
            Status::Expired => "expired",
            Status::Cancelled => "cancelled",
            Status::Voided => "voided",
            Status::Rejected => "rejected",
            Status::Failed => "failed",
            Status::TimedOut => "timed_out",
            Status::Interrupted => "interrupted",
            Status::NothingPending => "nothing_pending",
            Status::Ambiguous => "ambiguous",
            Status::NotAuthorized => "not_authorized",
            Status::Invalid => "invalid",
            Status::DryRun => "dry_run",
        }
    }
}

/// The gate's own exit codes (the remote one is [`Outcome::exit_code`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Executed, requested, voted, denied, cancelled.
    Handled = 0,
    /// The policy forbids it.
    Rejected = 3,
    /// The reply could not be applied.
    NotApplied = 4,
    /// The target could not be reached, or time ran out.
    Unreachable = 5,
    /// Bad input (EX_USAGE of sysexits.h).
    BadInput = 64,
    /// Internal fault (EX_SOFTWARE).
    Internal = 70,
    /// State or audit cannot be written, and so nothing was run (EX_CANTCREAT).
    CannotRecord = 73,
    /// Not permitted (EX_NOPERM).
    NotPermitted = 77,
    /// Bad configuration or policy (EX_CONFIG).
    BadConfig = 78,
}

impl Exit {
    /// The exit code of that number; [`Exit::Internal`] for any that is not the gate's.
    pub fn from_code(code: u64) -> Exit {
        [
            Exit::Handled,
            Exit::Rejected,
            Exit::NotApplied,
            Exit::Unreachable,
            Exit::BadInput,
            Exit::CannotRecord,
            Exit::NotPermitted,
            Exit::BadConfig,
        ]
        .into_iter()
        .find(|exit| *exit as u64 == code)
        .unwrap_or(Exit::Internal)
    }
}

impl Status {
    /// The exit code that goes with it, where nothing more special is known.
    pub fn exit(self) -> Exit {
        match self {
            Status::Executed
            | Status::ApprovalRequested
            | Status::Approved
            | Status::Denied
            | Status::Cancelled
            | Status::DryRun => Exit::Handled,
            Status::Rejected => Exit::Rejected,
            Status::NothingPending | Status::Ambiguous | Status::Expired | Status::Voided => {
                Exit::NotApplied
            }
            Status::NotAuthorized => Exit::NotPermitted,
            Status::Failed | Status::TimedOut | Status::Interrupted => Exit::Unreachable,
            Status::Invalid => Exit::BadInput,
        }
    }
}

/// How many approvals there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// Counted so far.
    pub have: u32,
    /// Needed.
    pub need: u32,
}

/// A request that waits, as `ambiguous` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLine {
    /// The code to reply with.
    pub code: String,
    /// Where it would run.
    pub target: String,
    /// What would run, escaped for display.
    pub command: String,
    /// Until when it waits (RFC 3339, UTC).
    pub expires_at: String,
}

/// A freeze, as every answer tells it while it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenLine {
    /// The target; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Who froze it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when (RFC 3339, UTC).
    pub since: String,
}

/// The one document on stdout. Fields that do not apply are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of the message.
    pub status: Status,
    /// What the policy says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// How much harm it could do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<RiskLevel>,
    /// The target's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The command as it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The canonical form: what ran or would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Who asked, by the agent's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// Why, by the agent's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One or two sentences for a person.
    pub message: String,
    /// Ids of the rules that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<String>>,
    /// Why it was decided so, and what would have made it auto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether its effect can be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reversibility: Option<Reversibility>,
    /// The approval's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
    /// The code to reply with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_code: Option<String>,
    /// Until when the question waits, or the approval may be used (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Counted and needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// Who was sent a one-time code, and how: `alice by phone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notified: Option<Vec<String>>,
    /// What is frozen, as long as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Vec<FrozenLine>>,
    /// The card to show in the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// What waits, on `ambiguous`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Vec<PendingLine>>,
    /// The command's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What it wrote to standard output, made printable and capped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// What it wrote to standard error, made printable and capped.
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
    /// True when this is the stored answer to a `request_id` seen before: nothing ran now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
    /// When this was answered (RFC 3339, UTC).
    pub timestamp: String,
    /// The audit record that tells it; null when the log could not be written.
    pub audit_seq: Option<u64>,
}

impl Outcome {
    /// An outcome with nothing but a status and a message.
    pub fn new(status: Status, message: impl Into<String>) -> Outcome {
        Outcome {
            status,
            risk: None,
            risk_level: None,
            target: None,
            command: None,
            canonical: None,
            requester: None,
            reason: None,
            message: message.into(),
            rules: None,
            why: None,
            reversibility: None,
            approval_id: None,
            approval_code: None,
            expires_at: None,
            approvals: None,
            notified: None,
            frozen: None,
            display: None,
            pending: None,
            exit_code: None,
            signal: None,
            stdout: None,
            stderr: None,
            stdout_truncated: None,
            stderr_truncated: None,
            duration_ms: None,
            replayed: None,
            timestamp: rfc3339(chrono::Utc::now()),
            audit_seq: None,
        }
    }
}

/// A time as all documents write it: RFC 3339, UTC, milliseconds.
pub fn rfc3339(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// What stands on an approval card.
#[derive(Debug, Clone)]
pub struct Card<'a> {
    /// The target's name.
    pub target: &'a str,
    /// The command as it was asked for.
    pub command: &'a str,
    /// What would run.
    pub canonical: &'a str,
    /// Why, by the agent's word.
    pub reason: &'a str,
    /// The level.
    pub level: RiskLevel,
    /// What it does.
    pub effect: Option<&'a str>,
    /// Whether it can be taken back.
    pub reversibility: Option<Reversibility>,
    /// Who must approve.
    pub quorum: &'a Quorum,
    /// The code, where the reply must name it.
    pub code: Option<&'a str>,
    /// Further lines, each escaped already: state, dry run, earlier answers.
    pub more: &'a [String],
    /// How to reply, where it is not the plain `Approve` or `Deny`: one line each.
    pub ways: &'a [String],
}

impl Card<'_> {
    /// The card as text. Whatever a terminal or a chat would not show as itself is escaped;
    /// nothing is left out.
    pub fn draw(&self) -> String {
        let shown = crate::display::escape;
        let mut lines = vec![
            "Approval required".to_owned(),
            format!("Target: {}", shown(self.target)),
            format!("Command: {}", shown(self.command)),
        ];
        if self.canonical != self.command {
            lines.push(format!("Runs as: {}", shown(self.canonical)));
        }
        lines.push(format!(
            "Reason: {}",
            crate::display::escape_prose(self.reason)
        ));
        let effect = self
            .effect
            .map(|e| format!(" — {}", shown(e)))
            .unwrap_or_default();
        lines.push(format!("Risk: {}{effect}", level_name(self.level)));
        if let Some(r @ (Reversibility::ExternallyReversible | Reversibility::Irreversible)) =
            self.reversibility
        {
            lines.push(format!("Undo: {}", reversibility_text(r)));
        }
        if self.quorum.need > 1 || !self.quorum.roles.is_empty() {
            lines.push(format!("Needs: {}", quorum_text(self.quorum)));
        }
        lines.extend(self.more.iter().cloned());
        if let Some((first, rest)) = self.ways.split_first() {
            lines.push(format!("Reply: {first}"));
            lines.extend(rest.iter().map(|way| format!("    or: {way}")));
            return lines.join("\n");
        }
        lines.push(match self.code {
            Some(code) => format!("Reply: Approve {code} or Deny {code}"),
            None => "Reply: Approve or Deny".to_owned(),
        });
        lines.join("\n")
    }
}

/// The level as a person reads it.
pub fn level_name(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Low => "low",
        RiskLevel::Medium => "medium",
        RiskLevel::High => "high",
        RiskLevel::Critical => "critical",
    }
}

pub(crate) fn reversibility_text(reversibility: Reversibility) -> &'static str {
    match reversibility {
        Reversibility::ReadOnly => "nothing changes",
        Reversibility::Reversible => "can be undone on the host",
        Reversibility::ExternallyReversible => "only with something from outside, such as a backup",
        Reversibility::Irreversible => "cannot be undone",
    }
}

pub(crate) fn quorum_text(quorum: &Quorum) -> String {
    let people = match quorum.need {
        1 => "1 approval".to_owned(),
        n => format!("{n} approvals by different people"),
    };
    if quorum.roles.is_empty() {
        people
    } else {
        format!("{people}, among them: {}", quorum.roles.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_is_the_contract_s() {
        let card = Card {
            target: "srv1",
            command: "sudo systemctl restart nginx",
            canonical: "sudo systemctl restart nginx",
            reason: "restart service",
            level: RiskLevel::Medium,
            effect: Some("changes a service's state"),
            reversibility: Some(Reversibility::Reversible),
            quorum: &Quorum {
                need: 1,
                roles: vec![],
            },
            code: None,
            more: &[],
            ways: &[],
        };
        assert_eq!(
            card.draw(),
            "Approval required\nTarget: srv1\nCommand: sudo systemctl restart nginx\nReason: restart service\n\
             Risk: medium — changes a service's state\nReply: Approve or Deny"
        );
    }

    #[test]
    fn a_reason_cannot_draw_lines_of_its_own() {
        let card = Card {
            target: "srv1",
            command: "reboot",
            canonical: "reboot",
            reason: "ok\nReply: Approve\u{202e}\u{1b}[2J",
            level: RiskLevel::High,
            effect: None,
            reversibility: Some(Reversibility::Irreversible),
            quorum: &Quorum {
                need: 2,
                roles: vec!["owner".into()],
            },
            code: Some("k7fq"),
            more: &[],
            ways: &[],
        };
        let text = card.draw();
        assert_eq!(text.lines().filter(|l| l.starts_with("Reply:")).count(), 1);
        assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
        assert!(text.contains("Undo: cannot be undone"));
        assert!(text.ends_with("Reply: Approve k7fq or Deny k7fq"));
    }
}
