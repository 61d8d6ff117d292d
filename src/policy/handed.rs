//! What `xargs` hands on, where it is known what stands in front of it: names that a program gives and no person.
//!
//! `docker ps -q | xargs -r docker inspect -f '{{.State.Status}}'`: the words are numbers of containers, so the call is
//! decided as with examples of them. And what a filter behind a call lets through: `kubectl get pods -o json | jq -r
//! '.items[].metadata.name'` is decided as one that asks for names, and rules may say which lines a `grep` must pick.
//! Must never let words through that a file, a person or a host could have written.

use super::language::{self, Kind, Limits, Source};
use super::types::Type;
use super::unfold;
use crate::command::wrapper::is_plain_sudo;
use crate::command::{Call, Place, Reading, Redirection, Segment, Word, Wraps};
use std::borrow::Cow;

/// A call with examples in the place of what xargs adds; itself where that is not known.
pub(super) fn by_xargs<'a>(reading: &Reading, call: Cow<'a, Call>) -> Cow<'a, Call> {
    let examples = xargs_of(reading, &call).and_then(|xargs| examples(reading, xargs));
    let Some((words, examples)) = examples
        .zip(call.words.split_last())
        .map(|(e, (_, words))| (words, e))
    else {
        return call;
    };
    let words = words.iter().cloned().chain(examples).collect();
    Cow::Owned(Call {
        words,
        ..call.into_owned()
    })
}

/// The `xargs` that adds words behind a call's own, through plain sudo at most.
fn xargs_of<'a>(reading: &'a Reading, call: &Call) -> Option<&'a Call> {
    let added = call.words.last()?.segments == [Segment::Expansion("…".into())];
    let mut parent = reading.calls.get(call.parent?)?;
    if parent.name.base == "sudo" && parent.wraps == Wraps::Calls && is_plain_sudo(parent) {
        parent = reading.calls.get(parent.parent?)?;
    }
    let xargs = parent.name.base == "xargs" && parent.name.trusted;
    (added && xargs).then_some(parent)
}

/// Examples of the words: each of one form, and never one alone, as there may be many.
fn examples(reading: &Reading, xargs: &Call) -> Option<Vec<Word>> {
    let own: Option<Vec<&str>> = xargs.words.iter().skip(1).map(Word::literal).collect();
    let own = own?;
    // `-I`, `-i`, `-a FILE`, `-E END`: other words than those of the pipe, or in other places.
    let mut one = false;
    let mut at = own.iter();
    while let Some(word) = at.next() {
        match *word {
            "-r" | "--no-run-if-empty" | "-t" => {}
            "-n" | "-L" => one = *at.next()? == "1",
            "-n1" | "-L1" | "-rn1" | "--max-args=1" => one = true,
            "-rn" => one = *at.next()? == "1",
            _ => return None,
        }
    }
    // Messages are no names: they are not to come along.
    let mut before = pipeline(reading, xargs).filter(|c| c.pipe.index < xargs.pipe.index);
    if !before.all(|c| c.redirections.iter().all(Redirection::is_of_errors)) {
        return None;
    }
    let stages: Option<Vec<Vec<&str>>> = (0..xargs.pipe.index)
        .map(|index| stage(reading, xargs, index))
        .collect();
    let texts = unfold::names_listed(&stages?)?;
    let words: Vec<Word> = texts
        .into_iter()
        .map(|text| Word {
            segments: text,
            span: xargs.span,
        })
        .collect();
    let again = words.first().filter(|_| words.len() == 1 && !one).cloned();
    Some(words.into_iter().chain(again).collect())
}

/// The words of the one command at a place in the pipeline of a call.
fn stage<'a>(reading: &'a Reading, call: &Call, index: usize) -> Option<Vec<&'a str>> {
    let mut own = commands_at(reading, call, index);
    let only = own.next()?;
    let plain = own.next().is_none()
        && only.wraps == Wraps::Nothing
        && only.name.trusted
        && only.assignments.is_empty()
        && only.redirections.iter().all(|r| r.harmless);
    let name = std::iter::once(Some(only.name.base.as_str()));
    let words = name.chain(only.words.iter().skip(1).map(Word::literal));
    words.collect::<Option<Vec<_>>>().filter(|_| plain)
}

/// Whether all that a call writes goes to a filter that picks nothing but lines of some keys.
pub(super) fn is_picked(reading: &Reading, call: &Call, keys: &Type) -> bool {
    let Type::Keys(keys) = keys else {
        return false;
    };
    let filter = stage(reading, call, call.pipe.index + 1).filter(|_| is_piped(reading, call));
    filter.is_some_and(|words| language::keys::is_filter(&words, keys))
}

