//! Open Cybersecurity Schema Framework 1.3: runs are Process Activity (1007), all else is API
//! Activity (6003). What the schema has no place for stands under `unmapped`; what a record does not
//! have is left out, never empty.

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
    // A process without an id would be none to the schema.
    let is_run = event.starts_with("run.") && !record.text("run_id").is_empty();
    let (class, class_name, category, category_name) = if is_run {
        (1007, "Process Activity", 1, "System Activity")
    } else {
        (6003, "API Activity", 6, "Application Activity")
    };
    let (activity, activity_name) = match (is_run, event) {
        (false, _) => (99, event),
        (true, "run.started") => (1, "Launch"),
        (true, _) => (2, "Terminate"),
    };
    let mut value = json!({
        "activity_id": activity,
        "activity_name": activity_name,
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
        "metadata": {
            "version": "1.3.0",
            "product": {"name": "aiops", "vendor_name": "aiops", "version": VERSION},
            "uid": record.text("hash"),
            "sequence": record.seq(),
            "event_code": event,
            "original_time": record.text("timestamp"),
        },
        "actor": {"app_name": present(record, "requester").unwrap_or("aiops")},
        "unmapped": rest(record),
    });
    put(&mut value, "/status_detail", present(record, "status"));
    put(&mut value, "/message", present(record, "why"));
    if let Some(caller) = present(record, "caller") {
        value["actor"]["user"] = json!({"name": caller});
    }
    let target = present(record, "target").unwrap_or("unknown");
    if is_run {
        value["device"] =
            json!({"hostname": target, "name": target, "type_id": 0, "type": "Unknown"});
        value["process"] = json!({"uid": record.text("run_id")});
        put(&mut value, "/process/cmd_line", present(record, "command"));
        for (key, name) in [("exit_code", "exit_code"), ("duration_ms", "duration")] {
            if let Some(number) = record.number(key) {
                value[name] = json!(number);
            }
        }
        return value.to_string();
    }
    value["api"] = json!({"operation": event, "service": {"name": "aiops"}});
    if let Some(id) = present(record, "request_id") {
        value["api"]["request"] = json!({"uid": id});
    }
    value["src_endpoint"] = json!({"svc_name": "aiops"});
    if let Some(target) = present(record, "target") {
        value["dst_endpoint"] = json!({"hostname": target, "name": target});
    }
    value.to_string()
}

fn present<'a>(record: &'a Record, key: &str) -> Option<&'a str> {
    Some(record.text(key)).filter(|text| !text.is_empty())
}

/// Sets a member of an object that is there.
fn put(value: &mut Value, pointer: &str, text: Option<&str>) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    if let (Some(Value::Object(map)), Some(text)) = (value.pointer_mut(parent), text) {
        map.insert(key.to_owned(), json!(text));
    }
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
    const PLACED: [&str; 11] = [
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
