//! Whether a call's words are ones that an auto rule names.
//!
//! Must never let a word pass that no list names.

use super::allow::{Miss, miss};
use super::language::{self, Kind, Limits};
use super::options::{self, OptionSpec};
use super::rule::Rule;
use super::types::{self, Bounds, Type};
use crate::command::{Call, Segment, Sudo, Word};
use std::borrow::Cow;

/// Checks all words by the rule's lists; how many operands there are.
pub(super) fn words(rule: &Rule, call: &Call) -> Result<usize, Miss> {
    let (global, rest) = subcommand(rule, &call.words[1..])?;
    let bounds = &match call.sudo {
        Sudo::Plain => Cow::Owned(rule.bounds.as_root()),
        _ => Cow::Borrowed(&rule.bounds),
    };
    let globals: Vec<&OptionSpec> = rule.global_options.iter().collect();
    options::take(global, &globals, rule.style, bounds).map_err(|why| miss(3, why))?;
    let all: Vec<&OptionSpec> = rule.options.iter().chain(&rule.global_options).collect();
    let given = options::take(rest, &all, rule.style, bounds).map_err(|why| miss(4, why))?;
    operands(rule, &given, call.sudo).map_err(|why| miss(5, why))?;
    Ok(given.len())
}

/// Checks the words of `test` and `[`; how many there are.
pub(super) fn question(rule: &Rule, call: &Call) -> Result<usize, Miss> {
    let mut words = call.words.get(1..).unwrap_or_default();
    if call.name.base == "[" {
        words = match words.split_last() {
            Some((last, words)) if last.literal() == Some("]") => words,
            _ => return Err(miss(5, "its `]` is not there")),
        };
    }
    let texts: Option<Vec<Option<&str>>> = words
        .iter()
        .map(|word| match word.literal() {
            Some(text) => Some(Some(text)),
            // One word, whatever it says.
            None => types::is_in_quotes(word).then_some(None),
        })
        .collect();
    // Where files are found for a pattern, each is asked about by itself.
    let bounds = Bounds {
        glob: true,
        ..rule.bounds.clone()
    };
    let file = |at: usize| match words.get(at) {
        Some(word) => types::check(&Type::Path, word, &bounds),
        None => Err("a file is missing".into()),
    };
    let found = |word: &Word| word.is_glob() && word.literal_prefix().starts_with('/');
    let texts = match texts {
        Some(texts) => texts,
        None if words.iter().all(|w| w.literal().is_some() || found(w)) => {
            words.iter().map(Word::literal).collect()
        }
        None => return Err(miss(5, "put what is known only when it runs in quotes")),
    };
    language::test::check(&texts, &file).map_err(|why| miss(5, why))?;
    Ok(words.len())
}

/// Checks all words by a reader; how many words there are.
pub(super) fn read_by(
    kind: Kind,
    limits: &Limits,
    rule: &Rule,
    call: &Call,
) -> Result<usize, Miss> {
    // Of a pattern that fits one name, the shell hands on itself or that name: both are read.
    if kind == Kind::Kubectl && call.words.iter().any(|w| w.literal().is_none()) {
        read_words(kind, limits, rule, call, true)?;
    }
    read_words(kind, limits, rule, call, false)
}

fn read_words(
    kind: Kind,
    limits: &Limits,
    rule: &Rule,
    call: &Call,
    fitted: bool,
) -> Result<usize, Miss> {
    let one = |word: &Word| {
        let (pattern, name) = types::of_one_name(word)?;
        Some(Cow::Owned(if fitted { name } else { pattern }))
    };
    // Of links on the command line.
    let follows = call
        .words
        .iter()
        .any(|w| matches!(w.literal(), Some("-L" | "-H" | "-follow")));
    let words: Option<Vec<Cow<str>>> = call.words[1..]
        .iter()
        .map(|word| match word.literal() {
            Some(text) => Some(Cow::Borrowed(text)),
            None if kind == Kind::Curl => query(word).map(Cow::Owned),
            None if kind == Kind::Kubectl => one(word),
            None if kind == Kind::Find && !follows => {
                let folder = folder_of(word).map(Cow::Owned);
                folder.or_else(|| a_name(word, limits, &rule.bounds).map(Cow::Owned))
            }
            None if matches!(kind, Kind::Openssl | Kind::Find) => {
                a_name(word, limits, &rule.bounds).map(Cow::Owned)
            }
            None => None,
        })
        .collect();
    let words = words.ok_or_else(|| {
        miss(
            5,
            "it holds an unquoted pattern or an expansion; put it in quotes",
        )
    })?;
    let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
    language::check_argv(kind, &words, limits).map_err(|why| miss(5, why))?;
    Ok(words.len())
}

