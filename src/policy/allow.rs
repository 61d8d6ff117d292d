//! Whether an auto rule speaks of a call: every word must be one that it names.
//!
//! Must never let a word pass that no list names.

use super::handed::{is_picked, pipeline};
use super::input::{is_asked, is_silent, stdin};
use super::language::Kind;
use super::rule::{Rule, Stdin, SudoUse};
use super::words::{question, read_by, words};
use super::{Context, awk_sets};
use crate::command::{Assignment, Call, Reading, Sudo, Word, Wraps};

/// Variables with values that change how output is written and nothing else, for whatever program.
const HARMLESS_VALUES: [(&str, &str); 9] = [
    ("PAGER", "cat"),
    ("SYSTEMD_PAGER", "cat"),
    ("SYSTEMD_PAGER", ""),
    ("GIT_PAGER", "cat"),
    ("SYSTEMD_COLORS", "0"),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("SYSTEMD_LESS", ""),
    ("DEBIAN_FRONTEND", "noninteractive"),
];

/// Environment variables that change how output is written and nothing else.
const HARMLESS_ENV: [&str; 4] = ["LC_ALL", "LANG", "LC_NUMERIC", "LC_TIME"];

/// Why an auto rule does not match, and how far it got.
pub(super) struct Miss {
    pub(super) far: u8,
    pub(super) why: String,
    /// Only the use of sudo stood against it.
    pub(super) root: bool,
}

pub(super) fn miss(far: u8, why: impl Into<String>) -> Miss {
    Miss {
        far,
        why: why.into(),
        root: false,
    }
}

/// Whether an auto rule speaks of a call: every word is one that the rule names.
pub(super) fn matches_auto(
    rule: &Rule,
    reading: &Reading,
    call: &Call,
    cx: &Context,
) -> Result<(), Miss> {
    if !is_named(rule, call) {
        return Err(miss(
            0,
            format!(
                "`{}` is not a program of the system's",
                crate::display::escape(&call.name.text)
            ),
        ));
    }
    // What `find -exec` runs is a call of its own.
    let finds = matches!(rule.reader, Some((Kind::Find, _))) && call.wraps == Wraps::Calls;
    if !finds && rule.wraps != (call.wraps == Wraps::Calls) {
        return Err(miss(
            1,
            if rule.wraps {
                "it wraps no command"
            } else {
                "it wraps a command"
            },
        ));
    }
    let given = match &rule.reader {
        Some((Kind::Test, _)) => question(rule, call)?,
        Some((kind, limits)) => read_by(*kind, limits, rule, call)?,
        None => words(rule, &awk_sets::told(rule, call))?,
    };
    stdin(rule, call, given)?;
    if rule.stdin == Stdin::Silent && !is_silent(reading, call) {
        return Err(miss(
            6,
            "what it reads goes to another program; let it read </dev/null or a bare `echo |`",
        ));
    }
    if rule.stdin == Stdin::Question && !is_asked(reading, call) {
        return Err(miss(
            6,
            "what it reads goes to another program; let it be one of the known questions, such as `echo 'show stat' |`",
        ));
    }
    if let Some(keys) = &rule.picked_by
        && !is_picked(reading, call, keys)
    {
        return Err(miss(
            6,
            "it shows more than may be shown; let `| grep -E '^(KEY|KEY)'` behind it pick keys that are listed",
        ));
    }
    if call.pipe.len > 3 && hoards(reading, call) {
        return Err(miss(
            6,
            "it is one of many in this pipeline that keep all they read, which may fill memory",
        ));
    }
    if call.pipe.len > 2 && grows_on(reading, call) {
        return Err(miss(
            6,
            "it is one of many in this pipeline that write more than they read, which may fill memory",
        ));
    }
    for assignment in &call.assignments {
        environment(rule, assignment).map_err(|why| miss(7, why))?;
    }
    if let Some(condition) = rule.when.unmet(cx) {
        return Err(miss(9, format!("it only speaks {condition}")));
    }
    if let Some(rate) = rule.when.rate
        && rate.is_used_up(&rule.id, cx)
    {
        return Err(miss(
            9,
            format!(
                "it ran {} times here lately, which is as often as it may without a human",
                rate.max
            ),
        ));
    }
    as_root(rule, reading, call)
}

/// Whether the rule names the program: by its name, if it lies in a folder of the system's, or by its whole path.
fn is_named(rule: &Rule, call: &Call) -> bool {
    let name = &call.name;
    rule.commands
        .iter()
        .any(|c| (name.trusted && *c == name.base) || (c.contains('/') && *c == name.text))
}

/// Filters that may write several times what they read, as often as their text says.
const GROWS: [&str; 6] = ["awk", "gawk", "mawk", "sed", "jq", "xargs"];
/// Filters that may write many times what they read: one blank becomes a line, a tab a thousand blanks.
const GROWS_MUCH: [&str; 10] = [
    "expand", "nl", "od", "hexdump", "xxd", "hd", "fold", "column", "paste", "base64",
];

