//! Programs that read nothing of what the shell around them is fed, or all of it.
//!
//! A program that takes a part must never be known here: what it leaves, the shell runs, from the middle of a line.

use super::options::is_operand;
use super::subcommands::{composes, names_compose, subcommand};
use crate::command::call::{Call, Wraps};
use crate::command::word::Word;

/// Programs and builtins that read nothing, or all that there is; sorted. Wrappers among them: what they run is a call of
/// its own.
const QUIET: [&str; 180] = [
    ":",
    "[",
    "[[",
    "a2dismod",
    "a2dissite",
    "a2enmod",
    "a2ensite",
    "apache2ctl",
    "apachectl",
    "basename",
    "blkid",
    "break",
    "cat",
    "cd",
    "chage",
    "chattr",
    "chgrp",
    "chmod",
    "chown",
    "column",
    "command",
    "continue",
    "crontab",
    "cut",
    "date",
    "df",
    "dig",
    "dirname",
    "dmesg",
    "dmidecode",
    "dpkg-query",
    "du",
    "echo",
    "env",
    "ethtool",
    "exec",
    "exit",
    "expand",
    "export",
    "fallocate",
    "false",
    "file",
    "findmnt",
    "fold",
    "free",
    "fuser",
    "getenforce",
    "getent",
    "getfacl",
    "gpasswd",
    "groupadd",
    "groupdel",
    "groups",
    "host",
    "hostname",
    "hostnamectl",
    "id",
    "install",
    "invoke-rc.d",
    "ionice",
    "iostat",
    "ip",
    "ip6tables",
    "ip6tables-save",
    "iptables",
    "iptables-save",
    "jobs",
    "journalctl",
    "jq",
    "kill",
    "last",
    "local",
    "localectl",
    "logger",
    "loginctl",
    "losetup",
    "ls",
    "lsattr",
    "lsblk",
    "lscpu",
    "lsmod",
    "lsof",
    "lspci",
    "lsusb",
    "lvextend",
    "lvs",
    "md5sum",
    "mdadm",
    "mkdir",
    "mktemp",
    "modinfo",
    "modprobe",
    "mpstat",
    "netstat",
    "networkctl",
    "nginx",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "paste",
    "pidstat",
    "ping",
    "printf",
    "ps",
    "pvs",
    "pwd",
    "rc-service",
    "rc-update",
    "readlink",
    "readonly",
    "realpath",
    "resize2fs",
    "resolvectl",
    "restorecon",
    "return",
    "rev",
    "rmdir",
    "sar",
    "sensors",
    "seq",
    "service",
    "set",
    "setenforce",
    "setfacl",
    "setsid",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shift",
    "sleep",
    "smartctl",
    "sort",
    "ss",
    "stat",
    "strings",
    "swapoff",
    "swapon",
    "sync",
    "sysctl",
    "systemctl",
    "systemd-analyze",
    "systemd-cgls",
    "systemd-tmpfiles",
    "tac",
    "tail",
    "tee",
    "test",
    "time",
    "timedatectl",
    "timeout",
    "touch",
    "tr",
    "traceroute",
    "trap",
    "true",
    "truncate",
    "type",
    "ulimit",
    "umask",
    "umount",
    "uname",
    "uniq",
    "unset",
    "update-alternatives",
    "update-rc.d",
    "uptime",
    "useradd",
    "userdel",
    "usermod",
    "vgs",
    "vmstat",
    "w",
    "wait",
    "wc",
    "wget",
    "which",
    "who",
    "whoami",
    "xfs_growfs",
];

/// Those of them for which `-` is their input, all of which they read; sorted.
pub(super) const FILTERS: [&str; 27] = [
    "cat",
    "column",
    "crontab",
    "cut",
    "date",
    "dig",
    "du",
    "expand",
    "fold",
    "jq",
    "logger",
    "md5sum",
    "nl",
    "paste",
    "rev",
    "setfacl",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "sort",
    "strings",
    "sysctl",
    "tac",
    "tail",
    "tee",
    "tr",
    "uniq",
];

