//! Reads a wrapper's own words as its `getopt` does: short options in clusters, glued values, `--`.
//!
//! An option that the table does not name by its whole name is not guessed at: the wrapper is then not understood.

use super::forms::Form;
use super::shells::DYNAMIC;
use super::{Call, Inner};
use crate::command::word::Word;

/// Reads a wrapper's own options exactly, or gives up.
pub(super) fn formed(call: &Call, form: &Form) -> Inner {
    let mut at = 1;
    let mut operands = form.operands;
    while let Some(word) = call.words.get(at) {
        let Some(text) = word.literal() else {
            // It may be the command, or an option that changes which word is.
            return Inner::Refused(if form.text { DYNAMIC } else { DYNAMIC_COMMAND });
        };
        if text == "--" {
            at += 1;
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            match long_option(form, long) {
                Some(words) => at += words,
                None => return Inner::Unknown,
            }
        } else if text.len() > 1 && text.starts_with('-') {
            match short_options(form, &text[1..]) {
                Some(words) => at += words,
                None => return Inner::Unknown,
            }
        } else if text == "-" {
            if call.name.base != "env" {
                return Inner::Unknown;
            }
            at += 1;
        } else {
            break;
        }
    }
    while form.assignments
        && call
            .words
            .get(at)
            .is_some_and(|w| w.literal_prefix().contains('='))
    {
        at += 1;
    }
    while operands > 0 && at < call.words.len() {
        operands -= 1;
        at += 1;
    }
    if at >= call.words.len() {
        return Inner::Nothing;
    }
    if form.text {
        joined(call, at)
    } else {
        Inner::Argv(at)
    }
}

/// How many words a long option takes, if it is known by its whole name.
fn long_option(form: &Form, text: &str) -> Option<usize> {
    let (name, glued) = text
        .split_once('=')
        .map_or((text, false), |(name, _)| (name, true));
    if form.long_flags.contains(&name) {
        // `--preserve-env=LIST` and the like: a flag may have a glued list.
        return Some(1);
    }
    form.long_values
        .contains(&name)
        .then_some(if glued { 1 } else { 2 })
}

/// How many words a cluster of short options takes, if all are known.
fn short_options(form: &Form, letters: &str) -> Option<usize> {
    if form.names == ["nice"] && letters.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Some(1);
    }
    for (index, letter) in letters.char_indices() {
        if form.values.contains(letter) {
            return Some(if index + letter.len_utf8() < letters.len() {
                1
            } else {
                2
            });
        }
        if !form.flags.contains(letter) {
            return None;
        }
    }
    Some(1)
}

/// The words from there on, joined with spaces as ssh and watch do it.
fn joined(call: &Call, at: usize) -> Inner {
    let parts: Option<Vec<&str>> = call.words[at..].iter().map(Word::literal).collect();
    parts.map_or(Inner::Refused(DYNAMIC), |parts| Inner::Text {
        at,
        text: parts.join(" "),
    })
}

const DYNAMIC_COMMAND: &str =
    "what a wrapper runs is known only when it runs: write its options and the command's name";
