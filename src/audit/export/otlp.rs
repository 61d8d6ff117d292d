//! OpenTelemetry logs: `ExportLogsServiceRequest` in the JSON form of OTLP 1.x. 64-bit numbers are
//! texts there, as proto3's JSON mapping wants.

use super::{Severity, VERSION, severity};
use crate::audit::stream::Record;
use serde_json::{Value, json};

/// One request with these records.
pub fn request(records: &[Record]) -> String {
    let host = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    json!({"resourceLogs": [{
        "resource": {"attributes": [
            attribute("service.name", &json!("aiops")),
            attribute("service.version", &json!(VERSION)),
            attribute("host.name", &json!(host)),
        ]},
        "scopeLogs": [{
            "scope": {"name": "aiops.audit", "version": VERSION},
            "logRecords": records.iter().map(log_record).collect::<Vec<_>>(),
        }],
    }]})
    .to_string()
}

fn log_record(record: &Record) -> Value {
    let nanos = record
        .time()
        .and_then(|t| t.timestamp_nanos_opt())
        .unwrap_or_default()
        .to_string();
    let (number, text) = match severity(record) {
        Severity::Informational => (9, "INFO"),
        Severity::Notice => (10, "INFO2"),
        Severity::Warning => (13, "WARN"),
        Severity::Error => (17, "ERROR"),
    };
    let attributes: Vec<Value> = record
        .value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| attribute(&format!("aiops.{key}"), value))
        .collect();
    json!({
        "timeUnixNano": nanos,
        "observedTimeUnixNano": nanos,
        "severityNumber": number,
        "severityText": text,
        "eventName": record.text("event"),
        "body": {"stringValue": record.raw},
        "attributes": attributes,
    })
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": any(value)})
}

/// `AnyValue` of opentelemetry/proto/common/v1.
fn any(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(b) => json!({"boolValue": b}),
        Value::Number(n) if n.is_i64() || n.is_u64() => json!({"intValue": n.to_string()}),
        Value::Number(n) => json!({"doubleValue": n}),
        Value::Array(all) => {
            json!({"arrayValue": {"values": all.iter().map(any).collect::<Vec<_>>()}})
        }
        other => json!({"stringValue": other.to_string()}),
    }
}
