# Every runbook's incident, for real: a broken service, diagnosis through the gate, approval, repair, a healthy service.
# Each `gate` line of the runbook is sent as it stands, and must be answered as the runbook says.
# shellcheck shell=bash
web() { in_host gateway sh -c "exec 3<>/dev/tcp/$(lab_address srv1)/80" 2>/dev/null || in_host gateway bash -c "exec 3<>/dev/tcp/$(lab_address srv1)/80"; }
site() {
  in_host srv1 sh -c 'rm -f /etc/nginx/sites-enabled/*; mkdir -p /var/www/site /etc/nginx/tls; echo hello >/var/www/site/index.html'
  printf 'server {\n  listen 80;\n  root /var/www/site;\n}\n' | in_host srv1 sh -c 'cat >/etc/nginx/conf.d/site.conf && cp /etc/nginx/conf.d/site.conf /etc/nginx/conf.d/site.conf.good && systemctl restart nginx'
}

part "Incident: nginx with a bad configuration"
site
holds "the site answers" web
in_host srv1 sh -c 'sed -i "s/listen 80/listn 80/" /etc/nginx/conf.d/site.conf; systemctl restart nginx' 2>/dev/null || true
fails "the site is down" web
auto srv1 "systemctl status nginx --no-pager"
is .exit_code 3
auto srv1 "sudo nginx -t"
case $(field .stderr) in *'unknown directive "listn"'*) echo '  ok  nginx -t names the line' ;; *) fail "nginx -t does not name the line" ;; esac
gates nginx-bad-config srv1 Diagnose
gates nginx-bad-config srv1 Repair
gates nginx-bad-config srv1 Check
holds "the site answers again" web

part "Incident: a unit fails with 203/EXEC"
printf '#!/bin/sh\nexec sleep infinity\n' | in_host srv1 sh -c 'cat >/usr/local/bin/billing; chmod 644 /usr/local/bin/billing'
printf '[Service]\nExecStart=/usr/local/bin/billing\n[Install]\nWantedBy=multi-user.target\n' | in_host srv1 sh -c 'cat >/etc/systemd/system/billing.service; systemctl daemon-reload; systemctl start billing' || true
sleep 0.3
auto srv1 "systemctl status billing --no-pager"
case $(field .stdout) in *203/EXEC*) echo '  ok  systemd says 203/EXEC' ;; *) fail "systemd does not say 203/EXEC" ;; esac
gates unit-203-exec srv1 Diagnose
gates unit-203-exec srv1 Repair
gates unit-203-exec srv1 Check
holds "billing runs" in_host srv1 systemctl is-active billing

part "Incident: a disk is full"
in_host srv1 sh -c 'mkdir -p /var/log/app && mount -t tmpfs -o size=8m app /var/log/app && echo old >/var/log/app/debug.log.1'
printf '[Service]\nExecStart=/bin/sh -c "while :; do echo line >>/var/log/app/app.log || exit 1; sleep 0.2; done"\n' | in_host srv1 sh -c 'cat >/etc/systemd/system/app.service; systemctl daemon-reload; dd if=/dev/zero of=/var/log/app/debug.log bs=1M 2>/dev/null; systemctl start app' || true
until_true 5 in_host srv1 systemctl is-failed app || fail "the app should have failed on a full disk"
gates disk-full srv1 Diagnose
ask srv1 "df -h"
case $(field .stdout) in *"100%"*/var/log/app*) echo '  ok  df shows it' ;; *) fail "df does not show the full disk" ;; esac
gates disk-full srv1 Repair
approved srv1 "sudo systemctl restart app"
gates disk-full srv1 Check
sleep 0.5
holds "the app runs" in_host srv1 systemctl is-active app

part "Incident: a service out of memory"
printf '#!/bin/sh\n# Needs some 100 MB at once.\nx=$(head -c 50000000 /dev/zero | tr "\\0" a)\nsleep infinity\n' | in_host srv1 sh -c 'cat >/usr/local/bin/worker; chmod 755 /usr/local/bin/worker'
printf '[Service]\nExecStart=/usr/local/bin/worker\nMemoryMax=20M\nMemorySwapMax=0\n[Install]\nWantedBy=multi-user.target\n' | in_host srv1 sh -c 'cat >/etc/systemd/system/worker.service; systemctl daemon-reload; systemctl start worker' || true
until_true 10 in_host srv1 systemctl is-failed worker || fail "the worker should have been killed"
auto srv1 "systemctl show worker -p Result"
case $(field .stdout) in *oom-kill* | *signal*) echo "  ok  $(field .stdout | tr -d '\n')" ;; *) fail "the worker was not killed" ;; esac
gates out-of-memory srv1 Diagnose
gates out-of-memory srv1 Repair
sleep 1
gates out-of-memory srv1 Check
holds "the worker runs" in_host srv1 systemctl is-active worker

part "Incident: a certificate is about to expire"
in_host srv1 sh -c 'openssl req -x509 -newkey ed25519 -nodes -keyout /etc/nginx/tls/site.key -out /etc/nginx/tls/site.crt -days 2 -subj /CN=site.example 2>/dev/null; chmod 600 /etc/nginx/tls/site.key'
printf 'server {\n  listen 443 ssl;\n  ssl_certificate /etc/nginx/tls/site.crt;\n  ssl_certificate_key /etc/nginx/tls/site.key;\n}\n' | in_host srv1 sh -c 'cat >/etc/nginx/conf.d/tls.conf; systemctl restart nginx'
printf '[Service]\nType=oneshot\nExecStart=/usr/bin/openssl req -x509 -key /etc/nginx/tls/site.key -out /etc/nginx/tls/site.crt -days 90 -subj /CN=site.example\n' | in_host srv1 sh -c 'cat >/etc/systemd/system/site-renew.service'
printf '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n' | in_host srv1 sh -c 'cat >/etc/systemd/system/site-renew.timer; systemctl daemon-reload'
served() { in_host gateway sh -c "echo | openssl s_client -connect $(lab_address srv1):443 2>/dev/null | openssl x509 -noout -checkend 604800"; }
fails "what is served expires within a week" served
gates certificate-expiry srv1 Diagnose
gates certificate-expiry srv1 Repair
gates certificate-expiry srv1 Check

holds "what is served is good for longer" served
