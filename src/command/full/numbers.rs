//! Whether what a substitution says is a number: only then may a shell's arithmetic read it.
//!
//! bash evaluates text in arithmetic as code: `a[$(id)]` runs `id`. Must never take for a number what a file, a
//! person or another host may have written.

use super::ast::{Command, Kind, List};
use crate::command::Redirection;
use crate::command::name;
use crate::command::word::Word;
use crate::command::wrapper::{FIND_ACTIONS, FIND_WRITES};

/// Files of the kernel's that hold one number.
const COUNTS: [&str; 8] = [
    "/proc/sys/fs/file-max",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/threads-max",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/netfilter/nf_conntrack_max",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/swappiness",
];

/// Whether a list is one pipeline whose last command prints digits and nothing else, whatever it reads.
pub(super) fn says_number(list: &List) -> bool {
    says(list, prints_number)
}

/// Whether what it prints are words that are no options, and of which no part is evaluated: the names of users, hosts, states.
pub(super) fn says_names(list: &List) -> bool {
    says(list, prints_names)
}

fn prints_names(name: &str, words: &[Word]) -> bool {
    let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
    match (name, words.as_deref()) {
        // Not `hostname`: the kernel takes any text for one.
        ("whoami" | "arch", Some([])) => true,
        ("uname", Some([] | ["-s" | "-r" | "-m"])) => true,
        ("id", Some(["-un" | "-gn"])) => true,
        ("systemctl", Some(["is-active" | "is-enabled" | "is-failed", unit])) => {
            !unit.starts_with('-')
        }
        _ => false,
    }
}

fn says(list: &List, prints: fn(&str, &[Word]) -> bool) -> bool {
    let [(_, pipeline, false)] = list.items.as_slice() else {
        return false;
    };
    let Some((last, before)) = pipeline.commands.split_last().filter(|_| !pipeline.negated) else {
        return false;
    };
    if !before.iter().all(only_prints) || !inner_only_prints(last) {
        return false;
    }
    let Kind::Simple { assignments, words } = &last.kind else {
        return false;
    };
    let words = behind_sudo(words);
    assignments.is_empty()
        && last.redirections.iter().all(is_quiet)
        && words
            .split_first()
            .is_some_and(|(name, rest)| name.literal().is_some_and(|name| prints(name, rest)))
}

/// The words of a command, or of what plain `sudo` runs.
fn behind_sudo(words: &[Word]) -> &[Word] {
    match words {
        [sudo, rest @ ..] if sudo.literal() == Some("sudo") => rest,
        all => all,
    }
}

/// Programs that write to their output and to no file, whatever their words are.
const ONLY_PRINT: [&str; 34] = [
    "basename", "cat", "comm", "cut", "date", "df", "dirname", "dmesg", "du", "echo", "egrep",
    "fgrep", "fold", "free", "getent", "grep", "head", "id", "jq", "last", "ls", "lsblk",
    "netstat", "nl", "pgrep", "printf", "ps", "seq", "stat", "tac", "tail", "tr", "wc", "who",
];

/// Whether a command in front of a pipe is known to write nowhere else, and to run nothing: the pipe that the number goes to
/// has a name in /proc.
fn only_prints(command: &Command) -> bool {
    let Kind::Simple { assignments, words } = &command.kind else {
        return false;
    };
    let Some((name, rest)) = behind_sudo(words).split_first() else {
        return false;
    };
    let name = name::of(name.literal());
    assignments.is_empty()
        && name.trusted
        && (ONLY_PRINT.contains(&name.base.as_str()) || prints_so(&name.base, rest))
        && inner_only_prints(command)
        && command
            .redirections
            .iter()
            .all(|r| !r.writes() || r.harmless)
}

/// Whether what stands in the words of a command does, too.
fn inner_only_prints(command: &Command) -> bool {
    let mut pipelines = command.inner.iter().flat_map(|(_, list)| &list.items);
    pipelines.all(|(_, pipeline, _)| pipeline.commands.iter().all(only_prints))
}

