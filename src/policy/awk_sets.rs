//! `awk -v n="$limit" '$3 > n'`: variables that are set in front of a program, written into it for its reader.
//!
//! Must never let a variable hold less for the reader than it may for awk.

use super::language::Kind;
use super::rule::Rule;
use super::types::{self, Type};
use crate::command::{Call, Segment, Word};
use std::borrow::Cow;

/// Variables of awk's own whose value the reader of programs judges.
const SEPARATORS: [&str; 4] = ["FS", "OFS", "RS", "ORS"];

/// A call of awk with each `-v NAME=VALUE` as an assignment in front of its program. Any other call, and one where that
/// cannot be done, as it is: `-v` is no option of its rule.
pub(super) fn told<'a>(rule: &Rule, call: &'a Call) -> Cow<'a, Call> {
    let program = rule.operands.list.first();
    match program.map(|o| &o.kind) {
        Some(Type::Language(Kind::Awk)) => {
            into_program(call).map_or(Cow::Borrowed(call), Cow::Owned)
        }
        _ => Cow::Borrowed(call),
    }
}

/// Whether a call is of an awk program that is one `BEGIN { … }`: it reads no input.
pub(super) fn reads_nothing(call: &Call) -> bool {
    let awk = matches!(call.name.base.as_str(), "awk" | "gawk" | "mawk");
    let whole = |text: &str| {
        let braces = text.bytes().filter(|b| matches!(b, b'{' | b'}')).count();
        let block = text.trim_start().strip_prefix("BEGIN").unwrap_or_default();
        block.trim_start().starts_with('{') && text.trim_end().ends_with('}') && braces == 2
    };
    let last = call.words.last().and_then(Word::literal);
    awk && last.is_some_and(whole)
}

fn into_program(call: &Call) -> Option<Call> {
    let mut words = Vec::with_capacity(call.words.len());
    let mut sets = String::new();
    let mut rest = call.words.iter();
    words.push(rest.next()?.clone());
    let program = loop {
        let word = rest.next()?;
        match word.literal() {
            Some("-v") => sets.push_str(&assignment(rest.next()?)?),
            Some("-F") => words.extend([word.clone(), rest.next()?.clone()]),
            Some(text) if !text.starts_with('-') => break text,
            _ if word.literal_prefix().starts_with("-v") => {
                sets.push_str(&assignment(&without_option(word)?)?);
            }
            Some(_) => words.push(word.clone()),
            None => return None,
        }
    };
    if sets.is_empty() {
        return None;
    }
    words.push(Word::of(&format!("BEGIN{{{sets}}} {program}")));
    words.extend(rest.cloned());
    Some(Call {
        words,
        ..call.clone()
    })
}

/// `-vn=5` without its `-v`.
fn without_option(word: &Word) -> Option<Word> {
    let (first, rest) = word.segments.split_first()?;
    let Segment::Literal(text) = first else {
        return None;
    };
    let value = text.strip_prefix("-v").filter(|t| !t.is_empty())?;
    let first = Segment::Literal(value.to_owned());
    Some(Word {
        segments: [vec![first], rest.to_vec()].concat(),
        span: word.span,
    })
}

/// What `NAME=VALUE` is in a program: for a name of the program's own, any text at all, as a field is.
fn assignment(word: &Word) -> Option<String> {
    let (name, value) = word.literal_prefix().split_once('=')?;
    if SEPARATORS.contains(&name) {
        let plain = |b: u8| (0x20..0x7f).contains(&b) && !b"\"\\".contains(&b);
        let literal = word.literal()?.strip_prefix(name)?.strip_prefix('=')?;
        let known = matches!(literal, "\\t" | "\\n");
        return (known || literal.bytes().all(plain) && literal == value)
            .then(|| format!("{name}=\"{literal}\";"));
    }
    // Names of awk's own are of several capital letters.
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let own = name.len() == 1 || name.bytes().any(|b| b.is_ascii_lowercase());
    let one_word = word.literal().is_some() || types::is_in_quotes(word);
    (letters && begins && own && one_word).then(|| format!("{name}=$1;"))
}
