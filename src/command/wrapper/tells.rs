//! Calls of wrappers and interpreters that only tell something (`python3 --version`) and run nothing.

use super::options::is_one;
use super::programs::language;
use super::shells::SHELLS;
use crate::command::call::{Call, above};
use crate::command::startup;
use crate::command::word::Word;

/// `python3 -m json.tool`, without a file: what it reads is no code.
pub(crate) fn lays_out_json(call: &Call) -> bool {
    let words: Option<Vec<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    matches!(call.name.base.as_str(), "python" | "python3")
        && words.is_some_and(|words| only_lays_out(&words))
}

/// Whether `python3 -m json.tool` could find modules where the line leads it: in the folder that it is in, where a variable
/// says (python(1)), or where the line may write some. `calls` are all of the line, `set` the variables that it sets unseen.
pub(crate) fn imports(call: &Call, calls: &[Call], set: &[String]) -> bool {
    let names = |text: &str| text.contains("PYTHON");
    let moves = |c: &Call| {
        matches!(c.name.base.as_str(), "cd" | "pushd" | "popd")
            || c.assignments
                .iter()
                .chain(&c.scope.lists)
                .any(|a| names(&a.name))
            || c.words.iter().any(|w| names(&w.spelt()))
    };
    let is_other = |by: &Call| {
        let base = by.name.base.as_str();
        !SHELLS.contains(&base) && !matches!(base, "ssh" | "eval")
    };
    above(calls, call).any(|(_, by)| is_other(by))
        || calls.iter().any(may_leave_a_module)
        || calls.iter().any(moves)
        || set.iter().any(|name| names(name))
}

/// Whether a call could leave a module of python's behind: by its name, or under a name that the line does not tell.
fn may_leave_a_module(call: &Call) -> bool {
    const ENDINGS: [&str; 7] = [".py", ".so", ".pth", ".zip", ".egg", "pyvenv", "-packages"];
    const UNPACKS: [&str; 16] = [
        "7z", "ar", "bsdtar", "cpio", "git", "hg", "make", "patch", "pip", "pip3", "rsync", "scp",
        "sftp", "svn", "tar", "unzip",
    ];
    let is_module = |w: &Word| ENDINGS.iter().any(|end| w.spelt().contains(end));
    let told = |w: &Word| w.literal().is_some() && !is_module(w);
    // A name with another ending is no folder with modules in it.
    let is_file = |w: &Word| {
        let text = w.literal().unwrap_or_default();
        let name = text.rsplit('/').next().unwrap_or_default();
        text.starts_with('-') || told(w) && name.trim_start_matches('.').contains('.')
    };
    let words = call.words.get(1..).unwrap_or_default();
    let writes = match call.name.base.as_str() {
        "cp" | "mv" | "ln" | "install" => !words.iter().all(is_file),
        "tee" | "dd" => !words.iter().all(told),
        "wget" => {
            let nowhere = |w: &Word| w.literal_prefix().ends_with("O-") || w.literal() == Some("-");
            !words.iter().any(nowhere)
        }
        "curl" | "docker" | "podman" | "kubectl" | "oc" | "aws" | "gcloud" => {
            may_leave_a_file(call)
        }
        base => {
            UNPACKS.contains(&base) || !startup::only_tells(call) && words.iter().any(is_module)
        }
    };
    let mut redirections = call.redirections.iter().filter(|r| r.writes());
    redirections.any(|r| !told(&r.target)) || writes
}

