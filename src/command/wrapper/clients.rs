//! Clients with commands of their own, by some of which they run others: sqlite3, psql, mysql, sftp, smbclient; sed and awk.
//!
//! Text of theirs in which such a command could stand must never pass unmarked.

use super::options::is_one;
use super::told::has_letter;
use crate::command::call::{Call, Redirection};
use crate::command::word::Word;

/// Whether a client's text could run a command: in a word, or from its standard input.
pub(super) fn tells_a_command(call: &Call) -> bool {
    let words = || call.words.iter().skip(1);
    let any = |runs: fn(&str) -> bool| words().any(|w| runs(&w.spelt()));
    match call.name.base.as_str() {
        "sqlite3" | "sqlite" => is_fed(call) || any(is_dot_command),
        "psql" => is_fed(call) || any(is_psql_s),
        "mysql" | "mariadb" => is_fed(call) || any(is_mysql_s),
        "sftp" | "smbclient" | "ftp" | "telnet" => {
            is_fed(call) || words().any(|w| has_letter(w.literal_prefix(), &['b']))
        }
        "sed" => is_hidden_script(call, &["-e", "--expression"], "efl"),
        "awk" | "gawk" | "mawk" | "nawk" => {
            is_hidden_script(call, &["-e", "--source"], "vFfeiE") || awk_runs(call)
        }
        _ => false,
    }
}

/// Whether text comes through a call's standard input.
fn is_fed(call: &Call) -> bool {
    let feeds = |operator: &str| operator.starts_with('<');
    let redirected = |r: &Redirection| feeds(&r.operator) && !r.harmless;
    call.pipe.index > 0 || call.redirections.iter().any(redirected)
}

/// Whether a line begins with a command of sqlite3 that is not known to run and read nothing. It takes any beginning of a name.
fn is_dot_command(text: &str) -> bool {
    const PLAIN: [&str; 18] = [
        "bail",
        "changes",
        "databases",
        "dbinfo",
        "dump",
        "echo",
        "exit",
        "fullschema",
        "header",
        "headers",
        "indexes",
        "mode",
        "quit",
        "schema",
        "show",
        "stats",
        "tables",
        "timeout",
    ];
    text.lines().any(|line| {
        let command = line.trim_start().strip_prefix('.');
        let name = command.map(|c| c.split([' ', '\t']).next().unwrap_or_default());
        name.is_some_and(|name| !PLAIN.contains(&name) && !name.starts_with('/'))
    })
}

/// `\!`, `\o |x`, `\i file`, `\copy … program`, `COPY … PROGRAM` (psql(1)).
fn is_psql_s(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let with = |command: &str| lower.contains(command);
    with("\\!")
        || with("\\i")
        || with("\\e")
        || with("\\setenv")
        || with("program")
        || with("\\") && with("|")
}

/// `\!`, `system`, `tee`, `pager`, `source`, `edit` (mysql(1)).
fn is_mysql_s(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphabetic());
    ["\\!", "\\p", "\\t", "\\.", "\\e"]
        .iter()
        .any(|c| lower.contains(c))
        || words.any(|w| matches!(w, "system" | "tee" | "pager" | "source" | "edit"))
}

/// Whether the program of awk, its first operand or behind `-e`, runs something.
fn awk_runs(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1).map(Word::spelt);
    let mut told = false;
    while let Some(word) = words.next() {
        let code = match word.as_str() {
            "-F" | "-v" => {
                words.next();
                continue;
            }
            "-e" => words.next().unwrap_or_default(),
            text if text.starts_with("-e") || text.starts_with("--s") => word,
            text if text.starts_with('-') || told => continue,
            _ => word,
        };
        told = true;
        if is_awk_s(&code) {
            return true;
        }
    }
    false
}

/// `system(…)`, `"x" | getline`, `print | "x"`, `@load` (awk(1)).
fn is_awk_s(text: &str) -> bool {
    let runs = ["system", "getline", "@load", "@include"];
    runs.iter().any(|s| text.contains(s)) || pipes(text)
}

/// Whether a `|` that is no `||` stands outside of a program's strings and patterns.
fn pipes(code: &str) -> bool {
    let mut before = '(';
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        // A pattern stands where no value is at its end, of which `/` would be the division.
        let pattern = c == '/' && "(,~!&|{};\n".contains(before);
        if c == '"' || pattern {
            while let Some(inner) = chars.next_if(|inner| *inner != c) {
                if inner == '\\' {
                    chars.next();
                }
            }
            chars.next();
        } else if c == '|' && chars.next_if_eq(&'|').is_none() {
            return true;
        }
        if !matches!(c, ' ' | '\t') {
            before = c;
        }
    }
    false
}

/// Whether the script of sed or awk is known only when it runs. `told` are the options in front of one, `valued` the letters
/// of those with a value in the next word.
fn is_hidden_script(call: &Call, told: &[&str], valued: &str) -> bool {
    let unknown = |w: &Word| w.literal().is_none() && w.literal_prefix().is_empty();
    let mut words = call.words.iter().skip(1);
    let mut given = false;
    while let Some(word) = words.next() {
        let text = word.literal_prefix();
        let script = told.iter().any(|option| text.starts_with(option));
        if !text.starts_with('-') {
            return unknown(word) && (!given || !is_one(word));
        }
        if word.literal().is_none() {
            return true;
        }
        given |= script || text.starts_with("-f") || text.starts_with("--f");
        let next = text.len() == 2 && text.ends_with(|letter| valued.contains(letter))
            || text.starts_with("--") && !text.contains('=');
        let value = if next { words.next() } else { None };
        if script && value.is_some_and(unknown) {
            return true;
        }
    }
    false
}
