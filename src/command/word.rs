//! A word of a command line and what is known of it: text, pattern, or something only the shell knows.

/// A range of bytes of the source line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A part of a word, after quotes and escapes were removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that the shell takes as it stands.
    Literal(String),
    /// Unquoted pattern characters, as written: `*`, `?`, `[a-z]`.
    Glob(String),
    /// A value that only the shell knows when it runs, as written: `$x`, `$(cmd)`, `~user`,
    /// `$((1+1))`, `{a,b}`. The commands inside are calls of their own.
    Expansion(String),
}

/// What stands in an expansion for one name that xargs or find puts in.
pub(crate) const ONE_NAME: &str = "{}";
/// What stands for several of them, each a word.
pub(crate) const SEVERAL_NAMES: &str = "{} +";

impl Segment {
    /// Whether the shell neither splits it nor looks for files by it; `"$@"` becomes as many words as there are.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Segment::Literal(_) => true,
            Segment::Glob(_) => false,
            Segment::Expansion(text) => {
                text == ONE_NAME || text.starts_with('"') && !text.contains('@')
            }
        }
    }
}

/// One word of a simple command. Adjacent literals are always merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Its parts in order; none for the empty word `''`.
    pub segments: Vec<Segment>,
    /// Where it stands in the source line.
    pub span: Span,
}

impl Word {
    /// A word of plain text that stands nowhere in the line.
    pub fn of(text: &str) -> Word {
        let mut segments = Vec::new();
        literal(&mut segments, text);
        Word {
            segments,
            span: Span::default(),
        }
    }

    /// A word that is known only when the line runs, as it is written, and stands nowhere in the line.
    pub fn expansion(text: impl Into<String>) -> Word {
        Word {
            segments: vec![Segment::Expansion(text.into())],
            span: Span::default(),
        }
    }

    /// The text, if all of the word is literal.
    pub fn literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The literal text in front of the first pattern or expansion.
    pub fn literal_prefix(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Literal(text)) => text,
            _ => "",
        }
    }

    /// How many bytes of text it holds.
    pub fn size(&self) -> usize {
        let size = |segment: &Segment| match segment {
            Segment::Literal(text) | Segment::Glob(text) | Segment::Expansion(text) => text.len(),
        };
        self.segments.iter().map(size).sum()
    }

    /// Its text with patterns and expansions as they are written.
    pub fn spelt(&self) -> String {
        let parts = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) | Segment::Glob(text) | Segment::Expansion(text) => {
                text.as_str()
            }
        });
        parts.collect()
    }

    /// The word without so many bytes of the literal text that it begins with.
    pub fn behind(&self, length: usize) -> Word {
        let mut word = self.clone();
        if let Some(Segment::Literal(text)) = word.segments.first_mut() {
            *text = text.get(length..).unwrap_or_default().to_owned();
            if text.is_empty() {
                word.segments.remove(0);
            }
        }
        word
    }

    /// Whether the shell makes one word of it, whatever its values are.
    pub(super) fn is_whole(&self) -> bool {
        self.segments.iter().all(Segment::is_whole)
    }

    /// Whether the word is a pattern of literal and glob parts only.
    pub fn is_glob(&self) -> bool {
        self.segments.iter().any(|s| matches!(s, Segment::Glob(_)))
            && !self
                .segments
                .iter()
                .any(|s| matches!(s, Segment::Expansion(_)))
    }

    /// Whether it could be this text of at most 31 bytes when it runs, or bring it along.
    pub(crate) fn may_be(&self, text: &str) -> bool {
        // The places in the text that what stands so far could reach, a bit for each.
        let mut places: u32 = 1;
        let to_end = |places: u32| match places {
            0 => 0,
            _ => u32::MAX << places.trailing_zeros(),
        };
        for segment in &self.segments {
            match segment {
                Segment::Expansion(_) => places = to_end(places),
                Segment::Literal(part) => {
                    let fits = |at: &usize| text.get(*at..).is_some_and(|t| t.starts_with(part));
                    let reached = (0..=text.len()).filter(|at| places >> at & 1 == 1);
                    places = reached
                        .filter(fits)
                        .fold(0, |all, at| all | 1 << (at + part.len()));
                }
                Segment::Glob(pattern) => {
                    for c in pattern.chars() {
                        match c {
                            '?' => places <<= 1,
                            // Of a list, anything: it need not be exact.
                            _ => places = to_end(places),
                        }
                    }
                }
            }
        }
        places >> text.len() & 1 == 1
    }

    /// Whether any part is known only when the shell runs.
    pub fn is_dynamic(&self) -> bool {
        self.segments
            .iter()
            .any(|s| matches!(s, Segment::Expansion(_)))
    }
}

