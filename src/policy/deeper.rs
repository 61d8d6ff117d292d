//! A second look at what is asked about: with the folders that the line goes to, the values that it sets, and
//! the commands in the text that other programs run.
//!
//! Finds what is forbidden and nothing else: a line that it says nothing of stays what it was. Work is bounded:
//! a line with more of all this than anybody types is looked at as far as the bounds go, and asked about; one whose values
//! would be too many to look at is forbidden.

use super::builtin;
use super::code;
use super::goes;
use super::places;
use super::rule::{Rule, Verdict};
use super::sets;
use super::tighten::{self, Seen};
use super::values::{self, Values};
use super::verdict::{Found, Verdicts, by_rules, forbid};
use super::writes::{self, Target};
use super::{Context, Policy, Risk};
use crate::command::descriptors;
use crate::command::{Call, Reading, Segment, Word, Wraps};
use std::collections::BTreeSet;

/// Most words of one call, with all that they could stand for.
const MOST_WORDS: usize = 2048;
/// Most ways of putting in one call's values.
const MOST_WAYS: usize = 8;
/// Most calls found in the text of code, for a line.
const MOST_CODE: usize = 2000;

/// What is known of a line.
struct Deep<'a> {
    reading: &'a Reading,
    cx: &'a Context<'a>,
    values: Values,
    folders: Vec<String>,
    /// A command of it begins at home, wherever the line is.
    at_home: bool,
    /// A descriptor's name could be another name of a file.
    reopens: bool,
    /// The links that it lays: each name, and what it leads to.
    links: Vec<(String, String)>,
}

/// Whose home it is cannot be known: it is taken for root's, the worst.
const HOME: &str = "/root";

impl Policy {
    /// What a second look at a line's calls finds: for each that is forbidden then, its place and why.
    pub(super) fn deeper(
        &self,
        reading: &Reading,
        asked: &[usize],
        cx: &Context,
    ) -> Vec<(usize, Verdicts)> {
        let mut found = Vec::new();
        if let Some(at) = multiplies(reading) {
            let why = "a function that runs itself without end";
            found.push((at, forbid(builtin::FORK_BOMB, why)));
        }
        if let Some(at) = runs_a_pipe(reading) {
            let why = "runs commands that come through a pipe and are not in the line";
            found.push((at, forbid(builtin::PIPED_CODE, why)));
        }
        let values = Values::of(reading);
        let folders = goes::folders(reading, &values);
        let deep = Deep {
            reading,
            cx,
            values,
            folders,
            at_home: reading.calls.iter().any(goes::begins_at_home),
            reopens: descriptors::may_reopen(&reading.calls),
            links: goes::links(reading),
        };
        let mut budget = MOST_CODE;
        for at in asked {
            let Some(call) = reading.calls.get(*at) else {
                continue;
            };
            let verdicts = deep
                .reopened(call)
                .or_else(|| self.joined(&deep, call))
                .or_else(|| self.put_in(&deep, call))
                .or_else(|| self.in_code(&deep, call, &mut budget));
            found.extend(verdicts.map(|v| (*at, v)));
        }
        if let Some(first) = asked.first().filter(|_| deep.values.is_spent()) {
            let why = "gives its variables more than can be looked at: write it shorter";
            found.push((*first, forbid(builtin::TOO_MUCH, why)));
        }
        found
    }

    /// With every word that a word could stand for beside it.
    fn joined(&self, deep: &Deep, call: &Call) -> Option<Verdicts> {
        let mut words = deep.words(call);
        if self.common.code.contains(&call.name.base) {
            for text in sets::input(deep.reading, call) {
                words.extend(text.split_whitespace().map(Word::of));
                words.push(Word::of(&text));
            }
        }
        let targets: Vec<Target> = writes::targets(&self.common.writes, call)
            .into_iter()
            .flat_map(|target| deep.targets(target))
            .collect();
        if words.len() == call.words.len().saturating_sub(1) && targets.is_empty() {
            return None;
        }
        let seen = Seen {
            reading: deep.reading,
            call,
            words: &words,
            targets: &targets,
        };
        self.forbidden(&seen, deep.cx, |_| true)
            .map(|v| told(v, "with the folders and values that the line itself gives"))
    }