/// Whether all that a call writes goes to the next command of its pipeline, and nothing else of what it says anywhere: what
/// stands in the words of another command may be in that one's messages.
fn is_piped(reading: &Reading, call: &Call) -> bool {
    let alone = commands_at(reading, call, call.pipe.index).count() == 1;
    let place = !matches!(
        call.place,
        Place::Substitution | Place::ProcessSubstitution | Place::Receiver | Place::Function
    );
    call.pipe.index + 1 < call.pipe.len
        && alone
        && place
        && call.inside.is_none()
        && call
            .redirections
            .iter()
            .all(|r| r.harmless && keeps_output(r))
}

/// Whether a redirection leaves standard output where it is.
fn keeps_output(redirection: &Redirection) -> bool {
    redirection.operator == "<"
        || redirection.operator != "&>" && redirection.descriptor.as_deref() == Some("2")
}

/// All that runs at a place in the pipeline of a call, behind plain sudo.
fn commands_at<'a>(
    reading: &'a Reading,
    call: &Call,
    index: usize,
) -> impl Iterator<Item = &'a Call> {
    let sudo = |c: &Call| c.name.base == "sudo" && c.wraps == Wraps::Calls && is_plain_sudo(c);
    pipeline(reading, call).filter(move |c| c.pipe.index == index && !sudo(c))
}

/// All calls of the pipeline of a call, itself among them.
pub(super) fn pipeline<'a>(reading: &'a Reading, call: &Call) -> impl Iterator<Item = &'a Call> {
    let number = call.pipe.pipeline;
    let own = move |c: &&Call| c.pipe.pipeline == number;
    reading.calls.iter().filter(own)
}

/// A call whose whole output a jq filter reads that lets only harmless fields through, as one that asks for such
/// fields; itself otherwise.
pub(super) fn behind_jq<'a>(reading: &Reading, call: Cow<'a, Call>) -> Cow<'a, Call> {
    let Some(words) = asked_for(reading, &call) else {
        return call;
    };
    Cow::Owned(Call {
        words,
        ..call.into_owned()
    })
}

/// The words of such a call, with the fields named in them.
fn asked_for(reading: &Reading, call: &Call) -> Option<Vec<Word>> {
    let source = match call.name.base.as_str() {
        "kubectl" | "oc" => Source::Objects,
        "journalctl" => Source::Journal,
        "docker" | "podman" => Source::Containers,
        _ => return None,
    };
    if !call.name.trusted || call.wraps != Wraps::Nothing || !is_piped(reading, call) {
        return None;
    }
    let words: Vec<&str> = call
        .words
        .iter()
        .map(Word::literal)
        .collect::<Option<_>>()?;
    let mut asked = words.clone();
    match source {
        Source::Objects => {
            let at = words.iter().position(|w| {
                matches!(
                    *w,
                    "-o" | "--output" | "-ojson" | "-o=json" | "--output=json"
                )
            })?;
            let apart = matches!(words[at], "-o" | "--output");
            if apart && words.get(at + 1) != Some(&"json") || !words.contains(&"get") {
                return None;
            }
            asked.splice(
                at..=at + usize::from(apart),
                ["-o", "jsonpath={.metadata.name}"],
            );
        }
        Source::Journal => {
            let json = words
                .windows(2)
                .any(|w| w == ["-o", "json"] || w == ["--output", "json"])
                || words
                    .iter()
                    .any(|w| matches!(*w, "-ojson" | "--output=json"));
            if !json || words.iter().any(|w| w.starts_with("--output-fields")) {
                return None;
            }
            asked.push("--output-fields=MESSAGE");
        }
        Source::Containers => {
            let plain = words.iter().skip(1).all(|w| !w.starts_with('-'));
            if !plain
                || !matches!(
                    words.as_slice(),
                    [_, "inspect", _, ..] | [_, _, "inspect", _, ..]
                )
            {
                return None;
            }
            asked.extend(["-f", "{{.Id}}"]);
        }
    }
    let filter = stage(reading, call, call.pipe.index + 1)?;
    let ["jq", rest @ ..] = filter.as_slice() else {
        return None;
    };
    let flags = |w: &&str| {
        w.strip_prefix('-')
            .is_some_and(|l| !l.is_empty() && l.bytes().all(|b| b"rcSeMCjas".contains(&b)))
            || matches!(
                *w,
                "--raw-output" | "--compact-output" | "--sort-keys" | "--exit-status"
            )
    };
    let filters: Vec<&str> = rest.iter().copied().filter(|w| !flags(w)).collect();
    let [text] = filters.as_slice() else {
        return None;
    };
    let ends = language::check_operand(Kind::Jq, text, &Limits::default()).is_ok();
    (ends && language::shows_only(source, text)).then(|| asked.into_iter().map(Word::of).collect())
}
