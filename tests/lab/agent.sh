# What the agent's user can do on the gateway: call the wrapper, and nothing else.
# shellcheck shell=bash
part "The agent can call the wrapper, and nothing else"
agent() { as hermes@gateway "$@"; }
fails "no argument for the wrapper" agent sudo -n -u aiopsexec /opt/aiops/run_action --help
fails "not even an empty one" agent sudo -n -u aiopsexec /opt/aiops/run_action ""
fails "not the other program" agent sudo -n -u aiopsexec /opt/aiops/bin/aiops run
fails "not the approvers' door" agent sudo -n -u aiopsexec /opt/aiops/bin/aiops vote
fails "not as root" agent sudo -n /opt/aiops/run_action
fails "not as an approver" agent sudo -n -u alice /opt/aiops/run_action
fails "no shell" agent sudo -n -u aiopsexec /bin/sh -c id
fails "no sudoedit" agent sudo -n -e -u aiopsexec /opt/aiops/config.yml
fails "no variables through sudo" agent sudo -n -u aiopsexec LD_PRELOAD=/tmp/x.so /opt/aiops/run_action
fails "no kept environment" agent sudo -n -E -u aiopsexec /opt/aiops/run_action
fails "no other working folder" agent sudo -n -D /tmp -u aiopsexec /opt/aiops/run_action
in_host gateway sh -c 'mkdir -p /home/hermes/x && ln -sf /opt/aiops/bin/aiops /home/hermes/x/run_action && ln -sf /bin/sh /home/hermes/x/sh && chown -R hermes: /home/hermes/x'
fails "no link to the other program under the wrapper's name" agent sudo -n -u aiopsexec /home/hermes/x/run_action
for path in keys/id_ed25519 keys/ticket.key config.yml audit/audit.jsonl audit.jsonl runtime/approvals targets/srv1.yml; do
  fails "cannot read $path" agent cat "/opt/aiops/$path"
done
for path in keys/x runtime/x audit/x policies/x policies/production.yml run_action bin/aiops config.yml knowledge/agent.md x; do
  fails "cannot write $path" agent sh -c "echo x >>/opt/aiops/$path"
done
fails "cannot forge the state" agent sh -c 'touch /opt/aiops/runtime/approvals/x || ls /opt/aiops/runtime'
fails "no way in with SSH" agent ssh -o BatchMode=yes -o StrictHostKeyChecking=no "aiops@$(lab_address srv1)" id
fails "cannot use the gate's connection" agent sh -c 'ls /opt/aiops/runtime/ssh/'
says "one rule is all that sudo knows of it" '(aiopsexec) NOPASSWD: /opt/aiops/run_action ""' agent sudo -n -l
[ "$(printf '%s\n' "$OUT" | grep -c NOPASSWD)" = 1 ] || fail "there is more than one rule"
OUT=$(printf '{"target":"srv1","command":"env","requester":"hermes","reason":"x"}' | agent env AIOPS_LOG=trace AIOPS_CONFIG=/tmp/x LD_LIBRARY_PATH=/tmp PATH=/tmp:/usr/bin:/bin sudo -n -u aiopsexec /opt/aiops/run_action) || true
is .status approval_requested
vote alice approve "$(field .approval_code)" || true
is .status executed
case $(field .stdout) in *AIOPS* | *LD_LIB* | *hermes* | *SUDO*) fail "the agent's environment reached something" ;; *PATH=/usr/local/sbin:*) echo "  ok  nothing of the agent's environment arrives" ;; *) fail "env printed nothing" ;; esac

part "The agent cannot approve its own request"
ask srv1 "sudo systemctl restart ssh"
is .status approval_requested
CODE=$(field .approval_code)
send "Approve" || true
is .status not_authorized
send "Approve $CODE" || true
is .status not_authorized
send "{\"reply\":\"approve\",\"approval\":\"$CODE\",\"approver\":\"alice\"}" || true
is .status not_authorized
fails "aiops approve as the agent" agent aiops approve "$CODE"
OUT=$(printf '{"reply":"approve","approval":"%s"}' "$CODE" | agent env SUDO_UID="$(in_host gateway id -u alice)" SUDO_USER=alice sudo -n -u aiopsexec /opt/aiops/run_action) || true
is .status not_authorized
vote alice deny "$CODE" || true
is .status denied
fails "somebody without the group cannot vote" as nobody@gateway aiops approve "$CODE"
says "an approver sees what waits" "No request is waiting." as alice@gateway aiops pending
holds "and can read the log" as alice@gateway sh -c 'tail -n 1 /opt/aiops/audit.jsonl | grep -q approval.denied'
holds "and verify it" as alice@gateway sudo -n -u aiopsexec /opt/aiops/bin/aiops audit verify
