//! `SHOW`, psql's own commands, and tables of which some columns only may be read.
//!
//! Must never let through what shows a password: settings of a server's own, options of foreign servers, hashes.

use super::settings;
use super::sql::{Dialect, Tok};
use super::sql_words::{PGBOUNCER, is_in};

type R = Result<(), String>;

/// psql's commands that list what there is (`\dt+ public.*`), without their backslash. None of another kind, and
/// none that shows options or sources: `\des+`, `\deu+`, `\dRs+`, `\drds`, `\dconfig`, `\df+`, `\sf`.
pub(super) fn psql_command(text: &str) -> R {
    const LISTS: &str = "l list d dt di ds dv dm dn du dg dx db df da dT dD dC dc do dO dL dp z dP dA dAc dAf dAo dAp dy dX dF dRp conninfo encoding";
    let refused = || Err(format!("sql: the command `\\{text}` is not accepted"));
    let mut words = text.split([' ', '\t']).filter(|w| !w.is_empty());
    let Some(name) = words.next() else {
        return refused();
    };
    let base = name.trim_end_matches(['+', 'S', 'x']);
    // `\dtvS`: several kinds at once.
    let kinds = base
        .strip_prefix('d')
        .is_some_and(|k| k.bytes().all(|b| b"tvmsi".contains(&b)));
    let source = matches!(base, "df" | "da" | "do" | "dy") && name.contains('+');
    let known = kinds || is_in(LISTS, base) || is_in(LISTS, name);
    let plain = |w: &str| {
        w.len() <= 128
            && w.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.*?".contains(&b))
    };
    if !known
        || source
        || name.len() > 8 && name != "conninfo"
        || !words.clone().all(plain)
        || words.count() > 2
    {
        return refused();
    }
    Ok(())
}

/// A variable of MySQL's behind `@@`.
pub(super) fn variable(name: &str) -> R {
    let secret = ["report_password", "init_", "auth", "passphrase", "secret"];
    if name.is_empty() || name.ends_with('.') || secret.iter().any(|s| name.contains(s)) {
        return Err(format!("sql: the variable `@@{name}` is not accepted"));
    }
    Ok(())
}

/// Checks a SHOW statement.
///
/// # Errors
/// Says what is not accepted.
pub(super) fn check(dialect: Dialect, toks: &[Tok]) -> R {
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
    let rest = words.get(1..).unwrap_or_default();
    let ok = match dialect {
        Dialect::Postgres => match rest {
            [w] => settings::is_open(w) || is_in(PGBOUNCER, w),
            ["time", "zone"] | ["transaction", "isolation", "level"] | ["pools", "extended"] => {
                true
            }
            _ => false,
        },
        Dialect::Mysql | Dialect::MysqlCatalog => password(toks).is_ok() && mysql(toks, rest),
    };
    if ok {
        Ok(())
    } else {
        Err(format!("sql: `{}` is not accepted", words.join(" ")))
    }
}

/// The words behind MySQL's SHOW. Not what shows passwords or hashes (`GRANTS`, `CREATE TABLE` of another server's,
/// `SLAVE HOSTS`) or rows (`BINLOG EVENTS`).
fn mysql(toks: &[Tok], rest: &[&str]) -> bool {
    let rest = match rest {
        ["full" | "global" | "session" | "local" | "extended", r @ ..] => r,
        r => r,
    };
    let at = rest.iter().position(|w| *w == "where");
    let rest = match (rest, at) {
        (_, Some(at)) if condition(&toks[toks.len() - (rest.len() - at) + 1..]) => &rest[..at],
        (_, Some(_)) => return false,
        ([r @ .., "like", "'"], None) => r,
        (r, None) => r,
    };
    // Of which table and database.
    let place = |r: &[&str]| {
        matches!(
            r,
            [] | ["from" | "in", _]
                | ["from" | "in", _, "from" | "in", _]
                | ["from" | "in", _, ".", _]
        ) && !r.contains(&"?")
            && !r.contains(&"'")
    };
    matches!(
        rest,
        ["processlist"
            | "status"
            | "variables"
            | "engines"
            | "databases"
            | "schemas"
            | "warnings"
            | "errors"
            | "plugins"
            | "privileges"
            | "profiles"
            | "charset"
            | "collation"
            | "user_statistics"
            | "client_statistics"
            | "index_statistics"
            | "table_statistics"]
            | ["storage", "engines"]
            | ["character", "set"]
            | ["engine", "innodb", "status" | "mutex"]
            | ["engine", "performance_schema", "status"]
            | ["replica" | "slave" | "master" | "binlog", "status"]
            | ["replica" | "slave", "status", "for", "channel", "'"]
            | ["all", "slaves" | "replicas", "status"]
            | ["binary" | "master", "logs"]
            | ["binary", "log", "status"]
            | ["function" | "procedure", "status"]
    ) || match rest {
        ["open", "tables", r @ ..]
        | ["table", "status", r @ ..]
        | ["tables" | "events", r @ ..] => place(r),
        ["index" | "indexes" | "keys" | "columns" | "fields", r @ ..] => !r.is_empty() && place(r),
        _ => false,
    }
}

