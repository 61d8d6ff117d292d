//! Compares two policies over lines: which would be decided otherwise.
//!
//! Runs nothing. What a record of the audit log has masked cannot be decided again, and is counted as such.

use super::{Context, Decision, Policy, Risk};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A line that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The command line.
    pub command: String,
    /// Where, if known.
    pub target: Option<String>,
    /// By whom, if known.
    pub requester: Option<String>,
}

/// Lines with how often each was asked for.
#[derive(Debug, Default)]
pub struct Lines {
    /// The lines.
    pub asked: BTreeMap<Asked, u64>,
    /// Records whose command is masked.
    pub masked: u64,
}

impl Lines {
    /// One command a line; a line that begins with `# ` and an empty one say nothing.
    pub fn from_corpus(text: &str) -> Lines {
        let mut lines = Lines::default();
        for line in text.lines().map(str::trim_end) {
            if !line.is_empty() && line != "#" && !line.starts_with("# ") {
                lines.add(line, None, None);
            }
        }
        lines
    }

    /// What an audit log says was asked for: each request once, by its first record.
    ///
    /// # Errors
    /// The first line that is not a record.
    pub fn from_audit(text: &str) -> Result<Lines, String> {
        let mut lines = Lines::default();
        for (number, line) in text.lines().enumerate() {
            let record: Record =
                serde_json::from_str(line).map_err(|e| format!("record {}: {e}", number + 1))?;
            let Some(command) = record.asked() else {
                continue;
            };
            if record.is_masked() {
                lines.masked += 1;
            } else {
                lines.add(
                    command,
                    record.target.as_deref(),
                    record.requester.as_deref(),
                );
            }
        }
        Ok(lines)
    }

    fn add(&mut self, command: &str, target: Option<&str>, requester: Option<&str>) {
        let asked = Asked {
            command: command.to_owned(),
            target: target.map(str::to_owned),
            requester: requester.map(str::to_owned),
        };
        *self.asked.entry(asked).or_default() += 1;
    }
}

/// The fields of a record that matter here.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Record {
    pub event: String,
    #[serde(default)]
    pub target: Option<String>,
    #[serde(default)]
    pub command: Option<String>,
    #[serde(default)]
    pub canonical: Option<String>,
    #[serde(default)]
    pub canonical_sha256: Option<String>,
    #[serde(default)]
    pub requester: Option<String>,
    #[serde(default)]
    pub approval_id: Option<String>,
    #[serde(default)]
    pub risk: Option<Risk>,
}

impl Record {
    /// The command, where the record is the first one of a request.
    fn asked(&self) -> Option<&str> {
        let first = match self.event.as_str() {
            "request.decided" | "approval.requested" => true,
            "run.started" => self.approval_id.is_none(),
            _ => false,
        };
        self.command.as_deref().filter(|_| first)
    }

    /// Whether secrets were masked in its canonical form, and so perhaps in the command.
    pub(super) fn is_masked(&self) -> bool {
        match (&self.canonical, &self.canonical_sha256) {
            (Some(text), Some(hash)) => crate::audit::record::hex(text.as_bytes()) != *hash,
            // What was refused has no canonical form; masks are seen by their sign.
            _ => self
                .command
                .as_deref()
                .is_some_and(|c| c.contains("[masked")),
        }
    }
}

/// A line that the new policy decides otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The line.
    pub command: String,
    /// Where, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How often it was asked for.
    pub times: u64,
    /// What the old policy says.
    pub old: Side,
    /// What the new one says.
    pub new: Side,
    /// Whether the new one is more lenient.
    pub looser: bool,
}

/// One policy's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Its risk.
    pub risk: Risk,
    /// How many approvals it needs.
    pub approvals: u32,
    /// The rules that decided.
    pub rules: Vec<String>,
}

impl Side {
    fn of(decision: Decision) -> Side {
        Side {
            risk: decision.risk,
            approvals: decision.quorum.need,
            rules: decision.rules,
        }
    }

    fn strictness(&self) -> (Risk, u32) {
        (self.risk, self.approvals)
    }
}

/// What the comparison found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many different lines were decided.
    pub lines: usize,
    /// Records that could not be decided again.
    pub masked: u64,
    /// The lines decided otherwise, the more lenient ones first.
    pub changes: Vec<Change>,
}

impl Report {
    /// How many lines the new policy decides more leniently.
    pub fn looser(&self) -> usize {
        self.changes.iter().filter(|c| c.looser).count()
    }
}

