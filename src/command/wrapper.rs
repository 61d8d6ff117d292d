//! Sees through programs that run other programs: what is wrapped becomes a call of its own.
//!
//! A wrapper whose options are not understood exactly runs something unknown: it is marked so, and every
//! word that could be the wrapped command is put before the policy as well, so that what is forbidden
//! is seen. Must never make a line look like less than it is.

use super::call::{Call, Place, Sudo, Wraps};
use super::evaluated;
use super::name;
use super::word::{Segment, Word};
use super::{ReadError, read_at};

/// Deepest nesting of wrappers in wrappers.
pub const MAX_DEPTH: usize = 16;
/// Most calls of one line.
const MAX_CALLS: usize = 4096;
/// Most words of a wrapper that is not understood: each could begin its command.
const MAX_GUESSES: usize = 400;

/// How a wrapper's own words end.
struct Form {
    names: &'static [&'static str],
    /// Letters of options without a value.
    flags: &'static str,
    /// Letters of options with a value.
    values: &'static str,
    /// Long options without a value.
    long_flags: &'static [&'static str],
    /// Long options with a value, glued with `=` or the next word.
    long_values: &'static [&'static str],
    /// Operands in front of the command.
    operands: usize,
    /// `NAME=value` words in front of the command.
    assignments: bool,
    /// The words are joined and read by a shell.
    text: bool,
}

const PLAIN: Form = Form {
    names: &[],
    flags: "",
    values: "",
    long_flags: &[],
    long_values: &[],
    operands: 0,
    assignments: false,
    text: false,
};

const FORMS: [Form; 21] = [
    Form {
        names: &["sudo"],
        flags: "AbEHnPSkB",
        values: "CDgpRrTtUuh",
        long_flags: &[
            "askpass",
            "background",
            "preserve-env",
            "set-home",
            "non-interactive",
            "preserve-groups",
            "stdin",
            "reset-timestamp",
            "bell",
        ],
        long_values: &[
            "close-from",
            "chdir",
            "group",
            "prompt",
            "chroot",
            "role",
            "command-timeout",
            "type",
            "other-user",
            "user",
            "host",
        ],
        assignments: true,
        ..PLAIN
    },
    Form {
        names: &["doas"],
        flags: "nLs",
        values: "Cu",
        ..PLAIN
    },
    Form {
        names: &["pkexec"],
        long_flags: &["disable-internal-agent", "keep-cwd"],
        long_values: &["user"],
        ..PLAIN
    },
    Form {
        names: &["env"],
        flags: "i0v",
        values: "uC",
        long_flags: &[
            "ignore-environment",
            "null",
            "debug",
            "list-signal-handling",
        ],
        long_values: &["unset", "chdir"],
        assignments: true,
        ..PLAIN
    },
    Form {
        names: &["nohup", "builtin", "busybox", "toybox"],
        ..PLAIN
    },
    Form {
        names: &["command"],
        flags: "p",
        ..PLAIN
    },
    Form {
        names: &["exec"],
        flags: "cl",
        values: "a",
        ..PLAIN
    },
    Form {
        names: &["eval"],
        text: true,
        ..PLAIN
    },
    Form {
        names: &["setpriv"],
        long_flags: &[
            "clear-groups",
            "keep-groups",
            "init-groups",
            "no-new-privs",
            "reset-env",
        ],
        long_values: &["reuid", "regid", "ruid", "rgid", "euid", "egid", "groups"],
        ..PLAIN
    },
    Form {
        names: &["nice"],
        values: "n0123456789",
        long_values: &["adjustment"],
        ..PLAIN
    },
    Form {
        names: &["ionice"],
        flags: "t",
        values: "cn",
        long_flags: &["ignore"],
        long_values: &["class", "classdata"],
        ..PLAIN
    },
    Form {
        names: &["chrt"],
        flags: "abfiorRmvd",
        values: "TPD",
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["taskset"],
        flags: "ac",
        long_flags: &["all-tasks", "cpu-list"],
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["timeout"],
        flags: "fpv",
        values: "ks",
        long_flags: &["foreground", "preserve-status", "verbose"],
        long_values: &["kill-after", "signal"],
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["stdbuf"],
        values: "ioe",
        long_values: &["input", "output", "error"],
        ..PLAIN
    },
    Form {
        names: &["setsid"],
        flags: "cfw",
        long_flags: &["ctty", "fork", "wait"],
        ..PLAIN
    },
    Form {
        names: &["time"],
        flags: "apqv",
        values: "fo",
        long_flags: &["append", "portability", "quiet", "verbose"],
        long_values: &["format", "output"],
        ..PLAIN
    },
    Form {
        names: &["chroot"],
        long_flags: &["skip-chdir"],
        long_values: &["groups", "userspec"],
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["xargs"],
        flags: "0oprtx",
        values: "adEILnPs",
        long_flags: &[
            "null",
            "open-tty",
            "interactive",
            "no-run-if-empty",
            "verbose",
            "exit",
            // Their values are optional, and only glued.
            "max-lines",
            "replace",
            "eof",
        ],
        long_values: &[
            "arg-file",
            "delimiter",
            "max-args",
            "max-procs",
            "max-chars",
        ],
        ..PLAIN
    },
    Form {
        names: &["ssh"],
        // -o, -F, -E, -I, -S and the like run programs or write files: not understood.
        flags: "46CnqTtvx",
        values: "bcilmp",
        operands: 1,
        text: true,
        ..PLAIN
    },
    Form {
        names: &["watch"],
        flags: "bcdegtprwxC",
        values: "nq",
        long_flags: &[
            "beep",
            "color",
            "differences",
            "errexit",
            "chgexit",
            "no-title",
            "precise",
            "no-wrap",
        ],
        long_values: &["interval", "equexit"],
        text: true,
        ..PLAIN
    },
];

