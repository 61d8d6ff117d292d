//! Programs that run what they are given, in ways that are not read exactly: by their names, subcommands and options.
//!
//! What stands here is marked, and all that could be what it runs is put before the policy. A name that is missing
//! leaves a program one of many: the policy must not allow it by its name alone.

use super::shells::SHELLS;
use crate::command::call::Call;

/// Programs that run code of a language of their own, which stands in a file or in their words; sorted.
const INTERPRETERS: [&str; 38] = [
    ".",
    "Rscript",
    "ansible",
    "bash-static",
    "bun",
    "csh",
    "dc",
    "deno",
    "expect",
    "fish",
    "gdb",
    "guile",
    "hush",
    "ksh",
    "lksh",
    "lua",
    "make",
    "mksh",
    "node",
    "nodejs",
    "octave",
    "oksh",
    "osh",
    "perl",
    "php",
    "posh",
    "pwsh",
    "pypy",
    "python",
    "ruby",
    "rzsh",
    "salt",
    "sash",
    "source",
    "tclsh",
    "tcsh",
    "yash",
    "zsh",
];

/// Programs that run the command in their words, in ways that are not read here; sorted.
const OPAQUE: [&str; 183] = [
    "aa-exec",
    "arch-chroot",
    "argv0",
    "at",
    "authbind",
    "autossh",
    "batch",
    "bfs",
    "bpftrace",
    "bunx",
    "bwrap",
    "capsh",
    "catatonit",
    "cgexec",
    "choom",
    "chpst",
    "clush",
    "coproc",
    "coresched",
    "coreutils",
    "cpulimit",
    "crontab",
    "cttyhack",
    "daemonize",
    "datefudge",
    "dbclient",
    "dbus-launch",
    "dbus-run-session",
    "debconf",
    "dumb-init",
    "dzdo",
    "eatmydata",
    "enosys",
    "entr",
    "env_parallel",
    "envdir",
    "envuidgid",
    "exec",
    "execlineb",
    "fakechroot",
    "fakeroot",
    "faketime",
    "fd",
    "fdfind",
    "fghack",
    "firejail",
    "flock",
    "genv",
    "getty",
    "gfind",
    "gksu",
    "gnice",
    "gnohup",
    "gosu",
    "gpg-agent",
    "gstdbuf",
    "gtimeout",
    "gxargs",
    "homectl",
    "hyperfine",
    "ifne",
    "incus",
    "inotifyd",
    "inotifywait",
    "ksu",
    "lckdo",
    "ld.so",
    "linux32",
    "linux64",
    "logsave",
    "ltrace",
    "lxc",
    "lxc-attach",
    "machinectl",
    "memusage",
    "minijail0",
    "mispipe",
    "mosh",
    "multitime",
    "nc",
    "ncat",
    "netcat",
    "newgrp",
    "newrole",
    "niceload",
    "nocache",
    "npx",
    "nsenter",
    "nsjail",
    "openvt",
    "operf",
    "parallel",
    "parallel-ssh",
    "pbrun",
    "pdsh",
    "pee",
    "perf",
    "pfexec",
    "pgrphack",
    "pipesz",
    "please",
    "plink",
    "pnpx",
    "prlimit",
    "proot",
    "proxychains",
    "proxychains4",
    "pssh",
    "remsh",
    "rlwrap",
    "rsh",
    "run-parts",
    "run0",
    "run_init",
    "runcon",
    "runuser",
    "s6-applyuidgid",
    "s6-envdir",
    "s6-setsid",
    "s6-setuidgid",
    "s6-softlimit",
    "s6-sudo",
    "sandbox",
    "schedtool",
    "schroot",
    "screen",
    "script",
    "sem",
    "setarch",
    "setlock",
    "setpgid",
    "setuidgid",
    "seunshare",
    "sg",
    "slogin",
    "socat",
    "socksify",
    "softlimit",
    "sotruss",
    "ssh-agent",
    "sshpass",
    "stap",
    "start-stop-daemon",
    "strace",
    "su",
    "su-exec",
    "sudo-rs",
    "sudo.ws",
    "sux",
    "systemd-cat",
    "systemd-dissect",
    "systemd-inhibit",
    "systemd-notify",
    "systemd-nspawn",
    "systemd-pty-forward",
    "systemd-run",
    "systemd-socket-activate",
    "tcpserver",
    "tcpsvd",
    "telnetd",
    "tini",
    "tmux",
    "torify",
    "torsocks",
    "trace-cmd",
    "trap",
    "trickle",
    "tsocks",
    "uclampset",
    "udhcpc",
    "udpsvd",
    "uftrace",
    "unbuffer",
    "unshare",
    "uwsgi",
    "valgrind",
    "vidir",
    "vipe",
    "virsh",
    "watchexec",
    "with-contenv",
    "xvfb-run",
    "zrun",
];

