//! Lists, pipelines, simple and compound commands (POSIX 2.9), and bash's `[[ … ]]`.

use super::ast::{Command, Kind, List, Piece, Pipeline};
use super::{BACKGROUND, Parser};
use crate::command::ReadError;
use crate::command::builtins;
use crate::command::call::{Assignment, Redirection};
use crate::command::name;
use crate::command::names;
use crate::command::strict::{Joint, MAX_PIPELINE, is_reserved};
use crate::command::word::{Segment, Word, literal};

/// Most redirections of one command.
pub(in crate::command) const MAX_REDIRECTIONS: usize = 16;

/// The program `time` runs programs.
pub(super) const TIMED: &str =
    "`time` of something other than a plain command: the program of that name runs it";

/// Words that end a list where a command could begin.
const CLOSING: [&str; 8] = ["then", "do", "done", "elif", "else", "fi", "esac", "}"];

/// Most functions of a line.
const MAX_FUNCTIONS: usize = 64;

impl Parser<'_> {
    /// Whatever stands up to the next blank, line feed or operator, as written.
    fn raw_word(&self) -> &str {
        let rest = &self.text[self.at..];
        let end = rest
            .find([' ', '\t', '\n', ';', '|', '&', '(', ')', '<', '>'])
            .unwrap_or(rest.len());
        &rest[..end]
    }

    fn at_end_of_list(&self) -> bool {
        self.peek().is_none_or(|b| b == b')')
            || self.starts(";;")
            || CLOSING.contains(&self.raw_word())
    }

    /// Pipelines up to the end of the text, `)`, `;;` or a closing keyword.
    pub(super) fn list(&mut self) -> Result<List, ReadError> {
        let mut list = List::default();
        let mut joint = Joint::Then;
        loop {
            self.newlines()?;
            if self.at_end_of_list() {
                if joint != Joint::Then {
                    return Err(self.error(self.at, "a command is missing after the operator"));
                }
                if list.items.is_empty() && !self.starts(";;") && self.raw_word() != "esac" {
                    return Err(self.error(self.at, "a command is missing here"));
                }
                return Ok(list);
            }
            let pipeline = self.pipeline()?;
            self.blanks()?;
            let (next, length, background) = match (self.peek(), self.byte(1)) {
                (Some(b'&'), Some(b'&')) => (Joint::And, 2, false),
                (Some(b'|'), Some(b'|')) => (Joint::Or, 2, false),
                (Some(b'&'), _) => (Joint::Then, 1, true),
                (Some(b';'), Some(b';')) | (Some(b'\n' | b')') | None, _) => {
                    (Joint::Then, 0, false)
                }
                (Some(b';'), Some(b'&')) => return Err(self.error(self.at, "`;&`")),
                (Some(b';'), _) => (Joint::Then, 1, false),
                _ => return Err(self.error(self.at, "an operator is missing here")),
            };
            if background {
                self.note(self.at, BACKGROUND);
            }
            self.at += length;
            list.items.push((joint, pipeline, background));
            joint = next;
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, ReadError> {
        let negated = self.raw_word() == "!";
        if negated {
            self.at += 1;
            self.blanks()?;
        }
        let mut commands = Vec::new();
        loop {
            let start = self.at;
            commands.push(self.command()?);
            if commands.len() > MAX_PIPELINE {
                return Err(self.error(start, "a pipeline of more than 64 commands"));
            }
            self.blanks()?;
            match (self.peek(), self.byte(1)) {
                (Some(b'|'), Some(b'&')) => return Err(self.error(self.at, "`|&`: write `2>&1 |`")),
                (Some(b'|'), Some(b'|')) => break,
                (Some(b'|'), _) => {
                    self.at += 1;
                    self.newlines()?;
                }
                _ => break,
            }
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self) -> Result<Command, ReadError> {
        let start = self.at;
        self.enter(start)?;
        let outer = std::mem::take(&mut self.inner);
        let (kind, mut redirections) = self.kind()?;
        if !matches!(kind, Kind::Simple { .. }) {
            loop {
                self.blanks()?;
                match self.redirection_here()? {
                    Some(redirection) => redirections.push(redirection),
                    None => break,
                }
            }
        }
        if redirections.len() > MAX_REDIRECTIONS {
            return Err(self.error(start, "too many redirections of one command"));
        }
        self.variables.command(&kind);
        let inner = std::mem::replace(&mut self.inner, outer);
        self.leave();
        let span = self.since(start);
        Ok(Command {
            kind,
            redirections,
            inner,
            span,
        })
    }

    fn kind(&mut self) -> Result<(Kind, Vec<Redirection>), ReadError> {
        let start = self.at;
        if self.peek() == Some(b'(') {
            if self.byte(1) == Some(b'(') {
                return Err(self.error(start, "`((`: write `( (` for a subshell in a subshell"));
            }
            self.at += 1;
            self.note(start, "a subshell");
            // A here-document goes on behind the parenthesis: it belongs to the line.
            let list = self.list()?;
            if self.peek() != Some(b')') {
                return Err(self.error(start, "a parenthesis that is not closed"));
            }
            self.at += 1;
            return Ok((Kind::Subshell(list), Vec::new()));
        }
        let word = self.raw_word().to_owned();
        let kind = match word.as_str() {
            "{" => {
                self.at += 1;
                self.note(start, "a group");
                let list = self.list()?;
                self.keyword("}", start)?;
                Kind::Group(list)
            }
            "if" => self.conditional()?,
            "while" | "until" => {
                self.at += word.len();
                self.note(start, "a loop");
                let condition = self.list()?;
                let body = self.body(start)?;
                Kind::Loop {
                    until: word == "until",
                    condition,
                    body,
                }
            }
            "for" => self.for_loop()?,
            "case" => self.case()?,
            "[[" => self.test()?,
            "time" => return self.timed(),
            "!" => return Err(self.error(start, "a second `!`")),
            text if is_reserved(text) => {
                return Err(self.error(start, &format!("the keyword `{text}` here")));
            }
            _ if self.is_function() => self.function()?,
            _ => return self.simple(),
        };
        Ok((kind, Vec::new()))
    }

    /// Takes a keyword that must stand here.
    fn keyword(&mut self, keyword: &str, open: usize) -> Result<(), ReadError> {
        if self.raw_word() != keyword {
            return Err(self.error(open, &format!("`{keyword}` is missing for this")));
        }
        self.at += keyword.len();
        Ok(())
    }

    /// `do LIST done`.
    fn body(&mut self, open: usize) -> Result<List, ReadError> {
        self.keyword("do", open)?;
        let list = self.list()?;
        self.keyword("done", open)?;
        Ok(list)
    }

    fn conditional(&mut self) -> Result<Kind, ReadError> {
        let open = self.at;
        self.at += 2;
        self.note(open, "a condition");
        let mut arms = Vec::new();
        loop {
            let condition = self.list()?;
            self.keyword("then", open)?;
            let body = self.list()?;
            arms.push((condition, body));
            match self.raw_word() {
                "elif" => self.at += 4,
                "else" => {
                    self.at += 4;
                    let list = self.list()?;
                    self.keyword("fi", open)?;
                    return Ok(Kind::If {
                        arms,
                        otherwise: Some(list),
                    });
                }
                _ => {
                    self.keyword("fi", open)?;
                    return Ok(Kind::If {
                        arms,
                        otherwise: None,
                    });
                }
            }
        }
    }

    fn for_loop(&mut self) -> Result<Kind, ReadError> {
        let open = self.at;
        self.at += 3;
        self.blanks()?;
        let name = self.raw_word().to_owned();
        if !name::is_variable(&name) {
            return Err(self.error(self.at, "`for` needs the name of a variable"));
        }
        self.at += name.len();
        let named = self.at;
        self.newlines()?;
        if self.peek() == Some(b';') && self.text[named..self.at].contains('\n') {
            return Err(self.error(self.at, "a `;` by itself"));
        }
        let mut words = None;
        if self.raw_word() == "in" {
            self.at += 2;
            let mut list = Vec::new();
            loop {
                self.blanks()?;
                if list.is_empty() && self.raw_word() == "esac" {
                    return Err(self.error(self.at, "the keyword `esac` here: quote it"));
                }
                match (self.peek(), self.byte(1)) {
                    (Some(b';'), Some(b';')) => return Err(self.error(self.at, "`;;` here")),
                    (Some(b';' | b'\n'), _) => break,
                    (Some(b'<' | b'>'), Some(b'(')) => list.push(self.word()?.word),
                    (None | Some(b'&' | b'|' | b'(' | b')' | b'<' | b'>'), _) => {
                        return Err(self.error(self.at, "an operator in the words of `for`"));
                    }
                    _ => list.push(self.word()?.word),
                }
            }
            words = Some(list);
        }
        if self.peek() == Some(b';') {
            self.at += 1;
        }
        self.newlines()?;
        self.note(open, "a loop");
        let span = self.span(open);
        self.variables.sets_at(&name, span);
        let body = self.body(open)?;
        Ok(Kind::For { name, words, body })
    }

    fn case(&mut self) -> Result<Kind, ReadError> {
        let open = self.at;
        self.uneven += 1;
        self.at += 4;
        self.note(open, "a condition");
        self.blanks()?;
        let word = self.operand("`case` needs a word")?;
        self.newlines()?;
        self.keyword("in", open)?;
        let mut arms = Vec::new();
        loop {
            self.newlines()?;
            if self.raw_word() == "esac" {
                self.at += 4;
                return Ok(Kind::Case { word, arms });
            }
            if self.peek() == Some(b'(') {
                self.at += 1;
            }
            let mut patterns = Vec::new();
            loop {
                self.blanks()?;
                // Inside of braces bash ends them at such a `}`, where dash takes it for a pattern.
                if let word @ ("esac" | "}") = self.raw_word() {
                    let why = format!("the keyword `{word}` as a pattern: quote it");
                    return Err(self.error(self.at, &why));
                }
                patterns.push(self.operand("a pattern is missing here")?);
                self.blanks()?;
                match self.peek() {
                    Some(b'|') => self.at += 1,
                    Some(b')') => break,
                    _ => return Err(self.error(self.at, "a `)` is missing behind the pattern")),
                }
            }
            self.at += 1;
            let list = self.list()?;
            arms.push((patterns, list));
            if self.starts(";;") {
                self.at += 2;
                if self.peek() == Some(b'&') {
                    return Err(self.error(self.at, "`;;&`"));
                }
            } else if self.raw_word() != "esac" {
                return Err(self.error(open, "`esac` is missing for this"));
            }
        }
    }

    /// A word that must stand here.
    fn operand(&mut self, missing: &str) -> Result<Word, ReadError> {
        match self.peek() {
            None | Some(b'|' | b'&' | b';' | b'\n' | b'(' | b')' | b'<' | b'>') => {
                Err(self.error(self.at, missing))
            }
            Some(_) => Ok(self.word()?.word),
        }
    }

    fn is_function(&self) -> bool {
        let name = self.raw_word();
        name::is_variable(name)
            && self.text[self.at + name.len()..]
                .trim_start_matches([' ', '\t'])
                .starts_with('(')
    }

    fn function(&mut self) -> Result<Kind, ReadError> {
        let open = self.at;
        let name = self.raw_word().to_owned();
        self.at += name.len();
        self.blanks()?;
        self.at += 1;
        self.blanks()?;
        if self.peek() != Some(b')') {
            return Err(self.error(open, "a `(` behind a command word"));
        }
        self.at += 1;
        self.newlines()?;
        if self.peek() != Some(b'(') && self.raw_word() != "{" {
            return Err(self.error(
                self.at,
                "the body of a function must be `{ …; }` or `( … )`",
            ));
        }
        if builtins::is_builtin(&name) || matches!(name.as_str(), "echo" | "true" | "false" | "pwd")
        {
            return Err(self.error(open, "a function with the name of a builtin"));
        }
        self.note(open, "a function");
        if self.functions.len() >= MAX_FUNCTIONS {
            return Err(self.error(open, "more than 64 functions in a line"));
        }
        self.functions.push(name.clone());
        let body = Box::new(self.command()?);
        Ok(Kind::Function { name, body })
    }

    /// `[[ … ]]` without what it would evaluate as code.
    fn test(&mut self) -> Result<Kind, ReadError> {
        let open = self.at;
        self.at += 2;
        self.bash = true;
        self.note(open, "bash's `[[`");
        let mut pieces = Vec::new();
        loop {
            self.blanks()?;
            let at = self.at;
            let operator = match (self.peek(), self.byte(1)) {
                (Some(b'&'), Some(b'&')) => Some("&&"),
                (Some(b'|'), Some(b'|')) => Some("||"),
                // Behind a number it is a redirection to bash.
                (Some(b'<'), Some(b' ')) if self.is_behind_blank() => Some("<"),
                (Some(b'>'), Some(b' ')) if self.is_behind_blank() => Some(">"),
                (None | Some(b'|' | b'&' | b';' | b'\n' | b'(' | b')' | b'<' | b'>'), _) => {
                    return Err(
                        self.error(at, "an operator inside `[[ … ]]` that is not read here")
                    );
                }
                _ => ["!", "!=", "==", "="]
                    .into_iter()
                    .find(|o| *o == self.raw_word()),
            };
            if let Some(operator) = operator {
                self.at += operator.len();
                pieces.push(Piece::Operator(operator));
                continue;
            }
            let token = self.word()?;
            match token.word.literal() {
                Some("]]") if !token.quoted => break,
                Some(
                    "=~" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-v" | "-R" | "-ef"
                    | "-nt" | "-ot",
                ) => {
                    return Err(
                        self.error(at, "an operator of `[[` that is not read here: use `[ … ]`")
                    );
                }
                // Quoted, it is no operator to bash; written back it would be.
                Some(text) if token.quoted && (text.starts_with('-') || text.contains("]]")) => {
                    return Err(self.error(at, "a quoted operator inside `[[ … ]]`"));
                }
                _ => pieces.push(Piece::Word(token.word)),
            }
        }
        if !is_condition(&pieces) {
            return Err(self.error(open, "a condition inside `[[ … ]]` that is not read here"));
        }
        Ok(Kind::Test { pieces })
    }

    fn is_behind_blank(&self) -> bool {
        self.text[..self.at].ends_with([' ', '\t'])
    }

    /// `time COMMAND`: run as the program of that name, which means the same for a plain command.
    fn timed(&mut self) -> Result<(Kind, Vec<Redirection>), ReadError> {
        let open = self.at;
        let (kind, redirections) = self.simple()?;
        if let Kind::Simple { words, .. } = &kind {
            let next = words
                .iter()
                .skip(1)
                .enumerate()
                // The keyword takes one.
                .find(|(at, w)| *at > 0 || w.literal() != Some("-p"))
                .and_then(|(_, w)| w.literal());
            let plain = |t: &str| {
                !t.is_empty()
                    && !is_reserved(t)
                    && !t.contains('=')
                    && !t.starts_with(['-', '!', '{'])
                    && !builtins::is_builtin(t)
            };
            let Some(name) = next.filter(|t| plain(t)) else {
                return Err(self.error(open, TIMED));
            };
            let span = self.span(open);
            self.timed.push((name.to_owned(), span));
        }
        self.note(open, "the keyword `time`, run as the program");
        Ok((kind, redirections))
    }

    /// Assignments, words and redirections.
    fn simple(&mut self) -> Result<(Kind, Vec<Redirection>), ReadError> {
        let start = self.at;
        let (mut assignments, mut words, mut redirections) = (Vec::new(), Vec::new(), Vec::new());
        let mut starts = Vec::new();
        loop {
            self.blanks()?;
            if let Some(redirection) = self.redirection_here()? {
                redirections.push(redirection);
                continue;
            }
            match self.peek() {
                None | Some(b'|' | b'&' | b';' | b'\n' | b')') => break,
                Some(b'(') => return Err(self.error(self.at, "a `(` here")),
                Some(_) if words.is_empty() => match self.assignment()? {
                    Some(assignment) => assignments.push(assignment),
                    None => {
                        let first = assignments.is_empty() && redirections.is_empty();
                        starts.push(self.at);
                        words.push(self.command_word(first)?);
                    }
                },
                Some(_) => {
                    starts.push(self.at);
                    words.push(self.word()?.word);
                }
            }
        }
        self.check_declared(&words, &starts)?;
        self.bashism |= builtins::is_bashism(&words, !assignments.is_empty());
        if words.is_empty() && assignments.is_empty() && redirections.is_empty() {
            return Err(self.error(start, "a command is missing here"));
        }
        Ok((Kind::Simple { assignments, words }, redirections))
    }

    /// `export x=$y`: bash does not split the value, dash does; and bash does if any of the name or the `=` is quoted.
    fn check_declared(&mut self, words: &[Word], starts: &[usize]) -> Result<(), ReadError> {
        let Some(name) = words.first().and_then(Word::literal) else {
            return Ok(());
        };
        if !names::DECLARING.contains(&name) {
            return Ok(());
        }
        for (word, start) in words.iter().zip(starts).skip(1) {
            // What is a pattern is refused with the call.
            if !word.is_dynamic() || word.is_whole() {
                continue;
            }
            let written = |at: &usize, text: &str| self.text[*at..].starts_with(text);
            let bare = starts.first().is_some_and(|at| written(at, name));
            let variable = word.literal_prefix().split('=').next().unwrap_or_default();
            if !bare || !written(start, &format!("{variable}=")) {
                let why = format!(
                    "a word of `{name}` that the shell splits: put the value in double quotes"
                );
                return Err(self.error(*start, &why));
            }
            self.bash = true;
        }
        Ok(())
    }

    fn assignment(&mut self) -> Result<Option<Assignment>, ReadError> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        let wide = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_' || !b.is_ascii())
            .count();
        if wide > length && matches!(self.byte(wide), Some(b'=' | b'+' | b'[')) {
            return Err(self.error(start, super::LETTERS));
        }
        let name = rest[..length].to_owned();
        if !name::is_variable(&name) {
            return Ok(None);
        }
        match (self.byte(length), self.byte(length + 1)) {
            (Some(b'='), _) => {}
            (Some(b'+'), Some(b'=')) => {
                return Err(self.error(start, "`+=`: write the whole value"));
            }
            (Some(b'['), _) => return Err(self.error(start, "a subscript: the shell evaluates it")),
            _ => return Ok(None),
        }
        self.at += length + 1;
        let token = self.word()?;
        let mut value: Vec<Segment> = Vec::new();
        for segment in token.word.segments {
            match segment {
                // No pathname expansion in the value of an assignment (POSIX 2.9.1).
                Segment::Literal(text) | Segment::Glob(text) => literal(&mut value, &text),
                Segment::Expansion(_) => value.push(segment),
            }
        }
        self.note(start, "an assignment");
        let span = self.since(start);
        Ok(Some(Assignment {
            name,
            value: Word {
                segments: value,
                span,
            },
            span,
        }))
    }

    fn command_word(&mut self, first: bool) -> Result<Word, ReadError> {
        let start = self.at;
        let token = self.word()?;
        let Some(text) = token.word.literal() else {
            return Err(self.error(
                start,
                "the command is known only when it runs: write its name",
            ));
        };
        name::check_word(text).map_err(|what| self.error(start, what))?;
        if !token.quoted && is_reserved(text) && !(first && text == "time") {
            return Err(self.error(
                start,
                "a keyword of the shell behind an assignment or a redirection",
            ));
        }
        Ok(token.word)
    }
}

/// Tests of one word that bash knows and that evaluate nothing.
const UNARY: &str = "abcdefghkLnprsStuwxzOGN";

/// Whether pieces are what bash takes for a condition: tests of words joined by `&&` and `||`.
fn is_condition(pieces: &[Piece]) -> bool {
    let mut rest = pieces;
    loop {
        while let [Piece::Operator("!"), behind @ ..] = rest {
            rest = behind;
        }
        rest = match rest {
            // bash takes a `-n` here for a test of one word, and then reads nothing of the line.
            [
                Piece::Word(word),
                Piece::Operator("==" | "=" | "!=" | "<" | ">"),
                Piece::Word(_),
                behind @ ..,
            ] if !word.literal_prefix().starts_with('-') => behind,
            [Piece::Word(sign), Piece::Word(_), behind @ ..] => {
                let letter = sign.literal().and_then(|t| t.strip_prefix('-'));
                if letter.is_none_or(|l| l.len() != 1 || !UNARY.contains(l)) {
                    return false;
                }
                behind
            }
            [Piece::Word(word), behind @ ..] if !word.literal_prefix().starts_with('-') => behind,
            _ => return false,
        };
        rest = match rest {
            [] => return true,
            [Piece::Operator("&&" | "||"), behind @ ..] => behind,
            _ => return false,
        };
    }
}