/// `Variable_name IN ('a', 'b') AND Value > 0`: names, texts and numbers, and no call.
fn condition(toks: &[Tok]) -> bool {
    !toks.is_empty()
        && toks.iter().enumerate().all(|(i, t)| match t {
            Tok::Op('(') => i > 0 && matches!(&toks[i - 1], Tok::Word(w) if w == "in" || w == "and" || w == "or" || w == "not"),
            Tok::Op(c) => "),=<>!".contains(*c),
            Tok::Word(w) => w != "select" && w != "exists",
            Tok::Text(_) | Tok::Num => true,
        })
}

/// Nobody asks for the one variable of MySQL's that is a password: by its name, it would be shown alone.
fn password(toks: &[Tok]) -> R {
    let named = |t: &Tok| matches!(t, Tok::Text(x) if x.to_ascii_lowercase().contains("report_p"));
    match toks.iter().any(named) {
        true => Err("sql: `report_password` is not accepted".into()),
        false => Ok(()),
    }
}

/// Tables that hold passwords beside what may be read: who speaks of them names the columns, and nothing else.
pub(super) fn columns(dialect: Dialect, toks: &[Tok]) -> R {
    if dialect != Dialect::Postgres {
        password(toks)?;
    }
    let has = |w: &str| toks.iter().any(|t| matches!(t, Tok::Word(x) if x == w));
    if dialect == Dialect::Postgres {
        if has("pg_hba_file_rules") {
            let open = "rule_number file_name line_number type database user_name address netmask auth_method error";
            return only(toks, "pg_catalog", "pg_hba_file_rules", &|w| is_in(open, w));
        }
    } else if toks.windows(3).any(
        |w| matches!(w, [Tok::Word(a), Tok::Op('.'), Tok::Word(b)] if a == "mysql" && b == "user"),
    ) {
        let open = "user host plugin account_locked password_expired password_last_changed password_lifetime is_role default_role max_connections max_user_connections max_questions max_updates";
        // Where a server takes "x" for a name, it could be that of a hash.
        if toks
            .iter()
            .any(|t| matches!(t, Tok::Text(x) if x.starts_with('"')))
        {
            return Err("sql: of this table write texts in single quotes".into());
        }
        return only(toks, "mysql", "user", &|w| {
            is_in(open, w) || w.ends_with("_priv")
        });
    }
    Ok(())
}

