//! What shells, and GNU parallel, read from files or from variables before they run what the line says (bash(1),
//! INVOCATION; parallel(1)).
//!
//! A line that leads them to such a file, or names one, is refused. Where a command of the line could write one under
//! a name that it puts together, what they start is marked as unread. What stood there before is not the line's.

use super::call::{Call, Place, Redirection, Wraps, above};
use super::evaluated::{is_option, sets};
use super::names::{self, Named};
use super::word::{Segment, Word, bare};
use super::wrapper::{FIND_WRITES, SHELLS, may_leave_a_file, starts_once};
use std::cell::LazyCell;

/// Where bash looks for the files that it reads first, and from what it takes that it must.
pub const STARTUP: [&str; 4] = ["HOME", "SSH_CLIENT", "SSH2_CLIENT", "SHLVL"];

/// Where GNU parallel, which is Perl, finds options, its shell, and code.
pub const PARALLEL: [&str; 21] = [
    "PARALLEL",
    "PARALLEL_CSH",
    "PARALLEL_TMP",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "parallel_bash_environment",
    "PERL_UNICODE",
    "PERL_USE_UNSAFE_INC",
    "PARALLEL_ENV",
    "PARALLEL_HOME",
    "PARALLEL_SHELL",
    "PARALLEL_SSH",
    "PARALLEL_RSYNC_OPTS",
    "PARALLEL_TMUX",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "PERL5OPT",
    "PERL5LIB",
    "PERL5DB",
    "PERLLIB",
];

/// Parts of the names of shells' startup files.
const SHELLS_FILES: [&str; 8] = [
    "bashrc", ".profile", "/profile", ".bash_", ".zsh", ".cshrc", "kshrc", ".login",
];

/// Parts of the names of parallel's.
const PARALLELS_FILES: [&str; 2] = [".parallel", "parallel/"];

/// Those which a shell that sshd starts reads, or sshd for it (sshd(8), LOGIN PROCESS), and ssh itself.
const REMOTE_FILES: [&str; 9] = [
    "ssh/sshrc",
    "pam_environment",
    "default/locale",
    ".ssh/authorized_keys",
    ".ssh/rc",
    ".ssh/environment",
    ".ssh/config",
    "ssh_config",
    "etc/environment",
];

/// What a line starts that reads files first.
pub(super) struct Starts<'a> {
    calls: &'a [Call],
    /// The calls of ssh, and of shells with an environment of which nothing is left.
    remote: Vec<usize>,
    /// A shell which may read them, by what its variables say.
    shell: bool,
    /// A login or interactive shell.
    login: bool,
    parallel: bool,
}

/// What the calls of a line start.
pub(super) fn of(calls: &[Call]) -> Starts<'_> {
    Starts {
        calls,
        remote: remote(calls).take(MAX_READERS).collect(),
        shell: calls.iter().any(is_shell),
        login: calls.iter().any(starts_login),
        parallel: calls.iter().any(is_parallel),
    }
}

impl Starts<'_> {
    /// Why a call must not stand in a line that starts these; `sets` says whether it could set a variable.
    pub(super) fn check(&self, call: &Call, sets: impl Fn(&str) -> bool) -> Result<(), String> {
        if !self.any() {
            return Ok(());
        }
        if self.login && writes_anywhere(call) {
            return Err("a file that is known only when it is written, in a line that starts a login or interactive shell: it could be one that this runs".to_owned());
        }
        if let Some(part) = self.login.then(|| names_startup(call)).flatten() {
            return Err(format!(
                "`{part}` is named in a line that starts a login or interactive shell: it would run what the line writes there"
            ));
        }
        if let Some(part) = self
            .parallel
            .then(|| holds_part(call, &PARALLELS_FILES))
            .flatten()
        {
            return Err(format!(
                "`{part}` is named in a line that runs `parallel`: it would take options, or code, from there"
            ));
        }
        if let Some(part) = self
            .is_beside_remote(call)
            .then(|| names_remote(call))
            .flatten()
        {
            return Err(format!(
                "`{part}` is named beside `ssh`, or beside a shell with an empty environment: it would run what the line writes there"
            ));
        }
        let shows = matches!(call.name.base.as_str(), "echo" | "printf" | "test" | "[");
        if self.shell && !shows && names_level(call) {
            return Err("`SHLVL` is taken away in a line that starts a shell: it would read its startup files".to_owned());
        }
        // Of these an empty value is one, too.
        let empty = |name: &str| {
            let given = |w: &Word| {
                let text = w.literal_prefix().strip_prefix(name);
                text.is_some_and(|rest| rest.starts_with('='))
            };
            call.assignments.iter().any(|a| a.name == name)
                || !shows && call.words.iter().any(given)
        };
        let set = |of: bool, names: &'static [&str]| {
            let mut names = names.iter();
            names.find(|name| of && (sets(name) || empty(name)))
        };
        if let Some(name) = set(self.shell, &STARTUP) {
            return Err(format!(
                "`{name}` is set in a line that starts a shell: it would read its startup files from there"
            ));
        }
        match set(self.parallel, &PARALLEL) {
            None => Ok(()),
            Some(name) => Err(format!(
                "`{name}` is set in a line that runs `parallel`: it would take options, or code, from there"
            )),
        }
    }

    fn any(&self) -> bool {
        self.shell || self.login || self.parallel || !self.remote.is_empty()
    }

    /// Whether such a call stands beside this one, which it does not run; and this one does not only tell.
    fn is_beside_remote(&self, call: &Call) -> bool {
        !only_reads(call) && self.remote.iter().any(|ssh| !runs(self.calls, *ssh, call))
    }
}

