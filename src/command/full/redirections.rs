//! Redirections (POSIX 2.7), and bash's `<<<`, `&>`, `>&FILE`.

use super::Parser;
use crate::command::ReadError;
use crate::command::call::{Redirection, is_harmless};
use crate::command::word::Word;

impl Parser<'_> {
    /// A redirection, if one begins here.
    pub(super) fn redirection_here(&mut self) -> Result<Option<Redirection>, ReadError> {
        let start = self.at;
        let digits = self.text.as_bytes()[start..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let sign = self.byte(digits);
        if !matches!(sign, Some(b'<' | b'>')) {
            if digits == 0 && sign == Some(b'&') && self.byte(1) == Some(b'>') {
                self.bash = true;
                return self.redirection(None, start).map(Some);
            }
            return Ok(None);
        }
        match digits {
            0 if self.byte(1) == Some(b'(') => return Ok(None),
            0 | 1 => {}
            // dash takes one digit.
            _ => return Err(self.error(start, "a file descriptor above 9")),
        }
        let descriptor = (digits == 1).then(|| self.text[start..=start].to_owned());
        self.at += digits;
        self.redirection(descriptor, start).map(Some)
    }

    fn redirection(
        &mut self,
        descriptor: Option<String>,
        start: usize,
    ) -> Result<Redirection, ReadError> {
        let operators = [
            "&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">|", ">&", ">",
        ];
        let operator = operators
            .into_iter()
            .find(|o| self.starts(o))
            .unwrap_or(">");
        // bash 5.2 writes a substitution, and a function that it exports, anew: as `<>FILE`, of descriptor 0.
        if operator == "<>" && descriptor.as_deref() == Some("1") {
            return Err(self.error(start, "`1<>`: some shells take it for `<>`; write `>>`"));
        }
        self.at += operator.len();
        self.blanks()?;
        let at = self.at;
        let substitution = matches!(self.peek(), Some(b'<' | b'>')) && self.byte(1) == Some(b'(');
        if matches!(
            self.peek(),
            None | Some(b'|' | b'&' | b';' | b'\n' | b'(' | b')' | b'<' | b'>' | b'#')
        ) && !substitution
        {
            return Err(self.error(at, "a redirection without a target"));
        }
        let token = self.word()?;
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        // Also behind `>&`: of `2>&1>x` bash takes the `1` for the target, dash does not.
        if matches!(self.peek(), Some(b'<' | b'>')) && token.word.literal().is_some_and(digits) {
            return Err(self.error(at, "a number that belongs to the next redirection"));
        }
        // bash closes for `>&-` and for `>&'-'`, not for `>&\-`.
        if operator.ends_with('&') && token.quoted {
            return Err(self.error(at, "quotes behind `>&`: write the descriptor without"));
        }
        let target = match operator {
            "<<" | "<<-" => self.document(token.word, token.quoted, operator == "<<-", at)?,
            "<&" | ">&" => self.duplicated(operator, &descriptor, token.word, at)?,
            "<<<" => {
                self.bash = true;
                token.word
            }
            _ => token.word,
        };
        let harmless = is_harmless(operator, descriptor.as_deref(), &target);
        if !harmless {
            self.note(start, "a redirection");
        }
        let span = self.since(start);
        Ok(Redirection {
            operator: operator.to_owned(),
            descriptor,
            target,
            harmless,
            span,
        })
    }

    /// The target of `>&` and `<&`: a descriptor or `-`; to bash `>&FILE` is `&>FILE`.
    fn duplicated(
        &mut self,
        operator: &str,
        descriptor: &Option<String>,
        target: Word,
        at: usize,
    ) -> Result<Word, ReadError> {
        match target.literal() {
            Some(text)
                if text == "-" || (text.len() == 1 && text.as_bytes()[0].is_ascii_digit()) =>
            {
                Ok(target)
            }
            Some(text)
                if operator == ">&"
                    && descriptor.is_none()
                    && !text.starts_with('-')
                    && !text.ends_with('-')
                    && !text.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                self.bash = true;
                Ok(target)
            }
            _ => Err(self.error(at, "a descriptor that is not one plain digit or `-`")),
        }
    }
}
