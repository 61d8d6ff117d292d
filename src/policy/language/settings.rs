//! PostgreSQL's settings: whose values a statement may show.
//!
//! Some hold passwords (`primary_conninfo`, commands for archives, settings of applications' own), and the server
//! gives them to whoever may read all settings. So values are shown of settings named one by one, and only of those
//! known to hold none. Must never let a statement of another form near a value.

use super::sql::Tok;
use super::sql_words::{TYPES, is_in};

type R = Result<(), String>;

/// Beginnings of names of settings that hold nothing secret (PostgreSQL 17, chapter 19).
const OPEN: &[&str] = &[
    "archive_mode",
    "archive_timeout",
    "authentication_timeout",
    "autovacuum",
    "backend_flush_after",
    "bgwriter_",
    "block_size",
    "bytea_output",
    "checkpoint_",
    "client_",
    "cluster_name",
    "commit_",
    "config_file",
    "constraint_exclusion",
    "cpu_",
    "cursor_tuple_fraction",
    "data_checksums",
    "data_directory",
    "datestyle",
    "deadlock_timeout",
    "default_",
    "dynamic_shared_memory_type",
    "effective_",
    "enable_",
    "extra_float_digits",
    "from_collapse_limit",
    "fsync",
    "full_page_writes",
    "geqo",
    "gin_",
    "hash_mem_multiplier",
    "hba_file",
    "hot_standby",
    "huge_page",
    "ident_file",
    "idle_",
    "in_hot_standby",
    "intervalstyle",
    "is_superuser",
    "jit",
    "join_collapse_limit",
    "lc_",
    "listen_addresses",
    "lock_timeout",
    "log_",
    "logging_collector",
    "logical_decoding_work_mem",
    "maintenance_",
    "max_",
    "min_",
    "old_snapshot_threshold",
    "parallel_",
    "password_encryption",
    "plan_cache_mode",
    "port",
    "primary_slot_name",
    "random_page_cost",
    "recovery_min_apply_delay",
    "recovery_target",
    "restart_after_crash",
    "row_security",
    "search_path",
    "seq_page_cost",
    "server_",
    "session_replication_role",
    "shared_",
    "standard_conforming_strings",
    "statement_timeout",
    "stats_",
    "superuser_reserved_connections",
    "synchronize_seqscans",
    "synchronous_",
    "syslog_",
    "tcp_",
    "temp_",
    "timezone",
    "track_",
    "transaction_",
    "unix_socket_",
    "update_process_title",
    "vacuum_",
    "wal_",
    "work_mem",
    "zero_damaged_pages",
];
/// Columns of `pg_settings` that show no value as it is now.
const COLUMNS: &[&str] = &[
    "name",
    "unit",
    "category",
    "short_desc",
    "extra_desc",
    "context",
    "vartype",
    "source",
    "min_val",
    "max_val",
    "enumvals",
    "boot_val",
    "sourcefile",
    "sourceline",
    "pending_restart",
];
/// Those that do.
const VALUES: &[&str] = &["setting", "reset_val"];

/// Words that may stand between columns, and functions of them.
const AROUND: &[&str] = &[
    "as",
    "coalesce",
    "nullif",
    "concat",
    "lower",
    "upper",
    "pg_size_pretty",
    "count",
];
/// Words that may stand in the conditions.
const BEHIND: &[&str] = &[
    "where", "and", "or", "not", "in", "like", "ilike", "is", "null", "true", "false", "order",
    "by", "asc", "desc", "limit", "group", "having", "count", "between",
];

/// Whether the word at `i` is a type behind `::`.
fn is_type(toks: &[Tok], i: usize, word: &str) -> bool {
    i > 0 && toks[i - 1] == Tok::Op(':') && is_in(TYPES, word)
}

/// Whether a setting's value may be shown: a plain name (no extension's or application's own), and a known one.
pub(super) fn is_open(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        && (name == "ssl" || OPEN.iter().any(|open| name.starts_with(open)))
}

