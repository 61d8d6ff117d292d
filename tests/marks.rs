//! Programs that run what stands in their words: each such line is refused, or says that it runs something unread.
//!
//! Each was run with a stand-in, or its cause stands in the manual of its program. What people write every day is not marked.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use aiops::command::{self, Wraps};

/// Whether a line is refused, or one of its commands is marked.
fn is_told(line: &str) -> bool {
    match command::read(line) {
        Err(_) => true,
        Ok(reading) => reading.calls.iter().any(|c| c.wraps == Wraps::Unknown),
    }
}

#[test]
fn what_runs_its_words_is_marked() {
    for line in [
        "x=evil; tar cf /dev/null -I\"$x\" f",
        "tar cf t.tar --use-compress-program=\"$x\" f",
        "tar cf /dev/null --checkpoint=1 --checkpoint-action=\"$x\" f",
        "scp -o\"$x\" f h:",
        "sftp -o\"$x\" h",
        "wget -e\"$x\" http://127.0.0.1:9/",
        "rsync -e\"$x\" ssh host:/tmp/",
        "rsync --rs\"$x\" ssh h:/t",
        "sort ./$x",
        "strace -o \"|$x\" true",
        "pidstat \"$x\" evil a",
        "gcc \"$x\" evil,a f.c",
        "cmake \"$x\" env evil",
        "rabbitmqctl \"$x\" os",
        "cpupower \"$x\" evil",
        "kubectl create job j --image=i \"$x\" evil",
        "docker start \"$x\" c",
        "echo -s9 | xargs -I'<(' timeout '<(' 5 evil a",
        "echo -s9 | xargs -Ix timeout x\"$y\" 5 evil a",
        "git grep -nOevil foo",
        "man -aPevil ls",
        "vim -nc '!evil' -c q f",
        "git difftool -y -xevil",
        "git filter-branch --msg-filter evil",
        "git config core.\"$x\" evil",
        "echo x | tclsh8.6 --version",
        "erl --version",
        "psql -o '|evil' -c 'select 1'",
        "psql -o\"|$x\" -c 1",
        "iptables --modprobe=evil -L",
        "rg --pre evil x f",
        "freshclam --on-update-execute=evil",
        "logrotate -m evil f",
        "mount -t fuse 'evil#x' /mnt",
        "pg_ctl start -D d -o '$(evil)'",
        "puppet apply -e x",
        "gtar cf x -I evil f",
        "bsdtar cf x --use-compress-program evil f",
        "tailscale ssh h evil",
        "find -e* evil b ?",
        "scp -O 'h:$(evil)' .",
        "systemd-run -p \"Description=$x\" df",
        "echo x | wish8.6 --help",
        "ssh-copy-id \"$x\" h",
        "rpm \"$x\"",
        "exim \"$x\" evil",
        "docker run --entry\"$x\" evil",
        "find -e* evil b ?",
    ] {
        assert!(is_told(line), "{line}");
    }
}

#[test]
fn what_runs_nothing_is_not() {
    for line in [
        "tar czf x.tgz /srv/\"$d\"",
        "scp f h:/srv/x/",
        "rsync -av /srv/ h:/srv/",
        "sort /var/log/*.log",
        "git log -n 5",
        "psql -c \"select a||b from c\"",
        "rg --pretty x",
        "trivy image \"$x\"",
        "helm status \"$r\"",
        "find . -name *.log",
        "find *.d -name x -exec ls {} \\;",
        "xargs -I{} cp {} \"$d\"",
        "apachectl -t -D DUMP_VHOSTS",
        "mount /dev/sdb1 /mnt",
        "rg -n x /srv",
        "iptables -nvL",
        "logrotate -d /etc/logrotate.conf",
        "psql -Atc 'select 1'",
        "kubectl create namespace x",
        "strace -f -e trace=open,read -p 5",
    ] {
        assert!(!is_told(line), "{line}: {:?}", command::read(line));
    }
}
