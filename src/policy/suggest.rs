//! Rules for what people approved again and again, as YAML for a person to review.
//!
//! Takes nothing into the policy by itself, and suggests only the very words that were approved. Must
//! never suggest a rule for what was denied, masked, or is forbidden or of high risk today.

use super::diff::Record;
use super::{Context, Policy, Risk, RiskLevel};
use crate::command::{Call, Sudo, Wraps};
use std::collections::{BTreeMap, BTreeSet};

/// What a log says of one canonical line.
#[derive(Debug, Default)]
struct Story {
    /// The approvals under which it ran.
    approved: BTreeSet<String>,
    /// Whether somebody denied it, or it expired.
    denied: bool,
    targets: BTreeSet<String>,
}

/// A rule in the making: one command with sets of words by position.
#[derive(Debug, Clone)]
struct Draft {
    command: String,
    words: Vec<BTreeSet<String>>,
    sudo: bool,
    examples: Vec<String>,
    approvals: usize,
    targets: BTreeSet<String>,
    /// Rules that ask whatever auto rules say.
    in_the_way: BTreeSet<String>,
}

/// What is suggested.
#[derive(Debug, Default)]
pub struct Suggestions {
    /// A pack, as YAML with remarks; none when there is nothing to suggest.
    pub pack: Option<String>,
    /// Lines that were approved often enough and are still not suggested, with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Reads a log (its lines as text) and drafts rules for what was approved at least `least` times.
///
/// # Errors
/// The first line that is not a record.
pub fn suggest(policy: &Policy, log: &str, least: usize) -> Result<Suggestions, String> {
    let stories = stories(log)?;
    let mut out = Suggestions::default();
    let mut drafts: Vec<Draft> = Vec::new();
    for (line, story) in &stories {
        if story.approved.len() < least {
            continue;
        }
        match draft(policy, line, story) {
            Ok(new) => match drafts.iter_mut().find(|d| d.takes(&new)) {
                Some(old) => old.join(new),
                None => drafts.push(new),
            },
            Err(why) => out.left_out.push((line.clone(), why)),
        }
    }
    if !drafts.is_empty() {
        let mut text = String::from(
            "# Suggested from what people approved. Read every rule before you include this file: it makes\n\
             # these lines run without asking. Then run `aiops policy check` and `aiops policy diff`.\n\
             version: 1\npack: suggested\nrules:\n",
        );
        for (number, draft) in drafts.iter().enumerate() {
            text.push_str(&draft.yaml(number + 1));
        }
        out.pack = Some(text);
    }
    Ok(out)
}

fn stories(log: &str) -> Result<BTreeMap<String, Story>, String> {
    let mut stories: BTreeMap<String, Story> = BTreeMap::new();
    for (number, line) in log.lines().enumerate() {
        let record: Record =
            serde_json::from_str(line).map_err(|e| format!("record {}: {e}", number + 1))?;
        let Some(canonical) = record.canonical.clone().filter(|_| !record.is_masked()) else {
            continue;
        };
        let story = stories.entry(canonical).or_default();
        match (record.event.as_str(), &record.approval_id) {
            ("run.started", Some(id)) => {
                story.approved.insert(id.clone());
                story.targets.extend(record.target);
            }
            ("approval.denied" | "approval.expired" | "approval.voided", _) => story.denied = true,
            ("request.decided", _) if record.risk == Some(Risk::Forbidden) => story.denied = true,
            _ => {}
        }
    }
    Ok(stories)
}

/// A rule for one line, or why there is none.
fn draft(policy: &Policy, line: &str, story: &Story) -> Result<Draft, String> {
    if story.denied {
        return Err("it was also denied, or nobody answered".into());
    }
    let reading = crate::command::read(line).map_err(|e| e.to_string())?;
    if !reading.is_strict() {
        return Err("it is not made of plain words".into());
    }
    let cx = Context {
        target: story.targets.first().map(String::as_str),
        tags: &[],
        requester: "",
        now: chrono::Utc::now(),
        recent: &[],
    };
    let decision = policy.decide(Ok(&reading), &cx);
    match decision.risk {
        Risk::AutoAllowed => return Err("it is auto already".into()),
        Risk::Forbidden => return Err("it is forbidden today".into()),
        Risk::ApprovalRequired if decision.risk_level >= RiskLevel::High => {
            return Err("its risk is high: that stays with people".into());
        }
        Risk::ApprovalRequired => {}
    }
    let calls: Vec<&Call> = reading
        .calls
        .iter()
        .filter(|c| !(c.wraps == Wraps::Calls && c.name.base == "sudo"))
        .collect();
    let [call] = calls.as_slice() else {
        return Err("it runs more than one command".into());
    };
    if call.wraps != Wraps::Nothing || call.sudo == Sudo::Other || !call.name.trusted {
        return Err("it runs a program of its own, or as somebody else".into());
    }
    if !call.assignments.is_empty() || call.redirections.iter().any(|r| !r.harmless) {
        return Err("it sets variables or redirects".into());
    }
    let words = call.words[1..]
        .iter()
        .map(|w| w.literal().filter(|t| is_plain(t)).map(str::to_owned))
        .map(|w| w.map(|w| BTreeSet::from([w])))
        .collect::<Option<Vec<_>>>()
        .ok_or("its words hold patterns or characters that a list of words cannot")?;
    Ok(Draft {
        command: call.name.base.clone(),
        words,
        sudo: call.sudo == Sudo::Plain,
        examples: vec![line.to_owned()],
        approvals: story.approved.len(),
        targets: story.targets.clone(),
        in_the_way: decision
            .rules
            .iter()
            .filter(|id| policy.asks_always(id))
            .cloned()
            .collect(),
    })
}

/// Whether a word can stand in `enum(a|b)` inside quotes.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.,:/@%+=-".contains(&b))
}

