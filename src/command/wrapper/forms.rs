//! The table of wrappers that are read exactly: their own options, and where the command behind them begins.
//!
//! Each entry is what the program gives its own `getopt` (its manual page, its `--help`, its option string). It
//! must never name an option whose number of words is not certain: a wrapper with such a one is not read.

use super::identity::IDENTITY;
use super::manner::MANNER;

/// How a wrapper's own words end.
pub(super) struct Form {
    pub(super) names: &'static [&'static str],
    /// Letters of options without a value.
    pub(super) flags: &'static str,
    /// Letters of options with a value: glued, or the next word.
    pub(super) values: &'static str,
    /// Letters of options whose value may be left out, and is only ever glued.
    pub(super) optional: &'static str,
    /// Long options without a value.
    pub(super) long_flags: &'static [&'static str],
    /// Long options with a value, glued with `=` or the next word.
    pub(super) long_values: &'static [&'static str],
    /// Long options whose value may be left out, and is only ever glued with `=`.
    pub(super) long_optional: &'static [&'static str],
    /// Letters and long names with which the program runs nothing: it works on a process, or only tells.
    pub(super) quits: &'static [&'static str],
    /// Letters and long names whose value `NAME=value` is a variable of the command's environment.
    pub(super) sets: &'static [&'static str],
    /// Somewhere it compares whole words: neither `--` nor `--name=value` is an option of its own there.
    pub(super) whole: bool,
    /// It takes options behind the command's name as well, unless `--` stands before.
    pub(super) permutes: bool,
    /// An operand may stand in front of the options.
    pub(super) leading: bool,
    /// Operands in front of the command.
    pub(super) operands: usize,
    /// `NAME=value` words in front of the command.
    pub(super) assignments: Assignments,
    /// The words behind are joined and read by a shell.
    pub(super) text: bool,
    /// Without a command it is a shell, which reads its code from standard input.
    pub(super) shell: bool,
}

/// Where `NAME=value` words may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Assignments {
    /// Nowhere.
    No,
    /// Behind all options (env).
    Behind,
    /// Between options, but not behind `--` (sudo).
    Between,
}

pub(super) const PLAIN: Form = Form {
    names: &[],
    flags: "",
    values: "",
    optional: "",
    long_flags: &[],
    long_values: &[],
    long_optional: &[],
    quits: &[],
    sets: &[],
    whole: false,
    permutes: false,
    leading: false,
    operands: 0,
    assignments: Assignments::No,
    text: false,
    shell: false,
};

/// Builtins of the shell, and programs whose every word is the command's.
const WORDS: [Form; 6] = [
    // busybox' has no options at all.
    Form {
        names: &["nohup"],
        whole: true,
        ..PLAIN
    },
    Form {
        names: &["builtin", "busybox", "toybox", "chronic"],
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
        names: &["xargs"],
        flags: "0oprtx",
        values: "adEILnPs",
        optional: "eil",
        long_flags: &[
            "null",
            "open-tty",
            "interactive",
            "no-run-if-empty",
            "verbose",
            "exit",
        ],
        long_values: &[
            "arg-file",
            "delimiter",
            "max-args",
            "max-procs",
            "max-chars",
        ],
        long_optional: &["max-lines", "replace", "eof"],
        ..PLAIN
    },
];

/// The form of a program, if it has one.
pub(super) fn form(base: &str) -> Option<&'static Form> {
    [&MANNER[..], &IDENTITY[..], &WORDS[..]]
        .into_iter()
        .flatten()
        .find(|f| f.names.contains(&base))
}
