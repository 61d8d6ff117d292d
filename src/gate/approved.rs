//! Runs what was approved: everything is looked at again, then claimed, then run.
//!
//! Must never run what was approved after anything it was approved for has changed.

use super::job::Job;
use super::state::About;
use super::vote::refusal;
use super::{Answer, Fault, Gate};
use crate::approval::{Approval, Clock};
use crate::audit::Event;
use crate::config::Target;
use crate::outcome::{Exit, Outcome, Status};
use crate::policy::Risk;

impl Gate {
    /// Everything again, as if it were asked now; then the claim; then the run.
    pub(super) fn run_approved(&self, approval: &Approval, mut outcome: Outcome) -> Answer {
        let question = &approval.question;
        let target = match self.still(approval)? {
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
        // Looking at the target took time: what counts is the moment of the claim.
        let claim = match self.store.claim(&approval.id, &Clock::now()) {
            Ok(claim) => claim,
            Err(e) if e.is_refusal() => {
                return self.not_applied(refusal(&e), &e.to_string(), Some(outcome));
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
        if let Ok((outcome, _)) = &answer {
            self.learn(approval, outcome);
        }
        if let Err(e) = self.store.finish(claim, &ran, &self.clock) {
            tracing::error!(
                "approval {} cannot be closed, and will be reported as interrupted: {e}",
                approval.id
            );
        }
        answer
    }

    /// Whether everything is still what was asked about, the state of the target included.
    fn still(&self, approval: &Approval) -> Result<Result<&Target, String>, Fault> {
        let question = &approval.question;
        let target = match self.unchanged(approval) {
            Ok(target) => target,
            Err(why) => return Ok(Err(why)),
        };
        let about = About {
            target,
            target_name: &question.target,
            requester: &question.requester,
            command: &question.command,
            session: question.session.as_deref(),
        };
        if let Some(why) = self.still_trusted(question)? {
            return Ok(Err(why));
        }
        Ok(match self.changed(&question.states, &about)? {
            None => Ok(target),
            Some(why) => Err(why),
        })
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
}