/// Whether too many commands of a call's pipeline, the call among them, write more than they read.
fn grows_on(reading: &Reading, call: &Call) -> bool {
    let base = call.name.base.as_str();
    let of = |fits: &dyn Fn(&Call) -> bool| pipeline(reading, call).filter(|c| fits(c)).count();
    let grows = |c: &Call| GROWS.contains(&c.name.base.as_str()) || multiplies(c);
    let much = |c: &Call| GROWS_MUCH.contains(&c.name.base.as_str());
    grows(call) && of(&grows) > 4 || GROWS_MUCH.contains(&base) && of(&much) > 1
}

/// Filters that keep all they read before they write any of it.
const HOARDS: [&str; 5] = ["sort", "shuf", "tac", "tsort", "column"];

/// Whether too many commands of a call's pipeline, the call among them, keep all they read at the same time.
fn hoards(reading: &Reading, call: &Call) -> bool {
    let keeps = |c: &&Call| HOARDS.contains(&c.name.base.as_str());
    keeps(&call) && pipeline(reading, call).filter(keeps).count() > 4
}

/// Filters that write more only with some options: `grep -no .` a line with its number for each character, `cut`
/// a text in place of each delimiter.
fn multiplies(call: &Call) -> bool {
    let words = || call.words.iter().skip(1).filter_map(Word::literal);
    let letter = |letters: &[char], long: &[&str]| {
        words().any(|w| {
            long.contains(&w) || !w.starts_with("--") && w.starts_with('-') && w.contains(letters)
        })
    };
    match call.name.base.as_str() {
        "grep" | "egrep" | "fgrep" | "zgrep" | "zegrep" | "zfgrep" | "xzgrep" => {
            let front = [
                "--line-number",
                "--byte-offset",
                "--with-filename",
                "--initial-tab",
            ];
            letter(&['o'], &["--only-matching"]) && letter(&['n', 'b', 'H', 'T'], &front)
        }
        "cut" => words().any(|w| w.starts_with("--output-d")),
        _ => false,
    }
}

/// Whether the rule speaks of the user as whom the call runs.
fn as_root(rule: &Rule, reading: &Reading, call: &Call) -> Result<(), Miss> {
    match (call.sudo, rule.sudo) {
        (Sudo::No, _) | (Sudo::Plain, SudoUse::Allowed) => Ok(()),
        (Sudo::Plain, SudoUse::Refused) => Err(Miss {
            far: 8,
            why: "it is not allowed as root".into(),
            root: true,
        }),
        (Sudo::Other, _) if runs_as(rule, reading, call) => Ok(()),
        (Sudo::Other, _) => Err(miss(
            8,
            "it runs as another user, or through sudo with options",
        )),
    }
}

/// Whether a plain `sudo -u` directly in front of a call names a user as whom the rule lets it run.
fn runs_as(rule: &Rule, reading: &Reading, call: &Call) -> bool {
    let wrapper = call.parent.and_then(|at| reading.calls.get(at));
    wrapper
        .filter(|w| w.sudo == Sudo::No)
        .and_then(user_of)
        .is_some_and(|user| names_user(rule, user))
}

/// Whether a rule names a user; `*` is whoever has a plain name, and root where the rule allows that as well.
pub(super) fn names_user(rule: &Rule, user: &str) -> bool {
    let plain = || {
        user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && user
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
            && (user != "root" || rule.sudo == SudoUse::Allowed)
    };
    rule.run_as
        .iter()
        .any(|named| named == user || named == "*" && plain())
}

/// The user whom `sudo` names, where it says nothing else that matters: `-u USER`, with `-n` and `-H`.
pub(super) fn user_of(call: &Call) -> Option<&str> {
    if call.name.text != "sudo" || !call.assignments.is_empty() {
        return None;
    }
    let mut user = None;
    let mut words = call.words.iter().skip(1).map(Word::literal);
    while let Some(word) = words.next() {
        match word? {
            "-n" | "--non-interactive" | "-H" | "--set-home" | "--" => {}
            "-u" | "--user" if user.is_none() => user = Some(words.next()??),
            word if user.is_none() => {
                user = Some(word.strip_prefix("--user=").or(word.strip_prefix("-u"))?);
            }
            _ => return None,
        }
    }
    user
}

fn environment(rule: &Rule, assignment: &Assignment) -> Result<(), String> {
    let name = assignment.name.as_str();
    let value = assignment.value.literal().unwrap_or("$");
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.,@+-".contains(&b))
        || (name == "TZ"
            && value.split('/').all(|p| {
                !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }));
    let allowed =
        HARMLESS_ENV.contains(&name) || name == "TZ" || rule.env.iter().any(|e| e == name);
    let width = matches!(name, "COLUMNS" | "LINES")
        && (1..=4).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_digit());
    if allowed && plain || width || HARMLESS_VALUES.contains(&(name, value)) {
        Ok(())
    } else {
        Err(format!(
            "the variable `{}` is not allowed in front of it",
            crate::display::escape(name)
        ))
    }
}
