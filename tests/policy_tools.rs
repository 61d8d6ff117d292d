//! The built binary: rate limits across processes, `policy diff`, `policy suggest` on a real log, `policy rules`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::{AIOPS, Gate};

const HEAD: &str = "version: 1\nmode: lab\nunknown_default: approval_required\napproval: {methods: [relay, unix], separation: false}\nrules:\n";
const RATED: &str = "  - {id: seldom, about: Says something, decision: auto, command: echo, style: plain, operands: {type: free_text, max: 4}, when: {rate: {max: 2, per: 1h}}}\n  - {id: ask, about: says something, decision: approval, command: echo, unless_auto: true}\n";

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn run(args: &[&str]) -> (String, i32) {
    let output = std::process::Command::new(AIOPS)
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (
        text + &String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap(),
    )
}

#[test]
fn a_rate_limit_lets_two_through_and_then_asks() {
    let gate = Gate::local();
    gate.write("policies/lab.yml", &format!("{HEAD}{RATED}"));
    for n in 0..2 {
        let (outcome, exit) = gate.ask("here", &format!("echo {n}"));
        assert_eq!(
            (outcome["status"].as_str(), exit),
            (Some("executed"), 0),
            "{outcome}"
        );
    }
    let (outcome, _) = gate.ask("here", "echo three");
    assert_eq!(outcome["status"], "approval_requested", "{outcome}");
    assert!(
        outcome["risk_reason"]
            .as_str()
            .or(outcome["message"].as_str())
            .is_some()
    );
    assert!(gate.verifies());
}

#[test]
fn a_race_for_the_last_run_has_no_second_winner() {
    let gate = Gate::local();
    gate.write("policies/lab.yml", &format!("{HEAD}{RATED}"));
    let executed = std::thread::scope(|s| {
        let asks: Vec<_> = (0..6)
            .map(|n| {
                let gate = &gate;
                s.spawn(move || gate.ask("here", &format!("echo {n}")).0["status"] == "executed")
            })
            .collect();
        asks.into_iter()
            .filter(|_| true)
            .map(|a| a.join().unwrap())
            .filter(|ran| *ran)
            .count()
    });
    assert_eq!(executed, 2);
    assert!(gate.verifies());
}

#[test]
fn one_line_of_many_runs_counts_each() {
    let gate = Gate::local();
    gate.write("policies/lab.yml", &format!("{HEAD}{RATED}"));
    let (outcome, _) = gate.ask("here", "echo 1; echo 2; echo 3");
    assert_ne!(outcome["status"], "executed", "{outcome}");
    let (outcome, _) = gate.ask("here", "echo 1; echo 2");
    assert_eq!(outcome["status"], "executed", "{outcome}");
}

#[test]
fn counts_that_cannot_be_kept_stop_the_run() {
    let gate = Gate::local();
    gate.write("policies/lab.yml", &format!("{HEAD}{RATED}"));
    let (outcome, _) = gate.ask("here", "echo 1");
    assert_eq!(outcome["status"], "executed");
    let rates = gate.path("s").join("rates");
    let file = fs::read_dir(&rates)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "json"))
        .unwrap();
    fs::write(&file, "{").unwrap();
    let (outcome, exit) = gate.ask("here", "echo 2");
    assert_eq!(
        (outcome["status"].as_str(), exit),
        (Some("failed"), 73),
        "{outcome}"
    );
}

#[test]
fn diff_decides_a_real_log_again() {
    let gate = Gate::local();
    gate.write("policies/lab.yml", &format!("{HEAD}{RATED}"));
    gate.ask("here", "echo 1");
    gate.ask("here", "frobnicate");
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.yml"), dir.path().join("new.yml"));
    write(&old, &format!("{HEAD}{RATED}"));
    write(
        &new,
        &format!(
            "{HEAD}{}",
            RATED
                .replace("decision: auto", "decision: auto, sudo: allowed")
                .replace("command: echo, style", "command: printf, style")
        ),
    );
    let log = gate.path("audit.jsonl");
    let (text, exit) = run(&[
        "policy",
        "diff",
        old.to_str().unwrap(),
        new.to_str().unwrap(),
        "--audit",
        log.to_str().unwrap(),
        "--json",
        "--check",
    ]);
    let report: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(report["lines"], 2, "{text}");
    assert_eq!(report["changes"][0]["command"], "echo 1");
    assert_eq!(report["changes"][0]["looser"], false);
    assert_eq!(exit, 0);
    let (text, exit) = run(&[
        "policy",
        "diff",
        new.to_str().unwrap(),
        old.to_str().unwrap(),
        "--audit",
        log.to_str().unwrap(),
        "--check",
    ]);
    assert_eq!(exit, 4, "{text}");
    assert!(text.contains("looser"), "{text}");
}

