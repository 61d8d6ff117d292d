//! Terminals that a program gives what it runs: text that comes to them is typed.
//!
//! A shell is interactive there, with a history and TAB (bash(1)), and a pager runs what stands behind a `!`, also one
//! that a program starts by itself (less(1), git(1), systemctl(1)). So no text of the line may come to one.

use super::ReadError;
use super::seen::refuse;
use super::shells::SHELLS;
use super::subcommands::names_compose;
use super::told::{abbreviates, has_letter};
use crate::command::call::{Call, Place, above};
use crate::command::word::Word;
use std::cell::LazyCell;

pub(super) const TYPED: &str = "text for a shell on a terminal, which reads it as if it was typed: leave the terminal out (`-i`, `-t`, `--pty`, `script`)";

const KEYS: &str = "input for a program on a terminal, which reads it as if it was typed (a pager runs what stands behind a `!`): leave the terminal out (`-tt`, `--pty`, `script`), or write `</dev/null`";

/// Whether a program gives what it runs a terminal: a shell is interactive there, with a history and TAB (bash(1)).
pub(super) fn has_terminal(call: &Call) -> bool {
    let option = |letter: char, long: &str| {
        call.words.iter().skip(1).any(|w| {
            let text = w.literal_prefix();
            has_letter(text, &[letter]) || abbreviates(text, long)
        })
    };
    match call.name.base.as_str() {
        "script" | "run0" | "unbuffer" | "machinectl" => true,
        // Compose gives a terminal where it is not told otherwise.
        "docker-compose" | "podman-compose" => !option('T', "--no-tty"),
        "docker" | "podman" | "nerdctl" if names_compose(call) => !option('T', "--no-tty"),
        "docker" | "podman" | "nerdctl" | "kubectl" | "oc" => option('t', "--tty"),
        "ssh" => option('t', "") || sets_terminal(call),
        "su" | "runuser" => option('P', "--pty"),
        "systemd-run" => option('t', "--pty") || option('S', "--shell"),
        "setsid" => option('c', "--ctty"),
        base => SHELLS.contains(&base) && option('i', ""),
    }
}

/// `ssh -o RequestTTY=…`
fn sets_terminal(call: &Call) -> bool {
    let mut words = call.words.iter().map(Word::literal_prefix);
    words.any(|text| text.to_ascii_lowercase().contains("requesttty"))
}

/// Refuses input for what a program runs on a terminal that it makes, whatever its own input is.
pub(in crate::command) fn check_typed(calls: &[Call]) -> Result<(), ReadError> {
    with_input(calls, makes_terminal)
        .next()
        .map_or(Ok(()), |at| Err(refuse(&calls[at], KEYS)))
}

/// Whether a program makes a terminal where it has none itself: `ssh -tt`, but not `ssh -t` (ssh(1)), nor `docker -t`.
fn makes_terminal(call: &Call) -> bool {
    match call.name.base.as_str() {
        "ssh" => {
            let words = call.words.iter().skip(1).map(Word::literal_prefix);
            let options = words.filter(|text| has_letter(text, &['t']));
            let letters: usize = options.map(|text| text.matches('t').count()).sum();
            letters > 1 || sets_terminal(call)
        }
        "script" | "run0" | "su" | "runuser" | "systemd-run" | "podman" | "nerdctl" => {
            has_terminal(call)
        }
        _ => false,
    }
}

/// The calls of a kind to whose input something of the line may come.
pub(super) fn with_input(calls: &[Call], kind: fn(&Call) -> bool) -> impl Iterator<Item = usize> {
    let anywhere = LazyCell::new(|| calls.iter().any(is_given));
    (0..calls.len()).filter(move |at| {
        let call = &calls[*at];
        kind(call) && (is_given(call) || is_in_words(calls, call) && *anywhere)
    })
}

/// Whether a pipe or a redirection brings something; what comes to a function is known only where that is called.
fn is_given(call: &Call) -> bool {
    let given = call.redirections.iter();
    call.pipe.index > 0
        || call.place == Place::Receiver
        || !call.scope.functions.is_empty()
        || given.filter(|r| !r.harmless).any(|r| r.is_of_input())
}

/// Whether a call stands in the words of another: it may have that one's input, and does where these are the words of a
/// `for` or a `case`, or of a redirection behind another (in bash).
fn is_in_words(calls: &[Call], call: &Call) -> bool {
    let outwards = above(calls, call).map(|(_, by)| by);
    let mut all = std::iter::once(call).chain(outwards);
    all.any(|c| c.place == Place::Substitution || c.inside.is_some())
}
