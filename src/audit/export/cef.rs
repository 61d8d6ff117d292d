//! ArcSight Common Event Format, version 0 ("Implementing ArcSight Common Event Format", revision 26).

use super::{Severity, VERSION, severity};
use crate::audit::stream::Record;

pub fn line(record: &Record) -> String {
    let level = match severity(record) {
        Severity::Informational => 3,
        Severity::Notice => 5,
        Severity::Warning => 7,
        Severity::Error => 9,
    };
    let event = record.text("event");
    let mut line = format!(
        "CEF:0|aiops|aiops|{VERSION}|{}|{}|{level}|",
        header(event),
        header(&format!("{event} {}", record.text("status")))
    );
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            line.push_str(&format!("{key}={} ", extension(value)));
        }
    };
    let ms = record.time().map(|t| t.timestamp_millis().to_string());
    add("rt", &ms.unwrap_or_default());
    add("externalId", &record.seq().to_string());
    add("act", record.text("status"));
    add("dhost", record.text("target"));
    add("suser", record.text("requester"));
    add("spriv", record.text("caller"));
    add("reason", record.text("reason"));
    add("msg", record.text("why"));
    for (n, key, label) in [
        (1, "command", "command"),
        (2, "canonical", "canonical"),
        (3, "risk_level", "riskLevel"),
        (5, "approval_id", "approvalId"),
        (6, "hash", "recordHash"),
    ] {
        if !record.text(key).is_empty() {
            add(&format!("cs{n}Label"), label);
            add(&format!("cs{n}"), record.text(key));
        }
    }
    let approvers = record.list("approvers").join(", ");
    if !approvers.is_empty() {
        add("cs4Label", "approvers");
        add("cs4", &approvers);
    }
    for (n, key, label) in [
        (1, "exit_code", "exitCode"),
        (2, "duration_ms", "durationMs"),
    ] {
        if let Some(number) = record.number(key) {
            add(&format!("cn{n}Label"), label);
            add(&format!("cn{n}"), &number.to_string());
        }
    }
    line.trim_end().to_owned()
}

/// In the header, `\` and `|` are escaped and there are no line breaks.
fn header(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace(['\n', '\r'], " ")
}

/// In the extension, `\` and `=` are escaped and line breaks are written `\n`.
fn extension(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('=', "\\=")
        .replace("\r\n", "\\n")
        .replace(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], "\\n")
}
