//! What one call came to, and the words in which a person is told.
//!
//! Must never word a decision milder than it is.

use super::builtin;
use super::language::Class;
use super::rule::Rule;
use super::{Decision, Quorum, Reversibility, Risk, RiskLevel};
use crate::command::{Call, ReadError};

/// What one call came to.
pub(super) struct Verdicts {
    pub(super) risk: Risk,
    pub(super) level: RiskLevel,
    pub(super) rules: Vec<String>,
    pub(super) why: String,
    pub(super) effect: Option<String>,
    pub(super) reversibility: Option<Reversibility>,
    pub(super) checks: Vec<super::Check>,
    /// Whether a rule asks about it or forbids it for its own sake, and not for want of a rule that allows it.
    pub(super) own_sake: bool,
}

impl Verdicts {
    /// Whether plain words in place of others could come to something else: all that stands against it is that
    /// rules allow no more than these. What rules ask about or forbid for its own sake holds for the line as it came.
    pub(super) fn gives_way(&self) -> bool {
        !self.own_sake && (self.risk != Risk::Forbidden || self.rules == [builtin::UNKNOWN])
    }

    /// Where both ask: a rule of low risk must not take the say of what asks whatever rules say.
    pub(super) fn no_less_than(&mut self, own: &Verdicts) {
        if self.risk == Risk::ApprovalRequired && own.risk == Risk::ApprovalRequired {
            self.level = self.level.max(own.level);
        }
    }
}

/// What keeps a call from being auto whatever its rules say.
pub(super) fn never_auto(call: &Call) -> Option<(&'static str, String)> {
    if call.wraps.is_in_doubt() {
        return Some((
            builtin::WRAPS_UNKNOWN,
            "it runs something that cannot be read from the line".into(),
        ));
    }
    if let Some(redirection) = call.redirections.iter().find(|r| !r.harmless) {
        let target = redirection.target.literal().unwrap_or("a file");
        return Some((
            builtin::REDIRECT,
            format!(
                "it redirects `{}{}`",
                redirection.operator,
                crate::display::escape(target)
            ),
        ));
    }
    None
}

/// A rule that asks or forbids, and what it says of a call.
pub(super) struct Found<'a> {
    pub(super) rule: &'a Rule,
    pub(super) risk: Risk,
    pub(super) level: RiskLevel,
    pub(super) about: String,
}

impl<'a> Found<'a> {
    /// Whether its rule names the command, and so speaks for it where no other rule does.
    pub(super) fn vouches(&self) -> bool {
        !self.rule.commands.is_empty()
    }

    /// What a rule whose signs are there says; none where its reader takes the call for a plain read.
    pub(super) fn of(rule: &'a Rule, call: &Call) -> Option<Found<'a>> {
        let own = Found {
            rule,
            risk: rule.verdict.risk(),
            level: rule.level,
            about: rule.about.clone(),
        };
        match super::tighten::classify(rule, call) {
            None => Some(own),
            // A rule that gives way asks about what no auto rule takes, harmless as it may look.
            Some(Class::Read) => rule.unless_auto.then_some(own),
            Some(Class::Change(level, about)) => Some(Found {
                level: level.max(rule.level),
                about,
                ..own
            }),
            Some(Class::Forbidden(about)) => Some(Found {
                risk: Risk::Forbidden,
                level: RiskLevel::Critical,
                about,
                ..own
            }),
        }
    }
}

pub(super) fn by_rules(found: &[Found], call: &Call, risk: Risk) -> Verdicts {
    // Of equals the first by name: the order of rules and files must not show.
    let worst = found
        .iter()
        .max_by(|a, b| (a.level, &b.rule.id).cmp(&(b.level, &a.rule.id)));
    let mut rules: Vec<String> = found.iter().map(|f| f.rule.id.clone()).collect();
    rules.sort();
    let about = worst.map(|f| f.about.clone()).unwrap_or_default();
    let id = worst.map(|f| f.rule.id.clone()).unwrap_or_default();
    let hint = worst.map(|f| hint(f.rule)).unwrap_or_default();
    Verdicts {
        risk,
        level: worst.map_or(RiskLevel::Critical, |f| f.level),
        rules,
        why: format!("{about} (rule {id}).{hint}"),
        effect: Some(about),
        reversibility: found.iter().filter_map(|f| f.rule.reversibility).max(),
        checks: found
            .iter()
            .flat_map(|f| super::state::checks(f.rule, call))
            .collect(),
        own_sake: found.iter().any(|f| !f.rule.unless_auto),
    }
}

/// A rule's hint, as the end of a sentence.
pub(super) fn hint(rule: &Rule) -> String {
    let hint = rule.hint.as_deref();
    hint.map(|h| format!(" {h}")).unwrap_or_default()
}

pub(super) fn auto(id: &str, about: &str, reversibility: Option<Reversibility>) -> Verdicts {
    Verdicts {
        risk: Risk::AutoAllowed,
        level: RiskLevel::Low,
        rules: vec![id.to_owned()],
        why: format!("{about} (rule {id})."),
        effect: None,
        reversibility: Some(reversibility.unwrap_or(Reversibility::ReadOnly)),
        checks: Vec::new(),
        own_sake: false,
    }
}

pub(super) fn ask(rule: &str, why: &str) -> Verdicts {
    Verdicts {
        risk: Risk::ApprovalRequired,
        level: RiskLevel::Medium,
        rules: vec![rule.to_owned()],
        why: format!("{why}."),
        effect: Some(why.to_owned()),
        reversibility: None,
        checks: Vec::new(),
        own_sake: false,
    }
}

/// What never runs whatever the rules say.
pub(super) fn forbid(rule: &str, why: &str) -> Verdicts {
    Verdicts {
        risk: Risk::Forbidden,
        level: RiskLevel::Critical,
        ..ask(rule, why)
    }
}

pub(super) fn not_literal(what: &str) -> Verdicts {
    ask(
        builtin::NOT_LITERAL,
        &format!("the line holds {what}, so what runs is known only when it runs"),
    )
}

pub(super) fn unreadable(error: &ReadError) -> Decision {
    let why = format!(
        "it cannot be read, and so never runs: {error}. Write it with plain words and quotes."
    );
    Decision {
        risk: Risk::Forbidden,
        risk_level: RiskLevel::High,
        rules: vec![builtin::UNREADABLE.to_owned()],
        why,
        effect: None,
        reversibility: None,
        quorum: Quorum {
            need: 0,
            roles: Vec::new(),
        },
        checks: Vec::new(),
        calls: Vec::new(),
        canonical: None,
    }
}

/// A call as a person would write it.
pub(super) fn shown(call: &Call) -> String {
    let mut text = String::new();
    for assignment in &call.assignments {
        text.push_str(&format!("{}=… ", assignment.name));
    }
    for (index, word) in call.words.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        crate::command::render::word(&mut text, word, index == 0);
    }
    if call.words.is_empty() {
        for redirection in &call.redirections {
            text.push_str(&redirection.operator);
            crate::command::render::word(&mut text, &redirection.target, false);
        }
    }
    crate::display::escape(&text).into_owned()
}
