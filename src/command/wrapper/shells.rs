//! Text that a shell runs: `sh -c`, a here-document, `trap`, and `env -S`, which splits text by rules of its own.
//!
//! Code that is known only when it runs must never pass as read.

use super::Inner;
use crate::command::call::{Call, Place};
use crate::command::word::Word;

/// Shells that read `-c TEXT` as we do.
pub(super) const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "rbash"];

pub(super) const DYNAMIC: &str =
    "code for a shell that is known only when it runs: write it out, in single quotes";

/// `sh -c TEXT`, with options that do not change how the text is read.
pub(super) fn shell_text(call: &Call) -> Inner {
    let mut at = 1;
    let (mut command, mut input) = (false, false);
    while let Some(word) = call.words.get(at) {
        let Some(text) = word.literal() else {
            return if command {
                Inner::Refused(DYNAMIC)
            } else {
                Inner::Unknown
            };
        };
        if text == "--" || !text.starts_with('-') {
            at += usize::from(text == "--");
            break;
        }
        if matches!(text, "--norc" | "--noprofile" | "--posix" | "--login") {
            at += 1;
            continue;
        }
        if text.len() < 2 || !text[1..].bytes().all(|b| b"celuxhns".contains(&b)) {
            return Inner::Unknown;
        }
        command |= text.contains('c');
        input |= text.contains('s');
        at += 1;
    }
    match call.words.get(at).and_then(Word::literal) {
        // Further words are $0, $1, …: a text that uses them is not literal, and so is not read as such.
        Some(text) if command => Inner::Text {
            at,
            text: text.to_owned(),
        },
        _ if command => Inner::Refused(DYNAMIC),
        _ if input => standard_input(call, at),
        // A file of code.
        _ if at < call.words.len() => Inner::Unknown,
        _ => standard_input(call, at),
    }
}

/// A shell without a text or a file reads its code from standard input.
fn standard_input(call: &Call, at: usize) -> Inner {
    let input = call.redirections.iter().rev().find(|r| {
        r.operator.starts_with('<') && matches!(r.descriptor.as_deref(), None | Some("0"))
    });
    match input {
        Some(r) if matches!(r.operator.as_str(), "<<" | "<<<") => match r.target.literal() {
            Some(text) => Inner::Text {
                at,
                text: text.to_owned(),
            },
            None => Inner::Refused(
                "code for a shell that holds expansions: quote the delimiter of the here-document",
            ),
        },
        Some(r) if r.operator == "<&" => {
            Inner::Refused("code for a shell through another descriptor")
        }
        _ if call.place == Place::Function => Inner::Refused(
            "a shell in a function, which reads its code from wherever that is called",
        ),
        _ => Inner::Unknown,
    }
}

/// The text that `trap` keeps for a signal.
pub(super) fn trapped(call: &Call) -> Inner {
    let at = 1 + usize::from(call.words.get(1).and_then(Word::literal) == Some("--"));
    match call.words.get(at).map(Word::literal) {
        None => Inner::None,
        Some(None) => Inner::Refused(DYNAMIC),
        Some(Some("" | "-" | "-l" | "-p" | "-P")) => Inner::None,
        Some(Some(text)) => Inner::Text {
            at,
            text: text.to_owned(),
        },
    }
}

/// Whether `env` is given text to split.
pub(super) fn splits(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1).map_while(Word::literal);
    while let Some(word) = words.next() {
        match word {
            "-u" | "-C" | "--unset" | "--chdir" => {
                words.next();
            }
            long if long.starts_with("--") => {
                if long.starts_with("--s") {
                    return true;
                }
            }
            short if short.starts_with('-') => {
                if short.contains('S') {
                    return true;
                }
            }
            assignment if assignment.contains('=') => {}
            _ => return false,
        }
    }
    false
}
