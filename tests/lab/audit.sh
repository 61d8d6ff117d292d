# The seals that the installation began, on a real systemd; logrotate while the gate writes; the append-only attribute.
# shellcheck shell=bash
LOG=/opt/aiops/audit/audit.jsonl

part "The log is sealed from the first minute"
SEED=$(grep -oE '([0-9a-f]{4}-){16}[0-9a-f]{4}' "$LAB/gateway.out") || fail "the installation showed no seed"
[ "$(printf '%s\n' "$SEED" | wc -l)" = 1 ] || fail "the seed was shown twice"
sealed() { in_host gateway sh -c "echo '$SEED' | aiops audit verify --seed -"; }
says "the seed that the installation showed fits" "The seed's seals fit" sealed
fails "the seed is nowhere on the gateway" in_host gateway grep -rqF "$(printf '%s' "$SEED" | cut -c1-30)" /opt/aiops /etc /home /root/.bash_history
fails "nor are its bytes, without the dashes" in_host gateway grep -rqF "$(printf '%s' "$SEED" | tr -d - | cut -c1-30)" /opt/aiops /etc /home
says "the timer runs" "active" in_host gateway systemctl is-active aiops-seal.timer
says "and starts with the host" "enabled" in_host gateway systemctl is-enabled aiops-seal.timer
seals() { in_host gateway aiops audit verify --json | jq .seals; }
BEFORE=$(seals)
holds "what the timer starts" in_host gateway systemctl start aiops-seal.service
[ "$(seals)" = $((BEFORE + 1)) ] || fail "it sealed nothing"
says "and what it wrote fits the seed" "The seed's seals fit" sealed
# The timer itself: a period of seconds instead of minutes.
in_host gateway sh -c 'mkdir -p /run/systemd/system/aiops-seal.timer.d; printf "[Timer]\nOnUnitActiveSec=\nOnUnitActiveSec=1s\nAccuracySec=100ms\n" >/run/systemd/system/aiops-seal.timer.d/lab.conf; systemctl daemon-reload; systemctl restart aiops-seal.timer'
BEFORE=$(seals)
more_seals() { [ "$(seals)" -ge $((BEFORE + 3)) ]; }
until_true 30 more_seals || fail "the timer does not seal a quiet log"
echo "  ok  the timer seals a quiet log"
in_host gateway sh -c 'rm -r /run/systemd/system/aiops-seal.timer.d; systemctl daemon-reload; systemctl restart aiops-seal.timer'
says "the doctor sees it" "gateway.seals" in_host gateway aiops doctor --offline

part "Somebody who took over the gateway rewrites the past"
in_host gateway cp -a $LOG /root/honest
in_host gateway cp -a $LOG.seal /root/honest.seal
cat >"$(lab_root gateway)/root/forge" <<'FORGE'
# Root changes one old record, computes every hash anew, and seals with the key that is there now.
set -eu
prev=$(printf '0%.0s' $(seq 64))
while IFS= read -r line; do
  case $line in *'"command":"uptime"'*) line=$(printf '%s' "$line" | sed 's/"command":"uptime"/"command":"nothing"/') ;; esac
  body=$(printf '%s' "$line" | sed -E "s/,\"prev\":\"[0-9a-f]{64}\",\"hash\":\"[0-9a-f]{64}\"}\$/,\"prev\":\"$prev\"}/")
  prev=$(printf %s "$body" | sha256sum | cut -d' ' -f1)
  printf '%s,"hash":"%s"}\n' "${body%\}}" "$prev"
done
FORGE
in_host gateway sh -c "sh /root/forge </root/honest >/root/forged && cat /root/forged >$LOG"
says "the chain alone fits again" "verified" in_host gateway aiops audit verify
OUT=$(sealed 2>&1) && fail "the seals do not show it"
case $OUT in *"does not fit the seed"*) echo "  ok  the auditor's seed shows it" ;; *) fail "another message" ;; esac
in_host gateway sh -c "cat /root/honest >$LOG"
says "the honest log fits" "The seed's seals fit" sealed

