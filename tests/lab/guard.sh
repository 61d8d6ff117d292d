# The guard: a stolen SSH key runs nothing, tickets run once, targets without it still work.
# shellcheck shell=bash
part "A stolen SSH key alone runs nothing"
cp "$(lab_root gateway)/opt/aiops/keys/id_ed25519" "$LAB/stolen"
cp "$LAB/stolen" "$(lab_root gateway)/root/stolen"
thief() { in_host gateway timeout 10 ssh -F none -T -i /root/stolen -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"; }
in_host srv1 rm -f /tmp/stolen-ran
for line in "touch /tmp/stolen-ran" "sudo touch /tmp/stolen-ran" "sh -c 'touch /tmp/stolen-ran'" "" "/opt/aiops/bin/aiops guard --execute" "sudo -n /opt/aiops/bin/aiops guard"; do
  for input in "" "touch /tmp/stolen-ran" '{"ticket":"{}","signature":"00"}' '{"user":"aiops","pipelines":[{"when":"Always","stages":[{"argv":["touch","/tmp/stolen-ran"],"root":true,"env":[],"no_input":true,"redirections":[]}]}]}'; do
    printf '%s' "$input" | thief "aiops@$(lab_address srv1)" "$line" >"$LAB/thief.out" 2>&1 || true
  done
done
in_host srv1 test ! -e /tmp/stolen-ran || fail "the stolen key ran a command"
CHECKS=$((CHECKS + 24))
echo "  ok  24 attempts with the key alone ran nothing"
fails "no port forwarding" thief -W 127.0.0.1:22 "aiops@$(lab_address srv1)"
fails "no file transfer" thief -s "aiops@$(lab_address srv1)" sftp </dev/null
cp "$LAB/stolen" "$(lab_root srv2)/root/stolen"
says "and not from another address" "Permission denied" in_host srv2 ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -i /root/stolen "aiops@$(lab_address srv1)" id
says "the attempts are on the guard's record" "input.invalid" in_host srv1 cat /var/log/aiops/guard.jsonl
holds "which verifies" in_host srv1 aiops audit verify --log /var/log/aiops/guard.jsonl

part "What runs, runs without a shell, clean and as the right user"
auto srv1 "id -un"
is .stdout aiops
auto srv1 "sudo journalctl -n 1 --no-pager | wc -l && id -u"
approved srv1 "sudo touch /tmp/made-by-root"
says "root made it" "root" in_host srv1 stat -c %U /tmp/made-by-root
approved srv1 "touch /tmp/made-by-login"
says "the login user made it" "aiops" in_host srv1 stat -c %U /tmp/made-by-login
approved srv1 "rm /tmp/made-by-login"
auto srv1 "ls -l /nonexistent-file"
is .exit_code 2
says "the guard's record has command and approvers" "alice (unix)" in_host srv1 cat /var/log/aiops/guard.jsonl
in_host srv1 sh -c 'mkdir -p /var/log/lab && touch "/var/log/lab/a b.log" "/var/log/lab/;id;.log" && chmod 600 /var/log/lab/*'
auto srv1 "sudo ls /var/log/lab/*.log"
is .stdout $'/var/log/lab/;id;.log\n/var/log/lab/a b.log'
in_host srv1 ln -s /etc/shadow /var/log/lab/z.log
auto srv1 "sudo ls /var/log/lab/*.log"
in_host srv1 sh -c 'rm -r /var/log/lab'
auto srv1 "ls /var/log/*.log"

part "A ticket runs once, here, now"
# Somebody on the target reads a ticket as it arrives (which takes root there), and has the SSH key.
in_host srv1 sh -c 'mv /opt/aiops/bin/aiops /opt/aiops/bin/aiops.real && cat >/opt/aiops/bin/aiops && chmod 755 /opt/aiops/bin/aiops' <<'TAP'
#!/bin/sh
if [ "$(id -u)" = 0 ]; then exec /opt/aiops/bin/aiops.real guard; fi
tee /tmp/ticket | sudo -n /opt/aiops/bin/aiops guard
TAP
approved srv1 "sudo truncate -s 0 /var/log/lab-once"
in_host srv1 mv /opt/aiops/bin/aiops.real /opt/aiops/bin/aiops
in_host srv1 sh -c 'echo again >/var/log/lab-once'
in_host srv1 cat /tmp/ticket >"$LAB/ticket"
holds "a ticket was read on its way" grep -q signature "$LAB/ticket"
says "it does not run again" "used before" thief "aiops@$(lab_address srv1)" <"$LAB/ticket"
says "nor on another target" "is for srv1" thief "aiops@$(lab_address srv2)" <"$LAB/ticket"
says "nor with another line" "not the gate" thief "aiops@$(lab_address srv1)" < <(sed 's/truncate/touch/' "$LAB/ticket")
reboot_host srv1
says "nor after a reboot" "used before" thief "aiops@$(lab_address srv1)" <"$LAB/ticket"
says "nothing of that changed the file" "again" in_host srv1 cat /var/log/lab-once

part "A time limit ends the whole group"
send '{"target":"srv1","command":"sleep 300","requester":"hermes","reason":"lab","timeout_s":1}' || true
if [ "$(field .status)" = approval_requested ]; then vote alice approve "$(field .approval_code)" || true; fi
is .status timed_out
fails "nothing of it is left" in_host srv1 pgrep -fx "sleep 300"

part "The target's own policy decides too"
in_host srv1 sh -c 'cp -a /opt/aiops/policies /root/policies.kept && sed -i "s/^rules:/rules:\n  - {id: here.no-uptime, about: not here, decision: forbidden, command: uptime, match: [uptime], no_match: [w]}/" /opt/aiops/policies/packs/base.yml'
ask srv1 uptime
is .status failed
case $(field .message) in *"own policy forbids"*here*no-uptime* | *"own policy forbids"*) echo "  ok  $(field .message)" ;; *) fail "the guard's policy was not asked" ;; esac
in_host srv1 sh -c 'rm -rf /opt/aiops/policies && mv /root/policies.kept /opt/aiops/policies'
auto srv1 uptime

