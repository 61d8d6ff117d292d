//! Pending approvals on disk: questions, votes, and the claim that makes a run happen at most once.
//!
//! Must never let anything but the bound question run, never twice, and never after a clock that
//! stepped back. Knows nothing of who may vote (the gate does) and nothing of running.

mod clock;
mod files;
mod question;
mod requests;
mod state;
mod store;

pub use clock::Clock;
pub use question::{Approval, Question, Vote};
pub use requests::{Begin, Requests};
pub use state::State;
pub use store::{Claim, Error, Limits, Resolve, Selector, Store};
