//! What the full reader makes of a line, and how that is written back.

use crate::command::call::{Assignment, Redirection};
use crate::command::names::Uses;
use crate::command::render;
use crate::command::strict::Joint;
use crate::command::word::{Segment, Span, Word};
use crate::command::{Note, Place};
use std::collections::BTreeSet;

/// Pipelines one after another (POSIX 2.9.3).
#[derive(Debug, Clone, Default)]
pub struct List {
    /// What joins each to the one before it, the pipeline, and whether it runs in the background.
    pub items: Vec<(Joint, Pipeline, bool)>,
}

impl List {
    /// Whether a here-document stands in it, outside of the lists in its words.
    pub fn holds_document(&self) -> bool {
        let commands = self.items.iter().flat_map(|(_, p, _)| &p.commands);
        commands.into_iter().any(Command::holds_document)
    }

    /// The functions that it defines before all else but `set` and plain variables: bash leaves the rest of a line at an
    /// error in what it counts, and at an assignment to what is read-only.
    pub fn defined(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for (joint, pipeline, background) in &self.items {
            let ([command], Joint::Then, false) = (pipeline.commands.as_slice(), joint, background)
            else {
                break;
            };
            match &command.kind {
                Kind::Function { name, .. } => {
                    names.insert(name.as_str());
                }
                Kind::Simple { words, .. }
                    if words.first().and_then(Word::literal) == Some("set") => {}
                Kind::Simple { assignments, words }
                    if words.is_empty() && assignments.iter().all(is_kept) => {}
                _ => break,
            }
        }
        names
    }

    /// Whether `source` is `( … ); exit`: a shell that is fed it has read all of it before it runs any, and looks for no
    /// more, whatever happens in the parentheses.
    pub fn is_closed(&self, source: &str) -> bool {
        let [
            (Joint::Then, body, false),
            (
                Joint::Then,
                Pipeline {
                    negated: false,
                    commands,
                },
                false,
            ),
        ] = self.items.as_slice()
        else {
            return false;
        };
        let ([body], [end]) = (body.commands.as_slice(), commands.as_slice()) else {
            return false;
        };
        // With a line feed in between, the shell reads on behind the parenthesis.
        let between = source.get(body.span.end..end.span.start);
        let behind = source.get(end.span.end..);
        matches!(body.kind, Kind::Subshell(_))
            && body
                .redirections
                .iter()
                .all(|r| r.target.literal().is_some())
            && between.is_some_and(|text| text.trim_matches([' ', '\t']) == ";")
            && behind.is_some_and(|text| text.trim().is_empty())
            && end.is_exit()
    }

    /// Whether it is nothing but redirections.
    pub fn is_bare_input(&self) -> bool {
        let [(_, pipeline, _)] = self.items.as_slice() else {
            return false;
        };
        let [command] = pipeline.commands.as_slice() else {
            return false;
        };
        matches!(&command.kind, Kind::Simple { assignments, words } if assignments.is_empty() && words.is_empty())
    }

    /// Whether it is one pipeline of simple commands.
    pub fn is_pipeline(&self) -> bool {
        let simple = |c: &Command| matches!(c.kind, Kind::Simple { .. });
        matches!(self.items.as_slice(), [(_, pipeline, false)] if pipeline.commands.iter().all(simple))
    }
}

/// Whether an assignment cannot fail: the shell's own may be read-only, or numbers.
fn is_kept(assignment: &Assignment) -> bool {
    let lower = assignment.name.contains(|c: char| c.is_ascii_lowercase());
    let own = [
        "UID", "PID", "OPT", "BASH", "SHELL", "GROUPS", "FUNC", "RANDOM", "SECONDS", "LINENO",
        "PATH",
    ];
    let own = own.iter().any(|part| assignment.name.contains(part));
    assignment.value.literal().is_some() && (lower || !own)
}

impl Command {
    /// Whether it is `exit`, or `exit N`. With other words bash goes on.
    fn is_exit(&self) -> bool {
        let Kind::Simple { assignments, words } = &self.kind else {
            return false;
        };
        let number = |w: &Word| {
            let digits = |text: &str| text.len() < 4 && text.bytes().all(|b| b.is_ascii_digit());
            w.literal()
                .is_some_and(|text| !text.is_empty() && digits(text))
        };
        let exits = match words.as_slice() {
            [name] => name.literal() == Some("exit"),
            [name, status] => name.literal() == Some("exit") && number(status),
            _ => false,
        };
        exits && assignments.is_empty() && self.redirections.is_empty()
    }

    fn holds_document(&self) -> bool {
        let own = |r: &Redirection| r.operator.starts_with("<<") && r.operator != "<<<";
        self.redirections.iter().any(own)
            || match &self.kind {
                Kind::Simple { .. } | Kind::Test { .. } => false,
                Kind::Subshell(list) | Kind::Group(list) => list.holds_document(),
                Kind::If { arms, otherwise } => {
                    let arms = arms.iter().flat_map(|(a, b)| [a, b]);
                    arms.chain(otherwise).any(List::holds_document)
                }
                Kind::Loop {
                    condition, body, ..
                } => condition.holds_document() || body.holds_document(),
                Kind::For { body, .. } => body.holds_document(),
                Kind::Case { arms, .. } => arms.iter().any(|(_, list)| list.holds_document()),
                Kind::Function { body, .. } => body.holds_document(),
            }
    }
}

