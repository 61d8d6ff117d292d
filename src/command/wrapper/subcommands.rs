//! Programs whose subcommand decides whether they run a command: `docker exec`, `git submodule foreach`, …
//!
//! Which one it is must stand in the line. A word that could be the subcommand and is known only when it runs
//! must never be passed over.

use super::options::is_one;
use crate::command::call::Call;
use crate::command::word::Word;

/// A program's words up to its subcommand.
struct Subcommands {
    names: &'static [&'static str],
    /// Options with a value in the next word. All that stands in neither list may have one.
    values: &'static [&'static str],
    flags: &'static [&'static str],
    /// Subcommands that have subcommands of their own, of which one runs a command.
    groups: &'static [&'static str],
}

/// Options without a value that mean the same everywhere, unless a program's own table says otherwise.
const FLAGS: [&str; 9] = [
    "-v",
    "--verbose",
    "-q",
    "--quiet",
    "-D",
    "--debug",
    "--info",
    "--json",
    "--dry-run",
];

static TABLE: [Subcommands; 13] = [
    Subcommands {
        names: &[
            "docker",
            "podman",
            "nerdctl",
            "docker-compose",
            "podman-compose",
        ],
        values: &[
            "-H",
            "--host",
            "-c",
            "--context",
            "--config",
            "-l",
            "--log-level",
            "--tlscacert",
            "--tlscert",
            "--tlskey",
            "--url",
            "--connection",
            "--root",
            "--runroot",
            "--storage-driver",
            "-n",
            "--namespace",
            "-a",
            "--address",
            "-f",
            "--file",
            "-p",
            "--project-name",
            "--project-directory",
            "--profile",
            "--env-file",
            "--ansi",
            "--parallel",
            "--progress",
        ],
        flags: &["--tls", "--tlsverify", "--compatibility", "--all-resources"],
        groups: &["container", "compose", "service", "machine", "pod"],
    },
    Subcommands {
        names: &["kubectl", "oc", "k3s"],
        values: &[
            "-n",
            "--namespace",
            "--context",
            "--kubeconfig",
            "-s",
            "--server",
            "--cluster",
            "--user",
            "--token",
            "--as",
            "--as-group",
            "--request-timeout",
            "-v",
            "--v",
        ],
        flags: &["--insecure-skip-tls-verify", "--match-server-version"],
        groups: &["kubectl", "crictl", "ctr", "alpha", "adm"],
    },
    Subcommands {
        names: &["crictl", "ctr"],
        values: &[
            "-n",
            "--namespace",
            "-a",
            "--address",
            "-r",
            "--runtime-endpoint",
            "-i",
            "--image-endpoint",
            "-t",
            "--timeout",
            "-c",
            "--config",
        ],
        flags: &[],
        groups: &["t", "task", "tasks", "c", "container", "containers"],
    },
    Subcommands {
        names: &["git"],
        values: &[
            "-C",
            "-c",
            "--git-dir",
            "--work-tree",
            "--namespace",
            "--config-env",
            "--attr-source",
        ],
        flags: &[
            "-p",
            "--paginate",
            "-P",
            "--no-pager",
            "--bare",
            "--no-replace-objects",
            "--literal-pathspecs",
            "--no-optional-locks",
        ],
        groups: &["submodule", "bisect"],
    },
    // ip takes any beginning of its words.
    Subcommands {
        names: &["tc"],
        values: &[],
        flags: &["-s", "-d", "-p", "-j", "-br", "-color"],
        groups: &[],
    },
    Subcommands {
        names: &["ip"],
        values: &[
            "-n", "-netns", "-f", "-family", "-l", "-loops", "-rc", "-rcvbuf",
        ],
        flags: &[
            "-4", "-6", "-0", "-s", "-stats", "-d", "-details", "-o", "-oneline", "-j", "-json",
            "-p", "-pretty", "-t", "-ts", "-br", "-brief", "-c", "-color", "-r", "-a", "-all",
        ],
        groups: &["n", "ne", "net", "netn", "netns", "v", "vr", "vrf"],
    },
    Subcommands {
        names: &["minikube", "vagrant", "gcloud", "doctl", "aws", "az"],
        values: &[
            "-p",
            "--profile",
            "--region",
            "--output",
            "--endpoint-url",
            "--query",
            "--project",
            "--account",
            "--configuration",
            "--format",
            "-v",
            "--v",
        ],
        flags: &[
            "--no-cli-pager",
            "--no-paginate",
            "--no-verify-ssl",
            "--no-sign-request",
        ],
        groups: &[
            "alpha",
            "beta",
            "compute",
            "app",
            "instances",
            "cloud-shell",
            "ssm",
            "ecs",
            "vm",
            "vmss",
            "aks",
        ],
    },
    Subcommands {
        names: &["npm"],
        values: &["--prefix", "-C", "--workspace", "-w"],
        flags: &["-g", "--global", "-s", "--silent"],
        groups: &[],
    },
    Subcommands {
        names: &["pnpm"],
        values: &["-C", "--dir", "--filter", "-F"],
        flags: &["-g", "--global", "-s", "--silent"],
        groups: &[],
    },
    Subcommands {
        names: &["yarn"],
        values: &["--cwd"],
        flags: &["-s", "--silent"],
        groups: &[],
    },
    Subcommands {
        names: &["composer"],
        values: &["-d", "--working-dir"],
        flags: &["-n", "--no-interaction"],
        groups: &["global"],
    },
    Subcommands {
        names: &[
            "bundle",
            "bundler",
            "dotnet",
            "gem",
            "cargo",
            "snap",
            "flatpak",
            "vault",
            "hcloud",
            "pm2",
            "fail2ban-client",
        ],
        values: &[],
        flags: &[],
        groups: &["server"],
    },
    Subcommands {
        names: &[
            "runc",
            "crun",
            "pct",
            "qm",
            "nomad",
            "consul",
            "etcdctl",
            "buildah",
            "crm",
            "borg",
            "salt-call",
        ],
        values: &["--root", "--log", "--log-level", "--endpoints"],
        flags: &["--local"],
        groups: &["alloc", "guest"],
    },
];

