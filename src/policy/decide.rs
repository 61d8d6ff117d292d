//! The decision: every call by itself, the strictest for the line.
//!
//! Deny wins, then approval, then auto, then the unknown default. The order of rules and files never matters.

use super::allow::{Miss, matches_auto, names_user, user_of};
use super::builtin;
use super::folder::{self, There};
use super::found::below_find;
use super::handed::{behind_jq, by_xargs};
use super::rule::{Rule, Verdict};
use super::tighten::{self, Seen};
use super::unfold;
use super::verdict;
use super::verdict::{
    Found, Verdicts, ask, auto, by_rules, hint, never_auto, not_literal, shown, unreadable,
};
use super::writes;
use super::{CallDecision, Context, Decision, Policy, Quorum, Risk, RiskLevel};
use crate::command::{Call, ReadError, Reading, Word, Wraps, above, wrapper};

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
        // Also where another call is forbidden already: what is said of one never depends on that.
        let asked: Vec<usize> = (0..decided.len())
            .filter(|at| {
                let own = decided.get(*at);
                own.is_some_and(|(_, v)| v.risk == Risk::ApprovalRequired)
            })
            .collect();
        if !asked.is_empty() {
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
        if decided.iter().all(|(_, v)| v.gives_way())
            && let Some(decision) = match reading.is_strict() {
                true => self.elsewhere(reading, cx),
                false => self.written_out(reading, cx),
            }
        {
            return decision;
        }
        self.join(reading, decided)
    }

    /// What a line comes to where it can be written out as commands that are each auto; that is what runs then.
    fn written_out(&self, reading: &Reading, cx: &Context) -> Option<Decision> {
        let again = unfold::unfold(reading)?;
        let mut decided = Vec::new();
        let here = |call: &Call| {
            let own = self.in_its_place(&again, call, cx);
            (own.risk == Risk::AutoAllowed).then_some(own)
        };
        let there = There::of(&again);
        let auto = |call: &Call| match &there {
            Some(there) => {
                let own = there
                    .ways(call)?
                    .iter()
                    .map(here)
                    .collect::<Option<Vec<_>>>();
                own?.into_iter().next()
            }
            None => here(call),
        };
        for (at, call) in again.calls.iter().enumerate() {
            if let Some(there) = there.as_ref().filter(|_| at == 0) {
                decided.push((
                    shown(call),
                    going(here(&unfold::listing(call, there.folder))?),
                ));
                continue;
            }
            // Which files a loop goes through is looked up whatever its commands make of their names.
            for list in call.scope.lists.iter().filter(|l| l.value.is_glob()) {
                auto(&unfold::listing(call, &list.value))?;
            }
            let own = match auto(call) {
                Some(own) => own,
                None if unfold::reads_line(call) => {
                    let why = "reads a line of what the pipe brings into variables of the line";
                    verdict::auto("read", why, None)
                }
                None if unfold::goes_on(call) => {
                    verdict::auto("continue", "goes on with the next turn of its loop", None)
                }
                None => {
                    let ways = unfold::samples(call)?.into_iter();
                    let ways = ways.map(|words| {
                        auto(&Call {
                            words,
                            ..call.clone()
                        })
                    });
                    ways.collect::<Option<Vec<Verdicts>>>()?.pop()?
                }
            };
            decided.push((shown(call), own));
        }
        (!decided.is_empty()).then(|| self.join(&again, decided))
    }

    /// What a line comes to that goes to a folder first, where all behind that is auto there.
    fn elsewhere(&self, reading: &Reading, cx: &Context) -> Option<Decision> {
        let (folder, places) = folder::moved(reading)?;
        let first = reading.calls.first()?;
        let auto = |call: &Call| {
            let own = self.in_its_place(reading, call, cx);
            (own.risk == Risk::AutoAllowed).then_some(own)
        };
        let mut decided = vec![(shown(first), going(auto(&unfold::listing(first, folder))?))];
        for (call, ways) in reading.calls.iter().skip(1).zip(places) {
            let own = ways.iter().map(auto).collect::<Option<Vec<Verdicts>>>()?;
            decided.push((shown(call), own.into_iter().next()?));
        }
        Some(self.join(reading, decided))
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

    /// All rules that could speak of a command with those words behind it, and few others.
    pub(super) fn candidates(&self, command: &str, words: &[Word], cx: &Context) -> Vec<&Rule> {
        let numbers = self.index.candidates(command, words, cx);
        numbers
            .into_iter()
            .filter_map(|number| self.rules.get(number))
            .collect()
    }

    /// A call, seen with what runs it.
    fn in_its_place(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        let mut verdicts = self.call(reading, call, cx);
        // Behind a program that was not seen through, every word is put here as if it were a command:
        // for what rules forbid. Where the words are that program's own, not to be known is no fault.
        let guesses = |parent: &Call| {
            let base = parent.name.base.as_str();
            builtin::CONTAINERS.contains(&base)
                || (parent.wraps == Wraps::Unknown
                    && (builtin::OWN_CODE.contains(&base)
                        || (base != "git" && wrapper::runs_besides(base))
                        || is_no_program(parent, call)))
        };
        if above(&reading.calls, call).any(|(_, parent)| guesses(parent)) {
            let why = "it is part of what runs there, and cannot be read from the line";
            let own = ask(builtin::WRAPS_UNKNOWN, why);
            if verdicts.rules == [builtin::UNKNOWN] {
                return own;
            }
            verdicts.no_less_than(&own);
        }
        verdicts
    }

    fn call(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        let mut verdicts = self.rules_of(reading, call, cx);
        if let Some((rule, why)) = never_auto(call) {
            let own = ask(rule, &why);
            if verdicts.risk == Risk::AutoAllowed {
                return own;
            }
            verdicts.no_less_than(&own);
        }
        verdicts
    }

    pub(super) fn rules_of(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        // A program of no system folder (`/tmp/rm`, `./restart`) may be anything: rules that forbid go by
        // its last name, but one that asks does not vouch for it.
        let stranger = !call.name.trusted && !call.name.base.is_empty() && self.unknown_is_rejected;
        let words = call.words.get(1..).unwrap_or_default();
        let candidates = self.candidates(&call.name.base, words, cx);
        let targets = writes::targets(&self.common.writes, call);
        let seen = Seen {
            reading,
            call,
            words,
            targets: &targets,
        };
        let (mut found, left): (Vec<Found>, Vec<Found>) = candidates
            .iter()
            .copied()
            .filter(|rule| {
                rule.verdict != Verdict::Auto
                    && rule.when.holds(cx)
                    && tighten::matches(rule, &seen)
            })
            .filter_map(|rule| Found::of(rule, call))
            .filter(|f| !stranger || f.risk == Risk::Forbidden)
            .partition(|f| !f.rule.unless_auto || f.risk == Risk::Forbidden);
        if found.iter().any(|f| f.risk == Risk::Forbidden) {
            found.retain(|f| f.risk == Risk::Forbidden);
            return by_rules(&found, call, Risk::Forbidden);
        }
        let (own, nearest) = self.without_rules(&candidates, reading, call, cx);
        // Rules that give way to auto rules give way to nothing else: a rule of lower risk must not
        // take their say.
        if own.risk != Risk::AutoAllowed {
            found.extend(left);
        }
        if found.is_empty() {
            return own;
        }
        // For what nothing else knows, only a rule that names the command has a say of its own.
        let named = own.rules == [builtin::UNKNOWN]
            && call.name.trusted
            && found.iter().any(Found::vouches);
        if own.risk == Risk::Forbidden && !named {
            return own;
        }
        let mut asked = by_rules(&found, call, Risk::ApprovalRequired);
        if !named {
            asked.no_less_than(&own);
        }
        if let Some((rule, miss)) = &nearest
            && found.iter().all(|f| f.rule.unless_auto)
        {
            let (id, why, hint) = (&rule.id, &miss.why, hint(rule));
            asked
                .why
                .push_str(&format!(" It is not auto by {id}: {why}.{hint}"));
        }
        asked
    }

    /// What a call comes to where no rule asks or forbids: by the auto rules, by what holds whatever rules
    /// say, or by the default. And the auto rule that came nearest where none matched.
    fn without_rules<'a>(
        &self,
        candidates: &[&'a Rule],
        reading: &Reading,
        call: &Call,
        cx: &Context,
    ) -> (Verdicts, Nearest<'a>) {
        // Plain sudo is the command as root, which the command's own rule allows or not.
        if call.wraps == Wraps::Calls
            && call.name.trusted
            && call.name.base == "sudo"
            && wrapper::is_plain_sudo(call)
        {
            let why = "runs the command behind it as root";
            return (auto("sudo", why, None), None);
        }
        if call.wraps == Wraps::Calls && self.may_run_as(reading, call, cx) {
            let why = "runs the command behind it as a user whom that command's rule names";
            return (auto("sudo", why, None), None);
        }
        if call.is_function {
            let why = "it is a function of the line's own";
            return (ask(builtin::NOT_LITERAL, why), None);
        }
        let seen = behind_jq(reading, by_xargs(reading, below_find(reading, call)));
        let nearest = match auto_rule(candidates, reading, &seen, cx) {
            Ok(_) if reading.functions.contains(&call.name.text) => {
                let why = "it may be a function of the line's own";
                return (ask(builtin::NOT_LITERAL, why), None);
            }
            Ok(rule) => return (auto(&rule.id, &rule.about, rule.reversibility), None),
            Err(nearest) => nearest,
        };
        let verdicts = match &nearest {
            Some((rule, Miss { root: true, .. })) => ask(
                builtin::SUDO,
                &format!(
                    "rule {} does not allow it as root; without sudo it would be auto",
                    rule.id
                ),
            ),
            _ if call.words.is_empty() && call.redirections.iter().all(|r| r.harmless) => {
                ask(builtin::ASSIGNMENT, "it sets a variable of the shell")
            }
            _ if call.words.is_empty() => {
                ask(builtin::REDIRECT, "it opens a file and runs nothing")
            }
            _ => self.unknown(call, &nearest),
        };
        (verdicts, nearest)
    }

    /// Whether `sudo -u` names a user for whom an auto rule speaks of the command behind it.
    fn may_run_as(&self, reading: &Reading, sudo: &Call, cx: &Context) -> bool {
        let Some(user) = user_of(sudo) else {
            return false;
        };
        let runs = |call: &&Call| {
            let parent = call.parent.and_then(|at| reading.calls.get(at));
            parent.is_some_and(|p| std::ptr::eq(p, sudo) || p == sudo)
        };
        reading.calls.iter().filter(runs).any(|call| {
            let words = call.words.get(1..).unwrap_or_default();
            let named = |r: &&Rule| r.verdict == Verdict::Auto && names_user(r, user);
            self.candidates(&call.name.base, words, cx)
                .iter()
                .any(named)
        })
    }

    /// What holds where no rule matches: the default, and what came nearest.
    fn unknown(&self, call: &Call, nearest: &Nearest) -> Verdicts {
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
            own_sake: false,
        }
    }
}