part "The doctor says when sealing stands still"
late() { in_host gateway sed -i -E 's/"sealed_at":"[^"]*"/"sealed_at":"2026-01-01T00:00:00Z"/' $LOG.seal; in_host gateway systemctl "$1" aiops-seal.timer; }
# wrong ID WHAT: the doctor names it, with what to do.
wrong() {
  OUT=$(in_host gateway aiops doctor --offline --json) && fail "doctor calls it well: $2"
  printf '%s' "$OUT" | jq -e --arg id "$1" '[.checks[] | select(.id == $id and .verdict == "wrong" and (.fix | length > 0))] | length > 0' >/dev/null || fail "doctor does not name $1: $2"
  CHECKS=$((CHECKS + 1)); printf '  ok  %s: %s\n' "$1" "$2"
}
late stop
wrong gateway.seals "no seal for months"
wrong gateway.files "the timer does not run"
says "installing again starts it, and shows no second seed" "start it" in_host gateway aiops install gateway --approver alice --approver bob
case $OUT in *"shown this once"*) fail "a second seed" ;; esac
until_true 10 in_host gateway aiops doctor --offline || fail "it is not well again"
in_host gateway sh -c "mv $LOG.seal /root/kept.seal"
wrong gateway.files "the key is gone"
in_host gateway sh -c "mv /root/kept.seal $LOG.seal; chmod 644 $LOG.seal"
wrong gateway.seals "the key can be read by others"
send '{"target":"srv1","command":"uptime","requester":"hermes","reason":"x"}' || true
case $OUT in *"readable by others"*) echo "  ok  and until that is mended nothing runs" ;; *) fail "it ran" ;; esac
in_host gateway chmod 600 $LOG.seal
auto srv1 uptime

part "logrotate, while the gate writes"
in_host gateway cp /opt/aiops/logrotate.aiops /etc/logrotate.d/aiops
printf '#!/bin/sh\nfor i in $(seq 1 "$1"); do echo "{\\"target\\":\\"srv1\\",\\"command\\":\\"rm -rf /\\",\\"requester\\":\\"hermes\\",\\"reason\\":\\"$i\\"}" | sudo -n -u aiopsexec /opt/aiops/run_action; done\n' >"$(lab_root gateway)/srv/writer"
in_host gateway chmod 755 /srv/writer
WRITERS=()
for n in 1 2 3 4; do as hermes@gateway sh /srv/writer 40 >"$LAB/writer.$n" 2>&1 & WRITERS+=($!); done
ROTATED=0
while kill -0 "${WRITERS[@]}" 2>/dev/null; do
  in_host gateway logrotate -f /etc/logrotate.d/aiops || fail "logrotate"
  ROTATED=$((ROTATED + 1))
  in_host gateway sh -c 'sleep 0.3'
done
wait "${WRITERS[@]}" || true
[ "$ROTATED" -ge 3 ] || fail "only $ROTATED rotations"
cat "$LAB"/writer.* | jq -r .audit_seq | sort -n >"$LAB/answered"
[ "$(grep -c . "$LAB/answered")" = 160 ] || fail "$(grep -c . "$LAB/answered") of 160 answers"
in_host gateway aiops audit export --format jsonl | jq -r 'select(.command == "rm -rf /" and .reason != "lab") | .seq' | sort -n >"$LAB/recorded"
[ -z "$(comm -23 <(sort "$LAB/answered") <(sort "$LAB/recorded"))" ] || fail "an answer has no record"
holds "$ROTATED rotations under four writers: the chain verifies over $(in_host gateway sh -c "ls $LOG[.-]*[0-9] $LOG*.gz | wc -l") rotated files" in_host gateway aiops audit verify
says "compressed ones with them" ".gz" in_host gateway sh -c "ls $LOG*"
says "and so do the seals" "The seed's seals fit" sealed
holds "whose files are the gate's" in_host gateway sh -c "! find /opt/aiops/audit -type f ! -user aiopsexec | grep ."
says "approvers read them" "verified" as alice@gateway aiops audit verify
in_host gateway rm /etc/logrotate.d/aiops
GZ=$(in_host gateway sh -c "ls $LOG*.gz | head -n 1")
in_host gateway mv "$GZ" /root/gone.gz
fails "a rotated file that is taken away is noticed" in_host gateway aiops audit verify
in_host gateway mv /root/gone.gz "$GZ"

part "The append-only attribute"
if in_host gateway chattr +a $LOG 2>/dev/null; then
  auto srv1 uptime
  fails "not even root changes a record" in_host gateway sed -i 's/uptime/nothing/' $LOG
  says "the doctor says that the gate cannot rotate it" "gateway.rotation" in_host gateway aiops doctor --offline
  holds "root can" in_host gateway aiops audit rotate
  says "and the new file is append-only too" "a" in_host gateway sh -c "lsattr $LOG | cut -d' ' -f1"
  auto srv1 uptime
  holds "which verifies" in_host gateway aiops audit verify
  in_host gateway sh -c "chattr -a $LOG*[0-9] $LOG*.gz $LOG 2>/dev/null" || true
else
  echo "  --  the lab's file system has no such attribute: tests/audit.rs tries it where there is one"
fi
