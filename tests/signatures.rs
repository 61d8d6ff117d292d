//! Approvals by signature, with the real `ssh-keygen`.
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
use support::{Gate, fed, keygen, sign, status, touch};

fn signable(gate: &Gate, code: &str) -> Vec<u8> {
    let output = gate
        .command(&["approval", "show", code, "--signable"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

fn with_keys() -> Gate {
    let gate = Gate::local();
    let mut signers = String::new();
    for name in ["alice", "bob", "mallory"] {
        keygen(&gate.path(name));
        let public = fs::read_to_string(gate.path(&format!("{name}.pub"))).unwrap();
        if name != "mallory" {
            signers.push_str(&format!("{name} namespaces=\"aiops-approval\" {public}"));
        }
    }
    gate.write("allowed_signers", &signers);
    gate.configure(
        "approvers:\n  alice: { roles: [operator] }\n  bob: {}\nallowed_signers: allowed_signers",
    );
    gate.set_methods("ssh");
    gate
}

#[test]
fn a_signature_by_the_real_ssh_keygen_approves_what_was_signed_and_nothing_else() {
    let gate = with_keys();
    let one = gate.ask("here", &touch(&gate, "one"));
    let two = gate.ask("here", &touch(&gate, "two"));
    let id = |a: &(Value, i32)| a.0["approval_code"].as_str().unwrap().to_owned();
    let text = signable(&gate, &id(&one));
    let shown = String::from_utf8(text.clone()).unwrap();
    assert!(
        shown.contains(&touch(&gate, "one")) && shown.contains("digest: "),
        "{shown}"
    );
    let good = sign(&gate, "alice", "aiops-approval", &text);
    let reply = |approval: &str, signature: &str| {
        gate.send(
            json!({"reply": "approve", "approval": approval, "signature": signature}).to_string(),
        )
    };
    let changed = shown.replace("one", "two");
    for (what, approval, signature) in [
        ("over another approval", id(&two), good.clone()),
        (
            "in another namespace",
            id(&one),
            sign(&gate, "alice", "file", &text),
        ),
        (
            "by a stranger's key",
            id(&one),
            sign(&gate, "mallory", "aiops-approval", &text),
        ),
        (
            "over a changed text",
            id(&one),
            sign(&gate, "alice", "aiops-approval", changed.as_bytes()),
        ),
        (
            "not a signature",
            id(&one),
            "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----".into(),
        ),
        ("a file's name", id(&one), "/etc/passwd".into()),
    ] {
        let answer = reply(&approval, &signature);
        assert_eq!(
            status(&answer),
            ("not_authorized", 77),
            "{what}: {}",
            answer.0
        );
    }
    assert!(!gate.path("one").exists() && !gate.path("two").exists());
    assert_eq!(
        fs::read_dir(gate.path("s/scratch")).unwrap().count(),
        0,
        "nothing is left lying about"
    );
    let done = reply(&id(&one), &good);
    assert_eq!(status(&done), ("executed", 0), "{}", done.0);
    assert!(gate.path("one").exists() && !gate.path("two").exists());
    assert!(
        gate.records()
            .iter()
            .any(|r| r["approvers"] == json!(["alice (ssh)"]))
    );
    assert_eq!(
        status(&reply(&id(&one), &good)),
        ("nothing_pending", 4),
        "spent"
    );
    // Asked anew, the same command is another approval: the old signature is worth nothing.
    let again = gate.ask("here", &touch(&gate, "one"));
    assert_eq!(status(&reply(&id(&again), &good)), ("not_authorized", 77));
}

#[test]
fn a_signature_may_come_by_the_command_line() {
    let gate = with_keys();
    let asked = gate.ask("here", &touch(&gate, "mark"));
    let id = asked.0["approval_code"].as_str().unwrap();
    let signature = sign(&gate, "bob", "aiops-approval", &signable(&gate, id));
    let output = fed(&mut gate.command(&["approve", id, "--signed"]), signature);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(gate.path("mark").exists());
}

#[test]
fn an_allowed_signers_file_that_others_can_write_is_refused() {
    let gate = with_keys();
    fs::set_permissions(
        gate.path("allowed_signers"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    assert_eq!(status(&gate.ask("here", "uptime")), ("failed", 78));
}