/// Commands joined by `|`.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// `!` stands in front.
    pub negated: bool,
    /// In source order; at least one.
    pub commands: Vec<Command>,
}

/// One command with its redirections and the lists inside its words.
#[derive(Debug, Clone)]
pub struct Command {
    /// What it is.
    pub kind: Kind,
    /// Its own redirections.
    pub redirections: Vec<Redirection>,
    /// Lists inside substitutions of its words, assignments and redirections.
    pub inner: Vec<(Place, List)>,
    /// Where it stands.
    pub span: Span,
}

/// Which command.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Assignments and words, either of which may be none.
    Simple {
        /// `NAME=value` in front.
        assignments: Vec<Assignment>,
        /// The command word first.
        words: Vec<Word>,
    },
    /// `( … )`
    Subshell(List),
    /// `{ …; }`
    Group(List),
    /// `if`, with its `elif`s.
    If {
        /// Conditions and what they lead to.
        arms: Vec<(List, List)>,
        /// Behind `else`.
        otherwise: Option<List>,
    },
    /// `while` and `until`.
    Loop {
        /// It is `until`.
        until: bool,
        /// Run before each turn.
        condition: List,
        /// Run in each turn.
        body: List,
    },
    /// `for`
    For {
        /// The variable.
        name: String,
        /// Behind `in`; without it, the positional parameters.
        words: Option<Vec<Word>>,
        /// Run for each word.
        body: List,
    },
    /// `case`
    Case {
        /// What is compared.
        word: Word,
        /// Patterns and what they lead to, which may be nothing.
        arms: Vec<(Vec<Word>, List)>,
    },
    /// `name() BODY`
    Function {
        /// A name in the sense of POSIX.
        name: String,
        /// A group or a subshell.
        body: Box<Command>,
    },
    /// `[[ … ]]`
    Test {
        /// Its words and operators.
        pieces: Vec<Piece>,
    },
}

/// A part of `[[ … ]]`.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Quoted where it must be.
    Word(Word),
    /// Written back as it is.
    Operator(&'static str),
}

/// A line as it was read.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// All of it.
    pub list: List,
    /// What is not literal in it.
    pub notes: Vec<Note>,
    /// Only bash reads it so.
    pub bash: bool,
    /// dash reads it as well, and then does not do what was meant.
    pub bashism: bool,
    /// The names of its functions.
    pub functions: Vec<String>,
    /// What it does with variables.
    pub uses: Uses,
    /// Where its arithmetic relies on what a command says.
    pub relies: Option<Span>,
    /// Where it runs commands at the same time as others, but for those of a pipeline.
    pub beside: Option<Span>,
}

/// Writes a list; here-documents follow the line they belong to.
pub fn list(list: &List) -> String {
    let mut writer = Writer::default();
    writer.list(list);
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Bodies of here-documents whose line is not at its end yet.
    documents: String,
}

impl Writer {
    /// Ends a line if documents wait for it. True if it did.
    fn flush(&mut self) -> bool {
        if self.documents.is_empty() {
            return false;
        }
        self.out.push('\n');
        self.out.push_str(&std::mem::take(&mut self.documents));
        true
    }

    fn list(&mut self, list: &List) {
        for (index, (joint, pipeline, _)) in list.items.iter().enumerate() {
            if index > 0 {
                let background = list.items[index - 1].2;
                match joint {
                    Joint::And => self.out.push_str(" && "),
                    Joint::Or => self.out.push_str(" || "),
                    Joint::Then if background => {
                        self.out.push_str(" & ");
                        self.flush();
                    }
                    Joint::Then => {
                        if !self.flush() {
                            self.out.push_str("; ");
                        }
                    }
                }
            }
            self.pipeline(pipeline);
        }
        if list
            .items
            .last()
            .is_some_and(|(_, _, background)| *background)
        {
            self.out.push_str(" &");
        }
        self.flush();
    }

    /// A list followed by a keyword: `LIST; then`.
    fn clause(&mut self, list: &List, keyword: &str) {
        self.list(list);
        let ended = self.out.ends_with('\n')
            || list
                .items
                .last()
                .is_some_and(|(_, _, background)| *background);
        self.out.push_str(if ended { " " } else { "; " });
        self.out.push_str(keyword);
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        if pipeline.negated {
            self.out.push_str("! ");
        }
        for (index, command) in pipeline.commands.iter().enumerate() {
            if index > 0 {
                self.out.push_str(" | ");
            }
            self.command(command);
        }
    }

