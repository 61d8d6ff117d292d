//! Where a line goes, and where names lead in it: the folders of `cd`, `env -C`, `find -execdir`, and the links of `ln`.
//!
//! Each is a guess, held against rules that forbid and nothing else: it must never let anything run.

use super::places;
use super::values::Values;
use crate::command::word::push;
use crate::command::{Call, Place, Reading, Scope, Segment, Word, Wraps};
use std::collections::BTreeSet;

/// Most folders that are joined with a relative name.
const MOST_FOLDERS: usize = 16;
/// Most links of a line that are looked at.
const MOST_LINKS: usize = 64;

/// Where a line may be that goes to too many folders.
const WORST: [&str; 8] = ["/", "/etc", "/dev", "/usr", "/boot", "/var", "/root", "/*"];

/// The folders that a line goes to: `cd`, `env -C`, `sudo -D`, `git -C`, `make -C`, `find -execdir`; the root, for what starts there.
pub(super) fn folders(reading: &Reading, values: &Values) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    // Each once, however it is spelt.
    let mut known = BTreeSet::new();
    // How deep below where it begins the line is, as long as it went to no folder by its whole name.
    let mut depth = 0usize;
    // Functions, traps and later turns of a loop go on from where the line went behind them.
    let turns = |c: &Call| {
        matches!(c.place, Place::Function | Place::Compound)
            || matches!(c.wraps, Wraps::Text | Wraps::More)
            || c.name.base == "trap"
            || *c.scope != Scope::default()
    };
    let again = reading
        .calls
        .iter()
        .filter(|_| reading.calls.iter().any(turns));
    for call in reading.calls.iter().chain(again) {
        let base = call.name.base.as_str();
        let at_root = match base {
            "chroot" | "nsenter" | "systemd-run" | "start-stop-daemon" => true,
            // A container's own folder is that, mostly.
            "docker" | "podman" | "nerdctl" => call
                .words
                .iter()
                .any(|w| matches!(w.literal(), Some("exec" | "run"))),
            "unshare" => call
                .words
                .iter()
                .any(|w| w.literal_prefix().contains(['R', 'w'])),
            "sudo" => call
                .words
                .iter()
                .any(|w| is_in_cluster(w, 'R') || w.literal_prefix().starts_with("--chr")),
            _ => false,
        };
        if at_root && folders.len() < MOST_FOLDERS && known.insert(places::both_ways("/")) {
            folders.push("/".into());
        }
        let to = match base {
            "cd" | "pushd" | "chdir" => vec![changed_to(call)],
            "env" => going(call, "-C", "--chdir"),
            "sudo" => going(call, "-D", "--chdir"),
            "unshare" | "nsenter" => going(call, "-w", "--wd"),
            "chroot" => {
                let mut operands = call.words.iter().skip(1);
                let root = operands.find(|w| !w.literal_prefix().starts_with('-'));
                root.cloned().into_iter().collect()
            }
            "git" => going(call, "-C", "--work-tree"),
            "make" | "gmake" => going(call, "-C", "--directory"),
            "systemd-run" => going(call, "", "--working-directory"),
            "find" => where_found(call),
            _ => continue,
        };
        for word in to {
            let mut texts: Vec<String> = values
                .alternatives(&word)
                .concat()
                .iter()
                .map(Word::spelt)
                .collect();
            texts.extend(word.literal().map(str::to_owned));
            texts.extend(word.is_glob().then(|| word.spelt()));
            for text in texts {
                let joined: Vec<String> = if text.starts_with('/') {
                    vec![text]
                } else if folders.is_empty() {
                    up(&text, &mut depth).into_iter().collect()
                } else {
                    folders.iter().map(|f| format!("{f}/{text}")).collect()
                };
                for folder in joined {
                    if !known.insert(places::both_ways(&folder)) {
                        continue;
                    }
                    if folders.len() >= MOST_FOLDERS {
                        // Then it may be in the worst of them.
                        folders.extend(WORST.map(str::to_owned));
                        return folders;
                    }
                    folders.push(folder);
                }
            }
        }
    }
    folders
}

/// Where a relative name leads that goes up from where a line begins; none where it stays below that. `depth` is how far below it
/// the line is.
fn up(name: &str, depth: &mut usize) -> Option<String> {
    let mut parts = name
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .peekable();
    while let Some(part) = parts.next_if(|part| *part != ".." || *depth > 0) {
        match part {
            ".." => *depth -= 1,
            _ => *depth += 1,
        }
    }
    parts.peek()?;
    let rest: Vec<&str> = parts.skip_while(|part| *part == "..").collect();
    Some(format!("/{}", rest.join("/")))
}

/// Whether what a call runs begins in somebody's home.
pub(super) fn begins_at_home(call: &Call) -> bool {
    let has = |letter: char, long: &str| {
        let words = call.words.iter().skip(1);
        words
            .filter(|w| w.literal_prefix().len() > 1)
            .any(|w| is_in_cluster(w, letter) || w.literal() == Some(long))
    };
    match call.name.base.as_str() {
        "ssh" | "pkexec" => true,
        "sudo" => has('i', "--login"),
        "su" | "runuser" => {
            has('l', "--login") || call.words.iter().any(|w| w.literal() == Some("-"))
        }
        _ => false,
    }
}

