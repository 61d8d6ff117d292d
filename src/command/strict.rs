//! The strict reader: lines of simple commands with literal words, and nothing else.
//!
//! Only what it accepts can ever run without a human. It refuses whatever bash and dash could read
//! differently, and must never accept a line whose words it did not decode exactly as they would.
//! One pass over the text, no recursion. The grammar is `docs/grammar.md`.

use super::Note;
use super::call::{Assignment, Redirection, is_harmless};
use super::full::MAX_REDIRECTIONS;
use super::name;
use super::word::{Segment, Span, Word, glob, literal, text_braces};

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    /// `NAME=value` in front.
    pub assignments: Vec<Assignment>,
    /// The words, the command word first.
    pub words: Vec<Word>,
    /// Redirections, all harmless.
    pub redirections: Vec<Redirection>,
    /// Where it stands.
    pub span: Span,
}

/// What stands between two pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;` or a line feed
    Then,
}

/// Most commands of a pipeline.
pub const MAX_PIPELINE: usize = 64;

/// Pipelines and what joins each to the one before it (the first has [`Joint::Then`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In source order.
    pub pipelines: Vec<(Joint, Vec<Simple>)>,
}

/// Words that the shell may take for something other than a command when they stand first, unquoted.
const RESERVED: [&str; 22] = [
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if",
    "in", "select", "then", "until", "while", "time", "coproc", "[[", "]]",
];

