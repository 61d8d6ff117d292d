//! The table of wrappers that are read exactly: their own options, and where the command behind them begins.
//!
//! Each entry is what the program's own `getopt` is given (its manual page, and its `--help`). A table must
//! never name an option whose number of words is not certain: a wrapper with such a one is not read.

/// How a wrapper's own words end.
pub(super) struct Form {
    pub(super) names: &'static [&'static str],
    /// Letters of options without a value.
    pub(super) flags: &'static str,
    /// Letters of options with a value.
    pub(super) values: &'static str,
    /// Long options without a value.
    pub(super) long_flags: &'static [&'static str],
    /// Long options with a value, glued with `=` or the next word.
    pub(super) long_values: &'static [&'static str],
    /// Operands in front of the command.
    pub(super) operands: usize,
    /// `NAME=value` words in front of the command.
    pub(super) assignments: bool,
    /// The words are joined and read by a shell.
    pub(super) text: bool,
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

pub(super) const FORMS: [Form; 21] = [
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
