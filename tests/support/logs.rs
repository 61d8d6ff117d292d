//! Audit logs made without a gate: whole ones, forged ones, and what the auditor's program says of them.

use super::AIOPS;
use aiops::audit::record::{GENESIS, hex};
use aiops::audit::seal::Seed;
use aiops::audit::verify::{Options, Report, verify_with};
use aiops::audit::{Entry, Event, Log};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn entry(text: &str) -> Entry {
    let mut entry = Entry::new(Event::RequestDecided);
    entry.command = Some(text.to_owned());
    entry.reason = Some("line\nfeed, \"quotes\", \u{7f} and ü".into());
    entry
}

/// A new log in a folder.
pub fn log_of(dir: &Path, records: usize) -> PathBuf {
    let path = dir.join("audit.jsonl");
    let log = Log::open(&path).unwrap();
    for n in 0..records {
        log.append(&entry(&format!("uptime {n}"))).unwrap();
    }
    path
}

pub fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Writes records of one's own, with every hash right: `bodies` without `prev` and `hash`.
pub fn forge(path: &Path, bodies: impl IntoIterator<Item = String>) {
    let mut prev = GENESIS.to_owned();
    let mut text = String::new();
    for body in bodies {
        let body = format!("{body},\"prev\":\"{prev}\"");
        prev = hex(format!("{body}}}").as_bytes());
        text.push_str(&format!("{body},\"hash\":\"{prev}\"}}\n"));
    }
    fs::write(path, text).unwrap();
}

pub fn with_seeds(path: &Path, seeds: &[&Seed]) -> Report {
    let options = Options {
        seeds: seeds.iter().map(|seed| (*seed).clone()).collect(),
        first: None,
    };
    verify_with(path, &options).unwrap()
}

pub fn with_seed(path: &Path, seed: &Seed) -> Report {
    with_seeds(path, &[seed])
}

/// A command with a time limit: what it said, its exit code, and that it came back at all.
pub fn within(seconds: u64, command: &mut Command) -> (String, Option<i32>) {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(seconds) {
            let _ = child.kill();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (text, output.status.code())
}

/// `aiops audit ARGS --log LOG`.
pub fn audit(args: &[&str], log: &Path) -> (String, Option<i32>) {
    let mut command = Command::new(AIOPS);
    within(60, command.arg("audit").args(args).arg("--log").arg(log))
}
