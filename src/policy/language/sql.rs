//! Reading SQL statements for PostgreSQL or MySQL.
//!
//! Tokens are cut exactly; comments, backslashes, dollar quotes and client commands are refused,
//! so no dialect can see other tokens than we do. Functions and tables are allow lists.

use super::sql_words::{
    AFTER_FROM, BEFORE_PAREN, MYSQL_TABLES, PG_TABLES, REFUSED, TABLE_FUNCTIONS, TYPES, functions,
    is_in,
};
use super::{Limits, settings, sql_show};

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
                out.push(Tok::Word(text[start + 1..i].to_string()));
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
    /// Between FROM and WHERE: a comma brings another table.
    in_from: bool,
    /// `extract(epoch FROM x)`: FROM brings no table.
    from_is_part: bool,
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
                    in_from: false,
                    from_is_part: part,
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
            Tok::Op(',') if levels.last().is_some_and(|l| l.in_from) => table_at = Some(i + 1),
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
                        level.in_from = true;
                        table_at = Some(i + 1);
                    }
                } else if w == "join" && !after_dot {
                    level.in_from = true;
                    table_at = Some(i + 1);
                } else if is_in(AFTER_FROM, w) && !after_dot {
                    level.in_from = false;
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
        size(toks)
    } else {
        Err("sql: a `)` is missing".into())
    }
}

/// Most tables that one statement may name.
const MOST_TABLES: usize = 4;
/// Most texts that are put together where the result can be named and put together again.
const MOST_JOINED: usize = 6;

/// What a statement may cost: every further table multiplies the rows unless its key ties it to another, and a
/// server goes on with a statement though the client is gone.
fn size(toks: &[Tok]) -> R<()> {
    let is = |i: usize, w: &str| matches!(toks.get(i), Some(Tok::Word(t)) if t == w);
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    let count = |w: &str| (0..toks.len()).filter(|i| is(*i, w)).count();
    let crossed = (0..toks.len())
        .filter(|i| is(*i, "cross") && !unnests(toks, i + 2))
        .count();
    if crossed + count("natural") > 0 {
        return Err(
            "sql: CROSS and NATURAL joins are not accepted; write JOIN ... ON a.key = b.key".into(),
        );
    }
    // A comma in FROM is a join without its condition.
    let mut from = vec![false];
    let mut tables = 0;
    // Joins by a key of which both sides may have many.
    let mut many = 0;
    // `extract(epoch FROM x)` and `IS DISTINCT FROM` name no table.
    let mut parts = vec![false];
    for i in 0..toks.len() {
        let Some(here) = from.last_mut() else { break };
        match &toks[i] {
            Tok::Op('(') => {
                from.push(false);
                let part = ["extract", "substring", "trim"];
                parts.push(i > 0 && part.iter().any(|p| is(i - 1, p)));
            }
            Tok::Op(')') => {
                from.pop();
                parts.pop();
            }
            Tok::Op(',') if *here && !unnests(toks, i + 1) => {
                return Err(
                    "sql: a comma joins tables without a key; write JOIN ... ON a.key = b.key"
                        .into(),
                );
            }
            Tok::Word(w) if i == 0 || !op(i - 1, '.') => match w.as_str() {
                "from" if parts.last() == Some(&true) || i > 0 && is(i - 1, "distinct") => {}
                "from" => {
                    *here = true;
                    tables += 1;
                }
                "join" => {
                    tables += 1;
                    if !unnests(toks, i + 1) {
                        match keyed(toks, i + 1) {
                            Some(Key::OfOne) => {}
                            Some(Key::OfMany) => many += 1,
                            None => return Err("sql: a JOIN needs ON with the keys of both tables, such as ON a.oid = b.relid".into()),
                        }
                    }
                }
                w if is_in(AFTER_FROM, w) => *here = false,
                _ => {}
            },
            _ => {}
        }
    }
    if many > 1 {
        return Err(
            "sql: more than one JOIN by a key that many rows share; join by oid, pid or relid"
                .into(),
        );
    }
    if tables > MOST_TABLES {
        return Err(format!(
            "sql: more than {MOST_TABLES} tables in one statement"
        ));
    }
    // A SELECT in a SELECT may run once for each row; those of WITH and UNION run once.
    let inner = (1..toks.len())
        .filter(|i| is(*i, "select") && op(i - 1, '(') && (*i < 2 || !is(i - 2, "as")))
        .count();
    if inner > 2 {
        return Err("sql: more than two statements inside each other".into());
    }
    let joined = count("concat")
        + count("concat_ws")
        + count("array_to_string")
        + count("array_agg")
        + count("string_agg")
        + count("group_concat")
        + (0..toks.len())
            .filter(|i| op(*i, '|') && op(i + 1, '|'))
            .count();
    if count("select") > 1 && joined > MOST_JOINED {
        return Err("sql: texts are put together too often".into());
    }
    Ok(())
}

