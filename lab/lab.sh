#!/usr/bin/env bash
# Real hosts for tests: boots Debian systems with their own systemd, sshd, sudo, users and network,
# each in about two seconds, from copy-on-write overlays of this machine.
#
#   lab/lab.sh run SCRIPT [ARG…]   runs SCRIPT with the functions below; everything is gone afterwards
#   lab/lab.sh shell               the same, with an interactive shell
#   lab/lab.sh can                 says whether this machine can do it, and if not, why (exit 1)
#
# Nothing of the machine is changed. All of it lives in private mount, PID, network and UTS
# namespaces on a tmpfs: when the first process ends in any way, kill -9 included, the kernel takes
# the hosts, mounts, addresses and files away. Packages that the hosts need are installed into an
# overlay (LAB_PACKAGES), kept as an archive in target/lab so that the next run starts at once.
set -euo pipefail

LAB_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB_PACKAGES="systemd-container systemd-sysv dbus openssh-server sudo nginx-light iproute2 logrotate debconf openssl"
LAB=/media # hidden under a tmpfs of our own; the machine's folder is not touched
LAB_NET=10.77.0

lab_can() {
  [ "$(id -u)" -eq 0 ] || { echo "not root"; return 1; }
  local tool
  for tool in unshare setpriv ip mount apt-get dpkg-query tar; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$tool" >/dev/null || { echo "$tool is not installed"; return 1; }
  done
  unshare --mount --pid --fork --net --uts --ipc --propagation private true 2>/dev/null || { echo "namespaces cannot be made here"; return 1; }
  unshare --mount --propagation private sh -c "mount -t tmpfs lab $LAB && mkdir $LAB/u $LAB/w $LAB/r &&
    mount -t overlay lab -o lowerdir=/,upperdir=$LAB/u,workdir=$LAB/w $LAB/r" 2>/dev/null ||
    { echo "an overlay of / cannot be mounted here"; return 1; }
}

# --- from here on: inside the private namespaces ---

lab_begin() {
  mount -t tmpfs -o size=75% lab "$LAB"
  mount -t tmpfs lab-run /run
  mkdir -p /run/netns /run/lock
  mkdir "$LAB/hosts" "$LAB/base"
  ip netns add switch
  ip -n switch link add name br0 type bridge
  ip -n switch link set br0 up
  lab_base
}

# The layer below all hosts: this machine, and the packages it lacks.
lab_base() {
  local missing=() package key archive
  for package in $LAB_PACKAGES; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  LAB_LOWER=/
  [ "${#missing[@]}" -gt 0 ] || return 0
  key=$( (cat /var/lib/dpkg/status; echo "${missing[@]}") | sha256sum | cut -c1-16)
  archive=$LAB_HOME/target/lab/base-$key.tar
  mkdir -p "$LAB/base/upper" "$LAB/base/work" "$LAB/base/root"
  if [ -s "$archive" ]; then
    tar -C "$LAB/base/upper" --xattrs --xattrs-include='*' -xpf "$archive"
  else
    echo "== lab: installing into the hosts' base layer: ${missing[*]}" >&2
    mount -t overlay base -o "lowerdir=/,upperdir=$LAB/base/upper,workdir=$LAB/base/work" "$LAB/base/root"
    printf '#!/bin/sh\nexit 101\n' >"$LAB/base/root/usr/sbin/policy-rc.d"
    chmod 755 "$LAB/base/root/usr/sbin/policy-rc.d"
    mount --rbind /dev "$LAB/base/root/dev"
    mount -t proc proc "$LAB/base/root/proc"
    # The network of the machine is needed for this one step: it was kept in /proc/1 of lab_enter's caller.
    nsenter --net="/proc/self/fd/9" chroot "$LAB/base/root" sh -ec \
      "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; apt-get install -y -qq --no-install-recommends ${missing[*]}; apt-get clean" \
      >"$LAB/base/apt.log" 2>&1 </dev/null || { cat "$LAB/base/apt.log" >&2; echo "lab: the hosts' packages cannot be installed: is there a way to a Debian mirror?" >&2; exit 69; }
    rm -f "$LAB/base/root/usr/sbin/policy-rc.d"
    umount -l "$LAB/base/root/proc" "$LAB/base/root/dev"
    umount "$LAB/base/root"
    rm -rf "$LAB/base/upper/var/lib/apt/lists"
    mkdir -p "${archive%/*}"
    rm -f "${archive%/*}"/base-*.tar
    tar -C "$LAB/base/upper" --xattrs --xattrs-include='*' -cpf "$archive.new" . && mv "$archive.new" "$archive"
  fi
  LAB_LOWER=$LAB/base/upper:/
}

