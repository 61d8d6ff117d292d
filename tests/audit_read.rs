//! Reading the log and sending it elsewhere: what is found, what a report shows, what receivers get when they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use aiops::audit::{Entry, Event, Log};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{AIOPS, Gate, request};

fn run(gate: &Gate, args: &[&str]) -> (String, i32) {
    let out = gate.command(args).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (text, out.status.code().unwrap())
}

fn story() -> (Gate, String) {
    let gate = Gate::local();
    gate.ask("here", "uname -s");
    gate.ask("here", "rm -rf /");
    let mut asked = request("here", &format!("touch {}", gate.path("mark").display()));
    asked["reason"] = "<script>alert(1)</script>\u{1b}[31m".into();
    asked["requester"] = "=HYPERLINK(\"http://x\")".into();
    asked["request_id"] = "order-66".into();
    let id = gate.send(asked.to_string()).0["approval_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(gate.send("Approve").0["status"], "executed");
    gate.ask("here", "ls /aiops-no-such-folder");
    (gate, id)
}

#[test]
fn records_are_found_shown_traced_and_counted() {
    let (gate, id) = story();
    let count = |args: &[&str]| {
        let mut all = vec!["audit", "query", "--json"];
        all.extend(args);
        run(&gate, &all)
            .0
            .lines()
            .filter(|l| l.starts_with('{'))
            .count()
    };
    assert_eq!(count(&["--status", "rejected"]), 1);
    assert_eq!(
        count(&["--event", "run.finished", "--requester", "hermes"]),
        2
    );
    assert_eq!(
        count(&[
            "--event",
            "run.finished",
            "--event",
            "run.started",
            "-n",
            "3"
        ]),
        3
    );
    assert_eq!(count(&["--contains", "NO-SUCH"]), 2);
    assert_eq!(count(&["--risk", "forbidden"]), 1);
    assert_eq!(count(&["--since", "1h"]), gate.records().len());
    assert_eq!(count(&["--until", "1h"]), 0);
    assert_eq!(count(&["--target", "elsewhere"]), 0);
    let approver = gate
        .records()
        .iter()
        .find(|r| r["event"] == "approval.voted")
        .unwrap()["approvers"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let name = approver.split(" (").next().unwrap();
    assert!(count(&["--approver", name]) >= 1);
    assert_eq!(
        run(&gate, &["audit", "query", "--target", "elsewhere"]).1,
        4
    );
    assert_eq!(
        run(&gate, &["audit", "query", "--since", "yesterday"]).1,
        64
    );

    // Nothing of a record drives the terminal.
    for args in [
        vec!["audit", "query"],
        vec!["audit", "trace", &id],
        vec!["audit", "show", "4"],
        vec!["audit", "stats"],
        vec!["audit", "tail"],
    ] {
        let (text, code) = run(&gate, &args);
        assert!(
            code == 0 && !text.contains('\u{1b}') && !text.is_empty(),
            "{args:?} {text}"
        );
    }
    for key in [id.as_str(), "order-66"] {
        let (text, _) = run(&gate, &["audit", "trace", key]);
        for event in [
            "approval.requested",
            "approval.voted",
            "run.started",
            "run.finished",
        ] {
            assert!(text.contains(event), "{key}: {text}");
        }
        assert!(!text.contains("uname"));
    }
    assert_eq!(run(&gate, &["audit", "trace", "nothing"]).1, 4);
    let (text, code) = run(&gate, &["audit", "show", "2", "--json"]);
    assert!(code == 0 && serde_json::from_str::<Value>(&text).unwrap()["seq"] == 2);
    assert_eq!(run(&gate, &["audit", "show", "999"]).1, 4);
    let stats: Value = serde_json::from_str(&run(&gate, &["audit", "stats", "--json"]).0).unwrap();
    assert_eq!(
        (
            &stats["rejected"],
            &stats["nonzero"],
            &stats["wait_ms"]["count"]
        ),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(stats["runs"]["executed"], 3);

    // All of it over rotated files.
    assert_eq!(run(&gate, &["audit", "rotate", "--compress"]).1, 0);
    gate.ask("here", "uptime");
    assert_eq!(count(&["--status", "rejected"]), 1);
    assert!(
        run(&gate, &["audit", "trace", &id])
            .0
            .contains("run.finished")
    );
    assert_eq!(
        run(&gate, &["audit", "tail", "-n", "5"]).0.lines().count(),
        5
    );
}

#[test]
fn the_report_is_whole_and_nothing_in_it_is_markup_of_somebody_else_s() {
    let (gate, _) = story();
    let file = gate.path("report.html");
    let (text, code) = run(
        &gate,
        &[
            "audit",
            "report",
            "--since",
            "1d",
            "-o",
            file.to_str().unwrap(),
        ],
    );
    assert_eq!(code, 0, "{text}");
    let html = fs::read_to_string(&file).unwrap();
    for there in [
        "verified.",
        "rm -rf /",
        "no-such-folder",
        "touch",
        "exit 2",
        "default-src 'none'",
        "@media print",
        "max-width:45rem",
        "<svg",
        "&lt;",
        "executed",
    ] {
        let escaped = there.replace('\'', "&#39;");
        assert!(html.contains(there) || html.contains(&escaped), "{there}");
    }
    for absent in [
        "<script", "http://", "https://", "src=", "href=", "onload", "\u{1b}", "@import", "url(",
    ] {
        let body = html
            .replace("default-src", "")
            .replace("style-src", "")
            .replace("HYPERLINK(&quot;http://x", "");
        assert!(!body.contains(absent), "{absent}");
    }
    let (_, code) = run(
        &gate,
        &[
            "audit",
            "report",
            "--since",
            "2h",
            "-o",
            "/nonexistent/r.html",
        ],
    );
    assert_eq!(code, 73);
    // A log that does not verify gives a report that says so.
    let log = fs::read_to_string(gate.path("audit.jsonl")).unwrap();
    gate.write("audit.jsonl", &log.replacen("uname", "uncle", 1));
    let (html, code) = run(&gate, &["audit", "report"]);
    assert!(code == 4 && html.contains("NOT VERIFIED"));
}

#[test]
fn hostile_text_is_inert_in_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let log = Log::open(&path).unwrap();
    let hostile = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "' onmouseover='alert(3)",
        "\"><style>body{display:none}</style><a href=javascript:alert(4)>",
        "</code></td></table></main></html><meta http-equiv=refresh content=0>",
        "&lt;b&gt; &#60;i&#62; <!-- --> ]]> <![CDATA[",
        "\u{202e}gnp.exe\u{202c} \u{200b}\u{feff}\u{1b}[31m\u{0}\u{e0041}",
    ];
    for text in hostile {
        for event in [
            Event::RequestDecided,
            Event::RunFinished,
            Event::ApprovalRequested,
            Event::ApprovalVoted,
        ] {
            let mut entry = Entry::new(event);
            entry.target = Some(text.into());
            entry.command = Some(text.into());
            entry.requester = Some(text.into());
            entry.reason = Some(text.into());
            entry.why = Some(text.into());
            entry.approval_id = Some(text.into());
            entry.approvers = vec![text.into()];
            entry.status = Some(match event {
                Event::RequestDecided => "rejected".into(),
                _ => text.into(),
            });
            log.append(&entry).unwrap();
        }
    }
    let mut long = Entry::new(Event::RequestDecided);
    long.status = Some("rejected".into());
    long.target = Some("srv1".into());
    long.command = Some("W".repeat(60_000));
    log.append(&long).unwrap();
    let out = Command::new(AIOPS)
        .args(["audit", "report", "--log"])
        .arg(&path)
        .output()
        .unwrap();
    let html = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(0));
    // Every tag is one that the program writes itself, with the attributes that it writes.
    let tag = regex::Regex::new("<[^>]*>").unwrap();
    let own = regex::Regex::new(
        r#"^<(?:/?(?:html|main|header|section|table|thead|tbody|colgroup|tr|th|p|h1|h2|div|b|span|code|style|svg|title|time|br|i|meta|col|td|rect)(?: (?:[a-zA-Z-]+=(?:"[^"<>]*"|[A-Za-z0-9.-]+)|/))*|!doctype html)>$"#,
    )
    .unwrap();
    for found in tag.find_iter(&html) {
        let found = found.as_str();
        assert!(own.is_match(found), "{found}");
        assert!(
            !found.contains(" on") && !found.contains("javascript"),
            "{found}"
        );
    }
    assert!(!html.contains("<meta http-equiv=refresh"));
    assert!(html.contains("⟨U+202E⟩gnp.exe"), "what would hide is shown");
    for hides in html.chars().filter(|c| *c != '\n') {
        let seen =
            !hides.is_control() && !"\u{200b}\u{202e}\u{202c}\u{feff}\u{e0041}".contains(hides);
        assert!(seen, "{hides:?}");
    }
    assert!(
        html.contains("60006 characters") && html.len() < 200_000,
        "{}",
        html.len()
    );
}

