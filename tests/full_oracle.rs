//! Whatever bash or dash runs, the full reader saw; and what it writes back runs the same.
//!
//! Lines come from a grammar of the whole shell and from a byte-level mutator, with a fixed seed.
//! `AIOPS_ORACLE_LINES` and `AIOPS_ORACLE_SEED` make longer runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shells.rs"]
mod shells;

use aiops::command::{Reading, Segment, Shell, Word, Wraps};
use shells::{Random, mutate, run, setting};
use std::io::Write;

/// Writes lines; here-documents wait for the end of theirs.
struct Writer {
    random: Random,
    documents: String,
}

impl Writer {
    fn line(&mut self) -> String {
        let mut text = self.list(0);
        text.push_str(self.random.pick(&["", "", "", " ", ";", " &", "\n"]));
        if !self.documents.is_empty() {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&std::mem::take(&mut self.documents));
        }
        text
    }

    fn list(&mut self, depth: usize) -> String {
        let mut text = self.pipeline(depth);
        for _ in 0..self.random.below(if depth == 0 { 4 } else { 3 }) / (1 + depth) {
            let joint = self.random.pick(&[
                " && ", " || ", "; ", " ; ", ";", "&&", "||", " & ", "\n", "&",
            ]);
            // A line feed would end the line of a document.
            text.push_str(if joint == "\n" && !self.documents.is_empty() {
                "; "
            } else {
                joint
            });
            text.push_str(&self.pipeline(depth));
        }
        text
    }

    fn pipeline(&mut self, depth: usize) -> String {
        let mut text = String::new();
        if self.random.below(10) == 0 {
            text.push_str("! ");
        }
        text.push_str(&self.command(depth));
        for _ in 0..self.random.below(6) / 3 {
            text.push_str(self.random.pick(&[" | ", "|", " |\\\n", " | "]));
            text.push_str(&self.command(depth));
        }
        text
    }

    fn command(&mut self, depth: usize) -> String {
        let kind = if depth > 2 {
            0
        } else {
            self.random.below(24 + 8 * depth)
        };
        let next = depth + 1;
        let text = match kind {
            14 => format!("({})", self.list(next)),
            15 => format!("( {} )", self.list(next)),
            16 => format!("{{ {}; }}", self.list(next)),
            17 => {
                let (a, b, c) = (self.list(next), self.list(next), self.list(next));
                match self.random.below(3) {
                    0 => format!("if {a}; then {b}; fi"),
                    1 => format!("if {a}\nthen {b}; else {c}\nfi"),
                    _ => format!("if {a}; then {b}; elif p; then {c}; fi"),
                }
            }
            18 => format!("while f; do {}; done", self.list(next)),
            19 => format!("until p {}; do {}; done", self.word(next), self.list(next)),
            20 => format!(
                "for v in {} {}; do {}; done",
                self.word(next),
                self.word(next),
                self.list(next)
            ),
            21 => {
                let (word, a, b) = (self.word(next), self.list(next), self.list(next));
                match self.random.below(3) {
                    0 => format!("case {word} in a|b) {a};; *) {b} ;; esac"),
                    1 => {
                        format!("case {word} in ('esac') {a};; (\\done|\"fi\") {b};; (*) {b}\nesac")
                    }
                    _ => format!("case {word} in (a) {a};; (*) {b}\nesac"),
                }
            }
            // Each its own name: a function that runs itself in a pipeline would never end.
            22 => format!("h{depth}() {{ {}; }}; h{depth}", self.list(next)),
            23 => format!(
                "[[ {} ]] && {}",
                self.random.pick(&[
                    "a == b",
                    "-n $v",
                    "! -f x",
                    "a = a && b != c",
                    "$v == a*",
                    "-z \"$v\" || a < b"
                ]),
                self.simple(next)
            ),
            _ => return self.simple(depth),
        };
        if self.random.below(6) == 0 {
            return text
                + self
                    .random
                    .pick(&[" >/dev/null", " 2>&1", " </dev/null", " <<< a"]);
        }
        text
    }

    fn simple(&mut self, depth: usize) -> String {
        let mut text = String::new();
        if self.random.below(8) == 0 {
            let value = self.word(depth);
            text.push_str(&format!("v={value} "));
            if self.random.below(3) == 0 {
                return text;
            }
        }
        if self.random.below(12) == 0 {
            text.push_str(self.random.pick(&[
                ">/dev/null ",
                "2>&1 ",
                "eval ",
                "command ",
                "builtin ",
                "exec 3>&1; ",
            ]));
        }
        text.push_str(self.random.pick(&[
            "p", "f", "g", "p", "f", "g", "'p'", "\"f\"", "\\g", "p''", "$'p'", "$'\\x67'",
        ]));
        for _ in 0..self.random.below(4) {
            text.push_str(self.random.pick(&[" ", "  ", "\t", " \\\n"]));
            for _ in 0..=self.random.below(5) / 4 {
                text.push_str(&self.word(depth));
            }
        }
        match self.random.below(20) {
            0 => {
                let (operator, mark) = match self.random.below(4) {
                    0 => ("<<E", "E"),
                    1 => ("<<'E'", "E"),
                    2 => ("<<-E", "\tE"),
                    _ => ("<< \"E F\"", "E F"),
                };
                // Inside of a substitution the line may go on over line feeds: the reader refuses that.
                let body = format!("a {} 'b' \"c\" \\$v\n{mark}\n", self.word(3));
                if depth == 0 && !self.documents.contains('E') {
                    text.push_str(&format!(" {operator}"));
                    self.documents.push_str(&body);
                }
            }
            1..=4 => text.push_str(self.random.pick(&[
                " 2>&1",
                " >/dev/null",
                " <<<a",
                " <<<$v",
                "<<<\"$(p)\"",
                " &>/dev/null",
                " >&2",
                " < <(p)",
                " 3>&1",
                " 2>&-",
                " > >(g)",
                " </nonexistent",
            ])),
            _ => {}
        }
        text
    }

    fn word(&mut self, depth: usize) -> String {
        if depth < 3 && self.random.below(5 + 5 * depth) == 0 {
            let list = self.list(depth + 1);
            let single = self.simple(3);
            return match self.random.below(8) {
                0 | 1 => format!("$({list})"),
                2 => format!("\"a $({list}) b\""),
                3 => format!("$( {list} )"),
                4 => format!("${{v:-$({list})}}"),
                5 => format!("\"${{v:+$({list})}}\""),
                6 if !single.contains(['`', '"', '\\']) => format!("`{single}`"),
                7 => format!("<({list})"),
                _ => format!("\"$({list})\""),
            };
        }
        const WORDS: [&str; 68] = [
            "esac",
            "done",
            "fi",
            "then",
            "in",
            "do",
            "if",
            "}",
            "case",
            "function",
            "time",
            "select",
            "]]",
            "x+=1",
            "${v:=b}",
            "a",
            "b",
            "-n",
            "'a b'",
            "'$(p)'",
            "\"a b\"",
            "''",
            "\"\"",
            "\\ ",
            "\\$",
            "$v",
            "\"$v\"",
            "${v}",
            "${v:-a}",
            "${v:-'a b'}",
            "\"${v:-a}\"",
            "${#v}",
            "${v%a}",
            "${v#*b}",
            "${v##a}",
            "$#",
            "$?",
            "$-x",
            "\"$@\"",
            "$*",
            "$1",
            "${1:-p}",
            "$((1+2))",
            "$(( (1) ))",
            "{a,b}",
            "{1..3}",
            "a{b,c}d",
            "~",
            "~/a",
            "a~b",
            "*",
            "a?",
            "[ab]",
            "[",
            "]",
            "{}",
            "$'a\\tb'",
            "$'\\''",
            "`p`",
            "\"`g`\"",
            "$(p)",
            "\"$(f)\"",
            "#",
            "a#b",
            "!",
            "=",
            "x=1",
            "${v/a/b}",
        ];
        self.random.pick(&WORDS).to_owned()
    }
}

