//! The audit log under attack: many writers, `kill -9`, edits, seals, a full disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use aiops::audit::Log;
use aiops::audit::rotate::Rotation;
use aiops::audit::seal::{Seed, State, key_path};
use aiops::audit::verify::{Report, verify};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Gate;
use support::logs::{entry, forge, lines, log_of, with_seed, with_seeds};

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |v| v.parse().unwrap())
}

/// Not a test of its own: what the tests below start as processes. Appends until it is told to end.
#[test]
fn writer() {
    let Ok(path) = std::env::var("AIOPS_TEST_WRITER") else {
        return;
    };
    let count = number("AIOPS_TEST_COUNT", usize::MAX);
    let rotation = Rotation {
        max_bytes: std::env::var("AIOPS_TEST_ROTATE")
            .ok()
            .map(|v| v.parse().unwrap()),
        ..Rotation::default()
    };
    let log = Log::open_rotating(Path::new(&path), rotation).unwrap();
    let me = std::process::id();
    for n in 0..count {
        let appended = log
            .append(&entry(&format!("writer {me} record {n}")))
            .unwrap();
        println!("appended {}", appended.seq);
    }
}

fn start_writer(path: &Path, count: Option<usize>, rotate: Option<u64>) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "writer", "--nocapture", "--test-threads=1"])
        .env("AIOPS_TEST_WRITER", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(count) = count {
        command.env("AIOPS_TEST_COUNT", count.to_string());
    }
    if let Some(bytes) = rotate {
        command.env("AIOPS_TEST_ROTATE", bytes.to_string());
    }
    command.spawn().unwrap()
}

fn seqs(out: impl std::io::Read) -> Vec<u64> {
    BufReader::new(out)
        .lines()
        .map_while(Result::ok)
        .filter_map(|l| l.split("appended ").nth(1)?.parse().ok())
        .collect()
}

/// `AIOPS_TEST_RECORDS=100000` for the long run.
#[test]
fn thirty_two_processes_write_whole_lines_in_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let each = number("AIOPS_TEST_RECORDS", 1600) / 32;
    let begun = Instant::now();
    let mut writers: Vec<_> = (0..32)
        .map(|_| start_writer(&path, Some(each), Some(64 * 1024)))
        .collect();
    let mut told: Vec<u64> = writers
        .iter_mut()
        .flat_map(|w| seqs(w.stdout.take().unwrap()))
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    eprintln!("{} records in {:?}", each * 32, begun.elapsed());
    told.sort_unstable();
    assert_eq!(told.len(), each * 32);
    told.dedup();
    assert_eq!(told.len(), each * 32, "a number was given twice");
    let report = verify(&path).unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.files > 1, "it was rotated meanwhile");
    // Each file but the first begins with a record of its own.
    assert_eq!(report.records as usize, each * 32 + report.files - 1);
}

/// `AIOPS_TEST_KILLS=10000` for the long run.
#[test]
fn a_kill_at_any_moment_loses_no_record_that_was_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let log = Log::open(&path).unwrap();
    log.seal_init(1).unwrap();
    let mut random = 88172645463325252u64;
    let mut last = 0;
    for kill in 0..number("AIOPS_TEST_KILLS", 60) {
        let mut child = start_writer(&path, None, Some(256 * 1024));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(2000 + random % 12_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let told = seqs(child.stdout.take().unwrap());
        // The next append finds what was left and goes on.
        let next = log.append(&entry("after")).unwrap().seq;
        assert!(
            next > last && told.iter().all(|seq| *seq > last && *seq < next),
            "kill {kill}"
        );
        last = next;
        if kill % 1000 == 999 {
            let report = verify(&path).unwrap();
            assert!(report.holds(), "kill {kill}: {report}");
        }
    }
    let report = verify(&path).unwrap();
    assert!(report.holds(), "{report}");
    eprintln!(
        "{} records, {} torn ones repaired, {} files",
        report.records, report.repaired, report.files
    );
}

