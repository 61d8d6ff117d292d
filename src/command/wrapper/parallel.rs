//! GNU parallel: a command that a shell reads, once for each input.
//!
//! Inputs that do not stand in the line are what nobody has seen. What is run must not be made of them.

use super::Inner;
use super::forms::{Form, PLAIN};
use super::options::{Miss, take};
use super::shells::DYNAMIC;
use crate::command::call::Call;
use crate::command::render;
use crate::command::word::Word;

const PARALLEL: Form = Form {
    flags: "ktvu0r",
    values: "jPNna",
    long_flags: &[
        "keep-order",
        "bar",
        "eta",
        "progress",
        "verbose",
        "group",
        "ungroup",
        "line-buffer",
        "will-cite",
        "no-notice",
        "null",
        "no-run-if-empty",
        "tag",
    ],
    long_values: &[
        "jobs",
        "max-procs",
        "max-args",
        "arg-file",
        "halt",
        "timeout",
        "delay",
        "retries",
        "load",
    ],
    ..PLAIN
};

/// Most inputs that are put in one by one.
const MAX_INPUTS: usize = 64;

/// What each input is put in for, if it is not in the line.
const UNKNOWN_INPUT: &str = "\"$ARG\"";

/// `parallel COMMAND ::: INPUT…`
pub(super) fn parallel(call: &Call) -> Inner {
    let taken = match take(call, 1, &PARALLEL) {
        Ok(taken) => taken,
        Err(Miss::Dynamic) => return Inner::Refused(DYNAMIC),
        Err(_) => return Inner::Unknown,
    };
    let rest = &call.words[taken.at..];
    // The parallel of moreutils has its inputs behind `--`.
    if taken.ended.is_some() || rest.iter().any(|w| w.literal() == Some("--")) {
        return Inner::Unknown;
    }
    let sources = |w: &Word| w.literal_prefix().starts_with(":::");
    let (command, inputs) = rest.split_at(rest.iter().position(sources).unwrap_or(rest.len()));
    let Some(command) = command
        .iter()
        .map(Word::literal)
        .collect::<Option<Vec<&str>>>()
    else {
        return Inner::Refused(DYNAMIC);
    };
    let command = command.join(" ");
    let known = known(inputs);
    let texts = match (&known, command.is_empty()) {
        (Some(inputs), true) => Some(inputs.iter().map(|i| (*i).to_owned()).collect()),
        (None, true) => None,
        (Some(inputs), false) => inputs
            .iter()
            .map(|input| {
                let mut quoted = String::new();
                render::quote(&mut quoted, input);
                put_in(&command, &quoted)
            })
            .collect(),
        (None, false) => put_in(&command, UNKNOWN_INPUT).map(|text| vec![text]),
    };
    match texts {
        Some(texts) => Inner::Text {
            at: taken.at,
            texts,
        },
        None => Inner::Refused(
            "what `parallel` runs is known only when it runs: write the command out, and `{}` outside of quotes",
        ),
    }
}

/// The inputs of one `:::`, all plain.
fn known(inputs: &[Word]) -> Option<Vec<&str>> {
    let (first, rest) = inputs.split_first()?;
    let plain: Option<Vec<&str>> = rest.iter().map(Word::literal).collect();
    plain.filter(|list| {
        first.literal() == Some(":::")
            && list.len() <= MAX_INPUTS
            && !list.iter().any(|i| i.starts_with(":::"))
    })
}

/// The command with an input where it says so, or behind it. None where the input would stand in quotes, and
/// could end them, or where it is changed by code.
fn put_in(command: &str, input: &str) -> Option<String> {
    let mut out = String::new();
    let mut quote = None;
    let mut found = false;
    let mut rest = command;
    while let Some(c) = rest.chars().next() {
        if let Some((name, behind)) = replacement(rest) {
            if quote.is_some() || name.contains('=') {
                return None;
            }
            // `{.}` and the like are parts of an input: not to be known exactly.
            out.push_str(if name.is_empty() {
                input
            } else {
                UNKNOWN_INPUT
            });
            found |= !matches!(name, "#" | "%");
            rest = behind;
            continue;
        }
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => {
                out.push(c);
                rest = &rest[1..];
                let Some(escaped) = rest.chars().next() else {
                    break;
                };
                out.push(escaped);
                rest = &rest[escaped.len_utf8()..];
                continue;
            }
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    if !found {
        out.push(' ');
        out.push_str(input);
    }
    Some(out)
}

/// A replacement string at the beginning: what stands in its braces, and what follows.
fn replacement(text: &str) -> Option<(&str, &str)> {
    let (inside, behind) = text.strip_prefix('{')?.split_once('}')?;
    let simple = inside
        .bytes()
        .all(|b| b.is_ascii_digit() || b"./#%+-".contains(&b));
    (simple || inside.starts_with('=') || inside.contains('=')).then_some((inside, behind))
}
