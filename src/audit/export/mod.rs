//! Records in the forms that other systems take.
//!
//! Every form carries the record's number and hash, so that what arrived can be compared with the
//! log. Must never let a record's text become something else than text where it is read: a formula
//! in a spreadsheet, a second event, a field of its own.

mod cef;
mod csv;
mod ocsf;
pub mod otlp;

use super::stream::Record;

/// A form of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The records as they stand in the log, one a line
    Jsonl,
    /// Comma-separated values (RFC 4180), for spreadsheets: formulas are made text
    Csv,
    /// ArcSight Common Event Format, version 0
    Cef,
    /// Open Cybersecurity Schema Framework 1.3: process activity and API activity, one JSON object a line
    Ocsf,
    /// OpenTelemetry logs as OTLP/JSON, one request a line
    Otlp,
}

impl Format {
    /// What stands before the first record.
    pub fn head(self) -> Option<String> {
        (self == Format::Csv).then(csv::head)
    }

    /// One record, without the line feed at its end. It holds no line feed but in CSV, inside quotes.
    pub fn line(self, record: &Record) -> String {
        match self {
            Format::Jsonl => record.raw.clone(),
            Format::Csv => csv::line(record),
            Format::Cef => cef::line(record),
            Format::Ocsf => ocsf::line(record),
            Format::Otlp => otlp::request(std::slice::from_ref(record)),
        }
    }
}

/// How bad an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What happens every day.
    Informational,
    /// Somebody should see it: a question, a denial.
    Notice,
    /// Something was refused or did not work.
    Warning,
    /// Something went wrong that must be looked at.
    Error,
}

/// How bad the event of a record is.
pub fn severity(record: &Record) -> Severity {
    match (record.text("event"), record.text("status")) {
        ("run.interrupted" | "log.repaired", _) => Severity::Error,
        (_, "failed" | "timed_out") => Severity::Error,
        (_, "rejected" | "not_authorized" | "invalid" | "voided") | ("gate.frozen", _) => {
            Severity::Warning
        }
        ("run.finished", _) if record.number("exit_code").unwrap_or(0) != 0 => Severity::Notice,
        ("approval.requested" | "approval.denied" | "approval.expired" | "reply.refused", _) => {
            Severity::Notice
        }
        _ => Severity::Informational,
    }
}

