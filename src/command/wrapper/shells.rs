//! Text that a shell runs: `sh -c`, `su -c`, `script -c`, a here-document, `trap`; and where a shell's code comes from.
//!
//! Code that is known only when it runs must never pass as read.

use super::Inner;
use super::fed::fed;
use super::forms::{Form, PLAIN};
use super::options::{Miss, Value, is_operand, is_substituted_file, permuted};
use super::seen::Seen;
use crate::command::call::{Call, Place, Redirection};
use crate::command::evaluated::SET;
use crate::command::name;
use crate::command::word::{Segment, Word};

/// Shells that read `-c TEXT` as we do.
pub(in crate::command) const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "rbash"];

pub(super) const DYNAMIC: &str =
    "code for a shell that is known only when it runs: write it out, in single quotes";
pub(super) const OF_GROUP: &str =
    "code for a shell from a group's standard input: give the shell its own here-document";
pub(super) const IN_FUNCTION: &str = "a shell in a function, which reads its code from wherever that is called, or in what a signal runs";
pub(super) const DYNAMIC_COMMAND: &str = "what a wrapper runs is known only when it runs: write its options and the command's name, and put what is no more than an option's value in double quotes";

/// `sh -c TEXT`, with options that do not change how the text is read.
pub(super) fn shell_text(call: &Call, seen: &Seen) -> Inner {
    let mut at = 1;
    let (mut command, mut input) = (false, false);
    while let Some(word) = call.words.get(at) {
        let Some(text) = word.literal() else {
            if is_substituted_file(word) {
                break;
            }
            return Inner::Refused(DYNAMIC);
        };
        if text == "--" || !text.starts_with('-') {
            at += usize::from(text == "--");
            break;
        }
        // Of `--posix` a variable is left (POSIXLY_CORRECT), which changes how programs read their words.
        if matches!(text, "--norc" | "--noprofile" | "--login") {
            at += 1;
            continue;
        }
        // `-euo pipefail`
        let letters = text[1..].strip_suffix('o').unwrap_or(&text[1..]);
        if text.len() < 2 || !letters.bytes().all(|b| b"celuxhns".contains(&b)) {
            return Inner::Unknown;
        }
        if letters.len() + 1 < text.len() {
            let option = call.words.get(at + 1).and_then(Word::literal);
            if !option.is_some_and(|option| SET.contains(&option)) {
                return Inner::Unknown;
            }
            at += 1;
        }
        command |= text.contains('c');
        input |= text.contains('s');
        at += 1;
    }
    if command && input {
        return Inner::Refused("a shell with `-c` and `-s`: dash runs the text and then its input");
    }
    match call.words.get(at).map(Word::literal) {
        // Further words are $0, $1, …: a text that uses them is not literal, and so is not read as such.
        Some(Some(text)) if command => Inner::text(at, text),
        _ if command => Inner::Refused(DYNAMIC),
        _ if input => standard_input(call, at, seen),
        // A file of code.
        Some(Some(_)) => Inner::Unknown,
        Some(None) if is_substituted_file(&call.words[at]) => Inner::Unknown,
        Some(None) => Inner::Refused(DYNAMIC),
        None => standard_input(call, at, seen),
    }
}

