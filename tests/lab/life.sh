# Update with a question open, the cable pulled in the middle of a run, a reboot.
# shellcheck shell=bash
part "Installing a package without anybody at a terminal"
mkdir -p "$LAB/deb/DEBIAN"
printf 'Package: lab-asks\nVersion: 1\nArchitecture: all\nMaintainer: lab <lab@example.org>\nDepends: debconf\nDescription: asks a question\n' >"$LAB/deb/DEBIAN/control"
printf 'Template: lab-asks/q\nType: string\nDefault: quiet\nDescription: a question\n' >"$LAB/deb/DEBIAN/templates"
printf '#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\ndb_input critical lab-asks/q || true\ndb_go\n' >"$LAB/deb/DEBIAN/config"
printf '#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\ndb_get lab-asks/q\necho "$RET" >/etc/lab-asks\n' >"$LAB/deb/DEBIAN/postinst"
chmod 755 "$LAB"/deb/DEBIAN/{config,postinst}
dpkg-deb --root-owner-group --build "$LAB/deb" "$(lab_root srv1)/root/lab-asks.deb" >/dev/null
in_host srv1 cp /root/lab-asks.deb /var/cache/lab-asks.deb
approved srv1 "sudo dpkg -i /var/cache/lab-asks.deb"
says "debconf asked nobody" "quiet" in_host srv1 cat /etc/lab-asks

part "Updating in place, with a question open"
in_host gateway sh -c 'echo "# mine" >>/opt/aiops/policies/packs/text.yml'
ask srv1 "sudo systemctl restart ssh"
is .status approval_requested
CODE=$(field .approval_code)
in_host gateway sh -c 'sha256sum /opt/aiops/config.yml /opt/aiops/keys/* /opt/aiops/targets/* >/root/before'
cp "$AIOPS_BIN" "$(lab_root gateway)/root/aiops-new"
printf 'x' >>"$(lab_root gateway)/root/aiops-new"
holds "a dry run" in_host gateway /root/aiops-new install update --dry-run
holds "aiops install update" in_host gateway /root/aiops-new install update
holds "the new program is in place" in_host gateway cmp /root/aiops-new /opt/aiops/bin/aiops
holds "for the agent too" in_host gateway cmp /root/aiops-new /opt/aiops/run_action
holds "configuration, keys and targets are as they were" in_host gateway sha256sum -c --quiet /root/before
says "what was edited stays" "# mine" in_host gateway tail -n 1 /opt/aiops/policies/packs/text.yml
vote alice approve "$CODE" || true
is .status executed
echo "  ok  the open question was answered by the new version, and ran"
holds "there is a way back" in_host gateway aiops install update --back
holds "which is the program before" in_host gateway cmp /root/aiops /opt/aiops/bin/aiops
auto srv1 uptime
in_host gateway sed -i '$d' /opt/aiops/policies/packs/text.yml

part "The cable is pulled in the middle of a run"
{ ask srv1 "sleep 20"; printf '%s' "$OUT" >"$LAB/cut.out"; } &
PID=$!
until_true 18 in_host srv1 pgrep -fx "sleep 20" || fail "the run did not begin"
unplug srv1
wait $PID || true
OUT=$(cat "$LAB/cut.out")
case $(field .status) in interrupted | timed_out) echo "  ok  $(field .status): $(field .message)" ;; *) fail "the gate claims to know how it ended" ;; esac
ask srv1 uptime
is .status failed
plug srv1
until_true 10 in_host gateway sh -c "timeout 1 bash -c '</dev/tcp/$(lab_address srv1)/22'" || fail "the cable is back, the way is not"
ask srv1 uptime
[ "$(field .status)" = executed ] || ask srv1 uptime
is .status executed
echo "  ok  the cable is back, and so is srv1"
holds "nothing of the log is lost" in_host gateway aiops audit verify

part "A target reboots"
reboot_host srv2
ask srv2 "systemctl is-system-running"
is .status executed
echo "  ok  srv2 answers after its reboot"
holds "srv2 is well" in_host srv2 aiops doctor
