//! Rules that ask or forbid look for signs: loosely, anywhere in a call, however it is spelt.
//!
//! Must never need to understand a whole command: one sign is enough.

use super::language::{self, Class};
use super::path;
use super::rule::{RawHasOperand, RawPlaces, Rule};
use crate::command::{Call, Reading, Sudo, Word};

/// Whether every sign of the rule is there.
pub fn matches(rule: &Rule, reading: &Reading, call: &Call) -> bool {
    let signs = &rule.signs;
    let words = call.words.get(1..).unwrap_or_default();
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
        && !signs
            .without
            .iter()
            .any(|name| words.iter().any(|w| has_option(w, name)))
        && signs
            .operand
            .as_ref()
            .is_none_or(|wanted| words.iter().any(|w| is_operand(w, wanted)))
        && (signs.words.is_empty()
            || words
                .iter()
                .any(|w| signs.words.iter().any(|pattern| fits(w, pattern))))
        && signs
            .redirects
            .as_ref()
            .is_none_or(|places| redirects_to(call, places))
        && (signs.pipes_into.is_empty() || pipes_into(reading, call, &signs.pipes_into))
        && (signs.substituted_into.is_empty()
            || substituted_into(reading, call, &signs.substituted_into))
        && signs
            .word
            .as_ref()
            .is_none_or(|pattern| words.iter().any(|w| pattern.is_match(&spelt(w))))
        && signs
            .line
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(&reading.canonical))
}

/// Whether a call is run as root by a wrapper around it, whatever else that one was told.
fn is_root(reading: &Reading, call: &Call) -> bool {
    if call.sudo == Sudo::Plain {
        return true;
    }
    let mut at = call.parent;
    // A parent stands in front of what it runs, so this ends.
    while let Some(wrapper) = at.and_then(|index| reading.calls.get(index)) {
        if matches!(
            wrapper.name.base.as_str(),
            "sudo" | "doas" | "pkexec" | "run0"
        ) && call.sudo != Sudo::No
            && !names_another_user(wrapper)
        {
            return true;
        }
        at = wrapper.parent.filter(|p| Some(*p) < at);
    }
    false
}

/// `-u bob`, `--user=bob`.
fn names_another_user(wrapper: &Call) -> bool {
    let words: Vec<&str> = wrapper
        .words
        .iter()
        .map(|w| w.literal().unwrap_or("\u{2026}"))
        .collect();
    words.iter().enumerate().any(|(index, word)| {
        let user = match *word {
            "-u" | "--user" => words.get(index + 1).copied(),
            _ => word
                .strip_prefix("--user=")
                .or_else(|| word.strip_prefix("-u").filter(|u| !u.is_empty())),
        };
        user.is_some_and(|u| !matches!(u, "root" | "#0" | "0" | "\u{2026}"))
    })
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
    let text = word.literal().unwrap_or_else(|| word.literal_prefix());
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

/// A word's text with patterns and expansions as they are written.
fn spelt(word: &Word) -> String {
    word.segments
        .iter()
        .map(|s| match s {
            crate::command::Segment::Literal(t)
            | crate::command::Segment::Glob(t)
            | crate::command::Segment::Expansion(t) => t.as_str(),
        })
        .collect()
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
    let text = spelt(word);
    if wanted.words.iter().any(|w| path::matches(w, &text)) {
        return true;
    }
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
        .any(|tail| is_place(tail, word.is_glob(), wanted))
}

fn is_place(text: &str, glob: bool, wanted: &RawHasOperand) -> bool {
    if !text.starts_with('/') {
        return false;
    }
    let resolved = resolve(text);
    let names: Vec<&str> = resolved.iter().map(String::as_str).collect();
    let meets = |a: &str, b: &str| {
        if glob {
            path::intersect(a, b)
        } else {
            path::matches(b, a)
        }
    };
    let same = |root: &String, prefix: bool| {
        let root = path::components(root).unwrap_or_default();
        let long_enough = if prefix {
            names.len() >= root.len()
        } else {
            names.len() == root.len()
        };
        long_enough
            && names
                .iter()
                .zip(&root)
                .all(|(name, pattern)| meets(name, pattern))
    };
    // Everything directly inside a place is the place: `/*`, `/etc/*`.
    let inside = |root: &String| {
        let root = path::components(root).unwrap_or_default();
        names.len() == root.len() + 1
            && names
                .last()
                .is_some_and(|n| n.starts_with('*') || *n == ".*")
            && names
                .iter()
                .zip(&root)
                .all(|(name, pattern)| meets(name, pattern))
    };
    wanted
        .at
        .iter()
        .any(|root| same(root, false) || inside(root))
        || wanted.under.iter().any(|root| same(root, true))
}

/// The components with `.` and `..` worked out as text: `/var/../etc` is `/etc`.
fn resolve(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let text = below_proc(text);
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name.to_owned()),
        }
    }
    names
}

