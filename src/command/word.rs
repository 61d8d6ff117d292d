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

/// One word of a simple command. Adjacent literals are always merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Its parts in order; none for the empty word `''`.
    pub segments: Vec<Segment>,
    /// Where it stands in the source line.
    pub span: Span,
}

impl Word {
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

    /// Whether the word is a pattern of literal and glob parts only.
    pub fn is_glob(&self) -> bool {
        self.segments.iter().any(|s| matches!(s, Segment::Glob(_)))
            && !self
                .segments
                .iter()
                .any(|s| matches!(s, Segment::Expansion(_)))
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

/// Adds pattern characters to the last pattern.
pub(super) fn glob(segments: &mut Vec<Segment>, text: &str) {
    match segments.last_mut() {
        Some(Segment::Glob(last)) => last.push_str(text),
        _ => segments.push(Segment::Glob(text.to_owned())),
    }
}