/// Checks what a statement does with settings; one that names none is fine.
///
/// # Errors
/// The form that is not accepted.
pub(super) fn check(toks: &[Tok]) -> R {
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    for i in 0..toks.len() {
        let ok = match word(i) {
            "current_setting" => match toks.get(i + 1..).unwrap_or_default() {
                [Tok::Op('('), Tok::Text(name), Tok::Op(')' | ','), ..] => is_open(name),
                _ => false,
            },
            // What roles, servers and replicas are set up with, options of foreign servers.
            "rolconfig" | "conninfo" | "srvoptions" | "umoptions" | "setconfig" => false,
            "foreign_server_options" | "user_mapping_options" | "foreign_data_wrapper_options" => {
                false
            }
            _ => true,
        };
        if !ok {
            return Err("sql: this may show a password; of settings ask for one that is known to hold none, by its name in quotes".into());
        }
    }
    if (0..toks.len()).any(|i| word(i) == "pg_settings") {
        table(toks)
    } else {
        Ok(())
    }
}

/// `SELECT columns FROM pg_settings [WHERE …]`, and nothing around it.
fn table(toks: &[Tok]) -> R {
    let refused = || {
        Err("sql: of pg_settings columns by their names are accepted; `setting` only WHERE name = 'x', name IN ('x', 'y') or name LIKE 'x%', of settings that hold no password".into())
    };
    let Some(from) = toks
        .iter()
        .position(|t| matches!(t, Tok::Word(w) if w == "from"))
    else {
        return refused();
    };
    let [Tok::Word(select), columns @ ..] = &toks[..from] else {
        return refused();
    };
    let rest = match &toks[from + 1..] {
        [Tok::Word(catalog), Tok::Op('.'), rest @ ..] if catalog == "pg_catalog" => rest,
        rest => rest,
    };
    let rest = match rest {
        [Tok::Word(name), rest @ ..] if name == "pg_settings" && select == "select" => rest,
        _ => return refused(),
    };
    let is = |t: &Tok, list: &[&str]| matches!(t, Tok::Word(w) if list.contains(&w.as_str()));
    // Columns, and what is made of them: no name that could be the whole row's.
    let count = |part: &[Tok]| matches!(part, [Tok::Word(f), Tok::Op('('), Tok::Op('*'), Tok::Op(')')] if f == "count");
    let part = |(i, t): (usize, &Tok)| match t {
        Tok::Word(w) => {
            is(t, COLUMNS)
                || is(t, VALUES)
                || is(t, AROUND)
                || is_type(columns, i, w)
                || i > 0 && is(&columns[i - 1], &["as"]) && *w != "pg_settings"
        }
        Tok::Op(c) => ",|():".contains(*c),
        _ => true,
    };
    let plain = matches!(columns, [Tok::Op('*')])
        || count(columns)
        || !columns.is_empty() && columns.iter().enumerate().all(part);
    let shows = columns
        .iter()
        .any(|t| is(t, VALUES) || matches!(columns, [Tok::Op('*')]));
    let behind = |t: &Tok| match t {
        Tok::Word(_) => is(t, COLUMNS) || is(t, BEHIND),
        Tok::Op(c) => *c != ':' && *c != '.',
        _ => true,
    };
    if plain && (!shows || named(rest)) && rest.iter().all(behind) {
        Ok(())
    } else {
        refused()
    }
}

