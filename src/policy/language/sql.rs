//! One reading SQL statement for PostgreSQL or MySQL.
//!
//! Tokens are cut exactly; comments, backslashes, dollar quotes and client commands are refused,
//! so no dialect can see other tokens than we do. Functions and tables are allow lists.

use super::{Limits, settings};

type R<T> = Result<T, String>;

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// psql.
    Postgres,
    /// mysql and mariadb.
    Mysql,
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

const FUNCTIONS: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "now",
    "version",
    "coalesce",
    "nullif",
    "round",
    "floor",
    "ceil",
    "abs",
    "greatest",
    "least",
    "extract",
    "date_trunc",
    "date_part",
    "age",
    "to_char",
    "length",
    "lower",
    "upper",
    "substring",
    "left",
    "right",
    "trim",
    "concat",
    "row_number",
    "rank",
    "lag",
    "lead",
    "current_database",
    "current_setting",
    "pg_size_pretty",
    "pg_database_size",
    "pg_total_relation_size",
    "pg_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_tablespace_size",
    "pg_is_in_recovery",
    "pg_postmaster_start_time",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_current_wal_lsn",
    "pg_wal_lsn_diff",
    "pg_blocking_pids",
    "pg_backend_pid",
    "pg_get_userbyid",
    "pg_conf_load_time",
    "inet_server_addr",
    "array_length",
    "string_agg",
    "clock_timestamp",
    "format_type",
    "pg_encoding_to_char",
];
const MYSQL_FUNCTIONS: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "now",
    "version",
    "coalesce",
    "ifnull",
    "nullif",
    "round",
    "floor",
    "ceil",
    "abs",
    "greatest",
    "least",
    "database",
    "schema",
    "user",
    "concat",
    "date_format",
    "unix_timestamp",
    "from_unixtime",
    "timestampdiff",
    "length",
    "char_length",
    "lower",
    "upper",
    "substring",
    "left",
    "right",
    "trim",
    "group_concat",
    "format",
    "if",
    "datediff",
    "date",
    "curdate",
];
/// Words that stand before `(` without calling anything.
const BEFORE_PAREN: &[&str] = &[
    "in",
    "and",
    "or",
    "not",
    "as",
    "over",
    "filter",
    "exists",
    "any",
    "all",
    "where",
    "on",
    "select",
    "distinct",
    "union",
    "by",
    "using",
    "when",
    "then",
    "else",
    "case",
    "join",
    "except",
    "intersect",
    "having",
    "limit",
    "from",
    "between",
    "like",
    "is",
    "with",
];
const REFUSED: &[&str] = &[
    "into",
    "for",
    "insert",
    "update",
    "delete",
    "merge",
    "replace",
    "create",
    "drop",
    "alter",
    "truncate",
    "copy",
    "call",
    "do",
    "set",
    "reset",
    "grant",
    "revoke",
    "lock",
    "vacuum",
    "analyze",
    "analyse",
    "execute",
    "prepare",
    "deallocate",
    "notify",
    "listen",
    "unlisten",
    "load",
    "import",
    "refresh",
    "reindex",
    "cluster",
    "comment",
    "security",
    "outfile",
    "dumpfile",
    "procedure",
    "handler",
    "table",
    "values",
    "begin",
    "commit",
    "rollback",
    "start",
    "savepoint",
    "declare",
    "fetch",
    "move",
    "discard",
    "only",
    "lateral",
    "rows",
    "tablesample",
    "recursive",
    "cast",
    "collate",
    "operator",
    "kill",
    "flush",
    "shutdown",
    "install",
    "uninstall",
    "use",
    "optimize",
    "repair",
    "rename",
    "purge",
    "change",
    "stop",
    "xa",
    "window",
    "share",
    "uescape",
    "variadic",
    "xmltable",
    "json_table",
    "rowcount",
    "straight_join",
    "sql_calc_found_rows",
];
const TYPES: &[&str] = &[
    "text",
    "int",
    "integer",
    "bigint",
    "numeric",
    "float",
    "regclass",
    "regnamespace",
    "oid",
    "interval",
    "date",
    "timestamp",
    "timestamptz",
    "name",
    "varchar",
    "bool",
    "boolean",
];
const PG_TABLES: &[&str] = &[
    "pg_locks",
    "pg_database",
    "pg_class",
    "pg_namespace",
    "pg_tables",
    "pg_indexes",
    "pg_index",
    "pg_views",
    "pg_matviews",
    "pg_settings",
    "pg_roles",
    "pg_replication_slots",
    "pg_extension",
    "pg_available_extensions",
    "pg_tablespace",
    "pg_attribute",
    "pg_constraint",
    "pg_type",
    "pg_sequences",
    "pg_prepared_xacts",
    "pg_cursors",
    "pg_am",
    "pg_trigger",
    "pg_publication",
    "pg_inherits",
];
/// From these a word ends the list of tables.
const AFTER_FROM: &[&str] = &[
    "where",
    "group",
    "order",
    "having",
    "limit",
    "offset",
    "union",
    "except",
    "intersect",
    "select",
];

