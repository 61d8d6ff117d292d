//! Words of the full reader: quotes removed, patterns and expansions kept as they are written back.

use super::ast;
use super::expansions::Inside;
use super::{Parser, SUBSTITUTED_FILE};
use crate::command::word::{Segment, Word, glob, literal, push, text_braces};
use crate::command::{Place, ReadError};

/// A word and whether any of it was quoted.
pub(super) struct Token {
    pub word: Word,
    pub quoted: bool,
}

impl Parser<'_> {
    /// One word, up to an unquoted blank, operator or the end.
    pub(super) fn word(&mut self) -> Result<Token, ReadError> {
        let start = self.at;
        let uneven = self.uneven;
        let mut segments = Vec::new();
        let mut quoted = false;
        let (mut bare_dollar, mut bare_job) = (None, None);
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
                // Behind a brace expansion it may be the beginning of a word.
                b'~' if matches!(self.text.as_bytes()[self.at - 1], b':' | b'=')
                    || self.text.as_bytes()[self.at - 1] == b'}'
                        && matches!(segments.last(), Some(Segment::Expansion(_))) =>
                {
                    return Err(
                        self.error(self.at, "a tilde that some shells expand: write the path")
                    );
                }
                _ => self.plain(&mut segments),
            }
            if matches!(&self.text[piece..self.at], "''" | "\"\"" | "$''") {
                segments.push(Segment::Expansion(EMPTY.to_owned()));
            }
            match &self.text[piece..self.at] {
                "$" => bare_dollar = Some(piece),
                "$!" => bare_job = Some(piece),
                _ => {}
            }
        }
        // Beside it bash takes expansions as if in quotes, and dash does not.
        let is_split =
            |s: &Segment| matches!(s, Segment::Expansion(t) if t != EMPTY && !t.starts_with('"'));
        if let Some(at) = bare_dollar.filter(|_| segments.iter().any(is_split)) {
            return Err(self.error(at, "a bare `$` beside an expansion: write `\\$`"));
        }
        // Without a job it is a bare `$` to bash.
        if let Some(at) = bare_job.filter(|_| segments.iter().filter(|s| is_split(s)).count() > 1) {
            return Err(self.error(at, "a `$!` beside an expansion: write `${!}`"));
        }
        // What stands behind it in a word, bash may look at as if that had no end there.
        let last =
            segments.len() < 2 || segments.len() == 2 && matches!(segments[0], Segment::Literal(_));
        if self.uneven > uneven && !last {
            return Err(self.error(
                start,
                "a here-document or a `case` in the middle of a word: put what holds it into a variable first",
            ));
        }
        let whole = |s: &Segment| matches!(s, Segment::Expansion(_));
        let all = |s: &Segment| matches!(s, Segment::Expansion(t) if t == "\"${@}\"");
        if segments.len() > 1 && segments.iter().all(whole) && segments.iter().any(all) {
            return Err(self.error(start, "`\"$@\"` beside another expansion: write a blank"));
        }
        Ok(Token {
            word: Word {
                segments: without_empty(segments),
                span: self.since(start),
            },
            quoted,
        })
    }

    /// A character that stands for itself.
    pub(super) fn plain(&mut self, segments: &mut Vec<Segment>) {
        let c = self.character().unwrap_or_default();
        literal(segments, c.encode_utf8(&mut [0; 4]));
        self.at += c.len_utf8();
    }

    pub(super) fn single_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
        let start = self.at + 1;
        let Some(length) = self.text[start..].find('\'') else {
            return Err(self.error(self.at, "a quote that is not closed"));
        };
        literal(segments, &self.text[start..start + length]);
        self.at = start + length + 1;
        Ok(())
    }

    /// The inside of double quotes, the closing one included.
    pub(super) fn double_quoted(&mut self, segments: &mut Vec<Segment>) -> Result<(), ReadError> {
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
                Some(_) => self.plain(segments),
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
        // In another locale bash leaves `\u00e9` as it stands.
        let value = value.filter(|v| (1..128).contains(v));
        value
            .and_then(char::from_u32)
            .ok_or_else(|| self.error(start, odd))
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
        self.check_documents(&list, start)?;
        segments.push(Segment::Expansion(format!(
            "{sign}( {} )",
            ast::list(&list)
        )));
        let place = match sign {
            '<' => Place::ProcessSubstitution,
            _ => Place::Receiver,
        };
        self.inner.push((place, list));
        self.bash = true;
        self.note(start, SUBSTITUTED_FILE);
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
        // The list of an object's path (`containers[*].name`): a pattern that a star fits.
        if rest.starts_with(b"*]") {
            glob(segments, "[*]");
            self.at += 3;
            return Ok(());
        }
        if is_text_bracket(segments, rest) {
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
        // bash expands braces before all else: `$x{a,b}` is `$xa $xb`.
        let mut others = segments.iter().filter_map(|s| match s {
            Segment::Expansion(text) if !text.starts_with('{') => Some(text),
            _ => None,
        });
        let first = !self.text[..self.at].ends_with('$') && others.clone().next().is_none();
        let bare = others.all(|text| text == EMPTY);
        if let Some(end) = text_braces(self.text, self.at).filter(|_| bare) {
            literal(segments, &self.text[self.at..end]);
            self.at = end;
            return Ok(());
        }
        if self.byte(1) == Some(b'}') {
            // `{}` is text by itself, but bash reads `x{}a,b}` as `x}a xb`: only plain text may follow.
            let rest = &self.text.as_bytes()[self.at + 2..];
            let next = rest
                .iter()
                .find(|b| !b.is_ascii_alphanumeric() && !b"_./:@%+=-".contains(b));
            if next.is_some_and(|b| !b" \t\n|&;<>()".contains(b)) {
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
        if first && rest.get(plain) == Some(&b'}') && (inside.contains(',') || is_sequence(inside))
        {
            // Each doubles the words, and looks at all in front of it.
            if segments.len() > MAX_BEFORE_BRACE {
                return Err(
                    self.error(self.at, "a brace expansion behind 64 other parts of a word")
                );
            }
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
}

/// `1..3`, `-2..8..2`, `a..e` (bash(1), Brace Expansion). Between `Z` and `a` stand a backquote and a backslash, which bash
/// reads: letters of both cases are none. Anything else between the braces is text, and bash goes on to look
/// for a comma behind them.
fn is_sequence(inside: &str) -> bool {
    let number = |t: &str| {
        let digits = t.strip_prefix('-').unwrap_or(t);
        (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let letters = |ends: &[&str]| {
        let all = |is: fn(&u8) -> bool| {
            ends.iter()
                .all(|t| t.len() == 1 && t.as_bytes().iter().all(is))
        };
        all(u8::is_ascii_lowercase) || all(u8::is_ascii_uppercase)
    };
    let parts: Vec<&str> = inside.split("..").collect();
    let (ends, step) = parts.split_at(parts.len().min(2));
    let alike = ends.iter().all(|t| number(t)) || letters(ends);
    ends.len() == 2 && alike && step.len() < 2 && step.iter().all(|t| number(t))
}

/// Whether a `[` opens nothing: `cut -d[`. In front of it, in an option, no name stands that a shell would take for a
/// list's; behind it, to the end of the word, there is no `]` and nothing that could become one.
fn is_text_bracket(before: &[Segment], rest: &[u8]) -> bool {
    let option = matches!(before, [Segment::Literal(text)] if text.starts_with('-'));
    let plain = |b: &&u8| b.is_ascii_alphanumeric() || b"_.,:=/%@+-".contains(*b);
    let end = rest.iter().find(|b| !plain(b));
    option && end.is_none_or(|b| b" \t\n|;&<>".contains(b))
}

/// Quotes with nothing in them. Beside an expansion they keep a word where it would be none.
const EMPTY: &str = "''";

/// Most parts of a word in front of a brace expansion.
const MAX_BEFORE_BRACE: usize = 64;

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
        push(&mut kept, segment);
    }
    kept
}
