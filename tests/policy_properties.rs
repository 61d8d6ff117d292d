//! What must hold of every policy and line: stricter rules only tighten, order says nothing, wrapping never
//! helps, and what no rule names is never auto.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::policy::{Context, Decision, Policy, Risk};
use proptest::prelude::*;
use proptest::sample::select;
use std::path::Path;
use std::sync::LazyLock;

static PRODUCTION: LazyLock<Policy> = LazyLock::new(|| shipped("production.yml"));
static LAB: LazyLock<Policy> = LazyLock::new(|| shipped("lab.yml"));
static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    [
        "auto.txt",
        "silent.txt",
        "approval.txt",
        "forbidden.txt",
        "disguises.txt",
    ]
    .iter()
    .flat_map(|name| corpus(name))
    .collect()
});
static AUTO: LazyLock<Vec<String>> = LazyLock::new(|| corpus("auto.txt"));

fn shipped(name: &str) -> Policy {
    Policy::from_sources(name, &|path| aiops::shipped::text(path).map(str::to_owned)).unwrap()
}

fn corpus(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.starts_with("# ") && *l != "#")
        .map(|l| l.replace('⏎', "\n"))
        .collect()
}

fn decide(policy: &Policy, line: &str) -> Decision {
    let read = aiops::command::read(line);
    let cx = Context {
        target: Some("web1"),
        tags: &[],
        requester: "agent",
        now: chrono::DateTime::UNIX_EPOCH,
        recent: &[],
    };
    policy.decide(read.as_ref(), &cx)
}

/// Risk first, then how many people it takes.
fn strictness(d: &Decision) -> (Risk, u32) {
    (d.risk, d.quorum.need)
}

/// The sign of a rule that tightens, as YAML.
fn sign() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("has_option: [\"-n\", \"--all\"]".to_owned()),
        Just("has_word: [\"*e*\"]".to_owned()),
        Just("has_word: nginx".to_owned()),
        Just("has_operand: {under: [/var, /etc]}".to_owned()),
        Just("pipes_into: [head, tail, grep]".to_owned()),
        Just("line_regex: '[aeiou]{2}'".to_owned()),
        Just("lacks_option: [\"-x\"]".to_owned()),
        Just("redirects_to: {under: [/]}".to_owned()),
    ]
}

fn tightening() -> impl Strategy<Value = String> {
    let decision = select(vec!["approval", "forbidden"]);
    let level = select(vec!["low", "medium", "high", "critical"]);
    let command = select(vec![
        "",
        "ls",
        "cat",
        "grep",
        "systemctl",
        "docker",
        "kubectl",
        "find",
        "curl",
        "sudo",
        "df",
        "tail",
        "rm",
        "timeout",
    ]);
    let gives_way = any::<bool>();
    (decision, level, command, sign(), gives_way).prop_map(
        |(decision, level, command, sign, way)| {
            let mut rule = format!("    decision: {decision}\n    risk: {level}\n");
            if !command.is_empty() {
                rule.push_str(&format!("    command: {command}\n"));
            }
            if way && decision == "approval" {
                rule.push_str("    unless_auto: true\n");
            }
            rule.push_str(&format!("    {sign}\n"));
            rule
        },
    )
}

