//! GNU parallel: a command that a shell reads, once for each input.
//!
//! Inputs that do not stand in the line are what nobody has seen. What is run must not be made of them.

use super::Inner;
use super::forms::{Form, PLAIN};
use super::options::{Miss, Taken, Value, is_one, take};
use super::shells::DYNAMIC;
use crate::command::MAX_LINE;
use crate::command::call::Call;
use crate::command::render;
use crate::command::spend;
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

/// Options whose value is a number, of jobs, of seconds or of parts.
const COUNTS: [&str; 8] = [
    "j",
    "P",
    "jobs",
    "max-procs",
    "timeout",
    "delay",
    "retries",
    "load",
];

/// Most commands that are made of inputs that stand in the line.
const MAX_COMMANDS: usize = 64;

/// What each input is put in for, if it is not in the line.
const UNKNOWN_INPUT: &str = "\"$ARG\"";

const UNSEEN: &str = "what `parallel` runs is known only when it runs: write the command out, and `{}` outside of quotes";
const OTHER_INPUTS: &str = "`parallel` puts together inputs that do not all stand in the line one by one: write plain `:::` with few inputs, without -a, -n and -N";

/// `parallel COMMAND ::: INPUT…`
pub(super) fn parallel(call: &Call) -> Inner {
    let taken = match take(call, 1, &PARALLEL) {
        Ok(taken) => taken,
        Err(Miss::Dynamic) => return Inner::Refused(DYNAMIC),
        // Nothing stands there that could be the command.
        Err(_)
            if call.words[1..]
                .iter()
                .all(|w| w.literal_prefix().starts_with('-')) =>
        {
            return Inner::Refused(UNSEEN);
        }
        Err(_) => return Inner::Unknown,
    };
    if !has_plain_values(&taken) {
        return Inner::Unknown;
    }
    let rest = &call.words[taken.at..];
    // The parallel of moreutils has its inputs behind `--`.
    if taken.ended.is_some() || rest.iter().any(|w| w.literal() == Some("--")) {
        return Inner::Unknown;
    }
    let sources = |w: &Word| w.literal_prefix().starts_with(":::");
    let (command, inputs) = rest.split_at(rest.iter().position(sources).unwrap_or(rest.len()));
    // Several inputs for one command.
    let joins = !taken
        .values(&["n", "N", "max-args"])
        .all(|v| matches!(v, Value::Text("1")));
    // A file's inputs stand in front of those of the line.
    let files = taken.values(&["a", "arg-file"]).count();
    // Each of several is a source of its own.
    if files > 1 || !inputs.is_empty() && (joins || files > 0) {
        return Inner::Refused(OTHER_INPUTS);
    }
    if joins {
        return if command.is_empty() {
            Inner::Refused(UNSEEN)
        } else {
            Inner::Unknown
        };
    }
    let Some(command) = command
        .iter()
        .map(Word::literal)
        .collect::<Option<Vec<&str>>>()
    else {
        return Inner::Refused(DYNAMIC);
    };
    // To parallel that is a command, of no name.
    if command.iter().any(|word| word.trim().is_empty()) {
        return Inner::Refused(UNSEEN);
    }
    let command = command.join(" ");
    let Some(lists) = combined(inputs) else {
        return Inner::Refused(OTHER_INPUTS);
    };
    // Each line of an input is one by itself.
    let several = |input: &&str| input.contains('\n');
    if lists.iter().flatten().flatten().any(several) {
        return Inner::Refused(OTHER_INPUTS);
    }
    let texts: Option<Vec<String>> = lists
        .iter()
        .map(|list| {
            if !command.is_empty() {
                return put_in(&command, list).filter(|text| spend(text.len()));
            }
            let plain: Option<Vec<&str>> = list.iter().copied().collect();
            plain.map(|texts| texts.join(" "))
        })
        .collect();
    match texts {
        Some(texts) => Inner::Text {
            at: taken.at,
            texts,
        },
        None => Inner::Refused(UNSEEN),
    }
}

/// Whether the values of options hold nothing that parallel would evaluate: as Perl, or as a text with inputs in it.
fn has_plain_values(taken: &Taken<'_>) -> bool {
    let all = |names: &[&str], fits: fn(u8) -> bool| {
        let mut values = taken.values(names);
        values.all(|v| matches!(v, Value::Text(text) if text.bytes().all(fits)))
    };
    all(&COUNTS, |b| b.is_ascii_digit() || b".%smh".contains(&b))
        && all(&["halt"], |b| {
            b.is_ascii_alphanumeric() || b".,=%".contains(&b)
        })
}

/// What inputs, or files of them, stand behind.
const SOURCES: [&str; 4] = [":::", "::::", ":::+", "::::+"];

/// The inputs of each command, one of each `:::`. None for an input is one that does not stand in the line; no list
/// where it is not certain which inputs come together.
fn combined(inputs: &[Word]) -> Option<Vec<Vec<Option<&str>>>> {
    let Some((first, rest)) = inputs.split_first() else {
        return Some(vec![vec![None]]);
    };
    let source = |w: &&Word| w.literal_prefix().starts_with(":::");
    // It takes apart what the shell has put in: what is not known could be a source, with words behind it.
    let hides = |w: &Word| {
        let several = w.is_dynamic() && !is_one(w);
        w.literal().is_none() && (several || SOURCES.iter().any(|source| w.may_be(source)))
    };
    if inputs.iter().any(hides) {
        return None;
    }
    // Each of several files would be a source of its own.
    if first.literal() == Some("::::") && rest.len() == 1 {
        return Some(vec![vec![None]]);
    }
    let mut lists: Vec<Vec<Option<&str>>> = vec![Vec::new()];
    for group in inputs.chunk_by(|_, word| !source(&word)) {
        if group.first()?.literal() != Some(":::") {
            return None;
        }
        let group = &group[1..];
        // For a `:::` without an input some releases run the command with an empty one.
        if group.is_empty() || lists.len() * group.len() > MAX_COMMANDS {
            return None;
        }
        lists = lists
            .iter()
            .flat_map(|list| {
                group.iter().map(move |input| {
                    let mut list = list.clone();
                    list.push(input.literal());
                    list
                })
            })
            .collect();
    }
    Some(lists)
}

