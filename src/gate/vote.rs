//! A reply: who gives it, what it is about, whether they may; then a vote, and a run when it was the last one needed.
//!
//! Must never take a bare reply for one of several questions, and never run what was approved
//! after anything it was approved for has changed.

use super::voter::{Proof, Voter};
use super::{Answer, Fault, Gate};
use crate::approval::{Approval, Resolve, Selector, State, Tried, Vote};
use crate::audit::Event;
use crate::outcome::{Approvals, Exit, Outcome, PendingLine, Status, rfc3339};
use crate::policy::Risk;
use crate::request::{Message, Reply, Verdict};
use std::path::Path;

/// `aiops approve CODE` and `aiops deny CODE`: the human at a terminal, known by the kernel; or by
/// anybody, with an approver's signature.
pub fn vote(
    config: &Path,
    code: &str,
    approve: bool,
    comment: Option<String>,
    signature: Option<String>,
) -> (Outcome, Exit) {
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
        signature,
        comment,
        session: None,
    };
    match Gate::open(config) {
        Ok(gate) => gate.told(gate.answer_reply(&reply, Door::Terminal)),
        Err(fault) => fault.into_answer(),
    }
}

/// A person's reply on standard input: the terminal's door for a person whom sudo brings here, so that
/// the sudoers rule needs no arguments.
pub fn vote_on_stdin(config: &Path, input: &mut impl std::io::Read) -> (Outcome, Exit) {
    let message = crate::request::read(input);
    match Gate::open(config) {
        Ok(gate) => gate.told(match message {
            Ok(Message::Reply(reply)) => gate.answer_reply(&reply, Door::Terminal),
            Ok(Message::Request(_)) => gate.invalid("this door takes replies only"),
            Err(invalid) => gate.invalid(&invalid.0),
        }),
        Err(fault) => fault.into_answer(),
    }
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
        let proof = match Proof::of(reply, door) {
            Ok(proof) => proof,
            Err(why) => return self.not_applied(Status::NotAuthorized, &why, None),
        };
        let (approval, coded) = if let Proof::OneTime(code) = &proof {
            match self.by_code(reply, &selector, code)? {
                Ok((approval, approver)) => (approval, Some(approver)),
                Err(answer) => return Ok(*answer),
            }
        } else {
            match self.store.resolve(&selector, &self.clock) {
                Ok(approval) => (approval, None),
                Err(Resolve::NothingPending | Resolve::NotFound) => return self.nothing(reply),
                Err(Resolve::Ambiguous(waiting)) => return self.ambiguous(&waiting),
                Err(Resolve::Failed(e)) => {
                    return Err(Fault::record("the approvals cannot be read", e));
                }
            }
        };
        self.converse_about(&approval)?;
        let outcome = described(&approval);
        if reply.verdict == Verdict::Cancel {
            return self.cancel(&approval, outcome);
        }
        let voter = match self.voter(reply, &proof, coded.as_deref(), door, &approval) {
            Ok(voter) => voter,
            Err(why) => return self.not_applied(Status::NotAuthorized, &why, Some(outcome)),
        };
        if reply.verdict == Verdict::Approve
            && let Some(freeze) = self.frozen(&approval.question.target)?
        {
            return self.refuse_frozen(outcome, &freeze);
        }
        match reply.verdict {
            Verdict::Deny => self.deny(&approval, &voter, reply, outcome),
            _ => self.approve(&approval, &voter, reply, outcome),
        }
    }

    /// The question and the person that a one-time code is for, or the answer that says why there is none.
    #[allow(
        clippy::type_complexity,
        reason = "a question and a person, or an answer"
    )]
    fn by_code(
        &self,
        reply: &Reply,
        selector: &Selector,
        code: &str,
    ) -> Result<Result<(Approval, String), Box<(Outcome, Exit)>>, Fault> {
        let tried = self
            .store
            .try_code(selector, code, &self.clock)
            .map_err(|e| Fault::record("the one-time code cannot be tried", e))?;
        let why = match tried {
            Tried::Right(approval, approver) => return Ok(Ok((*approval, approver))),
            Tried::Wrong(left) => format!("The one-time code is wrong. {left} more wrong ones, and none is taken for what waits now."),
            Tried::Locked => "Five wrong one-time codes were tried: none is taken any more for this request. Cancel it and ask again, or use another method.".to_owned(),
            Tried::NoCode => {
                let waiting = self
                    .store
                    .resolve(selector, &self.clock);
                match waiting {
                    Ok(_) | Err(Resolve::Ambiguous(_)) => {
                        "No one-time code was sent for what waits. Reply without one, or by another method.".to_owned()
                    }
                    Err(Resolve::NothingPending | Resolve::NotFound) => {
                        return self.nothing(reply).map(|answer| Err(Box::new(answer)));
                    }
                    Err(Resolve::Failed(e)) => return Err(Fault::record("the approvals cannot be read", e)),
                }
            }
        };
        // Which question was meant is on record where it is clear.
        let meant = self.store.resolve(selector, &self.clock).ok();
        let outcome = meant.as_ref().map(described);
        self.not_applied(Status::NotAuthorized, &why, outcome)
            .map(|answer| Err(Box::new(answer)))
    }

    /// A reply that is about no waiting question: too late, or about nothing.
    fn nothing(&self, reply: &Reply) -> Answer {
        let wanted = reply.approval.as_deref();
        let late = self.late.iter().find(|a| match wanted {
            Some(wanted) => a.code == wanted || a.id == wanted,
            None => self.late.len() == 1,
        });
        if let Some(late) = late {
            self.converse_about(late)?;
            let why = "its time was over before this reply came: ask again if it is still wanted";
            return self.not_applied(Status::Expired, why, Some(described(late)));
        }
        let why = match wanted {
            // What has another form could be a one-time code in the wrong place: it is not repeated.
            Some(code) if code.len() == 4 || code.len() == 36 => format!(
                "No waiting request has the code {code}: it may have been answered, or have expired."
            ),
            Some(_) => {
                "No waiting request has that code: a request's code has 4 characters.".to_owned()
            }
            None => "No request is waiting: there is nothing to approve or deny.".to_owned(),
        };
        self.not_applied(Status::NothingPending, &why, None)
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
                return self.not_applied(refusal(&e), &e.to_string(), Some(outcome));
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
            let missing = approval.missing_roles();
            let roles = if missing.is_empty() {
                String::new()
            } else {
                format!(" Still needed: {}.", missing.join(", "))
            };
            outcome.message = format!(
                "Approved by {}: {have} of {} approvals. It does not run yet.{roles}",
                crate::display::escape(&voter.id),
                approval.question.quorum.need
            );
            outcome.audit_seq = Some(seq);
            return Ok((outcome, Exit::Handled));
        }
        self.run_approved(&approval, outcome)
    }

    fn deny(
        &self,
        approval: &Approval,
        voter: &Voter,
        reply: &Reply,
        mut outcome: Outcome,
    ) -> Answer {
        // First what a denial takes away: a crash must not leave it.
        self.distrust(&approval.question)?;
        match self.store.deny(
            &approval.id,
            &voter.id,
            reply.comment.as_deref(),
            &self.clock,
        ) {
            Ok(_) => {}
            Err(e) if e.is_refusal() => {
                return self.not_applied(refusal(&e), &e.to_string(), Some(outcome));
            }
            Err(e) => return Err(Fault::record("the denial cannot be stored", e)),
        }
        let question = &approval.question;
        let noted = self.denials().add(
            &question.target,
            &question.canonical,
            &voter.id,
            self.clock.wall,
        );
        if let Err(e) = noted {
            tracing::error!("the denial cannot be noted for later questions: {e}");
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
                return self.not_applied(refusal(&e), &e.to_string(), Some(outcome));
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
        let lines = waiting
            .iter()
            .map(|approval| {
                Ok(PendingLine {
                    command: self.listed(approval)?,
                    ..pending_line(approval)
                })
            })
            .collect::<Result<Vec<PendingLine>, Fault>>()?;
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

    pub(super) fn not_applied(
        &self,
        status: Status,
        why: &str,
        outcome: Option<Outcome>,
    ) -> Answer {
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
        entry.approvers = vec![format!("{} ({})", voter.id, voter.method)];
        entry.why = reply.comment.clone();
        entry
    }
}

/// The status that tells why the store did not take a step.
pub(super) fn refusal(error: &crate::approval::Error) -> Status {
    match error {
        crate::approval::Error::Late => Status::Expired,
        crate::approval::Error::Twice(_) => Status::NotAuthorized,
        _ => Status::NothingPending,
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
pub(super) fn described(approval: &Approval) -> Outcome {
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
