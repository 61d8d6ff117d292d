//! Identity by the kernel's word, through the real sudo: the agent asks, a person approves, nobody pretends.
//!
//! The rules lie in a folder of the test's own, put in the place of /etc/sudoers.d in a mount namespace
//! of its own: nothing of this machine changes.
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
use std::process::{Command, Stdio};
use support::{AIOPS, Gate, fed};

/// Users that every Debian has: the gate's own, the agent, two people.
const GATE: &str = "games";
const AGENT: &str = "news";
const ALICE: &str = "man";
const BOB: &str = "lp";

struct Stage {
    gate: Gate,
    program: String,
}

impl Stage {
    fn new() -> Stage {
        Stage::with("!pam_session, use_pty")
    }

    fn with(defaults: &str) -> Stage {
        let gate = Gate::local();
        let d = gate.dir.path().display().to_string();
        let program = format!("{d}/aiops");
        fs::copy(AIOPS, &program).unwrap();
        std::os::unix::fs::symlink(&program, gate.path("run_action")).unwrap();
        fs::create_dir(gate.path("sudoers.d")).unwrap();
        // The agent may only start the wrapper's door; people may only vote, freeze and thaw.
        gate.write(
            "sudoers.d/aiops",
            &format!(
                "Defaults {defaults}\n{AGENT} ALL=({GATE}) NOPASSWD: {program} run --config {d}/config.yml, {program} approve * --config {d}/config.yml\n\
                 {GATE} ALL=(root) NOPASSWD: /usr/bin/sleep 73??\n\
                 {ALICE}, {BOB} ALL=({GATE}) NOPASSWD: {program} approve *, {program} freeze *, {program} thaw *, {program} approver *, {program} approval *\n"
            ),
        );
        fs::set_permissions(
            gate.path("sudoers.d/aiops"),
            fs::Permissions::from_mode(0o440),
        )
        .unwrap();
        gate.configure(&format!(
            "approvers:\n  alice: {{ unix: {ALICE}, roles: [operator] }}\n  bob: {{ unix: {BOB} }}\n  robot: {{ unix: {AGENT} }}"
        ));
        let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
        gate.write(
            "policies/lab.yml",
            &policy
                .replace("methods: [relay, code, totp, ssh, unix]", "methods: [unix]")
                .replace("separation: false", "separation: true")
                .replace("high: { approvals: 1 }", "high: { approvals: 2 }"),
        );
        fs::create_dir(gate.path("out")).unwrap();
        for path in ["config.yml", "policies", "out"] {
            Command::new("chown")
                .args(["-R", GATE])
                .arg(gate.path(path))
                .status()
                .unwrap();
        }
        Command::new("chown")
            .arg(GATE)
            .arg(gate.dir.path())
            .status()
            .unwrap();
        fs::set_permissions(gate.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Stage { gate, program }
    }

    /// `sudo -n -u GATE aiops ARGS` as that user.
    fn sudo(&self, user: &str, args: &[&str], input: &str) -> (String, i32) {
        let d = self.gate.dir.path().display().to_string();
        let mut sudo = Command::new("unshare");
        sudo.args([
            "--mount",
            "sh",
            "-c",
            "mount --bind \"$1/sudoers.d\" /etc/sudoers.d && shift && exec \"$@\"",
            "sh",
        ])
        .arg(&d)
        .args([
            "setpriv",
            "--reuid",
            user,
            "--regid",
            user,
            "--clear-groups",
            "env",
            "SUDO_UID=0",
            "SUDO_USER=root",
        ])
        .args(["sudo", "-n", "-u", GATE, &self.program])
        .args(args)
        .args(["--config", &format!("{d}/config.yml")])
        .stderr(Stdio::piped());
        let output = fed(&mut sudo, input);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            !text.is_empty() || output.status.code() != Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        (
            if text.is_empty() {
                String::from_utf8(output.stderr).unwrap()
            } else {
                text
            },
            output.status.code().unwrap_or(-1),
        )
    }

    fn outcome(&self, user: &str, args: &[&str], input: &str) -> Value {
        let (text, _) = self.sudo(user, args, input);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
}

fn ready() -> bool {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: becoming other users needs root");
        return false;
    }
    let can = Command::new("unshare")
        .args(["--mount", "true"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|s| s.success()) {
        eprintln!("SKIPPED: this machine allows no mount namespace");
        return false;
    }
    true
}

#[test]
fn a_person_approves_through_a_sudo_rule_of_their_own_and_the_agent_cannot() {
    if !ready() {
        return;
    }
    let stage = Stage::new();
    let mark = stage.gate.path("out/mark");
    let request = support::request("here", &format!("touch {}", mark.display())).to_string();
    let asked = stage.outcome(AGENT, &["run"], &request);
    assert_eq!(asked["status"], "approval_requested", "{asked}");
    let code = asked["approval_code"].as_str().unwrap();
    // The agent's word, and the agent as an approver of its own question, whatever its environment says.
    assert_eq!(
        stage.outcome(AGENT, &["run"], "Approve")["status"],
        "not_authorized"
    );
    let own = stage.outcome(AGENT, &["approve", code], "");
    assert_eq!(own["status"], "not_authorized", "{own}");
    assert!(
        own["message"]
            .as_str()
            .unwrap()
            .contains("somebody else must approve"),
        "{own}"
    );
    assert!(!mark.exists());
    let done = stage.outcome(ALICE, &["approve", code], "");
    assert_eq!(done["status"], "executed", "{done}");
    assert!(mark.exists());
    let records = stage.gate.records();
    let voted = records
        .iter()
        .find(|r| r["event"] == "approval.voted")
        .unwrap();
    assert_eq!(
        (&voted["approvers"], &voted["caller"]),
        (&json!(["alice (unix)"]), &json!(ALICE))
    );
    assert_eq!(
        records
            .iter()
            .find(|r| r["event"] == "approval.requested")
            .unwrap()["caller"],
        AGENT
    );
}

#[test]
fn two_people_are_two_by_the_kernel_and_a_freeze_needs_no_agent() {
    if !ready() {
        return;
    }
    let stage = Stage::new();
    let request = support::request("here", "systemctl mask no-such-unit-of-aiops").to_string();
    let asked = stage.outcome(AGENT, &["run"], &request);
    assert_eq!(asked["approvals"]["need"], 2, "{asked}");
    let code = asked["approval_code"].as_str().unwrap().to_owned();
    assert_eq!(
        stage.outcome(ALICE, &["approve", &code], "")["status"],
        "approved"
    );
    assert_eq!(
        stage.outcome(ALICE, &["approve", &code], "")["status"],
        "not_authorized",
        "one person is one"
    );
    let (text, exit) = stage.sudo(BOB, &["freeze", "wait"], "");
    assert_eq!(exit, 0, "{text}");
    assert_eq!(
        stage.outcome(BOB, &["approve", &code], "")["status"],
        "rejected"
    );
    assert_eq!(
        stage.outcome(AGENT, &["run"], "Approve")["frozen"][0]["by"],
        "bob"
    );
    // The agent's rule knows no such door.
    assert_ne!(stage.sudo(AGENT, &["thaw"], "").1, 0);
    assert!(stage.sudo(BOB, &["thaw"], "").0.contains("1 of 2"));
    assert!(stage.sudo(ALICE, &["thaw"], "").0.contains("Thawed"));
    let done = stage.outcome(BOB, &["approve", &code], "");
    assert_eq!(done["status"], "executed", "{done}");
}

/// A line that became root, approved by one person, until it is seen to run and `then` has been done; and its outcome.
fn while_root_sleeps(seconds: &str, limit: u64, then: impl FnOnce(&Stage)) -> Value {
    let stage = Stage::new();
    let mut request = support::request("here", &format!("sudo /usr/bin/sleep {seconds}"));
    request["timeout_s"] = limit.into();
    let asked = stage.outcome(AGENT, &["run"], &request.to_string());
    assert_eq!(asked["status"], "approval_requested", "{asked}");
    let code = asked["approval_code"].as_str().unwrap().to_owned();
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(|| stage.outcome(ALICE, &["approve", &code], ""));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !sleeps(seconds) && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(sleeps(seconds), "it runs");
        then(&stage);
        run.join().unwrap()
    });
    assert!(!sleeps(seconds), "{outcome}");
    outcome
}

