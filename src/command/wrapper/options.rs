//! Reads a wrapper's own words as its `getopt` does: clusters, glued values, optional values, `--`.
//!
//! An option that the table does not name by its whole name is not guessed at, and a word whose text or number
//! the shell alone knows is not passed over: what stands behind it could be anything.

use super::forms::{Assignments, Form};
use crate::command::call::Call;
use crate::command::word::{Segment, Word};

/// Why a wrapper's own words were not read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// An option that the table does not know.
    Unknown,
    /// A word that decides what runs is known only when it runs.
    Dynamic,
    /// With these options it runs nothing.
    Quits,
}

/// The value of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// It has none.
    None,
    /// Plain text.
    Text(&'a str),
    /// One word that is known only when it runs; what it begins with.
    Dynamic(&'a str),
}

/// An option: its letter or its long name, and its value.
pub(super) type Given<'a> = (&'a str, Value<'a>);

/// A wrapper's own words.
#[derive(Default)]
pub(super) struct Taken<'a> {
    pub(super) options: Vec<Given<'a>>,
    /// The first word that is not its own.
    pub(super) at: usize,
    /// Words that are no options, of a program that takes options anywhere.
    pub(super) operands: Vec<usize>,
    /// Behind which word `--` ended the options.
    pub(super) ended: Option<usize>,
}

impl<'a> Taken<'a> {
    /// The values of an option, by any of its names.
    pub(super) fn values(&self, names: &[&str]) -> impl Iterator<Item = Value<'a>> {
        self.options
            .iter()
            .filter(move |(name, _)| names.contains(name))
            .map(|(_, value)| *value)
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }
}

/// Whether the shell makes exactly one word of it, whatever its expansions are.
pub(super) fn is_one(word: &Word) -> bool {
    is_substituted_file(word)
        || word
            .segments
            .iter()
            .all(|s| s.is_whole() || matches!(s, Segment::Expansion(text) if text == "''"))
}

/// Whether it is `<(…)`: the file of what a command of the line writes, which the policy sees.
pub(super) fn is_substituted_file(word: &Word) -> bool {
    matches!(word.segments.as_slice(), [Segment::Expansion(text)] if text.starts_with("<("))
}

/// Whether it is one word, and no option.
pub(super) fn is_operand(word: &Word) -> bool {
    match word.literal() {
        Some(text) => text == "-" || !text.starts_with('-'),
        None if is_substituted_file(word) => true,
        None => {
            is_one(word)
                && !word.literal_prefix().is_empty()
                && !word.literal_prefix().starts_with('-')
        }
    }
}

/// The options, operands and variables in front of the command, from the word `from` on.
pub(super) fn take<'a>(call: &'a Call, from: usize, form: &Form) -> Result<Taken<'a>, Miss> {
    let words = &call.words;
    let mut taken = Taken {
        at: from,
        ..Taken::default()
    };
    if form.leading && words.get(from).is_some_and(is_operand) {
        taken.at += 1;
    }
    options(words, form, &mut taken)?;
    if form.assignments == Assignments::Behind {
        while words
            .get(taken.at)
            .is_some_and(|w| w.literal_prefix().contains('='))
        {
            one(words, taken.at)?;
            // What takes the environment for text would run what stands in the name.
            if !is_variable(words[taken.at].literal_prefix()) {
                return Err(Miss::Unknown);
            }
            taken.at += 1;
        }
    }
    let first = taken.at;
    while taken.at < words.len() && taken.at - first < form.operands {
        one(words, taken.at)?;
        // Only behind an operand or `--` nothing is an option any more.
        if taken.at == first && taken.ended.is_none() && !words.get(first).is_some_and(is_operand) {
            return Err(Miss::Dynamic);
        }
        taken.at += 1;
    }
    Ok(taken)
}

fn one(words: &[Word], at: usize) -> Result<(), Miss> {
    match words.get(at) {
        Some(word) if !is_one(word) => Err(Miss::Dynamic),
        _ => Ok(()),
    }
}