    /// With the values put in, one way after the other: for what a rule says of the order of words, and for readers.
    fn put_in(&self, deep: &Deep, call: &Call) -> Option<Verdicts> {
        if !call.words.iter().any(Word::is_dynamic) {
            return None;
        }
        let given = [Segment::Expansion("…".into())];
        let choices: Vec<Vec<Vec<Word>>> = call
            .words
            .iter()
            .map(|word| {
                let mut ways = match deep.values.alternatives(word) {
                    none if none.is_empty() => vec![vec![word.clone()]],
                    some => some,
                };
                // Without input, xargs runs its command as it stands (it has none: the gate gives none).
                if word.segments == given {
                    ways.insert(0, Vec::new());
                }
                ways
            })
            .collect();
        let ways = choices.iter().map(Vec::len).max().unwrap_or(0);
        (0..ways.min(MOST_WAYS)).find_map(|way| {
            let words = choices
                .iter()
                .filter_map(|choice| choice.get(way % choice.len().max(1)))
                .flatten()
                .cloned()
                .collect();
            let call = Call {
                words,
                ..call.clone()
            };
            let verdicts = self.rules_of(deep.reading, &call, deep.cx);
            let known = verdicts.risk == Risk::Forbidden && verdicts.rules != [builtin::UNKNOWN];
            known.then(|| told(verdicts, "with the values that the line itself gives"))
        })
    }

    /// The commands in the texts that a call is given, where it runs such texts.
    fn in_code(&self, deep: &Deep, call: &Call, budget: &mut usize) -> Option<Verdicts> {
        let runs = call.wraps.is_in_doubt() || self.common.code.contains(&call.name.base);
        let mut texts: BTreeSet<String> = call
            .assignments
            .iter()
            .map(|a| a.value.spelt())
            .filter(|text| text.contains(' '))
            .collect();
        texts.extend(commands_of(call));
        let given = sets::input(deep.reading, call);
        if runs {
            let words = call.words.iter().skip(1);
            texts.extend(words.map(Word::spelt));
            texts.extend(deep.words(call).iter().map(Word::spelt));
            texts.extend(given.iter().cloned());
            let made: Vec<String> = texts.iter().filter_map(|t| code::replacement(t)).collect();
            texts.extend(made);
        }
        for text in texts
            .iter()
            .filter(|t| t.contains(|c: char| !c.is_ascii_alphanumeric()))
        {
            for found in code::calls(text, call, given.contains(text)) {
                *budget = budget.saturating_sub(1);
                if *budget == 0 {
                    return None;
                }
                if !self.index.names(&found.call.name.base) {
                    continue;
                }
                let targets = writes::targets(&self.common.writes, &found.call);
                let seen = Seen {
                    reading: deep.reading,
                    call: &found.call,
                    words: found.call.words.get(1..).unwrap_or_default(),
                    targets: &targets,
                };
                let counts = |rule: &Rule| found.run || is_more_than_a_name(rule);
                if let Some(verdicts) = self.forbidden(&seen, deep.cx, counts) {
                    return Some(told(verdicts, "in the text that it is given to run"));
                }
            }
        }
        None
    }

    /// What the rules that forbid say of a call; none where none does.
    fn forbidden(
        &self,
        seen: &Seen,
        cx: &Context,
        counts: impl Fn(&Rule) -> bool,
    ) -> Option<Verdicts> {
        let found: Vec<Found> = self
            .candidates(&seen.call.name.base, seen.words, cx)
            .into_iter()
            .filter(|rule| {
                rule.verdict == Verdict::Forbidden
                    && rule.when.holds(cx)
                    && counts(rule)
                    && tighten::matches(rule, seen)
            })
            .filter_map(|rule| Found::of(rule, seen.call))
            .collect();
        (!found.is_empty()).then(|| by_rules(&found, seen.call, Risk::Forbidden))
    }
}

/// Variables that programs take for commands, or hold options that name one; and all pagers.
const COMMANDS: [&str; 15] = [
    "BROWSER",
    "EDITOR",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "LESSCLOSE",
    "LESSOPEN",
    "RSYNC_RSH",
    "SUDO_EDITOR",
    "TAR_OPTIONS",
    "VISUAL",
];

