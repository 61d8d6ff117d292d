//! What `xargs` and `find` put into the words of the commands that they run.

use super::forms::form;
use super::options::{Value, take};
use crate::command::call::Call;
use crate::command::word::{self, ONE_NAME, Segment, Word};

/// Puts what is known only when it runs in for the `R` of `xargs -I R`.
///
/// # Errors
/// Why it is not certain what xargs puts its input in for.
pub(super) fn replace(xargs: &Call, words: &mut [Word]) -> Result<(), &'static str> {
    const UNKNOWN: &str =
        "what `xargs -I` puts its input in for is known only when it runs: write it out";
    const TWICE: &str =
        "of `xargs -I`, -i, -L, -l and -n only the last one counts: write one of them";
    let taken = form("xargs").map(|form| take(xargs, 1, form));
    let Some(Ok(taken)) = taken else {
        return Err(UNKNOWN);
    };
    let mut marks = taken.values(&["I", "i", "replace"]);
    let Some(mark) = marks.next() else {
        return Ok(());
    };
    if marks.next().is_some() || taken.has(&["L", "l", "n", "max-lines", "max-args"]) {
        return Err(TWICE);
    }
    let mark = match mark {
        Value::None => "{}",
        Value::Text(text) if !text.is_empty() => text,
        _ => return Err(UNKNOWN),
    };
    let overlaps =
        |s: &Segment| matches!(s, Segment::Glob(text) if text.contains(|c| mark.contains(c)));
    for word in words {
        if word.segments.iter().any(overlaps) {
            return Err(
                "what `xargs -I` puts its input in for is a pattern to the shell: put it in quotes",
            );
        }
        put_in(word, mark, ONE_NAME);
    }
    Ok(())
}

/// Puts what is known only when it runs, `what`, in for each `mark` in a word; what stands around stays, as far as it is
/// certain: of a word that the shell alone knows, a mark may be made of a part that stands in the line and another.
pub(super) fn put_in(word: &mut Word, mark: &str, what: &str) {
    let mut segments = Vec::new();
    if let Some(mut rest) = word.literal() {
        // Never the mark itself: what an expansion does shows in its text.
        while let Some((before, behind)) = rest.split_once(mark) {
            word::literal(&mut segments, before);
            segments.push(Segment::Expansion(what.into()));
            rest = behind;
        }
        word::literal(&mut segments, rest);
    } else {
        let holds = |s: &Segment| matches!(s, Segment::Literal(text) if text.contains(|c| mark.contains(c)));
        if !word.segments.iter().any(holds) {
            return;
        }
        let prefix = word.literal_prefix();
        let certain = prefix.find(|c| mark.contains(c)).unwrap_or(prefix.len());
        word::literal(&mut segments, &prefix[..certain]);
        segments.push(Segment::Expansion(what.into()));
        let unknown = word
            .segments
            .iter()
            .filter(|s| !matches!(s, Segment::Literal(_)));
        segments.extend(unknown.cloned());
    }
    word.segments = segments;
}
