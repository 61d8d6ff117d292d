//! What a line sets and what its arithmetic reads.
//!
//! bash evaluates the value of a variable in arithmetic as code: with `x='a[$(id)]'`, `$((x))` runs `id`.
//! So arithmetic may only read what the same text sets, and sets to nothing but numbers.

use super::ast::Kind;
use crate::command::word::{Segment, Span, Word, bare};
use crate::command::{Assignment, ReadError, evaluated};

#[derive(Default)]
pub(super) struct Variables {
    read: Vec<(String, Span)>,
    set: Vec<(String, bool)>,
    /// A command that may set any variable.
    any: Option<String>,
    /// A variable whose value a shell runs, set without a command.
    code: Option<(String, Span)>,
}

/// Builtins that set variables in ways that are not followed here.
const SETTERS: [&str; 16] = [
    "eval",
    "source",
    ".",
    "mapfile",
    "readarray",
    "getopts",
    "unset",
    "let",
    "builtin",
    "command",
    "trap",
    "declare",
    "typeset",
    "printf",
    "wait",
    "set",
];

impl Variables {
    pub(super) fn absorb(&mut self, other: Variables) {
        self.read.extend(other.read);
        self.set.extend(other.set);
        self.any = self.any.take().or(other.any);
        self.code = self.code.take().or(other.code);
    }

    /// Arithmetic reads a variable.
    pub(super) fn reads(&mut self, name: &str, span: Span) {
        self.read.push((name.to_owned(), span));
    }

    /// A variable is set, to a number or to something else.
    pub(super) fn sets(&mut self, name: &str, number: bool) {
        self.set.push((name.to_owned(), number));
    }

    /// A variable is set where no command says so: by `for` or `${x:=…}`.
    pub(super) fn sets_at(&mut self, name: &str, span: Span) {
        if evaluated::is_code(name) {
            self.code.get_or_insert((name.to_owned(), span));
        }
    }

    /// What a command sets.
    pub(super) fn command(&mut self, kind: &Kind) {
        match kind {
            Kind::Simple { assignments, words } => {
                for Assignment { name, value, .. } in assignments {
                    self.sets(name, is_number(value));
                }
                self.simple(words);
            }
            Kind::For { name, words, .. } => {
                let numbers = words.as_ref().is_some_and(|w| w.iter().all(is_number));
                self.sets(name, numbers);
            }
            _ => {}
        }
    }

    fn simple(&mut self, words: &[Word]) {
        let Some(name) = words.first().and_then(Word::literal) else {
            return;
        };
        if SETTERS.contains(&name) {
            self.any.get_or_insert_with(|| name.to_owned());
        }
        if matches!(name, "read" | "export" | "readonly" | "local") {
            for word in &words[1..] {
                match word.literal() {
                    Some(text) if text.starts_with('-') && name != "read" => {
                        self.any = Some(name.to_owned())
                    }
                    Some(text) => {
                        let name = text.split('=').next().unwrap_or_default();
                        self.sets(name, false);
                    }
                    None => self.any = Some(name.to_owned()),
                }
            }
        }
    }

    /// Refuses arithmetic on anything but the line's own numbers.
    pub(super) fn check(&self) -> Result<(), ReadError> {
        if let Some((name, span)) = &self.code {
            return Err(ReadError {
                span: *span,
                reason: format!("a shell runs the value of `{name}` as code"),
            });
        }
        for (name, span) in &self.read {
            if is_the_shells(name) {
                return Err(ReadError {
                    span: *span,
                    reason: format!("arithmetic on `{name}`, which the shell itself sets"),
                });
            }
            let mut values = self.set.iter().filter(|(set, _)| set == name).peekable();
            let known = values.peek().is_some() && values.all(|(_, number)| *number);
            if !known || self.any.is_some() {
                return Err(ReadError {
                    span: *span,
                    reason: format!(
                        "arithmetic on `{name}`, which the line does not set to plain numbers only: a shell would evaluate its value as code"
                    ),
                });
            }
        }
        Ok(())
    }
}

/// Variables that shells set by themselves, some to words of the line.
fn is_the_shells(name: &str) -> bool {
    name == "_"
        || [
            "BASH", "EPOCH", "HIST", "COMP", "READLINE", "FUNCNEST", "DIRSTACK",
        ]
        .iter()
        .any(|p| name.starts_with(p))
        || matches!(
            name,
            "REPLY"
                | "RANDOM"
                | "SRANDOM"
                | "OPTIND"
                | "OPTARG"
                | "SECONDS"
                | "LINENO"
                | "PIPESTATUS"
                | "MAPFILE"
                | "COPROC"
                | "FUNCNAME"
                | "GROUPS"
                | "PPID"
                | "UID"
                | "EUID"
                | "SHLVL"
                | "COLUMNS"
                | "LINES"
                | "PWD"
                | "OLDPWD"
        )
}

/// A plain number, or arithmetic, which is one.
fn is_number(word: &Word) -> bool {
    match word.segments.as_slice() {
        [Segment::Literal(text)] => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
        [Segment::Expansion(text)] => {
            let (inner, _) = bare(text);
            inner.starts_with("$((")
                || inner
                    .strip_prefix('{')
                    .and_then(|t| t.strip_suffix('}'))
                    .is_some_and(|t| {
                        t.bytes()
                            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
                    })
        }
        _ => false,
    }
}
