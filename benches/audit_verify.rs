//! Verifying a log of 1 GiB beside `sha256sum` on the same file, in the same run.
//!
//! `cargo bench --bench audit_verify`; `AIOPS_BENCH_MIB=256` for a smaller log. The log is made of
//! records as the gate writes them, half of them with an output of 4 KiB.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench fails by panicking"
)]

use aiops::audit::record::{self, GENESIS};
use aiops::audit::verify::verify;
use aiops::audit::{Entry, Event};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let mib: u64 = std::env::var("AIOPS_BENCH_MIB").map_or(1024, |v| v.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let records = generate(&path, mib << 20);
    println!(
        "{records} records, {} MiB",
        path.metadata().unwrap().len() >> 20
    );
    // Once for the page cache, then the best of three for each, one after the other.
    verify(&path).unwrap();
    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        let begun = Instant::now();
        let status = Command::new("sha256sum")
            .arg(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        best[0] = best[0].min(begun.elapsed());
        let begun = Instant::now();
        let report = verify(&path).unwrap();
        assert!(report.holds() && report.records == records, "{report}");
        best[1] = best[1].min(begun.elapsed());
    }
    for (name, time) in ["sha256sum", "verify"].iter().zip(best) {
        println!(
            "{name:<10} {:>7.2} s {:>7.0} MiB/s",
            time.as_secs_f64(),
            mib as f64 / time.as_secs_f64()
        );
    }
    let ratio = best[0].as_secs_f64() / best[1].as_secs_f64();
    println!("verify has {ratio:.2} times the speed of sha256sum; at least 0.5 is wanted");
}

fn generate(path: &Path, bytes: u64) -> u64 {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let output =
        "Nov 21 08:00:00 srv1 nginx[812]: 10.0.0.5 - - \"GET / HTTP/1.1\" 200\n".repeat(60);
    let (mut written, mut seq, mut prev) = (0, 0, GENESIS.to_owned());
    while written < bytes {
        let mut entry = Entry::new(Event::RunFinished);
        entry.target = Some("srv1".into());
        entry.command = Some("journalctl -u nginx -n 60 --no-pager".into());
        entry.canonical = entry.command.clone();
        entry.requester = Some("hermes".into());
        entry.caller = Some("aiops-agent".into());
        entry.reason = Some("look at the web server's log".into());
        entry.run_id = Some("01930000-0000-7000-8000-000000000000".into());
        entry.status = Some("executed".into());
        entry.rules = vec!["service.logs".into()];
        if seq % 2 == 0 {
            entry.stdout = Some(output.clone());
        }
        seq += 1;
        let (line, hash) = record::line(&entry, seq, &prev, chrono::Utc::now()).unwrap();
        writeln!(out, "{line}").unwrap();
        written += line.len() as u64 + 1;
        prev = hash;
    }
    out.flush().unwrap();
    seq
}
