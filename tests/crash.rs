//! `kill -9` at every step, many replies at once, a full disk: nothing runs twice, nothing runs unrecorded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{AIOPS, Gate, SmallDisk, request};

/// Leaves one more file each time it runs, so that runs can be counted.
fn counting(gate: &Gate) -> String {
    fs::create_dir_all(gate.path("out")).unwrap();
    format!(
        "cp --backup=numbered /etc/hostname {}/mark",
        gate.path("out").display()
    )
}

fn runs(gate: &Gate) -> usize {
    fs::read_dir(gate.path("out")).unwrap().count()
}

/// Every system call by which a gate changes something or starts something.
const CALLS: [&str; 14] = [
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "flock",
    "ftruncate",
    "write",
    "clone3",
    "vfork",
    "clone",
    "pidfd_open",
    "poll",
    "wait4",
    "mkdir",
];

/// Sends a message to a gate that is killed when it enters that system call for the `step`th time. False if it came to its end.
fn send_and_kill(gate: &Gate, message: &str, calls: &str, step: usize) -> bool {
    let mut child = Command::new("strace")
        .args([
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={calls}:signal=KILL:when={step}"),
            AIOPS,
            "run",
            "--config",
        ])
        .arg(gate.path("config.yml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace is installed by tests/run.sh");
    // A gate that was killed before it read its message leaves a broken pipe.
    let _ = child.stdin.take().unwrap().write_all(message.as_bytes());
    let ended = child.wait().unwrap();
    // What it had started may still run.
    std::thread::sleep(Duration::from_millis(60));
    ended.code().is_none()
}

/// What must hold after a crash and a new start.
fn holds(gate: &Gate, call: &str, step: usize) {
    let (_, _) = gate.ask("here", "uptime");
    assert!(gate.verifies(), "{call} {step}: the log does not verify");
    let records = gate.records();
    let ids = |event: &str| {
        records
            .iter()
            .filter(|r| r["event"] == event)
            .filter_map(|r| r["run_id"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let mut ended = ids("run.finished");
    ended.extend(ids("run.interrupted"));
    for started in ids("run.started") {
        assert!(
            ended.contains(&started),
            "{call} {step}: run {started} was left open"
        );
    }
    let started = records
        .iter()
        .filter(|r| {
            r["event"] == "run.started" && r["command"].as_str().unwrap().starts_with("cp ")
        })
        .count();
    assert!(runs(gate) <= 1, "{call} {step}: it ran twice");
    assert!(
        runs(gate) <= started,
        "{call} {step}: it ran without a record"
    );
}

#[test]
fn a_kill_at_any_step_of_an_approval_leaves_no_second_and_no_unrecorded_run() {
    let mut steps = 0;
    for call in CALLS {
        for step in 1.. {
            let gate = Gate::local();
            gate.ask("here", &counting(&gate));
            let killed = send_and_kill(&gate, "Approve", call, step);
            holds(&gate, call, step);
            // The human says it again, as humans do.
            gate.send("Approve");
            holds(&gate, call, step);
            if !killed {
                assert_eq!(runs(&gate), 1);
                break;
            }
            steps += 1;
        }
    }
    assert!(steps > 30, "only {steps} steps were tried");
}

#[test]
fn a_kill_at_any_step_of_asking_leaves_a_question_that_can_be_asked_again_and_answered() {
    let mut steps = 0;
    for call in CALLS {
        for step in 1.. {
            let gate = Gate::local();
            let script = gate.path("phone.sh");
            fs::write(
                &script,
                format!("#!/bin/sh\ncat > {}\n", gate.path("phone").display()),
            )
            .unwrap();
            fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700))
                .unwrap();
            gate.configure(&format!(
                "approvers:\n  alice: {{ notify: [phone] }}\nnotifiers:\n  phone: {{ type: program, program: {} }}",
                script.display()
            ));
            let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
            gate.write(
                "policies/lab.yml",
                &policy.replace("[relay, code, totp, ssh, unix]", "[code]"),
            );
            let question = request("here", &counting(&gate)).to_string();
            let killed = send_and_kill(&gate, &question, call, step);
            gate.send(&question);
            let notice: Value =
                serde_json::from_str(&fs::read_to_string(gate.path("phone")).unwrap_or_default())
                    .unwrap_or_else(|e| panic!("{call} {step}: nobody was told: {e}"));
            assert_eq!(runs(&gate), 0, "{call} {step}");
            let done = gate.send(format!(
                "Approve {}",
                notice["one_time_code"].as_str().unwrap()
            ));
            assert_eq!(done.0["status"], "executed", "{call} {step}: {}", done.0);
            assert_eq!(runs(&gate), 1, "{call} {step}");
            assert!(gate.verifies(), "{call} {step}");
            if !killed {
                break;
            }
            steps += 1;
        }
    }
    assert!(steps > 20, "only {steps} steps were tried");
}

#[test]
fn a_kill_at_any_step_of_a_request_id_leaves_no_second_run() {
    let mut steps = 0;
    for call in CALLS {
        for step in 1.. {
            let gate = Gate::local();
            let mut message = request("here", "uptime");
            message["request_id"] = Value::from("r1");
            let killed = send_and_kill(&gate, &message.to_string(), call, step);
            gate.send(message.to_string());
            gate.send(message.to_string());
            let started = gate.started();
            assert!(
                started <= 1,
                "{call} {step}: {started} runs of one request id"
            );
            assert!(gate.verifies(), "{call} {step}");
            if !killed {
                break;
            }
            steps += 1;
        }
    }
    assert!(steps > 20, "only {steps} steps were tried");
}

#[test]
fn many_approvals_at_the_same_instant_are_one_run() {
    let gate = Gate::local();
    gate.ask("here", &counting(&gate));
    let answers = gate.send_64_times("Approve");
    assert_eq!(
        answers
            .iter()
            .filter(|a| a.0["status"] == "executed")
            .count(),
        1,
        "{answers:?}"
    );
    assert_eq!(runs(&gate), 1);
    assert!(gate.verifies());
    assert_eq!(gate.started(), 1);
}

#[test]
fn many_requests_at_once_lose_no_record() {
    let gate = Gate::local();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(gate.ask("here", "uptime").1, 0);
                }
            });
        }
    });
    assert_eq!(gate.records().len(), 160);
    assert!(gate.verifies());
}