#[test]
fn exports_have_a_line_for_each_record() {
    let (gate, _) = story();
    let records = gate.records().len();
    for format in ["jsonl", "cef", "ocsf", "otlp"] {
        let (text, code) = run(&gate, &["audit", "export", "--format", format]);
        assert!(
            code == 0 && text.lines().count() == records,
            "{format}: {text}"
        );
    }
    let (text, _) = run(&gate, &["audit", "export", "--format", "csv"]);
    assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{text}");
    let (text, _) = run(&gate, &["audit", "export", "--format", "jsonl"]);
    assert_eq!(text, fs::read_to_string(gate.path("audit.jsonl")).unwrap());
    let (text, code) = run(&gate, &["audit", "export", "--to", "https://h/v1/logs"]);
    assert!(code == 64 && text.contains("collector"), "{text}");
    let (_, code) = run(
        &gate,
        &["audit", "export", "--follow", "--status", "rejected"],
    );
    assert_eq!(code, 64, "a stream with gaps could not be resumed");
}

/// A log that grows, and an exporter that follows it.
struct Shipping {
    dir: tempfile::TempDir,
    log: Log,
    exporter: Option<Child>,
}

impl Shipping {
    fn new() -> Shipping {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(&dir.path().join("audit.jsonl")).unwrap();
        Shipping {
            dir,
            log,
            exporter: None,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("audit.jsonl")
    }

    fn add(&self, count: usize) {
        for n in 0..count {
            let mut entry = Entry::new(Event::RunFinished);
            entry.command = Some(format!("uptime {n}"));
            entry.stdout = Some("two\nlines".into());
            self.log.append(&entry).unwrap();
        }
    }

    fn start(&mut self, to: &str) {
        self.stop();
        let mut command = Command::new(AIOPS);
        command
            .args(["audit", "export", "--follow", "--to", to, "--log"])
            .arg(self.path())
            .arg("--cursor")
            .arg(self.dir.path().join("cursor"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.exporter = Some(command.spawn().unwrap());
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.exporter.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Shipping {
    fn drop(&mut self) {
        self.stop();
    }
}

fn seq_in(text: &str) -> u64 {
    let at = text
        .find("{\"seq\":")
        .unwrap_or_else(|| panic!("no record in {text}"));
    let record = &text[at..];
    let mut stream = serde_json::Deserializer::from_str(record).into_iter::<Value>();
    let value = stream.next().unwrap().unwrap();
    value["seq"].as_u64().unwrap()
}

fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{what}: not in time"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads octet-counted messages (RFC 6587) from one connection until it ends or `stop` of them have come.
fn read_frames(stream: std::net::TcpStream, stop: usize) -> Vec<u64> {
    stream
        .set_read_timeout(Some(Duration::from_millis(1500)))
        .unwrap();
    let mut reader = BufReader::new(stream);
    let mut seen = Vec::new();
    while seen.len() < stop {
        let mut length = Vec::new();
        if reader.read_until(b' ', &mut length).unwrap_or(0) == 0 {
            break;
        }
        let length: usize = String::from_utf8(length).unwrap().trim().parse().unwrap();
        let mut message = vec![0; length];
        if reader.read_exact(&mut message).is_err() {
            break;
        }
        let text = String::from_utf8(message).unwrap();
        assert!(text.starts_with("<86>1 20"), "{text}");
        seen.push(seq_in(&text));
    }
    seen
}

#[test]
fn syslog_over_tcp_loses_nothing_when_the_receiver_dies_and_comes_back() {
    let mut shipping = Shipping::new();
    shipping.add(40);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    shipping.start(&format!("tcp://127.0.0.1:{port}"));
    // It reads five, then dies with the rest unread.
    let (first, _) = listener.accept().unwrap();
    let mut seen: BTreeSet<u64> = read_frames(first, 5).into_iter().collect();
    drop(listener);
    shipping.add(10);
    std::thread::sleep(Duration::from_millis(500));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    shipping.add(10);
    wait_for("all 60 records", || {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            seen.extend(read_frames(stream, 60));
        }
        (seen.len() == 60).then_some(())
    });
    assert_eq!(seen, (1..=60).collect());
    // Killed and started again: it goes on, and may repeat but never skips.
    shipping.stop();
    shipping.add(5);
    Log::open(&shipping.path()).unwrap().rotate_now().unwrap();
    shipping.add(5);
    shipping.start(&format!("tcp://127.0.0.1:{port}"));
    wait_for("the last records", || {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            seen.extend(read_frames(stream, 200));
        }
        (seen.len() == 71).then_some(())
    });
}

#[test]
fn datagrams_and_the_journal_s_protocol_arrive_in_order() {
    let mut shipping = Shipping::new();
    shipping.add(5);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    shipping.start(&format!("udp://{}", udp.local_addr().unwrap()));
    let mut buffer = vec![0; 70_000];
    for seq in 1..=5 {
        let count = udp.recv(&mut buffer).unwrap();
        assert_eq!(seq_in(std::str::from_utf8(&buffer[..count]).unwrap()), seq);
    }
    wait_for("the cursor", || {
        fs::read_to_string(shipping.dir.path().join("cursor"))
            .ok()
            .filter(|c| c.contains(":5,"))
    });
    shipping.stop();

    // The same cursor, another receiver: a local socket that is not there yet, and goes away for a while.
    let socket = shipping.dir.path().join("log.sock");
    shipping.start(&format!("unix://{}", socket.display()));
    shipping.add(1);
    std::thread::sleep(Duration::from_millis(400));
    let receiver = UnixDatagram::bind(&socket).unwrap();
    receiver
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let count = receiver.recv(&mut buffer).unwrap();
    assert_eq!(seq_in(std::str::from_utf8(&buffer[..count]).unwrap()), 6);
    drop(receiver);
    fs::remove_file(&socket).unwrap();
    shipping.add(1);
    std::thread::sleep(Duration::from_millis(400));
    let receiver = UnixDatagram::bind(&socket).unwrap();
    receiver
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let count = receiver.recv(&mut buffer).unwrap();
    assert_eq!(seq_in(std::str::from_utf8(&buffer[..count]).unwrap()), 7);
    shipping.stop();

    shipping.add(1);
    let journal = shipping.dir.path().join("journal.sock");
    let receiver = UnixDatagram::bind(&journal).unwrap();
    receiver
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    fs::remove_file(shipping.dir.path().join("cursor")).unwrap();
    shipping.start(&format!("journald://{}", journal.display()));
    for seq in 1..=8u64 {
        let count = receiver.recv(&mut buffer).unwrap();
        let fields = journal_fields(&buffer[..count]);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(field("AIOPS_SEQ"), seq.to_string());
        assert_eq!(field("SYSLOG_IDENTIFIER"), "aiops");
        assert_eq!(seq_in(&field("AIOPS_RECORD")), seq);
    }
}

/// The journal's native protocol, as journald reads it.
fn journal_fields(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        let line = &bytes[..end];
        bytes = &bytes[end + 1..];
        if let Some(at) = line.iter().position(|b| *b == b'=') {
            fields.push((
                String::from_utf8(line[..at].to_vec()).unwrap(),
                String::from_utf8(line[at + 1..].to_vec()).unwrap(),
            ));
        } else {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            fields.push((
                String::from_utf8(line.to_vec()).unwrap(),
                String::from_utf8(bytes[8..8 + length].to_vec()).unwrap(),
            ));
            bytes = &bytes[8 + length + 1..];
        }
    }
    fields
}

/// One HTTP request: its body; answered with `status`.
fn serve(listener: &TcpListener, status: &str) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert_eq!(first, "POST /v1/logs HTTP/1.1\r\n");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(n) = line.strip_prefix("Content-Length: ") {
            length = n.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}").unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn otlp_seqs(body: &Value) -> Vec<u64> {
    body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| seq_in(r["body"]["stringValue"].as_str().unwrap()))
        .collect()
}

