# Sourced by quickstart.sh and tests/run.sh: installs missing Debian packages and gives them back.
# Never starts a service: what is installed here is used as a program, with its own private settings.

AIOPS_PACKAGES_NEW=()

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# need COMMAND=PACKAGE …: installs each PACKAGE whose COMMAND is not there.
need() {
  local pair missing=()
  for pair in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing: ${missing[*]}. This machine has no apt-get: install them, then run this again." >&2
    return 1
  fi
  echo "== Installing with apt-get: ${missing[*]}"
  local before after policy=/usr/sbin/policy-rc.d ours=no
  before=$(dpkg-query -W -f '${Package}\n' | sort)
  # 101 means "action forbidden" (policy-rc.d(8)): an installed sshd must not begin to listen.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && ours=yes
  fi
  as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  local status=$?
  [ "$ours" = no ] || as_root rm -f "$policy"
  after=$(dpkg-query -W -f '${Package}\n' | sort)
  mapfile -t -O "${#AIOPS_PACKAGES_NEW[@]}" AIOPS_PACKAGES_NEW < <(comm -13 <(echo "$before") <(echo "$after"))
  [ "$status" -eq 0 ] || echo "apt-get failed (status $status): see its message above." >&2
  return "$status"
}

# need_rust: a Rust that can build this, if there is none: the official installer puts it into ./target/rust, and nowhere else.
need_rust() {
  local wanted=95 minor arch sum folder=$PWD/target/rust
  [ ! -x "$folder/cargo/bin/cargo" ] || export RUSTUP_HOME=$folder/rustup CARGO_HOME=$folder/cargo PATH="$folder/cargo/bin:$PATH"
  minor=$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
  [ "${minor:-0}" -lt "$wanted" ] || ! command -v cargo >/dev/null || return 0
  need curl=curl sha256sum=coreutils
  [ -e /etc/ssl/certs/ca-certificates.crt ] || need no-such-command=ca-certificates
  arch=$(uname -m)-unknown-linux-gnu
  echo "== Rust 1.$wanted or newer is missing: bringing it into target/rust (static.rust-lang.org)"
  mkdir -p "$folder"
  curl -fsS --proto '=https' -o "$folder/rustup-init" "https://static.rust-lang.org/rustup/dist/$arch/rustup-init" &&
    sum=$(curl -fsS --proto '=https' "https://static.rust-lang.org/rustup/dist/$arch/rustup-init.sha256") &&
    echo "${sum:0:64}  $folder/rustup-init" | sha256sum -c --quiet - || {
    echo "Rust could not be fetched. Install it (https://rustup.rs), then run this again." >&2
    return 1
  }
  chmod 755 "$folder/rustup-init"
  export RUSTUP_HOME=$folder/rustup CARGO_HOME=$folder/cargo PATH="$folder/cargo/bin:$PATH"
  "$folder/rustup-init" -y -q --no-modify-path --profile minimal -c clippy -c rustfmt --default-toolchain stable >/dev/null 2>"$folder/log" ||
    { cat "$folder/log" >&2; return 1; }
}

# Removes exactly what need() brought in.
give_back() {
  [ "${#AIOPS_PACKAGES_NEW[@]}" -gt 0 ] || return 0
  echo "== Removing what was installed for this: ${AIOPS_PACKAGES_NEW[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq "${AIOPS_PACKAGES_NEW[@]}" >/dev/null
  AIOPS_PACKAGES_NEW=()
}
