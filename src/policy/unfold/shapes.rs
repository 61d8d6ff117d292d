//! What a substitution that stays in a line can say: how much, and for a few commands of what form.
//!
//! Must never call an output small that a file of any size could fill, nor give a form to what a person, a
//! file or a remote host may have written.

use super::words::{parameter, substitution};
use crate::command::full::{self, ast};
use crate::command::word::{bare, push};
use crate::command::{Call, Name, Redirection, Segment, Sudo, Word, Wraps};
use ast::{Command, Kind, List, Pipeline};

/// Most ways in which the words of a call are put together.
const MOST_WAYS: usize = 16;
/// Most lines that `head` and `tail` may leave.
const MOST_LINES: u32 = 1000;

/// Programs that say little, whatever they are asked: a shell holds all that a substitution says in memory.
const SMALL: [&str; 43] = [
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

/// Whether all that a list says together is little.
pub(super) fn is_small(list: &List) -> bool {
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
                return is_small(list);
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
            SMALL.contains(&name)
        };
    }
    small
}

fn is_small_if(command: &Command) -> bool {
    let Kind::If { arms, otherwise } = &command.kind else {
        return false;
    };
    arms.iter()
        .all(|(condition, body)| is_small(condition) && is_small(body))
        && otherwise.as_ref().is_none_or(is_small)
}

