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

use aiops::command::{ReadError, Reading, Segment};
use aiops::policy::{Context, Decision, Policy, Risk};
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
    command: [p, f, g, echo, uptime]
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
                "$(uptime -p)",
                "$(uptime -p)",
                "''",
                "a=b",
            ])
            .to_owned()
    }
}

/// What a policy says of a line that was read.
fn decide(policy: &Policy, reading: Result<&Reading, &ReadError>) -> Decision {
    let cx = Context {
        target: None,
        tags: &[],
        requester: "agent",
        now: chrono::DateTime::UNIX_EPOCH,
        recent: &[],
    };
    policy.decide(reading, &cx)
}

fn compare(sandbox: &Sandbox, seed: u64, wanted: usize) -> Tally {
    let policy = Policy::from_sources("test.yml", &|_| Some(POLICY.to_owned())).unwrap();
    let mut random = Random(seed | 1);
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
        // Whether a substitution in the same command sets the status before it differs by shell.
        if text.contains("$?") && text.contains(['(', '`']) {
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
        let decision = decide(&policy, reading.as_ref());
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
        let decision = decide(&policy, again.as_ref());
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

/// A line that is read only as what it is written out to may hold anything, and a person approves it: what comes out must do
/// what the line says, each command when and as often as there.
#[test]
fn what_cannot_be_read_otherwise_is_written_out_exactly_or_not_at_all() {
    let long = format!("t=5; timeout $t ls # {}", "a".repeat(100_000));
    for line in [
        // A condition, or a command, would be dropped.
        "t=30; ok=$(test -f /srv/ready && echo yes) && timeout $t systemctl restart nginx",
        "t=5; out=$(systemctl stop web); timeout $t tar cf /b.tar /srv/web",
        "for i in 1 2; do o=$(systemctl restart web); nc -z localhost $i; done",
        // The status, and the folder, are others by then.
        "t=30; timeout $t pg_dump -f /b/x shop; rc=$?; date; [ \"$rc\" = 0 ] && rm /b/old",
        "t=5; d=$PWD; cd /srv/new && timeout $t cp -r . \"$d\"",
        // The default of what says nothing.
        "t=30; n=$(cat /run/n); if [ \"${n:-0}\" -eq 0 ]; then echo none; else timeout $t systemctl restart app; fi",
        "t=5; while read -r o; do timeout $t mount $o; done </srv/mounts",
        "x=$(find /etc -delete); for p in 80; do nc -z localhost $p; done",
        // What is asked again may have changed.
        "t=30; f=$(ls -t /var/backups/*.gz | head -1); timeout $t pg_dump shop && rm \"$f\"",
        "t=30; old=$(pgrep -o app); timeout $t systemctl restart app; kill \"$old\"",
        // Outside of quotes it is several words.
        "t=5; p=$(pgrep nginx); timeout $t kill $p",
        "t=5; timeout $t kill $(pgrep nginx)",
        // A file that is missing keeps a command from running, and a pipe is no file.
        "t=30; timeout $t tee /etc/app.conf < /srv/new.conf",
        "t=9; timeout $t dd of=/x bs=1M count=10 < /backup.img",
        // In a pipe, a loop stands in a subshell.
        "t=5; while read -r d; do cd \"$d\"; done </srv/dirs; timeout $t rm -rf cache",
        "t=5; docker ps -q | while read -r c; do cd /srv; timeout $t docker inspect $c; done; rm -rf cache",
        // What steers, or sets a variable, behind another name.
        "for p in 1 2; do timeout $p ping -c 1 db1 && command break; systemctl restart net$p; done",
        "t=5; f=/tmp/x; command read -r f; timeout $t rm \"$f\"",
        "t=5; f=/tmp/x; command eval f=/tmp/y; timeout $t rm \"$f\"",
        "t=5; f=/tmp/x; builtin export f=/tmp/y; timeout $t rm \"$f\"",
        "t=5; f=/tmp/x; command . /tmp/f; timeout $t rm \"$f\"",
        "t=5; f=/tmp/x; printf -v f new; timeout $t rm \"$f\"",
        "t=5; f=/tmp/x; wait -p f; timeout $t rm \"$f\"",
        // Variables that bash itself keeps, or the system may have given.
        "GLOBIGNORE='/srv/keep*'; t=5; timeout $t rm /srv/*",
        "SHELLOPTS=5; t=3; timeout $t touch x",
        "EPOCHSECONDS=5; timeout $EPOCHSECONDS ls",
        "http_proxy=new; t=5; timeout $t curl http://x",
        "u=$USER; t=5; timeout $t touch a $u",
        // A pattern, which elsewhere is kubectl's.
        "t=3; touch 'a*'; timeout $t rm a[*]",
        // A sum that fails ends the line.
        "x=$((5/(1-1))); t=3; timeout $t touch z",
        "x=$((5%-0)); t=3; ls; timeout $t touch \"$x\"",
        "x=99999999999999999999; t=3; timeout $t touch \"$((x))\"",
        // dash would not take it so.
        "op='=='; t=5; [ a \"$op\" a ] && timeout $t touch cond",
        // What no line may hold.
        "t=5; timeout $t ls # \u{202e}evil",
        "x=\u{1b}[2J; t=5; timeout $t ls",
        &long,
    ] {
        let read = aiops::policy::read(line).map(|r| r.canonical);
        assert!(read.is_err(), "{line}: {read:?}");
    }
    let braces = aiops::policy::read("for i in {1..2}; do ulimit -u 500; timeout $i ls; done");
    assert_eq!(braces.unwrap().shell, aiops::command::Shell::Bash);
    for (line, canonical) in [
        (
            "for p in 80 443; do nc -z localhost $p; done",
            "nc -z localhost 80; nc -z localhost 443",
        ),
        (
            "for p in $(pgrep java); do prlimit --pid $p --nofile; done",
            "for p in $( pgrep java ); do prlimit --pid \"${p}\" --nofile; done",
        ),
        (
            "find /srv -name '*.gz' | xargs -P $(nproc) -n 1 gunzip",
            "find /srv -name '*.gz' | xargs -P \"$( nproc )\" -n 1 gunzip",
        ),
        (
            "n=$(nproc); find /srv -name '*.gz' | xargs -P $n -n 1 gunzip",
            "find /srv -name '*.gz' | xargs -P \"$( nproc )\" -n 1 gunzip",
        ),
        (
            "t=30; timeout $t systemctl restart nginx && echo \"done: $(hostname)\"",
            "timeout 30 systemctl restart nginx && echo 'done: '\"$( hostname )\"",
        ),
    ] {
        let reading = aiops::policy::read(line).unwrap();
        assert_eq!(
            (reading.source.as_str(), reading.canonical.as_str()),
            (line, canonical)
        );
    }
}

#[test]
fn what_is_said_is_put_in_only_where_it_would_be_the_same() {
    let policy = Policy::from_sources("production.yml", &|path| {
        aiops::shipped::text(path).map(str::to_owned)
    })
    .unwrap();
    let decide = |line: &str| decide(&policy, aiops::command::read(line).as_ref());
    for line in [
        "s=$(date +%s); sleep 2; e=$(date +%s); echo $((e-s))",
        "a=$(cat /proc/uptime); sleep 1; echo \"$a\"",
        "if uptime; then :; fi; a=$(uptime); if df; then :; elif echo \"$a\"; then :; fi",
        "a=$(uptime); for f in /var/log/*.log; do echo \"$a\"; wc -l \"$f\"; done",
        "a=$(uptime); for i in 1 2; do echo \"$a\"; df; done",
        "f=$PWD; cd /srv; echo \"$f\"",
        // Where nothing is said, the default would be missed.
        "n=$(pgrep -c x); [ \"${n:-0}\" -eq 0 ] && echo none",
        "n=$(pgrep -c x); [ \"${n:-0}\" -lt 5 ] && echo few",
        "n=$(pgrep -c x); echo \"${n:-0}\"",
        // The status that is asked for is another one.
        "ping -c 1 db1; rc=$?; date; [ $rc = 0 ] && echo reachable",
        "x=$(pgrep nosuch); [ $? = 0 ] && echo \"$x\"",
        "pgrep nosuch; x=5; echo $?",
        "false; for p in $(seq 1 2); do [ \"$?\" = 0 ] && echo \"$p\"; done",
        // What takes time.
        "s=$(date +%s); r=$(ping -c 3 db1 | tail -n 1); e=$(date +%s); echo \"$r took $((e-s))\"",
        "s=$(date +%s%N); c=$(curl -s -o /dev/null -w '%{http_code}' http://localhost/); e=$(date +%s%N); echo \"$c $(( (e-s)/1000000 )) ms\"",
        "s=$(date +%s); [ \"$(curl -s -o /dev/null -w '%{http_code}' http://localhost/)\" = 200 ] || echo \"down after $(( $(date +%s) - s ))s\"",
        "s=$(date +%s); echo \"$(ping -c 3 db1 | tail -n 1)\"; echo \"$s\"",
        // Behind a pipe a file that is missing is none.
        "head -n 1 </var/log/nofile && echo readable",
        "cat < /etc/nofile || echo missing",
        "wc -l < /etc/nofile; echo $?",
        "if head -n 1 </var/log/nofile; then echo readable; fi",
        "if uptime; then head -n 1 </var/log/nofile; fi && echo readable",
        "x=$(wc -l < /etc/nofile) && echo \"$x\"",
        // A command would be dropped.
        "o=$(systemctl restart web); uptime",
        "o=$(uptime); echo '$o'",
        // A container may be called as a file with secrets.
        "for n in $(docker ps --format '{{.Names}}'); do cat /etc/$n; done",
        "for n in $(kubectl get pods -A -o 'jsonpath={.items[*].metadata.name}'); do cat /etc/$n; done",
    ] {
        assert_ne!(decide(line).risk, Risk::AutoAllowed, "{line}");
    }
    for (line, canonical) in [
        (
            "n=$(systemctl is-active foo) && echo up \"$n\"",
            "systemctl is-active foo >/dev/null && echo up \"$( systemctl is-active foo )\"",
        ),
        (
            "x=$(pgrep nosuch 2>/dev/null | head -1) || echo none",
            "pgrep nosuch 2>/dev/null | head -1 >/dev/null || echo none",
        ),
        (
            "p=$(pgrep -o nginx); df -h; ps -o rss= -p \"$p\"",
            "df -h; ps -o rss= -p \"$( pgrep -o nginx )\"",
        ),
        (
            "n=$(pgrep -c x); [ \"${n:-0}\" -gt 5 ] && echo many",
            "[ \"$( pgrep -c x )\" -gt 5 ] && echo many",
        ),
        (
            "[ \"$(wc -l < /etc/hosts)\" -gt 5 ] && echo many",
            "[ \"$( cat /etc/hosts | wc -l )\" -gt 5 ] && echo many",
        ),
        (
            "s=$(date +%s); b=$(stat -c %Y /etc/hosts); echo $((s-b))",
            "echo \"$(($( date +%s )-$( stat -c %Y /etc/hosts )))\"",
        ),
        (
            "d=$(date +%F); df -h; echo \"$d\"",
            "df -h; echo \"$( date +%F )\"",
        ),
        (
            "a=$(uptime); echo \"$a\"; [ -n \"$a\" ] && echo \"$a\"",
            "echo \"$( uptime )\"; [ -n \"$( uptime )\" ] && echo \"$( uptime )\"",
        ),
    ] {
        let decision = decide(line);
        assert_eq!(
            decision.canonical.as_deref(),
            Some(canonical),
            "{line}: {}",
            decision.why
        );
    }
}
