//! Decides what a line may do, and explains why. Pure: no files, clock or randomness after loading.
//!
//! Must never be more lenient for a line than for its strictest command.

mod allow;
mod awk_sets;
mod builtin;
pub mod cache;
pub mod check;
mod code;
mod common;
mod compile;
mod decide;
mod deeper;
pub mod diff;
pub mod eval;
mod folder;
mod found;
mod goes;
mod handed;
mod index;
mod input;
pub mod language;
mod levels;
pub mod listing;
mod load;
mod loaded;
mod made;
mod options;
mod path;
mod pattern;
mod places;
mod rule;
pub mod schema;
mod sets;
mod state;
pub mod suggest;
mod tighten;
mod types;
mod unfold;
mod values;
mod verdict;
mod when;
mod words;
mod writes;
mod zone;

pub use levels::{ApprovalPolicy, METHODS};
pub use load::PolicyError;
pub use loaded::{Mode, Policy};

pub use state::{Check, CheckKind};
pub use unfold::read;

use serde::{Deserialize, Serialize};

/// What the policy says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Runs at once.
    AutoAllowed,
    /// Waits for a human.
    ApprovalRequired,
    /// Never runs.
    Forbidden,
}

/// How much harm a line could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Reads only.
    Low,
    /// Changes state that is easy to restore.
    Medium,
    /// Changes much, or is hard to undo.
    High,
    /// Cannot be undone, or endangers the host.
    Critical,
}

/// Whether an effect can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// Nothing changes.
    ReadOnly,
    /// The host itself can undo it.
    Reversible,
    /// Undone only with something from outside (a backup, another host).
    ExternallyReversible,
    /// Gone for good.
    Irreversible,
}

/// What a decision depends on besides policy and line.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The target's name; none for `policy eval` without one.
    pub target: Option<&'a str>,
    /// The target's tags.
    pub tags: &'a [String],
    /// Who asks, as the gate knows them.
    pub requester: &'a str,
    /// The clock.
    pub now: chrono::DateTime<chrono::Utc>,
    /// How often each rule decided for this target within its own rate window; empty when unknown.
    pub recent: &'a [Recent],
}

/// One earlier run, for rate limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The rule that decided.
    pub rule: String,
    /// Where it ran.
    pub target: String,
    /// When.
    pub at: chrono::DateTime<chrono::Utc>,
}

/// How many approvals of whom a line needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// How many different people.
    pub need: u32,
    /// Roles that must each be among them; empty for anyone who may approve.
    pub roles: Vec<String>,
}

/// What was decided for one call of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallDecision {
    /// The call as a person would write it.
    pub command: String,
    /// Its risk.
    pub risk: Risk,
    /// Its level.
    pub risk_level: RiskLevel,
    /// The rules that decided, strictest first; empty for the unknown default.
    pub rules: Vec<String>,
    /// One sentence: which word, which rule, what would have made it auto.
    pub why: String,
}

/// A decision about one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The strictest of its calls.
    pub risk: Risk,
    /// The highest level among the calls that gave that risk.
    pub risk_level: RiskLevel,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// One sentence for a person.
    pub why: String,
    /// What it does, for the approver: "changes a service's state".
    pub effect: Option<String>,
    /// The worst reversibility among its calls.
    pub reversibility: Option<Reversibility>,
    /// Approvals needed; `need` is 0 for auto and forbidden.
    pub quorum: Quorum,
    /// What is looked at before a human is asked; empty unless the risk is `approval_required`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Each call.
    pub calls: Vec<CallDecision>,
    /// What would be sent to the target; none where nothing may run.
    pub canonical: Option<String>,
}
