//! Reads a shell command line exactly as bash and dash would, or refuses it.
//!
//! This module never decides whether a command is allowed, and never runs anything.
//! What it cannot read it refuses: [`read`] returns an error and nothing may run.

pub mod call;
pub mod word;

pub use call::{Assignment, Call, Name, Pipe, Place, Redirection, Sudo, Wraps};
pub use word::{Segment, Span, Word};

/// Longest line that is read, in bytes. Longer lines are refused before any work is done.
pub const MAX_LINE: usize = 64 * 1024;

/// Which shell gives the canonical form its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    /// Any POSIX shell: dash and bash agree on it.
    Posix,
    /// Only bash reads it as we did (`[[ … ]]`, `<(…)`, arrays, `$'…'` kept in an expansion, …).
    Bash,
}

/// Why a line is not literal, and so can never be auto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where in the source line, in bytes.
    pub span: Span,
    /// What stands there, for a person ("command substitution", "redirection to a file", …).
    pub what: String,
}

/// A line that was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The line as it came.
    pub source: String,
    /// Empty if and only if the strict reader accepted the line. Otherwise why it did not.
    pub notes: Vec<Note>,
    /// Every simple command that the line can run, in source order, the ones inside
    /// substitutions, compound commands, functions and wrappers included.
    pub calls: Vec<Call>,
    /// The line rendered from its parse, fully quoted. This is what runs.
    pub canonical: String,
    /// The shell that must run the canonical form.
    pub shell: Shell,
}

impl Reading {
    /// Whether the strict reader accepted the line: only then may it be auto.
    pub fn is_strict(&self) -> bool {
        self.notes.is_empty()
    }
}

/// The line could not be read. It must not run, approved or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Where in the line, in bytes.
    pub span: Span,
    /// What is wrong, for a person.
    pub reason: String,
}
