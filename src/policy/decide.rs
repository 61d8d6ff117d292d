//! The decision: every call by itself, the strictest for the line.
//!
//! Deny wins, then approval, then auto, then the unknown default. The order of rules and files never matters.

use super::builtin;
use super::language::{self, Class, Kind, Limits};
use super::options::{self, OptionSpec};
use super::rule::{Rule, Stdin, SudoUse, Verdict};
use super::types;
use super::{CallDecision, Context, Decision, Policy, Quorum, Reversibility, Risk, RiskLevel};
use crate::command::{Assignment, Call, ReadError, Reading, Segment, Sudo, Word, Wraps, wrapper};
use std::borrow::Cow;

/// Environment variables that change how output is written and nothing else.
const HARMLESS_ENV: [&str; 4] = ["LC_ALL", "LANG", "LC_NUMERIC", "LC_TIME"];

/// What one call came to.
struct Verdicts {
    risk: Risk,
    level: RiskLevel,
    rules: Vec<String>,
    why: String,
    effect: Option<String>,
    reversibility: Option<Reversibility>,
    checks: Vec<super::Check>,
}

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
        if let Some(note) = reading.notes.first() {
            decided.push((
                crate::display::escape(&reading.source).into_owned(),
                not_literal(&note.what),
            ));
        }
        self.join(reading, decided)
    }

    fn join(&self, reading: &Reading, decided: Vec<(String, Verdicts)>) -> Decision {
        let mut risk = decided
            .iter()
            .map(|(_, v)| v.risk)
            .max()
            .unwrap_or(Risk::Forbidden);
        let level = decided
            .iter()
            .filter(|(_, v)| v.risk == risk)
            .map(|(_, v)| v.level)
            .max()
            .unwrap_or(RiskLevel::Critical);
        let mut quorum = Quorum {
            need: 0,
            roles: Vec::new(),
        };
        let mut why = String::new();
        if risk == Risk::ApprovalRequired {
            match self.levels.get(&level) {
                Some(Some(needed)) => quorum = needed.clone(),
                _ => {
                    risk = Risk::Forbidden;
                    why = "its level is forbidden by this policy. ".to_owned();
                }
            }
        }
        let strictest = decided
            .iter()
            .map(|(_, v)| v.risk)
            .max()
            .unwrap_or(Risk::Forbidden);
        let deciding: Vec<&(String, Verdicts)> = decided
            .iter()
            .filter(|(_, v)| v.risk == strictest)
            .collect();
        if let Some((command, verdicts)) = deciding.iter().max_by_key(|(_, v)| v.level) {
            why.push_str(&if decided.len() > 1 {
                format!("`{command}`: {}", verdicts.why)
            } else {
                verdicts.why.clone()
            });
        }
        let mut rules: Vec<String> = Vec::new();
        for (_, verdicts) in &deciding {
            for rule in &verdicts.rules {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        let worst = deciding.iter().max_by_key(|(_, v)| v.level);
        Decision {
            risk,
            risk_level: level,
            rules,
            why,
            effect: worst.and_then(|(_, v)| v.effect.clone()),
            reversibility: decided.iter().filter_map(|(_, v)| v.reversibility).max(),
            quorum,
            checks: if risk == Risk::ApprovalRequired {
                decided
                    .iter()
                    .flat_map(|(_, v)| v.checks.iter().cloned())
                    .take(super::state::MOST)
                    .collect()
            } else {
                Vec::new()
            },
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

    fn candidates(&self, base: &str) -> impl Iterator<Item = &Rule> {
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

    fn rules_of(&self, reading: &Reading, call: &Call, cx: &Context) -> Verdicts {
        // A program of no system folder (`/tmp/rm`, `./restart`) may be anything: rules that forbid go by
        // its last name, but one that asks does not vouch for it.
        let stranger = !call.name.trusted && !call.name.base.is_empty() && self.unknown_is_rejected;
        let (mut found, left): (Vec<Found>, Vec<Found>) = self
            .candidates(&call.name.base)
            .filter(|rule| {
                rule.verdict != Verdict::Auto
                    && rule.when.holds(cx)
                    && super::tighten::matches(rule, reading, call)
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
                let hint = rule
                    .hint
                    .as_deref()
                    .map(|h| format!(" {h}"))
                    .unwrap_or_default();
                verdicts.why.push_str(&format!(
                    " It is not auto by {}: {}.{hint}",
                    rule.id, miss.why
                ));
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
        let why = match nearest {
            Some((rule, miss)) => {
                let hint = rule
                    .hint
                    .as_deref()
                    .map(|h| format!(" {h}"))
                    .unwrap_or_default();
                format!(
                    "no rule allows it; closest is {}: {}.{hint}",
                    rule.id, miss.why
                )
            }
            None if call.name.base.is_empty() => {
                "the command is known only when it runs".to_owned()
            }
            None if !call.name.trusted => format!(
                "`{}` is not a program of the system's: no rule can speak of it",
                crate::display::escape(&call.name.text)
            ),
            None => format!(
                "no rule speaks of `{}`",
                crate::display::escape(&call.name.base)
            ),
        };
        let risk = if self.unknown_is_rejected {
            Risk::Forbidden
        } else {
            Risk::ApprovalRequired
        };
        Verdicts {
            risk,
            level: RiskLevel::Medium,
            rules: vec![builtin::UNKNOWN.to_owned()],
            why,
            effect: Some("not known to the policy".into()),
            reversibility: None,
            checks: Vec::new(),
        }
    }
}

/// Why an auto rule does not match, and how far it got.
struct Miss {
    far: u8,
    why: String,
    /// Only the use of sudo stood against it.
    root: bool,
}

fn miss(far: u8, why: impl Into<String>) -> Miss {
    Miss {
        far,
        why: why.into(),
        root: false,
    }
}

/// Whether an auto rule speaks of a call: every word is one that the rule names.
fn matches_auto(rule: &Rule, call: &Call, cx: &Context) -> Result<(), Miss> {
    if !call.name.trusted {
        return Err(miss(
            0,
            format!(
                "`{}` is not a program of the system's",
                crate::display::escape(&call.name.text)
            ),
        ));
    }
    if !rule.when.holds(cx) {
        return Err(miss(
            1,
            "its conditions (target, requester, hours) do not hold",
        ));
    }
    if rule.wraps != (call.wraps == Wraps::Calls) {
        return Err(miss(
            1,
            if rule.wraps {
                "it wraps no command"
            } else {
                "it wraps a command"
            },
        ));
    }
    let given = match &rule.reader {
        Some((kind, limits)) => read_by(*kind, limits, call)?,
        None => words(rule, call)?,
    };
    let behind_pipe = call.pipe.index > 0;
    let fixed = rule.operands.min;
    match rule.stdin {
        Stdin::Pipe if !behind_pipe => {
            return Err(miss(
                6,
                "it reads standard input, and stands behind no pipe",
            ));
        }
        Stdin::PipeOrOperand if !behind_pipe && given <= fixed => {
            return Err(miss(
                6,
                "without a file it reads standard input, and it stands behind no pipe",
            ));
        }
        _ => {}
    }
    for assignment in &call.assignments {
        environment(rule, assignment).map_err(|why| miss(7, why))?;
    }
    if let Some(rate) = rule.when.rate
        && rate.is_used_up(&rule.id, cx)
    {
        return Err(miss(
            9,
            format!(
                "it ran {} times here lately, which is as often as it may without a human",
                rate.max
            ),
        ));
    }
    match (call.sudo, rule.sudo) {
        (Sudo::No, _) | (Sudo::Plain, SudoUse::Allowed) => Ok(()),
        (Sudo::Plain, SudoUse::Refused) => Err(Miss {
            far: 8,
            why: "it is not allowed as root".into(),
            root: true,
        }),
        (Sudo::Other, _) => Err(miss(
            8,
            "it runs as another user, or through sudo with options",
        )),
    }
}

/// Checks all words by the rule's lists; how many operands there are.
fn words(rule: &Rule, call: &Call) -> Result<usize, Miss> {
    let (global, rest) = subcommand(rule, &call.words[1..])?;
    let bounds = &rule.bounds;
    let globals: Vec<&OptionSpec> = rule.global_options.iter().collect();
    options::take(global, &globals, rule.style, bounds).map_err(|why| miss(3, why))?;
    let all: Vec<&OptionSpec> = rule.options.iter().chain(&rule.global_options).collect();
    let taken = options::take(rest, &all, rule.style, bounds).map_err(|why| miss(4, why))?;
    operands(rule, &taken.operands).map_err(|why| miss(5, why))?;
    Ok(taken.operands.len())
}

/// Checks all words by a reader; how many words there are.
fn read_by(kind: Kind, limits: &Limits, call: &Call) -> Result<usize, Miss> {
    let words: Option<Vec<Cow<str>>> = call.words[1..]
        .iter()
        .map(|word| match word.literal() {
            Some(text) => Some(Cow::Borrowed(text)),
            None if kind == Kind::Curl => query(word).map(Cow::Owned),
            None => None,
        })
        .collect();
    let words = words.ok_or_else(|| {
        miss(
            5,
            "it holds an unquoted pattern or an expansion; put it in quotes",
        )
    })?;
    let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
    language::check_argv(kind, &words, limits).map_err(|why| miss(5, why))?;
    Ok(words.len())
}

/// A URL whose `?` stands unquoted behind its host and path. Should a file of such a name be there after
/// all, the shell's word still begins with the same host, and only the one character differs.
fn query(word: &Word) -> Option<String> {
    let mut text = String::new();
    for segment in &word.segments {
        match segment {
            Segment::Literal(part) => text.push_str(part),
            Segment::Glob(part) if part == "?" => text.push('?'),
            _ => return None,
        }
    }
    let prefix = word.literal_prefix();
    let path = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
    (path.contains('/') && !text.starts_with('-')).then_some(text)
}

/// Splits at the subcommand: the words before it (global options), and those behind it.
fn subcommand<'a>(rule: &Rule, words: &'a [Word]) -> Result<(&'a [Word], &'a [Word]), Miss> {
    if rule.subcommands.is_empty() {
        return Ok((&[], words));
    }
    let mut at = 0;
    while let Some(text) = words
        .get(at)
        .and_then(Word::literal)
        .filter(|t| t.starts_with('-'))
    {
        let takes = rule.global_options.iter().any(|o| {
            matches!(o.value, options::Value::Required(_)) && o.names.iter().any(|n| n == text)
        });
        at += 1 + usize::from(takes);
    }
    let here = words.get(at..).unwrap_or_default();
    // The longest path that fits, so that `addr show` is not `addr` with an operand.
    let fits = |path: &&Vec<String>| {
        path.len() <= here.len()
            && path
                .iter()
                .zip(here)
                .all(|(name, word)| word.literal() == Some(name))
    };
    match rule.subcommands.iter().filter(fits).max_by_key(|p| p.len()) {
        Some(path) => Ok((&words[..at], &here[path.len()..])),
        None => Err(miss(
            2,
            format!(
                "`{}` is not one of its subcommands",
                here.first().and_then(Word::literal).unwrap_or("(none)")
            ),
        )),
    }
}

fn operands(rule: &Rule, words: &[&Word]) -> Result<(), String> {
    let wanted = &rule.operands;
    if words.len() < wanted.min {
        return Err(format!("it needs {} operands", wanted.min));
    }
    if words.len() > wanted.max {
        let extra = words
            .get(wanted.max)
            .map(|w| w.literal().unwrap_or_else(|| w.literal_prefix()))
            .unwrap_or_default();
        return Err(format!(
            "the operand `{}` is one too many",
            crate::display::escape(extra)
        ));
    }
    for (index, word) in words.iter().enumerate() {
        let Some(operand) = wanted
            .list
            .get(index)
            .or_else(|| wanted.list.last().filter(|o| o.repeat))
        else {
            return Err("it takes no operands".into());
        };
        types::check(&operand.kind, word, &operand.bounds)?;
    }
    Ok(())
}

fn environment(rule: &Rule, assignment: &Assignment) -> Result<(), String> {
    let name = assignment.name.as_str();
    let value = assignment.value.literal().unwrap_or("$");
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.,@+-".contains(&b))
        || (name == "TZ"
            && value.split('/').all(|p| {
                !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }));
    let allowed =
        HARMLESS_ENV.contains(&name) || name == "TZ" || rule.env.iter().any(|e| e == name);
    if allowed && plain {
        Ok(())
    } else {
        Err(format!(
            "the variable `{}` is not allowed in front of it",
            crate::display::escape(name)
        ))
    }
}

/// What keeps a call from being auto whatever its rules say.
fn never_auto(call: &Call) -> Option<(&'static str, String)> {
    if call.wraps == Wraps::Unknown {
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
struct Found<'a> {
    rule: &'a Rule,
    risk: Risk,
    level: RiskLevel,
    about: String,
}

impl<'a> Found<'a> {
    /// What a rule whose signs are there says; none where its reader takes the call for a plain read.
    fn of(rule: &'a Rule, call: &Call) -> Option<Found<'a>> {
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

fn by_rules(found: &[Found], call: &Call, risk: Risk) -> Verdicts {
    // Of equals the first by name: the order of rules and files must not show.
    let worst = found
        .iter()
        .max_by(|a, b| (a.level, &b.rule.id).cmp(&(b.level, &a.rule.id)));
    let mut rules: Vec<String> = found.iter().map(|f| f.rule.id.clone()).collect();
    rules.sort();
    let about = worst.map(|f| f.about.clone()).unwrap_or_default();
    let id = worst.map(|f| f.rule.id.clone()).unwrap_or_default();
    let hint = worst
        .and_then(|f| f.rule.hint.as_deref())
        .map(|h| format!(" {h}"))
        .unwrap_or_default();
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
    }
}

fn auto(id: &str, about: &str, reversibility: Option<Reversibility>) -> Verdicts {
    Verdicts {
        risk: Risk::AutoAllowed,
        level: RiskLevel::Low,
        rules: vec![id.to_owned()],
        why: format!("{about} (rule {id})."),
        effect: None,
        reversibility: Some(reversibility.unwrap_or(Reversibility::ReadOnly)),
        checks: Vec::new(),
    }
}

fn ask(rule: &str, why: &str) -> Verdicts {
    Verdicts {
        risk: Risk::ApprovalRequired,
        level: RiskLevel::Medium,
        rules: vec![rule.to_owned()],
        why: format!("{why}."),
        effect: Some(why.to_owned()),
        reversibility: None,
        checks: Vec::new(),
    }
}

fn not_literal(what: &str) -> Verdicts {
    ask(
        builtin::NOT_LITERAL,
        &format!("the line holds {what}, so what runs is known only when it runs"),
    )
}

fn unreadable(error: &ReadError) -> Decision {
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
fn shown(call: &Call) -> String {
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

impl super::rule::When {
    /// Whether the conditions hold now.
    pub(super) fn holds(&self, cx: &Context) -> bool {
        let any = |list: &[String], word: &str| list.is_empty() || list.iter().any(|w| w == word);
        any(&self.targets, cx.target.unwrap_or_default())
            && (self.tags.is_empty() || self.tags.iter().any(|t| cx.tags.contains(t)))
            && any(&self.requesters, cx.requester)
            && self.hours.as_ref().is_none_or(|h| h.hold(cx.now))
    }
}

impl super::rule::Hours {
    fn hold(&self, now: chrono::DateTime<chrono::Utc>) -> bool {
        use chrono::Datelike;
        let there = now.with_timezone(&self.clock.offset_at(now));
        let time = there.time();
        let within = if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        };
        within && (self.days.is_empty() || self.days.contains(&there.weekday()))
    }
}
