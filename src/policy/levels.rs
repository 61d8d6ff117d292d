//! Risk levels: how many approvals of whom each needs, by which methods, and when fewer do.
//!
//! Must never let a level be met by nobody, or high and critical ones by the chat gateway's word.

use super::load::PolicyError;
use super::loaded::{Mode, Policy, Source};
use super::{Quorum, RiskLevel};
use crate::yaml;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an approver may be known, strongest in the chat first (docs/approvals.md).
pub const METHODS: [&str; 5] = ["code", "ssh", "totp", "unix", "relay"];

/// Who may approve.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalPolicy {
    /// Methods that count, of [`METHODS`].
    pub methods: Vec<String>,
    /// Whether somebody other than the requester must approve.
    pub separation: bool,
    /// Whether the rules' probes and dry runs are taken.
    pub probes: bool,
}

impl Default for ApprovalPolicy {
    fn default() -> ApprovalPolicy {
        ApprovalPolicy {
            methods: vec!["unix".into()],
            separation: true,
            probes: true,
        }
    }
}

/// Fewer approvals after so many in a row without a denial.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustStep {
    after: u32,
    approvals: u32,
    #[serde(default)]
    roles: Vec<String>,
}

/// A level as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum RawLevel {
    Word(String),
    Need {
        approvals: u32,
        #[serde(default)]
        roles: Vec<String>,
        #[serde(default)]
        methods: Option<Vec<String>>,
    },
}

impl Policy {
    /// The methods that count for a question of that level. The gateway's word is never among them from high on.
    pub fn methods(&self, level: RiskLevel) -> Vec<&str> {
        let methods = self
            .level_methods
            .get(&level)
            .unwrap_or(&self.approval.methods);
        methods
            .iter()
            .map(String::as_str)
            .filter(|m| *m != "relay" || level < RiskLevel::High)
            .collect()
    }

    /// The approvals that a level needs; none where it is forbidden.
    pub fn quorum(&self, level: RiskLevel) -> Option<&Quorum> {
        self.levels.get(&level).and_then(Option::as_ref)
    }

    /// Whether approvals of that level are counted.
    pub fn learns(&self, level: RiskLevel) -> bool {
        self.trust
            .get(&level)
            .is_some_and(|steps| !steps.is_empty())
    }

    /// The approvals that do after so many in a row; none where nothing is lowered.
    pub fn trusted(&self, level: RiskLevel, approved: u32) -> Option<Quorum> {
        let steps = self.trust.get(&level)?;
        let step = steps
            .iter()
            .filter(|s| s.after <= approved)
            .max_by_key(|s| s.after)?;
        Some(Quorum {
            need: step.approvals,
            roles: step.roles.clone(),
        })
    }

    /// That trust never lowers a level below one approval, nor past its roles.
    pub(super) fn check_trust(&self) -> Result<(), String> {
        for (level, steps) in &self.trust {
            let name = crate::outcome::level_name(*level);
            let Some(Some(quorum)) = self
                .levels
                .get(level)
                .filter(|_| *level != RiskLevel::Critical)
            else {
                return Err(format!(
                    "{name} never needs less, however often it was approved"
                ));
            };
            for step in steps {
                if step.after == 0 || step.approvals == 0 || step.approvals >= quorum.need {
                    return Err(format!(
                        "{name}: after {} approvals it would need {}: write at least 1, and fewer than the {} of the level",
                        step.after, step.approvals, quorum.need
                    ));
                }
                if step.roles.len() as u32 > step.approvals {
                    return Err(format!("{name}: more roles than approvals"));
                }
                if step.roles.is_empty() && !quorum.roles.is_empty() {
                    return Err(format!(
                        "{name}: the level names roles: say with `roles` which of them still must approve"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The approvals of each level: the defaults, and what a policy says instead.
pub(super) fn levels(
    source: &Source,
    raw: &BTreeMap<RiskLevel, RawLevel>,
) -> Result<BTreeMap<RiskLevel, Option<Quorum>>, PolicyError> {
    let quorum = |need| {
        Some(Quorum {
            need,
            roles: Vec::new(),
        })
    };
    let mut levels = BTreeMap::from([
        (RiskLevel::Low, quorum(1)),
        (RiskLevel::Medium, quorum(1)),
        (RiskLevel::High, quorum(2)),
        (RiskLevel::Critical, None),
    ]);
    for (level, raw) in raw {
        let quorum = match raw {
            RawLevel::Word(word) if word == "forbidden" => None,
            RawLevel::Need {
                approvals, roles, ..
            } if *approvals >= 1 && (roles.len() as u32) <= *approvals => Some(Quorum {
                need: *approvals,
                roles: roles.clone(),
            }),
            _ => {
                return Err(yaml::Error::file(
                    &source.0,
                    "levels: write `forbidden`, or { approvals: 1, roles: [...] } with at least one approval and one for each role",
                ));
            }
        };
        levels.insert(*level, quorum);
    }
    Ok(levels)
}

/// Checks the names of methods, and where the gateway's word would count.
pub(super) fn level_methods(
    source: &Source,
    mode: Mode,
    approval: &ApprovalPolicy,
    raw: &BTreeMap<RiskLevel, RawLevel>,
) -> Result<BTreeMap<RiskLevel, Vec<String>>, PolicyError> {
    let fail = |why: String| Err(yaml::Error::file(&source.0, why));
    let own: BTreeMap<RiskLevel, Vec<String>> = raw
        .iter()
        .filter_map(|(level, raw)| match raw {
            RawLevel::Need {
                methods: Some(methods),
                ..
            } => Some((*level, methods.clone())),
            _ => None,
        })
        .collect();
    for methods in std::iter::once(&approval.methods).chain(own.values()) {
        if methods.is_empty() {
            return fail("methods: name at least one, or nothing could ever be approved".into());
        }
        if let Some(unknown) = methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
            return fail(format!(
                "methods: `{unknown}` is not one of {}",
                METHODS.join(", ")
            ));
        }
        if mode == Mode::Production && methods.iter().any(|m| m == "relay") {
            return fail("methods: `relay` takes the chat gateway's word for a human's: a policy of mode production must not".into());
        }
    }
    for level in [RiskLevel::High, RiskLevel::Critical] {
        if own
            .get(&level)
            .is_some_and(|methods| methods.iter().any(|m| m == "relay"))
        {
            return fail(
                "levels: the gateway's word (`relay`) is never enough for high or critical".into(),
            );
        }
    }
    Ok(own)
}