fn pack(rules: &[String]) -> String {
    let mut text = String::from("version: 1\npack: more\nrules:\n");
    for (number, rule) in rules.iter().enumerate() {
        text.push_str(&format!("  - id: more.{number}\n    about: More\n{rule}"));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Where unknown commands wait for a human, no rule that asks or forbids makes any line more lenient.
    /// Under `reject` the same holds of every line that some rule speaks of already: to speak of a command
    /// for the first time is what an approval rule is for.
    #[test]
    fn rules_that_ask_or_forbid_only_tighten(
        rules in prop::collection::vec(tightening(), 1..4),
        lines in prop::collection::vec(select(LINES.clone()), 40),
    ) {
        let text = pack(&rules);
        for (policy, reject) in [(&*LAB, false), (&*PRODUCTION, true)] {
            let more = policy.with_pack("more", &text).unwrap();
            for line in &lines {
                let (before, after) = (decide(policy, line), decide(&more, line));
                let unknown = before.calls.iter().any(|c| c.rules.iter().any(|r| r == "builtin.unknown"));
                if !(reject && unknown) {
                    prop_assert!(
                        strictness(&after) >= strictness(&before),
                        "`{line}`: {:?} became {:?} by\n{text}", strictness(&before), strictness(&after)
                    );
                }
            }
        }
    }

    /// Nothing in front of a command makes it more lenient.
    #[test]
    fn wrapping_never_loosens(
        line in select(LINES.clone()),
        front in prop::collection::vec(select(vec![
            "sudo", "sudo -n", "sudo -u root", "sudo -u bob", "env", "env A=b", "env LC_ALL=C", "env -i", "nohup", "timeout 5",
            "timeout -k 1 5", "nice", "nice -n 5", "ionice -c3", "stdbuf -oL", "setsid", "time", "command", "exec",
            "LC_ALL=C", "FOO=1", "sh -c", "bash -c", "dash -c", "sudo sh -c", "eval", "xargs", "strace", "flock /tmp/l",
            "chroot /x", "nsenter -t 1", "unshare", "doas", "watch", "ssh other", "busybox", "systemd-run",
        ]), 1..4),
    ) {
        let mut wrapped = line.clone();
        // `NAME=value` is an assignment only where a command begins; behind `nohup` it would be a program's name.
        let front: Vec<&str> = front
            .into_iter()
            .enumerate()
            .filter(|(at, word)| *at == 0 || word.contains(' ') || !word.contains('='))
            .map(|(_, word)| word)
            .collect();
        for word in front.iter().rev() {
            wrapped = match *word {
                "sh -c" | "bash -c" | "dash -c" | "sudo sh -c" | "eval" | "watch" | "ssh other" => {
                    format!("{word} '{}'", wrapped.replace('\'', r"'\''"))
                }
                _ => format!("{word} {wrapped}"),
            };
        }
        for policy in [&*PRODUCTION, &*LAB] {
            let (bare, inside) = (decide(policy, &line), decide(policy, &wrapped));
            // `time` first is a word of the shell's grammar, and behind another command a program.
            let first = line.split(' ').next().unwrap_or_default();
            prop_assume!(first != "time" && !first.contains('='));
            // What the reader refuses of the shell's own `[` or `hash` says nothing of programs of that name.
            let least = if bare.rules == ["builtin.unreadable"] {
                Risk::ApprovalRequired
            } else {
                bare.risk
            };
            // sudo in front of what sudo may do is the same; a line that cannot be read never runs.
            prop_assert!(
                inside.risk >= least,
                "`{line}` is {:?}, `{wrapped}` is {:?}: {}", bare.risk, inside.risk, inside.why
            );
        }
    }

    /// An option that no rule names, anywhere in the last command of an auto line, is never auto.
    #[test]
    fn an_unknown_option_is_never_auto(line in select(AUTO.clone()), option in "-{1,2}[a-z]{3,9}(=[a-z/]{1,5})?", at in any::<prop::sample::Index>()) {
        let last = line.rfind(['|', ';', '&']).map_or(0, |at| at + 1);
        let (front, command) = line.split_at(last);
        let words: Vec<&str> = command.trim().split(' ').collect();
        // To echo and printf it is text; inside quotes it is part of a word; single letters may all be allowed.
        prop_assume!(!matches!(words[0], "echo" | "printf" | "true") && !line.contains(['\'', '"']));
        let spot = 1 + at.index(words.len());
        let mut with: Vec<&str> = words.clone();
        with.insert(spot.min(words.len()), &option);
        let line = format!("{front} {}", with.join(" "));
        let decision = decide(&PRODUCTION, &line);
        let named = decision.risk == Risk::AutoAllowed && is_named(&option, &decision);
        prop_assert!(decision.risk != Risk::AutoAllowed || named, "`{line}` is auto by {:?}", decision.rules);
    }
}

proptest! {
    // A policy is read anew for each case, which takes a while in a debug build.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    /// The same rules in another order, and the same packs in another order, decide the same.
    #[test]
    fn order_says_nothing(
        seed in any::<u64>(),
        lines in prop::collection::vec(select(LINES.clone()), 60),
    ) {
        let turned = shuffled(seed);
        for line in &lines {
            prop_assert_eq!(decide(&PRODUCTION, line), decide(&turned, line), "`{}`", line);
        }
    }
}

/// Whether an option could be one that the deciding rules do name (a cluster of their letters, or its name).
fn is_named(option: &str, decision: &Decision) -> bool {
    let name = option.split('=').next().unwrap_or_default();
    let rules: Vec<&str> = decision.rules.iter().map(String::as_str).collect();
    aiops::shipped::FILES.iter().any(|(_, text)| {
        text.split("\n  - id: ")
            .filter(|rule| rules.iter().any(|id| rule.starts_with(&format!("{id}\n"))))
            .any(|rule| {
                if name.starts_with("--") {
                    rule.contains(name)
                } else {
                    let first = format!("-{}", &name[1..2]);
                    rule.contains(&first) || rule.contains("reader:")
                }
            })
    })
}

/// The production policy with its packs, and the rules of each, in another order.
fn shuffled(seed: u64) -> Policy {
    let turn = |count: usize| (seed as usize % count.max(1), seed & 1 == 1);
    Policy::from_sources("production.yml", &|path| {
        let text = aiops::shipped::text(path)?;
        if path == "production.yml" {
            let start = text.find("include: [")? + "include: [".len();
            let end = start + text[start..].find(']')?;
            let mut packs: Vec<&str> = text[start..end].split(", ").collect();
            let (by, reverse) = turn(packs.len());
            packs.rotate_left(by);
            if reverse {
                packs.reverse();
            }
            return Some(format!(
                "{}{}{}",
                &text[..start],
                packs.join(", "),
                &text[end..]
            ));
        }
        let (head, rules) = text.split_once("\nrules:\n")?;
        let mut rules: Vec<String> = rules
            .split("\n  - id: ")
            .map(|r| r.trim_start_matches("  - id: ").trim_end().to_owned())
            .collect();
        let (by, reverse) = turn(rules.len());
        rules.rotate_left(by);
        if reverse {
            rules.reverse();
        }
        Some(format!(
            "{head}\nrules:\n  - id: {}\n",
            rules.join("\n  - id: ")
        ))
    })
    .unwrap()
}

#[test]
fn the_shuffle_keeps_every_rule() {
    for seed in [0, 1, 7, 12345] {
        let turned = shuffled(seed);
        assert_eq!(turned.len(), PRODUCTION.len());
        assert!(seed == 0 || turned.hash() != PRODUCTION.hash());
    }
}
