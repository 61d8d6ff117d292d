//! Who approves, and how they prove it: with codes of their own, and one-time passwords of the real `oathtool`.
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
use support::{AIOPS, Gate, request, status, touch, user};

/// A gate whose policy takes these methods, with people and notifiers.
fn gate(methods: &str, more: &str) -> Gate {
    let gate = Gate::build(false, more);
    gate.set_methods(methods);
    gate
}

/// A notifier that leaves what it gets in a file of its own.
fn notifier(gate: &Gate, name: &str) -> String {
    let script = gate.path(&format!("{name}.sh"));
    fs::write(
        &script,
        format!(
            "#!/bin/sh\ncat > {0}.tmp && mv {0}.tmp {0}\n",
            gate.path(name).display()
        ),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    format!(
        "  {name}: {{ type: program, program: {} }}\n",
        script.display()
    )
}

fn notice(gate: &Gate, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(gate.path(name)).unwrap()).unwrap()
}

fn code_of(gate: &Gate, name: &str) -> String {
    notice(gate, name)["one_time_code"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A gate with alice and bob, each reached by a program of their own.
fn with_codes() -> Gate {
    let gate = Gate::local();
    let notifiers = notifier(&gate, "phone") + &notifier(&gate, "pager");
    gate.configure(&format!(
        "approvers:\n  alice: {{ notify: [phone], roles: [operator] }}\n  bob: {{ notify: [pager] }}\nnotifiers:\n{notifiers}"
    ));
    gate.set_methods("code");
    gate
}

#[test]
fn a_one_time_code_reaches_the_human_past_the_agent_and_approves_one_question() {
    let gate = with_codes();
    let asked = gate.ask("here", &touch(&gate, "mark"));
    assert_eq!(status(&asked), ("approval_requested", 0), "{}", asked.0);
    assert_eq!(
        asked.0["notified"],
        json!(["alice by phone", "bob by pager"])
    );
    let notice = notice(&gate, "phone");
    let code = notice["one_time_code"].as_str().unwrap();
    // Everything that the human needs to decide stands in it, whole.
    for (field, value) in [
        ("command", json!(touch(&gate, "mark"))),
        ("canonical", json!(touch(&gate, "mark"))),
        ("target", json!("here")),
        ("target_identity", json!("local")),
        ("requester", json!("hermes")),
        ("reason", json!("test")),
        ("risk_level", json!("medium")),
        ("caller", json!(user())),
        ("approver", json!("alice")),
        ("approval_code", asked.0["approval_code"].clone()),
        ("expires_at", asked.0["expires_at"].clone()),
    ] {
        assert_eq!(notice[field], value, "{field}");
    }
    let text = notice["text"].as_str().unwrap();
    assert!(text.contains(&format!("Reply: Approve {code}")), "{text}");
    assert!(
        text.contains("Undo:") && text.contains("Waits until:"),
        "{text}"
    );
    assert_ne!(code, code_of(&gate, "pager"));
    // The agent alone cannot approve.
    for reply in ["Approve", "Approve 22222-22222"] {
        assert_eq!(gate.send(reply).0["status"], "not_authorized", "{reply}");
    }
    assert!(!gate.path("mark").exists());
    let done = gate.send(format!("approve {}", code.to_lowercase()));
    assert_eq!(status(&done), ("executed", 0), "{}", done.0);
    assert!(gate.path("mark").exists());
    assert!(
        gate.records()
            .iter()
            .any(|r| r["event"] == "run.started" && r["approvers"] == json!(["alice (code)"]))
    );
    // Spent.
    assert_eq!(
        status(&gate.send(format!("Approve {code}"))),
        ("nothing_pending", 4)
    );
}

#[test]
fn a_code_is_for_its_own_question_only_and_names_it_among_several() {
    let gate = with_codes();
    let one = gate.ask("here", &touch(&gate, "one"));
    let first = code_of(&gate, "phone");
    let two = gate.ask("here", &touch(&gate, "two"));
    let id = |a: &(Value, i32)| a.0["approval_code"].as_str().unwrap().to_owned();
    // For the other question it is a wrong code.
    let answer = gate.send(format!("Approve {} {first}", id(&two)));
    assert_eq!(status(&answer), ("not_authorized", 77), "{}", answer.0);
    assert!(!gate.path("one").exists() && !gate.path("two").exists());
    // It says itself which question it is for: nothing is ambiguous.
    assert_eq!(
        status(&gate.send(format!("Approve {first}"))),
        ("executed", 0)
    );
    assert!(gate.path("one").exists() && !gate.path("two").exists());
    assert_eq!(
        status(&gate.send(format!("Deny {}", code_of(&gate, "pager")))),
        ("denied", 0)
    );
    assert!(
        gate.records()
            .iter()
            .any(|r| r["event"] == "approval.denied" && r["approvers"] == json!(["bob (code)"]))
    );
    let _ = one;
}

#[test]
fn five_wrong_codes_lock_a_question_also_when_they_come_at_once() {
    let gate = with_codes();
    let asked = gate.ask("here", &touch(&gate, "mark"));
    let code = code_of(&gate, "phone");
    let answers: Vec<(Value, i32)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..32)
            .map(|n| {
                let gate = &gate;
                scope.spawn(move || {
                    gate.send(format!("Approve 2222{}-2345{}", n % 8 + 2, n / 8 + 2))
                })
            })
            .collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|a| status(a) == ("not_authorized", 77)));
    let wrong = answers
        .iter()
        .filter(|a| a.0["message"].as_str().unwrap().contains("more wrong"))
        .count();
    assert_eq!(wrong, 4, "the fifth locks");
    let locked = gate.send(format!("Approve {code}"));
    assert_eq!(status(&locked), ("not_authorized", 77));
    assert!(
        locked.0["message"].as_str().unwrap().contains("Five wrong"),
        "{}",
        locked.0
    );
    assert!(!gate.path("mark").exists());
    // The way out that the answer names.
    assert_eq!(
        status(&gate.send(format!(
            "Cancel {}",
            asked.0["approval_code"].as_str().unwrap()
        ))),
        ("cancelled", 0)
    );
    gate.ask("here", &touch(&gate, "mark"));
    assert_eq!(
        status(&gate.send(format!("Approve {}", code_of(&gate, "phone")))),
        ("executed", 0)
    );
}

