//! Regular expressions of a policy, compiled when they are first asked: most rules that are looked at need none of theirs,
//! and compiling one costs more than deciding a line.
//!
//! Must never take one that cannot be compiled for one that does not fit: who loads a policy checks each of them.

use regex::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// Most bytes of memory that a compiled expression may take.
const MOST_BYTES: usize = 1 << 20;

/// A regular expression; equal to another by its spelling.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// One that must fit a text from end to end.
    pub fn whole(text: &str) -> Pattern {
        Pattern::part(&format!("^(?:{text})$"))
    }

    /// One that must fit somewhere in a text.
    pub fn part(text: &str) -> Pattern {
        Pattern {
            text: text.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    /// Whether it fits a text; none where it cannot be compiled.
    pub fn fits(&self, text: &str) -> Option<bool> {
        let compiled = self.compiled.get_or_init(|| self.compile().ok());
        compiled.as_ref().map(|regex| regex.is_match(text))
    }

    /// Whether it can be compiled.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        self.compile().map(|_| ())
    }

    fn compile(&self) -> Result<Regex, String> {
        RegexBuilder::new(&self.text)
            .size_limit(MOST_BYTES)
            .build()
            .map_err(|e| e.to_string())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_cannot_be_compiled_says_so_and_fits_nothing_silently() {
        let bad = Pattern::whole("a(");
        assert!(bad.check().is_err());
        assert_eq!(bad.fits("a("), None);
        assert!(Pattern::whole("(a{1000}){1000}").check().is_err());
        let good = Pattern::whole("a|b");
        assert!(good.check().is_ok());
        assert_eq!((good.fits("b"), good.fits("ab")), (Some(true), Some(false)));
        assert_eq!(Pattern::part("b").fits("abc"), Some(true));
    }
}
