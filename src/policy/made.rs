//! What shells and `printf` make of texts: `${x%.bak}`, `${x/a/b}`, `printf '/%s' etc`.
//!
//! Each is a guess, held against rules that forbid and nothing else: it must never let anything run.

use super::path;
use super::values::LONGEST;

/// Longest value that a pattern is taken off from, in bytes: each of its ends is held against that.
const LONGEST_CUT: usize = 1024;
/// Longest value in which a part that fits a pattern is looked for, in bytes: each of its parts is held against that.
const LONGEST_SEARCHED: usize = 256;

/// What an operator costs for a value: each of its places is held against a pattern, or each match is replaced.
pub(super) fn cost(text: &str, operator: &str) -> usize {
    match operator.as_bytes().first() {
        Some(b'%' | b'#') if text.len() > LONGEST_CUT => text.len(),
        Some(b'%' | b'#') => text.len() * text.len(),
        Some(b'/') => {
            let (from, to) = replaced(operator.trim_start_matches('/'));
            match from {
                "" => text.len(),
                _ if from.contains(['*', '?', '[']) => {
                    let length = text.len().min(LONGEST_SEARCHED);
                    text.len() + length * length * length + length * to.len()
                }
                _ => text.len() + text.matches(from).count() * to.len(),
            }
        }
        _ => text.len(),
    }
}

/// `a/b` of `${x/a/b}`.
fn replaced(operand: &str) -> (&str, &str) {
    operand.split_once('/').unwrap_or((operand, ""))
}

/// What `printf` writes (POSIX, printf): its words put into the format, again as long as there are any, as far as texts go.
pub(super) fn printed(format: &str, words: &[&str]) -> String {
    let mut out = String::new();
    let mut words = words.iter();
    loop {
        let before = words.len();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => match rest.next() {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some(digit @ '0'..='7') => {
                        let mut code = digit.to_digit(8).unwrap_or(0);
                        for _ in 0..2 {
                            let next = rest.clone().next().and_then(|c| c.to_digit(8));
                            let Some(next) = next else { break };
                            code = code * 8 + next;
                            rest.next();
                        }
                        out.extend(char::from_u32(code & 0xff));
                    }
                    Some(other) => out.push(other),
                    None => out.push('\\'),
                },
                '%' => match rest.find(|c| c.is_ascii_alphabetic() || *c == '%') {
                    Some('%') | None => out.push('%'),
                    Some(_) => out.push_str(words.next().copied().unwrap_or_default()),
                },
                c => out.push(c),
            }
        }
        if words.len() == 0 || words.len() == before || out.len() > LONGEST {
            return out;
        }
    }
}

/// A text with the longest part that fits a pattern replaced, once or all along.
fn with_pattern(text: &str, from: &str, to: &str, all: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while text.len() <= LONGEST_SEARCHED && !rest.is_empty() {
        let ends = (1..=rest.len())
            .rev()
            .filter(|end| rest.is_char_boundary(*end));
        match { ends }.find(|end| path::matches(from, &rest[..*end])) {
            Some(end) => {
                out.push_str(to);
                rest = &rest[end..];
                if !all {
                    break;
                }
            }
            None => {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
    }
    out + rest
}

/// A value after the operator behind its parameter.
pub(super) fn changed(text: &str, operator: &str) -> String {
    let cuts = |from_end: bool, longest: bool, pattern: &str| {
        if text.len() > LONGEST_CUT {
            return text.to_owned();
        }
        let mut at: Vec<usize> = (0..=text.len())
            .filter(|i| text.is_char_boundary(*i))
            .filter(|i| {
                let part = if from_end { &text[*i..] } else { &text[..*i] };
                path::matches(pattern, part)
            })
            .collect();
        if from_end != longest {
            at.reverse();
        }
        match at.first() {
            Some(i) if from_end => text[..*i].to_owned(),
            Some(i) => text[*i..].to_owned(),
            None => text.to_owned(),
        }
    };
    if let Some(pattern) = operator.strip_prefix("%%") {
        cuts(true, true, pattern)
    } else if let Some(pattern) = operator.strip_prefix('%') {
        cuts(true, false, pattern)
    } else if let Some(pattern) = operator.strip_prefix("##") {
        cuts(false, true, pattern)
    } else if let Some(pattern) = operator.strip_prefix('#') {
        cuts(false, false, pattern)
    } else if let Some(rest) = operator.strip_prefix('/') {
        let all = rest.starts_with('/');
        let (from, to) = replaced(rest.trim_start_matches('/'));
        let from = from.trim_start_matches(['#', '%']);
        match (from.is_empty(), from.contains(['*', '?', '[']), all) {
            (true, ..) => text.to_owned(),
            (_, true, _) => with_pattern(text, from, to, all),
            (_, _, true) => text.replace(from, to),
            (_, _, false) => text.replacen(from, to, 1),
        }
    } else if operator.starts_with(',') {
        text.to_lowercase()
    } else if operator.starts_with('^') {
        text.to_uppercase()
    } else if let Some(range) = operator.strip_prefix(':') {
        let mut numbers = range.splitn(2, ':').map(|n| n.parse::<usize>().ok());
        let from = numbers.next().flatten().unwrap_or(0);
        let most = numbers.next().flatten().unwrap_or(usize::MAX);
        text.chars().skip(from).take(most).collect()
    } else {
        text.to_owned()
    }
}
