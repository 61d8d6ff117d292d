//! What a line sets and what its arithmetic reads.
//!
//! bash evaluates the value of a variable in arithmetic as code: with `x='a[$(id)]'`, `$((x))` runs `id`.
//! So arithmetic may only read what the same text sets, and sets to nothing but numbers.

use super::ast::Kind;
use crate::command::name::is_variable;
use crate::command::names::{self, Uses};
use crate::command::word::{Segment, Span, Word, bare};
use crate::command::{Assignment, ReadError, evaluated, startup};
use std::collections::{BTreeSet, HashMap};

/// What a variable is set to, from what is surest on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    /// A number.
    Number,
    /// What a program of the system's says, which is a number.
    Said,
    /// Any text.
    Text,
}

/// For what a variable must be a number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Arithmetic,
    /// A word of `test`, `[` or `wait` that the shell splits, or that could be an option.
    Word,
}

#[derive(Default)]
pub(super) struct Variables {
    read: Vec<(String, Span, Use)>,
    set: Vec<(String, Held)>,
    /// What loops and expansions give to variables, each value for itself.
    given: Vec<(String, Word)>,
    /// A command that may set any variable.
    any: Option<String>,
    /// A variable whose value a shell runs, set without a command.
    code: Option<(String, Span)>,
    /// Substitutions that say a number, as they are written.
    numbers: BTreeSet<String>,
    /// Variables that these may name: busybox' `date +%N` and `stat -c %W` say the letter.
    letters: BTreeSet<&'static str>,
    /// Substitutions that say names.
    names: BTreeSet<String>,
    /// Where arithmetic reads one, or a word of `test` is one.
    said: Option<Span>,
    /// A word that the shell splits, of which no more is known.
    split: Option<Span>,
    /// A command that may make other programs of names, or let variables reach them; or one that is known only later.
    redefined: bool,
}

/// Builtins that set variables in ways that are not followed here.
const SETTERS: [&str; 6] = ["eval", "source", ".", "builtin", "command", "trap"];

/// Builtins that may run code that is not followed here, make another program of a name, or export a variable.
pub(in crate::command) const REDEFINERS: [&str; 20] = [
    "eval",
    "source",
    ".",
    "trap",
    "builtin",
    "command",
    "exec",
    "export",
    "declare",
    "typeset",
    "local",
    "readonly",
    "set",
    "unset",
    "enable",
    "hash",
    "alias",
    "shopt",
    "mapfile",
    "readarray",
];

const SPLIT: &str = "a word of `test`, `[` or `wait` that the shell splits, and of which it could make an option that evaluates text: put it in double quotes, for `wait` behind `--`";

impl Variables {
    pub(super) fn absorb(&mut self, other: Variables) {
        self.read.extend(other.read);
        self.set.extend(other.set);
        self.given.extend(other.given);
        self.any = self.any.take().or(other.any);
        self.code = self.code.take().or(other.code);
        self.numbers.extend(other.numbers);
        self.letters.extend(other.letters);
        self.names.extend(other.names);
        self.said = self.said.or(other.said);
        self.split = self.split.or(other.split);
        self.redefined |= other.redefined;
    }

    /// A substitution says a number, as long as its program is the one of that name.
    pub(super) fn says_number(&mut self, text: String) {
        for (sign, name) in [("%N", "N"), ("%W", "W")] {
            if text.contains(sign) {
                self.letters.insert(name);
            }
        }
        self.numbers.insert(text);
    }

    /// A substitution says names, as long as its program is the one of that name.
    pub(super) fn says_names(&mut self, text: String) {
        self.names.insert(text);
    }

    /// Arithmetic reads what a substitution says. False if that may be anything.
    pub(super) fn reads_said(&mut self, text: &str, span: Span) -> bool {
        self.said.get_or_insert(span);
        self.numbers.contains(text)
    }

