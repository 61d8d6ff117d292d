//! The audit log in several files: rotated by the gate, by logrotate, in the middle of a crash, under `chattr +a`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use aiops::audit::Log;
use aiops::audit::rotate::{Rotation, is_append_only, set_append_only};
use aiops::audit::verify::{Options, verify, verify_with};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::logs::{audit, entry, log_of, with_seed};

#[test]
fn rotation_keeps_the_chain_whoever_rotates() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let by_size = |compress| Rotation {
        max_bytes: Some(2000),
        max_age_s: None,
        compress,
    };
    let log = Log::open_rotating(&path, by_size(false)).unwrap();
    let other = Log::open(&path).unwrap();
    for n in 0..20 {
        log.append(&entry(&format!("a {n}"))).unwrap();
        other.append(&entry(&format!("b {n}"))).unwrap();
    }
    let log = Log::open_rotating(&path, by_size(true)).unwrap();
    for n in 0..20 {
        log.append(&entry(&format!("c {n}"))).unwrap();
    }
    let report = verify(&path).unwrap();
    assert!(report.holds() && report.files > 5, "{report}");
    let names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|n| n.ends_with(".gz")), "{names:?}");

    // By age.
    let by_age = Rotation {
        max_age_s: Some(0),
        ..Rotation::default()
    };
    Log::open_rotating(&path, by_age)
        .unwrap()
        .append(&entry("old"))
        .unwrap();
    assert_eq!(verify(&path).unwrap().files, report.files + 1);

    // As logrotate does: rename, create or not, compress.
    for (n, create) in [(1, true), (2, false)] {
        fs::rename(&path, dir.path().join(format!("audit.jsonl.{n}"))).unwrap();
        if create {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        }
        let report = verify(&path).unwrap();
        assert!(report.holds(), "{report}");
        assert!(
            report.to_string().contains("not there") != create,
            "a log without its file says so"
        );
        log.append(&entry("after")).unwrap();
        assert!(verify(&path).unwrap().holds(), "{}", verify(&path).unwrap());
    }
    let gzip = Command::new("gzip")
        .arg(dir.path().join("audit.jsonl.1"))
        .status()
        .unwrap();
    assert!(gzip.success());
    let report = verify(&path).unwrap();
    assert!(report.holds(), "{report}");

    // Through a link to the log, from another folder.
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("audit.jsonl");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(verify(&link).unwrap().records, report.records);
    let mut seen = 0;
    aiops::audit::stream::each(&link, |_| {
        seen += 1;
        Ok(true)
    })
    .unwrap();
    assert_eq!(seen, report.records);

    // One file damaged, one gone, one doubled: each is named.
    let gz = dir.path().join("audit.jsonl.1.gz");
    let bytes = fs::read(&gz).unwrap();
    let mut broken = bytes.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 0x55;
    fs::write(&gz, &broken).unwrap();
    let bad = verify(&path).unwrap().bad.unwrap();
    assert!(bad.file.ends_with("audit.jsonl.1.gz"), "{bad:?}");
    fs::write(&gz, &bytes[..bytes.len() - 20]).unwrap();
    assert!(
        verify(&path)
            .unwrap()
            .bad
            .unwrap()
            .file
            .ends_with("audit.jsonl.1.gz")
    );
    fs::remove_file(&gz).unwrap();
    assert!(verify(&path).unwrap().bad.unwrap().what.contains("removed"));
    fs::write(&gz, &bytes).unwrap();
    fs::copy(
        dir.path().join("audit.jsonl.2"),
        dir.path().join("audit.jsonl.3"),
    )
    .unwrap();
    assert!(
        verify(&path)
            .unwrap()
            .bad
            .unwrap()
            .what
            .contains("once more")
    );
    fs::remove_file(dir.path().join("audit.jsonl.3")).unwrap();

    // The oldest files removed on purpose.
    let mut rotated: Vec<String> = names
        .into_iter()
        .filter(|n| n.starts_with("audit.jsonl.0"))
        .collect();
    rotated.sort();
    fs::remove_file(dir.path().join(&rotated[0])).unwrap();
    let bad = verify(&path).unwrap().bad.unwrap();
    assert!(bad.what.contains("--first"), "{bad:?}");
    let first = bad.seq;
    let options = Options {
        first,
        ..Options::default()
    };
    let report = verify_with(&path, &options).unwrap();
    assert!(
        report.holds() && report.first_seq == first.unwrap(),
        "{report}"
    );
}

