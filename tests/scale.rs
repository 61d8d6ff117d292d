//! Many requests at once, to many targets over SSH: every one runs once and is recorded once. In full, with what it
//! costs: `benches/scale.sh`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Gate, Sshd, request, status, user};

const TARGETS: usize = 4;
const PROCESSES: usize = 8;
const REQUESTS: usize = 64;

#[test]
fn many_requests_to_many_targets_run_and_are_recorded_once() {
    let gate = Gate::local();
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    // A second run of the same would fail, and leave nothing of its own.
    let mark = format!(
        "rules:\n  - {{id: mark, about: M, decision: auto, command: mkdir, operands: {{type: path, under: [{}], max: 1}}}}\n",
        gate.path("ran").display()
    );
    let policy = policy.replace(", packs/changes.yml", "");
    assert!(!policy.contains("packs/changes.yml") && !policy.contains("\nrules:"));
    gate.write("policies/lab.yml", &(policy + &mark));
    let mut config = fs::read_to_string(gate.path("config.yml")).unwrap();
    let mut sshds = Vec::new();
    for n in 0..TARGETS {
        let dir = gate.path(&format!("t{n}"));
        fs::create_dir(&dir).unwrap();
        let sshd = Sshd::start(&dir, "");
        let d = sshd.dir.display();
        config.push_str(&format!(
            "  t{n}: {{transport: ssh, host: 127.0.0.1, port: {}, user: {}, identity: {d}/id, known_hosts: {d}/known_hosts}}\n",
            sshd.port,
            user()
        ));
        sshds.push(sshd);
    }
    gate.write("config.yml", &config);
    fs::create_dir(gate.path("ran")).unwrap();
    let line = |n: usize| format!("mkdir {}", gate.path(&format!("ran/{n}")).display());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= REQUESTS {
                        return;
                    }
                    let answer =
                        gate.send(request(&format!("t{}", n % TARGETS), &line(n)).to_string());
                    assert_eq!(status(&answer), ("executed", 0), "{}", answer.0);
                    assert_eq!(answer.0["exit_code"], 0, "{}", answer.0);
                }
            });
        }
    });
    assert_eq!(fs::read_dir(gate.path("ran")).unwrap().count(), REQUESTS);
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in gate.records() {
        events
            .entry(record["command"].as_str().unwrap().to_owned())
            .or_default()
            .push(record["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(events.len(), REQUESTS);
    for n in 0..REQUESTS {
        assert_eq!(events[&line(n)], ["run.started", "run.finished"], "{n}");
    }
    assert!(gate.verifies());
    assert_eq!(fs::read_dir(gate.path("s/runs")).unwrap().count(), 0);
}