/// Whether `[LATERAL] unnest(` begins at `at`: the elements of an array that each row has.
fn unnests(toks: &[Tok], at: usize) -> bool {
    let is = |i: usize, w: &str| matches!(toks.get(i), Some(Tok::Word(t)) if t == w);
    let at = at + usize::from(is(at, "lateral"));
    is(at, "unnest") && toks.get(at + 1) == Some(&Tok::Op('('))
}

/// Whether `a.pid = any(pg_blocking_pids(b.pid))` stands around a `=`: few block one.
fn blocks(toks: &[Tok], at: usize) -> bool {
    let Some([Tok::Word(one), Tok::Op('.'), Tok::Word(pid)]) = toks.get(at.wrapping_sub(3)..at)
    else {
        return false;
    };
    let [
        Tok::Word(any),
        Tok::Op('('),
        Tok::Word(function),
        Tok::Op('('),
        Tok::Word(other),
        Tok::Op('.'),
        Tok::Word(own),
        Tok::Op(')'),
        Tok::Op(')'),
        ..,
    ] = toks.get(at + 1..).unwrap_or_default()
    else {
        return false;
    };
    // Each call locks all of the lock manager: once for each session, and no more.
    let from = |i: usize| matches!(toks.get(i), Some(Tok::Word(w)) if w == "from" || w == "join");
    let sessions = (0..toks.len())
        .filter(|i| from(*i))
        .all(|i| matches!(toks.get(i + 1), Some(Tok::Word(w)) if w == "pg_stat_activity"));
    any == "any"
        && function == "pg_blocking_pids"
        && pid == "pid"
        && own == "pid"
        && one != other
        && sessions
}

/// How many rows of the table that is joined one row of those before it is joined to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// One, or few.
    OfOne,
    /// Many.
    OfMany,
}

/// Whether each value of a column is there once in a table of the server's own, or a few times.
fn is_unique(table: &str, column: &str) -> bool {
    let stat = |end: &str| table.starts_with("pg_stat") && table.ends_with(end);
    let progress = table.starts_with("pg_stat_progress_");
    match column {
        "oid" => table.starts_with("pg_"),
        "pid" => table.starts_with("pg_stat_"),
        "relid" => stat("_tables") || progress,
        "indexrelid" => table == "pg_index" || stat("_indexes"),
        "datid" | "datname" => {
            is_in(
                "pg_database pg_stat_database pg_stat_database_conflicts",
                table,
            ) || progress
        }
        "slot_name" => {
            table.starts_with("pg_replication_slots") || table == "pg_stat_replication_slots"
        }
        "id" => !table.starts_with("pg_"),
        "trx_id" | "trx_mysql_thread_id" => table == "innodb_trx",
        "thread_id" | "processlist_id" => table == "threads",
        "thd_id" | "conn_id" => is_in("processlist session", table),
        "index_id" => is_in("innodb_indexes innodb_sys_indexes", table),
        "table_id" => is_in("innodb_tables innodb_sys_tables innodb_tablestats", table),
        _ => false,
    }
}

/// The table that stands between `at` and its ON or USING, without its schema, and where that is: `t`, `s.t`, `t a`,
/// `t AS a`. None where something else stands there: names for columns, or a join inside of it.
fn joined(toks: &[Tok], at: usize) -> Option<(&str, usize)> {
    let on = (at..toks.len().min(at + 8))
        .find(|i| matches!(&toks[*i], Tok::Word(w) if w == "on" || w == "using"))?;
    match toks.get(at..on)? {
        [Tok::Word(_), Tok::Op('.'), Tok::Word(t), rest @ ..] | [Tok::Word(t), rest @ ..] => {
            let plain = match rest {
                [] | [Tok::Word(_)] => true,
                [Tok::Word(a), Tok::Word(_)] => a == "as",
                _ => false,
            };
            plain.then_some((t.as_str(), on))
        }
        _ => None,
    }
}