/// The links that a line lays: `ln -s /etc /tmp/x`, `ln /etc/passwd x`, `ln -st /tmp /etc`.
pub(super) fn links(reading: &Reading) -> Vec<(String, String)> {
    let mut links = Vec::new();
    for call in reading.calls.iter().filter(|c| c.name.base == "ln") {
        let words = call.words.iter().skip(1);
        let named = words.filter(|w| !w.literal_prefix().starts_with('-'));
        let names: Vec<&str> = named.filter_map(Word::literal).collect();
        // The folder or name is the last one, or stands behind `-t`.
        let (at, to) = match (into(call), names.as_slice()) {
            (Some(folder), all) => (folder, all),
            (None, [all @ .., last]) if !all.is_empty() => ((*last).to_owned(), all),
            (None, all) => (".".to_owned(), all),
        };
        for to in to.iter().take(MOST_LINKS) {
            let at = at.trim_end_matches('/');
            let last = to.rsplit('/').next().unwrap_or_default();
            let inside = match at {
                "." => last.to_owned(),
                at => format!("{at}/{last}"),
            };
            links.extend([at.to_owned(), inside].map(|at| (at, (*to).to_owned())));
        }
    }
    links.retain(|(at, _)| !matches!(at.as_str(), "" | "."));
    links.truncate(MOST_LINKS);
    links
}

/// The folder behind `-t` of `ln`.
fn into(call: &Call) -> Option<String> {
    let words: Vec<&str> = call.words.iter().filter_map(Word::literal).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let glued = match word.strip_prefix("--target-directory") {
            Some(rest) => rest.strip_prefix('=').unwrap_or(rest),
            None if word.starts_with("--") => return None,
            None => word.strip_prefix('-')?.split_once('t')?.1,
        };
        let next = || words.get(at + 1).copied();
        Some(glued)
            .filter(|t| !t.is_empty())
            .or_else(next)
            .map(str::to_owned)
    })
}

/// Whether an option stands by itself, or in a cluster of others.
pub(super) fn is_in_cluster(word: &Word, letter: char) -> bool {
    let text = word.literal_prefix();
    text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
}

/// Where `cd` goes: `cd -P` names no folder, but `cd -` does; and `cd` alone goes home.
fn changed_to(call: &Call) -> Word {
    let named = |w: &&Word| !w.literal_prefix().starts_with('-') || w.literal() == Some("-");
    match call.words.iter().skip(1).find(named) {
        Some(word) if word.literal() == Some("-") => Word::expansion("\"${OLDPWD}\""),
        Some(word) => word.clone(),
        None => Word::expansion("\"${HOME}\""),
    }
}

/// The words that name the folder by an option.
fn going(call: &Call, short: &str, long: &str) -> Vec<Word> {
    let words = call.words.get(1..).unwrap_or_default();
    let mut out = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let text = word.literal_prefix();
        if word.literal() == Some(short) || word.literal() == Some(long) {
            out.extend(words.get(at + 1).cloned());
        } else if let Some((name, value)) = text.split_once('=')
            && name.len() > 3
            && long.starts_with(name)
        {
            out.push(word.behind(text.len() - value.len()));
        } else if let Some((_, value)) = text.split_once("WorkingDirectory=") {
            // With `-` it may be missing (systemd.exec(5)).
            let value = value.trim_start_matches('-');
            out.push(word.behind(text.len() - value.len()));
        } else if let Some(letter) = short.chars().nth(1)
            && is_in_cluster(word, letter)
            && let Some((_, value)) = text.split_once(letter)
        {
            out.push(Word::of(value));
            out.extend(words.get(at + 1).filter(|_| value.is_empty()).cloned());
        }
    }
    out
}

/// The folders in which find runs a command by `-execdir` or `-okdir`: those of its paths, the ones around these, and any below.
fn where_found(call: &Call) -> Vec<Word> {
    let words = call.words.get(1..).unwrap_or_default();
    let there = |w: &Word| w.may_be("-execdir") || w.may_be("-okdir");
    if !words.iter().any(there) {
        return Vec::new();
    }
    let mut rest = words;
    while let Some((first, behind)) = rest.split_first() {
        rest = match first.literal_prefix() {
            "-D" => behind.get(1..).unwrap_or_default(),
            "-H" | "-L" | "-P" => behind,
            text if text.starts_with("-O") => behind,
            _ => break,
        };
    }
    let is_path = |w: &&Word| !w.literal_prefix().starts_with(['-', '(', '!']);
    let mut paths: Vec<Word> = rest.iter().take_while(is_path).cloned().collect();
    if paths.is_empty() {
        paths.push(Word::of("."));
    }
    let around = |path: Word| {
        let with = |more: &[Segment]| {
            let mut word = path.clone();
            more.iter()
                .cloned()
                .for_each(|s| push(&mut word.segments, s));
            word
        };
        let literal = path.literal().map(|text| text.trim_end_matches('/'));
        let parent = match literal.and_then(|text| text.rsplit_once('/')) {
            Some(("", _)) => Word::of("/"),
            Some((parent, _)) => Word::of(parent),
            None => with(&[Segment::Literal("/..".into())]),
        };
        let below = with(&[Segment::Literal("/".into()), Segment::Glob("*".into())]);
        [path, parent, below]
    };
    paths.into_iter().flat_map(around).collect()
}