/// Adds text to the last literal.
pub(super) fn literal(segments: &mut Vec<Segment>, text: &str) {
    match segments.last_mut() {
        _ if text.is_empty() => {}
        Some(Segment::Literal(last)) => last.push_str(text),
        _ => segments.push(Segment::Literal(text.to_owned())),
    }
}

/// Adds a segment; literals that stand side by side are one.
pub(crate) fn push(segments: &mut Vec<Segment>, segment: Segment) {
    match segment {
        Segment::Literal(text) => literal(segments, &text),
        other => segments.push(other),
    }
}

/// An expansion as it is written without its double quotes, and whether it had them.
pub(crate) fn bare(expansion: &str) -> (&str, bool) {
    let inner = expansion.strip_prefix('"');
    match inner.and_then(|t| t.strip_suffix('"')) {
        Some(inner) => (inner, true),
        None => (expansion, false),
    }
}

/// Adds pattern characters to the last pattern.
pub(super) fn glob(segments: &mut Vec<Segment>, text: &str) {
    match segments.last_mut() {
        Some(Segment::Glob(last)) => last.push_str(text),
        _ => segments.push(Segment::Glob(text.to_owned())),
    }
}

/// Where a word ends whose braces from `from` on are text to every shell: `stash@{0}`, `{{.Names}}`. They are closed,
/// hold neither a comma nor `..`, and behind them stands nothing that makes a `{fd}>` of them.
pub(super) fn text_braces(line: &str, from: usize) -> Option<usize> {
    if line[..from].ends_with('$') {
        return None;
    }
    let rest = &line.as_bytes()[from..];
    let mut depth = 0usize;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'{' if depth < 2 => depth += 1,
            b'}' => depth = depth.checked_sub(1)?,
            b'.' if depth > 0 && rest.get(at + 1) == Some(&b'.') => return None,
            b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b')' => {
                return (depth == 0).then_some(from + at);
            }
            _ if byte.is_ascii_alphanumeric() || b"_./:@%+=-".contains(byte) => {}
            _ => return None,
        }
    }
    (depth == 0).then_some(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_be_what_its_parts_allow() {
        let word = |segments: &[Segment]| Word {
            segments: segments.to_vec(),
            ..Word::default()
        };
        let literal = |text: &str| Segment::Literal(text.into());
        let glob = |text: &str| Segment::Glob(text.into());
        let any = Segment::Expansion("\"$x\"".into());
        for (segments, may) in [
            (vec![glob("*")], true),
            (vec![glob("?????")], true),
            (vec![glob("????")], false),
            (vec![literal("-e"), glob("*")], true),
            (vec![literal("-"), glob("[a-f]"), literal("xec")], true),
            (vec![literal("-"), glob("[a-f]"), literal("z")], false),
            (vec![glob("*"), literal("c")], true),
            (vec![glob("*"), literal(".log")], false),
            (vec![literal("x"), glob("*")], false),
            (vec![any.clone(), literal("c"), any.clone()], true),
            (vec![literal("-exec"), any.clone()], true),
            (vec![any, literal("/x")], false),
        ] {
            assert_eq!(word(&segments).may_be("-exec"), may, "{segments:?}");
        }
    }
}
