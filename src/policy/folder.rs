//! A line that goes to a folder first: `cd /srv/app && git log -3`.
//!
//! What comes behind is decided as if its relative names were written out below that folder. Must never decide a name for
//! another folder than the one that it is looked for in, nor take a word for a name where it could be more.

use super::path;
use crate::command::full;
use crate::command::strict::{self, Joint};
use crate::command::word::push;
use crate::command::{Call, Place, Reading, Redirection, Segment, Sudo, Word, Wraps};

/// Commands whose operands are files, or texts that mean the same with a folder in front.
const READS_FILES: [&str; 22] = [
    "ls",
    "du",
    "cat",
    "tac",
    "nl",
    "head",
    "tail",
    "wc",
    "stat",
    "file",
    "sort",
    "uniq",
    "cut",
    "grep",
    "egrep",
    "fgrep",
    "md5sum",
    "sha256sum",
    "readlink",
    "realpath",
    "test",
    "[",
];
/// Of those the ones that read the folder where they are, when no file is named.
const READS_HERE: [&str; 2] = ["ls", "du"];
/// Commands that never look at where they are: their words are decided as they stand.
const ELSEWHERE: [&str; 49] = [
    "echo",
    "printf",
    "pwd",
    "date",
    "uname",
    "hostname",
    "whoami",
    "id",
    "uptime",
    "df",
    "free",
    "ps",
    "nproc",
    "sleep",
    "true",
    "false",
    "tr",
    "column",
    "rev",
    "basename",
    "dirname",
    "systemctl",
    "journalctl",
    "ss",
    "ip",
    "awk",
    "sed",
    "jq",
    "pgrep",
    "pidof",
    "lsblk",
    "findmnt",
    "lscpu",
    "dmesg",
    "who",
    "w",
    "lsof",
    "netstat",
    "psql",
    "mysql",
    "mariadb",
    "mysqladmin",
    "redis-cli",
    "kubectl",
    "nginx",
    "openssl",
    "dig",
    "ping",
    "getent",
];
/// Of those that read files the ones of which no option writes or runs anything: a file found by a
/// pattern may be called `-x`. A slash, no such name can hold.
const TAKES_ANY: [&str; 5] = ["ls", "du", "stat", "wc", "cat"];
/// Wrappers that hand on where they are.
const HANDS_ON: [&str; 4] = ["sudo", "timeout", "nice", "ionice"];

/// The folder that a line goes to, and for each call behind that all that must be allowed in its place. None where the
/// line does not go to one folder first, or where what comes behind may be somewhere else.
pub(super) fn moved(reading: &Reading) -> Option<(&Word, Vec<Vec<Call>>)> {
    let (folder, rest) = goes_first(reading).filter(|_| reading.is_strict())?;
    let to = folder.literal()?;
    let line = strict::read(&reading.canonical).ok()?;
    // Behind `||` and `;` the line may never have come there.
    let surely = |pipeline: usize| {
        let before = line.pipelines.get(1..=pipeline);
        before.is_some_and(|p| p.iter().all(|(joint, _)| *joint == Joint::And))
    };
    let calls = rest.iter().map(|call| {
        if !stays(reading, call) {
            return None;
        }
        ways(call, to, surely(call.pipe.pipeline))
    });
    Some((folder, calls.collect::<Option<_>>()?))
}

/// The folder that a line goes to first, and what comes behind. None where it goes on from there.
fn goes_first(reading: &Reading) -> Option<(&Word, &[Call])> {
    let (first, rest) = reading.calls.split_first()?;
    let [_, folder] = first.words.as_slice() else {
        return None;
    };
    let to = folder.literal().is_some_and(is_folder);
    let on = rest.iter().any(|call| call.name.base == "cd");
    (to && !on && goes(first) && !rest.is_empty()).then_some((folder, rest))
}

/// Where a line is, that was written out and goes to a folder first.
pub(super) struct There<'a> {
    /// As it is written.
    pub(super) folder: &'a Word,
    to: &'a str,
    /// Nothing behind it runs anywhere else.
    surely: bool,
}

