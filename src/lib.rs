#![forbid(unsafe_code)]
//! `aiops` is sudo for chat agents: it stands between a conversational agent and Linux servers.
//!
//! One message comes in, one outcome goes out, and every step leaves an audit record:
//!
//! ```text
//! stdin -> request -> command -> policy -> approval -> transport -> outcome -> stdout
//! ```
//!
//! The rooms and what they must not know of each other:
//!
//! - [`command`] reads shell and knows nothing of policy.
//! - [`policy`] decides and knows nothing of storage or SSH. It is pure.
//! - [`approval`], [`transport`] and [`audit`] do not know each other.

pub mod approval;
pub mod audit;
pub mod caller;
pub mod child;
pub mod cli;
pub mod command;
pub mod commands;
pub mod config;
pub mod demo;
pub mod display;
pub mod doctor;
pub mod freeze;
pub mod gate;
pub mod guard;
pub mod install;
pub mod knowledge;
pub mod labels;
pub mod notify;
pub mod outcome;
pub mod policy;
pub mod request;
pub mod runs;
pub mod shipped;
pub mod system;
pub mod transport;
pub mod yaml;

/// How long the processor was busy with something on this thread, whatever else the machine does.
#[cfg(test)]
fn processor_time(work: impl FnOnce()) -> std::time::Duration {
    use nix::time::{ClockId, clock_gettime};
    let now = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(std::time::Duration::from);
    let before = now();
    work();
    match (before, now()) {
        (Ok(before), Ok(after)) => after - before,
        _ => std::time::Duration::MAX,
    }
}
