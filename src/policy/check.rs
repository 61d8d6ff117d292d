//! Checks a policy: every rule's own examples, and attacks on what it makes auto.

use super::rule::{Rule, Verdict};
use super::types::Type;
use super::{Context, Decision, Policy, PolicyError, Risk};
use std::fmt;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many rules there are.
    pub rules: usize,
    /// How many lines were decided.
    pub lines: usize,
    /// What does not hold, each with its place.
    pub faults: Vec<PolicyError>,
}

impl Report {
    /// Whether all holds.
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "\n{fault}")?;
        }
        let verdict = if self.holds() { "good" } else { "NOT GOOD" };
        writeln!(
            f,
            "{verdict}: {} rules, {} lines decided, {} faults",
            self.rules,
            self.lines,
            self.faults.len()
        )
    }
}

/// Checks every rule.
pub fn check(policy: &Policy) -> Report {
    let mut report = Report {
        rules: policy.rules.len(),
        ..Report::default()
    };
    for rule in policy.rules.iter() {
        examples(policy, rule, &mut report);
    }
    report
}

fn examples(policy: &Policy, rule: &Rule, report: &mut Report) {
    let text = policy.source(&rule.place.0);
    let fault = |report: &mut Report, example: &str, what: String| {
        let (line, column) = place(text, rule.place.1, example);
        let what = format!("rule {}: {what}", rule.id);
        report
            .faults
            .push(PolicyError::at(&rule.place.0, text, line, column, what));
    };
    if rule.matches.is_empty() {
        fault(report, "", "it has no example under `match`".into());
    }
    for line in &rule.matches {
        let decision = decide(policy, rule, line, report);
        if !decision.rules.contains(&rule.id)
            && !decision.calls.iter().any(|c| c.rules.contains(&rule.id))
        {
            fault(
                report,
                line,
                format!(
                    "its own example `{line}` is decided by {}: {}",
                    decision.rules.join(", "),
                    decision.why
                ),
            );
        } else if decision.risk != rule.verdict.risk()
            && !(rule.verdict == Verdict::Approval && decision.risk == Risk::Forbidden)
        {
            fault(
                report,
                line,
                format!(
                    "its own example `{line}` is {:?}: {}",
                    decision.risk, decision.why
                ),
            );
        }
        if rule.verdict == Verdict::Auto {
            let free = takes(rule, |kind| *kind == Type::FreeText);
            for attack in attacks(line, takes(rule, is_text)) {
                // To a program without options a word with a dash is one more word.
                let dashed = attack.contains(" --aiops")
                    || (attack.contains('\u{7e}') && !attack.contains(" \u{7e}"));
                let anyone = rule.run_as.iter().any(|u| u == "*") && attack.starts_with("sudo -u ");
                if free && dashed || anyone {
                    continue;
                }
                let decision = decide(policy, rule, &attack, report);
                if decision.risk == Risk::AutoAllowed {
                    fault(
                        report,
                        line,
                        format!(
                            "`{}`, made from its example `{line}`, is auto too ({})",
                            crate::display::escape(&attack),
                            decision.rules.join(", ")
                        ),
                    );
                }
            }
        }
    }
    if rule.probe.is_some() || rule.dry_run.is_some() {
        looks(policy, rule, report);
    }
    for line in &rule.no_match {
        let decision = decide(policy, rule, line, report);
        if decision.rules.contains(&rule.id) {
            fault(
                report,
                line,
                format!("it matches `{line}`, which stands under `no_match`"),
            );
        }
    }
}

/// A probe or a dry run is taken only if the policy would run it at once: one that never is does not help.
fn looks(policy: &Policy, rule: &Rule, report: &mut Report) {
    let mut taken = 0;
    let mut faults = Vec::new();
    for line in &rule.matches {
        let checks = decide(policy, rule, line, report).checks;
        for check in checks.iter().filter(|c| c.rule == rule.id) {
            taken += 1;
            let decision = decide(policy, rule, &check.command, report);
            if decision.risk != Risk::AutoAllowed {
                faults.push(format!(
                    "for its example `{line}` it would look at `{}`, which is not auto: {}",
                    check.command, decision.why
                ));
            }
        }
    }
    if taken == 0 {
        faults.push("its probe or dry_run fits none of its examples".into());
    }
    for what in faults {
        let (file, line) = &rule.place;
        let what = format!("rule {}: {what}", rule.id);
        report
            .faults
            .push(PolicyError::at(file, policy.source(file), *line, 5, what));
    }
}

