//! A reply: who gives it, what it is about, whether they may; then a vote, and a run when it was the last one needed.
//!
//! Must never take a bare reply for one of several questions, and never run what was approved
//! after anything it was approved for has changed.

use super::job::Job;
use super::{Answer, Fault, Gate};
use crate::approval::{Approval, Resolve, Selector, State, Vote};
use crate::audit::Event;
use crate::config::Target;
use crate::outcome::{Approvals, Exit, Outcome, PendingLine, Status, rfc3339};
use crate::policy::{Risk, RiskLevel};
use crate::request::{Reply, Verdict};
use std::path::Path;

/// Somebody's right to vote on one question.
struct Voter {
    /// Who, as counted and recorded.
    id: String,
    /// How they are known: `unix`, `relay`.
    method: &'static str,
    roles: Vec<String>,
}

/// `aiops approve CODE` and `aiops deny CODE`: the human at a terminal, known by the kernel.
pub fn vote(config: &Path, code: &str, approve: bool, comment: Option<String>) -> (Outcome, Exit) {
    let verdict = if approve {
        Verdict::Approve
    } else {
        Verdict::Deny
    };
    let reply = Reply {
        verdict,
        approval: Some(code.to_ascii_lowercase()),
        approver: None,
        code: None,
        comment,
        session: None,
    };
    let answer = Gate::open(config).and_then(|gate| gate.answer_reply(&reply, Door::Terminal));
    answer.unwrap_or_else(Fault::into_answer)
}

/// Through which door a reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// On stdin, from the chat gateway.
    Relay,
    /// `aiops approve`, by a person.
    Terminal,
}

impl Gate {
    pub(super) fn reply(&self, reply: &Reply) -> Answer {
        self.answer_reply(reply, Door::Relay)
    }

    fn answer_reply(&self, reply: &Reply, door: Door) -> Answer {
        let selector = Selector {
            approval: reply.approval.as_deref(),
            session: reply.session.as_deref(),
        };
        let approval = match self.store.resolve(&selector, &self.clock) {
            Ok(approval) => approval,
            Err(Resolve::NothingPending | Resolve::NotFound) => return self.nothing(reply),
            Err(Resolve::Ambiguous(waiting)) => return self.ambiguous(&waiting),
            Err(Resolve::Failed(e)) => {
                return Err(Fault::record("the approvals cannot be read", e));
            }
        };
        let outcome = described(&approval);
        if reply.verdict == Verdict::Cancel {
            return self.cancel(&approval, outcome);
        }
        let voter = match self.voter(reply, door, &approval) {
            Ok(voter) => voter,
            Err(why) => return self.not_applied(Status::NotAuthorized, &why, Some(outcome)),
        };
        match reply.verdict {
            Verdict::Deny => self.deny(&approval, &voter, reply, outcome),
            _ => self.approve(&approval, &voter, reply, outcome),
        }
    }

    /// A reply that is about no waiting question: too late, or about nothing.
    fn nothing(&self, reply: &Reply) -> Answer {
        let wanted = reply.approval.as_deref();
        let late = self.late.iter().find(|a| match wanted {
            Some(wanted) => a.code == wanted || a.id == wanted,
            None => self.late.len() == 1,
        });
        if let Some(late) = late {
            let why = "its time was over before this reply came: ask again if it is still wanted";
            return self.not_applied(Status::Expired, why, Some(described(late)));
        }
        let why = match wanted {
            Some(code) => format!(
                "No waiting request has the code {code}: it may have been answered, or have expired."
            ),
            None => "No request is waiting: there is nothing to approve or deny.".to_owned(),
        };
        self.not_applied(Status::NothingPending, &why, None)
    }

