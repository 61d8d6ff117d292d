//! What must hold of every policy and line: stricter rules only tighten, order says nothing, wrapping never
//! helps, and what no rule names is never auto.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::policy::{CallDecision, Context, Decision, Policy, Risk, RiskLevel};
use proptest::prelude::*;
use proptest::sample::select;
use std::path::Path;
use std::sync::LazyLock;

static PRODUCTION: LazyLock<Policy> = LazyLock::new(|| shipped("production.yml"));
static LAB: LazyLock<Policy> = LazyLock::new(|| shipped("lab.yml"));
/// Both with as many approvals for each level as make the difference between any two show.
static STEPS: LazyLock<[Policy; 2]> = LazyLock::new(|| ["production.yml", "lab.yml"].map(by_steps));
static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = [
        "auto.txt",
        "silent.txt",
        "approval.txt",
        "forbidden.txt",
        "disguises.txt",
    ];
    let mut lines: Vec<String> = all.iter().flat_map(|name| corpus(name)).collect();
    lines.extend(UNKNOWN.map(str::to_owned));
    lines
});
static AUTO: LazyLock<Vec<String>> = LazyLock::new(|| corpus("auto.txt"));

/// Lines with programs that no shipped rule speaks of, alone, among others, behind wrappers, as strangers.
const UNKNOWN: [&str; 16] = [
    "frobnicate --all nginx",
    "frobnicate",
    "uptime; frobnicate -n 3",
    "frobnicate | head -n 3",
    "frobnicate && quux nginx",
    "quux nginx > /etc/motd",
    "sudo frobnicate -n nginx",
    "sudo -u bob frobnicate nginx",
    "timeout 5 frobnicate nginx",
    "docker exec web frobnicate nginx",
    "bash -c 'frobnicate nginx; uptime'",
    "xargs frobnicate nginx",
    "/opt/tools/frobnicate nginx",
    "./quux nginx",
    "echo $(quux nginx)",
    "f() { quux nginx; }; f",
];

fn shipped(name: &str) -> Policy {
    Policy::from_sources(name, &|path| aiops::shipped::text(path).map(str::to_owned)).unwrap()
}

fn by_steps(name: &str) -> Policy {
    Policy::from_sources(name, &|path| {
        let text = aiops::shipped::text(path)?;
        Some(if path == name {
            let (head, _) = text.split_once("\nlevels:")?;
            format!(
                "{head}\nlevels: {{ low: {{ approvals: 1 }}, medium: {{ approvals: 2 }}, high: {{ approvals: 3 }}, critical: {{ approvals: 4 }} }}\n"
            )
        } else {
            text.to_owned()
        })
    })
    .unwrap()
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
    let read = aiops::policy::read(line);
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

/// The same of one call: what is forbidden is so at every level.
fn call_strictness(call: &CallDecision) -> (Risk, RiskLevel) {
    let level = match call.risk {
        Risk::Forbidden => RiskLevel::Critical,
        _ => call.risk_level,
    };
    (call.risk, level)
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
        Just("as_root: true".to_owned()),
        Just("word_regex: '^[a-z]+$'".to_owned()),
        Just("has_word: ['*']\n    when: {targets: [web1, db1]}".to_owned()),
        Just("has_word: ['*']\n    when: {targets: [db1]}".to_owned()),
    ]
}

/// A rule that asks or forbids: the command that it names, and the rest as YAML.
#[derive(Debug, Clone)]
struct Tightening {
    command: &'static str,
    yaml: String,
}

fn tightening() -> impl Strategy<Value = Tightening> {
    let decision = select(vec!["approval", "forbidden"]);
    let level = select(vec!["low", "medium", "high", "critical"]);
    let command = select(vec![
        "",
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
        "frobnicate",
        "quux",
        "sh",
        "bash",
        "touch",
        "xargs",
        "echo",
    ]);
    let gives_way = any::<bool>();
    (decision, level, command, sign(), gives_way).prop_map(
        |(decision, level, command, sign, way)| {
            let mut yaml = format!("    decision: {decision}\n    risk: {level}\n");
            if !command.is_empty() {
                yaml.push_str(&format!("    command: {command}\n"));
            }
            if way && decision == "approval" {
                yaml.push_str("    unless_auto: true\n");
            }
            yaml.push_str(&format!("    {sign}\n"));
            Tightening { command, yaml }
        },
    )
}