/// Checks one statement.
///
/// # Errors
/// The word that is not accepted.
pub fn check(dialect: Dialect, text: &str, limits: &Limits) -> R<()> {
    let mut text = text.trim();
    if dialect == Dialect::Mysql {
        // The client's own "print as a list".
        text = text.strip_suffix("\\G").unwrap_or(text).trim_end();
    }
    let text = text.strip_suffix(';').unwrap_or(text);
    let toks = tokens(dialect, text)?;
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    match word(0) {
        "show" => show(dialect, &toks),
        "explain" if word(1) == "select" || word(1) == "with" => {
            select(dialect, &toks[1..], limits)
        }
        "select" | "with" => select(dialect, &toks, limits),
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
            // A text in MySQL's SHOW ... LIKE "x"; where it stands for a name instead, that is an error there.
            b'"' if dialect == Dialect::Mysql
                && matches!(out.first(), Some(Tok::Word(w)) if w == "show") =>
            {
                while b
                    .get(i)
                    .is_some_and(|c| c.is_ascii_alphanumeric() || b"_%-.".contains(c))
                {
                    i += 1;
                }
                if b.get(i) != Some(&b'"') || b.get(i + 1) == Some(&b'"') {
                    return Err(format!("sql: the string at {start} is not plain"));
                }
                i += 1;
                out.push(Tok::Text(text[start + 1..i - 1].to_string()));
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
            | b'!' | b'~' | b'|' => {
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

fn show(dialect: Dialect, toks: &[Tok]) -> R<()> {
    let words: Vec<&str> = toks
        .iter()
        .map(|t| match t {
            Tok::Word(w) => w.as_str(),
            Tok::Text(_) => "'",
            Tok::Num => "1",
            Tok::Op('.') => ".",
            Tok::Op(_) => "?",
        })
        .collect();
    let rest = &words[1..];
    let ok = match dialect {
        Dialect::Postgres => match rest {
            [w] => settings::is_open(w),
            _ => false,
        },
        Dialect::Mysql => {
            let rest = match rest {
                ["full" | "global" | "session", r @ ..] => r,
                r => r,
            };
            let rest = match rest {
                [r @ .., "like", "'"] => r,
                [r @ .., "from" | "in", t]
                    if *t != "?" && matches!(r, ["tables" | "table"] | ["table", "status"]) =>
                {
                    r
                }
                r => r,
            };
            matches!(
                rest,
                ["processlist"
                    | "status"
                    | "variables"
                    | "engines"
                    | "databases"
                    | "schemas"
                    | "tables"
                    | "warnings"
                    | "errors"
                    | "plugins"
                    | "replicas"]
                    | ["engine", "innodb", "status"]
                    | ["replica" | "slave" | "master" | "table", "status"]
                    | ["binary", "logs"]
                    | ["binary", "log", "status"]
                    | ["open", "tables"]
                    | ["all", "slaves", "status"]
                    | ["index" | "columns", "from", _]
            )
        }
    };
    if ok {
        Ok(())
    } else {
        Err(format!("sql: `{}` is not accepted", words.join(" ")))
    }
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
    let functions = if dialect == Dialect::Postgres {
        FUNCTIONS
    } else {
        MYSQL_FUNCTIONS
    };
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
            Tok::Op(':') if !word(i + 1).is_some_and(|t| TYPES.contains(&t)) => {
                return Err("sql: this type after `::` is not accepted".into());
            }
            Tok::Word(w) => {
                let w = w.as_str();
                let after_dot = i > 0 && op(i - 1, '.');
                if !after_dot && REFUSED.contains(&w) {
                    return Err(format!("sql: `{w}` is not accepted"));
                }
                if op(i + 1, '(') {
                    let called = !BEFORE_PAREN.contains(&w);
                    let own = !after_dot || word(i.wrapping_sub(2)) == Some("pg_catalog");
                    if after_dot && !own || called && !functions.contains(&w) {
                        return Err(format!("sql: function `{w}` is not accepted"));
                    }
                }
                // Names of the server's own functions and secret tables anywhere else.
                let reserved =
                    w.starts_with("pg_") || w.starts_with("lo_") || w.starts_with("dblink");
                let known = PG_TABLES.contains(&w)
                    || w.starts_with("pg_stat")
                    || functions.contains(&w)
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
                } else if AFTER_FROM.contains(&w) && !after_dot {
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
    if count("cross") + count("natural") > 0 {
        return Err(
            "sql: CROSS and NATURAL joins are not accepted; write JOIN ... ON a.key = b.key".into(),
        );
    }
    // A comma in FROM is a join without its condition.
    let mut from = vec![false];
    let mut tables = 0;
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
            Tok::Op(',') if *here => {
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
                    if !keyed(toks, i + 1) {
                        return Err("sql: a JOIN needs ON with the keys of both tables, such as ON a.oid = b.relid".into());
                    }
                }
                w if AFTER_FROM.contains(&w) => *here = false,
                _ => {}
            },
            _ => {}
        }
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

/// Whether the join whose table stands at `at` has a condition `a.key = b.key`, and no OR that goes round it.
fn keyed(toks: &[Tok], at: usize) -> bool {
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    // What is joined must be a plain table, whose name stands before ON.
    if op(at, '(') {
        return false;
    }
    let Some(on) = (at..toks.len().min(at + 8)).find(|i| matches!(word(*i), "on" | "using")) else {
        return false;
    };
    let key = |w: &str| {
        ["id", "name", "relation", "namespace", "schema", "locktype"]
            .iter()
            .any(|end| w.ends_with(end))
    };
    // Of one side there must be few rows for each key: many tables share a schema.
    let own = |w: &str| {
        w.ends_with("id") || w.ends_with("name") && !w.contains("schema") || w == "locktype"
    };
    if word(on) == "using" {
        return op(on + 1, '(') && own(word(on + 2));
    }
    let mut depth = 0usize;
    let mut tied = false;
    let mut i = on + 1;
    while i < toks.len() {
        match &toks[i] {
            Tok::Op('(') => depth += 1,
            Tok::Op(')') if depth == 0 => break,
            Tok::Op(')') => depth -= 1,
            Tok::Word(w) if w == "or" => return false,
            Tok::Word(w) if depth == 0 && (w == "join" || AFTER_FROM.contains(&w.as_str())) => {
                break;
            }
            Tok::Op('=')
                if i > on + 3
                    && op(i - 2, '.')
                    && op(i + 2, '.')
                    && (matches!(toks.get(i - 4), Some(Tok::Word(_))) || op(i - 4, '('))
                    && !matches!(toks.get(i + 4), Some(Tok::Op(c)) if *c != ')')
                    && word(i - 3) != word(i + 1)
                    && (word(i - 3) == word(on - 1) || word(i + 1) == word(on - 1))
                    && key(word(i - 1))
                    && key(word(i + 3))
                    && (own(word(i - 1)) || own(word(i + 3))) =>
            {
                tied = true;
            }
            Tok::Op('!' | '<' | '>') if op(i + 1, '=') => i += 1,
            Tok::Word(w) if w == "not" && depth == 0 && word(i - 1) != "is" => return false,
            _ => {}
        }
        i += 1;
    }
    tied
}

fn table(dialect: Dialect, toks: &[Tok], at: usize, given: &[&str], limits: &Limits) -> R<()> {
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
                PG_TABLES.contains(&bare)
                    || bare.starts_with("pg_stat_") && !bare.contains('.')
                    || bare.starts_with("pg_statio_") && !bare.contains('.')
                    || full.starts_with("information_schema.") && !full.contains("user_mapping")
            }
            Dialect::Mysql => {
                full.starts_with("information_schema.")
                    || full.starts_with("performance_schema.")
                    || full.starts_with("sys.")
            }
        };
    if ok {
        Ok(())
    } else {
        Err(format!("sql: table `{full}` is not one this rule may read"))
    }
}
