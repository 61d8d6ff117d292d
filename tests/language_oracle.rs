//! What the readers of awk, sed and jq accept does nothing else in the real tools: generated
//! programs that are accepted run under strace and may not start a program, connect, open a
//! file for writing, or open any file besides the tool's own libraries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aiops::policy::language::{Kind, Limits, check_operand};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// xorshift64*: the same programs each time.
struct Rng(u64);
impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

const AWK: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "print",
    "printf",
    "\"M\"",
    "\"touch M\"",
    ">",
    ">>",
    "|",
    "|&",
    "getline",
    "<",
    "$1",
    "$NF",
    "x",
    "a[x]",
    "a[",
    "]",
    ";",
    "\n",
    "/M/",
    "/",
    "[",
    "~",
    "!",
    "system(",
    "if(",
    "else",
    "for(k in a)",
    "length",
    "substr($1,1)",
    ",",
    "+",
    "-",
    "++",
    "=",
    "==",
    "BEGIN",
    "END",
    "NR",
    "1",
    "?",
    ":",
    "&&",
    "in a",
    "\\",
    "\"",
    "/[/]/",
    "close(",
    "@",
    "#",
    "print $1",
    "{print",
    "x=1",
    "{x=",
    "}",
    "\"%s\"",
    "sub(/a/,\"b\")",
];
const SED: &[&str] = &[
    "s",
    "/",
    "/",
    "/",
    "a",
    "M",
    "w M",
    "e touch M",
    "p",
    "d",
    ";",
    "\n",
    "{",
    "}",
    "1",
    "$",
    "!",
    ",",
    "[",
    "]",
    "\\",
    "|",
    "r M",
    "W M",
    "g",
    "e",
    "w",
    "s/a/b/",
    "s|a|b|",
    "/a/",
    "y/a/b/",
    "q",
    "n",
    "N",
    " ",
    "&",
    "#",
    "I",
    "s,a,",
    "R M",
    "[^",
    "[:alpha:]",
    "\\n",
    "\\/",
    "1~2",
    "+1",
    "i\\",
    "0",
    "G",
    "h",
    "=",
];
const JQ: &[&str] = &[
    ".",
    ".a",
    "..",
    "env",
    "$ENV",
    "|",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"a\"",
    "\"\\(",
    ")\"",
    "a",
    ":",
    "length",
    "keys",
    "map(",
    "select(",
    "//",
    "?",
    "==",
    "if ",
    " then ",
    " else ",
    " end",
    "input",
    "as $x",
    "$x",
    "@csv",
    "1",
    "+",
    "-",
    "import \"M\" as M;",
    "include \"M\";",
    "input_filename",
    "add",
    " ",
    ";",
    "#",
    "@sh",
    "$__loc__",
    "tostring",
];

fn program(rng: &mut Rng, parts: &[&str], spaced: bool) -> String {
    let n = 1 + rng.below(9);
    let mut s = String::new();
    for _ in 0..n {
        s.push_str(parts[rng.below(parts.len())]);
        if spaced && rng.below(3) == 0 {
            s.push(' ');
        }
    }
    s
}