fn fits(word: &Word, pattern: &str) -> bool {
    word.literal().map_or_else(
        || path::matches(pattern, word.literal_prefix()),
        |text| path::matches(pattern, text),
    )
}

fn redirects_to(call: &Call, places: &RawPlaces) -> bool {
    let wanted = RawHasOperand {
        at: Vec::new(),
        under: places.under.clone(),
        words: Vec::new(),
        expansions: false,
    };
    let excluded = RawHasOperand {
        at: places.not.clone(),
        under: Vec::new(),
        words: Vec::new(),
        expansions: false,
    };
    let written = |word: &Word| {
        let text = spelt(word);
        places.words.iter().any(|w| path::matches(w, &text))
    };
    call.redirections.iter().filter(|r| r.writes()).any(|r| {
        written(&r.target) || is_operand(&r.target, &wanted) && !is_operand(&r.target, &excluded)
    })
}

/// Whether a later command of the same pipeline is one of these, itself or behind a wrapper.
fn pipes_into(reading: &Reading, call: &Call, names: &[String]) -> bool {
    reading.calls.iter().any(|other| {
        other.pipe.pipeline == call.pipe.pipeline
            && other.pipe.index > call.pipe.index
            && (names.contains(&other.name.base)
                // A function of the line's own may run what stands anywhere in the line.
                || (reading.functions.contains(&other.name.text)
                    && reading.calls.iter().any(|c| names.contains(&c.name.base))))
    })
}

/// `/proc/self/root/etc` is `/etc`, for every process of the same root.
fn below_proc(text: &str) -> &str {
    let mut text = text;
    loop {
        let parts: Vec<&str> = text.splitn(2, "/root").collect();
        let process = parts[0].trim_start_matches('/').strip_prefix("proc/");
        match (process, parts.get(1)) {
            (Some(process), Some(rest))
                if !process.contains('/') && (rest.is_empty() || rest.starts_with('/')) =>
            {
                text = if rest.is_empty() { "/" } else { rest };
            }
            _ => return text,
        }
    }
}

/// Whether what a call writes becomes a word or a file of one of these, itself or behind a wrapper, and
/// what that runs could not be read.
fn substituted_into(reading: &Reading, call: &Call, names: &[String]) -> bool {
    let mut inside = call.inside;
    // Substitutions nest no deeper than this; each step goes to an earlier call.
    while let Some(index) = inside {
        let under = |mut at: usize| loop {
            if at == index {
                return true;
            }
            match reading
                .calls
                .get(at)
                .and_then(|c| c.parent)
                .filter(|p| *p < at)
            {
                Some(parent) => at = parent,
                None => return false,
            }
        };
        let runs = reading.calls.iter().enumerate().any(|(at, other)| {
            // Behind a program that was not seen through, what follows is only guessed at.
            let unread = |c: &Call| c.wraps == crate::command::Wraps::Unknown;
            let guessed = other
                .parent
                .and_then(|p| reading.calls.get(p))
                .is_some_and(unread);
            names.contains(&other.name.base) && (unread(other) || guessed) && under(at)
        });
        if runs {
            return true;
        }
        inside = reading
            .calls
            .get(index)
            .and_then(|c| c.inside)
            .filter(|i| *i < index);
    }
    false
}
