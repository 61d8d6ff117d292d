//! What each operand reader accepts and refuses: lines from daily work, and the known tricks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aiops::policy::language::{Class, Kind, Limits, check_argv, check_operand, classify};

fn limits() -> Limits {
    Limits {
        under: vec![
            "/var/log".into(),
            "/etc/nginx".into(),
            "/etc/ssl/certs".into(),
            "/".into(),
        ],
        not: vec![
            "/etc/shadow".into(),
            "/root".into(),
            "*.key".into(),
            "*/private".into(),
        ],
        ..Limits::default()
    }
}

/// `+ text` is accepted, `- text` refused; one case a line, `\n` stands for a line end.
fn operands(kind: Kind, table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
        let (sign, text) = line.split_at(2);
        let text = text.replace("<NL>", "\n");
        let got = check_operand(kind, &text, &limits());
        if got.is_ok() != (sign == "+ ") {
            wrong.push(format!("{line}  ==> {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", kind.name(), wrong.join("\n"));
}

/// The same for whole commands; words are separated by `|` when the line has one, else by blanks.
fn lines(kind: Kind, table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
        let (sign, text) = line.split_at(2);
        let words: Vec<&str> = if text.contains('|') {
            text.split('|').collect()
        } else {
            text.split_whitespace().collect()
        };
        let got = check_argv(kind, &words, &limits());
        if got.is_ok() != (sign == "+ ") {
            wrong.push(format!("{line}  ==> {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", kind.name(), wrong.join("\n"));
}

#[test]
fn awk() {
    operands(
        Kind::Awk,
        r#"
        + {print $1}
        + {print $NF}
        + {print $(NF-1)}
        + {print $1, $3}
        + NR>1 {print $2}
        + NR==1
        + NR==1,NR==5
        + /error/
        + /error/ {print $0}
        + !/debug/
        + $9 ~ /^5/ {print $7}
        + $9 >= 500 {c[$7]++} END {for (u in c) print c[u], u}
        + {a[$1]++} END{for(k in a) print a[k],k}
        + !seen[$0]++
        + {s+=$1} END {print s}
        + {sum+=$5; n++} END {if (n>0) printf "%.2f\n", sum/n; else print 0}
        + BEGIN {FS=":"} $3 >= 1000 {print $1}
        + {print length($0)}
        + length > 80
        + {split($4,t,":"); print t[2]":"t[3]}
        + {gsub(/"/,""); print $2}
        + {printf "%-20s %5d\n", $1, $2}
        + {for(i=2;i<=NF;i++) printf "%s ", $i; print ""}
        + {n=split($0,p,","); for(i=1;i<=n;i++) print p[i]}
        + $1=="x" && $2!="y" {print; next} {print "no"}
        + {$1=""; print}
        + /start/,/end/
        + {print ($1 > 5) ? "big" : "small"}
        + END{print NR}
        + {print toupper(substr($1,1,1)) substr($1,2)}
        + $5+0 > 80 {print $6 " is at " $5}
        + {print $1/1024/1024 " MB"}
        + {if ($3 > 1) print $1<NL>else print $2}
        - {system("id")}
        - {print > "/tmp/x"}
        - {print>"/tmp/x"}
        - {print >> "/tmp/x"}
        - {print $1 > $2}
        - {print (1)(2) > "x"}
        - {print (1,2) > "x"}
        - {print a[1>2]}
        - {printf "x" > "f"}
        - {printf("x") > "f"}
        - {print | "sh"}
        - {"id" | getline}
        - {"id" |& getline}
        - {getline < "/etc/shadow"}
        - {getline}
        - BEGIN{while(1);}
        - BEGIN{for(;;);}
        - BEGIN{do{}while(1)}
        - {for(i=1;i<=NF;i--) print i}
        - {for(i=1;i<=NF;i++) i=0}
        - {for(i=1;i<=NF;i++) gsub(/./,"0",i)}
        - {for(i=1;i<=x;i++) x+=2}
        - {n=$1*1000; for(i=1;i<=n;i++) print i}
        - BEGIN{for(i=0;i<99999999;i++) x=1}
        - BEGIN{print ENVIRON["HOME"]}
        - BEGIN{ARGV[1]="/etc/shadow"}
        - BEGIN{ARGC=2}
        - @include "x"
        - @load "filefuncs"
        - BEGIN{f="system"; @f("id")}
        - function f(x){return x} {print f(1)}
        - BEGIN{close("x")}
        - BEGIN{fflush()}
        - BEGIN{PROCINFO["x"]=1}
        - BEGIN{printf "%999999999d", 1}
        - BEGIN{printf "%*d", 99999999, 1}
        - {printf $0}
        - {print "a" "b}
        - {print "a\
        - {print /[/]/ > "x"}
        - {print /a/ > "x"}
        - {x=1 /2/ 3 > "f"; print > "y"}
        - {print 0x41}
        - # comment
        - {x(1)}
        - {$99999999=1}
        - {NF=99999999}
        - {extension("x")}
        - {
        - {print}}
        + {s = s $1 " "} END {print s}
        + {a[$1] = a[$1] " " $2} END {for (k in a) print k, a[k]}
        + {s = (s ? s "," : "") $1} END {print s}
        + {k = $1 ":" $2; c[k]++} END {for (x in c) print x, c[x]}
        + {sub(/^ +/, ""); print}
        + {for(i=1;i<=NF;i++) gsub(/"/,"",$i); print}
        + {t=$1; gsub(/-/," ",t); print t}
        + {gsub(/,/," "); print $2}
        + {print strftime("%F %T", $1)}
        + {n=split($0,p,","); out=""; for(i=1;i<=n;i++) out = out " " p[i]; print out}
        + $1 ~ $2
        + {print gensub(/([a-z]+)-([0-9]+)/, "\\2 \\1", "g")}
        + {$3 = $1 "-" $2; print}
        - {for(i=1;i<=NF;i++) {$0=$0 " x"}}
        - {for(i=1;i<=NF;i++) sub(/$/," x")}
        - {for(i=1;i<=NF;i++) gsub(/$/," x")}
        - {for(i=1;i<=NF;i++) gsub(/$/," x",$0)}
        - {for(i=1;i<=NF;i++) sub(/$/,"x",$(i+1))}
        - {for(i=1;i<=length($0);i++) $0=$0 "x"}
        - {s = s $0 s} END {print length(s)}
        - {s = s s}
        - {s = (1 ? s : "") s}
        - {t = s s; s = t "x"}
        - {s = s t; t = s}
        - {s = sprintf("%s%s", s, s)}
        - {a[NR] = a[NR-1] a[NR-1] "x"}
        - {for (k in a) b[k k]++; for (k in b) a[k]++}
        - {gsub(/./,"&&",s)}
        - {s = gensub(/./,"&&","g",s)}
        - {gsub(/./,"&&&&&&&&"); gsub(/./,"&&&&&&&&"); print length($0)}
        - {$0=$0 $0;$0=$0 $0;$0=$0 $0;$0=$0 $0}
        - {$0 = s s $0; s = $0}
        - {split(s,a,","); for(i=1;i<=9;i++) s = s a[i]}
        - BEGIN{for(i=0;i<10000;i++) s = s "xxxxxxxxxxxxxxxxxxxxx"}
        - BEGIN{for(i=0;i<10000;i++) for(j=0;j<10000;j++) x++}
        - /((a{1,255}){1,255}){1,255}/
        - $0 ~ "((a{1,255}){1,255}){1,255}"
        - $0 ~ "((a{1,255}" "){1,255}){1,255}"
        - BEGIN{r="((a{1,255}"; r=r "){1,255}){1,255}"} $0 ~ r r
        - BEGIN{FS="((a{1,255}" "){1,255}){1,255}"} {print $1}
        - {split($0, a, "((a{1,255}" "){1,255}){1,255}")}
        - {print strftime("%1000000000Y")}
        - {f="%1000000000Y"; print strftime(f)}
    "#,
    );
}

#[test]
fn sed() {
    operands(
        Kind::Sed,
        r#"
        + 1,10p
        + p
        + $p
        + /error/p
        + /a/,/b/p
        + 10q
        + 1d
        + /^#/d
        + /^$/d;/^#/d
        + s/a/b/
        + s/a/b/g
        + s|/usr|/opt|g
        + s#a#b#gp
        + s/\//_/g
        + s/[0-9]*//g
        + s/[[:space:]]\+/ /g
        + s/^[ ]*//;s/ *$//
        + y/abc/xyz/
        + 1~2p
        + /x/,+3p
        + 5!d
        + /a/{p;q}
        + /a/I p
        + $!N;s/\n/ /
        + =
        + G
        + s/\(a\)\(b\)/\2\1/2
        + /a/{s/b/c/;p}
        + n;d
        - w /tmp/x
        - wfile
        - 1w x
        - W x
        - s/a/b/w /tmp/x
        - s/a/b/gw x
        - s/a/b/e
        - s/a/id/ge
        - e id
        - 1e id
        - /x/e
        - r /etc/shadow
        - R /etc/shadow
        - p;e id
        - {p;e id}
        - {p<NL>w x<NL>}
        - p<NL>e id
        - s/a/b/;w x
        - s/a\/b/;w x
        - s/[/]/e x/
        - s,[,],w x,
        - s/[\]/w x]/b/e
        - sxaxbxw f
        - :a;ba
        - b
        - ta
        - D
        - G;h
        - H;x;H
        - a\
        - i foo
        - c foo
        - s/a/b\
        - s/a/b
        - s/a
        - }
        - {p
        - #n
        - \xaxp
        - F
        - v
        - M
        - s/a/b/M;e
        - s a b w 
        - y/a/b/w x
        + s/.*/[&]/
        + s/\([a-z]*\) \([0-9]*\) \(.*\)/\3 \2 \1/
        + s/,/, /g
        + s/&/\&amp;/g
        - s/.*/&&/;s/.*/&&/;s/.*/&&/;s/.*/&&/
        - s/./&&&&&&&&&/g
        - s/\(\(\(\(.*\)\)\)\)/\1\2\3\4\1\2\3\4\1/
        - s/x*/0123456789/g
        - /((a{1,255}){1,255}){1,255}/p
        - s/\(\(a\{1,255\}\)\{1,255\}\)\{1,255\}/x/
        - /a\{1,255\}\{1,255\}/p
    "#,
    );
}

#[test]
fn find() {
    lines(
        Kind::Find,
        r#"
        + /var/log -name *.log
        + /var/log -type f -size +100M
        + /var/log -mtime -1 -ls
        + /var/log /etc/nginx -maxdepth 2 -type f -print0
        + / -xdev -type f -size +1G
        + /var/log ( -name a -o -name b ) ! -empty -printf %s\t%p\n
        + /var/log -newer /var/log/syslog
        + /var/log -user root -perm -4000
        + /var/log|-newermt|2024-01-01 10:00
        + /var/log -path */private -prune -o -print
        - /
        - -name x
        - . -name x
        - var/log
        - /var/log -delete
        - /var/log -name x -delete
        - /var/log -exec id ;
        - /var/log -execdir id ;
        - /var/log -ok id ;
        - /var/log -okdir id ;
        - /var/log -fls /tmp/x
        - /var/log -fprint /tmp/x
        - /var/log -fprint0 /tmp/x
        - /var/log -fprintf /tmp/x %p
        - -files0-from /etc/passwd
        - -L /var/log
        - /var/log -follow
        - /root
        - /var/../root
        - /var/log -newer /etc/shadow
        - /var/log -newer /root/x
        - /var/log ( -name x
        - /var/log -name
        - /var/log -type f /etc
        - -D exec /var/log
        - /var/log -exe id
        - /var/log|-printf|%1000000000p\\n
        - /var/log|-printf|%.1000000000p
        + /var/log|-printf|%-50p %10s\\n
        - /var/log|-regextype|egrep|-regex|((a{1,255}){1,255}){1,255}
    "#,
    );
}

#[test]
fn jq() {
    operands(
        Kind::Jq,
        r#"
        + .
        + .a.b[0]
        + .items[] | .metadata.name
        + .[] | select(.status=="failed") | .name
        + map(.size) | add
        + keys
        + length
        + to_entries[] | "\(.key)=\(.value)"
        + .[] | {name, id: .x, "k": 1}
        + group_by(.a) | map({k: .[0].a, n: length})
        + sort_by(.t) | reverse | .[0:10]
        + .a // "none"
        + if .a > 1 then "x" else "y" end
        + [.[] | [.a,.b] | @tsv] | .[]
        + .[]?
        + .. | strings
        + .a as $x | .b + $x
        + {env: .environment}
        + .env
        + test("x"; "i")
        - env
        - $ENV
        - $ENV.PATH
        - env.PATH
        - . | env
        - "\(env)"
        - "\("\($ENV)")"
        - input
        - inputs
        - input_filename
        - import "a" as b; .
        - include "x"; .
        - def f: f; f
        - range(1e12)
        - repeat(1)
        - until(false; .)
        - recurse(.+1)
        - while(true; .)
        - reduce .[] as $x (0; .+1)
        - "a" * 1000000000
        - .a |= 1
        - .a = 1
        - .[1000000000] = 1
        - $__loc__
        - $__prog_args
        - debug
        - halt
        - getpath(["x"]) | env
        - {a: env}
        - {(env): 1}
        - [env]
        - . env
        - ..env
        - 1.env
        - a::b
        - # x
        - "x
        - (.
        - modulemeta
        + .items[] | select(.status.phase != "Running") | "\(.metadata.namespace)/\(.metadata.name) \(.status.phase)"
        + [.[] | {name: .name, size: (.size | tonumber), free: .free}] | sort_by(.size) | .[] | "\(.name) \(.size) \(.free)"
        + map(select(.a > 1)) | length
        + to_entries | map("\(.key)=\(.value)") | join(",")
        + .blockdevices[] | select(.type=="disk") | .name
        + .used / .total * 100 | round
        + if .a then .a else "none" end
        + gsub("[0-9]+"; "N")
        + gsub("\\s+"; " ")
        + .size * 1024 * 1024
        + .[0].a, .[1].a
        - gsub("^"; "x")
        - gsub(""; "x")
        - gsub("x*"; "y")
        - gsub("a|$"; "y")
        - gsub("\\b"; "y")
        - gsub("\u005e"; "x")
        - gsub(.re; "x")
        - sub("x*"; "y"; "g")
        + gsub("a"; "b"; "i")
        - gsub(" "; "b"; "x")
        - gsub(" # x"; "b"; "gx")
        - sub(" "; "b"; "gx")
        - gsub(" "; ";"; "x")
        - gsub("a"; "b"; .f)
        - "\(.)\(.)"|"\(.)\(.)"|"\(.)\(.)"|"\(.)\(.)"|"\(.)\(.)"|"\(.)\(.)"|"\(.)\(.)"
        - .+.|.+.|.+.|.+.|.+.|.+.|.+.
        - [.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|tojson
        - {a:[.a,.a]}|{a:[.a,.a]}|{a:[.a,.a]}|{a:[.a,.a]}|{a:[.a,.a]}|{a:[.a,.a]}|{a:[.a,.a]}
        - [.,(0|0),.]|[.,(0|0),.]|[.,(0|0),.]|[.,(0|0),.]|[.,(0|0),.]|[.,(0|0),.]|[.,(0|0),.]
        - . as $x|[$x,$x]|. as $x|[$x,$x]|. as $x|[$x,$x]|. as $x|[$x,$x]|. as $x|[$x,$x]|. as $x|[$x,$x]|. as $x|[$x,$x]
        - [tostring,tostring]|tojson|[tostring,tostring]|tojson|[tostring,tostring]|tojson|[tostring,tostring]|tojson
        - [..]|[..]|[..]
        - .name * 1000000000
        - .name * 1000 | . * 1000 | . * 1000
        - strftime("%1000000000Y")
        - test("((a{1,255}){1,255}){1,255}")
        - get_search_list
        - $x::y
    "#,
    );
}

#[test]
fn curl() {
    lines(
        Kind::Curl,
        r#"
        + http://localhost/
        + -sS http://127.0.0.1:8080/health
        + -sI https://localhost
        + -s -o /dev/null -w %{http_code} http://localhost/
        + -so /dev/null http://localhost/
        + -sk -m 5 https://[::1]:8443/x?y=1
        + -sSf --max-time 5 --connect-timeout 2 localhost:9090/metrics
        + -H|Host: example.com|-sv|http://localhost/
        - http://example.com/
        - http://169.254.169.254/latest
        - -sL http://localhost/
        - -o /tmp/x http://localhost/
        - -O http://localhost/x
        - -sO http://localhost/x
        - -o/tmp/x http://localhost/
        - -d x http://localhost/
        - -d @/etc/shadow http://localhost/
        - -F f=@/etc/shadow http://localhost/
        - -T /etc/shadow http://localhost/
        - -X POST http://localhost/
        - -XDELETE http://localhost/
        - -K /tmp/c http://localhost/
        - --config /tmp/c http://localhost/
        - --outpu /tmp/x http://localhost/
        - --output=/tmp/x http://localhost/
        - -w @/etc/shadow http://localhost/
        - -w %output{/tmp/x} http://localhost/
        - -H @/etc/shadow http://localhost/
        - -H|Authorization: Bearer x|http://localhost/
        - -u a:b http://localhost/
        - --unix-socket /var/run/docker.sock http://localhost/
        - --proxy http://evil http://localhost/
        - -x evil http://localhost/
        - --resolve localhost:80:1.2.3.4 http://localhost/
        - -4 --resolve x.example:80:[::1] http://x.example/
        - -s6 --resolve x.example:443:127.0.0.1 https://x.example/
        - --ipv4 --connect-to x.example:80:[::1]:80 http://x.example/
        + --resolve x.example:443:127.0.0.1 https://x.example/
        - file:///etc/shadow
        - http://localhost/ http://localhost/
        - http://localhost/{a,b}
        - http://user@localhost/
        - -D /tmp/x http://localhost/
        - -c /tmp/x http://localhost/
        - --trace /tmp/x http://localhost/
        - --next http://localhost/
        - -s
        - gopher://localhost/
        - -J http://localhost/
        - --engine x http://localhost/
    "#,
    );
}

#[test]
fn formats() {
    operands(
        Kind::DateFormat,
        "+ +%F %T\n+ +%s\n- 9999999999\n- %F\n- -s\n- 10:00\n- +%999999999Y\n- +%+1000000000Y\n+ +%Y-%m-%d %H:%M:%S.%3N\n",
    );
    operands(
        Kind::PsFormat,
        "+ pid,ppid,user,%cpu,%mem,cmd\n+ pid=,args=\n+ pid\n+ user:20\n- pid,environ\n- env\n- pid,\n- x\n",
    );
    operands(
        Kind::DockerFormat,
        r#"
        + {{.Names}} {{.Status}}
        + table {{.Names}}\t{{.Ports}}
        + {{.State.Status}}
        + {{json .State}}
        + {{json .NetworkSettings.Networks}}
        + {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}
        + {{range $k, $v := .NetworkSettings.Ports}}{{$k}}{{end}}
        + {{if .State.Running}}up{{else}}down{{end}}
        + {{.Config.Image}}
        + {{.HostConfig.RestartPolicy.Name}}
        - {{.Config.Env}}
        - {{json .}}
        - {{.}}
        - {{json .Config}}
        - {{.Config}}
        - {{range .Config.Env}}{{.}}{{end}}
        - {{with .Config}}{{.Env}}{{end}}
        - {{with .Config}}{{.Image}}{{end}}
        - {{$.Config.Env}}
        - {{with .State}}{{$.Config.Env}}{{end}}
        - {{index .Config.Env 0}}
        - {{$x := .}}{{$x.Config.Env}}
        - {{range .}}{{.}}{{end}}
        - {{template "x"}}
        - {{ .Names
        - json
        - {{json (.)}}
        - {{printf "%v" .}}
        - {{with .State}}{{json $}}{{end}}
        - {{if .State}}{{.}}{{end}}
        - {{with .State}}{{else}}{{.}}{{end}}
        - {{with .State.Nothing}}x{{else}}{{json .}}{{end}}
    "#,
    );
    operands(
        Kind::Regex,
        "+ error|warn\n+ ^a{1,3}$\n+ ([0-9]{1,3}\\.){3}[0-9]{1,3}\n- a{99999}\n- ((a{1,255}){1,255}){1,255}\n- a{255}{255}{255}\n- \\(\\(a\\{255\\}\\)\\{255\\}\\)\\{255\\}\n",
    );
    operands(Kind::Port, "+ 80\n- 0\n- 65536\n- +80\n- 8 0\n");
}

#[test]
fn network() {
    lines(
        Kind::Ip,
        "+ a\n+ addr\n+ -br a\n+ addr show\n+ addr show dev eth0\n+ a s\n+ l sh lo\n+ route\n+ r\n+ route get 1.1.1.1\n+ -4 route show table main\n+ neigh\n+ rule list\n+ netns list\n+ -s link show eth0\n\
        - l s lo\n- l se lo mtu 1\n- link set lo down\n- -b /tmp/x\n- -batch -\n- -force a\n- netns exec x id\n- -n x a\n- route add default via 1.1.1.1\n- r d default\n- n f all\n- neigh flush all\n- monitor\n- vrf exec x id\n- addr flush\n- a add 1.1.1.1 dev lo\n- route save\n- net list\n- addr showdump\n",
    );
    lines(
        Kind::Dig,
        "+ example.com\n+ +short example.com MX\n+ @127.0.0.1 example.com\n+ -x 1.1.1.1 +short\n+ -t TXT example.com +time=2 +tries=1\n- -f /etc/shadow\n- @evil.com x.com\n- -k /etc/x example.com\n- -b 1.1.1.1 x.com\n- axfr @127.0.0.1\n- aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.evil.com\n- +trace=9 x.com\n- \n- -y x example.com\n",
    );
    lines(
        Kind::Lookup,
        "+ example.com\n+ -t MX example.com\n+ -type=NS example.com 127.0.0.1\n- example.com evil.com\n- -l example.com\n- -\n",
    );
    lines(
        Kind::Openssl,
        "+ x509 -noout -dates -in /etc/ssl/certs/x.pem\n+ x509 -noout -enddate\n+ version -a\n- x509 -in /etc/ssl/certs/x.pem\n- x509 -noout -in /root/x\n- x509 -noout -out /tmp/x\n- x509 -noout -in /etc/ssl/private/x\n- enc -in /etc/shadow\n- s_client -connect evil:443\n- s_client -connect localhost:443\n- s_server\n- x509 -noout -engine /tmp/x.so\n- x509 -noout -in /etc/nginx/a.key\n- rsa -in x\n",
    );
    lines(
        Kind::Redis,
        "+ ping\n+ INFO\n+ info memory\n+ -p 6379 dbsize\n+ slowlog get 10\n+ config get maxmemory\n+ client list\n+ ttl a:b\n- keys *\n- monitor\n- flushall\n- config set dir /tmp\n- config get *\n- config get requirepass\n- get a\n- --eval x\n- -x set a\n- -h evil ping\n- eval x 0\n- debug sleep 1\n- slaveof a 1\n- -a pw ping\n- shutdown\n- \n- -u redis://evil ping\n",
    );
}

#[test]
fn postgres() {
    operands(
        Kind::PsqlSelect,
        r#"
        + select 1
        + SELECT count(*) FROM pg_stat_activity;
        + select pid, state, query from pg_stat_activity where state <> 'idle' order by query_start limit 10
        + select pg_size_pretty(pg_database_size(current_database()))
        + select datname, pg_size_pretty(pg_database_size(datname)) from pg_database order by 1
        + select now() - pg_postmaster_start_time()
        + select relname, n_dead_tup from pg_stat_user_tables order by n_dead_tup desc limit 20
        + select a.pid, l.mode from pg_locks l join pg_stat_activity a on a.pid = l.pid
        + select n.nspname, c.relname from pg_class c left join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r'
        + select blocked.pid, left(blocking.query, 60) from pg_stat_activity blocked join pg_stat_activity blocking on blocking.pid = any(pg_blocking_pids(blocked.pid))
        - select a.pid from pg_stat_activity a join pg_stat_activity b on a.pid = any(pg_blocking_pids(a.pid))
        - select a.pid from pg_stat_activity a join pg_stat_activity b on a.pid = any(pg_blocking_pids(a.pid)) join pg_locks c on b.pid = any(pg_blocking_pids(a.pid))
        + select blocked.pid, blocking.pid from pg_locks bl join pg_stat_activity blocked on blocked.pid = bl.pid join pg_locks kl on kl.locktype = bl.locktype and kl.database is not distinct from bl.database and kl.pid != bl.pid join pg_stat_activity blocking on blocking.pid = kl.pid where not bl.granted
        + select relname from pg_class where oid in (select indrelid from pg_index)
        - select a.pid, l.mode from pg_locks l join pg_stat_activity a on a.pid = l.pid, pg_database d
        - select count(*) from pg_class a, pg_class b, pg_class c, pg_class d
        - select count(*) from pg_class a cross join pg_class b
        - select count(*) from pg_class a natural join pg_type b
        + select i.relname, a.attname from pg_class t join pg_index ix on t.oid = ix.indrelid join pg_class i on i.oid = ix.indexrelid join pg_attribute a on a.attrelid = t.oid and a.attnum = any(ix.indkey) where t.relname = 'orders'
        + select s.relname, c.reltuples, n.nspname from pg_stat_user_tables s join pg_class c on c.oid = s.relid join pg_namespace n on n.oid = c.relnamespace
        + select d.description from pg_class c join pg_description d on d.objoid = c.oid
        - select count(*) from pg_class c join pg_description d on d.classoid = c.oid join pg_description e on e.classoid = c.oid
        - select count(*) from pg_type t join pg_attribute a on a.atttypid = t.oid join pg_attribute b on b.atttypid = t.oid
        - select * from pg_class "where", users
        - select * from pg_class as "where", users
        - select count(*) from pg_class "order", pg_class b
        - select "in"(1) from pg_class
        - select c."select"(1) from pg_class c
        - select * from pg_class offset, users
        - select relname from pg_class c where c.oid = 1, users
        + select relname, relpages from pg_class c where c.oid in (1, 2) group by relname, relpages order by 1, 2 limit 5 offset 10
        + select "relname" from "pg_class"
        - select max(attnum) over (order by attnum range between 100000 preceding and 100000 following) from pg_attribute
        - select max(attnum) over (order by attnum range between current row and unbounded following) from pg_attribute
        + select datname, sum(xact_commit) over (order by datname range between unbounded preceding and current row) from pg_stat_database
        - select sum(pg_database_size('shop')) from pg_attribute
        + select sum(pg_database_size(d.oid)) from pg_database d join pg_stat_database s on s.datid = d.oid
        - select count(pg_blocking_pids(1)) from pg_attribute a join pg_attribute b on a.atttypid = b.atttypid
        - with a as (select array_agg(oid) as o from pg_class) select count(*) from a, unnest(a.o) x(k), unnest(a.o) y(l), unnest(a.o) z(m), unnest(a.o) w(n)
        - with a as (select array_agg(oid) as o from pg_class) select unnest(o) from a
        - select count(*) from pg_constraint c, unnest(c.conkey) x(k), unnest(c.confkey) y(l)
        - with a as (select pg_ls_waldir() w from pg_class) select pg_ls_waldir() from a
        - select count(*) from pg_attribute a where (select count(*) from pg_attribute b where (select count(*) from pg_attribute c where c.attnum > b.attnum and c.attlen > a.attlen) > 0) > 0
        - select count(*) from pg_attribute a where (select count(*) from pg_attribute b join pg_attribute c on b.atttypid = c.atttypid where b.attnum > a.attnum) > 0
        - with a as (select attnum from pg_attribute b where (select count(*) from pg_attribute c where c.attnum > b.attnum) > 0) select count(*) from pg_attribute d where (select count(*) from a where a.attnum > d.attnum) > 0
        - select count(*) from pg_attribute a where (select count(*) from pg_class union select count(*) from pg_attribute b where (select count(*) from pg_attribute c where c.attnum > b.attnum) > 0) > 0
        - select count(*) from pg_attribute a where (with pg_class as (select 1 from pg_attribute b where b.attnum > a.attnum) select count(*) from pg_class) > 0
        - select relname, (select string_agg(attname, ',') from pg_attribute) q from pg_class order by 2
        - with a as (select string_agg(attname, ',') as q from pg_attribute), b as (select concat(q,q,q,q,q,q,q,q,q,q) as q from a) select length(q) from b
        - with a as (select string_agg(attname, ',') as q from pg_attribute) select length(substr(q,2)), length(substr(q,3)), length(substr(q,4)), length(substr(q,5)), length(substr(q,6)), length(substr(q,7)) from a
        - select upper(lower(upper(lower(upper(lower(upper(string_agg(attname, ',')))))))) from pg_attribute
        - select quote_ident(quote_ident(quote_ident('"""')))
        + select t.relname, string_agg(a.attname, ', ') from pg_class t join pg_attribute a on a.attrelid = t.oid group by 1
        + select relname from pg_class c where exists (select 1 from pg_index i where i.indrelid = c.oid)
        + select datname, (select count(*) from pg_stat_activity a where a.datname = d.datname) from pg_database d
        + with x as (select pid, query from pg_stat_activity), y as (select pid from pg_locks where not granted) select x.pid, left(x.query, 40) from y join x on x.pid = y.pid
        + select n, count(*) from (select split_part(application_name, '.', 1) as n from pg_stat_activity) s group by 1
        + select (select count(*) from pg_stat_activity), (select count(*) from pg_locks)
        + select conname, k from pg_constraint, unnest(conkey) k
        + select sum(size) from pg_ls_waldir() union all select sum(size) from pg_ls_tmpdir()
        - select count(*) from pg_type t join pg_attribute a on a.atttypid = t.oid and a.attnum = any(t.indkey) join pg_attribute b on b.atttypid = t.oid
        - select count(*) from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attnum = any(t.indkey) is not true join pg_attribute b on b.attrelid = t.oid
        - select count(*) from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attnum = a.attnum join pg_attribute b on b.attrelid = t.oid
        - select count(*) from pg_locks a join pg_locks b on a.pid = b.pid join pg_locks c on a.pid = c.pid
        - select count(*) from pg_class a join pg_stat_user_indexes b on b.relid = a.oid join pg_stat_user_indexes c on c.relid = a.oid
        - with pg_type as (select classoid as oid from pg_description) select count(*) from pg_class a join pg_type b on b.oid = a.oid join pg_type c on c.oid = a.oid
        - with pg_type as materialized (select classoid as oid from pg_description) select count(*) from pg_class a join pg_type b on b.oid = a.oid join pg_type c on c.oid = a.oid
        - select count(*) from pg_class a join pg_description d(oid) using (oid)
        - select count(*) from pg_class a join pg_attribute b join pg_type c on c.oid = b.atttypid and c.oid = a.oid on true
        - select count(*) from pg_class a join pg_class b on true
        - select count(*) from pg_class a join pg_class b on a.relnamespace = b.relnamespace
        - select count(*) from pg_tables a join pg_tables b using (schemaname)
        - select count(*) from pg_class a join pg_class b on a.oid = a.oid
        - select count(*) from pg_class a join pg_class b on a.oid = b.oid or true
        - select count(*) from pg_class a join pg_class b on a.oid = b.oid join pg_class c on a.oid = b.oid
        - select count(*) from pg_class a join pg_class b on a.oid = b.oid * 0
        - select count(*) from pg_class a join pg_class b on a.relpages = b.relpages
        - select count(*) from pg_class a join pg_class b on not a.oid = b.oid
        - select (select count((select count((select count(*) from pg_class)) from pg_class)) from pg_class) from pg_class
        - with a as (select concat(query,query) q from pg_stat_activity), b as (select concat(q,q) q from a), c as (select concat(q,q) q from b), d as (select q||q||q||q||q q from c) select q from d
        - select * from pg_class where relname ~ '((a{1,255}){1,255}){1,255}'
        + select extract(epoch from now() - query_start) from pg_stat_activity
        + with x as (select pid from pg_locks) select * from x
        + select 'it''s'
        + show max_connections
        - show all
        - show primary_conninfo
        - select setting from pg_settings
        + select name, setting from pg_settings where name = 'port'
        + explain select * from pg_class
        + select c.relname::text from pg_catalog.pg_class c
        + select table_name from information_schema.tables
        - select * from users
        - select * from pg_class, users
        - select * from pg_class c, (select * from users) x
        - select * from pg_shadow
        - select * from pg_authid
        - select * from "pg_authid"
        - select pg_read_file('/etc/passwd')
        - select "pg_read_file"('/etc/passwd')
        - select pg_catalog.pg_read_file('/etc/passwd')
        - select public.count(1)
        - select pg_terminate_backend(1)
        - select pg_sleep(100)
        - select lo_import('/etc/passwd')
        - select dblink('x','y')
        - select 1; drop table x
        - select 1;;
        - select 1 into x
        - select * from pg_class for update
        - select 1 -- x
        - select /* x */ 1
        - select $$x$$
        - select E'\''
        - select U&'x'
        - select '\'
        - \! id
        - select 1 \gexec
        - select :x
        - copy x to program 'id'
        - copy (select 1) to '/tmp/x'
        - with x as (delete from users returning *) select * from x
        - explain analyze select 1
        - explain (analyze) select 1
        - insert into x values (1)
        - drop database x
        - set x = 1
        - table users
        - select * from pg_user_mapping
        - select * from generate_series(1,1000000000)
        - select * from pg_ls_dir('/')
        - select query_to_xml('drop table x',true,true,'')
        - select set_config('x','y',false)
        - select nextval('x')
        - select 'x'::users
        - select * from lateral users
        - select * from only users
        - select * from (users)
        - select * from (pg_class join users on true)
        - 
    "#,
    );
    operands(
        Kind::MysqlSelect,
        r#"
        + SHOW PROCESSLIST
        + show full processlist;
        + SHOW GLOBAL STATUS LIKE 'Threads%'
        + SHOW ENGINE INNODB STATUS\G
        + SHOW SLAVE STATUS\G
        + show variables like 'max_connections'
        + show global status like "Threads%"
        - show status like "x\"
        + select count(*) from information_schema.tables
        + select version()
        - select * from mysql.user
        - select load_file('/etc/passwd')
        - select 1 into outfile '/tmp/x'
        - select sleep(100)
        - select benchmark(1,1)
        - select 1 /*! into outfile '/tmp/x' */
        - select 1 # x
        - \! id
        - system id
        - select @@report_password
        - drop database x
        - show grants
        - select `sleep`(1)
        - select "sleep"(1)
        - select 1\G drop
    "#,
    );
}

#[test]
fn kubernetes() {
    lines(
        Kind::Kubectl,
        r#"
        + get pods
        + get po -n web
        + get pods -A
        + get pods -o wide
        + -n web get deploy,svc
        + get pod/x
        + get svc x -o yaml
        + get nodes -o json
        + get all -n web
        + get pods -l app=x --no-headers
        + get events --sort-by=.lastTimestamp
        + get pods -o jsonpath={.items[*].metadata.name}
        + get pods --field-selector=status.phase!=Running
        + describe pod x -n web
        + describe node x
        + logs x --tail=100
        + logs deploy/x -n web --since=1h
        + logs x -c y --previous --tail 50
        + logs x
        + top nodes
        + top pod -n web
        + version
        + cluster-info
        + rollout history deploy/x
        + rollout status deploy/x --timeout=30s
        + auth can-i get pods
        - get secrets
        - get secret x
        - get pods,secrets
        - get secret/x
        - get secrets.v1.
        - get all,secret
        - get secret x -o yaml
        - describe secret x
        - get pods -o yaml
        - get cm x -o yaml
        - describe cm x
        - get pods -w
        - get pods --watch
        - logs -f x --tail=5
        - logs x --tail=-1
        - --kubeconfig /tmp/k get pods
        - --context x get pods
        - --as root get pods
        - --server http://evil get pods
        - --token x get pods
        - get --raw /api/v1/secrets
        - get pods -o go-template-file=/tmp/x
        - get pods -o jsonpath-file=/tmp/x
        - get pods -o jsonpath={..}
        - get pods -o jsonpath={.items[*].spec.containers[*].env}
        - get pods -o jsonpath={.items[*]}
        - get pods -o jsonpath={@}
        - get pods -o jsonpath={.items[0]}
        - get pods -o jsonpath={.spec.containers[0]}
        - get pods -o jsonpath={.items[*]["spec"]}
        - get pods -o jsonpath={$}
        - get pods -o jsonpath={range|.items[*]}{.}{end}
        - get pods -o jsonpath={.items[*].spec.containers[*].name.env}
        - get pods -o custom-columns=X:.spec.containers[0]
        - get pods -o custom-columns=X:.metadata.name,Y:.spec
        + get pods -o custom-columns=N:.metadata.name,P:.status.phase
        + get nodes -o jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}
        - get pods -o jsonpath={.items[*].spec}
        - get pods -o custom-columns=X:.spec
        - get -f http://evil
        - exec x -- id
        - cp a b
        - apply -f x
        - delete pod x
        - config view --raw
        - cluster-info dump
        - port-forward x 80
        - proxy
        - foo
        - -n get delete pod x
        - rollout restart deploy/x
        - edit pod x
        - get pods --profile-output=/tmp/x
        - get foos
        - 
    "#,
    );
    let class =
        |l: &str| classify(Kind::Kubectl, &l.split(' ').collect::<Vec<_>>(), &limits()).unwrap();
    assert_eq!(class("get pods"), Class::Read);
    for l in [
        "delete ns x",
        "delete namespace/x",
        "delete pvc x",
        "delete pv --all",
        "delete pods --all",
        "-n x delete crd y",
    ] {
        assert!(matches!(class(l), Class::Forbidden(_)), "{l}");
    }
    for l in [
        "delete pod x",
        "exec x -- id",
        "scale deploy/x --replicas=2",
        "rollout restart deploy/x",
        "apply -f x",
        "get secret x",
        "cp a b",
    ] {
        assert!(matches!(class(l), Class::Change(..)), "{l}");
    }
}

#[test]
fn docker() {
    lines(
        Kind::Docker,
        r#"
        + ps
        + ps -a
        + ps -aq
        + ps --format {{.Names}}
        + images
        + logs --tail 100 web
        + logs --tail=100 --since 1h web
        + stats --no-stream
        + top web
        + inspect --format {{.State.Status}} web
        + inspect -f {{.State.Health.Status}} web
        + version
        + info
        + system df
        + network ls
        + volume ls
        + container ls -a
        + compose ps
        + compose logs --tail 50 web
        + history nginx
        + diff web
        + ps --filter status=exited
        - -H ssh://x ps
        - --context x ps
        - --config /tmp/c ps
        - logs web
        - logs -f --tail 5 web
        - logs --follow web
        - stats
        - inspect web
        - inspect --format {{json|.}} web
        - inspect --format {{.Config.Env}} web
        - inspect --format json web
        - inspect -f json web
        - exec web id
        - run x
        - cp web:/etc/shadow .
        - rm web
        - system prune
        - volume rm x
        - compose config
        - compose -f x ps
        - events
        - export web
        - save x
        - buildx ls
        - foo
        - 
    "#,
    );
    let class =
        |l: &str| classify(Kind::Docker, &l.split(' ').collect::<Vec<_>>(), &limits()).unwrap();
    assert!(matches!(class("run --privileged x"), Class::Forbidden(_)));
    assert!(matches!(class("run -v /:/host x"), Class::Forbidden(_)));
    assert!(matches!(
        class("restart web"),
        Class::Change(aiops::policy::RiskLevel::Medium, _)
    ));
    assert!(matches!(
        class("volume rm x"),
        Class::Change(aiops::policy::RiskLevel::High, _)
    ));
    assert!(matches!(
        class("rm -f web"),
        Class::Change(aiops::policy::RiskLevel::High, _)
    ));
    assert_eq!(class("ps -a"), Class::Read);
}
