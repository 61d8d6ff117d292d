//! What is asked, what it is bound to, and who answered.

use super::clock::Clock;
use super::code::OneTime;
use super::state::State;
use crate::audit::record::hex;
use crate::policy::{Quorum, Reversibility, RiskLevel};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A question for a human: may this run?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The target's name.
    pub target: String,
    /// Its address, user and pinned host keys.
    pub target_identity: String,
    /// The command as it was asked for.
    pub command: String,
    /// The command in the agent's words, where it held labels (`[IP_1]`) whose values stand in `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_as: Option<String>,
    /// What would run.
    pub canonical: String,
    /// The shell that would read it.
    pub shell: crate::command::Shell,
    /// Who asked, by the agent's word.
    pub requester: String,
    /// The user who called the gate, by the kernel's word.
    pub caller: u32,
    /// The chat conversation.
    pub session: Option<String>,
    /// Why, by the agent's word.
    pub reason: String,
    /// The idempotency key.
    pub request_id: Option<String>,
    /// How much harm it could do.
    pub risk_level: RiskLevel,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// What it does.
    pub effect: Option<String>,
    /// Whether it can be taken back.
    pub reversibility: Option<Reversibility>,
    /// Who must approve.
    pub quorum: Quorum,
    /// What the rules' probes said when it was asked; taken again before the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<Seen>,
    /// What the rules' dry runs said, for the person who decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dry_runs: Vec<Seen>,
    /// How many earlier approvals in a row let fewer do now; 0 where that plays no part.
    #[serde(default)]
    pub trust: u32,
    /// SHA-256 of the policy that asked.
    pub policy_hash: String,
    /// Time limit of the run, in seconds.
    pub timeout_s: u64,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// Until when it waits.
    pub expires_at: DateTime<Utc>,
}

impl Question {
    /// SHA-256 over everything that an approval is for, as a JSON array in this order. `id` is the
    /// approval's own and never comes again, so that no two approvals share a digest.
    pub fn digest(&self, id: &str) -> String {
        let bound = serde_json::json!([
            "aiops-approval-2",
            id,
            self.command,
            self.canonical,
            self.shell,
            self.target,
            self.target_identity,
            self.requester,
            self.caller,
            self.session,
            self.policy_hash,
            self.timeout_s,
            self.quorum.need,
            self.quorum.roles,
            self.states,
            self.expires_at.timestamp_millis(),
        ]);
        hex(bound.to_string().as_bytes())
    }
}

/// What a read-only command said about the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The rule that asks for it.
    pub rule: String,
    /// The command that ran.
    pub command: String,
    /// Its exit code; none when it could not be run.
    pub exit_code: Option<i32>,
    /// What it wrote, printable and capped; or why it could not be run.
    pub output: String,
}

/// One person's vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Who.
    pub approver: String,
    /// How they are known.
    pub method: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// A remark.
    pub comment: Option<String>,
}

/// A question with its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// UUID version 7.
    pub id: String,
    /// Four characters, unique among those that wait.
    pub code: String,
    /// What is asked.
    pub question: Question,
    /// [`Question::digest`] when it was asked.
    pub digest: String,
    /// Where it stands.
    pub state: State,
    /// Who voted for it.
    pub votes: Vec<Vote>,
    /// The clocks when it was asked.
    pub asked: Clock,
    /// The clocks at the vote that was enough.
    pub approved: Option<Clock>,
    /// Who or what closed it, and why.
    pub closed_by: Option<String>,
    /// What came of the run.
    pub result: Option<String>,
    /// The one-time codes that were made for it, as hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<OneTime>,
    /// How many wrong codes were tried.
    #[serde(default)]
    pub wrong_codes: u32,
}

impl Approval {
    /// How many different people voted for it.
    pub fn have(&self) -> u32 {
        let people: BTreeSet<String> = self
            .votes
            .iter()
            .map(|v| v.approver.to_lowercase())
            .collect();
        u32::try_from(people.len()).unwrap_or(u32::MAX)
    }

    /// The same without the hashes of its codes, for people to look at.
    pub fn without_codes(mut self) -> Approval {
        for code in &mut self.codes {
            code.hash = String::new();
        }
        self
    }

    /// The roles that no voter has yet.
    pub fn missing_roles(&self) -> Vec<&str> {
        let held = |role: &String| self.votes.iter().any(|v| v.roles.contains(role));
        self.question
            .quorum
            .roles
            .iter()
            .filter(|r| !held(r))
            .map(String::as_str)
            .collect()
    }

    /// Whether the votes are enough: the number, and every role by a person of its own.
    pub fn is_met(&self) -> bool {
        let voters: Vec<(&str, &[String])> = self
            .votes
            .iter()
            .map(|v| (v.approver.as_str(), v.roles.as_slice()))
            .collect();
        met(&self.question.quorum, &voters)
    }
}

/// Whether these people with their roles are enough: so many different ones, and every role filled by one of its own.
/// Names that differ in case only are one person.
pub fn met(quorum: &Quorum, voters: &[(&str, &[String])]) -> bool {
    let people: BTreeSet<String> = voters.iter().map(|(name, _)| name.to_lowercase()).collect();
    u32::try_from(people.len()).unwrap_or(u32::MAX) >= quorum.need.max(1)
        && filled(&quorum.roles, voters, &mut BTreeSet::new())
}

/// Whether each role can be given to a different person. Few roles, few people: a plain search.
fn filled(roles: &[String], voters: &[(&str, &[String])], used: &mut BTreeSet<String>) -> bool {
    let Some((role, rest)) = roles.split_first() else {
        return true;
    };
    for (name, has) in voters {
        let person = name.to_lowercase();
        if has.contains(role) && used.insert(person.clone()) {
            if filled(rest, voters, used) {
                return true;
            }
            used.remove(&person);
        }
    }
    false
}