#[test]
fn a_right_code_sent_64_times_at_once_is_one_run() {
    let gate = with_codes();
    fs::create_dir(gate.path("out")).unwrap();
    gate.ask(
        "here",
        &format!(
            "cp --backup=numbered /etc/hostname {}/mark",
            gate.path("out").display()
        ),
    );
    let code = code_of(&gate, "phone");
    let answers = gate.send_64_times(&format!("Approve {code}"));
    assert_eq!(
        answers
            .iter()
            .filter(|a| a.0["status"] == "executed")
            .count(),
        1
    );
    assert_eq!(fs::read_dir(gate.path("out")).unwrap().count(), 1);
    assert!(gate.verifies());
}

#[test]
fn no_code_is_ever_in_anything_the_gate_writes() {
    let gate = with_codes();
    let mut said = String::new();
    let asked = gate.ask("here", &touch(&gate, "mark"));
    let codes = [code_of(&gate, "phone"), code_of(&gate, "pager")];
    said.push_str(&asked.0.to_string());
    said.push_str(&gate.ask("here", &touch(&gate, "mark")).0.to_string());
    assert_eq!(
        [code_of(&gate, "phone"), code_of(&gate, "pager")],
        codes,
        "asked again, nobody is bothered again"
    );
    let id = asked.0["approval_code"].as_str().unwrap().to_owned();
    for args in [
        &["pending"][..],
        &["pending", "--json"],
        &["approval", "show", &id],
        &["approval", "show", &id, "--json"],
        &["approval", "show", &id, "--signable"],
        &["approver", "list"],
    ] {
        let output = gate
            .command(args)
            .env("AIOPS_LOG", "trace")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}");
        said.push_str(&String::from_utf8(output.stdout).unwrap());
        said.push_str(&String::from_utf8(output.stderr).unwrap());
    }
    // In the wrong place, it is not repeated either.
    said.push_str(
        &gate
            .send(json!({"reply": "approve", "approval": codes[0]}).to_string())
            .0
            .to_string(),
    );
    said.push_str(&gate.send(format!("Approve {}", codes[0])).0.to_string());
    let mut stored = fs::read_to_string(gate.path("audit.jsonl")).unwrap();
    for entry in walk(&gate.path("s")) {
        stored.push_str(&fs::read_to_string(entry).unwrap_or_default());
    }
    for code in &codes {
        for form in [code.clone(), code.replace('-', ""), code.to_lowercase()] {
            assert!(!said.contains(&form), "{form} in an output");
            assert!(!stored.contains(&form), "{form} on disk");
        }
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_channel_that_fails_is_told_and_tried_again_when_the_question_comes_again() {
    let gate = with_codes();
    let script = gate.path("phone.sh");
    let good = fs::read_to_string(&script).unwrap();
    fs::write(&script, "#!/bin/sh\nexit 9\n").unwrap();
    let asked = gate.ask("here", &touch(&gate, "mark"));
    assert_eq!(asked.0["notified"], json!(["bob by pager"]));
    assert!(
        asked.0["display"]
            .as_str()
            .unwrap()
            .contains("Not told: alice by phone: the program ended with exit status: 9")
    );
    let bobs = code_of(&gate, "pager");
    fs::write(&script, good).unwrap();
    let again = gate.ask("here", &touch(&gate, "mark"));
    assert_eq!(again.0["notified"], json!(["alice by phone"]));
    assert_eq!(again.0["approval_id"], asked.0["approval_id"]);
    assert_eq!(code_of(&gate, "pager"), bobs);
    assert_eq!(
        status(&gate.send(format!("Approve {}", code_of(&gate, "phone")))),
        ("executed", 0)
    );
}

#[test]
fn people_are_not_sent_more_than_so_many_questions_an_hour() {
    let gate = with_codes();
    let config = fs::read_to_string(gate.path("config.yml")).unwrap();
    gate.write(
        "config.yml",
        &format!("limits: {{ notices_per_hour: 3 }}\n{config}"),
    );
    for n in 0..3 {
        let asked = gate.ask("here", &touch(&gate, &format!("m{n}")));
        assert_eq!(status(&asked), ("approval_requested", 0), "{}", asked.0);
        assert_eq!(gate.ask("here", &touch(&gate, &format!("m{n}"))).1, 0);
        assert_eq!(gate.send("Cancel").0["status"], "cancelled");
    }
    let flood = gate.ask("here", &touch(&gate, "m4"));
    assert_eq!(status(&flood), ("rejected", 3));
    assert!(
        flood.0["message"]
            .as_str()
            .unwrap()
            .contains("within an hour"),
        "{}",
        flood.0
    );
    assert_eq!(gate.ask("here", "uptime").1, 0, "what runs at once goes on");
}

#[test]
fn a_configuration_under_which_nobody_can_approve_is_warned_of() {
    let gate = gate(
        "code, totp, unix",
        "approvers:\n  alice: { roles: [operator] }",
    );
    let check = || {
        let output = gate.command(&["config", "check"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(
        check()
            .contains("warning: a medium risk needs 1 approval, which cannot be had from: nobody")
    );
    gate.command(&["approver", "add", "alice", "--totp"])
        .output()
        .unwrap();
    assert!(!check().contains("warning"), "{}", check());
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &policy.replace("high: { approvals: 1 }", "high: { approvals: 2 }"),
    );
    assert!(
        check().contains("different people, which cannot be had from: alice"),
        "{}",
        check()
    );
}

#[test]
fn two_people_by_codes_are_a_quorum_and_one_twice_is_not() {
    let gate = with_codes();
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &policy.replace(
            "medium: { approvals: 1 }",
            "medium: { approvals: 2, roles: [operator] }",
        ),
    );
    gate.ask("here", &touch(&gate, "mark"));
    let (alice, bob) = (code_of(&gate, "phone"), code_of(&gate, "pager"));
    let first = gate.send(format!("Approve {bob}"));
    assert_eq!(status(&first), ("approved", 0), "{}", first.0);
    assert!(
        first.0["message"]
            .as_str()
            .unwrap()
            .contains("Still needed: operator"),
        "{}",
        first.0
    );
    let twice = gate.send(format!("Approve {bob}"));
    assert_eq!(status(&twice), ("not_authorized", 77), "{}", twice.0);
    assert_eq!(
        status(
            &gate.send(json!({"reply": "approve", "code": alice, "approver": "bob"}).to_string())
        ),
        ("not_authorized", 77),
        "whose proof it is counts, not whose it is said to be"
    );
    assert_eq!(
        status(&gate.send(format!("Approve {alice}"))),
        ("executed", 0)
    );
}

#[test]
fn one_denial_closes_what_others_approved() {
    let gate = with_codes();
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &policy.replace("medium: { approvals: 1 }", "medium: { approvals: 2 }"),
    );
    gate.ask("here", &touch(&gate, "mark"));
    let (alice, bob) = (code_of(&gate, "phone"), code_of(&gate, "pager"));
    assert_eq!(
        status(&gate.send(format!("Approve {alice}"))),
        ("approved", 0)
    );
    let denied = gate.send(format!("Deny {bob}"));
    assert_eq!(status(&denied), ("denied", 0), "{}", denied.0);
    assert_eq!(
        status(&gate.send(format!("Approve {bob}"))),
        ("nothing_pending", 4)
    );
    assert!(!gate.path("mark").exists());
}

#[test]
fn whoever_asked_or_relays_does_not_approve() {
    let gate = Gate::local();
    let notifiers =
        notifier(&gate, "phone") + &notifier(&gate, "pager") + &notifier(&gate, "watch");
    // alice is who asks by name, me is who asks by the kernel's word, bob is somebody else.
    gate.configure(&format!(
        "approvers:\n  alice: {{ notify: [phone] }}\n  me: {{ notify: [pager], unix: {} }}\n  bob: {{ notify: [watch] }}\nnotifiers:\n{notifiers}",
        user()
    ));
    gate.set_methods("code, unix");
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &policy.replace("separation: false", "separation: true"),
    );
    let mut message = request("here", &touch(&gate, "mark"));
    message["requester"] = json!("Alice");
    let asked = gate.send(message.to_string());
    assert_eq!(
        asked.0["notified"],
        json!(["bob by watch"]),
        "no code for whoever asked"
    );
    assert!(!gate.path("phone").exists() && !gate.path("pager").exists());
    let id = asked.0["approval_code"].as_str().unwrap();
    let own = gate.command(&["approve", id]).output().unwrap();
    assert_eq!(own.status.code(), Some(77));
    assert!(
        String::from_utf8(own.stdout)
            .unwrap()
            .contains("somebody else must approve")
    );
    assert_eq!(
        status(&gate.send(format!("Approve {}", code_of(&gate, "watch")))),
        ("executed", 0)
    );
}

