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
        "sed p \"$x\" /etc/hosts",
        "sed p *",
        "rsync -e 'ssh h evil' a b:c",
        "rsync -e 'ssh -p 22 h evil' a b:c",
        "scp -F c f h:",
        "sftp -F c h",
        "sftp -b f h",
        "printf '!evil\\n' | sftp h",
        "x=-Ievil; tar -c -f -- \"$x\" /etc/hosts",
        "scp -i -- \"$x\" f h:",
        "sort -o -- \"$x\" big",
        "git --icase-pathspecs config core.sshCommand evil",
        "git --glob-pathspecs difftool -y -xevil",
        "npm --offline exe -c 'evil a'",
        "npm config set script-shell evil",
        "gcc -Bb/ -c a.c",
        "gcc @f -c a.c",
        "less --lesskey-src=k /etc/hosts",
        "vim -u r x",
        "man -C c ls",
        "logrotate -s s -f r",
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit a b",
        "ansible-playbook x.yml",
        "wg-quick up /tmp/x.conf",
        "openvpn /tmp/x",
        "find -- \"$x\" evil b \"$z\"",
        "find -- -e* evil b ?",
        "git x/y",
        "for i in 1 2; do sh -c bash; done <<'E'\n( df ); exit\nE",
        "sqlite3 :memory: <<'E'\n.shell evil e6\nE",
        "sqlite3 x '.sh evil'",
        "sqlite3 x 'select 1;\n.system evil'",
        "sqlite3 x '.once |evil'",
        "mysql -e '\\! evil'",
        "mysql -e 'system evil'",
        "psql -c '\\! evil'",
        "psql <<< '\\! evil'",
        "smbclient //h/s <<< '!evil'",
        "awk -v a=1 \"$x\"",
        "awk -F : \"$x\" /etc/passwd",
        "awk 'x=system(\"evil\")' f",
        "awk -e 'BEGIN{}' -e 'END{system(\"evil\")}'",
        "awk 'BEGIN{system(\"evil\")}'",
        "awk 'BEGIN{\"evil\" | getline}'",
        "awk '{print | \"evil\"}' f",
        "sed -n -e p -e \"$x\" /etc/passwd",
        "sed -l 5 \"$x\" /etc/passwd",
        "psql \"$x\" -h h -c 'select 1'",
        "mount \"$x\" a /mnt",
        "helm upgrade r c \"$x\"",
        "mdadm --monitor \"$x\" /dev/md0",
        "docker service update \"$x\" web",
        "find . ! -name -name \"$x\" evil b \"$z\"",
        "find . ! \"$x\" -name \"$y\" evil b \"$z\"",
        "find . \"$x\" -name -name \"$y\" evil b +",
        "find . -fprintf a \"$x\" \"$y\" evil b \"$z\"",
        "find -D \"$x\" \"$y\" evil b \"$z\"",
        "parallel \"echo '{1 }' a\" ::: ';evil pos;'",
        "parallel \"echo '{1 /}' a\" ::: ';evil pos;'",
        "parallel --delay '`evil 1`' echo ::: a",
        "parallel --delay \"$x\" echo ::: a",
        "parallel --retries '{= system(\"evil ret\") =}' echo ::: a",
        "sleep 1 & false && x=1; wait $x -n -p 'a[$(evil w)]'",
        "x=1; wait $x -np 'a[$(evil)]'",
        "DBUS_SYSTEM_BUS_ADDRESS=unixexec:path=/tmp/evil,argv1=b systemd-inhibit df",
        "env DBUS_SESSION_BUS_ADDRESS=\"$x\" systemctl --user status",
        "PERL5OPT='-Mbase;system(evil)' chronic df",
        "ssh h 'cd; printf x >.bashrc'; ssh h df",
        "cd; cp f .bashrc; env -i bash -c df",
        "cd; cp f .bashrc; sudo bash -c df",
        "sudo bash -c 'cp f .bashrc'; sudo bash -c df",
        "PARALLEL_CSH='-I echo' parallel echo x ::: evil",
        "XDG_CACHE_HOME=c parallel echo ::: a",
        "ls | parallel 'echo \"$(echo \"{}\")\"'",
        "ls | parallel \"echo a # it's\necho 'b {}'\"",
        "parallel 'echo \"a' ::: \"'; evil q #\\\"'\"",
        "a=:::; parallel find ::: . \"$a\" -exec \"$a\" evil \"$a\" ';'",
        "x='. ::: -exec ::: evil ::: ;'; parallel find ::: $x",
        "parallel find ::: *",
        "parallel find ::: a$x",
        "parallel find :::: \"$x\"",
        "parallel find :::: a b c d",
        "parallel -a a -a b -a c -a d find",
        "parallel -a a --arg-file b find",
        "parallel -a i 'cat <<X\n{}\nevil now\nX'",
        "ls | parallel 'echo `echo {}`'",
        "ls | parallel -0 'df # {}'",
        "ls | parallel 'echo $(echo {})'",
        "x='root f'; crontab -u $x - <<'E'\n* * * * * df\nE",
        "env 'x;evil;y=1' at now <<'E'\n( df ); exit\nE",
        "LC_ALL=en_US; [ -v 'ê[$(evil)]' ]",
        "[ \"$x\" \"ê$1\" ]",
        "ssh h 'cp f .bashrc'; ssh h ls",
        "scp f h:.bashrc; ssh h ls",
        "scp f h:.ssh/rc; ssh h ls",
        "echo 'BASH_ENV=/tmp/f' | sudo tee -a /etc/environment; ssh localhost ls",
        "mkdir '!d'; find . -maxdepth 0 \"$x\" '!d/../../../bin/evil' -exec df ';'",
        "parallel '' ::: 'df /../../../bin/evil'",
        "systemd-run -E Y='5 evil' nice -n \"$x\" df",
        "echo $(( $( sh -c 'echo \"a[\\$(evil n)]\" >/proc/$PPID/fd/1' | wc -l ) ))",
        "echo $(( $( ls | tee \"$x\" | wc -l ) ))",
        "echo $(( $( ls | { ls >/proc/self/fd/1; } | wc -l ) ))",
        "parallel echo ::: a; cd ~/.par*; echo '-I echo' >config; cd; parallel echo x ::: evil",
        "cd /e?c; echo evil >profile.d/x.sh; bash -lc true",
        "cd /etc; echo evil >profile.d/x.sh; bash -lc true",
        "parallel \"cat <<\\\\'a:b\\\\'\n{}\nevil now\n'a:b'\" ::: a:b",
        "parallel 'echo \"$(echo \"/x/{}\")\"' ::: a:b",
        "parallel 'echo {#}' ::: a",
        "echo evil >f; parallel 'ssh h{#} <f' ::: df",
        "find a evil -maxdepth 0 -exec env -u {} +",
        "find a evil -maxdepth 0 -exec env -u \"$x\" +",
        "find a evil -maxdepth 0 -exec env -u \"$x\" \"$y\" ';'",
        "find a evil -maxdepth 0 -exec sudo -u \"$x\" {} +",
        "bash -c 'echo x{}`true`b,c}'",
        "find 5 evil -maxdepth 0 -exec nice -n {} +",
        "busybox find d -type f -exec env -u {} df +",
        "find d -exec env -u a{} df + -exec df ';'",
        "evil=1; echo $(( evil -evil + $(cat <<'X' | wc -l\n)\nX\n) )) $'b'",
        "x=1; echo ${x/$(cat <<'X'\n'\nX\n)'x)/$(evil p)y'/b}",
        "x=1; echo ${x:-$(cat <<'X'\n'\nX\n)'x)/$(evil p)y'}",
        "echo {a,b}$(cat <<'X'\n'\nX\n)'x}$(evil)'",
        "x=1; y=1; echo $((x y))",
        "evil=1; echo $(( evil - evil + $(case x in (a) true ;; esac | wc -l) )) $'b'",
        "echo $(( 1 + $(ls \"$(case x in a) ls;; esac)\" | wc -l) ))",
        "echo ${x/$(df)/b}",
        "echo ${x/\"$(df)\"/b}",
        "echo ${x/${y:-`df`}/b}",
        "bash -c \"x=1; echo \\${x/\\$(echo \\\\ #'\n)')'x/\\$(evil q)y'/b}\"",
        "find * ?",
        "find * -name x",
        "find . -name * -print",
        "find ? -e* 7z a ?",
        "find *name -name \"$y\" evil b \"$z\"",
        "find -[e]xec 7z \"$z\"",
        "echo x | xargs -I% awk 'BEGIN{a=\"%\";system(\"evil awk\")}'",
        "find . -maxdepth 0 -exec sqlite3 x '.shell evil {}' ';'",
        "find . ! -name -name \"$x\" evil b -exec ls {} ';'",
        "echo '( df ); exit' | for i in 1 2; do bash; done",
        "find . | xargs sed -n p",
        "git clone -ccore.sshCommand=evil ssh://h/x",
        "git clone -qccore.sshCommand=evil ssh://h/x",
        "git clone --template=d /srv/x",
        "git remote-ext x 'evil a'",
        "git config gc.recentObjectsHook evil",
        "git config core.editor list",
        "git config imap.tunnel evil",
        "git config remote.o.receivepack evil",
        "git config --global difftool.meld.path evil",
        "git config set browser.firefox.path evil",
        "git config init.templateDir evil",
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
        "find ./* -name x",
        "find . -type f -exec grep -l \"$x\" {} +",
        "find . -type f -exec sudo -u app df {} ';'",
        "find . -type f -exec sudo -u app df {} +",
        "find . -name '*.log' -exec grep -l x {} +",
        "find . -type f -exec bash -c 'for f; do echo \"$f\"; done' _ {} +",
        "find . -exec tar rf /tmp/x.tar -- {} +",
        "echo $(( $(ps aux | grep -c nginx) + $(docker ps -q | wc -l) ))",
        "cd ~/app && echo x >log && bash -lc df",
        "systemd-run --unit x nice -n 5 df",
        "x=\"$(cat <<'E'\nit's (a\nE\n)\"; echo \"$x\"",
        "x=$(case $1 in a) echo b;; esac); echo ${y/a/$x} ${z:-$(df)}",
        "x=1; y=2; echo $(( x + y * (x - 1) ))",
        "parallel 'echo {#} {}' ::: a",
        "parallel gzip ::: *.log",
        "parallel --delay 0.5 --timeout 30s --halt now,fail=1 -j 50% gzip ::: a b",
        "parallel 'grep -c \"x y\" {} >{.}.n' ::: a.log b.log",
        "parallel -j 4 gzip -9 ::: /var/log/\"$x\"",
        "parallel gzip :::: files",
        "ls | parallel 'gunzip < {} > {.}'",
        "ls | parallel \"awk '{print \\$1}' {} | sort\"",
        "ssh h 'cat ~/.bashrc'",
        "sudo bash -c 'cp f /root/.bashrc'",
        "sudo cat /root/.bashrc; sudo bash -c df",
        "x=1; wait $x 2",
        "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus systemctl --user status app",
        "ssh h 'echo x >> ~/.bashrc'",
        "ssh a 'cat ~/.profile'; ssh b 'cat ~/.profile'",
        "env FOO=1 df",
        "find \"$d\" -type f -name \"$x\" -exec ls {} ';'",
        "find \"$d\" -mindepth 1 -maxdepth 1 -type d -name \"$x\" -print0",
        "find -L /srv \"$d\" -name '*.log'",
        "find \"$d\" \\( -name a -o -name b \\) -newermt \"$t\" -exec ls -l {} +",
        "xargs -I{} cp {} \"$d\"",
        "apachectl -t -D DUMP_VHOSTS",
        "mount /dev/sdb1 /mnt",
        "rg -n x /srv",
        "iptables -nvL",
        "logrotate -d /etc/logrotate.conf",
        "psql -Atc 'select 1'",
        "kubectl create namespace x",
        "git config user.name 'A B'",
        "git config --global pull.rebase true",
        "git config remote.origin.url",
        "git config --get core.editor",
        "git clone --depth 1 https://127.0.0.1/x",
        "git fetch --all",
        "find . -type f -mtime -1 -name \"$x\" -exec ls {} ';'",
        "find /var/log -mtime -1 -size -10k -exec ls {} ';'",
        "sed -i 's/a/b/' /srv/\"$x\"",
        "awk -F: '$3 >= 1000 || /x|y/ {print $1}' /etc/passwd",
        "df | awk 'NR>1 {print $5}'",
        "df | awk -F'|' -v OFS='|' '{print $5}'",
        "sed \"s/^/$x: /\" /etc/hosts",
        "sqlite3 x '.tables' 'select 1'",
        "sqlite3 x .schema",
        "mysql -e 'show databases'",
        "rsync -ave 'ssh -p 22 -i /home/a/.ssh/id -o BatchMode=yes' a b:c",
        "mdadm --detail \"$x\"",
        "sed -n 5p /srv/\"$x\"",
        "strace -f -e trace=open,read -p 5",
    ] {
        assert!(!is_told(line), "{line}: {:?}", command::read(line));
    }
}

