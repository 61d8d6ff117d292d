//! Text that a shell is fed through its standard input: of what a command in it takes a part, the shell runs the rest.
//!
//! Each refused line was run in bash with a stand-in, and ran a command that no reader saw (or its cause stands in the
//! source or the manual of the program).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::command;
use std::io::Write;
use std::process::{Command, Stdio};

fn fed(text: &str) -> String {
    format!("bash <<'E'\n{text}\ndf -h\nE")
}

/// Texts of which a command takes a part, or to which it could add.
const TAKES: &[&str] = &[
    // A protocol by fours of bytes; editors; answers, of which one word is taken.
    "git upload-pack .",
    "git commit",
    "git config alias.x '!head -c5'",
    "git zz",
    "kubectl --server=https://127.0.0.1:1 get pods",
    "kubectl delete -i pod x",
    "nerdctl system prune",
    "docker compose rm",
    "docker compose --profile ps rm",
    "docker compose rm ps",
    "docker-compose up",
    // Passwords, of so many bytes.
    "curl -su me http://127.0.0.1/",
    "curl --proxy-us me http://127.0.0.1/",
    "sudo -S id",
    "su -c id",
    // Headers of archives, and other counts of bytes.
    "dpkg -c -",
    "rpm -qp -",
    "head -1k",
    "file -P bytes=5 -",
    "AWKBUFSIZE=7 gawk '{exit}'",
    "pip config edit --editor 'head -c5 #'",
    "git commit -m x -e",
    "coredumpctl debug info",
    "apt-get install foo list",
    "apt-get -c=x update",
    "echo user=bob >~/.curlrc\ncurl http://127.0.0.1/",
    ": $((1 / 0)); foo() { :; }\nfoo",
    "readonly x=1; x=2; foo() { :; }\nfoo",
    "sed -n ':x 1e head -c5 >&2' /etc/hosts",
    "read x\nfoo() { :; }\nfoo",
    "foo() { :; }\neval 'unset -f foo'\nfoo",
    "foo() { :; }\ncommand unset -f foo\nfoo",
    "stdbuf -i 7 sed -n 1q",
    "head -n1 -c5",
    "pgrep -F /tmp/x",
    "read -t 0.001 x",
    "TMOUT=0.001 read x",
    "timeout 0.001 dash -c 'read x'",
    "mount -t fuse.sshfs -o password_stdin a /b",
    // Keys, and languages of their own.
    "watch df",
    "nslookup",
    "chronyc -n",
    "sed -n -f- /etc/hosts",
    "coredumpctl debug",
    // At the same time as the shell.
    ": <(cat)",
    "setsid -f cat",
    // Names of the input.
    "cd /dev\npgrep -F stdin",
    // Commands that these run.
    "awk '/localhost/{system(\"head -c5\")}' /etc/hosts",
    "gawk -e'BEGIN{system(\"head -c5\")}'",
    "awk \"$x\" /etc/hosts",
    "sed -n '/localhost/e head -c5' /etc/hosts",
    "sed -n '1s%.*%head -c5%e' /etc/hosts",
    "sed -n -e'1e head -c5' /etc/hosts",
    "sed \"$x\" /etc/hosts",
    "dpkg --pre-invoke='head -c5' -i a.deb",
    "GIT_EDITOR='head -c5' git commit -m x",
    // What writes: a link to the shell's input could lie there.
    "echo evil >/tmp/link",
    "echo evil >>/var/log/app/link",
    "echo evil | tee /tmp/link",
    "cp /tmp/evil /tmp/link",
    "sort -o /tmp/link /tmp/evil",
    "uniq /tmp/evil /tmp/link",
    "find /tmp -fprintf /tmp/link evil",
    "find \"$x\" /tmp/link evil",
    "exec 3<&0",
    "exec 3</tmp/link",
    "mysqladmin ping",
    "./df",
    "/tmp/x/df",
    "uptime & cat",
    "{ cat; } &",
    "sort -c",
    "sudo df",
    "sudo -nb cat",
    "sudo -A df",
    "systemctl edit x",
    "systemctl -H h status x",
    "systemctl -qH h status x",
    "rm -i x",
    "ip route restore",
    "head -n1 /tmp/link",
    "head -n1",
    "uptime | head -c5 /tmp/link",
    "grep -m1 x /etc/hosts",
    "grep x /var/log/app/link",
    "uptime | grep -f /tmp/link x",
    ". /tmp/x",
    "bash /tmp/x",
    "ssh other df",
];

