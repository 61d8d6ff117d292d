# Sourced by lab/lab.sh inside the lab. Every step says what it expects; the first that does not hold ends the run.
# shellcheck shell=bash
STORY=${BASH_SOURCE[0]%/*}
CHECKS=0

part() { printf '\n== %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [ -z "${OUT:-}" ] || printf 'last output:\n%s\n' "$OUT" >&2
  exit 1
}
# holds WHAT COMMAND…: the command succeeds.
holds() {
  local what=$1 began took
  shift
  began=$(date +%s%N)
  OUT=$("$@" 2>&1) || fail "$what ($*)"
  took=$((($(date +%s%N) - began) / 1000000))
  CHECKS=$((CHECKS + 1))
  printf '  ok  %s (%s ms)\n' "$what" "$took"
}
# fails WHAT COMMAND…: the command does not.
fails() {
  local what=$1
  shift
  if OUT=$("$@" 2>&1); then fail "$what ($*)"; fi
  CHECKS=$((CHECKS + 1))
  printf '  ok  %s\n' "$what"
}
# says WHAT TEXT COMMAND…: its output holds the text, whatever its exit code.
says() {
  local what=$1 text=$2
  shift 2
  OUT=$("$@" 2>&1) || true
  case $OUT in *"$text"*) ;; *) fail "$what: no \"$text\" from: $*" ;; esac
  CHECKS=$((CHECKS + 1))
  printf '  ok  %s\n' "$what"
}
# until_true SECONDS COMMAND…: waits for it.
until_true() {
  local tries=$(($1 * 10)) i
  shift
  for i in $(seq 1 "$tries"); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  return 1
}

# send MESSAGE: the agent pipes it into the wrapper; the outcome is in OUT.
send() { OUT=$(printf '%s' "$1" | as hermes@gateway sudo -n -u aiopsexec /opt/aiops/run_action); }
# vote PERSON approve|deny CODE: an approver answers at a terminal.
vote() { OUT=$(as "$1@gateway" aiops "$2" "$3"); }
field() { printf '%s' "$OUT" | jq -r "$1"; }
# is FIELD VALUE
is() {
  local got
  got=$(field "$1")
  [ "$got" = "$2" ] || fail "$1 is $got, not $2"
  CHECKS=$((CHECKS + 1))
}
# ask TARGET COMMAND [REASON]: the agent asks.
ask() { send "$(jq -cn --arg t "$1" --arg c "$2" --arg r "${3:-lab}" '{target:$t,command:$c,requester:"hermes",reason:$r}')" || true; }
# auto TARGET COMMAND: runs at once, whatever the command's own exit code.
auto() {
  ask "$1" "$2"
  [ "$(field .status)/$(field .risk)" = executed/auto_allowed ] || fail "$2 on $1 should run at once"
  CHECKS=$((CHECKS + 1))
  printf '  %-9s %s: %s\n' auto "$1" "$2"
}
# approved TARGET COMMAND: waits; alice and, where needed, bob approve; it runs and ends with 0.
approved() {
  local code need
  ask "$1" "$2"
  [ "$(field .status)" = approval_requested ] || fail "$2 on $1 should wait for approval"
  code=$(field .approval_code)
  need=$(field .approvals.need)
  vote alice approve "$code" || true
  if [ "$need" -gt 1 ]; then
    is .status approved
    vote bob approve "$code" || true
  fi
  [ "$(field .status)/$(field .exit_code)" = executed/0 ] || fail "$2 on $1 should have run after approval"
  CHECKS=$((CHECKS + 1))
  printf '  %-9s %s: %s (%s)\n' approved "$1" "$2" "$need"
}
forbidden() {
  ask "$1" "$2"
  [ "$(field .status)/$(field .risk)" = rejected/forbidden ] || fail "$2 on $1 should be forbidden"
  CHECKS=$((CHECKS + 1))
  printf '  %-9s %s: %s\n' forbidden "$1" "$2"
}
# gates FILE TARGET HEADING: every `gate` line of that section of a runbook is sent, and answered as the runbook says.
gates() {
  local verdict line
  while read -r verdict line; do
    case $verdict in auto) auto "$2" "$line" ;; approval) approved "$2" "$line" ;; forbidden) forbidden "$2" "$line" ;; esac
  done < <(awk -v want="## $3" '/^## /{on=($0==want)} /^```/{code=(on && $0=="```gate"); next} code' "$LAB_HOME/knowledge/runbooks/$1.md")
}

part "Hosts (program: $(stat -c %s "$AIOPS_BIN") bytes)"
host gateway 10
host srv1 11
host srv2 12
for name in gateway srv1 srv2; do cp "$AIOPS_BIN" "$(lab_root "$name")/root/aiops"; done
for person in alice bob; do in_host gateway useradd -m -s /bin/bash "$person"; done

for name in $LAB_PARTS; do
  # shellcheck disable=SC1090
  . "$STORY/$name.sh"
done
part "$CHECKS checks held"
