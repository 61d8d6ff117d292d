//! CSV (RFC 4180) that a spreadsheet shows as text: every cell quoted, formulas defused.

use crate::audit::stream::Record;
use serde_json::Value;

const COLUMNS: [&str; 29] = [
    "seq",
    "timestamp",
    "event",
    "status",
    "target",
    "command",
    "canonical",
    "requester",
    "caller",
    "session",
    "reason",
    "why",
    "risk",
    "risk_level",
    "rules",
    "approvers",
    "approval_id",
    "run_id",
    "request_id",
    "exit_code",
    "signal",
    "duration_ms",
    "stdout",
    "stderr",
    "stdout_truncated",
    "stderr_truncated",
    "canonical_sha256",
    "prev",
    "hash",
];

pub fn head() -> String {
    COLUMNS.map(cell).join(",")
}

pub fn line(record: &Record) -> String {
    COLUMNS
        .map(|column| match record.value.get(column) {
            None | Some(Value::Null) => cell(""),
            Some(Value::String(text)) => cell(text),
            Some(Value::Array(_)) => cell(&record.list(column).join("; ")),
            // Numbers of our own making are numbers, a minus sign included.
            Some(other) => format!("\"{other}\""),
        })
        .join(",")
}

/// A quoted cell. What a spreadsheet would take for a formula gets an apostrophe in front, which it
/// shows as text (OWASP, CSV injection); full-width signs and leading space count too.
fn cell(text: &str) -> String {
    let begins = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let formula = begins.starts_with([
        '=', '+', '-', '@', '|', '%', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) || text.starts_with(['\t', '\r', '\n']);
    format!(
        "\"{}{}\"",
        if formula { "'" } else { "" },
        text.replace('"', "\"\"")
    )
}