/// Whether the words of a program that could do more let it only print.
fn prints_so(base: &str, words: &[Word]) -> bool {
    // An option that is not one of these letters, or a word that could be one.
    let more = |letters: &str| {
        words.iter().any(|w| {
            let text = w.literal_prefix();
            let plain = |given: &str| {
                given
                    .chars()
                    .all(|c| letters.contains(c) || c.is_ascii_digit() || ",.".contains(c))
            };
            let option = w.literal().and_then(|text| text.strip_prefix('-'));
            !option.is_some_and(plain)
                && (w.literal().is_none() && text.is_empty() || text.starts_with('-'))
        })
    };
    // Of long options no others; of the short ones those of at most two letters.
    let only = |options: &[&str]| {
        let named = |text: &str| options.contains(&text.split('=').next().unwrap_or(text));
        let known = |text: &str| {
            !text.starts_with('-') || !text.starts_with("--") && text.len() <= 3 || named(text)
        };
        words.iter().all(|w| w.literal().is_some_and(known))
    };
    let is_operand = |w: &Word| w.literal().is_some_and(|text| !text.starts_with('-'));
    let told = |names: &[&str]| {
        words
            .first()
            .and_then(Word::literal)
            .is_some_and(|w| names.contains(&w))
    };
    match base {
        "find" => {
            let does = |w: &Word| {
                let mut actions = FIND_ACTIONS.iter().chain(&FIND_WRITES);
                actions.any(|action| w.may_be(action))
            };
            !words.iter().any(does)
        }
        "sort" => !more("bcdfghiknrRsuVztM"),
        // Its second operand is where it writes.
        "uniq" => !more("cdDiuzfsw") && words.iter().all(|w| w.literal_prefix().starts_with('-')),
        "ss" => !more("HOnraleompiutxwS460"),
        "journalctl" => {
            let writes = |w: &Word| {
                let text = w.literal_prefix();
                let options = [
                    "--cursor-f",
                    "--f",
                    "--v",
                    "--ro",
                    "--rel",
                    "--sy",
                    "--se",
                    "--up",
                ];
                w.literal().is_none() && text.is_empty()
                    || options.iter().any(|option| text.starts_with(option))
            };
            !words.iter().any(writes)
        }
        "systemctl" => {
            let elsewhere = |w: &Word| {
                let text = w.literal_prefix();
                w.literal().is_none() || text.starts_with("-H") || text.starts_with("--ho")
            };
            told(&[
                "list-units",
                "list-unit-files",
                "list-timers",
                "list-sockets",
                "list-jobs",
            ]) && !words.iter().any(elsewhere)
        }
        // Others log, or keep a profile, in a file.
        "docker" | "podman" => {
            let options = ["--all", "--quiet", "--no-trunc", "--filter", "--format"];
            told(&["ps", "images"]) && only(&options)
        }
        "kubectl" => {
            let options = [
                "--all-namespaces",
                "--namespace",
                "--no-headers",
                "--selector",
                "--field-selector",
                "--output",
            ];
            told(&["get"]) && only(&options)
        }
        "openssl" => reads_certificate(words),
        "dpkg" => told(&["-l", "--list"]) && words.iter().skip(1).all(is_operand),
        "apt" => {
            told(&["list"])
                && words.iter().all(|w| {
                    is_operand(w) || matches!(w.literal(), Some("--installed" | "--upgradable"))
                })
        }
        _ => false,
    }
}

/// Whether the words of openssl are those of `x509` that only tell, and what comes from a server.
fn reads_certificate(words: &[Word]) -> bool {
    const TELL: [&str; 9] = [
        "-dates",
        "-enddate",
        "-fingerprint",
        "-issuer",
        "-noout",
        "-serial",
        "-startdate",
        "-subject",
        "-showcerts",
    ];
    let mut words = words.iter();
    if !words
        .next()
        .is_some_and(|w| matches!(w.literal(), Some("x509" | "s_client")))
    {
        return false;
    }
    while let Some(word) = words.next() {
        let known = match word.literal() {
            Some("-in" | "-connect" | "-servername") => words.next().is_some_and(Word::is_whole),
            Some(text) => TELL.contains(&text),
            None => false,
        };
        if !known {
            return false;
        }
    }
    true
}

