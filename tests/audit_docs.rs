//! docs/audit.md says what is so: its shell lines run on a real log, its tables are whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use regex::RegexBuilder;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
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

fn first_cells(after: &str) -> BTreeSet<String> {
    DOCUMENT
        .split_once(after)
        .unwrap()
        .1
        .lines()
        .skip_while(|l| !l.starts_with("| ---"))
        .skip(1)
        .take_while(|l| l.starts_with('|'))
        .map(|l| l.split('`').nth(1).unwrap().to_owned())
        .collect()
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
