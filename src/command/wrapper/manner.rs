//! Forms of programs that change how a command runs. What is certain of them, and no more.

use super::forms::{Assignments, Form, PLAIN};

/// Programs that change how a command runs.
pub(super) const MANNER: [Form; 19] = [
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
        long_optional: &["block-signal", "default-signal", "ignore-signal"],
        assignments: Assignments::Behind,
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
        values: "cnpPu",
        long_flags: &["ignore"],
        long_values: &["class", "classdata", "pid", "pgid", "uid"],
        ..PLAIN
    },
    Form {
        names: &["chrt"],
        flags: "abdfiorRvp",
        values: "TPD",
        long_flags: &[
            "all-tasks",
            "batch",
            "deadline",
            "fifo",
            "idle",
            "other",
            "rr",
            "reset-on-fork",
            "verbose",
            "pid",
        ],
        long_values: &["sched-runtime", "sched-period", "sched-deadline"],
        quits: &["m", "max"],
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["taskset"],
        flags: "acp",
        long_flags: &["all-tasks", "cpu-list", "pid"],
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["prlimit"],
        values: "op",
        optional: "cdefilmnqrstuvxy",
        long_flags: &["noheadings", "raw", "verbose"],
        long_values: &["output", "pid"],
        long_optional: &[
            "core",
            "data",
            "nice",
            "fsize",
            "sigpending",
            "memlock",
            "rss",
            "nofile",
            "msgqueue",
            "rtprio",
            "stack",
            "cpu",
            "nproc",
            "as",
            "locks",
            "rttime",
        ],
        ..PLAIN
    },
    Form {
        names: &["choom"],
        values: "np",
        // The process 0 is none: a command runs.
        long_values: &["adjust", "pid"],
        permutes: true,
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
        names: &["setarch"],
        flags: ARCH,
        long_flags: &ARCH_LONG,
        quits: &["list"],
        leading: true,
        shell: true,
        ..PLAIN
    },
    Form {
        names: &["linux32", "linux64", "i386", "x86_64"],
        flags: ARCH,
        long_flags: &ARCH_LONG,
        shell: true,
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
        names: &["strace"],
        flags: "AcCdDfFiknqrtTvwxyYzZ",
        values: "abeEIoOpPsSuUX",
        long_flags: &[
            "summary",
            "summary-only",
            "follow-forks",
            "output-separately",
            "output-append-mode",
            "instruction-pointer",
            "stack-traces",
            "syscall-number",
            "no-abbrev",
            "successful-only",
            "failed-only",
            "summary-wall-clock",
            "seccomp-bpf",
            "debug",
        ],
        long_values: &[
            "attach",
            "user",
            "env",
            "output",
            "trace",
            "signal",
            "status",
            "trace-path",
            "columns",
            "string-limit",
            "interruptible",
            "detach-on",
        ],
        long_optional: &[
            "daemonize",
            "relative-timestamps",
            "absolute-timestamps",
            "syscall-times",
            "decode-fds",
            "quiet",
            "strings-in-hex",
        ],
        sets: &["E", "env"],
        ..PLAIN
    },
    Form {
        names: &["ltrace"],
        flags: "bcCfhiLrStT",
        values: "aADeFlnopsux",
        long_flags: &["no-signals", "demangle"],
        long_values: &["align", "config", "library", "indent", "output"],
        ..PLAIN
    },
    Form {
        names: &["systemd-inhibit"],
        long_flags: &["no-pager", "no-legend"],
        long_values: &["what", "who", "why", "mode"],
        quits: &["list"],
        ..PLAIN
    },
    Form {
        names: &["systemd-cat"],
        values: "tp",
        long_values: &["identifier", "priority", "stderr-priority", "level-prefix"],
        ..PLAIN
    },
    Form {
        names: &["flock"],
        flags: "sexnuoF",
        values: "wE",
        long_flags: &[
            "shared",
            "exclusive",
            "unlock",
            "nonblock",
            "nb",
            "close",
            "no-fork",
            "verbose",
        ],
        long_values: &["timeout", "wait", "conflict-exit-code"],
        operands: 1,
        ..PLAIN
    },
    Form {
        names: &["watch"],
        flags: "bcegprtwxC",
        values: "nq",
        optional: "d",
        long_flags: &[
            "beep", "color", "no-color", "errexit", "chgexit", "no-title", "precise", "no-wrap",
            "no-rerun", "exec",
        ],
        long_values: &["interval", "equexit"],
        long_optional: &["differences"],
        text: true,
        ..PLAIN
    },
];

const ARCH: &str = "vBFILRSTXZ3";
const ARCH_LONG: [&str; 13] = [
    "32bit",
    "fdpic-funcptrs",
    "short-inode",
    "addr-compat-layout",
    "addr-no-randomize",
    "whole-seconds",
    "sticky-timeouts",
    "read-implies-exec",
    "mmap-page-zero",
    "3gb",
    "4gb",
    "uname-2.6",
    "verbose",
];