/// One of the names that a pattern of files may find, where each of them may be read: the reader looks at that one.
fn a_name(word: &Word, limits: &Limits, bounds: &Bounds) -> Option<String> {
    let bounds = Bounds {
        glob: true,
        under: limits.under.as_slice().into(),
        secret: limits.not.as_slice().into(),
        ..bounds.clone()
    };
    types::check(&Type::Path, word, &bounds).ok()?;
    let mut text = String::new();
    for segment in &word.segments {
        match segment {
            Segment::Literal(part) => text.push_str(part),
            Segment::Glob(part) if part == "[0-9]" => text.push('0'),
            Segment::Glob(_) => text.push('x'),
            Segment::Expansion(_) => return None,
        }
    }
    text.starts_with('/').then_some(text)
}

/// The folder of `/var/*`: who may look through all of it may look through whatever lies there.
fn folder_of(word: &Word) -> Option<String> {
    let [Segment::Literal(folder), Segment::Glob(all)] = word.segments.as_slice() else {
        return None;
    };
    let folder = folder.strip_suffix('/').filter(|_| all == "*")?;
    (folder.len() > 1 && folder.starts_with('/')).then(|| folder.to_owned())
}

/// A URL whose `?` stands unquoted behind its host and path. Should a file of such a name be there after
/// all, the shell's word still begins with the same host, and only the one character differs.
fn query(word: &Word) -> Option<String> {
    let mut text = String::new();
    for segment in &word.segments {
        match segment {
            Segment::Literal(part) => text.push_str(part),
            Segment::Glob(part) if part == "?" => text.push('?'),
            _ => return None,
        }
    }
    let prefix = word.literal_prefix();
    let path = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
    (path.contains('/') && !text.starts_with('-')).then_some(text)
}

/// Splits at the subcommand: the words before it (global options), and those behind it.
fn subcommand<'a>(rule: &Rule, words: &'a [Word]) -> Result<(&'a [Word], &'a [Word]), Miss> {
    if rule.subcommands.is_empty() {
        return Ok((&[], words));
    }
    let mut at = 0;
    while let Some(text) = words
        .get(at)
        .and_then(Word::literal)
        .filter(|t| t.starts_with('-'))
    {
        let takes = rule.global_options.iter().any(|o| {
            matches!(o.value, options::Value::Required(_)) && o.names.iter().any(|n| n == text)
        });
        at += 1 + usize::from(takes);
    }
    let here = words.get(at..).unwrap_or_default();
    // The longest path that fits, so that `addr show` is not `addr` with an operand.
    let fits = |path: &&Vec<String>| {
        path.len() <= here.len()
            && path
                .iter()
                .zip(here)
                .all(|(name, word)| word.literal() == Some(name))
    };
    match rule.subcommands.iter().filter(fits).max_by_key(|p| p.len()) {
        Some(path) => Ok((&words[..at], &here[path.len()..])),
        None => Err(miss(
            2,
            format!(
                "`{}` is not one of its subcommands",
                here.first().and_then(Word::literal).unwrap_or("(none)")
            ),
        )),
    }
}

fn operands(rule: &Rule, words: &[&Word], sudo: Sudo) -> Result<(), String> {
    let wanted = &rule.operands;
    if words.len() < wanted.min {
        return Err(format!("it needs {} operands", wanted.min));
    }
    if words.len() > wanted.max {
        let extra = words
            .get(wanted.max)
            .map(|w| w.literal_prefix())
            .unwrap_or_default();
        return Err(format!(
            "the operand `{}` is one too many",
            crate::display::escape(extra)
        ));
    }
    for (index, word) in words.iter().enumerate() {
        let Some(operand) = wanted
            .list
            .get(index)
            .or_else(|| wanted.list.last().filter(|o| o.repeat))
        else {
            return Err("it takes no operands".into());
        };
        match sudo {
            Sudo::Plain => types::check(&operand.kind, word, &operand.bounds.as_root())?,
            _ => types::check(&operand.kind, word, &operand.bounds)?,
        }
    }
    Ok(())
}
