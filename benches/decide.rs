//! What a decision costs, and that it does not grow with the number of rules: `cargo bench --bench decide`.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(missing_docs, reason = "criterion's macros make the functions")]

use aiops::policy::{Context, Policy};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const LINES: [(&str, &str); 4] = [
    ("auto", "systemctl status nginx --no-pager"),
    (
        "pipeline",
        "sudo journalctl -u nginx --since '1 hour ago' --no-pager | grep -i error | sort | uniq -c | sort -rn | head -20",
    ),
    ("approval", "sudo systemctl restart nginx"),
    ("forbidden", "sudo sh -c 'rm -rf /etc'"),
];

fn context() -> Context<'static> {
    Context {
        target: Some("web1"),
        tags: &[],
        requester: "agent",
        now: chrono::DateTime::UNIX_EPOCH,
        recent: &[],
    }
}

/// So many rules: one for `systemctl status`, and what `other` says of the rest by their number.
fn policy(count: usize, other: impl Fn(usize) -> String) -> Policy {
    let mut text = String::from("version: 1\nmode: production\nunknown_default: reject\nrules:\n");
    for n in 1..count {
        text.push_str(&format!("  - {{id: r.{n}, about: R, {}}}\n", other(n)));
    }
    text.push_str(
        "  - {id: s, about: S, decision: auto, command: systemctl, subcommands: [status], \
         options: [\"--no-pager\"], operands: {type: unit, max: 4}}\n",
    );
    Policy::parse("synthetic", &text).unwrap()
}

/// A rule of the same command, told apart by its subcommand, its first operand, a word it looks for, or its target.
fn of_one_command(n: usize) -> String {
    let more = match n % 4 {
        0 => format!("decision: forbidden, has_word: [word{n}]"),
        1 => format!("decision: auto, subcommands: [verb{n}, status verb{n}]"),
        2 => format!("decision: approval, subcommands: [restart], when: {{targets: [host{n}]}}"),
        _ => format!("decision: auto, operands: [{{type: enum(unit{n})}}]"),
    };
    format!("command: systemctl, {more}")
}

/// A rule of a command of its own; every third asks or forbids.
fn of_its_own(n: usize) -> String {
    let more = match n % 3 {
        0 => "decision: forbidden, has_option: [\"-f\", \"--force\"]",
        1 => "decision: auto, options: [\"-a, --all\", \"-n: int(1..100)\"]",
        _ => "decision: approval, has_word: [stop, start]",
    };
    format!("command: tool{n}, {more}")
}

fn decide(c: &mut Criterion) {
    let shipped = Policy::from_sources("production.yml", &|path| {
        aiops::shipped::text(path).map(str::to_owned)
    })
    .unwrap();
    let mut group = c.benchmark_group("shipped production policy");
    for (name, line) in LINES {
        group.bench_with_input(
            BenchmarkId::new("read and decide", name),
            line,
            |b, line| {
                b.iter(|| {
                    let read = aiops::command::read(black_box(line));
                    black_box(shipped.decide(read.as_ref(), &context()))
                });
            },
        );
    }
    group.finish();
    let mut group = c.benchmark_group("by number of rules");
    for count in [10, 1_000, 10_000] {
        for (name, policy) in [
            ("of as many commands", policy(count, of_its_own)),
            ("of one command", policy(count, of_one_command)),
        ] {
            let read = aiops::command::read(LINES[0].1);
            let decision = policy.decide(read.as_ref(), &context());
            assert_eq!(decision.risk, aiops::policy::Risk::AutoAllowed);
            group.bench_with_input(BenchmarkId::new(name, count), &policy, |b, policy| {
                b.iter(|| black_box(policy.decide(read.as_ref(), &context())));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = decide
}
criterion_main!(benches);
