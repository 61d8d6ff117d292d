#!/usr/bin/env bash
# The end-to-end stage: a gateway and two targets, real systemd hosts, installed as a sysadmin would
# and run through every runbook's incident. See lab/lab.sh for how the hosts are made and what they
# cannot touch.
#
#   tests/lab.sh [PART…]    all parts, or those named: install audit agent people doctor guard incidents life package remove docs
set -euo pipefail
cd "$(dirname "$0")/.."
if ! why=$(bash lab/lab.sh can); then
  printf '\n*** SKIPPED: tests/lab.sh. This machine cannot boot test hosts: %s.\n*** Nothing about installing, incidents or the guard on real hosts was tested.\n\n' "$why"
  exit 0
fi
if [ -z "${AIOPS_BIN:-}" ]; then
  cargo build --locked --quiet
  AIOPS_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/aiops
fi
export AIOPS_BIN
LAB_PARTS=${*:-install audit agent people doctor guard incidents life package remove docs}
export LAB_PARTS
began=$(date +%s)
status=0
bash lab/lab.sh run "$PWD/tests/lab/story.sh" || status=$?
if [ "$status" -eq 69 ]; then
  printf '\n*** SKIPPED: tests/lab.sh. The hosts could not be made: see above.\n*** Nothing about installing, incidents or the guard on real hosts was tested.\n\n'
  exit 0
fi
[ "$status" -eq 0 ] || exit "$status"
echo "== lab: everything went as told, in $(($(date +%s) - began)) s"
