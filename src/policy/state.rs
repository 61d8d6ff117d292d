//! Commands that tell about the state which a call would change: probes, taken again before the run,
//! and dry runs, for the person who decides.
//!
//! A rule only writes them down. They run like any other line: read, decided, and only if this policy
//! would run them at once; so a template can never make anything possible.

use super::rule::Rule;
use crate::command::{Call, Word};
use serde::Serialize;

/// Most checks for one line.
pub(super) const MOST: usize = 6;

/// What a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Its answer must be the same when the line runs.
    Probe,
    /// Its answer stands in the question.
    DryRun,
}

/// A command that tells about state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The rule that asks for it.
    pub rule: String,
    /// What it is for.
    pub kind: CheckKind,
    /// The command line.
    pub command: String,
}

/// The checks that a rule asks for about a call.
pub(super) fn checks(rule: &Rule, call: &Call) -> Vec<Check> {
    [
        (CheckKind::Probe, &rule.probe),
        (CheckKind::DryRun, &rule.dry_run),
    ]
    .into_iter()
    .filter_map(|(kind, template)| {
        Some(Check {
            rule: rule.id.clone(),
            kind,
            command: fill(template.as_deref()?, rule, call)?,
        })
    })
    .collect()
}

/// Whether a template can be filled at all.
pub(super) fn check_template(template: &str) -> Result<(), String> {
    for word in template.split_whitespace() {
        if word.contains(['{', '}']) && !matches!(word, "{operands}" | "{words}") {
            return Err(format!(
                "`{word}`: a probe or dry run knows {{operands}} (the words that are no options) and {{words}} (all of them), each standing alone"
            ));
        }
    }
    let example = template.replace("{operands}", "x").replace("{words}", "x");
    let reading = crate::command::read(&example).map_err(|e| format!("`{template}`: {e}"))?;
    match reading.notes.first() {
        None => Ok(()),
        Some(note) => Err(format!(
            "`{template}`: {} here: only plain words can run at once",
            note.what
        )),
    }
}

/// The line; none where a word is needed that is known only when it runs, or there is none.
fn fill(template: &str, rule: &Rule, call: &Call) -> Option<String> {
    let words = call.words.get(1..).unwrap_or_default();
    let mut line = Vec::new();
    for part in template.split_whitespace() {
        let wanted: Vec<&Word> = match part {
            "{words}" => words.iter().collect(),
            "{operands}" => operands(rule, words),
            plain => {
                line.push(plain.to_owned());
                continue;
            }
        };
        if wanted.is_empty() {
            return None;
        }
        for word in wanted {
            word.literal()?;
            let mut text = String::new();
            crate::command::render::word(&mut text, word, false);
            line.push(text);
        }
    }
    Some(line.join(" "))
}

/// The words that are neither options nor the subcommand.
fn operands<'a>(rule: &Rule, words: &'a [Word]) -> Vec<&'a Word> {
    let path = rule
        .subcommands
        .iter()
        .filter(|path| {
            let mut rest = words.iter().filter_map(Word::literal);
            path.iter().all(|name| rest.any(|word| word == name))
        })
        .max_by_key(|path| path.len());
    let mut skip = path.map(|p| p.iter().peekable());
    words
        .iter()
        .filter(|word| {
            let text = word.literal_prefix();
            if let Some(skip) = &mut skip
                && skip.next_if(|name| *name == text).is_some()
            {
                return false;
            }
            !text.starts_with('-')
        })
        .collect()
}
