//! Shows records to a person, one line an event.
//!
//! Must never print a record's text unescaped: a command or an output could drive the terminal.

use crate::display::escape;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
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
    let file = File::open(path)
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    let mut reader = BufReader::new(file);
    let mut last = VecDeque::with_capacity(lines.min(1024));
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(std::mem::take(&mut line));
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
        match reader.read_line(&mut line)? {
            0 => std::thread::sleep(Duration::from_millis(200)),
            _ if !line.ends_with('\n') => {}
            _ => {
                if !show(&std::mem::take(&mut line), colour, out)? {
                    return Ok(());
                }
            }
        }
    }
}

/// False when nobody reads any more.
fn show(record: &str, colour: bool, out: &mut impl Write) -> io::Result<bool> {
    match writeln!(out, "{}", event_line(record.trim_end(), colour)).and_then(|()| out.flush()) {
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

fn colour_of(event: &str, status: &str) -> &'static str {
    match (event, status) {
        (_, "rejected" | "failed" | "timed_out" | "interrupted") | ("log.repaired", _) => "31",
        ("approval.requested", _) | (_, "ambiguous" | "not_authorized" | "voided" | "expired") => {
            "33"
        }
        ("run.finished" | "approval.voted", _) => "32",
        _ => "36",
    }
}
