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

/// Rules of one command, told apart by their subcommand, their first operand, a word they look for, or
/// their target; and one for `systemctl status`.
fn of_one_command(count: usize) -> Policy {
    let mut text = String::from("version: 1\nmode: production\nunknown_default: reject\nrules:\n");
    for n in 1..count {
        let more = match n % 4 {
            0 => format!("decision: forbidden, has_word: [word{n}]"),
            1 => format!("decision: auto, subcommands: [verb{n}, status verb{n}]"),
            2 => {
                format!("decision: approval, subcommands: [restart], when: {{targets: [host{n}]}}")
            }
            _ => format!("decision: auto, operands: [{{type: enum(unit{n})}}]"),
        };
        text.push_str(&format!(
            "  - {{id: r.{n}, about: R, command: systemctl, {more}}}\n"
        ));
    }
    text.push_str(
        "  - {id: s, about: S, decision: auto, command: systemctl, subcommands: [status], \
         options: [\"--no-pager\"], operands: {type: unit, max: 4}}\n",
    );
    Policy::parse("one command", &text).unwrap()
}

/// Rules for as many commands, every third asking or forbidding, and one for `systemctl` among them.
fn synthetic(count: usize) -> Policy {
    let mut text = String::from("version: 1\nmode: production\nunknown_default: reject\nrules:\n");
    for n in 1..count {
        let (decision, more) = match n % 3 {
            0 => ("forbidden", "has_option: [\"-f\", \"--force\"]"),
            1 => ("auto", "options: [\"-a, --all\", \"-n: int(1..100)\"]"),
            _ => ("approval", "has_word: [stop, start]"),
        };
        text.push_str(&format!(
            "  - {{id: r.{n}, about: R, decision: {decision}, command: tool{n}, {more}}}\n"
        ));
    }
    text.push_str(
        "  - {id: s, about: S, decision: auto, command: systemctl, subcommands: [status], \
         options: [\"--no-pager\"], operands: {type: unit, max: 4}}\n",
    );
    Policy::parse("synthetic", &text).unwrap()
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
            ("of as many commands", synthetic(count)),
            ("of one command", of_one_command(count)),
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
