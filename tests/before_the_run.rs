//! What is looked at before a human is asked and again before the run, and what earlier answers mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{AIOPS, Gate, status, user};

/// A gate whose policy asks about `gzip FILE` with a probe and a dry run.
fn gate() -> Gate {
    let gate = Gate::local();
    let dir = gate.path("data");
    fs::create_dir(&dir).unwrap();
    let d = dir.display();
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &(policy.replace("  probes: false\n", "")
            + &format!(
                "readable: [{d}]\nrules:\n  - id: test.gzip\n    about: packs a test file\n    decision: approval\n    command: gzip\n    probe: cat {{operands}}\n    dry_run: wc -c {{operands}} {d}/none\n    match: [gzip {d}/a]\n    no_match: [ls]\n"
            )),
    );
    gate.write("data/a b", "state one\n");
    gate
}

fn gzip(gate: &Gate) -> String {
    format!("gzip '{}'", gate.path("data/a b").display())
}

fn runs(gate: &Gate, of: &str) -> usize {
    gate.records()
        .iter()
        .filter(|r| r["event"] == "run.started" && r["command"].as_str().unwrap().starts_with(of))
        .count()
}

#[test]
fn the_question_says_the_state_and_what_a_dry_run_says() {
    let gate = gate();
    let asked = gate.ask("here", &gzip(&gate));
    assert_eq!(status(&asked), ("approval_requested", 0), "{}", asked.0);
    let card = asked.0["display"].as_str().unwrap();
    assert!(
        card.contains(&format!(
            "State (cat '{}'):\n  | state one\n",
            gate.path("data/a b").display()
        )),
        "{card}"
    );
    assert!(
        card.contains("Dry run (wc -c ")
            && card.contains("exit code 1):\n  | 10 ")
            && card.contains("No such file"),
        "{card}"
    );
    assert_eq!(
        (runs(&gate, "cat"), runs(&gate, "wc"), runs(&gate, "gzip")),
        (1, 1, 0),
        "every look is on record"
    );
    let done = gate.send("Approve");
    assert_eq!(status(&done), ("executed", 0), "{}", done.0);
    assert_eq!(
        (runs(&gate, "cat"), runs(&gate, "wc"), runs(&gate, "gzip")),
        (2, 1, 1),
        "looked at again"
    );
    assert!(!gate.path("data/a b").exists());
    assert!(gate.verifies());
}

#[test]
fn a_state_that_changed_voids_and_the_answer_says_what_changed() {
    let gate = gate();
    gate.ask("here", &gzip(&gate));
    gate.write("data/a b", "state two\n");
    let answer = gate.send("Approve");
    assert_eq!(status(&answer), ("voided", 4), "{}", answer.0);
    assert!(
        answer.0["message"]
            .as_str()
            .unwrap()
            .contains("it said state one, and says state two now"),
        "{}",
        answer.0
    );
    assert!(gate.path("data/a b").exists());
    // It also changed when it cannot be looked at any more.
    gate.ask("here", &gzip(&gate));
    fs::rename(gate.path("data/a b"), gate.path("data/c")).unwrap();
    let answer = gate.send("Approve");
    assert_eq!(status(&answer), ("voided", 4), "{}", answer.0);
    assert!(
        answer.0["message"]
            .as_str()
            .unwrap()
            .contains("exit code 0, now 1"),
        "{}",
        answer.0
    );
    assert_eq!(runs(&gate, "gzip"), 0);
}

#[test]
fn asked_again_in_another_state_there_is_still_one_question() {
    let gate = gate();
    let first = gate.ask("here", &gzip(&gate));
    let same = gate.ask("here", &gzip(&gate));
    assert_eq!(first.0["approval_id"], same.0["approval_id"]);
    gate.write("data/a b", "state two\n");
    let second = gate.ask("here", &gzip(&gate));
    assert_ne!(first.0["approval_id"], second.0["approval_id"]);
    assert_eq!(
        second.0["message"], "Approval required. Reply Approve or Deny.",
        "the old one is closed"
    );
    assert!(
        gate.records()
            .iter()
            .any(|r| r["event"] == "approval.voided" && r["approval_id"] == first.0["approval_id"])
    );
    assert_eq!(status(&gate.send("Approve")), ("executed", 0));
}