/// Whether the shell could take an unquoted word for a keyword in command position.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Reads a line.
///
/// # Errors
/// A [`Note`] that says what is not literal, and where.
pub fn read(text: &str) -> Result<Line, Note> {
    Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
    }
    .line()
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// A word and what its spelling was.
struct Token {
    word: Word,
    /// No quote or backslash in it.
    bare: bool,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Operator {
    Pipe,
    Joint(Joint),
    End,
}

impl Reader<'_> {
    fn note(&self, start: usize, what: &str) -> Note {
        let mut end = (start + 1).min(self.bytes.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        Note {
            span: Span { start, end },
            what: what.to_owned(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn skip_lines(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n')) {
            self.at += 1;
        }
    }

    fn line(mut self) -> Result<Line, Note> {
        let mut pipelines = Vec::new();
        let mut joint = Joint::Then;
        self.skip_lines();
        loop {
            let (pipeline, ended) = self.pipeline()?;
            pipelines.push((joint, pipeline));
            match ended {
                Operator::Joint(next) => {
                    joint = next;
                    self.skip_lines();
                    if self.peek().is_none() {
                        if next == Joint::Then {
                            return Ok(Line { pipelines });
                        }
                        return Err(self.note(self.at, "a command is missing after the operator"));
                    }
                }
                Operator::End | Operator::Pipe => return Ok(Line { pipelines }),
            }
        }
    }

    fn pipeline(&mut self) -> Result<(Vec<Simple>, Operator), Note> {
        let mut commands = Vec::new();
        loop {
            let start = self.at;
            commands.push(self.simple()?);
            if commands.len() > MAX_PIPELINE {
                return Err(self.note(start, "a pipeline of more than 64 commands"));
            }
            match self.operator()? {
                Operator::Pipe => self.skip_lines(),
                ended => return Ok((commands, ended)),
            }
        }
    }

    fn operator(&mut self) -> Result<Operator, Note> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let (operator, length) = match rest {
            [] => (Operator::End, 0),
            [b'|', b'|', ..] => (Operator::Joint(Joint::Or), 2),
            [b'|', b'&', ..] => {
                return Err(self.note(start, "`|&` (bash and dash read it differently)"));
            }
            [b'|', ..] => (Operator::Pipe, 1),
            [b'&', b'&', ..] => (Operator::Joint(Joint::And), 2),
            [b'&', ..] => return Err(self.note(start, "`&` (runs in the background)")),
            [b';', b';' | b'&', ..] => return Err(self.note(start, "`;;` outside of `case`")),
            [b';' | b'\n', ..] => (Operator::Joint(Joint::Then), 1),
            [b'(', ..] => return Err(self.note(start, "`(`")),
            [b')', ..] => return Err(self.note(start, "`)`")),
            _ => return Err(self.note(start, "an operator")),
        };
        self.at += length;
        Ok(operator)
    }

    /// One simple command, up to the operator behind it.
    fn simple(&mut self) -> Result<Simple, Note> {
        self.skip_blanks();
        let start = self.at;
        let mut simple = Simple {
            assignments: Vec::new(),
            words: Vec::new(),
            redirections: Vec::new(),
            span: Span::default(),
        };
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some(b'|' | b'&' | b';' | b'\n' | b'(' | b')') => break,
                Some(b'<' | b'>') => simple.redirections.push(self.redirection(None)?),
                Some(b'#') => return Err(self.note(self.at, "a comment")),
                Some(_) => {
                    let token = self.word()?;
                    let is_number = token.bare
                        && token.word.literal().is_some_and(|t| {
                            !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())
                        });
                    if is_number && matches!(self.peek(), Some(b'<' | b'>')) {
                        let number = token.word.literal().unwrap_or_default().to_owned();
                        let mut redirection = self.redirection(Some(number))?;
                        redirection.span.start = token.word.span.start;
                        simple.redirections.push(redirection);
                    } else {
                        self.add(&mut simple, token)?;
                    }
                }
            }
        }
        let end = simple.words.last().map_or(self.at, |w| w.span.end);
        simple.span = Span { start, end };
        if simple.redirections.len() > MAX_REDIRECTIONS {
            return Err(self.note(start, "too many redirections of one command"));
        }
        if simple.words.is_empty() {
            let what = if simple.assignments.is_empty() {
                "a command is missing here"
            } else {
                "an assignment without a command"
            };
            return Err(self.note(start.min(self.bytes.len()), what));
        }
        Ok(simple)
    }

    /// Puts a word where it belongs: an assignment in front, the command word, or an argument.
    fn add(&self, simple: &mut Simple, token: Token) -> Result<(), Note> {
        let start = token.word.span.start;
        if !simple.words.is_empty() {
            simple.words.push(token.word);
            return Ok(());
        }
        let raw = &self.text[start..token.word.span.end];
        if let Some(name) = assignment_name(raw) {
            simple.assignments.push(assignment(name, &token.word));
            return Ok(());
        }
        // bash appends to the variable, dash looks for a program of that name.
        if raw
            .split_once("+=")
            .is_some_and(|(n, _)| name::is_variable(n))
        {
            return Err(self.note(start, "`+=`: write the whole value"));
        }
        let Some(text) = token.word.literal() else {
            return Err(self.note(start, "a pattern as the command word"));
        };
        if token.bare && is_reserved(text) {
            return Err(self.note(start, "a keyword of the shell"));
        }
        name::check_word(text).map_err(|what| self.note(start, what))?;
        simple.words.push(token.word);
        Ok(())
    }

    /// `2>&1`, `>&2`, `>/dev/null`, `2>/dev/null`, `</dev/null`.
    fn redirection(&mut self, descriptor: Option<String>) -> Result<Redirection, Note> {
        let start = self.at;
        let other = "a redirection other than to /dev/null or between 1 and 2";
        if descriptor
            .as_deref()
            .is_some_and(|d| !matches!(d, "0" | "1" | "2"))
        {
            return Err(self.note(start, other));
        }
        let rest = &self.bytes[start..];
        let (operator, length) = match rest {
            [b'>', b'&', ..] => (">&", 2),
            [b'>', b'>', ..] => (">>", 2),
            [b'>', b'|', ..] => (">|", 2),
            [b'<', b'<' | b'>' | b'&' | b'(', ..] | [b'>', b'(', ..] => {
                return Err(self.note(start, other));
            }
            [b'<', ..] => ("<", 1),
            _ => (">", 1),
        };
        self.at += length;
        self.skip_blanks();
        let target = match self.peek() {
            None | Some(b'|' | b'&' | b';' | b'\n' | b'(' | b')' | b'<' | b'>' | b'#') => {
                return Err(self.note(
                    self.at.min(self.bytes.len()),
                    "a redirection without a target",
                ));
            }
            Some(_) => {
                let token = self.word()?;
                // dash takes the `1` of `>&1>x` for the next redirection's.
                let joined = matches!(self.peek(), Some(b'<' | b'>'));
                if operator == ">&" && (!token.bare || joined) {
                    return Err(self.note(start, other));
                }
                token.word
            }
        };
        let harmless = is_harmless(operator, descriptor.as_deref(), &target);
        if !harmless {
            return Err(self.note(start, other));
        }
        let span = Span {
            start,
            end: self.at,
        };
        Ok(Redirection {
            operator: operator.to_owned(),
            descriptor,
            target,
            harmless,
            span,
        })
    }

    /// One word: quotes and backslashes removed, patterns kept apart.
    fn word(&mut self) -> Result<Token, Note> {
        let start = self.at;
        let mut segments: Vec<Segment> = Vec::new();
        let mut bare = true;
        while let Some(byte) = self.peek() {
            let at = self.at;
            match byte {
                b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' => break,
                b'\'' => {
                    bare = false;
                    self.single_quoted(&mut segments)?;
                }
                b'"' => {
                    bare = false;
                    self.double_quoted(&mut segments)?;
                }
                b'\\' => {
                    bare = false;
                    match self.bytes.get(at + 1) {
                        Some(b' '..=b'~') => literal(&mut segments, &self.text[at + 1..at + 2]),
                        _ => return Err(self.note(at, "a backslash before a line feed or the end")),
                    }
                    self.at += 2;
                }
                b'$' => return Err(self.note(at, "an expansion (`$`)")),
                b'`' => return Err(self.note(at, "a command substitution (backquote)")),
                b'*' | b'?' => {
                    glob(&mut segments, &self.text[at..=at]);
                    self.at += 1;
                }
                b'[' if at == start && self.is_alone(at) => {
                    literal(&mut segments, "[");
                    self.at += 1;
                }
                b'[' => self.bracket(&mut segments, start)?,
                b'{' if self.is_empty_braces(start) => {
                    literal(&mut segments, "{}");
                    self.at += 2;
                }
                b'{' => {
                    let end = text_braces(self.text, at);
                    let end = end.ok_or_else(|| self.note(at, "a brace outside of quotes"))?;
                    literal(&mut segments, &self.text[at..end]);
                    self.at = end;
                }
                b'}' => return Err(self.note(at, "a brace outside of quotes")),
                b'~' if at == start
                    || matches!(self.bytes.get(at.wrapping_sub(1)), Some(b':' | b'=')) =>
                {
                    return Err(self.note(at, "a tilde that the shell expands"));
                }
                b'!' if at == start && self.is_alone(at) => {
                    literal(&mut segments, "!");
                    self.at += 1;
                }
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'_'
                | b'@'
                | b'%'
                | b'+'
                | b'='
                | b':'
                | b','
                | b'.'
                | b'/'
                | b'-'
                | b'^'
                | b'~'
                | b']'
                | b'#'
                | b'!' => {
                    literal(&mut segments, &self.text[at..=at]);
                    self.at += 1;
                }
                _ => return Err(self.note(at, "a character outside of ASCII and of quotes")),
            }
        }
        Ok(Token {
            word: Word {
                segments,
                span: Span {
                    start,
                    end: self.at,
                },
            },
            bare,
        })
    }

    fn single_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), Note> {
        let start = self.at + 1;
        match self.text[start..].find('\'') {
            Some(length) => {
                literal(segments, &self.text[start..start + length]);
                self.at = start + length + 1;
                Ok(())
            }
            None => Err(self.note(self.at, "a quote that is not closed")),
        }
    }

    fn double_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), Note> {
        let open = self.at;
        let mut from = open + 1;
        self.at = from;
        loop {
            match self.peek() {
                None => return Err(self.note(open, "a quote that is not closed")),
                Some(b'"') => {
                    literal(segments, &self.text[from..self.at]);
                    self.at += 1;
                    return Ok(());
                }
                Some(b'$') => {
                    return Err(self.note(self.at, "an expansion (`$`) inside double quotes"));
                }
                Some(b'`') => {
                    return Err(self.note(self.at, "a command substitution inside double quotes"));
                }
                Some(b'\\') => {
                    match self.bytes.get(self.at + 1) {
                        Some(b'"' | b'\\' | b'$' | b'`') => {
                            literal(segments, &self.text[from..self.at]);
                            from = self.at + 1;
                        }
                        Some(b'\n') | None => {
                            return Err(
                                self.note(self.at, "a backslash before a line feed or the end")
                            );
                        }
                        // POSIX 2.2.3: before any other character the backslash stays.
                        Some(_) => {}
                    }
                    self.at += 1;
                    // The character behind the backslash, whole.
                    self.at += self.text[self.at..]
                        .chars()
                        .next()
                        .map_or(0, char::len_utf8);
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// `[a-z]`, `[!0-9]`: only plain ones.
    fn bracket(&mut self, segments: &mut Vec<Segment>, word: usize) -> Result<(), Note> {
        let start = self.at;
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b',');
        let mut end = start + 1;
        if matches!(self.bytes.get(end), Some(b'!')) {
            end += 1;
        }
        let first = end;
        while self.bytes.get(end).is_some_and(plain) {
            end += 1;
        }
        if end == first || self.bytes.get(end) != Some(&b']') {
            if self.is_text_bracket(word) {
                literal(segments, "[");
                self.at = start + 1;
                return Ok(());
            }
            return Err(self.note(start, "a `[` outside of quotes that is not a plain pattern"));
        }
        glob(segments, &self.text[start..=end]);
        self.at = end + 1;
        Ok(())
    }

    /// `cut -d[`: with nothing behind it, the `[` of an option is text to every shell.
    fn is_text_bracket(&self, word: usize) -> bool {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        let before = &self.bytes[word..self.at];
        before.starts_with(b"-") && before.iter().all(plain) && self.is_alone(self.at)
    }

    /// `{}` as a word by itself is text to every shell.
    fn is_empty_braces(&self, start: usize) -> bool {
        self.at == start
            && self.bytes.get(start + 1) == Some(&b'}')
            && matches!(
                self.bytes.get(start + 2),
                None | Some(b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b'<' | b'>')
            )
    }

    fn is_alone(&self, at: usize) -> bool {
        matches!(
            self.bytes.get(at + 1),
            None | Some(b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b'<' | b'>')
        )
    }
}

/// The name, if the spelling is that of an assignment (POSIX 2.9.1: a name and an unquoted `=`).
fn assignment_name(raw: &str) -> Option<&str> {
    let (name, _) = raw.split_once('=')?;
    name::is_variable(name).then_some(name)
}

fn assignment(name: &str, word: &Word) -> Assignment {
    // In the value of an assignment patterns are text: the shell does no pathname expansion there.
    let text = word.behind(name.len() + 1).spelt();
    Assignment {
        name: name.to_owned(),
        value: Word {
            span: word.span,
            ..Word::of(&text)
        },
        span: word.span,
    }
}
