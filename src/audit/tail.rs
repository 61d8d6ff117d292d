//! Shows records to a person, one line an event, or one field a line.
//!
//! Must never print a record's text unescaped: a command or an output could drive the terminal.

use super::stream::{Record, Stream};
use crate::display::escape;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Shows the last `lines` records, and with `follow` those that come, until `out` goes away.
///
/// # Errors
/// When the log cannot be read.
pub fn tail(
    path: &Path,
    lines: usize,
    follow: bool,
    colour: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut stream = Stream::last(path, lines)?;
    let mut last: VecDeque<Record> = VecDeque::with_capacity(lines.min(1024));
    while let Some(record) = stream.next_record()? {
        last.push_back(record);
        if last.len() > lines {
            last.pop_front();
        }
    }
    for record in last {
        if !show(&record, colour, out)? {
            return Ok(());
        }
    }
    if !follow {
        return Ok(());
    }
    loop {
        match stream.next_record()? {
            Some(record) if !show(&record, colour, out)? => return Ok(()),
            Some(_) => {}
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// False when nobody reads any more.
fn show(record: &Record, colour: bool, out: &mut impl Write) -> io::Result<bool> {
    match writeln!(out, "{}", event_line(&record.raw, colour)).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(e),
    }
}

/// One record as a person reads it.
pub fn event_line(record: &str, colour: bool) -> String {
    let Ok(value) = serde_json::from_str::<Value>(record) else {
        return format!(
            "?  not a record: {}",
            escape(&record.chars().take(120).collect::<String>())
        );
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut line = format!(
        "{:>5}  {}  {:<18} {:<18}",
        value["seq"].as_u64().unwrap_or_default(),
        text("timestamp"),
        escape(text("event")),
        escape(text("status"))
    );
    if colour {
        line = format!(
            "\x1b[{}m{line}\x1b[0m",
            colour_of(text("event"), text("status"))
        );
    }
    if !text("target").is_empty() {
        line.push_str(&format!(
            " {}: {}",
            escape(text("target")),
            escape(text("command"))
        ));
    }
    if let Some(code) = value.get("exit_code") {
        line.push_str(&format!("  exit {code}"));
    }
    if let Some(approvers) = value.get("approvers").and_then(Value::as_array) {
        let names: Vec<String> = approvers
            .iter()
            .filter_map(Value::as_str)
            .map(|n| escape(n).into_owned())
            .collect();
        line.push_str(&format!("  by {}", names.join(", ")));
    }
    if !text("requester").is_empty() {
        line.push_str(&format!("  ({})", escape(text("requester"))));
    }
    line
}

/// What a person wants to see first.
const FIRST: [&str; 13] = [
    "seq",
    "timestamp",
    "event",
    "status",
    "target",
    "command",
    "canonical",
    "requester",
    "caller",
    "reason",
    "risk",
    "risk_level",
    "approvers",
];

/// A record as `name  value` lines.
pub fn field_lines(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return format!("{}\n", escape(&value.to_string()));
    };
    let mut text = String::new();
    let first = FIRST.iter().filter_map(|key| fields.get_key_value(*key));
    let rest = fields
        .iter()
        .filter(|(key, _)| !FIRST.contains(&key.as_str()));
    for (key, value) in first.chain(rest) {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Array(all) => all
                .iter()
                .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(", "),
            other => other.to_string(),
        };
        if value.is_empty() {
            text.push_str(&format!("{:<18}\n", escape(key)));
        }
        for (n, line) in value.lines().enumerate() {
            let head = if n == 0 { escape(key) } else { "".into() };
            text.push_str(&format!("{head:<18}{}\n", escape(line)));
        }
    }
    text
}

fn colour_of(event: &str, status: &str) -> &'static str {
    match (event, status) {
        (_, "rejected" | "failed" | "timed_out" | "interrupted" | "invalid")
        | ("log.repaired" | "gate.frozen", _) => "31",
        ("approval.requested", _) | (_, "ambiguous" | "not_authorized" | "voided" | "expired") => {
            "33"
        }
        ("run.finished" | "approval.voted", _) => "32",
        _ => "36",
    }
}