#[test]
fn suggest_drafts_what_was_approved_and_the_draft_holds() {
    let gate = Gate::local();
    gate.write(
        "policies/lab.yml",
        &format!("{HEAD}  - {{id: ask, about: says something, decision: approval, risk: low, command: echo, unless_auto: true}}\n"),
    );
    for _ in 0..3 {
        let (outcome, _) = gate.ask("here", "echo deploy");
        assert_eq!(outcome["status"], "approval_requested", "{outcome}");
        let (done, _) = gate.send("Approve");
        assert_eq!(done["status"], "executed", "{done}");
    }
    let policy = gate.path("policies/lab.yml");
    let (text, exit) = run(&[
        "policy",
        "suggest",
        "--policy",
        policy.to_str().unwrap(),
        "--audit",
        gate.path("audit.jsonl").to_str().unwrap(),
    ]);
    assert_eq!(exit, 0, "{text}");
    assert!(
        text.contains("enum(deploy)") && text.contains("command: \"echo\""),
        "{text}"
    );
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("packs")).unwrap();
    write(&dir.path().join("packs/suggested.yml"), &text);
    write(
        &dir.path().join("policy.yml"),
        &fs::read_to_string(&policy)
            .unwrap()
            .replace("rules:", "include: [packs/suggested.yml]\nrules:"),
    );
    let (report, _) = run(&[
        "policy",
        "check",
        dir.path().join("policy.yml").to_str().unwrap(),
    ]);
    assert!(!report.contains("suggested.1: its own example"), "{report}");
}

#[test]
fn a_policy_check_shows_the_line_and_a_caret() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.yml");
    write(
        &file,
        &format!(
            "{HEAD}  - id: a\n    about: A\n    decision: auto\n    command: uptime\n    match:\n      - uptime -q\n"
        ),
    );
    let (text, exit) = run(&["policy", "check", file.to_str().unwrap()]);
    assert_eq!(exit, 78);
    assert!(
        text.contains(":11:9: rule a: its own example `uptime -q`"),
        "{text}"
    );
    assert!(
        text.contains("11 |       - uptime -q") && text.contains("^"),
        "{text}"
    );
}

#[test]
fn the_table_of_packs_is_current() {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/production.yml");
    let output = std::process::Command::new(AIOPS)
        .args([
            "policy",
            "rules",
            "--markdown",
            "--policy",
            "policies/production.yml",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success() && Path::new(policy).exists());
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/packs.md"))
        .unwrap_or_default();
    assert!(
        docs.as_bytes() == output.stdout,
        "docs/packs.md is not current: run `cargo run -- policy rules --markdown --policy policies/production.yml > docs/packs.md`"
    );
}

/// The first fenced YAML block of docs/policy.md that has `mark` in it.
fn documented(mark: &str) -> String {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policy.md")).unwrap();
    docs.split("```yaml\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap().to_owned())
        .find(|block| block.contains(mark))
        .unwrap()
}

#[test]
fn the_documented_pack_holds_beside_the_shipped_ones() {
    let gate = Gate::local();
    gate.write("policies/packs/shop.yml", &documented("pack: shop"));
    let production = fs::read_to_string(gate.path("policies/production.yml")).unwrap();
    gate.write(
        "policies/production.yml",
        &production.replace("include: [", "include: [packs/shop.yml, "),
    );
    let (text, exit) = run(&[
        "policy",
        "check",
        gate.path("policies/production.yml").to_str().unwrap(),
    ]);
    assert_eq!(exit, 0, "{text}");
}

#[test]
fn the_documented_rules_load() {
    for mark in ["id: net.ping", "id: web.restart"] {
        let rule: String = documented(mark)
            .lines()
            .map(|l| format!("  {l}\n"))
            .collect();
        let policy = aiops::policy::Policy::parse("docs", &format!("{HEAD}{rule}"));
        assert!(policy.is_ok(), "{}", policy.unwrap_err());
    }
    let when: String = documented("targets: [web1]")
        .lines()
        .map(|l| format!("    {l}\n"))
        .collect();
    let rule =
        format!("{HEAD}  - id: a\n    about: A\n    decision: auto\n    command: uptime\n{when}");
    let policy = aiops::policy::Policy::parse("docs", &rule);
    // The zone's table is the system's; without tzdata the error says what to do.
    assert!(
        policy
            .as_ref()
            .err()
            .is_none_or(|e| e.to_string().contains("install tzdata")),
        "{}",
        policy.unwrap_err()
    );
}

#[test]
fn a_pack_cannot_change_what_another_file_means_by_a_set() {
    let read = |path: &str| {
        Some(match path {
            "policy.yml" => {
                "version: 1\nmode: production\nunknown_default: approval_required\ninclude: [a.yml, b.yml]\nrules: []\n".to_owned()
            }
            _ => format!(
                "version: 1\npack: {}\nsets: {{ guarded: [/srv] }}\nrules: []\n",
                &path[..1]
            ),
        })
    };
    let error = aiops::policy::Policy::from_sources("policy.yml", &read).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("b.yml") && text.contains("`guarded`"),
        "{text}"
    );
}
