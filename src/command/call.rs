//! A call: one simple command that a line can run, with everything a policy may ask of it.
//!
//! Calls form a flat list. A wrapper (`sudo`, `timeout`, `xargs`, `sh -c`, …) is a call with its
//! own words only; what it runs are calls of their own whose `parent` is the wrapper.

use super::word::{Span, Word};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The command word, seen as a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The decoded command word; empty when it is dynamic or absent.
    pub text: String,
    /// The last path component of `text`: what a tightening rule compares.
    pub base: String,
    /// True if `text` is a bare name, or `base` in one of the system's program directories
    /// (`/bin`, `/sbin`, `/usr/bin`, `/usr/sbin`, repeated slashes allowed, no `.` or `..`).
    /// Only such a name may be matched by an auto rule.
    pub trusted: bool,
}

/// `NAME=value` in front of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable (a subscript or `+` is kept: `a[1]`, `PATH+`).
    pub name: String,
    /// The value.
    pub value: Word,
    /// Where it stands.
    pub span: Span,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// The operator as written without its descriptor: `<`, `>`, `>>`, `>|`, `<>`, `>&`, `<&`, `&>`, `&>>`, `<<`, `<<-`, `<<<`.
    pub operator: String,
    /// The descriptor in front of it (`2` in `2>&1`), or the name in `{fd}>`.
    pub descriptor: Option<String>,
    /// The file, descriptor or here-document's body.
    pub target: Word,
    /// One of `N>&M`, `>/dev/null`, `2>/dev/null`, `&>/dev/null`, `</dev/null`: neither reads nor writes anything that matters.
    pub harmless: bool,
    /// Where it stands.
    pub span: Span,
}

impl Redirection {
    /// Whether it can create, change or truncate what its target names.
    pub fn writes(&self) -> bool {
        !self.harmless
            && matches!(
                self.operator.as_str(),
                ">" | ">>" | ">|" | "<>" | ">&" | "&>" | "&>>"
            )
    }
}

/// Whether a redirection neither reads nor writes anything that matters: between the standard
/// descriptors, or to and from `/dev/null`.
pub fn is_harmless(operator: &str, descriptor: Option<&str>, target: &Word) -> bool {
    let output = matches!(descriptor, None | Some("1" | "2"));
    match (operator, target.literal()) {
        (">&", Some("1" | "2")) => output,
        ("<", Some("/dev/null")) => matches!(descriptor, None | Some("0")),
        (">" | ">>" | "&>" | "&>>", Some("/dev/null")) => output,
        _ => false,
    }
}

impl Redirection {
    /// Whether it is of standard input: `<FILE`, `<<E`; `0>&3` says the same as `<&3`.
    pub(super) fn is_of_input(&self) -> bool {
        match self.descriptor.as_deref() {
            None => self.operator.starts_with('<'),
            descriptor => descriptor == Some("0"),
        }
    }

    /// Whether it moves the output and nothing else: `>FILE`, `1>&2`.
    pub fn is_of_output(&self) -> bool {
        matches!(self.descriptor.as_deref(), None | Some("1")) && self.operator.starts_with('>')
    }

    /// Whether it moves messages and nothing else: `2>FILE`.
    pub fn is_of_errors(&self) -> bool {
        self.descriptor.as_deref() == Some("2") && self.operator == ">"
    }
}

/// Where a call stands in its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pipe {
    /// Which pipeline of the line (calls of one pipeline share the number).
    pub pipeline: usize,
    /// Position in it, from 0. From 1 on, standard input is the output of the one before.
    pub index: usize,
    /// How many commands the pipeline has; 1 for a command by itself.
    pub len: usize,
}

impl Pipe {
    /// The place of what has this one inside a part of another pipeline: it reads and writes that one.
    pub(super) fn inside(self, outer: Pipe) -> Pipe {
        Pipe {
            pipeline: outer.pipeline,
            index: outer.index + self.index,
            len: outer.len + self.len - 1,
        }
    }
}

/// In which construct a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At the top of the line: in a list or pipeline.
    Top,
    /// Inside `$(…)` or backquotes.
    Substitution,
    /// Inside `<(…)`.
    ProcessSubstitution,
    /// Inside `>(…)`: it reads what the command writes.
    Receiver,
    /// Inside `( … )` or `{ …; }`.
    Group,
    /// Inside `if`, `while`, `until`, `for`, `case`, `select`.
    Compound,
    /// Inside a function's body.
    Function,
    /// Run by a wrapper (see [`Call::parent`]).
    Wrapped,
}

