//! Here-documents: read at the end of their line, and put where their redirection stands.

use super::Parser;
use super::ast::{Command, Kind, List};
use super::expansions::Inside;
use crate::command::word::{Segment, Word, literal};
use crate::command::{Place, ReadError};

/// A here-document whose body has not been read.
pub(super) struct Pending {
    delimiter: String,
    quoted: bool,
    /// `<<-`: leading tabs are dropped.
    strip: bool,
    /// Where its redirection stands.
    at: usize,
    /// Which body of the parser's it will be.
    index: usize,
}

/// A body, with the lists inside its substitutions.
#[derive(Default)]
pub(super) struct Body {
    pub segments: Vec<Segment>,
    pub inner: Vec<(Place, List)>,
}

/// Stands for a body until it is read. No text can hold a NUL.
const MARK: char = '\0';

impl Parser<'_> {
    /// Remembers a document; the word that stands for its body.
    pub(super) fn document(
        &mut self,
        delimiter: Word,
        quoted: bool,
        strip: bool,
        at: usize,
    ) -> Result<Word, ReadError> {
        let Some(text) = delimiter.literal().filter(|t| !t.contains('\n')) else {
            return Err(self.error(at, "a here-document whose delimiter is not plain text"));
        };
        let index = self.bodies.len();
        self.uneven += 1;
        self.bodies.push(Body::default());
        self.pending.push(Pending {
            delimiter: text.to_owned(),
            quoted,
            strip,
            at,
            index,
        });
        Ok(Word {
            segments: vec![Segment::Expansion(format!("{MARK}{index}"))],
            span: delimiter.span,
        })
    }

    /// The body of a here-document in which the shell expands.
    fn document_body(&mut self, body: &str, at: usize) -> Result<Body, ReadError> {
        // Shells join continued lines of the body before anything else, comments of commands in it included.
        if body.contains("\\\n") {
            return Err(self.error(at, "a line continuation in a here-document"));
        }
        let mut inner = self.within(body, at)?;
        let mut segments = Vec::new();
        while let Some(byte) = inner.peek() {
            match byte {
                b'$' | b'`' => inner.expansion(&mut segments, Inside::Text)?,
                b'\\' => match inner.byte(1) {
                    Some(b @ (b'\\' | b'$' | b'`')) => {
                        literal(&mut segments, char::from(b).encode_utf8(&mut [0; 4]));
                        inner.at += 2;
                    }
                    _ => {
                        literal(&mut segments, "\\");
                        inner.at += 1;
                    }
                },
                _ => inner.plain(&mut segments),
            }
        }
        let lists = std::mem::take(&mut inner.inner);
        self.absorb(inner);
        Ok(Body {
            segments,
            inner: lists,
        })
    }

    /// Takes a line feed, and the bodies of the documents of the line that it ends.
    pub(super) fn documents(&mut self) -> Result<(), ReadError> {
        let end = self.at;
        self.at += 1;
        for pending in std::mem::take(&mut self.pending) {
            if self.text[pending.at..end].contains('\n') {
                return Err(self.error(
                    pending.at,
                    "a here-document whose line goes on over a line feed",
                ));
            }
            let body = self.lines_up_to(&pending)?;
            self.bodies[pending.index] = if pending.quoted {
                let mut segments = Vec::new();
                crate::command::word::literal(&mut segments, &body);
                Body {
                    segments,
                    inner: Vec::new(),
                }
            } else {
                self.document_body(&body, pending.at)?
            };
        }
        Ok(())
    }

    fn lines_up_to(&mut self, pending: &Pending) -> Result<String, ReadError> {
        let mut body = String::new();
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let length = rest.find('\n').unwrap_or(rest.len());
            let line = &rest[..length];
            self.at += length + usize::from(length < rest.len());
            let line = if pending.strip {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == pending.delimiter {
                return Ok(body);
            }
            // Inside `$(…)` bash takes it for the end, and what stands behind for commands.
            let behind = line.strip_prefix(pending.delimiter.as_str());
            if behind.is_some_and(|rest| rest.contains([')', '}'])) {
                return Err(self.error(
                    pending.at,
                    "a here-document with a line that begins as its end and holds a bracket: take another delimiter",
                ));
            }
            body.push_str(line);
            body.push('\n');
        }
        Err(self.error(pending.at, "a here-document that is not closed"))
    }

    pub(super) fn no_documents_left(&self) -> Result<(), ReadError> {
        match self.pending.first() {
            None => Ok(()),
            Some(pending) => Err(self.error(pending.at, "a here-document that is not closed")),
        }
    }

    /// Puts the bodies where their redirections stand.
    pub(super) fn resolve(&mut self, list: &mut List) {
        for command in list.items.iter_mut().flat_map(|(_, p, _)| &mut p.commands) {
            self.resolve_command(command);
        }
    }

    fn resolve_command(&mut self, command: &mut Command) {
        for redirection in &mut command.redirections {
            let index = match redirection.target.segments.as_slice() {
                [Segment::Expansion(text)] => text
                    .strip_prefix(MARK)
                    .and_then(|t| t.parse::<usize>().ok()),
                _ => None,
            };
            if let Some(body) = index.and_then(|index| self.bodies.get_mut(index)) {
                let body = std::mem::take(body);
                redirection.target.segments = body.segments;
                redirection.operator = "<<".to_owned();
                command.inner.extend(body.inner);
            }
        }
        match &mut command.kind {
            Kind::Simple { .. } | Kind::Test { .. } => {}
            Kind::Subshell(list) | Kind::Group(list) => self.resolve(list),
            Kind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    self.resolve(condition);
                    self.resolve(body);
                }
                if let Some(list) = otherwise {
                    self.resolve(list);
                }
            }
            Kind::Loop {
                condition, body, ..
            } => {
                self.resolve(condition);
                self.resolve(body);
            }
            Kind::For { body, .. } => self.resolve(body),
            Kind::Case { arms, .. } => arms.iter_mut().for_each(|(_, list)| self.resolve(list)),
            Kind::Function { body, .. } => self.resolve_command(body),
        }
    }
}