/// Whether a call could leave a file behind.
pub(in crate::command) fn may_leave_a_file(call: &Call) -> bool {
    // What says something of a machine or a cluster, as long as it only reads.
    const ASKS: [&str; 24] = [
        "aws",
        "bridge",
        "consul",
        "curl",
        "docker",
        "findmnt",
        "gcloud",
        "ip",
        "journalctl",
        "jq",
        "kubectl",
        "lsblk",
        "lscpu",
        "lsns",
        "nft",
        "nginx",
        "oc",
        "podman",
        "python",
        "python3",
        "ss",
        "ssh",
        "sudo",
        "systemctl",
    ];
    const LONG: [&str; 24] = [
        "--retry",
        "--noproxy",
        "--cookie",
        "--retry-delay",
        "--silent",
        "--show-error",
        "--fail",
        "--location",
        "--insecure",
        "--header",
        "--request",
        "--max-time",
        "--connect-timeout",
        "--user",
        "--data",
        "--data-raw",
        "--get",
        "--compressed",
        "--url",
        "--unix-socket",
        "--cacert",
        "--cert",
        "--key",
        "--resolve",
    ];
    let base = call.name.base.as_str();
    let told = |w: &Word| {
        let text = w.literal_prefix();
        let name = text.split('=').next().unwrap_or_default();
        match text.strip_prefix('-') {
            // It may become any option.
            None if text.is_empty() => w.literal().is_some(),
            Some(_) if w.literal().is_none() => false,
            None => !text.contains("%output"),
            Some(long) if long.starts_with('-') => LONG.contains(&name),
            Some(letters) => {
                letters.starts_with(['X', 'H', 'd', 'u'])
                    || !letters.contains(['o', 'O', 'c', 'D', 'K', 'J'])
            }
        }
    };
    // From a cluster or a container: `kubectl cp`.
    let copies = |w: &Word| {
        matches!(
            w.literal(),
            Some("cp" | "rsync" | "sync" | "save" | "download" | "export")
        )
    };
    let asks = call.name.trusted && ASKS.contains(&base) && !call.words.iter().any(copies);
    let tells = match base {
        "curl" => asks && call.words.iter().skip(1).all(told),
        _ => asks || startup::only_tells(call),
    };
    let opens = call.redirections.iter().any(|r| r.writes());
    opens || !(tells || call.words.is_empty() || SHELLS.contains(&base) || base == "eval")
}

fn only_lays_out(words: &[&str]) -> bool {
    let flags = [
        "--sort-keys",
        "--no-ensure-ascii",
        "--compact",
        "--json-lines",
    ];
    matches!(words, ["-m", "json.tool", rest @ ..] if rest.iter().all(|w| flags.contains(w)))
}

/// Whether a program passes over options that it does not know, and runs what it is fed (busybox' ash, tclsh).
fn reads_on(base: &str) -> bool {
    let base = language(base);
    let knows = matches!(base, "bash" | "rbash" | "zsh" | "fish" | "tcsh" | "yash");
    matches!(
        base,
        "eval" | "erl" | "tclsh" | "wish" | "expect" | "hush" | "ed" | "ex" | "m4" | "dc"
    ) || SHELLS.contains(&base) && !knows
        || matches!(
            base,
            "ksh" | "mksh" | "lksh" | "oksh" | "posh" | "csh" | "sash" | "osh"
        )
}

/// Whether the one word behind a program asks only for its version, or for a list.
pub(super) fn only_tells(call: &Call) -> bool {
    // `command -v NAME` says what a name is.
    if call.name.base == "command" {
        let first = call.words.get(1).and_then(Word::literal);
        return matches!(first, Some("-v" | "-V"))
            && call.words[2..].iter().all(|w| w.literal().is_some());
    }
    if call.name.base == "sudo" && lists_rights(&call.words[1..]) {
        return true;
    }
    match call.words.get(1..).unwrap_or_default() {
        [word] => match word.literal() {
            Some("--version" | "--help") => !reads_on(&call.name.base),
            Some("-V") => {
                call.name.base.starts_with("python")
                    || matches!(call.name.base.as_str(), "sudo" | "ssh" | "redis-cli")
            }
            Some("-v") => matches!(
                call.name.base.as_str(),
                "node" | "php" | "perl" | "ruby" | "npm"
            ),
            Some("-l") => call.name.base == "crontab",
            Some("-m" | "-i" | "--ini") => call.name.base == "php",
            Some(asked) if matches!(call.name.base.as_str(), "virsh" | "lxc" | "incus") => {
                LISTS.contains(&asked)
            }
            _ => false,
        },
        [user, name, list] if call.name.base == "crontab" && user.literal() == Some("-u") => {
            list.literal() == Some("-l") && is_one(name)
        }
        [list, user, name] if call.name.base == "crontab" && list.literal() == Some("-l") => {
            user.literal() == Some("-u") && is_one(name)
        }
        words => {
            let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
            match (call.name.base.as_str(), words.as_deref()) {
                ("nc" | "netcat" | "ncat", Some(words)) => only_knocks(words) || only_asks(words),
                // Between its own input and a socket of haproxy's.
                ("socat", Some(["stdio" | "STDIO" | "-", socket])) => is_haproxy(socket),
                ("socat", Some([socket, "stdio" | "STDIO" | "-"])) => is_haproxy(socket),
                // What it would run is printed.
                ("run-parts", Some(["--test" | "--list", rest @ ..])) => {
                    rest.iter().all(|w| *w != "--" && !w.starts_with("--arg"))
                }
                ("prlimit", Some(words)) => only_limits(words),
                ("virsh" | "lxc" | "incus", Some([asked, rest @ ..])) => {
                    LISTS.contains(asked) && rest.iter().all(|w| is_plain(w))
                }
                ("python" | "python3", Some(words)) => only_lays_out(words),
                _ => false,
            }
        }
    }
}