#[test]
fn what_became_root_is_ended_through_sudo() {
    if !ready() {
        return;
    }
    let outcome = while_root_sleeps("7319", 60, |stage| {
        let (text, _) = stage.sudo(BOB, &["freeze", "--now", "stop"], "");
        assert!(text.contains("ended on here"), "{text}");
        assert!(!sleeps("7319"), "{text}");
    });
    assert_eq!(outcome["status"], "interrupted", "{outcome}");
}

/// Several at once: sudo must have passed the signal on before it is killed itself, also on a busy machine.
#[test]
fn a_time_limit_ends_what_became_root() {
    if !ready() {
        return;
    }
    std::thread::scope(|scope| {
        for n in 20..28 {
            scope.spawn(move || {
                let outcome = while_root_sleeps(&format!("73{n}"), 8, |_| {});
                assert_eq!(outcome["status"], "timed_out", "{outcome}");
            });
        }
    });
}

/// Whether such a process of these tests is there.
fn sleeps(seconds: &str) -> bool {
    let line = format!("/usr/bin/sleep\0{seconds}\0");
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|entry| fs::read(entry.path().join("cmdline")).is_ok_and(|l| l == line.as_bytes()))
}

#[test]
fn where_sudo_steps_aside_nobody_is_known_and_nobody_may_do_anything() {
    if !ready() {
        return;
    }
    for (defaults, known) in [
        ("!pam_session, use_pty", true),
        ("!pam_session, !pam_setcred, !use_pty", false),
    ] {
        let stage = Stage::with(defaults);
        let mark = stage.gate.path("out/mark");
        let request = support::request("here", &format!("touch {}", mark.display())).to_string();
        let asked = stage.outcome(AGENT, &["run"], &request);
        let code = asked["approval_code"].as_str().unwrap();
        let (text, exit) = stage.sudo(ALICE, &["approver", "add", "bob", "--totp"], "");
        assert!(
            exit == 77 && text.contains("may not change"),
            "{defaults}: {text}"
        );
        let (text, exit) = stage.sudo(ALICE, &["approver", "add", "alice", "--totp"], "");
        assert_eq!(exit == 0, known, "{defaults}: {text}");
        if !known {
            assert_eq!(stage.sudo(ALICE, &["freeze", "x"], "").1, 77);
            let vote = stage.outcome(ALICE, &["approve", code], "");
            assert_eq!(vote["status"], "not_authorized", "{vote}");
            assert!(!mark.exists());
        }
    }
}

