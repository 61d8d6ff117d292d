#!/usr/bin/env bash
# Many requests at once: 1,000 requests through 16 gate processes to 8 targets, each with an sshd and keys of its own;
# then the same with 100,000 records in the log and 100,000 closed approvals in the store. Fails when a run or a
# record is lost or doubled, or the chain does not verify. Prints one table; leaves nothing.
# usage: benches/scale.sh [REQUESTS [PROCESSES [TARGETS [STORED]]]]      (1000 16 8 100000; as root for /bin/sh as login shell)
set -euo pipefail
cd "$(dirname "$0")/.."
REQUESTS=${1:-1000} PROCESSES=${2:-16} TARGETS=${3:-8} STORED=${4:-100000}
# shellcheck source=benches/stage.sh
. benches/stage.sh
hosts
program release
mkdir "$STAGE/policies"
# The production policy, with one rule instead of the pack that asks about changes: a run must leave a trace that a
# second run of the same cannot leave (mkdir).
sed 's| packs/changes.yml,||' policies/production.yml >"$STAGE/policies/scale.yml"
cat >>"$STAGE/policies/scale.yml" <<RULES
rules:
  - { id: bench.mark, about: Leaves a mark, decision: auto, command: mkdir, operands: { type: path, under: [$STAGE/ran], max: 1 },
      match: ["mkdir $STAGE/ran/x"], no_match: ["mkdir /x"] }
  - { id: bench.ask, about: Is asked about, decision: approval, command: mkfifo, match: [mkfifo x], no_match: [ls] }
RULES
{
  printf '%s\n' "approvers: { $LOGIN: { unix: $LOGIN, roles: [operator] } }" "targets:"
  for n in $(seq "$TARGETS"); do
    sshd_at "srv$n"
    target_line "srv$n"
  done
} >"$STAGE/rest.yml"
configured scale.yml <"$STAGE/rest.yml"
python3 benches/scale.py "$STAGE" "$AIOPS" "$REQUESTS" "$PROCESSES" "$TARGETS" "$STORED"