/// Whether the reading has a command that could have run with these words.
fn seen(reading: &Reading, ran: &[String]) -> bool {
    // `command - a` looks for a program `-`: it is marked as not understood, and its words are guessed at.
    if ran[0].starts_with('-') && reading.calls.iter().any(|c| c.wraps == Wraps::Unknown) {
        return true;
    }
    reading.calls.iter().any(|call| {
        let literal: Option<Vec<&str>> = call.words.iter().map(plain).collect();
        match literal {
            Some(words) => words == ran,
            None => call.name.text == ran[0],
        }
    })
}

/// The text of a word that the shell leaves as it is (the shells run without pathname expansion).
fn plain(word: &Word) -> Option<&str> {
    match word.segments.as_slice() {
        [Segment::Glob(text)] => Some(text),
        segments if segments.iter().any(|s| matches!(s, Segment::Glob(_))) => None,
        _ => word.literal(),
    }
}

/// A line feed in a word would tear what two commands write at the same time.
fn is_torn(reading: &Reading) -> bool {
    let text = |word: &Word| {
        word.segments.iter().any(|s| match s {
            Segment::Literal(t) | Segment::Glob(t) | Segment::Expansion(t) => t.contains('\n'),
        })
    };
    reading
        .calls
        .iter()
        .any(|c| c.words.iter().any(text) || c.assignments.iter().any(|a| text(&a.value)))
}

