//! What earlier answers mean for a new question: denials are told, and where the policy says so, trust
//! that grew over many approvals lets fewer do.
//!
//! Must never lower anything below one approval, and never for `critical`.

use super::freeze::{own_state, person};
use super::{Fault, Gate};
use crate::approval::denials::{Denials, Denied};
use crate::approval::trust::{Pattern, Trust};
use crate::approval::{Approval, Question};
use crate::audit::{Entry, Event, Log};
use crate::caller::Caller;
use crate::config::Config;
use crate::outcome::{Outcome, Status, level_name, rfc3339};
use crate::policy::{Quorum, Reversibility};
use std::path::Path;

impl Gate {
    fn trust(&self) -> Trust {
        Trust::new(&self.config.state_dir)
    }

    pub(super) fn denials(&self) -> Denials {
        Denials::new(&self.config.state_dir)
    }

    /// What was denied before of the same command on the same target.
    pub(super) fn denied_before(
        &self,
        target: &str,
        canonical: &str,
    ) -> Result<Option<Denied>, Fault> {
        self.denials()
            .of(target, canonical, self.clock.wall)
            .map_err(|e| Fault::record("the earlier answers cannot be read", e))
    }

    fn pattern(&self, question: &Question) -> Option<Pattern> {
        let target = self.config.targets.get(&question.target)?;
        // What cannot be undone, or is not known to be, always needs everybody.
        if question
            .reversibility
            .is_none_or(|r| r == Reversibility::Irreversible)
        {
            return None;
        }
        // A guard knows its own policy's quorum and no trust: it would refuse what fewer approved.
        if target.via() == crate::transport::Via::Guard {
            return None;
        }
        self.policy.learns(question.risk_level).then(|| {
            Pattern::new(
                &question.rules,
                &question.target,
                &target.tags,
                question.risk_level,
            )
        })
    }

    /// The approvals that a question needs with the trust of now, and how many earlier ones that rests on.
    pub(super) fn trusted(&self, question: &Question) -> Result<Option<(Quorum, u32)>, Fault> {
        let Some(pattern) = self.pattern(question) else {
            return Ok(None);
        };
        let count = self
            .trust()
            .count(&pattern)
            .map_err(|e| Fault::record("the trust cannot be read", e))?;
        Ok(self
            .policy
            .trusted(question.risk_level, count)
            .map(|quorum| (quorum, count)))
    }

    /// Whether trust that a question rested on is still there.
    pub(super) fn still_trusted(&self, question: &Question) -> Result<Option<String>, Fault> {
        if question.trust == 0 {
            return Ok(None);
        }
        let enough = self.trusted(question)?.is_some_and(|(quorum, _)| {
            quorum.need <= question.quorum.need
                && quorum
                    .roles
                    .iter()
                    .all(|r| question.quorum.roles.contains(r))
        });
        Ok((!enough).then(|| {
            "a denial or a failed run took away the trust by which fewer approvals would have done".to_owned()
        }))
    }

    /// Trust falls to zero: somebody said no, or a run did not end well.
    pub(super) fn distrust(&self, question: &Question) -> Result<(), Fault> {
        match self.pattern(question) {
            Some(pattern) => self
                .trust()
                .reset(&pattern)
                .map_err(|e| Fault::record("the trust cannot be reset", e)),
            None => Ok(()),
        }
    }

    /// After an approved run: one more, or none at all. The gateway's word builds no trust.
    pub(super) fn learn(&self, approval: &Approval, outcome: &Outcome) {
        let question = &approval.question;
        let Some(pattern) = self.pattern(question) else {
            return;
        };
        let result = match (outcome.status, outcome.exit_code) {
            (Status::Executed, Some(0)) if approval.votes.iter().all(|v| v.method != "relay") => {
                self.trust().add(&pattern, self.clock.wall)
            }
            (Status::Executed, Some(0)) | (Status::Failed | Status::Rejected, _) => Ok(()),
            _ => self.trust().reset(&pattern),
        };
        if let Err(e) = result {
            tracing::error!(
                "the trust in {} cannot be written: {e}",
                pattern.rules.join(", ")
            );
        }
    }

    /// Lines of the card about earlier answers.
    pub(super) fn earlier(&self, question: &Question) -> Vec<String> {
        let mut lines = Vec::new();
        if let Ok(Some(denied)) = self.denied_before(&question.target, &question.canonical) {
            let times = if denied.times == 1 {
                "once".to_owned()
            } else {
                format!("{} times", denied.times)
            };
            lines.push(format!(
                "Before: denied {times} in the last day, last by {} at {}",
                crate::display::escape(&denied.by),
                rfc3339(denied.at)
            ));
        }
        if question.trust > 0 {
            lines.push(format!(
                "Trust: approved {} times in a row; so fewer approvals are needed",
                question.trust
            ));
        }
        lines
    }
}

/// `aiops trust show`: a table, or JSON.
///
/// # Errors
/// When configuration or counts cannot be read.
pub fn trust_show(config: &Path, json: bool) -> Result<String, Fault> {
    let config = Config::load(config).map_err(Fault::config)?;
    let all = Trust::new(&config.state_dir)
        .all()
        .map_err(|e| Fault::record("the trust cannot be read", e))?;
    if json {
        return serde_json::to_string_pretty(&all)
            .map(|text| text + "\n")
            .map_err(|e| Fault::record("the trust cannot be shown", e));
    }
    if all.is_empty() {
        return Ok(
            "No pattern has been approved in a row (or the policy has no `trust`).\n".into(),
        );
    }
    let mut text = format!(
        "{:<9} {:<9} {:<16} {:<25} RULES\n",
        "APPROVED", "RISK", "TARGETS", "LAST"
    );
    for record in all {
        text.push_str(&format!(
            "{:<9} {:<9} {:<16} {:<25} {}\n",
            record.approved,
            level_name(record.pattern.level),
            record.pattern.group,
            rfc3339(record.last),
            record.pattern.rules.join(", ")
        ));
    }
    Ok(text)
}

/// `aiops trust reset`: sets patterns to zero, those of one rule or all.
///
/// # Errors
/// When the caller is neither root nor an approver, or nothing can be written.
pub fn trust_reset(config: &Path, rule: Option<&str>) -> Result<String, Fault> {
    let config = Config::load(config).map_err(Fault::config)?;
    let caller = Caller::from_kernel();
    let who = person(&config, &caller)?;
    own_state(&config)?;
    let trust = Trust::new(&config.state_dir);
    let failed = |e: std::io::Error| Fault::record("the trust cannot be reset", e);
    let mut count = 0;
    for record in trust.all().map_err(failed)? {
        if rule.is_none_or(|rule| record.pattern.rules.iter().any(|r| r == rule)) {
            trust.reset(&record.pattern).map_err(failed)?;
            count += 1;
        }
    }
    let mut entry = Entry::new(Event::TrustReset);
    entry.caller = Some(caller.name);
    entry.approvers = vec![format!("{} (unix)", who.name)];
    entry.why = Some(format!(
        "{count} patterns of {}",
        rule.unwrap_or("all rules")
    ));
    Log::open(&config.audit_log)
        .map_err(|e| e.to_string())
        .and_then(|log| log.append(&entry).map_err(|e| e.to_string()))
        .map_err(|e| Fault::record("it is reset, but cannot be recorded", e))?;
    Ok(format!("{count} patterns are set to zero.\n"))
}
