//! What keeping records costs inside: appending to the log, verifying it, and asking and answering with one or 100,000
//! approvals stored: `cargo bench --bench store`.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(missing_docs, reason = "criterion's macros make the functions")]

use aiops::approval::{Clock, Limits, Question, Selector, Store};
use aiops::audit::{Entry, Event, Log, verify};
use aiops::command::{self, Shell};
use aiops::policy::{Quorum, RiskLevel};
use chrono::TimeDelta;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::fs;
use std::hint::black_box;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

fn entry() -> Entry {
    let mut entry = Entry::new(Event::RequestDecided);
    entry.target = Some("srv1".into());
    entry.command = Some("journalctl -u nginx -n 60 --no-pager".into());
    entry.canonical = entry.command.clone();
    entry.requester = Some("hermes".into());
    entry.reason = Some("look at the web server's log".into());
    entry.rules = vec!["service.logs".into()];
    entry
}

fn question(clock: &Clock) -> Question {
    Question {
        target: "srv1".into(),
        target_identity: "identity".into(),
        command: "sudo systemctl restart nginx".into(),
        asked_as: None,
        canonical: "sudo systemctl restart nginx".into(),
        shell: Shell::Posix,
        requester: "hermes".into(),
        caller: 1000,
        session: None,
        reason: "restart the web server".into(),
        request_id: None,
        risk_level: RiskLevel::Medium,
        rules: vec!["change.service".into()],
        effect: Some("changes a service's state".into()),
        reversibility: None,
        quorum: Quorum {
            need: 1,
            roles: Vec::new(),
        },
        states: Vec::new(),
        dry_runs: Vec::new(),
        trust: 0,
        policy_hash: "0".repeat(64),
        timeout_s: 60,
        asked_at: clock.wall,
        expires_at: clock.wall + TimeDelta::seconds(900),
    }
}

/// Copies of a real closed approval, over a year of folders.
fn fill(closed: &Path, count: u64) {
    let day = fs::read_dir(closed)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let real = fs::read_dir(day).unwrap().next().unwrap().unwrap().path();
    let text = fs::read(real).unwrap();
    let now = u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap();
    for n in 1..count {
        let stamp = format!("{:012x}", now - n * 365 * 86_400_000 / count);
        let name = format!("{}-{}-7000-8000-{n:012x}", &stamp[..8], &stamp[8..]);
        let folder = closed.join(&name[..5]);
        if !folder.exists() {
            fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(folder.join(name + ".json")).unwrap();
        std::io::Write::write_all(&mut file, &text).unwrap();
    }
}

fn store(c: &mut Criterion) {
    let limits = Limits {
        pending_per_caller: 20,
        approval_ttl: TimeDelta::seconds(300),
    };
    let mut group = c.benchmark_group("approvals");
    for count in [1, 100_000] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("approvals"), limits).unwrap();
        let cycle = || {
            let clock = Clock::now();
            let asked = store.ask(question(&clock), &clock).unwrap().approval;
            let bare = Selector {
                approval: None,
                session: None,
            };
            let found = store.resolve(&bare, &clock).unwrap();
            assert_eq!(found.id, asked.id);
            store.deny(&found.id, "bench", None, &clock).unwrap();
        };
        cycle();
        fill(&dir.path().join("approvals/closed"), count);
        group.bench_function(BenchmarkId::new("ask, find, deny; stored", count), |b| {
            b.iter(cycle);
        });
    }
    group.finish();
}

fn log(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(&dir.path().join("audit.jsonl")).unwrap();
    c.bench_function("append a record, on disk", |b| {
        b.iter(|| log.append(black_box(&entry())).unwrap());
    });
    let path = dir.path().join("thousand.jsonl");
    let log = Log::open(&path).unwrap();
    for _ in 0..1000 {
        log.append(&entry()).unwrap();
    }
    c.bench_function("verify a thousand records", |b| {
        b.iter(|| assert!(verify::verify(black_box(&path)).unwrap().holds()));
    });
}

fn render(c: &mut Criterion) {
    let line =
        "sudo journalctl -u nginx --since '1 hour ago' --no-pager | grep -i error | sort | uniq -c";
    c.bench_function("read and render a pipeline of four", |b| {
        b.iter(|| command::read(black_box(line)).unwrap().canonical);
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = log, store, render
}
criterion_main!(benches);
