//! Open Cybersecurity Schema Framework 1.3: runs are Process Activity (1007), all else is API
//! Activity (6003). What the schema has no place for stands under `unmapped`.

use super::{Severity, VERSION, severity};
use crate::audit::stream::Record;
use serde_json::{Map, Value, json};

pub fn line(record: &Record) -> String {
    let event = record.text("event");
    let time = record.time().map_or(0, |t| t.timestamp_millis());
    let (severity_id, severity) = match severity(record) {
        Severity::Informational => (1, "Informational"),
        Severity::Notice => (2, "Low"),
        Severity::Warning => (3, "Medium"),
        Severity::Error => (4, "High"),
    };
    let (status_id, status) = outcome(record);
    let (class, class_name, category, category_name, activity, activity_name) = match event {
        "run.started" => (1007, "Process Activity", 1, "System Activity", 1, "Launch"),
        "run.finished" | "run.interrupted" => (
            1007,
            "Process Activity",
            1,
            "System Activity",
            2,
            "Terminate",
        ),
        _ => (6003, "API Activity", 6, "Application Activity", 99, "Other"),
    };
    let mut value = json!({
        "activity_id": activity,
        "activity_name": if activity == 99 { event } else { activity_name },
        "category_uid": category,
        "category_name": category_name,
        "class_uid": class,
        "class_name": class_name,
        "type_uid": class * 100 + activity,
        "time": time,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": record.text("status"),
        "message": record.text("why"),
        "metadata": {
            "version": "1.3.0",
            "product": {"name": "aiops", "vendor_name": "aiops", "version": VERSION},
            "uid": record.text("hash"),
            "sequence": record.seq(),
            "event_code": event,
            "original_time": record.text("timestamp"),
        },
        "actor": {"user": {"name": record.text("caller")}, "invoked_by": record.text("requester")},
        "device": {"hostname": record.text("target"), "name": record.text("target"), "type_id": 1},
        "unmapped": rest(record),
    });
    if class == 1007 {
        value["process"] = json!({
            "cmd_line": record.text("command"),
            "uid": record.text("run_id"),
        });
        if let Some(code) = record.number("exit_code") {
            value["exit_code"] = json!(code);
        }
        if let Some(ms) = record.number("duration_ms") {
            value["duration"] = json!(ms);
        }
    } else {
        value["api"] = json!({
            "operation": event,
            "service": {"name": "aiops"},
            "request": {"uid": record.text("request_id")},
        });
        value["src_endpoint"] = json!({"name": record.text("caller")});
    }
    value.to_string()
}

fn outcome(record: &Record) -> (u8, &'static str) {
    match (record.text("event"), record.text("status")) {
        ("run.finished", _) if record.number("exit_code").unwrap_or(0) != 0 => (2, "Failure"),
        (
            _,
            "failed" | "timed_out" | "interrupted" | "rejected" | "invalid" | "not_authorized"
            | "voided",
        ) => (2, "Failure"),
        (_, "ambiguous" | "nothing_pending" | "expired") => (99, "Other"),
        _ => (1, "Success"),
    }
}

/// What has no place above.
fn rest(record: &Record) -> Value {
    const PLACED: [&str; 12] = [
        "seq",
        "timestamp",
        "event",
        "status",
        "target",
        "requester",
        "caller",
        "why",
        "hash",
        "exit_code",
        "duration_ms",
        "run_id",
    ];
    let Value::Object(all) = &record.value else {
        return Value::Null;
    };
    let rest: Map<String, Value> = all
        .iter()
        .filter(|(key, _)| !PLACED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(rest)
}
