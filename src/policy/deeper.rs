//! A second look at what is asked about: with the folders that the line goes to, the values that it sets, and
//! the commands in the text that other programs run.
//!
//! Finds what is forbidden and nothing else: a line that it says nothing of stays what it was. Work is bounded:
//! a line with more of all this than anybody types is looked at as far as the bounds go, and asked about.

use super::builtin;
use super::code;
use super::rule::{Rule, Verdict};
use super::tighten::{self, Seen};
use super::values::{self, Values};
use super::verdict::{Found, Verdicts, by_rules, forbid};
use super::writes::{self, Target};
use super::{Context, Policy, Risk};
use crate::command::word::push;
use crate::command::{Call, Reading, Segment, Word, Wraps};
use std::collections::BTreeSet;

/// Most folders that are joined with a relative name.
const MOST_FOLDERS: usize = 16;
/// So far up from where a line begins, it is at the root.
const UP: &str = "../../../";
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
}

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
        let folders = folders(reading, &values);
        let deep = Deep {
            reading,
            cx,
            values,
            folders,
        };
        let mut budget = MOST_CODE;
        for at in asked {
            let Some(call) = reading.calls.get(*at) else {
                continue;
            };
            let verdicts = self
                .joined(&deep, call)
                .or_else(|| self.put_in(&deep, call))
                .or_else(|| self.in_code(&deep, call, &mut budget));
            found.extend(verdicts.map(|v| (*at, v)));
        }
        found
    }

    /// With every word that a word could stand for beside it.
    fn joined(&self, deep: &Deep, call: &Call) -> Option<Verdicts> {
        let mut words = deep.words(call);
        if self.common.code.contains(&call.name.base) {
            for text in values::input(deep.reading, call) {
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
        let given = values::input(deep.reading, call);
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
    /// The words behind the command word, each with all that it could stand for behind it.
    fn words(&self, call: &Call) -> Vec<Word> {
        let mut out = Vec::new();
        for word in call.words.iter().skip(1) {
            let mut with = vec![word.clone()];
            with.extend(self.values.alternatives(word).into_iter().flatten());
            let relative: Vec<Word> = with.iter().flat_map(|w| self.relative(w)).collect();
            out.extend(with);
            out.extend(relative);
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
        let relative: Vec<Word> = words.iter().flat_map(|w| self.relative(w)).collect();
        words.extend(relative);
        let tree = target.tree;
        words
            .into_iter()
            .map(|word| Target { word, tree })
            .collect()
    }

    /// A relative name, below each folder that the line goes to. Where it goes to none, one that begins with
    /// `..` is taken from the root, the worst.
    fn relative(&self, word: &Word) -> Vec<Word> {
        let prefix = word.literal_prefix();
        let (key, name) = match prefix.split_once('=') {
            Some((key, name)) if !key.starts_with('-') => (format!("{key}="), name),
            _ => (String::new(), prefix),
        };
        // The line's own folder by another name.
        let by_link = name
            .rfind("/cwd/")
            .filter(|_| name.starts_with("/proc/") || name.starts_with("/dev/"));
        let name = by_link.map_or(name, |at| &name[at + "/cwd/".len()..]);
        let odd = word.is_dynamic() || name.starts_with(['/', '-']) || name.contains("://");
        if odd || (name.is_empty() && !word.is_glob()) {
            return Vec::new();
        }
        let root = [String::new()];
        let folders: &[String] = match self.folders.as_slice() {
            [] if name.starts_with("..") => &root,
            folders => folders,
        };
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

/// Where a line may be that goes to too many folders.
const WORST: [&str; 8] = ["/", "/etc", "/dev", "/usr", "/boot", "/var", "/root", "/*"];

/// The folders that a line goes to: `cd`, `env -C`, `sudo -D`, `git -C`, `make -C`, `find -execdir`; the root, for what starts there.
fn folders(reading: &Reading, values: &Values) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    let mut full = false;
    for call in &reading.calls {
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
        if at_root && folders.len() < MOST_FOLDERS && !folders.iter().any(|f| f == "/") {
            folders.push("/".into());
        }
        let to = match base {
            "cd" | "pushd" | "chdir" => vec![changed_to(call)],
            "env" => going(call, "-C", "--chdir"),
            "sudo" => going(call, "-D", "--chdir"),
            "unshare" => going(call, "-w", "--wd"),
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
                } else if folders.is_empty() && text.starts_with(UP) {
                    vec![format!("/{}", text.trim_start_matches("../"))]
                } else {
                    folders.iter().map(|f| format!("{f}/{text}")).collect()
                };
                for folder in joined {
                    let new = !folders.contains(&folder);
                    if new && folders.len() < MOST_FOLDERS {
                        folders.push(folder);
                    } else if new && !full {
                        // Then it may be in the worst of them.
                        full = true;
                        folders.extend(WORST.map(str::to_owned));
                    }
                }
            }
        }
    }
    folders
}

/// Whether an option stands by itself, or in a cluster of others.
fn is_in_cluster(word: &Word, letter: char) -> bool {
    let text = word.literal_prefix();
    text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
}

/// Where `cd` goes: `cd -P` names no folder, but `cd -` does; and `cd` alone goes home.
fn changed_to(call: &Call) -> Word {
    let named = |w: &&Word| !w.literal_prefix().starts_with('-') || w.literal() == Some("-");
    let variable = |text: &str| Word {
        segments: vec![Segment::Expansion(text.to_owned())],
        ..Word::default()
    };
    match call.words.iter().skip(1).find(named) {
        Some(word) if word.literal() == Some("-") => variable("\"${OLDPWD}\""),
        Some(word) => word.clone(),
        None => variable("\"${HOME}\""),
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

/// A call that takes its commands from a pipe whose text the line does not tell: `cat x | ssh host`.
fn runs_a_pipe(reading: &Reading) -> Option<usize> {
    reading.calls.iter().position(|call| {
        let words = call.words.get(1..).unwrap_or_default();
        let named = words
            .iter()
            .filter(|w| !w.literal_prefix().starts_with('-'))
            .count();
        let takes = match call.name.base.as_str() {
            // A host and nothing to run there; -N runs nothing, -W and -L only pass on.
            "ssh" => {
                call.wraps == Wraps::Nothing
                    && named > 0
                    && !words.iter().any(|w| {
                        let letters = w.literal_prefix().strip_prefix('-');
                        letters.is_some_and(|l| l.contains(['N', 'W', 'L', 'V', 'O', 'G', 'Q']))
                    })
            }
            // Where its command was read, that stands behind it.
            "parallel" => named == 0 && matches!(call.wraps, Wraps::Unknown | Wraps::Nothing),
            _ => false,
        };
        takes && call.pipe.index > 0 && values::input(reading, call).is_empty()
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