/// The calls that read files which another call of the line, that they do not run themselves, could have written.
pub(super) fn misled(calls: &[Call]) -> Vec<usize> {
    let mut remote = remote(calls).peekable();
    let reads = |at: &usize| {
        let call = &calls[*at];
        // Both are in order.
        remote.next_if_eq(at).is_some() || starts_login(call) || is_parallel(call)
    };
    let readers: Vec<usize> = (0..calls.len()).filter(reads).collect();
    if readers.is_empty() || readers.len() > MAX_READERS {
        return readers;
    }
    // Then a plain name may be that of any file.
    let wanders = calls.iter().any(|c| goes_anywhere(c) || names_home(c));
    let unknown = |r: &Redirection| r.writes() && (wanders || !is_plain(&r.target));
    let writes = |c: &Call| c.redirections.iter().any(unknown);
    let writers: Vec<&Call> = calls.iter().filter(|c| may_write(c) || writes(c)).collect();
    let outside = |reader: &usize| writers.iter().any(|w| !runs(calls, *reader, w));
    readers.into_iter().filter(outside).collect()
}

/// Programs that run others and read files first in which a command may stand. An entry of docker's configuration is a program,
/// and so is one of kubectl's.
struct Configured {
    programs: &'static [&'static str],
    /// Parts of these files' names.
    parts: &'static [&'static str],
    /// Variables that lead to others.
    variables: &'static [&'static str],
    /// Options that do, without their dashes.
    options: &'static [&'static str],
}

const CONFIGURED: [Configured; 4] = [
    Configured {
        programs: &["docker", "docker-compose", "podman", "nerdctl"],
        parts: &[".docker", "cli-plugins", "containers.conf", "containers/"],
        variables: &[
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "CONTAINER_HOST",
            "CONTAINERS_CONF",
            "PODMAN_COMPOSE_PROVIDER",
            "NERDCTL_TOML",
            "HOME",
            "XDG_CONFIG_HOME",
        ],
        options: &[
            "config",
            "context",
            "connection",
            "module",
            "hooks-dir",
            "runtime",
        ],
    },
    Configured {
        programs: &["kubectl", "oc"],
        parts: &[".kube"],
        variables: &["KUBECONFIG", "KUBERC", "HOME"],
        options: &["kubeconfig", "kuberc"],
    },
    Configured {
        programs: &["sudo", "doas", "su", "runuser", "pkexec"],
        parts: &["sudo.conf", "sudoers", "doas.conf", "pam.d", "polkit"],
        variables: &[],
        options: &[],
    },
    Configured {
        programs: &["systemd-run"],
        parts: &["systemd/"],
        variables: &["HOME", "XDG_CONFIG_HOME"],
        options: &[],
    },
];

impl Configured {
    /// Whether a call names another file by an option.
    fn is_led(&self, call: &Call) -> bool {
        let names = |w: &Word| {
            let text = w.literal_prefix().trim_start_matches('-');
            let name = text.split('=').next().unwrap_or_default();
            w.literal_prefix().starts_with('-') && self.options.contains(&name)
        };
        call.words.iter().any(names)
    }

    /// Whether a call gives one of the variables a value.
    fn is_set(&self, call: &Call) -> bool {
        let named = names::named(&call.words).unwrap_or_default();
        // `export NAME` of what a loop sets
        let exports = call.name.base != "unset";
        let is = |n: &Named| exports && self.variables.contains(&n.name.as_str());
        let mut variables = self.variables.iter();
        named.iter().any(is) || variables.any(|name| sets(call, &named, name, false))
    }
}

