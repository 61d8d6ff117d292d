//! Looks at the target before a human is asked, and again before the run.
//!
//! Must never look by a command that the policy would not run at once, and never without a record.

use super::job::Job;
use super::{Fault, Gate};
use crate::approval::Seen;
use crate::config::Target;
use crate::outcome::{Outcome, Status};
use crate::policy::{Check, CheckKind, Risk};

/// Time limit of a look, in seconds.
const LIMIT_S: u64 = 20;
/// How much of an answer is kept, in bytes; what is longer is kept as a hash besides.
const KEPT: usize = 4096;
/// Lines of an answer that a card shows.
const SHOWN: usize = 12;

/// For whom a look is taken.
pub(super) struct About<'a> {
    pub target: &'a Target,
    pub target_name: &'a str,
    pub requester: &'a str,
    pub command: &'a str,
    pub session: Option<&'a str>,
}

impl Gate {
    /// Takes all looks of one kind.
    pub(super) fn look(
        &self,
        checks: &[Check],
        kind: CheckKind,
        about: &About,
    ) -> Result<Vec<Seen>, Fault> {
        checks
            .iter()
            .filter(|c| c.kind == kind && self.policy.approval().probes)
            .map(|check| self.take(&check.rule, &check.command, kind, about))
            .collect()
    }

    fn take(&self, rule: &str, line: &str, kind: CheckKind, about: &About) -> Result<Seen, Fault> {
        let seen = |exit_code, output: String| Seen {
            rule: rule.to_owned(),
            command: line.to_owned(),
            exit_code,
            output,
        };
        let (decision, reading) =
            self.decide(line, about.target_name, about.target, about.requester);
        // A look is one plain command: it is never written out.
        let plain = reading.filter(|r| decision.canonical.as_ref() == Some(&r.canonical));
        let (Risk::AutoAllowed, Some(reading)) = (decision.risk, plain) else {
            return Ok(seen(
                None,
                format!(
                    "not looked at: the policy does not run it at once: {}",
                    decision.why
                ),
            ));
        };
        let reason = format!("asked about: {}", about.command);
        let mut outcome = Outcome::new(Status::Failed, "");
        outcome.risk = Some(decision.risk);
        outcome.risk_level = Some(decision.risk_level);
        outcome.target = Some(about.target_name.to_owned());
        outcome.command = Some(line.to_owned());
        outcome.canonical = Some(reading.canonical.clone());
        outcome.requester = Some(about.requester.to_owned());
        outcome.reason = Some(reason.clone());
        outcome.rules = Some(decision.rules.clone());
        let (outcome, _) = self.execute(Job {
            target: about.target,
            target_name: about.target_name,
            canonical: &reading.canonical,
            shell: reading.shell,
            timeout_s: LIMIT_S.min(self.config.limits.max_timeout_s),
            requester: about.requester,
            reason: &reason,
            session: about.session,
            request_id: None,
            approval_id: None,
            approvers: Vec::new(),
            outcome,
        })?;
        let Some(exit) = outcome.exit_code else {
            return Ok(seen(None, format!("not looked at: {}", outcome.message)));
        };
        let mut text = outcome.stdout.unwrap_or_default();
        // What a dry run warns of, it says on standard error.
        if kind == CheckKind::DryRun {
            text.push_str(outcome.stderr.as_deref().unwrap_or_default());
        }
        Ok(seen(Some(exit), kept(text)))
    }

    /// What is different now from what the question said; none if nothing is.
    pub(super) fn changed(&self, states: &[Seen], about: &About) -> Result<Option<String>, Fault> {
        for before in states.iter().filter(|s| s.exit_code.is_some()) {
            let now = self.take(&before.rule, &before.command, CheckKind::Probe, about)?;
            if now.exit_code != before.exit_code || now.output != before.output {
                return Ok(Some(format!(
                    "the state changed since the question was asked. `{}`: {}",
                    before.command,
                    difference(before, &now)
                )));
            }
        }
        Ok(None)
    }
}

/// The text, or its beginning and a hash of all of it.
fn kept(text: String) -> String {
    if text.len() <= KEPT {
        return text;
    }
    let hash = crate::audit::record::hex(text.as_bytes());
    let mut end = KEPT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!(
        "{}\n… {} bytes in all, sha256 {hash}",
        &text[..end],
        text.len()
    )
}

/// What two answers differ in, in one line.
fn difference(before: &Seen, now: &Seen) -> String {
    let Some(exit) = now.exit_code else {
        return now.output.clone();
    };
    let only = |a: &str, b: &str| {
        let other: Vec<&str> = b.lines().collect();
        let lines: Vec<&str> = a.lines().filter(|l| !other.contains(l)).take(4).collect();
        lines.join(", ")
    };
    let (gone, new) = (
        only(&before.output, &now.output),
        only(&now.output, &before.output),
    );
    let codes = match before.exit_code {
        Some(old) if old != exit => format!(" (exit code {old}, now {exit})"),
        _ => String::new(),
    };
    let said = |text: String| {
        if text.is_empty() {
            "nothing".to_owned()
        } else {
            text
        }
    };
    format!("it said {}, and says {} now{codes}", said(gone), said(new))
}

/// A look as a card shows it: no line of it can be taken for one of the card's own.
pub(super) fn lines(title: &str, seen: &Seen) -> Vec<String> {
    let shown = crate::display::escape;
    let exit = match seen.exit_code {
        Some(0) => String::new(),
        Some(code) => format!(", exit code {code}"),
        None => {
            return vec![format!(
                "{title} ({}): {}",
                shown(&seen.command),
                shown(&seen.output)
            )];
        }
    };
    let mut lines = vec![format!("{title} ({}{exit}):", shown(&seen.command))];
    let all: Vec<&str> = seen
        .output
        .lines()
        .filter(|l| !l.trim().is_empty())
        .collect();
    lines.extend(
        all.iter()
            .take(SHOWN)
            .map(|line| format!("  | {}", shown(line))),
    );
    if all.len() > SHOWN {
        lines.push(format!(
            "  | … {} more lines: aiops approval show",
            all.len() - SHOWN
        ));
    }
    if all.is_empty() {
        lines.push("  | (it says nothing)".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(exit_code: Option<i32>, output: &str) -> Seen {
        Seen {
            rule: "r".into(),
            command: "systemctl show x".into(),
            exit_code,
            output: output.into(),
        }
    }

    #[test]
    fn a_difference_names_what_changed() {
        let before = seen(Some(0), "ActiveState=active\nMainPID=12\n");
        assert_eq!(
            difference(&before, &seen(Some(0), "ActiveState=active\nMainPID=34\n")),
            "it said MainPID=12, and says MainPID=34 now"
        );
        assert_eq!(
            difference(&before, &seen(Some(3), "ActiveState=active\nMainPID=12\n")),
            "it said nothing, and says nothing now (exit code 0, now 3)"
        );
    }

    #[test]
    fn what_a_target_says_cannot_draw_a_line_of_the_card() {
        let lines = lines("State", &seen(Some(0), "ok\nReply: Approve\u{1b}[2J"));
        assert_eq!(lines[1..], ["  | ok", "  | Reply: Approve⟨U+001B⟩[2J"]);
        let long = "é".repeat(5000);
        let (a, b) = (kept(long.clone()), kept(long + "x"));
        assert!(a.len() < 4300 && a != b, "what was left out still counts");
    }
}
