//! Expansions of the full reader, written back as they were read, and the lists inside them.

use super::{Parser, ast, numbers};
use crate::command::builtins::is_of_bash;
use crate::command::word::{Segment, literal};
use crate::command::{Place, ReadError};

/// What an expansion stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Nothing.
    Word,
    /// Double quotes: it is written back in them.
    Quotes,
    /// Text in which a quote is a character: a here-document, or `"${…}"`.
    Text,
    /// `$((…))`: its value would be evaluated.
    Arithmetic,
}

/// Most parts of a word in front of an expansion.
const MAX_PARTS: usize = 1024;

impl Parser<'_> {
    /// `$x`, `${…}`, `$(…)`, `$((…))`, backquotes; a `$` that begins nothing is text.
    pub(super) fn expansion(
        &mut self,
        segments: &mut Vec<Segment>,
        inside: Inside,
    ) -> Result<(), ReadError> {
        let start = self.at;
        if segments.len() > MAX_PARTS {
            return Err(self.error(start, "a word of more than 1024 parts: write several"));
        }
        let text = match (self.peek(), self.byte(1)) {
            (Some(b'`'), _) => self.backquoted(inside)?,
            (_, Some(b'(')) if self.byte(2) == Some(b'(') => self.arithmetic()?,
            (_, Some(b'(')) => {
                self.at += 2;
                let list = self.nested(start)?;
                self.substituted(list, start)?
            }
            (_, Some(b'{')) => self.parameter(inside)?,
            (_, Some(b'[')) => return Err(self.error(start, "`$[…]`: write `$((…))`")),
            (_, Some(b'\\')) => {
                return Err(self.error(start, "a backslash behind `$`: quote the `$`"));
            }
            (_, Some(b)) if b.is_ascii_alphabetic() || b == b'_' => {
                self.at += 1;
                let name = self.name();
                if self.peek().is_some_and(|b| !b.is_ascii()) {
                    return Err(self.error(start, super::LETTERS));
                }
                if inside == Inside::Arithmetic {
                    let span = self.span(start);
                    self.variables.reads(&name, span);
                }
                self.bashism |= is_of_bash(&name);
                format!("${{{name}}}")
            }
            (_, Some(b)) if !b.is_ascii() => return Err(self.error(start, super::LETTERS)),
            (_, Some(b'$')) if matches!(self.byte(2), Some(b'(' | b'{' | b'[')) => {
                // Inside of quotes bash looks for the end of a substitution there, then finds none to run.
                return Err(self.error(start, "`$$` before a bracket: write `${$}`"));
            }
            (_, Some(b @ (b'#' | b'?' | b'$' | b'!'))) => {
                self.at += 2;
                format!("${{{}}}", char::from(b))
            }
            (_, Some(b @ (b'@' | b'*' | b'-' | b'0'..=b'9'))) if inside != Inside::Arithmetic => {
                self.at += 2;
                format!("${{{}}}", char::from(b))
            }
            _ => {
                self.at += 1;
                literal(segments, "$");
                return Ok(());
            }
        };
        if inside == Inside::Arithmetic && text.starts_with("$( ") {
            let span = self.span(start);
            if !self.variables.reads_said(&text, span) {
                return Err(self.error(
                    start,
                    "arithmetic on a command's output that may be other than a number: a shell would evaluate it as code",
                ));
            }
        }
        self.note(start, "an expansion");
        segments.push(Segment::Expansion(match inside {
            Inside::Quotes => format!("\"{text}\""),
            _ => text,
        }));
        Ok(())
    }

    pub(super) fn name(&mut self) -> String {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            self.at += 1;
        }
        self.text[start..self.at].to_owned()
    }

    /// Text between backquotes: unescaped, then read (POSIX 2.6.3).
    fn backquoted(&mut self, inside: Inside) -> Result<String, ReadError> {
        let open = self.at;
        self.at += 1;
        let in_quotes = inside != Inside::Word;
        let mut text = String::new();
        loop {
            let Some(c) = self.character() else {
                return Err(self.error(open, "a backquote that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' => match self.character() {
                    Some(next @ ('`' | '\\' | '$')) => {
                        text.push(next);
                        self.at += 1;
                    }
                    // It goes before anything else is read, also inside single quotes and comments.
                    Some('\n') => {
                        return Err(self.error(self.at, "a line continuation inside backquotes"));
                    }
                    Some('"') if in_quotes => {
                        return Err(self.error(
                            self.at,
                            "an escaped quote inside backquotes inside quotes: write `$(…)`",
                        ));
                    }
                    _ => text.push('\\'),
                },
                '"' if in_quotes => {
                    return Err(self.error(
                        self.at,
                        "a quote inside backquotes inside quotes: write `$(…)`",
                    ));
                }
                c => text.push(c),
            }
        }
        let mut inner = self.within(&text, open)?;
        let list = inner.program()?;
        self.absorb(inner);
        self.substituted(list, open)
    }

    /// Keeps the list of a substitution, and writes it.
    fn substituted(&mut self, list: ast::List, open: usize) -> Result<String, ReadError> {
        self.check_documents(&list, open)?;
        let text = format!("$( {} )", ast::list(&list));
        if numbers::says_number(&list) {
            self.variables.says_number(text.clone());
        }
        if numbers::says_names(&list) {
            self.variables.says_names(text.clone());
        }
        // `$(<FILE)`: what the file holds to bash, and nothing to dash.
        self.bashism |= list.is_bare_input();
        self.inner.push((Place::Substitution, list));
        Ok(text)
    }

    /// bash 5.2 writes a substitution anew before it runs it, and leaves out the `;` behind a here-document: of
    /// `$( f <<E … E; g; rm x )` it runs `g rm x`.
    pub(super) fn check_documents(&self, list: &ast::List, open: usize) -> Result<(), ReadError> {
        if list.holds_document() && !list.is_pipeline() {
            return Err(self.error(
                open,
                "a here-document in a substitution with other commands than one pipeline: bash joins what stands behind it",
            ));
        }
        Ok(())
    }

    /// `${…}`: the name, and whatever stands behind it, with the lists inside.
    fn parameter(&mut self, inside: Inside) -> Result<String, ReadError> {
        let open = self.at;
        let odd = "a parameter expansion that is not read here";
        self.at += 2;
        self.enter(open)?;
        let mut out = String::from("${");
        let length = self.peek() == Some(b'#') && self.byte(1) != Some(b'}');
        if length {
            out.push('#');
            self.at += 1;
        }
        let name = match self.peek() {
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => self.name(),
            Some(b) if b.is_ascii_digit() => self.name(),
            Some(b @ (b'@' | b'*' | b'?' | b'-' | b'$' | b'#' | b'!')) if !length => {
                self.at += 1;
                char::from(b).to_string()
            }
            // `${!x}` and the like take their name from a value.
            _ => return Err(self.error(open, odd)),
        };
        if name.starts_with(|c: char| c.is_ascii_digit())
            && !name.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(self.error(open, odd));
        }
        out.push_str(&name);
        self.bashism |= is_of_bash(&name);
        if inside == Inside::Arithmetic && !length {
            let span = self.span(open);
            self.variables.reads(&name, span);
        }
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.leave();
            out.push('}');
            return Ok(out);
        }
        if length
            || inside == Inside::Arithmetic
            || matches!(name.as_str(), "!" | "#" | "$" | "-" | "?")
        {
            return Err(self.error(open, odd));
        }
        let gives = self.peek() == Some(b'=') || self.byte(1) == Some(b'=');
        let replaces = self.peek() == Some(b'/');
        let lists = self.inner.len();
        self.operator(&name, &mut out)?;
        self.operand_of(&mut out, inside, open)?;
        if gives {
            let span = self.span(open);
            self.variables.sets_at(&name, span);
            self.variables.gives(&name, &out);
        }
        // bash looks for the second `/` without reading the commands in front of it.
        if replaces && self.inner.len() > lists {
            return Err(self.error(
                open,
                "a command inside `${x/…}`: put what it says into a variable first",
            ));
        }
        self.leave();
        Ok(out)
    }

    /// The operator behind a parameter's name.
    fn operator(&mut self, name: &str, out: &mut String) -> Result<(), ReadError> {
        let (first, second) = (self.peek(), self.byte(1));
        // bash takes each parameter by itself, dash all of them as one.
        self.bashism |= matches!(name, "@" | "*");
        let length = match (first, second) {
            (Some(b':'), Some(b'-' | b'+' | b'?' | b'=')) => 2,
            (Some(b':'), Some(b'0'..=b'9')) => return self.substring(out),
            (Some(b'=' | b'-' | b'+' | b'?' | b'#' | b'%'), _) => 1,
            (Some(b'/' | b'^' | b','), _) => {
                self.bash = true;
                1
            }
            // Of the rest, some take their value for code: `${x@P}`, `${x[…]}`, `${x:y}`.
            _ => return Err(self.error(self.at, "a parameter expansion that is not read here")),
        };
        out.push_str(&self.text[self.at..self.at + length]);
        self.at += length;
        Ok(())
    }

    /// `${x:1}`, `${x:1:2}`: with plain numbers only.
    fn substring(&mut self, out: &mut String) -> Result<(), ReadError> {
        self.bash = true;
        while let Some(b @ (b':' | b'0'..=b'9')) = self.peek() {
            out.push(char::from(b));
            self.at += 1;
        }
        if self.peek() == Some(b'}') {
            Ok(())
        } else {
            Err(self.error(self.at, "a part of a value by other than plain numbers"))
        }
    }

    /// What stands between a parameter's operator and its `}`.
    fn operand_of(
        &mut self,
        out: &mut String,
        inside: Inside,
        open: usize,
    ) -> Result<(), ReadError> {
        let in_quotes = inside != Inside::Word;
        loop {
            let Some(c) = self.character() else {
                return Err(self.error(open, "a `${` that is not closed"));
            };
            match c {
                '}' => {
                    self.at += 1;
                    out.push('}');
                    return Ok(());
                }
                // Shells differ on quotes inside `"${…}"`.
                '\'' | '"' if in_quotes => {
                    return Err(self.error(self.at, "a quote inside `\"${…}\"`"));
                }
                '\'' | '"' => {
                    let mut segments = Vec::new();
                    if c == '\'' {
                        self.single_quoted(&mut segments)?;
                    } else {
                        self.at += 1;
                        self.double_quoted(&mut segments)?;
                    }
                    self.push_quoted(out, &segments);
                }
                '$' | '`' => {
                    let inside = if in_quotes {
                        Inside::Text
                    } else {
                        Inside::Word
                    };
                    self.plain_expansion(out, inside)?;
                }
                '\\' | '{' | '<' | '>' | '\n' | '~' | '(' | ')' => {
                    return Err(
                        self.error(self.at, "a character inside `${…}` that is not read here")
                    );
                }
                c => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// An expansion where a `$` by itself is not read.
    fn plain_expansion(&mut self, out: &mut String, inside: Inside) -> Result<(), ReadError> {
        let at = self.at;
        if matches!(self.byte(1), Some(b'\'' | b'"')) {
            return Err(self.error(at, "a quote behind `$` here"));
        }
        let mut segments = Vec::new();
        let uneven = self.uneven;
        self.expansion(&mut segments, inside)?;
        // To find their ends bash counts quotes and brackets there.
        if self.uneven > uneven {
            return Err(self.error(at, "a here-document or a `case` inside `${…}` or `$((…))`: put what holds it into a variable first"));
        }
        match segments.as_slice() {
            [Segment::Expansion(text)] => {
                out.push_str(text);
                Ok(())
            }
            _ => Err(self.error(at, "a `$` by itself here")),
        }
    }

    fn push_quoted(&self, out: &mut String, segments: &[Segment]) {
        if segments.is_empty() {
            out.push_str("''");
        }
        for segment in segments {
            match segment {
                Segment::Literal(text) => crate::command::render::quote(out, text),
                Segment::Glob(text) | Segment::Expansion(text) => out.push_str(text),
            }
        }
    }

    /// `$((…))`: numbers, operators, and variables that the line sets to numbers.
    fn arithmetic(&mut self) -> Result<String, ReadError> {
        let open = self.at;
        self.at += 3;
        self.enter(open)?;
        let mut out = String::from("$((");
        let mut depth = 0usize;
        // Side by side they make another name: with `y=1`, `$((x$y))` reads `x1`. With a blank between them it is no sum, and
        // where bash takes it for a subshell, a command.
        let (mut operand, mut ended) = (false, false);
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.error(open, "a `$((` that is not closed"));
            };
            let begins = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'`');
            if begins && operand {
                return Err(self.error(
                    self.at,
                    "a name, number or expansion inside `$((…))` directly behind another: write a blank",
                ));
            }
            if begins && ended {
                return Err(self.error(
                    self.at,
                    "a name, number or expansion inside `$((…))` behind another: write an operator between them",
                ));
            }
            operand = begins;
            ended = begins || ended && byte == b' ';
            match byte {
                b')' if depth == 0 => {
                    // `$((a) )` is a subshell inside a substitution to some shells.
                    if self.byte(1) != Some(b')') {
                        return Err(self.error(
                            open,
                            "`$((` that does not end in `))`: write `$( (` for a subshell",
                        ));
                    }
                    self.at += 2;
                    self.leave();
                    out.push_str("))");
                    return Ok(out);
                }
                b'$' | b'`' => {
                    self.plain_expansion(&mut out, Inside::Arithmetic)?;
                    continue;
                }
                b if b.is_ascii_alphanumeric() || b == b'_' => {
                    let at = self.at;
                    let word = self.name();
                    if !word.bytes().all(|b| b.is_ascii_digit()) {
                        if !crate::command::name::is_variable(&word) {
                            return Err(self.error(at, "a number that is not plain"));
                        }
                        let span = self.span(at);
                        self.variables.reads(&word, span);
                    }
                    out.push_str(&word);
                    continue;
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                b' ' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'&'
                | b'|' | b'^' | b'~' | b'?' | b':' => {}
                _ => {
                    return Err(
                        self.error(self.at, "a character inside `$((…))` that is not read here")
                    );
                }
            }
            // bash has these, dash not.
            self.bash |= matches!(
                (byte, self.byte(1)),
                (b'+', Some(b'+')) | (b'-', Some(b'-')) | (b'*', Some(b'*'))
            );
            out.push(char::from(byte));
            self.at += 1;
        }
    }
}