    /// Who gives this reply, and whether they may vote on this question.
    fn voter(&self, reply: &Reply, door: Door, approval: &Approval) -> Result<Voter, String> {
        let rules = self.policy.approval();
        let accepted = |method: &str| rules.methods.iter().any(|m| m == method);
        match door {
            Door::Terminal => {
                let Some((name, person)) = self
                    .config
                    .approvers
                    .iter()
                    .find(|(_, p)| p.unix.as_deref() == Some(self.caller.name.as_str()))
                else {
                    return Err(format!(
                        "user {} is not an approver: add them under `approvers` in the configuration",
                        self.caller.name
                    ));
                };
                if !accepted("unix") && reply.verdict == Verdict::Approve {
                    return Err("this policy does not accept the method `unix`: see `approval.methods` in the policy".into());
                }
                // uid 0 may be asking for itself in a lab; separation is about people.
                if rules.separation
                    && reply.verdict == Verdict::Approve
                    && self.caller.uid == approval.question.caller
                {
                    return Err(format!(
                        "user {} asked for this: somebody else must approve it",
                        self.caller.name
                    ));
                }
                Ok(Voter {
                    id: name.clone(),
                    method: "unix",
                    roles: person.roles.clone(),
                })
            }
            Door::Relay => {
                // A denial stops things, and the caller could cancel its own question anyway.
                let own_denial =
                    reply.verdict == Verdict::Deny && self.caller.uid == approval.question.caller;
                if !own_denial {
                    if !accepted("relay") {
                        return Err(format!(
                            "this policy does not take the gateway's word for an approval. An approver runs: aiops approve {}",
                            approval.code
                        ));
                    }
                    if approval.question.risk_level >= RiskLevel::High {
                        return Err(format!(
                            "the gateway's word is not enough for a risk this high. An approver runs: aiops approve {}",
                            approval.code
                        ));
                    }
                }
                if reply.code.is_some() {
                    return Err(
                        "this policy has no method that takes a one-time code: reply without it"
                            .into(),
                    );
                }
                let roles = match &reply.approver {
                    None => Vec::new(),
                    Some(name) if self.config.approvers.is_empty() || own_denial => {
                        let _ = name;
                        Vec::new()
                    }
                    Some(name) => match self.config.approvers.get(name) {
                        Some(person) => person.roles.clone(),
                        None => {
                            return Err(format!(
                                "{:?} is not an approver in the configuration",
                                crate::display::escape(name)
                            ));
                        }
                    },
                };
                if rules.separation
                    && reply.verdict == Verdict::Approve
                    && reply.approver.as_deref() == Some(approval.question.requester.as_str())
                {
                    return Err(format!(
                        "{} asked for this: somebody else must approve it",
                        approval.question.requester
                    ));
                }
                let id = reply
                    .approver
                    .clone()
                    .unwrap_or_else(|| format!("relay:{}", self.caller.name));
                Ok(Voter {
                    id,
                    method: "relay",
                    roles,
                })
            }
        }
    }

    fn approve(
        &self,
        approval: &Approval,
        voter: &Voter,
        reply: &Reply,
        mut outcome: Outcome,
    ) -> Answer {
        let vote = Vote {
            approver: voter.id.clone(),
            method: voter.method.to_owned(),
            roles: voter.roles.clone(),
            at: self.clock.wall,
            comment: reply.comment.clone(),
        };
        // The record first: a vote that is not on record must not count.
        let mut entry = self.voted(Event::ApprovalVoted, approval, voter, reply);
        entry.status = Some("approved".into());
        let seq = self.append(&entry)?;
        let approval = match self.store.vote(&approval.id, vote, &self.clock) {
            Ok(approval) => approval,
            Err(e) if e.is_refusal() => {
                return self.not_applied(Status::Expired, &e.to_string(), Some(outcome));
            }
            Err(e) => return Err(Fault::record("the vote cannot be stored", e)),
        };
        let have = approval.have();
        outcome.approvals = Some(Approvals {
            have,
            need: approval.question.quorum.need,
        });
        if approval.state != State::Approved {
            outcome.status = Status::Approved;
            outcome.message = format!(
                "Approved by {}: {have} of {} approvals. It does not run yet.",
                crate::display::escape(&voter.id),
                approval.question.quorum.need
            );
            outcome.audit_seq = Some(seq);
            return Ok((outcome, Exit::Handled));
        }
        self.run_approved(&approval, outcome)
    }

