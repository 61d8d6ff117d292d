#!/usr/bin/env bash
# Whole processes side by side in one run: a Rust program of one line, sudo, a minimal Python wrapper, ssh cold and
# warm, and the gate in each mode, against a private sshd on a loopback port. Prints one table; leaves nothing.
# usage: benches/compare.sh [ROUNDS]        (60; needs root, as the target's user, or an sshd that lets you in)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=install/packages.sh
. install/packages.sh
ROUNDS=${1:-60}
STAGE=$(mktemp -d /tmp/aiops-compare.XXXXXX)
cleanup() {
  local status=$?
  set +e
  for socket in "$STAGE"/runtime/ssh/* "$STAGE"/py/master; do
    [ -S "$socket" ] && ssh -F none -O exit -o ControlPath="$socket" 127.0.0.1 2>/dev/null
  done
  [ -s "$STAGE/sshd.pid" ] && kill "$(cat "$STAGE/sshd.pid")" 2>/dev/null
  rm -rf "$STAGE"
  give_back
  exit "$status"
}
trap cleanup EXIT
need sshd=openssh-server ssh=openssh-client cc=gcc jq=jq python3=python3 sudo=sudo /usr/bin/time=time
python3 -c 'import yaml' 2>/dev/null || need no-such-command=python3-yaml
[ -n "${AIOPS:-}" ] || { cargo build --release --locked --quiet; AIOPS=$(realpath "${CARGO_TARGET_DIR:-target}")/release/aiops; }

printf 'fn main() { println!("{{}}"); }\n' >"$STAGE/line.rs"
rustc -O -C panic=abort -C strip=symbols -o "$STAGE/line" "$STAGE/line.rs"

ssh-keygen -q -t ed25519 -N '' -f "$STAGE/host_key"
mkdir -m 700 "$STAGE/keys" "$STAGE/py"
ssh-keygen -q -t ed25519 -N '' -f "$STAGE/keys/id_ed25519"
cp "$STAGE/keys/id_ed25519.pub" "$STAGE/authorized_keys"
[ "$(id -u)" -ne 0 ] || mkdir -p -m 755 /run/sshd
for _ in 1 2 3 4 5; do
  PORT=$((20000 + RANDOM % 20000))
  printf '%s\n' "ListenAddress 127.0.0.1:$PORT" "HostKey $STAGE/host_key" "AuthorizedKeysFile $STAGE/authorized_keys" \
    "PidFile $STAGE/sshd.pid" "PasswordAuthentication no" "KbdInteractiveAuthentication no" "StrictModes no" "UsePAM no" >"$STAGE/sshd_config"
  "$(PATH="$PATH:/usr/sbin" command -v sshd)" -f "$STAGE/sshd_config" -E "$STAGE/sshd.log" || continue
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$STAGE/sshd.pid" ] && break 2; sleep 0.1; done
done
echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$STAGE/host_key.pub")" >"$STAGE/keys/known_hosts"
cp -r policies "$STAGE/policies"; chmod -R go-w "$STAGE/policies"
cat >"$STAGE/config.yml" <<CONF
version: 1
policy: policies/production.yml
state_dir: runtime
audit_log: audit.jsonl
targets:
  srv1: { transport: ssh, host: 127.0.0.1, port: $PORT, user: $(id -un), identity: keys/id_ed25519, known_hosts: keys/known_hosts }
approvers: { $(id -un): { unix: $(id -un), roles: [operator] } }
CONF
chmod 600 "$STAGE/config.yml"
# The wrapper's policy is as long as ours: its regular expressions are our examples.
{ echo "auto:"; grep -ho 'match: \[[^]]*\]' policies/packs/*.yml | head -350 | sed 's/.*/  - "[a-z]+ never-[0-9]+"/'; echo '  - "uptime( -p)?"'; } >"$STAGE/py/policy.yml"
common="Host srv1\n HostName 127.0.0.1\n Port $PORT\n User $(id -un)\n IdentityFile $STAGE/keys/id_ed25519\n IdentitiesOnly yes\n UserKnownHostsFile $STAGE/keys/known_hosts\n BatchMode yes\n LogLevel ERROR\n"
# shellcheck disable=SC2059
{ printf "$common" >"$STAGE/cold"; printf "$common ControlMaster auto\n ControlPath $STAGE/py/master\n ControlPersist 600\n" >"$STAGE/py/ssh_config"; }
# A source that has just been written is not kept: wait until it has settled.
sleep 3
run='{"target":"srv1","command":"uptime -p","requester":"bench","reason":"bench"}'
dry='{"target":"srv1","command":"uptime -p","requester":"bench","reason":"bench","dry_run":true}'
jq -n --arg s "$STAGE" --arg a "$AIOPS" --arg run "$run" --arg dry "$dry" --arg w "$PWD/benches/wrapper.py" '[
  {name:"a Rust program that prints a line", argv:[$s+"/line"]},
  {name:"sudo -n true", argv:["sudo","-n","true"], base:["a Rust program that prints a line"]},
  {name:"Python wrapper, decide", argv:["python3",$w,$s+"/py"], stdin:$dry, expect:"dry_run"},
  {name:"aiops, decide (dry run)", argv:[$a,"run","--config",$s+"/config.yml"], stdin:$dry, expect:"dry_run", base:["a Rust program that prints a line","sudo -n true","Python wrapper, decide"]},
  {name:"ssh, cold", argv:["ssh","-F",$s+"/cold","srv1","uptime -p"]},
  {name:"ssh, warm", argv:["ssh","-F",$s+"/py/ssh_config","srv1","uptime -p"]},
  {name:"Python wrapper, run on a warm target", argv:["python3",$w,$s+"/py"], stdin:$run, expect:"executed"},
  {name:"aiops, run on a warm target", argv:[$a,"run","--config",$s+"/config.yml"], stdin:$run, expect:"executed", base:["ssh, warm","ssh, cold","Python wrapper, run on a warm target"]}
]' >"$STAGE/cases.json"
python3 benches/compare.py "$ROUNDS" "$STAGE/cases.json"
echo
"$AIOPS" audit verify --config "$STAGE/config.yml"
