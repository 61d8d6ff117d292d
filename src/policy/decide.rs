//! The decision: every call by itself, the strictest for the line.
//!
//! Deny wins, then approval, then auto, then the unknown default. The order of rules and files never matters.

use super::allow::{Miss, matches_auto};
use super::builtin;
use super::rule::{Rule, Verdict};
use super::tighten::{self, Seen};
use super::verdict::{
    Found, Verdicts, ask, auto, by_rules, hint, never_auto, not_literal, shown, unreadable,
};
use super::writes;
use super::{CallDecision, Context, Decision, Policy, Quorum, Risk, RiskLevel};
use crate::command::{Call, ReadError, Reading, Wraps, wrapper};

impl Policy {
    /// Decides a line. Pure.
    pub fn decide(&self, read: Result<&Reading, &ReadError>, cx: &Context) -> Decision {
        let reading = match read {
            Ok(reading) => reading,
            Err(error) => return unreadable(error),
        };
        let mut decided: Vec<(String, Verdicts)> = reading
            .calls
            .iter()
            .map(|call| (shown(call), self.in_its_place(reading, call, cx)))
            .collect();
        if decided.iter().map(|(_, v)| v.risk).max() == Some(Risk::ApprovalRequired) {
            let asks = |(_, v): &&(String, Verdicts)| v.risk == Risk::ApprovalRequired;
            let asked: Vec<usize> = (0..decided.len())
                .filter(|at| decided.get(*at).as_ref().is_some_and(asks))
                .collect();
            for (at, verdicts) in self.deeper(reading, &asked, cx) {
                if let Some((_, own)) = decided.get_mut(at) {
                    *own = verdicts;
                }
            }
        }
        if let Some(note) = reading.notes.first() {
            decided.push((
                crate::display::escape(&reading.source).into_owned(),
                not_literal(&note.what),
            ));
        }
        self.join(reading, decided)
    }

    fn join(&self, reading: &Reading, decided: Vec<(String, Verdicts)>) -> Decision {
        let strictest = decided
            .iter()
            .map(|(_, v)| v.risk)
            .max()
            .unwrap_or(Risk::Forbidden);
        let deciding: Vec<&(String, Verdicts)> = decided
            .iter()
            .filter(|(_, v)| v.risk == strictest)
            .collect();
        let worst = deciding.iter().max_by_key(|(_, v)| v.level);
        let level = worst.map_or(RiskLevel::Critical, |(_, v)| v.level);
        let (risk, quorum) = self.at_level(strictest, level);
        let mut why = String::new();
        if risk != strictest {
            why.push_str("its level is forbidden by this policy. ");
        }
        if let Some((command, verdicts)) = worst {
            if decided.len() > 1 {
                why.push_str(&format!("`{command}`: "));
            }
            why.push_str(&verdicts.why);
        }
        let mut rules: Vec<String> = Vec::new();
        for rule in deciding.iter().flat_map(|(_, v)| &v.rules) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        let mut checks = Vec::new();
        if risk == Risk::ApprovalRequired {
            let all = decided.iter().flat_map(|(_, v)| v.checks.iter().cloned());
            checks.extend(all.take(super::state::MOST));
        }
        Decision {
            risk,
            risk_level: level,
            rules,
            why,
            effect: worst.and_then(|(_, v)| v.effect.clone()),
            reversibility: decided.iter().filter_map(|(_, v)| v.reversibility).max(),
            quorum,
            checks,
            canonical: (risk != Risk::Forbidden).then(|| reading.canonical.clone()),
            calls: decided
                .into_iter()
                .map(|(command, v)| CallDecision {
                    command,
                    risk: v.risk,
                    risk_level: v.level,
                    rules: v.rules,
                    why: v.why,
                })
                .collect(),
        }
    }

    /// The approvals that a risk of a level needs; a level without any is forbidden.
    fn at_level(&self, risk: Risk, level: RiskLevel) -> (Risk, Quorum) {
        let nobody = Quorum {
            need: 0,
            roles: Vec::new(),
        };
        match (risk, self.levels.get(&level)) {
            (Risk::ApprovalRequired, Some(Some(needed))) => (risk, needed.clone()),
            (Risk::ApprovalRequired, _) => (Risk::Forbidden, nobody),
            _ => (risk, nobody),
        }
    }

    pub(super) fn candidates(&self, base: &str) -> impl Iterator<Item = &Rule> {
        let own = self
            .by_command
            .get(base)
            .map(Vec::as_slice)
            .unwrap_or_default();
        own.iter()
            .chain(&self.anywhere)
            .filter_map(|index| self.rules.get(*index))
    }

    /// A call, seen with what runs it.
    fn in_its_place(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        let verdicts = self.call(reading, call, cx);
        // Behind a program that was not seen through, every word is put here as if it were a command:
        // for what rules forbid. Where the words are that program's own, not to be known is no fault.
        let guessed = call
            .parent
            .and_then(|at| reading.calls.get(at))
            .is_some_and(|p| {
                p.wraps == Wraps::Unknown && builtin::OWN_CODE.contains(&p.name.base.as_str())
            });
        if guessed && verdicts.rules == [builtin::UNKNOWN] {
            return ask(
                builtin::WRAPS_UNKNOWN,
                "it is part of what runs there, and cannot be read from the line",
            );
        }
        verdicts
    }

    fn call(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        let mut verdicts = self.rules_of(reading, call, cx);
        if verdicts.risk == Risk::AutoAllowed
            && let Some((rule, why)) = never_auto(call)
        {
            verdicts = ask(rule, &why);
        }
        verdicts
    }