/// What the traced tool did that it should not have done.
fn misdeeds(dir: &Path, tool: &[&str], program: &str) -> Vec<String> {
    let mut child = Command::new("timeout")
        .args([
            "5",
            "strace",
            "-f",
            "-qq",
            "-o",
            "../trace",
            "-e",
            "trace=execve,open,openat,creat,connect,unlink,unlinkat,rename,mkdir",
        ])
        .args(tool)
        .arg(program)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("timeout and strace are installed");
    let input = if tool[0] == "jq" {
        "{\"a\":1}\n[1]\n"
    } else {
        "a b c\nM /a/ x\n1 2 3\n"
    };
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let status = child.wait().unwrap();
    let trace = std::fs::read_to_string(dir.join("../trace")).expect("strace wrote its trace");
    let mut found = Vec::new();
    if status.code() == Some(124) {
        found.push("it does not end".to_string());
    }
    let mut execs = 0;
    for line in trace.lines() {
        let call = line.split_once(' ').map_or(line, |(_, c)| c.trim_start());
        if call.starts_with("execve(") {
            execs += usize::from(call.ends_with("= 0"));
            continue;
        }
        let path = call.split('"').nth(1).unwrap_or("");
        // What each tool opens at its start, whatever the program.
        let start = ["/proc/self/maps", "/proc/filesystems", "/dev/null"].contains(&path);
        let own = [
            "/lib",
            "/usr/lib",
            "/usr/share",
            "/etc/ld.so",
            "/etc/localtime",
            "/proc/sys",
            "/etc/nsswitch",
        ]
        .iter()
        .any(|p| path.starts_with(p));
        if (call.starts_with("open")
            && !start
            && (!own
                || call.contains("O_WRONLY")
                || call.contains("O_RDWR")
                || call.contains("O_CREAT")))
            || ["connect(", "creat(", "unlink", "rename(", "mkdir("]
                .iter()
                .any(|c| call.starts_with(c))
        {
            found.push(call.to_string());
        }
    }
    assert!(execs >= 1, "strace saw no execve: {trace}");
    if execs > 1 {
        found.push(format!("{execs} programs started"));
    }
    found.extend(
        std::fs::read_dir(dir)
            .unwrap()
            .map(|e| format!("file {:?}", e.unwrap().file_name())),
    );
    found
}

fn oracle(kind: Kind, parts: &[&str], tools: &[&[&str]], seed: u64, fixed: &[&str]) {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("d");
    std::fs::create_dir(&dir).unwrap();
    // AIOPS_ORACLE=2000 runs longer.
    let want = std::env::var("AIOPS_ORACLE")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(60);
    let mut rng = Rng(seed);
    let mut programs: Vec<String> = fixed.iter().map(|s| (*s).to_string()).collect();
    for p in &programs {
        assert!(check_operand(kind, p, &Limits::default()).is_ok(), "{p}");
    }
    let mut tries = 0usize;
    while programs.len() < want && tries < 5_000_000 {
        tries += 1;
        let p = program(&mut rng, parts, kind != Kind::Sed);
        if p.len() > 3
            && check_operand(kind, &p, &Limits::default()).is_ok()
            && !programs.contains(&p)
        {
            programs.push(p);
        }
    }
    assert!(
        programs.len() >= want,
        "only {} programs were accepted",
        programs.len()
    );
    for p in &programs {
        for tool in tools {
            let bad = misdeeds(&dir, tool, p);
            assert!(bad.is_empty(), "{tool:?} {p:?} did {bad:?}");
        }
    }
}

#[test]
fn accepted_awk_only_prints() {
    oracle(
        Kind::Awk,
        AWK,
        &[&["mawk"], &["gawk"], &["busybox", "awk"]],
        0x5eed_0001,
        &[
            "{a[$1]++} END{for(k in a) print a[k],k}",
            "{for(i=2;i<=NF;i++) printf \"%s \", $i; print \"\"}",
            "{print ($1 > 5) ? \"big\" : \"small\"}",
            "/[[:space:]]x/ {print}",
            "{n=split($0,p,\",\"); for(i=1;i<=n;i++) print p[i]}",
            "$1 > \"M\"",
            "{x = $1 > \"M\"}",
            "{print substr($1, 1 > 2)}",
        ],
    );
}

#[test]
fn accepted_sed_only_prints() {
    oracle(
        Kind::Sed,
        SED,
        &[&["sed", "-n"], &["sed", "-E"], &["busybox", "sed"]],
        0x5eed_0002,
        &[
            "s/[[:space:]]\\+/ /g",
            "/a/{s/b/c/;p}",
            "s/[]w]/x/g",
            "$!N;s/\\n/ /",
            "s|a/w M|b|",
            "/w M/p",
        ],
    );
}

#[test]
fn accepted_jq_only_prints() {
    oracle(
        Kind::Jq,
        JQ,
        &[&["jq"]],
        0x5eed_0003,
        &[
            "{env: .env}",
            "to_entries[]? | \"\\(.key)=\\(.value)\"",
            ".env",
        ],
    );
}

#[test]
fn the_oracle_sees_misdeeds() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("d");
    std::fs::create_dir(&dir).unwrap();
    assert!(!misdeeds(&dir, &["gawk"], "BEGIN{system(\"true\")}").is_empty());
    assert!(!misdeeds(&dir, &["sed"], "w M").is_empty());
}
