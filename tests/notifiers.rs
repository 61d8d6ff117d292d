//! Questions that reach people past the agent: webhooks in their makers' shapes, and mail through a real mail server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Gate, request, status, touch};

/// Takes one HTTP request and answers with that status: head and body.
fn receiver(status: &'static str) -> (u16, std::thread::JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0u8; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length: usize = head
                    .lines()
                    .find_map(|l| {
                        l.to_lowercase()
                            .strip_prefix("content-length: ")
                            .map(|n| n.trim().parse().unwrap())
                    })
                    .unwrap_or(0);
                if body.len() >= length {
                    stream
                        .write_all(
                            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes(),
                        )
                        .unwrap();
                    return (head.to_owned(), body.to_owned());
                }
            }
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "{text}");
            bytes.extend_from_slice(&buffer[..count]);
        }
    });
    (port, thread)
}

/// The one-time code in a text that a human gets.
fn code_in(text: &str) -> String {
    let at = text.find("Approve ").unwrap() + 8;
    text[at..at + 11].to_owned()
}

#[test]
fn webhooks_in_the_shapes_of_ntfy_slack_and_telegram_carry_the_code() {
    for kind in ["ntfy", "slack", "telegram", "webhook"] {
        let gate = Gate::local();
        let (port, thread) = receiver("200 OK");
        gate.write("token", "tk_secret\n");
        let notifier = match kind {
            "telegram" => {
                format!("url: 'http://127.0.0.1:{port}', token_file: token, chat: '4711'")
            }
            "slack" => {
                gate.write("url", &format!("http://127.0.0.1:{port}/services/T/B/x\n"));
                "url_file: url".to_owned()
            }
            _ => format!("url: 'http://127.0.0.1:{port}/topic', token_file: token"),
        };
        gate.configure(&format!(
            "approvers:\n  alice: {{ notify: [n] }}\nnotifiers:\n  n: {{ type: {kind}, {notifier} }}"
        ));
        gate.set_methods("code");
        let mut message = request("here", &touch(&gate, "mark"));
        message["reason"] =
            json!("quote \" backslash \\ \nurl = \"http://evil.example\" <!channel> é");
        let asked = gate.send(message.to_string());
        assert_eq!(
            asked.0["notified"],
            json!(["alice by n"]),
            "{kind}: {}",
            asked.0
        );
        let (head, body) = thread.join().unwrap();
        let lower = head.to_lowercase();
        let text = match kind {
            "ntfy" => {
                assert!(
                    head.starts_with("POST /topic ")
                        && lower.contains("title: approval required: here"),
                    "{head}"
                );
                assert!(head.contains("Authorization: Bearer tk_secret"), "{head}");
                body
            }
            "slack" => {
                assert!(
                    head.starts_with("POST /services/T/B/x ") && !body.contains("<!channel>"),
                    "{head} {body}"
                );
                serde_json::from_str::<Value>(&body).unwrap()["text"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            }
            "telegram" => {
                assert!(
                    head.starts_with("POST /bottk_secret/sendMessage "),
                    "{head}"
                );
                let json: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(json["chat_id"], "4711");
                json["text"].as_str().unwrap().to_owned()
            }
            _ => serde_json::from_str::<Value>(&body).unwrap()["text"]
                .as_str()
                .unwrap()
                .to_owned(),
        };
        assert!(
            text.contains("Approval required") && text.contains("é"),
            "{kind}: {text}"
        );
        assert!(
            text.contains(r#"quote " backslash \ ⏎url"#),
            "{kind}: {text}"
        );
        assert_eq!(
            status(&gate.send(format!("Approve {}", code_in(&text)))),
            ("executed", 0),
            "{kind}"
        );
        let stored = fs::read_to_string(gate.path("audit.jsonl")).unwrap();
        assert!(!stored.contains("tk_secret"), "{kind}");
    }
}

#[test]
fn a_webhook_that_refuses_or_is_not_there_is_told() {
    let gate = Gate::local();
    let (port, thread) = receiver("403 Forbidden");
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    gate.configure(&format!(
        "approvers:\n  alice: {{ notify: [a, b] }}\nnotifiers:\n  a: {{ type: ntfy, url: 'http://127.0.0.1:{port}/x' }}\n  b: {{ type: ntfy, url: 'http://127.0.0.1:{nobody}/x' }}"
    ));
    gate.set_methods("code");
    let asked = gate.ask("here", &touch(&gate, "mark"));
    thread.join().unwrap();
    assert_eq!(asked.0["notified"], Value::Null);
    let card = asked.0["display"].as_str().unwrap();
    assert!(
        card.contains("alice by a: it answered with an HTTP error")
            && card.contains("alice by b: its host takes no connection"),
        "{card}"
    );
    assert!(card.contains("nobody can approve this yet"), "{card}");
    assert!(
        gate.records()
            .iter()
            .any(|r| r["event"] == "approval.notified" && r["status"] == "failed")
    );
}

#[test]
fn mail_through_a_real_mail_server_carries_the_code() {
    let Some(exim) = ["/usr/sbin/exim4", "/usr/sbin/exim"]
        .iter()
        .find(|p| std::path::Path::new(p).exists())
    else {
        panic!("exim4 is installed by tests/run.sh");
    };
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: a private exim with its own configuration needs root");
        return;
    }
    let gate = Gate::local();
    let d = gate.dir.path().display().to_string();
    for name in ["mail", "mail/spool", "mail/log"] {
        fs::create_dir(gate.path(name)).unwrap();
        Command::new("chown")
            .args(["Debian-exim:"])
            .arg(gate.path(name))
            .status()
            .unwrap();
    }
    fs::set_permissions(gate.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    gate.write(
        "mail/exim.conf",
        &format!(
            "primary_hostname = gateway.example\nspool_directory = {d}/mail/spool\nlog_file_path = {d}/mail/log/%slog\n\
             domainlist local_domains = gateway.example\nnever_users =\nacl_not_smtp = accept\nkeep_environment =\nqualify_domain = gateway.example\n\
             begin acl\nbegin routers\nlocal:\n  driver = accept\n  domains = +local_domains\n  transport = file\n\
             begin transports\nfile:\n  driver = appendfile\n  file = {d}/mail/box\n  user = Debian-exim\n  delivery_date_add\n"
        ),
    );
    fs::set_permissions(
        gate.path("mail/exim.conf"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let sendmail = gate.path("sendmail");
    fs::write(
        &sendmail,
        format!("#!/bin/sh\nexec {exim} -C {d}/mail/exim.conf -odf \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o755)).unwrap();
    gate.configure(&format!(
        "approvers:\n  alice: {{ notify: [m] }}\nnotifiers:\n  m: {{ type: mail, to: alice@gateway.example, from: aiops@gateway.example, sendmail: {} }}",
        sendmail.display()
    ));
    gate.set_methods("code");
    let mut message = request("here", &touch(&gate, "mark"));
    message["reason"] = json!(format!(
        "é {}\n.\nTo: everybody@example.org",
        "long ".repeat(400)
    ));
    let asked = gate.send(message.to_string());
    assert_eq!(asked.0["notified"], json!(["alice by m"]), "{}", asked.0);
    let mail = fs::read_to_string(gate.path("mail/box")).unwrap();
    let (head, body) = mail.split_once("\n\n").unwrap();
    assert!(
        head.contains("Subject: Approval required: here (medium risk)")
            && head.contains("To: alice@gateway.example"),
        "{head}"
    );
    assert!(!head.contains("everybody"), "{head}");
    let text = body.replace("=\n", "").replace("=E2=80=94", "—");
    assert!(
        text.contains("Reason: =C3=A9 long long") && text.contains("Risk: medium — "),
        "{text}"
    );
    assert_eq!(
        status(&gate.send(format!("Approve {}", code_in(&text)))),
        ("executed", 0),
        "{text}"
    );
}
