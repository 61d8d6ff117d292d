//! A request: decided, then rejected, run at once, or stored as a question for a human.

use super::job::Job;
use super::state::About;
use super::tell::Told;
use super::{Answer, Fault, Gate};
use crate::approval::denials::Denied;
use crate::approval::{Asked, Begin, Question};
use crate::audit::{Entry, Event};
use crate::command::{self, Reading, Shell};
use crate::config::Target;
use crate::outcome::{Approvals, Exit, Outcome, Status, rfc3339};
use crate::policy::{CheckKind, Decision, Risk};
use crate::request::Request;

impl Gate {
    pub(super) fn request(&self, asked: &Request) -> Answer {
        let request = match self.real(asked)? {
            Ok(request) => request,
            Err(why) => return self.invalid(&why),
        };
        let asked_as = (request.command != asked.command).then_some(asked.command.as_str());
        self.real_request(&request, asked_as)
    }

    /// `asked_as` is the command with the agent's labels, where it has any.
    fn real_request(&self, request: &Request, asked_as: Option<&str>) -> Answer {
        let Some(target) = self.config.targets.get(&request.target) else {
            let known: Vec<&str> = self.config.targets.keys().map(String::as_str).collect();
            return self.invalid(&format!(
                "target {:?} is not configured: the targets are {}",
                crate::display::escape(&request.target),
                known.join(", ")
            ));
        };
        let limit = self.config.limits.max_timeout_s;
        if request.timeout_s.is_some_and(|t| t > limit) {
            return self.invalid(&format!(
                "field `timeout_s` is above this gate's limit of {limit} seconds"
            ));
        }
        let (decision, reading) = self.decide(
            &request.command,
            &request.target,
            target,
            &request.requester,
        );
        let outcome = described(request, &decision);
        if request.dry_run {
            return self.explained(outcome, &decision);
        }
        let Some(id) = &request.request_id else {
            return self.act(
                request,
                asked_as,
                target,
                &decision,
                reading.as_ref(),
                outcome,
            );
        };
        // The caller belongs to the key: one user's ids must not answer another's questions.
        let key = format!("{}:{id}", self.caller.uid);
        match self
            .requests
            .begin(&key, &content(request))
            .map_err(|e| Fault::record("the request id cannot be noted", e))?
        {
            Begin::New(guard) => {
                let answer = self.act(
                    request,
                    asked_as,
                    target,
                    &decision,
                    reading.as_ref(),
                    outcome,
                );
                match &answer {
                    Ok((outcome, exit)) => {
                        let stored = serde_json::json!({"exit": *exit as u8, "outcome": outcome});
                        if let Err(e) = self.requests.finish(guard, &stored) {
                            tracing::error!("the answer to request {id} cannot be stored: {e}");
                        }
                    }
                    // Nothing was run: the id may be used again once the fault is mended.
                    Err(_) => drop(self.requests.abandon(guard)),
                }
                answer
            }
            Begin::Same(stored) => self.replayed(&stored, outcome),
            Begin::InProgress => {
                let mut entry = self.decided(Event::ReplyRefused, &outcome);
                entry.why = Some("a request with this id is under way".into());
                let mut outcome = outcome;
                outcome.status = Status::Interrupted;
                outcome.message = format!(
                    "Request {id} is still under way: ask again later. Nothing was run now."
                );
                outcome.audit_seq = Some(self.append(&entry)?);
                Ok((outcome, Exit::Unreachable))
            }
            Begin::Interrupted => {
                let mut outcome = outcome;
                outcome.status = Status::Interrupted;
                outcome.message = format!(
                    "The gate died while it handled request {id}. It may have run: look at the target, then ask with a new request_id. Nothing was run now."
                );
                let entry = self.decided(Event::RunInterrupted, &outcome);
                outcome.audit_seq = Some(self.append(&entry)?);
                Ok((outcome, Exit::Unreachable))
            }
            Begin::Conflict => self.invalid(&format!(
                "request_id {id} was used before for another request: use a new one"
            )),
        }
    }

