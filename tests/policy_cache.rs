//! A policy that was kept decides as its sources do, and counts only while they are what they were.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::command;
use aiops::policy::cache::FILE;
use aiops::policy::{Context, Decision, Policy, Risk};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn decide(policy: &Policy, line: &str) -> Decision {
    let read = command::read(line);
    let context = Context {
        target: Some("web1"),
        tags: &[],
        requester: "agent",
        now: chrono::DateTime::UNIX_EPOCH,
        recent: &[],
    };
    policy.decide(read.as_ref(), &context)
}

/// A copy of the shipped policies, old enough to be kept.
fn sources() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    fs::create_dir(dir.path().join("packs")).unwrap();
    for (source, name) in [(from.clone(), ""), (from.join("packs"), "packs")] {
        for entry in fs::read_dir(source).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|e| e == "yml") {
                let to = dir.path().join(name).join(entry.file_name());
                fs::write(&to, fs::read(entry.path()).unwrap()).unwrap();
                fs::set_permissions(&to, fs::Permissions::from_mode(0o644)).unwrap();
            }
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(3200));
    let root = dir.path().join("production.yml");
    (dir, root)
}

#[test]
fn a_kept_policy_decides_as_its_sources_and_only_while_they_are_the_same() {
    let (dir, root) = sources();
    let state = dir.path();
    let file = state.join(FILE);
    let read = Policy::load(&root).unwrap();
    Policy::load_kept(&root, state).unwrap();
    let kept = Policy::load_kept(&root, state).unwrap();
    assert_eq!(kept.hash(), read.hash());
    assert_eq!(kept.len(), read.len());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut lines = 0;
    for entry in fs::read_dir(corpus).unwrap().map(Result::unwrap) {
        for line in fs::read_to_string(entry.path()).unwrap().lines() {
            lines += 1;
            let (one, other) = (decide(&kept, line), decide(&read, line));
            assert_eq!(
                serde_json::to_string(&one).unwrap(),
                serde_json::to_string(&other).unwrap(),
                "{line}"
            );
        }
    }
    assert!(lines > 1000, "{lines} lines");

    // That it is the kept form which decides shows when a rule in it is spoilt: then its commands are forbidden.
    let text = fs::read_to_string(&file).unwrap();
    let at = text
        .find("\"id\":\"system.uptime\"")
        .expect("the rule is there");
    let mut spoilt = text.clone();
    spoilt.replace_range(at..at + 4, "\"xx\"");
    fs::write(&file, &spoilt).unwrap();
    let decision = decide(&Policy::load_kept(&root, state).unwrap(), "uptime");
    assert_eq!(decision.risk, Risk::Forbidden);
    assert!(
        decision.rules.contains(&"builtin.damaged".to_owned()),
        "{:?}",
        decision.rules
    );

    // Others can read or write it, it is cut, or it is a link: it does not count.
    let auto = |why: &str| {
        let decision = decide(&Policy::load_kept(&root, state).unwrap(), "uptime");
        assert_eq!(decision.risk, Risk::AutoAllowed, "{why}");
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o620)).unwrap();
    auto("others can write it");
    fs::write(&file, &spoilt).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    auto("others can read it");
    fs::write(&file, &spoilt[..spoilt.len() - 10]).unwrap();
    auto("it is cut");
    fs::write(state.join("elsewhere"), &spoilt).unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(state.join("elsewhere"), &file).unwrap();
    auto("it is a link");

    // A changed source counts at once.
    Policy::load_kept(&root, state).unwrap();
    let pack = state.join("packs/system.yml");
    let changed =
        fs::read_to_string(&pack)
            .unwrap()
            .replacen("decision: auto", "decision: forbidden", 1);
    let forbidden = Policy::load(&root).unwrap().hash().to_owned();
    if let Err(e) = fs::write(&pack, changed) {
        panic!("{e}");
    }
    match Policy::load_kept(&root, state) {
        Ok(policy) => assert_ne!(policy.hash(), forbidden),
        // The rule's own fields may not fit the other decision: that is seen, too.
        Err(e) => assert!(e.to_string().contains("system.yml"), "{e}"),
    }

    // A source that others can write is no policy, kept or not.
    let (dir, root) = sources();
    Policy::load_kept(&root, dir.path()).unwrap();
    fs::set_permissions(
        dir.path().join("packs/base.yml"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    assert!(Policy::load_kept(&root, dir.path()).is_err());
}
