//! The log in the hands of somebody who took over the gate's user, and of an agent that sets limits:
//! what is put in its place, what its bytes are made to say, and what that must not lead to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use aiops::audit::seal::{Seed, key_path};
use aiops::audit::verify::{Options, verify, verify_with};
use aiops::audit::{Entry, Event, Log};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::logs::{audit, entry, forge, lines, log_of, with_seed, within};
use support::{AIOPS, Gate, fed, request, status, touch};

fn record(seq: u64, more: &str) -> String {
    format!(
        "{{\"seq\":{seq},\"timestamp\":\"2026-11-21T08:00:00.000Z\",\"event\":\"run.finished\"{more}"
    )
}

#[test]
fn what_stands_in_the_log_s_place_is_refused_and_nothing_runs() {
    type Put = fn(&Path);
    let in_its_place: [(&str, Put); 5] = [
        ("a link to another file", |log| {
            let other = log.with_file_name("other");
            fs::write(&other, "").unwrap();
            symlink(other, log).unwrap();
        }),
        ("a dangling link", |log| {
            symlink("/nonexistent/log", log).unwrap();
        }),
        ("a pipe", |log| {
            nix::unistd::mkfifo(log, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }),
        ("a folder", |log| fs::create_dir(log).unwrap()),
        ("a file that everybody writes", |log| {
            fs::write(log, "").unwrap();
            fs::set_permissions(log, fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    for (what, put) in in_its_place {
        for place in ["audit.jsonl", "audit.jsonl.lock"] {
            let gate = Gate::local();
            put(&gate.path(place));
            let answer = gate.ask("here", &touch(&gate, "mark"));
            assert_eq!(answer.1, 73, "{what} as {place}: {}", answer.0);
            let answer = gate.ask("here", "uptime");
            assert_eq!(answer.1, 73, "{what} as {place}: {}", answer.0);
            assert!(answer.0.get("stdout").is_none(), "{}", answer.0);
            // Reading ends too, and says why.
            if place == "audit.jsonl" && what != "a file that everybody writes" {
                let (text, code) = audit(&["verify"], &gate.path(place));
                assert!(
                    code == Some(64) || text.contains("verified. 0"),
                    "{what}: {text}"
                );
            }
        }
    }
}

#[test]
fn a_rotated_file_that_is_no_file_hangs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 3);
    let planted = path.with_added_extension("1");
    nix::unistd::mkfifo(&planted, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for args in [&["verify"][..], &["tail"], &["export"], &["stats"]] {
        let (text, code) = audit(args, &path);
        assert!(
            code != Some(0) && text.contains("not a regular file"),
            "{args:?}: {text}"
        );
    }
    fs::remove_file(&planted).unwrap();
    symlink("/dev/zero", &planted).unwrap();
    assert!(audit(&["verify"], &path).0.contains("not a regular file"));
    fs::remove_file(&planted).unwrap();
    fs::create_dir(&planted).unwrap();
    assert!(audit(&["verify"], &path).0.contains("not a regular file"));
    fs::remove_dir(&planted).unwrap();
    assert_eq!(audit(&["verify"], &path).1, Some(0));
    // The gate appends whatever stands beside its log.
    symlink("/dev/zero", &planted).unwrap();
    Log::open(&path)
        .unwrap()
        .append(&Entry::new(Event::RequestDecided))
        .unwrap();
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 3);
    // 64 GiB that take no room, and their like compressed: 300 MB of zeros.
    let sparse = path.with_added_extension("1");
    fs::File::create(&sparse)
        .unwrap()
        .set_len(64 << 30)
        .unwrap();
    let limited = |log: &Path| {
        let script = "ulimit -v 1500000; exec \"$0\" audit verify --log \"$1\"";
        within(
            120,
            Command::new("bash").args(["-c", script, AIOPS]).arg(log),
        )
    };
    let (text, code) = limited(&path);
    assert!(
        code != Some(0) && text.contains("longer than 64 MiB"),
        "{code:?} {text}"
    );
    fs::remove_file(&sparse).unwrap();
    let bomb = Command::new("bash")
        .args(["-c", "head -c 300M /dev/zero | gzip -1 > \"$0\""])
        .arg(path.with_added_extension("1.gz"))
        .status()
        .unwrap();
    assert!(bomb.success());
    let (text, code) = limited(&path);
    assert!(code != Some(0), "{code:?} {text}");
}

#[test]
fn a_record_that_two_readers_read_differently_is_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    forge(&path, [record(1, ",\"command\":\"uptime\""), record(2, "")]);
    assert!(verify(&path).unwrap().holds());
    for twice in [
        ",\"command\":\"uptime\",\"command\":\"rm -rf /\"",
        ",\"command\":\"uptime\",\"\\u0063ommand\":\"rm -rf /\"",
        ",\"unknown\":1,\"unknown\":2",
        ",\"event\":\"run.started\"",
        ",\"seq\":2",
        ",\"hash\":\"ab\",\"hash\":\"cd\"",
    ] {
        forge(&path, [record(1, ""), record(2, twice), record(3, "")]);
        let bad = verify(&path).unwrap().bad.unwrap();
        assert!(
            bad.line == 2 && bad.what.contains("twice"),
            "{twice}: {bad:?}"
        );
    }
    let many: String = (0..300).map(|n| format!(",\"f{n}\":0")).collect();
    forge(&path, [record(1, &many), record(2, "")]);
    assert_eq!(verify(&path).unwrap().bad.unwrap().line, 1);
    // Deep nesting, NUL, what is not UTF-8, what is no number: named, never a crash.
    let deep = format!(",\"x\":{}{}", "[".repeat(200_000), "]".repeat(200_000));
    forge(&path, [record(1, &deep), record(2, "")]);
    let _ = verify(&path).unwrap();
    for args in [
        &["tail"][..],
        &["query"],
        &["export", "--format", "csv"],
        &["report"],
    ] {
        assert!(audit(args, &path).1.is_some(), "{args:?} crashed");
    }
    for hostile in [
        ",\"x\":\"\u{0}\"",
        ",\"x\":1e999",
        ",\"x\":\"\\ud800\"",
        ",\"x\":nan",
    ] {
        forge(&path, [record(1, ""), record(2, hostile), record(3, "")]);
        assert!(audit(&["verify"], &path).1.is_some(), "{hostile}");
        assert!(audit(&["tail"], &path).1.is_some(), "{hostile}");
    }
}

#[test]
fn numbers_at_the_end_of_their_range_overflow_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    for seq in [u64::MAX, u64::MAX - 1, (1 << 53) + 1] {
        forge(&path, [record(seq, "")]);
        assert!(!verify(&path).unwrap().holds());
        let from = Options {
            first: Some(seq),
            ..Options::default()
        };
        assert!(verify_with(&path, &from).unwrap().holds());
        forge(&path, [record(seq, ""), record(seq, "")]);
        assert!(!verify_with(&path, &from).unwrap().holds());
        for args in [&["tail"][..], &["export"], &["stats"]] {
            assert!(audit(args, &path).1.is_some(), "{args:?}");
        }
    }
    forge(&path, [record(u64::MAX, "")]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Log::open(&path)
        .unwrap()
        .append(&Entry::new(Event::RequestDecided))
        .unwrap_err();
    assert!(error.to_string().contains("no successor"), "{error}");

    // A seal that claims to be the last of very many keeps nobody busy.
    let seed = Seed::random().unwrap();
    for epoch in [u64::MAX, u64::MAX - 1, 1 << 40] {
        let seal = format!(",\"seal_epoch\":{epoch},\"seal\":\"ab\"");
        let sealed = record(7, &seal).replace("run.finished", "log.sealed");
        forge(&path, [sealed]);
        let options = Options {
            seeds: vec![seed.clone()],
            first: Some(7),
        };
        let begun = Instant::now();
        assert!(!verify_with(&path, &options).unwrap().holds());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_compressed_file_that_was_tampered_with_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 4);
    let log = Log::open(&path).unwrap();
    let seed = log.seal_init(3600).unwrap();
    log.rotate_now().unwrap();
    log.append(&Entry::new(Event::RequestDecided)).unwrap();
    let plain = path.with_added_extension("000000000001");
    let gz = plain.with_added_extension("gz");
    let whole = fs::read(&plain).unwrap();
    let gzip =
        |bytes: &[u8], level: &str| fed(Command::new("gzip").args([level, "-c"]), bytes).stdout;
    fs::remove_file(&plain).unwrap();
    let holds = |bytes: &[u8]| {
        fs::write(&gz, bytes).unwrap();
        let report = with_seed(&path, &seed);
        assert!(report.holds() || report.bad.as_ref().unwrap().what.len() > 10);
        report.holds()
    };
    // Compressed anew by somebody else, or in two pieces: the same records.
    let half = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
    assert!(holds(&gzip(&whole, "-1")) && holds(&gzip(&whole, "-9")));
    assert!(holds(
        &[gzip(&whole[..half], "-6"), gzip(&whole[half..], "-6")].concat()
    ));
    // Anything else is seen.
    let good = gzip(&whole, "-6");
    assert!(!holds(&good[..good.len() - 4]), "cut");
    assert!(!holds(&[&good[..], b"trailing"].concat()), "more behind it");
    assert!(!holds(&whole), "not compressed at all");
    assert!(!holds(&gzip(&whole[half..], "-6")), "its first record gone");
    assert!(!holds(&gzip(&whole[..half], "-6")), "its last ones gone");
    assert!(!holds(b""), "emptied");
    assert!(!holds(&gzip(b"", "-6")), "nothing in it");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    assert!(!holds(&flipped), "a bit turned");
    // Renamed in any way that still names it: the same log. Away: a gap.
    assert!(holds(&good));
    fs::rename(&gz, path.with_added_extension("7.gz")).unwrap();
    assert!(verify(&path).unwrap().holds());
    fs::rename(
        path.with_added_extension("7.gz"),
        dir.path().join("kept.gz"),
    )
    .unwrap();
    assert!(
        verify(&path)
            .unwrap()
            .bad
            .unwrap()
            .what
            .contains("begins later")
    );
}

#[test]
fn a_log_cut_at_a_record_s_end_and_continued_is_seen_with_the_seed_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 2);
    let log = Log::open(&path).unwrap();
    let seed = log.seal_init(3600).unwrap();
    for n in 0..4 {
        log.append(&entry(&format!("after {n}"))).unwrap();
        log.seal_now().unwrap();
    }
    let lines = lines(&path);
    let key = fs::read(key_path(&path)).unwrap();
    for keep in 3..lines.len() - 1 {
        fs::write(&path, lines[..keep].join("\n") + "\n").unwrap();
        fs::write(key_path(&path), &key).unwrap();
        fs::set_permissions(key_path(&path), fs::Permissions::from_mode(0o600)).unwrap();
        // The attacker goes on with the gate's own program and the key that is there now.
        log.append(&Entry::new(Event::RequestDecided)).unwrap();
        log.seal_now().unwrap();
        assert!(!with_seed(&path, &seed).holds(), "cut after {keep}");
        // Without the key file the gate writes no seals, and the last one is an old one.
        fs::write(&path, lines[..keep].join("\n") + "\n").unwrap();
        fs::remove_file(key_path(&path)).unwrap();
        log.append(&Entry::new(Event::RequestDecided)).unwrap();
        let report = with_seed(&path, &seed);
        let last = report.last_seal.as_ref().map_or(0, |s| s.seq);
        assert!(
            last < lines.len() as u64,
            "the auditor sees how old it is: {report}"
        );
    }
}