    fn act(
        &self,
        request: &Request,
        asked_as: Option<&str>,
        target: &Target,
        decision: &Decision,
        reading: Option<&Reading>,
        outcome: Outcome,
    ) -> Answer {
        if decision.risk != Risk::Forbidden
            && let Some(freeze) = self.frozen(&request.target)?
        {
            return self.refuse_frozen(outcome, &freeze);
        }
        match (decision.risk, reading, &decision.canonical) {
            (Risk::Forbidden, ..) | (_, None, _) | (_, _, None) => self.reject(outcome, decision),
            (Risk::ApprovalRequired, Some(reading), Some(_)) => {
                self.ask(request, asked_as, target, decision, reading, outcome)
            }
            (Risk::AutoAllowed, Some(_), Some(_)) if !self.count(decision, &request.target)? => {
                // Somebody else used the limit up since it was decided: decide again, now with that known.
                let (decision, reading) = self.decide(
                    &request.command,
                    &request.target,
                    target,
                    &request.requester,
                );
                if decision.risk == Risk::AutoAllowed {
                    let why = "A rate limit of the policy is used up for now: ask again later.";
                    return self.refused(outcome, why.into());
                }
                let outcome = described(request, &decision);
                self.act(
                    request,
                    asked_as,
                    target,
                    &decision,
                    reading.as_ref(),
                    outcome,
                )
            }
            (Risk::AutoAllowed, Some(reading), Some(canonical)) => self.execute(Job {
                target,
                target_name: &request.target,
                canonical,
                shell: shell_of(canonical, reading),
                timeout_s: self.timeout(request),
                requester: &request.requester,
                reason: &request.reason,
                session: request.session.as_deref(),
                request_id: request.request_id.as_deref(),
                approval_id: None,
                approvers: Vec::new(),
                outcome,
            }),
        }
    }

    fn timeout(&self, request: &Request) -> u64 {
        request.timeout_s.unwrap_or(self.config.limits.timeout_s)
    }

