//! What `xargs` and `find` put into the words of the commands that they run.

use crate::command::word::{self, ONE_NAME, Segment, Word};

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
                word.segments.insert(0, Segment::Expansion(ONE_NAME.into()));
            }
        } else {
            put_in(word, &marks, ONE_NAME);
        }
    }
}

/// Puts what is known only when it runs, `what`, in for each of these marks in a literal word; what stands around them stays.
pub(super) fn put_in(word: &mut Word, marks: &[&str], what: &str) {
    let Some(mut rest) = word.literal() else {
        return;
    };
    let mut segments = Vec::new();
    let first = |text: &str| {
        let found = marks.iter().filter_map(|m| Some((text.find(m)?, m.len())));
        found.min()
    };
    // Never the mark itself: what an expansion does shows in its text.
    while let Some((at, length)) = first(rest) {
        word::literal(&mut segments, &rest[..at]);
        segments.push(Segment::Expansion(what.into()));
        rest = &rest[at + length..];
    }
    word::literal(&mut segments, rest);
    word.segments = segments;
}
