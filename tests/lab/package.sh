# The Debian package comes and goes without a trace.
# shellcheck shell=bash
part "The Debian package"
holds "install/deb.sh" bash "$LAB_HOME/install/deb.sh" --fast --binary "$AIOPS_BIN" "$LAB/package"
printf '      %s\n' "${OUT##*/}"
DEB=$(ls "$LAB"/package/*.deb)
cp "$DEB" "$(lab_root srv2)/root/aiops.deb"
before=$(in_host srv2 sh -c 'find /usr /etc /var/lib -not -path "/var/lib/dpkg/*" | sort | sha256sum')
holds "dpkg -i" in_host srv2 dpkg -i /root/aiops.deb
says "the program runs" "aiops " in_host srv2 /usr/bin/aiops --version
holds "the manual is there" in_host srv2 test -s /usr/share/man/man1/aiops-install-gateway.1.gz
holds "it is all owned by root" in_host srv2 sh -c '! dpkg -L aiops | xargs -d "\n" stat -c "%U %A %n" | grep -vE "^root .......(-|x|r-x|r--)" | grep -v "^root"'
holds "dpkg --purge" in_host srv2 dpkg --purge aiops
[ "$before" = "$(in_host srv2 sh -c 'find /usr /etc /var/lib -not -path "/var/lib/dpkg/*" | sort | sha256sum')" ] || fail "the package left something"
echo "  ok  nothing is left of it"
