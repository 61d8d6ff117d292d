#!/usr/bin/env bash
# Whole processes side by side in one run: a Rust program of one line, the same with one durable append, sudo, a
# minimal Python wrapper, ssh cold and warm, and the gate in each mode, against a private sshd on a loopback port whose
# login shell is the installer's (/bin/sh). Prints one table; leaves nothing.
# usage: benches/compare.sh [--parts] [ROUNDS]        (60; as root, for the login shell and, by chrt(1), for quiet on a busy machine)
#   --parts  what a decision and a run are made of: each row does a little more than the one before
set -euo pipefail
cd "$(dirname "$0")/.."
PARTS=false
if [ "${1:-}" = --parts ]; then PARTS=true; shift; fi
ROUNDS=${1:-60}
# shellcheck source=benches/stage.sh
. benches/stage.sh
hosts
need chrt=util-linux
python3 -c 'import yaml' 2>/dev/null || need no-such-command=python3-yaml
program release

printf 'fn main() { println!("{{}}"); }\n' >"$STAGE/line.rs"
cat >"$STAGE/durable.rs" <<'RUST'
use std::io::Write;
fn main() {
    let path = std::env::args_os().nth(1).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(&[b'x'; 700]).and_then(|()| file.sync_data()).unwrap();
    println!("{{}}");
}
RUST
for program in line durable; do rustc -O -C panic=abort -C strip=symbols -o "$STAGE/$program" "$STAGE/$program.rs"; done

sshd_at srv1
mkdir -m 700 "$STAGE/py"
configured production.yml <<CONF
approvers: { $LOGIN: { unix: $LOGIN, roles: [operator] } }
targets:
$(target_line srv1)
CONF
# The wrapper's policy is as long as ours: its regular expressions are our examples.
{ echo "auto:"; grep -ho 'match: \[[^]]*\]' policies/packs/*.yml | sed -n '1,350s/.*/  - "[a-z]+ never-[0-9]+"/p'; echo '  - "uptime( -p)?"'; } >"$STAGE/py/policy.yml"
common="Host srv1\n HostName 127.0.0.1\n Port $PORT\n User $LOGIN\n IdentityFile $STAGE/srv1/id_ed25519\n IdentitiesOnly yes\n UserKnownHostsFile $STAGE/srv1/known_hosts\n BatchMode yes\n LogLevel ERROR\n"
# shellcheck disable=SC2059
{ printf "$common" >"$STAGE/cold"; printf "$common ControlMaster auto\n ControlPath $STAGE/py/master\n ControlPersist 600\n" >"$STAGE/py/ssh_config"; }
run='{"target":"srv1","command":"uptime -p","requester":"bench","reason":"bench"}'
dry='{"target":"srv1","command":"uptime -p","requester":"bench","reason":"bench","dry_run":true}'
jq -n --arg s "$STAGE" --arg a "$AIOPS" --arg run "$run" --arg dry "$dry" --arg w "$PWD/benches/wrapper.py" '[
  {name:"a Rust program that prints a line", argv:[$s+"/line"]},
  {name:"the same, with one append and fdatasync", argv:[$s+"/durable",$s+"/durable.log"], base:["a Rust program that prints a line"]},
  {name:"sudo -n true", argv:["sudo","-n","true"], base:["a Rust program that prints a line"]},
  {name:"Python wrapper, decide", argv:["python3",$w,$s+"/py"], stdin:$dry, expect:"dry_run"},
  {name:"aiops, decide (dry run)", argv:[$a,"run","--config",$s+"/config.yml"], stdin:$dry, expect:"dry_run", base:["a Rust program that prints a line","the same, with one append and fdatasync","sudo -n true","Python wrapper, decide"]},
  {name:"ssh, cold", argv:["ssh","-F",$s+"/cold","srv1","uptime -p"]},
  {name:"ssh, warm", argv:["ssh","-F",$s+"/py/ssh_config","srv1","uptime -p"]},
  {name:"Python wrapper, run on a warm target", argv:["python3",$w,$s+"/py"], stdin:$run, expect:"executed"},
  {name:"aiops, run on a warm target", argv:[$a,"run","--config",$s+"/config.yml"], stdin:$run, expect:"executed", base:["ssh, warm","ssh, cold","Python wrapper, run on a warm target"]}
]' >"$STAGE/cases.json"
if "$PARTS"; then
  mkdir "$STAGE/door"
  ln -s "$AIOPS" "$STAGE/door/run_action"
  sed 's|^policy: .*|policy: policies/none.yml|' "$STAGE/config.yml" >"$STAGE/nothing.yml"
  chmod 600 "$STAGE/nothing.yml"
  # shellcheck disable=SC2016
  jq -n --arg s "$STAGE" --arg a "$AIOPS" --arg dry "$dry" '
    def over(name; line): {name:name, argv:["ssh","-F",$s+"/py/ssh_config","srv1",line], expect:"up "};
    "env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 " as $env | "timeout -k 2 30 " as $limit | [
    {name:"aiops starts, and refuses an argument", argv:[$s+"/door/run_action","x"], exit:64},
    {name:"reads its configuration, finds no policy", argv:[$a,"run","--config",$s+"/nothing.yml"], exit:78},
    {name:"opens policy, state and log, records that `{}` is no message", argv:[$a,"run","--config",$s+"/config.yml"], stdin:"{}", exit:64},
    {name:"decides a line, and records that", argv:[$a,"run","--config",$s+"/config.yml"], stdin:$dry, expect:"dry_run"},
    over("ssh, warm: uptime -p"; "uptime -p"),
    over("env, uptime"; "exec "+$env+"uptime -p"),
    over("env, timeout, uptime"; "exec "+$env+$limit+"uptime -p"),
    over("env, timeout, sh, uptime"; "exec "+$env+$limit+"/bin/sh -c \"uptime -p; :\""),
    over("env, timeout, sh, sh, uptime"; "exec "+$env+$limit+"/bin/sh -c \"/bin/sh -c uptime\\ -p; :\"")
  ]' >"$STAGE/cases.json"
fi
quiet=()
if chrt -r 1 true 2>/dev/null; then quiet=(chrt -r 1); echo "Before everything else that runs on this machine (chrt -r 1)."; fi
# The sshd as well: half of a run is its work.
[ "${#quiet[@]}" -eq 0 ] || chrt -a -r -p 1 "$(cat "$STAGE/srv1/sshd.pid")"
"${quiet[@]}" python3 benches/compare.py "$ROUNDS" "$STAGE/cases.json" "$STAGE/measure"
echo
"$AIOPS" audit verify --config "$STAGE/config.yml"