#[test]
fn every_edit_swap_removal_copy_and_cut_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 8);
    let whole = lines(&path);
    let forged = dir.path().join("forged.jsonl");
    let judge = |text: String| {
        fs::write(&forged, text).unwrap();
        verify(&forged).unwrap()
    };
    let join = |lines: &[String]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
    let named = |report: &Report, line: usize, what: &str| {
        let bad = report
            .bad
            .as_ref()
            .unwrap_or_else(|| panic!("{what}: not seen"));
        assert!(
            bad.line == line as u64 && bad.what.contains(what),
            "{what} at {line}: {bad:?}"
        );
        assert_eq!(report.records as usize, line - 1);
    };
    assert!(judge(join(&whole)).holds());
    for at in 0..whole.len() {
        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = whole.clone();
            change(&mut lines);
            join(&lines)
        };
        let edited = with(&|l| l[at] = l[at].replace("uptime", "reboot"));
        named(&judge(edited), at + 1, "was changed");
        let edited = with(&|l| l[at] = l[at].replace("\"seq\":", "\"seq\": "));
        named(&judge(edited), at + 1, "was changed");
        let hash = with(&|l| {
            let end = l[at].len() - 3;
            let new = if &l[at][end..=end] == "0" { "1" } else { "0" };
            l[at].replace_range(end..=end, new);
        });
        named(&judge(hash), at + 1, "was changed");
        let doubled = with(&|l| l.insert(at, l[at].clone()));
        named(&judge(doubled), at + 2, "once more");
        if at + 1 < whole.len() {
            named(&judge(with(&|l| drop(l.remove(at)))), at + 1, "removed");
            named(&judge(with(&|l| l.swap(at, at + 1))), at + 1, "moved");
            // Every cut in the middle of a line.
            for cut in [1, 2, 10, whole[at].len() - 2, whole[at].len() - 1] {
                let torn = join(&whole[..at]) + &whole[at][..cut] + "\n" + &join(&whole[at + 1..]);
                named(&judge(torn), at + 1, "");
            }
        }
        for cut in (1..whole[at].len())
            .step_by(41)
            .filter(|cut| whole[at].is_char_boundary(*cut))
        {
            let torn = join(&whole[..at]) + &whole[at][..cut];
            named(&judge(torn), at + 1, "");
        }
    }
    // Records of another log, each whole in itself.
    let other = log_of(
        &dir.path().join({
            fs::create_dir(dir.path().join("other")).unwrap();
            "other"
        }),
        8,
    );
    let mut mixed = whole.clone();
    mixed[4..].clone_from_slice(&lines(&other)[4..]);
    named(&judge(join(&mixed)), 5, "replaced");
    for garbage in ["", "null", "{}", "[1]", "\u{feff}", "{\"seq\":9}", "\0"] {
        named(&judge(join(&whole) + garbage + "\n"), 9, "");
    }
    let mut bytes = join(&whole).into_bytes();
    bytes.extend_from_slice(b"{\"seq\":9,\"\xff\"}\n");
    fs::write(&forged, bytes).unwrap();
    named(&verify(&forged).unwrap(), 9, "UTF-8");
}

/// What the chain alone does not show, and the document says so.
#[test]
fn a_tail_cut_between_lines_is_seen_only_by_its_seals_or_a_noted_hash() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 5);
    let whole = lines(&path);
    fs::write(&path, whole[..3].join("\n") + "\n").unwrap();
    assert!(verify(&path).unwrap().holds());
    fs::write(&path, whole.join("\n") + "\n").unwrap();

    let log = Log::open(&path).unwrap();
    let seed = log.seal_init(3600).unwrap();
    log.append(&entry("more")).unwrap();
    log.seal_now().unwrap();
    let report = with_seed(&path, &seed);
    assert!(report.holds() && report.seals == 2, "{report}");
    let sealed = lines(&path);
    fs::write(&path, sealed[..6].join("\n") + "\n").unwrap();
    assert!(
        with_seed(&path, &seed)
            .bad
            .unwrap()
            .what
            .contains("cut off")
    );
    // Who took the gateway over can put the number back, but not the key.
    let text = fs::read_to_string(key_path(&path)).unwrap();
    fs::write(key_path(&path), text.replace("\"epoch\":2", "\"epoch\":1")).unwrap();
    assert!(
        verify(&path).unwrap().holds(),
        "without the seed it cannot be seen"
    );
    assert!(
        with_seed(&path, &seed)
            .bad
            .unwrap()
            .what
            .contains("does not come from this seed")
    );
    // Nor can the log go on: the next seal is made with a key that is not epoch 1's.
    log.seal_now().unwrap();
    fs::remove_file(key_path(&path)).unwrap();
    assert!(
        with_seed(&path, &seed)
            .bad
            .unwrap()
            .what
            .contains("does not fit the seed")
    );
}

/// Computes the whole chain anew, as somebody who holds the gateway can.
fn rewrite(path: &Path, change: impl Fn(&str) -> String) {
    let bodies = lines(path).into_iter().map(|line| {
        let line = change(&line);
        line.rsplit_once(",\"prev\":").unwrap().0.to_owned()
    });
    forge(path, bodies);
}