    fn command(&mut self, command: &Command) {
        match &command.kind {
            Kind::Simple { assignments, words } => self.simple(assignments, words),
            Kind::Subshell(list) => {
                self.out.push_str("( ");
                self.list(list);
                self.out.push_str(" )");
            }
            Kind::Group(list) => {
                self.out.push_str("{ ");
                self.clause(list, "}");
            }
            Kind::If { arms, otherwise } => {
                for (index, (condition, body)) in arms.iter().enumerate() {
                    self.out.push_str(if index == 0 { "if " } else { "elif " });
                    self.clause(condition, "then ");
                    let last = index + 1 == arms.len();
                    self.clause(
                        body,
                        if !last {
                            ""
                        } else if otherwise.is_some() {
                            "else "
                        } else {
                            "fi"
                        },
                    );
                }
                if let Some(list) = otherwise {
                    self.clause(list, "fi");
                }
            }
            Kind::Loop {
                until,
                condition,
                body,
            } => {
                self.out.push_str(if *until { "until " } else { "while " });
                self.clause(condition, "do ");
                self.clause(body, "done");
            }
            Kind::For { name, words, body } => {
                self.out.push_str("for ");
                self.out.push_str(name);
                if let Some(words) = words {
                    self.out.push_str(" in");
                    for word in words {
                        self.out.push(' ');
                        // Unquoted, `esac` as the first word would end a `case` around the loop, to bash.
                        render::word(&mut self.out, word, true);
                    }
                }
                self.out.push_str("; do ");
                self.clause(body, "done");
            }
            Kind::Case { word, arms } => {
                self.out.push_str("case ");
                render::word(&mut self.out, word, false);
                self.out.push_str(" in");
                for (patterns, list) in arms {
                    self.out.push_str(" (");
                    for (index, pattern) in patterns.iter().enumerate() {
                        if index > 0 {
                            self.out.push('|');
                        }
                        // Unquoted, `esac` would end the `case`, even here, to bash inside `$(…)`.
                        render::word(&mut self.out, pattern, true);
                    }
                    self.out.push_str(") ");
                    self.list(list);
                    self.out.push_str(" ;;");
                }
                self.out.push_str(" esac");
            }
            Kind::Function { name, body } => {
                self.out.push_str(name);
                self.out.push_str("() ");
                self.command(body);
            }
            Kind::Test { pieces } => {
                self.out.push_str("[[");
                for piece in pieces {
                    self.out.push(' ');
                    match piece {
                        Piece::Word(word) => render::word(&mut self.out, word, false),
                        Piece::Operator(operator) => self.out.push_str(operator),
                    }
                }
                self.out.push_str(" ]]");
            }
        }
        for redirection in &command.redirections {
            self.redirect(redirection);
        }
    }

    fn simple(&mut self, assignments: &[Assignment], words: &[Word]) {
        let mut first = true;
        for assignment in assignments {
            if !first {
                self.out.push(' ');
            }
            first = false;
            self.out.push_str(&assignment.name);
            self.out.push('=');
            if !assignment.value.segments.is_empty() {
                render::value(&mut self.out, &assignment.value);
            }
        }
        for (index, word) in words.iter().enumerate() {
            if !first {
                self.out.push(' ');
            }
            first = false;
            render::word(&mut self.out, word, index == 0);
        }
    }

    fn redirect(&mut self, redirection: &Redirection) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        self.out
            .push_str(redirection.descriptor.as_deref().unwrap_or_default());
        if redirection.operator.starts_with("<<") && redirection.operator != "<<<" {
            self.document(redirection);
            return;
        }
        self.out.push_str(&redirection.operator);
        let first = redirection.target.segments.first();
        if matches!(first, Some(Segment::Expansion(text)) if text.starts_with(['<', '>'])) {
            self.out.push(' ');
        }
        render::value(&mut self.out, &redirection.target);
    }

    /// A here-document: with a quoted delimiter where its body is literal.
    fn document(&mut self, redirection: &Redirection) {
        let literal = redirection.target.literal();
        let text: String = match literal {
            Some(text) => text.to_owned(),
            None => redirection
                .target
                .segments
                .iter()
                .map(|s| match s {
                    Segment::Expansion(text) => text.clone(),
                    // Outside of quotes in a here-document only these three are special (POSIX 2.7.4).
                    Segment::Literal(text) | Segment::Glob(text) => text
                        .replace('\\', "\\\\")
                        .replace('$', "\\$")
                        .replace('`', "\\`"),
                })
                .collect(),
        };
        let mut delimiter = "EOF".to_owned();
        // Not at the beginning of a line either: inside `$(…)` bash could take that for the end.
        let behind = text.lines().filter_map(|line| line.strip_prefix("EOF"));
        let marks = behind.map(|rest| rest.len() - rest.trim_start_matches('_').len());
        if let Some(most) = marks.max() {
            delimiter.push_str(&"_".repeat(most + 1));
        }
        self.out
            .push_str(if literal.is_some() { "<<'" } else { "<<" });
        self.out.push_str(&delimiter);
        if literal.is_some() {
            self.out.push('\'');
        }
        self.documents.push_str(&text);
        self.documents.push_str(&delimiter);
        self.documents.push('\n');
    }
}