/// Words of these are text, and `-` no file; sorted.
const TEXTS: [&str; 17] = [
    ":", "[", "[[", "basename", "cd", "dirname", "echo", "export", "kill", "local", "printf",
    "readonly", "set", "test", "trap", "type", "unset",
];

/// Subcommands of compose that never ask; sorted.
const COMPOSE: [&str; 17] = [
    "build", "config", "down", "events", "exec", "images", "kill", "logs", "ls", "pause", "port",
    "ps", "pull", "restart", "start", "stop", "version",
];

/// Subcommands of git that read nothing, and open no editor; sorted. Others read a protocol, by fours of bytes, or ask.
const GIT: [&str; 31] = [
    "add",
    "blame",
    "branch",
    "checkout",
    "clone",
    "commit",
    "count-objects",
    "describe",
    "diff",
    "fetch",
    "for-each-ref",
    "fsck",
    "gc",
    "init",
    "log",
    "ls-files",
    "ls-remote",
    "ls-tree",
    "merge-base",
    "mv",
    "pull",
    "push",
    "remote",
    "reset",
    "restore",
    "rev-parse",
    "rm",
    "show",
    "stash",
    "status",
    "switch",
];

/// Whether a word is the path of a file that is no link to the shell's input: a device, and what /proc shows, may be that
/// input itself, and elsewhere somebody may have laid a link.
pub(super) fn is_plain_file(word: &Word) -> bool {
    let path = word.literal().unwrap_or_default();
    let within = |folder: &&str| path.starts_with(*folder);
    // What the kernel tells of the machine, and not of a process.
    let told = path.strip_prefix("/proc/").is_some_and(|name| {
        !name.contains("self") && name.bytes().all(|b| b.is_ascii_alphabetic())
    });
    path == "/dev/null"
        || told
        || ["/etc/", "/usr/", "/var/log/"].iter().any(within)
            && !["//", "/."].iter().any(|part| path.contains(part))
}

/// Whether it is known what a command reads: nothing, all, or whole lines. What a wrapper runs is a call of its own.
pub(super) fn is_known(call: &Call) -> bool {
    let base = call.name.base.as_str();
    match call.wraps {
        Wraps::Unknown => false,
        Wraps::Nothing => {
            is_quiet(call)
                || matches!(base, "read" | "mapfile" | "readarray" | "head" | "sed")
                || is_grep(base)
                || is_awk(base)
        }
        // A password of at most 1023 or 511 bytes (sudo(8), pam(3)); keys; what does not wait reads beside the shell.
        _ => match base {
            "sudo" => is_quiet(call),
            "su" | "watch" => false,
            "setsid" => call.words.len() == 1,
            // Its buffers then are as small as one likes.
            "stdbuf" => !call
                .words
                .iter()
                .map(Word::literal_prefix)
                .any(|w| w.starts_with("--i") || w.starts_with("-i")),
            _ => true,
        },
    }
}

/// Whether a word is its program's standard input, as most programs spell it: `-`, `-f-`, `--file=-`.
fn is_dash(word: &str) -> bool {
    word.starts_with('-') && word != "--" && word.ends_with('-')
}

/// Whether docker's or podman's compose could ask, where it takes one word of the answer.
fn may_ask(call: &Call) -> bool {
    names_compose(call) && composes(call).is_none_or(|name| COMPOSE.binary_search(&name).is_err())
}

/// Whether curl could ask for a password, of which it reads at most 2048 bytes: `-u`, `-U`, `-E`, and what a file (`-K`)
/// may say.
fn asks_password(word: &str) -> bool {
    const NOT: [&str; 5] = [
        "--compressed",
        "--connect-timeout",
        "--connect-to",
        "--url",
        "--user-agent",
    ];
    const ASKS: [&str; 7] = ["--u", "--pr", "--pa", "--ce", "--co", "--k", "--t"];
    if word.starts_with("--") {
        return !NOT.contains(&word) && ASKS.iter().any(|start| word.starts_with(start));
    }
    word.starts_with('-') && word.contains(['u', 'U', 'E', 'K'])
}

