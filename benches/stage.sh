# Sourced by the scripts here: a throwaway folder with a gate's configuration and, for who wants them, private sshds on
# loopback ports, each with keys of its own. Everything is gone when the script ends.
# shellcheck source=install/packages.sh
. install/packages.sh
STAGE=$(mktemp -d /tmp/aiops-bench.XXXXXX)
LOGIN=$(id -un)
stage_over() {
  local status=$? socket pid
  set +e
  for socket in "$STAGE"/runtime/ssh/* "$STAGE"/py/master; do
    [ -S "$socket" ] && ssh -F none -O exit -o ControlPath="$socket" 127.0.0.1 2>/dev/null
  done
  for pid in "$STAGE"/*/sshd.pid; do [ -s "$pid" ] && kill "$(cat "$pid")" 2>/dev/null; done
  rm -rf "$STAGE"
  give_back
  exit "$status"
}
trap stage_over EXIT

# program debug|release: AIOPS, or that build of it; the release as its package has it (install/deb.sh), static.
program() {
  [ -z "${AIOPS:-}" ] || return 0
  local built=${CARGO_TARGET_DIR:-target} static=()
  if [ "$1" = release ]; then
    static=(--release --target "$(uname -m)-unknown-linux-musl")
    if rustup target list --installed 2>/dev/null | grep -qx "${static[2]}"; then
      built=$built/${static[2]}
    else
      echo "Not the program of the package: the target ${static[2]} is not installed." >&2
      static=(--release)
    fi
  fi
  cargo build "${static[@]}" --locked --quiet
  AIOPS=$(realpath "$built/$1/aiops")
}

# configured POLICY: the shipped policies and a config.yml, whose rest comes from standard input.
configured() {
  cp -r policies "$STAGE"; chmod -R go-w "$STAGE/policies"
  printf '%s\n' "version: 1" "policy: policies/$1" "state_dir: runtime" "audit_log: audit.jsonl" >"$STAGE/config.yml"
  cat >>"$STAGE/config.yml"
  chmod 600 "$STAGE/config.yml"
  # A policy that has just been written is not kept: wait until it has settled.
  sleep 3
}

# hosts: what the sshds and the measuring need.
hosts() {
  need sshd=openssh-server ssh=openssh-client cc=gcc jq=jq python3=python3 sudo=sudo unshare=util-linux
  cc -O2 -o "$STAGE/measure" benches/measure.c
  # The login user of a target as the installer makes it: /bin/sh, and a home without start-up files. The sshds see
  # it so through an /etc/passwd of their own (as root, in a mount namespace); else the shell is what it is.
  awk -F: -v OFS=: -v user="$LOGIN" -v home="$STAGE/home" '$1 == user { $6 = home; $7 = "/bin/sh" } { print }' /etc/passwd >"$STAGE/passwd"
  mkdir -m 700 "$STAGE/home"
  if ! mounted true 2>/dev/null; then
    echo "The login shell is $(getent passwd "$LOGIN" | cut -d: -f7) with its start-up files: figures of runs hold for that." >&2
    mounted() { "$@"; }
  fi
}
mounted() { unshare -m sh -c 'mount --bind "$0" /etc/passwd && exec "$@"' "$STAGE/passwd" "$@"; }

# sshd_at NAME: starts one; its folder is $STAGE/NAME, its port in PORT.
sshd_at() {
  local dir=$STAGE/$1
  mkdir -m 700 "$dir"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/host_key"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/id_ed25519"
  cp "$dir/id_ed25519.pub" "$dir/authorized_keys"
  [ "$(id -u)" -ne 0 ] || mkdir -p -m 755 /run/sshd
  local try
  for try in 1 2 3 4 5; do
    PORT=$((20000 + RANDOM % 20000))
    printf '%s\n' "ListenAddress 127.0.0.1:$PORT" "HostKey $dir/host_key" "AuthorizedKeysFile $dir/authorized_keys" \
      "PidFile $dir/sshd.pid" "PasswordAuthentication no" "KbdInteractiveAuthentication no" "StrictModes no" "UsePAM no" \
      "PermitRootLogin prohibit-password" >"$dir/sshd_config"
    mounted "$(PATH="$PATH:/usr/sbin" command -v sshd)" -f "$dir/sshd_config" -E "$dir/sshd.log" || continue
    for try in 1 2 3 4 5 6 7 8 9 10; do [ -s "$dir/sshd.pid" ] && break 2; sleep 0.1; done
  done
  echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
}

# The line of config.yml for it.
target_line() {
  echo "  $1: { transport: ssh, host: 127.0.0.1, port: $PORT, user: $LOGIN, identity: $1/id_ed25519, known_hosts: $1/known_hosts }"
}
