#!/usr/bin/env bash
# Plays the main job of aiops end to end against a real sshd, on this machine, and cleans up.
# It builds the binary, makes a private folder with its own sshd on a loopback port as the target,
# sends real requests through the gate, and shows the audit log. The machine's own sshd, its users
# and its services are not touched. Only ./target (the build) is left.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=install/packages.sh
. install/packages.sh

KEEP=no
case "${1:-}" in
  --keep) KEEP=yes ;;
  -h | --help)
    echo "usage: install/quickstart.sh [--keep]"
    echo "Builds aiops and plays its main job against a private sshd. --keep leaves the folder and the packages."
    exit 0 ;;
  "") ;;
  *) echo "unknown argument: $1 (see --help)" >&2; exit 64 ;;
esac

STAGE=$(mktemp -d /tmp/aiops-quickstart.XXXXXX)
MADE_RUN_SSHD=no
cleanup() {
  local status=$?
  set +e
  for pidfile in "$STAGE"/sshd.pid; do [ -s "$pidfile" ] && kill "$(cat "$pidfile")" 2>/dev/null; done
  # The gate keeps its connection open for later calls: end it.
  for socket in "$STAGE"/runtime/ssh/*; do
    [ -S "$socket" ] && ssh -F none -O exit -o ControlPath="$socket" 127.0.0.1 2>/dev/null
  done
  [ "$MADE_RUN_SSHD" = no ] || rmdir /run/sshd 2>/dev/null
  if [ "$KEEP" = yes ]; then
    echo "Kept: $STAGE"
  else
    rm -rf "$STAGE"
    give_back
  fi
  [ "$status" -eq 0 ] || echo "quickstart failed (status $status)" >&2
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

need sshd=openssh-server ssh=openssh-client cc=gcc jq=jq
need_rust
SSHD=$(PATH="$PATH:/usr/sbin:/sbin" command -v sshd)

say "Building (cargo build --release)"
cargo build --release --locked --quiet
AIOPS=$(realpath "${CARGO_TARGET_DIR:-target}")/release/aiops
"$AIOPS" --version

say "A private sshd on a loopback port is the target"
ssh-keygen -q -t ed25519 -N '' -C aiops-quickstart-host -f "$STAGE/host_key"
mkdir -m 700 "$STAGE/keys" "$STAGE/site"
ssh-keygen -q -t ed25519 -N '' -C aiops-quickstart-gate -f "$STAGE/keys/id_ed25519"
cp "$STAGE/keys/id_ed25519.pub" "$STAGE/authorized_keys"
chmod 600 "$STAGE/authorized_keys"
if [ "$(id -u)" -eq 0 ] && [ ! -d /run/sshd ]; then mkdir -m 755 /run/sshd; MADE_RUN_SSHD=yes; fi
PORT=
for _ in 1 2 3 4 5 6 7 8 9 10; do
  try=$((20000 + RANDOM % 20000))
  cat >"$STAGE/sshd_config" <<CONF
ListenAddress 127.0.0.1:$try
HostKey $STAGE/host_key
AuthorizedKeysFile $STAGE/authorized_keys
PidFile $STAGE/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
CONF
  "$SSHD" -f "$STAGE/sshd_config" -E "$STAGE/sshd.log" || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$STAGE/sshd.pid" ] && break; sleep 0.1; done
  [ -s "$STAGE/sshd.pid" ] && { PORT=$try; break; }
done
[ -n "$PORT" ] || { echo "sshd did not start:" >&2; cat "$STAGE/sshd.log" >&2; exit 1; }
echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$STAGE/host_key.pub")" >"$STAGE/keys/known_hosts"
cp -r policies "$STAGE/policies"
chmod -R go-w "$STAGE/policies"
cat >"$STAGE/config.yml" <<CONF
version: 1
policy: policies/lab.yml
state_dir: runtime
audit_log: audit.jsonl
targets:
  srv1:
    transport: ssh
    host: 127.0.0.1
    port: $PORT
    user: $(id -un)
    identity: keys/id_ed25519
    known_hosts: keys/known_hosts
    tags: [lab]
CONF
chmod 600 "$STAGE/config.yml"
echo "srv1 is 127.0.0.1:$PORT, user $(id -un), host key pinned in $STAGE/keys/known_hosts"

cd "$STAGE"
export PATH="$(dirname "$AIOPS"):$PATH"

# type_line LINE: prints the shell line a user would type, runs it, shows the outcome. $OUT keeps it.
type_line() {
  printf '\n\033[36m$ %s\033[0m\n' "$1"
  OUT=$(bash -c "$1") || true
  case $OUT in "{"*) printf '%s\n' "$OUT" | jq . ;; *) printf '%s\n' "$OUT" ;; esac
}
# expect FIELD VALUE: the story must go as told, or this script fails.
expect() {
  local got
  got=$(printf '%s' "$OUT" | jq -r "$1")
  [ "$got" = "$2" ] || { echo "expected $1 to be $2, got $got" >&2; exit 1; }
}
request() { printf "echo '{\"target\":\"srv1\",\"command\":\"%s\",\"requester\":\"hermes\",\"reason\":\"%s\"}' | aiops run --config config.yml" "$1" "$2"; }
reply() { printf "echo '%s' | aiops run --config config.yml" "$1"; }

say "1. A harmless command runs at once"
type_line "$(request uptime healthcheck)"
expect .status executed; expect .risk auto_allowed; expect .exit_code 0

say "2. A command that changes something waits for a human, who approves"
type_line "$(request "touch $STAGE/site/reloaded" "leave a mark on the target")"
expect .status approval_requested; expect .message "Approval required. Reply Approve or Deny."
printf '\n%s\n' "--- what the human sees in the chat:"; printf '%s' "$OUT" | jq -r .display
[ ! -e "$STAGE/site/reloaded" ] || { echo "it ran before it was approved" >&2; exit 1; }
type_line "$(reply Approve)"
expect .status executed; expect .exit_code 0
[ -e "$STAGE/site/reloaded" ] || { echo "it did not run" >&2; exit 1; }

say "3. A human denies"
type_line "$(request "sudo systemctl restart nginx" "restart service")"
expect .status approval_requested
type_line "$(reply Deny)"
expect .status denied

say "4. The policy forbids: nobody is asked"
type_line "$(request "mkfs.ext4 /dev/aiops-no-such-disk" "make room")"
expect .status rejected; expect .risk forbidden

say "5. Two requests wait: a bare Approve is ambiguous, and nothing runs"
type_line "$(request "touch $STAGE/site/one" first)"; FIRST=$(printf '%s' "$OUT" | jq -r .approval_code)
type_line "$(request "touch $STAGE/site/two" second)"; SECOND=$(printf '%s' "$OUT" | jq -r .approval_code)
type_line "$(reply Approve)"
expect .status ambiguous
[ ! -e "$STAGE/site/one" ] && [ ! -e "$STAGE/site/two" ] || { echo "an ambiguous reply ran something" >&2; exit 1; }
type_line "$(reply "Approve $FIRST")"
expect .status executed
type_line "$(reply "Deny $SECOND")"
expect .status denied
[ -e "$STAGE/site/one" ] && [ ! -e "$STAGE/site/two" ] || { echo "the wrong one ran" >&2; exit 1; }

say "6. Everything is on record, and the record verifies"
type_line "aiops audit tail --config config.yml"
type_line "aiops audit verify --config config.yml"

say "Done: every step went as told"
