//! Text that a shell is fed through its standard input: of what a command in it takes a part, the shell runs the rest.
//!
//! Each refused line was run in bash with a stand-in, and ran a command that no reader saw (or its cause stands in the
//! source or the manual of the program).

use aiops::command;

fn fed(text: &str) -> String {
    format!("bash <<'E'\n{text}\ndf -h\nE")
}

#[test]
fn what_may_take_a_part_of_it_is_refused() {
    for text in [
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
        "export AWKBUFSIZE=7",
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
        "export PAGER='head -c5'",
    ] {
        assert!(command::read(&fed(text)).is_err(), "{text}");
    }
    // A buffer of musl's holds 1024 bytes: what takes the first lines of more leaves the rest in the middle of one.
    let long = format!("head -n1\necho {}", "a".repeat(1100));
    assert!(command::read(&fed(&long)).is_err());
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
        "bash <<'E'\nexec -- </tmp/x\nE",
        "docker exec -i --tty=true c bash <<'E'\na !b\nE",
        "podman-compose exec c bash <<'E'\na !b\nE",
    ] {
        assert!(command::read(line).is_err(), "{line}");
    }
}

#[test]
fn what_people_feed_a_shell_is_read() {
    for text in [
        "git status",
        "git -C /srv/app pull --ff-only",
        "git commit -am x",
        "docker ps -a",
        "docker compose -f a.yml ps",
        "docker compose logs web",
        "curl -fsSL --connect-timeout 3 http://127.0.0.1/",
        "sudo -n systemctl restart nginx",
        "head -n 5 /etc/hosts",
        "sed -i 's/a/b/; /^#/d' /etc/x.conf",
        "sed -ne '1,5p' /etc/hosts",
        "awk -F: '$3 >= 1000 {print $1}' /etc/passwd",
        "set -euo pipefail",
        "file /etc/hosts",
        "x=1",
        "export LC_ALL=C",
        "export x=1",
        "X=1",
        "dpkg -l nginx",
        "df -h >/var/log/df.$(date +%F)",
        "df -h >>/tmp/x; curl -s \"http://127.0.0.1/\"",
        "stdbuf -oL df",
        "cd /srv/app",
        "mount /dev/sdb1 /mnt",
        "cat - </dev/null",
        "kubectl get pods </dev/null",
        "chronyc tracking",
        "LC_ALL=C sort /etc/hosts",
        "f() {\nuptime\n}\nf",
        "set -eu\nx=1\nf() {\nuptime\n}\ng() { f; }\ng",
        "if test -d /srv; then\nls /srv\nfi",
    ] {
        let line = fed(text);
        assert!(
            command::read(&line).is_ok(),
            "{text}: {:?}",
            command::read(&line).err()
        );
    }
    let long = format!("echo {}", "a".repeat(1100));
    assert!(command::read(&fed(&long)).is_ok());
    let login = "bash -lc 'aws --profile prod s3 ls'";
    assert!(
        command::read(login).is_ok(),
        "{:?}",
        command::read(login).err()
    );
    let inner = "ssh h 'cd /srv; sudo -n bash -s' <<'E'\ndf\nE";
    assert!(
        command::read(inner).is_ok(),
        "{:?}",
        command::read(inner).err()
    );
}