impl<'a> There<'a> {
    /// None where the line does not go to one folder first, or where what comes behind may be in others.
    pub(super) fn of(reading: &'a Reading) -> Option<There<'a>> {
        let (folder, rest) = goes_first(reading)?;
        let list = full::read(&reading.canonical).ok()?.list;
        let inside = |place| matches!(place, Place::Substitution | Place::Compound);
        let alone = |call: &Call| call.parent.is_none() && inside(call.place);
        rest.iter()
            .all(|call| alone(call) || stays(reading, call))
            .then(|| There {
                folder,
                to: folder.literal().unwrap_or_default(),
                surely: list
                    .items
                    .iter()
                    .skip(1)
                    .all(|(joint, ..)| *joint == Joint::And),
            })
    }

    /// All that must be allowed in a call's place.
    pub(super) fn ways(&self, call: &Call) -> Option<Vec<Call>> {
        ways(call, self.to, self.surely)
    }
}

/// A call as it would be written from anywhere else; also as it stands, where the line may never have come there.
fn ways(call: &Call, folder: &str, surely: bool) -> Option<Vec<Call>> {
    let there = below(call, folder)?;
    Some(match surely {
        true => vec![there],
        false => vec![there, call.clone()],
    })
}

/// Whether a call is a plain `cd` of its own, at the top of the line.
fn goes(call: &Call) -> bool {
    let harmless = |r: &Redirection| r.harmless;
    call.name.text == "cd"
        && call.pipe.pipeline == 0
        && call.pipe.len == 1
        && call.place == Place::Top
        && call.assignments.is_empty()
        && call.redirections.iter().all(harmless)
}

fn is_folder(text: &str) -> bool {
    text != "/" && is_plain(text) && path::components(text).is_some()
}

/// Whether a text has nothing in it but what files are usually named by.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-".contains(&b);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

/// Whether a call runs where the line is.
fn stays(reading: &Reading, call: &Call) -> bool {
    let wrapper = call.parent.map(|at| reading.calls.get(at));
    match (call.place, wrapper) {
        (Place::Top, None) => true,
        (Place::Wrapped, Some(Some(wrapper))) => HANDS_ON.contains(&wrapper.name.base.as_str()),
        _ => false,
    }
}

/// A call as it would be written from anywhere else.
fn below(call: &Call, folder: &str) -> Option<Call> {
    let base = call.name.base.as_str();
    let mut words = call.words.clone();
    // Those of them read names from a file as well, which root might not keep to itself.
    let lists = matches!(base, "du" | "wc") && call.sudo != Sudo::No;
    if READS_FILES.contains(&base) && !lists {
        // What a name begins with is said, or it does not matter what it is taken for.
        let any = TAKES_ANY.contains(&base);
        let said = |w: &&mut Word| any || !w.literal_prefix().is_empty();
        let own = words.iter_mut().skip(1);
        own.filter(said).for_each(|w| found_in(w, folder));
    }
    let texts = words.clone();
    let texts: Vec<&str> = texts
        .iter()
        .map(|w| match w.is_glob() {
            true => Some(w.literal_prefix()),
            false => w.literal(),
        })
        .collect::<Option<_>>()
        .unwrap_or_default();
    match base {
        _ if HANDS_ON.contains(&base) && call.wraps == Wraps::Calls => {}
        _ if ELSEWHERE.contains(&base) => {}
        _ if texts.is_empty() => return None,
        "git" => put(
            &mut words,
            1,
            &["-C", folder],
            &texts,
            &["-C", "--git-dir", "--work-tree"],
        )?,
        "docker" | "podman" if texts.get(1) == Some(&"compose") => {
            compose(&mut words, 2, folder, &texts)?;
        }
        "docker-compose" => compose(&mut words, 1, folder, &texts)?,
        "find" => {
            let end = texts
                .iter()
                .skip(1)
                .position(|t| t.starts_with(['-', '(', '!', ',']));
            let end = end.map_or(texts.len(), |at| at + 1);
            words
                .iter_mut()
                .take(end)
                .skip(1)
                .for_each(|w| join(w, folder));
            if end == 1 {
                words.insert(1, Word::of(folder));
            }
        }
        _ if READS_FILES.contains(&base) => {
            let closing = usize::from(base == "[");
            let names = words.len().saturating_sub(closing);
            words
                .iter_mut()
                .take(names)
                .skip(1)
                .for_each(|w| join(w, folder));
            let named = texts
                .iter()
                .skip(1)
                .filter(|t| !t.starts_with('-') && !is_number(t))
                .count();
            let recursive = |t: &&str| {
                t.starts_with("--r") || t.starts_with("--dereference-r") || is_cluster_of(t, b"rR")
            };
            let greps = base.ends_with("grep") && texts.iter().skip(1).any(recursive);
            if (READS_HERE.contains(&base) && named == 0) || (greps && named == 1) {
                words.push(Word::of(folder));
            }
        }
        _ => return None,
    }
    Some(Call {
        words,
        ..call.clone()
    })
}

/// Puts words in, unless one of those that say the same is there.
fn put(
    words: &mut Vec<Word>,
    at: usize,
    new: &[&str],
    texts: &[&str],
    same: &[&str],
) -> Option<()> {
    let there = |t: &&str| same.iter().any(|s| t.starts_with(s));
    if texts.iter().skip(1).any(there) {
        return None;
    }
    for (offset, text) in new.iter().enumerate() {
        words.insert(at + offset, Word::of(text));
    }
    Some(())
}

fn compose(words: &mut Vec<Word>, at: usize, folder: &str, texts: &[&str]) -> Option<()> {
    let file = format!("{}/docker-compose.yml", folder.trim_end_matches('/'));
    let same = ["-f", "--file", "--project-directory", "--env-file"];
    put(words, at, &["-f", &file], texts, &same)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_cluster_of(text: &str, letters: &[u8]) -> bool {
    let cluster = text.strip_prefix('-').filter(|t| !t.starts_with('-'));
    cluster.is_some_and(|t| t.bytes().any(|b| letters.contains(&b)))
}

/// Writes out where files are looked for by a relative pattern.
fn found_in(word: &mut Word, folder: &str) {
    if !word.is_glob() || word.literal_prefix().starts_with(['/', '-', '.', '~']) {
        return;
    }
    let before = Segment::Literal(format!("{}/", folder.trim_end_matches('/')));
    let mut segments = vec![before];
    for segment in &word.segments {
        push(&mut segments, segment.clone());
    }
    word.segments = segments;
}

/// Writes a relative name out. Anything that is not plainly one stays, and is then no absolute path either.
fn join(word: &mut Word, folder: &str) {
    let Some(text) = word.literal() else {
        return;
    };
    if !is_plain(text) || text.starts_with('/') || is_number(text) {
        return;
    }
    let folder = folder.trim_end_matches('/');
    let name = text.trim_start_matches("./").trim_start_matches('/');
    *word = match name {
        "" | "." => Word::of(folder),
        name => Word::of(&format!("{folder}/{name}")),
    };
}