/// The calls of these in a line that names one of the files where it does more than read, that sets one of the variables, or
/// that writes a file where an option names another. `set` are those that loops and expansions set.
pub(super) fn configured(calls: &[Call], set: &[String]) -> Vec<usize> {
    let mut found = Vec::new();
    for of in &CONFIGURED {
        let is = |at: &usize| of.programs.contains(&calls[*at].name.base.as_str());
        let readers: Vec<usize> = (0..calls.len()).filter(is).collect();
        if readers.is_empty() {
            continue;
        }
        let led = !of.variables.is_empty() && calls.iter().any(|c| of.is_set(c))
            || set.iter().any(|name| of.variables.contains(&name.as_str()));
        let named = |c: &Call| holds_part(c, of.parts).is_some() || writes_to_settings(c);
        let names = |c: &&Call| !only_reads(c) && named(c);
        let writers: Vec<&Call> = calls.iter().filter(names).collect();
        let options = readers.iter().any(|at| of.is_led(&calls[*at]));
        let makers: Vec<&Call> = calls
            .iter()
            .filter(|c| options && may_leave_a_file(c))
            .collect();
        let many = writers.len().max(makers.len()) > MAX_READERS;
        found.extend(readers.into_iter().filter(|at| {
            let outside = |w: &&Call| !runs(calls, *at, w);
            led || many
                || writers.iter().any(outside)
                || of.is_led(&calls[*at]) && makers.iter().any(outside)
        }));
    }
    found
}

/// Whether a call is of a program that writes nothing but its output, and that goes nowhere.
fn only_reads(call: &Call) -> bool {
    const READS: [&str; 7] = ["cat", "grep", "head", "ls", "stat", "tail", "wc"];
    READS.contains(&call.name.base.as_str())
        && call.pipe.len == 1
        && call.place != Place::Substitution
        && call.redirections.iter().all(|r| r.harmless)
}

/// Whether a call goes to a folder in which a file with a plain name could be a startup file.
fn goes_anywhere(call: &Call) -> bool {
    let goes = matches!(call.name.base.as_str(), "cd" | "pushd" | "popd");
    let to = |w: &Word| {
        let text = w.literal_prefix();
        // A property of systemd-run's, in a word of its own.
        text.starts_with("WorkingDirectory")
            || is_option(w, &['C', 'D', 'w'])
            || ["--ch", "--wd", "--wo", "--di"]
                .iter()
                .any(|long| text.starts_with(long))
    };
    let root = matches!(call.name.base.as_str(), "chroot" | "nsenter" | "unshare");
    let wraps = call.wraps != Wraps::Nothing && (root || call.words.iter().any(to));
    wraps
        || goes
            && call
                .words
                .iter()
                .skip(1)
                .any(|w| w.literal() != Some("--") && !is_plain(w))
}

/// Whether a call gives `HOME` a value, where a `cd` without a word goes.
fn names_home(call: &Call) -> bool {
    let given = |w: &Word| w.spelt().contains("HOME=");
    call.assignments.iter().any(|a| a.name == "HOME") || call.words.iter().any(given)
}

/// Whether a word tells which file or folder it is, and that is none of startup files, nor leads to one by another name.
fn is_plain(word: &Word) -> bool {
    let text = word.spelt();
    let special = |part: &str| {
        part.starts_with('.') || matches!(part, "etc" | "ssh" | "parallel" | "profile.d" | "-")
    };
    (word.literal().is_some() || is_below_home(word)) && !text.split('/').any(special)
}

/// Most calls that are looked at one by one.
pub(super) const MAX_READERS: usize = 16;

/// Whether a call is what runs another, or is that call.
fn runs(calls: &[Call], by: usize, call: &Call) -> bool {
    if std::ptr::eq(&calls[by], call) {
        return true;
    }
    above(calls, call).any(|(at, _)| at == by)
}

/// Whether a call could write a file whose name its words do not tell.
fn may_write(call: &Call) -> bool {
    let known = match call.wraps {
        Wraps::Nothing if call.is_function => true,
        Wraps::Nothing => only_tells(call),
        Wraps::Calls | Wraps::Text => starts_once(call) || is_parallel(call),
        Wraps::Unknown | Wraps::More => false,
    };
    // Of no name, it is the line's own assignment or redirection.
    !(known || call.words.is_empty())
}

