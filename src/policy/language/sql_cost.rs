//! What a SELECT may cost the server, which goes on with a statement though its client is gone.
//!
//! Every further table multiplies the rows unless its key ties it to another, a SELECT in a SELECT may run for each
//! row, and texts that are put together can be put together again. Must never let through what multiplies a catalog
//! by itself more than once.

use super::sql::{Tok, lists};
use super::sql_words::{AFTER_FROM, TABLE_FUNCTIONS, is_in};

type R<T> = Result<T, String>;

/// Most tables that one statement may name.
const MOST_TABLES: usize = 4;
/// Most that a statement may cost: two catalogs, one for each row of the other.
const MOST_COST: usize = 4;
/// What a catalog costs, and a join of which both sides may have many rows for a key.
const LARGE: usize = 2;
/// What a table costs that has few rows, whatever the database holds.
const SMALL: usize = 1;
/// Tables of few rows.
const FEW: &str = "
    pg_stat_activity pg_database pg_stat_database pg_settings pg_tablespace pg_stat_replication pg_replication_slots
    pg_stat_wal_receiver pg_stat_archiver pg_stat_bgwriter pg_stat_ssl pg_prepared_xacts pg_extension
    processlist innodb_trx threads
";
/// Most texts that are put together where the result can be named and put together again.
const MOST_JOINED: usize = 6;
/// Functions that make one text of many rows.
const GATHERS: &str = "string_agg array_agg array_to_string group_concat";
/// Functions that go through a database's files.
const WALKS: &str = "pg_database_size pg_tablespace_size";
/// Functions for which all locks are locked.
const LOCKS: &str = "pg_blocking_pids pg_safe_snapshot_blocking_pids";
/// Functions that hold a copy of the text they are given.
const COPIES: &str = "
    upper lower initcap substr substring left right trim btrim ltrim rtrim split_part substring_index quote_ident lag
    lead first_value last_value
";

/// Checks a statement that begins with SELECT or WITH, whose parentheses are even.
///
/// # Errors
/// Says what costs too much.
pub(super) fn check(toks: &[Tok]) -> R<()> {
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
    // What WITH names inside of a statement, nothing here would know.
    if (1..toks.len()).any(|i| is(i, "with") && op(i - 1, '(')) {
        return Err("sql: WITH is accepted in front of a statement only".into());
    }
    let called = |list: &str| {
        let call =
            |i: &usize| matches!(&toks[*i], Tok::Word(w) if is_in(list, w) && op(i + 1, '('));
        (0..toks.len()).filter(call).count()
    };
    // Each element of an array is a row: of few where the server made it, of a catalog where the statement did.
    if called("unnest") > usize::from(called("array_agg string_agg") == 0) {
        return Err("sql: one unnest is accepted, and none of what array_agg gives".into());
    }
    let rows = |i: &usize| {
        matches!(&toks[*i], Tok::Word(w) if w != "unnest" && !w.starts_with("pg_control") && is_in(TABLE_FUNCTIONS, w))
            && op(i + 1, '(')
    };
    if (0..toks.len())
        .filter(rows)
        .any(|i| i == 0 || !is(i - 1, "from"))
    {
        return Err("sql: a function that gives rows is accepted behind FROM only".into());
    }
    // A SELECT in a SELECT may run once for each row; those of WITH and UNION run once.
    let inner = (1..toks.len())
        .filter(|i| is(*i, "select") && op(i - 1, '(') && (*i < 2 || !is(i - 2, "as")))
        .count();
    if inner > 2 {
        return Err("sql: more than two statements inside each other".into());
    }
    let gathers = called(GATHERS) > 0;
    let nested = count("select") > 1;
    if (gathers || nested) && pieces(toks, gathers) > MOST_JOINED || called("quote_ident") > 2 {
        return Err("sql: texts are put together too often".into());
    }
    // A window that begins or ends between others is gone through for each row.
    let frame = |i: usize| {
        is(i, "following") || is(i, "exclude") || is(i, "preceding") && !is(i - 1, "unbounded")
    };
    if (1..toks.len()).any(frame) {
        return Err("sql: of windows UNBOUNDED PRECEDING is accepted".into());
    }
    let most = if called(WALKS) > 0 {
        // Once for each database.
        SMALL
    } else if called(LOCKS) > 0 || gathers && nested {
        // A text that was made of many rows is too large to stand in each of many.
        MOST_COST - 1
    } else {
        MOST_COST
    };
    if cost(toks)? > most {
        return Err(
            "sql: it goes through tables for each row of others; join by oid, pid or relid, and one SELECT in another"
                .into(),
        );
    }
    Ok(())
}

