//! Programs that run a command besides much else, told by an option, a subcommand or another word: `tar -I`, `docker run`.
//!
//! A call that is found here is marked, as in `programs.rs`; what is missing here is judged by its name and words alone.

use super::options::is_one;
use super::runs::{RUNS, Runs};
use super::subcommands::{candidates, has_table};
use super::told::{
    abbreviates, git_runs, has_letter, is_option, is_remote_text, is_script_file, rsync_runs,
    sets_apt, tar_runs,
};
use crate::command::call::Call;
use crate::command::word::Word;

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
            "git" => git_runs(call) || contains(&["ext::"]),
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
            "busctl" | "dbus-send" | "dbus-monitor" | "gdbus" => {
                contains(&["starttransientunit", "unixexec", "autolaunch"])
            }
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
            // Node has more than the database's commands.
            "mongo" | "mongosh" => contains(&["require", "process", "import", "load(", "run("]),
            "varnishd" => contains(&["cc_command"]),
            "aws" => contains(&["cli_pager", "credential_process"]),
            // mount.fuse(8) gives it to a shell.
            "mount" => contains(&["fuse"]),
            "zip" => words()
                .any(|w| w.literal_prefix().starts_with('-') && w.literal_prefix().contains("TT")),
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
