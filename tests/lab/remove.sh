# Taking it all away again.
# shellcheck shell=bash
part "Removing ($(in_host gateway du -sk /opt/aiops | cut -f1) KiB on the gateway, $(in_host srv1 du -sk /opt/aiops | cut -f1) KiB on srv1)"
left() { in_host "$1" sh -c 'find / -xdev \( -name "*aiops*" -o -name "hermes" \) -not -path "/proc/*" -not -path "/work/*" -not -path "/root/*" -not -path "/tmp/*" -not -path "/home/user/*" -not -path "/var/log/journal/*" -newer /etc/hostname 2>/dev/null; getent passwd aiops aiopsexec hermes; getent group aiops aiopsexec aiops-approvers'; }
for name in srv1 srv2; do
  holds "a dry run on $name" in_host "$name" aiops install remove --dry-run
  in_host "$name" test -x /usr/local/bin/aiops || fail "the dry run removed something"
  holds "aiops install remove on $name" in_host "$name" aiops install remove
  OUT=$(left "$name") || true
  [ "$OUT" = /var/log/aiops ] || fail "more than the audit log is left on $name"
  echo "  ok  only the audit log is left on $name"
done
ask srv1 uptime
[ "$(field .status)" = failed ] || fail "srv1 still answers"
holds "aiops install remove on the gateway" in_host gateway aiops install remove --agent
OUT=$(in_host gateway ls /opt/aiops)
[ "$OUT" = audit ] || fail "more than the audit log is left"
holds "which still verifies" in_host gateway /root/aiops audit verify --log /opt/aiops/audit/audit.jsonl
holds "installed again" in_host gateway /root/aiops install gateway
case $OUT in *"shown this once"*) fail "the kept log has a seed already" ;; esac
send nonsense || true
is .status invalid
holds "and the gate goes on with the log that was kept" in_host gateway aiops audit verify
[ -z "${SEED:-}" ] || says "whose seals still fit the first seed" "The seed's seals fit" in_host gateway sh -c "echo '$SEED' | aiops audit verify --seed -"
holds "and removed whole" in_host gateway /root/aiops install remove --audit --agent
OUT=$(left gateway) || true
case $OUT in "" | /home/hermes*) ;; *) fail "something is left on the gateway" ;; esac
[ -z "$OUT" ] || fail "something is left on the gateway"
holds "sudo is well" in_host gateway visudo -c
echo "  ok  nothing is left on the gateway"