/// The program and its words, behind `sudo` and `timeout 5`.
fn program(words: &[Word]) -> Option<(&str, &[Word])> {
    let mut at = 0;
    loop {
        let name = words.get(at)?.literal()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        match name {
            "sudo" => at += 1 + usize::from(words.get(at + 1)?.literal() == Some("-n")),
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

/// What looks for the files that a loop around a call goes through: `ls -d PATTERN`.
pub fn listing(call: &Call, pattern: &Word) -> Call {
    let word = |text: &str| Word {
        segments: vec![Segment::Literal(text.to_owned())],
        span: call.span,
    };
    Call {
        name: Name {
            text: "ls".to_owned(),
            base: "ls".to_owned(),
            trusted: true,
        },
        words: vec![word("ls"), word("-d"), pattern.clone()],
        assignments: Vec::new(),
        redirections: Vec::new(),
        parent: None,
        sudo: Sudo::No,
        wraps: Wraps::Nothing,
        ..call.clone()
    }
}

/// The ways in which the words of a call can come out, as far as their form is known; what may be any text stays
/// an expansion. None where they are too many.
pub fn samples(call: &Call) -> Option<Vec<Vec<Word>>> {
    let mut ways: Vec<Vec<Word>> = vec![Vec::with_capacity(call.words.len())];
    for word in &call.words {
        let spellings = of_word(word, call)?;
        if ways.len() * spellings.len() > MOST_WAYS {
            return None;
        }
        ways = ways
            .iter()
            .flat_map(|way| {
                spellings.iter().map(move |word| {
                    let mut way = way.clone();
                    way.push(word.clone());
                    way
                })
            })
            .collect();
    }
    Some(ways)
}

/// What a word could be; none where it could be an option that does not stand in the line.
fn of_word(word: &Word, call: &Call) -> Option<Vec<Word>> {
    let mut all: Vec<Vec<Segment>> = vec![Vec::new()];
    for segment in &word.segments {
        let parts: Vec<Vec<Segment>> = match segment {
            Segment::Expansion(text) => {
                of_expansion(text, call).unwrap_or_else(|| vec![vec![segment.clone()]])
            }
            other => vec![vec![other.clone()]],
        };
        all = all
            .iter()
            .flat_map(|before| {
                parts.iter().map(move |part| {
                    let mut segments = before.clone();
                    part.iter().for_each(|s| push(&mut segments, s.clone()));
                    segments
                })
            })
            .take(MOST_WAYS + 1)
            .collect();
    }
    let span = word.span;
    let written = matches!(word.segments.first(), Some(Segment::Literal(_)));
    all.into_iter()
        .map(|segments| Word { segments, span })
        .map(|word| (written || !word.literal_prefix().starts_with('-')).then_some(word))
        .collect()
}

/// What an expansion in quotes could be.
fn of_expansion(text: &str, call: &Call) -> Option<Vec<Vec<Segment>>> {
    let (inner, true) = bare(text) else {
        return None;
    };
    let literal = |texts: Vec<String>| -> Vec<Vec<Segment>> {
        texts
            .into_iter()
            .map(|t| vec![Segment::Literal(t)])
            .collect()
    };
    if let Some(name) = parameter(inner) {
        // A loop over files: each name is one that its pattern fits.
        let found: Vec<Vec<Segment>> = call
            .scope
            .lists
            .iter()
            .filter(|list| list.name == name)
            .flat_map(|list| match list.value.segments.as_slice() {
                // Where none is said, there is no turn.
                [Segment::Expansion(ids)] if lists_ids(&list.value) => {
                    literal(said(ids).map(|said| said.texts).unwrap_or_default())
                }
                found => vec![found.to_vec()],
            })
            .collect();
        return (!found.is_empty()).then_some(found);
    }
    let mut said = said(inner)?;
    // Where nothing is said, what stands around it, or an empty word, must be harmless as well.
    if !said.surely {
        said.texts.push(String::new());
    }
    Some(literal(said.texts))
}

/// What a substitution can say.
struct Said {
    /// Examples of it.
    texts: Vec<String>,
    /// Whether it is never nothing.
    surely: bool,
}

/// What `$( … )` of one simple command with literal words says, where its form is known.
fn said(text: &str) -> Option<Said> {
    let list = full::read(substitution(text)?).ok()?.list;
    let [(_, pipeline, false)] = list.items.as_slice() else {
        return None;
    };
    let [
        Command {
            kind: Kind::Simple { assignments, words },
            redirections,
            ..
        },
    ] = pipeline.commands.as_slice()
    else {
        return None;
    };
    // `>/dev/null` would leave nothing of what it says.
    let errors_only = |r: &Redirection| r.descriptor.as_deref() == Some("2") && r.operator == ">";
    if !redirections.iter().all(errors_only) {
        return None;
    }
    let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
    let words = words?;
    let (name, rest) = words.split_first()?;
    if !assignments.is_empty() || pipeline.negated {
        return None;
    }
    Some(Said {
        texts: says(name, rest)?,
        // Of coreutils, and without a file, a process or a resolver that could be missing.
        surely: matches!(*name, "date" | "uname" | "nproc" | "id" | "arch"),
    })
}

/// Whether a word of a loop's list is `$(pgrep nginx)` or the like: digits and letters, which no quotes are needed
/// around.
pub(super) fn lists_ids(word: &Word) -> bool {
    let [Segment::Expansion(text)] = word.segments.as_slice() else {
        return false;
    };
    let ids = ["$( pgrep ", "$( pidof ", "$( docker ps "];
    ids.iter().any(|start| text.starts_with(start)) && said(text).is_some()
}

/// What a few commands say, as examples that stand for all that they can say: the kernel's and the host's own
/// names, numbers, and points in time.
fn says(name: &str, words: &[&str]) -> Option<Vec<String>> {
    let texts: Vec<&str> = match (name, words) {
        ("date", words) => return dates(words),
        ("hostname", [] | ["-s" | "-f" | "--short" | "--fqdn"]) | ("uname", ["-n"]) => {
            vec!["aiops-host", "aiops-host.example.org"]
        }
        ("uname", ["-r"]) => vec!["6.1.0-18-amd64", "5.14.0-427.13.1.el9_4.x86_64"],
        ("uname", ["-m"]) | ("arch", []) => vec!["x86_64", "aarch64"],
        ("uname", [] | ["-s"]) => vec!["Linux"],
        ("nproc", [] | ["--all"]) => vec!["4"],
        ("whoami", []) | ("id", ["-un" | "-u" | "-g" | "-gn"]) => vec!["aiops", "1000"],
        ("pgrep", words) if words.iter().all(|w| is_numbers_only(w)) => vec!["1234"],
        ("pidof", words) if words.iter().all(|w| !w.starts_with('-') || *w == "-s") => vec!["1234"],
        ("docker", ["ps", "-q" | "-aq" | "-qa"] | ["ps", "-a", "-q"]) => vec!["0123456789ab"],
        _ => return None,
    };
    Some(texts.into_iter().map(str::to_owned).collect())
}

/// Points in time that date(1) surely understands, none before 1970: `yesterday`, `1 hour ago`, `-2 days`.
fn is_understood(text: &str) -> bool {
    let is_unit = |unit: &str, count: &str| {
        let most = match unit.strip_suffix('s').unwrap_or(unit) {
            "second" | "sec" | "minute" | "min" | "hour" | "day" => 3,
            "week" | "month" => 2,
            "year" => 1,
            _ => 0,
        };
        (1..=most).contains(&count.len()) && count.bytes().all(|b| b.is_ascii_digit())
    };
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [one] => matches!(*one, "now" | "today" | "yesterday" | "tomorrow"),
        [count, unit] => is_unit(unit, count.strip_prefix('-').unwrap_or(count)),
        [count, unit, "ago"] => is_unit(unit, count),
        _ => false,
    }
}

/// Options of pgrep that leave its output process ids, one a line.
fn is_numbers_only(word: &str) -> bool {
    match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => {
            !letters.is_empty() && letters.bytes().all(|b| b"foxnuic".contains(&b))
        }
        Some(long) => matches!(long, "-oldest" | "-newest" | "-full" | "-exact"),
        None => true,
    }
}

/// Two dates in the format that is asked for.
fn dates(words: &[&str]) -> Option<Vec<String>> {
    let mut format = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "-u" | "--utc" => {}
            "-d" => is_understood(words.next()?).then_some(())?,
            word if word.starts_with("--date=") => {
                is_understood(word.strip_prefix("--date=")?).then_some(())?;
            }
            word if word.starts_with('+') && format.is_none() => format = word.strip_prefix('+'),
            _ => return None,
        }
    }
    let format = format.unwrap_or("%a %b %e %T %Z %Y");
    // A text of the line's own choice is not a date.
    if !format.contains('%') {
        return None;
    }
    [0, 1]
        .into_iter()
        .map(|which| in_format(format, which))
        .collect()
}