part "A target without the guard works, and the record says so"
KEY=$(in_host gateway cat /opt/aiops/keys/id_ed25519.pub)
holds "srv2 is installed without the guard" in_host srv2 sh -c "aiops install remove && /root/aiops install target '$KEY' --from $(lab_address gateway) --root-command 'systemctl restart ssh'"
fails "with the guard expected, nothing runs on it" in_host gateway aiops doctor
FINGERPRINT=$(in_host srv2 ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2)
holds "and made known so" in_host gateway aiops target add srv2 "$(lab_address srv2)" --fingerprint "$FINGERPRINT" --plain --replace
auto srv2 "id -un"
auto srv2 "sudo systemctl status ssh"
# speed TARGET: milliseconds of a whole request, the wrapper's sudo included, on a warm connection.
speed() {
  local i began
  began=$(date +%s%N)
  for i in 1 2 3 4 5 6 7 8 9 10; do
    ask "$1" uptime
    [ "$(field .status)" = executed ] || fail "uptime on $1"
  done
  echo $((($(date +%s%N) - began) / 10000000))
}
printf '      a request from the agent to the answer: %s ms with the guard (srv1), %s ms without (srv2)\n' "$(speed srv1)" "$(speed srv2)"
approved srv2 "sudo systemctl restart ssh"
ask srv2 "sudo systemctl restart nginx"
vote alice approve "$(field .approval_code)" || true
[ "$(field .exit_code)" != 0 ] || fail "sudo ran what its file does not name"
says "sudo refuses what its file does not name exactly" "run_nothing_else" in_host srv2 sh -c "sudo -l -U aiops | grep -q '[*?]' || echo run_nothing_else"
says "the record says which way it ran" '"via":"ssh"' in_host gateway tail -n 3 /opt/aiops/audit/audit.jsonl
says "doctor says so too" "there is no guard on it" in_host gateway aiops doctor
holds "the guard comes back" in_host srv2 sh -c "/root/$TARGET_COMMAND"
holds "and is expected again" in_host gateway aiops target add srv2 "$(lab_address srv2)" --fingerprint "$FINGERPRINT" --replace
auto srv2 "id -un"
