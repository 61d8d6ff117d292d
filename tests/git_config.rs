//! A repository's own configuration must not make the git commands that run without asking run a program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Gate, fed};

fn git(repository: &Path, arguments: &[&str], input: &str) -> String {
    let mut git = Command::new("git");
    git.arg("-C")
        .arg(repository)
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stderr(Stdio::null());
    let output = fed(&mut git, input);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The commands that the shipped policy runs without asking, in a repository that wants signatures checked.
const LINES: [&str; 5] = ["log -1", "log --oneline -5", "branch", "branch -v", "tag"];

#[test]
fn git_runs_no_program_that_a_repository_s_configuration_names() {
    let gate = Gate::local();
    let marker = gate.path("ran");
    let program = gate.path("program");
    let script = format!("#!/bin/sh\ntouch {}\nexit 1\n", marker.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    for kind in ["PGP SIGNATURE", "SSH SIGNATURE", "SIGNED MESSAGE"] {
        let repository = gate.path(&kind.replace(' ', "-"));
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "-q", "-b", "main"], "");
        let tree = git(
            &repository,
            &["hash-object", "-t", "tree", "-w", "--stdin"],
            "",
        );
        let who = "A <a@example.org> 1700000000 +0000";
        let signature = format!("-----BEGIN {kind}-----\n \n x\n -----END {kind}-----");
        let commit = git(
            &repository,
            &["hash-object", "-t", "commit", "-w", "--stdin"],
            &format!("tree {tree}\nauthor {who}\ncommitter {who}\ngpgsig {signature}\n\nx\n"),
        );
        git(&repository, &["update-ref", "refs/heads/main", &commit], "");
        git(&repository, &["update-ref", "refs/tags/v1", &commit], "");
        let named = program.display().to_string();
        for (key, value) in [
            ("gpg.program", named.as_str()),
            ("gpg.openpgp.program", &named),
            ("gpg.x509.program", &named),
            ("gpg.ssh.program", &named),
            ("gpg.ssh.allowedSignersFile", &named),
            ("log.showSignature", "true"),
            ("format.pretty", "%GG %G? %h"),
            ("branch.sort", "signature"),
            ("tag.sort", "signature"),
            ("core.fsmonitor", &named),
        ] {
            git(&repository, &["config", key, value], "");
        }
        let _ = std::fs::remove_file(&marker);
        git(&repository, &["log", "-1"], "");
        assert!(marker.exists(), "{kind}: git itself does run it");
        for line in LINES {
            let _ = std::fs::remove_file(&marker);
            gate.ask("here", &format!("git -C {} {line}", repository.display()));
            let answer = gate.send("Approve");
            // That git itself may end by SIGPIPE, as nobody reads what it would have checked, is no harm.
            assert_eq!(answer.0["status"], "executed", "{line}: {:?}", answer.0);
            assert!(!marker.exists(), "{kind}: {line}");
        }
    }
}