/// Whether the subcommand of such a program is known only when it runs.
pub(super) fn is_hidden(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let Some(table) = table(call) else {
        return false;
    };
    let mut words = call.words.iter().skip(1);
    if matches!(base, "ip" | "tc") && words.clone().any(is_batch) {
        return true;
    }
    if base == "git" && rebases(call) {
        return true;
    }
    loop {
        match next(&mut words, table, &mut Vec::new()) {
            Next::Hidden => return true,
            Next::Subcommand(name) if table.groups.contains(&name) => {}
            Next::Subcommand(_) | Next::None => return false,
        }
    }
}

/// The words that could be a program's first subcommand: behind an option that stands in no table, the next word or the
/// one behind it.
pub(super) fn candidates(call: &Call) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some(table) = table(call) {
        let mut words = call.words.iter().skip(1);
        if let Next::Subcommand(name) = next(&mut words, table, &mut found) {
            found.push(name);
        }
    }
    found
}

/// Whether one of a call's words is the subcommand `compose`.
pub(super) fn names_compose(call: &Call) -> bool {
    call.words.iter().any(|w| w.literal() == Some("compose"))
}

/// Whether it is known which word of a call is its program's subcommand.
pub(super) fn has_table(call: &Call) -> bool {
    table(call).is_some()
}

fn table(call: &Call) -> Option<&'static Subcommands> {
    let base = call.name.base.as_str();
    TABLE.iter().find(|t| t.names.contains(&base))
}

/// `git rebase "$x" COMMAND`: the word could be `-x`.
fn rebases(call: &Call) -> bool {
    let mut words = call
        .words
        .iter()
        .skip_while(|w| w.literal() != Some("rebase"));
    let could = |w: &Word| w.literal().is_none() && matches!(w.literal_prefix(), "" | "-" | "--");
    words.any(could) && words.next().is_some()
}

/// `-batch FILE` of ip(8) and tc(8), which take any beginning of it: commands that do not stand in the line.
fn is_batch(word: &Word) -> bool {
    let text = word.literal_prefix();
    let name = text.trim_start_matches('-');
    text.starts_with('-') && !name.is_empty() && "batch".starts_with(name)
}

/// What stands behind a program's options.
enum Next<'a> {
    /// A word that could be the subcommand, or an option that changes which word is.
    Hidden,
    Subcommand(&'a str),
    None,
}

/// The subcommand in front of which words stand; `passed` gets what may be an option's value or that.
fn next<'a>(
    words: &mut impl Iterator<Item = &'a Word>,
    table: &Subcommands,
    passed: &mut Vec<&'a str>,
) -> Next<'a> {
    // The option before may take this word as its value.
    let mut perhaps = false;
    while let Some(word) = words.next() {
        let Some(text) = word.literal() else {
            if !is_one(word) || !has_glued_value(word.literal_prefix(), table) {
                return Next::Hidden;
            }
            perhaps = false;
            continue;
        };
        if !text.starts_with('-') || text == "-" {
            if !perhaps {
                return Next::Subcommand(text);
            }
            passed.push(text);
            perhaps = false;
        } else if table.values.contains(&text) {
            if words.next().is_some_and(|value| !is_one(value)) {
                return Next::Hidden;
            }
            perhaps = false;
        } else {
            perhaps = !(table.flags.contains(&text)
                || FLAGS.contains(&text)
                || has_glued_value(text, table));
        }
    }
    Next::None
}

/// Whether an option has its value in the same word: `--namespace=x`, `-nx`.
fn has_glued_value(option: &str, table: &Subcommands) -> bool {
    let letter = |value: &&str| value.len() == 2 && option.starts_with(*value);
    option.starts_with('-')
        && (option.contains('=')
            || !table.names.contains(&"ip")
                && !option.starts_with("--")
                && table.values.iter().any(letter))
}
