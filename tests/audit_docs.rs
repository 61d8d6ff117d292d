//! docs/audit.md says what is so: its shell lines run on a real log, its tables are whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use regex::RegexBuilder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{AIOPS, Gate, request};

const DOCUMENT: &str = include_str!("../docs/audit.md");

/// A log with a bit of everything, and its seed in `seed.txt`.
fn story() -> Gate {
    let gate = Gate::local();
    gate.ask("here", "uptime");
    let seed = gate.command(&["audit", "seal", "init"]).output().unwrap();
    assert!(seed.status.success(), "{seed:?}");
    gate.write("seed.txt", &String::from_utf8(seed.stdout).unwrap());
    gate.ask("here", "ls /aiops-no-such-folder");
    gate.ask("here", "rm -rf /");
    gate.ask("here", &format!("touch {}", gate.path("mark").display()));
    assert_eq!(gate.send("Approve").0["status"], "executed");
    gate.ask("here", &format!("touch {}", gate.path("other").display()));
    gate.send("Deny");
    gate.send("Approve");
    gate.send("nonsense");
    let mut again = request("here", "uptime");
    again["request_id"] = "r1".into();
    again["session"] = "chat \"7\"\n".into();
    gate.send(again.to_string());
    gate.send(again.to_string());
    assert!(
        gate.command(&["audit", "seal", "now"])
            .status()
            .unwrap()
            .success()
    );
    gate.ask("here", "uname -s");
    gate
}

/// The blocks of shell, each with the pattern of what it prints.
fn blocks() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut rest = DOCUMENT;
    while let Some((before, after)) = rest.split_once("```sh\n") {
        let comment = before.trim_end().lines().last().unwrap();
        let pattern = comment
            .strip_prefix("<!-- prints: ")
            .and_then(|c| c.strip_suffix(" -->"))
            .unwrap_or_else(|| panic!("a shell block without `prints`: {after:.80}"));
        let (code, after) = after.split_once("```\n").unwrap();
        blocks.push((code.to_owned(), pattern.to_owned()));
        rest = after;
    }
    blocks
}

#[test]
fn every_shell_line_of_the_document_does_what_it_says() {
    let gate = story();
    let blocks = blocks();
    assert!(blocks.len() > 12);
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin",
        Path::new(AIOPS).parent().unwrap().display()
    );
    let mut printed = Vec::new();
    for (code, pattern) in blocks {
        let out = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &code])
            .current_dir(gate.dir.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(
            out.status.success(),
            "{code}\n{text}\n{}",
            String::from_utf8_lossy(&out.stderr)
        );
        let wanted = RegexBuilder::new(&pattern.replace("\\n", "\n").replace("\\t", "\t"))
            .build()
            .unwrap();
        assert!(
            wanted.is_match(text.trim_end()),
            "{code}\nprinted {text:?}, not {pattern}"
        );
        printed.push(text);
    }
    assert_eq!(
        printed[1], printed[2],
        "the hash by hand is the hash in the record"
    );

    // The loop in shell sees an edit too.
    let log = std::fs::read_to_string(gate.path("audit.jsonl")).unwrap();
    gate.write("audit.jsonl", &log.replacen("uptime", "reboot", 1));
    let (code, _) = self::blocks()
        .into_iter()
        .find(|(c, _)| c.contains("while"))
        .unwrap();
    let out = Command::new("bash")
        .args(["-c", &code])
        .current_dir(gate.dir.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).contains("record 1 does not fit"));
}

/// The cells of the table below a heading, a row at a time.
fn rows(heading: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let (_, below) = DOCUMENT.split_once(heading).unwrap();
    below
        .lines()
        .skip_while(|l| !l.starts_with("| ---"))
        .skip(1)
        .take_while(|l| l.starts_with('|'))
        .map(|row| row.trim_matches('|').split(" |").map(str::trim).collect())
}