/// Line and column of an example in the rule that begins at a line; of the rule, where it is not found.
fn place(text: &str, rule: usize, example: &str) -> (usize, usize) {
    // YAML may have it in quotes: its plain beginning is enough to find it.
    let plain = example
        .find(['\'', '"', '\\'])
        .map_or(example, |at| &example[..at]);
    let of_rule = text
        .lines()
        .enumerate()
        .skip(rule)
        .take_while(|(_, l)| !l.trim_start().starts_with("- id:"));
    for (number, line) in of_rule {
        if let Some(at) = line.find(plain).filter(|_| !plain.is_empty()) {
            let column = line.get(..at).map_or(1, |l| l.chars().count() + 1);
            return (number + 1, column);
        }
    }
    (rule, 5)
}

/// Decides as if the rule's own conditions held.
fn decide(policy: &Policy, rule: &Rule, line: &str, report: &mut Report) -> Decision {
    report.lines += 1;
    let read = super::read(line);
    let now = rule
        .when
        .hours
        .as_ref()
        .map_or_else(chrono::Utc::now, moment);
    let cx = Context {
        target: rule.when.targets.first().map(String::as_str),
        tags: &rule.when.tags,
        requester: rule.when.requesters.first().map_or("", String::as_str),
        now,
        recent: &[],
    };
    policy.decide(read.as_ref(), &cx)
}

/// A moment at which the hours begin.
fn moment(hours: &super::when::Hours) -> chrono::DateTime<chrono::Utc> {
    use chrono::{Datelike, Days};
    let offset = hours.clock.offset_at(chrono::Utc::now());
    let mut day = chrono::Utc::now().with_timezone(&offset).date_naive();
    while !hours.days.is_empty() && !hours.days.contains(&day.weekday()) {
        day = day.checked_add_days(Days::new(1)).unwrap_or_default();
    }
    day.and_time(hours.from)
        .and_local_timezone(offset)
        .single()
        .map_or_else(chrono::Utc::now, |t| t.with_timezone(&chrono::Utc))
}

/// Whether the last operand is of a kind.
fn takes(rule: &Rule, is: impl Fn(&Type) -> bool) -> bool {
    rule.operands.list.last().is_some_and(|o| is(&o.kind))
}

/// Where an operand may be any text, or a name that is only looked up, a path is only text too.
fn is_text(kind: &Type) -> bool {
    matches!(kind, Type::Text | Type::FreeText | Type::Place)
}

/// Lines made from an example that must never be auto.
fn attacks(line: &str, takes_text: bool) -> Vec<String> {
    let mut attacks: Vec<String> = [
        "; aiops-unknown",
        " && aiops-unknown",
        " | sh",
        " | aiops-unknown",
        " $(aiops-unknown)",
        " `aiops-unknown`",
        "\naiops-unknown",
        " & aiops-unknown",
        " > /tmp/aiops-x",
        " >> /tmp/aiops-x",
        " < /etc/shadow",
        " 2> /tmp/aiops-x",
        " --aiops-unknown",
        " --aiops-unknown=1",
        " -\u{7e}",
        " /etc/shadow",
        " ../../etc/shadow",
        " /root/.ssh/id_rsa",
        " /proc/1/environ",
        " --",
        " <(aiops-unknown)",
        " ${IFS}x",
        "\u{a0}x",
        "\r",
        " *",
        " ~root",
    ]
    .iter()
    .map(|tail| format!("{line}{tail}"))
    .filter(|attack| !attack.ends_with(" --"))
    .filter(|attack| {
        !takes_text
            || !(attack.ends_with("shadow") && !attack.ends_with("< /etc/shadow")
                || attack.ends_with("id_rsa")
                || attack.ends_with("environ"))
    })
    .collect();
    for front in [
        "LD_PRELOAD=/tmp/x ",
        "PATH=/tmp ",
        "IFS=x ",
        "BASH_ENV=/tmp/x ",
        "./",
        "/tmp/",
        "~/",
        "exec ",
        "eval ",
        "sh -c ",
        "xargs ",
        "! ",
        "sudo -u nobody ",
    ] {
        attacks.push(format!("{front}{line}"));
    }
    if line.contains(['\'', '"']) {
        return attacks;
    }
    let words: Vec<&str> = line.split(' ').collect();
    for (index, word) in words.iter().enumerate() {
        let mut replace = |new: String| {
            let mut changed: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            changed[index] = new;
            attacks.push(changed.join(" "));
        };
        if let Some(name) = word.strip_prefix("--").filter(|n| n.len() > 3) {
            // Abbreviated: GNU programs take it, and perhaps for another option.
            let end = name.find('=').unwrap_or(name.len());
            if name.is_char_boundary(end.saturating_sub(1)) && end > 2 {
                replace(format!("--{}{}", &name[..end - 1], &name[end..]));
            }
        } else if word.starts_with('-') && word.len() > 1 {
            replace(format!("{word}\u{7e}"));
        } else if word.starts_with('/') && index > 0 && !takes_text {
            replace(format!(
                "{}/../../../../etc/shadow",
                word.trim_end_matches('/')
            ));
            replace("/etc/shadow".to_owned());
            replace("/etc/shado?".to_owned());
        }
    }
    attacks
}