/// The version of this program, as receivers see it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: serde_json::Value) -> Record {
        Record {
            raw: json.to_string(),
            value: json,
        }
    }

    fn hostile(command: &str) -> Record {
        record(serde_json::json!({
            "seq": 7, "timestamp": "2026-11-21T08:00:00.123Z", "event": "run.finished", "target": "srv1",
            "command": command, "requester": command, "reason": command, "status": "executed",
            "exit_code": 1, "duration_ms": 5, "stdout": command, "approvers": ["alice (unix)"],
            "risk_level": "high", "hash": "ab"
        }))
    }

    #[test]
    fn a_cell_is_never_a_formula_and_never_two_cells() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u{feff}=1",
            "\u{ff1d}1",
            "%0a=1",
            "|cmd",
        ] {
            let line = Format::Csv.line(&hostile(formula));
            for cell in parse_csv(&line) {
                let begin = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
                assert!(
                    !begin.starts_with([
                        '=', '+', '-', '@', '|', '%', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}',
                        '\u{ff20}'
                    ]) && !cell.starts_with(['\t', '\r', '\n']),
                    "{formula:?} became the cell {cell:?}"
                );
            }
        }
        let line = Format::Csv.line(&hostile("a\",\"=1+1\"\r\n=2"));
        let head = parse_csv(&Format::Csv.head().unwrap());
        let cells = parse_csv(&line);
        assert_eq!(cells.len(), head.len());
        let at = |name: &str| cells[head.iter().position(|h| h == name).unwrap()].as_str();
        assert_eq!(at("command"), "a\",\"=1+1\"\r\n=2");
        assert_eq!(at("exit_code"), "1");
    }

    /// RFC 4180, one record.
    fn parse_csv(line: &str) -> Vec<String> {
        let mut cells = Vec::new();
        let mut rest = line;
        while let Some(quoted) = rest.strip_prefix('"') {
            let mut cell = String::new();
            let mut chars = quoted.char_indices().peekable();
            let mut end = quoted.len();
            while let Some((at, c)) = chars.next() {
                if c != '"' {
                    cell.push(c);
                } else if chars.peek().is_some_and(|(_, c)| *c == '"') {
                    chars.next();
                    cell.push('"');
                } else {
                    end = at + 1;
                    break;
                }
            }
            cells.push(cell);
            rest = quoted[end..].strip_prefix(',').unwrap_or(&quoted[end..]);
        }
        assert!(rest.is_empty(), "every cell is quoted: {rest:?}");
        cells
    }

    #[test]
    fn cef_text_cannot_become_a_field_or_a_second_event() {
        let line = Format::Cef.line(&hostile("x act=allowed|y\\=z\nCEF:0|evil|"));
        assert_eq!(line.lines().count(), 1, "{line:?}");
        let header: Vec<&str> = line.split('|').take(7).collect();
        assert_eq!(
            header,
            [
                "CEF:0",
                "aiops",
                "aiops",
                VERSION,
                "run.finished",
                "run.finished executed",
                "5"
            ]
        );
        assert!(
            line.contains("cs1=x act\\=allowed|y\\\\\\=z\\nCEF:0|evil| "),
            "{line}"
        );
        // Whoever splits at unescaped equals signs sees only our own keys.
        let keys = line.replace("\\\\", "").replace("\\=", "");
        assert_eq!(keys.matches(" act=").count(), 1, "{line}");
    }

    /// What OCSF 1.3.0 requires of Process Activity, API Activity and the objects in them.
    #[test]
    fn ocsf_has_what_its_classes_require_and_nothing_empty() {
        let every = [
            serde_json::json!({"seq": 1, "event": "log.sealed", "timestamp": "2026-11-21T08:00:00.123Z",
                "status": "sealed", "seal": "ab", "seal_epoch": 0, "hash": "ab", "prev": "cd"}),
            serde_json::json!({"seq": 2, "event": "run.started", "timestamp": "2026-11-21T08:00:00.123Z",
                "run_id": "r", "target": "srv1", "caller": "hermes", "command": "uptime", "hash": "ab"}),
            serde_json::json!({"seq": 3, "event": "run.finished", "timestamp": "2026-11-21T08:00:00.123Z",
                "run_id": "r", "target": "srv1", "caller": "hermes", "exit_code": 1, "duration_ms": 5,
                "command": "uptime", "stdout": "", "why": "", "hash": "ab"}),
            serde_json::json!({"seq": 4, "event": "run.interrupted", "timestamp": "2026-11-21T08:00:00.123Z",
                "approval_id": "a", "target": "srv1", "requester": "hermes", "hash": "ab"}),
        ];
        fn nothing_empty(value: &serde_json::Value, at: &str) {
            match value {
                serde_json::Value::Object(map) => {
                    for (key, value) in map.iter().filter(|(key, _)| *key != "unmapped") {
                        nothing_empty(value, &format!("{at}/{key}"));
                    }
                }
                serde_json::Value::String(text) => assert!(!text.is_empty(), "{at}"),
                serde_json::Value::Null => panic!("{at} is null"),
                _ => {}
            }
        }
        for json in every {
            let line = Format::Ocsf.line(&record(json));
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            nothing_empty(&event, "");
            let mut required = vec![
                "/activity_id",
                "/category_uid",
                "/class_uid",
                "/type_uid",
                "/time",
                "/severity_id",
                "/metadata/version",
                "/metadata/product/vendor_name",
                "/actor/app_name",
            ];
            if event["class_uid"] == 1007 {
                required.extend(["/device/type_id", "/device/hostname", "/process/uid"]);
                assert_eq!(event["category_uid"], 1);
            } else {
                required.extend(["/api/operation", "/src_endpoint/svc_name"]);
                assert_eq!(event["category_uid"], 6);
                assert!(event.get("device").is_none(), "not in that class: {event}");
            }
            for pointer in required {
                assert!(event.pointer(pointer).is_some(), "{pointer}: {event}");
            }
            let (class, activity) = (&event["class_uid"], &event["activity_id"]);
            assert_eq!(
                event["type_uid"].as_u64(),
                Some(class.as_u64().unwrap() * 100 + activity.as_u64().unwrap())
            );
            assert!(
                event["actor"].get("invoked_by").is_none(),
                "deprecated in 1.2"
            );
        }
    }

    #[test]
    fn json_forms_hold_the_record_and_its_number() {
        let record = hostile("\"}\n{\"evil\":1}");
        for format in [Format::Ocsf, Format::Otlp] {
            let line = format.line(&record);
            assert_eq!(line.lines().count(), 1);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(value.get("evil").is_none());
            assert!(line.contains("alice"), "{line}");
        }
        let ocsf: serde_json::Value = serde_json::from_str(&Format::Ocsf.line(&record)).unwrap();
        assert_eq!(
            ocsf["class_uid"], 6003,
            "without a run's id it is no process"
        );
        let mut run = record.value.clone();
        run["run_id"] = "r-1".into();
        let run = self::record(run);
        let ocsf: serde_json::Value = serde_json::from_str(&Format::Ocsf.line(&run)).unwrap();
        assert_eq!(ocsf["class_uid"], 1007);
        assert_eq!(ocsf["type_uid"], 100_702);
        assert_eq!(ocsf["time"], 1_795_248_000_123i64);
        assert_eq!(ocsf["process"]["cmd_line"], "\"}\n{\"evil\":1}");
        let otlp: serde_json::Value = serde_json::from_str(&Format::Otlp.line(&record)).unwrap();
        let log = &otlp["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["timeUnixNano"], "1795248000123000000");
        assert_eq!(log["body"]["stringValue"], record.raw);
    }
}
