//! What agents are told is what the gate says: every example in `knowledge/` is put to the binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use aiops::knowledge;
use serde_json::Value;
use std::process::Command;
use support::{AIOPS, fed};

/// The lines of the fenced blocks of that kind: file, line.
fn blocks(kind: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for (path, text) in knowledge::FILES {
        let mut inside = None;
        for line in text.lines() {
            match (line.strip_prefix("```"), inside) {
                (Some(name), None) => inside = Some(name),
                (Some(""), Some(_)) => inside = None,
                (None, Some(name)) if name == kind => found.push((*path, line)),
                _ => {}
            }
        }
        assert!(inside.is_none(), "{path}: a block is not closed");
    }
    found
}

fn verdicts(policy: &str, commands: &[&str]) -> Vec<String> {
    let input: String = commands
        .iter()
        .map(|c| serde_json::json!({ "command": c }).to_string() + "\n")
        .collect();
    let mut eval = Command::new(AIOPS);
    eval.args(["policy", "eval", "--policy"])
        .arg(format!("{}/policies/{policy}", env!("CARGO_MANIFEST_DIR")))
        .args(["--target", "srv1"]);
    let output = fed(&mut eval, input);
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            value["risk"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_gate_says_what_the_examples_say() {
    let lines = blocks("gate");
    assert!(lines.len() > 50, "{} examples", lines.len());
    let examples: Vec<(&str, &str, &str)> = lines
        .iter()
        .map(|(path, line)| {
            let (word, command) = line.split_once(' ').unwrap();
            (*path, word, command.trim())
        })
        .collect();
    let commands: Vec<&str> = examples.iter().map(|e| e.2).collect();
    let mut wrong = Vec::new();
    for policy in ["production.yml", "lab.yml"] {
        let said = verdicts(policy, &commands);
        assert_eq!(said.len(), examples.len());
        for ((path, word, command), risk) in examples.iter().zip(said) {
            let expected = match *word {
                "auto" => "auto_allowed",
                "approval" => "approval_required",
                "forbidden" => "forbidden",
                other => panic!("{path}: {other}?"),
            };
            if risk != expected {
                wrong.push(format!(
                    "{path} ({policy}): `{command}` is {risk}, not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_messages_are_ones_the_gate_takes() {
    let gate = support::Gate::local();
    let requests = blocks("request");
    assert!(!requests.is_empty());
    for (path, line) in requests {
        let (outcome, _) = gate.send(line.replace("srv1", "here"));
        assert_ne!(outcome["status"], "invalid", "{path}: {outcome}");
    }
    for (path, line) in blocks("reply") {
        let (outcome, _) = gate.send(line);
        assert_eq!(outcome["status"], "nothing_pending", "{path}: {outcome}");
    }
}

#[test]
fn every_status_is_explained() {
    let text = knowledge::text("agent.md").unwrap();
    for status in [
        "executed",
        "approval_requested",
        "approved",
        "denied",
        "expired",
        "voided",
        "rejected",
        "failed",
        "timed_out",
        "interrupted",
        "ambiguous",
        "nothing_pending",
        "not_authorized",
        "invalid",
    ] {
        assert!(text.contains(&format!("`{status}`")), "{status}");
    }
}

#[test]
fn runbooks_are_listed_shown_and_named_in_the_bootstrap() {
    let run = |args: &[&str]| {
        let output = Command::new(AIOPS).args(args).output().unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code().unwrap(),
        )
    };
    let (list, _) = run(&["runbook", "list", "--json"]);
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    assert!(list.len() >= 5);
    let (bootstrap, _) = run(&["print-bootstrap", "--config", "/nonexistent"]);
    for book in &list {
        let name = book["name"].as_str().unwrap();
        let (text, code) = run(&["runbook", "show", name]);
        assert_eq!(code, 0);
        for heading in ["## Diagnose", "## Repair", "## Check"] {
            assert!(text.contains(heading), "{name}: {heading}");
        }
        assert!(bootstrap.contains(&format!("`{name}`")), "{name}");
    }
    assert_eq!(run(&["runbook", "show", "../agent"]).1, 64);
}
