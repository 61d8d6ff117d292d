//! Arithmetic in a line that is written out: values put in, and what commands say kept.
//!
//! Must never leave a variable in it: a shell would evaluate what it holds.

use super::words::{Given, Value, kept, parameter, substitution};
use super::{Unfold, little};
use crate::command::full::{self, ast};
use crate::command::name::is_variable;
use crate::command::word::bare;
use crate::command::{Place, Segment};
use ast::List;
use std::collections::BTreeSet;

/// A part of `$((…))`.
enum Part {
    /// Numbers, operators, and names.
    Text(String),
    /// `$( … )`
    Said(List),
}

/// The inside of `$(( … ))`.
pub(super) fn sum(text: &str) -> Option<&str> {
    text.strip_prefix("$((")?.strip_suffix("))")
}

/// Text and substitutions, in order.
fn parts(inner: &str) -> Option<Vec<Part>> {
    // The line sets its variables to numbers, or it would not have been read: here that is said in front.
    let names: BTreeSet<&str> = inner
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|name| is_variable(name))
        .collect();
    let set: String = names.iter().map(|name| format!("{name}=1; ")).collect();
    let parsed = full::read(&format!("{set}: $(({inner}))")).ok()?;
    let (_, pipeline, false) = parsed.list.items.last()? else {
        return None;
    };
    let [command] = pipeline.commands.as_slice() else {
        return None;
    };
    let mut parts = Vec::new();
    let mut rest = inner;
    for (place, list) in &command.inner {
        if *place != Place::Substitution {
            return None;
        }
        let written = format!("$( {} )", ast::list(list));
        let (before, behind) = rest.split_once(written.as_str())?;
        parts.push(Part::Text(before.to_owned()));
        parts.push(Part::Said(list.clone()));
        rest = behind;
    }
    parts.push(Part::Text(rest.to_owned()));
    Some(parts)
}

/// Whether it sets a variable.
fn sets(text: &str) -> bool {
    let compares = ["==", "!=", "<=", ">="];
    let rest = compares
        .iter()
        .fold(text.to_owned(), |t, sign| t.replace(sign, " "));
    rest.contains('=') || text.contains("++") || text.contains("--")
}

/// Whether arithmetic that was read again holds nothing but numbers, operators and substitutions.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |part: &Part| match part {
        Part::Text(text) => {
            !text.contains(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '{')
        }
        Part::Said(_) => true,
    };
    sum(text)
        .and_then(parts)
        .is_some_and(|all| all.iter().all(plain))
}

impl Unfold {
    /// `$(( … ))` with the values of the line in it, in quotes.
    pub(super) fn arithmetic(
        &mut self,
        inner: &str,
        given: &Given,
        depth: usize,
    ) -> Option<Vec<Segment>> {
        let mut out = String::from("$((");
        // The same with a number for each thing that is said.
        let mut shape = String::new();
        for part in parts(inner)? {
            match part {
                Part::Text(text) => put_in(&text, given, &mut self.unused, &mut out, &mut shape)?,
                Part::Said(list) => {
                    let list = self.list(&list, given, depth + 1)?;
                    if !little::is_small(&list, given.place()) {
                        return None;
                    }
                    out.push_str(&format!("$( {} )", ast::list(&list)));
                    shape.push('1');
                }
            }
        }
        out.push_str("))");
        let segments = vec![kept(&out)];
        self.spend(&segments)?;
        // Where it is no sum a shell ends the line, also where nothing comes of it here.
        let fails = self.exact && may_fail(&shape);
        (is_sum(&shape) && !fails).then_some(segments)
    }
}

/// Whether a sum could divide by nothing, or grow too large, where shells end a line or differ.
fn may_fail(text: &str) -> bool {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    text.contains(['/', '%', '*', '<']) || numbers.any(|number| number.len() > 9)
}

/// Whether operands and operators take turns, parentheses close, and nothing is divided by a zero.
fn is_sum(text: &str) -> bool {
    let operators = [
        "**", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "*", "/", "%", "+", "-", "<", ">",
        "&", "|", "^",
    ];
    let text = text.replace("$((", "((");
    let (mut rest, mut operand, mut depth) = (text.trim_start(), true, 0usize);
    let mut divides = false;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match (c, operand) {
            ('(', true) => depth += 1,
            ('+' | '-' | '!' | '~', true) => {}
            ('0'..='9', true) => {
                taken = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                // One with a zero in front is octal, and may be none.
                let padded = taken > 1 && c == '0';
                if padded || divides && rest[..taken].bytes().all(|b| b == b'0') {
                    return false;
                }
                operand = false;
            }
            (')', false) if depth > 0 => depth -= 1,
            (_, false) => {
                let Some(operator) = operators.iter().find(|o| rest.starts_with(**o)) else {
                    return false;
                };
                taken = operator.len();
                operand = true;
            }
            _ => return false,
        }
        divides = matches!(c, '/' | '%');
        rest = rest[taken..].trim_start();
    }
    !operand && depth == 0
}

/// Writes text with the values of its variables.
fn put_in(
    text: &str,
    given: &Given,
    unused: &mut Vec<String>,
    out: &mut String,
    shape: &mut String,
) -> Option<()> {
    if sets(text) {
        return None;
    }
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '{') {
        let braced = rest[at..].starts_with('{');
        let start = at.checked_sub(usize::from(braced)).unwrap_or(at);
        let length = match braced {
            true => rest[start..].find('}')? + 1,
            false => rest[start..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len() - start),
        };
        let name = &rest[start..start + length];
        let name = match braced {
            true => parameter(name)?,
            false => name,
        };
        let value = number(given.get(name)?)?;
        unused.retain(|unused| unused != name);
        let number = value.bytes().all(|b| b.is_ascii_digit());
        for (text, value) in [
            (&mut *out, value.as_str()),
            (&mut *shape, if number { &value } else { "1" }),
        ] {
            text.push_str(&rest[..start]);
            text.push_str(value);
        }
        rest = &rest[start + length..];
    }
    out.push_str(rest);
    shape.push_str(rest);
    Some(())
}

/// What a variable holds, as arithmetic takes it.
fn number(value: &Value) -> Option<String> {
    let Value::Set(segments) = value else {
        return None;
    };
    match segments.as_slice() {
        [Segment::Literal(text)]
            if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() =>
        {
            Some(text.clone())
        }
        [Segment::Expansion(text)] => {
            let (inner, _) = bare(text);
            (substitution(inner).is_some() || sum(inner).is_some()).then(|| inner.to_owned())
        }
        _ => None,
    }
}