/// How a call becomes root (or somebody else).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sudo {
    /// As the login user.
    No,
    /// Through `sudo` with no option but `-n` / `--non-interactive`, `-u root`, or `--`: as root, meaning unchanged.
    Plain,
    /// Through `sudo`, `doas`, `su`, `runuser`, `pkexec`, … with anything else.
    Other,
}

/// What a call runs besides itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wraps {
    /// Nothing: not a wrapper, or a wrapper with nothing to wrap (`env` alone).
    Nothing,
    /// Other calls of the list, whose `parent` is this one.
    Calls,
    /// Text for a shell that holds more than plain commands: every call in it is in the list, and has this one
    /// for its parent, but which of them run, and with which words, is known only when it runs.
    Text,
    /// Something that could not be read from the line (`sh -c "$x"`, `eval $y`, `curl … | sh`, `xargs` of unknown words).
    /// Calls with this one for their parent are guesses at it.
    Unknown,
    /// The calls of the list whose parent it is, which were read, and before or beside them something that could not be
    /// read from the line (`bash -lc TEXT`, where another call may write what a login shell runs first).
    More,
}

impl Wraps {
    /// Whether something of it could not be read from the line.
    pub fn is_unread(self) -> bool {
        matches!(self, Wraps::Unknown | Wraps::More)
    }

    /// Whether what runs, or with which words, is not known before it runs.
    pub fn is_in_doubt(self) -> bool {
        self == Wraps::Text || self.is_unread()
    }

    /// The same, with something that could not be read besides.
    pub(super) fn unread(self) -> Wraps {
        match self {
            Wraps::Nothing | Wraps::Unknown => Wraps::Unknown,
            Wraps::Calls | Wraps::Text | Wraps::More => Wraps::More,
        }
    }
}

/// What stands around a call and gives its words a meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// What each `for` around it gives its variable, a word at a time.
    pub lists: Vec<Assignment>,
    /// The functions in whose bodies it stands.
    pub functions: Vec<String>,
}

/// Each call with what the `for` around it give their variables, which all calls of a loop share: once only, with the
/// first of them.
pub fn with_lists(calls: &[Call]) -> impl Iterator<Item = (&Call, &[Assignment])> {
    let mut scopes = BTreeSet::new();
    calls.iter().map(move |call| {
        let is_new = scopes.insert(Arc::as_ptr(&call.scope));
        let lists = call.scope.lists.as_slice();
        (call, if is_new { lists } else { &[] })
    })
}

/// One simple command that the line can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The command word as a program.
    pub name: Name,
    /// All its words, the command word first. A wrapper's words end where the wrapped command begins.
    /// Empty for a line of assignments or redirections only.
    pub words: Vec<Word>,
    /// Assignments in front of it.
    pub assignments: Vec<Assignment>,
    /// Its redirections, those of enclosing compound commands included.
    pub redirections: Vec<Redirection>,
    /// How many of them are its own, which come first.
    pub own: usize,
    /// Its place in a pipeline. A wrapped call has its wrapper's.
    pub pipe: Pipe,
    /// The construct it stands in.
    pub place: Place,
    /// Index of the wrapper that runs it.
    pub parent: Option<usize>,
    /// Index of the call in whose words or redirections the substitution stands that it is in.
    pub inside: Option<usize>,
    /// Whether it runs as root or another user, by any wrapper around it.
    pub sudo: Sudo,
    /// What it runs itself.
    pub wraps: Wraps,
    /// Its name surely is that of a function which the line defined before.
    pub is_function: bool,
    /// The loops and functions that it stands in.
    pub scope: Arc<Scope>,
    /// Where it stands in the source line (for text inside `sh -c '…'`: the word that holds it).
    pub span: Span,
}

impl Call {
    /// Whether its command stands nowhere in the line: it is the shell that a wrapper starts where it is given none.
    pub(super) fn is_implied(&self) -> bool {
        self.words
            .first()
            .is_some_and(|name| name.span == Span::default())
    }
}

/// The calls that run a call, with their places among `calls`: its wrapper, and outwards from there.
pub fn above<'a>(calls: &'a [Call], call: &Call) -> impl Iterator<Item = (usize, &'a Call)> {
    let at = move |parent: Option<usize>| parent.and_then(|at| Some((at, calls.get(at)?)));
    // A parent stands in front of what it runs, so this ends.
    std::iter::successors(at(call.parent), move |(inner, by)| {
        at(by.parent.filter(|outer| outer < inner))
    })
}