fn in_format(format: &str, which: usize) -> Option<String> {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut letter = rest.next()?;
        if matches!(letter, '-' | '_' | '0' | '^') {
            letter = rest.next()?;
        }
        let pair = match letter {
            'F' => ["2026-11-21", "2025-01-02"],
            'Y' => ["2026", "2025"],
            'y' => ["26", "25"],
            'm' => ["11", "1"],
            'd' => ["21", "02"],
            'e' => ["21", " 2"],
            'j' => ["325", "002"],
            'H' | 'k' | 'I' | 'l' => ["23", "07"],
            'M' | 'S' | 'U' | 'V' | 'W' => ["59", "07"],
            'T' => ["23:59:59", "07:07:07"],
            'R' => ["23:59", "07:07"],
            'b' | 'h' => ["Nov", "Jan"],
            'B' => ["November", "January"],
            'a' => ["Sat", "Thu"],
            'A' => ["Saturday", "Thursday"],
            'u' | 'w' => ["6", "1"],
            'p' => ["PM", "AM"],
            's' => ["1795219199", "1735801627"],
            'N' => ["123456789", "000000000"],
            'z' => ["+0000", "-0330"],
            'Z' => ["UTC", "-03"],
            _ => return None,
        };
        text.push_str(pair.get(which)?);
    }
    Some(text)
}
