//! Rules that ask or forbid look for signs: loosely, anywhere in a call, however it is spelt.
//!
//! Must never need to understand a whole command: one sign is enough.

use super::language::{self, Class};
use super::path;
use super::places::{self, Places};
use super::rule::{RawHasOperand, RawPlaces, RawWritesTo, Rule};
use super::writes::{self, Target};
use crate::command::wrapper::lays_out_json;
use crate::command::wrapper::sudo_takes;
use crate::command::{Call, Reading, Sudo, Word, Wraps, above};
use std::cell::LazyCell;
use std::collections::BTreeSet;

/// What a rule is held against.
pub struct Seen<'a> {
    pub reading: &'a Reading,
    pub call: &'a Call,
    /// The words behind the command word; with what expansions and relative names could stand for, where
    /// that is looked into.
    pub words: &'a [Word],
    /// What the call writes to.
    pub targets: &'a [Target],
}

/// Whether every sign of the rule is there.
pub fn matches(rule: &Rule, seen: &Seen) -> bool {
    let signs = &rule.signs;
    let (reading, call, words) = (seen.reading, seen.call, seen.words);
    (rule.subcommands.is_empty()
        || rule
            .subcommands
            .iter()
            .any(|path| has_in_order(words, path)))
        && signs.options.iter().all(|names| {
            names
                .iter()
                .any(|name| words.iter().any(|w| has_option(w, name)))
        })
        && (!signs.as_root || is_root(reading, call))
        && !is_harmless(words, &signs.without)
        && signs.operand.as_ref().is_none_or(|wanted| {
            wanted_of(words, wanted)
                .iter()
                .any(|w| is_operand(w, wanted))
        })
        && (signs.words.is_empty()
            || words
                .iter()
                .any(|w| signs.words.iter().any(|pattern| fits(w, pattern))))
        && signs
            .redirects
            .as_ref()
            .is_none_or(|places| redirects_to(call, places))
        && signs
            .writes
            .as_ref()
            .is_none_or(|places| seen.targets.iter().any(|t| is_written(t, places)))
        && (signs.pipes_into.is_empty() || pipes_into(reading, call, &signs.pipes_into))
        && (signs.substituted_into.is_empty()
            || substituted_into(reading, call, &signs.substituted_into))
        && signs.word.as_ref().is_none_or(|pattern| {
            words
                .iter()
                .any(|w| pattern.fits(&w.spelt()) != Some(false))
        })
        && signs
            .line
            .as_ref()
            .is_none_or(|pattern| pattern.fits(&reading.canonical) != Some(false))
}

/// The words in which a place is looked for.
fn wanted_of<'a>(words: &'a [Word], wanted: &RawHasOperand) -> &'a [Word] {
    let named = |w: &Word| !w.literal_prefix().starts_with('-');
    match words.iter().rposition(named).filter(|_| wanted.but_last) {
        Some(last) => &words[..last],
        None => words,
    }
}

/// Whether what is written is one of the places.
fn is_written(target: &Target, wanted: &RawWritesTo) -> bool {
    let text = target.word.spelt();
    let holds = |at, under| places::holds(&text, target.word.is_glob(), Places { at, under });
    if target.word.is_dynamic() {
        return writes::is_written(&target.word, &wanted.words);
    }
    (writes::is_written(&target.word, &wanted.words)
        || holds(&wanted.at, &wanted.under)
        || target.tree && holds(&wanted.trees, &[]))
        && !holds(&wanted.not, &[])
}

/// Whether a call is run as root by a wrapper around it, whatever else that one was told.
fn is_root(reading: &Reading, call: &Call) -> bool {
    if call.sudo == Sudo::Plain {
        return true;
    }
    let becomes_root = |wrapper: &Call| {
        matches!(
            wrapper.name.base.as_str(),
            "sudo" | "doas" | "pkexec" | "run0"
        ) && !names_another_user(wrapper)
    };
    call.sudo != Sudo::No && above(&reading.calls, call).any(|(_, by)| becomes_root(by))
}

/// Long options of sudo and its kin without a value.
const FLAGS: [&str; 10] = [
    "--askpass",
    "--background",
    "--bell",
    "--login",
    "--no-update",
    "--non-interactive",
    "--preserve-env",
    "--set-home",
    "--shell",
    "--stdin",
];

/// Whether `-u bob`, `--user=bob` surely names somebody else: the last one counts, and no value of another option does.
fn names_another_user(wrapper: &Call) -> bool {
    let mut words = wrapper.words.iter().skip(1).map(Word::literal);
    let mut user = None;
    while let Some(word) = words.next() {
        let Some(word) = word else { return false };
        if word == "--" {
            break;
        }
        let long =
            ["--user", "--use", "--us"].contains(&word.split('=').next().unwrap_or_default());
        match word.split_once('=') {
            Some((_, name)) if long => user = Some(name),
            None if long || word == "-u" => user = words.next().flatten(),
            Some(_) if word.starts_with("--") => {}
            // `--prompt PROMPT`; of an abbreviation it is not known.
            None if word.starts_with("--") => match FLAGS.contains(&word) {
                true => {}
                false => drop(words.next()),
            },
            _ if word.starts_with("-u") => user = word.get(2..),
            _ if sudo_takes(word) => drop(words.next()),
            _ if word.contains('u') => return false,
            _ => {}
        }
    }
    let plain = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    user.is_some_and(|name| plain(name) && name != "root")
}