impl Draft {
    /// Whether the other differs in one word at most.
    fn takes(&self, other: &Draft) -> bool {
        let differ = self
            .words
            .iter()
            .zip(&other.words)
            .filter(|(a, b)| !b.is_subset(a))
            .count();
        self.command == other.command
            && self.sudo == other.sudo
            && self.words.len() == other.words.len()
            && differ <= 1
            // Two positions with several words each would allow pairs that nobody approved.
            && self
                .words
                .iter()
                .zip(&other.words)
                .all(|(a, b)| a.len() == 1 || !b.is_subset(a))
    }

    fn join(&mut self, other: Draft) {
        for (a, b) in self.words.iter_mut().zip(other.words) {
            a.extend(b);
        }
        self.examples.extend(other.examples);
        self.approvals += other.approvals;
        self.targets.extend(other.targets);
        self.in_the_way.extend(other.in_the_way);
    }

    fn yaml(&self, number: usize) -> String {
        let mut text = format!(
            "  # Approved {} times on {}.\n",
            self.approvals,
            if self.targets.is_empty() {
                "no named target".to_owned()
            } else {
                Vec::from_iter(self.targets.iter().map(String::as_str)).join(", ")
            }
        );
        for rule in &self.in_the_way {
            text.push_str(&format!(
                "  # {rule} asks about it whatever other rules allow: this rule works only once that one no longer\n  # speaks of it (or gives way, `unless_auto: true`).\n"
            ));
        }
        text.push_str(&format!(
            "  - id: suggested.{number}\n    about: {}\n    decision: auto\n    reversibility: reversible\n    command: {}\n    style: plain\n",
            quoted(&format!("TODO: say what `{}` does", self.examples[0])),
            quoted(&self.command),
        ));
        if !self.words.is_empty() {
            text.push_str("    operands:\n");
            for set in &self.words {
                let words: Vec<&str> = set.iter().map(String::as_str).collect();
                text.push_str(&format!(
                    "      - {{type: {}}}\n",
                    quoted(&format!("enum({})", words.join("|")))
                ));
            }
        }
        if self.sudo {
            text.push_str("    sudo: allowed\n");
        }
        if !self.targets.is_empty() {
            let targets: Vec<String> = self.targets.iter().map(|t| quoted(t)).collect();
            text.push_str(&format!(
                "    when: {{targets: [{}]}}\n",
                targets.join(", ")
            ));
        }
        text.push_str("    match:\n");
        for example in &self.examples {
            text.push_str(&format!("      - {}\n", quoted(example)));
        }
        text.push_str(&format!(
            "    no_match:\n      - {}\n",
            quoted(&format!("{} --and-more", self.examples[0]))
        ));
        text
    }
}