#[test]
fn what_may_take_a_part_of_it_is_refused() {
    for text in TAKES {
        assert!(command::read(&fed(text)).is_err(), "{text}");
    }
    let cut = format!("crontab - <<'E'\n* * * * * : {}; df\nE", "a".repeat(990));
    assert!(command::read(&cut).is_err());
    // Nested without end, wrappers around each.
    let mut deep = "df".to_owned();
    for level in 0..60 {
        let env = "env ".repeat(14);
        deep = format!("{env}sh <<'E{level}x'\n( {deep} ); exit\nE{level}x");
    }
    assert!(command::read(&deep).is_err());
    for line in [
        "sh -c 'od --read=5; bash' <<'E'\ndf\nE",
        // What is written into the pipe that it reads, the shell runs behind the last line.
        "bash <<'E'\nx=/dev/std; echo evil >\"${x}in\"\nE",
        "bash <<'E'\necho evil | tee \"$x\"\nE",
        "bash <<'E'\necho evil >/d*/std*n\nE",
        "bash <<'E'\nawk 'BEGIN { print \"evil\" > (\"/dev/std\" \"in\") }'\nE",
        "sh -c 'x=/dev/std; echo evil >\"${x}in\"; bash' <<'E'\ndf\nE",
        "bash <<'E'\necho /dev/std_in | tr -d _ | xargs cp /tmp/x\nE",
        "bash <<'E'\nfind /dev -name 'std*n' -exec cp /tmp/x {} ';'\nE",
        "sh -c 'passwd; bash' <<'E'\ndf\nE",
        "sh -c 'bash x; bash' <<'E'\ndf\nE",
        "sh -c 'cat & bash' <<'E'\n( df ); exit\nE",
        "sh -c 'sudo -S bash' <<'E'\n( df ); exit\nE",
        "sh -c 'bash; bash' <<'E'\n( df ); exit\nE",
        "sh -c 'while true; do bash; done' <<'E'\n( df ); exit\nE",
        "sh -c 'bash >/dev/stdin' <<'E'\n( df ); exit\nE",
        "sh -c bash <<'E'\n! ! read -r x\necho '\nevil 4\n'\nE",
        // The next one runs what the first one's text leaves.
        "find /etc/hostname /etc/passwd -exec bash ';' <<'E'\n( echo evil >/dev/stdin ); exit\nE",
        "perf stat -r 2 bash <<'E'\n( echo evil >/dev/stdin ); exit\nE",
        // Beside it, by its name in /proc.
        "flock f sleep 1 & flock f sh <<'E' & head -c 8 /proc/$!/fd/0\n( df ); exit\nE",
        "sh -c 'flock f sh' <<'E' & head -c 8 /proc/$!/fd/0\n( df ); exit\nE",
        "bash <<'E' | head -c 8 /proc/*/fd/0\n( df ); exit\nE",
        "bash <<'E' | sh -c 'head -c 8 /proc/[0-9]*/fd/0'\n( df ); exit\nE",
        "cat <(head -c 8 \"$x\"); flock f sh <<'E'\n( df ); exit\nE",
        "eval 'f &'; sh <<'E'\n( df ); exit\nE",
        "timeout --foreground 0.2 sh -c 'f; :'; sh <<'E'\n( df ); exit\nE",
        "flock l sh <<'E'\n( df ); exit\nE",
        "f() { head -c 8; }; sh <<'E' | f\n( df ); exit\nE",
        "trap 'head -c 8' DEBUG; sh <<'E' | cat\n( df ); exit\nE",
        "sh <<'E' | find . -execdir head -c 8 0 ';'\n( df ); exit\nE",
        "sh <<'E' | grep -r x\n( df ); exit\nE",
        "sh <<'E' | { c=$(</proc/$$/task/$$/children); x=$(</proc/${c%% *}/fd/0); }\n( df ); exit\nE",
        "sh <<'E' | x=$(</tmp/l)\n( df ); exit\nE",
        "sh -c 'x=$(</dev/stdin); bash' <<'E'\n( df ); exit\nE",
        "setsid -f g; sh <<'E'\n( df ); exit\nE",
        "sh <<'E'; sh <<'F'\n( df ); exit\nE\n( df ); exit\nF",
        "`f & g`; sh <<'E'\n( df ); exit\nE",
        "x=$(head -c 8) timeout 5 sh <<'E'\n( df ); exit\nE",
        "x=$(head -c 8) at now <<'E'\n( df ); exit\nE",
        "x=$(head -c 8) crontab - <<'E'\n* * * * * df\nE",
        "setsid -f sh <<'E'\n( df ); exit\nE",
        "strace -e inject=read:poke_exit=@arg2=28:when=2 sh <<'E'\n( df ); exit\nE",
        "systemd-run --pipe -p Restart=always bash <<'E'\n( df ); exit\nE",
        "x=$(head -c 8) sh -c bash <<'E'\n( df ); exit\nE",
        "sh -c 'bash -i' <<'E'\n( df ); exit\nE",
        // Files of their own behind it, and unknown shells.
        "ssh h <<'E'\n( df ); exit\nE",
        "bash -l <<'E'\n( cd; x=_logout; echo evil >\".bash$x\" ); exit\nE",
        "exec -l bash <<'E'\n( df ); exit\nE",
        "sudo -i <<'E'\n( df ); exit\nE",
        "chroot / <<'E'\n( df ); exit\nE",
        "unshare -r <<'E'\n( df ); exit\nE",
        "sh -c 'sudo -s' <<'E'\n( df ); exit\nE",
        "sh -c 'bash -l' <<'E'\n( df ); exit\nE",
        "x=_logout; echo evil >~/.bash\"$x\"; bash -lc exit",
        "bash <<'E' >/dev/stdin\necho evil 2\nE",
        "stdbuf -i0 -o0 bash <<'E'\ncut -b1- | :\n'ls' '\nevil 6\n'\nE",
        "df() { read -r x; }; export -f df; bash <<'E'\ndf\necho '\nevil 5\n'\nE",
        // They read a password first, or keys beside it.
        "sudo -S bash <<'E'\n( df ); exit\nE",
        "sudo --std bash <<'E'\n( df ); exit\nE",
        "su app -c bash <<'E'\n( df ); exit\nE",
        "watch bash <<'E'\n( df ); exit\nE",
        // Not in one piece.
        "bash <<'E'\n( foo )\nexit\nE",
        "bash <<'E'\n( foo ); exit\nfoo\nE",
        "bash <<'E'\n( foo ) # ; exit\nexit\nE",
        "bash <<'E'\n( foo )\nexit # ); exit\nE",
        "bash <<'E'\n( foo ) && exit\nE",
        "bash <<'E'\n( foo ); exit &\nE",
        "bash <<'E'\n( foo ); ! exit\nE",
        "bash <<'E'\n( foo ); exit | foo\nE",
        "bash <<'E'\n( foo ); exit 1 2\nE",
        "bash <<'E'\n( foo ); exit $x\nE",
        "bash <<'E'\n( foo ); exit --help\nE",
        "bash <<'E'\n( foo ); x=1 exit\nE",
        "bash <<'E'\n( foo ) & exit\nE",
        "bash <<'E'\n{ foo; }; exit\nE",
        "bash <<'E'\n{ foo; exit; }\nE",
        "bash <<'E'\nfoo; ( foo ); exit\nE",
        "bash <<'E'\n( foo ) >\"$x\"; exit\nE",
        "bash <<'E'\n( foo ) <<X; exit\nX\nE",
        "bash <<'E'\n$(foo); exit\nE",
        "bash <<'E'\nexec -- </tmp/x\nE",
        "docker exec -i --tty=true c bash <<'E'\na !b\nE",
        "podman-compose exec c bash <<'E'\na !b\nE",
    ] {
        assert!(command::read(line).is_err(), "{line}");
    }
}

