#!/usr/bin/env bash
# Runs every test of aiops against real parts: bash, dash, sshd, sudo, strace, awk, sed, find, jq.
# Installs what is missing (apt-get, as root or through sudo) and removes it again unless --keep or CI.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=install/packages.sh
. install/packages.sh

KEEP=no
[ "${CI:-}" = true ] && KEEP=yes
case "${1:-}" in
  --keep) KEEP=yes; shift ;;
  -h | --help)
    echo "usage: tests/run.sh [--keep] [cargo test arguments]"
    echo "Runs all tests. --keep leaves the packages that had to be installed."
    exit 0 ;;
esac

MADE_RUN_SSHD=no
cleanup() {
  local status=$?
  set +e
  [ "$MADE_RUN_SSHD" = no ] || rmdir /run/sshd 2>/dev/null
  [ "$KEEP" = yes ] || give_back
  exit "$status"
}
trap cleanup EXIT

need git=git sshd=openssh-server ssh=openssh-client cc=gcc dash=dash jq=jq strace=strace gawk=gawk mawk=mawk \
  oathtool=oathtool exim4=exim4-daemon-light curl=curl sudo=sudo busybox=busybox setpriv=util-linux ps=procps gzip=gzip flock=util-linux \
  openssl=openssl rsyslogd=rsyslog chattr=e2fsprogs ip=iproute2 visudo=sudo unshare=util-linux \
  parallel=parallel ltrace=ltrace time=time script=bsdutils watch=procps xargs=findutils
need_rust
# sshd, started by root, separates its privileges in this folder; its service would make it.
if [ "$(id -u)" -eq 0 ] && [ ! -d /run/sshd ]; then mkdir -m 755 /run/sshd; MADE_RUN_SSHD=yes; fi

echo "== cargo test"
cargo test --locked "$@"
# With arguments, some tests are wanted; without, all: also the hosts.
[ "$#" -gt 0 ] || bash tests/lab.sh
