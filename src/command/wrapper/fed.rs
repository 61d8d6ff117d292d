//! Text that a shell is fed through its standard input, where its commands read as well.
//!
//! Of what one of them takes a part, the shell runs the rest, from the middle of a line or of a command. A text in which
//! that could happen must never pass as read.

use super::Inner;
use super::options::is_operand;
use super::shells::SHELLS;
use crate::command::call::{Call, Redirection, Wraps};
use crate::command::read_at;
use crate::command::word::{Segment, Word};

pub(super) const SIPS: &str = "a command that reads a part of what a shell is fed, and the shell would run the rest: write `bash -c '…'`";

const UNREAD_SIPS: &str = "a program that is not known to leave alone what a shell is fed: it could take a part of that, and the shell would run the rest; give it `</dev/null`, or write `bash -c '…'`";

pub(super) const TYPED: &str = "text for a shell on a terminal, which reads it as if it was typed: leave the terminal out (`-i`, `-t`, `--pty`, `script`)";

/// What is shorter than a program's buffer it reads whole, if at all.
const MAX_SHARED: usize = 4096;

/// Programs and builtins that read nothing, or all that there is; sorted. Wrappers among them: what they run is a call of
/// its own.
const QUIET: [&str; 219] = [
    ":",
    "[",
    "[[",
    "a2dismod",
    "a2dissite",
    "a2enmod",
    "a2ensite",
    "apache2ctl",
    "apachectl",
    "apt-cache",
    "aws",
    "az",
    "basename",
    "blkid",
    "break",
    "bundle",
    "cat",
    "cd",
    "certbot",
    "chage",
    "chattr",
    "chgrp",
    "chmod",
    "chown",
    "chronyc",
    "column",
    "command",
    "composer",
    "continue",
    "coredumpctl",
    "crontab",
    "curl",
    "cut",
    "date",
    "df",
    "dig",
    "dirname",
    "dmesg",
    "dmidecode",
    "docker",
    "docker-compose",
    "dpkg",
    "dpkg-query",
    "du",
    "echo",
    "env",
    "ethtool",
    "exec",
    "exit",
    "expand",
    "export",
    "fail2ban-client",
    "fallocate",
    "false",
    "file",
    "findmnt",
    "flatpak",
    "fold",
    "free",
    "fuser",
    "gcloud",
    "getenforce",
    "getent",
    "getfacl",
    "git",
    "gpasswd",
    "groupadd",
    "groupdel",
    "groups",
    "haproxy",
    "helm",
    "host",
    "hostname",
    "hostnamectl",
    "id",
    "initctl",
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
    "kubectl",
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
    "mount",
    "mpstat",
    "nerdctl",
    "netstat",
    "networkctl",
    "nginx",
    "nice",
    "nl",
    "nohup",
    "npm",
    "nproc",
    "nslookup",
    "ntpq",
    "paste",
    "pgrep",
    "pidstat",
    "ping",
    "pip",
    "pip3",
    "pkill",
    "pm2",
    "pnpm",
    "podman",
    "podman-compose",
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
    "rpm",
    "sar",
    "semanage",
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
    "snap",
    "sort",
    "ss",
    "stat",
    "stdbuf",
    "strings",
    "supervisorctl",
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
    "yarn",
];

/// Text that a shell reads from its standard input.
pub(super) fn fed(at: usize, text: &str) -> Inner {
    match shared(text) {
        Some(reason) => Inner::Refused(reason),
        None => Inner::text(at, text),
    }
}

/// Whether a program gives what it runs a terminal: a shell is interactive there, with a history and TAB (bash(1)).
pub(super) fn has_terminal(call: &Call) -> bool {
    let option = |letter: char, long: &str| {
        call.words.iter().skip(1).any(|w| {
            let text = w.literal_prefix();
            let short = text.starts_with('-') && !text.starts_with("--") && text.contains(letter);
            short || text.len() > 2 && text.starts_with("--") && long.starts_with(text)
        })
    };
    match call.name.base.as_str() {
        "script" | "run0" | "unbuffer" | "machinectl" => true,
        "docker" | "podman" | "nerdctl" | "docker-compose" | "podman-compose" | "kubectl"
        | "oc" => option('t', "--tty"),
        "ssh" => {
            let asks = |w: &Word| {
                w.literal_prefix()
                    .to_ascii_lowercase()
                    .contains("requesttty")
            };
            option('t', "") || call.words.iter().any(asks)
        }
        "su" | "runuser" => option('P', "--pty"),
        "systemd-run" => option('t', "--pty") || option('S', "--shell"),
        "setsid" => option('c', "--ctty"),
        base => SHELLS.contains(&base) && option('i', ""),
    }
}

/// Whether commands in a call's own words could read its input.
pub(super) fn substitutes(call: &Call) -> bool {
    let values = call.assignments.iter().map(|a| &a.value);
    let targets = call.redirections.iter().map(|r| &r.target);
    let mut words = call.words.iter().chain(values).chain(targets);
    words.any(|w| {
        let inside = |s: &Segment| matches!(s, Segment::Expansion(text) if text.contains("( "));
        w.segments.iter().any(inside)
    })
}