#[test]
fn a_full_disk_means_nothing_runs() {
    let gate = Gate::local();
    let Some(disk) = SmallDisk::mount(gate.path("small"), "64k") else {
        return;
    };
    let small = disk.path();
    gate.configure("");
    let text = fs::read_to_string(gate.path("config.yml")).unwrap();
    gate.write(
        "config.yml",
        &text.replace("audit.jsonl", "small/audit.jsonl"),
    );
    assert_eq!(gate.ask("here", "uptime").1, 0);
    let before = fs::read_to_string(small.join("audit.jsonl")).unwrap();
    disk.fill();
    let answer = gate.ask("here", &format!("uptime {}", ""));
    let mut rejected = 0;
    for _ in 0..40 {
        let answer = gate.ask("here", "uptime");
        if answer.1 == 73 {
            rejected += 1;
            assert!(
                answer.0["message"]
                    .as_str()
                    .unwrap()
                    .contains("disk is full"),
                "{}",
                answer.0
            );
        }
    }
    assert!(rejected > 0, "{}", answer.0);
    let after = fs::read_to_string(small.join("audit.jsonl")).unwrap();
    assert!(
        after.starts_with(&before) && after.ends_with('\n'),
        "no half record stays"
    );
    fs::remove_file(small.join("filler")).unwrap();
    assert_eq!(
        gate.ask("here", "uptime").1,
        0,
        "room again: it works again"
    );
    assert!(
        aiops::audit::verify::verify(&small.join("audit.jsonl"))
            .unwrap()
            .holds()
    );
}