#[test]
fn otlp_is_sent_again_until_it_is_taken_and_never_past_a_refusal() {
    let mut shipping = Shipping::new();
    shipping.add(100);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}", listener.local_addr().unwrap());
    shipping.start(&to);
    let first = otlp_seqs(&serve(&listener, "503 Service Unavailable"));
    assert_eq!(first, (1..=64).collect::<Vec<_>>());
    assert_eq!(otlp_seqs(&serve(&listener, "429 Too Many Requests")), first);
    assert_eq!(otlp_seqs(&serve(&listener, "200 OK")), first);
    // Refused for good: it stops, says so, and the cursor stays.
    assert_eq!(
        otlp_seqs(&serve(&listener, "400 Bad Request")),
        (65..=100).collect::<Vec<_>>()
    );
    let status = shipping.exporter.take().unwrap().wait().unwrap();
    assert_eq!(status.code(), Some(5));
    shipping.start(&to);
    assert_eq!(
        otlp_seqs(&serve(&listener, "200 OK")),
        (65..=100).collect::<Vec<_>>()
    );
    wait_for("the cursor", || {
        fs::read_to_string(shipping.dir.path().join("cursor"))
            .ok()
            .filter(|c| c.contains(":100,"))
    });
    shipping.stop();

    // A log that was cut or rewritten is not gone on with.
    let lines = fs::read_to_string(shipping.path()).unwrap();
    let cut: String = lines.lines().take(90).map(|l| format!("{l}\n")).collect();
    fs::write(shipping.path(), cut).unwrap();
    assert!(refuses(&shipping, &to).contains("cut, rewritten or exchanged"));
    fs::write(shipping.dir.path().join("cursor"), "nonsense").unwrap();
    assert!(refuses(&shipping, &to).contains("no cursor"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    /// Whatever stands in a record, every form has one line for it, and JSON forms are JSON.
    #[test]
    fn no_text_breaks_out_of_an_export(text in "\\PC{0,20}|[\\x00-\\x7f]{0,20}|[=+@|,;\"'<>&\\\\\n\r\t\\]-]{0,12}") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = Log::open(&path).unwrap();
        let mut entry = Entry::new(Event::ApprovalRequested);
        for field in [&mut entry.command, &mut entry.canonical, &mut entry.reason, &mut entry.requester, &mut entry.target,
            &mut entry.session, &mut entry.why, &mut entry.status, &mut entry.approval_id, &mut entry.stdout, &mut entry.stderr] {
            *field = Some(text.clone());
        }
        entry.approvers = vec![text.clone()];
        entry.rules = vec![text.clone()];
        log.append(&entry).unwrap();
        use aiops::audit::export::Format;
        let mut seen = 0;
        aiops::audit::stream::each(&path, |record| {
            seen += 1;
            for format in [Format::Jsonl, Format::Cef, Format::Ocsf, Format::Otlp] {
                let line = format.line(&record);
                assert!(!line.contains(['\n', '\r']), "{format:?} {line:?}");
                if format != Format::Cef {
                    serde_json::from_str::<Value>(&line).unwrap();
                }
            }
            let csv = Format::Csv.line(&record);
            // Outside of quotes there are only commas.
            let outside: String = csv.replace("\"\"", "").split('"').step_by(2).collect();
            assert!(outside.chars().all(|c| c == ','), "{csv:?}");
            let shown = aiops::audit::query::show(&record) + &aiops::audit::query::tell(&[record], false);
            assert!(!shown.chars().any(|c| c != '\n' && aiops::display::is_deceptive(c)), "{shown:?}");
            Ok(true)
        }).unwrap();
        assert_eq!(seen, 1);
        let report = aiops::audit::verify::verify(&path).unwrap();
        let html = aiops::audit::report::html(&path, &aiops::audit::query::Filter::default(), &report).unwrap();
        let tags = html.split('<').skip(1).filter(|t| t.starts_with(|c: char| c.is_ascii_alphabetic())).count();
        let plain = {
            let other = dir.path().join("plain.jsonl");
            entry.command = Some("plain".into());
            for field in [&mut entry.canonical, &mut entry.reason, &mut entry.requester, &mut entry.target, &mut entry.session,
                &mut entry.why, &mut entry.status, &mut entry.approval_id] {
                *field = Some("plain".into());
            }
            entry.approvers = vec!["plain".into()];
            Log::open(&other).unwrap().append(&entry).unwrap();
            let html = aiops::audit::report::html(&other, &aiops::audit::query::Filter::default(), &report).unwrap();
            html.split('<').skip(1).filter(|t| t.starts_with(|c: char| c.is_ascii_alphabetic())).count()
        };
        // Empty names leave rows out; nothing adds a tag.
        assert!(tags <= plain, "{html}");
    }
}

