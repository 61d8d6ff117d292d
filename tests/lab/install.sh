# From nothing to a gateway and two targets, following what each command prints.
# shellcheck shell=bash
part "Installing the gateway"
before=$(in_host gateway sh -c 'find /etc /opt /usr/local /home | sort | sha256sum')
holds "a dry run is shown" in_host gateway /root/aiops install gateway --approver alice --approver bob --dry-run
[ "$before" = "$(in_host gateway sh -c 'find /etc /opt /usr/local /home | sort | sha256sum')" ] || fail "the dry run changed something"
began=$(date +%s%N)
holds "aiops install gateway" in_host gateway /root/aiops install gateway --approver alice --approver bob
printf '      in %d ms\n' $((($(date +%s%N) - began) / 1000000))
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