/// What the rule's reader makes of a call; none without a reader that can tell.
pub fn classify(rule: &Rule, call: &Call) -> Option<Class> {
    let (kind, limits) = rule.reader.as_ref()?;
    let words: Vec<&str> = call
        .words
        .iter()
        .skip(1)
        // What is known only when it runs is no word that a reader knows.
        .map(|w| w.literal().unwrap_or("\u{2026}"))
        .collect();
    language::classify(*kind, &words, limits)
}

/// The words of the path in order, others between them allowed.
fn has_in_order(words: &[Word], path: &[String]) -> bool {
    let mut wanted = path.iter();
    let mut next = wanted.next();
    for word in words {
        if let Some(name) = next
            && word.literal() == Some(name)
        {
            next = wanted.next();
        }
    }
    next.is_none()
}

/// `-r` in a cluster, `--rec` for `--recursive`, `-delete` as it stands.
fn has_option(word: &Word, name: &str) -> bool {
    let text = word.literal_prefix();
    if text == name {
        return true;
    }
    match (name.strip_prefix("--"), text.strip_prefix("--")) {
        (Some(_), Some(given)) => {
            let given = given.split('=').next().unwrap_or_default();
            !given.is_empty() && name[2..].starts_with(given)
        }
        (None, None) if name.len() == 2 => text
            .strip_prefix('-')
            .is_some_and(|letters| letters.contains(&name[1..])),
        _ => false,
    }
}

/// Whether one of these options surely stands among the words: what is harmless by it must not be so by another's value.
fn is_harmless(words: &[Word], options: &[String]) -> bool {
    let options_end = words.iter().position(|w| w.literal() == Some("--"));
    let words = &words[..options_end.unwrap_or(words.len())];
    let is = |text: &str, name: &String| {
        let long = name.starts_with("--") && text.split('=').next() == Some(name);
        // The first letter of a cluster is an option, whatever follows.
        let first = name.len() == 2 && !text.starts_with("--") && text.starts_with(name.as_str());
        text == name || long || first
    };
    let mut words = words.iter().filter_map(Word::literal);
    words.any(|text| options.iter().any(|name| is(text, name)))
}

/// Whether a word is, holds, or could become one of the places.
fn is_operand(word: &Word, wanted: &RawHasOperand) -> bool {
    if word.is_dynamic() {
        let prefix = word.literal_prefix();
        return wanted.expansions
            && (prefix.is_empty()
                || prefix == "/"
                || wanted
                    .at
                    .iter()
                    .chain(&wanted.under)
                    .any(|p| p.starts_with(prefix)));
    }
    writes::is_written(word, &wanted.words) || leads_to(word, wanted.places())
}

/// Whether a word without expansions is, or holds, one of the places.
fn leads_to(word: &Word, wanted: Places) -> bool {
    let text = word.spelt();
    // `of=/dev/sda`, `--output=/etc/shadow`, and a path glued to a letter: what stands behind counts too.
    let tails = [
        text.as_str(),
        text.split_once('=').map_or("", |(_, v)| v),
        text.find('/')
            .filter(|_| text.starts_with('-'))
            .map_or("", |at| &text[at..]),
    ];
    tails
        .iter()
        .any(|tail| places::holds(tail, word.is_glob(), wanted))
}

fn fits(word: &Word, pattern: &str) -> bool {
    path::matches(pattern, word.literal_prefix())
}

fn redirects_to(call: &Call, wanted: &RawPlaces) -> bool {
    let (at, under) = (wanted.not.as_slice(), wanted.under.as_slice());
    let mut written = call.redirections.iter().filter(|r| r.writes());
    written.any(|r| {
        let target = &r.target;
        writes::is_written(target, &wanted.words)
            || !target.is_dynamic()
                && leads_to(target, Places { at: &[], under })
                && !leads_to(target, Places { at, under: &[] })
    })
}

/// Whether a later command of the same pipeline is one of these, itself or behind a wrapper.
fn pipes_into(reading: &Reading, call: &Call, names: &[String]) -> bool {
    // A function of the line's own may run what stands anywhere in the line. Asked once, for there may be many of them.
    let anywhere = LazyCell::new(|| reading.calls.iter().any(|c| names.contains(&c.name.base)));
    reading.calls.iter().any(|other| {
        other.pipe.pipeline == call.pipe.pipeline
            && other.pipe.index > call.pipe.index
            && !(other.name.text == other.name.base
                && other.wraps == Wraps::Nothing
                && lays_out_json(other))
            && (names.contains(&other.name.base)
                || (reading.functions.contains(&other.name.text) && *anywhere))
    })
}

/// Whether what a call writes becomes a word or a file of one of these, itself or behind a wrapper, and
/// what that runs could not be read.
fn substituted_into(reading: &Reading, call: &Call, names: &[String]) -> bool {
    let calls = &reading.calls;
    // What it stands inside of, outwards. Each step goes to an earlier call.
    let outer = |at: &usize| calls.get(*at).and_then(|c| c.inside).filter(|i| i < at);
    let inside: BTreeSet<usize> = std::iter::successors(call.inside, outer).collect();
    if inside.is_empty() {
        return false;
    }
    let unread = |c: &Call| c.wraps.is_in_doubt();
    calls.iter().enumerate().any(|(at, other)| {
        // Behind a program that was not seen through, what follows is only guessed at.
        let guessed = || other.parent.and_then(|p| calls.get(p)).is_some_and(unread);
        let mut under = above(calls, other).map(|(at, _)| at);
        (unread(other) || guessed())
            && names.contains(&other.name.base)
            && (inside.contains(&at) || under.any(|at| inside.contains(&at)))
    })
}
