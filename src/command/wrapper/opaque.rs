//! Wrappers that are not understood: every word and text that could be what they run is put before the policy.
//!
//! A guess only ever adds calls. It must never take the place of what is really there, or make a line look
//! like less than it is.

use super::shells::SHELLS;
use super::{expand, push, refuse, wrapped};
use crate::command::call::{Call, Place, Sudo};
use crate::command::{ReadError, is_spent, read_at};

/// Most words of a wrapper that is not understood: each could begin its command.
const MAX_GUESSES: usize = 400;

/// What makes a word more than a word, if a shell reads it.
const SEPARATORS: [char; 12] = [' ', '\t', '\n', ';', '|', '&', '<', '>', '(', ')', '$', '`'];

/// Programs whose words of several words are text for a shell.
const SHELL_TEXT: [&str; 20] = [
    "script", "flock", "su", "runuser", "sg", "zsh", "ksh", "mksh", "at", "batch", "tmux",
    "screen", "sh", "bash", "dash", "ash", "rbash", "ssh", "watch", "source",
];

/// Programs that run what they are given, in ways that are not read here.
const OPAQUE: [&str; 92] = [
    "zsh",
    "ksh",
    "mksh",
    "fish",
    "csh",
    "tcsh",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "nodejs",
    "php",
    "lua",
    "tclsh",
    "expect",
    "gdb",
    "strace",
    "ltrace",
    "perf",
    "valgrind",
    "parallel",
    "su",
    "runuser",
    "systemd-run",
    "systemd-cat",
    "systemd-inhibit",
    "systemd-nspawn",
    "machinectl",
    "nsenter",
    "unshare",
    "flock",
    "script",
    "setarch",
    "linux32",
    "linux64",
    "prlimit",
    "choom",
    "logsave",
    "run-parts",
    "start-stop-daemon",
    "cpulimit",
    "firejail",
    "torify",
    "torsocks",
    "proxychains",
    "rlwrap",
    "dbus-run-session",
    "aa-exec",
    "capsh",
    "sg",
    "newgrp",
    "screen",
    "tmux",
    "make",
    "ansible",
    "salt",
    "at",
    "batch",
    "crontab",
    "exec",
    "trap",
    "source",
    ".",
    "coproc",
    "softlimit",
    "setlock",
    "chpst",
    "envdir",
    "setuidgid",
    "multitime",
    "fakeroot",
    "unbuffer",
    "daemonize",
    "entr",
    "inotifywait",
    "watchexec",
    "socat",
    "nc",
    "ncat",
    "netcat",
    "lxc",
    "virsh",
    "ksu",
    "runcon",
    "bwrap",
    "proot",
    "gosu",
    "tini",
    "dumb-init",
    "sshpass",
];

/// Whether a program runs code that it is given.
pub fn is_interpreter(base: &str) -> bool {
    SHELLS.contains(&base)
        || OPAQUE.contains(&base)
        || matches!(
            base,
            "busybox" | "toybox" | "eval" | "exec" | "command" | "builtin" | "setpriv"
        )
        || base.starts_with("python3.")
        || base.starts_with("ld-linux")
        || base.starts_with("ld-musl")
}

/// `docker exec`, `kubectl exec`, `ip netns exec`, `git bisect run`, …
pub(super) fn is_exec(call: &Call) -> bool {
    let has = |word: &str| call.words.iter().skip(1).any(|w| w.literal() == Some(word));
    match call.name.base.as_str() {
        "docker" | "podman" | "nerdctl" | "crictl" | "ctr" => has("exec") || has("run"),
        "kubectl" | "oc" | "k3s" => has("exec") || has("run") || has("debug"),
        "ip" => has("exec"),
        "git" => has("bisect") || has("foreach") || has("-c"),
        _ => false,
    }
}

/// What a text glued to an option could run: `-S'rm x'`, `-oProxyCommand='rm x'`.
fn glued(option: &str) -> impl Iterator<Item = &str> {
    let several = option.contains(SEPARATORS);
    let letters = option.char_indices().skip(2).take(3).map(|(at, _)| at);
    let values = option.match_indices('=').take(4).map(|(at, _)| at + 1);
    letters
        .chain(values)
        .filter(move |_| several)
        .map(|at| &option[at..])
}

/// A wrapper that is not understood: every word that could begin its command is put before the policy.
pub(super) fn guesses(call: Call, depth: usize, out: &mut Vec<Call>) -> Result<(), ReadError> {
    if call.words.len() > MAX_GUESSES {
        return Err(refuse(
            &call,
            &format!(
                "`{}` runs something, and has more than {MAX_GUESSES} words",
                call.name.base
            ),
        ));
    }
    let parent = out.len();
    out.push(call.clone());
    for (at, word) in call.words.iter().enumerate().skip(1) {
        let Some(text) = word.literal().filter(|t| !t.is_empty()) else {
            continue;
        };
        if text.starts_with('-') {
            let mut tries = 0;
            let mut unread = 0;
            for value in glued(text) {
                tries += 1;
                unread += usize::from(!guessed(&call, parent, value, depth, out)?);
            }
            if tries > 0 && tries == unread && is_shell_text(&call) {
                return Err(refuse(
                    &call,
                    &format!("an option of `{}` cannot be read", call.name.base),
                ));
            }
        } else if text.contains(SEPARATORS) {
            // A word of several words may be a command line of its own.
            must(&call, guessed(&call, parent, text, depth, out)?)?;
            // `-o 'LocalCommand rm x'`: an option's name in front.
            if let Some((_, value)) = text
                .split_once([' ', '\t'])
                .filter(|_| call.name.base == "ssh")
            {
                guessed(&call, parent, value, depth, out)?;
            }
        } else {
            let guess = wrapped(&call, call.words[at..].to_vec(), parent);
            if SHELLS.contains(&guess.name.base.as_str()) {
                // What a shell is given there must be readable as anywhere else.
                expand(guess, depth + 1, out)?;
            } else {
                push(guess, out)?;
            }
        }
    }
    for redirection in &call.redirections {
        if let Some(text) = redirection
            .target
            .literal()
            .filter(|_| redirection.operator.starts_with("<<"))
        {
            must(&call, guessed(&call, parent, text, depth, out)?)?;
        }
    }
    Ok(())
}

/// What is text for a shell must be readable; what may be another language need not.
fn must(call: &Call, read: bool) -> Result<(), ReadError> {
    if read || !is_shell_text(call) {
        return Ok(());
    }
    Err(refuse(
        call,
        &format!("the text for `{}` cannot be read", call.name.base),
    ))
}

fn is_shell_text(call: &Call) -> bool {
    SHELL_TEXT.contains(&call.name.base.as_str())
}

/// Puts the commands of a text that could be run before the policy; whether it could be read.
fn guessed(
    call: &Call,
    parent: usize,
    text: &str,
    depth: usize,
    out: &mut Vec<Call>,
) -> Result<bool, ReadError> {
    let text = text.trim_start_matches(['|', '!', ' ']);
    let reading = match read_at(text, depth + 1) {
        Ok(reading) => reading,
        Err(e) if is_spent() => return Err(refuse(call, &e.reason)),
        Err(_) => return Ok(false),
    };
    let offset = out.len();
    for mut guess in reading.calls {
        guess.parent = Some(guess.parent.map_or(parent, |p| p + offset));
        guess.inside = guess.inside.map(|i| i + offset).or(call.inside);
        guess.place = Place::Wrapped;
        if guess.sudo == Sudo::No {
            guess.sudo = call.sudo;
        }
        push(guess, out)?;
    }
    Ok(true)
}
