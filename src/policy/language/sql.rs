//! Reading SQL statements for PostgreSQL or MySQL.
//!
//! Tokens are cut exactly; comments, backslashes, dollar quotes and client commands are refused,
//! so no dialect can see other tokens than we do. Functions and tables are allow lists.

use super::sql_words::{
    AFTER_FROM, BEFORE_PAREN, GRAMMAR, MYSQL_TABLES, PG_TABLES, REFUSED, TABLE_FUNCTIONS, TYPES,
    functions, is_in,
};
use super::{Limits, settings, sql_cost, sql_show};

type R<T> = Result<T, String>;

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// psql.
    Postgres,
    /// mysql and mariadb.
    Mysql,
    /// Those, where bare names of tables name the server's own: the database is `sys` and its like.
    MysqlCatalog,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tok {
    /// Lower case.
    Word(String),
    /// What stands between its quotes, as it is written.
    Text(String),
    Num,
    Op(char),
}

/// Most statements in one text.
const MOST_STATEMENTS: usize = 6;

/// Checks statements, or one of psql's own commands that lists what there is.
///
/// # Errors
/// The word that is not accepted.
pub fn check(dialect: Dialect, text: &str, limits: &Limits) -> R<()> {
    let mut text = text.trim();
    if dialect == Dialect::Postgres {
        if let Some(command) = text.strip_prefix('\\') {
            return sql_show::psql_command(command);
        }
    } else {
        // The client's own "print as a list", and "go".
        let ends = ["\\G", "\\g"];
        let cut = ends.iter().find_map(|end| text.strip_suffix(end));
        text = cut.unwrap_or(text).trim_end();
    }
    let toks = tokens(dialect, text)?;
    let toks = toks.strip_suffix(&[Tok::Op(';')]).unwrap_or(&toks);
    let statements: Vec<&[Tok]> = toks.split(|t| *t == Tok::Op(';')).collect();
    if statements.len() > MOST_STATEMENTS {
        return Err(format!("sql: more than {MOST_STATEMENTS} statements"));
    }
    statements
        .into_iter()
        .try_for_each(|toks| statement(dialect, toks, limits))
}

fn statement(dialect: Dialect, toks: &[Tok], limits: &Limits) -> R<()> {
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    match word(0) {
        "show" => sql_show::check(dialect, toks),
        "explain" if word(1) == "select" || word(1) == "with" => {
            select(dialect, &toks[1..], limits)
        }
        "select" | "with" => select(dialect, toks, limits),
        "" => Err("sql: a statement is expected".into()),
        w => Err(format!(
            "sql: a statement that begins with `{w}` is not accepted; only SELECT, WITH, SHOW and EXPLAIN SELECT"
        )),
    }
}

