//! The options in the packs are real: for every tool that is installed here, its own help knows each option
//! that a rule allows it, and agrees whether it takes a value.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::policy::{Policy, listing};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// How a tool's help is asked for, where `--help` does not show it all.
const HELP: &[(&str, &[&str])] = &[
    ("ps", &["--help", "all"]),
    ("ss", &["-h"]),
    ("lsof", &["-h"]),
    ("git", &[]),
    ("top", &["-h"]),
    ("docker", &[]),
    ("kubectl", &[]),
    ("awk", &[]),
    ("mawk", &["-W", "help"]),
    ("openssl", &[]),
    ("ulimit", &[]),
    ("type", &[]),
    ("test", &[]),
    ("apt-get", &[]),
    ("apt", &[]),
    ("apt-cache", &[]),
    ("mount", &["--help"]),
];

/// Options that are real and not in the help: obsolete spellings, and what only the manual page has.
const UNDOCUMENTED: &[(&str, &str)] = &[
    ("grep", "-y"),
    ("egrep", "-y"),
    ("fgrep", "-y"),
    ("zgrep", "-*"),
    ("zegrep", "-*"),
    ("zfgrep", "-*"),
    ("bzgrep", "-*"),
    ("xzgrep", "-*"),
    ("zcat", "-*"),
    ("bzcat", "-*"),
    ("xzcat", "-*"),
    ("php", "-*"),
    ("java", "-*"),
    ("ssh", "-*"),
    ("dpkg", "-*"),
    ("dpkg-query", "-*"),
    // Some releases of sysstat list the reports only.
    ("sar", "-*"),
    // jq 1.6 names long options in its manual page only.
    ("jq", "-*"),
    ("ps", "-Z"),
    ("ps", "-x"),
    ("ps", "-k"),
    ("ps", "--sort"),
    ("ps", "--no-heading"),
    ("ps", "--cols"),
    ("ps", "--columns"),
    ("systemctl", "--no-legend"),
    ("systemctl", "--before"),
    ("systemctl", "--after"),
    ("journalctl", "-l"),
    ("journalctl", "--full"),
    ("df", "-m"),
    // Of later releases than some that are in use.
    ("journalctl", "--invocation"),
    ("journalctl", "-I"),
    ("hostnamectl", "-j"),
    ("hostnamectl", "--json"),
    ("ss", "-Q"),
    ("ss", "--no-queues"),
];

fn help(tool: &str) -> Option<String> {
    let arguments: &[&str] = match HELP.iter().find(|(name, _)| *name == tool) {
        Some((_, [])) => return None,
        Some((_, arguments)) => arguments,
        None => &["--help"],
    };
    // Nothing but the tool's own folders, no input, no terminal, no variables.
    let output = Command::new("timeout")
        .arg("10")
        .arg(tool)
        .args(arguments)
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (text.len() > 200 && output.status.code() != Some(127)).then_some(text)
}

/// Tools whose `--help` is known to print help and do nothing else; others are not started.
const SAFE: &[&str] = &[
    "cat",
    "tac",
    "nl",
    "head",
    "tail",
    "grep",
    "egrep",
    "fgrep",
    "cut",
    "sort",
    "uniq",
    "wc",
    "tr",
    "fold",
    "fmt",
    "expand",
    "unexpand",
    "paste",
    "od",
    "base64",
    "sed",
    "diff",
    "cmp",
    "comm",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "cksum",
    "b2sum",
    "ls",
    "stat",
    "readlink",
    "realpath",
    "dirname",
    "basename",
    "namei",
    "du",
    "file",
    "uptime",
    "whoami",
    "logname",
    "arch",
    "tty",
    "id",
    "groups",
    "uname",
    "hostname",
    "date",
    "free",
    "lscpu",
    "nproc",
    "ps",
    "top",
    "pgrep",
    "pidof",
    "pstree",
    "vmstat",
    "dmesg",
    "sysctl",
    "who",
    "w",
    "users",
    "last",
    "lastb",
    "lastlog",
    "getent",
    "locale",
    "whereis",
    "sleep",
    "df",
    "lsblk",
    "findmnt",
    "swapon",
    "blkid",
    "fdisk",
    "mount",
    "ss",
    "systemctl",
    "journalctl",
    "timedatectl",
    "hostnamectl",
    "localectl",
    "loginctl",
    "systemd-analyze",
    "systemd-cgls",
    "systemd-cgtop",
    "lsipc",
    "lsns",
    "lslocks",
    "lsmem",
    "ipcs",
    "slabtop",
    "hexdump",
    "column",
    "timeout",
    "nice",
    "ionice",
    "stdbuf",
    "seq",
    "lsattr",
    "getfacl",
    "jq",
    "gawk",
    "strings",
    "pidstat",
    "mpstat",
    "iostat",
    "sar",
    "curl",
    "losetup",
    "hwclock",
    "pg_isready",
    "psql",
    "lsof",
];

