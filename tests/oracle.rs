//! The specification of the strict reader is the shell: what it reads must be what real bash and real
//! dash run, word for word, and its canonical form must run the same.
//!
//! Lines come from a grammar and from a byte-level mutator, with a fixed seed. The commands are
//! functions that write their words down, in shells with an empty `PATH`, an empty environment, an
//! empty folder and (as root) the user nobody. `AIOPS_ORACLE_LINES` and `AIOPS_ORACLE_SEED` make longer runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shells.rs"]
mod shells;

use aiops::command::strict::{self, Joint, Line};
use aiops::command::{Segment, Word, render};
use shells::{How, NAMES, Random, Sandbox, Tally, mutate};

/// A line of the grammar that people type, with what trips readers up in between.
fn line(random: &mut Random) -> String {
    let mut text = String::new();
    for index in 0..=random.below(4) {
        if index > 0 {
            text.push_str(random.pick(&[
                " | ", "|", " && ", "&&", " || ", "||", "; ", ";", "\n", " ;\n", " |\n", "&&\n\n",
                " & ", " |& ", ";;",
            ]));
        }
        command(random, &mut text);
    }
    text.push_str(random.pick(&["", "", "", " ", ";", "\n", " ; ", "\t"]));
    text
}

fn command(random: &mut Random, text: &mut String) {
    if random.below(8) == 0 {
        text.push_str(random.pick(&[
            "A=1 ",
            "B=x*y ",
            "_c='a b' ",
            "D= ",
            "E=\"$\" ",
            "G='[' ",
            "F=a=b ",
            "1A=x ",
            "A+=2 ",
            "a[0]=1 ",
            "! ",
            "time ",
            "{ ",
            "( ",
        ]));
    }
    if random.below(12) == 0 {
        text.push_str(random.pick(&[">/dev/null ", "2>&1 ", "</dev/null "]));
    }
    text.push_str(random.pick(&[
        "p", "f", "g", "p", "f", "g", "'p'", "\"f\"", "\\g", "p''", "''f", "g\"\"", "%p", "-p",
        "p\\", "#p", "~p", "'p ", "p'\\''",
    ]));
    for _ in 0..random.below(5) {
        text.push_str(random.pick(&[" ", "  ", "\t", " \t ", "\u{a0}", " \\\n"]));
        for _ in 0..=random.below(3) {
            text.push_str(piece(random));
        }
    }
    if random.below(4) == 0 {
        text.push_str(random.pick(&[
            " 2>&1",
            " >/dev/null",
            " 2>/dev/null",
            " >/dev/null 2>&1",
            " </dev/null",
            " >&2",
            "2>&1",
            ">/dev/null",
            " 1>&2",
            " 2> /dev/null",
            " >>/dev/null",
            " 3>&1",
            " >x",
            " >& 2",
            " &>/dev/null",
            " 12>/dev/null",
            " '2'>/dev/null",
            " a2>/dev/null",
        ]));
    }
}

fn piece(random: &mut Random) -> &'static str {
    const PIECES: [&str; 78] = [
        "a", "b1", "-n", "--x=y", "/tmp", ".", "..", "a.b", "x:y", "@", "%", "+", ",", "=", "a=b",
        "^", "]", "'a b'", "'*'", "'$x'", "''", "\"\"", "\"a b\"", "\"a'b\"", "'a\"b'", "\"\\$x\"",
        "\"\\\\\"", "\"\\a\"", "\"\\\"\"", "\\ ", "\\*", "\\'", "\\\"", "\\\\", "\\$", "\\a", "*",
        "?", "a*", "*.b", "[ab]", "[!a]", "[a-c]*", "[", "[]a]", "{}", "{a,b}", "{", "}", "!",
        "{a}", "a@{0}", "{{.a}}", "{.a}:{b}", "{a..b}", "{a}..{b}", "a!b", "~", "a~", "=~", ":~",
        "#", "a#b", "$x", "$(p)", "`p`", "$'a'", "(", ")", "<(p)", "2", "12", "ä", "'ä'", "\"`\"",
        "'\n'", "\"a\nb\"", "-",
    ];
    PIECES[random.below(PIECES.len())]
}

fn text_of(word: &Word) -> String {
    word.segments
        .iter()
        .map(|s| match s {
            Segment::Literal(t) | Segment::Glob(t) | Segment::Expansion(t) => t.as_str(),
        })
        .collect()
}

