# What approvers do besides voting, through their own sudo rule: look, freeze, thaw, enrol.
# shellcheck shell=bash
part "Approvers freeze, thaw and look, and the agent cannot"
ask srv1 "sudo systemctl restart ssh"
is .status approval_requested
CODE=$(field .approval_code)
says "an approver looks at a question" "canonical: sudo systemctl restart ssh" as alice@gateway aiops approval show "$CODE"
says "and at what would be signed" "I approve this one run." as alice@gateway aiops approval show "$CODE" --signable
says "and at who can approve" "unix (bob)" as alice@gateway aiops approver list
fails "the agent cannot freeze" as hermes@gateway aiops freeze x
fails "nor through the approvers' door" as hermes@gateway sh -c 'echo "{\"act\":\"thaw\",\"target\":null}" | sudo -n -u aiopsexec /opt/aiops/bin/aiops person'
says "an approver freezes" "Frozen (everything) by alice" as alice@gateway aiops freeze "strange logins"
ask srv1 uptime
is .status rejected
is '.frozen[0].why' "strange logins"
vote bob approve "$CODE" || true
is .status rejected
is '.frozen[0].by' alice
says "one person does not thaw" "1 of 2" as alice@gateway aiops thaw
says "two do" "Thawed" as bob@gateway aiops thaw
ask srv1 uptime
is .status executed
says "root freezes too, by the plain command" "Frozen (srv2) by root" in_host gateway aiops freeze --target srv2 "disk"
says "and root's files are the gate's" "1 of 2" as alice@gateway aiops thaw --target srv2
says "root is one person" "Thawed" in_host gateway aiops thaw --target srv2
vote alice approve "$CODE" || true
is .status executed

part "What runs is ended by freeze --now, on the target itself"
ask srv1 "sleep 7771"
is .status approval_requested
CODE=$(field .approval_code)
as alice@gateway aiops approve "$CODE" >"$LAB/frozen.out" 2>&1 &
until_true 20 in_host srv1 pgrep -fx "sleep 7771" || fail "it does not run"
says "it is ended" "ended on srv1: sleep 7771" as bob@gateway aiops freeze --now "stop it"
fails "nothing of it is left" in_host srv1 pgrep -fx "sleep 7771"
wait $! || true
OUT=$(cat "$LAB/frozen.out")
is .status interrupted
as alice@gateway aiops thaw >/dev/null
as bob@gateway aiops thaw >/dev/null

part "A state that changed voids an approval"
ask srv1 "sudo systemctl restart ssh"
is .status approval_requested
CODE=$(field .approval_code)
case $(field .display) in *"ActiveState=active"*) echo "  ok  the state stands in the question" ;; *) fail "no state in the question" ;; esac
in_host srv1 systemctl restart ssh
vote alice approve "$CODE" || true
is .status voided
case $(field .message) in *MainPID=*"and says MainPID="*) echo "  ok  the answer says what changed" ;; *) fail "it does not say what changed" ;; esac

part "One-time passwords"
says "a person of the group enrols nobody else" "may not change" as alice@gateway aiops approver add bob --totp
says "but themself" "otpauth://totp/" as alice@gateway aiops approver add alice --totp
holds "and root may take it away" in_host gateway aiops approver remove alice --totp

part "The doctor says what stands in the way of approvals"
as bob@gateway aiops freeze --target srv2 "checked" >/dev/null
says "a freeze" "Frozen (srv2) by bob" in_host gateway aiops doctor --offline
as alice@gateway aiops thaw --target srv2 >/dev/null
as bob@gateway aiops thaw --target srv2 >/dev/null
in_host gateway sed -i 's/^  bob: .*/  bob: {}/' /opt/aiops/config.yml
says "too few people" "cannot be had from: alice" in_host gateway aiops doctor --offline
in_host gateway sed -i 's/^  bob: .*/  bob: { unix: bob }/' /opt/aiops/config.yml