/// What makes a word more than a word, if a shell reads it.
const SEPARATORS: [char; 12] = [' ', '\t', '\n', ';', '|', '&', '<', '>', '(', ')', '$', '`'];

/// Programs whose words of several words are text for a shell.
const SHELL_TEXT: [&str; 20] = [
    "script", "flock", "su", "runuser", "sg", "zsh", "ksh", "mksh", "at", "batch", "tmux",
    "screen", "sh", "bash", "dash", "ash", "rbash", "ssh", "watch", "source",
];

/// Shells that read `-c TEXT` as we do.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "rbash"];

/// Programs that run what they are given, in ways that are not read here.
const OPAQUE: [&str; 92] = [
    "zsh",
    "ksh",
    "mksh",
    "fish",
    "csh",
    "tcsh",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "nodejs",
    "php",
    "lua",
    "tclsh",
    "expect",
    "gdb",
    "strace",
    "ltrace",
    "perf",
    "valgrind",
    "parallel",
    "su",
    "runuser",
    "systemd-run",
    "systemd-cat",
    "systemd-inhibit",
    "systemd-nspawn",
    "machinectl",
    "nsenter",
    "unshare",
    "flock",
    "script",
    "setarch",
    "linux32",
    "linux64",
    "prlimit",
    "choom",
    "logsave",
    "run-parts",
    "start-stop-daemon",
    "cpulimit",
    "firejail",
    "torify",
    "torsocks",
    "proxychains",
    "rlwrap",
    "dbus-run-session",
    "aa-exec",
    "capsh",
    "sg",
    "newgrp",
    "screen",
    "tmux",
    "make",
    "ansible",
    "salt",
    "at",
    "batch",
    "crontab",
    "exec",
    "trap",
    "source",
    ".",
    "coproc",
    "softlimit",
    "setlock",
    "chpst",
    "envdir",
    "setuidgid",
    "multitime",
    "fakeroot",
    "unbuffer",
    "daemonize",
    "entr",
    "inotifywait",
    "watchexec",
    "socat",
    "nc",
    "ncat",
    "netcat",
    "lxc",
    "virsh",
    "ksu",
    "runcon",
    "bwrap",
    "proot",
    "gosu",
    "tini",
    "dumb-init",
    "sshpass",
];