/// Where standard input comes from.
pub(super) enum Input {
    /// Text that stands in the line.
    Text(String),
    /// Something that must not be code, and why.
    Refused(&'static str),
    /// A file, or a pipe from a program.
    Elsewhere,
    /// Whatever the line itself has.
    Inherited,
}

/// Whether a call stands in something that may run it again.
fn repeats(call: &Call) -> bool {
    !matches!(call.place, Place::Top | Place::Wrapped)
}

/// What a call's standard input is.
pub(super) fn input(call: &Call, seen: &Seen) -> Input {
    let reads = |r: &&Redirection| r.is_of_input();
    let mut own = call.redirections.iter().take(call.own);
    match own.rfind(reads) {
        Some(r) if r.operator.starts_with("<<") => match r.target.literal() {
            Some(text) => Input::Text(text.to_owned()),
            None => Input::Refused(
                "code for a shell that holds expansions: quote the delimiter of the here-document",
            ),
        },
        Some(r) if r.operator != "<" => {
            Input::Refused("code for a shell through another descriptor")
        }
        Some(_) => Input::Elsewhere,
        // Others in the group may have read a part of it.
        None if call
            .redirections
            .iter()
            .filter(reads)
            .any(|r| r.operator.starts_with("<<")) =>
        {
            Input::Refused(OF_GROUP)
        }
        None if call.redirections.iter().any(|r| reads(&r)) => Input::Elsewhere,
        // In a loop, the next turn reads on there.
        None if call.pipe.index > 0 && seen.is_within(call, repeats) => Input::Elsewhere,
        None if call.pipe.index > 0 => match seen.piped(call) {
            Some(text) => Input::Text(text.to_owned()),
            None => Input::Elsewhere,
        },
        None if seen.in_function(call) => Input::Refused(IN_FUNCTION),
        None => Input::Inherited,
    }
}

/// A shell without a text or a file reads its code from standard input.
pub(super) fn standard_input(call: &Call, at: usize, seen: &Seen) -> Inner {
    match input(call, seen) {
        Input::Text(text) => fed(call, at, &text, seen),
        Input::Refused(reason) => Inner::Refused(reason),
        Input::Elsewhere | Input::Inherited => Inner::Unread,
    }
}

/// The text that `trap` keeps for a signal.
pub(super) fn trapped(call: &Call) -> Inner {
    let ended = call.words.get(1).and_then(Word::literal) == Some("--");
    let at = 1 + usize::from(ended);
    match call.words.get(at).map(Word::literal) {
        None => Inner::None,
        Some(None) => Inner::Refused(DYNAMIC),
        Some(Some("" | "-")) => Inner::None,
        Some(Some("-l" | "-p" | "-P")) if !ended => Inner::None,
        Some(Some(text)) => Inner::text(at, text),
    }
}

/// Whether `env` is given text to split.
pub(super) fn splits(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1).map(Word::literal_prefix);
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

/// Options of su(1) and runuser(1), which take them anywhere.
const SU: Form = Form {
    flags: "flmpP",
    values: "cgGswu",
    long_flags: &["preserve-environment", "login", "fast", "pty"],
    long_values: &[
        "user",
        "whitelist-environment",
        "group",
        "supp-group",
        "command",
        "session-command",
        "shell",
    ],
    ..PLAIN
};

/// `su [-] [USER] -c TEXT`, `runuser -u USER -- COMMAND`.
pub(super) fn other_user(call: &Call) -> Inner {
    let taken = match permuted(call, 1, &SU) {
        Ok(taken) => taken,
        Err(Miss::Unknown) if !call.words.iter().any(|w| w.literal().is_none()) => {
            return Inner::Unknown;
        }
        Err(_) => return Inner::Refused(DYNAMIC_COMMAND),
    };
    let operands: Vec<usize> = taken
        .operands
        .iter()
        .copied()
        .chain(taken.at..call.words.len())
        .collect();
    if taken.has(&["u", "user"]) {
        // It sorts options out of the command's words, unless `--` or nothing like one stands there.
        let Some(first) = operands.first().copied() else {
            return Inner::Nothing;
        };
        let exact = taken.ended == Some(first) || call.words[first..].iter().all(is_operand);
        return match taken.has(&[
            "c",
            "command",
            "session-command",
            "s",
            "shell",
            "f",
            "fast",
            "l",
            "login",
        ]) {
            false if exact => Inner::Argv(first),
            _ => Inner::Unknown,
        };
    }
    let shell = taken.values(&["s", "shell"]).all(|v| match v {
        // It is run by its path, also one without a slash.
        Value::Text(path) => {
            let name = name::of(Some(path));
            path.starts_with('/') && name.trusted && SHELLS.contains(&name.base.as_str())
        }
        _ => false,
    });
    if !shell {
        return Inner::Unknown;
    }
    let login = operands.first().and_then(|at| call.words[*at].literal()) == Some("-");
    // Of the user's word, the shell may make several, or a `-`, also behind `--`.
    let user = operands.get(usize::from(login));
    if user.is_some_and(|at| !is_operand(&call.words[*at])) {
        return Inner::Refused(DYNAMIC_COMMAND);
    }
    let rest = operands.get(usize::from(login) + 1..).unwrap_or_default();
    // The last text is the one that counts.
    match taken.values(&["c", "command", "session-command"]).last() {
        Some(Value::Text(text)) => Inner::text(call.words.len(), text),
        Some(_) => Inner::Refused(DYNAMIC),
        None if rest.is_empty() => Inner::shell(),
        // What is left are the shell's own words.
        None => {
            let shell = Word {
                segments: vec![Segment::Literal("sh".into())],
                span: call.span,
            };
            let words = rest.iter().map(|at| call.words[*at].clone());
            Inner::Each(vec![std::iter::once(shell).chain(words).collect()])
        }
    }
}

/// Options of script(1), which takes them anywhere.
const SCRIPT: Form = Form {
    flags: "aefq",
    values: "BcEIOomT",
    optional: "t",
    long_flags: &["append", "return", "flush", "force", "quiet"],
    long_values: &[
        "log-in",
        "log-out",
        "log-io",
        "log-timing",
        "logging-format",
        "command",
        "echo",
        "output-limit",
    ],
    long_optional: &["timing"],
    ..PLAIN
};

/// `script -c TEXT [FILE]`; without a text it is a shell.
pub(super) fn script(call: &Call) -> Inner {
    let taken = match permuted(call, 1, &SCRIPT) {
        Ok(taken) => taken,
        Err(Miss::Dynamic) => return Inner::Refused(DYNAMIC),
        Err(_) => return Inner::Unknown,
    };
    // Later releases take a command behind `--`.
    if taken.operands.len() > 1 || taken.at < call.words.len() {
        return Inner::Unknown;
    }
    match taken.values(&["c", "command"]).last() {
        Some(Value::Text(text)) => Inner::text(call.words.len(), text),
        Some(_) => Inner::Refused(DYNAMIC),
        None => Inner::shell(),
    }
}
