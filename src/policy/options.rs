//! Options as allow lists with arity, read as getopt_long(3) does.
//!
//! Must never read a word as an option's value where the program would read it as something else:
//! abbreviated, unknown or repeated options make the rule not match.

use super::rule::Style;
use super::types::{self, Bounds, Type};
use crate::command::Word;

/// Most scripts in one command (`sed -e`).
const MOST_SCRIPTS: usize = 6;

/// One option that a rule allows.
#[derive(Debug, Clone)]
pub struct OptionSpec {
    /// Its spellings: `-n`, `--lines`, `-br`, or a bare word (`aux`).
    pub names: Vec<String>,
    /// Whether it takes a value.
    pub value: Value,
    /// The rule matches only if it is there.
    pub required: bool,
    /// It may be given more than once.
    pub repeat: bool,
}

/// An option's value.
#[derive(Debug, Clone)]
pub enum Value {
    /// None.
    None,
    /// The next word, or glued.
    Required(Type),
    /// Only glued.
    Optional(Type),
}

impl OptionSpec {
    /// Understands `-n, --lines: int(1..100) required`, `--color[: word]`, `-NUM: int`, `aux`.
    pub fn parse(text: &str) -> Result<OptionSpec, String> {
        let mut text = text.trim();
        let (mut required, mut repeat) = (false, false);
        loop {
            if let Some(rest) = text.strip_suffix(" required") {
                required = true;
                text = rest.trim_end();
            } else if let Some(rest) = text.strip_suffix(" repeat") {
                repeat = true;
                text = rest.trim_end();
            } else {
                break;
            }
        }
        let (names, value) = if let Some((names, rest)) = text.split_once("[:") {
            let kind = rest
                .strip_suffix(']')
                .ok_or_else(|| format!("`{text}`: the `[` is not closed"))?;
            (names, Value::Optional(Type::parse(kind)?))
        } else if let Some((names, kind)) = text.split_once(':') {
            (names, Value::Required(Type::parse(kind)?))
        } else {
            (text, Value::None)
        };
        let names: Vec<String> = names.split(',').map(|n| n.trim().to_owned()).collect();
        if names
            .iter()
            .any(|n| n.is_empty() || n.contains(char::is_whitespace))
        {
            return Err(format!("`{text}` is not an option"));
        }
        Ok(OptionSpec {
            names,
            value,
            required,
            repeat,
        })
    }

    fn is(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }
}

/// Takes the options out of the words behind the command word (or the subcommand), and gives the operands that are
/// left, in order.
///
/// # Errors
/// The first word that the lists do not allow, for a person.
pub fn take<'a>(
    words: &'a [Word],
    specs: &[&OptionSpec],
    style: Style,
    bounds: &Bounds,
) -> Result<Vec<&'a Word>, String> {
    if style == Style::Plain {
        return Ok(words.iter().collect());
    }
    let mut operands = Vec::new();
    let mut seen: Vec<usize> = Vec::new();
    let mut at = 0;
    let mut ended = false;
    while let Some(word) = words.get(at) {
        at += 1;
        let text = word.literal_prefix();
        if ended || !is_option(text, specs, operands.is_empty()) {
            if word.literal() == Some("--") && !ended && style == Style::Gnu {
                ended = true;
                continue;
            }
            if !ended && text.starts_with('-') && text != "-" {
                return Err(format!("option `{text}` is not allowed"));
            }
            operands.push(word);
            continue;
        }
        if word.literal().is_none() {
            return Err(format!("option `{text}…` holds a pattern or an expansion"));
        }
        let used = match style {
            Style::Gnu
                if !text.starts_with("--") && text.starts_with('-') && !exact(text, specs) =>
            {
                cluster(text, words.get(at), specs, bounds, &mut seen)?
            }
            _ => single(text, words.get(at), specs, bounds, &mut seen)?,
        };
        at += usize::from(used);
    }
    for (index, spec) in specs.iter().enumerate() {
        if spec.required && !seen.contains(&index) {
            return Err(format!("option {} is needed", spec.names.join(" or ")));
        }
    }
    Ok(operands)
}

fn exact(text: &str, specs: &[&OptionSpec]) -> bool {
    text.len() > 2 && specs.iter().any(|s| s.is(text))
}

/// Whether the word is in an option's place; a bare word (`aux`) only as the first.
fn is_option(text: &str, specs: &[&OptionSpec], first: bool) -> bool {
    (text.len() > 1 && text.starts_with('-') && text != "--")
        || (first && !text.starts_with('-') && specs.iter().any(|s| s.is(text)))
}

