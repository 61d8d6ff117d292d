# Every fault that doctor knows, made for real: it is found, named, and gone again when mended.
# shellcheck shell=bash
part "Doctor finds what is wrong"
# finds HOST ID BREAK MEND
finds() {
  local host=$1 id=$2
  in_host "$host" sh -c "$3" >/dev/null 2>&1 || fail "cannot break: $3"
  OUT=$(in_host "$host" aiops doctor --json) && fail "doctor calls it well: $3"
  printf '%s' "$OUT" | jq -e --arg id "$id" '[.checks[] | select(.id == $id and .verdict == "wrong" and (.fix | length > 0))] | length > 0' >/dev/null ||
    fail "doctor does not name $id after: $3"
  in_host "$host" sh -c "$4" >/dev/null 2>&1 || fail "cannot mend: $4"
  CHECKS=$((CHECKS + 1))
  printf '  ok  %s: %s\n' "$id" "$3"
}
finds gateway gateway.files 'chmod 644 /opt/aiops/keys/id_ed25519' 'chmod 600 /opt/aiops/keys/id_ed25519'
finds gateway gateway.secrets 'chmod 644 /opt/aiops/keys/ticket.key; chmod 755 /opt/aiops/keys' 'chmod 600 /opt/aiops/keys/ticket.key; chmod 750 /opt/aiops/keys'
finds gateway gateway.files 'chown hermes /opt/aiops/config.yml' 'chown root /opt/aiops/config.yml'
finds gateway gateway.files 'mv /opt/aiops/run_action /root/kept' 'mv /root/kept /opt/aiops/run_action'
finds gateway gateway.sudoers 'sed -i "s/run_action \"\"/run_action/" /etc/sudoers.d/aiops-gateway' 'aiops install gateway --approver alice --approver bob'
finds gateway gateway.agent-sudo 'echo "hermes ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/zz' 'rm /etc/sudoers.d/zz'
finds gateway gateway.visudo 'echo "what is this" >/etc/sudoers.d/zz' 'rm /etc/sudoers.d/zz'
finds gateway gateway.agent-groups 'usermod -aG sudo hermes' 'gpasswd -d hermes sudo'
finds gateway gateway.agent-groups 'usermod -aG aiops-approvers hermes' 'gpasswd -d hermes aiops-approvers'
finds gateway gateway.config 'sed -i "s/^version: 1/version: 9/" /opt/aiops/config.yml' 'sed -i "s/^version: 9/version: 1/" /opt/aiops/config.yml'
finds gateway gateway.policy 'cp -a /opt/aiops/policies/production.yml /root/kept; echo "rules: [" >>/opt/aiops/policies/production.yml' 'cp -a /root/kept /opt/aiops/policies/production.yml'
finds gateway gateway.audit 'cp -a /opt/aiops/audit/audit.jsonl /root/kept; sed -i "2s/\"status\":\"[a-z_]*\"/\"status\":\"x\"/" /opt/aiops/audit/audit.jsonl' 'cp -a /root/kept /opt/aiops/audit/audit.jsonl'
finds gateway gateway.space 'mount -t tmpfs -o size=1m,mode=700,uid=$(id -u aiopsexec),gid=$(id -g aiopsexec) t /opt/aiops/runtime' 'umount /opt/aiops/runtime'
finds gateway target.srv1 'sed -i "s/AAAA[A-Za-z0-9+\/]\{30\}/AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBB/" /opt/aiops/targets/srv1.known_hosts; cp -a /opt/aiops/targets/srv1.known_hosts /root/bad' "ssh-keyscan -t ed25519 $(lab_address srv1) 2>/dev/null >/opt/aiops/targets/srv1.known_hosts"
finds gateway target.srv2 'sed -i "s/guard: true/guard: false/" /opt/aiops/targets/srv2.yml' 'sed -i "s/guard: false/guard: true/" /opt/aiops/targets/srv2.yml'
unplug srv2
finds gateway target.srv2 true true
plug srv2
finds srv1 target.sudoers 'echo "aiops ALL=(root) NOPASSWD: ALL" >>/etc/sudoers.d/aiops-target' "/root/$TARGET_COMMAND"
finds srv1 target.files 'echo "ssh-ed25519 AAAA other" >>/var/lib/aiops/.ssh/authorized_keys' "/root/$TARGET_COMMAND"
finds srv1 target.files 'chmod 666 /opt/aiops/policies/packs/base.yml' 'chmod 644 /opt/aiops/policies/packs/base.yml'
finds srv1 target.guard 'cp -a /opt/aiops/guard.yml /root/kept; sed -i "s/aiops-ticket-v1:../aiops-ticket-v1:zz/" /opt/aiops/guard.yml' 'cp -a /root/kept /opt/aiops/guard.yml'
finds srv1 target.shell 'usermod -s /bin/bash aiops' 'usermod -s /bin/sh aiops'
finds srv1 target.password 'echo aiops:secret | chpasswd' "usermod -p '*' aiops"
finds srv1 target.sshd 'echo "AuthorizedKeysFile /etc/keys/%u" >/etc/ssh/sshd_config.d/x.conf; sed -i "1i Include /etc/ssh/sshd_config.d/*.conf" /etc/ssh/sshd_config' 'rm /etc/ssh/sshd_config.d/x.conf'
holds "the gateway is well again" in_host gateway aiops doctor
holds "srv1 is well again" in_host srv1 aiops doctor