#[test]
fn a_full_disk_under_the_approvals_runs_nothing_and_loses_nothing() {
    let gate = Gate::local();
    let Some(disk) = SmallDisk::mount(gate.path("s"), "128k") else {
        return;
    };
    let small = disk.path();
    let asked = gate.ask("here", &counting(&gate));
    assert_eq!(asked.0["status"], "approval_requested", "{}", asked.0);
    disk.fill();
    for message in ["Approve", "Deny", "Cancel", "Approve"] {
        let answer = gate.send(message);
        assert_eq!(answer.1, 73, "{message}: {}", answer.0);
        assert_eq!(runs(&gate), 0, "{message}");
    }
    let more = gate.ask("here", &format!("touch {}", gate.path("other").display()));
    assert_eq!(more.1, 73, "{}", more.0);
    assert_eq!(
        gate.command(&["freeze", "x"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(73),
        "who freezes is told that it does not hold"
    );
    fs::remove_file(small.join("filler")).unwrap();
    let done = gate.send("Approve");
    assert_eq!(done.0["status"], "executed", "{}", done.0);
    assert_eq!(runs(&gate), 1);
    assert!(gate.verifies());
}

#[test]
fn a_torn_last_record_is_taken_off_and_told() {
    let gate = Gate::local();
    gate.ask("here", "uptime");
    let path = gate.path("audit.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{}", &whole[..40])).unwrap();
    assert_eq!(gate.ask("here", "uptime").1, 0);
    let records = gate.records();
    assert_eq!(records[2]["event"], "log.repaired");
    assert!(
        fs::read_to_string(&path).unwrap().starts_with(&whole),
        "no whole record was lost"
    );
    assert!(gate.verifies());
}

#[test]
fn every_kind_of_edit_is_named() {
    let gate = Gate::local();
    for _ in 0..4 {
        gate.ask("here", "uptime");
    }
    let path = gate.path("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let bad = |lines: Vec<String>| {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let report = aiops::audit::verify::verify(&path).unwrap();
        report.bad.map(|b| b.line)
    };
    let own = || {
        lines
            .iter()
            .map(|l| (*l).to_owned())
            .collect::<Vec<String>>()
    };
    assert_eq!(bad(own()), None);
    let mut edited = own();
    edited[3] = edited[3].replace("uptime", "uptimf");
    assert_eq!(bad(edited), Some(4));
    let mut removed = own();
    removed.remove(2);
    assert_eq!(bad(removed), Some(3));
    let mut doubled = own();
    doubled.insert(5, doubled[4].clone());
    assert_eq!(bad(doubled), Some(6));
    let mut swapped = own();
    swapped.swap(1, 2);
    assert_eq!(bad(swapped), Some(2));
    let mut cut = own();
    cut.remove(0);
    assert_eq!(bad(cut), Some(1));
    fs::write(&path, &text[..text.len() - 10]).unwrap();
    assert_eq!(
        aiops::audit::verify::verify(&path)
            .unwrap()
            .bad
            .map(|b| b.line),
        Some(8),
        "torn"
    );
}

#[test]
fn files_of_others_and_links_in_the_store_are_refused() {
    let gate = Gate::local();
    gate.ask("here", &counting(&gate));
    let pending = fs::read_dir(gate.path("s/approvals/pending"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&pending).unwrap();
    let refused = |what: &str| {
        let answer = gate.send("Approve");
        assert_eq!(answer.1, 73, "{what}: {}", answer.0);
        assert_eq!(runs(&gate), 0, "{what}");
    };
    gate.write("other.json", &text);
    fs::remove_file(&pending).unwrap();
    std::os::unix::fs::symlink(gate.path("other.json"), &pending).unwrap();
    refused("a link");
    fs::remove_file(&pending).unwrap();
    let put = |text: &str| {
        let _ = fs::remove_file(&pending);
        fs::copy(gate.path("other.json"), &pending).unwrap();
        fs::write(&pending, text).unwrap();
    };
    put(&text.replace("cp --backup", "cp --Backup"));
    refused("another command under the same digest");
    put(&text.replace("\"here\"", "\"HERE\""));
    refused("another target");
    put(&text);
    assert_eq!(gate.send("Approve").0["status"], "executed");
}