/// Decides each line by both.
pub fn diff(old: &Policy, new: &Policy, lines: &Lines) -> Report {
    let mut report = Report {
        lines: lines.asked.len(),
        masked: lines.masked,
        ..Report::default()
    };
    for (asked, times) in &lines.asked {
        let read = super::read(&asked.command);
        let cx = Context {
            target: asked.target.as_deref(),
            tags: &[],
            requester: asked.requester.as_deref().unwrap_or_default(),
            now: chrono::Utc::now(),
            recent: &[],
        };
        let old = Side::of(old.decide(read.as_ref(), &cx));
        let new = Side::of(new.decide(read.as_ref(), &cx));
        if old.strictness() != new.strictness() {
            report.changes.push(Change {
                command: asked.command.clone(),
                target: asked.target.clone(),
                times: *times,
                looser: new.strictness() < old.strictness(),
                old,
                new,
            });
        }
    }
    report
        .changes
        .sort_by(|a, b| (b.looser, b.times, &a.command).cmp(&(a.looser, a.times, &b.command)));
    report
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            let target = change.target.as_deref().map(|t| format!(" on {t}"));
            writeln!(
                f,
                "{:<8} {} -> {}  {}{} ({} -> {}){}",
                if change.looser { "looser" } else { "stricter" },
                word(&change.old),
                word(&change.new),
                crate::display::escape(&change.command),
                crate::display::escape(target.as_deref().unwrap_or_default()),
                change.old.rules.join(", "),
                change.new.rules.join(", "),
                if change.times > 1 {
                    format!(", {} times", change.times)
                } else {
                    String::new()
                }
            )?;
        }
        writeln!(
            f,
            "{} of {} lines would be decided otherwise: {} looser, {} stricter",
            self.changes.len(),
            self.lines,
            self.looser(),
            self.changes.len() - self.looser()
        )?;
        if self.masked > 0 {
            writeln!(
                f,
                "{} records hold masked secrets and could not be decided again",
                self.masked
            )?;
        }
        Ok(())
    }
}

fn word(side: &Side) -> String {
    match side.risk {
        Risk::AutoAllowed => "auto".into(),
        Risk::ApprovalRequired => format!("approval ({})", side.approvals),
        Risk::Forbidden => "forbidden".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "version: 1\nmode: production\nunknown_default: reject\nrules:\n";

    fn policy(rules: &str) -> Policy {
        Policy::parse("p", &format!("{HEAD}{rules}")).unwrap()
    }

    #[test]
    fn looser_and_stricter_are_told_apart() {
        let old = policy(
            "  - {id: a, about: A, decision: auto, command: uptime}\n  - {id: b, about: B, decision: approval, command: reboot, risk: high}\n",
        );
        let new = policy(
            "  - {id: a, about: A, decision: approval, command: uptime}\n  - {id: b, about: B, decision: approval, command: reboot, risk: low}\n",
        );
        let lines = Lines::from_corpus("# c\nuptime\nreboot\n\nhalt\n");
        let report = diff(&old, &new, &lines);
        let seen: Vec<(&str, bool)> = report
            .changes
            .iter()
            .map(|c| (c.command.as_str(), c.looser))
            .collect();
        assert_eq!(seen, [("reboot", true), ("uptime", false)]);
        assert_eq!(report.looser(), 1);
        assert!(report.to_string().contains("2 of 3 lines"));
        assert!(diff(&old, &old, &lines).changes.is_empty());
    }

    #[test]
    fn each_request_of_a_log_counts_once_and_masked_ones_not() {
        let hash = |t: &str| crate::audit::record::hex(t.as_bytes());
        let log = [
            format!(r#"{{"event":"approval.requested","command":"reboot","canonical":"reboot","canonical_sha256":"{}","target":"a"}}"#, hash("reboot")),
            r#"{"event":"approval.voted","command":"reboot"}"#.to_owned(),
            format!(r#"{{"event":"run.started","command":"reboot","canonical":"reboot","canonical_sha256":"{}","approval_id":"x"}}"#, hash("reboot")),
            format!(r#"{{"event":"run.started","command":"uptime","canonical":"uptime","canonical_sha256":"{}"}}"#, hash("uptime")),
            format!(r#"{{"event":"run.started","command":"x ***","canonical":"x ***","canonical_sha256":"{}"}}"#, hash("x secret")),
        ]
        .join("\n");
        let lines = Lines::from_audit(&log).unwrap();
        let seen: Vec<(&str, u64)> = lines
            .asked
            .iter()
            .map(|(a, n)| (a.command.as_str(), *n))
            .collect();
        assert_eq!(seen, [("reboot", 1), ("uptime", 1)]);
        assert_eq!(lines.masked, 1);
        assert!(Lines::from_audit("not a record").is_err());
    }
}
