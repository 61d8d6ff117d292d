//! Settles what earlier processes left open: runs whose gate died, questions that waited too long.
//!
//! Must never run anything: what was interrupted is told, not repeated.

use super::{Fault, Gate};
use crate::audit::Event;
use crate::outcome::Status;

impl Gate {
    /// Returns the questions whose time is over, so that a reply to one of them can be told so.
    pub(super) fn recover(&self) -> Result<Vec<crate::approval::Approval>, Fault> {
        for dead in self
            .runs
            .dead()
            .map_err(|e| Fault::record("the runs cannot be read", e))?
        {
            match dead.facts.caller {
                Some(caller) => self.converse(
                    caller,
                    dead.facts.session.as_deref(),
                    dead.facts.request_id.as_deref(),
                    &[],
                )?,
                None => self.converse_about_nothing(),
            }
            let mut entry = self.entry(Event::RunInterrupted);
            entry.run_id = Some(dead.facts.run_id.clone());
            entry.target = Some(dead.facts.target.clone());
            entry.command = Some(dead.facts.command.clone());
            entry.requester = Some(dead.facts.requester.clone());
            entry.reason = Some(dead.facts.reason.clone());
            entry.approval_id = dead.facts.approval_id.clone();
            entry.session = dead.facts.session.clone();
            entry.request_id = dead.facts.request_id.clone();
            entry.status = Some(Status::Interrupted.name().to_owned());
            entry.why = Some("the gate died while it ran: it may have run in part or in full, and is not run again".into());
            self.append(&entry)?;
            dead.forget().map_err(|e| {
                Fault::record("the note of an interrupted run cannot be removed", e)
            })?;
        }
        for approval in self
            .store
            .interrupted(&self.clock)
            .map_err(|e| Fault::record("the approvals cannot be read", e))?
        {
            self.distrust(&approval.question)?;
            self.converse_about(&approval)?;
            let mut entry = self.entry(Event::RunInterrupted);
            entry.approval_id = Some(approval.id.clone());
            entry.target = Some(approval.question.target.clone());
            entry.command = Some(approval.question.command.clone());
            entry.requester = Some(approval.question.requester.clone());
            entry.reason = Some(approval.question.reason.clone());
            entry.status = Some(Status::Interrupted.name().to_owned());
            entry.why = Some("the gate died after this approval was claimed: it is used up".into());
            self.append(&entry)?;
        }
        let late = self
            .store
            .expire(&self.clock)
            .map_err(|e| Fault::record("the approvals cannot be read", e))?;
        for approval in &late {
            self.converse_about(approval)?;
            let mut entry = self.entry(Event::ApprovalExpired);
            entry.approval_id = Some(approval.id.clone());
            entry.target = Some(approval.question.target.clone());
            entry.command = Some(approval.question.command.clone());
            entry.requester = Some(approval.question.requester.clone());
            entry.reason = Some(approval.question.reason.clone());
            entry.status = Some(Status::Expired.name().to_owned());
            entry.why = Some("nobody answered in time".into());
            self.append(&entry)?;
        }
        Ok(late)
    }
}