/// The one exception: nothing knew the call's command, and a rule that asks now names it.
fn newly_named(old: &CallDecision, new: &CallDecision, rules: &[Tightening]) -> bool {
    let command = new
        .command
        .split(' ')
        .find(|word| !word.contains('='))
        .unwrap_or_default();
    old.rules == ["builtin.unknown"]
        && new.risk == Risk::ApprovalRequired
        && new.rules.iter().all(|id| id.starts_with("more."))
        && new.rules.iter().any(|id| {
            let number: Option<usize> = id.strip_prefix("more.").and_then(|n| n.parse().ok());
            number.is_some_and(|n| rules[n].command == command)
        })
}

fn pack(rules: &[Tightening]) -> String {
    let mut text = String::from("version: 1\npack: more\nrules:\n");
    for (number, rule) in rules.iter().enumerate() {
        text.push_str(&format!(
            "  - id: more.{number}\n    about: More\n{}",
            rule.yaml
        ));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// No rule that asks or forbids makes any call of any line more lenient, with one exception: a call that
    /// no rule spoke of is asked about, at the rule's own level, once a rule that asks names its command. To
    /// name a command for the first time is what such a rule is for. And a line only follows its calls.
    #[test]
    fn rules_that_ask_or_forbid_only_tighten(
        rules in prop::collection::vec(tightening(), 1..4),
        lines in prop::collection::vec(select(LINES.clone()), 40),
    ) {
        let text = pack(&rules);
        for policy in [&*PRODUCTION, &*LAB, &STEPS[0], &STEPS[1]] {
            let more = policy.with_pack("more", &text).unwrap();
            for line in lines.iter().map(String::as_str).chain(UNKNOWN) {
                let (before, after) = (decide(policy, line), decide(&more, line));
                if before.risk == Risk::AutoAllowed && after.risk != Risk::AutoAllowed {
                    // A line that was written out to run alone is asked about as it came.
                    continue;
                }
                prop_assert_eq!(before.calls.len(), after.calls.len());
                if after.risk == Risk::Forbidden {
                    // Nothing is stricter, and of what never runs not every call is looked at.
                    continue;
                }
                let mut named = false;
                for (old, new) in before.calls.iter().zip(&after.calls) {
                    if call_strictness(new) >= call_strictness(old) {
                        continue;
                    }
                    prop_assert!(
                        newly_named(old, new, &rules),
                        "`{}` in `{line}`: {:?} by {:?} became {:?} by {:?} with\n{text}",
                        old.command, old.risk, old.rules, new.risk, new.rules
                    );
                    named = true;
                }
                prop_assert!(
                    named || strictness(&after) >= strictness(&before),
                    "`{line}`: {:?} became {:?} by\n{text}", strictness(&before), strictness(&after)
                );
                // Whatever else makes a line forbidden keeps it so.
                prop_assert!(after.calls.iter().all(|c| c.risk != Risk::Forbidden), "`{line}`");
            }
        }
    }
}

/// What may stand in front of a command, or around it (`{}` is the line as one quoted word).
const WRAPPERS: [&str; 64] = [
    "sudo",
    "sudo -n",
    "sudo -n --",
    "sudo -u root",
    "sudo -u bob",
    "sudo -E",
    "sudo -i",
    "sudo A=b",
    "doas",
    "pkexec",
    "env",
    "env A=b",
    "env LC_ALL=C",
    "env -i",
    "env -u HOME",
    "nohup",
    "timeout 5",
    "timeout -k 1 5",
    "timeout -s KILL 5",
    "nice",
    "nice -n 5",
    "nice -n -5",
    "ionice -c3",
    "chrt -r 5",
    "taskset 1",
    "stdbuf -oL",
    "setsid",
    "setsid -w",
    "time",
    "time -p",
    "command",
    "command -p",
    "exec",
    "exec -a x",
    "builtin",
    "busybox",
    "toybox",
    "setpriv --clear-groups",
    "xargs",
    "xargs -n 1",
    "strace",
    "strace -f",
    "flock /tmp/l",
    "chroot /x",
    "nsenter -t 1",
    "unshare",
    "systemd-run",
    "LC_ALL=C",
    "FOO=1",
    "LD_PRELOAD=/x.so",
    "sh -c {}",
    "bash -c {}",
    "bash -lc {}",
    "dash -c {}",
    "sudo sh -c {}",
    "sudo -n bash -c {}",
    "eval {}",
    "watch {}",
    "ssh other {}",
    "su -c {}",
    "runuser -u bob -- sh -c {}",
    "timeout 5 sh -c {}",
    "xargs -I% sh -c {}",
    "find /var/log -exec sh -c {} \\;",
];

fn wrap(wrapper: &str, line: &str) -> String {
    if wrapper.contains("{}") {
        wrapper.replace("{}", &format!("'{}'", line.replace('\'', r"'\''")))
    } else {
        format!("{wrapper} {line}")
    }
}

/// Whether the line behind a wrapper of words is what it was: not where the line begins with words of the
/// shell's own grammar or an assignment, which only stand where a command begins.
fn stays_a_command(line: &str) -> bool {
    let first = line.split([' ', '\n', ';', '(']).next().unwrap_or_default();
    let grammar = [
        "time", "!", "{", "", "if", "for", "while", "until", "case", "select", "function",
        "coproc", "[[", "((",
    ];
    !grammar.contains(&first) && !first.contains(['=', '<', '>', '#'])
}

/// Why a line became more lenient behind a wrapper; none where it did not, or where it is another line.
fn loosened(policy: &Policy, line: &str, bare: &Decision, wrapper: &str) -> Option<String> {
    let quoted = wrapper.contains("{}");
    if !quoted && !stays_a_command(line) {
        return None;
    }
    // A `{}` is taken for what xargs puts in, which it is only with -I: then the text around it is unknown.
    if wrapper.starts_with("xargs") && line.contains("{}") {
        return None;
    }
    let wrapped = wrap(wrapper, line);
    let inside = decide(policy, &wrapped);
    // A builtin that the reader refuses (`[ -v x ]`, `hash -p`) is a program of that name behind a program.
    let builtin = bare.rules == ["builtin.unreadable"] && !quoted;
    let least = if builtin {
        Risk::ApprovalRequired
    } else {
        bare.risk
    };
    (inside.risk < least).then(|| {
        format!(
            "`{line}` is {:?}, `{wrapped}` is {:?}: {}",
            bare.risk, inside.risk, inside.why
        )
    })
}

/// Every line of every corpus behind every wrapper.
#[test]
fn no_wrapper_loosens_any_line() {
    let mut behind = 0;
    let mut faults = Vec::new();
    for line in LINES.iter() {
        let bare = decide(&PRODUCTION, line);
        behind += usize::from(stays_a_command(line));
        for wrapper in WRAPPERS {
            faults.extend(loosened(&PRODUCTION, line, &bare, wrapper));
        }
    }
    assert!(
        behind * 100 > LINES.len() * 90,
        "{behind} of {} lines",
        LINES.len()
    );
    assert!(
        faults.is_empty(),
        "{} loosened, such as:\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
}

/// A shell that may read files first runs its text all the same: what that holds is no guess.
#[test]
fn what_a_marked_shell_runs_is_as_forbidden_as_ever() {
    for line in [
        "stdbuf -oL bash -lc frobnicate",
        "xargs bash -lc 'sudo frobnicate'",
        "cat x >/srv/$x; env -i bash -c 'df; frobnicate'",
    ] {
        let decision = decide(&PRODUCTION, line);
        assert_eq!(decision.risk, Risk::Forbidden, "{line}: {}", decision.why);
    }
}

/// What goes up and down below its own folder, and lays no link to what is guarded, is asked about and no more.
#[test]
fn what_is_done_below_a_folder_of_ones_own_is_not_forbidden() {
    for line in [
        "cd /srv; cd a; cd b; cd c; rm -rf lib",
        "cd /srv/app; cd api; npm ci; cd ..; cd web; npm ci; cd ..; rm -rf dist/*",
        "cd /tmp; git clone https://x/y; cd y; mkdir build; cd build; cmake ..; make; cd ..; cd ..; rm -rf y",
        "cd /usr/local/src; tar xzf x.tgz; cd x; cd src; make; cd ..; rm -rf lib",
        "cd /srv/app; cd a; git pull; cd ../b; git pull; cd ../c; git pull; cd ..; rm -rf tmp",
        "cd app; rm -rf lib; cd ..; rm -rf app",
        "find /home/bob -type f -exec chmod 600 {} +",
        "ln -s /srv/app/current /srv/app/live; rm -rf /srv/app/old",
    ] {
        let decision = decide(&PRODUCTION, line);
        assert_eq!(
            decision.risk,
            Risk::ApprovalRequired,
            "{line}: {}",
            decision.why
        );
    }
    let links = format!("ln aaa{}", " abc".repeat(15_000));
    assert_ne!(decide(&PRODUCTION, &links).risk, Risk::AutoAllowed);
}

/// What is put into what, again and again, must not keep from sight what stands beside it.
#[test]
fn more_values_than_are_looked_at_are_forbidden() {
    let long = "A".repeat(1000);
    let cuts: String = (0..40).map(|i| format!("z=${{x%b{i}}}; ")).collect();
    let doubled: String = (1..40)
        .map(|i| format!("v{}=$v{i}$v{i}; ", i + 1))
        .collect();
    for line in [
        format!("x={long}; {cuts}y=/etc; tee \"$y/sudoers\""),
        format!("v1=aaaaaaaa; {doubled}y=/etc; tee \"$y/sudoers\""),
    ] {
        let decision = decide(&PRODUCTION, &line);
        assert_eq!(
            decision.risk,
            Risk::Forbidden,
            "{}: {}",
            &line[..40],
            decision.why
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Nor do several wrappers in one another, under either policy.
    #[test]
    fn wrapping_never_loosens(
        line in select(LINES.clone()),
        front in prop::collection::vec(select(WRAPPERS.to_vec()), 1..4),
    ) {
        for policy in [&*PRODUCTION, &*LAB] {
            let mut line = line.clone();
            for wrapper in &front {
                let bare = decide(policy, &line);
                let fault = loosened(policy, &line, &bare, wrapper);
                prop_assert!(fault.is_none(), "{}", fault.unwrap_or_default());
                line = wrap(wrapper, &line);
            }
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

/// The same rules in another order and in other files, and the same packs in another order, decide every
/// line of every corpus the same, word for word.
#[test]
fn order_says_nothing() {
    let before: Vec<Decision> = LINES.iter().map(|line| decide(&PRODUCTION, line)).collect();
    for seed in 1..=4 {
        let turned = shuffled(seed);
        for (line, before) in LINES.iter().zip(&before) {
            assert_eq!(*before, decide(&turned, line), "seed {seed}: `{line}`");
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

/// Any order, the same for the same seed.
fn shuffle<T>(list: &mut [T], seed: &mut u64) {
    for last in (1..list.len()).rev() {
        // Knuth's MMIX generator; its high bits are the good ones.
        *seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        list.swap(last, (*seed >> 33) as usize % (last + 1));
    }
}

/// The production policy with its packs in another order, and all rules in any order in any of them.
fn shuffled(mut seed: u64) -> Policy {
    let names: Vec<&str> = aiops::shipped::FILES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.starts_with("packs/"))
        .collect();
    let mut heads = Vec::new();
    let mut rules: Vec<String> = Vec::new();
    for name in &names {
        let (head, own) = aiops::shipped::text(name)
            .unwrap()
            .split_once("\nrules:\n")
            .unwrap();
        heads.push(head);
        rules.extend(
            own.split("\n  - id: ")
                .map(|r| r.trim_start_matches("  - id: ").trim_end().to_owned()),
        );
    }
    shuffle(&mut rules, &mut seed);
    let share = rules.len().div_ceil(names.len());
    let packs: Vec<String> = heads
        .iter()
        .zip(rules.chunks(share))
        .map(|(head, own)| format!("{head}\nrules:\n  - id: {}\n", own.join("\n  - id: ")))
        .collect();
    assert_eq!(packs.len(), names.len());
    Policy::from_sources("production.yml", &|path| {
        if path != "production.yml" {
            let at = names.iter().position(|name| *name == path)?;
            return Some(packs[at].clone());
        }
        let text = aiops::shipped::text(path)?;
        let start = text.find("include: [")? + "include: [".len();
        let end = start + text[start..].find(']')?;
        let mut order: Vec<&str> = text[start..end].split(", ").collect();
        shuffle(&mut order, &mut seed.clone());
        Some(format!(
            "{}{}{}",
            &text[..start],
            order.join(", "),
            &text[end..]
        ))
    })
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    /// A letter of several bytes in any place of any word, or in place of one, breaks no reader of values.
    #[test]
    fn a_long_letter_anywhere_is_decided(
        line in select(LINES.clone()),
        (word, at) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        letter in select(vec!['…', 'é', '😀', '٣', 'ß']),
        instead in any::<bool>(),
    ) {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let word = word.index(words.len());
        let mut letters: Vec<char> = words[word].chars().collect();
        let at = at.index(letters.len() + 1);
        if instead && at < letters.len() {
            letters[at] = letter;
        } else {
            letters.insert(at, letter);
        }
        let text: String = letters.into_iter().collect();
        words[word] = if line.contains('\'') { text } else { format!("'{text}'") };
        decide(&PRODUCTION, &words.join(" "));
    }
}

#[test]
fn a_duration_that_ends_in_a_long_letter_is_decided() {
    for value in ["…", "1…", "é", "5m"] {
        decide(&PRODUCTION, &format!("kubectl logs web --since '{value}'"));
    }
}

#[test]
fn the_shuffle_keeps_every_rule() {
    for seed in [1, 2, 3, 12345] {
        let turned = shuffled(seed);
        assert_eq!(turned.len(), PRODUCTION.len());
        assert_ne!(turned.hash(), PRODUCTION.hash());
    }
}
