//! Real receivers of the log: rsyslogd, killed and started again, and systemd's journald.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use aiops::audit::{Entry, Event, Log};
use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::AIOPS;

fn add(log: &Log, count: usize) {
    for n in 0..count {
        let mut entry = Entry::new(Event::RunFinished);
        entry.target = Some("srv]\"1\\".into());
        entry.command = Some(format!("echo {n} 'ü \u{202e}'"));
        entry.stdout = Some("many\nlines\t".repeat(n * 20));
        log.append(&entry).unwrap();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/lib/systemd", "/usr/lib/systemd"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists())
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn rsyslogd(dir: &Path, port: u16) -> Stopped {
    let d = dir.display();
    let config = format!(
        "global(workDirectory=\"{d}\" maxMessageSize=\"512k\")\n\
         module(load=\"imtcp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\" ruleset=\"r\")\n\
         input(type=\"imuxsock\" Socket=\"{d}/log.sock\" UseSpecialParser=\"off\" ruleset=\"r\")\n\
         template(name=\"t\" type=\"string\" string=\"%inputname%\\t%app-name%\\t%msgid%\\t%pri-text%\\t%msg%\\n\")\n\
         ruleset(name=\"r\") {{ action(type=\"omfile\" file=\"{d}/out\" template=\"t\") }}\n"
    );
    fs::write(dir.join("rsyslog.conf"), config).unwrap();
    let _ = fs::remove_file(dir.join("log.sock"));
    let child = Command::new(program("rsyslogd").expect("rsyslog is installed by tests/run.sh"))
        .args(["-n", "-f"])
        .arg(dir.join("rsyslog.conf"))
        .arg("-i")
        .arg(dir.join("pid"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("rsyslogd", || {
        (TcpStream::connect(("127.0.0.1", port)).is_ok() && dir.join("log.sock").exists())
            .then_some(())
    });
    Stopped(child)
}

fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what}: not in time"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The records that rsyslogd wrote down from one of its inputs.
fn written(dir: &Path, input: &str) -> Vec<String> {
    fs::read_to_string(dir.join("out"))
        .unwrap_or_default()
        .lines()
        .filter(|l| l.starts_with(input))
        .map(|l| {
            let fields: Vec<&str> = l.splitn(5, '\t').collect();
            assert_eq!(
                &fields[1..4],
                ["aiops", "run.finished", "authpriv.info"],
                "{l:.200}"
            );
            fields[4].trim_start().to_owned()
        })
        .collect()
}

#[test]
fn rsyslogd_gets_every_record_as_it_is_though_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let log = Log::open(&path).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    add(&log, 30);
    let daemon = rsyslogd(dir.path(), port);
    let export = |more: &[&str]| {
        Command::new(AIOPS)
            .args(["audit", "export", "--log"])
            .arg(&path)
            .args(more)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let socket = format!("unix://{}/log.sock", dir.path().display());
    assert!(export(&["--to", &socket]).wait().unwrap().success());
    let records = || -> Vec<String> {
        fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    };
    wait_for("the local socket", || {
        (written(dir.path(), "imuxsock").len() == 30).then_some(())
    });
    assert_eq!(written(dir.path(), "imuxsock"), records());

    let cursor = dir.path().join("cursor").display().to_string();
    let to = format!("tcp://127.0.0.1:{port}");
    let _exporter = Stopped(export(&["--follow", "--to", &to, "--cursor", &cursor]));
    wait_for("the first records", || {
        (written(dir.path(), "imtcp").len() >= 30).then_some(())
    });
    drop(daemon);
    add(&log, 30);
    std::thread::sleep(Duration::from_millis(500));
    let _daemon = rsyslogd(dir.path(), port);
    add(&log, 30);
    let wanted: BTreeSet<String> = records().into_iter().collect();
    assert_eq!(wanted.len(), 90);
    wait_for("all records", || {
        let there: BTreeSet<String> = written(dir.path(), "imtcp").into_iter().collect();
        (there == wanted).then_some(())
    });
}

/// An OpenTelemetry Collector written by others, where there is one: Rotel (its Python package brings
/// the program), named by AIOPS_COLLECTOR.
#[test]
fn a_collector_takes_every_record_though_it_is_killed() {
    let Some(collector) = std::env::var_os("AIOPS_COLLECTOR") else {
        eprintln!("not tried: AIOPS_COLLECTOR names no collector (rotel-agent)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let log = Log::open(&path).unwrap();
    add(&log, 30);
    let free = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("127.0.0.1:{}", listener.local_addr().unwrap().port())
    };
    let (http, grpc) = (free(), free());
    let start = |out: &str| {
        let child = Command::new(&collector)
            .args(["start", "--exporter", "blackhole", "--debug-log", "logs"])
            .args(["--debug-log-verbosity", "detailed"])
            .args(["--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc])
            .arg("--pid-file")
            .arg(dir.path().join("pid"))
            .stdout(fs::File::create(dir.path().join(out)).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("the collector", || {
            TcpStream::connect(&http).is_ok().then_some(())
        });
        Stopped(child)
    };
    // It shows the numbers of what it took.
    let taken = |out: &str| -> BTreeSet<u64> {
        fs::read_to_string(dir.path().join(out))
            .unwrap_or_default()
            .lines()
            .filter_map(|l| {
                l.trim()
                    .strip_prefix("-> aiops.seq: Int(")?
                    .strip_suffix(')')?
                    .parse()
                    .ok()
            })
            .collect()
    };
    let first = start("first");
    let to = format!("http://{http}/v1/logs");
    let cursor = dir.path().join("cursor");
    let _exporter = Stopped(
        Command::new(AIOPS)
            .args(["audit", "export", "--follow", "--log"])
            .arg(&path)
            .args(["--to", &to, "--cursor"])
            .arg(&cursor)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    wait_for("the first records", || {
        (taken("first").len() == 30).then_some(())
    });
    drop(first);
    add(&log, 30);
    std::thread::sleep(Duration::from_millis(500));
    let _second = start("second");
    add(&log, 30);
    wait_for("all records", || {
        let all: BTreeSet<u64> = taken("first").union(&taken("second")).copied().collect();
        (all == (1..=90).collect()).then_some(())
    });
}

/// Needs root (a mount namespace of its own for `/run`) and systemd-journald; says so where it cannot be tried.
#[test]
fn journald_keeps_every_record_as_it_is() {
    let (Some(journald), true) = (
        program("systemd-journald"),
        nix::unistd::geteuid().is_root(),
    ) else {
        eprintln!("not tried: no root, or no systemd-journald");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    add(&Log::open(&path).unwrap(), 40);
    fs::write(
        dir.path().join("machine-id"),
        "0123456789abcdef0123456789abcdef\n",
    )
    .unwrap();
    let script = r#"
        set -eu
        mount -t tmpfs tmpfs /run
        touch /etc/machine-id
        mount --bind "$1/machine-id" /etc/machine-id
        mkdir -p /run/systemd/journal /run/log/journal/0123456789abcdef0123456789abcdef
        "$2" >/dev/null 2>&1 & daemon=$!
        trap 'kill $daemon' EXIT
        "$3" audit export --log "$1/audit.jsonl" --to journald
        for _ in $(seq 100); do
            journalctl -D /run/log/journal -o json --all SYSLOG_IDENTIFIER=aiops | jq -r .AIOPS_RECORD > "$1/got" || true
            [ "$(wc -l < "$1/got")" -lt 40 ] || break
            sleep 0.1
        done
        journalctl -D /run/log/journal -o json AIOPS_SEQ=7 | jq -r '[.PRIORITY, .AIOPS_EVENT, .AIOPS_TARGET] | @tsv' > "$1/seventh"
    "#;
    let out = Command::new("unshare")
        .args(["-m", "--propagation", "private", "bash", "-c", script, "x"])
        .arg(dir.path())
        .arg(&journald)
        .arg(AIOPS)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if said.contains("mount") && said.contains("ermission") {
        eprintln!("not tried: this container lets nobody mount");
        return;
    }
    assert!(out.status.success(), "{said}");
    assert_eq!(
        fs::read_to_string(dir.path().join("got")).unwrap(),
        fs::read_to_string(&path).unwrap()
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("seventh")).unwrap(),
        "6\trun.finished\tsrv]\"1\\\\\n"
    );
}