/// What stands in backquotes in a cell.
fn named(cell: &str) -> BTreeSet<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// The one name in a row's first cell.
fn name(row: &[&str]) -> String {
    row[0].split('`').nth(1).unwrap().to_owned()
}

fn first_cells(heading: &str) -> BTreeSet<String> {
    rows(heading).map(|row| name(&row)).collect()
}

#[test]
fn the_tables_name_every_field_and_event_and_no_other() {
    let source = include_str!("../src/audit/record.rs");
    let fields = first_cells("## Fields");
    let entry = source
        .split_once("pub struct Entry {")
        .unwrap()
        .1
        .split_once("\n}\n")
        .unwrap()
        .0;
    let mut written: BTreeSet<String> = entry
        .lines()
        .filter_map(|l| l.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect();
    written.extend(["seq", "timestamp", "prev", "hash"].map(str::to_owned));
    assert_eq!(fields, written);
    let events: BTreeSet<String> = source
        .lines()
        .filter_map(|l| {
            l.trim()
                .strip_prefix("#[serde(rename = \"")?
                .strip_suffix("\")]")
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(first_cells("## Events"), events);
    for record in story().records() {
        for (key, value) in record.as_object().unwrap() {
            assert!(fields.contains(key), "{key} is not in the document");
            assert!(!value.is_null(), "{key} is null");
        }
        for always in ["seq", "timestamp", "event", "prev", "hash"] {
            assert!(record.get(always).is_some(), "{record}");
        }
    }
}

/// A real log in which everything that can happen has happened. Set AIOPS_KEEP_LOG to have a copy of it.
fn everything() -> (Gate, Vec<Value>) {
    let gate = Gate::build(
        false,
        &format!(
            "limits: {{ question_ttl_s: 600, output_bytes: 1024 }}\napprovers:\n  me: {{ unix: {}, roles: [oncall] }}\n  alice: {{ notify: [phone] }}\nnotifiers:\n  phone: {{ type: program, program: /nonexistent }}",
            support::user()
        ),
    );
    let phone = gate.path("phone.sh");
    gate.write(
        "phone.sh",
        &format!("#!/bin/sh\ncat > {}\n", gate.path("phone").display()),
    );
    std::fs::set_permissions(&phone, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = std::fs::read_to_string(gate.path("config.yml")).unwrap();
    let config = config.replace("/nonexistent", &phone.display().to_string());
    gate.write("config.yml", &config);
    let policy = std::fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    let policy = policy.replace(
        "methods: [relay, code, totp, ssh, unix]",
        "methods: [code, unix, relay]",
    );
    gate.write("policies/lab.yml", &policy);
    let say = |args: &[&str]| {
        let output = gate.command(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let full = |command: &str, id: &str| {
        let mut asked = request("here", command);
        asked["request_id"] = id.into();
        asked["session"] = "chat 7".into();
        gate.send(asked.to_string()).0
    };
    let touch = |name: &str| support::touch(&gate, name);
    let code = |asked: &Value| asked["approval_code"].as_str().unwrap().to_owned();

    full("uptime", "run-1");
    say(&["audit", "seal", "init"]);
    full("uptime", "run-1");
    full("rm -rf /", "no-1");
    gate.send("nonsense");
    let asked = full(&touch("one"), "ask-1");
    say(&["approve", &code(&asked)]);
    assert!(gate.path("one").exists(), "{asked}");
    let asked = full(&touch("two"), "ask-2");
    assert_eq!(
        gate.send(format!("Deny {}", code(&asked))).0["status"],
        "denied"
    );
    let asked = full(&touch("three"), "ask-3");
    assert_eq!(
        gate.send(format!("Cancel {}", code(&asked))).0["status"],
        "cancelled"
    );
    gate.send("Approve");
    // Ended by a signal, with more output than is kept.
    let asked = full("sh -c 'yes | head -n 9000; kill -9 $$'", "ask-4");
    let done = say(&["approve", &code(&asked)]);
    assert!(done.contains("\"signal\":9"), "{done}");
    // Voided: the policy is another one when the answer comes.
    let asked = full(&touch("four"), "ask-5");
    gate.write("policies/lab.yml", &(policy.clone() + "# changed\n"));
    assert!(say(&["approve", &code(&asked)]).contains("voided"));
    // Expired.
    gate.write(
        "config.yml",
        &config.replace("question_ttl_s: 600", "question_ttl_s: 1"),
    );
    full(&touch("five"), "ask-6");
    std::thread::sleep(Duration::from_millis(1300));
    full("uptime", "run-2");
    // The kill switch.
    say(&["freeze", "something is strange"]);
    full("uptime", "run-3");
    say(&["thaw"]);
    std::fs::remove_dir_all(gate.path("s/freezes")).ok();
    say(&["freeze", "--target", "here", "disk"]);
    say(&["thaw", "--target", "here"]);
    say(&["approver", "add", "me", "--totp"]);
    say(&["trust", "reset"]);
    // The gate dies while it runs.
    gate.write("config.yml", &config);
    let asked = full("sleep 7.77", "ask-7");
    let mut approve = gate
        .command(&["approve", &code(&asked)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = |gate: &Gate| {
        gate.records()
            .iter()
            .any(|r| r["event"] == "run.started" && r["command"] == "sleep 7.77")
    };
    while !started(&gate) {
        std::thread::sleep(Duration::from_millis(20));
    }
    approve.kill().unwrap();
    approve.wait().unwrap();
    full("uptime", "run-4");
    // A power cut in the middle of a record.
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(gate.path("audit.jsonl"))
        .unwrap();
    log.write_all(b"{\"seq\":999,\"timest").unwrap();
    full("uptime", "run-5");
    say(&["audit", "rotate"]);
    full("uptime", "run-6");
    say(&["audit", "seal", "now"]);

    let out = say(&["audit", "export", "--format", "jsonl"]);
    if let Some(keep) = std::env::var_os("AIOPS_KEEP_LOG") {
        std::fs::write(keep, &out).unwrap();
    }
    let records = out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    (gate, records)
}

#[test]
fn every_event_has_the_fields_that_its_row_says() {
    let (gate, records) = everything();
    let base = ["seq", "timestamp", "event", "prev", "hash"];
    let rows: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = rows("## Events")
        .map(|row| (name(&row), (named(row[2]), named(row[3]))))
        .collect();
    let mut seen = BTreeSet::new();
    let mut fields = BTreeSet::new();
    for record in &records {
        let event = record["event"].as_str().unwrap();
        let (always, sometimes) = &rows[event];
        let keys: BTreeSet<String> = record.as_object().unwrap().keys().cloned().collect();
        for key in always.iter().map(String::as_str).chain(base) {
            assert!(keys.contains(key), "{event} has no {key}: {record}");
        }
        for key in &keys {
            assert!(
                base.contains(&key.as_str()) || always.contains(key) || sometimes.contains(key),
                "{key} of {event} is not in the document: {record}"
            );
        }
        fields.extend(keys);
        seen.insert(event.to_owned());
        // What a request said of itself stands in all that is about it.
        if record.get("requester").is_some() {
            assert_eq!(record["session"], "chat 7", "{record}");
            assert!(record["request_id"].is_string(), "{record}");
        }
    }
    assert_eq!(seen, rows.into_keys().collect(), "the log has every event");
    assert_eq!(fields, first_cells("## Fields"), "and every field");
    assert!(gate.verifies());
    types_fit(&records);
}

/// The types that the document names.
fn types_fit(records: &[Value]) {
    let types: BTreeMap<String, &str> = rows("## Fields").map(|row| (name(&row), row[1])).collect();
    for record in records {
        for (key, value) in record.as_object().unwrap() {
            let is = match value {
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Bool(_) => "boolean",
                Value::Array(all) if all.iter().all(Value::is_string) => "array of strings",
                _ => "something else",
            };
            assert_eq!(types[key], is, "{key}: {record}");
        }
    }
}
