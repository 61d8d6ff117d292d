//! A line that is written out to run alone runs what the line as it came would run in bash, and nothing else.
//!
//! Lines come from a grammar of what is written out, with a fixed seed; `AIOPS_ORACLE_LINES` and
//! `AIOPS_ORACLE_SEED` make longer runs. Every command is a stand-in that writes its words down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shells.rs"]
mod shells;

use aiops::command::Segment;
use aiops::policy::{Context, Policy, Risk};
use shells::{How, Random, Sandbox, Tally, mutate};
use std::io::Write;

/// The stand-ins and `echo`, which take any words.
const POLICY: &str = "version: 1
mode: production
unknown_default: reject
levels: { medium: { approvals: 1 }, high: { approvals: 2 }, critical: forbidden }
rules:
  - id: test.any
    about: Take any words
    decision: auto
    command: [p, f, g, echo]
    style: plain
    operands: { type: free_text, max: 64 }
    match: [p a]
  - id: test.question
    about: Ask about texts
    decision: auto
    command: '['
    reader: test
    match: ['[ a = b ]']
";

struct Writer {
    random: Random,
    /// Variables that hold something here.
    known: Vec<&'static str>,
    /// Names that no loop or assignment has used yet.
    free: Vec<&'static str>,
}

impl Writer {
    fn list(&mut self, depth: usize) -> String {
        let known = self.known.len();
        let mut text = String::new();
        for index in 0..=self.random.below(3) {
            if index > 0 {
                text.push_str(self.random.pick(&["; ", "; ", " && ", " || ", "\n", ";"]));
            }
            if depth == 0
                && (text.is_empty()
                    || text.ends_with(['\n', ' '])
                        && !text.ends_with("& ")
                        && !text.ends_with("| "))
                && self.random.below(5) == 0
                && let Some(name) = self.free.pop()
            {
                let value = self.value();
                text.push_str(&format!(
                    "{name}={value}{}",
                    self.random.pick(&["; ", " && ", "\n"])
                ));
                self.known.push(name);
            }
            let pipeline = self.pipeline(depth);
            text.push_str(&pipeline);
        }
        if depth > 0 {
            self.known.truncate(known);
        }
        text
    }

    fn pipeline(&mut self, depth: usize) -> String {
        let mut text = self.command(depth);
        if self.random.below(6) == 0 {
            text.push_str(" | ");
            text.push_str(&self.command(depth));
        }
        text
    }

    fn command(&mut self, depth: usize) -> String {
        let kind = if depth > 2 { 9 } else { self.random.below(14) };
        let next = depth + 1;
        match kind {
            0..=2 => self.turns(next),
            3 => format!("if {}; then {}; fi", self.list(next), self.list(next)),
            4 => format!(
                "if {}; then {}; elif ! {}; then {}; else {}; fi",
                self.simple(),
                self.list(next),
                self.simple(),
                self.list(next),
                self.list(next)
            ),
            5 => format!("{{ {}; }}", self.list(next)),
            6 => format!("( {} )", self.list(next)),
            7 => format!("{{ {}; }} 2>/dev/null", self.list(next)),
            8 => self.lines(next),
            _ => self.simple(),
        }
    }

    fn turns(&mut self, depth: usize) -> String {
        let Some(name) = self.free.pop() else {
            return self.simple();
        };
        let words: Vec<String> = (0..=self.random.below(3))
            .map(|_| match self.random.below(6) {
                0 => "{1..3}".to_owned(),
                _ => self.word(),
            })
            .collect();
        self.known.push(name);
        let body = self.list(depth);
        self.known.retain(|n| *n != name);
        let end = self.random.pick(&["", "", " 2>/dev/null"]);
        format!("for {name} in {}; do {body}; done{end}", words.join(" "))
    }

    fn lines(&mut self, depth: usize) -> String {
        let Some(name) = self.free.pop() else {
            return self.simple();
        };
        let said = self.random.pick(&["a", "a b", "'c  d'", "-n", "'*'"]);
        let separator = self.random.pick(&["", "IFS= ", "IFS=x "]);
        let raw = self.random.pick(&["-r ", ""]);
        self.known.push(name);
        let body = self.list(depth);
        self.known.retain(|n| *n != name);
        format!("echo {said} | while {separator}read {raw}{name}; do {body}; done")
    }

    fn question(&mut self) -> String {
        let (a, b) = (self.word(), self.word());
        let not = self.random.pick(&["", "! "]);
        match self.random.below(5) {
            0 => format!("[[ {not}{a} == {b} ]]"),
            1 => format!("[[ {not}{a} != {b} ]]"),
            2 => format!("[[ {not}-n {a} ]]"),
            3 => format!("[[ {not}-z {a} ]]"),
            _ => format!("[ {a} = {b} ]"),
        }
    }

    fn simple(&mut self) -> String {
        if self.random.below(8) == 0 {
            return self.question();
        }
        let mut text = self.random.pick(&["p", "p", "f", "g"]).to_owned();
        for _ in 0..self.random.below(4) {
            text.push(' ');
            text.push_str(&self.word());
        }
        text.push_str(self.random.pick(&["", "", "", " 2>&1", " >/dev/null"]));
        text
    }

    fn word(&mut self) -> String {
        let parts = 1 + self.random.below(3);
        (0..parts).map(|_| self.part()).collect()
    }

