//! Wrappers with a form in the table, and what single ones of them do beside it.

use super::Inner;
use super::forms::Form;
use super::options::{Miss, Taken, Value, is_operand, take};
use super::seen::Seen;
use super::shells::{DYNAMIC, DYNAMIC_COMMAND, standard_input};
use crate::command::call::Call;
use crate::command::evaluated;
use crate::command::word::{Segment, Word};

/// Properties of a transient unit that run nothing and leave what runs as it is (systemd.exec(5),
/// systemd.resource-control(5)).
const PROPERTIES: [&str; 32] = [
    "User",
    "Group",
    "Nice",
    "Description",
    "Slice",
    "Type",
    "WorkingDirectory",
    "RemainAfterExit",
    "Restart",
    "RestartSec",
    "RuntimeMaxSec",
    "TimeoutSec",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "KillMode",
    "KillSignal",
    "MemoryMax",
    "MemoryHigh",
    "MemoryLow",
    "MemorySwapMax",
    "CPUQuota",
    "CPUWeight",
    "IOWeight",
    "TasksMax",
    "LimitNOFILE",
    "LimitNPROC",
    "LimitCORE",
    "OOMScoreAdjust",
    "IOSchedulingClass",
    "CPUSchedulingPolicy",
    "SyslogIdentifier",
    "NoNewPrivileges",
];

/// Reads a wrapper's own words by its form, or gives up.
pub(super) fn formed(call: &Call, form: &Form, seen: &Seen) -> Inner {
    let taken = match take(call, 1, form) {
        Ok(taken) => taken,
        Err(Miss::Unknown) => return Inner::Unknown,
        Err(Miss::Quits) => return Inner::Nothing,
        Err(Miss::Dynamic) if form.text => return Inner::Refused(DYNAMIC),
        Err(Miss::Dynamic) => return Inner::Refused(DYNAMIC_COMMAND),
    };
    if let Some(reason) = sets_code(form, &taken) {
        return Inner::Refused(reason);
    }
    if form.permutes && taken.ended.is_none() && !call.words[taken.at..].iter().all(is_operand) {
        return Inner::Unknown;
    }
    if let Some(inner) = own_ways(call, &taken) {
        return inner;
    }
    // A file, and a variable in front of nothing, are no command: only a program without operands is one.
    if taken.at >= call.words.len() {
        return match form.shell {
            // Elsewhere: what it is given there is judged as what it is.
            true if call.name.base == "ssh" => standard_input(call, call.words.len(), seen),
            true => Inner::shell(),
            false => Inner::Nothing,
        };
    }
    if form.text {
        joined(call, taken.at)
    } else {
        Inner::Argv(taken.at)
    }
}