/// `--lines=50`, `--lines 50`, `--no-pager`, `-br`, `aux`, `-50`. True if the next word was its value.
fn single(
    text: &str,
    next: Option<&Word>,
    specs: &[&OptionSpec],
    bounds: &Bounds,
    seen: &mut Vec<usize>,
) -> Result<bool, String> {
    let (name, glued) = match text.split_once('=') {
        Some((name, value)) if text.starts_with("--") => (name, Some(value)),
        _ => (text, None),
    };
    let Some(index) = specs.iter().position(|s| s.is(name)) else {
        return number_option(text, specs, bounds, seen)
            .unwrap_or_else(|| Err(format!("option `{name}` is not allowed")));
    };
    note(index, specs, seen)?;
    match (&specs[index].value, glued) {
        (Value::None, None) | (Value::Optional(_), None) => Ok(false),
        (Value::None, Some(_)) => Err(format!("option `{name}` takes no value")),
        (Value::Required(kind) | Value::Optional(kind), Some(value)) => {
            value_of(name, kind, value, bounds).map(|()| false)
        }
        (Value::Required(kind), None) => next_value(name, kind, next, bounds).map(|()| true),
    }
}

/// `-tulpn`, `-n50`, `-n 50`, `-50`. True if the next word was the value of the last letter.
fn cluster(
    text: &str,
    next: Option<&Word>,
    specs: &[&OptionSpec],
    bounds: &Bounds,
    seen: &mut Vec<usize>,
) -> Result<bool, String> {
    if let Some(result) = number_option(text, specs, bounds, seen) {
        return result;
    }
    let letters = &text[1..];
    for (offset, letter) in letters.char_indices() {
        let name = format!("-{letter}");
        let index = specs
            .iter()
            .position(|s| s.is(&name))
            .ok_or_else(|| format!("option `{name}` is not allowed"))?;
        note(index, specs, seen)?;
        let rest = &letters[offset + letter.len_utf8()..];
        match &specs[index].value {
            Value::None => {}
            Value::Optional(_) if rest.is_empty() => return Ok(false),
            Value::Required(kind) if rest.is_empty() => {
                return next_value(&name, kind, next, bounds).map(|()| true);
            }
            Value::Required(kind) | Value::Optional(kind) => {
                return value_of(&name, kind, rest, bounds).map(|()| false);
            }
        }
    }
    Ok(false)
}

/// `-50`, where a list has `-NUM`.
fn number_option(
    text: &str,
    specs: &[&OptionSpec],
    bounds: &Bounds,
    seen: &mut Vec<usize>,
) -> Option<Result<bool, String>> {
    let digits = text
        .strip_prefix('-')
        .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?;
    let index = specs.iter().position(|s| s.is("-NUM"))?;
    let Value::Required(kind) = &specs[index].value else {
        return None;
    };
    Some(
        note(index, specs, seen)
            .and_then(|()| value_of("-NUM", kind, digits, bounds))
            .map(|()| false),
    )
}

fn note(index: usize, specs: &[&OptionSpec], seen: &mut Vec<usize>) -> Result<(), String> {
    // A flag given twice says the same; a value given twice says two things.
    if seen.contains(&index) && !specs[index].repeat && !matches!(specs[index].value, Value::None) {
        return Err(format!(
            "option {} is given twice",
            specs[index].names.join(" or ")
        ));
    }
    // Each script may let a line grow a little; many of them would let it grow much.
    let often = seen.iter().filter(|i| **i == index).count() >= MOST_SCRIPTS;
    if often && matches!(specs[index].value, Value::Required(Type::Language(_))) {
        return Err(format!(
            "option {} is given more than {MOST_SCRIPTS} times",
            specs[index].names.join(" or ")
        ));
    }
    seen.push(index);
    Ok(())
}

fn next_value(name: &str, kind: &Type, next: Option<&Word>, bounds: &Bounds) -> Result<(), String> {
    let word = next.ok_or_else(|| format!("option `{name}` lacks its value"))?;
    let text = word
        .literal()
        .ok_or_else(|| format!("the value of `{name}` holds a pattern or an expansion"))?;
    value_of(name, kind, text, bounds)
}

fn value_of(name: &str, kind: &Type, value: &str, bounds: &Bounds) -> Result<(), String> {
    types::check_text(kind, value, bounds).map_err(|why| format!("the value of `{name}`: {why}"))
}
