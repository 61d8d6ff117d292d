//! Commands that read nothing of what the shell around them is fed, or all of it, and can add nothing to it.
//!
//! One that could take a part, or write into a file of whatever name, must never be known here: what is left, or added, the
//! shell runs. The lists are short, for where a text is written as `( … ); exit` none of this matters.

use super::shells::SHELLS;
use crate::command::call::{Call, Redirection, Wraps};
use crate::command::word::Word;

/// Whatever their words are, they read nothing but names, or whole files, and write nothing but their output; sorted.
const QUIET: [&str; 60] = [
    ":", "[", "[[", "basename", "break", "cat", "cd", "chgrp", "chmod", "chown", "command",
    "continue", "cut", "date", "df", "dirname", "du", "echo", "env", "exec", "exit", "export",
    "false", "free", "groups", "id", "kill", "local", "ls", "lsblk", "mkdir", "nproc", "printf",
    "ps", "pwd", "readlink", "readonly", "realpath", "return", "rmdir", "set", "shift", "sleep",
    "stat", "sync", "tail", "test", "touch", "tr", "trap", "true", "type", "umask", "uname",
    "unset", "uptime", "wait", "wc", "which", "whoami",
];

/// Wrappers that read nothing, and wait for what they run, which is a call of its own; sorted.
const WRAPPERS: [&str; 10] = [
    "builtin", "command", "env", "eval", "exec", "ionice", "nice", "nohup", "timeout", "trap",
];

/// Whether a command leaves alone what the shell around it is fed, or reads all of it. What it runs is a call of its own.
pub(super) fn is_quiet(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let known = match call.wraps {
        _ if call.words.is_empty() || call.is_function => true,
        _ if !call.name.trusted => false,
        Wraps::Nothing => QUIET.binary_search(&base).is_ok() || is_quiet_so(call),
        Wraps::Calls | Wraps::Text => {
            WRAPPERS.binary_search(&base).is_ok()
                || SHELLS.contains(&base)
                || matches!(base, "find" | "sudo") && is_quiet_so(call)
        }
        Wraps::Unknown => false,
    };
    known && call.redirections.iter().all(is_apart)
}

/// Whether a command is quiet with these words, all of which stand in the line.
fn is_quiet_so(call: &Call) -> bool {
    let words: Option<Vec<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    let Some(words) = words else {
        return false;
    };
    let any = |starts: &[&str]| {
        words
            .iter()
            .any(|w| starts.iter().any(|s| w.starts_with(s)))
    };
    let letter = |letters: &[char]| {
        let mut options = words.iter().filter(|w| w.starts_with('-'));
        options.any(|w| w.contains(letters))
    };
    let piped = call.pipe.index > 0;
    match call.name.base.as_str() {
        // It stops at the first line out of order.
        "sort" => !letter(&['c', 'C', 'o']),
        // They write to a file.
        "uniq" => words.iter().all(|w| w.starts_with('-')),
        "ss" => !letter(&['D', 'F']) && !any(&["--d", "--f"]),
        "journalctl" => !any(&["--c"]),
        "find" => !any(&["-ok", "-f"]),
        // They ask, or edit, or reach another machine.
        "rm" => !letter(&['i', 'I']),
        "systemctl" => !letter(&['H']) && !any(&["edit", "--h", "--st"]),
        "hostname" => words.is_empty(),
        // `route restore`.
        "ip" => !any(&["re"]),
        // Without `-n` it may ask, or run what asks (SUDO_ASKPASS).
        "sudo" => any(&["-n"]) && !letter(&['A', 'S', 'b']),
        "head" => reads_apart(&words, &["-n"], 0, piped),
        "grep" | "egrep" | "fgrep" => reads_apart(&words, &["-A", "-B", "-C"], 1, piped),
        _ => false,
    }
}

/// Whether a command that may stop anywhere reads a pipe, or plain files behind so many operands. `counts` are options
/// with a number for the next word.
fn reads_apart(words: &[&str], counts: &[&str], operands: usize, piped: bool) -> bool {
    const FLAGS: &str = "EFGPivwxclLnqohHsaz0123456789";
    let mut files = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let known = match word.strip_prefix('-') {
            _ if counts.contains(word) => {
                let number = |n: &&str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
                rest.next().is_some_and(number)
            }
            None => {
                files.push(*word);
                true
            }
            Some(flags) => !flags.is_empty() && flags.chars().all(|c| FLAGS.contains(c)),
        };
        if !known {
            return false;
        }
    }
    let files = files.get(operands..).unwrap_or_default();
    (piped || !files.is_empty()) && files.iter().all(|path| is_plain_path(path))
}

/// Whether a redirection leaves the shell's input alone: it is of another text, of a plain file, or of nothing.
fn is_apart(redirection: &Redirection) -> bool {
    let of_input = matches!(redirection.descriptor.as_deref(), None | Some("0"));
    let text = redirection.operator.starts_with("<<");
    let file =
        redirection.operator == "<" && redirection.target.literal().is_some_and(is_plain_path);
    redirection.harmless || of_input && (text || file)
}

/// Whether a path is of a file that is no link to the shell's input: a device, and what /proc shows, may be that input
/// itself, and elsewhere somebody may have laid a link.
fn is_plain_path(path: &str) -> bool {
    let within = |folder: &&str| path.starts_with(*folder);
    // What the kernel tells of the machine, and not of a process.
    let told = path.strip_prefix("/proc/").is_some_and(|name| {
        !name.contains("self") && name.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let log = path
        .strip_prefix("/var/log/")
        .is_some_and(|name| !name.contains('/'));
    told || log
        || ["/etc/", "/usr/"].iter().any(within)
            && !["//", "/."].iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lists_are_sorted() {
        assert!(super::QUIET.is_sorted());
        assert!(super::WRAPPERS.is_sorted());
    }
}