/// An input, or the part of it that `{.}`, `{/}`, `{//}` or `{/.}` names, as a word for the shell.
///
/// None where releases differ: by some, a dot at the end is an extension.
fn part(input: Option<&str>, which: &str) -> Option<String> {
    let name = |text: &'_ str| text.rsplit('/').next().map(str::len).unwrap_or_default();
    let stem = |text: &'_ str| match text.rfind('.') {
        Some(dot) if !text[dot..].contains('/') => dot,
        _ => text.len(),
    };
    let folder = |text: &'_ str| match text.trim_end_matches('/').rfind('/') {
        Some(slash) => text[..slash].trim_end_matches('/').len().max(1),
        None => 0,
    };
    let mut out = String::new();
    match input {
        Some(text) if text.ends_with('.') && which.contains('.') => return None,
        Some(text) => {
            let base = &text[text.len() - name(text)..];
            let shown = match which {
                "." => &text[..stem(text)],
                "/" => base,
                "/." => &base[..stem(base)],
                "//" if folder(text) > 0 => &text[..folder(text)],
                "//" if text.starts_with('/') => "/",
                "//" => ".",
                _ => text,
            };
            // What no shell takes for more than itself stands there bare, and may be more with what it touches.
            if !shown.is_empty() && shown.bytes().all(is_bare) {
                out.push_str(shown);
            } else {
                render::quote(&mut out, shown);
            }
        }
        None => out.push_str(UNKNOWN_INPUT),
    }
    Some(out)
}

/// What no release of parallel quotes.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./+".contains(&byte)
}

/// Whether an input that is not known could be more than a word there: a part of a name, a descriptor.
fn is_joined(before: &str, behind: &str) -> bool {
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    name.ends_with('{') || behind.starts_with(['<', '>', '='])
}

/// Whether a shell takes what parallel quotes for one word, wherever in the command it stands: in a comment, a
/// here-document or a substitution it may not.
fn keeps_quotes(command: &str) -> bool {
    let mut quote = None;
    let mut outside = String::new();
    for c in command.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            // What stands in a substitution has quotes of its own.
            Some('"') if "$`".contains(c) => return false,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None => outside.push(c),
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || " \t_-./,:%@+=~*?[]{}|;&<>!^".contains(c);
    // It is a number there, and no comment.
    let outside = outside.replace("{#}", "");
    quote.is_none()
        && !command.contains(['\\', '\n'])
        && outside.chars().all(plain)
        && !outside.contains("<<")
}

/// The command with its inputs where it says so, or behind it. None where an input would stand in quotes, and
/// could end them, or where what is put in is not certain.
fn put_in(command: &str, inputs: &[Option<&str>]) -> Option<String> {
    let unknown = inputs.iter().any(Option::is_none);
    if !keeps_quotes(command) {
        return None;
    }
    let all: Option<Vec<String>> = inputs.iter().map(|input| part(*input, "")).collect();
    let all = all?.join(" ");
    let mut out = String::new();
    let mut quote = None;
    let (mut found, mut counted) = (false, false);
    let mut rest = command;
    while let Some(c) = rest.chars().next() {
        // It could not be read anyway.
        if out.len() > MAX_LINE {
            return None;
        }
        if let Some((name, behind)) = replacement(rest) {
            // In the first word nothing is quoted.
            let before = &command[..command.len() - rest.len()];
            let first = !before.trim_start_matches(' ').contains(' ');
            if quote.is_some() || first || unknown && is_joined(before, behind) {
                return None;
            }
            match (name, inputs) {
                ("", _) => out.push_str(&all),
                ("#" | "%", _) => out.push_str(UNKNOWN_INPUT),
                ("." | "/" | "//" | "/.", [input]) => out.push_str(&part(*input, name)?),
                _ => {
                    let behind = name.trim_start_matches(|c: char| c.is_ascii_digit());
                    let number = &name[..name.len() - behind.len()];
                    let at = number.parse::<usize>().ok()?.checked_sub(1)?;
                    // Code, and what only some releases, or --plus in a profile, take for an input.
                    if number.starts_with('0') || !matches!(behind, "" | "." | "/" | "//" | "/.") {
                        return None;
                    }
                    out.push_str(&part(*inputs.get(at)?, behind)?);
                }
            }
            found |= !matches!(name, "#" | "%");
            counted |= !found;
            rest = behind;
            continue;
        }
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    // Releases differ on whether the inputs are put behind it.
    if !found && counted {
        return None;
    }
    if !found {
        out.push(' ');
        out.push_str(&all);
    }
    Some(out)
}

/// A replacement string at the beginning: what stands in its braces, and what follows.
fn replacement(text: &str) -> Option<(&str, &str)> {
    let (inside, behind) = text.strip_prefix('{')?.split_once('}')?;
    // Behind a number there may be blanks.
    let simple = inside
        .bytes()
        .all(|b| b.is_ascii_digit() || b"./#%+- \t\n".contains(&b))
        && (inside.is_empty() || !inside.trim().is_empty());
    let named = matches!(
        inside,
        "host" | "sshlogin" | "hgrp" | "agrp" | "slot" | "seq" | "uniq" | "choose_k"
    );
    (simple || named || inside.contains('=')).then_some((inside, behind))
}