/// All options up to the first word that is none.
fn options<'a>(words: &'a [Word], form: &Form, taken: &mut Taken<'a>) -> Result<(), Miss> {
    while let Some(word) = words.get(taken.at) {
        let Some(text) = word.literal() else {
            if let Some(given) = glued(word, form) {
                taken.options.push(given);
                taken.at += 1;
                continue;
            }
            let prefix = word.literal_prefix();
            let variable = form.assignments != Assignments::No
                && prefix.contains('=')
                && !prefix.starts_with('-');
            if variable
                && form.assignments == Assignments::Between
                && is_one(word)
                && is_variable(word.literal_prefix())
                && !is_behind_end(words, taken.at)
            {
                taken.at += 1;
                continue;
            }
            // It may be the command, or an option that changes which word is.
            return if is_operand(word) || variable {
                Ok(())
            } else {
                Err(Miss::Dynamic)
            };
        };
        if text == "--" {
            if form.whole {
                return Err(Miss::Unknown);
            }
            taken.at += 1;
            taken.ended = Some(taken.at);
            // sudo takes no variables there, its successors may.
            let variable = form.assignments == Assignments::Between
                && words
                    .get(taken.at)
                    .is_some_and(|w| w.literal_prefix().contains('='));
            return if variable { Err(Miss::Unknown) } else { Ok(()) };
        } else if text == "-" {
            // `env -` is `env -i`, and ends the options.
            if form.assignments != Assignments::Behind {
                return Err(Miss::Unknown);
            }
            taken.at += 1;
            return Ok(());
        } else if text.starts_with('-') {
            option(words, form, taken)?;
        } else if form.assignments == Assignments::Between && text.contains('=') {
            if is_behind_end(words, taken.at) || !is_variable(text) {
                return Err(Miss::Unknown);
            }
            taken.at += 1;
        } else {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether the word in front could be `--`: also behind one that is an option's value, sudo takes a variable for the command.
fn is_behind_end(words: &[Word], at: usize) -> bool {
    at > 1 && words[at - 1].may_be("--")
}

/// Whether what stands in front of `=` is a variable's name.
fn is_variable(text: &str) -> bool {
    text.split_once('=')
        .is_some_and(|(name, _)| crate::command::name::is_variable(name))
}

/// The options and operands of a program that takes options behind its operands as well, up to `--`.
pub(super) fn permuted<'a>(call: &'a Call, from: usize, form: &Form) -> Result<Taken<'a>, Miss> {
    let words = &call.words;
    let mut taken = Taken {
        at: from,
        ..Taken::default()
    };
    while let Some(word) = words.get(taken.at) {
        if word.literal() == Some("--") {
            taken.at += 1;
            taken.ended = Some(taken.at);
            break;
        }
        if is_operand(word) {
            taken.operands.push(taken.at);
            taken.at += 1;
        } else if word.literal().is_some() {
            option(words, form, &mut taken)?;
        } else {
            taken.options.push(glued(word, form).ok_or(Miss::Dynamic)?);
            taken.at += 1;
        }
    }
    Ok(taken)
}

/// `--user="$x"`: a long option whose value is known only when it runs, in one word with it.
fn glued<'a>(word: &'a Word, form: &Form) -> Option<Given<'a>> {
    let (name, value) = word.literal_prefix().strip_prefix("--")?.split_once('=')?;
    let takes = form.long_values.contains(&name) && is_one(word) && !form.whole;
    takes.then_some((name, Value::Dynamic(value)))
}

/// One word of options, with its value.
fn option<'a>(words: &'a [Word], form: &Form, taken: &mut Taken<'a>) -> Result<(), Miss> {
    let text = words
        .get(taken.at)
        .and_then(Word::literal)
        .ok_or(Miss::Dynamic)?;
    taken.at += 1;
    if let Some(long) = text.strip_prefix("--") {
        let (name, glued) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        if form.quits.contains(&name) {
            return Err(Miss::Quits);
        }
        let value = match glued {
            Some(_) if form.whole => return Err(Miss::Unknown),
            _ if form.long_values.contains(&name) => match glued {
                Some(text) => Value::Text(text),
                None => next(words, taken)?,
            },
            Some(text) if form.long_optional.contains(&name) => Value::Text(text),
            None if form.long_flags.contains(&name) || form.long_optional.contains(&name) => {
                Value::None
            }
            _ => return Err(Miss::Unknown),
        };
        taken.options.push((name, value));
        return Ok(());
    }
    let letters = &text[1..];
    if form.names == ["nice"] && letters.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Ok(());
    }
    for (index, letter) in letters.char_indices() {
        let behind = index + letter.len_utf8();
        let name = &letters[index..behind];
        let glued = &letters[behind..];
        if form.quits.contains(&name) {
            return Err(Miss::Quits);
        }
        if form.values.contains(letter) {
            let value = if glued.is_empty() {
                next(words, taken)?
            } else {
                Value::Text(glued)
            };
            taken.options.push((name, value));
            return Ok(());
        }
        if form.optional.contains(letter) {
            let value = if glued.is_empty() {
                Value::None
            } else {
                Value::Text(glued)
            };
            taken.options.push((name, value));
            return Ok(());
        }
        if !form.flags.contains(letter) {
            return Err(Miss::Unknown);
        }
        taken.options.push((name, Value::None));
    }
    Ok(())
}

/// The next word as a value. It must be one word, or the count of words would be the shell's secret.
fn next<'a>(words: &'a [Word], taken: &mut Taken<'a>) -> Result<Value<'a>, Miss> {
    let word = words.get(taken.at).ok_or(Miss::Unknown)?;
    taken.at += 1;
    match word.literal() {
        Some(text) => Ok(Value::Text(text)),
        None if is_one(word) => Ok(Value::Dynamic(word.literal_prefix())),
        None => Err(Miss::Dynamic),
    }
}