/// Whoever may look at a folder may go there.
fn going(mut looking: Verdicts) -> Verdicts {
    looking.why = format!("goes there, which is to look at it: {}", looking.why);
    looking
}

/// The auto rule that came nearest to a call, and what stood against it.
type Nearest<'a> = Option<(&'a Rule, Miss)>;

/// The auto rule that speaks of a call, or the one that came nearest and what stood against it.
fn auto_rule<'a>(
    candidates: &[&'a Rule],
    reading: &Reading,
    call: &Call,
    cx: &Context,
) -> Result<&'a Rule, Nearest<'a>> {
    let mut nearest: Nearest = None;
    let mut allowed: Option<&Rule> = None;
    for rule in candidates
        .iter()
        .copied()
        .filter(|r| r.verdict == Verdict::Auto)
    {
        match matches_auto(rule, reading, call, cx) {
            // Of several the first by name, here and below: the order of rules must not show.
            Ok(()) => {
                if allowed.is_none_or(|other| rule.id < other.id) {
                    allowed = Some(rule);
                }
            }
            Err(miss) => {
                // Of equals the one that allows most is the one a person would have meant.
                let key = |r: &Rule, far| (far, r.options.len(), std::cmp::Reverse(r.id.clone()));
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

/// Verbs of git and perf, which no program is called.
const VERBS: [&str; 22] = [
    "log",
    "status",
    "show",
    "fetch",
    "pull",
    "push",
    "clone",
    "branch",
    "checkout",
    "commit",
    "rebase",
    "bisect",
    "submodule",
    "foreach",
    "run",
    "ls-remote",
    "rev-parse",
    "ls-files",
    "config",
    "record",
    "report",
    "top",
];

/// Settings of git that run nothing.
const SETTINGS: [&str; 8] = [
    "color.",
    "safe.directory=",
    "core.quotepath=",
    "log.",
    "user.",
    "advice.",
    "init.",
    "gc.",
];

/// Whether a word that is put here as a command names no program: a number (`perf stat sleep 5`), a verb of its own, the
/// file of code that `.` reads.
fn is_no_program(parent: &Call, call: &Call) -> bool {
    let text = call.name.text.as_str();
    let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let device = text.starts_with("/dev/") || text.starts_with("/proc/");
    let setting = || text.contains('=') && SETTINGS.iter().any(|s| text.starts_with(s));
    number
        || match parent.name.base.as_str() {
            "git" => VERBS.contains(&text) || setting(),
            "perf" => VERBS.contains(&text),
            "." | "source" => text.starts_with('/') && !device,
            _ => false,
        }
}