/// Another input, or messages that go nowhere. A message may hold any text.
fn is_quiet(redirection: &Redirection) -> bool {
    let input = redirection.operator == "<" && redirection.descriptor.is_none();
    input || redirection.is_of_errors() && redirection.target.literal() == Some("/dev/null")
}

fn prints_number(name: &str, words: &[Word]) -> bool {
    if name == "date" {
        return is_seconds(words);
    }
    // What a file is called, or holds, is not printed by these.
    if let ("stat", [option, format, file]) = (name, words) {
        let asks = matches!(option.literal(), Some("-c" | "--format"));
        let number = matches!(
            format.literal(),
            Some("%s" | "%Y" | "%X" | "%Z" | "%W" | "%i" | "%h" | "%u" | "%g")
        );
        // As several words it could bring options along.
        return asks && number && file.literal_prefix().starts_with('/') && file.is_whole();
    }
    let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
    match (name, words.as_deref()) {
        ("wc", Some(["-l" | "-c" | "-w" | "-m"])) => true,
        ("nproc", Some([] | ["--all"])) => true,
        ("id", Some(["-u" | "-g"])) => true,
        ("grep" | "pgrep", Some([flags, text])) if counts(name, flags) => !text.starts_with('-'),
        // Of one file it does not say the name.
        ("grep", Some([flags, text, file])) if counts(name, flags) => {
            !text.starts_with('-') && !file.starts_with('-')
        }
        ("grep", Some(["-o", "[0-9]*" | "[0-9]\\+"])) => true,
        ("grep", Some(["-oE" | "-Eo", "[0-9]+" | "[0-9]*"])) => true,
        ("tr", Some(["-dc" | "-cd", "0-9" | "[:digit:]"])) => true,
        ("cat", Some([file])) => COUNTS.contains(file) || is_counter(file),
        ("cut", Some(["-d.", "-f1", "/proc/uptime"])) => true,
        ("awk", Some([script, "/proc/meminfo"])) => picks_number(script),
        _ => false,
    }
}

/// What a network card has counted.
fn is_counter(file: &str) -> bool {
    let parts = file
        .strip_prefix("/sys/class/net/")
        .and_then(|rest| rest.split_once("/statistics/"));
    parts.is_some_and(|(card, counter)| is_plain(card) && is_plain(counter))
}

/// `-c`, alone or with letters that only say what is counted.
fn counts(name: &str, flags: &str) -> bool {
    let letters: &[u8] = if name == "grep" { b"civwxEF" } else { b"cfx" };
    flags
        .strip_prefix('-')
        .is_some_and(|given| given.contains('c') && given.bytes().all(|b| letters.contains(&b)))
}

/// `/^MemTotal:/ {print $2}`, of /proc/meminfo: there the second field is a number.
fn picks_number(script: &str) -> bool {
    let Some((pattern, action)) = script.split_once('{') else {
        return false;
    };
    let name = pattern
        .trim()
        .strip_prefix('/')
        .and_then(|p| p.strip_suffix('/'));
    let name = name.map(|n| n.trim_start_matches('^').trim_end_matches(':'));
    let action: String = action.split_whitespace().collect();
    name.is_some_and(is_plain)
        && matches!(action.as_str(), "print$2}" | "print$2;exit}" | "print$2;}")
}

/// `date +%s`, of now or of a time that one word says.
fn is_seconds(words: &[Word]) -> bool {
    let mut formats = 0;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.literal() {
            Some("-u" | "--utc") => {}
            Some("-d" | "--date" | "-r") => {
                if !rest.next().is_some_and(Word::is_whole) {
                    return false;
                }
            }
            Some(
                "+%s" | "+%s%N" | "+%s%3N" | "+%Y" | "+%H" | "+%M" | "+%d" | "+%m" | "+%j" | "+%u"
                | "+%w",
            ) => formats += 1,
            Some(text) if text.starts_with("--date=") => {}
            None if word.is_whole() && word.literal_prefix().starts_with("--date=") => {}
            _ => return false,
        }
    }
    formats == 1
}

/// Letters, digits and `_`, and not nothing.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
