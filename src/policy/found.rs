//! The names that `find` hands to what it runs, as what they are: something below its folders.
//!
//! Must never let such a name stand where more of a file is read than its facts.

use super::types::BELOW;
use crate::command::word::{ONE_NAME, SEVERAL_NAMES};
use crate::command::{Call, Reading, Segment, Sudo, Word, Wraps};
use std::borrow::Cow;

/// A call that `find -exec` runs, with the found file written as what it is: something below a folder where
/// find begins. Only types that read no more of a file than its name and facts take such a word.
pub(super) fn below_find<'a>(reading: &Reading, call: &'a Call) -> Cow<'a, Call> {
    let parent = call.parent.and_then(|at| reading.calls.get(at));
    let (Some(parent), Some((last, words))) = (parent, call.words.split_last()) else {
        return Cow::Borrowed(call);
    };
    // Whatever names `ls` is given, and whatever options stand in them, it shows their facts and nothing more.
    let any = call.name.base == "ls" && call.name.trusted && call.sudo == Sudo::No;
    let Some(find) = finder(reading, parent, &last.segments, any) else {
        return Cow::Borrowed(call);
    };
    // Where it begins: up to its first test. Each must be known.
    let folders: Option<Vec<&str>> = find
        .words
        .iter()
        .skip(1)
        .skip_while(|w| matches!(w.literal(), Some("-H" | "-P")))
        .take_while(|w| !w.literal_prefix().starts_with(['-', '(', '!', ',']))
        .map(|w| w.literal().filter(|text| text.starts_with('/')))
        .collect();
    let Some(folders) = folders else {
        return Cow::Borrowed(call);
    };
    // Below these, a name can lead to other processes' files, or to other hosts.
    let apart = |text: &&str| {
        // On one file system only, none of these is gone into; and no folder is handed on.
        if *text == "/" && has(find, &["-xdev", "-mount"]) && has_files_only(find) {
            return false;
        }
        let first = text.split('/').find(|part| !part.is_empty());
        first.is_none_or(|name| matches!(name, "proc" | "sys" | "net" | "misc"))
    };
    if folders.is_empty() || folders.iter().any(apart) {
        return Cow::Borrowed(call);
    }
    let below = folders.into_iter().map(|folder| Word {
        segments: vec![
            Segment::Literal(format!("{}/", folder.trim_end_matches('/'))),
            Segment::Glob(BELOW.to_owned()),
        ],
        span: last.span,
    });
    Cow::Owned(Call {
        words: words.iter().cloned().chain(below).collect(),
        ..call.clone()
    })
}

/// The `find` whose names a wrapper hands on: itself by `-exec`, or `xargs -0` behind its `-print0`.
fn finder<'a>(
    reading: &'a Reading,
    parent: &'a Call,
    handed: &[Segment],
    any: bool,
) -> Option<&'a Call> {
    let is_find = |c: &Call| c.name.base == "find" && c.name.trusted;
    let is = |text: &str| handed == [Segment::Expansion(text.into())];
    if is_find(parent) && (is(ONE_NAME) || is(SEVERAL_NAMES)) {
        return Some(parent);
    }
    let by_xargs = parent.name.base == "xargs" && parent.name.trusted && is("…");
    let by_null = has(parent, &["-0", "--null", "-0r", "-r0"]);
    let feeds = |c: &&Call| {
        c.pipe.pipeline == parent.pipe.pipeline
            && c.pipe.index + 1 == parent.pipe.index
            && c.wraps == Wraps::Nothing
    };
    let mut feeders = reading.calls.iter().filter(feeds);
    let find = feeders
        .next()
        .filter(|_| by_xargs && (by_null || any) && parent.pipe.index == 1)?;
    let last = find.words.last().and_then(Word::literal);
    // Anything else that it prints would be names of the line's own making.
    if has(find, &["-printf", "-print", "-ls", "-fprint0"]) {
        return None;
    }
    let ends = by_null == (last == Some("-print0"));
    (feeders.next().is_none() && is_find(find) && ends).then_some(find)
}

/// Whether one of a call's words is one of these.
fn has(call: &Call, words: &[&str]) -> bool {
    let mut own = call.words.iter().filter_map(Word::literal);
    own.any(|word| words.contains(&word))
}

/// Whether `find` hands on plain files only: `-type f`, and nothing that another test could stand in for.
fn has_files_only(find: &Call) -> bool {
    let plain = find.words.windows(2).any(
        |pair| matches!(pair, [a, b] if a.literal() == Some("-type") && b.literal() == Some("f")),
    );
    plain && !has(find, &["-o", "-or", "!", "-not", ",", "(", "-L", "-follow"])
}
