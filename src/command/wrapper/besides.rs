//! Programs that run a command besides much else, told by an option, a subcommand or another word: `tar -I`, `docker run`.
//!
//! A call that is found here is marked, as in `programs.rs`; what is missing here is judged by its name and words alone.

use super::options::is_one;
use super::subcommands::{candidates, has_table};
use super::told::{
    abbreviates, git_runs, has_letter, is_option, is_remote_text, is_script_file, rsync_runs,
    sets_apt, tar_runs,
};
use crate::command::call::Call;
use crate::command::word::Word;

/// Options and subcommands with which a program runs a command.
struct Runs {
    names: &'static [&'static str],
    /// Words that say so, wherever they stand.
    words: &'static [&'static str],
    /// What an option that says so begins with.
    options: &'static [&'static str],
}

impl Runs {
    /// Its options of one letter, which may stand behind others.
    fn clusters(&self) -> impl Iterator<Item = char> {
        let letter = |option: &&str| {
            let mut letters = option.strip_prefix('-')?.chars();
            letters
                .next()
                .filter(|c| *c != '-' && letters.next().is_none())
        };
        self.options.iter().filter_map(letter)
    }
}

const RUNS: [Runs; 62] = [
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
        options: &["--args", "--entrypoint", "--command"],
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
        options: &["--exec-command"],
    },
    Runs {
        names: &["aws"],
        words: &[
            "start-session",
            "credential_process",
            "send-command",
            "execute-command",
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
        words: &["eval"],
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
        words: &["ssh"],
        options: &[],
    },
    Runs {
        names: &["minikube"],
        words: &["kubectl"],
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

/// Whether an option or a word of the table stands in a call.
fn is_listed(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let mut listed = RUNS.iter().filter(|r| r.names.contains(&base));
    listed.any(|runs| {
        call.words.iter().skip(1).any(|w| {
            let option = w.literal_prefix();
            w.literal().is_some_and(|text| runs.words.contains(&text))
                || runs.options.iter().any(|with| is_option(option, with))
                || runs.clusters().any(|letter| has_letter(option, &[letter]))
        })
    })
}

/// `docker run`, `kubectl debug`, `ip netns exec`, `git bisect run`, …
pub(super) fn is_exec(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let words = || call.words.iter().skip(1);
    let has = |word: &str| words().any(|w| w.literal() == Some(word));
    let operands = |but: &[&str]| {
        words().any(|word| {
            !word.literal().is_some_and(|text| {
                text.starts_with('-')
                    || but.contains(&text)
                    || text.bytes().all(|b| b.is_ascii_digit())
            })
        })
    };
    let contains = |parts: &[&str]| {
        words().any(|w| {
            let text = w.spelt().to_ascii_lowercase();
            parts.iter().any(|part| text.contains(part))
        })
    };
    is_listed(call)
        || match base {
            "git" => git_runs(call),
            // They take any beginning of a subcommand.
            "npm" | "bundle" | "bundler" | "composer" | "gem" | "pct" | "qm" | "crm" | "cargo" => {
                let begins = |name: &str| {
                    let mut listed = RUNS.iter().filter(|r| r.names.contains(&base));
                    listed.any(|r| r.words.iter().any(|w| w.starts_with(name)))
                };
                candidates(call).into_iter().any(begins) || contains(&["script-shell", "editor"])
            }
            "scp" | "sftp" | "ssh-copy-id" | "sshfs" => {
                contains(&["command"])
                    || words().any(is_remote_text)
                    || words().any(|w| has_letter(w.literal_prefix(), &['S', 'D', 'F']))
            }
            "rsync" => rsync_runs(call) || words().any(is_remote_text),
            "tar" | "gtar" | "bsdtar" => tar_runs(call),
            // `-o '|COMMAND'`
            "psql" => {
                let output = |w: &Word| {
                    let text = w.literal_prefix();
                    has_letter(text, &['o']) || abbreviates(text, "--output")
                };
                let pipe = |w: &Word| w.spelt().trim_start_matches('-').contains('|');
                words().any(output) && words().any(|w| pipe(w) || w.literal().is_none())
            }
            "busctl" | "dbus-send" | "gdbus" => contains(&["starttransientunit"]),
            // Files with commands in them.
            "logrotate" => {
                let own = |w: &Word| {
                    w.literal_prefix().starts_with(['-'])
                        || w.literal_prefix().starts_with("/etc/logrotate")
                };
                words().any(|w| !own(w))
            }
            "wg-quick" => contains(&["/"]),
            "openvpn" => words().next().is_some(),
            "varnishd" => contains(&["cc_command"]),
            "aws" => contains(&["cli_pager", "credential_process"]),
            // mount.fuse(8) gives it to a shell.
            "mount" => contains(&["fuse"]),
            "zip" => words()
                .any(|w| w.literal_prefix().starts_with('-') && w.literal_prefix().contains("TT")),
            // It takes its commands where it has its input.
            "vi" | "vim" | "view" | "nvim" | "vim.basic" | "vim.tiny" | "nano" => {
                call.pipe.index > 0
                    || call
                        .redirections
                        .iter()
                        .any(|r| r.operator.starts_with('<'))
            }
            "pip" | "pip3" => contains(&["--ed", "--py"]),
            // A command of wgetrc, in which neither case nor `_` and `-` matter.
            "wget" => words().any(|w| {
                let text = w.spelt().to_ascii_lowercase().replace(['-', '_'], "");
                text.contains("useaskpass") || text.starts_with("config")
            }),
            "tcpdump" => words().any(|w| has_letter(w.literal_prefix(), &['z'])),
            "dhclient" => words().any(|w| w.literal_prefix().starts_with("-sf")),
            "rpm" | "rpmbuild" | "rpmspec" => contains(&["%(", "%{lua", "--pip"]),
            "apt" | "apt-get" | "apt-cache" | "apt-config" | "apt-mark" | "apt-file"
            | "aptitude" => words().any(|w| sets_apt(&w.spelt())),
            "docker" | "podman" | "nerdctl" => {
                has("start")
                    && words().any(|w| {
                        could_be_option(w)
                            || has_letter(w.literal_prefix(), &['i', 'a'])
                            || w.literal_prefix().starts_with("--interactive")
                            || w.literal_prefix().starts_with("--attach")
                    })
            }
            // Their scripts stand elsewhere.
            "sed" => words().any(|w| is_script_file(w, "nrEsuz", "--file")),
            base if base.ends_with("awk") => words().any(|w| is_script_file(w, "", "--file")),
            "cpupower" => has("monitor") && operands(&["monitor"]),
            // `-n 1` and the like stand for themselves.
            "turbostat" => operands(&[]),
            "kubectl" | "oc" => has("create") && (has("--") || words().any(could_be_option)),
            // Without a command it only tells.
            "numactl" => words().any(|w| !w.literal_prefix().starts_with('-')),
            _ => false,
        }
}

/// Whether a word that is known only when it runs could be an option with which its program runs a command.
pub(super) fn may_run(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let listed = RUNS.iter().filter(|r| r.names.contains(&base));
    // Of these, subcommands or modes decide, which stand in the line.
    let has = |words: &[&str]| {
        let mut literal = call.words.iter().skip(1).filter_map(Word::literal);
        literal.any(|text| words.contains(&text))
    };
    let decided = match base {
        "docker" | "podman" | "nerdctl" => !has(&["service"]),
        "helm" => !has(&["install", "upgrade", "template"]),
        "mdadm" => !has(&["--monitor", "--follow", "-F"]),
        base => matches!(base, "kubectl" | "oc" | "k3s"),
    };
    let other = matches!(
        base,
        "tar"
            | "gtar"
            | "bsdtar"
            | "rsync"
            | "scp"
            | "sftp"
            | "ssh-copy-id"
            | "sshfs"
            | "apt"
            | "apt-get"
            | "apt-cache"
            | "apt-config"
            | "apt-mark"
            | "apt-file"
            | "aptitude"
            | "rpm"
            | "rpmbuild"
            | "rpmspec"
            | "pip"
            | "pip3"
            | "cpupower"
            | "mount"
            | "psql"
            | "sed"
    );
    let behind = call.words.iter().skip(1);
    let takes = |runs: &Runs| {
        !runs.options.is_empty() || runs.words.iter().any(|word| word.starts_with('-'))
    };
    // Behind an option, `--` may be its value.
    let mut value = false;
    let mut words = behind.clone().take_while(|w| {
        let text = w.literal();
        let ends = text == Some("--") && !value;
        value = w.literal_prefix().starts_with('-') && !w.literal_prefix().contains('=');
        !ends
    });
    let option = other || !decided && listed.clone().any(takes);
    if option && words.any(could_be_option) {
        return true;
    }
    if has_table(call) {
        return false;
    }
    let begins = |w: &Word| {
        let text = w.literal_prefix();
        let mut words = listed.clone().flat_map(|runs| runs.words);
        words.any(|word| word.starts_with(text))
    };
    // Elsewhere the subcommand is the first word that is no option, nor stands behind one.
    let mut behind_option = false;
    for word in behind {
        match word.literal() {
            None if begins(word) => return true,
            Some(text) if !text.starts_with('-') && !behind_option => return false,
            text => behind_option = text.is_some_and(|text| text.starts_with('-')),
        }
    }
    false
}

/// Whether a word that is known only when it runs could be an option, or bring one along.
fn could_be_option(word: &Word) -> bool {
    let text = word.literal_prefix();
    word.literal().is_none()
        && (text.is_empty() || text.starts_with('-') || word.is_dynamic() && !is_one(word))
}
