# From nothing to a gateway and two targets, following what each command prints.
# shellcheck shell=bash
part "Installing the gateway"
before=$(in_host gateway sh -c 'find /etc /opt /usr/local /home | sort | sha256sum')
holds "a dry run is shown" in_host gateway /root/aiops install gateway --approver alice --approver bob --dry-run
[ "$before" = "$(in_host gateway sh -c 'find /etc /opt /usr/local /home | sort | sha256sum')" ] || fail "the dry run changed something"
holds "aiops install gateway" in_host gateway /root/aiops install gateway --approver alice --approver bob
printf '%s\n' "$OUT" >"$LAB/gateway.out"
TARGET_COMMAND=$(grep -o 'aiops install target ".*' "$LAB/gateway.out")
says "a second time changes nothing" "Everything is in place already." in_host gateway aiops install gateway --approver alice --approver bob
holds "visudo accepts all of it" in_host gateway visudo -c
says "the manual is there" "sudo for chat agents" in_host gateway sh -c 'cat /usr/local/share/man/man1/aiops.1'

part "Installing the targets with the command that the gateway printed"
for name in srv1 srv2; do
  holds "aiops install target on $name" in_host "$name" sh -c "/root/$TARGET_COMMAND"
  printf '%s\n' "$OUT" >"$LAB/$name.out"
  says "a second time changes nothing" "Everything is in place already." in_host "$name" sh -c "/root/$TARGET_COMMAND"
  ADD=$(grep -o 'aiops target add .*' "$LAB/$name.out")
  holds "$ADD" in_host gateway sh -c "$ADD"
done
fails "another fingerprint is not trusted" in_host gateway aiops target add srv3 "$(lab_address srv1)" --fingerprint SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
fails "an unconfirmed one neither" in_host gateway sh -c "echo no | aiops target add srv3 $(lab_address srv1)"
says "a confirmed one is" "Added srv3" in_host gateway sh -c "echo yes | aiops target add srv3 $(lab_address srv1)"
holds "and can be taken away" in_host gateway aiops target remove srv3

part "Killed in the middle of an installation, at any moment"
# On a host of its own: whatever is there, sudo works, and running it again ends well.
KEY=$(in_host gateway cat /opt/aiops/keys/id_ed25519.pub)
host srv3 13
cp "$AIOPS_BIN" "$(lab_root srv3)/root/aiops"
for ms in 5 15 30 50 80 120 170 230 300 400 550; do
  in_host srv3 timeout -s KILL "$(printf '0.%03d' $ms)" /root/aiops install target "$KEY" --from any >/dev/null 2>&1 || true
  in_host srv3 visudo -cq || fail "sudo is broken after a kill at $ms ms"
  in_host srv3 sh -c 'test ! -e /var/lib/aiops/.ssh/authorized_keys || test -e /etc/sudoers.d/aiops-target' || fail "the way in is open before the rest is in place"
  CHECKS=$((CHECKS + 2))
done
holds "run again, it is whole" in_host srv3 /root/aiops install target "$KEY" --from any
says "and nothing is left to do" "Everything is in place already." in_host srv3 /root/aiops install target "$KEY" --from any
holds "no half-written file is left" in_host srv3 sh -c '! find /opt/aiops /etc/sudoers.d /var/lib/aiops -name "*~" | grep .'
in_host srv3 /root/aiops install remove >/dev/null
halt_host srv3

part "The first requests"
auto srv1 uptime
auto srv2 "systemctl is-system-running"
auto srv1 "sudo journalctl -n 3 --no-pager"
is '.exit_code' 0
approved srv1 "sudo systemctl restart ssh"
forbidden srv1 "rm -rf /"
says "the record says which way it ran" '"via":"guard"' in_host gateway tail -n 3 /opt/aiops/audit/audit.jsonl

part "Doctor"
holds "the gateway is well" in_host gateway aiops doctor
printf '%s\n' "$OUT" >"$LAB/doctor-gateway.out"
for name in srv1 srv2; do holds "$name is well" in_host "$name" aiops doctor; done
holds "JSON for monitoring" in_host gateway sh -c "aiops doctor --json | jq -e '.checks | length > 10'"