/// A shell's messages name the line of the script, and `$$` is another process each time.
fn without_numbers(ran: &[Vec<String>]) -> Vec<Vec<String>> {
    let number = regex::Regex::new(r"^\d+:$|line:? \d+|\d{3,}").unwrap();
    let same = |w: &String| number.replace_all(w, "N").into_owned();
    let mut out: Vec<Vec<String>> = ran
        .iter()
        .map(|words| words.iter().map(same).collect())
        .collect();
    out.sort();
    out
}

/// The keyword `time` is written back as the program, which is no stand-in.
fn is_timed(reading: &Reading) -> bool {
    reading.calls.iter().any(|c| c.name.text == "time")
}

/// A loop of background commands has no end that its own limits could reach.
fn is_endless(reading: &Reading) -> bool {
    let has = |what: &str| reading.notes.iter().any(|n| n.what == what);
    has("a loop") && has("a command in the background")
}

fn compare(seed: u64, wanted: usize) -> usize {
    let dir = shells::folder();
    let mut writer = Writer {
        random: Random(seed | 1),
        documents: String::new(),
    };
    let (mut sources, mut readings) = (Vec::new(), Vec::new());
    let (mut written, mut accepted) = (0usize, 0usize);
    while sources.len() < wanted {
        writer.documents.clear();
        let mut text = writer.line();
        let mutated = writer.random.below(2) == 0;
        if mutated {
            text = mutate(&mut writer.random, &text);
        }
        let reading = aiops::command::read(&text);
        if !mutated {
            written += 1;
            accepted += usize::from(reading.is_ok());
            if let Err(e) = &reading {
                eprintln!("REFUSED {} ||| {}", e.reason, text.replace('\n', "⏎"));
            }
        }
        if let Ok(reading) = reading
            && !reading.is_strict()
            && !is_torn(&reading)
            && !is_endless(&reading)
            && !is_timed(&reading)
        {
            sources.push(text);
            readings.push(reading);
        }
    }
    assert!(
        accepted * 5 > written * 2,
        "the reader refuses too much of the grammar: {accepted} of {written}"
    );
    let canonicals: Vec<String> = readings.iter().map(|r| r.canonical.clone()).collect();
    for shell in ["bash", "dash"] {
        let from_source = run(shell, &sources, dir.path());
        let from_canonical = run(shell, &canonicals, dir.path());
        for (index, reading) in readings.iter().enumerate() {
            let source = from_source.get(&index).cloned().unwrap_or_default();
            let canonical = from_canonical.get(&index).cloned().unwrap_or_default();
            // What only bash reads so is only ever given to bash; dash must still run no other command.
            let exact = shell == "bash" || reading.shell == Shell::Posix;
            let runs: Vec<&Vec<String>> = if exact {
                source.iter().chain(&canonical).collect()
            } else if sources[index].contains("&>") {
                // Two commands to dash: only bash is ever given it.
                Vec::new()
            } else {
                source.iter().collect()
            };
            for ran in runs {
                let known = if exact {
                    seen(reading, ran)
                } else {
                    reading.calls.iter().any(|c| c.name.text == ran[0])
                };
                assert!(
                    known,
                    "{shell} ran {ran:?}, which was not seen in {:?} (canonical {:?}, seed {seed}): {:#?}",
                    sources[index], canonicals[index], reading.calls
                );
            }
            // A loop that only its time limit ends has run any number of times.
            let ended = source.len().max(canonical.len()) < 60;
            if exact && ended {
                assert_eq!(
                    without_numbers(&source),
                    without_numbers(&canonical),
                    "{shell} runs the canonical form {:?} of {:?} otherwise (seed {seed})",
                    canonicals[index],
                    sources[index]
                );
            }
        }
    }
    sources.len()
}

#[test]
fn what_bash_and_dash_run_the_full_reader_saw() {
    let lines = usize::try_from(setting("AIOPS_ORACLE_LINES", 3_000)).unwrap();
    let seed = setting("AIOPS_ORACLE_SEED", 20_261_121);
    let compared = shells::in_batches(lines, seed, 1000, compare);
    let _ = writeln!(
        std::io::stderr(),
        "{compared} lines, each run by two shells in two forms: everything that ran was seen"
    );
    assert!(compared >= lines);
}