/// Why the variables that its options set must not be set.
pub(super) fn sets_code(form: &Form, taken: &Taken<'_>) -> Option<&'static str> {
    for value in taken.values(form.sets) {
        let (text, whole) = match value {
            Value::Text(text) => (text, true),
            Value::Dynamic(prefix) => (prefix, false),
            Value::None => continue,
        };
        // Programs in Go take a `=` off behind a letter as well: `-e=NAME=value`.
        let text = text.strip_prefix('=').unwrap_or(text);
        let name = text.split('=').next().unwrap_or_default();
        if evaluated::is_code(name) && text.contains('=') {
            return Some("a variable whose value a shell runs as code");
        }
        if !whole && !text.contains('=') {
            return Some("a variable whose name is known only when it runs: write it out");
        }
    }
    None
}

/// Settings of ssh that run nothing, write nothing and lead to no other host (ssh_config(5)).
const SETTINGS: [&str; 8] = [
    "BatchMode",
    "ConnectTimeout",
    "ConnectionAttempts",
    "ServerAliveInterval",
    "ServerAliveCountMax",
    "StrictHostKeyChecking",
    "LogLevel",
    "RequestTTY",
];

/// `ConnectTimeout=5`.
pub(super) fn is_plain_setting(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        SETTINGS.contains(&name)
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Whether an expression of `strace -e` changes nothing (strace(1)).
fn only_watches(expression: &str) -> bool {
    const WATCHES: [&str; 12] = [
        "trace",
        "t",
        "signal",
        "signals",
        "s",
        "status",
        "quiet",
        "q",
        "abbrev",
        "verbose",
        "raw",
        "decode-fds",
    ];
    match expression.split_once('=') {
        None => true,
        Some((name, _)) => WATCHES.contains(&name),
    }
}

/// What a table cannot say.
fn own_ways(call: &Call, taken: &Taken<'_>) -> Option<Inner> {
    let words = &call.words;
    let word = |at: usize| words.get(at).and_then(Word::literal);
    match call.name.base.as_str() {
        // Its output may be a command, and it may change what the program reads and runs.
        "strace" => {
            let runs = taken.values(&["o", "output"]).any(|v| match v {
                Value::Text(text) => text.starts_with(['|', '!']),
                Value::Dynamic(prefix) => prefix.is_empty() || prefix.starts_with(['|', '!']),
                Value::None => false,
            });
            let changes = taken
                .values(&["e"])
                .any(|v| !matches!(v, Value::Text(text) if only_watches(text)));
            (runs || changes).then_some(Inner::Unknown)
        }
        // busybox' takes one number, and anything behind it for the program.
        "nice" => {
            let own = words.get(1..taken.at).unwrap_or_default();
            let plain = match own {
                [] => true,
                [one] => one.literal() != Some("--"),
                [option, _] => matches!(option.literal(), Some("-n" | "--adjustment")),
                _ => false,
            };
            (!plain).then_some(Inner::Unknown)
        }
        // What is glued to it are other options, to busybox'.
        "watch" if taken.values(&["d"]).any(|v| v != Value::None) => Some(Inner::Unknown),
        "watch" if taken.has(&["x", "exec"]) && taken.at < words.len() => {
            Some(Inner::Argv(taken.at))
        }
        // With the process 0, which is none, they run what stands in front of it.
        "taskset" | "chrt" if taken.has(&["p", "pid"]) => {
            match words.get(taken.at..).unwrap_or_default() {
                [] => Some(Inner::Nothing),
                [pid] if pid.literal().is_some_and(is_process) => Some(Inner::Nothing),
                _ => None,
            }
        }
        // busybox, and old releases for the process 0, run what stands behind.
        "ionice" if taken.has(&["p", "P", "u", "pid", "pgid", "uid"]) => {
            let behind = words.get(taken.at..).unwrap_or_default();
            let all = behind.iter().all(|w| w.literal().is_some_and(is_process))
                && taken
                    .values(&["p", "pid"])
                    .all(|v| behind.is_empty() || matches!(v, Value::Text(t) if is_process(t)));
            Some(if all { Inner::Nothing } else { Inner::Unknown })
        }
        // Some releases need no priority for some classes.
        "chrt" => {
            let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            (!word(taken.at.saturating_sub(1)).is_some_and(number)).then_some(Inner::Unknown)
        }
        "flock" => match word(taken.at) {
            Some("-c" | "--command") => Some(match words.get(taken.at + 1..) {
                Some([text]) => match text.literal() {
                    Some(text) => Inner::text(taken.at, text),
                    None => Inner::Refused(DYNAMIC),
                },
                _ => Inner::Unknown,
            }),
            _ => None,
        },
        // `ssh HOST -- COMMAND`
        "ssh"
            if !taken
                .values(&["o"])
                .all(|v| matches!(v, Value::Text(text) if is_plain_setting(text))) =>
        {
            Some(Inner::Unknown)
        }
        // Only one `--` ends its options, wherever it stands.
        "ssh"
            if word(taken.at) == Some("--")
                && words[1..taken.at].iter().any(|w| w.may_be("--")) =>
        {
            Some(Inner::Unknown)
        }
        "ssh" if word(taken.at) == Some("--") && taken.at + 1 < words.len() => {
            Some(joined(call, taken.at + 1))
        }
        "systemd-run" => unit(call, taken),
        _ => None,
    }
}

/// Whether a text is the number of a process: neither 0 in another way, nor what becomes 0 in 32 bits.
fn is_process(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    plain && text.parse::<i32>().is_ok_and(|number| number > 0)
}

/// What keeps a transient unit from being just the command.
fn unit(call: &Call, taken: &Taken<'_>) -> Option<Inner> {
    // systemd keeps what it is told in a file, a line for each.
    let several = |(_, value): &(&str, Value<'_>)| match value {
        Value::Text(text) => text.contains('\n'),
        _ => false,
    };
    // To systemd a word `$NAME` is as many words as the variable holds (systemd.service(5), COMMAND LINES).
    let hidden = |w: &Word| w.literal().is_none() && w.literal_prefix().is_empty();
    let command = call.words.get(taken.at..).unwrap_or_default();
    if command.iter().any(hidden) {
        return Some(Inner::Refused(
            "a word behind `systemd-run` that is known only when it runs, and could be a variable to systemd",
        ));
    }
    if taken.options.iter().any(several) {
        return Some(Inner::Refused(
            "a line feed in what `systemd-run` writes into a unit",
        ));
    }
    // It could hold a line feed.
    let mut told = taken.values(&[
        "p",
        "property",
        "timer-property",
        "description",
        "working-directory",
        "on-calendar",
        "slice",
    ]);
    if told.any(|value| matches!(value, Value::Dynamic(_))) {
        return Some(Inner::Unknown);
    }
    for value in taken.values(&["p", "property", "timer-property"]) {
        let Value::Text(text) = value else {
            continue;
        };
        let name = text.split('=').next().unwrap_or_default();
        if name.starts_with("Exec") {
            return Some(Inner::Refused(
                "a property of `systemd-run` that runs a program: run that by itself",
            ));
        }
        let variables = text.split(['=', ' ', '"', '\'']);
        if name == "Environment" && variables.skip(1).any(evaluated::is_code) {
            return Some(Inner::Refused(
                "a variable whose value a shell runs as code",
            ));
        }
        if !PROPERTIES.contains(&name) {
            return Some(Inner::Unknown);
        }
    }
    // systemd puts values of its own environment there, before any shell sees the word (systemd.service(5)).
    let plain = |s: &Segment| !matches!(s, Segment::Literal(text) | Segment::Glob(text) if text.contains('$'));
    let replaced = command.iter().any(|w| !w.segments.iter().all(plain));
    replaced.then_some(Inner::Refused(
        "a `$` that systemd would replace: it is not the shell's",
    ))
}

/// The words from there on, joined with spaces as ssh and watch do it.
fn joined(call: &Call, at: usize) -> Inner {
    let parts: Option<Vec<&str>> = call.words[at..].iter().map(Word::literal).collect();
    parts.map_or(Inner::Refused(DYNAMIC), |parts| {
        Inner::text(at, &parts.join(" "))
    })
}
