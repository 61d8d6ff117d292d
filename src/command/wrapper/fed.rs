//! Text that a shell is fed through its standard input, where its commands read as well.
//!
//! Of what one of them takes a part, the shell runs the rest, from the middle of a line or of a command; and what one
//! writes into a pipe by its name in /dev or /proc, the shell runs behind the last line. A text in which that could happen
//! must never pass as read. It cannot in `( … ); exit`: of that the shell has read all before it runs any, nothing in the
//! parentheses changes the shell around them, and that never looks for more.

use super::Inner;
use super::quiet::is_quiet;
use super::seen::Seen;
use super::shells::SHELLS;
use super::subcommands::names_compose;
use super::told::{abbreviates, has_letter};
use crate::command::call::{Call, Sudo, Wraps};
use crate::command::word::{Segment, Word};
use crate::command::{Reading, read_at};

pub(super) const SIPS: &str = "a command that could take a part of what a shell beside it is fed, which would run the rest: write `bash -c '…'`";

const SHARED: &str = "text that a shell is fed, of which a command could take a part, or to which it could add, and the shell would run what nobody read: put all of it in `( … ); exit`";

const TYPED: &str = "text for a shell on a terminal, which reads it as if it was typed: leave the terminal out (`-i`, `-t`, `--pty`, `script`, `watch`)";

const PASSWORD: &str =
    "a password is read from what the shell is fed: leave `-S` out, and `su` without `sudo`";

/// What is no longer than any program's buffer is read whole, if at all: musl's stdio, of which busybox is made on Alpine,
/// has the smallest.
const MAX_SHARED: usize = 1024;

/// Text that a call's shell reads from its standard input.
pub(super) fn fed(call: &Call, at: usize, text: &str, seen: &Seen) -> Inner {
    match unfit(call, text, seen) {
        Some(reason) => Inner::Refused(reason),
        None => Inner::Fed {
            at,
            text: text.to_owned(),
        },
    }
}

/// Why a text must not be the input of a call's shell. What cannot be read at all is refused, with the reason, where it is
/// read as code.
pub(super) fn unfit(call: &Call, text: &str, seen: &Seen) -> Option<&'static str> {
    if seen.is_within(call, has_terminal) {
        return Some(TYPED);
    }
    if seen.is_within(call, takes_password) {
        return Some(PASSWORD);
    }
    let reading = read_at(text, 1).ok()?;
    let alone = text.len() <= MAX_SHARED && waits(text) && reading.calls.iter().all(is_quiet);
    (!reading.is_closed && !alone).then_some(SHARED)
}

/// Whether a program gives what it runs a terminal: a shell is interactive there, with a history and TAB (bash(1)).
fn has_terminal(call: &Call) -> bool {
    let option = |letter: char, long: &str| {
        call.words.iter().skip(1).any(|w| {
            let text = w.literal_prefix();
            has_letter(text, &[letter]) || abbreviates(text, long)
        })
    };
    match call.name.base.as_str() {
        "script" | "run0" | "unbuffer" | "machinectl" | "watch" => true,
        // Compose gives a terminal where it is not told otherwise.
        "docker-compose" | "podman-compose" => !option('T', "--no-tty"),
        "docker" | "podman" | "nerdctl" if names_compose(call) => !option('T', "--no-tty"),
        "docker" | "podman" | "nerdctl" | "kubectl" | "oc" => option('t', "--tty"),
        "ssh" => {
            let asks = |w: &Word| {
                w.literal_prefix()
                    .to_ascii_lowercase()
                    .contains("requesttty")
            };
            option('t', "") || call.words.iter().any(asks)
        }
        "su" | "runuser" => option('P', "--pty"),
        "systemd-run" => option('t', "--pty") || option('S', "--shell"),
        "setsid" => option('c', "--ctty"),
        base => SHELLS.contains(&base) && option('i', ""),
    }
}

/// Whether a program may read a password in front of what the shell that it runs is fed (sudo(8), pam(3)).
fn takes_password(call: &Call) -> bool {
    let words = || call.words.iter().skip(1).map(Word::literal_prefix);
    match call.name.base.as_str() {
        "sudo" => words().any(|w| has_letter(w, &['S']) || abbreviates(w, "--stdin")),
        "su" => call.sudo == Sudo::No,
        _ => false,
    }
}

/// Whether commands in a call's own words could read its input.
pub(super) fn substitutes(call: &Call) -> bool {
    let values = call.assignments.iter().map(|a| &a.value);
    let targets = call.redirections.iter().map(|r| &r.target);
    let mut words = call.words.iter().chain(values).chain(targets);
    words.any(|w| {
        let inside = |s: &Segment| matches!(s, Segment::Expansion(text) if text.contains("( "));
        w.segments.iter().any(inside)
    })
}

/// Whether of the commands beside a shell that reads on, one may take a part of its text.
pub(super) fn others_read(reading: &Reading) -> bool {
    let option = |w: &Word| w.literal().is_some_and(|text| text.starts_with('-'));
    let reads_on = |c: &Call| {
        let base = c.name.base.as_str();
        c.wraps == Wraps::Unknown && SHELLS.contains(&base) && c.words.iter().skip(1).all(option)
    };
    !waits(&reading.source) || !reading.calls.iter().all(|c| is_quiet(c) || reads_on(c))
}

/// Whether nothing in a text runs at the same time as the shell: where that then stands in its input is chance.
fn waits(text: &str) -> bool {
    let joints = ["&&", ">&", "&>"];
    let rest = joints
        .iter()
        .fold(text.to_owned(), |text, joint| text.replace(joint, ""));
    !rest.contains('&') && !text.contains("<(") && !text.contains(">(")
}
