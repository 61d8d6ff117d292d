//! The states of an approval, and every step that is legal.

use serde::{Deserialize, Serialize};

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for votes.
    Pending,
    /// Enough votes; may be claimed once.
    Approved,
    /// Claimed: about to run, running, or its gate died.
    Claimed,
    /// It ran, or was tried; the outcome says what came of it.
    Done,
    /// Somebody said no.
    Denied,
    /// Too late.
    Expired,
    /// Taken back.
    Cancelled,
    /// What it was for has changed.
    Voided,
    /// The gate died after the claim.
    Interrupted,
}

/// Every legal step. There is no way back and no way around the claim.
pub const STEPS: [(State, State); 12] = [
    (State::Pending, State::Approved),
    (State::Pending, State::Denied),
    (State::Pending, State::Expired),
    (State::Pending, State::Cancelled),
    (State::Pending, State::Voided),
    (State::Approved, State::Claimed),
    (State::Approved, State::Denied),
    (State::Approved, State::Expired),
    (State::Approved, State::Cancelled),
    (State::Approved, State::Voided),
    (State::Claimed, State::Done),
    (State::Claimed, State::Interrupted),
];

impl State {
    /// Whether it may become `next`.
    pub fn may_become(self, next: State) -> bool {
        STEPS.contains(&(self, next))
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        !STEPS.iter().any(|(from, _)| *from == self)
    }

    /// Its name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Approved => "approved",
            State::Claimed => "claimed",
            State::Done => "done",
            State::Denied => "denied",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
            State::Voided => "voided",
            State::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_claim_leads_to_a_run_and_only_votes_lead_to_a_claim() {
        let into = |state| {
            STEPS
                .iter()
                .filter(move |(_, to)| *to == state)
                .map(|(from, _)| *from)
                .collect::<Vec<_>>()
        };
        assert_eq!(into(State::Done), [State::Claimed]);
        assert_eq!(into(State::Claimed), [State::Approved]);
        assert_eq!(into(State::Approved), [State::Pending]);
        assert_eq!(into(State::Pending), []);
        assert!(
            State::Done.is_final() && State::Interrupted.is_final() && !State::Claimed.is_final()
        );
    }
}