// --- one-time passwords ------------------------------------------------------------------------

/// The password of a moment, by the real oathtool.
fn oathtool(secret: &str, now: &str) -> String {
    let output = Command::new("oathtool")
        .args(["--totp", "-b", "-N", now, secret])
        .output()
        .expect("oathtool is installed by tests/run.sh");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_one_time_password_of_a_real_authenticator_approves_once() {
    let gate = gate(
        "totp",
        "approvers:\n  alice: { roles: [operator] }\n  bob: {}",
    );
    let shown = gate
        .command(&["approver", "add", "alice", "--totp"])
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("otpauth://totp/") && shown.contains('█') && shown.lines().count() > 20,
        "{shown}"
    );
    let secret = shown
        .split("secret=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let file = gate.path("s/totp/alice.json");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        gate.command(&["approver", "add", "alice", "--totp"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(4),
        "not by accident"
    );
    assert_eq!(
        gate.command(&["approver", "add", "mallory", "--totp"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(64)
    );
    let asked = gate.ask("here", &touch(&gate, "mark"));
    assert!(
        asked.0["display"]
            .as_str()
            .unwrap()
            .contains("one-time password"),
        "{}",
        asked.0
    );
    let wrong = gate.send("Approve 000000");
    assert_eq!(status(&wrong), ("not_authorized", 77), "{}", wrong.0);
    let old = oathtool(secret, "10 minutes ago");
    assert_eq!(
        status(&gate.send(format!("Approve {old}"))),
        ("not_authorized", 77),
        "a stale one"
    );
    assert_eq!(
        status(
            &gate.send(
                json!({"reply": "approve", "code": oathtool(secret, "now"), "approver": "bob"})
                    .to_string()
            )
        ),
        ("not_authorized", 77),
        "bob has no secret"
    );
    let password = oathtool(secret, "now");
    let done = gate.send(format!(
        "Approve {} {password}",
        asked.0["approval_code"].as_str().unwrap()
    ));
    assert_eq!(status(&done), ("executed", 0), "{}", done.0);
    assert!(
        gate.records()
            .iter()
            .any(|r| r["approvers"] == json!(["alice (totp)"]))
    );
    gate.ask("here", &touch(&gate, "again"));
    let replayed = gate.send(format!("Approve {password}"));
    assert_eq!(status(&replayed), ("not_authorized", 77));
    assert!(
        replayed.0["message"]
            .as_str()
            .unwrap()
            .contains("used before"),
        "{}",
        replayed.0
    );
    assert!(!gate.path("again").exists());
    let text = fs::read_to_string(gate.path("audit.jsonl")).unwrap();
    assert!(!text.contains(secret));
}

#[test]
fn guessing_passwords_ends_in_a_pause() {
    let gate = gate("totp", "approvers:\n  alice: {}");
    let shown = gate
        .command(&["approver", "add", "alice", "--totp"])
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let secret = shown
        .split("secret=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    gate.ask("here", &touch(&gate, "mark"));
    std::thread::scope(|scope| {
        for n in 0..16 {
            let gate = &gate;
            scope.spawn(move || gate.send(format!("Approve {:06}", n * 7)));
        }
    });
    let answer = gate.send(format!("Approve {}", oathtool(&secret, "now")));
    assert_eq!(status(&answer), ("not_authorized", 77));
    assert!(
        answer.0["message"]
            .as_str()
            .unwrap()
            .contains("none is taken before"),
        "{}",
        answer.0
    );
    let stored: Value =
        serde_json::from_str(&fs::read_to_string(gate.path("s/totp/alice.json")).unwrap()).unwrap();
    assert_eq!(
        stored["wrong"], 5,
        "what came after the fifth was not even tried"
    );
    assert!(!gate.path("mark").exists());
}

// --- policies ------------------------------------------------------------------------------------

#[test]
fn a_production_policy_refuses_the_gateway_s_word() {
    let gate = Gate::local();
    let check = |text: &str| {
        gate.write("policies/p.yml", text);
        let output = Command::new(AIOPS)
            .args(["policy", "check"])
            .arg(gate.path("policies/p.yml"))
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let production = fs::read_to_string(gate.path("policies/production.yml")).unwrap();
    assert!(!production.contains("relay"));
    assert_eq!(check(&production).0, 0);
    let (code, why) = check(&production.replace("methods: [", "methods: [relay, "));
    assert!(code == 78 && why.contains("relay"), "{why}");
    let (code, why) = check(&production.replace(
        "high: { approvals: 2 }",
        "high: { approvals: 2, methods: [relay] }",
    ));
    assert!(code == 78 && why.contains("relay"), "{why}");
    let lab = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    let (code, why) = check(&lab.replace(
        "high: { approvals: 1 }",
        "high: { approvals: 1, methods: [relay] }",
    ));
    assert!(code == 78 && why.contains("never enough"), "{why}");
    let (code, why) = check(&lab.replace("methods: [relay,", "methods: [telepathy,"));
    assert!(code == 78 && why.contains("telepathy"), "{why}");
}

#[test]
fn the_gateway_s_word_needs_names_where_several_people_are_needed_and_never_reaches_high() {
    let gate = Gate::build(false, "approvers:\n  alice: {}\n  bob: {}");
    let policy = fs::read_to_string(gate.path("policies/lab.yml")).unwrap();
    gate.write(
        "policies/lab.yml",
        &policy.replace("medium: { approvals: 1 }", "medium: { approvals: 2 }"),
    );
    gate.ask("here", &touch(&gate, "mark"));
    let bare = gate.send("Approve");
    assert_eq!(
        status(&bare),
        ("not_authorized", 77),
        "a nameless reply could be the same person twice: {}",
        bare.0
    );
    let by = |name: &str| gate.send(json!({"reply": "approve", "approver": name}).to_string());
    assert_eq!(status(&by("alice")), ("approved", 0));
    assert_eq!(status(&by("alice")), ("not_authorized", 77));
    assert_eq!(status(&by("mallory")), ("not_authorized", 77));
    assert_eq!(status(&by("bob")), ("executed", 0));
    let asked = gate.ask("here", "systemctl mask nginx");
    assert_eq!(asked.0["risk_level"], "high", "{}", asked.0);
    assert_eq!(status(&by("alice")), ("not_authorized", 77));
}

// --- the page ---------------------------------------------------------------------------------------

const PAGE: &str = include_str!("../docs/approvals.md");

#[test]
fn the_page_on_approvals_names_only_tests_that_exist() {
    let mut code = String::new();
    for dir in ["tests", "src"] {
        for file in walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)) {
            code.push_str(&fs::read_to_string(file).unwrap_or_default());
        }
    }
    let mut named = 0;
    for row in PAGE
        .lines()
        .filter(|l| l.starts_with("| ") && l.ends_with(" |"))
    {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for token in tests.split('`').skip(1).step_by(2) {
            let name = token.rsplit(": ").next().unwrap();
            let is_file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("tests/{name}.rs"))
                .exists();
            if is_file || name.contains(['/', '.', ' ']) || !name.contains('_') {
                continue;
            }
            // The page shortens names: what is left of them must still be a test's.
            let mut parts = name.split('…').filter(|p| !p.is_empty());
            let first = parts.next().unwrap();
            let found = code.match_indices(&format!("fn {first}")).next().is_some()
                || (name.starts_with('…') && code.contains(first));
            assert!(found, "{name} in: {row}");
            named += 1;
        }
    }
    assert!(named > 25, "{named}");
}

#[test]
fn the_page_s_configuration_is_taken() {
    let gate = Gate::local();
    let block = PAGE
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    gate.write("token", "tk");
    fs::create_dir(gate.path("keys")).unwrap();
    gate.write("keys/ntfy", "tk");
    gate.configure(block);
    let output = gate.command(&["config", "check"]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let policy = fs::read_to_string(gate.path("policies/production.yml")).unwrap();
    let trust = PAGE
        .split("`trust: {")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    gate.write(
        "policies/production.yml",
        &format!("{policy}trust: {{{trust}\n"),
    );
    let output = Command::new(AIOPS)
        .args(["policy", "check"])
        .arg(gate.path("policies/production.yml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