/// Whether a program runs code that it is given.
pub fn is_interpreter(base: &str) -> bool {
    SHELLS.contains(&base)
        || OPAQUE.contains(&base)
        || matches!(
            base,
            "busybox" | "toybox" | "eval" | "exec" | "command" | "builtin" | "setpriv"
        )
        || base.starts_with("python3.")
        || base.starts_with("ld-linux")
        || base.starts_with("ld-musl")
}

/// Replaces each wrapper by itself and what it runs.
///
/// # Errors
/// When the nesting is too deep or the calls are too many: the line is then refused.
pub fn see_through(calls: Vec<Call>, depth: usize) -> Result<Vec<Call>, ReadError> {
    let mut out: Vec<Call> = Vec::with_capacity(calls.len());
    let mut moved = Vec::with_capacity(calls.len());
    for mut call in calls {
        // What a substitution stands in comes before it, and may have become several calls.
        call.inside = call.inside.and_then(|i| moved.get(i).copied());
        moved.push(out.len());
        expand(call, depth, &mut out)?;
    }
    Ok(out)
}

fn refuse(call: &Call, reason: &str) -> ReadError {
    ReadError {
        span: call.span,
        reason: reason.to_owned(),
    }
}

fn expand(mut call: Call, depth: usize, out: &mut Vec<Call>) -> Result<(), ReadError> {
    if out.len() >= MAX_CALLS {
        return Err(refuse(&call, "the line runs too many commands"));
    }
    evaluated::check(&call)?;
    let base = call.name.base.clone();
    let found = if only_tells(&call) {
        Inner::None
    } else if base == "trap" {
        trapped(&call)
    } else if base == "env" && splits(&call) {
        Inner::Refused("`env -S` splits text by rules of its own: write the words out")
    } else if base == "find" {
        find_actions(&call)
    } else if SHELLS.contains(&base.as_str()) {
        shell_text(&call)
    } else if let Some(form) = FORMS.iter().find(|f| f.names.contains(&base.as_str())) {
        formed(&call, form)
    } else if is_interpreter(&base) || is_exec(&call) {
        Inner::Unknown
    } else {
        Inner::None
    };
    if depth >= MAX_DEPTH && !matches!(found, Inner::None) {
        return Err(refuse(
            &call,
            "commands are wrapped in one another too deeply",
        ));
    }
    let parent = out.len();
    match found {
        Inner::None | Inner::Nothing => {
            out.push(call);
            Ok(())
        }
        Inner::Refused(reason) => Err(refuse(&call, reason)),
        Inner::Argv(at) => {
            let mut words = call.words.split_off(at);
            if base == "xargs" {
                replace(&call.words, &mut words);
            }
            if words[0].literal().is_none() {
                return Err(refuse(
                    &call,
                    &format!(
                        "the command that `{base}` runs is known only when it runs: write its name"
                    ),
                ));
            }
            call.wraps = Wraps::Calls;
            let mut inner = wrapped(&call, words, parent);
            if base == "xargs" {
                inner.words.push(Word {
                    segments: vec![Segment::Expansion("…".into())],
                    span: call.span,
                });
            }
            out.push(call);
            expand(inner, depth + 1, out)
        }
        Inner::Each(lists) => {
            call.wraps = Wraps::Calls;
            let inner: Vec<Call> = lists
                .into_iter()
                .map(|words| wrapped(&call, words, parent))
                .collect();
            out.push(call);
            inner
                .into_iter()
                .try_for_each(|c| expand(c, depth + 1, out))
        }
        Inner::Text { at, text } => text_inside(call, at, &text, depth, out),
        Inner::Unknown => {
            call.wraps = Wraps::Unknown;
            guesses(call, depth, out)
        }
    }
}

/// Whether the one word behind a program asks only for its version, or for a list.
fn only_tells(call: &Call) -> bool {
    // `command -v NAME` says what a name is.
    if call.name.base == "command" {
        let first = call.words.get(1).and_then(Word::literal);
        return matches!(first, Some("-v" | "-V"))
            && call.words[2..].iter().all(|w| w.literal().is_some());
    }
    match call.words.get(1..).unwrap_or_default() {
        [word] => match word.literal() {
            Some("--version" | "--help") => call.name.base != "eval",
            Some("-V") => {
                call.name.base.starts_with("python")
                    || matches!(call.name.base.as_str(), "sudo" | "ssh" | "redis-cli")
            }
            Some("-v") => matches!(
                call.name.base.as_str(),
                "node" | "php" | "perl" | "ruby" | "npm"
            ),
            Some("-l") => call.name.base == "crontab",
            Some("-m" | "--ini") => call.name.base == "php",
            _ => false,
        },
        words => {
            let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
            match (call.name.base.as_str(), words.as_deref()) {
                ("crontab", Some(["-l", "-u", _] | ["-u", _, "-l"])) => true,
                ("nc" | "netcat", Some(words)) => only_knocks(words),
                _ => false,
            }
        }
    }
}

