//! Words of the full reader: quotes removed, expansions kept as they are written back, the lists inside them read.

use super::Parser;
use super::ast;
use super::documents::Body;
use crate::command::word::Span;
use crate::command::word::{Segment, Word, glob, literal};
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

/// A word and whether any of it was quoted.
pub(super) struct Token {
    pub word: Word,
    pub quoted: bool,
}

impl Parser<'_> {
    /// One word, up to an unquoted blank, operator or the end.
    pub(super) fn word(&mut self) -> Result<Token, ReadError> {
        let start = self.at;
        let mut segments = Vec::new();
        let mut quoted = false;
        while let Some(byte) = self.peek() {
            let piece = self.at;
            match byte {
                b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b')' => break,
                b'<' | b'>' if self.byte(1) == Some(b'(') && self.at == start => {
                    self.process_substitution(&mut segments)?
                }
                b'<' | b'>' if self.byte(1) == Some(b'(') => {
                    return Err(self.error(self.at, "a process substitution inside a word"));
                }
                b'<' | b'>' => break,
                b'(' => return Err(self.error(self.at, "a `(` in a word")),
                b'\'' => {
                    quoted = true;
                    self.single_quoted(&mut segments)?;
                }
                b'"' => {
                    quoted = true;
                    self.at += 1;
                    self.double_quoted(&mut segments)?;
                }
                b'\\' => {
                    self.at += 1;
                    match self.character() {
                        Some('\n') => {
                            return Err(
                                self.error(self.at - 1, "a line continuation inside a word")
                            );
                        }
                        Some(c) => {
                            quoted = true;
                            literal(&mut segments, c.encode_utf8(&mut [0; 4]));
                            self.at += c.len_utf8();
                        }
                        None => return Err(self.error(self.at - 1, "a backslash at the end")),
                    }
                }
                b'$' if self.byte(1) == Some(b'\'') => {
                    quoted = true;
                    self.ansi_quoted(&mut segments)?;
                }
                b'$' if self.byte(1) == Some(b'"') => {
                    return Err(self.error(self.at, "`$\"…\"`: write plain double quotes"));
                }
                b'$' | b'`' => self.expansion(&mut segments, Inside::Word)?,
                b'*' | b'?' => {
                    glob(&mut segments, &self.text[self.at..=self.at]);
                    self.at += 1;
                }
                b'[' => self.bracket(&mut segments)?,
                b'{' => self.brace(&mut segments)?,
                b'~' if self.at == start => self.tilde(&mut segments)?,
                b'~' if matches!(self.text.as_bytes()[self.at - 1], b':' | b'=') => {
                    return Err(
                        self.error(self.at, "a tilde that some shells expand: write the path")
                    );
                }
                _ => {
                    let c = self.character().unwrap_or_default();
                    literal(&mut segments, c.encode_utf8(&mut [0; 4]));
                    self.at += c.len_utf8();
                }
            }
            if matches!(&self.text[piece..self.at], "''" | "\"\"" | "$''") {
                segments.push(Segment::Expansion(EMPTY.to_owned()));
            }
        }
        let span = Span {
            start,
            end: self.at,
        };
        Ok(Token {
            word: Word {
                segments: without_empty(segments),
                span: self.fixed.unwrap_or(span),
            },
            quoted,
        })
    }

    fn single_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let start = self.at + 1;
        let Some(length) = self.text[start..].find('\'') else {
            return Err(self.error(self.at, "a quote that is not closed"));
        };
        literal(segments, &self.text[start..start + length]);
        self.at = start + length + 1;
        Ok(())
    }

    /// The inside of double quotes, the closing one included.
    fn double_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let open = self.at;
        loop {
            match self.peek() {
                None => return Err(self.error(open - 1, "a quote that is not closed")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'$' | b'`') => self.expansion(segments, Inside::Quotes)?,
                Some(b'\\') => self.escaped_in_double_quotes(segments)?,
                Some(_) => {
                    let c = self.character().unwrap_or_default();
                    literal(segments, c.encode_utf8(&mut [0; 4]));
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// A backslash inside double quotes (POSIX 2.2.3).
    fn escaped_in_double_quotes(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        match self.byte(1) {
            Some(b'\n') => return Err(self.error(self.at, "a line continuation inside quotes")),
            Some(b @ (b'"' | b'\\' | b'$' | b'`')) => {
                literal(segments, char::from(b).encode_utf8(&mut [0; 4]));
                self.at += 2;
            }
            _ => {
                literal(segments, "\\");
                self.at += 1;
            }
        }
        Ok(())
    }

    /// `$'…'`: decoded, so that every shell can be given it (bash(1), QUOTING).
    fn ansi_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let open = self.at;
        self.at += 2;
        // To dash it is a `$` and a quote.
        self.bash = true;
        loop {
            let Some(c) = self.character() else {
                return Err(self.error(open, "a quote that is not closed"));
            };
            self.at += c.len_utf8();
            let decoded = match c {
                '\'' => return Ok(()),
                '\\' => self.ansi_escape()?,
                c => c,
            };
            if decoded != '\n' && decoded != '\t' && crate::display::is_deceptive(decoded) {
                return Err(self.error(open, "a character in `$'…'` that is not shown as itself"));
            }
            literal(segments, decoded.encode_utf8(&mut [0; 4]));
        }
    }

    fn ansi_escape(&mut self) -> Result<char, ReadError> {
        let start = self.at;
        let odd = "an escape in `$'…'` that is not read here";
        let Some(c) = self.character() else {
            return Err(self.error(start, odd));
        };
        self.at += c.len_utf8();
        let (radix, most) = match c {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            '\\' | '\'' | '"' | '?' => return Ok(c),
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            _ => return Err(self.error(start, odd)),
        };
        let digits: String = self.text[self.at..]
            .chars()
            .take(most)
            .take_while(|d| d.is_digit(radix))
            .collect();
        self.at += digits.len();
        let value = u32::from_str_radix(&digits, radix).ok();
        // Bytes from 128 on would be parts of characters.
        let value = value.filter(|v| (1..128).contains(v) || (matches!(c, 'u' | 'U') && *v > 127));
        value
            .and_then(char::from_u32)
            .ok_or_else(|| self.error(start, odd))
    }

    /// `$x`, `${…}`, `$(…)`, `$((…))`, backquotes; a `$` that begins nothing is text.
    pub(super) fn expansion(
        &mut self,
        segments: &mut Vec<Segment>,
        inside: Inside,
    ) -> Result<(), ReadError> {
        let start = self.at;
        let text = match (self.peek(), self.byte(1)) {
            (Some(b'`'), _) => self.backquoted(inside)?,
            (_, Some(b'(')) if self.byte(2) == Some(b'(') => self.arithmetic()?,
            (_, Some(b'(')) => {
                self.at += 2;
                let list = self.nested(start)?;
                let text = format!("$( {} )", ast::list(&list));
                self.inner.push((Place::Substitution, list));
                text
            }
            (_, Some(b'{')) => self.parameter(inside)?,
            (_, Some(b'[')) => return Err(self.error(start, "`$[…]`: write `$((…))`")),
            (_, Some(b'\\')) => {
                return Err(self.error(start, "a backslash behind `$`: quote the `$`"));
            }
            (_, Some(b)) if b.is_ascii_alphabetic() || b == b'_' => {
                self.at += 1;
                let name = self.name();
                if inside == Inside::Arithmetic {
                    let span = self.span(start);
                    self.variables.reads(&name, span);
                }
                format!("${{{name}}}")
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
        if inside == Inside::Arithmetic && (text.starts_with("$( ") || text.starts_with('`')) {
            return Err(self.error(
                start,
                "arithmetic on a command's output: a shell would evaluate it as code",
            ));
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
        let rendered = format!("$( {} )", ast::list(&list));
        self.inner.push((Place::Substitution, list));
        Ok(rendered)
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
        if self.peek() == Some(b'=') || self.byte(1) == Some(b'=') {
            let span = self.span(open);
            self.variables.sets_at(&name, span);
        }
        self.operator(&name, &mut out)?;
        self.operand_of(&mut out, inside, open)?;
        self.leave();
        Ok(out)
    }

    /// The operator behind a parameter's name.
    fn operator(&mut self, name: &str, out: &mut String) -> Result<(), ReadError> {
        let (first, second) = (self.peek(), self.byte(1));
        let length = match (first, second) {
            (Some(b':'), Some(b'-' | b'+' | b'?')) => 2,
            (Some(b':'), Some(b'=')) => {
                self.variables.sets(name, false);
                2
            }
            (Some(b':'), Some(b'0'..=b'9')) => return self.substring(out),
            (Some(b'='), _) => {
                self.variables.sets(name, false);
                1
            }
            (Some(b'-' | b'+' | b'?' | b'#' | b'%'), _) => 1,
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
        self.expansion(&mut segments, inside)?;
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
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.error(open, "a `$((` that is not closed"));
            };
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

    fn process_substitution(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let start = self.at;
        if self.byte(2) == Some(b'(') {
            // bash tries it as arithmetic first, and joins continued lines on the way.
            return Err(self.error(start, "`((` here: write `( (` for a subshell"));
        }
        let sign = if self.peek() == Some(b'<') { '<' } else { '>' };
        self.at += 2;
        let list = self.nested(start)?;
        segments.push(Segment::Expansion(format!(
            "{sign}( {} )",
            ast::list(&list)
        )));
        self.inner.push((Place::ProcessSubstitution, list));
        self.bash = true;
        self.note(start, "a process substitution");
        Ok(())
    }

    /// A pattern in brackets, or a bracket that is text.
    fn bracket(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start + 1..];
        let first = usize::from(matches!(rest.first(), Some(b'!' | b'^')));
        let plain = rest[first..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || b"_.-,".contains(b))
            .count();
        if plain > 0 && rest.get(first + plain) == Some(&b']') {
            let end = start + 1 + first + plain + 1;
            // `^` for `!` is bash's; POSIX leaves it open.
            self.bash |= rest.first() == Some(&b'^');
            glob(segments, &self.text[start..end]);
            self.at = end;
            return Ok(());
        }
        // `[` as a word by itself is a command or an argument.
        if segments.is_empty() && self.is_alone() {
            literal(segments, "[");
            self.at += 1;
            return Ok(());
        }
        Err(self.error(start, "a `[` outside of quotes that is not a plain pattern"))
    }

    fn is_alone(&self) -> bool {
        let before = self.at == 0
            || matches!(
                self.text.as_bytes()[self.at - 1],
                b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'('
            );
        before
            && matches!(
                self.byte(1),
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b')' | b'<' | b'>')
            )
    }

    /// `{a,b}` and `{1..3}` (bash), `{}` (text); anything else is refused.
    fn brace(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        if self.byte(1) == Some(b'}') {
            // `{}` is text by itself, but bash reads `x{}a,b}` as `x}a xb`: only plain text may follow.
            let rest = &self.text.as_bytes()[self.at + 2..];
            let next = rest
                .iter()
                .find(|b| !b.is_ascii_alphanumeric() && !b"_./:@%+=-".contains(b));
            if next.is_some_and(|b| !b" \t\n|&;<>()`".contains(b)) {
                return Err(self.error(self.at, "a `{}` that runs on: quote it"));
            }
            literal(segments, "{}");
            self.at += 2;
            return Ok(());
        }
        let rest = &self.text.as_bytes()[self.at + 1..];
        let plain = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || b"_.-,/".contains(b))
            .count();
        let inside = &self.text[self.at + 1..self.at + 1 + plain];
        // bash expands braces before all else: `$x{a,b}` is `$xa $xb`.
        let first = !segments.iter().any(|s| matches!(s, Segment::Expansion(_)))
            && !self.text[..self.at].ends_with('$');
        if first
            && rest.get(plain) == Some(&b'}')
            && (inside.contains(',') || inside.contains(".."))
        {
            self.note(self.at, "a brace expansion");
            self.bash = true;
            segments.push(Segment::Expansion(format!("{{{inside}}}")));
            self.at += plain + 2;
            return Ok(());
        }
        Err(self.error(
            self.at,
            "a `{` that is not read here: quote it if it is text",
        ))
    }

    /// `~`, `~user`, and the slash behind it, which must not be quoted when it is written back.
    fn tilde(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let start = self.at;
        self.at += 1;
        while self
            .peek()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        {
            self.at += 1;
        }
        let name = &self.text[start + 1..self.at];
        let plain =
            name.is_empty() || name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        match self.peek() {
            _ if !plain => return Err(self.error(start, "a tilde that shells expand differently")),
            Some(b'/') => self.at += 1,
            None | Some(b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b')' | b'<' | b'>') => {}
            Some(_) => return Err(self.error(start, "a tilde that shells expand differently")),
        }
        self.note(start, "a tilde that the shell expands");
        segments.push(Segment::Expansion(self.text[start..self.at].to_owned()));
        Ok(())
    }

    /// The body of a here-document in which the shell expands.
    pub(super) fn document_body(&mut self, body: &str, at: usize) -> Result<Body, ReadError> {
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
                _ => {
                    let c = inner.character().unwrap_or_default();
                    literal(&mut segments, c.encode_utf8(&mut [0; 4]));
                    inner.at += c.len_utf8();
                }
            }
        }
        let lists = std::mem::take(&mut inner.inner);
        self.absorb(inner);
        Ok(Body {
            segments,
            inner: lists,
        })
    }
}

/// Quotes with nothing in them. Beside an expansion they keep a word where it would be none.
const EMPTY: &str = "''";

/// Drops empty quotes from a word without expansions.
fn without_empty(segments: Vec<Segment>) -> Vec<Segment> {
    let is_empty = |s: &Segment| matches!(s, Segment::Expansion(text) if text == EMPTY);
    if segments
        .iter()
        .any(|s| matches!(s, Segment::Expansion(_)) && !is_empty(s))
    {
        return segments;
    }
    let mut kept = Vec::new();
    for segment in segments.into_iter().filter(|s| !is_empty(s)) {
        match segment {
            Segment::Literal(text) => literal(&mut kept, &text),
            other => kept.push(other),
        }
    }
    kept
}