/// What is asked of machines in machines that runs nothing in them; one word of a command, never several.
const LISTS: [&str; 26] = [
    "list",
    "ls",
    "info",
    "network",
    "storage",
    "image",
    "profile",
    "dominfo",
    "domstats",
    "domblklist",
    "domblkinfo",
    "domblkstat",
    "domiflist",
    "domifstat",
    "domifaddr",
    "domstate",
    "dommemstat",
    "domjobinfo",
    "vcpuinfo",
    "vcpucount",
    "nodeinfo",
    "pool-list",
    "pool-info",
    "vol-list",
    "net-list",
    "snapshot-list",
];

/// A word that can be no command line and names no other host.
fn is_plain(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.=-".contains(&b))
}

/// `sudo -l`, `sudo -n -l -U USER`: what one may do. No other word, which could be a command to look for.
fn lists_rights(words: &[Word]) -> bool {
    let mut lists = false;
    let mut rest = words.iter().map(|w| w.literal().unwrap_or("$"));
    while let Some(word) = rest.next() {
        match word {
            "-l" | "-ll" | "--list" | "-ln" | "-nl" => lists = true,
            "-n" | "--non-interactive" => {}
            "-U" | "-lU" | "-nlU" => {
                lists |= word != "-U";
                if !rest.next().is_some_and(is_plain) {
                    return false;
                }
            }
            _ => return false,
        }
    }
    lists
}

/// `prlimit --pid 1 --nofile`: the limits of a process that is there; no command stands behind.
fn only_limits(words: &[&str]) -> bool {
    let mut of = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let pid = match *word {
            "-p" | "--pid" => rest.next().copied().unwrap_or(""),
            "-o" | "--output" => {
                let plain = |w: &&&str| w.bytes().all(|b| b.is_ascii_uppercase() || b == b',');
                if rest.next().filter(plain).is_none() {
                    return false;
                }
                continue;
            }
            flag if flag.starts_with("--") && !flag.contains('=') && flag.len() > 2 => continue,
            other => match other.strip_prefix("--pid=") {
                Some(pid) => pid,
                None => return false,
            },
        };
        of = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
        if !of {
            return false;
        }
    }
    of
}

fn is_haproxy(address: &str) -> bool {
    let path = ["unix-connect:", "UNIX-CONNECT:", "unix:", "UNIX:"]
        .iter()
        .find_map(|kind| address.strip_prefix(kind))
        .unwrap_or(address);
    let folders = ["/run/haproxy", "/var/run/haproxy", "/var/lib/haproxy/"];
    folders.iter().any(|f| path.starts_with(f))
        && !path.contains("..")
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
}

/// `nc -w 1 localhost 11211`: talks to a port of this machine, and ends. What it says is another's business.
fn only_asks(words: &[&str]) -> bool {
    let mut ends = false;
    let mut rest = words.iter();
    let mut plain = Vec::new();
    while let Some(word) = rest.next() {
        let seconds = match *word {
            "-w" | "-q" => rest.next().copied().unwrap_or(""),
            "-n" | "-v" | "-4" | "-6" | "-N" => continue,
            word if !word.starts_with('-') => {
                plain.push(word);
                continue;
            }
            word => match word.strip_prefix("-w").or(word.strip_prefix("-q")) {
                Some(glued) => glued,
                None => return false,
            },
        };
        if seconds.is_empty() || !seconds.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
        ends = true;
    }
    ends && matches!(plain.as_slice(), ["localhost" | "127.0.0.1" | "::1", port] if port.bytes().all(|b| b.is_ascii_digit()))
}

/// `nc -z`: sees whether a port is open and sends nothing. No word may be one of those that run a program.
fn only_knocks(words: &[&str]) -> bool {
    let mut knocks = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            option if option.starts_with('-') => {
                // `-zvw3`, `-zvw 3`: the seconds are glued or the next word.
                let (letters, seconds) = match option[1..].split_once('w') {
                    Some((letters, "")) => (letters, rest.next().copied().unwrap_or("-")),
                    Some((letters, glued)) => (letters, glued),
                    None => (&option[1..], "0"),
                };
                let plain = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
                if option.len() < 2 || !plain || !letters.bytes().all(|b| b"zvnu46".contains(&b)) {
                    return false;
                }
                knocks |= letters.contains('z');
            }
            _ => {}
        }
    }
    knocks
}