/// `nc -z`: sees whether a port is open and sends nothing. No word may be one of those that run a program.
fn only_knocks(words: &[&str]) -> bool {
    let mut knocks = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            "-w" => {
                rest.next();
            }
            option if option.starts_with('-') => {
                if option.len() < 2 || !option[1..].bytes().all(|b| b"zvnu46".contains(&b)) {
                    return false;
                }
                knocks |= option.contains('z');
            }
            _ => {}
        }
    }
    knocks
}

/// What a wrapper runs.
enum Inner {
    /// It is no wrapper.
    None,
    /// A wrapper with nothing to run (`env` alone).
    Nothing,
    /// The words from there on.
    Argv(usize),
    /// Several commands (`find -exec`).
    Each(Vec<Vec<Word>>),
    /// Text for a shell; the wrapper's own words end at `at`.
    Text { at: usize, text: String },
    /// Something that is not read.
    Unknown,
    /// Something that must not be run unread.
    Refused(&'static str),
}

/// A call for wrapped words.
fn wrapped(wrapper: &Call, words: Vec<Word>, parent: usize) -> Call {
    let own = match wrapper.name.base.as_str() {
        "sudo" if is_plain_sudo(wrapper) => Sudo::Plain,
        "sudo" | "doas" | "pkexec" | "su" | "runuser" => Sudo::Other,
        _ => Sudo::No,
    };
    let sudo = match (wrapper.sudo, own) {
        (Sudo::No, own) => own,
        (outer, Sudo::No) => outer,
        (Sudo::Plain, Sudo::Plain) => Sudo::Plain,
        _ => Sudo::Other,
    };
    Call {
        name: name::of(words.first().and_then(Word::literal)),
        words,
        assignments: Vec::new(),
        redirections: wrapper.redirections.clone(),
        pipe: wrapper.pipe,
        place: Place::Wrapped,
        parent: Some(parent),
        inside: wrapper.inside,
        sudo,
        wraps: Wraps::Nothing,
        span: wrapper.span,
    }
}

/// `sudo` with no option but `-n` and `-u root`.
pub fn is_plain_sudo(call: &Call) -> bool {
    let mut words = call
        .words
        .iter()
        .skip(1)
        .map(|w| w.literal().unwrap_or("$"));
    while let Some(word) = words.next() {
        match word {
            "-n" | "--non-interactive" | "--" => {}
            "-u" if words.next() == Some("root") => {}
            _ => return false,
        }
    }
    call.assignments.is_empty()
}

/// Reads a wrapper's own options exactly, or gives up.
fn formed(call: &Call, form: &Form) -> Inner {
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

/// `sh -c TEXT`, with options that do not change how the text is read.
fn shell_text(call: &Call) -> Inner {
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

const DYNAMIC_COMMAND: &str =
    "what a wrapper runs is known only when it runs: write its options and the command's name";
const DYNAMIC: &str =
    "code for a shell that is known only when it runs: write it out, in single quotes";

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
fn trapped(call: &Call) -> Inner {
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
fn splits(call: &Call) -> bool {
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

/// Marks what `xargs -I R` puts its input in for.
fn replace(own: &[Word], words: &mut [Word]) {
    let mut options = own.iter().filter_map(Word::literal);
    let mut mark = "{}".to_owned();
    while let Some(option) = options.next() {
        if let Some(glued) = option.strip_prefix("--replace=") {
            mark = glued.to_owned();
        } else if let Some((_, value)) = option
            .strip_prefix('-')
            .filter(|o| !o.starts_with('-'))
            .and_then(|o| o.split_once('I'))
        {
            mark = match value {
                "" => options.next().unwrap_or("{}").to_owned(),
                glued => glued.to_owned(),
            };
        }
    }
    for word in words {
        let Some((before, _)) = word.literal().and_then(|t| t.split_once(mark.as_str())) else {
            continue;
        };
        let mut segments = Vec::new();
        if !before.is_empty() {
            segments.push(Segment::Literal(before.to_owned()));
        }
        segments.push(Segment::Expansion(mark.clone()));
        word.segments = segments;
    }
}

/// Reads a shell's text; what cannot be read makes the wrapper one of something unknown.
fn text_inside(
    mut call: Call,
    at: usize,
    text: &str,
    depth: usize,
    out: &mut Vec<Call>,
) -> Result<(), ReadError> {
    let parent = out.len();
    let reading = read_at(text, depth + 1).map_err(|e| {
        refuse(
            &call,
            &format!(
                "the text inside `{}` cannot be read: {}",
                call.name.base, e.reason
            ),
        )
    })?;
    if reading.shell == super::Shell::Bash
        && !matches!(call.name.base.as_str(), "bash" | "rbash" | "eval" | "trap")
    {
        return Err(refuse(
            &call,
            &format!(
                "only bash reads the text inside `{}` so: use `bash -c`",
                call.name.base
            ),
        ));
    }
    call.wraps = if reading.is_strict() {
        Wraps::Calls
    } else {
        Wraps::Unknown
    };
    // The text stays among the wrapper's words for a shell (it is a word of it), and leaves them for ssh.
    if !SHELLS.contains(&call.name.base.as_str()) {
        call.words.truncate(at);
    }
    let outer = wrapped(&call, Vec::new(), parent);
    let call_inside = call.inside;
    out.push(call);
    let offset = out.len();
    let pipelines = 1 + out
        .iter()
        .map(|c| c.pipe.pipeline)
        .max()
        .unwrap_or_default();
    for mut inner in reading.calls {
        if out.len() >= MAX_CALLS {
            return Err(refuse(&inner, "the line runs too many commands"));
        }
        inner.parent = Some(inner.parent.map_or(parent, |p| p + offset));
        inner.inside = inner.inside.map(|i| i + offset).or(call_inside);
        inner.pipe.pipeline += pipelines;
        inner.place = Place::Wrapped;
        inner.span = outer.span;
        inner
            .redirections
            .extend(outer.redirections.iter().cloned());
        if inner.sudo == Sudo::No {
            inner.sudo = outer.sudo;
        }
        out.push(inner);
    }
    Ok(())
}

/// The commands of `-exec`, `-execdir`, `-ok`, `-okdir`.
fn find_actions(call: &Call) -> Inner {
    let mut lists = Vec::new();
    let mut words = call.words.iter().skip(1);
    while let Some(word) = words.next() {
        if matches!(
            word.literal(),
            Some("-exec" | "-execdir" | "-ok" | "-okdir")
        ) {
            let list: Vec<Word> = words
                .by_ref()
                .take_while(|w| !matches!(w.literal(), Some(";" | "+")))
                .map(|w| {
                    if w.literal().is_some_and(|t| t.contains("{}")) {
                        Word {
                            segments: vec![Segment::Expansion("{}".into())],
                            span: w.span,
                        }
                    } else {
                        w.clone()
                    }
                })
                .collect();
            if !list.is_empty() {
                lists.push(list);
            }
        }
    }
    if lists.is_empty() {
        Inner::None
    } else {
        Inner::Each(lists)
    }
}

/// `docker exec`, `kubectl exec`, `ip netns exec`, `git bisect run`, …
fn is_exec(call: &Call) -> bool {
    let has = |word: &str| call.words.iter().skip(1).any(|w| w.literal() == Some(word));
    match call.name.base.as_str() {
        "docker" | "podman" | "nerdctl" | "crictl" | "ctr" => has("exec") || has("run"),
        "kubectl" | "oc" | "k3s" => has("exec") || has("run") || has("debug"),
        "ip" => has("exec"),
        "git" => has("bisect") || has("foreach") || has("-c"),
        _ => false,
    }
}

/// What a text glued to an option could run: `-S'rm x'`, `-oProxyCommand='rm x'`.
fn glued(option: &str) -> impl Iterator<Item = &str> {
    let several = option.contains(SEPARATORS);
    let letters = option.char_indices().skip(2).take(3).map(|(at, _)| at);
    let values = option.match_indices('=').take(4).map(|(at, _)| at + 1);
    letters
        .chain(values)
        .filter(move |_| several)
        .map(|at| &option[at..])
}

/// A wrapper that is not understood: every word that could begin its command is put before the policy.
fn guesses(call: Call, depth: usize, out: &mut Vec<Call>) -> Result<(), ReadError> {
    if call.words.len() > MAX_GUESSES {
        return Err(refuse(
            &call,
            &format!(
                "`{}` runs something, and has more than {MAX_GUESSES} words",
                call.name.base
            ),
        ));
    }
    let parent = out.len();
    out.push(call.clone());
    for (at, word) in call.words.iter().enumerate().skip(1) {
        let Some(text) = word.literal().filter(|t| !t.is_empty()) else {
            continue;
        };
        if text.starts_with('-') {
            let mut tries = 0;
            let mut unread = 0;
            for value in glued(text) {
                tries += 1;
                unread += usize::from(!guessed(&call, parent, value, depth, out)?);
            }
            if tries > 0 && tries == unread && is_shell_text(&call) {
                return Err(refuse(
                    &call,
                    &format!("an option of `{}` cannot be read", call.name.base),
                ));
            }
        } else if text.contains(SEPARATORS) {
            // A word of several words may be a command line of its own.
            must(&call, guessed(&call, parent, text, depth, out)?)?;
            // `-o 'LocalCommand rm x'`: an option's name in front.
            if let Some((_, value)) = text
                .split_once([' ', '\t'])
                .filter(|_| call.name.base == "ssh")
            {
                guessed(&call, parent, value, depth, out)?;
            }
        } else {
            let guess = wrapped(&call, call.words[at..].to_vec(), parent);
            if SHELLS.contains(&guess.name.base.as_str()) {
                // What a shell is given there must be readable as anywhere else.
                expand(guess, depth + 1, out)?;
            } else {
                push(guess, out)?;
            }
        }
    }
    for redirection in &call.redirections {
        if let Some(text) = redirection
            .target
            .literal()
            .filter(|_| redirection.operator.starts_with("<<"))
        {
            must(&call, guessed(&call, parent, text, depth, out)?)?;
        }
    }
    Ok(())
}

/// What is text for a shell must be readable; what may be another language need not.
fn must(call: &Call, read: bool) -> Result<(), ReadError> {
    if read || !is_shell_text(call) {
        return Ok(());
    }
    Err(refuse(
        call,
        &format!("the text for `{}` cannot be read", call.name.base),
    ))
}

fn is_shell_text(call: &Call) -> bool {
    SHELL_TEXT.contains(&call.name.base.as_str())
}

/// Puts the commands of a text that could be run before the policy; whether it could be read.
fn guessed(
    call: &Call,
    parent: usize,
    text: &str,
    depth: usize,
    out: &mut Vec<Call>,
) -> Result<bool, ReadError> {
    let text = text.trim_start_matches(['|', '!', ' ']);
    let reading = match read_at(text, depth + 1) {
        Ok(reading) => reading,
        Err(e) if super::is_spent() => return Err(refuse(call, &e.reason)),
        Err(_) => return Ok(false),
    };
    let offset = out.len();
    for mut guess in reading.calls {
        guess.parent = Some(guess.parent.map_or(parent, |p| p + offset));
        guess.inside = guess.inside.map(|i| i + offset).or(call.inside);
        guess.place = Place::Wrapped;
        if guess.sudo == Sudo::No {
            guess.sudo = call.sudo;
        }
        push(guess, out)?;
    }
    Ok(true)
}

fn push(call: Call, out: &mut Vec<Call>) -> Result<(), ReadError> {
    if out.len() >= MAX_CALLS {
        return Err(refuse(&call, "the line runs too many commands"));
    }
    out.push(call);
    Ok(())
}
