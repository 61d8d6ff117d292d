#!/usr/bin/env bash
# Makes a Debian package of aiops with dpkg-deb: the program, its manual, completions and documents.
# It changes nothing but files below /usr: making a host a gateway or a target is `aiops install …`.
#
#   install/deb.sh [--fast] [--binary FILE] [FOLDER]   default: a static release build, into target/deb
#   --fast compresses little (for tests).
set -euo pipefail
cd "$(dirname "$0")/.."
BINARY=
COMPRESS=(-Zxz)
if [ "${1:-}" = --fast ]; then COMPRESS=(-Zgzip -z1); shift; fi
if [ "${1:-}" = --binary ]; then BINARY=$2; shift 2; fi
OUT=${1:-target/deb}
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is missing: this makes packages for Debian, on Debian." >&2; exit 69; }

if [ -z "$BINARY" ]; then
  TARGET=$(uname -m)-unknown-linux-musl
  if rustup target list --installed 2>/dev/null | grep -qx "$TARGET"; then
    cargo build --release --locked --target "$TARGET"
    BINARY=${CARGO_TARGET_DIR:-target}/$TARGET/release/aiops
  else
    echo "The target $TARGET is not installed (rustup target add $TARGET): linking with this machine's libc instead." >&2
    cargo build --release --locked
    BINARY=${CARGO_TARGET_DIR:-target}/release/aiops
  fi
fi

VERSION=$("$BINARY" --version | cut -d' ' -f2)
ARCH=$(dpkg --print-architecture)
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
install -D -m 755 "$BINARY" "$STAGE/usr/bin/aiops"
mkdir -p "$STAGE/usr/share/man/man1" "$STAGE/DEBIAN"
"$BINARY" man "$STAGE/usr/share/man/man1"
gzip -9n "$STAGE"/usr/share/man/man1/*
for pair in bash=bash-completion/completions/aiops zsh=zsh/vendor-completions/_aiops fish=fish/vendor_completions.d/aiops.fish; do
  mkdir -p "$STAGE/usr/share/${pair#*=}" && rmdir "$STAGE/usr/share/${pair#*=}"
  "$BINARY" completions "${pair%%=*}" >"$STAGE/usr/share/${pair#*=}"
done
install -D -m 644 LICENSE "$STAGE/usr/share/doc/aiops/copyright"
gzip -9nc CHANGELOG.md >"$STAGE/usr/share/doc/aiops/changelog.gz"
for doc in README.md SECURITY.md docs/install.md docs/policy.md; do
  [ ! -e "$doc" ] || install -D -m 644 "$doc" "$STAGE/usr/share/doc/aiops/${doc##*/}"
done
# A static program needs no libc; the others are what it calls.
DEPENDS="openssh-client, sudo, util-linux, coreutils"
if ldd "$BINARY" >/dev/null 2>&1; then DEPENDS="libc6, $DEPENDS"; fi
cat >"$STAGE/DEBIAN/control" <<CONTROL
Package: aiops
Version: $VERSION
Architecture: $ARCH
Maintainer: aiops maintainers <aiops@localhost>
Installed-Size: $(du -sk "$STAGE" | cut -f1)
Depends: $DEPENDS
Recommends: openssh-server
Section: admin
Priority: optional
Description: sudo for chat agents
 Stands between a conversational agent and Linux servers: reads a shell command
 as the shell would, decides by policy, asks a human, runs it over SSH, and keeps
 an audit log that can be verified.
 .
 The package only brings the program: see aiops-install-gateway(1).
CONTROL
cat >"$STAGE/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
# The package did not make this host a gateway or target, and so does not unmake it.
if [ "$1" = remove ] && [ -e /opt/aiops/installed.json ]; then
  echo "aiops: this host is a gateway or a target and stays one: /opt/aiops/bin/aiops install remove" >&2
fi
PRERM
chmod 755 "$STAGE/DEBIAN/prerm"
find "$STAGE" -type d -exec chmod 755 {} +
mkdir -p "$OUT"
FILE=$OUT/aiops_${VERSION}_$ARCH.deb
dpkg-deb "${COMPRESS[@]}" --root-owner-group --build "$STAGE" "$FILE" >/dev/null
echo "$FILE $(stat -c %s "$FILE") bytes, program $(stat -c %s "$BINARY") bytes"