    fn reject(&self, mut outcome: Outcome, decision: &Decision) -> Answer {
        outcome.status = Status::Rejected;
        outcome.message = format!("Rejected by policy: {}", decision.why);
        let mut entry = self.decided(Event::RequestDecided, &outcome);
        entry.why = Some(decision.why.clone());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::Rejected))
    }

    fn explained(&self, mut outcome: Outcome, decision: &Decision) -> Answer {
        let (status, would) = match decision.risk {
            Risk::AutoAllowed => (Status::DryRun, "It would run at once."),
            Risk::ApprovalRequired => (Status::DryRun, "It would wait for approval."),
            Risk::Forbidden => (Status::Rejected, "It would be rejected."),
        };
        outcome.status = status;
        outcome.message = format!(
            "Dry run: nothing was run or stored. {would} {}",
            decision.why
        );
        let mut entry = self.decided(Event::RequestDecided, &outcome);
        entry.why = Some(outcome.message.clone());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, status.exit()))
    }

    /// Stores the question and shows the card.
    fn ask(
        &self,
        request: &Request,
        asked_as: Option<&str>,
        target: &Target,
        decision: &Decision,
        reading: &Reading,
        mut outcome: Outcome,
    ) -> Answer {
        let ttl = chrono::TimeDelta::seconds(
            i64::try_from(self.config.limits.question_ttl_s).unwrap_or(i64::MAX / 1000),
        );
        let about = About {
            target,
            target_name: &request.target,
            requester: &request.requester,
            command: &request.command,
            session: request.session.as_deref(),
        };
        let canonical = reading.canonical.as_str();
        if let Some(denied) = self.denied_before(&request.target, canonical)?
            && let Some(until) = self.paused(&denied)
        {
            let why = format!(
                "Denied by {} at {}: it is not asked again before {until}.",
                crate::display::escape(&denied.by),
                rfc3339(denied.at)
            );
            return self.refused(outcome, why);
        }
        let states = self.look(&decision.checks, CheckKind::Probe, &about)?;
        let dry_runs = self.look(&decision.checks, CheckKind::DryRun, &about)?;
        let mut question = Question {
            trust: 0,
            target: request.target.clone(),
            target_identity: target.fingerprint(),
            command: request.command.clone(),
            asked_as: asked_as.map(str::to_owned),
            canonical: reading.canonical.clone(),
            shell: reading.shell,
            requester: request.requester.clone(),
            caller: self.caller.uid,
            session: request.session.clone(),
            reason: request.reason.clone(),
            request_id: request.request_id.clone(),
            risk_level: decision.risk_level,
            rules: decision.rules.clone(),
            effect: decision.effect.clone(),
            reversibility: decision.reversibility,
            quorum: decision.quorum.clone(),
            states,
            dry_runs,
            policy_hash: self.policy.hash().to_owned(),
            timeout_s: self.timeout(request),
            asked_at: self.clock.wall,
            expires_at: self.clock.wall + ttl,
        };
        if let Some((quorum, count)) = self.trusted(&question)? {
            question.quorum = quorum;
            question.trust = count;
        }
        let need = question.quorum.need;
        if !self
            .store
            .waits(&question, &self.clock)
            .map_err(|e| Fault::record("the approvals cannot be read", e))?
            && !self.may_tell(&question)?
        {
            let why = format!(
                "{} questions were sent to people within an hour: no more of them now.",
                self.config.limits.notices_per_hour
            );
            return self.refused(outcome, why);
        }
        let Asked { approval, replaced } = match self.store.ask(question, &self.clock) {
            Ok(asked) => asked,
            Err(e) if e.is_refusal() => return self.refused(outcome, e.to_string()),
            Err(e) => return Err(Fault::record("the question cannot be stored", e)),
        };
        if let Some(old) = replaced {
            let mut entry = self.decided(Event::ApprovalVoided, &super::vote::described(&old));
            entry.why = old.closed_by;
            self.append(&entry)?;
        }
        outcome.status = Status::ApprovalRequested;
        outcome.approval_id = Some(approval.id.clone());
        outcome.approval_code = Some(approval.code.clone());
        outcome.expires_at = Some(rfc3339(approval.question.expires_at));
        outcome.approvals = Some(Approvals {
            have: approval.have(),
            need,
        });
        let mut entry = self.decided(Event::ApprovalRequested, &outcome);
        entry.approval_id = Some(approval.id.clone());
        entry.policy_hash = Some(self.policy.hash().to_owned());
        match self.append(&entry) {
            Ok(seq) => outcome.audit_seq = Some(seq),
            Err(fault) => {
                // A question that is not on record must not be answered.
                let _ = self
                    .store
                    .void(&approval.id, "it could not be recorded", &self.clock);
                return Err(fault);
            }
        }
        let told = self.send_codes(approval)?;
        self.show(&told, &mut outcome)?;
        Ok((outcome, Exit::Handled))
    }

    /// Records and tells that a question is not even asked.
    fn refused(&self, mut outcome: Outcome, why: String) -> Answer {
        outcome.status = Status::Rejected;
        outcome.message = why;
        let mut entry = self.decided(Event::RequestDecided, &outcome);
        entry.why = Some(outcome.message.clone());
        outcome.audit_seq = Some(self.append(&entry)?);
        Ok((outcome, Exit::Rejected))
    }

    /// Until when what was denied is not asked again.
    fn paused(&self, denied: &Denied) -> Option<String> {
        let pause =
            chrono::TimeDelta::seconds(i64::try_from(self.config.limits.deny_pause_s).ok()?);
        let until = denied.at + pause;
        (self.clock.wall < until && !pause.is_zero()).then(|| rfc3339(until))
    }

    /// The message and the card for the chat.
    fn show(&self, told: &Told, outcome: &mut Outcome) -> Result<(), Fault> {
        let approval = &told.approval;
        let alone = self
            .store
            .pending(None, &self.clock)
            .map_err(|e| Fault::record("the approvals cannot be read", e))?
            .len()
            <= 1;
        let reply = if alone {
            String::new()
        } else {
            format!(" {}", approval.code)
        };
        outcome.message = format!("Approval required. Reply Approve{reply} or Deny{reply}.");
        let mut more = self.more(approval);
        more.extend(
            told.missed
                .iter()
                .map(|why| format!("Not told: {}", crate::display::escape(why))),
        );
        let mut ways = self.ways(approval, !alone);
        if ways.is_empty() {
            ways.push(format!("Approve{reply} or Deny{reply}"));
        }
        outcome.display = Some(self.card(approval, &more, &ways));
        outcome.notified = (!told.reached.is_empty()).then(|| told.reached.clone());
        Ok(())
    }

    /// The stored answer to a request that came before.
    fn replayed(&self, stored: &serde_json::Value, fallback: Outcome) -> Answer {
        let exit = stored["exit"]
            .as_u64()
            .unwrap_or(u64::from(Exit::Internal as u8));
        let Ok(mut outcome) = serde_json::from_value::<Outcome>(stored["outcome"].clone()) else {
            let mut outcome = fallback;
            outcome.status = Status::Interrupted;
            outcome.message =
                "The stored answer to this request_id cannot be read. Nothing was run now.".into();
            return Ok((outcome, Exit::CannotRecord));
        };
        outcome.replayed = Some(true);
        let mut entry = self.decided(Event::RequestDecided, &outcome);
        entry.why = Some("answered from the request_id: nothing was run".into());
        self.append(&entry)?;
        Ok((outcome, Exit::from_code(exit)))
    }

    /// A record with what an outcome says.
    pub(super) fn decided(&self, event: Event, outcome: &Outcome) -> Entry {
        let mut entry = self.entry(event);
        entry.target = outcome.target.clone();
        entry.command = outcome.command.clone();
        entry.canonical = outcome.canonical.clone();
        entry.requester = outcome.requester.clone();
        entry.reason = outcome.reason.clone();
        entry.risk = outcome.risk;
        entry.risk_level = outcome.risk_level;
        entry.rules = outcome.rules.clone().unwrap_or_default();
        entry.approval_id = outcome.approval_id.clone();
        entry.status = Some(outcome.status.name().to_owned());
        entry
    }
}

/// An outcome with what the request and the decision say.
fn described(request: &Request, decision: &Decision) -> Outcome {
    let mut outcome = Outcome::new(Status::Rejected, "");
    outcome.risk = Some(decision.risk);
    outcome.risk_level = Some(decision.risk_level);
    outcome.target = Some(request.target.clone());
    outcome.command = Some(request.command.clone());
    outcome.canonical = decision.canonical.clone();
    outcome.requester = Some(request.requester.clone());
    outcome.reason = Some(request.reason.clone());
    outcome.rules = Some(decision.rules.clone());
    outcome.why = Some(decision.why.clone());
    outcome.reversibility = decision.reversibility;
    outcome
}

/// What makes two requests with one id the same request.
fn content(request: &Request) -> String {
    let parts = serde_json::json!([
        request.target,
        request.command,
        request.requester,
        request.reason,
        request.session,
        request.timeout_s
    ]);
    crate::audit::record::hex(parts.to_string().as_bytes())
}

/// The shell for what is sent: a line that was written out to run alone has one of its own.
fn shell_of(canonical: &str, reading: &Reading) -> Shell {
    if canonical == reading.canonical {
        return reading.shell;
    }
    command::read(canonical).map_or(Shell::Posix, |again| again.shell)
}
