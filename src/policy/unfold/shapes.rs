//! The ways in which a call's words can come out, where expansions in them have a known form.
//!
//! Must never leave a way out that a shell could take.

use super::said::{names_of, said};
use super::sums::sum;
use super::words::parameter;
use crate::command::word::{bare, push};
use crate::command::{Call, Name, Segment, Sudo, Word, Wraps};

/// Most ways in which the words of a call are put together.
const MOST_WAYS: usize = 16;

/// What looks for the files that a loop around a call goes through: `ls -d PATTERN`.
pub fn listing(call: &Call, pattern: &Word) -> Call {
    let word = |text: &str| Word {
        segments: vec![Segment::Literal(text.to_owned())],
        span: call.span,
    };
    Call {
        name: Name {
            text: "ls".to_owned(),
            base: "ls".to_owned(),
            trusted: true,
        },
        words: vec![word("ls"), word("-d"), pattern.clone()],
        assignments: Vec::new(),
        redirections: Vec::new(),
        parent: None,
        sudo: Sudo::No,
        wraps: Wraps::Nothing,
        ..call.clone()
    }
}

/// The ways in which the words of a call can come out, as far as their form is known; what may be any text stays
/// an expansion. None where they are too many.
pub fn samples(call: &Call) -> Option<Vec<Vec<Word>>> {
    let mut ways: Vec<Vec<Word>> = vec![Vec::with_capacity(call.words.len())];
    for word in &call.words {
        let spellings = of_word(word, call)?;
        if ways.len() * spellings.len() > MOST_WAYS {
            return None;
        }
        ways = ways
            .iter()
            .flat_map(|way| {
                spellings.iter().map(move |word| {
                    let mut way = way.clone();
                    way.push(word.clone());
                    way
                })
            })
            .collect();
    }
    Some(ways)
}

/// What a word could be; none where it could be an option that does not stand in the line.
fn of_word(word: &Word, call: &Call) -> Option<Vec<Word>> {
    let mut all: Vec<Vec<Segment>> = vec![Vec::new()];
    for segment in &word.segments {
        let parts: Vec<Vec<Segment>> = match segment {
            Segment::Expansion(text) => {
                of_expansion(text, call).unwrap_or_else(|| vec![vec![segment.clone()]])
            }
            other => vec![vec![other.clone()]],
        };
        all = all
            .iter()
            .flat_map(|before| {
                parts.iter().map(move |part| {
                    let mut segments = before.clone();
                    part.iter().for_each(|s| push(&mut segments, s.clone()));
                    segments
                })
            })
            .take(MOST_WAYS + 1)
            .collect();
    }
    let span = word.span;
    let written = matches!(word.segments.first(), Some(Segment::Literal(_)));
    all.into_iter()
        .map(|segments| Word { segments, span })
        .map(|word| {
            // A name that is found may begin with anything, unless a folder stands in front of it.
            let found = matches!(word.segments.first(), Some(Segment::Glob(_)));
            // Neither takes an option that does more than say or compare.
            let speaks = matches!(call.name.base.as_str(), "echo" | "[" | "test");
            let option = word.literal_prefix().starts_with('-') && !speaks || found;
            (written || !option).then_some(word)
        })
        .collect()
}

/// Sums, as large as they come: a width, a count or a size must be bounded.
const SUMS: [&str; 4] = ["7", "-7", "2147483647", "-2147483648"];

/// What an expansion in quotes could be.
fn of_expansion(text: &str, call: &Call) -> Option<Vec<Vec<Segment>>> {
    let (inner, true) = bare(text) else {
        return None;
    };
    if let Some(name) = parameter(inner) {
        // A loop over files: each name is one that its pattern fits.
        let found: Vec<Vec<Segment>> = call
            .scope
            .lists
            .iter()
            .filter(|list| list.name == name)
            .flat_map(|list| match names_of(&list.value) {
                // Where none is said, there is no turn.
                Some(names) => names.texts,
                None => vec![list.value.segments.clone()],
            })
            .collect();
        return (!found.is_empty()).then_some(found);
    }
    if sum(inner).is_some() {
        return Some(
            SUMS.iter()
                .map(|n| vec![Segment::Literal((*n).to_owned())])
                .collect(),
        );
    }
    let mut said = said(inner)?;
    // Where nothing is said, what stands around it, or an empty word, must be harmless as well.
    if !said.surely {
        said.texts.push(vec![Segment::Literal(String::new())]);
    }
    Some(said.texts)
}