/// sudo and its kin, which run a command as another user.
const ELEVATING: [&str; 6] = ["sudo", "doas", "sudo-rs", "sudo.ws", "dzdo", "pfexec"];

/// Whether a program is sudo, or one of its kin.
pub(super) fn elevates(base: &str) -> bool {
    ELEVATING.contains(&base)
}

/// Whether a program runs code that it is given.
pub fn is_interpreter(base: &str) -> bool {
    SHELLS.contains(&base)
        || runs_a_language(base)
        || OPAQUE.binary_search(&base).is_ok()
        || matches!(
            base,
            "busybox" | "toybox" | "eval" | "exec" | "command" | "builtin" | "setpriv"
        )
        || base.starts_with("ld-linux")
        || base.starts_with("ld-musl")
}

/// Whether a program's words are the names and arguments of its own code.
pub(super) fn runs_a_language(base: &str) -> bool {
    // `python3.11`, `php8.2`
    let name = base.strip_suffix("-static").unwrap_or(base);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let listed = |name: &str| INTERPRETERS.binary_search(&name).is_ok();
    SHELLS.contains(&base) || listed(base) || !name.is_empty() && listed(name)
}

/// Options and subcommands with which a program runs a command.
struct Runs {
    names: &'static [&'static str],
    /// Words that say so, wherever they stand.
    words: &'static [&'static str],
    /// What an option that says so begins with.
    options: &'static [&'static str],
}

