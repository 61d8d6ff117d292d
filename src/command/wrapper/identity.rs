//! Forms of programs that change who runs a command, or where. What is certain of them, and no more.

use super::forms::{Assignments, Form, PLAIN};

/// Whether one of sudo's short options (`-u`) takes the next word.
pub(crate) fn sudo_takes(option: &str) -> bool {
    let sudo = IDENTITY.iter().find(|form| form.names == ["sudo"]);
    let letter = option.strip_prefix('-').filter(|letter| letter.len() == 1);
    sudo.zip(letter)
        .is_some_and(|(form, letter)| form.values.contains(letter))
}

/// Programs that change who runs a command, or where.
pub(super) const IDENTITY: [Form; 9] = [
    Form {
        names: &["sudo"],
        flags: "AbEHnPSkB",
        values: "CDgpRrTtUuh",
        long_flags: &[
            "askpass",
            "background",
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
        long_optional: &["preserve-env"],
        assignments: Assignments::Between,
        ..PLAIN
    },
    Form {
        names: &["doas"],
        flags: "nL",
        values: "Cu",
        ..PLAIN
    },
    Form {
        names: &["pkexec"],
        long_flags: &["disable-internal-agent", "keep-cwd"],
        long_values: &["user"],
        whole: true,
        shell: true,
        ..PLAIN
    },
    Form {
        names: &["setpriv"],
        quits: &["d", "dump"],
        long_flags: &[
            "clear-groups",
            "keep-groups",
            "init-groups",
            "no-new-privs",
            "nnp",
            "reset-env",
        ],
        long_values: &[
            "ambient-caps",
            "inh-caps",
            "bounding-set",
            "ruid",
            "euid",
            "rgid",
            "egid",
            "reuid",
            "regid",
            "groups",
            "securebits",
            "pdeathsig",
            "selinux-label",
            "apparmor-profile",
        ],
        ..PLAIN
    },
    Form {
        names: &["chroot"],
        whole: true,
        long_flags: &["skip-chdir"],
        long_values: &["groups", "userspec"],
        operands: 1,
        shell: true,
        ..PLAIN
    },
    Form {
        names: &["nsenter"],
        flags: "aFZ",
        // Without -W: by release its value is the next word, or only ever glued.
        values: "tSG",
        optional: "muinpCUTrw",
        long_flags: &["all", "preserve-credentials", "no-fork", "follow-context"],
        long_values: &["target", "setuid", "setgid"],
        long_optional: &[
            "mount", "uts", "ipc", "net", "pid", "cgroup", "user", "time", "root", "wd",
        ],
        shell: true,
        ..PLAIN
    },
    Form {
        names: &["unshare"],
        // The letters take no value here, unlike nsenter's.
        flags: "muinpUCTfrc",
        values: "RwSG",
        long_flags: &[
            "fork",
            "map-root-user",
            "map-current-user",
            "map-auto",
            "keep-caps",
        ],
        long_values: &[
            "map-user",
            "map-group",
            "map-users",
            "map-groups",
            "propagation",
            "setgroups",
            "root",
            "wd",
            "setuid",
            "setgid",
            "monotonic",
            "boottime",
        ],
        long_optional: &[
            "mount",
            "uts",
            "ipc",
            "net",
            "pid",
            "user",
            "cgroup",
            "time",
            "kill-child",
            "mount-proc",
        ],
        shell: true,
        ..PLAIN
    },
    Form {
        names: &["systemd-run"],
        flags: "dtPqGr",
        values: "upE",
        long_flags: &[
            "no-ask-password",
            "user",
            "scope",
            "slice-inherit",
            "no-block",
            "remain-after-exit",
            "wait",
            "send-sighup",
            "same-dir",
            "pty",
            "pipe",
            "quiet",
            "collect",
        ],
        long_values: &[
            "unit",
            "property",
            "description",
            "slice",
            "service-type",
            "uid",
            "gid",
            "nice",
            "working-directory",
            "setenv",
            "on-active",
            "on-boot",
            "on-startup",
            "on-unit-active",
            "on-unit-inactive",
            "on-calendar",
            "timer-property",
        ],
        sets: &["E", "setenv"],
        ..PLAIN
    },
    Form {
        names: &["ssh"],
        // -F, -E, -I, -S and the like run programs or write files: not understood. Of -o only a few are (formed.rs).
        flags: "46CnqTtvx",
        values: "bcilmop",
        operands: 1,
        text: true,
        shell: true,
        ..PLAIN
    },
];