/// `SELECT columns FROM table [WHERE …]` of open columns: no other name, so no whole row under another name.
fn only(toks: &[Tok], schema: &str, table: &str, open: &dyn Fn(&str) -> bool) -> R {
    const AROUND: &str = "select distinct from where and or not in is null like between order by asc desc limit offset group having count true false";
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    let from = toks
        .iter()
        .position(|t| matches!(t, Tok::Word(w) if w == "from"))
        .unwrap_or(0);
    let named = from
        + if word(from + 1) == schema && op(from + 2, '.') {
            3
        } else {
            1
        };
    let ok = |i: usize| match &toks[i] {
        Tok::Word(_) if i == named => word(i) == table,
        Tok::Word(_) if i > from && i < named => true,
        Tok::Word(w) => is_in(AROUND, w) || open(w),
        Tok::Op('*') => i > 1 && op(i - 1, '(') && word(i - 2) == "count",
        Tok::Op('.' | ':') => i > from && i < named,
        _ => true,
    };
    let once = toks
        .iter()
        .filter(|t| matches!(t, Tok::Word(w) if w == "from" || w == "select"))
        .count()
        == 2;
    match (0..toks.len()).find(|i| !ok(*i)) {
        None if once && from > 0 => Ok(()),
        _ => Err(format!(
            "sql: of `{table}` columns without passwords are accepted, by their names"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::sql::{self, Dialect};

    fn all(dialect: Dialect, good: &[&str], bad: &[&str]) {
        for text in good {
            let got = sql::check(dialect, text, &Limits::default());
            assert!(got.is_ok(), "{text}: {got:?}");
        }
        for text in bad {
            assert!(
                sql::check(dialect, text, &Limits::default()).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn what_psql_lists_is_listed_and_nothing_is_run() {
        all(
            Dialect::Postgres,
            &[
                r"\l",
                r"\l+",
                r"\dt",
                r"\dt+ public.*",
                r"\dx",
                r"\dn+",
                r"\du",
                r"\d orders",
                r"\dtvS+",
                r"\conninfo",
                r"\dS+",
                r"\di+ *.orders_*",
                "show pools",
                "SHOW max_connections; SHOW shared_buffers;",
                "select line_number, type, auth_method from pg_hba_file_rules where error is not null order by 1",
                "select count(*) from pg_catalog.pg_hba_file_rules",
                "select b.pid, now()-a.query_start from pg_stat_activity a join lateral unnest(pg_blocking_pids(a.pid)) b(pid) on true join pg_stat_activity k on k.pid = b.pid",
                "select a.pid, x from pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) as x",
                "select count(*), sum(size)/1e6 from pg_ls_waldir()",
            ],
            &[
                r"\! id",
                r"\dt \! id",
                r"\dt `id`",
                r"\dt | id",
                r"\o /tmp/x",
                r"\copy t to '/tmp/x'",
                r"\i /tmp/x",
                r"\g /tmp/x",
                r"\w /tmp/x",
                r"\watch 1",
                r"\e",
                r"\des+",
                r"\deu+",
                r"\dew",
                r"\dRs+",
                r"\drds",
                r"\dconfig",
                r"\df+",
                r"\sf f",
                r"\dt :x",
                r"\dt\! id",
                r"\",
                r"\dt a b c",
                "show fds",
                "show config",
                "show all",
                "select 1; drop table x",
                "select 1;; select 2",
                "select * from pg_hba_file_rules",
                "select options from pg_hba_file_rules",
                "select h from pg_hba_file_rules h",
                "select pg_hba_file_rules from pg_hba_file_rules",
                "select type from pg_hba_file_rules h where h::text like '%x%'",
                "select type from (select * from pg_hba_file_rules) x",
                "select a.pid from pg_stat_activity a, pg_stat_activity b",
                "select * from pg_stat_activity cross join pg_locks",
                "select lo_import(x) from unnest(y) lo_import(x)",
                "select * from generate_series(1,1000000000)",
                "select 1 from pg_class x(pg_sleep)",
            ],
        );
    }

    #[test]
    fn of_mysql_what_holds_no_hash_is_shown() {
        all(
            Dialect::Mysql,
            &[
                "select @@version, @@global.read_only",
                "show open tables where In_use > 0",
                "show global status where variable_name in ('Innodb_buffer_pool_reads','x')",
                "select user, host, plugin from mysql.user order by user",
                "select count(*) from mysql.user where account_locked = 'Y'",
                "select event_name, sum_timer_wait/1e12 s from performance_schema.events_waits_summary_global_by_event_name order by 3 desc limit 10",
                "show status; show variables like '%x%'",
                "show slave status\\G",
                "show index from t from db",
                "show full columns from db.t",
                "show table status from `x`".trim_end_matches(" from `x`"),
                "select table_name from information_schema.tables where table_schema = \"shop\"",
                "select sys.format_bytes(1)",
            ],
            &[
                "select @@report_password",
                "select @x",
                "select @@",
                "set @@global.read_only = 1",
                "show grants",
                "show grants for root@localhost",
                "show create table t",
                "show slave hosts",
                "show binlog events",
                "show status where sleep(5)",
                "show status where x = (select 1)",
                "show variables where 1 = benchmark(1,2)",
                "show variables like 'Report_password'",
                "select variable_value from performance_schema.global_variables where variable_name = 'report_password'",
                "select * from mysql.user",
                "select authentication_string from mysql.user",
                "select \"authentication_string\" from mysql.user",
                "select u.user from mysql.user u",
                "select user from mysql.user where password like '*a%'",
                "select user from mysql.user union select 1",
                "select * from performance_schema.user_variables_by_thread",
                "select \"sleep\"(1)",
                "select * from tables",
                "select user, host from mysql.user; select * from mysql.global_priv",
                "select 1\\G; drop table x",
                "select 1; \\! id",
                "show tables from x where (select 1)",
            ],
        );
        all(
            Dialect::MysqlCatalog,
            &[
                "select * from schema_unused_indexes limit 20",
                "select table_name from tables where auto_increment > 15",
            ],
            &[
                "select * from mysql.user",
                "select * from shop.users",
                "select * from user_variables_by_thread",
            ],
        );
    }
}
