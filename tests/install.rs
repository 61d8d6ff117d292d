//! `aiops install --root DIR`: what it makes, that it can be repeated, what it never overwrites, and
//! that nothing hostile on the command line gets into a file that sshd or sudo reads.
//!
//! Nothing of this machine is touched; the same on real hosts is `tests/lab.sh`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use aiops::audit::Log;
use aiops::audit::seal::Seed;
use aiops::audit::verify::{Options, verify_with};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use support::AIOPS;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG6mxghYojB27Ac1VLT98PO5SUQjpeTnDE3iG1vSHpwE gate";
const TICKET: &str =
    "aiops-ticket-v1:1d99ebaeee72992d47be395c595bff84f777860f519db8cb2512d62934322a11";

fn install(root: &Path, args: &[&str]) -> (Output, String) {
    let output = Command::new(AIOPS)
        .arg("install")
        .args(args)
        .arg("--root")
        .arg(root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

fn ok(root: &Path, args: &[&str]) -> String {
    let (output, text) = install(root, args);
    assert!(output.status.success(), "{args:?}: {text}");
    text
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every path below a folder with its mode and content's hash.
fn snapshot(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_file() {
                aiops::audit::record::hex(&fs::read(&path).unwrap())
            } else {
                String::new()
            };
            found.push(format!(
                "{} {:o} {content}",
                path.display(),
                meta.permissions().mode()
            ));
            if meta.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_gateway_is_staged_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let text = ok(root, &["gateway", "--approver", "alice", "--dry-run"]);
    assert!(text.contains("nothing was changed"), "{text}");
    assert!(snapshot(root).is_empty(), "a dry run makes nothing");

    ok(root, &["gateway", "--approver", "alice"]);
    let at = |path: &str| root.join(path);
    for (path, bits) in [
        ("opt/aiops/run_action", 0o755),
        ("opt/aiops/bin/aiops", 0o755),
        ("opt/aiops/keys/id_ed25519", 0o600),
        ("opt/aiops/keys/ticket.key", 0o600),
        ("opt/aiops/keys", 0o750),
        ("opt/aiops/runtime", 0o700),
        ("opt/aiops/audit", 0o2750),
        ("opt/aiops/config.yml", 0o640),
        ("etc/sudoers.d/aiops-gateway", 0o440),
    ] {
        assert_eq!(mode(&at(path)), bits, "{path}");
    }
    let sudoers = fs::read_to_string(at("etc/sudoers.d/aiops-gateway")).unwrap();
    assert!(
        sudoers.contains("hermes ALL=(aiopsexec) NOPASSWD: /opt/aiops/run_action \"\"\n"),
        "{sudoers}"
    );
    let before = snapshot(root);
    let again = ok(root, &["gateway", "--approver", "alice"]);
    assert!(again.contains("Everything is in place already."), "{again}");
    assert_eq!(snapshot(root), before, "a second time changes nothing");

    // What a sysadmin wrote stays, what was damaged is mended.
    let config = fs::read_to_string(at("opt/aiops/config.yml")).unwrap() + "# mine\n";
    fs::write(at("opt/aiops/config.yml"), &config).unwrap();
    let key = fs::read(at("opt/aiops/keys/ticket.key")).unwrap();
    let pack = at("opt/aiops/policies/packs/text.yml");
    fs::write(&pack, fs::read_to_string(&pack).unwrap() + "# mine\n").unwrap();
    fs::remove_file(at("opt/aiops/run_action")).unwrap();
    fs::set_permissions(
        at("opt/aiops/keys/id_ed25519"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let text = ok(root, &["update"]);
    assert!(
        text.contains("edited here, and kept: packs/text.yml"),
        "{text}"
    );
    ok(root, &["gateway", "--approver", "alice"]);
    assert_eq!(
        fs::read_to_string(at("opt/aiops/config.yml")).unwrap(),
        config
    );
    assert_eq!(fs::read(at("opt/aiops/keys/ticket.key")).unwrap(), key);
    assert!(fs::read_to_string(&pack).unwrap().ends_with("# mine\n"));
    assert_eq!(mode(&at("opt/aiops/keys/id_ed25519")), 0o600);
    assert!(at("opt/aiops/run_action").exists());

    fs::write(at("opt/aiops/audit/audit.jsonl"), "kept").unwrap();
    ok(root, &["remove", "--dry-run"]);
    assert!(
        at("opt/aiops/run_action").exists(),
        "a dry run removes nothing"
    );
    if aiops::install::host::is_root() {
        ok(root, &["remove"]);
        let left: Vec<_> = fs::read_dir(at("opt/aiops"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["audit"], "the audit log stays");
        assert!(!at("etc/sudoers.d/aiops-gateway").exists());
    }
}

/// What looks like a seed in a text.
fn seeds(text: &str) -> Vec<Seed> {
    text.lines()
        .filter_map(|line| Seed::parse(line.trim()).ok())
        .collect()
}

#[test]
fn the_log_s_seed_is_shown_once_and_seals_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let log = root.join("opt/aiops/audit/audit.jsonl");
    let text = ok(root, &["gateway", "--dry-run"]);
    assert!(
        text.contains("audit.jsonl.seal: make the seed of the seals") && seeds(&text).is_empty(),
        "{text}"
    );
    let text = ok(root, &["gateway"]);
    let [seed] = seeds(&text).try_into().unwrap();
    assert!(text.contains("shown this once"), "{text}");
    assert_eq!(mode(&log.with_extension("jsonl.seal")), 0o600);
    let hidden = text.lines().map(str::trim).find(|l| Seed::parse(l).is_ok());
    let digits = hidden.unwrap().replace('-', "")[..64].to_owned();
    for line in snapshot(root) {
        let path = line.split(' ').next().unwrap().to_owned();
        let content = fs::read(&path).unwrap_or_default();
        let content = String::from_utf8_lossy(&content);
        assert!(
            !content.contains(&digits) && !content.contains(hidden.unwrap()),
            "{path} holds the seed"
        );
    }
    for more in ["gateway", "update"] {
        assert!(seeds(&ok(root, &[more])).is_empty(), "shown once: {more}");
    }
    let timer = root.join("etc/systemd/system/timers.target.wants/aiops-seal.timer");
    assert_eq!(
        fs::read_link(&timer).unwrap(),
        Path::new("/etc/systemd/system/aiops-seal.timer")
    );
    let service = fs::read_to_string(root.join("etc/systemd/system/aiops-seal.service")).unwrap();
    assert!(
        service.contains("aiops audit seal now --log /opt/aiops/audit/audit.jsonl"),
        "{service}"
    );
    Log::open(&log).unwrap().seal_now().unwrap();
    let checked = |log: &Path| {
        let options = Options {
            seeds: vec![seed.clone()],
            first: None,
        };
        verify_with(log, &options).unwrap()
    };
    assert_eq!((checked(&log).holds(), checked(&log).seals), (true, 2));

    // A gateway that was installed before there were seals gets them, and their seed, with an update.
    for name in ["audit.jsonl", "audit.jsonl.seal"] {
        fs::rename(root.join("opt/aiops/audit").join(name), root.join(name)).unwrap();
    }
    assert_eq!(seeds(&ok(root, &["update"])).len(), 1);
    for name in ["audit.jsonl", "audit.jsonl.seal"] {
        fs::rename(root.join(name), root.join("opt/aiops/audit").join(name)).unwrap();
    }

    if aiops::install::host::is_root() {
        ok(root, &["remove"]);
        assert!(!timer.exists() && !service_exists(root));
        assert_eq!(
            (checked(&log).holds(), checked(&log).seals),
            (true, 3),
            "removing seals the log a last time"
        );
        let text = ok(root, &["gateway"]);
        assert!(seeds(&text).is_empty(), "the kept log goes on: {text}");
    }
}

fn service_exists(root: &Path) -> bool {
    root.join("etc/systemd/system/aiops-seal.service").exists()
}

#[test]
fn without_anybody_to_take_the_seed_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let text = ok(dir.path(), &["gateway", "--unsealed"]);
    assert!(seeds(&text).is_empty(), "{text}");
    assert!(!dir.path().join("opt/aiops/audit/audit.jsonl.seal").exists());
    assert!(!service_exists(dir.path()));

    // The same when nobody reads what it shows: no seed is used that nobody has seen.
    let dir = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(AIOPS)
        .args(["install", "gateway", "--root"])
        .arg(dir.path())
        .stdout(full)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot be shown"), "{said}");
    assert!(!dir.path().join("opt/aiops/audit/audit.jsonl.seal").exists());
    assert!(
        !dir.path().join("etc/sudoers.d/aiops-gateway").exists(),
        "and nobody may call it"
    );
}

#[test]
fn a_target_is_staged_with_the_guard_or_without() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let guarded = [
        "target",
        KEY,
        "--ticket-key",
        TICKET,
        "--from",
        "10.0.0.1",
        "--name",
        "srv1",
    ];
    ok(root, &guarded);
    let keys = root.join("var/lib/aiops/.ssh/authorized_keys");
    assert_eq!(
        fs::read_to_string(&keys).unwrap(),
        format!("restrict,from=\"10.0.0.1\",command=\"/opt/aiops/bin/aiops guard\" {KEY}\n")
    );
    let sudoers = root.join("etc/sudoers.d/aiops-target");
    let rules = |text: &str| {
        text.lines()
            .filter(|l| !l.starts_with('#'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rules(&fs::read_to_string(&sudoers).unwrap()),
        ["aiops ALL=(root) NOPASSWD: /opt/aiops/bin/aiops guard"]
    );
    assert!(ok(root, &guarded).contains("Everything is in place already."));

    // Without the guard: programs that are in the tree, word for word, as the policy allows them.
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::write(root.join("usr/bin/systemctl"), "").unwrap();
    let plain = [
        "target",
        KEY,
        "--from",
        "10.0.0.1",
        "--name",
        "srv1",
        "--root-command",
        "systemctl restart nginx",
        "--root-command",
        "systemctl restart *",
        "--root-command",
        "rm -rf /",
        "--root-command",
        "systemctl restart nginx; id",
    ];
    let text = ok(root, &plain);
    assert_eq!(text.matches("no sudoers rule for").count(), 3, "{text}");
    assert_eq!(
        fs::read_to_string(&keys).unwrap(),
        format!("restrict,from=\"10.0.0.1\" {KEY}\n")
    );
    let text = fs::read_to_string(&sudoers).unwrap();
    assert!(
        text.contains("NOPASSWD: /usr/bin/systemctl restart nginx\n"),
        "{text}"
    );
    assert!(!text.contains(['*', '?', '[', '^', '!']), "{text}");
    let commands: Vec<String> = rules(&text)
        .into_iter()
        .filter(|l| !l.starts_with("Defaults"))
        .collect();
    assert!(commands.len() > 1);
    for rule in commands {
        assert!(
            rule.starts_with("aiops ALL=(root) NOPASSWD: /usr/bin/systemctl "),
            "{rule}"
        );
    }
}

#[test]
fn nothing_hostile_gets_into_what_sshd_and_sudo_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let with = |key: &str, more: &[&str]| {
        let mut args = vec!["target", key, "--ticket-key", TICKET];
        args.extend(more);
        install(root, &args).0.status.success()
    };
    assert!(!with("command=\"id\" ssh-ed25519 AAAA", &["--from", "any"]));
    assert!(!with(&format!("{KEY}\nssh-rsa AAAA x"), &["--from", "any"]));
    assert!(!with(KEY, &["--from", "1.2.3.4\",command=\"id"]));
    assert!(!with(
        KEY,
        &["--from", "any", "--user", "root ALL=(ALL) ALL\nx"]
    ));
    assert!(!with(KEY, &["--from", "any", "--name", "a\nb: c"]));
    assert!(!with(KEY, &["--from", "any", "--tags", "a]\nuser: root"]));
    assert!(
        !with(KEY, &["--from", "any", "--policy", "../../etc/x"]),
        "a policy is a name"
    );
    assert!(!with(KEY, &[]), "where the gate comes from must be said");
    let bad_ticket = install(
        root,
        &[
            "target",
            KEY,
            "--ticket-key",
            "aiops-ticket-v1:00",
            "--from",
            "any",
        ],
    );
    assert!(!bad_ticket.0.status.success());
    assert!(
        !install(root, &["gateway", "--agent", "hermes ALL=(ALL) ALL #"])
            .0
            .status
            .success()
    );
    assert!(
        !install(root, &["gateway", "--approver", "alice\nmallory"])
            .0
            .status
            .success()
    );
    assert!(!root.join("etc").exists(), "and nothing of it was begun");
}