#[test]
fn a_rewritten_past_does_not_fit_its_seals() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 3);
    let log = Log::open(&path).unwrap();
    let seed = log.seal_init(3600).unwrap();
    for n in 0..3 {
        log.append(&entry(&format!("period {n}"))).unwrap();
        log.seal_now().unwrap();
    }
    log.append(&entry("not sealed yet")).unwrap();
    assert!(with_seed(&path, &seed).holds());
    let honest = fs::read_to_string(&path).unwrap();

    rewrite(&path, |l| l.replace("period 1", "period x"));
    assert!(
        verify(&path).unwrap().holds(),
        "the chain alone cannot show it"
    );
    let bad = with_seed(&path, &seed).bad.unwrap();
    assert_eq!(
        bad.seq,
        Some(8),
        "the seal after the changed record: {bad:?}"
    );

    // The key that is there now seals no earlier period.
    fs::write(&path, &honest).unwrap();
    let key = State::load(&path).unwrap().unwrap().key;
    rewrite(&path, |l| {
        let mut record: serde_json::Value = serde_json::from_str(l).unwrap();
        if record["seal_epoch"] == 1 {
            let forged = key.seal(
                record["seq"].as_u64().unwrap(),
                record["prev"].as_str().unwrap(),
            );
            record["seal"] = forged.into();
            return serde_json::to_string(&record).unwrap();
        }
        l.to_owned()
    });
    assert!(!with_seed(&path, &seed).holds());

    // What came after the last seal can be rewritten: the document says so.
    fs::write(&path, &honest).unwrap();
    rewrite(&path, |l| l.replace("not sealed yet", "something else"));
    assert!(with_seed(&path, &seed).holds());
    // A seal that was taken out, numbers and hashes mended.
    fs::write(&path, &honest).unwrap();
    assert!(
        with_seed(&path, &Seed::random().unwrap())
            .bad
            .unwrap()
            .what
            .contains("does not fit the seed")
    );
}

#[test]
fn sealing_that_began_anew_wants_the_new_seed_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 2);
    let log = Log::open(&path).unwrap();
    let first = log.seal_init(3600).unwrap();
    log.append(&entry("sealed")).unwrap();
    log.seal_now().unwrap();
    let at_first = fs::read_to_string(&path).unwrap();
    let both = |seeds: &[&Seed]| with_seeds(&path, seeds);
    // The key was damaged, and a sysadmin did what the message says.
    fs::remove_file(key_path(&path)).unwrap();
    let second = log.seal_init(3600).unwrap();
    log.append(&entry("sealed anew")).unwrap();
    log.seal_now().unwrap();
    let chain = verify(&path).unwrap();
    assert!(chain.holds() && chain.sealed_anew == 1, "{chain}");
    assert!(chain.to_string().contains("anew"), "{chain}");
    let alone = both(&[&first]).bad.unwrap();
    assert_eq!(alone.seq, Some(6), "{alone:?}");
    assert!(
        alone.what.contains("a seed that was not given"),
        "{alone:?}"
    );
    let report = both(&[&first, &second]);
    assert!(report.holds() && report.sealed_anew == 1, "{report}");
    assert!(!both(&[&second, &first]).holds(), "the order matters");
    assert!(!both(&[&second]).holds());

    // Somebody who cuts the log back and begins anew with a seed of their own is seen by the first.
    fs::write(&path, &at_first).unwrap();
    rewrite(&path, |l| l.replace("sealed\"", "forged\""));
    fs::remove_file(key_path(&path)).unwrap();
    let third = log.seal_init(3600).unwrap();
    assert!(!both(&[&first]).holds());
    assert!(
        !both(&[&first, &third]).holds(),
        "what was sealed does not fit"
    );
    // Right after the very first seal too, where a crash may seal twice with the same key.
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 1);
    let log = Log::open(&path).unwrap();
    let first = log.seal_init(3600).unwrap();
    fs::remove_file(key_path(&path)).unwrap();
    let second = log.seal_init(3600).unwrap();
    assert!(with_seeds(&path, &[&first, &second]).holds());
    assert!(!with_seed(&path, &first).holds());
}

