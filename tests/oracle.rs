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

use aiops::command::strict::{self, Joint, Line};
use aiops::command::{Segment, Word, render};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const NAMES: [&str; 3] = ["p", "f", "g"];

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
    const PIECES: [&str; 72] = [
        "a", "b1", "-n", "--x=y", "/tmp", ".", "..", "a.b", "x:y", "@", "%", "+", ",", "=", "a=b",
        "^", "]", "'a b'", "'*'", "'$x'", "''", "\"\"", "\"a b\"", "\"a'b\"", "'a\"b'", "\"\\$x\"",
        "\"\\\\\"", "\"\\a\"", "\"\\\"\"", "\\ ", "\\*", "\\'", "\\\"", "\\\\", "\\$", "\\a", "*",
        "?", "a*", "*.b", "[ab]", "[!a]", "[a-c]*", "[", "[]a]", "{}", "{a,b}", "{", "}", "!",
        "a!b", "~", "a~", "=~", ":~", "#", "a#b", "$x", "$(p)", "`p`", "$'a'", "(", ")", "<(p)",
        "2", "12", "ä", "'ä'", "\"`\"", "'\n'", "\"a\nb\"", "-",
    ];
    PIECES[random.below(PIECES.len())]
}

/// Changes some bytes of a line.
fn mutate(random: &mut Random, text: &str) -> String {
    const BYTES: &[u8] = b"pfg a'\"\\|&;<>(){}[]*?!#~=%$`\n\t-+0123/.:,^_@";
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let byte = BYTES[random.below(BYTES.len())];
        match random.below(3) {
            0 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes[at] = byte;
            }
            1 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes.remove(at);
            }
            _ => {
                let at = random.below(bytes.len() + 1);
                bytes.insert(at, byte);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of(word: &Word) -> String {
    word.segments
        .iter()
        .map(|s| match s {
            Segment::Literal(t) | Segment::Glob(t) | Segment::Expansion(t) => t.as_str(),
        })
        .collect()
}

/// What the reading says will run: each command's words. `f` fails, the others succeed.
fn expected(line: &Line) -> Vec<Vec<String>> {
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
            status = words[0] != "f";
            ran.push(words);
        }
    }
    ran.sort();
    ran
}

/// Whether the line runs nothing but the stand-ins, so that it may be tried.
fn is_tame(line: &Line) -> bool {
    // bash writes its builtin's output line by line: two commands of a pipeline would tear each other's.
    let torn = line.pipelines.iter().any(|(_, p)| {
        p.len() > 1
            && p.iter()
                .flat_map(|c| &c.words)
                .any(|w| text_of(w).contains('\n'))
    });
    !torn
        && line.pipelines.iter().flat_map(|(_, p)| p).all(|c| {
            c.words
                .first()
                .and_then(Word::literal)
                .is_some_and(|w| NAMES.contains(&w))
                && c.words.iter().all(|w| !text_of(w).contains('\0'))
        })
}

/// Runs every line in one shell, each in a subshell, and returns what ran by line.
fn run(shell: &str, lines: &[String], dir: &Path) -> BTreeMap<usize, Vec<Vec<String>>> {
    let log = dir.join(format!("log-{shell}"));
    // Without pathname expansion a pattern stays as it was read, whatever lies in the folder.
    let mut script = String::from("set -f; exec 2>/dev/null\n");
    for name in NAMES {
        let status = u8::from(name == "f");
        script.push_str(&format!("{name}() {{ printf '%s\\000' \"$N\" \"$(($#+1))\" {name} \"$@\" >&9; return {status}; }}\n"));
    }
    for (index, line) in lines.iter().enumerate() {
        let mut quoted = String::new();
        render::quote(&mut quoted, line);
        script.push_str(&format!(
            "N={index}; (eval {quoted}) </dev/null >/dev/null\n"
        ));
    }
    let path = dir.join(format!("script-{shell}"));
    std::fs::write(&path, script).unwrap();
    std::fs::write(&log, "").unwrap();
    let empty = dir.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let out = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command
    } else {
        Command::new("env")
    };
    // Descriptor 9 is opened by a plain sh, so that the log's path is known to no line.
    let status = command
        .args([
            "/bin/sh",
            "-c",
            "exec 9>&1 >/dev/null; exec \"$@\"",
            "sh",
            shell,
        ])
        .arg("/dev/stdin")
        .env_clear()
        .env("PATH", "/nonexistent:/bin:/usr/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(&empty)
        .stdin(Stdio::from(std::fs::File::open(&path).unwrap()))
        .stdout(Stdio::from(out))
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let _ = status;
    parse(&std::fs::read(&log).unwrap())
}

fn parse(log: &[u8]) -> BTreeMap<usize, Vec<Vec<String>>> {
    let mut found: BTreeMap<usize, Vec<Vec<String>>> = BTreeMap::new();
    let mut fields = log
        .split(|b| *b == 0)
        .map(|f| String::from_utf8_lossy(f).into_owned());
    while let Some(index) = fields.next().and_then(|f| f.parse::<usize>().ok()) {
        let count: usize = fields.next().and_then(|f| f.parse().ok()).unwrap();
        found
            .entry(index)
            .or_default()
            .push(fields.by_ref().take(count).collect());
    }
    found.values_mut().for_each(|v| v.sort());
    found
}

fn compare(seed: u64, wanted: usize) -> usize {
    let dir = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let mut random = Random(seed | 1);
    let mut sources = Vec::new();
    let mut readings = Vec::new();
    while sources.len() < wanted {
        let mut text = line(&mut random);
        if random.below(2) == 0 {
            text = mutate(&mut random, &text);
        }
        if aiops::command::read(&text).is_err() {
            continue;
        }
        let Ok(reading) = strict::read(&text) else {
            continue;
        };
        if is_tame(&reading) {
            sources.push(text);
            readings.push(reading);
        }
    }
    let canonicals: Vec<String> = readings.iter().map(render::line).collect();
    for (source, canonical) in sources.iter().zip(&canonicals) {
        let again = strict::read(canonical).unwrap_or_else(|n| {
            panic!("{source:?}: its canonical form {canonical:?} is not read: {n:?}")
        });
        assert_eq!(render::line(&again), *canonical, "{source:?}");
    }
    for shell in ["bash", "dash"] {
        for (what, lines) in [("line", &sources), ("canonical form", &canonicals)] {
            let ran = run(shell, lines, dir.path());
            for (index, reading) in readings.iter().enumerate() {
                let got = ran.get(&index).cloned().unwrap_or_default();
                assert_eq!(
                    got,
                    expected(reading),
                    "{shell} ran the {what} {:?} otherwise (line {:?}, canonical {:?}, seed {seed})",
                    lines[index],
                    sources[index],
                    canonicals[index]
                );
            }
        }
    }
    sources.len()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

#[test]
fn what_the_strict_reader_reads_is_what_bash_and_dash_run() {
    let lines = usize::try_from(setting("AIOPS_ORACLE_LINES", 50_000)).unwrap();
    let seed = setting("AIOPS_ORACLE_SEED", 20_261_121);
    let compared: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2u64)
            .map(|worker| {
                scope.spawn(move || {
                    let batches = lines.div_ceil(2).div_ceil(2500) as u64;
                    (0..batches)
                        .map(|batch| {
                            compare(
                                seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                                    ^ ((worker << 32) | (batch + 1)),
                                2500,
                            )
                        })
                        .sum::<usize>()
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    let _ = writeln!(
        std::io::stderr(),
        "{compared} lines, each read by two shells in two forms: no difference"
    );
    assert!(compared >= lines);
}