/// Whether a command reads nothing of what the shell is fed, or all of it.
pub(super) fn is_quiet(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let words = || call.words.iter().skip(1).map(Word::literal_prefix);
    let option = |letter: char| words().any(|w| w.starts_with('-') && w.contains(letter));
    let operand = || words().find(|w| !w.starts_with('-'));
    let text = FILTERS.binary_search(&base).is_ok() || TEXTS.binary_search(&base).is_ok();
    if !text && words().any(is_dash) {
        return false;
    }
    match base {
        "head" => names_files(call, 0, "nc"),
        "sed" => names_files(call, 1, "efl"),
        "git" => {
            subcommand(call).is_some_and(|name| GIT.binary_search(&name).is_ok())
                && !option('e')
                && !option('i')
                && (subcommand(call) != Some("commit") || option('m'))
        }
        "docker" | "podman" => !may_ask(call),
        // Without a word they take commands.
        "chronyc" | "nslookup" | "supervisorctl" | "fail2ban-client" => {
            words().any(|w| !w.is_empty() && !w.starts_with('-')) && !option('i')
        }
        "coredumpctl" => matches!(operand(), Some("list" | "info")),
        // They run scripts of packages, and read some from there.
        "dpkg" => words().any(|w| {
            matches!(
                w,
                "-l" | "-s" | "-S" | "-L" | "--list" | "--status" | "--get-selections"
            )
        }),
        "rpm" => words().any(|w| w.starts_with("-q") || w == "--query"),
        "mount" => !words().any(|w| w.contains("stdin") || w.contains("fuse")),
        "curl" => !words().any(asks_password),
        // They take the first bytes of a file.
        "pgrep" | "pkill" => !option('F') && !words().any(|w| w.starts_with("--p")),
        "sudo" => !option('S') && !words().any(|w| w.starts_with("--s")),
        // What it runs stands in options.
        "tar" => !words().any(|w| w.contains(['=', ' ', 'I', 'F']) || w.starts_with("--")),
        "find" => !words().any(|w| w.starts_with("-ok") || w.starts_with("-files0")),
        "apt" | "apt-get" | "apt-cache" => {
            let reads = [
                "update",
                "clean",
                "autoclean",
                "list",
                "show",
                "policy",
                "search",
                "depends",
                "madison",
            ];
            operand().is_some_and(|w| reads.contains(&w)) && !option('o') && !option('c')
        }
        // They ask.
        "rm" | "cp" | "mv" | "ln" => !option('i') && !option('I'),
        base if is_grep(base) => names_files(call, 1, "ABCmefdD"),
        base if is_awk(base) => names_files(call, 1, "Fvfei"),
        base => base.is_empty() || QUIET.binary_search(&base).is_ok(),
    }
}

pub(super) fn is_grep(base: &str) -> bool {
    matches!(base, "grep" | "egrep" | "fgrep" | "rgrep")
}

pub(super) fn is_awk(base: &str) -> bool {
    matches!(base, "awk" | "gawk" | "mawk" | "nawk")
}

/// Whether behind its last option, and so many operands, a command names files, and nowhere its standard input. `valued`
/// are the letters of options whose value is the next word.
pub(super) fn names_files(call: &Call, operands: usize, valued: &str) -> bool {
    let words = call.words.get(1..).unwrap_or_default();
    let behind = words.iter().rev().take_while(|w| is_operand(w)).count();
    let takes_value = |option: &Word| {
        option
            .literal()
            .is_none_or(|text| match text.strip_prefix("--") {
                Some(long) => !long.contains('='),
                None => text.ends_with(|letter| valued.contains(letter)),
            })
    };
    let value = words.iter().rev().nth(behind).is_some_and(takes_value);
    let input = words.iter().any(|w| w.literal() == Some("-"));
    let first = words.len() - behind + operands + usize::from(value);
    let files = words.get(first..).unwrap_or_default();
    !input && !files.is_empty() && files.iter().all(is_plain_file)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lists_are_sorted() {
        assert!(super::QUIET.is_sorted());
        assert!(super::FILTERS.is_sorted());
        assert!(super::TEXTS.is_sorted());
        assert!(super::COMPOSE.is_sorted());
        assert!(super::GIT.is_sorted());
    }
}