#[test]
fn a_log_that_was_rotated_away_and_not_written_since_is_read_and_sealed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    let path = log_of(&dir.path().join("real"), 3);
    let link = dir.path().join("audit.jsonl");
    std::os::unix::fs::symlink("real/audit.jsonl", &link).unwrap();
    let seed = Log::open(&path).unwrap().seal_init(3600).unwrap();
    // logrotate with `nocreate`.
    fs::rename(&path, path.with_added_extension("1")).unwrap();
    let told = |args: &[&str]| {
        let (text, code) = audit(args, &link);
        assert_eq!(code, Some(0), "{args:?}: {text}");
        text
    };
    assert!(told(&["verify"]).contains("itself is not there"));
    assert_eq!(told(&["export"]).lines().count(), 4);
    assert!(told(&["tail"]).contains("log.sealed"));
    assert!(!path.exists(), "reading makes no file");
    // What the timer does.
    let (text, code) = audit(&["seal", "now"], &path);
    assert_eq!(code, Some(0), "{text}");
    let report = with_seed(&path, &seed);
    assert!(report.holds() && report.seals == 2, "{report}");
    assert!(!report.to_string().contains("not there"));
    // A log that never was is still none.
    let other = dir.path().join("other.jsonl");
    assert_ne!(audit(&["verify"], &other).1, Some(0));
}

#[test]
fn a_crash_in_the_middle_of_a_rotation_leaves_a_whole_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 5);
    let closed = dir.path().join("audit.jsonl.000000000001");
    // Died after the second name was given; a half new file lies about.
    fs::hard_link(&path, &closed).unwrap();
    fs::write(dir.path().join("audit.jsonl.new"), "{\"seq\":6,").unwrap();
    assert!(verify(&path).unwrap().holds());
    let log = Log::open(&path).unwrap();
    log.append(&entry("six")).unwrap();
    assert!(verify(&path).unwrap().holds());
    assert_eq!(log.rotate_now().unwrap(), Some(closed.clone()));
    log.append(&entry("eight")).unwrap();
    let report = verify(&path).unwrap();
    assert!(
        report.holds() && report.records == 8 && report.files == 2,
        "{report}"
    );
    // Died after compressing, before the plain file was removed.
    let gzip = Command::new("gzip")
        .arg("-k")
        .arg(&closed)
        .status()
        .unwrap();
    assert!(gzip.success() && verify(&path).unwrap().holds());
    // A torn line at the end of a file that logrotate took away.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"seq\":9,\"timest").unwrap();
    fs::rename(&path, dir.path().join("audit.jsonl-20261121")).unwrap();
    log.append(&entry("ten")).unwrap();
    let report = verify(&path).unwrap();
    assert!(
        report.holds() && report.repaired == 1 && report.files == 3,
        "{report}"
    );
}

/// Needs root and a file system that knows the attribute; says so where it cannot be tried.
#[test]
fn an_append_only_file_is_repaired_and_rotated_without_taking_anything_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 3);
    if set_append_only(&path, true).is_err() || !is_append_only(&path) {
        eprintln!("not tried: chattr +a does not work here");
        return;
    }
    let log = Log::open(&path).unwrap();
    log.append(&entry("four")).unwrap();
    let tear = |text: &[u8]| {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(text).unwrap();
    };
    tear(b"{\"seq\":5,\"timestamp\":\"2026");
    log.append(&entry("six")).unwrap();
    // Died again, between closing the torn line and telling of it, and once more.
    tear(b"{\"seq\":7,\"time\n");
    tear(b"{\"seq\":7,\"timestamp");
    log.append(&entry("eight")).unwrap();
    let report = verify(&path).unwrap();
    assert!(
        report.holds() && report.repaired == 2 && report.records == 8,
        "{report} {report:?}\n{}",
        fs::read_to_string(&path).unwrap()
    );
    // The gate as a normal user cannot rotate it, and goes on; root can.
    let (text, code) = audit(&["rotate", "--compress"], &path);
    assert!(
        code == Some(0) && text.contains(".000000000001.gz"),
        "{text}"
    );
    assert!(
        is_append_only(&path),
        "the new file is protected as the old one was"
    );
    log.append(&entry("ten")).unwrap();
    let report = verify(&path).unwrap();
    assert!(report.holds() && report.files == 2, "{report}");
    for entry in fs::read_dir(dir.path()).unwrap() {
        let _ = set_append_only(&entry.unwrap().path(), false);
    }
}
