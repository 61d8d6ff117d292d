#!/usr/bin/env bash
# Counts the instructions of whole gate processes (valgrind's callgrind) and compares them with the counts in
# benches/instructions.txt: a machine may be slow, but not this. More than a tenth above is an error.
# usage: benches/instructions.sh [--update | --profile CASE]
#   --update        writes the counts of now into the file: for a change that is worth what it costs
#   --profile CASE  shows where the instructions of one case go
# Counts the debug build, which the tests build anyway (AIOPS=path for another; --profile says more of a build with
# `cargo build --profile counted`).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/stage.sh
. benches/stage.sh
KNOWN=$PWD/benches/instructions.txt MARGIN=10
need valgrind=valgrind
program debug
configured production.yml <<<"targets: { srv1: { transport: local } }"
asks() { printf '{"target":"srv1","command":"%s","requester":"r","reason":"counted","dry_run":true}' "$1"; }
declare -A CASES=(
  [auto]=$(asks "uptime -p")
  [pipeline]=$(asks "sudo journalctl -u nginx --since today --no-pager | grep -i error | sort | uniq -c | sort -rn | head -20")
  [approval]=$(asks "sudo systemctl restart nginx")
  [written_out]=$(asks 'for s in nginx cron; do systemctl is-active \"$s\"; done')
  [forbidden]=$(asks "sudo sh -c 'rm -rf /etc'")
  [reply]=Approve
)
# The same environment and processor features everywhere, as far as that can be had.
gate() { env -i PATH=/usr/bin:/bin GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-ERMS "$@" run --config "$STAGE/config.yml"; }
counted() {
  printf %s "${CASES[$1]}" | gate valgrind --tool=callgrind --callgrind-out-file="$STAGE/out" "$AIOPS" >"$STAGE/answer" 2>"$STAGE/said" || true
  # The gate answered, and did not fail for want of something.
  grep -q '"status":"\(dry_run\|rejected\|nothing_pending\)"' "$STAGE/answer" || { cat "$STAGE/answer" "$STAGE/said" >&2; exit 1; }
  sed -n 's/.*Collected : //p' "$STAGE/said"
}
# The first call makes the folders, the second keeps the policy.
for _ in 1 2; do printf %s "${CASES[auto]}" | gate "$AIOPS" >/dev/null; done
[ -s "$STAGE/runtime/policy.cache" ] || { echo "the policy is not kept, so nothing can be compared" >&2; exit 1; }

case ${1:-} in
  --profile)
    counted "${2:?--profile CASE}" >/dev/null
    callgrind_annotate --inclusive=yes "$STAGE/out" | grep -E '^ *[0-9,]+ \(' | head -60
    exit ;;
  --update | "") ;;
  *) sed -n '2,8s/^# //p' "$0"; exit 64 ;;
esac
status=0
[ -z "${1:-}" ] || : >"$KNOWN"
for name in auto pipeline approval written_out forbidden reply; do
  count=$(counted "$name")
  if [ -n "${1:-}" ]; then
    echo "$name $count" | tee -a "$KNOWN"
    continue
  fi
  known=$(awk -v name="$name" '$1 == name { print $2 }' "$KNOWN")
  most=$((known + known * MARGIN / 100))
  echo "$name: $count instructions, $((100 * count / known)) % of the $known known"
  if [ "$count" -gt "$most" ]; then
    status=1
    echo "  more than $MARGIN % above: what does this change make every call do? (benches/instructions.sh --profile $name)" >&2
    echo "  If it is worth that: benches/instructions.sh --update, and say so in the change." >&2
  elif [ "$count" -lt $((known - known * MARGIN / 100)) ]; then
    echo "  less than before by more than $MARGIN %: benches/instructions.sh --update keeps it so"
  fi
done
exit "$status"