    /// Everything again, as if it were asked now; then the claim; then the run.
    fn run_approved(&self, approval: &Approval, mut outcome: Outcome) -> Answer {
        let question = &approval.question;
        let target = match self.unchanged(approval) {
            Ok(target) => target,
            Err(why) => {
                self.store
                    .void(&approval.id, &why, &self.clock)
                    .map_err(|e| Fault::record("the approval cannot be voided", e))?;
                outcome.status = Status::Voided;
                outcome.message =
                    format!("Approved, but not run: {why}. Ask again if it is still wanted.");
                let mut entry = self.decided(Event::ApprovalVoided, &outcome);
                entry.why = Some(why);
                outcome.audit_seq = Some(self.append(&entry)?);
                return Ok((outcome, Exit::NotApplied));
            }
        };
        let claim = match self.store.claim(&approval.id, &self.clock) {
            Ok(claim) => claim,
            Err(e) if e.is_refusal() => {
                return self.not_applied(Status::Expired, &e.to_string(), Some(outcome));
            }
            Err(e) => return Err(Fault::record("the approval cannot be claimed", e)),
        };
        let approvers = approval
            .votes
            .iter()
            .map(|v| format!("{} ({})", v.approver, v.method))
            .collect();
        let job = Job {
            target,
            target_name: &question.target,
            canonical: &question.canonical,
            shell: question.shell,
            timeout_s: question.timeout_s,
            requester: &question.requester,
            reason: &question.reason,
            session: question.session.as_deref(),
            request_id: question.request_id.as_deref(),
            approval_id: Some(&approval.id),
            approvers,
            outcome,
        };
        let answer = self.execute(job);
        let ran = match &answer {
            Ok((outcome, _)) => outcome.status.name().to_owned(),
            Err(_) => "failed".to_owned(),
        };
        if let Err(e) = self.store.finish(claim, &ran, &self.clock) {
            tracing::error!(
                "approval {} cannot be closed, and will be reported as interrupted: {e}",
                approval.id
            );
        }
        answer
    }

    /// Whether policy, target and command are still what was asked about.
    fn unchanged(&self, approval: &Approval) -> Result<&Target, String> {
        let question = &approval.question;
        let target = self
            .config
            .targets
            .get(&question.target)
            .ok_or("the target is no longer configured")?;
        if target.fingerprint() != question.target_identity {
            return Err(
                "the target's address, user or host key changed since the question was asked"
                    .into(),
            );
        }
        if self.policy.hash() != question.policy_hash {
            return Err("the policy changed since the question was asked".into());
        }
        let (decision, reading) = self.decide(
            &question.command,
            &question.target,
            target,
            &question.requester,
        );
        if decision.risk == Risk::Forbidden {
            return Err(format!("the policy forbids it now: {}", decision.why));
        }
        match reading {
            Some(reading)
                if reading.canonical == question.canonical && reading.shell == question.shell =>
            {
                Ok(target)
            }
            _ => Err("this version reads the command differently".into()),
        }
    }

