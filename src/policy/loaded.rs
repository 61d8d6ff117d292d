//! A policy in memory, and what it tells about itself.
//!
//! Must never hold a rule that its index does not find.

use super::cache::Rules;
use super::common::Common;
use super::index::Index;
use super::levels::{ApprovalPolicy, TrustStep};
use super::rule::{SudoUse, Verdict};
use super::{Quorum, RiskLevel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How strict a policy means to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For trying out.
    Lab,
    /// For servers that matter.
    Production,
}

/// A policy, compiled.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) rules: Rules,
    /// Where a decision finds its rules.
    pub(super) index: Index,
    pub(super) unknown_is_rejected: bool,
    pub(super) levels: BTreeMap<RiskLevel, Option<Quorum>>,
    pub(super) mode: Mode,
    pub(super) approval: ApprovalPolicy,
    /// Levels that take other methods than the rest.
    pub(super) level_methods: BTreeMap<RiskLevel, Vec<String>>,
    pub(super) trust: BTreeMap<RiskLevel, Vec<TrustStep>>,
    pub(super) hash: String,
    /// Whether any rule has a rate limit.
    pub(super) rates: bool,
    pub(super) common: Arc<Common>,
    /// Every file it was read from; none for a policy that was kept.
    pub(super) sources: Vec<Source>,
}

/// A file's name and text.
pub(super) type Source = (String, String);

impl Policy {
    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Never: a policy without rules is refused.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// SHA-256 over all its sources, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How strict it means to be.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Who may approve.
    pub fn approval(&self) -> &ApprovalPolicy {
        &self.approval
    }

    /// Every example of its rules, `match` and `no_match`.
    pub fn examples(&self) -> Vec<String> {
        self.rules
            .iter()
            .flat_map(|r| r.matches.iter().chain(&r.no_match))
            .filter(|line| !line.contains('\n'))
            .cloned()
            .collect()
    }

    /// The examples of the auto rules that also speak of the command as root, as their authors wrote them.
    pub fn examples_as_root(&self) -> Vec<String> {
        self.rules
            .iter()
            .filter(|rule| rule.verdict == Verdict::Auto && rule.sudo == SudoUse::Allowed)
            .flat_map(|rule| rule.matches.iter().cloned())
            .collect()
    }

    /// Whether any rule has a rate limit.
    pub fn has_rates(&self) -> bool {
        self.rates
    }

    /// How many runs a rule allows on one target, and in what time.
    pub fn rate(&self, id: &str) -> Option<(usize, chrono::TimeDelta)> {
        let rate = self.rules.iter().find(|r| r.id == id)?.when.rate?;
        Some((rate.max, rate.per))
    }

    /// Whether a rule asks or forbids whatever auto rules say.
    pub(super) fn asks_always(&self, id: &str) -> bool {
        self.rules
            .iter()
            .any(|r| r.id == id && r.verdict != Verdict::Auto && !r.unless_auto)
    }

    /// The text of a file it was read from.
    pub(super) fn source(&self, name: &str) -> &str {
        self.sources
            .iter()
            .find(|(file, _)| file == name)
            .map_or("", |(_, text)| text)
    }
}
