//! Tells approvers about a question past the agent, each with a one-time code of their own; and says
//! how a question can be answered.
//!
//! Must never put a code into an answer, a record or a diagnostic: it exists here only between its
//! making and its sending.

use super::vote::Door;
use super::{Fault, Gate};
use crate::approval::code::{self, OneTime};
use crate::approval::pace::Pace;
use crate::approval::{Approval, Question, totp};
use crate::audit::Event;
use crate::notify::{self, Notice};
use crate::outcome::{Card, level_name, rfc3339};
use crate::policy::RiskLevel;

/// What came of telling people.
pub(super) struct Told {
    pub approval: Approval,
    /// `alice by phone`.
    pub reached: Vec<String>,
    /// `bob by mail: why not`.
    pub missed: Vec<String>,
}

impl Gate {
    pub(super) fn secrets(&self) -> totp::Secrets {
        totp::Secrets::new(&self.config.state_dir.join("totp"))
    }

    /// Sends everybody who may approve it a code of their own, once; those whom nothing reached get a new one
    /// when the question is asked again.
    pub(super) fn send_codes(&self, approval: Approval) -> Result<Told, Fault> {
        let mut told = Told {
            approval,
            reached: Vec::new(),
            missed: Vec::new(),
        };
        if !self
            .policy
            .methods(told.approval.question.risk_level)
            .contains(&"code")
        {
            return Ok(told);
        }
        let mut codes = Vec::new();
        for (name, person) in &self.config.approvers {
            let has = told
                .approval
                .codes
                .iter()
                .any(|c| c.approver == *name && !c.sent_by.is_empty());
            let voted = told
                .approval
                .votes
                .iter()
                .any(|v| v.approver.eq_ignore_ascii_case(name));
            if person.notify.is_empty()
                || has
                || voted
                || self
                    .apart(name, person, ("code", Door::Relay), &told.approval)
                    .is_err()
            {
                continue;
            }
            codes.push((name.clone(), person, code::fresh()));
        }
        if codes.is_empty() {
            return Ok(told);
        }
        let mut kept: Vec<OneTime> = codes
            .iter()
            .map(|(name, _, code)| OneTime {
                approver: name.clone(),
                hash: code::hash(&told.approval.id, &told.approval.digest, name, code),
                sent_by: Vec::new(),
            })
            .collect();
        let stored = |e| Fault::record("the one-time codes cannot be stored", e);
        let id = told.approval.id.clone();
        // The hashes first: a code that a person holds must be one that counts.
        told.approval = self
            .store
            .set_codes(&id, kept.clone(), &self.clock)
            .map_err(stored)?;
        let approval = &told.approval;
        let results: Vec<Vec<(String, Result<(), String>)>> = std::thread::scope(|scope| {
            let threads: Vec<_> = codes
                .iter()
                .map(|(name, person, code)| {
                    scope.spawn(move || self.tell(name, &person.notify, code, approval))
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_default())
                .collect()
        });
        for (one, results) in kept.iter_mut().zip(results) {
            for (channel, result) in results {
                match result {
                    Ok(()) => {
                        told.reached.push(format!("{} by {channel}", one.approver));
                        one.sent_by.push(channel);
                    }
                    Err(why) => told
                        .missed
                        .push(format!("{} by {channel}: {why}", one.approver)),
                }
            }
        }
        told.approval = self
            .store
            .set_codes(&id, kept, &self.clock)
            .map_err(stored)?;
        let mut entry = self.entry(Event::ApprovalNotified);
        entry.approval_id = Some(id);
        entry.target = Some(told.approval.question.target.clone());
        entry.approvers = told.reached.clone();
        entry.status = Some(
            if told.reached.is_empty() {
                "failed"
            } else {
                "sent"
            }
            .to_owned(),
        );
        entry.why =
            (!told.missed.is_empty()).then(|| format!("not reached: {}", told.missed.join("; ")));
        self.append(&entry)?;
        Ok(told)
    }

    /// Whether one more question may be sent to people; it is counted then.
    pub(super) fn may_tell(&self, question: &Question) -> Result<bool, Fault> {
        let sends = self.policy.methods(question.risk_level).contains(&"code")
            && self.config.approvers.values().any(|p| !p.notify.is_empty());
        if !sends {
            return Ok(true);
        }
        Pace::new(&self.config.state_dir)
            .take(
                self.caller.uid,
                self.config.limits.notices_per_hour,
                self.clock.wall,
            )
            .map_err(|e| Fault::record("the pace of questions cannot be kept", e))
    }

    /// Tells one person by all their channels.
    fn tell(
        &self,
        name: &str,
        channels: &[String],
        code: &str,
        approval: &Approval,
    ) -> Vec<(String, Result<(), String>)> {
        let notice = self.notice(name, code, approval);
        channels
            .iter()
            .filter_map(|channel| {
                let how = self.config.notifiers.get(channel)?;
                Some((channel.clone(), notify::send(how, &notice)))
            })
            .collect()
    }

    fn notice(&self, name: &str, code: &str, approval: &Approval) -> Notice {
        let q = &approval.question;
        let shown = crate::display::escape;
        let mut more = vec![
            format!(
                "Asked by: {} (the agent's word), user {}",
                shown(&q.requester),
                crate::caller::name_of(q.caller)
            ),
            format!("Where: {}", shown(&q.target_identity)),
            format!(
                "Undo: {}",
                q.reversibility
                    .map_or("not known", crate::outcome::reversibility_text)
            ),
            format!("Waits until: {}", rfc3339(q.expires_at)),
        ];
        more.extend(self.more(approval));
        let ways = [
            format!("Approve {code} — {name}'s own code, for this request only"),
            format!("Deny {}", approval.code),
        ];
        let text = self.card(approval, &more, &ways);
        let json = serde_json::json!({
            "event": "approval_requested",
            "approver": name,
            "one_time_code": code,
            "reply": format!("Approve {code}"),
            "approval_id": approval.id,
            "approval_code": approval.code,
            "digest": approval.digest,
            "target": q.target,
            "target_identity": q.target_identity,
            "command": q.command,
            "canonical": q.canonical,
            "requester": q.requester,
            "caller": crate::caller::name_of(q.caller),
            "session": q.session,
            "reason": q.reason,
            "risk_level": q.risk_level,
            "effect": q.effect,
            "reversibility": q.reversibility,
            "rules": q.rules,
            "approvals": {"have": approval.have(), "need": q.quorum.need, "roles": q.quorum.roles},
            "states": q.states,
            "dry_runs": q.dry_runs,
            "asked_at": rfc3339(q.asked_at),
            "expires_at": rfc3339(q.expires_at),
            "text": text,
        });
        Notice {
            subject: format!(
                "Approval required: {} ({} risk)",
                q.target,
                level_name(q.risk_level)
            ),
            text,
            json,
            urgent: q.risk_level >= RiskLevel::High,
        }
    }

    /// A question's card.
    pub(super) fn card(&self, approval: &Approval, more: &[String], ways: &[String]) -> String {
        let q = &approval.question;
        Card {
            target: &q.target,
            command: &q.command,
            canonical: &q.canonical,
            reason: &q.reason,
            level: q.risk_level,
            effect: q.effect.as_deref(),
            reversibility: q.reversibility,
            quorum: &q.quorum,
            code: Some(&approval.code),
            more,
            ways,
        }
        .draw()
    }

    /// Lines about a question that only some have.
    pub(super) fn more(&self, approval: &Approval) -> Vec<String> {
        let q = &approval.question;
        let mut lines = self.earlier(q);
        if q.asked_as.is_some() {
            lines.push(format!(
                "Labels: `aiops approval show {}` at the gate shows what they stand for",
                approval.code
            ));
        }
        for seen in &q.states {
            lines.extend(super::state::lines("State", seen));
        }
        for seen in &q.dry_runs {
            lines.extend(super::state::lines("Dry run", seen));
        }
        lines
    }

    /// How a question can be answered, one line each; none where the plain `Approve` or `Deny` will do.
    pub(super) fn ways(&self, approval: &Approval, named: bool) -> Vec<String> {
        let mut methods = self.policy.methods(approval.question.risk_level);
        if approval.question.asked_as.is_some() {
            methods.retain(|m| !matches!(*m, "relay" | "totp"));
        }
        if methods.contains(&"relay") {
            return Vec::new();
        }
        let code = &approval.code;
        let mut ways = Vec::new();
        let sent: Vec<&str> = approval
            .codes
            .iter()
            .filter(|c| !c.sent_by.is_empty())
            .map(|c| c.approver.as_str())
            .collect();
        if methods.contains(&"code") && !sent.is_empty() {
            ways.push(format!(
                "Approve CODE (the one-time code that was sent to {})",
                sent.join(", ")
            ));
        }
        let people = &self.config.approvers;
        if methods.contains(&"totp") && people.keys().any(|name| self.secrets().has(name)) {
            let which = if named {
                format!("{code} ")
            } else {
                String::new()
            };
            ways.push(format!(
                "Approve {which}123456 (an approver's one-time password)"
            ));
        }
        if methods.contains(&"ssh") && self.config.allowed_signers.is_some() {
            ways.push(format!(
                "a signature over `aiops approval show {code} --signable`"
            ));
        }
        if methods.contains(&"unix") && people.values().any(|p| p.unix.is_some()) {
            ways.push(format!(
                "aiops approve {code} (run by an approver on the gateway)"
            ));
        }
        if ways.is_empty() {
            ways.push(
                "nobody can approve this yet: see `approvers` in the gate's configuration"
                    .to_owned(),
            );
        }
        ways.push(if named {
            format!("Deny {code}")
        } else {
            "Deny".to_owned()
        });
        ways
    }
}