    fn deny(
        &self,
        approval: &Approval,
        voter: &Voter,
        reply: &Reply,
        mut outcome: Outcome,
    ) -> Answer {
        match self.store.deny(
            &approval.id,
            &voter.id,
            reply.comment.as_deref(),
            &self.clock,
        ) {
            Ok(_) => {}
            Err(e) if e.is_refusal() => {
                return self.not_applied(Status::Expired, &e.to_string(), Some(outcome));
            }
            Err(e) => return Err(Fault::record("the denial cannot be stored", e)),
        }
        outcome.status = Status::Denied;
        outcome.message = format!(
            "Denied by {}. It does not run.",
            crate::display::escape(&voter.id)
        );
        let mut entry = self.voted(Event::ApprovalDenied, approval, voter, reply);
        entry.status = Some("denied".into());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::Handled))
    }

    fn cancel(&self, approval: &Approval, mut outcome: Outcome) -> Answer {
        if self.caller.uid != approval.question.caller {
            return self.not_applied(
                Status::NotAuthorized,
                "only the user who asked may cancel a request",
                Some(outcome),
            );
        }
        match self.store.cancel(&approval.id, &self.clock) {
            Ok(_) => {}
            Err(e) if e.is_refusal() => {
                return self.not_applied(Status::Expired, &e.to_string(), Some(outcome));
            }
            Err(e) => return Err(Fault::record("the approval cannot be cancelled", e)),
        }
        outcome.status = Status::Cancelled;
        outcome.message = "Cancelled. It does not run.".into();
        let entry = self.decided(Event::ApprovalCancelled, &outcome);
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::Handled))
    }

    fn ambiguous(&self, waiting: &[Approval]) -> Answer {
        let lines: Vec<PendingLine> = waiting.iter().map(pending_line).collect();
        let codes: Vec<&str> = lines.iter().map(|l| l.code.as_str()).collect();
        let mut outcome = Outcome::new(
            Status::Ambiguous,
            format!(
                "{} requests are waiting: reply Approve or Deny with one of the codes {}. Nothing was run.",
                lines.len(),
                codes.join(", ")
            ),
        );
        outcome.pending = Some(lines);
        let mut entry = self.entry(Event::ReplyRefused);
        entry.status = Some("ambiguous".into());
        entry.why = Some(outcome.message.clone());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::NotApplied))
    }

    fn not_applied(&self, status: Status, why: &str, outcome: Option<Outcome>) -> Answer {
        let mut outcome = outcome.unwrap_or_else(|| Outcome::new(status, ""));
        outcome.status = status;
        outcome.message = why.to_owned();
        let mut entry = self.decided(Event::ReplyRefused, &outcome);
        entry.why = Some(why.to_owned());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, status.exit()))
    }

    fn voted(
        &self,
        event: Event,
        approval: &Approval,
        voter: &Voter,
        reply: &Reply,
    ) -> crate::audit::Entry {
        let mut entry = self.decided(event, &described(approval));
        entry.session = approval.question.session.clone();
        entry.approvers = vec![format!("{} ({})", voter.id, voter.method)];
        entry.why = reply.comment.clone();
        entry
    }
}

/// A waiting approval as `ambiguous` and `aiops pending` list it.
pub(crate) fn pending_line(approval: &Approval) -> PendingLine {
    PendingLine {
        code: approval.code.clone(),
        target: approval.question.target.clone(),
        command: crate::display::escape(&approval.question.command).into_owned(),
        expires_at: rfc3339(approval.question.expires_at),
    }
}

/// An outcome with what an approval says.
fn described(approval: &Approval) -> Outcome {
    let question = &approval.question;
    let mut outcome = Outcome::new(Status::ApprovalRequested, "");
    outcome.risk = Some(Risk::ApprovalRequired);
    outcome.risk_level = Some(question.risk_level);
    outcome.target = Some(question.target.clone());
    outcome.command = Some(question.command.clone());
    outcome.canonical = Some(question.canonical.clone());
    outcome.requester = Some(question.requester.clone());
    outcome.reason = Some(question.reason.clone());
    outcome.rules = Some(question.rules.clone());
    outcome.reversibility = question.reversibility;
    outcome.approval_id = Some(approval.id.clone());
    outcome.approval_code = Some(approval.code.clone());
    outcome.approvals = Some(Approvals {
        have: approval.have(),
        need: question.quorum.need,
    });
    outcome
}