/// Whether a call is of a program that writes no file by itself.
pub(super) fn only_tells(call: &Call) -> bool {
    const ONLY_TELL: [&str; 43] = [
        ":", "[", "basename", "cat", "cd", "cut", "date", "df", "dirname", "du", "echo", "exit",
        "export", "false", "file", "free", "grep", "head", "hostname", "id", "ls", "mkdir",
        "mktemp", "nproc", "printf", "ps", "pwd", "read", "seq", "set", "sleep", "ss", "stat",
        "tail", "test", "tr", "true", "uname", "unset", "uptime", "wait", "wc", "whoami",
    ];
    let writes = |w: &Word| FIND_WRITES.iter().any(|primary| w.may_be(primary));
    let finds = || call.name.base == "find" && !call.words.iter().any(writes);
    let base = call.name.base.as_str();
    call.name.trusted && (ONLY_TELL.contains(&base) || finds())
}

/// The calls of ssh, and of shells that take themselves for one that sshd started (bash(1), INVOCATION), as far as nothing
/// tells them otherwise.
fn remote(calls: &[Call]) -> impl Iterator<Item = usize> {
    let redirections = || calls.iter().flat_map(|c| &c.redirections);
    let socket = LazyCell::new(move || redirections().any(could_be_socket));
    let below = |call: &Call| above(calls, call).any(|(_, by)| makes_remote(by));
    (0..calls.len()).filter(move |at| {
        let call = &calls[*at];
        call.name.base == "ssh" || starts_ssh(call) || is_shell(call) && (below(call) || *socket)
    })
}

/// Whether a shell below a call takes itself for the first, with what sshd would have told it, or with nothing.
fn makes_remote(call: &Call) -> bool {
    match call.name.base.as_str() {
        "ssh" | "exec" | "pkexec" | "systemd-run" | "sudo" | "doas" => true,
        "env" => call.words.iter().any(|w| {
            let text = w.literal_prefix();
            text == "-" || is_option(w, &['i']) || text.starts_with("--i")
        }),
        "setpriv" => call
            .words
            .iter()
            .any(|w| w.literal_prefix().starts_with("--r")),
        _ => false,
    }
}

/// Whether a redirection could open `/dev/tcp/HOST/PORT` (bash(1), REDIRECTION).
fn could_be_socket(redirection: &Redirection) -> bool {
    let text = redirection.target.literal_prefix();
    let begins = |device: &str| {
        text.starts_with(device)
            || redirection.target.literal().is_none() && device.starts_with(text)
    };
    redirection.is_of_input()
        && !redirection.operator.starts_with("<<")
        && (begins("/dev/tcp/") || begins("/dev/udp/"))
}

/// Whether a call starts ssh by itself.
fn starts_ssh(call: &Call) -> bool {
    match call.name.base.as_str() {
        "scp" | "sftp" | "sshfs" | "ssh-copy-id" | "autossh" | "mosh" | "ansible" => true,
        "rsync" => call
            .words
            .iter()
            .any(|w| w.literal().is_none_or(|text| text.contains(':'))),
        _ => false,
    }
}

fn is_parallel(call: &Call) -> bool {
    call.name.base == "parallel"
}

/// Whether a call is of a shell that may read files first, by what its variables say, or of what starts one: the user's.
fn is_shell(call: &Call) -> bool {
    let has = |letters: &[char]| call.words.iter().any(|w| is_option(w, letters));
    match call.name.base.as_str() {
        "bash" | "rbash" | "zsh" | "ksh" | "mksh" | "csh" | "tcsh" | "fish" => true,
        "sh" | "dash" | "ash" => has(&['l']),
        // `exec -l sh`, and a name that begins with `-`, make a login shell.
        "exec" => has(&['l', 'a']),
        // `flock FILE -c TEXT`
        "su" | "script" | "flock" => true,
        // `runuser -u USER PROGRAM` starts none.
        "runuser" => !call
            .words
            .get(1)
            .is_some_and(|w| w.literal() == Some("-u") || w.literal_prefix().starts_with("--u")),
        _ => false,
    }
}

/// Whether a call starts a shell that reads the files of its user first (bash(1), INVOCATION).
fn starts_login(call: &Call) -> bool {
    let word = |text: &str| call.words.iter().any(|w| w.literal() == Some(text));
    let has = |letters: &[char]| call.words.iter().any(|w| is_option(w, letters));
    match call.name.base.as_str() {
        "su" | "runuser" => word("-") || has(&['l']),
        "sudo" | "machinectl" => word("--login") || has(&['i']),
        base if SHELLS.contains(&base) || base == "exec" => call.is_implied() || has(&['l', 'i']),
        _ => false,
    }
}

