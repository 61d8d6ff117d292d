//! The kill switch: what is frozen does not run, what runs is ended when that is wanted, and one person does not lift it alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use support::{Gate, status, user};

fn run(gate: &Gate, args: &[&str]) -> (String, i32) {
    let output = gate.command(args).output().unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (text, output.status.code().unwrap())
}

#[test]
fn while_a_freeze_lasts_nothing_new_runs_and_every_answer_says_so() {
    let gate = Gate::build(false, &format!("approvers:\n  me: {{ unix: {} }}", user()));
    let touch = format!("touch {}", gate.path("mark").display());
    let asked = gate.ask("here", &touch);
    assert_eq!(asked.0["frozen"], Value::Null);
    let (text, code) = run(&gate, &["freeze", "something is strange"]);
    assert_eq!(code, 0, "{text}");
    for message in [
        support::request("here", "uptime").to_string(),
        support::request("here", &touch).to_string(),
        "Approve".into(),
        format!("Approve {}", asked.0["approval_code"].as_str().unwrap()),
    ] {
        let answer = gate.send(&message);
        assert_eq!(status(&answer), ("rejected", 3), "{message}: {}", answer.0);
        assert!(
            answer.0["message"]
                .as_str()
                .unwrap()
                .contains("something is strange"),
            "{}",
            answer.0
        );
        assert_eq!(
            (&answer.0["frozen"][0]["by"], &answer.0["frozen"][0]["why"]),
            (&json!("me"), &json!("something is strange"))
        );
    }
    let output = gate
        .command(&["approve", asked.0["approval_code"].as_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    for message in [
        "nonsense",
        "Deny zzzz",
        r#"{"target":"nowhere","command":"x","requester":"r","reason":"x"}"#,
    ] {
        assert_eq!(gate.send(message).0["frozen"][0]["by"], "me", "{message}");
    }
    assert!(run(&gate, &["pending"]).0.contains("something is strange"));
    assert!(!gate.path("mark").exists());
    assert!(gate.records().iter().all(|r| r["event"] != "run.started"));
    // The question still waits; one approval is what `high` needs in a lab.
    assert_eq!(
        run(&gate, &["thaw"]),
        ("Thawed. Runs are possible again.\n".into(), 0)
    );
    let done = gate.send("Approve");
    assert_eq!(status(&done), ("executed", 0), "{}", done.0);
    assert_eq!(done.0["frozen"], Value::Null);
    let events: Vec<Value> = gate.records().iter().map(|r| r["event"].clone()).collect();
    assert!(events.contains(&json!("gate.frozen")) && events.contains(&json!("gate.thawed")));
}

#[test]
fn a_freeze_of_one_target_leaves_the_others() {
    let gate = Gate::build(true, &format!("approvers:\n  me: {{ unix: {} }}", user()));
    assert_eq!(run(&gate, &["freeze", "--target", "srv1", "disk"]).1, 0);
    assert_eq!(run(&gate, &["freeze", "--target", "srv9", "disk"]).1, 64);
    assert_eq!(status(&gate.ask("srv1", "uptime")), ("rejected", 3));
    let other = gate.ask("here", "uptime");
    assert_eq!(status(&other), ("executed", 0));
    assert_eq!(other.0["frozen"][0]["target"], "srv1");
    assert_eq!(run(&gate, &["thaw"]).1, 4, "everything was not frozen");
    assert_eq!(run(&gate, &["thaw", "--target", "srv1"]).1, 0);
    assert_eq!(status(&gate.ask("srv1", "uptime")), ("executed", 0));
}

#[test]
fn one_person_does_not_thaw_where_high_needs_two() {
    let gate = Gate::build(false, &format!("approvers:\n  me: {{ unix: {} }}", user()));
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &policy.replace(
            "high: { approvals: 1 }",
            "high: { approvals: 2, roles: [owner] }",
        ),
    );
    assert_eq!(run(&gate, &["freeze", "x"]).1, 0);
    let (text, code) = run(&gate, &["thaw"]);
    assert!(
        code == 0 && text.contains("1 of 2") && text.contains("Still needed: owner"),
        "{text}"
    );
    assert_eq!(run(&gate, &["thaw"]).1, 4, "the same person twice is one");
    assert_eq!(status(&gate.ask("here", "uptime")), ("rejected", 3));
}

#[test]
fn who_is_neither_root_nor_an_approver_freezes_and_thaws_nothing() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: becoming another user needs root");
        return;
    }
    let gate = Gate::local();
    let as_nobody = |args: &[&str]| {
        let program = gate.path("aiops");
        if !program.exists() {
            fs::copy(support::AIOPS, &program).unwrap();
        }
        std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(&program)
            .args(args)
            .arg("--config")
            .arg(gate.path("config.yml"))
            .env("SUDO_UID", "0")
            .output()
            .unwrap()
    };
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(gate.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(gate.path("config.yml"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(as_nobody(&["freeze", "x"]).status.code(), Some(77));
    assert_eq!(run(&gate, &["freeze", "x"]).1, 0, "root may");
    assert_eq!(as_nobody(&["thaw"]).status.code(), Some(77));
    assert_eq!(status(&gate.ask("here", "uptime")), ("rejected", 3));
}

#[test]
fn a_freeze_that_was_tampered_with_still_stops_everything() {
    let gate = Gate::build(false, &format!("approvers:\n  me: {{ unix: {} }}", user()));
    run(&gate, &["freeze", "x"]);
    fs::write(gate.path("s/freeze/all.json"), "").unwrap();
    assert_eq!(status(&gate.ask("here", "uptime")), ("failed", 73));
    // Freezing again mends it.
    assert_eq!(run(&gate, &["freeze", "x"]).1, 0);
    assert_eq!(run(&gate, &["thaw"]).1, 0);
    assert_eq!(status(&gate.ask("here", "uptime")), ("executed", 0));
}

#[test]
fn a_freeze_needs_neither_a_good_policy_nor_a_log() {
    let gate = Gate::build(false, &format!("approvers:\n  me: {{ unix: {} }}", user()));
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write("policies/lab.yml", "broken");
    fs::create_dir(gate.path("audit.jsonl")).unwrap();
    let (text, code) = run(&gate, &["freeze", "x"]);
    assert!(code == 73 && text.contains("done, but"), "{text}");
    gate.write("policies/lab.yml", &policy);
    fs::remove_dir(gate.path("audit.jsonl")).unwrap();
    assert_eq!(status(&gate.ask("here", "uptime")), ("rejected", 3));
}

#[test]
fn now_ends_what_runs_on_the_target_itself() {
    for ssh in [false, true] {
        let gate = Gate::build(ssh, &format!("approvers:\n  me: {{ unix: {} }}", user()));
        let target = if ssh { "srv1" } else { "here" };
        // A child of the shell that ignores a polite end.
        let line = "sleep 7317";
        std::thread::scope(|scope| {
            let runner = scope.spawn(|| {
                let asked = gate.ask(target, line);
                assert_eq!(status(&asked), ("approval_requested", 0), "{}", asked.0);
                gate.send("Approve")
            });
            let deadline = Instant::now() + Duration::from_secs(20);
            while !alive(line) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(alive(line), "it runs");
            let began = Instant::now();
            let (text, code) = run(&gate, &["freeze", "--now", "stop all"]);
            assert!(code == 0 && text.contains("ended on"), "{text}");
            assert!(
                !alive(line),
                "it still runs after {:?}: {text}",
                began.elapsed()
            );
            let answer = runner.join().unwrap();
            assert_eq!(status(&answer), ("interrupted", 5), "{}", answer.0);
            assert!(
                answer.0["message"].as_str().unwrap().contains("stop all"),
                "{}",
                answer.0
            );
        });
        assert!(
            gate.records()
                .iter()
                .any(|r| r["event"] == "run.finished" && r["status"] == "interrupted")
        );
        assert!(gate.verifies());
    }
}

#[test]
fn what_the_login_user_cannot_end_is_not_called_ended() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: a process of another user needs root");
        return;
    }
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    let nobody = |program: &str| {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
            program,
        ]);
        command
    };
    let end = |id: &str| {
        let line = aiops::transport::ending_line(id);
        nobody("/bin/sh")
            .args(["-c", &line])
            .output()
            .unwrap()
            .status
            .code()
    };
    let run = |id: &str| {
        let child = nobody("timeout")
            .args([
                "100",
                "/bin/sh",
                "-c",
                "sleep 51; exit",
                &format!("aiops-run-{id}"),
            ])
            .process_group(0)
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300));
        child
    };
    assert_eq!(end("no-such-run"), Some(3));
    let mut plain = run("plain-run");
    assert_eq!(end("plain-run"), Some(0));
    assert!(plain.wait().unwrap().code() != Some(0));
    let mut mixed = run("mixed-run");
    let group = i32::try_from(mixed.id()).unwrap();
    let mut roots = Command::new("sleep")
        .arg("51")
        .process_group(group)
        .spawn()
        .unwrap();
    assert_eq!(end("mixed-run"), Some(4), "root's part of it lives");
    assert!(roots.try_wait().unwrap().is_none());
    roots.kill().unwrap();
    roots.wait().unwrap();
    mixed.wait().unwrap();
}

/// Whether a process with exactly these words runs.
fn alive(line: &str) -> bool {
    let words: Vec<u8> = line
        .split(' ')
        .flat_map(|w| [w.as_bytes(), b"\0"].concat())
        .collect();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|p| fs::read(p.path().join("cmdline")).is_ok_and(|c| c == words))
}