#[test]
fn in_one_piece_it_is_read() {
    for line in [
        "bash -lc 'aws --profile prod s3 ls'",
        "ssh h 'cd /srv; sudo -n bash -s' <<'E'\n( df ); exit\nE",
        "sudo su app -c bash <<'E'\n( df ); exit\nE",
        "echo '( sudo systemctl restart nginx ); exit' | ssh h sh",
        "echo '( /usr/local/bin/backup ); exit' | at now",
        "bash <<'E'\n\n# why\n( git pull ) 2>&1; exit 0\nE",
        "ssh h 'timeout 5 bash' <<'E'\n( df ); exit\nE",
        "cd /srv && ssh h bash <<'E' 2>&1 | grep -v x | tail -n 5 | tee /tmp/log && echo done\n( df ); exit\nE",
        "ssh h bash <<'E' | tail -5\n(\ndf -h | grep \"$x\" & wait\n); exit\nE",
        "x=$(date); echo \"$x\"; ssh h bash <<'E' >/tmp/x.log\n(\nf() { df; }; f\n); exit\nE",
    ] {
        let read = command::read(line);
        assert!(read.is_ok(), "{line}: {:?}", read.err());
    }
    // As long as it likes.
    let long = format!("bash <<'E'\n(\nmake\necho {}\n); exit\nE", "a".repeat(9000));
    assert!(command::read(&long).is_ok());
}