/// `WHERE name = 'x' [OR name = 'y'] …`, `WHERE name IN ('x', 'y')`, `WHERE name LIKE 'x%'`; then at most ORDER BY name.
fn named(rest: &[Tok]) -> bool {
    let is = |t: Option<&Tok>, word: &str| matches!(t, Some(Tok::Word(w)) if w == word);
    let open = |t: Option<&Tok>| matches!(t, Some(Tok::Text(name)) if is_open(name));
    let mut joint = "where";
    let mut at = 0;
    while is(rest.get(at), joint) && is(rest.get(at + 1), "name") {
        at += 2;
        match (rest.get(at), rest.get(at + 1)) {
            (Some(Tok::Op('=')), name) if open(name) => at += 2,
            (Some(Tok::Word(like)), Some(Tok::Text(name)))
                if like == "like" && name.strip_suffix('%').is_some_and(is_open) =>
            {
                at += 2;
            }
            (Some(Tok::Word(one_of)), Some(Tok::Op('('))) if one_of == "in" => {
                at += 2;
                while open(rest.get(at)) && rest.get(at + 1) == Some(&Tok::Op(',')) {
                    at += 2;
                }
                if !open(rest.get(at)) || rest.get(at + 1) != Some(&Tok::Op(')')) {
                    return false;
                }
                at += 2;
            }
            _ => return false,
        }
        joint = "or";
    }
    let order = [
        is(rest.get(at), "order"),
        is(rest.get(at + 1), "by"),
        is(rest.get(at + 2), "name") || rest.get(at + 2) == Some(&Tok::Num),
    ];
    at > 0 && (at == rest.len() || order == [true; 3] && at + 3 == rest.len())
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::sql::{self, Dialect};

    fn ok(text: &str) -> bool {
        sql::check(Dialect::Postgres, text, &Limits::default()).is_ok()
    }

    #[test]
    fn settings_named_one_by_one_are_shown() {
        for text in [
            "SHOW max_connections",
            "SHOW ssl",
            "SELECT current_setting('work_mem')",
            "SELECT current_setting('work_mem', true)",
            "SELECT name, setting, unit FROM pg_settings WHERE name = 'shared_buffers'",
            "SELECT name, setting FROM pg_settings WHERE name IN ('work_mem', 'max_connections') ORDER BY 1",
            "SELECT * FROM pg_catalog.pg_settings WHERE name = 'fsync' OR name LIKE 'autovacuum%'",
            "SELECT name, source FROM pg_settings WHERE source <> 'default'",
            "SELECT count(*) FROM pg_settings WHERE pending_restart",
            "SELECT name || ' = ' || setting || coalesce(unit, '') AS x FROM pg_settings WHERE name IN ('work_mem')",
            "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'",
        ] {
            assert!(ok(text), "{text}");
        }
    }

    #[test]
    fn no_other_form_comes_near_a_value() {
        for text in [
            "SHOW ALL",
            "SHOW primary_conninfo",
            "SHOW archive_command",
            "SHOW app.token",
            "SHOW ssl_passphrase_command",
            "SELECT current_setting('primary_conninfo')",
            "SELECT current_setting('PRIMARY_CONNINFO')",
            "SELECT current_setting('primary' || '_conninfo')",
            "SELECT current_setting(name) FROM pg_class",
            "SELECT pg_catalog.current_setting('app.token')",
            "SELECT setting FROM pg_settings WHERE name='primary_conninfo'",
            "SELECT setting FROM pg_settings",
            "SELECT * FROM pg_settings WHERE name LIKE '%'",
            "SELECT * FROM pg_settings WHERE name LIKE 'p%'",
            "SELECT * FROM pg_settings WHERE name = 'port' OR 1 = 1",
            "SELECT * FROM pg_settings WHERE name = 'port' OR true",
            "SELECT * FROM pg_settings WHERE NOT name = 'port'",
            "SELECT s FROM pg_settings s",
            "SELECT count(*) FROM pg_settings s WHERE s::text LIKE '%password=a%'",
            "SELECT name FROM pg_settings s ORDER BY s",
            "SELECT name||setting FROM pg_settings WHERE name !~ 'conninfo'",
            "SELECT name AS setting FROM pg_settings s WHERE concat(s) LIKE '%a%'",
            "SELECT pg_settings FROM pg_settings",
            "SELECT concat(pg_settings) FROM pg_settings",
            "SELECT s.setting FROM pg_settings s WHERE s.name = 'port'",
            "SELECT name FROM pg_settings WHERE setting LIKE 'host%'",
            "SELECT name FROM pg_settings ORDER BY reset_val",
            "SELECT name FROM pg_class, pg_settings",
            "WITH s AS (SELECT * FROM pg_settings) SELECT * FROM s",
            "SELECT (SELECT string_agg(setting, ',') FROM pg_settings)",
            "SELECT name FROM pg_settings WHERE name = 'a' UNION SELECT setting FROM \"pg_settings\"",
            "SELECT name FROM pg_settings p JOIN pg_settings q ON p.name = q.setting",
            "SELECT name, setting FROM pg_settings WHERE name = 'port' LIMIT 1",
            "SELECT rolname, rolconfig FROM pg_roles",
            "SELECT * FROM information_schema.foreign_server_options",
        ] {
            assert!(!ok(text), "{text}");
        }
    }
}