/// Why a text must not be a shell's input. What cannot be read at all is refused, with the reason, where it is read as
/// code.
pub(super) fn shared(text: &str) -> Option<&'static str> {
    let reading = read_at(text, 1).ok()?;
    let calls = &reading.calls;
    let several = text.trim_end().contains('\n');
    // Without the line in front of it, a pattern of `case` is a command.
    let case = several && reading.canonical.contains("esac");
    if case || text.contains("\\\n") || several && reading.canonical.contains('\n') {
        return Some(
            "a shell that is fed words of several lines: a command could read a part of them, and the shell would run the rest; write `bash -c '…'`",
        );
    }
    if text.len() > MAX_SHARED {
        return Some(
            "more than 4096 bytes for a shell's input: a command could read a part of them, and the shell would run the rest; write `bash -c '…'`",
        );
    }
    if sips(calls) || calls.iter().any(names_input) {
        return Some(SIPS);
    }
    if !several {
        return None;
    }
    // Behind the last line nothing is left.
    let last = text.trim_end().rfind('\n').unwrap_or_default();
    let own = |c: &Call| reading.functions.contains(&c.name.text) && c.wraps == Wraps::Nothing;
    let unread = |c: &&Call| c.span.start < last && !is_known(c) && !own(c);
    // In a pipe as well: /proc has a name for the shell's input.
    let unread = calls.iter().filter(unread).any(|c| !has_own_input(c));
    if unread || calls.iter().any(runs_text) {
        return Some(UNREAD_SIPS);
    }
    // What reads a line leaves the shell to begin at the next one, in the middle of a command.
    let stands = |line: &str| line.trim().is_empty() || read_at(line, 1).is_ok();
    let leaves = |call: &Call| !is_quiet(call) && reaches(call, calls);
    (calls.iter().any(leaves) && !text.lines().all(stands)).then_some(SIPS)
}

/// Whether a command may take a part of a line of the input that all of them share, and leave the rest.
pub(super) fn sips(calls: &[Call]) -> bool {
    calls.iter().any(|c| is_sip(c) && reaches(c, calls))
}

/// Whether a command of a text reads the text's own input, or could be given its name.
fn reaches(call: &Call, calls: &[Call]) -> bool {
    shares(call) || names_unknown(call, calls)
}

/// Whether a command's input is that of the text itself.
fn shares(call: &Call) -> bool {
    call.pipe.index == 0 && !has_own_input(call)
}

/// Whether all that a command's standard input is redirected from is other than that of the text.
fn has_own_input(call: &Call) -> bool {
    let input = |r: &&Redirection| match r.descriptor.as_deref() {
        None => r.operator.starts_with('<'),
        descriptor => descriptor == Some("0"),
    };
    let mut inputs = call.redirections.iter().filter(input).peekable();
    inputs.peek().is_some() && inputs.all(is_other_input)
}

/// Whether standard input is then a file or a text of its own.
fn is_other_input(redirection: &Redirection) -> bool {
    match redirection.operator.as_str() {
        "<" => is_plain_file(&redirection.target),
        operator => operator.starts_with("<<"),
    }
}

/// Whether a word is the path of a file that is no link to the shell's input: a device, and what /proc shows, may be that
/// input itself, and elsewhere somebody may have laid a link.
fn is_plain_file(word: &Word) -> bool {
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

/// All words of a command, with those that it sets variables to.
fn words(call: &Call) -> impl Iterator<Item = &Word> {
    let set = call.assignments.iter().chain(&call.scope.lists);
    let operands = call.words.iter().skip(1);
    let targets = call.redirections.iter().map(|r| &r.target);
    operands.chain(targets).chain(set.map(|a| &a.value))
}

/// The names that a path, or the value of an option, is made of.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(['/', '=']);
    parts.filter(|part| !matches!(*part, "" | "."))
}

/// Whether a command names the input by a path, or moves it to another descriptor.
fn names_input(call: &Call) -> bool {
    let moves = |r: &Redirection| {
        r.operator == "<&" || r.operator == ">&" && r.descriptor.as_deref() == Some("0")
    };
    let named = |w: &Word| {
        let text = w.spelt();
        text.contains(['/', '=']) && names(&text).any(|n| matches!(n, "fd" | "stdin"))
    };
    call.redirections.iter().any(moves) || words(call).any(named)
}

/// Whether a command in a pipe could be given the path of the text's input by words that are known only when it runs, or
/// by a name in a folder that the text goes to.
fn names_unknown(call: &Call, calls: &[Call]) -> bool {
    let device = |w: &Word| names(&w.spelt()).any(|n| matches!(n, "dev" | "proc"));
    let leads = |c: &Call| {
        matches!(c.name.base.as_str(), "cd" | "pushd" | "popd")
            && words(c).any(|w| w.literal().is_none() || device(w))
    };
    let operands = call.words.iter().skip(1);
    let operands = operands.filter(|w| !w.literal_prefix().starts_with('-'));
    let dynamic = |w: &Word| w.literal().is_none();
    let first = usize::from(takes_operand(call));
    operands.skip(first).any(dynamic)
        || words(call).any(|w| dynamic(w) && device(w))
        || calls.iter().any(leads)
}

