//! What a wrapper really runs was read: the installed tools themselves run stand-ins, with options put together
//! at random, and every command that ran must be a call of the reading with the same words.
//!
//! Lines run as the user nobody, in a folder of their own, with limits. `AIOPS_WRAPPER_LINES` makes longer runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shells.rs"]
mod shells;

use aiops::command::{self, Reading, Word, Wraps};
use shells::{Random, folder, setting};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Names that a misread option's value would be run by.
const NAMES: &[&str] = &["cmd", "g", "a", "b", "1", "5", "0", "x", "-u", "n"];

/// A tool, what may stand between it and the command, and how long to wait for what it leaves behind.
struct Tool {
    name: &'static str,
    words: &'static [&'static str],
    leaves: u64,
}

const fn tool(name: &'static str, words: &'static [&'static str]) -> Tool {
    Tool {
        name,
        words,
        leaves: 0,
    }
}

const TOOLS: &[Tool] = &[
    tool(
        "timeout",
        &[
            "-k",
            "-k1",
            "-s",
            "9",
            "-sKILL",
            "--signal=9",
            "--signal",
            "-v",
            "--foreground",
            "5",
            "1",
            "--kill-after",
            "--preserve-status",
            "-p",
        ],
    ),
    tool(
        "env",
        &[
            "-i",
            "-",
            "-u",
            "-uX",
            "X",
            "a=b",
            "A-B=c",
            "-v",
            "-C",
            "/",
            "-0",
            "--unset=X",
            "--unset",
            "--ignore-environment",
            "--chdir=/",
            "--default-signal",
            "--ignore-signal=INT",
            "=b",
            "--block-signal",
        ],
    ),
    tool(
        "nice",
        &[
            "-n",
            "5",
            "-n5",
            "-5",
            "--5",
            "-1",
            "--adjustment=5",
            "--adjustment",
            "0",
            "-n-5",
            "-10",
        ],
    ),
    tool(
        "ionice",
        &[
            "-c",
            "2",
            "3",
            "-c3",
            "-n",
            "5",
            "-t",
            "-tc",
            "-tc3",
            "-p",
            "1",
            "--class",
            "--class=3",
            "--ignore",
            "-n0",
        ],
    ),
    tool(
        "stdbuf",
        &[
            "-o",
            "L",
            "-oL",
            "-i",
            "0",
            "-i0",
            "-e0",
            "--output=L",
            "--output",
            "1",
        ],
    ),
    tool("setsid", &["-w", "-c", "-wc", "--wait", "--ctty"]),
    tool(
        "setarch",
        &[
            "x86_64",
            "-R",
            "-v",
            "-RL",
            "--addr-no-randomize",
            "linux64",
            "-3",
            "--list",
            "--verbose",
            "-Z",
            "uname26",
        ],
    ),
    tool("linux64", &["-R", "-v", "--verbose", "-B", "--32bit"]),
    tool(
        "prlimit",
        &[
            "-n",
            "-n10",
            "-n=10",
            "--nofile=10",
            "--nofile",
            "-c0",
            "-c",
            "0",
            "5",
            "-p",
            "1",
            "-o",
            "SOFT",
            "--verbose",
            "--raw",
            "-v",
        ],
    ),
    tool(
        "choom",
        &["-n", "5", "0", "-n5", "--adjust", "--adjust=5", "-p", "1"],
    ),
    tool(
        "chrt",
        &[
            "-o", "-b", "-i", "0", "-o0", "--other", "--idle", "-a", "-v", "-ov", "1", "-T", "5",
            "-m", "-R", "-p",
        ],
    ),
    tool(
        "taskset",
        &[
            "1",
            "-c",
            "0",
            "-a",
            "-ac",
            "--cpu-list",
            "0-1",
            "-p",
            "0x1",
            "-ca",
        ],
    ),
    tool(
        "setpriv",
        &[
            "--nnp",
            "--no-new-privs",
            "--keep-groups",
            "--inh-caps",
            "--inh-caps=-all",
            "-all",
            "--pdeathsig",
            "--pdeathsig=keep",
            "keep",
            "--ruid",
            "--reset-env",
            "-d",
            "1",
            "a",
        ],
    ),
    tool(
        "unshare",
        &[
            "-U",
            "-r",
            "-Ur",
            "-rU",
            "-m",
            "-Um",
            "-c",
            "-Uc",
            "-f",
            "-Urpf",
            "-p",
            "--map-root-user",
            "--user",
            "--mount",
            "-w",
            "/",
            "-w/",
            "--wd=/",
            "--wd",
            "--kill-child",
            "--kill-child=TERM",
            "--propagation",
            "private",
            "-S",
            "0",
            "--map-user=0",
            "--setgroups",
            "deny",
            "-u",
            "a",
        ],
    ),
    tool(
        "nsenter",
        &[
            "-a",
            "-t",
            "1",
            "-t1",
            "-m",
            "-ma",
            "-n/proc/self/ns/net",
            "-n",
            "-F",
            "--no-fork",
            "-w",
            "-w/",
            "/",
            "--wd=/",
            "-S",
            "0",
            "-Z",
            "--wd",
            "a",
            "-r/",
            "--preserve-credentials",
        ],
    ),
    tool(
        "flock",
        &[
            "-n",
            "-x",
            "-s",
            "-w",
            "5",
            "-w5",
            "-E",
            "1",
            "-E1",
            "-o",
            "-u",
            "--close",
            "--timeout",
            "--timeout=1",
            "lock",
            "-no",
            "-F",
            "--verbose",
            "-c",
            "--command",
            "/",
        ],
    ),
    tool(
        "strace",
        &[
            "-f",
            "-o",
            "out",
            "-oout",
            "-e",
            "trace=none",
            "-etrace=none",
            "-E",
            "A=b",
            "-EA=b",
            "-c",
            "-q",
            "-qq",
            "-s",
            "5",
            "-s5",
            "--output=out",
            "--output",
            "-u",
            "-D",
            "--trace=none",
            "--quiet=all",
            "--quiet",
            "-fo",
            "-A",
            "-z",
            "-P",
            "/",
        ],
    ),
    tool(
        "ltrace",
        &[
            "-f", "-o", "out", "-oout", "-e", "a", "-c", "-S", "-s", "5", "-n", "1", "-L", "-l",
            "x",
        ],
    ),
    tool(
        "time",
        &[
            "-p",
            "-f",
            "%e",
            "-f%e",
            "-o",
            "out",
            "-oout",
            "-a",
            "-ao",
            "-v",
            "-q",
            "--format=%e",
            "--format",
            "--append",
            "--output=out",
            "1",
        ],
    ),
    tool("nohup", &["a", "1"]),
    tool(
        "xargs",
        &[
            "-r",
            "-0",
            "-t",
            "-n",
            "1",
            "-n1",
            "-P",
            "5",
            "-I",
            "{}",
            "-I{}",
            "-i",
            "-ia",
            "-l",
            "-l1",
            "-L",
            "-e",
            "-ex",
            "-E",
            "x",
            "-d",
            "-da",
            "-s",
            "500",
            "--max-lines",
            "--max-lines=1",
            "--replace",
            "--replace=a",
            "--eof",
            "-x",
            "-a",
            "/dev/null",
            "--max-args=1",
            "--max-args",
            "-tn",
            "-rt1",
        ],
    ),
    tool(
        "find",
        &[
            "/dev/null",
            "-name",
            "-exec",
            "-maxdepth",
            "0",
            "-o",
            "!",
            "+",
            "';'",
            "{}",
            "-ok",
            "-execdir",
            "-exec cmd a",
            "-exec g {} +",
            "-exec g ';'",
            "-type",
        ],
    ),
    tool(
        "busybox",
        &[
            "env", "nice", "-n", "5", "timeout", "setsid", "nohup", "sh", "-c", "xargs", "time",
            "1", "chrt", "taskset", "flock", "unshare", "-U", "-r",
        ],
    ),
    tool(
        "script",
        &[
            "-q",
            "-c",
            "-qc",
            "'cmd a'",
            "'g b'",
            "out",
            "-a",
            "-e",
            "-f",
            "-qefc",
            "-t",
            "-tout",
            "--command",
            "--command='cmd a'",
            "-E",
            "never",
            "--return",
            "--",
        ],
    ),
    tool(
        "runuser",
        &[
            "-u",
            "nobody",
            "-c",
            "'cmd a'",
            "-",
            "-l",
            "-s",
            "/bin/sh",
            "-m",
            "-p",
            "--user=nobody",
            "--command='g b'",
            "--",
            "x",
        ],
    ),
    tool(
        "su",
        &[
            "nobody",
            "-c",
            "'cmd a'",
            "-",
            "-s",
            "/bin/sh",
            "-m",
            "--command='g b'",
            "--",
            "-l",
            "x",
            "--shell=/bin/sh",
        ],
    ),
    Tool {
        name: "parallel",
        words: &[
            "-j",
            "1",
            "-j1",
            "-k",
            "a",
            "{}",
            ":::",
            "b",
            "'x y'",
            "-n",
            "--will-cite",
            "'cmd {}'",
            "-v",
            "-t",
            ":::",
            "-N2",
            "-a",
            "/x/y.z",
            ".d/",
            "'{.}'",
            "'{/}'",
            "'{//}'",
            "'{/.}'",
            "'{1}'",
            "'{2//}'",
            "'{+1}'",
            "'{##}'",
        ],
        leaves: 20,
    },
    Tool {
        name: "watch",
        words: &[
            "-n",
            "1",
            "-n1",
            "-d",
            "-dn",
            "-t",
            "-x",
            "-td",
            "--exec",
            "--no-title",
            "-g",
            "'cmd a'",
            "-b",
            "-e",
            "--interval=5",
            "--interval",
            "-q",
            "5",
            "--differences",
        ],
        leaves: 0,
    },
];

/// Tools that come slowly to an end, or not at all: fewer lines, and a short time for each.
fn slow(name: &str) -> bool {
    matches!(name, "watch" | "parallel" | "script" | "su" | "runuser")
}

fn line(tool: &Tool, random: &mut Random) -> String {
    let mut line = tool.name.to_owned();
    if tool.name == "time" {
        // The shell has a `time` of its own.
        line = "/usr/bin/time".into();
    }
    for _ in 0..random.below(5) {
        line.push(' ');
        line.push_str(random.pick(tool.words));
    }
    line.push_str(random.pick(&["", "", "", " --"]));
    line.push_str(random.pick(&[
        " cmd a",
        " cmd",
        " cmd -n 1",
        " sh -c 'cmd b; g'",
        " env x=y cmd",
        " nice -n 1 cmd a",
        "",
        " cmd -- a",
        " -u cmd",
        " a=b cmd",
        " cmd 0",
        " nohup timeout -k 1 5 cmd",
    ]));
    line
}

fn installed(tool: &str) -> bool {
    Command::new("sh")
        .args([
            "-c",
            "PATH=$PATH:/usr/sbin:/sbin command -v \"$1\"",
            "sh",
            tool,
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// The words of each stand-in that ran.
fn run(line: &str, dir: &Path, tool: &Tool, variables: &[(&str, &str)]) -> Vec<Vec<String>> {
    let log = dir.join("log");
    fs::write(&log, "").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
    let limit = if tool.name == "watch" { "0.4" } else { "3" };
    let path = format!("{}/bin:/usr/sbin:/usr/bin:/sbin:/bin", dir.display());
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", limit]);
    // Only root becomes another user; the stand-ins are then the only other programs that run so.
    let root = matches!(tool.name, "su" | "runuser");
    if nix::unistd::geteuid().is_root() && !root {
        command.args([
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
        ]);
    }
    command
        .args([
            "prlimit",
            "--fsize=1000000",
            "--nproc=8000",
            "--",
            "sh",
            "-c",
            line,
        ])
        .env_clear()
        .env("PATH", path)
        .env("TERM", "dumb")
        .env("HOME", dir.join("work"))
        .env("SHELL", "/bin/sh")
        .envs(variables.iter().copied())
        .current_dir(dir.join("work"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().unwrap();
    std::thread::sleep(Duration::from_millis(tool.leaves));
    let text = fs::read(&log).unwrap();
    let mut fields = text
        .split(|b| *b == 0)
        .map(|f| String::from_utf8_lossy(f).into_owned());
    let mut ran = Vec::new();
    while let Some(count) = fields.next().and_then(|f| f.parse::<usize>().ok()) {
        ran.push(fields.by_ref().take(count).collect());
    }
    ran
}

/// Whether a command that ran is a call of the reading: each word the same, or known only when it runs.
fn was_seen(reading: &Reading, ran: &[String]) -> bool {
    reading.calls.iter().any(|call| {
        let words: Vec<Option<&str>> = call.words.iter().map(Word::literal).collect();
        if call.name.base != ran[0] {
            return false;
        }
        // Of a wrapper that is not read every word is taken for a command; which words follow is not known.
        let guessed = call
            .parent
            .is_some_and(|at| reading.calls[at].wraps == Wraps::Unknown);
        if guessed {
            return true;
        }
        let dynamic = words.iter().any(Option::is_none);
        (dynamic && words.len() <= ran.len() + 1)
            || (words.len() == ran.len()
                && words
                    .iter()
                    .zip(ran)
                    .skip(1)
                    .all(|(word, text)| *word == Some(text)))
    })
}

/// Whether what ran is the beginning of a call, with a word that could be the end of an action there: more was shown.
fn begins(reading: &Reading, ran: &[String]) -> bool {
    let same = |word: &Word, text: &String| word.literal().is_none_or(|literal| literal == text);
    reading.calls.iter().any(|call| {
        call.words.len() > ran.len()
            && call.words.iter().any(Word::is_glob)
            && call
                .words
                .iter()
                .zip(ran)
                .all(|(word, text)| same(word, text))
    })
}

/// A folder with the stand-ins, and one to work in.
fn stand_ins(dir: &Path) {
    for name in ["bin", "work"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    fs::set_permissions(dir.join("work"), fs::Permissions::from_mode(0o777)).unwrap();
    let stand_in = dir.join("bin/stand-in");
    fs::write(
        &stand_in,
        format!(
            "#!/bin/sh\nprintf '%s\\000' \"$(($#+1))\" \"${{0##*/}}\" \"$@\" >> {}/log\n",
            dir.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    for name in NAMES {
        std::os::unix::fs::symlink("stand-in", dir.join("bin").join(name)).unwrap();
    }
}

/// What may stand among the words of find; what `$x`, `$y` and `$z` hold, and files' names, the reader does not know.
const FINDS_WORDS: &[&str] = &[
    ".",
    "./a",
    "/dev/null",
    "-L",
    "-D tree",
    "-O3",
    "--",
    "-maxdepth 0",
    "-maxdepth",
    "0",
    "-name",
    "-name a",
    "-type d",
    "-true",
    "-o",
    "!",
    "'('",
    "')'",
    ",",
    "-exec",
    "-exec cmd",
    "-exec cmd a",
    "-execdir g",
    "cmd",
    "g",
    "a",
    "b",
    "';'",
    "';'",
    "';'",
    "+",
    "+",
    "{}",
    "{} +",
    "-print",
    "-fprintf",
    "-fprintf /dev/null",
    "-newer",
    "-newermt",
    "-mtime",
    "-mtime -1",
    "-regextype",
    "-size",
    "-perm",
    "-prune",
    "-nosuch",
    "\"$x\"",
    "\"$x\"",
    "\"$y\"",
    "\"$y\"",
    "\"$z\"",
    "\"$z\"",
    "./\"$x\"",
    "\"($x\"",
    "\",$y\"",
    "-\"$y\"",
    "-name\"$z\"",
    "-e\"$x\"",
    "*",
    "?",
    "-*",
    "*c",
    "-e*",
    "./*",
    "[a-z]*",
];

const HIDDEN_WORDS: &[&str] = &[
    "-exec",
    "-exec",
    "-exec",
    "-execdir",
    ";",
    ";",
    "+",
    "cmd",
    "g",
    "a",
    "-name",
    "-type",
    "-fprintf",
    "-o",
    "(",
    ")",
    "!",
    ",",
    "",
    ".",
    "-D",
    "-maxdepth",
    "0",
    "{}",
    "exec",
    "xec",
    "-true",
    "-newermt",
    "-H",
];

const FILES: &[&str] = &[
    "-exec", "-ok", "-name", "+", "0", "1", ";", "a", "cmd", "b", "{}", "-true", "(", "-c",
];

#[test]
fn whatever_the_shell_puts_among_finds_words_what_ran_was_read() {
    let dir = folder();
    let dir = dir.path();
    stand_ins(dir);
    let lines = setting("AIOPS_FIND_LINES", 3000);
    let mut random = Random(setting("AIOPS_FIND_SEED", 11));
    let (mut ran_at_all, mut read, mut missed) = (0, 0, Vec::new());
    let find = tool("find", FINDS_WORDS);
    for number in 0..lines {
        if number % 20 == 0 {
            let _ = fs::remove_dir_all(dir.join("work"));
            fs::create_dir(dir.join("work")).unwrap();
            for _ in 0..random.below(7) {
                fs::write(dir.join("work").join(random.pick(FILES)), "").unwrap();
            }
        }
        let words: Vec<&str> = (0..2 + random.below(9))
            .map(|_| random.pick(FINDS_WORDS))
            .collect();
        let line = format!("find {}", words.join(" "));
        let Ok(reading) = command::read(&line) else {
            continue;
        };
        read += 1;
        let variables = ["x", "y", "z"].map(|name| (name, random.pick(HIDDEN_WORDS)));
        let program = random.pick(&["", "", "busybox "]);
        for ran in run(&format!("{program}{line}"), dir, &find, &variables) {
            ran_at_all += 1;
            if !was_seen(&reading, &ran) && !begins(&reading, &ran) {
                missed.push(format!("{line} with {variables:?}: {ran:?}"));
            }
        }
    }
    println!("{read} of {lines} lines read, {ran_at_all} commands ran and were seen");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(ran_at_all >= 10, "only {ran_at_all} commands ran");
}

#[test]
fn what_wrappers_run_was_read() {
    let dir = folder();
    let dir = dir.path();
    stand_ins(dir);
    let lines = usize::try_from(setting("AIOPS_WRAPPER_LINES", 40)).unwrap();
    let mut random = Random(setting("AIOPS_WRAPPER_SEED", 7));
    let began = std::time::Instant::now();
    let (mut tools, mut ran_at_all, mut refused, mut missed) = (0, 0, 0, Vec::new());
    for tool in TOOLS {
        let root = matches!(tool.name, "su" | "runuser");
        if !installed(tool.name) || (root && !nix::unistd::geteuid().is_root()) {
            eprintln!("SKIPPED: {} is not here, or needs root", tool.name);
            continue;
        }
        tools += 1;
        let count = if slow(tool.name) {
            lines.div_ceil(4)
        } else {
            lines
        };
        for _ in 0..count {
            let line = line(tool, &mut random);
            let Ok(reading) = command::read(&line) else {
                refused += 1;
                continue;
            };
            for ran in run(&line, dir, tool, &[]) {
                ran_at_all += 1;
                if !was_seen(&reading, &ran) {
                    missed.push(format!("{line}: {ran:?}"));
                }
            }
        }
        println!("{} at {:?}", tool.name, began.elapsed());
    }
    println!("{tools} tools, {ran_at_all} commands ran and were seen, {refused} lines refused");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(tools >= 12, "only {tools} wrappers are installed");
    assert!(ran_at_all >= 100, "only {ran_at_all} commands ran");
}
