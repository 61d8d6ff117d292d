//! One-time codes in the store: kept as hashes, tried under the lock, each wrong one counted on disk.

use super::{Error, Selector, Store, no_longer};
use crate::approval::clock::Clock;
use crate::approval::code::{self, OneTime};
use crate::approval::question::Approval;
use crate::approval::state::State;

/// What came of trying a one-time code.
#[derive(Debug)]
pub enum Tried {
    /// It is this person's, for this approval.
    Right(Box<Approval>, String),
    /// It is nobody's. How many more wrong ones are taken.
    Wrong(u32),
    /// Five wrong ones were tried: no code is taken any more.
    Locked,
    /// No code was made for anything that waits.
    NoCode,
}

impl Store {
    /// Keeps the hashes of codes that are about to be sent; one a person, the last one made counts.
    ///
    /// # Errors
    /// Refused when it no longer waits.
    pub fn set_codes(
        &self,
        id: &str,
        codes: Vec<OneTime>,
        clock: &Clock,
    ) -> Result<Approval, Error> {
        self.change(id, clock, |approval| {
            if approval.state != State::Pending {
                return Err(no_longer(approval));
            }
            approval
                .codes
                .retain(|old| codes.iter().all(|new| new.approver != old.approver));
            approval.codes.extend(codes);
            Ok(())
        })
    }

    /// Tries a one-time code on what waits. A wrong one is counted against everything it could have been for,
    /// on disk when this returns.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn try_code(&self, selector: &Selector, code: &str, clock: &Clock) -> Result<Tried, Error> {
        let _lock = self.lock()?;
        let mut waiting = self.pending(selector.session, clock)?;
        if let Some(wanted) = selector.approval {
            waiting.retain(|a| a.code == wanted || a.id == wanted);
        }
        waiting.retain(|a| !a.codes.is_empty());
        if waiting.is_empty() {
            return Ok(Tried::NoCode);
        }
        waiting.retain(|a| a.wrong_codes < code::TRIES);
        if waiting.is_empty() {
            return Ok(Tried::Locked);
        }
        let mut right = None;
        for (at, approval) in waiting.iter().enumerate() {
            for one in &approval.codes {
                let given = code::hash(&approval.id, &approval.digest, &one.approver, code);
                if code::same(&given, &one.hash) {
                    right = Some((at, one.approver.clone()));
                }
            }
        }
        if let Some((at, approver)) = right {
            return Ok(Tried::Right(Box::new(waiting.swap_remove(at)), approver));
        }
        let mut left = 0;
        for approval in &mut waiting {
            approval.wrong_codes += 1;
            left = left.max(code::TRIES - approval.wrong_codes);
            self.write(approval)?;
        }
        Ok(if left == 0 {
            Tried::Locked
        } else {
            Tried::Wrong(left)
        })
    }
}
