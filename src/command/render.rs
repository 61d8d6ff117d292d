//! The canonical form: a parse written so that bash and dash both read it back to the same words.
//!
//! Must never write a character outside of quotes that any shell could take for more than itself.

use super::call::Redirection;
use super::name::is_variable;
use super::strict::{Joint, Line, Simple, is_reserved};
use super::word::{Segment, Word};

/// The line's canonical form.
pub fn line(line: &Line) -> String {
    let mut out = String::new();
    for (index, (joint, pipeline)) in line.pipelines.iter().enumerate() {
        if index > 0 {
            out.push_str(match joint {
                Joint::And => " && ",
                Joint::Or => " || ",
                Joint::Then => "; ",
            });
        }
        for (index, command) in pipeline.iter().enumerate() {
            if index > 0 {
                out.push_str(" | ");
            }
            simple(&mut out, command);
        }
    }
    out
}

fn simple(out: &mut String, command: &Simple) {
    for assignment in &command.assignments {
        out.push_str(&assignment.name);
        out.push('=');
        if !assignment.value.segments.is_empty() {
            value(out, &assignment.value);
        }
        out.push(' ');
    }
    for (index, argument) in command.words.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        word(out, argument, index == 0);
    }
    for redirection in &command.redirections {
        out.push(' ');
        redirect(out, redirection);
    }
}

fn redirect(out: &mut String, redirection: &Redirection) {
    out.push_str(redirection.descriptor.as_deref().unwrap_or_default());
    out.push_str(&redirection.operator);
    value(out, &redirection.target);
}

/// The value of an assignment or the target of a redirection: glued to what is in front, so `[` is quoted.
pub fn value(out: &mut String, value: &Word) {
    match value.literal() {
        Some("[") => quote(out, "["),
        _ => word(out, value, false),
    }
}

/// One word. In command position a keyword or anything with `=` is quoted.
pub fn word(out: &mut String, word: &Word, command_position: bool) {
    if word.segments.is_empty() {
        out.push_str("''");
        return;
    }
    // In quotes, bash would split the value of `export NAME=…`.
    let name = if command_position { 0 } else { assigned(word) };
    let behind = word.behind(name);
    out.push_str(&word.literal_prefix()[..name]);
    for segment in &behind.segments {
        match segment {
            Segment::Glob(text) | Segment::Expansion(text) => out.push_str(text),
            Segment::Literal(text) => {
                let whole = word.segments.len() == 1;
                // `[` by itself is no pattern, and no keyword.
                let test = whole && matches!(text.as_str(), "[" | "]");
                let bare = (test || text.bytes().all(is_bare))
                    && !(command_position && whole && (text.contains('=') || is_reserved(text)));
                if bare {
                    out.push_str(text)
                } else {
                    quote(out, text)
                }
            }
        }
    }
}

/// How long `NAME=` is at the beginning of a word that is not literal.
fn assigned(word: &Word) -> usize {
    match word.literal_prefix().split_once('=') {
        Some((name, _)) if word.segments.len() > 1 && is_variable(name) => name.len() + 1,
        _ => 0,
    }
}

/// Characters that mean themselves outside of quotes in every shell, anywhere in a word.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'_' | b'@' | b'%' | b'+' | b'=' | b':' | b',' | b'.' | b'/' | b'-'
        )
}

/// In single quotes; a single quote itself as `\'`. Empty quotes stand only for empty text.
pub fn quote(out: &mut String, text: &str) {
    if text.is_empty() {
        out.push_str("''");
    }
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            out.push_str("\\'");
        }
        if !part.is_empty() {
            out.push('\'');
            out.push_str(part);
            out.push('\'');
        }
    }
}