#[test]
fn what_find_runs_is_listed_whatever_its_words_are() {
    for line in [
        "find , ./\"$y\" -exec evil -exec df ';'",
        "find ')' ./* -exec evil -exec df ';'",
        "find . -true \"($x\" -exec evil -exec df ';' ')'",
        "find \"$d\" -name \"$x\" -exec evil {} ';'",
    ] {
        let reading = command::read(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(
            reading.calls.iter().any(|c| c.name.base == "evil"),
            "{line}"
        );
    }
}

#[test]
fn a_document_in_a_word_by_itself_is_read() {
    for line in [
        "git commit -m \"$(cat <<'E'\nit's (a\nE\n)\"",
        "gh pr create --title x --body=\"$(cat <<'E'\nit's (a\nE\n)\"",
    ] {
        assert!(
            command::read(line).is_ok(),
            "{line}: {:?}",
            command::read(line)
        );
    }
}

#[test]
fn what_reads_files_that_the_line_could_have_written_is_marked() {
    for line in [
        "cd; awk 'BEGIN{print \"evil\" > \".pro\" \"file\"}'; bash -lc df",
        "cd; base64 -d f | tar xz; sudo -i -u app df",
        "cd; base64 -d f | tar xz; find . | parallel gzip",
        "cd; git checkout x; bash -c 'su - app -c df'",
        "su - a -c 'cd; unzip f'; su - b -c df",
        "curl -OJ http://127.0.0.1/x | bash -lc 'cat'",
        "mkdir -p ~/.parallel; echo '-I echo' >~/.parallel/config; parallel echo x ::: evil",
        "cd ~/.parallel; cp /tmp/x config; parallel df ::: a",
    ] {
        assert!(is_told(line), "{line}");
    }
    for line in [
        "su - app -c 'git pull && make'",
        "cd /srv && df -h && bash -lc 'tar xzf x.tgz; npm ci'",
        "find /var/log -name '*.log' | parallel -j 4 gzip",
        "ls /srv | grep x | parallel -j 4 gzip {}",
        "bash -c 'parallel gzip ::: a b'; df",
    ] {
        let reading = command::read(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let marked = |c: &command::Call| {
            ["su", "sudo", "bash", "parallel"].contains(&c.name.base.as_str())
                && c.wraps == Wraps::Unknown
        };
        assert!(!reading.calls.iter().any(marked), "{line}");
    }
}

#[test]
fn nothing_comes_to_a_terminal_as_if_it_was_typed() {
    for line in [
        "script -qc 'less /etc/hosts' /dev/null <<'E'\n!evil\nE",
        "echo '!evil' | script -qc 'git log' /dev/null",
        "script -qc 'git log' /dev/null <<< '!evil'",
        "script -qc 'git log' /dev/null <f",
        "script -qc 'git log' /dev/null 0<f",
        "{ script -qc 'git log' /dev/null; } <f",
        "echo x | while true; do script -qc 'git log' /dev/null; done",
        "f() { script -qc 'git log' /dev/null; }; f <f",
        "echo x > >(script -qc 'git log' /dev/null)",
        "bash -c \"script -qc 'git log' /dev/null\" <f",
        "echo x | bash -c \"f() { script -qc 'git log' /dev/null; }; f\"",
        "bash -c \"echo x > >(script -qc 'git log' /dev/null)\"",
        "echo x | sudo env script -qc 'git log' /dev/null",
        "echo x | ssh -tt h 'systemctl status'",
        "echo x | ssh -t -q -t h 'systemctl status'",
        "echo x | ssh -oRequestTTY=force h 'systemctl status'",
        "echo x | sudo su --pty app -c 'git log'",
        "echo x | runuser -P app -c 'git log'",
        "echo x | systemd-run --pty git log",
        "echo x | podman exec -it c less /etc/hosts",
    ] {
        let refused = command::read(line).unwrap_err();
        assert!(refused.reason.contains("typed"), "{line}: {refused}");
    }
    for line in [
        "script -qc 'git log' /dev/null </dev/null",
        "script -qc 'git log' /dev/null | tail -n 5",
        "echo x | ssh h 'cat >/tmp/x'",
        "echo x | ssh -t h cat",
        "ssh -tt h 'systemctl status'",
        "echo 'select 1' | docker exec -i c psql",
        "echo 'select 1' | kubectl exec -it c -- psql",
        "echo x | sudo su app -c cat",
    ] {
        assert!(
            command::read(line).is_ok(),
            "{line}: {:?}",
            command::read(line)
        );
    }
}