#[test]
fn an_agent_s_limits_stop_runs_but_leave_none_without_a_record() {
    let gate = Gate::local();
    gate.ask("here", "uptime");
    let length = |gate: &Gate| fs::metadata(gate.path("audit.jsonl")).unwrap().len();
    let mut ran = 0;
    // The size of files in KiB, open files, and processor time in seconds.
    let sizes = (0..6).map(|n| format!("ulimit -f {}", length(&gate) / 1024 + n));
    let others = [
        "ulimit -n 6",
        "ulimit -n 9",
        "ulimit -n 12",
        "ulimit -t 0",
        "ulimit -v 60000",
        "ulimit -f 0",
    ];
    for limit in sizes.chain(others.map(str::to_owned)) {
        let mark = gate.path(&format!("mark{}", limit.replace(' ', "")));
        let asked = gate.ask("here", &format!("touch {}", mark.display()));
        assert_eq!(asked.0["status"], "approval_requested", "{}", asked.0);
        let code = asked.0["approval_code"].as_str().unwrap();
        let script = format!("{limit}; exec \"$0\" run --config \"$1\"");
        let mut limited = Command::new("bash");
        limited
            .args(["-c", &script, AIOPS])
            .arg(gate.path("config.yml"))
            .stderr(Stdio::null());
        fed(&mut limited, format!("Approve {code}"));
        // Whoever comes next finds a whole log, and closes what was left open.
        assert_eq!(
            status(&gate.send(request("here", "uptime").to_string())),
            ("executed", 0)
        );
        assert!(gate.verifies(), "{limit}");
        let records = gate.records();
        let about = |event: &str| {
            records.iter().any(|r| {
                r["event"] == event
                    && r["command"]
                        .as_str()
                        .is_some_and(|c| c.ends_with(mark.to_str().unwrap()))
            })
        };
        if mark.exists() {
            ran += 1;
            assert!(about("run.started"), "{limit}: it ran without a record");
        }
        if about("run.started") {
            assert!(
                about("run.finished") || about("run.interrupted"),
                "{limit}: nobody says how it ended"
            );
        }
        gate.send(format!("Deny {code}"));
    }
    assert!(ran > 0, "some of these limits let it run");
}
