//! The guard's executor against real shells: a literal line run without any shell prints and ends as
//! bash and dash would have it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use aiops::command::{self, Shell};
use aiops::guard::work;
use proptest::prelude::*;
use std::process::{Command, Output, Stdio};
use support::{AIOPS, ENVIRONMENT, fed};

/// stdout, stderr, exit code.
type Seen = (String, String, i32);

fn executed(line: &str) -> Seen {
    let canonical = command::read(line).unwrap().canonical;
    let work = work::plan(&canonical, Shell::Posix, "nobody", false).unwrap();
    let text = serde_json::to_vec(&work).unwrap();
    let mut guard = Command::new(AIOPS);
    guard.args(["guard", "--execute"]).stderr(Stdio::piped());
    seen(fed(&mut guard, text))
}

fn seen(output: Output) -> Seen {
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

fn shelled(shell: &str, line: &str) -> Seen {
    let output = Command::new(shell)
        .args(["-c", "--", line])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    seen(output)
}

/// Harmless commands whose output, error output and exit codes differ.
fn simple() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("/usr/bin/printf '%s|' a 'b c' ''".to_owned()),
        Just("/usr/bin/printf 'x\\ny\\n'".to_owned()),
        Just("/usr/bin/env printf 'to-err' 2>&1".to_owned()),
        Just("cat".to_owned()),
        Just("cat </dev/null".to_owned()),
        Just("wc -c".to_owned()),
        Just("grep -c y".to_owned()),
        Just("tr a-z A-Z".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("ls /nonexistent".to_owned()),
        Just("ls /nonexistent 2>/dev/null".to_owned()),
        Just("ls /nonexistent 2>&1".to_owned()),
        Just("ls /nonexistent 2>&1 >/dev/null".to_owned()),
        Just("ls /nonexistent >/dev/null 2>&1".to_owned()),
        Just("A=b env printenv A".to_owned()),
        Just("head -c 3".to_owned()),
        Just("yes".to_owned()).prop_map(|y| format!("{y} | head -n 2")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    (
        simple(),
        prop::collection::vec(
            (
                prop_oneof![Just("|"), Just("&&"), Just("||"), Just(";")],
                simple(),
            ),
            0..5,
        ),
    )
        .prop_map(|(first, rest)| {
            rest.into_iter().fold(first, |line, (joint, next)| {
                format!("{line} {joint} {next}")
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn without_a_shell_is_as_with_one(line in line()) {
        let seen = executed(&line);
        for shell in ["dash", "bash"] {
            let expected = shelled(shell, &line);
            prop_assert_eq!(&seen.0, &expected.0, "stdout of {}: {}", shell, &line);
            prop_assert_eq!(seen.2, expected.2, "exit code of {}: {}", shell, &line);
            // Programs of one pipeline may write their errors at the same time: the same bytes in any order.
            let sorted = |text: &str| { let mut bytes = text.as_bytes().to_vec(); bytes.sort_unstable(); bytes };
            prop_assert_eq!(sorted(&seen.1), sorted(&expected.1), "stderr of {}: {}", shell, &line);
        }
    }
}

#[test]
fn what_nobody_was_asked_about_has_a_limit_of_memory_and_of_files() {
    let limit = executed("sh -c 'ulimit -d'").0;
    let kib: u64 = limit.trim().parse().unwrap();
    assert!((1_048_576..1_000_000_000).contains(&kib), "{kib}");
    let limit = executed("grep 'Max file size' /proc/self/limits").0;
    assert!(limit.contains("134217728"), "{limit}");
}

#[test]
fn what_cannot_be_started_and_what_a_signal_ended_have_the_shell_s_codes() {
    assert_eq!(executed("/nonexistent/program").2, 127);
    assert_eq!(executed("/etc/passwd").2, 126);
    assert_eq!(executed("sh -c 'kill -9 $$'").2, 137);
    assert_eq!(executed("/nonexistent/program | cat").2, 0);
    assert_eq!(
        executed("/nonexistent/program || /usr/bin/printf saved").0,
        "saved"
    );
    assert_eq!(executed("true | /nonexistent/program").2, 127);
}

#[test]
fn the_environment_is_the_gate_s_own() {
    let (out, _, _) = executed("env");
    let mut names: Vec<&str> = out
        .lines()
        .filter_map(|l| l.split_once('='))
        .map(|(n, _)| n)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ENVIRONMENT);
}

#[test]
fn the_guard_refuses_what_is_not_a_ticket_and_says_so() {
    // As root it would read /opt/aiops/guard.yml; as anybody else it would call sudo: neither may run anything.
    let marker = std::env::temp_dir().join(format!("aiops-guard-{}", std::process::id()));
    let line = format!("touch {}", marker.display());
    let mut guard = Command::new(AIOPS);
    guard
        .arg("guard")
        .env("SSH_ORIGINAL_COMMAND", &line)
        .stderr(Stdio::piped());
    let output = fed(&mut guard, line);
    assert!(!output.status.success());
    assert!(!marker.exists());
    assert!(!output.stderr.is_empty(), "it says why");
}

#[test]
fn a_variable_in_front_reaches_its_program_only() {
    let (_, err, _) = executed("LD_PRELOAD=/nonexistent/library.so true");
    assert_eq!(
        err.matches("cannot be preloaded").count(),
        1,
        "neither setpriv nor env, which run with more privilege or before it: {err}"
    );
}