lab_root() { echo "$LAB/hosts/$1/root"; }
lab_address() { cat "$LAB/hosts/$1/address"; }

# host NAME NUMBER: boots a host at 10.77.0.NUMBER and waits until it is up.
host() {
  local name=$1 number=$2 dir=$LAB/hosts/$1 root unit
  root=$dir/root
  mkdir -p "$dir/upper" "$dir/work" "$root"
  echo "$LAB_NET.$number" >"$dir/address"
  mount -t overlay "$name" -o "lowerdir=$LAB_LOWER,upperdir=$dir/upper,workdir=$dir/work" "$root"
  rm -f "$root/etc/machine-id" "$root"/etc/ssh/ssh_host_*_key*
  : >"$root/etc/machine-id"
  echo "$name" >"$root/etc/hostname"
  echo "127.0.0.1 localhost $name" >"$root/etc/hosts"
  : >"$root/etc/fstab"
  # What these hosts do not need, and what would reach out.
  for unit in systemd-timesyncd postgresql e2scrub_reap apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer fstrim.timer man-db.timer systemd-networkd systemd-resolved systemd-udevd systemd-udev-trigger \
    getty@tty1 console-getty sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount \
    docker containerd cron systemd-journal-flush; do
    case $unit in *.*) ;; *) unit=$unit.service ;; esac
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  rm -f "$root"/etc/systemd/system/multi-user.target.wants/{nginx,postgresql}.service
  # A pristine sshd: the machine's own settings may be anything.
  rm -rf "$root"/etc/ssh/sshd_config.d/*
  printf '%s\n' 'UsePAM yes' 'PasswordAuthentication no' 'X11Forwarding no' 'PrintMotd no' \
    'Subsystem sftp /usr/lib/openssh/sftp-server' >"$root/etc/ssh/sshd_config"
  ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$root/etc/ssh/ssh_host_ed25519_key"
  ln -sf /lib/systemd/system/ssh.service "$root/etc/systemd/system/multi-user.target.wants/ssh.service"
  rm -rf "$root"/opt/aiops "$root"/etc/sudoers.d/* "$root"/var/log/journal
  rm -rf "$root"/root/.ssh
  lab_wire "$name" "$number"
  boot "$name"
}

lab_wire() {
  local name=$1 number=$2
  ip netns add "$name"
  ip -n switch link add "v$number" type veth peer name host0 netns "$name"
  ip -n switch link set "v$number" master br0 up
  ip -n "$name" link set lo up
  ip -n "$name" address add "$LAB_NET.$number/24" dev host0
  ip -n "$name" link set host0 up
  echo "v$number" >"$LAB/hosts/$name/port"
}

# boot NAME: starts systemd in it; returns when its sshd listens.
boot() {
  local name=$1 dir=$LAB/hosts/$1 began now
  began=$(date +%s%N)
  lab_cgroups "$name"
  (
  for controller in $LAB_CGROUPS; do echo 0 >"$controller/cgroup.procs"; done
  exec env LD_LIBRARY_PATH=$LAB/base/upper/usr/lib/x86_64-linux-gnu/systemd:$LAB/base/upper/usr/lib/x86_64-linux-gnu \
    "$(lab_nspawn)" --quiet --register=no --keep-unit --directory="$dir/root" --boot --link-journal=no \
    --network-namespace-path="/run/netns/$name" --machine="$name" --console=pipe --capability=all \
    --resolv-conf=off --timezone=off ${LAB_NSPAWN_OPTIONS:-} \
    </dev/null >"$dir/console" 2>&1
  ) &
  echo $! >"$dir/nspawn.pid"
  local tries controller
  for tries in $(seq 1 300); do
    if [ -s "$dir/nspawn.pid" ] && ! kill -0 "$(cat "$dir/nspawn.pid")" 2>/dev/null; then
      echo "lab: $name did not boot:" >&2; tail -n 30 "$dir/console" >&2; return 1
    fi
    if in_host "$name" systemctl is-active --quiet ssh multi-user.target 2>/dev/null; then break; fi
    sleep 0.1
  done
  # On a machine of the first cgroup generation nspawn gives controllers read-only; memory limits need one.
  in_host "$name" sh -c '[ ! -d /sys/fs/cgroup/memory ] || { mount -o remount,bind,rw /sys/fs/cgroup/memory && systemctl daemon-reexec; }'
  in_host "$name" systemctl is-active --quiet ssh || { echo "lab: $name is not up:" >&2; tail -n 40 "$dir/console" >&2; in_host "$name" systemctl --failed --no-pager; return 1; }
  now=$(date +%s%N)
  printf 'lab: %s booted in %d ms\n' "$name" $(((now - began) / 1000000))
}

# Every host needs a cgroup of its own, in each hierarchy that its systemd will use.
lab_cgroups() {
  local hierarchy
  LAB_CGROUPS=
  for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup/memory /sys/fs/cgroup; do
    [ -w "$hierarchy/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/aiops-lab-$LAB_ID/$1"
    LAB_CGROUPS="$LAB_CGROUPS $hierarchy/aiops-lab-$LAB_ID/$1"
  done
}

lab_nspawn() {
  if [ -x "$LAB/base/upper/usr/bin/systemd-nspawn" ]; then echo "$LAB/base/upper/usr/bin/systemd-nspawn"; else command -v systemd-nspawn; fi
}

# The host's systemd, as this PID namespace sees it.
lab_leader() {
  local nspawn child
  nspawn=$(cat "$LAB/hosts/$1/nspawn.pid")
  for child in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
    case $(cat "/proc/$child/comm" 2>/dev/null) in systemd | init) echo "$child"; return 0 ;; esac
    local deeper
    for deeper in $(cat "/proc/$child/task/$child/children" 2>/dev/null); do
      case $(cat "/proc/$deeper/comm" 2>/dev/null) in systemd | init) echo "$deeper"; return 0 ;; esac
    done
  done
  return 1
}

# in_host NAME COMMAND…: runs it there as root, with a clean environment; standard input is passed on.
in_host() {
  local name=$1 leader
  shift
  leader=$(lab_leader "$name") || return 1
  nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --root -- \
    env -C / -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 "$@"
}

# as USER@HOST COMMAND…: runs it there as that user, with a login's groups.
as() {
  local who=$1
  shift
  in_host "${who#*@}" setpriv --reuid "${who%@*}" --regid "${who%@*}" --init-groups -- \
    env HOME="$(in_host "${who#*@}" getent passwd "${who%@*}" | cut -d: -f6)" USER="${who%@*}" "$@"
}

# unplug NAME, plug NAME: the network cable.
unplug() { ip -n switch link set "$(cat "$LAB/hosts/$1/port")" down; }
plug() { ip -n switch link set "$(cat "$LAB/hosts/$1/port")" up; }

# halt NAME: a clean shutdown.
halt_host() {
  local pid
  pid=$(cat "$LAB/hosts/$1/nspawn.pid")
  in_host "$1" systemctl poweroff 2>/dev/null || true
  local tries
  for tries in $(seq 1 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
reboot_host() { halt_host "$1"; boot "$1"; }

# Cgroups are the one thing that outlives the namespaces: those of labs whose first process is gone are empty, and removed.
lab_sweep() {
  local cgroup id tries
  for tries in 1 2 3 4 5 6 7 8 9 10; do
    local left=no
    for cgroup in /sys/fs/cgroup/*/aiops-lab-* /sys/fs/cgroup/aiops-lab-*; do
      [ -d "$cgroup" ] || continue
      id=${cgroup##*-}
      # A zombie has no command line.
      if [ "$id" != "$LAB_ID" ] && [ -n "$(tr -d "\0" <"/proc/$id/cmdline" 2>/dev/null)" ]; then continue; fi
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
      [ ! -d "$cgroup" ] || left=yes
    done
    [ "$left" = yes ] || break
    sleep 0.1
  done
}

# --- the command line ---

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  case "${1:-}" in
    can) lab_can ;;
    run | shell)
      why=$(lab_can) || { echo "lab: this machine cannot boot test hosts: $why" >&2; exit 69; }
      # Descriptor 9: the machine's network, for installing packages into the base layer only.
      exec 9</proc/self/ns/net
      export LAB_ID=$$
      trap 'kill -9 $! 2>/dev/null; wait; lab_sweep; exit 130' INT TERM HUP
      setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc --net --uts --ipc --propagation private \
        bash "$0" inside "$@" <&0 &
      status=0
      wait $! || status=$?
      set +e
      lab_sweep
      exit $status
      ;;
    inside)
      what=$2
      shift 2
      lab_begin
      if [ "$what" = shell ]; then
        set +e
        bash --rcfile <(declare -f; declare -p LAB LAB_NET LAB_LOWER LAB_HOME LAB_ID; echo 'PS1="lab# "') -i
      else
        script=$1
        shift
        # shellcheck disable=SC1090
        . "$script"
      fi
      # The kernel ends the hosts with this process; what they say of that is of no interest.
      exec 2>/dev/null
      ;;
    *) sed -n '2,12p' "$0"; exit 64 ;;
  esac
fi