    /// Arithmetic reads a variable.
    pub(super) fn reads(&mut self, name: &str, span: Span) {
        self.read.push((name.to_owned(), span, Use::Arithmetic));
    }

    /// A variable is set, to a number or to something else.
    pub(super) fn sets(&mut self, name: &str, held: Held) {
        self.set.push((name.to_owned(), held));
    }

    /// A variable is set where no command says so: by `for` or `${x:=…}`.
    pub(super) fn sets_at(&mut self, name: &str, span: Span) {
        if evaluated::is_code(name)
            || startup::STARTUP.contains(&name)
            || evaluated::is_of_the_line(name)
            || startup::PARALLEL.contains(&name)
        {
            self.code.get_or_insert((name.to_owned(), span));
        }
    }

    /// An expansion, as it is written, gives a variable without a value one: `${x:=…}`.
    pub(super) fn gives(&mut self, name: &str, expansion: &str) {
        self.sets(name, Held::Text);
        let value = Word::expansion(expansion);
        self.given.push((name.to_owned(), value));
    }

    /// What a command sets.
    pub(super) fn command(&mut self, kind: &Kind) {
        match kind {
            Kind::Simple { assignments, words } => {
                for Assignment { name, value, .. } in assignments {
                    let held = self.held(value);
                    self.sets(name, held);
                }
                self.simple(words);
            }
            Kind::For { name, words, .. } => {
                // The weakest of them, and nothing is known of the shell's own words.
                let all = |words: &Vec<Word>| words.iter().map(|w| self.held(w)).max();
                let held = words
                    .as_ref()
                    .map_or(Held::Text, |words| all(words).unwrap_or(Held::Number));
                self.sets(name, held);
                let values = words.iter().flatten().cloned();
                self.given.extend(values.map(|word| (name.clone(), word)));
            }
            _ => {}
        }
    }

    fn simple(&mut self, words: &[Word]) {
        let Some(name) = words.first().and_then(Word::literal) else {
            self.redefined |= !words.is_empty();
            return;
        };
        self.redefined |= REDEFINERS.contains(&name);
        if SETTERS.contains(&name) {
            self.any.get_or_insert_with(|| name.to_owned());
        }
        match names::named(words) {
            Ok(named) => named
                .iter()
                .for_each(|named| self.sets(&named.name, Held::Text)),
            Err(_) => self.any = Some(name.to_owned()),
        }
        if name == "read" && words.len() == 1 {
            self.sets("REPLY", Held::Text);
        }
        if matches!(name, "test" | "[" | "wait") {
            let quoted = |w: &&Word| name == "wait" || !w.is_whole();
            // Behind `--` nothing is an option of `wait`.
            let open = |w: &&Word| name != "wait" || w.literal() != Some("--");
            let words = words[1..].iter().take_while(open).filter(quoted);
            words.for_each(|w| self.number(w));
        }
    }

    /// The shell splits the word, so it must be a number.
    fn number(&mut self, word: &Word) {
        let [Segment::Expansion(text)] = word.segments.as_slice() else {
            return;
        };
        if let Some(name) = names::variable(text) {
            // Numbers in bash, where no line may set them for another; and dash's `test` has no `-v`.
            let fixed = matches!(name, "UID" | "EUID" | "PPID");
            if is_variable(name) && !fixed {
                self.read.push((name.to_owned(), word.span, Use::Word));
            }
        } else if text.starts_with("$( ")
            && !self.reads_said(text, word.span)
            && !self.names.contains(text)
        {
            self.split.get_or_insert(word.span);
        }
    }

    /// What the text does with variables.
    pub(super) fn uses(self) -> Uses {
        let read = self.read.into_iter().map(|(name, ..)| name);
        let letters = self.letters.iter().map(|name| (*name).to_owned());
        let loose = self.set.into_iter().filter(|(_, h)| *h != Held::Number);
        Uses {
            counted: read.chain(letters).collect(),
            loose: loose.map(|(name, _)| name).collect(),
            given: self.given,
        }
    }