/// Whether a call writes to a file whose name the line does not tell.
fn writes_anywhere(call: &Call) -> bool {
    let unknown = |w: &Word| {
        w.segments.iter().any(|s| match s {
            Segment::Literal(_) => false,
            Segment::Glob(_) => true,
            Segment::Expansion(text) => !text.starts_with('~'),
        })
    };
    let mut targets = call.redirections.iter().filter(|r| r.writes());
    let copies = matches!(
        call.name.base.as_str(),
        "tee" | "cp" | "mv" | "ln" | "install" | "dd"
    );
    targets.any(|r| unknown(&r.target)) || copies && call.words.iter().skip(1).any(unknown)
}

/// Whether a call could write below a home or /etc, under a name that the line does not tell; or copies a whole folder there.
fn writes_to_settings(call: &Call) -> bool {
    let there = |text: &str| {
        let home = text.is_empty() || text.starts_with('~') || !text.starts_with('/');
        let begins = |folder: &&str| folder.starts_with(text) || text.starts_with(folder);
        home || ["/root", "/home", "/etc", "/run/containers"]
            .iter()
            .any(begins)
    };
    // A value by itself may be any file, and is one that somebody named; with text around it, it is made.
    let made = |w: &Word| {
        w.literal().is_none() && w.segments.len() > 1 && !is_below_home(w) && there(&begin(w))
    };
    let home = |w: &Word| {
        matches!(
            bare(&w.spelt()).0,
            "~" | "~/" | "${HOME}" | "${HOME}/" | "~/."
        )
    };
    let mut targets = call.redirections.iter().filter(|r| r.writes());
    let copies = matches!(
        call.name.base.as_str(),
        "cp" | "dd" | "install" | "ln" | "mv" | "rsync" | "scp" | "tar" | "tee" | "unzip"
    );
    targets.any(|r| made(&r.target))
        || copies && call.words.iter().skip(1).any(|w| made(w) || home(w))
}

/// Whether a word is `~/` and text, of which all is known.
fn is_below_home(word: &Word) -> bool {
    match word.segments.as_slice() {
        [Segment::Expansion(home), rest @ ..] => {
            matches!(home.as_str(), "~" | "~/")
                && rest.iter().all(|s| matches!(s, Segment::Literal(_)))
        }
        _ => false,
    }
}

/// What a word begins with, as far as it is known; `~` for a home.
fn begin(word: &Word) -> String {
    match word.segments.first() {
        Some(Segment::Literal(text)) => text.clone(),
        Some(Segment::Expansion(text)) if text.starts_with('~') => text.clone(),
        _ => String::new(),
    }
}

/// The part of a word of a call that is in the name of a shell's startup file.
fn names_startup(call: &Call) -> Option<&'static str> {
    // In /etc, it has no more of a name.
    let bare = || told(call).any(|text| text == "profile");
    holds_part(call, &SHELLS_FILES).or_else(|| bare().then_some("profile"))
}

/// The part of a word of a call that is in the name of a file which ssh, or what it starts, reads first.
fn names_remote(call: &Call) -> Option<&'static str> {
    holds_part(call, &REMOTE_FILES).or_else(|| holds_part(call, &SHELLS_FILES))
}

/// The first of these parts that a word of a call has.
fn holds_part(call: &Call, parts: &[&'static str]) -> Option<&'static str> {
    let held = |text: String| parts.iter().find(|part| text.contains(**part)).copied();
    told(call).find_map(held)
}

/// The words of a call, where it writes, and what it sets; not the text of a shell, which was read.
fn told(call: &Call) -> impl Iterator<Item = String> {
    let is_text = SHELLS.contains(&call.name.base.as_str());
    let words = call.words.iter().filter(move |_| !is_text);
    let writes = call.redirections.iter().filter(|r| r.writes());
    let targets = writes.map(|r: &Redirection| &r.target);
    let values = call.assignments.iter().map(|a| &a.value);
    words
        .chain(targets)
        .chain(values)
        .map(|w| laid_out(&w.spelt()))
}

/// A path without what names no other file: `//`, `/./`.
fn laid_out(text: &str) -> String {
    let parts = text.split('/').enumerate();
    let parts = parts.filter(|(at, part)| *at == 0 || !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.map(|(_, part)| part).collect();
    parts.join("/")
}

/// Whether a call names the variable by which bash knows that it is no first shell.
fn names_level(call: &Call) -> bool {
    !SHELLS.contains(&call.name.base.as_str())
        && call.words.iter().any(|w| w.spelt().contains("SHLVL"))
}
