//! Clients with commands of their own, by some of which they run others: sqlite3, psql, mysql, sftp, smbclient; editors
//! where they take theirs from their input.
//!
//! Text of theirs in which such a command could stand must never pass unmarked.

use super::terminal::with_input;
use super::told::{has_letter, is_option};
use crate::command::call::Call;

/// Whether what stands in a client's words could run a command.
pub(super) fn tells_a_command(call: &Call) -> bool {
    let words = || call.words.iter().skip(1);
    let any = |runs: fn(&str) -> bool| words().any(|w| w.literal().is_none_or(runs));
    match call.name.base.as_str() {
        "sqlite3" | "sqlite" => any(is_sqlite_s),
        "psql" => {
            let file = |text: &str| has_letter(text, &['f']) || is_option(text, "--file");
            any(is_psql_s) || words().any(|w| file(w.literal_prefix()))
        }
        "mysql" | "mariadb" => any(is_mysql_s),
        "sftp" | "smbclient" | "ftp" | "telnet" => {
            words().any(|w| has_letter(w.literal_prefix(), &['b']))
        }
        _ => false,
    }
}

/// Those that take their commands from their input, too.
const TAKE_COMMANDS: [&str; 16] = [
    "ftp",
    "mariadb",
    "mysql",
    "nano",
    "nvim",
    "psql",
    "sftp",
    "smbclient",
    "sqlite",
    "sqlite3",
    "telnet",
    "vi",
    "view",
    "vim",
    "vim.basic",
    "vim.tiny",
];

/// The calls whose input could tell them a command.
pub(in crate::command) fn told_by_input(calls: &[Call]) -> impl Iterator<Item = usize> {
    with_input(calls, |call| {
        TAKE_COMMANDS.contains(&call.name.base.as_str())
    })
}

/// `-init FILE`, functions that run a program or load one, and commands that begin with a dot (sqlite3(1)).
fn is_sqlite_s(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut names = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let runs = |name: &str| matches!(name, "edit" | "load_extension");
    names.any(runs)
        || lower.starts_with("-init")
        || lower.starts_with("--init")
        || is_dot_command(text)
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
