//! Jobs for later: `at` and `batch`, whose text comes through standard input, and `crontab -`.
//!
//! A job runs when nobody looks. One whose text does not stand in the line must not be made.

use super::Inner;
use super::fed::{SIPS, fed, is_read_before};
use super::forms::{Form, PLAIN};
use super::options::{Miss, is_one, permuted};
use super::seen::Seen;
use super::shells::{DYNAMIC, DYNAMIC_COMMAND, Input, input};
use crate::command::call::{Call, Place};
use crate::command::evaluated;
use crate::command::render;
use crate::command::word::Word;

const UNSEEN: &str = "a job whose text does not stand in the line: write it in a here-document with a quoted delimiter";

// Old ones tell their version with `-V`, and then make the job.
const AT: Form = Form {
    flags: "MmbvkV",
    values: "qut",
    quits: &["l", "r", "d", "c", "h"],
    ..PLAIN
};

/// `at TIME` and `batch`.
pub(super) fn at(call: &Call, seen: &Seen) -> Inner {
    match permuted(call, 1, &AT) {
        Ok(_) => {}
        Err(Miss::Quits) => return Inner::Nothing,
        // `-f FILE`, which is a file of code.
        Err(Miss::Unknown) => return Inner::Unread,
        Err(Miss::Dynamic) => return Inner::Refused(DYNAMIC),
    }
    match input(call, seen) {
        // The shell reads the job from its standard input.
        Input::Text(text) => fed(call, call.words.len(), &text, seen),
        Input::Refused(reason) => Inner::Refused(reason),
        Input::Elsewhere if call.redirections.iter().any(|r| r.operator == "<") => Inner::Unread,
        Input::Elsewhere | Input::Inherited => Inner::Refused(UNSEEN),
    }
}

/// `crontab -`: the commands of a table that stands in the line.
pub(super) fn crontab(call: &Call, seen: &Seen) -> Inner {
    // The first operand is the table, whatever stands behind it.
    let words: Vec<Option<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    match words.as_slice() {
        [Some("-")] => {}
        [Some("-u"), _, Some("-")] if is_one(&call.words[2]) => {}
        [_, None, _] => return Inner::Refused(DYNAMIC_COMMAND),
        [Some(user), Some("-")] if user.len() > 2 && user.starts_with("-u") => {}
        _ => return Inner::Unknown,
    }
    match input(call, seen) {
        Input::Text(_) if is_read_before(call, seen) => Inner::Refused(SIPS),
        Input::Text(text) => match commands(&text) {
            Some(texts) => Inner::Text {
                at: call.words.len(),
                texts,
            },
            None => Inner::Refused(
                "a table for cron that is not read here: write its lines out plainly",
            ),
        },
        Input::Refused(reason) => Inner::Refused(reason),
        Input::Elsewhere if call.redirections.iter().any(|r| r.operator == "<") => Inner::Unread,
        Input::Elsewhere | Input::Inherited => Inner::Refused(UNSEEN),
    }
}

/// Longest line of a table: Debian's cron runs no more than 998 bytes of a command.
const MAX_TABLE_LINE: usize = 900;

/// The commands of a table (crontab(5)): behind five fields or `@WORD`.
fn commands(table: &str) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for line in table.lines() {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.len() > MAX_TABLE_LINE {
            return None;
        }
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let mut rest = line;
        if !line.starts_with(|c: char| c.is_ascii_digit() || c == '*' || c == '@') {
            texts.push(variable(line)?);
            continue;
        }
        for _ in 0..fields {
            let end = rest.find([' ', '\t'])?;
            rest = rest[end..].trim_start_matches([' ', '\t']);
        }
        texts.push(without_escapes(rest)?);
    }
    Some(texts)
}

/// A variable of a table, `NAME = "value"`, as the assignment that it is.
fn variable(line: &str) -> Option<String> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (unquoted(name), unquoted(value));
    if !crate::command::name::is_variable(name) || evaluated::is_code(name) {
        return None;
    }
    let mut text = format!("{name}=");
    render::quote(&mut text, value);
    Some(text)
}

/// Without the blanks around it, and without quotes if it has both of them.
fn unquoted(text: &str) -> &str {
    let text = text.trim_matches([' ', '\t']);
    let without = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    without('"').or_else(|| without('\'')).unwrap_or(text)
}

/// With `%` for each `\\%`. Crons differ on two backslashes, and on whether what stands behind a bare `%` is the command's
/// input.
fn without_escapes(text: &str) -> Option<String> {
    let plain = text.replace("\\%", "");
    (!plain.contains('%') && !text.contains("\\\\")).then(|| text.replace("\\%", "%"))
}

/// What `echo`, `printf` or `cat` of a here-document writes, where that is certain for every shell.
pub(super) fn written(call: &Call) -> Option<String> {
    let documents: Vec<_> = call.redirections.iter().collect();
    if call.place != Place::Top || !call.assignments.is_empty() || call.name.text != call.name.base
    {
        return None;
    }
    let words: Option<Vec<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    let words = words?;
    match (
        call.name.base.as_str(),
        words.as_slice(),
        documents.as_slice(),
    ) {
        // Shells differ on backslashes and on options other than a single -n.
        ("echo", words, []) => {
            let words = match words {
                ["-n", rest @ ..] => rest,
                all => all,
            };
            let plain = words.iter().all(|w| !w.contains('\\'))
                && !words.first().is_some_and(|w| w.starts_with('-'));
            plain.then(|| words.join(" "))
        }
        ("printf", ["%s" | "%s\\n", words @ ..], []) if !words.is_empty() => {
            let joint = if call.words[1].literal() == Some("%s") {
                ""
            } else {
                "\n"
            };
            Some(words.join(joint))
        }
        ("printf", [format], []) if !format.starts_with('-') => {
            let text = format.replace("\\n", "\n");
            (!text.contains(['%', '\\'])).then_some(text)
        }
        ("cat", [] | ["-"], [document])
            if document.operator.starts_with("<<") && document.descriptor.is_none() =>
        {
            document.target.literal().map(str::to_owned)
        }
        _ => None,
    }
}