/// What the reading says a shell will run: each command's words. `f` fails, what is not there fails too.
fn expected(line: &Line, shell: &str) -> Vec<Vec<String>> {
    let mut ran = Vec::new();
    let mut status = true;
    for (joint, pipeline) in &line.pipelines {
        let goes = match joint {
            Joint::Then => true,
            Joint::And => status,
            Joint::Or => !status,
        };
        if !goes {
            continue;
        }
        for command in pipeline {
            let words: Vec<String> = command.words.iter().map(text_of).collect();
            let known = NAMES.contains(&words[0].as_str());
            status = known && words[0] != "f";
            // Of a program that is not there only bash tells.
            if known || shell == "bash" {
                ran.push(words);
            }
        }
    }
    ran.sort();
    ran
}

/// What the generator's letters make by chance that shells have built in, or that stands in a folder.
fn is_there(name: &str) -> bool {
    [".", ":", "[", "fg", "bg", "fc"].contains(&name) || name.contains('/')
}

/// Whether the line runs nothing but the stand-ins and what is not there, so that it may be tried.
fn is_tame(line: &Line) -> bool {
    line.pipelines.iter().flat_map(|(_, p)| p).all(|c| {
        c.words
            .first()
            .and_then(Word::literal)
            .is_some_and(|w| !is_there(w))
            && c.words.iter().all(|w| !text_of(w).contains('\0'))
    })
}

fn compare(sandbox: &Sandbox, seed: u64, wanted: usize) -> Tally {
    let mut random = Random(seed | 1);
    let mut tally = Tally::default();
    // Each line and its canonical form, with its reading.
    let mut lines: Vec<(String, Line)> = Vec::new();
    while lines.len() < 2 * wanted {
        let mut text = line(&mut random);
        if random.below(2) == 0 {
            text = mutate(&mut random, &text);
        }
        let Ok(reading) = strict::read(&text) else {
            continue;
        };
        if !is_tame(&reading) || aiops::command::read(&text).is_err() {
            continue;
        }
        let canonical = render::line(&reading);
        match strict::read(&canonical) {
            Ok(again) if render::line(&again) == canonical => {}
            other => tally.findings.push(format!(
                "{text:?}: its canonical form {canonical:?} is not read back: {other:?}"
            )),
        }
        lines.push((text, reading.clone()));
        lines.push((canonical, reading));
    }
    for shell in ["bash", "dash"] {
        let shared: Vec<(&str, How)> = lines
            .iter()
            .map(|(l, _)| (l.as_str(), How::Shared))
            .collect();
        let mut again = Vec::new();
        for (index, ran) in sandbox.run(shell, &shared).into_iter().enumerate() {
            let (text, reading) = &lines[index];
            let differs = !ran.ended || ran.calls != expected(reading, shell);
            tally.disturbed += usize::from(differs);
            // A sample is run in both slower ways too, and so is every difference.
            if differs || random.below(SAMPLE) == 0 {
                again.push((index, (text.as_str(), How::Alone)));
                if sandbox.walled {
                    again.push((index, (text.as_str(), How::Own)));
                }
            }
        }
        let runs: Vec<(&str, How)> = again.iter().map(|(_, line)| *line).collect();
        for ((index, (text, how)), ran) in again.iter().zip(sandbox.run(shell, &runs)) {
            let reading = &lines[*index].1;
            // In a new shell nobody tells of a program that is not there.
            let told = if *how == How::Own { "dash" } else { shell };
            if ran.calls != expected(reading, told) {
                tally.findings.push(format!(
                    "{shell} ran {text:?} otherwise (of {:?}, seed {seed}): {:?}",
                    lines[index & !1].0,
                    ran.calls
                ));
            }
        }
    }
    tally.lines = wanted;
    tally
}

/// One line of so many is also run alone, and as `sh -c LINE`.
const SAMPLE: usize = 400;

#[test]
fn what_the_strict_reader_reads_is_what_bash_and_dash_run() {
    let tally = shells::in_batches(&shells::PROGRAMS, 50_000, 4000, compare);
    tally.tell("read by two shells in two forms");
    assert!(tally.findings.is_empty(), "{:#?}", tally.findings);
    // A shared shell that a line disturbs is a line that was not what it was read as.
    assert!(tally.disturbed * 10_000 <= tally.lines);
}
