//! Programs that run a command for each of many things: `find -exec`, and what `xargs` puts into its words.

use super::Inner;
use super::options::is_one;
use super::shells::DYNAMIC_COMMAND;
use crate::command::call::Call;
use crate::command::word::{Segment, Word};

/// Primaries of find(1) without a value: behind any other, a word could be its value.
const ALONE: [&str; 38] = [
    "-a",
    "-and",
    "-o",
    "-or",
    "-not",
    "-daystart",
    "-delete",
    "-depth",
    "-d",
    "-empty",
    "-executable",
    "-false",
    "-follow",
    "-help",
    "-ignore_readdir_race",
    "-ls",
    "-mount",
    "-nogroup",
    "-noignore_readdir_race",
    "-noleaf",
    "-nouser",
    "-nowarn",
    "-print",
    "-print0",
    "-prune",
    "-quit",
    "-readable",
    "-true",
    "-warn",
    "-writable",
    "-x",
    "-xdev",
    "-H",
    "-L",
    "-P",
    "-E",
    "-X",
    "-s",
];

/// Most words `+` in actions that may end one or not: what stands behind each is read twice.
const MAX_CUT: usize = 16;

/// The commands of `-exec`, `-execdir`, `-ok`, `-okdir`.
pub(super) fn find_actions(call: &Call) -> Inner {
    let mut lists = Vec::new();
    let mut stray = false;
    let mut cut = 0;
    let mut at = 1;
    while let Some(word) = call.words.get(at) {
        match word.literal() {
            Some(action @ ("-exec" | "-execdir" | "-ok" | "-okdir")) => {
                if call.words.get(at - 1).is_some_and(takes_value) {
                    return Inner::Refused("an action of `find` that could be another's value");
                }
                let length = length(&call.words[at + 1..], action.starts_with("-exec"));
                let list: Vec<Word> = call.words[at + 1..at + 1 + length]
                    .iter()
                    .map(found)
                    .collect();
                if hides_action(&list) {
                    return Inner::Refused(DYNAMIC_COMMAND);
                }
                // busybox ends an action at any `+`, and goes on behind it.
                let early = list.iter().position(|w| w.literal() == Some("+"));
                if let Some(early) = early {
                    cut += 1;
                    if cut > MAX_CUT {
                        return Inner::Refused("an action of `find` with many words `+`");
                    }
                    lists.push(list[..early].to_vec());
                }
                at += early.unwrap_or(length) + 1;
                lists.push(list);
            }
            Some(";" | "+") => stray = true,
            _ => {}
        }
        at += 1;
    }
    if may_begin_action(call) {
        return Inner::Refused(DYNAMIC_COMMAND);
    }
    // A word that may become several, or any option, and the end of an action that nobody began.
    let dynamic = |w: &Word| w.literal().is_none();
    let words = call.words.get(1..).unwrap_or_default();
    if words.iter().any(|w| w.is_dynamic() && !is_one(w)) || (stray && words.iter().any(dynamic)) {
        return Inner::Refused(DYNAMIC_COMMAND);
    }
    lists.retain(|list| !list.is_empty());
    if lists.is_empty() {
        Inner::None
    } else {
        Inner::Each(lists)
    }
}

/// Whether one of an action's words could be its end, with another action behind it.
fn hides_action(list: &[Word]) -> bool {
    let action = |w: &Word| matches!(w.literal(), Some("-exec" | "-execdir" | "-ok" | "-okdir"));
    let end = list.iter().position(|w| is_open(w) && w.spelt() != "{}");
    end.is_some_and(|at| list[at..].iter().any(action))
}

/// Whether a word outside of actions could be `-exec`, and what stands behind it a command.
fn may_begin_action(call: &Call) -> bool {
    let words = &call.words;
    // What stands in front of it may be a value itself: `-name -name "$x"`.
    let takes = |at: usize| words.get(at).is_some_and(takes_value);
    let is_value = |at: usize| at > 1 && takes(at - 1) && !(at > 2 && takes(at - 2));
    let free = |at: usize| is_open(&words[at]) && !is_value(at);
    let open: Vec<usize> = (1..words.len()).filter(|at| free(*at)).collect();
    let ends = |w: &Word| matches!(w.literal(), Some(";" | "+"));
    let last = words.iter().rposition(ends).max(open.last().copied());
    let command = |w: &Word| {
        !w.literal_prefix()
            .starts_with(['-', '(', ')', '!', ';', '+'])
    };
    let begins = |at: &usize| {
        let ended = last.is_some_and(|last| last > at + 1);
        ended && words.get(at + 1).is_some_and(command)
    };
    open.iter().any(begins)
}