#[test]
fn seals_come_by_themselves_and_a_crash_between_seal_and_key_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 1);
    let log = Log::open(&path).unwrap();
    let seed = log.seal_init(1).unwrap();
    assert!(
        log.seal_init(1).is_err(),
        "a second seed would hide what the first one shows"
    );
    let before = fs::read(key_path(&path)).unwrap();
    log.seal_now().unwrap();
    // As if it had died before the next key was stored.
    fs::write(key_path(&path), &before).unwrap();
    log.seal_now().unwrap();
    let begun = Instant::now();
    while verify(&path).unwrap().seals < 5 {
        log.append(&entry("x")).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    let report = with_seed(&path, &seed);
    assert!(report.holds(), "{report}");
    assert_eq!(
        fs::metadata(key_path(&path)).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // A key that others can read is no key; nothing is recorded as if it were sealed.
    fs::set_permissions(key_path(&path), fs::Permissions::from_mode(0o644)).unwrap();
    let error = log.append(&entry("x")).unwrap_err().to_string();
    assert!(error.contains("audit seal init"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]

    /// No byte of a log can be changed, added or taken away unseen, at its end but for whole lines.
    #[test]
    fn no_byte_changes_unseen(at in 0usize..2000, byte: u8, kind in 0u8..3, more in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let path = log_of(dir.path(), 5);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let at = at % whole.len();
        match kind {
            0 => changed[at] = byte,
            1 => drop(changed.splice(at..at, more)),
            _ => drop(changed.drain(at..(at + more.len()).min(whole.len()))),
        }
        fs::write(&path, &changed).unwrap();
        let report = verify(&path).unwrap();
        let cut = whole.starts_with(&changed) && (changed.is_empty() || changed.ends_with(b"\n"));
        proptest::prop_assert_eq!(report.holds(), changed == whole || cut, "{}", report);
        // The readers and the next append say what they think, and do not panic.
        let _ = aiops::audit::stream::each(&path, |_| Ok(true));
        let before = changed.iter().filter(|b| **b == b'\n').count();
        let _ = Log::open(&path).unwrap().append(&entry("after"));
        let after = fs::read(&path).unwrap().iter().filter(|b| **b == b'\n').count();
        proptest::prop_assert!(after >= before, "no line is lost by a repair");
    }
}

/// Needs root, to mount a small file system.
#[test]
fn a_full_disk_leaves_a_sealed_log_whole() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = support::SmallDisk::mount(dir.path().join("disk"), "128k") else {
        return;
    };
    let path = disk.path().join("audit.jsonl");
    let log = Log::open(&path).unwrap();
    let seed = log.seal_init(1).unwrap();
    disk.fill();
    let (mut written, mut refused) = (0, 0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        match log.append(&entry("x")) {
            Ok(_) => written += 1,
            Err(e) => {
                assert!(e.to_string().contains("disk is full"), "{e}");
                refused += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(refused > 0);
    let report = with_seed(&path, &seed);
    assert!(report.holds(), "{report}");
    // Records that were refused are not there; those that were not, are.
    assert_eq!(report.records, written + report.seals + report.repaired);
    fs::remove_file(disk.path().join("filler")).unwrap();
    log.append(&entry("there is room again")).unwrap();
    let report = with_seed(&path, &seed);
    assert!(report.holds(), "{report}");
}

/// The commands as an auditor types them.
#[test]
fn the_auditor_s_commands_say_what_they_found() {
    let gate = Gate::local();
    gate.ask("here", "uptime");
    let run = |args: &[&str]| {
        let out = gate.command(args).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        (text, out.status.code().unwrap())
    };
    // A new gateway's log is sealed from its first record on.
    let new = Gate::local();
    let out = new.command(&["audit", "seal", "init"]).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    assert_eq!(new.records()[0]["seal_epoch"], 0);
    assert_eq!(run(&["audit", "seal", "status"]).1, 4);
    let out = gate.command(&["audit", "seal", "init"]).output().unwrap();
    assert!(out.status.success());
    let seed = String::from_utf8(out.stdout).unwrap();
    gate.write("seed", &seed);
    assert!(
        !fs::read_to_string(key_path(&gate.path("audit.jsonl")))
            .unwrap()
            .contains(&seed.replace('-', "")[..64])
    );
    assert_eq!(run(&["audit", "seal", "init"]).1, 73);
    let (text, code) = run(&["audit", "seal", "now"]);
    assert!(code == 0 && text.contains("sealed in record"), "{text}");
    let (text, code) = run(&["audit", "seal", "status"]);
    assert!(code == 0 && text.contains("2 so far"), "{text}");
    gate.ask("here", "uptime");
    let (text, code) = run(&["audit", "rotate"]);
    assert!(code == 0 && text.contains("closed as"), "{text}");
    let seed_path = gate.path("seed").display().to_string();
    let (text, code) = run(&["audit", "verify", "--seed", &seed_path]);
    assert!(
        code == 0 && text.contains("in 2 files") && text.contains("seed's seals fit"),
        "{text}"
    );
    let (text, code) = run(&["audit", "verify", "--json", "--seed", &seed_path]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(code == 0 && json["seals_checked"] == true && json["bad"].is_null());
    gate.write("seed", "0000");
    assert_eq!(run(&["audit", "verify", "--seed", &seed_path]).1, 64);
    let (text, code) = run(&["audit", "seal", "now", "--log", "/nonexistent/audit.jsonl"]);
    assert!(code == 64 && text.contains("no such log"), "{text}");
}