/// The values of these that a call gives, as calls of a shell's language are written.
fn commands_of(call: &Call) -> impl Iterator<Item = String> {
    let assigned = call
        .assignments
        .iter()
        .map(|a| (a.name.clone(), a.value.spelt()));
    let words = call.words.iter().skip(1).map(Word::spelt);
    let declared = words.filter_map(|text| {
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let commands = assigned.chain(declared);
    let commands =
        commands.filter(|(name, _)| COMMANDS.contains(&name.as_str()) || name.ends_with("PAGER"));
    // As text that is surely run: a name by itself could be any word.
    commands.map(|(_, value)| format!("system({value})"))
}

fn told(mut verdicts: Verdicts, how: &str) -> Verdicts {
    verdicts.why = format!("Seen {how}: {}", verdicts.why);
    verdicts
}

/// Whether a rule asks for more than a program's name and the line around it.
fn is_more_than_a_name(rule: &Rule) -> bool {
    let signs = &rule.signs;
    let more = !signs.options.is_empty()
        || signs.operand.is_some()
        || !signs.words.is_empty()
        || signs.writes.is_some()
        || signs.redirects.is_some()
        || signs.word.is_some()
        || !rule.subcommands.is_empty();
    more && signs.line.is_none()
}

impl Deep<'_> {
    /// A name of what the line itself opened, as the reader refuses it where it stands in one piece.
    fn reopened(&self, call: &Call) -> Option<Verdicts> {
        if !self.reopens || descriptors::only_reads(call, &self.reading.calls) {
            return None;
        }
        let targets = call.redirections.iter().filter(|r| r.writes());
        let mut names: Vec<Word> = targets.map(|r| r.target.clone()).collect();
        names.extend(
            names
                .clone()
                .iter()
                .flat_map(|w| self.values.alternatives(w).concat()),
        );
        let mut names = self.elsewhere(names);
        names.extend(self.words(call));
        let found = names.iter().find(|word| {
            let text = word.spelt();
            let values = text.match_indices('=').map(|(at, _)| &text[at + 1..]);
            let mut paths = std::iter::once(text.as_str()).chain(values);
            !word.is_dynamic() && paths.any(|path| places::is_descriptor(path, word.is_glob()))
        })?;
        let why = format!(
            "`{}` may be another name of a file that the line opens",
            crate::display::escape(&found.spelt())
        );
        Some(forbid(builtin::REOPENED, &why))
    }

    /// The words behind the command word, each with all that it could stand for behind it.
    fn words(&self, call: &Call) -> Vec<Word> {
        let mut out = Vec::new();
        for word in call.words.iter().skip(1) {
            let mut with = vec![word.clone()];
            with.extend(self.values.alternatives(word).into_iter().flatten());
            out.extend(self.elsewhere(with));
            if out.len() > MOST_WORDS {
                return out;
            }
        }
        let first = call.words.iter().skip(1).map(Word::literal_prefix);
        let mut first = first.skip_while(|w| matches!(*w, "-H" | "-L" | "-P"));
        // Without a folder, find begins where it runs.
        if call.name.base == "find" && first.next().is_none_or(|w| w.starts_with(['-', '(', '!'])) {
            out.extend(self.relative(&Word::of(".")));
        }
        out
    }

    /// What is written, with all that its name could stand for.
    fn targets(&self, target: Target) -> Vec<Target> {
        let mut words = self.values.alternatives(&target.word).concat();
        words.push(target.word);
        let tree = target.tree;
        self.elsewhere(words)
            .into_iter()
            .map(|word| Target { word, tree })
            .collect()
    }

    /// Names, with those below the folders that the line goes to, and with what they lead to by the links that it lays.
    fn elsewhere(&self, mut names: Vec<Word>) -> Vec<Word> {
        let relative: Vec<Word> = names.iter().flat_map(|w| self.relative(w)).collect();
        names.extend(relative);
        let mut led = Vec::new();
        for name in &names {
            for (link, to) in &self.links {
                let text = name.literal_prefix();
                let rest = text.strip_prefix(link.as_str());
                if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                    let mut word = name.behind(link.len());
                    word.segments.insert(0, Segment::Literal(to.clone()));
                    led.push(word);
                }
            }
        }
        names.extend(led);
        names
    }

    /// A relative name, below each folder that the line goes to. Where it goes to none, one that begins with
    /// `..` is taken from the root, the worst.
    fn relative(&self, word: &Word) -> Vec<Word> {
        let spelt = word.spelt();
        // The line's own folder by another name.
        let own = places::in_own_folder(&spelt, word.is_glob()).filter(|_| !word.is_dynamic());
        let own = own.map(|name| match word.is_glob() {
            true => values::as_word(name, word),
            false => Word::of(name),
        });
        let word = own.as_ref().unwrap_or(word);
        let prefix = word.literal_prefix();
        let (key, name) = match prefix.split_once('=') {
            Some((key, name)) if !key.starts_with('-') => (format!("{key}="), name),
            _ => (String::new(), prefix),
        };
        let odd = word.is_dynamic() || name.starts_with(['/', '-']) || name.contains("://");
        if odd || (name.is_empty() && !word.is_glob()) {
            return Vec::new();
        }
        let mut folders: Vec<&str> = self.folders.iter().map(String::as_str).collect();
        if folders.is_empty() && name.starts_with("..") {
            folders.push("");
        }
        // A session begins at home, and a shell reads some of its files by itself.
        let hidden = name.strip_prefix('.');
        if hidden.is_some_and(|n| n.starts_with(|c: char| c.is_ascii_alphabetic()))
            && (folders.is_empty() || self.at_home)
        {
            folders.push(HOME);
        }
        folders
            .iter()
            .map(|folder| {
                let mut word = word.clone();
                let text = format!("{key}{folder}/{name}");
                // A folder by a pattern makes a pattern of the name.
                let joined = match folder.contains(['*', '?', '[']) {
                    true => values::as_word(&text, &word).segments,
                    false => vec![Segment::Literal(text)],
                };
                let own = matches!(word.segments.first(), Some(Segment::Literal(_)));
                word.segments.splice(..usize::from(own), joined);
                word
            })
            .collect()
    }
}