#[test]
fn a_person_hands_in_their_own_signature_and_the_agent_s_own_is_refused() {
    if !ready() {
        return;
    }
    let stage = Stage::new();
    let mut signers = String::new();
    for (name, file) in [("alice", "key-alice"), ("robot", "key-robot")] {
        support::keygen(&stage.gate.path(file));
        let key = fs::read_to_string(stage.gate.path(&format!("{file}.pub"))).unwrap();
        signers.push_str(&format!("{name} {key}"));
    }
    stage.gate.write("signers", &signers);
    let config = fs::read_to_string(stage.gate.path("config.yml")).unwrap();
    stage
        .gate
        .write("config.yml", &format!("allowed_signers: signers\n{config}"));
    let policy = fs::read_to_string(stage.gate.path("policies/lab.yml")).unwrap();
    stage.gate.write(
        "policies/lab.yml",
        &policy.replace("methods: [unix]", "methods: [ssh]"),
    );
    for file in ["signers", "config.yml", "policies/lab.yml"] {
        Command::new("chown")
            .arg(GATE)
            .arg(stage.gate.path(file))
            .status()
            .unwrap();
    }
    let mark = stage.gate.path("out/mark");
    let request = support::request("here", &format!("touch {}", mark.display())).to_string();
    let asked = stage.outcome(AGENT, &["run"], &request);
    let code = asked["approval_code"].as_str().unwrap();
    let (text, exit) = stage.sudo(ALICE, &["approval", "show", code, "--signable"], "");
    assert_eq!(exit, 0, "{text}");
    let sign = |file: &str, text: &str| {
        support::sign(&stage.gate, file, "aiops-approval", text.as_bytes())
    };
    // The agent asked, and so its own key is worth nothing, whoever hands it in.
    let reply =
        json!({"reply": "approve", "approval": code, "signature": sign("key-robot", &text)});
    let own = stage.outcome(AGENT, &["run"], &reply.to_string());
    assert_eq!(own["status"], "not_authorized", "{own}");
    assert!(
        own["message"].as_str().unwrap().contains("asked for this"),
        "{own}"
    );
    let handed = stage.outcome(
        ALICE,
        &["approve", code, "--signed"],
        &sign("key-robot", &text),
    );
    assert_eq!(handed["status"], "not_authorized", "{handed}");
    assert!(!mark.exists());
    // Who hands in a person's signature does not matter, not even if it is who asked.
    let done = stage.outcome(
        AGENT,
        &["approve", code, "--signed"],
        &sign("key-alice", &text),
    );
    assert_eq!(done["status"], "executed", "{done}");
    assert!(mark.exists());
    // And a person may hand in their own.
    let mark = stage.gate.path("out/mark2");
    let request = support::request("here", &format!("touch {}", mark.display())).to_string();
    let asked = stage.outcome(AGENT, &["run"], &request);
    let code = asked["approval_code"].as_str().unwrap();
    let (text, _) = stage.sudo(ALICE, &["approval", "show", code, "--signable"], "");
    let signature = sign("key-alice", &text);
    let done = stage.outcome(ALICE, &["approve", code, "--signed"], &signature);
    assert_eq!(done["status"], "executed", "{done}");
    let records = stage.gate.records();
    let signed = records
        .iter()
        .filter(|r| r["event"] == "run.started" && r["approvers"] == json!(["alice (ssh)"]));
    assert_eq!(signed.count(), 2);
}
