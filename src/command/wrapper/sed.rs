//! The scripts of sed(1), as far as it takes to know that they run nothing.
//!
//! What is not read here must never pass for a script that runs nothing: GNU's `e`, and that flag of `s`, run commands.

use crate::command::call::Call;
use crate::command::word::Word;

/// Whether all scripts of a call of sed stand in the line, and run and read nothing.
pub(super) fn scripts_are_plain(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1).map(Word::literal);
    let mut operands = Vec::new();
    let mut given = false;
    while let Some(word) = words.next() {
        let Some(word) = word else {
            return false;
        };
        let script = match option(word) {
            Opt::Operand => {
                operands.push(word);
                continue;
            }
            Opt::Flags => continue,
            Opt::Script(text) => Some(text),
            Opt::NextScript => words.next().flatten(),
            Opt::Unread => None,
        };
        given = true;
        if !script.is_some_and(is_plain) {
            return false;
        }
    }
    given || operands.first().is_some_and(|script| is_plain(script))
}

/// What a word is to sed.
enum Opt<'a> {
    Operand,
    Flags,
    Script(&'a str),
    NextScript,
    Unread,
}

fn option(word: &str) -> Opt<'_> {
    if let Some(script) = word.strip_prefix("--expression=") {
        return Opt::Script(script);
    }
    let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
        return Opt::Operand;
    };
    let flags = letters.trim_start_matches(|c| "nrEsuz".contains(c));
    match flags.strip_prefix('e') {
        Some("") => Opt::NextScript,
        Some(script) => Opt::Script(script),
        // What follows -i is the end of a name.
        None if flags.is_empty() || flags.starts_with('i') => Opt::Flags,
        None => Opt::Unread,
    }
}

/// Whether a script is of commands that change text and nothing else.
fn is_plain(script: &str) -> bool {
    let mut rest = script.trim_start_matches([' ', '\t', ';', '{', '}']);
    while !rest.is_empty() {
        let Some(after) = address(rest).and_then(command) else {
            return false;
        };
        rest = after.trim_start_matches([' ', '\t', ';', '{', '}']);
    }
    true
}

/// What follows `ADDR`, `ADDR,ADDR`, and `!`.
fn address(text: &str) -> Option<&str> {
    let mut rest = one_address(text)?;
    if let Some(second) = rest.strip_prefix(',') {
        rest = one_address(second.trim_start_matches([' ', '+', '~']))?;
    }
    Some(rest.trim_start_matches([' ', '!']))
}

fn one_address(text: &str) -> Option<&str> {
    match text.strip_prefix('/') {
        Some(regex) => Some(delimited(regex, '/')?.trim_start_matches(['I', 'M'])),
        None => Some(text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '$' || c == '~')),
    }
}

/// What follows one command.
fn command(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    let name = chars.next()?;
    let rest = chars.as_str();
    if matches!(name, '{' | '}') {
        return Some(rest);
    }
    match name {
        'p' | 'd' | 'g' | 'G' | 'h' | 'H' | 'x' | 'n' | 'N' | 'P' | 'D' | '=' => Some(rest),
        'q' => Some(rest.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit())),
        's' | 'y' => {
            let delimiter = chars.next().filter(char::is_ascii_punctuation)?;
            let other = (delimiter != '\\').then_some(chars.as_str())?;
            let behind = delimited(delimited(other, delimiter)?, delimiter)?;
            Some(behind.trim_start_matches(|c: char| c.is_ascii_digit() || "gpiIM".contains(c)))
        }
        // Text to the end of the line.
        'a' | 'i' | 'c' => Some(""),
        // Behind a label and a blank GNU's begins the next command.
        'b' | 't' | ':' => {
            let label = rest.trim_start_matches(' ');
            let label = label.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
            (label.is_empty() || label.starts_with([';', '}'])).then_some(label)
        }
        _ => None,
    }
    .filter(|behind| !behind.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// What follows a delimiter that no backslash hides.
fn delimited(text: &str, delimiter: char) -> Option<&str> {
    let mut hidden = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            c if c == delimiter => return Some(&text[at + c.len_utf8()..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn what_changes_text_is_plain_and_what_runs_is_not() {
        for script in [
            "p",
            "1p",
            "$!d",
            "/a/,/b/p",
            "s/a/b/",
            "s|a|b|g;s,c,d,",
            "1,+3{p;d}",
            "/x/s/a/b/I",
            ":a;N;$!ba;s/\\n/ /g",
            "1i text e f",
            "/^#/d; /^$/d",
            "s/\\/e/x/",
            "2q",
            "10~5p",
            "y/ab/cd/",
        ] {
            assert!(is_plain(script), "{script}");
        }
        for script in [
            "e",
            "1e id",
            "/localhost/e head -c5",
            "1s%.*%head -c5%e",
            "s_x_y_e",
            "s=x=y=ge",
            "s&x&y&e",
            "sxaxbxe",
            "s/a/b/w /x",
            "r /etc/x",
            "w /x",
            "s/a/b",
            "\\cxce id",
            "p;e",
            "{e id}",
            "1!e",
            "s/a/b/;1e",
            "pe",
            "F",
            "$e x",
        ] {
            assert!(!is_plain(script), "{script}");
        }
    }
}
