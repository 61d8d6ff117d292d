//! Files in the state folder that others put there, floods of questions, and chains of commands.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use support::{Gate, status, touch, user};

/// The only file in a folder of the state that is no lock.
fn only(gate: &Gate, dir: &str) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(gate.path("s").join(dir))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.pop().unwrap()
}

#[test]
fn no_kind_of_state_is_taken_from_a_link_a_stranger_or_an_open_file() {
    type Make = fn(&Gate);
    let kinds: [(&str, &str, Make); 3] = [
        ("approvals/pending", "Approve", |_| {}),
        ("freeze", "Approve", |g| {
            assert!(
                g.command(&["freeze", "--target", "here", "x"])
                    .output()
                    .unwrap()
                    .status
                    .success()
            );
        }),
        ("totp", "Approve 123456", |g| {
            assert!(
                g.command(&["approver", "add", "me", "--totp"])
                    .output()
                    .unwrap()
                    .status
                    .success()
            );
        }),
    ];
    for (dir, reply, make) in kinds {
        let gate = Gate::build(false, &format!("approvers:\n  me: {{ unix: {} }}", user()));
        gate.ask("here", &touch(&gate, "mark"));
        make(&gate);
        let file = only(&gate, dir);
        let good = fs::read(&file).unwrap();
        let refused = |what: &str| {
            let answer = gate.send(reply);
            assert!(
                answer.1 == 73 || answer.1 == 77,
                "{dir}: {what}: {}",
                answer.0
            );
            assert!(!gate.path("mark").exists(), "{dir}: {what}");
        };
        let put = || {
            let _ = fs::remove_file(&file);
            fs::write(&file, &good).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        };
        fs::rename(&file, gate.path("elsewhere")).unwrap();
        symlink(gate.path("elsewhere"), &file).unwrap();
        refused("a link");
        put();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        refused("a file that others can write");
        put();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        refused("a file that others can read");
        if nix::unistd::geteuid().is_root() {
            put();
            chown(&file, Some(65534), Some(65534)).unwrap();
            refused("a stranger's file");
        }
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        refused("a folder");
        fs::remove_dir(&file).unwrap();
        fs::write(&file, "{\"id\":").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        refused("half a file");
        let _ = fs::remove_file(&file);
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        refused("a pipe that nobody writes to");
    }
}

#[test]
fn a_folder_of_the_state_that_others_can_write_stops_everything() {
    for dir in ["s/approvals/pending", "s/approvals", "s/approvals/claims"] {
        let gate = Gate::local();
        gate.ask("here", &touch(&gate, "mark"));
        fs::set_permissions(gate.path(dir), fs::Permissions::from_mode(0o777)).unwrap();
        let answer = gate.send("Approve");
        assert_eq!(status(&answer), ("failed", 73), "{dir}: {}", answer.0);
        assert!(!gate.path("mark").exists());
    }
}

#[test]
fn what_a_question_binds_cannot_be_changed_in_the_store() {
    let gate = Gate::local();
    gate.ask("here", &touch(&gate, "mark"));
    let file = only(&gate, "approvals/pending");
    let stored: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    // What the digest binds cannot be changed without it showing.
    for (what, pointer, value) in [
        ("command", "/question/canonical", json!("rm -rf /")),
        ("source", "/question/command", json!("uptime")),
        ("quorum", "/question/quorum/need", json!(0)),
        ("requester", "/question/requester", json!("somebody")),
        ("caller", "/question/caller", json!(4711)),
        ("session", "/question/session", json!("x")),
        ("policy", "/question/policy_hash", json!("0")),
        (
            "target",
            "/question/target_identity",
            json!("ssh://root@evil"),
        ),
        ("time limit", "/question/timeout_s", json!(1)),
        (
            "expiry",
            "/question/expires_at",
            json!("2099-01-01T00:00:00Z"),
        ),
        ("id", "/id", json!("01990000-0000-7000-8000-000000000000")),
        ("unknown field", "/more", json!(1)),
    ] {
        let mut forged = stored.clone();
        match forged.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => forged["more"] = value,
        }
        gate.write("forged", &forged.to_string());
        fs::rename(gate.path("forged"), &file).unwrap();
        let answer = gate.send("Approve");
        assert_eq!(status(&answer), ("failed", 73), "{what}: {}", answer.0);
        assert!(!gate.path("mark").exists(), "{what}");
    }
    gate.write("good", &stored.to_string());
    fs::rename(gate.path("good"), &file).unwrap();
    assert_eq!(status(&gate.send("Approve")), ("executed", 0));
}

#[test]
fn a_flood_of_questions_ends_at_the_limit_and_the_same_one_is_one() {
    let gate = Gate::build(false, "limits: { pending_per_requester: 3 }");
    for n in 0..3 {
        for _ in 0..4 {
            assert_eq!(
                status(&gate.ask("here", &touch(&gate, &format!("m{n}")))),
                ("approval_requested", 0)
            );
        }
    }
    let answer = gate.ask("here", &touch(&gate, "m4"));
    assert_eq!(status(&answer), ("rejected", 3));
    assert!(
        answer.0["message"]
            .as_str()
            .unwrap()
            .contains("3 requests are waiting"),
        "{}",
        answer.0
    );
    let answer = gate.send("Approve");
    assert_eq!(
        (
            status(&answer).0,
            answer.0["pending"].as_array().unwrap().len()
        ),
        ("ambiguous", 3)
    );
}

#[test]
fn a_chain_is_asked_about_at_its_highest_impact() {
    let gate = Gate::local();
    let alone = gate.ask("here", &touch(&gate, "a"));
    assert_eq!(
        (&alone.0["risk_level"], &alone.0["reversibility"]),
        (&json!("medium"), &json!("reversible"))
    );
    gate.send("Cancel");
    for line in [
        format!("{} && rm /var/tmp/aiops-none", touch(&gate, "a")),
        format!("uptime; rm /var/tmp/aiops-none; {}", touch(&gate, "a")),
        "sudo timeout 5 rm /var/tmp/aiops-none".to_owned(),
        "sh -c 'uptime; rm /var/tmp/aiops-none'".to_owned(),
    ] {
        let asked = gate.ask("here", &line);
        assert_eq!(
            status(&asked),
            ("approval_requested", 0),
            "{line}: {}",
            asked.0
        );
        assert_eq!(
            (&asked.0["risk_level"], &asked.0["reversibility"]),
            (&json!("high"), &json!("irreversible")),
            "{line}"
        );
        let card = asked.0["display"].as_str().unwrap();
        assert!(
            card.contains("Undo: cannot be undone") && card.contains(&line),
            "{card}"
        );
        gate.send("Cancel");
    }
    assert_eq!(
        status(&gate.ask("here", &format!("{}; rm -rf /", touch(&gate, "a")))),
        ("rejected", 3)
    );
}

#[test]
fn a_long_command_is_shown_whole_to_its_last_character() {
    let gate = Gate::local();
    let line = format!(
        "touch {}{}/end-of-it",
        gate.dir.path().display(),
        "/aaaaaaaaaaaaaaaa".repeat(3000)
    );
    let asked = gate.ask("here", &line);
    assert_eq!(status(&asked), ("approval_requested", 0));
    assert!(asked.0["display"].as_str().unwrap().contains(&line));
}