/// Whether nothing is known of how a word begins, or that it is an option: a file may have any name.
fn is_open(word: &Word) -> bool {
    word.literal().is_none()
        && (word.literal_prefix().is_empty() || word.literal_prefix().starts_with('-'))
}

/// Whether a word in front of an action may take it for its value.
fn takes_value(word: &Word) -> bool {
    let text = word.literal_prefix();
    // `-mtime -1`: a number is no primary.
    let behind = text.strip_prefix('-');
    let number = behind.is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
    behind.is_some()
        && !number
        && text != "--"
        && !word
            .literal()
            .is_some_and(|t| ALONE.contains(&t) || t.starts_with("-O"))
}

/// How many words an action has: up to `;`, or up to a `+` right behind `{}`.
fn length(words: &[Word], plus: bool) -> usize {
    words
        .iter()
        .enumerate()
        .position(|(at, word)| match word.literal() {
            Some(";") => true,
            Some("+") => plus && at > 0 && words[at - 1].literal() == Some("{}"),
            _ => false,
        })
        .unwrap_or(words.len())
}

/// A word of an action, in which `{}` is a name that find puts there.
fn found(word: &Word) -> Word {
    match word.literal() {
        Some(text) if text.contains("{}") => Word {
            segments: vec![Segment::Expansion("{}".into())],
            span: word.span,
        },
        _ => word.clone(),
    }
}

/// Most letters in xargs' options that could each begin what its input is put in for.
const MOST_MARKS: usize = 16;

/// Whether the `R` of `xargs -I R` is known only when it runs.
pub(super) fn replaces_unknown(own: &[Word]) -> bool {
    let dynamic = |w: &Word| w.literal().is_none();
    let letters = |w: &Word| {
        let text = w.literal_prefix().strip_prefix('-').unwrap_or_default();
        text.matches(['I', 'i']).count()
    };
    // Each of them could begin a mark.
    let many = own.iter().map(letters).sum::<usize>() > MOST_MARKS;
    many || own.iter().enumerate().any(|(at, word)| {
        let text = word.literal_prefix();
        let option = text.starts_with('-') && text.contains(['I', 'i']) || text.starts_with("--r");
        option && (dynamic(word) || text.ends_with('I') && own.get(at + 1).is_some_and(dynamic))
    })
}

/// Marks what `xargs -I R` puts its input in for. Whatever could be such an `R` is taken for one.
pub(super) fn replace(own: &[Word], words: &mut [Word]) {
    let mut marks = vec!["{}"];
    for (at, option) in own
        .iter()
        .enumerate()
        .filter_map(|(at, w)| Some((at, w.literal()?)))
    {
        let next = own.get(at + 1).and_then(Word::literal).unwrap_or("{}");
        if let Some(glued) = option.strip_prefix("--replace=") {
            marks.push(glued);
        } else if let Some(letters) = option.strip_prefix('-').filter(|o| !o.starts_with('-')) {
            for (index, _) in letters.match_indices(['I', 'i']) {
                let glued = &letters[index + 1..];
                marks.push(if glued.is_empty() { next } else { glued });
            }
        }
    }
    marks.retain(|mark| !mark.is_empty());
    for word in words {
        let text = word.literal_prefix();
        if word.literal().is_none() {
            // It may begin here, and end in what the shell alone knows.
            let begins = |mark: &&str| mark.chars().next().is_some_and(|c| text.contains(c));
            if marks.iter().any(begins) {
                word.segments.insert(0, Segment::Expansion("{}".into()));
            }
            continue;
        }
        let Some(at) = marks.iter().filter_map(|mark| text.find(mark)).min() else {
            continue;
        };
        let before = text[..at].to_owned();
        let mut segments = Vec::new();
        if !before.is_empty() {
            segments.push(Segment::Literal(before));
        }
        // Never the mark itself: what an expansion does shows in its text.
        segments.push(Segment::Expansion("{}".into()));
        word.segments = segments;
    }
}