    pub(super) fn rules_of(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        // A program of no system folder (`/tmp/rm`, `./restart`) may be anything: rules that forbid go by
        // its last name, but one that asks does not vouch for it.
        let stranger = !call.name.trusted && !call.name.base.is_empty() && self.unknown_is_rejected;
        let targets = writes::targets(&self.common.writes, call);
        let seen = Seen {
            reading,
            call,
            words: call.words.get(1..).unwrap_or_default(),
            targets: &targets,
        };
        let (mut found, left): (Vec<Found>, Vec<Found>) = self
            .candidates(&call.name.base)
            .filter(|rule| {
                rule.verdict != Verdict::Auto
                    && rule.when.holds(cx)
                    && tighten::matches(rule, &seen)
            })
            .filter_map(|rule| Found::of(rule, call))
            .filter(|f| !stranger || f.risk == Risk::Forbidden)
            .partition(|f| !f.rule.unless_auto || f.risk == Risk::Forbidden);
        if let Some(strictest) = found.iter().map(|f| f.risk).max() {
            // Rules that give way to auto rules give way to nothing else: a rule of lower risk must not
            // take their say.
            if strictest == Risk::ApprovalRequired && self.auto_rule(call, cx).is_err() {
                found.extend(left);
            }
            found.retain(|f| f.risk == strictest);
            return by_rules(&found, call, strictest);
        }
        // Plain sudo is the command as root, which the command's own rule allows or not.
        if call.wraps == Wraps::Calls
            && call.name.trusted
            && call.name.base == "sudo"
            && wrapper::is_plain_sudo(call)
        {
            return auto("sudo", "runs the command behind it as root", None);
        }
        if reading.functions.contains(&call.name.text) {
            return ask(builtin::NOT_LITERAL, "it is a function of the line's own");
        }
        self.auto_of(call, cx, &left)
    }

    /// The auto rule that speaks of a call, or the one that came nearest and what stood against it.
    fn auto_rule(&self, call: &Call, cx: &Context) -> Result<&Rule, Option<(&Rule, Miss)>> {
        let mut nearest: Option<(&Rule, Miss)> = None;
        let mut allowed: Option<&Rule> = None;
        for rule in self
            .candidates(&call.name.base)
            .filter(|r| r.verdict == Verdict::Auto)
        {
            match matches_auto(rule, call, cx) {
                // Of several the first by name, here and below: the order of rules must not show.
                Ok(()) => {
                    if allowed.is_none_or(|other| rule.id < other.id) {
                        allowed = Some(rule);
                    }
                }
                Err(miss) => {
                    // Of equals the one that allows most is the one a person would have meant.
                    let key =
                        |r: &Rule, far| (far, r.options.len(), std::cmp::Reverse(r.id.clone()));
                    if nearest
                        .as_ref()
                        .is_none_or(|(r, m)| key(rule, miss.far) > key(r, m.far))
                    {
                        nearest = Some((rule, miss));
                    }
                }
            }
        }
        allowed.ok_or(nearest)
    }

    /// By the auto rules; where none matches, by what is `left`: the rules that give way to them.
    fn auto_of(&self, call: &Call, cx: &Context, left: &[Found]) -> Verdicts {
        let nearest = match self.auto_rule(call, cx) {
            Ok(rule) => return auto(&rule.id, &rule.about, rule.reversibility),
            Err(nearest) => nearest,
        };
        if !left.is_empty() {
            let mut verdicts = by_rules(left, call, Risk::ApprovalRequired);
            if let Some((rule, miss)) = &nearest {
                let (id, why, hint) = (&rule.id, &miss.why, hint(rule));
                verdicts
                    .why
                    .push_str(&format!(" It is not auto by {id}: {why}.{hint}"));
            }
            return verdicts;
        }
        if let Some((rule, Miss { root: true, .. })) = &nearest {
            return ask(
                builtin::SUDO,
                &format!(
                    "rule {} does not allow it as root; without sudo it would be auto",
                    rule.id
                ),
            );
        }
        if call.words.is_empty() && call.redirections.iter().all(|r| r.harmless) {
            return ask(builtin::ASSIGNMENT, "it sets a variable of the shell");
        }
        if call.words.is_empty() {
            return ask(builtin::REDIRECT, "it opens a file and runs nothing");
        }
        self.unknown(call, nearest)
    }

    /// What holds where no rule matches: the default, and what came nearest.
    fn unknown(&self, call: &Call, nearest: Option<(&Rule, Miss)>) -> Verdicts {
        let escape = crate::display::escape;
        let why = match nearest {
            Some((rule, miss)) => {
                let (id, why, hint) = (&rule.id, &miss.why, hint(rule));
                format!("no rule allows it; closest is {id}: {why}.{hint}")
            }
            None if call.name.base.is_empty() => {
                "the command is known only when it runs".to_owned()
            }
            None if !call.name.trusted => format!(
                "`{}` is not a program of the system's: no rule can speak of it",
                escape(&call.name.text)
            ),
            None => format!("no rule speaks of `{}`", escape(&call.name.base)),
        };
        Verdicts {
            risk: if self.unknown_is_rejected {
                Risk::Forbidden
            } else {
                Risk::ApprovalRequired
            },
            level: RiskLevel::Medium,
            rules: vec![builtin::UNKNOWN.to_owned()],
            why,
            effect: Some("not known to the policy".into()),
            reversibility: None,
            checks: Vec::new(),
        }
    }
}
