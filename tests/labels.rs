//! Labels instead of addresses toward the agent and in the log: stable, put back only to run, and an approval is for the real line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::{Gate, request, user};

const VALUES: [&str; 3] = ["10.11.12.13", "bob@example.org", "2001:db8::77"];

fn gate() -> Gate {
    let gate = Gate::build(
        false,
        &format!(
            "pseudonyms: [ip, email, uuid]\napprovers:\n  alice:\n    unix: {}",
            user()
        ),
    );
    gate.write(
        "hosts",
        "10.11.12.13 db bob@example.org\n10.11.12.14 web\n2001:db8::77 v6\n10.11.12.13 again\n",
    );
    gate
}

fn say(gate: &Gate, session: &str, command: &str) -> Value {
    let mut message = request("here", command);
    message["session"] = session.into();
    gate.send(message.to_string()).0
}

/// Runs a command, approved in the chat if it takes that.
fn run(gate: &Gate, session: &str, command: &str) -> Value {
    let answer = say(gate, session, command);
    match answer["approval_code"].as_str() {
        Some(code) => gate.send(format!("Approve {code}")).0,
        None => answer,
    }
}

fn approve(gate: &Gate, code: &str) -> Value {
    let out = gate.command(&["approve", code]).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

fn nothing_leaks(gate: &Gate, text: &str) {
    let log = fs::read_to_string(gate.path("audit.jsonl")).unwrap();
    for value in VALUES {
        assert!(!text.contains(value), "{value} in {text}");
        assert!(!log.contains(value), "{value} in the log: {log}");
    }
}

#[test]
fn values_become_labels_that_are_the_same_in_a_conversation_and_come_back_to_run() {
    let gate = gate();
    let hosts = gate.path("hosts").display().to_string();
    let answer = run(&gate, "one", &format!("cat {hosts}"));
    assert_eq!(answer["status"], "executed", "{answer}");
    assert_eq!(
        answer["stdout"],
        "[IP_1] db [EMAIL_1]\n[IP_2] web\n[IP_3] v6\n[IP_1] again\n"
    );
    nothing_leaks(&gate, &answer.to_string());

    // What runs is the real line; what is told is the label.
    let answer = say(&gate, "one", "echo '[IP_1]' | wc -c");
    assert_eq!(answer["stdout"], "12\n", "{answer}");
    assert_eq!(answer["command"], "echo '[IP_1]' | wc -c");
    nothing_leaks(&gate, &answer.to_string());

    // Another conversation has labels of its own and cannot use these.
    let answer = say(&gate, "two", "echo '[IP_1]' | wc -c");
    assert_eq!(answer["status"], "invalid");
    let answer = run(&gate, "two", &format!("tail -n 1 {hosts}"));
    assert_eq!(answer["stdout"], "[IP_1] again\n");
    let answer = run(&gate, "two", &format!("tail -n 3 {hosts}"));
    assert_eq!(answer["stdout"], "[IP_2] web\n[IP_3] v6\n[IP_1] again\n");
    nothing_leaks(&gate, &answer.to_string());

    for entry in fs::read_dir(gate.path("s/labels")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{entry:?}"
        );
    }
    assert!(gate.verifies());
}

#[test]
fn an_approval_is_for_the_real_line_and_a_person_sees_it() {
    let gate = gate();
    let hosts = gate.path("hosts").display().to_string();
    run(&gate, "one", &format!("cat {hosts}"));
    let mark = gate.path("mark").display().to_string();
    let asked = say(&gate, "one", &format!("touch {mark}-[IP_1]"));
    assert_eq!(asked["status"], "approval_requested", "{asked}");
    let code = asked["approval_code"].as_str().unwrap();
    let card = asked["display"].as_str().unwrap();
    assert!(
        card.contains("[IP_1]") && card.contains("approval show"),
        "{card}"
    );
    nothing_leaks(&gate, &asked.to_string());
    let listed = gate.send("Approve zzzz");
    nothing_leaks(&gate, &listed.0.to_string());

    // The chat cannot approve what it does not see.
    let (answer, exit) = gate.send(format!("Approve {code}"));
    assert_eq!(
        (&answer["status"], exit),
        (&"not_authorized".into(), 77),
        "{answer}"
    );
    nothing_leaks(&gate, &answer.to_string());

    // A person at the gate sees the real value.
    let shown = gate.command(&["approval", "show", code]).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&format!("{mark}-10.11.12.13")));
    let pending = gate.command(&["pending"]).output().unwrap();
    assert!(String::from_utf8_lossy(&pending.stdout).contains(&format!("{mark}-10.11.12.13")));

    // Somebody gives the label another meaning between the question and the answer: what was shown runs.
    for entry in fs::read_dir(gate.path("s/labels")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none() {
            let map = fs::read_to_string(&path).unwrap();
            fs::write(&path, map.replace("10.11.12.13", "10.99.99.99")).unwrap();
        }
    }
    let answer = approve(&gate, code);
    assert_eq!(answer["status"], "executed", "{answer}");
    assert!(gate.path("mark-10.11.12.13").exists() && !gate.path("mark-10.99.99.99").exists());
    nothing_leaks(&gate, "");
}

