//! Whether what a substitution says is little: a shell holds all of it in memory.
//!
//! Must never call an output small that a file of any size could fill.

use super::tools::quiet_curl;
use crate::command::full::ast;
use crate::command::{Segment, Word};
use ast::{Command, Kind, List, Pipeline};

/// Most lines that `head` and `tail` may leave.
const MOST_LINES: u32 = 1000;

/// Programs that say little, whatever they are asked: a shell holds all that a substitution says in memory.
const SMALL: [&str; 68] = [
    "find",
    "dig",
    "host",
    "ping",
    "chronyc",
    "wg",
    "lastlog",
    "last",
    "loginctl",
    "date",
    "hostname",
    "uname",
    "nproc",
    "whoami",
    "id",
    "uptime",
    "free",
    "df",
    "du",
    "pgrep",
    "pidof",
    "systemctl",
    "getconf",
    "arch",
    "basename",
    "dirname",
    "readlink",
    "realpath",
    "stat",
    "lscpu",
    "sysctl",
    "swapon",
    "who",
    "hostnamectl",
    "timedatectl",
    "echo",
    "printf",
    "test",
    "[",
    "wc",
    "groups",
    "logname",
    "tty",
    "lsb_release",
    "uuidgen",
    "ps",
    "ss",
    "lsblk",
    "findmnt",
    "nginx",
    "getenforce",
    "systemd-detect-virt",
    "openssl",
    "smartctl",
    "mdadm",
    "ip",
    "ethtool",
    "getent",
    "pg_isready",
    "psql",
    "mysql",
    "mariadb",
    "redis-cli",
    "dpkg-query",
    "dpkg",
    "rpm",
    "crontab",
    "blkid",
];

/// Filters, which say no more than they read; named with a file they say no more than that.
const FILTERS: [&str; 17] = [
    "cat", "grep", "egrep", "fgrep", "cut", "awk", "sed", "tr", "sort", "uniq", "head", "tail",
    "wc", "tac", "rev", "column", "xargs",
];

/// Those of them that can say more than they read.
const GROWING: [&str; 4] = ["awk", "sed", "column", "xargs"];

/// Where files are small.
const SMALL_PLACES: [&str; 4] = ["/proc/", "/sys/", "/etc/", "/run/"];

/// Whether all that a list says together is little, in a loop over files of a place or outside of any.
pub(super) fn is_small(list: &List, place: Option<(String, &str)>) -> bool {
    let mut list = list.clone();
    if let Some((variable, place)) = place {
        put(&mut list, &Segment::Expansion(variable), place);
    }
    is_little(&list)
}

/// Puts a place where words of simple commands begin with the variable.
fn put(list: &mut List, variable: &Segment, place: &str) {
    for command in list.items.iter_mut().flat_map(|(_, p, _)| &mut p.commands) {
        if let Kind::Simple { words, .. } = &mut command.kind {
            for first in words.iter_mut().filter_map(|w| w.segments.first_mut()) {
                if first == variable {
                    *first = Segment::Literal(place.to_owned());
                }
            }
        }
    }
}

fn is_little(list: &List) -> bool {
    list.items
        .iter()
        .all(|(_, pipeline, _)| is_small_pipeline(pipeline))
}

fn is_small_pipeline(pipeline: &Pipeline) -> bool {
    let mut small = false;
    // Each may write several times what it reads: one after the other, that is no longer little.
    let mut growing = 0;
    for (index, command) in pipeline.commands.iter().enumerate() {
        let words = match &command.kind {
            Kind::Simple { words, .. } => words.as_slice(),
            Kind::Group(list) | Kind::Subshell(list) if pipeline.commands.len() == 1 => {
                return is_little(list);
            }
            Kind::If { .. } if pipeline.commands.len() == 1 => return is_small_if(command),
            _ => return false,
        };
        let Some((name, words)) = program(words) else {
            return false;
        };
        growing += usize::from(GROWING.contains(&name));
        if growing > 1 {
            return false;
        }
        let filter = FILTERS.contains(&name);
        small = if reads_files(words) && filter {
            reduces(name, words) || words.iter().all(is_small_place)
        } else if filter && index > 0 {
            small || reduces(name, words)
        } else {
            SMALL.contains(&name) || is_small_by_words(name, words)
        };
    }
    small
}

