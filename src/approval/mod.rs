//! Pending approvals on disk: questions, votes, and the claim that makes a run happen at most once.
//!
//! Must never let anything but the bound question run, never twice, and never after a clock that
//! stepped back. Knows nothing of who may vote (the gate does) and nothing of running.

mod clock;
pub mod code;
pub mod denials;
pub(crate) mod files;
pub mod pace;
mod question;
mod requests;
pub mod signature;
mod state;
mod store;
pub mod totp;
pub mod trust;

pub use clock::Clock;
pub use question::{Approval, Question, Seen, Vote, met};
pub use requests::{Begin, Requests};
pub use state::State;
pub use store::{Asked, Claim, Error, Limits, Resolve, Selector, Store, Tried};