/// In double quotes, as YAML reads them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version: 1\nmode: production\nunknown_default: reject\nrules:\n  \
        - {id: ask, about: A, decision: approval, command: [shopctl, mv], unless_auto: true}\n  \
        - {id: always, about: B, decision: approval, command: systemctl, subcommands: [restart]}\n  \
        - {id: high, about: C, decision: approval, risk: high, command: rm}\n";

    fn record(event: &str, line: &str, id: &str) -> String {
        serde_json::json!({
            "event": event, "command": line, "canonical": line, "target": "web1", "approval_id": id,
            "canonical_sha256": crate::audit::record::hex(line.as_bytes()),
        })
        .to_string()
    }

    fn runs(lines: &[(&str, usize)]) -> String {
        let mut log = Vec::new();
        for (line, times) in lines {
            for n in 0..*times {
                log.push(record("run.started", line, &format!("{line}{n}")));
            }
        }
        log.join("\n")
    }

    #[test]
    fn what_was_approved_often_is_drafted_and_then_auto() {
        let policy = Policy::parse("p", POLICY).unwrap();
        let log = runs(&[
            ("shopctl drain a", 3),
            ("shopctl drain b", 4),
            ("shopctl fill a", 2),
            ("rm x", 9),
            ("mv a b; mv c d", 5),
        ]);
        let found = suggest(&policy, &log, 3).unwrap();
        let pack = found.pack.unwrap();
        assert!(
            pack.contains("enum(a|b)") && !pack.contains("fill"),
            "{pack}"
        );
        assert_eq!(found.left_out.len(), 2);
        let with = policy.with_pack("suggested", &pack).unwrap();
        let cx = Context {
            target: Some("web1"),
            tags: &[],
            requester: "",
            now: chrono::Utc::now(),
            recent: &[],
        };
        for (line, risk) in [
            ("shopctl drain a", Risk::AutoAllowed),
            ("shopctl drain b", Risk::AutoAllowed),
            ("shopctl drain c", Risk::ApprovalRequired),
            ("shopctl drain a --force", Risk::ApprovalRequired),
            ("shopctl drain", Risk::ApprovalRequired),
            ("sudo shopctl drain a", Risk::ApprovalRequired),
        ] {
            let read = crate::command::read(line);
            assert_eq!(with.decide(read.as_ref(), &cx).risk, risk, "{line}");
        }
        let elsewhere = Context {
            target: Some("db1"),
            ..cx
        };
        let read = crate::command::read("shopctl drain a");
        assert_eq!(
            with.decide(read.as_ref(), &elsewhere).risk,
            Risk::ApprovalRequired
        );
    }

    #[test]
    fn a_denial_counts_more_than_any_number_of_approvals() {
        let policy = Policy::parse("p", POLICY).unwrap();
        let log = runs(&[("shopctl drain a", 9)]);
        let denied = format!(
            "{log}\n{}",
            record("approval.denied", "shopctl drain a", "z")
        );
        assert!(suggest(&policy, &log, 3).unwrap().pack.is_some());
        assert!(suggest(&policy, &denied, 3).unwrap().pack.is_none());
    }

    #[test]
    fn a_rule_that_always_asks_is_named() {
        let policy = Policy::parse("p", POLICY).unwrap();
        let log = runs(&[("systemctl restart nginx", 5)]);
        let pack = suggest(&policy, &log, 3).unwrap().pack.unwrap();
        assert!(pack.contains("# always asks about it"), "{pack}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let policy = Policy::parse("p", POLICY).unwrap();
        let log = runs(&[("shopctl 'a\")}\nrules: x'", 5), ("shopctl 'a|b'", 5)]);
        let found = suggest(&policy, &log, 3).unwrap();
        assert!(found.pack.is_none());
        assert_eq!(found.left_out.len(), 2);
    }
}