/// Programs that say little when they are asked for little.
fn is_small_by_words(name: &str, words: &[Word]) -> bool {
    let texts: Vec<&str> = words.iter().map(|w| w.literal().unwrap_or("")).collect();
    match name {
        "docker" | "podman" => matches!(
            texts.first(),
            Some(&("ps" | "inspect" | "network" | "volume" | "port"))
        ),
        "kubectl" => {
            texts.contains(&"get")
                && !texts
                    .iter()
                    .any(|w| w.contains("json") || w.contains("yaml"))
        }
        "ls" => {
            let plain = |w: &&str| {
                !w.starts_with('-')
                    || matches!(
                        *w,
                        "-1" | "-l" | "-d" | "-1d" | "-ld" | "-t" | "-1t" | "-lt"
                    )
            };
            texts.iter().all(plain) && words.iter().all(is_small_place)
        }
        "curl" => quiet_curl(&texts).is_some(),
        "git" => texts
            .iter()
            .any(|w| matches!(*w, "rev-parse" | "branch" | "describe" | "-1" | "-n1")),
        _ => false,
    }
}

fn is_small_if(command: &Command) -> bool {
    let Kind::If { arms, otherwise } = &command.kind else {
        return false;
    };
    arms.iter()
        .all(|(condition, body)| is_little(condition) && is_little(body))
        && otherwise.as_ref().is_none_or(is_little)
}

/// The program and its words, behind `sudo` and `timeout 5`.
fn program(words: &[Word]) -> Option<(&str, &[Word])> {
    let mut at = 0;
    loop {
        let name = words.get(at)?.literal()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        match name {
            "sudo" => {
                at += 1 + usize::from(words.get(at + 1)?.literal() == Some("-n"));
                if words.get(at)?.literal() == Some("-u") {
                    at += 2;
                }
            }
            "timeout" => at += 2,
            _ => return Some((name, words.get(at + 1..)?)),
        }
    }
}

/// A script (`/^Mem:/ {print $2}`) is no file.
fn is_file(word: &Word) -> bool {
    let text = word.literal_prefix();
    text.starts_with('/') && !text.contains([' ', '^', '$', '{', '(', ',', ';', '\\'])
}

fn reads_files(words: &[Word]) -> bool {
    words.iter().any(is_file)
        || words
            .iter()
            .any(|w| w.is_dynamic() && w.literal_prefix().is_empty())
}

fn is_small_place(word: &Word) -> bool {
    let text = word.literal_prefix();
    let dynamic = word.is_dynamic() && text.is_empty();
    !dynamic && (!is_file(word) || SMALL_PLACES.iter().any(|place| text.starts_with(place)))
}

/// Whether a filter leaves little of much: `wc`, `head -n 1`, `grep -c x`.
fn reduces(name: &str, words: &[Word]) -> bool {
    let mut texts = words.iter().map(|w| w.literal().unwrap_or(""));
    match name {
        "wc" => true,
        "grep" | "egrep" | "fgrep" => texts.any(|w| w == "-c" || w == "-ci" || w == "-ic"),
        "head" | "tail" => {
            let mut count = Some(10);
            while let Some(word) = texts.next() {
                let glued = word.strip_prefix("-n").or_else(|| word.strip_prefix('-'));
                match (word, glued) {
                    ("-n", _) => count = texts.next().and_then(lines),
                    (_, Some(digits)) => count = lines(digits),
                    _ => {}
                }
            }
            count.is_some_and(|n| n <= MOST_LINES)
        }
        _ => false,
    }
}

fn lines(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}