fn tokens(dialect: Dialect, text: &str) -> R<Vec<Tok>> {
    let b = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < b.len() {
        let start = i;
        let c = b[i];
        let next = b.get(i + 1).copied().unwrap_or(0);
        i += 1;
        let word_byte = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
        match c {
            b' ' | b'\t' | b'\n' => {}
            b'\'' => {
                loop {
                    match b.get(i) {
                        None | Some(b'\\' | b'\n') => {
                            return Err(format!("sql: the string at {start} is not plain"));
                        }
                        Some(b'\'') if b.get(i + 1) == Some(&b'\'') => i += 2,
                        Some(b'\'') => break,
                        Some(_) => i += 1,
                    }
                }
                let held = text[start + 1..i].to_string();
                i += 1;
                // E'..', B'..', U&'..' have rules of their own.
                if matches!(out.last(), Some(Tok::Word(_))) && start > 0 && word_byte(&b[start - 1])
                {
                    return Err(format!("sql: a prefix before the string at {start}"));
                }
                if b.get(i).is_some_and(word_byte) {
                    return Err(format!("sql: text glued to the string at {start}"));
                }
                super::check_repeats(&held).map_err(|e| format!("sql: {e}"))?;
                out.push(Tok::Text(held));
            }
            // A text in MySQL; where a server takes it for a name, it is no more than a column's.
            b'"' if dialect != Dialect::Postgres => {
                while b.get(i).is_some_and(|c| !b"\"\\\n".contains(c)) {
                    i += 1;
                }
                if b.get(i) != Some(&b'"')
                    || b.get(i + 1).is_some_and(|c| *c == b'"' || word_byte(c))
                    || (start > 0 && word_byte(&b[start - 1]))
                {
                    return Err(format!("sql: the string at {start} is not plain"));
                }
                let held = text[start..i].to_string();
                i += 1;
                super::check_repeats(&held).map_err(|e| format!("sql: {e}"))?;
                out.push(Tok::Text(held));
            }
            // A variable of MySQL's: `SHOW VARIABLES` tells them all.
            b'@' if dialect != Dialect::Postgres && next == b'@' => {
                i += 1;
                let from = i;
                while b.get(i).is_some_and(|c| word_byte(c) || *c == b'.') {
                    i += 1;
                }
                sql_show::variable(&text[from..i].to_ascii_lowercase())?;
                out.push(Tok::Num);
            }
            b'"' if dialect == Dialect::Postgres => {
                while b
                    .get(i)
                    .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'_')
                {
                    i += 1;
                }
                if b.get(i) != Some(&b'"')
                    || i == start + 1
                    || b.get(i + 1) == Some(&b'"')
                    || (start > 0 && word_byte(&b[start - 1]))
                {
                    return Err(format!("sql: the quoted name at {start} is not plain"));
                }
                let name = &text[start + 1..i];
                if [AFTER_FROM, BEFORE_PAREN, REFUSED, GRAMMAR]
                    .iter()
                    .any(|list| is_in(list, name))
                {
                    return Err(format!(
                        "sql: the quoted name at {start} is a word of the language"
                    ));
                }
                out.push(Tok::Word(name.to_string()));
                i += 1;
            }
            b'0'..=b'9' => {
                while b.get(i).is_some_and(|c| c.is_ascii_digit() || *c == b'.') {
                    i += 1;
                }
                // `1e12`, but behind a dot a name may be spelt so.
                let power = b.get(i).is_some_and(|c| matches!(c, b'e' | b'E'))
                    && b.get(i + 1).is_some_and(u8::is_ascii_digit)
                    && out.last() != Some(&Tok::Op('.'));
                if power {
                    i += 1;
                    while b.get(i).is_some_and(u8::is_ascii_digit) {
                        i += 1;
                    }
                }
                if b.get(i).is_some_and(word_byte) {
                    return Err(format!("sql: the number at {start} is not plain"));
                }
                out.push(Tok::Num);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                while b.get(i).is_some_and(word_byte) {
                    i += 1;
                }
                out.push(Tok::Word(text[start..i].to_ascii_lowercase()));
            }
            b'-' if next == b'-' => return Err(format!("sql: a comment at {start}")),
            b'/' if next == b'*' => return Err(format!("sql: a comment at {start}")),
            b':' if next == b':' && dialect == Dialect::Postgres => {
                i += 1;
                out.push(Tok::Op(':'));
            }
            b'(' | b')' | b',' | b'.' | b'*' | b'=' | b'<' | b'>' | b'+' | b'-' | b'/' | b'%'
            | b'!' | b'~' | b'|' | b';' => {
                out.push(Tok::Op(char::from(c)));
            }
            _ => {
                return Err(format!(
                    "sql: `{}` at {start} is not accepted",
                    char::from(c)
                ));
            }
        }
    }
    Ok(out)
}

/// One level of parentheses.
#[derive(Default)]
struct Level {
    /// Between FROM and WHERE.
    in_from: bool,
    /// Behind FROM, where a comma brings another table.
    tables: bool,
    /// `extract(epoch FROM x)`: FROM brings no table.
    from_is_part: bool,
}