#[test]
fn a_look_that_the_policy_would_not_run_at_once_is_not_taken() {
    let gate = gate();
    gate.write("secret", "s3cret");
    for line in [
        format!("gzip {}", gate.path("secret").display()),
        format!("gzip '{0}/x;cat {0}/secret'", gate.dir.path().display()),
        "gzip /etc/shadow-".to_owned(),
    ] {
        let asked = gate.ask("here", &line);
        if asked.0["status"] == "rejected" {
            continue;
        }
        let card = asked.0["display"].as_str().unwrap();
        assert!(
            card.contains("not looked at: the policy does not run it at once"),
            "{line}: {card}"
        );
        assert!(!asked.0.to_string().contains("s3cret"), "{line}");
        gate.send("Deny");
    }
    assert_eq!(runs(&gate, "cat"), 0);
    // And it is a fault of the policy if that is so for its own example.
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    let check = |text: String| {
        gate.write("policies/lab.yml", &text);
        let output = Command::new(AIOPS)
            .args(["policy", "check"])
            .arg(gate.path("policies/lab.yml"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    assert!(check(policy.replace("probe: cat", "probe: gzip")).contains("which is not auto"));
    assert!(
        check(policy.replace("probe: cat {operands}", "probe: \"cat x{operands}\""))
            .contains("standing alone")
    );
    assert!(
        check(policy.replace("probe: cat {operands}", "probe: \"cat {operands} $(id)\""))
            .contains("`cat {operands} $(id)`")
    );
    assert!(
        check(policy.replace(
            "decision: approval\n    command: gzip",
            "decision: auto\n    command: gzip"
        ))
        .contains("for approval rules")
    );
}

// --- trust -----------------------------------------------------------------------------------------

/// A gate with trust, where `me` approves at the terminal as one of two.
fn trusting() -> Gate {
    let gate = Gate::build(
        false,
        &format!(
            "approvers:\n  me: {{ unix: {} }}\n  alice: {{ notify: [phone] }}\nnotifiers:\n  phone: {{ type: program, program: /nonexistent }}",
            user()
        ),
    );
    let script = gate.path("phone.sh");
    fs::write(
        &script,
        format!("#!/bin/sh\ncat > {}\n", gate.path("phone").display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    let config = fs::read_to_string(gate.path("config.yml")).unwrap();
    gate.write(
        "config.yml",
        &config.replace("/nonexistent", &script.display().to_string()),
    );
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &(policy
            .replace(
                "methods: [relay, code, totp, ssh, unix]",
                "methods: [code, unix]",
            )
            .replace("medium: { approvals: 1 }", "medium: { approvals: 2 }")
            + "trust:\n  medium: [{ after: 3, approvals: 1 }]\n"),
    );
    gate
}

/// Both approve a command; what came of it.
fn both(gate: &Gate, line: &str) -> Value {
    let asked = gate.ask("here", line);
    assert_eq!(asked.0["approvals"]["need"], 2, "{}", asked.0);
    gate.command(&["approve", asked.0["approval_code"].as_str().unwrap()])
        .output()
        .unwrap();
    let notice: Value =
        serde_json::from_str(&fs::read_to_string(gate.path("phone")).unwrap()).unwrap();
    gate.send(format!(
        "Approve {}",
        notice["one_time_code"].as_str().unwrap()
    ))
    .0
}

fn need(gate: &Gate, line: &str) -> u64 {
    let asked = gate.ask("here", line);
    let code = asked.0["approval_code"].as_str().unwrap();
    assert_eq!(gate.send(format!("Cancel {code}")).0["status"], "cancelled");
    asked.0["approvals"]["need"].as_u64().unwrap()
}

#[test]
fn trust_grows_with_approvals_and_one_denial_or_failed_run_ends_it() {
    let gate = trusting();
    let touch = |n: usize| format!("touch {}/t{n}", gate.dir.path().display());
    for n in 0..3 {
        assert_eq!(need(&gate, &touch(n)), 2, "after {n}");
        assert_eq!(both(&gate, &touch(n))["status"], "executed");
    }
    let asked = gate.ask("here", &touch(9));
    assert_eq!(asked.0["approvals"]["need"], 1);
    assert!(
        asked.0["display"]
            .as_str()
            .unwrap()
            .contains("Trust: approved 3 times in a row"),
        "{}",
        asked.0
    );
    let shown = gate.command(&["trust", "show"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("change.create") && shown.contains("lab"),
        "{shown}"
    );
    assert_eq!(
        need(&gate, "systemctl mask nginx"),
        1,
        "another level is not touched: lab has one for high"
    );
    assert_eq!(
        need(&gate, "kill 4194303"),
        2,
        "what cannot be undone is never lowered"
    );
    // A failed run takes it away, also from the question that waits.
    let failing = format!("touch {}/none/x", gate.dir.path().display());
    let other = gate.ask("here", &failing);
    let code = other.0["approval_code"].as_str().unwrap();
    let output = gate.command(&["approve", code]).output().unwrap();
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&outcome["status"], &outcome["exit_code"]),
        (&json!("executed"), &json!(1)),
        "{outcome}"
    );
    let output = gate
        .command(&["approve", asked.0["approval_code"].as_str().unwrap()])
        .output()
        .unwrap();
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["status"], "voided", "{outcome}");
    assert!(
        outcome["message"]
            .as_str()
            .unwrap()
            .contains("took away the trust")
    );
    assert!(!gate.path("t9").exists());
    // Grown again, one denial is enough.
    for n in 10..13 {
        assert_eq!(both(&gate, &touch(n))["status"], "executed");
    }
    assert_eq!(need(&gate, &touch(20)), 1);
    gate.ask("here", &touch(21));
    assert_eq!(gate.send("Deny").0["status"], "denied");
    assert_eq!(need(&gate, &touch(20)), 2);
    // And a person can set it to zero.
    for n in 30..33 {
        assert_eq!(both(&gate, &touch(n))["status"], "executed");
    }
    assert_eq!(need(&gate, &touch(40)), 1);
    assert!(
        gate.command(&["trust", "reset", "change.create"])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(need(&gate, &touch(40)), 2);
    assert!(gate.records().iter().any(|r| r["event"] == "trust.reset"));
}

#[test]
fn a_policy_cannot_trust_away_the_last_human_or_anything_critical() {
    let gate = Gate::local();
    let policy = fs::read_to_string(gate.path("policies/production.yml")).unwrap();
    for (levels, trust, wanted) in [
        (
            "critical: forbidden",
            "high: [{ after: 5, approvals: 0 }]",
            "at least 1",
        ),
        (
            "critical: forbidden",
            "high: [{ after: 5, approvals: 2 }]",
            "fewer than the 2",
        ),
        (
            "critical: forbidden",
            "medium: [{ after: 5, approvals: 1 }]",
            "fewer than the 1",
        ),
        (
            "critical: forbidden",
            "critical: [{ after: 5, approvals: 1 }]",
            "critical never",
        ),
        (
            "critical: { approvals: 2, roles: [a, b] }",
            "critical: [{ after: 5, approvals: 1 }]",
            "critical never",
        ),
        (
            "critical: forbidden",
            "high: [{ after: 0, approvals: 1 }]",
            "at least 1",
        ),
    ] {
        gate.write(
            "policies/production.yml",
            &(policy.replace("critical: forbidden", levels) + &format!("trust:\n  {trust}\n")),
        );
        let output = Command::new(AIOPS)
            .args(["policy", "check"])
            .arg(gate.path("policies/production.yml"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(78) && said.contains(wanted),
            "{trust}: {said}"
        );
    }
}

// --- earlier denials ---------------------------------------------------------------------------------

#[test]
fn what_was_denied_says_so_when_it_is_asked_again_and_can_be_made_to_wait() {
    let gate = Gate::local();
    let line = format!("touch {}", gate.path("mark").display());
    gate.ask("here", &line);
    gate.send("Deny");
    gate.ask("here", &line);
    gate.send("Deny");
    let asked = gate.ask("here", &line);
    assert!(
        asked.0["display"]
            .as_str()
            .unwrap()
            .contains("Before: denied 2 times"),
        "{}",
        asked.0
    );
    gate.send("Cancel");
    gate.configure("limits: { deny_pause_s: 600 }");
    let asked = gate.ask("here", &line);
    assert_eq!(status(&asked), ("rejected", 3));
    assert!(
        asked.0["message"]
            .as_str()
            .unwrap()
            .contains("not asked again before"),
        "{}",
        asked.0
    );
    assert_eq!(
        status(&gate.ask("here", &format!("{line}2"))),
        ("approval_requested", 0),
        "another command is"
    );
}
