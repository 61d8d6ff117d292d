//! The full reader: the shell's grammar as people type it, to see every command that a line can run.
//!
//! It reads what the strict reader does not, so that what is forbidden is found wherever it stands, and a
//! human is asked about the rest. Nothing it accepts is auto as it stands. What bash and dash read differently is
//! marked as bash's or refused; what it cannot read it refuses, and must never skip. The grammar is
//! `docs/grammar.md`.

pub mod ast;
mod commands;
mod documents;
mod expansions;
mod flatten;
mod numbers;
mod redirections;
mod variables;
mod words;

use super::word::Span;
use super::{Note, Place, ReadError};
use ast::{List, Parsed};
pub(in crate::command) use commands::MAX_REDIRECTIONS;
use documents::{Body, Pending};
pub use flatten::calls;
use variables::Variables;
pub(in crate::command) use variables::{REDEFINERS, is_number};

/// In a locale of one byte a character, bash takes the halves of others for letters (bash's `legal_variable_starter`).
const LETTERS: &str =
    "a letter outside of ASCII where some shells take it for part of a variable's name: quote it";

const BACKGROUND: &str = "a command in the background";
const SUBSTITUTED_FILE: &str = "a process substitution";

/// Deepest nesting of compound commands and substitutions.
pub const MAX_DEPTH: usize = 40;

/// Reads a line.
///
/// # Errors
/// [`ReadError`] with the place and the reason.
pub fn read(text: &str) -> Result<Parsed, ReadError> {
    let mut parser = Parser::new(text, None, 0);
    let list = parser.program()?;
    let own = |(name, _): &&(String, Span)| parser.functions.contains(name);
    if let Some((_, span)) = parser.timed.iter().find(own) {
        return Err(ReadError {
            span: *span,
            reason: commands::TIMED.to_owned(),
        });
    }
    let beside = |n: &&Note| matches!(n.what.as_str(), BACKGROUND | SUBSTITUTED_FILE);
    Ok(Parsed {
        beside: parser.notes.iter().find(beside).map(|n| n.span),
        relies: parser.variables.check(!parser.functions.is_empty())?,
        uses: parser.variables.uses(),
        list,
        notes: parser.notes,
        bash: parser.bash,
        bashism: parser.bashism,
        functions: parser.functions,
    })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Where everything stands, for text that is not the line itself (backquotes, here-documents).
    fixed: Option<Span>,
    /// Lists in the words of the command under way.
    inner: Vec<(Place, List)>,
    notes: Vec<Note>,
    bash: bool,
    bashism: bool,
    /// Here-documents whose line is not at its end yet.
    pending: Vec<Pending>,
    bodies: Vec<Body>,
    /// How many here-documents and `case`s were begun, those of inner texts included: of them, brackets and quotes need
    /// not be even. bash looks at some texts again, and counts those.
    uneven: usize,
    variables: Variables,
    functions: Vec<String>,
    /// What stands behind the keyword `time`.
    timed: Vec<(String, Span)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, fixed: Option<Span>, depth: usize) -> Self {
        Parser {
            text,
            at: 0,
            depth,
            fixed,
            inner: Vec::new(),
            notes: Vec::new(),
            bash: false,
            bashism: false,
            timed: Vec::new(),
            pending: Vec::new(),
            bodies: Vec::new(),
            uneven: 0,
            variables: Variables::default(),
            functions: Vec::new(),
        }
    }

    /// A reader of text that stands at `open` of this one's.
    fn within<'b>(&self, text: &'b str, open: usize) -> Result<Parser<'b>, ReadError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(open, "it is nested too deeply"));
        }
        Ok(Parser::new(text, Some(self.span(open)), self.depth + 1))
    }

    /// Takes over what a reader of inner text found besides its list.
    fn absorb(&mut self, inner: Parser<'_>) {
        self.notes.extend(inner.notes);
        self.uneven += inner.uneven;
        self.bash |= inner.bash;
        self.bashism |= inner.bashism;
        self.timed.extend(inner.timed);
        self.variables.absorb(inner.variables);
        self.functions.extend(inner.functions);
    }

    /// What was read since there.
    fn since(&self, start: usize) -> Span {
        self.fixed.unwrap_or(Span {
            start,
            end: self.at,
        })
    }

    fn span(&self, start: usize) -> Span {
        self.fixed.unwrap_or_else(|| {
            let start = start.min(self.text.len());
            let width = self
                .text
                .get(start..)
                .and_then(|t| t.chars().next())
                .map_or(0, char::len_utf8);
            Span {
                start,
                end: start + width,
            }
        })
    }

    fn error(&self, at: usize, reason: &str) -> ReadError {
        ReadError {
            span: self.span(at),
            reason: reason.to_owned(),
        }
    }

    fn note(&mut self, at: usize, what: &str) {
        let span = self.span(at);
        self.notes.push(Note {
            span,
            what: what.to_owned(),
        });
    }

    fn peek(&self) -> Option<u8> {
        self.byte(0)
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn character(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|t| t.chars().next())
    }

    fn starts(&self, text: &str) -> bool {
        self.text
            .as_bytes()
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }

    fn enter(&mut self, open: usize) -> Result<(), ReadError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(open, "it is nested too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Blanks, line continuations behind a blank, and comments.
    fn blanks(&mut self) -> Result<(), ReadError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.byte(1) == Some(b'\n') => {
                    // Elsewhere a continuation joins what stands around it into one token.
                    let before = self.at.checked_sub(1).map(|at| self.text.as_bytes()[at]);
                    // Nothing but `||` and `|&` could be split so, and neither is read that way here.
                    if !matches!(before, Some(b' ' | b'\t' | b'\n' | b'|'))
                        || !self.pending.is_empty()
                    {
                        return Err(
                            self.error(self.at, "a line continuation without a blank before it")
                        );
                    }
                    self.at += 2;
                }
                Some(b'#') if self.begins_token() => {
                    self.note(self.at, "a comment, which is dropped");
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Whether nothing that a `#` could belong to stands directly before this place.
    fn begins_token(&self) -> bool {
        self.at.checked_sub(1).is_none_or(|at| {
            matches!(
                self.text.as_bytes()[at],
                b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'(' | b')'
            )
        })
    }

    /// Blanks and line feeds; the here-documents of each line are read at its end.
    fn newlines(&mut self) -> Result<(), ReadError> {
        loop {
            self.blanks()?;
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.documents()?;
        }
    }

    /// The whole text.
    fn program(&mut self) -> Result<List, ReadError> {
        let mut list = self.list()?;
        if self.at < self.text.len() {
            return Err(self.error(self.at, "this closes nothing"));
        }
        self.no_documents_left()?;
        self.resolve(&mut list);
        Ok(list)
    }

    /// A list up to a closing parenthesis, which is taken.
    fn nested(&mut self, open: usize) -> Result<List, ReadError> {
        self.enter(open)?;
        let pending = std::mem::take(&mut self.pending);
        let outer = std::mem::take(&mut self.inner);
        let mut list = self.list()?;
        if self.peek() != Some(b')') {
            return Err(self.error(open, "a parenthesis that is not closed"));
        }
        self.at += 1;
        self.no_documents_left()?;
        self.resolve(&mut list);
        self.pending = pending;
        self.inner = outer;
        self.leave();
        Ok(list)
    }
}