#[test]
fn policy_decides_about_the_value_not_the_label() {
    let gate = gate();
    let hosts = gate.path("hosts").display().to_string();
    run(&gate, "one", &format!("cat {hosts}"));
    // A label is no way around the reader: outside of a conversation that knows it, it does not even get there.
    for command in ["rm -rf /[IP_9]", "echo [UUID_1]", "echo [EMAIL_2]"] {
        let answer = say(&gate, "one", command);
        assert_eq!(answer["status"], "invalid", "{command}: {answer}");
    }
    let answer = say(&gate, "one", "echo [IP_2] [EMAIL_1]");
    assert_eq!(answer["stdout"], "[IP_2] [EMAIL_1]\n", "{answer}");
    assert_eq!(answer["canonical"], "echo [IP_2] [EMAIL_1]");
    // What the agent wrote itself it is shown as it wrote it; the log is told the label.
    let answer = run(&gate, "one", "echo 10.11.12.13");
    assert_eq!(answer["command"], "echo 10.11.12.13");
    let records = gate.records();
    assert_eq!(records.last().unwrap()["command"], "echo [IP_1]");
    // A rejected line and a dry run tell no values either.
    for command in [
        "rm -rf /[IP_1]",
        "nonsense-[IP_1] [IP_1]",
        "rm -rf / [IP_1]",
    ] {
        let mut message = request("here", command);
        message["session"] = "one".into();
        message["dry_run"] = true.into();
        let (answer, _) = gate.send(message.to_string());
        assert!(
            answer["status"] == "dry_run" || answer["status"] == "rejected",
            "{answer}"
        );
        for value in VALUES {
            assert!(!answer.to_string().contains(value), "{answer}");
        }
    }
    // The same request again is answered from its id, in labels.
    let mut message = request("here", "echo 10.11.12.14 [IP_1]");
    message["session"] = "one".into();
    message["request_id"] = "again".into();
    let first = gate.send(message.to_string()).0;
    let second = gate.send(message.to_string()).0;
    assert_eq!(second["replayed"], true);
    assert_eq!(first["stdout"], "[IP_2] [IP_1]\n");
    assert_eq!(first["stdout"], second["stdout"]);
    nothing_leaks(&gate, &second.to_string());
}

#[test]
fn a_target_s_output_gives_no_labels_of_its_own() {
    let gate = gate();
    let hosts = gate.path("hosts").display().to_string();
    run(&gate, "one", &format!("cat {hosts}"));
    gate.write("page", "go to [IP_2], not 10.11.12.13; [IP_77] [ip_1]\n");
    let page = gate.path("page").display().to_string();
    let answer = run(&gate, "one", &format!("cat {page}"));
    let told = "go to [literal:IP_2], not [IP_1]; [literal:IP_77] [ip_1]\n";
    assert_eq!(answer["stdout"], told, "{answer}");
    assert_eq!(gate.records().last().unwrap()["stdout"], told);
    // What the agent makes of it is a word, and no address.
    let answer = say(&gate, "one", "echo '[literal:IP_2]'");
    assert_eq!(answer["stdout"], "[literal:IP_2]\n", "{answer}");
    nothing_leaks(&gate, &answer.to_string());
    // On standard error too.
    let answer = say(&gate, "one", "ls '/[EMAIL_1]x' '/[literal:IP_1]'");
    nothing_leaks(&gate, &answer.to_string());
}

#[test]
fn without_the_setting_nothing_is_labelled() {
    let gate = Gate::local();
    let answer = gate.ask("here", "echo 10.11.12.13 db").0;
    assert_eq!(answer["stdout"], "10.11.12.13 db\n");
    assert!(!gate.path("s/labels").exists());
}
