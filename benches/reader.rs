//! What reading and writing back a line costs: `cargo bench --bench reader`. The aim is under 5 µs for a typical line.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(missing_docs, reason = "criterion's macros make the functions")]

use aiops::command;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const LINES: [(&str, &str); 6] = [
    ("one word", "uptime"),
    ("typical", "systemctl status nginx --no-pager"),
    (
        "through sudo",
        "sudo -n journalctl -u nginx -n 50 --no-pager",
    ),
    (
        "pipeline",
        "sudo journalctl -u nginx --since '1 hour ago' --no-pager | grep -i error | sort | uniq -c | sort -rn | head -20",
    ),
    (
        "text in a text",
        "sudo timeout 5 sh -c 'df -h | grep -v tmpfs'",
    ),
    (
        "not strict",
        "for i in 1 2 3; do if curl -s http://localhost/ >/tmp/x; then echo \"$(date) ok\"; fi; done",
    ),
];

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    for (name, line) in LINES {
        group.bench_with_input(BenchmarkId::from_parameter(name), line, |b, line| {
            b.iter(|| black_box(command::read(black_box(line))));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("refuse");
    let hostile = "$(".repeat(32 * 1024);
    let megabyte = "a".repeat(1024 * 1024);
    for (name, line) in [("64 KiB of nesting", &hostile), ("1 MiB", &megabyte)] {
        group.bench_with_input(BenchmarkId::from_parameter(name), line, |b, line| {
            b.iter(|| black_box(command::read(black_box(line))));
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