#[test]
fn every_allowed_option_is_one_of_the_tools() {
    let policy = Policy::from_sources("production.yml", &|path| {
        aiops::shipped::text(path).map(str::to_owned)
    })
    .unwrap();
    let mut texts: BTreeMap<String, Option<String>> = BTreeMap::new();
    let (mut checked, mut faults) = (0, Vec::new());
    for rule in listing::list(&policy) {
        if rule.decision != "auto"
            || rule.reader.is_some()
            || rule.id.starts_with("system.versions")
        {
            continue;
        }
        for tool in rule.commands.iter().filter(|c| SAFE.contains(&c.as_str())) {
            let text = texts.entry(tool.clone()).or_insert_with(|| help(tool));
            let Some(text) = text else { continue };
            for option in &rule.options {
                for name in option
                    .names
                    .iter()
                    .filter(|n| n.starts_with('-') && *n != "-NUM")
                {
                    if UNDOCUMENTED
                        .iter()
                        .any(|(t, o)| t == tool && (o == name || *o == "-*"))
                    {
                        continue;
                    }
                    checked += 1;
                    if let Err(why) = agrees(text, name, option.value) {
                        faults.push(format!("{}: {tool} {name}: {why}", rule.id));
                    }
                }
            }
        }
    }
    let tools = texts.values().flatten().count();
    println!("{checked} options of {tools} tools agree with their help");
    assert!(tools >= 25, "only {tools} tools with help are installed");
    assert!(faults.is_empty(), "{}\n{}", faults.len(), faults.join("\n"));
}

/// Whether a help text has an option, with a value or without as the rule has it.
fn agrees(text: &str, name: &str, value: &str) -> Result<(), String> {
    let mut found = false;
    let mut with_value = false;
    let mut bare = false;
    for (at, _) in text.match_indices(name) {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let rest = &text[at + name.len()..];
        let next = rest.chars().next().unwrap_or(' ');
        if before.is_ascii_alphanumeric()
            || before == '-'
            || next.is_ascii_alphanumeric()
            || next == '-'
        {
            continue;
        }
        found = true;
        if name.starts_with("--") {
            match next {
                '=' => with_value = true,
                '[' if rest.starts_with("[=") => (with_value, bare) = (true, true),
                ' ' if rest[1..].starts_with(['<', '[']) || is_placeholder(&rest[1..]) => {
                    with_value = true;
                }
                _ => bare = true,
            }
        }
    }
    if !found && name.len() == 2 && in_a_cluster(text, &name[1..]) {
        return Ok(());
    }
    if !found {
        return Err("its help does not know it".into());
    }
    match value {
        "none" if with_value && !bare => Err("it takes a value".into()),
        "required" if name.starts_with("--") && bare && !with_value => {
            Err("it takes no value".into())
        }
        _ => Ok(()),
    }
}

/// `LOGIN` behind `--user`, as some help texts have it.
fn is_placeholder(text: &str) -> bool {
    let word = text.split([' ', '\n']).next().unwrap_or_default();
    word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// `[-abc]`, as short usage texts have it.
fn in_a_cluster(text: &str, letter: &str) -> bool {
    text.split(['[', ' ', '\n', ']'])
        .filter_map(|word| word.strip_prefix('-'))
        .any(|letters| {
            letters.len() > 1
                && !letters.starts_with('-')
                && letters.len() < 40
                && letters.contains(letter)
        })
}