    fn held(&self, word: &Word) -> Held {
        match word.segments.as_slice() {
            [Segment::Expansion(text)] if self.numbers.contains(bare(text).0) => Held::Said,
            _ if is_number(word) => Held::Number,
            _ => Held::Text,
        }
    }

    /// Refuses arithmetic on anything but the line's own numbers; where it relies on what a command says.
    pub(super) fn check(&self, functions: bool) -> Result<Option<Span>, ReadError> {
        if let Some((name, span)) = &self.code {
            return Err(ReadError {
                span: *span,
                reason: format!(
                    "`{name}` is set by `for`, or inside of `${{…}}`: a shell may run its value as code, or finds by it what it runs"
                ),
            });
        }
        if let Some(span) = self.split {
            return Err(ReadError {
                span,
                reason: SPLIT.to_owned(),
            });
        }
        // Another program of that name may say anything.
        let other = |(name, held): &(String, Held)| {
            name == "PATH" || *held != Held::Number && self.letters.contains(name.as_str())
        };
        let unknown = !self.letters.is_empty() && self.any.is_some();
        let others = functions || self.redefined || unknown || self.set.iter().any(other);
        if let Some(span) = self.said.filter(|_| others) {
            return Err(ReadError {
                span,
                reason:
                    "arithmetic on a command's output where the line has functions, exports, or sets PATH (or N beside `%N`): a shell would evaluate it as code"
                        .to_owned(),
            });
        }
        let mut relies = self.said;
        let mut held: HashMap<&str, Held> = HashMap::new();
        for (name, value) in &self.set {
            let worst = held.entry(name).or_insert(*value);
            *worst = (*worst).max(*value);
        }
        for (name, span, used) in &self.read {
            if is_the_shells(name) {
                let reason = match used {
                    Use::Arithmetic => {
                        format!("arithmetic on `{name}`, which the shell itself sets")
                    }
                    Use::Word => SPLIT.to_owned(),
                };
                return Err(ReadError {
                    span: *span,
                    reason,
                });
            }
            let known = match held.get(name.as_str()) {
                Some(Held::Number) => true,
                Some(Held::Said) => {
                    relies.get_or_insert(*span);
                    !others
                }
                Some(Held::Text) | None => false,
            };
            if !known || self.any.is_some() {
                let reason = match used {
                    Use::Arithmetic => format!(
                        "arithmetic on `{name}`, which the line does not set to plain numbers only: a shell would evaluate its value as code"
                    ),
                    Use::Word => SPLIT.to_owned(),
                };
                return Err(ReadError {
                    span: *span,
                    reason,
                });
            }
        }
        Ok(relies)
    }
}

/// Variables that shells set by themselves, or find set by what started them (sshd, sudo, parallel), some to words of the
/// line. What the line sets them to need not be what they hold where it counts with them.
fn is_the_shells(name: &str) -> bool {
    name == "_"
        || [
            "BASH",
            "EPOCH",
            "HIST",
            "COMP",
            "READLINE",
            "FUNCNEST",
            "DIRSTACK",
            "SSH_",
            "SUDO_",
            "PARALLEL_",
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
                | "HOSTNAME"
                | "HOSTTYPE"
                | "MACHTYPE"
                | "OSTYPE"
                | "HOME"
                | "IFS"
                | "LOGNAME"
                | "MAIL"
                | "PATH"
                | "SHELL"
                | "TERM"
                | "USER"
        )
}

/// A plain number, or what is one whenever it is known.
pub(in crate::command) fn is_number(word: &Word) -> bool {
    match word.segments.as_slice() {
        [Segment::Literal(text)] => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
        [Segment::Expansion(text)] => {
            let (inner, _) = bare(text);
            inner.starts_with("$((")
                || inner.starts_with("${#")
                || matches!(inner, "${!}" | "${?}" | "${$}")
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