/// `( … ); exit` is read whatever stands in it, if that is read by itself.
#[test]
fn in_one_piece_any_text_is_read() {
    let mut read = 0;
    for text in TAKES {
        let closed = format!("(\n{text}\n); exit");
        let fed = command::read(&format!("bash <<'E'\n{closed}\nE"));
        assert_eq!(
            fed.is_ok(),
            command::read(&closed).is_ok(),
            "{text}: {fed:?}"
        );
        read += usize::from(fed.is_ok());
    }
    assert!(read > TAKES.len() / 2, "{read}");
}

/// What a real shell prints that finds a text in its standard input.
fn run(shell: &[&str], text: &str, through_file: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let input = if through_file {
        let path = folder.path().join("text");
        std::fs::write(&path, text).unwrap();
        Stdio::from(std::fs::File::open(path).unwrap())
    } else {
        let (input, mut feed) = std::io::pipe().unwrap();
        feed.write_all(text.as_bytes()).unwrap();
        Stdio::from(input)
    };
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command.current_dir(folder.path()).stdin(input);
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whatever happens in the parentheses, the shell around them runs nothing that it did not read before.
#[test]
fn a_shell_that_read_it_in_one_piece_looks_for_no_more() {
    let tries = [
        ":",
        "read x",
        "read -n 3 x",
        "head -c 3 >/dev/null",
        ": $((1 / 0))",
        "readonly z=1; z=2",
        "echo ${x?}",
        "set -u; echo $x",
        "set -n",
        "exit() { :; }",
        "alias exit=:",
        "enable -n exit",
        "unset -f exit",
        "exec <&-",
        "exec </dev/null",
        "break; continue; return 1",
        "shopt -s lastpipe failglob; echo zz*",
        "trap : INT; kill -INT $$",
        "trap 'echo in' EXIT",
        "exec /nonexistent",
        "echo 'echo EVIL' >/dev/stdin",
        "echo 'echo EVIL' >/proc/$$/fd/0",
        "echo 'echo EVIL' >>/dev/fd/0",
    ];
    let shells: [&[&str]; 4] = [
        &["bash"],
        &["bash", "--posix", "-s"],
        &["dash"],
        &["busybox", "sh"],
    ];
    for shell in shells {
        for inner in tries {
            for through_file in [false, true] {
                let text = format!("(\n{inner}\n); exit 3\n\necho EVIL\n");
                let out = run(shell, &text, through_file);
                assert!(!out.contains("EVIL"), "{shell:?} {inner}: {out}");
            }
        }
    }
    // The trial can fail.
    assert!(run(&["bash"], "( : )\nexit() { :; }\nexit\necho EVIL\n", false).contains("EVIL"));
}
