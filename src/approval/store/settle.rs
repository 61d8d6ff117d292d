//! Settles what earlier processes left: claims whose process is gone, questions whose time is over.

use super::{Error, Store, step};
use crate::approval::clock::Clock;
use crate::approval::files;
use crate::approval::question::Approval;
use crate::approval::state::State;
use std::fs;

impl Store {
    /// Closes and returns the approvals that were claimed by a process that is gone.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn interrupted(&self, clock: &Clock) -> Result<Vec<Approval>, Error> {
        let mut found = Vec::new();
        for approval in self
            .open_approvals()?
            .into_iter()
            .filter(|a| a.state == State::Claimed)
        {
            let lock = files::open_lock(&self.claim_path(&approval.id))?;
            if lock.try_lock().is_err() {
                continue;
            }
            match self.close(
                &approval.id,
                State::Interrupted,
                "the gate died".to_owned(),
                clock,
            ) {
                Ok(closed) => {
                    fs::remove_file(self.claim_path(&approval.id))?;
                    found.push(closed);
                }
                // Its own process finished it, or another start told of it, between our look and our lock.
                Err(e) if e.is_refusal() => {
                    let _ = fs::remove_file(self.claim_path(&approval.id));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }

    /// Closes and returns the approvals whose time is over.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn expire(&self, clock: &Clock) -> Result<Vec<Approval>, Error> {
        let mut found = Vec::new();
        for approval in self.open_approvals()? {
            if matches!(approval.state, State::Pending | State::Approved)
                && !self.lives(&approval, clock)
            {
                let _lock = self.lock()?;
                let Some(mut approval) = self.load(&approval.id)? else {
                    continue;
                };
                if matches!(approval.state, State::Pending | State::Approved) {
                    step(&mut approval, State::Expired)?;
                    approval.closed_by = Some("its time was over".to_owned());
                    self.write(&approval)?;
                    found.push(approval);
                }
            }
        }
        Ok(found)
    }
}