const RUNS: [Runs; 38] = [
    Runs {
        names: &[
            "docker",
            "podman",
            "nerdctl",
            "crictl",
            "ctr",
            "docker-compose",
            "podman-compose",
        ],
        words: &["exec", "run", "create", "unshare", "ssh"],
        options: &[],
    },
    Runs {
        names: &[
            "npm", "yarn", "pnpm", "bundle", "bundler", "composer", "dotnet", "gem",
        ],
        words: &["exec", "x", "dlx", "explore", "create"],
        options: &["--script-shell"],
    },
    Runs {
        names: &[
            "runc", "crun", "pct", "qm", "nomad", "consul", "etcdctl", "buildah", "crm",
        ],
        words: &[
            "exec", "run", "unshare", "enter", "guest", "lock", "watch", "elect",
        ],
        options: &[],
    },
    Runs {
        names: &["minikube", "vagrant", "gcloud", "doctl", "hcloud", "vault"],
        words: &["ssh"],
        options: &[],
    },
    Runs {
        names: &["minikube"],
        words: &["kubectl"],
        options: &[],
    },
    Runs {
        names: &["aws"],
        words: &["send-command", "execute-command"],
        options: &[],
    },
    Runs {
        names: &["az"],
        words: &["run-command", "ssh"],
        options: &[],
    },
    Runs {
        names: &["salt-call"],
        words: &[],
        options: &["cmd."],
    },
    Runs {
        names: &["cmake"],
        words: &["-E"],
        options: &[],
    },
    Runs {
        names: &["borg"],
        words: &["with-lock"],
        options: &["--rsh", "--content-from-command", "--paths-from-command"],
    },
    Runs {
        names: &["restic"],
        words: &[],
        options: &["--password-command", "--stdin-from-command"],
    },
    Runs {
        names: &["rclone"],
        words: &[],
        options: &["--password-command", "--auth-proxy"],
    },
    Runs {
        names: &["fio"],
        words: &[],
        options: &["--exec_p"],
    },
    Runs {
        names: &["cpio"],
        words: &[],
        options: &["--rs"],
    },
    Runs {
        names: &["split"],
        words: &[],
        options: &["--f"],
    },
    Runs {
        names: &["tc"],
        words: &["e", "ex", "exe", "exec"],
        options: &[],
    },
    Runs {
        names: &["kubectl", "oc", "k3s"],
        words: &["exec", "run", "debug", "rsh", "node-shell"],
        options: &[],
    },
    Runs {
        names: &["git"],
        words: &["bisect", "foreach", "for-each-repo", "-c", "-x"],
        options: &[
            "--exec",
            "--extcmd",
            "--upload-pack",
            "--receive-pack",
            "--open-files-in-pager",
            "-O",
            "--config-env",
            "ext::",
        ],
    },
    Runs {
        names: &["snap", "flatpak"],
        words: &["run"],
        options: &[],
    },
    Runs {
        names: &["cargo"],
        words: &["watch", "run"],
        options: &[],
    },
    Runs {
        names: &["go"],
        words: &[],
        options: &["-toolexec", "--toolexec", "-exec", "--exec"],
    },
    Runs {
        names: &["gcc", "g++", "cc", "c++", "clang", "clang++"],
        words: &["-wrapper"],
        options: &[],
    },
    Runs {
        names: &["smbclient"],
        words: &[],
        options: &["-c", "--command"],
    },
    Runs {
        names: &["exim", "exim4"],
        words: &["-be", "-bem"],
        options: &[],
    },
    Runs {
        names: &["pvesh"],
        words: &[],
        options: &["--command", "-command"],
    },
    Runs {
        names: &["pm2"],
        words: &["start"],
        options: &[],
    },
    Runs {
        names: &["mvn", "gradle"],
        words: &[],
        options: &["exec:"],
    },
    Runs {
        names: &["gpg", "gpg2"],
        words: &[],
        options: &["--photo-viewer"],
    },
    Runs {
        names: &["openvpn"],
        words: &[],
        options: &[
            "--up",
            "--down",
            "--route-up",
            "--ipchange",
            "--auth-user-pass-verify",
            "--tls-verify",
            "--client-connect",
            "--learn-address",
        ],
    },
    Runs {
        names: &["fail2ban-client"],
        words: &["set"],
        options: &[],
    },
    Runs {
        names: &["certbot"],
        words: &[],
        options: &[
            "--pre-hook",
            "--post-hook",
            "--deploy-hook",
            "--renew-hook",
            "--manual-auth-hook",
            "--manual-cleanup-hook",
        ],
    },
    Runs {
        names: &["dnsmasq"],
        words: &[],
        options: &["--dhcp-script"],
    },
    Runs {
        names: &["mdadm"],
        words: &[],
        options: &["--program", "-p"],
    },
    Runs {
        names: &["dhclient"],
        words: &["-sf"],
        options: &[],
    },
    Runs {
        names: &["install"],
        words: &[],
        options: &["--strip-program"],
    },
    Runs {
        names: &["helm"],
        words: &[],
        options: &["--post-renderer"],
    },
    Runs {
        names: &["tcpdump"],
        words: &[],
        options: &["-z"],
    },
    Runs {
        names: &["wget"],
        words: &[],
        options: &["--use-askpass"],
    },
];

/// Whether a program runs commands besides much else: most of its words are its own.
pub fn runs_besides(base: &str) -> bool {
    RUNS.iter().any(|runs| runs.names.contains(&base))
}

/// `docker run`, `kubectl debug`, `ip netns exec`, `git bisect run`, …
pub(super) fn is_exec(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let words = || call.words.iter().skip(1);
    let has = |word: &str| words().any(|w| w.literal() == Some(word));
    let listed = RUNS.iter().filter(|r| r.names.contains(&base)).any(|runs| {
        words().any(|w| {
            let option = w.literal_prefix();
            w.literal().is_some_and(|text| runs.words.contains(&text))
                || runs.options.iter().any(|with| option.starts_with(with))
        })
    });
    let operands = |but: &[&str]| {
        words().any(|word| {
            !word.literal().is_some_and(|text| {
                text.starts_with('-')
                    || but.contains(&text)
                    || text.bytes().all(|b| b.is_ascii_digit())
            })
        })
    };
    listed
        || match base {
            "cpupower" => has("monitor") && operands(&["monitor"]),
            // `-n 1` and the like stand for themselves.
            "turbostat" => operands(&[]),
            "kubectl" | "oc" => has("create") && has("--"),
            // Without a command it only tells.
            "numactl" => words().any(|w| !w.literal_prefix().starts_with('-')),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lists_are_sorted() {
        assert!(super::OPAQUE.is_sorted());
        assert!(super::INTERPRETERS.is_sorted());
    }
}