/// How many texts are put together, and where texts may be large, how often one is copied.
fn pieces(toks: &[Tok], large: bool) -> usize {
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    (0..toks.len())
        .map(|i| match &toks[i] {
            Tok::Word(_) if !op(i + 1, '(') => 0,
            Tok::Word(w) if w == "concat" || w == "concat_ws" => arguments(toks, i + 1),
            Tok::Word(w) => usize::from(is_in(GATHERS, w) || large && is_in(COPIES, w)),
            Tok::Op('|') => usize::from(op(i + 1, '|')),
            _ => 0,
        })
        .sum()
}

/// How many arguments stand in the parentheses that open at `at`.
fn arguments(toks: &[Tok], at: usize) -> usize {
    let mut depth = 0usize;
    let mut found = 1;
    for tok in toks.get(at..).unwrap_or_default() {
        match tok {
            Tok::Op('(') => depth += 1,
            Tok::Op(')') if depth <= 1 => break,
            Tok::Op(')') => depth -= 1,
            Tok::Op(',') if depth == 1 => found += 1,
            _ => {}
        }
    }
    found
}

/// One SELECT, or what else stands in parentheses.
#[derive(Default)]
struct Level {
    /// Behind FROM, where a comma joins without a condition.
    in_from: bool,
    /// `extract(epoch FROM x)` names no table.
    part: bool,
    /// What its rows cost: those of its tables, multiplied.
    rows: usize,
    /// What the dearest of those costs that may run for each row.
    each: usize,
    /// What ran before it: the other sides of a UNION, and what FROM names.
    before: usize,
    /// How its parent has it.
    of: Of,
}

/// How a level stands in the one around it.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Anywhere: it may run for each row.
    #[default]
    Row,
    /// Behind FROM, as a table.
    Table,
    /// Behind `WITH x AS`.
    With,
}

impl Level {
    fn cost(&self) -> usize {
        self.before.max(self.rows + self.each)
    }
}

/// What a statement costs: the powers of a catalog's rows, of which each counts [`LARGE`].
fn cost(toks: &[Tok]) -> R<usize> {
    let word = |i: usize| match toks.get(i) {
        Some(Tok::Word(w)) => w.as_str(),
        _ => "",
    };
    let op = |i: usize, c: char| toks.get(i) == Some(&Tok::Op(c));
    let mut levels = vec![Level::default()];
    let mut tables = 0;
    // What the dearest of WITH costs: a server may put each where its name stands.
    let mut given = 0;
    for (i, tok) in toks.iter().enumerate() {
        let before = if i > 0 { word(i - 1) } else { "" };
        let Some(here) = levels.last_mut() else { break };
        match tok {
            Tok::Op('(') => {
                let of = match before {
                    "from" | "join" | "lateral" if !here.part => Of::Table,
                    "as" | "materialized" => Of::With,
                    _ => Of::Row,
                };
                let part = matches!(before, "extract" | "substring" | "trim");
                levels.push(Level {
                    part,
                    of,
                    ..Level::default()
                });
            }
            Tok::Op(')') => {
                let (ended, of) = (here.cost(), here.of);
                levels.pop();
                let Some(around) = levels.last_mut() else {
                    break;
                };
                match of {
                    Of::Row => around.each = around.each.max(ended),
                    Of::Table => around.rows += ended,
                    Of::With => {
                        given = given.max(ended);
                        around.before = around.before.max(ended);
                    }
                }
            }
            Tok::Op(',') if here.in_from && !unnests(toks, i + 1) => {
                return Err(
                    "sql: a comma joins tables without a key; write JOIN ... ON a.key = b.key"
                        .into(),
                );
            }
            Tok::Word(w) if i == 0 || !op(i - 1, '.') => match w.as_str() {
                "from" if here.part => {}
                "from" if before == "distinct" && matches!(word(i - 2), "is" | "not") => {}
                "from" => {
                    here.in_from = true;
                    tables += 1;
                    here.rows += match (word(i + 1), op(i + 2, '.')) {
                        ("", _) => 0,
                        (_, true) => of_table(word(i + 3)),
                        (name, _) => of_table(name).max(given),
                    };
                }
                "join" => {
                    tables += 1;
                    if !unnests(toks, i + 1) {
                        here.rows += match keyed(toks, i + 1) {
                            Some(Key::OfOne) => 0,
                            Some(Key::OfMany) => LARGE.max(given),
                            None => return Err("sql: a JOIN needs ON with the keys of both tables, such as ON a.oid = b.relid".into()),
                        };
                    }
                }
                "union" | "intersect" | "except" => {
                    here.before = here.cost();
                    (here.rows, here.each, here.in_from) = (0, 0, false);
                }
                "unnest" if op(i + 1, '(') && before != "from" => here.rows += SMALL,
                _ if lists(toks, i) => here.in_from = false,
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
    Ok(levels.first().map_or(0, Level::cost))
}

/// What the rows of a table cost.
fn of_table(name: &str) -> usize {
    if is_in(FEW, name) { SMALL } else { LARGE }
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