fn refuses(shipping: &Shipping, to: &str) -> String {
    let out = Command::new(AIOPS)
        .args(["audit", "export", "--to", to, "--log"])
        .arg(shipping.path())
        .arg("--cursor")
        .arg(shipping.dir.path().join("cursor"))
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(5));
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn following_to_a_pipe_sees_every_record_over_rotations() {
    let shipping = Shipping::new();
    shipping.add(3);
    let follow = |command: &[&str], log: &Path| {
        Command::new(AIOPS)
            .args(command)
            .arg("--log")
            .arg(log)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut export = follow(&["audit", "export", "--follow"], &shipping.path());
    let mut tail = follow(&["audit", "tail", "-f", "-n", "1"], &shipping.path());
    let mut exported = BufReader::new(export.stdout.take().unwrap()).lines();
    let mut tailed = BufReader::new(tail.stdout.take().unwrap()).lines();
    for seq in 1..=3 {
        assert_eq!(seq_in(&exported.next().unwrap().unwrap()), seq);
    }
    assert!(
        tailed
            .next()
            .unwrap()
            .unwrap()
            .trim_start()
            .starts_with("3 ")
    );
    for round in 0..5 {
        let rotation = aiops::audit::rotate::Rotation {
            compress: round % 2 == 0,
            ..Default::default()
        };
        Log::open_rotating(&shipping.path(), rotation)
            .unwrap()
            .rotate_now()
            .unwrap();
        shipping.add(2);
    }
    for seq in 4..=18 {
        assert_eq!(seq_in(&exported.next().unwrap().unwrap()), seq);
        assert!(
            tailed
                .next()
                .unwrap()
                .unwrap()
                .trim_start()
                .starts_with(&format!("{seq} "))
        );
    }
    for mut child in [export, tail] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