/// Whether from the word at `i` on a comma brings no table: a list of columns begins, or two numbers. A word alone might
/// be a table's other name.
pub(super) fn lists(toks: &[Tok], i: usize) -> bool {
    match (&toks[i], toks.get(i + 1)) {
        (Tok::Word(w), Some(Tok::Word(by))) if w == "group" || w == "order" => by == "by",
        (Tok::Word(w), Some(Tok::Num)) => w == "limit",
        (Tok::Word(w), _) => w == "select",
        _ => false,
    }
}

fn select(dialect: Dialect, toks: &[Tok], limits: &Limits) -> R<()> {
    let functions = functions(dialect);
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => Some(w.as_str()),
        _ => None,
    };
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    // Names given by WITH x AS (...).
    let mut given: Vec<&str> = Vec::new();
    for i in 0..toks.len() {
        if let (Some(n), Some("as"), true) = (word(i), word(i + 1), op(i + 2, '(')) {
            given.push(n);
        }
    }
    if word(0) != Some("with") {
        given.clear();
    }
    if dialect == Dialect::Postgres {
        settings::check(toks)?;
    }
    sql_show::columns(dialect, toks)?;
    let mut levels = vec![Level::default()];
    let mut i = 0;
    while i < toks.len() {
        let mut table_at = None;
        match &toks[i] {
            Tok::Op('(') => {
                let caller = if i > 0 { word(i - 1) } else { None };
                let part = matches!(caller, Some("extract" | "substring" | "trim"));
                // Only a subquery may stand where a table is expected.
                levels.push(Level {
                    from_is_part: part,
                    ..Level::default()
                });
                if levels.len() > 20 {
                    return Err("sql: nested too deeply".into());
                }
            }
            Tok::Op(')') => {
                levels.pop();
                if levels.is_empty() {
                    return Err("sql: a `)` too many".into());
                }
            }
            Tok::Op(',') if levels.last().is_some_and(|l| l.tables) => table_at = Some(i + 1),
            // Where a server takes "x" for a name, this would be a call.
            Tok::Text(_) if op(i + 1, '(') => {
                return Err("sql: a string before `(`".into());
            }
            Tok::Op(':') if !word(i + 1).is_some_and(|t| is_in(TYPES, t)) => {
                return Err("sql: this type after `::` is not accepted".into());
            }
            Tok::Word(w) => {
                let w = w.as_str();
                let after_dot = i > 0 && op(i - 1, '.');
                if !after_dot && is_in(REFUSED, w) {
                    return Err(format!("sql: `{w}` is not accepted"));
                }
                // `unnest(x) b(pid)`: names for what the function gives.
                let named = i > 1
                    && levels.last().is_some_and(|l| l.in_from)
                    && (op(i - 1, ')') || word(i - 1) == Some("as") && op(i - 2, ')'));
                if op(i + 1, '(') && !named {
                    let called = !is_in(BEFORE_PAREN, w);
                    let schema = word(i.wrapping_sub(2));
                    let own = !after_dot
                        || schema == Some("pg_catalog")
                        || dialect != Dialect::Postgres && schema == Some("sys");
                    if after_dot && !own || called && !is_in(functions, w) {
                        return Err(format!("sql: function `{w}` is not accepted"));
                    }
                }
                // Names of the server's own functions and secret tables anywhere else.
                let reserved =
                    w.starts_with("pg_") || w.starts_with("lo_") || w.starts_with("dblink");
                let known = is_in(PG_TABLES, w)
                    || w.starts_with("pg_stat")
                    || is_in(functions, w)
                    || w == "pg_catalog";
                if dialect == Dialect::Postgres
                    && reserved
                    && (!known || w.contains("pg_statistic"))
                {
                    return Err(format!("sql: `{w}` is not accepted"));
                }
                let level = levels.last_mut().ok_or("sql: a `)` too many")?;
                if w == "from" && !level.from_is_part && !after_dot {
                    let distinct = i >= 2
                        && word(i - 1) == Some("distinct")
                        && matches!(word(i - 2), Some("is" | "not"));
                    if !distinct {
                        (level.in_from, level.tables) = (true, true);
                        table_at = Some(i + 1);
                    }
                } else if w == "join" && !after_dot {
                    (level.in_from, level.tables) = (true, true);
                    table_at = Some(i + 1);
                } else if is_in(AFTER_FROM, w) && !after_dot {
                    level.in_from = false;
                    level.tables &= !lists(toks, i);
                }
            }
            _ => {}
        }
        if let Some(t) = table_at {
            table(dialect, toks, t, &given, limits)?;
        }
        i += 1;
    }
    if levels.len() == 1 {
        sql_cost::check(toks)
    } else {
        Err("sql: a `)` is missing".into())
    }
}