    fn part(&mut self) -> String {
        let name = match self.known.as_slice() {
            [] => "PATH",
            known => known[self.random.below(known.len())],
        };
        match self.random.below(14) {
            0 | 1 => format!("\"${name}\""),
            8 => self
                .random
                .pick(&["$((1+2))", "\"$(( (7 - 2) * 3 ))\"", "$(( $(nproc) + 4 ))"])
                .to_owned(),
            // Of most variables it is not read.
            9 => match self.random.below(18) {
                0 => format!("$(({name} + 1))"),
                1 => format!("\"$(( 2 * ${name} ))\""),
                2 => format!("$((${{{name}}}-3))"),
                _ => "k".into(),
            },
            2 => format!("\"<${{{name}}}>\""),
            3 => format!(
                "\"$(echo {})\"",
                self.random.pick(&["x", "'a b'", "\"c  d\"", "'*'", "-n"])
            ),
            4 => format!("\"`echo {}`\"", self.random.pick(&["y", "z"])),
            5 => self
                .random
                .pick(&["x{a,b}", "{c,d}e", "{1..3}", "{,.bak}x"])
                .to_owned(),
            6 => self
                .random
                .pick(&["'a b'", "\\$x", "'*'", "\"'\"", "'$(p)'", "-n", "\"\""])
                .to_owned(),
            7 => "\"$?\"".into(),
            _ => self
                .random
                .pick(&["a", "b", "-c", "/d/e", "f.g", "x=y", "k"])
                .to_owned(),
        }
    }

    fn value(&mut self) -> String {
        self.random
            .pick(&[
                "v",
                "5",
                "42",
                "$((6 * 7))",
                "/v/w",
                "'v w'",
                "\"$(echo q)\"",
                "$(echo r)",
                "''",
                "a=b",
            ])
            .to_owned()
    }
}

fn compare(sandbox: &Sandbox, seed: u64, wanted: usize) -> Tally {
    let policy = Policy::from_sources("test.yml", &|_| Some(POLICY.to_owned())).unwrap();
    let mut random = Random(seed | 1);
    let cx = Context {
        target: None,
        tags: &[],
        requester: "agent",
        now: chrono::DateTime::UNIX_EPOCH,
        recent: &[],
    };
    let (mut sources, mut canonicals, mut tried) = (Vec::new(), Vec::new(), 0);
    while sources.len() < wanted {
        tried += 1;
        assert!(
            tried < wanted * 20,
            "few lines are written out: {}",
            sources.len()
        );
        let mut writer = Writer {
            random: Random(random.next() | 1),
            known: Vec::new(),
            free: vec!["v", "w", "x", "y", "z"],
        };
        let mut text = writer.list(0);
        if random.below(4) == 0 {
            text = mutate(&mut random, &text);
        }
        // A variable that is set makes the status of the command before it 0, which is not written out; and
        // whether a substitution in the same command does so differs by shell.
        if text.contains("$?") && text.contains(['=', '(', '`']) {
            continue;
        }
        // What dash's echo makes of a backslash, bash's does not.
        if text.contains("echo") && text.contains('\\') {
            continue;
        }
        // A stand-in's record of a word with a line feed could be torn by another's of the same pipeline.
        if text.matches('\n').count() > 2 || text.contains(['&', '>']) && text.contains("9") {
            continue;
        }
        let reading = aiops::command::read(&text);
        // Outside of quotes a shell splits what is said; what is written out never does (docs/policy.md).
        let splits = |word: &aiops::command::Word| {
            let bare = |s: &Segment| matches!(s, Segment::Expansion(t) if t.starts_with("$("));
            word.segments.iter().any(bare)
        };
        if reading
            .iter()
            .flat_map(|r| &r.calls)
            .any(|c| c.words.iter().any(splits))
        {
            continue;
        }
        let decision = policy.decide(reading.as_ref(), &cx);
        if let (Risk::AutoAllowed, Some(canonical)) = (decision.risk, decision.canonical)
            && reading.is_ok_and(|r| !r.is_strict())
            // Stand-ins stop after forty: a pipeline's parts share that number otherwise than a list's.
            && decision.calls.len() <= 30
        {
            sources.push(text);
            canonicals.push(canonical);
        }
    }
    for canonical in &canonicals {
        let again = aiops::command::read(canonical);
        let decision = policy.decide(again.as_ref(), &cx);
        assert_eq!(
            decision.canonical.as_ref(),
            Some(canonical),
            "it is written out once more"
        );
        assert_eq!(decision.risk, Risk::AutoAllowed, "{canonical}");
    }
    let mut tally = Tally::default();
    let alone = |lines: &[String], shell: &str| {
        let lines: Vec<(&str, How)> = lines.iter().map(|l| (l.as_str(), How::Alone)).collect();
        sandbox.run(shell, &lines)
    };
    let meant = alone(&sources, "bash");
    for shell in ["bash", "dash"] {
        let ran = alone(&canonicals, shell);
        for (index, source) in sources.iter().enumerate() {
            if ran[index] != meant[index] {
                tally.findings.push(format!(
                    "{shell} ran what {source:?} is written out to otherwise: {:?} (seed {seed}): {:?}, {:?}",
                    canonicals[index], ran[index].calls, meant[index].calls
                ));
            }
        }
    }
    tally.lines = sources.len();
    tally
}

#[test]
fn what_is_written_out_is_what_would_have_run() {
    let tally = shells::in_batches(&shells::PROGRAMS, 6_000, 1000, compare);
    let compared = tally.lines;
    assert!(tally.findings.is_empty(), "{:#?}", tally.findings);
    let _ = writeln!(
        std::io::stderr(),
        "{compared} lines written out, each run by two shells: no difference"
    );
}
