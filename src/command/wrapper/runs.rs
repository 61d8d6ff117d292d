//! The table of options and subcommands with which programs run a command, for `besides.rs`.
//!
//! An entry comes from the program's manual. It must never be narrower than that: an option may be abbreviated.

/// Options and subcommands with which a program runs a command.
pub(super) struct Runs {
    pub(super) names: &'static [&'static str],
    /// Words that say so, wherever they stand.
    pub(super) words: &'static [&'static str],
    /// What an option that says so begins with.
    pub(super) options: &'static [&'static str],
}

impl Runs {
    /// Its options of one letter, which may stand behind others.
    pub(super) fn clusters(&self) -> impl Iterator<Item = char> {
        let letter = |option: &&str| {
            let mut letters = option.strip_prefix('-')?.chars();
            letters
                .next()
                .filter(|c| *c != '-' && letters.next().is_none())
        };
        self.options.iter().filter_map(letter)
    }
}

pub(super) const RUNS: [Runs; 72] = [
    Runs {
        names: &["busctl"],
        words: &[],
        options: &["--address", "--host", "-H"],
    },
    Runs {
        names: &["dbus-send", "dbus-monitor", "gdbus"],
        words: &[],
        options: &["--address", "--bus"],
    },
    Runs {
        names: &["coredumpctl"],
        words: &["debug", "gdb"],
        options: &["--debugger"],
    },
    Runs {
        names: &["nmap"],
        words: &[],
        options: &["--script", "--interactive", "-sC", "-A"],
    },
    Runs {
        names: &["zpool"],
        words: &[],
        options: &["-c"],
    },
    Runs {
        names: &[
            "lvm",
            "lvs",
            "pvs",
            "vgs",
            "lvchange",
            "lvconvert",
            "lvcreate",
            "lvextend",
            "lvremove",
            "vgchange",
            "vgck",
        ],
        words: &[],
        options: &["--config"],
    },
    Runs {
        names: &["apt"],
        words: &["edit-sources"],
        options: &[],
    },
    Runs {
        names: &["ssh-keygen", "ssh-add"],
        words: &[],
        options: &["-D", "-s"],
    },
    Runs {
        names: &["nm", "ar", "ranlib"],
        words: &[],
        options: &["--plugin"],
    },
    Runs {
        names: &["nginx"],
        words: &[],
        options: &["-g"],
    },
    Runs {
        names: &[
            "iptables",
            "ip6tables",
            "iptables-restore",
            "ip6tables-restore",
            "iptables-legacy",
            "ip6tables-legacy",
            "iptables-nft",
            "ip6tables-nft",
            "iptables-save",
            "ip6tables-save",
        ],
        words: &[],
        options: &["--modprobe", "-M"],
    },
    Runs {
        names: &["rg"],
        words: &["--pre"],
        options: &["--pre=", "--hostname-bin"],
    },
    Runs {
        names: &["freshclam"],
        words: &[],
        options: &[
            "--on-update-execute",
            "--on-error-execute",
            "--on-outdated-execute",
        ],
    },
    Runs {
        names: &["logrotate"],
        words: &[],
        options: &["-m", "--mail"],
    },
    Runs {
        names: &["pg_ctl"],
        words: &[],
        options: &["-o", "-p", "--options"],
    },
    Runs {
        names: &["puppet"],
        words: &["apply", "script", "device"],
        options: &[],
    },
    Runs {
        names: &["apache2", "apache2ctl", "apachectl", "httpd"],
        words: &[],
        options: &["-c", "-C"],
    },
    Runs {
        names: &["pgbackrest"],
        words: &[],
        options: &["--cmd"],
    },
    Runs {
        names: &["tailscale"],
        words: &["ssh"],
        options: &[],
    },
    Runs {
        names: &["vtysh"],
        words: &[],
        options: &["start-shell"],
    },
    Runs {
        names: &["trivy", "helm"],
        words: &["plugin"],
        options: &[],
    },
    Runs {
        names: &["kustomize"],
        words: &[],
        options: &["--enable-exec", "--enable-alpha-plugins"],
    },
    Runs {
        names: &["docker", "podman", "nerdctl"],
        words: &["attach", "runlabel"],
        options: &[
            "--args",
            "--entrypoint",
            "--command",
            "--runtime",
            "--conmon",
            "--hooks-dir",
        ],
    },
    Runs {
        names: &["kubectl", "oc", "k3s"],
        words: &[
            "attach",
            "edit",
            "exec",
            "run",
            "debug",
            "rsh",
            "node-shell",
        ],
        options: &["--exec-command", "--edit"],
    },
    Runs {
        names: &["aws"],
        words: &[
            "start-session",
            "credential_process",
            "send-command",
            "execute-command",
            "ec2-instance-connect",
        ],
        options: &[],
    },
    Runs {
        names: &["sort"],
        words: &[],
        options: &["--compress-program"],
    },
    Runs {
        names: &["zip"],
        words: &["-TT"],
        options: &["--unzip-command"],
    },
    Runs {
        names: &[
            "vi",
            "vim",
            "view",
            "nvim",
            "vim.basic",
            "vim.tiny",
            "vimdiff",
            "rvim",
            "rview",
        ],
        words: &[],
        options: &["-c", "-e", "-E", "-s", "-S", "-u", "-U", "--cmd", "+"],
    },
    Runs {
        names: &["less", "more", "zless"],
        words: &[],
        options: &["+!", "-k", "--lesskey"],
    },
    Runs {
        names: &["man"],
        words: &[],
        options: &["-P", "-H", "-C", "--pager", "--html", "--config-file"],
    },
    Runs {
        names: &["dpkg"],
        words: &[],
        options: &["--pre-invoke", "--post-invoke", "--status-logger"],
    },
    Runs {
        names: &["pidstat"],
        words: &["-e"],
        options: &[],
    },
    Runs {
        names: &["dmsetup"],
        words: &[],
        options: &["--exec"],
    },
    Runs {
        names: &["mysql", "mariadb"],
        words: &[],
        options: &["--pager"],
    },
    Runs {
        names: &["rabbitmqctl"],
        words: &["eval", "eval_file", "exec"],
        options: &[],
    },
    Runs {
        names: &["java"],
        words: &[],
        options: &["-XX:OnError", "-XX:OnOutOfMemoryError", "@"],
    },
    Runs {
        names: &["gpg", "gpg2"],
        words: &[],
        options: &["--agent-program", "--dirmngr-program", "--photo-viewer"],
    },
    Runs {
        names: &["restic"],
        words: &[],
        options: &[
            "--from-password-command",
            "sftp.command",
            "--password-command",
            "--stdin-from-command",
        ],
    },
    Runs {
        names: &["rclone"],
        words: &[],
        options: &["--sftp-ssh", "--password-command", "--auth-proxy"],
    },
    Runs {
        names: &["borg"],
        words: &["with-lock"],
        options: &[
            "--remote-path",
            "--rsh",
            "--content-from-command",
            "--paths-from-command",
        ],
    },
    Runs {
        names: &["git"],
        words: &["bisect", "foreach", "for-each-repo", "-c", "-x"],
        options: &[
            "--to-cmd",
            "--cc-cmd",
            "--header-cmd",
            "--sendmail-cmd",
            "--smtp-server",
            "--access-hook",
            "--tree-filter",
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
        words: &["ssh", "winrm"],
        options: &[],
    },
    Runs {
        names: &["minikube"],
        words: &["kubectl"],
        options: &[],
    },
    Runs {
        names: &["az"],
        words: &["run-command", "ssh", "command", "exec"],
        options: &["--exec-command"],
    },
    Runs {
        names: &["salt-call"],
        words: &[],
        options: &["cmd."],
    },
    Runs {
        names: &["cmake"],
        words: &["-E", "-P"],
        options: &[],
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
        words: &["run", "generate", "tool"],
        options: &[
            "-toolexec",
            "--toolexec",
            "-exec",
            "--exec",
            "-vettool",
            "--vettool",
        ],
    },
    Runs {
        names: &["gcc", "g++", "cc", "c++", "clang", "clang++"],
        words: &["-wrapper"],
        options: &["-B", "-specs", "--specs", "-fplugin", "@"],
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
        options: &["--program", "--alert", "-p"],
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