fn table(dialect: Dialect, toks: &[Tok], at: usize, given: &[&str], limits: &Limits) -> R<()> {
    let lateral = matches!(toks.get(at), Some(Tok::Word(w)) if w == "lateral");
    let at = at + usize::from(lateral);
    if dialect == Dialect::Postgres
        && let [Tok::Word(called), Tok::Op('('), ..] = toks.get(at..).unwrap_or_default()
        && is_in(TABLE_FUNCTIONS, called)
    {
        return Ok(());
    }
    let name = match toks.get(at) {
        Some(Tok::Op('(')) if matches!(toks.get(at + 1), Some(Tok::Word(w)) if w == "select") => {
            return Ok(());
        }
        Some(Tok::Word(w)) => w.as_str(),
        _ => return Err("sql: a table is expected after FROM, JOIN or a comma".into()),
    };
    let dotted = toks.get(at + 1) == Some(&Tok::Op('.'));
    let full = match toks.get(at + 2) {
        Some(Tok::Word(t)) if dotted => format!("{name}.{t}"),
        _ if dotted => return Err("sql: a table name is expected after the dot".into()),
        _ => name.to_string(),
    };
    let end = if dotted { at + 3 } else { at + 1 };
    if matches!(toks.get(end), Some(Tok::Op('(' | '.'))) {
        return Err(format!("sql: `{full}` is not a plain table"));
    }
    let ok = limits.tables.iter().any(|t| t.eq_ignore_ascii_case(&full))
        || !dotted && given.contains(&name)
        || match dialect {
            Dialect::Postgres => {
                let bare = full.strip_prefix("pg_catalog.").unwrap_or(&full);
                is_in(PG_TABLES, bare)
                    || bare.starts_with("pg_stat_") && !bare.contains('.')
                    || bare.starts_with("pg_statio_") && !bare.contains('.')
                    || full.starts_with("information_schema.") && !full.contains("user_mapping")
            }
            Dialect::Mysql | Dialect::MysqlCatalog => {
                // The last reads all of the buffer pool, for which the server stands still (MySQL's manual, InnoDB
                // INFORMATION_SCHEMA Buffer Pool Tables).
                let secret = [
                    "user_variables_by_thread",
                    "keyring",
                    "innodb_buffer_page",
                    // Values and words of users' tables.
                    "column_statistics",
                    "innodb_ft_",
                ];
                let own = match full.split_once('.') {
                    None => dialect == Dialect::MysqlCatalog,
                    Some(("mysql", table)) => table == "user" || is_in(MYSQL_TABLES, table),
                    Some((schema, _)) => {
                        matches!(schema, "information_schema" | "performance_schema" | "sys")
                    }
                };
                own && !secret.iter().any(|s| full.contains(s))
            }
        };
    if ok {
        Ok(())
    } else {
        Err(format!("sql: table `{full}` is not one this rule may read"))
    }
}