/// A call that takes its commands from a pipe whose text the line does not tell: `cat x | ssh host`.
fn runs_a_pipe(reading: &Reading) -> Option<usize> {
    reading.calls.iter().enumerate().position(|(at, call)| {
        let words = call.words.get(1..).unwrap_or_default();
        let alone = || !reading.calls.iter().any(|c| c.parent == Some(at));
        let named = words
            .iter()
            .filter(|w| !w.literal_prefix().starts_with('-'))
            .count();
        let takes = match call.name.base.as_str() {
            // A host and nothing to run there; -N runs nothing, -W and -L only pass on.
            "ssh" => {
                matches!(call.wraps, Wraps::Nothing | Wraps::Unknown)
                    && named > 0
                    && alone()
                    && !words.iter().any(|w| {
                        let letters = w.literal_prefix().strip_prefix('-');
                        letters.is_some_and(|l| l.contains(['N', 'W', 'L', 'V', 'O', 'G', 'Q']))
                    })
            }
            // Where its command was read, that stands behind it.
            "parallel" => named == 0 && matches!(call.wraps, Wraps::Unknown | Wraps::Nothing),
            _ => false,
        };
        takes && call.pipe.index > 0 && !sets::is_told(reading, call)
    })
}

/// A call in the body of a function that leads back to that function.
fn multiplies(reading: &Reading) -> Option<usize> {
    let calls = &reading.calls;
    let leads = |from: &str| {
        let from = from.to_owned();
        let inside = calls
            .iter()
            .filter(move |c| c.scope.functions.last() == Some(&from));
        inside.map(|c| c.name.text.as_str())
    };
    calls.iter().position(|call| {
        let Some(own) = call.scope.functions.last() else {
            return false;
        };
        let mut seen = BTreeSet::new();
        let mut ahead = vec![call.name.text.as_str()];
        while let Some(name) = ahead.pop() {
            if name == own {
                return true;
            }
            if seen.insert(name) && seen.len() < 64 {
                ahead.extend(leads(name));
            }
        }
        false
    })
}