/// The key of the join whose table stands at `at`: a condition `a.key = b.key` of its own, and no OR that goes round it.
fn keyed(toks: &[Tok], at: usize) -> Option<Key> {
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    let (table, on) = joined(toks, at)?;
    // A name that WITH gives, its columns being what the statement says.
    let given = (1..toks.len()).any(|i| {
        word(i) == table
            && i != at
            && (op(i - 1, ',') || matches!(word(i - 1), "with" | "recursive"))
    });
    let key = |w: &str| {
        ["id", "name", "relation", "namespace", "schema", "locktype"]
            .iter()
            .any(|end| w.ends_with(end))
    };
    // Of one side there must be few rows for each key: many tables share a schema.
    let own = |w: &str| {
        w.ends_with("id") || w.ends_with("name") && !w.contains("schema") || w == "locktype"
    };
    let kind = |column: &str| match !given && is_unique(table, column) {
        true => Key::OfOne,
        false => Key::OfMany,
    };
    if word(on) == "using" {
        return (op(on + 1, '(') && own(word(on + 2))).then(|| kind(word(on + 2)));
    }
    let alias = word(on - 1);
    let mut tied = None;
    let mut depth = 0usize;
    // Where a condition of its own may begin and end: turned round behind it, a key ties nothing.
    let begins = |i: usize| i == on + 1 || word(i - 1) == "and";
    let ends = |i: usize| match toks.get(i) {
        None | Some(Tok::Op(')' | ';')) => true,
        Some(Tok::Word(w)) => {
            is_in("and join inner left right full cross", w) || is_in(AFTER_FROM, w.as_str())
        }
        _ => false,
    };
    // `a.attrelid = t.oid and a.attnum = any(i.indkey)`: with its table, a column's number names one.
    let numbered = |i: usize| {
        let of = |i: usize| op(i + 1, '.') && !["", alias].contains(&word(i));
        let listed =
            word(i + 1) == "any" && op(i + 2, '(') && of(i + 3) && op(i + 6, ')') && ends(i + 7);
        table == "pg_attribute"
            && !given
            && word(i - 1) == "attnum"
            && word(i - 3) == alias
            && (listed && is_in("indkey conkey confkey", word(i + 5)) || of(i + 1) && ends(i + 4))
    };
    let (mut of_table, mut number) = (false, false);
    let mut i = on + 1;
    while i < toks.len() {
        match &toks[i] {
            Tok::Op('(') => depth += 1,
            Tok::Op(')') if depth == 0 => break,
            Tok::Op(')') => depth -= 1,
            Tok::Word(w) if matches!(w.as_str(), "or" | "between" | "case") => return None,
            Tok::Word(w) if depth == 0 && (w == "join" || is_in(AFTER_FROM, w.as_str())) => {
                break;
            }
            Tok::Op('=') if depth == 0 && i > on + 3 && begins(i - 3) && op(i - 2, '.') => {
                let (left, right) = (word(i - 1), word(i + 3));
                if ends(i + 10) && blocks(toks, i) && [word(i - 3), word(i + 5)].contains(&alias) {
                    tied = Some(Key::OfOne);
                } else if numbered(i) {
                    number = true;
                } else if ends(i + 4)
                    && op(i + 2, '.')
                    && word(i - 3) != word(i + 1)
                    && (word(i - 3) == alias || word(i + 1) == alias)
                    && key(left)
                    && key(right)
                    && (own(left) || own(right))
                {
                    let column = if word(i - 3) == alias { left } else { right };
                    of_table |= column == "attrelid";
                    if tied != Some(Key::OfOne) {
                        tied = Some(kind(column));
                    }
                }
            }
            Tok::Op('!' | '<' | '>') if op(i + 1, '=') => i += 1,
            Tok::Word(w) if w == "not" && depth == 0 && word(i - 1) != "is" => return None,
            _ => {}
        }
        i += 1;
    }
    match tied {
        Some(_) if of_table && number => Some(Key::OfOne),
        tied => tied,
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