/// Whether the first operand is no file.
fn takes_operand(call: &Call) -> bool {
    let base = call.name.base.as_str();
    base == "sed" || base.ends_with("grep") || base.ends_with("awk")
}

/// Whether it is known what a command reads: nothing, all, or whole lines. What a wrapper runs is a call of its own.
fn is_known(call: &Call) -> bool {
    let base = call.name.base.as_str();
    match call.wraps {
        Wraps::Unknown => false,
        Wraps::Nothing => {
            is_quiet(call)
                || matches!(base, "read" | "mapfile" | "readarray" | "head" | "sed")
                || base.ends_with("grep")
                || base.ends_with("awk")
        }
        _ => true,
    }
}

/// Whether a command reads nothing of what the shell is fed, or all of it.
fn is_quiet(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let words = || call.words.iter().skip(1).map(Word::literal_prefix);
    let option = |letter: char| words().any(|w| w.starts_with('-') && w.contains(letter));
    match base {
        "head" => names_files(call, 0, "nc"),
        "sed" => names_files(call, 1, "efl"),
        // It reads the password there, byte by byte.
        "sudo" => !option('S') && !words().any(|w| w.starts_with("--s")),
        // What it runs stands in options.
        "tar" => !words().any(|w| w.contains(['=', ' ', 'I', 'F']) || w.starts_with("--")),
        "find" => !words().any(|w| w.starts_with("-ok") || w.starts_with("-files0")),
        "apt" | "apt-get" => words().any(|w| {
            matches!(
                w,
                "update" | "clean" | "autoclean" | "list" | "show" | "policy"
            )
        }),
        // They ask.
        "rm" | "cp" | "mv" | "ln" => !option('i') && !option('I'),
        base if base.ends_with("grep") => names_files(call, 1, "ABCmefdD"),
        base if base.ends_with("awk") => names_files(call, 1, "Fvfei"),
        base => base.is_empty() || QUIET.binary_search(&base).is_ok(),
    }
}

/// Whether awk or sed may run a command, which would read there too: `system(…)`, `"a" | getline`, sed's `e`.
fn runs_text(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let code = call.words.iter().skip(1).map(Word::spelt);
    let mut code = code.filter(|text| !text.starts_with(['-', '/']));
    if base.ends_with("awk") {
        let runs = |text: &String| {
            let pipe = text.len() > 1 && text.replace("||", "").contains('|');
            pipe || ["system", "getline", "@"].iter().any(|s| text.contains(s))
        };
        return code.any(|text| runs(&text));
    }
    base == "sed" && code.any(|text| executes(&text))
}

/// Whether a text for sed holds what could be the command `e`, or the flag of `s` (sed(1), GNU).
fn executes(script: &str) -> bool {
    let before = |c: char| {
        c.is_ascii_whitespace() || c.is_ascii_digit() || "gpiIMm;{}$!,/|#:@+~".contains(c)
    };
    let behind = |c: char| c.is_ascii_whitespace() || c.is_ascii_digit() || "gpiIMmw;}".contains(c);
    script.match_indices('e').any(|(at, _)| {
        script[..at].chars().next_back().is_none_or(before)
            && script[at + 1..].chars().next().is_none_or(behind)
    })
}

/// Whether behind its last option, and so many operands, a command names files, and nowhere its standard input. `valued`
/// are the letters of options whose value is the next word.
fn names_files(call: &Call, operands: usize, valued: &str) -> bool {
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

/// Whether a command may stop reading in the middle of a line: it counts bytes, or knows other ends of lines.
fn is_sip(call: &Call) -> bool {
    let words = call.words.get(1..).unwrap_or_default();
    let has = |letters: &[char]| {
        words.iter().any(|word| {
            let text = word.literal_prefix();
            word.literal().is_none() || text.starts_with('-') && text.contains(letters)
        })
    };
    match call.name.base.as_str() {
        "read" | "mapfile" | "readarray" => has(&['n', 'N', 'd', 'u']),
        "head" | "line" => has(&['c', 'b', 'z']),
        "od" | "hexdump" | "hd" | "xxd" | "cmp" => has(&['N', 'n', 'l', 'b']),
        "dd" | "cryptsetup" => true,
        // Some read no more than a file's first bytes.
        "zcat" | "gunzip" | "gzip" | "bunzip2" | "bzcat" | "bzip2" | "uncompress" | "unzip"
        | "unxz" | "xz" | "xzcat" | "lzcat" | "unlzma" | "lzma" | "zstd" | "zstdcat" | "unzstd" => {
            !names_files(call, 0, "bSpPT")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted() {
        assert!(super::QUIET.is_sorted());
    }
}
