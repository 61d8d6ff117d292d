//! Programs that run a command for each of many things: `find -exec`, and what `xargs` puts into its words.

use super::Inner;
use crate::command::call::Call;
use crate::command::word::{Segment, Word};

/// The commands of `-exec`, `-execdir`, `-ok`, `-okdir`.
pub(super) fn find_actions(call: &Call) -> Inner {
    let mut lists = Vec::new();
    let mut words = call.words.iter().skip(1);
    while let Some(word) = words.next() {
        if matches!(
            word.literal(),
            Some("-exec" | "-execdir" | "-ok" | "-okdir")
        ) {
            let list: Vec<Word> = words
                .by_ref()
                .take_while(|w| !matches!(w.literal(), Some(";" | "+")))
                .map(|w| {
                    if w.literal().is_some_and(|t| t.contains("{}")) {
                        Word {
                            segments: vec![Segment::Expansion("{}".into())],
                            span: w.span,
                        }
                    } else {
                        w.clone()
                    }
                })
                .collect();
            if !list.is_empty() {
                lists.push(list);
            }
        }
    }
    if lists.is_empty() {
        Inner::None
    } else {
        Inner::Each(lists)
    }
}

/// Marks what `xargs -I R` puts its input in for.
pub(super) fn replace(own: &[Word], words: &mut [Word]) {
    let mut options = own.iter().filter_map(Word::literal);
    let mut mark = "{}".to_owned();
    while let Some(option) = options.next() {
        if let Some(glued) = option.strip_prefix("--replace=") {
            mark = glued.to_owned();
        } else if let Some((_, value)) = option
            .strip_prefix('-')
            .filter(|o| !o.starts_with('-'))
            .and_then(|o| o.split_once('I'))
        {
            mark = match value {
                "" => options.next().unwrap_or("{}").to_owned(),
                glued => glued.to_owned(),
            };
        }
    }
    for word in words {
        let Some((before, _)) = word.literal().and_then(|t| t.split_once(mark.as_str())) else {
            continue;
        };
        let mut segments = Vec::new();
        if !before.is_empty() {
            segments.push(Segment::Literal(before.to_owned()));
        }
        segments.push(Segment::Expansion(mark.clone()));
        word.segments = segments;
    }
}
