//! Whatever bash or dash runs, the full reader saw; and what it writes back runs the same.
//!
//! Lines come from a grammar of the whole shell and from a byte-level mutator, with a fixed seed.
//! The fixed-seed run fails when a production of the grammar is never read. `AIOPS_ORACLE_LINES`, `AIOPS_ORACLE_SEED` and
//! `AIOPS_ORACLE_WORKERS` make longer runs (CONTRIBUTING.md).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shells.rs"]
mod shells;
#[path = "support/writer.rs"]
mod writer;

use aiops::command::{Reading, Segment, Shell, Word};
use shells::{How, Ran, Sandbox, Tally, mutate, setting};
use std::sync::LazyLock;
use std::time::Duration;
use writer::Writer;

/// Whether the reading has a command that could have run with these words.
fn seen(reading: &Reading, ran: &[String]) -> bool {
    // `command - a` looks for a program `-`: it is marked as not understood, and its words are guessed at.
    if ran[0].starts_with('-') && reading.calls.iter().any(|c| c.wraps.is_unread()) {
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

/// A shell's messages name the line of the script and the word as it is spelt (`${v}: ambiguous redirect`), and `$$` is another
/// process each time, in a namespace of its own often one of two digits.
fn without_numbers(ran: &[Vec<String>]) -> Vec<Vec<String>> {
    static NUMBER: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"^\d+:$|line:? \d+|\d{2,}").unwrap());
    let spelt = |w: &String| match w.strip_prefix("${").and_then(|w| w.strip_suffix("}:")) {
        Some(name) => format!("${name}:"),
        None => w.clone(),
    };
    let same = |w: &String| NUMBER.replace_all(&spelt(w), "N").into_owned();
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

/// Builtins that change the shell in which they run.
const CHANGING: [&str; 30] = [
    "declare",
    "typeset",
    "printf",
    "getopts",
    "readarray",
    "time",
    ".",
    "break",
    "builtin",
    "cd",
    "command",
    "continue",
    "eval",
    "exec",
    "exit",
    "export",
    "local",
    "read",
    "readonly",
    "return",
    "set",
    "shift",
    "source",
    "trap",
    "ulimit",
    "umask",
    "unset",
    "wait",
    "kill",
    "mapfile",
];

/// Whether a line leaves nothing behind, so that others can run in the same subshell.
fn how(reading: &Reading) -> How {
    let changing = |name: &str| CHANGING.contains(&name);
    if reading.calls.iter().any(|c| changing(&c.name.text)) {
        How::Alone
    } else {
        How::Shared
    }
}

const UNSEEN: &str = ", which was not seen";

/// What is wrong with what a shell ran of a line and of its canonical form.
fn fault(shell: &str, reading: &Reading, forms: [&Ran; 2]) -> Option<String> {
    // What only bash reads so is only ever given to bash; dash must still run no other command.
    let exact = shell == "bash" || reading.shell == Shell::Posix;
    let [source, canonical] = forms.map(|r| &r.calls);
    let runs: Vec<&Vec<String>> = if exact {
        source.iter().chain(canonical).collect()
    } else if reading.source.contains("&>") || reading.source.contains("$'") {
        // Two commands to dash, or quotes that end elsewhere: only bash is ever given it.
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
        if !known {
            return Some(format!("{shell} ran {ran:?}{UNSEEN}"));
        }
    }
    // A loop that only its limit ends has run any number of times.
    let ended = forms.iter().all(|r| r.ended && r.calls.len() < 40);
    (exact
        && ended
        && source != canonical
        && without_numbers(source) != without_numbers(canonical)
        && !(shell == "bash" && may_give_up(reading) && is_part(canonical, source)))
    .then(|| format!("{shell} ran {source:?} and, of the canonical form, {canonical:?}"))
}

/// Whether bash may have left a line for an error in arithmetic or a name that is not to be set. It then goes on with
/// the next line, and the canonical form is one line: that ends there (docs/grammar.md).
fn may_give_up(reading: &Reading) -> bool {
    let can_fail = ["$((", "readonly"];
    reading.source.contains('\n') && can_fail.iter().any(|what| reading.canonical.contains(what))
}

/// Whether each of `part` is in `all`, as often as there.
fn is_part(part: &[Vec<String>], all: &[Vec<String>]) -> bool {
    let mut left = without_numbers(all);
    without_numbers(part).iter().all(|call| {
        let at = left.iter().position(|other| other == call);
        at.map(|at| left.swap_remove(at)).is_some()
    })
}

fn compare(sandbox: &Sandbox, seed: u64, wanted: usize) -> Tally {
    let mut writer = Writer::new(seed | 1, sandbox.walled);
    let mut tally = Tally::default();
    let mut readings: Vec<Reading> = Vec::new();
    let (mut written, mut accepted) = (0usize, 0usize);
    while readings.len() < wanted {
        let mut text = writer.line();
        let mutated = writer.random.below(2) == 0;
        if mutated {
            text = mutate(&mut writer.random, &text);
        }
        let reading = aiops::command::read(&text);
        if !mutated {
            written += 1;
            accepted += usize::from(reading.is_ok());
            for name in &writer.used {
                let count = tally.productions.entry(name).or_default();
                count.0 += 1;
                count.1 += usize::from(reading.is_ok());
            }
            if let Err(e) = &reading
                && setting("AIOPS_ORACLE_REFUSED", 0) > 0
            {
                eprintln!("REFUSED {} ||| {}", e.reason, text.replace('\n', "⏎"));
            }
        }
        if let Ok(reading) = reading
            && !reading.is_strict()
            && !is_timed(&reading)
        {
            readings.push(reading);
        }
    }
    tally.lines = wanted;
    if accepted * 8 <= written {
        let what = format!("the reader refuses too much: it read {accepted} of {written}");
        tally.findings.push(what);
    }
    for shell in ["bash", "dash"] {
        let mut chosen: Vec<usize> = (0..wanted).collect();
        let usual = check(sandbox, shell, &readings, &chosen, None);
        tally.disturbed += usual.len();
        // Every difference, and a sample, runs in both slower ways too.
        chosen.retain(|i| usual.iter().any(|(at, _)| at == i) || writer.random.below(SAMPLE) == 0);
        let slower = [How::Alone, How::Own];
        let slower = &slower[..if sandbox.walled { 2 } else { 1 }];
        let mut faults = Vec::new();
        for how in slower {
            let mut found = check(sandbox, shell, &readings, &chosen, Some(*how));
            // A builtin that writes to a pipe fails or not, as its reader has ended or not: such a line differs from
            // itself. What was not seen needs to run only once.
            for _ in 0..2 {
                let lines: Vec<usize> = found.iter().map(|(index, _)| *index).collect();
                let again = check(sandbox, shell, &readings, &lines, Some(*how));
                found.retain(|(index, what)| {
                    what.contains(UNSEEN) || again.iter().any(|(at, _)| at == index)
                });
            }
            faults.extend(found);
        }
        for (index, what) in faults {
            let (source, canonical) = (&readings[index].source, &readings[index].canonical);
            tally.findings.push(format!(
                "{what}: {source:?} (canonical {canonical:?}, seed {seed})"
            ));
        }
    }
    tally
}

/// One line of so many is also run alone, and as `sh -c LINE`.
const SAMPLE: usize = 200;

/// The faults of the chosen lines.
fn check(
    sandbox: &Sandbox,
    shell: &str,
    readings: &[Reading],
    chosen: &[usize],
    slower: Option<How>,
) -> Vec<(usize, String)> {
    let mut lines: Vec<(&str, How)> = Vec::new();
    for &index in chosen {
        let reading = &readings[index];
        let how = slower.unwrap_or_else(|| how(reading));
        lines.push((reading.source.as_str(), how));
        if has_two_forms(shell, reading) {
            lines.push((reading.canonical.as_str(), how));
        }
    }
    let mut ran = sandbox.run(shell, &lines).into_iter();
    let mut faults = Vec::new();
    for &index in chosen {
        let reading = &readings[index];
        let source = ran.next().unwrap();
        let canonical = if has_two_forms(shell, reading) {
            ran.next().unwrap()
        } else {
            source.clone()
        };
        if let Some(what) = fault(shell, reading, [&source, &canonical]) {
            faults.push((index, what));
        }
    }
    faults
}

/// Whether a shell is given a line in two forms: dash is never given a canonical form that is bash's.
fn has_two_forms(shell: &str, reading: &Reading) -> bool {
    (shell == "bash" || reading.shell == Shell::Posix) && reading.source != reading.canonical
}

#[test]
fn what_bash_and_dash_run_the_full_reader_saw() {
    let tally = shells::in_batches(&shells::PROGRAMS, 10_000, 2000, compare);
    tally.tell("run by two shells in two forms");
    tally.assert_read(writer::read(tally.productions.contains_key("env")));
    assert!(tally.findings.is_empty(), "{:#?}", tally.findings);
}

/// A line that forks without end is left, and the others of its script come to their end.
#[test]
fn a_line_that_forks_without_end_holds_nothing_up() {
    let mut sandbox = Sandbox::new();
    sandbox.silence = Duration::from_secs(2);
    if !sandbox.walled {
        return;
    }
    let forking = ("h1() ( h1 & h1 ); h1 & p 3", How::Shared);
    let mut lines = vec![("(p 1) & p 2", How::Shared); 30];
    lines.insert(7, forking);
    for shell in ["bash", "dash"] {
        let ran = sandbox.run(shell, &lines);
        for (index, ran) in ran.iter().enumerate().filter(|(index, _)| *index != 7) {
            assert!(
                ran.ended && ran.calls.len() == 2,
                "{shell} {index}: {ran:?}"
            );
        }
    }
}
